/* SPDX-License-Identifier: Apache-2.0
 * label.h - writing ids of budgets and names of accounts: readable texts in which no two values look alike. Inside rules/
 * only.
 *
 * Whoever writes one says first how much it can be at most, so that nothing is checked piece by piece: every call writes one
 * for each of its budgets. */
#ifndef TG_RULES_LABEL_H
#define TG_RULES_LABEL_H

#include "base/arena.h"

struct label {
    char *at; /* NULL: no memory, and nothing is written */
    size_t len, room;
};

struct label label_begin(struct arena *a, size_t room);
void label_put(struct label *l, struct span text);
/* Text of strangers: escaped, and cut to its digest when it is long. At most label_value_room bytes. */
void label_put_value(struct label *l, struct span text);
size_t label_value_room(struct span text);
/* SPAN_NONE: no memory. */
struct span label_end(const struct label *l);

#endif
