/* SPDX-License-Identifier: Apache-2.0
 * schema_inside.h - what reading a schema leaves for judging by it. */
#ifndef TG_GUARD_SCHEMA_INSIDE_H
#define TG_GUARD_SCHEMA_INSIDE_H

#include "guard/regex.h"
#include "guard/schema.h"

struct schema_pattern {
    const struct node *at; /* the node whose text, or whose name, it is */
    const struct regex *regex;
};

struct schema {
    const struct node *root;
    struct schema_pattern *patterns;
    size_t pattern_count;
    const struct node **seen; /* what references lead to, while it is read */
    size_t seen_count;
};

/* A member, null ones too (node_get leaves them out). */
const struct node *schema_member(const struct node *n, const char *name);
/* Where a reference leads; NULL: nowhere. */
const struct node *schema_find(const struct schema *s, struct span reference, struct arena *a);
/* true, false: a schema that is only that. */
bool schema_is_bool(const struct node *n, bool *out);

#endif
