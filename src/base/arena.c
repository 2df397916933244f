/* SPDX-License-Identifier: Apache-2.0
 * arena.c - blocks in a chain, handed out from the newest.
 *
 * Blocks start at 4 KiB and double up to 64 KiB; what is larger gets a block of its own. The smallest blocks are kept in
 * a short list per thread, so that a call that needs little costs no malloc. Under ASan the list is left out, or it would
 * hide leaks and stale pointers. */
#include "base/arena.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_SMALLEST = 4096, BLOCK_LARGEST = 64 * 1024, ALIGN = 16, KEEP_BLOCKS = 256 };

struct arena_block {
    struct arena_block *older;
    size_t room; /* of data */
    size_t used;
    size_t unused_word; /* keeps data aligned */
    char data[];
};

_Static_assert(sizeof(struct arena_block) % ALIGN == 0, "data must start aligned");

#if defined(__SANITIZE_ADDRESS__)
#define KEEPS_BLOCKS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KEEPS_BLOCKS 0
#endif
#endif
#ifndef KEEPS_BLOCKS
#define KEEPS_BLOCKS 1
#endif

/* The list belongs to the thread, like the arenas it serves: no lock, no sharing. At most 1 MiB a thread. It goes when its
 * thread goes, of which the key tells it. */
static _Thread_local struct {
    struct arena_block *first;
    size_t count;
    bool watched;
} spare;

static struct {
    pthread_once_t once;
    pthread_key_t key;
    bool good;
} thread_end = { .once = PTHREAD_ONCE_INIT };

static void drop_spare(void *unused)
{
    (void)unused;
    while (spare.first) {
        struct arena_block *block = spare.first;
        spare.first = block->older;
        free(block);
    }
    spare.count = 0;
    spare.watched = false; /* a later key's destructor may use an arena, too */
}

static void make_key(void) { thread_end.good = pthread_key_create(&thread_end.key, drop_spare) == 0; }

static bool watch_thread(void)
{
    pthread_once(&thread_end.once, make_key);
    spare.watched = thread_end.good && pthread_setspecific(thread_end.key, &spare) == 0;
    return spare.watched;
}

static struct arena_block *block_new(size_t size)
{
    struct arena_block *block = spare.first;
    if (size == BLOCK_SMALLEST && block) {
        spare.first = block->older;
        spare.count--;
    } else {
        block = malloc(size);
    }
    if (!block)
        return NULL;
    block->room = size - sizeof(*block);
    block->used = 0;
    return block;
}

static void block_free(struct arena_block *block)
{
    bool smallest = block->room + sizeof(*block) == BLOCK_SMALLEST;
    bool keep = KEEPS_BLOCKS && smallest && spare.count < KEEP_BLOCKS && (spare.watched || watch_thread());
    if (!keep) {
        free(block);
        return;
    }
    block->older = spare.first;
    spare.first = block;
    spare.count++;
}

/* Half of all sizes is room enough, and no rounding below it can wrap. */
void arena_init(struct arena *a, size_t ceiling)
{
    *a = (struct arena){ .ceiling = ceiling < SIZE_MAX / 2 ? ceiling : SIZE_MAX / 2 };
}

void arena_free(struct arena *a)
{
    arena_rewind(a, (struct arena_mark){ NULL, 0, 0 });
    *a = (struct arena){ .ceiling = a->ceiling };
}

static bool grow(struct arena *a, size_t size)
{
    size_t want = a->last ? (a->last->room + sizeof(*a->last)) * 2 : BLOCK_SMALLEST;
    if (want > BLOCK_LARGEST)
        want = BLOCK_LARGEST;
    if (want < size + sizeof(struct arena_block))
        want = size + sizeof(struct arena_block);
    struct arena_block *block = block_new(want);
    if (!block)
        return false;
    block->older = a->last;
    a->last = block;
    return true;
}

void *arena_take(struct arena *a, size_t size)
{
    if (a->broken)
        return NULL;
    /* The first test also keeps the rounding from wrapping. */
    if (size > a->ceiling || (size = (size + ALIGN - 1) / ALIGN * ALIGN) > a->ceiling - a->taken) {
        a->broken = true;
        return NULL;
    }
    if (!a->last || size > a->last->room - a->last->used) {
        if (!grow(a, size)) {
            a->broken = true;
            return NULL;
        }
    }
    void *at = a->last->data + a->last->used;
    a->last->used += size;
    a->taken += size;
    return memset(at, 0, size);
}

void *arena_take_array(struct arena *a, size_t size, size_t n)
{
    size_t total;
    if (__builtin_mul_overflow(size, n, &total))
        total = SIZE_MAX; /* over any ceiling */
    return arena_take(a, total);
}

/* Full at 8, 16, 32 and so on. */
void *arena_grow(struct arena *a, void *list, size_t size, size_t count)
{
    enum { ROOM_FIRST = 8 };
    if (count && (count < ROOM_FIRST || (count & (count - 1))))
        return list;
    void *wider = arena_take_array(a, size, count ? count * 2 : ROOM_FIRST);
    if (wider && count)
        memcpy(wider, list, count * size);
    return wider;
}

struct span arena_copy(struct arena *a, struct span s)
{
    if (!s.at)
        return SPAN_NONE;
    char *at = s.len == SIZE_MAX ? NULL : arena_take(a, s.len + 1);
    if (!at)
        return SPAN_NONE;
    memcpy(at, s.at, s.len);
    return span_make(at, s.len);
}

struct span arena_join(struct arena *a, const struct span *parts, size_t count)
{
    size_t len = 1;
    for (size_t i = 0; i < count; i++)
        if (__builtin_add_overflow(len, parts[i].len, &len))
            len = SIZE_MAX; /* over any ceiling; stays there */
    char *start = arena_take(a, len), *at = start;
    if (!start)
        return SPAN_NONE;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len)
            memcpy(at, parts[i].at, parts[i].len);
        at += parts[i].len;
    }
    return span_make(start, len - 1);
}

struct span arena_number(struct arena *a, int64_t n)
{
    char digits[20];
    size_t at = sizeof(digits);
    uint64_t left = n < 0 ? UINT64_C(0) - (uint64_t)n : (uint64_t)n;
    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left);
    if (n < 0)
        digits[--at] = '-';
    return arena_copy(a, span_make(digits + at, sizeof(digits) - at));
}

struct span arena_print(struct arena *a, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *at = len < 0 ? NULL : arena_take(a, (size_t)len + 1);
    if (at)
        vsnprintf(at, (size_t)len + 1, format, again);
    va_end(again);
    return at ? span_make(at, (size_t)len) : SPAN_NONE;
}

struct arena_mark arena_mark(const struct arena *a)
{
    return (struct arena_mark){ a->last, a->last ? a->last->used : 0, a->taken };
}

void arena_rewind(struct arena *a, struct arena_mark mark)
{
    while (a->last != mark.block) {
        must(a->last); /* a mark of another arena, or from before an earlier mark was rewound */
        struct arena_block *block = a->last;
        a->last = block->older;
        block_free(block);
    }
    if (a->last)
        a->last->used = mark.used;
    a->taken = mark.taken;
}
