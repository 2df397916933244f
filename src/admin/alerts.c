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

static enum err send_alert(const struct trial *t, const atomic_bool *stop, char why[256])
{
    (void)stop; /* alert_send ends by itself, in seconds */
    return alert_send(t->what, 0, t->body, clock_unix_ms(), why);
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
    t->what = find(t->snapshot, v->id);
    t->send = send_alert;
    if (t->what) {
        trial_start(v, t);
        return;
    }
    snapshot_drop(t->snapshot);
    reply_problem(v, E_NOT_FOUND, NULL, "there is no alert \"%.*s\"", SPAN_ARG(span_first(v->id, 64)));
}
