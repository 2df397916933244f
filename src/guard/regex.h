/* SPDX-License-Identifier: Apache-2.0
 * regex.h - patterns as JavaScript writes them (PCRE2), sought anywhere in a text, with bounded effort.
 *
 * Both pattern and text come from strangers. Every item that is tried, and every character that is passed over, costs effort; where it
 * is used up there is no answer, which is not the same as none found. Compiled into an arena, immutable, shared by all threads. */
#ifndef TG_GUARD_REGEX_H
#define TG_GUARD_REGEX_H

#include "base/arena.h"
#include "base/buf.h"
#include "guard/effort.h"

enum { REGEX_LENGTH = 2000, REGEX_GROUPS = 20 };

struct regex;
enum regex_found { REGEX_NO, REGEX_YES, REGEX_UNKNOWN };

/* flags: of "gimsuy"; sticky is refused. False: why[] says what is wrong, and where. */
bool regex_read(struct arena *a, struct span pattern, struct span flags, const struct regex **out, char why[200]);
/* "/pattern/flags", or a pattern alone, taken apart. */
void regex_take_apart(struct span rule, struct span *pattern, struct span *flags);
enum regex_found regex_find(const struct regex *r, struct span text, struct effort *e, const char **why);
/* Appends the text to out with every hit replaced by `by` ($&, $1, $$ mean what they mean in JavaScript). */
enum regex_found regex_replace(const struct regex *r, struct span text, struct span by, struct effort *e, struct buf *out, const char **why);
/* Every hit that is not empty, in order. */
enum regex_found regex_each(const struct regex *r, struct span text, struct effort *e, void (*hit)(void *self, size_t from, size_t to), void *self, const char **why);

#endif
