/* SPDX-License-Identifier: Apache-2.0
 * rig.h - routes from JSON or YAML, a gate that says how their targets stand, and plans as one line of text. */
#ifndef TG_TEST_ROUTE_RIG_H
#define TG_TEST_ROUTE_RIG_H

#include "route/route.h"
#include "test/test.h"

struct stand {
    const char *provider;
    struct standing s;
};

struct rig {
    struct arena a;
    struct trouble t;
    struct route *route;
    const struct stand *stands; /* NULL-ended; a provider that is not there is well and unknown */
    const char *const *fields;  /* name, JSON, name, JSON, NULL */
    struct plan plan;
    struct span why;
    enum err err;
};

void route_rig_init(struct rig *g);
void route_rig_free(struct rig *g);
/* false: g->t says why. JSON, as from a header. */
bool rig_read(struct rig *g, const char *json);
bool rig_read_as(struct rig *g, const char *text, bool yaml, bool inline_);
/* The providers of the plan's rounds: "a b|c" is a race of a and b, then c; a shadow is "(d)". "!403 why" when there is none. */
const char *rig_plan(struct rig *g, uint64_t dice);
struct route_view rig_view(struct rig *g, uint64_t dice);

/* Whether reading it is refused with a text that contains `what`; says otherwise what came. */
void rig_refused(const char *file, int line, const char *json, const char *what);
#define REFUSED(json, what) rig_refused(__FILE__, __LINE__, json, what)

#endif
