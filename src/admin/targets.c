/* SPDX-License-Identifier: Apache-2.0
 * targets.c - how targets are doing (route/health.h): shown, reset by hand, and told to operators when it changes. */
#include "admin/inside.h"
#include "base/clock.h"
#include "base/log.h"

enum { ALARM_MOST = 4096, HOUR_MS = 60 * 60 * 1000, TEXT_MOST = 800 };
#define ALARM_KEPT_MS (INT64_C(35) * 24 * HOUR_MS)

void targets_get(struct visit *v)
{
    health_write(gate_health(v->admin->parts.gate), query_get(v, "vendor"), clock_unix_ms(), &v->out);
    reply_json(v, 200);
}

/* ---- POST /health/reset ---- */

struct wanted {
    struct span vendor, credential, model, reason;
};

static bool read_wanted(struct visit *v, struct wanted *out)
{
    static const char *const fields[] = { "vendor", "credential", "model", "reason", NULL };
    struct trouble t = { .set = false };
    const struct node *body = visit_object(v);
    if (!body)
        return false;
    *out = (struct wanted){ SPAN_NONE, SPAN_NONE, SPAN_NONE, SPAN_NONE };
    bool fine = node_only(body, "", fields, &t) && node_span(node_get(body, "vendor"), "vendor", &out->vendor, &t) &&
                node_span(node_get(body, "credential"), "credential", &out->credential, &t) &&
                node_span(node_get(body, "model"), "model", &out->model, &t) && node_span(node_get(body, "reason"), "reason", &out->reason, &t);
    if (fine && !out->vendor.len)
        trouble_say(&t, NULL, "vendor", "is missing; allowed: a vendor, alone or with a credential and a model of it");
    else if (fine && out->model.at && !out->credential.at)
        trouble_say(&t, NULL, "credential", "is missing; a model is meant as one credential's");
    else if (fine && out->reason.len > REASON_LONGEST)
        trouble_say(&t, NULL, "reason", "allowed: at most %d characters", REASON_LONGEST);
    if (t.set)
        reply_trouble(v, E_CONFIG, &t);
    return !t.set;
}

/* "openai", "openai/main", "openai/main/gpt-4o" */
static struct span name_of(struct visit *v, const struct wanted *w)
{
    struct span name = arena_copy(&v->arena, w->vendor);
    if (w->credential.at)
        name = arena_print(&v->arena, "%.*s/%.*s", SPAN_ARG(name), SPAN_ARG(w->credential));
    return w->model.at ? arena_print(&v->arena, "%.*s/%.*s", SPAN_ARG(name), SPAN_ARG(w->model)) : name;
}

void targets_reset(struct visit *v)
{
    struct wanted w;
    if (!read_wanted(v, &w))
        return;
    struct span name = name_of(v, &w);
    if (!health_reset(gate_health(v->admin->parts.gate), w.vendor, w.credential, w.model, clock_unix_ms())) {
        reply_problem(v, E_NOT_FOUND, NULL, "there is no target or refused credential \"%.*s\"; GET /api/v1/health lists them", SPAN_ARG(span_first(name, 200)));
        return;
    }
    struct change c = { .actor = v->actor.name, .action = SPAN("health.reset"), .object = name, .reason = w.reason };
    if (change_put(v->admin, &c)) {
        reply_problem(v, E_LEDGER_UNAVAILABLE, NULL, "it was reset, but the audit row could not be written");
        return;
    }
    json_open(&v->json, '{');
    json_pair(&v->json, SPAN("reset"), name);
    json_close(&v->json, '}');
    reply_json(v, 200);
}

/* ---- what is told ---- */

static struct json_out begin(struct buf *body, struct span event, int64_t at, const char *text)
{
    buf_init(body, ALARM_MOST);
    struct json_out o = json_out(body);
    json_open(&o, '{');
    json_pair(&o, SPAN("event"), event);
    json_pair_time(&o, SPAN("at"), at);
    json_pair(&o, SPAN("text"), span_of(text));
    return o;
}

/* An alert of a name goes out once. */
static void send_alert(struct admin *a, const char *name, struct buf *body, int64_t at)
{
    enum err e = body->broken ? E_NO_MEMORY : store_alert_put(books_store(a->parts.books), span_of(name), buf_span(body), at, at + ALARM_KEPT_MS);
    if (e && e != E_CONFLICT)
        log_error("health", "an alert could not be stored: %s", name);
    else if (!e && a->parts.alerts)
        alerts_wake(a->parts.alerts);
}

/* Those who look on see every turn; an alert goes out once an hour for a target and a state, since one may flap. */
void targets_turned(struct admin *a, struct span target, enum breaker now, struct span why, int64_t at)
{
    char text[TEXT_MOST], name[TEXT_MOST];
    struct buf body;
    bool open = now == BREAKER_OPEN;
    target = span_first(target, 400);
    snprintf(text, sizeof(text), open ? "%.*s is left alone for a while: %.*s." : "%.*s is asked again: %.*s.", SPAN_ARG(target), SPAN_ARG(why));
    struct json_out o = begin(&body, SPAN("breaker"), at, text);
    json_pair(&o, SPAN("target"), target);
    json_pair(&o, SPAN("breaker"), breaker_name(now));
    json_pair(&o, SPAN("why"), why);
    json_close(&o, '}');
    if (!body.broken)
        events_tell(a, SPAN("breaker"), buf_span(&body));
    snprintf(name, sizeof(name), "breaker/%.*s/%.*s/%lld", SPAN_ARG(breaker_name(now)), SPAN_ARG(target), (long long)(at / HOUR_MS));
    if (now != BREAKER_HALF_OPEN)
        send_alert(a, name, &body, at);
    buf_free(&body);
}

void targets_refused(struct admin *a, struct span vendor, struct span credential, int status, int64_t at)
{
    char text[TEXT_MOST], name[TEXT_MOST];
    struct buf body;
    vendor = span_first(vendor, 100);
    credential = span_first(credential, 200);
    snprintf(text, sizeof(text), "%.*s refused the credential %.*s with status %d. It is not used again until its secret is changed, or it is reset: tollgate health reset %.*s/%.*s.",
        SPAN_ARG(vendor), SPAN_ARG(credential), status, SPAN_ARG(vendor), SPAN_ARG(credential));
    struct json_out o = begin(&body, SPAN("credential"), at, text);
    json_pair(&o, SPAN("vendor"), vendor);
    json_pair(&o, SPAN("credential"), credential);
    json_pair_i64(&o, SPAN("status"), status);
    json_close(&o, '}');
    if (!body.broken)
        events_tell(a, SPAN("credential"), buf_span(&body));
    snprintf(name, sizeof(name), "credential/%.*s/%.*s/%lld", SPAN_ARG(vendor), SPAN_ARG(credential), (long long)(at / HOUR_MS));
    send_alert(a, name, &body, at);
    buf_free(&body);
}
