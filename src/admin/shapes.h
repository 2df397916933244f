/* SPDX-License-Identifier: Apache-2.0
 * shapes.h - what requests and answers look like, in one line each; openapi.c makes JSON Schema of them.
 *
 * "id:s name:s? at:t -run:s cost_usd:m calls:i data:[Call] stopped:Stop? mode:(cut|drain)": members by their names, with
 *   s text   t a time (RFC 3339)   m money, decimal text   i whole number   n number   b boolean   o an object   a anything
 *   [x] a list   Name another shape   (a|b) one of these texts   ? or null;   - before a name: the member may be missing.
 * Members may come to be added: a shape says what there is, never that there is no more. */
#ifndef TG_ADMIN_SHAPES_H
#define TG_ADMIN_SHAPES_H

#include "admin/inside.h"

struct shape {
    const char *name, *members;
};
extern const struct shape shapes[];
extern const size_t shape_count;

/* What a handler answers, and (NULL: nothing) what it reads. media NULL: JSON. kind NULL: all of them. */
struct route_shape {
    void (*run)(struct visit *v);
    const char *kind;
    int status;
    const char *answer, *request, *media;
};
/* NULL: none was written down, and a test says so. */
const struct route_shape *shape_of_route(const struct admin_route *r);

#endif
