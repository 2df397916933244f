/* SPDX-License-Identifier: Apache-2.0
 * plan.h - what the files that plan share; for this folder only. */
#ifndef TG_ROUTE_PLAN_H
#define TG_ROUTE_PLAN_H

#include "route/route.h"

/* A part of a plan: rounds count from 0. Empty: nothing below that node can be asked. */
struct part {
    struct planned *list;
    size_t count;
    unsigned rounds;
};

struct known {
    const struct target *target;
    struct standing standing;
};

struct planning {
    const struct route_view *v;
    struct arena *a;
    uint64_t seed;
    bool open_too;     /* targets whose breaker is open are taken as well: nothing else is left */
    bool undecided;    /* no condition held */
    bool broken;       /* no memory */
    struct known *known;
    size_t known_count;
    struct buf skipped;
};

/* Asked of the gate once for each target. */
const struct standing *plan_standing(struct planning *p, const struct target *t);
void plan_skip(struct planning *p, struct span path, const char *format, ...) PRINTF_LIKE(3, 4);
/* The first of those that are heard. */
const struct planned *plan_part_first(const struct part *p);

/* order.c: order[] gets the indexes of those of r's parts that are asked, best first, and *why what decided. Returns how many: only the
 * first counts where r says no failover. */
size_t order_balance(struct planning *p, const struct route *r, const struct part *parts, size_t *order, struct span *why);
size_t order_best(struct planning *p, const struct route *r, const struct part *parts, size_t *order, struct span *why);
size_t order_canary(struct planning *p, const struct route *r, const struct part *parts, size_t *order, struct span *why);

#endif
