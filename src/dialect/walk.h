/* SPDX-License-Identifier: Apache-2.0
 * walk.h - looks at the names and strings inside a large JSON value, with where they stand, building nothing.
 *
 * For values whose grammar json_scan has already checked: a request's messages, an answer's output. Long strings are
 * jumped over at the speed of memchr. A place is a number of one byte per level, outermost first: the name's position
 * in the caller's list (from 1), WALK_ITEM in an array, WALK_OTHER for names not listed. */
#ifndef TG_DIALECT_WALK_H
#define TG_DIALECT_WALK_H

#include "base/span.h"

enum { WALK_ITEM = 0xfe, WALK_OTHER = 0xff };

/* Places compare as numbers; no place of more than seven levels equals one of these. */
#define WALK_AT1(a) ((uint64_t)(a))
#define WALK_AT2(a, b) (WALK_AT1(a) << 8 | (uint64_t)(b))
#define WALK_AT3(a, b, c) (WALK_AT2(a, b) << 8 | (uint64_t)(c))
#define WALK_AT4(a, b, c, d) (WALK_AT3(a, b, c) << 8 | (uint64_t)(d))
#define WALK_AT5(a, b, c, d, e) (WALK_AT4(a, b, c, d) << 8 | (uint64_t)(e))
#define WALK_AT6(a, b, c, d, e, f) (WALK_AT5(a, b, c, d, e) << 8 | (uint64_t)(f))
#define WALK_AT7(a, b, c, d, e, f, g) (WALK_AT6(a, b, c, d, e, f) << 8 | (uint64_t)(g))

/* Names (name == true, the place is that of the member) and strings, both raw, in their quotes. */
typedef void walk_visit(void *self, uint64_t place, bool name, struct span raw);

/* names: what the walker tells apart, at most 200, ended by SPAN_NONE. Escaped names are understood. */
void walk(struct span value, const struct span *names, walk_visit *visit, void *self);
/* The same of what stands within so many brackets: the rest is jumped over. */
void walk_top(struct span value, size_t levels, const struct span *names, walk_visit *visit, void *self);

#endif
