/* SPDX-License-Identifier: Apache-2.0
 * inside.h - what the files that read a route share; for nobody else. */
#ifndef TG_ROUTE_INSIDE_H
#define TG_ROUTE_INSIDE_H

#include "base/buf.h"
#include "route/route.h"

struct reading {
    struct arena *a;
    struct trouble *t;
    bool inline_;
    size_t leaves;
    struct span notes; /* in a */
    char at[200];      /* where the reader is, for messages: "routes.fast.targets[0]" */
    size_t at_len;
};

/* r's place with a field behind it (".retry"): valid until the next call; most are never shown. */
const char *read_at(struct reading *r, const char *field);
/* Goes into a field, and back to a length. */
size_t read_into(struct reading *r, const char *field);
void read_back(struct reading *r, size_t len);
/* Each name once. */
void read_note(struct reading *r, const char *name);
/* Says what is allowed; false. */
bool read_wrong(struct reading *r, const struct node *n, const char *field, const char *allowed);

/* normal.c: a copy whose names are snake_case, without what is of no effect (noted) or secret (forgotten); refuses what cannot be meant
 * here. NULL: r->t, or no memory. */
struct node *normal_copy(struct reading *r, const struct node *n);

/* values.c: absent: *out untouched and true. */
bool read_text(struct reading *r, const struct node *n, const char *field, struct span *out);   /* 1..200 printable characters */
bool read_codes(struct reading *r, const struct node *n, const char *field, struct codes *out);
/* A number of `unit` milliseconds each, or a text such as "30s". */
bool read_time(struct reading *r, const struct node *n, const char *field, int64_t unit, int64_t min, int64_t max, int64_t *out);
/* A decimal number in millionths; further digits are cut off. */
bool read_ppm(struct reading *r, const struct node *n, const char *field, int64_t min, int64_t max, int64_t *out);
bool read_list(struct reading *r, const struct node *n, const char *field, const char *each, bool (*good)(struct span), const struct span **out, size_t *count);

/* rules.c: whole objects; what is not said has its default. */
bool read_retry(struct reading *r, const struct node *n, struct retry *out);
bool read_cache(struct reading *r, const struct node *n, const char *field, struct cache_rule *out);
bool read_breaker(struct reading *r, const struct node *n, struct breaker_rule *out);
bool read_portkey_breaker(struct reading *r, const struct node *n, struct breaker_rule *out); /* strategy.cb_config */

/* target.c: what a node says for itself and its children, over what it inherits. */
bool route_read_target(struct reading *r, const struct node *n, struct target *t);
/* strategy.c: out->children are read already. t: what the node itself says to all that is below it. */
bool read_strategy(struct reading *r, const struct node *n, const struct target *t, struct route *out);
/* experiment.c */
bool read_experiment(struct reading *r, const struct node *n, const struct target *t, struct route *out);
/* What must be known before the children are read: mode; the breaker they inherit. */
bool read_mode(struct reading *r, const struct node *n, struct route *out);

/* query.c: refuses what route_query_holds could not judge. */
bool query_check(struct reading *r, const struct node *query);

#endif
