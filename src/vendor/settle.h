/* SPDX-License-Identifier: Apache-2.0
 * settle.h - what settle.c, late.c and look_up.c share: a call that is over, and what it cost; for this folder only. */
#ifndef TG_VENDOR_SETTLE_H
#define TG_VENDOR_SETTLE_H

#include "vendor/manifest.h"

/* The request as a subject of rules, from what was understood of it. JSON bodies are read into j, which then holds nothing
 * else; with j == NULL their fields are absent. */
void subject_again(struct subject *s, struct json *j, const struct asked *q, const struct understood *u, struct arena *a);
/* One unit by its rule. False: it cannot be computed (yet). */
bool settle_unit(struct eval *e, const struct expr *rule, enum unit unit, int64_t *out);
/* Settles by what the subject's answer says. */
void settle_by(struct subject *s, const struct understood *u, struct settled *out);
/* Settles by the body of an answer 2xx, a replay or not. */
void settle_success(
    struct json *j, const struct asked *q, const struct understood *u, struct span body, struct arena *a, struct settled *out);
/* Whether the answer says that it is a replay. */
bool settle_replayed(const struct manifest *m, const struct http_head *answer);

/* Whether what the subject's call cost is told later (late.c). */
bool late_wanted(struct eval *e, const struct late_rules *l);

#endif
