/* SPDX-License-Identifier: Apache-2.0
 * arena.h - memory with one lifetime and a ceiling.
 *
 * Everything that belongs to one call is taken from its arena and dies with it. Past the ceiling, or without memory,
 * arena_take answers NULL and the arena is `broken` for good: callers may check once at the end of a step. Not
 * thread-safe: an arena belongs to one thread at a time. */
#ifndef TG_BASE_ARENA_H
#define TG_BASE_ARENA_H

#include "base/must.h"
#include "base/span.h"

struct arena_block;

struct arena {
    struct arena_block *last; /* newest block, older ones behind it */
    size_t taken;             /* bytes handed out */
    size_t ceiling;
    bool broken;
};

struct arena_mark {
    struct arena_block *block;
    size_t used;
    size_t taken;
};

void arena_init(struct arena *a, size_t ceiling);
void arena_free(struct arena *a);
/* Zeroed, aligned for anything. NULL when broken. */
void *arena_take(struct arena *a, size_t size);
/* The same for n items; n may come from strangers. */
void *arena_take_array(struct arena *a, size_t size, size_t n);
/* Room for one more behind `count` items of a list that starts as NULL: the list as it is, or a copy with twice the room when it is
 * full. NULL when broken. */
void *arena_grow(struct arena *a, void *list, size_t size, size_t count);
/* A copy with a NUL behind it (not counted). SPAN_NONE when broken; SPAN_NONE stays SPAN_NONE. */
struct span arena_copy(struct arena *a, struct span s);
/* All of them, one behind the other, with a NUL behind (not counted). SPAN_NONE when broken. */
struct span arena_join(struct arena *a, const struct span *parts, size_t count);
/* Its decimal text. SPAN_NONE when broken. */
struct span arena_number(struct arena *a, int64_t n);
/* printf into the arena: several times as slow as the two above. */
struct span arena_print(struct arena *a, const char *format, ...) PRINTF_LIKE(2, 3);
/* What was taken after a mark is given back by arena_rewind. */
struct arena_mark arena_mark(const struct arena *a);
void arena_rewind(struct arena *a, struct arena_mark mark);

#define ARENA_NEW(arena, type) ((type *)arena_take((arena), sizeof(type)))
#define ARENA_ARRAY(arena, type, n) ((type *)arena_take_array((arena), sizeof(type), (n)))

#define ARENA_GROW(arena, list, count) (arena_grow((arena), (list), sizeof(*(list)), (count)))

#endif
