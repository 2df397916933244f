/* SPDX-License-Identifier: Apache-2.0
 * span.h - a borrowed run of bytes, passed by value in every interface.
 *
 * A span owns nothing and is not terminated. Whoever hands one out says how long it stays valid. An absent text is
 * SPAN_NONE (at == NULL); an empty one has a pointer and no length. */
#ifndef TG_BASE_SPAN_H
#define TG_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const char *at;
    size_t len;
};

#define SPAN(literal) ((struct span){ "" literal, sizeof(literal) - 1 })
#define SPAN_NONE ((struct span){ NULL, 0 })
/* For printf: printf("%.*s", SPAN_ARG(s)). */
#define SPAN_ARG(s) (int)(s).len, (s).at

static inline struct span span_make(const char *at, size_t len) 
{
    struct span s = { at, len }; /* no compound literal here: C++ includes this file too */
    return s;
}
static inline struct span span_of(const char *text) { return span_make(text, text ? strlen(text) : 0); }
static inline bool span_is(struct span a, struct span b) { return a.len == b.len && (a.len == 0 || (a.at && b.at && memcmp(a.at, b.at, a.len) == 0)); }

/* ASCII case is folded; other bytes compare as they are. */
bool span_is_nocase(struct span a, struct span b);
bool span_starts(struct span s, struct span prefix);
bool span_ends(struct span s, struct span suffix);
/* Memory order: <0, 0, >0. */
int span_compare(struct span a, struct span b);
/* The part of s from `from` (clamped) to its end; and the first `len` bytes (clamped). */
static inline struct span span_from(struct span s, size_t from)
{
    if (from > s.len)
        from = s.len;
    return span_make(from ? s.at + from : s.at, s.len - from); /* nothing is added to no pointer */
}
static inline struct span span_first(struct span s, size_t len) { return span_make(s.at, len < s.len ? len : s.len); }
/* Without blanks and tabs at either end. */
struct span span_trim(struct span s);
/* Index of the first occurrence, or -1. */
ptrdiff_t span_find(struct span s, struct span needle);
ptrdiff_t span_find_byte(struct span s, char byte);
/* Splits *rest at the first mark: head gets what stood before it, rest what stands after. Without a mark: false, and
 * nothing changed. */
bool span_cut(struct span *rest, char mark, struct span *head);
/* Like span_cut, but the last piece counts too: false only when *rest is SPAN_NONE, which it becomes after the last. */
bool span_next(struct span *rest, char mark, struct span *piece);
/* Decimal digits only, no sign, no blank, no overflow: else false. */
bool span_to_u64(struct span s, uint64_t *out);
/* As span_to_u64, with an optional leading '-'. */
bool span_to_i64(struct span s, int64_t *out);
/* Shell-like wildcard: '*' stands for any run of bytes, nothing else is special. "stripe.*" matches "stripe.charges.create". */
bool span_like(struct span s, struct span pattern);
/* A fast hash, not against attackers: for tables that strangers fill use map.h, which seeds it. */
uint64_t span_hash(struct span s, uint64_t seed);

#endif
