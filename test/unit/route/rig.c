/* SPDX-License-Identifier: Apache-2.0 */
#include "test/unit/route/rig.h"

#include <string.h>

#include "base/buf.h"

void route_rig_init(struct rig *g)
{
    *g = (struct rig){ .err = E_OK };
    arena_init(&g->a, (size_t)16 << 20);
}

void route_rig_free(struct rig *g) { arena_free(&g->a); }

bool rig_read_as(struct rig *g, const char *text, bool yaml, bool inline_)
{
    struct node *root = NULL;
    g->t = (struct trouble){ .set = false };
    enum err e = yaml ? node_read_yaml(&g->a, "", span_of(text), &root, &g->t) : node_read_json(&g->a, "", span_of(text), &root, &g->t);
    return e == E_OK && route_read(&g->a, root, "route", inline_, &g->route, &g->t) == E_OK;
}

bool rig_read(struct rig *g, const char *json)
{
    bool good = rig_read_as(g, json, false, true);
    if (!good)
        test_fail(__FILE__, __LINE__, "%s: %s", json, g->t.text);
    return good;
}

void rig_refused(const char *file, int line, const char *json, const char *what)
{
    struct rig g;
    route_rig_init(&g);
    if (rig_read_as(&g, json, false, true))
        test_fail(file, line, "%s: was read", json);
    else if (!strstr(g.t.text, what))
        test_fail(file, line, "got \"%s\", want \"%s\" in it", g.t.text, what);
    route_rig_free(&g);
}

static struct span field(void *self, struct span name, struct arena *a)
{
    struct rig *g = self;
    (void)a;
    for (size_t i = 0; g->fields && g->fields[i]; i += 2)
        if (span_is(name, span_of(g->fields[i])))
            return span_of(g->fields[i + 1]);
    return SPAN_NONE;
}

static void standing(void *self, const struct target *t, struct standing *out)
{
    struct rig *g = self;
    *out = (struct standing){ .usable = true, .qualifies = true, .price = -1, .latency_us = -1, .p95_us = -1, .headroom_ppm = -1 };
    for (size_t i = 0; g->stands && g->stands[i].provider; i++)
        if (span_is(t->provider, span_of(g->stands[i].provider)))
            *out = g->stands[i].s;
}

struct route_view rig_view(struct rig *g, uint64_t dice) { return (struct route_view){ g, field, standing, dice }; }

const char *rig_plan(struct rig *g, uint64_t dice)
{
    struct route_view v = rig_view(g, dice);
    struct buf text;
    g->err = route_plan(g->route, &v, &g->a, &g->plan, &g->why);
    if (g->err)
        return arena_print(&g->a, "!%d %.*s", err_status(g->err), SPAN_ARG(g->why)).at;
    buf_init(&text, 8192);
    for (size_t i = 0; i < g->plan.count; i++) {
        const struct planned *p = &g->plan.list[i];
        if (i)
            buf_put_byte(&text, p->round == g->plan.list[i - 1].round ? ' ' : '|');
        buf_print(&text, p->shadow ? "(%.*s)" : "%.*s", SPAN_ARG(p->target->provider));
    }
    const char *line = arena_copy(&g->a, buf_span(&text)).at;
    buf_free(&text);
    return line;
}
