/* SPDX-License-Identifier: Apache-2.0
 * trial.c - somebody presses "test": an alert or an export is sent to once, and the answer says whether it arrived and how long it took. */
#include "admin/inside.h"
#include "base/clock.h"

static void attempt(struct errand *e)
{
    struct trial *t = e->mine;
    int64_t began = clock_monotonic_ns();
    t->result = t->send(t, &e->stop, t->why);
    t->ms = (clock_monotonic_ns() - began) / 1000000;
}

static void attempted(struct errand *e)
{
    struct trial *t = e->mine;
    struct visit *v = e->visit;
    snapshot_drop(t->snapshot);
    if (!v->request)
        return;
    json_open(&v->json, '{');
    json_pair(&v->json, SPAN("name"), v->id);
    json_pair_bool(&v->json, SPAN("sent"), t->result == E_OK);
    json_pair(&v->json, SPAN("trouble"), t->result == E_OK ? SPAN_NONE : span_of(t->why));
    json_pair_i64(&v->json, SPAN("ms"), t->ms);
    json_close(&v->json, '}');
    reply_json(v, 200);
}

void trial_start(struct visit *v, struct trial *t)
{
    struct snapshot *s = t->snapshot;
    if (!errand_start(v->admin, v, attempt, attempted, t))
        snapshot_drop(s);
}
