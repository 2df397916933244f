/* SPDX-License-Identifier: Apache-2.0
 * pattern.h - Perl-like patterns over whole values (PCRE2), in UTF-8, for rules that a wildcard cannot say.
 *
 * A pattern comes from an operator, the value from a stranger: matching is bounded in steps and memory, and a value for which a bound
 * is reached does not match. Compiled into an arena, immutable, shared by all threads. */
#ifndef TG_RULES_PATTERN_H
#define TG_RULES_PATTERN_H

#include "base/arena.h"

enum { PATTERN_LENGTH = 1000, PATTERN_STEPS = 100000, PATTERN_DEPTH = 1000, PATTERN_MEMORY_KIB = 256, PATTERN_VALUE = 65536 };

struct pattern;

/* False: why[] says what is wrong, and where. */
bool pattern_read(struct arena *a, struct span text, const struct pattern **out, char why[200]);
/* Whether the whole value is like it. Longer values than PATTERN_VALUE are not. What it needs meanwhile is from a, and given back. */
bool pattern_fits(const struct pattern *p, struct span value, struct arena *a);

#endif
