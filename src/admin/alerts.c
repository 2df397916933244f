/* SPDX-License-Identifier: Apache-2.0
 * alerts.c - what was told to whom, and the test button. Where alerts go are objects like others (objects.c). */
#include "admin/inside.h"
#include "base/clock.h"

#include <stdlib.h>

enum { DELIVERIES_USUAL = 100, DELIVERIES_MOST = 1000, TEST_MOST = 4096 };

/* ---- GET /alerts/deliveries ---- */

static void put_delivery(void *self, const struct store_alert *a)
{
    struct json_out *o = self;
    json_open(o, '{');
    json_pair_i64(o, SPAN("id"), a->id);
    json_pair(o, SPAN("name"), a->name);
    json_pair_time(o, SPAN("at"), a->at);
    json_pair_i64(o, SPAN("tries"), a->tries);
    json_pair_bool(o, SPAN("done"), a->done);
    json_pair_time(o, SPAN("next_at"), a->done ? 0 : a->next_at);
    json_pair(o, SPAN("pending"), a->pending);
    json_pair(o, SPAN("trouble"), a->trouble.len ? a->trouble : SPAN_NONE);
    json_pair_raw(o, SPAN("alert"), a->body.len ? a->body : SPAN_NONE);
    json_close(o, '}');
}

void alerts_deliveries(struct visit *v)
{
    int limit;
    if (!query_limit(v, DELIVERIES_USUAL, DELIVERIES_MOST, &limit))
        return;
    visit_catch_up(v);
    json_open(&v->json, '{');
    json_name(&v->json, SPAN("data"));
    json_open(&v->json, '[');
    enum err e = store_alerts(v->admin->reader, 0, limit, put_delivery, &v->json);
    if (e) {
        reply_store(v, e);
        return;
    }
    json_close(&v->json, ']');
    json_pair(&v->json, SPAN("next_cursor"), SPAN_NONE);
    json_close(&v->json, '}');
    reply_json(v, 200);
}

/* ---- POST /alerts/{name}/test ---- */

struct trial {
    struct snapshot *snapshot; /* keeps the endpoint */
    const struct alert_endpoint *endpoint;
    struct span body;
    enum err result;
    int64_t ms;
    char why[256];
};

/* On a thread of its own: a vendor's machine may be slow. */
static void attempt(struct errand *e)
{
    struct trial *t = e->mine;
    int64_t began = clock_unix_ms();
    t->result = alert_send(t->endpoint, 0, t->body, began, t->why);
    t->ms = clock_unix_ms() - began;
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
    json_pair_i64(&v->json, SPAN("ms"), t->ms > 0 ? t->ms : 0);
    json_close(&v->json, '}');
    reply_json(v, 200);
}

static const struct alert_endpoint *find(const struct snapshot *s, struct span name)
{
    for (size_t i = 0; i < s->settings.alert_count; i++)
        if (span_is(s->settings.alerts[i].name, name))
            return &s->settings.alerts[i];
    return NULL;
}

static struct span test_body(struct visit *v)
{
    struct buf text;
    buf_init(&text, TEST_MOST);
    struct json_out o = json_out(&text);
    json_open(&o, '{');
    json_pair(&o, SPAN("event"), SPAN("test"));
    json_pair_time(&o, SPAN("at"), clock_unix_ms());
    json_pair(&o, SPAN("text"), arena_print(&v->arena, "This is a test of the alert \"%.*s\" by an operator. Nothing is wrong.", SPAN_ARG(span_first(v->id, 100))));
    json_close(&o, '}');
    struct span body = text.broken ? SPAN_NONE : arena_copy(&v->arena, buf_span(&text));
    buf_free(&text);
    return body;
}

void alerts_test(struct visit *v)
{
    struct trial *t = ARENA_NEW(&v->arena, struct trial);
    if (!t || !(t->body = test_body(v)).at) {
        reply_problem(v, E_NO_MEMORY, NULL, "nothing was sent");
        return;
    }
    t->snapshot = gate_snapshot(v->admin->parts.gate);
    t->endpoint = find(t->snapshot, v->id);
    struct snapshot *s = t->snapshot;
    if (!t->endpoint)
        reply_problem(v, E_NOT_FOUND, NULL, "there is no alert \"%.*s\"", SPAN_ARG(span_first(v->id, 64)));
    if (!t->endpoint || !errand_start(v->admin, v, attempt, attempted, t))
        snapshot_drop(s);
}
