/* SPDX-License-Identifier: Apache-2.0
 * selfcheck.c - check.h once a minute (less often when it takes long) and on demand: its answer, its metrics, and the alarm when the books do not agree or a
 * hold outlived every call. The alarm is raised once, until a check finds all well again. */
#include "admin/check.h"
#include "admin/inside.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"

enum {
    FIRST_MS = 5 * 1000,
    EVERY_MS = 60 * 1000,
    SHARE = 20,           /* and at least so many times as long as it took: at most a twentieth of a core */
    GRACE_MS = 60 * 1000, /* beyond limits.call_time, before a hold is called leaked */
    ALARM_MOST = 8192
};
#define ALARM_KEPT_MS (INT64_C(30) * 24 * 60 * 60 * 1000)

struct self_check {
    struct timer timer;
    struct admin *admin;
    struct check_report last; /* .at 0: none yet */
    bool running, alarmed;
};

/* ---- the alarm ---- */

static void describe(const struct check_report *r, struct buf *text)
{
    if (r->wrong_count)
        buf_print(text, "%lld accounts of the ledger do not agree with the books%s%.*s", (long long)r->wrong_count, r->listed ? ", such as " : "",
            SPAN_ARG(r->listed ? r->wrong[0].account : SPAN("")));
    if (r->wrong_count && r->leak)
        buf_put(text, SPAN("; "));
    if (r->leak)
        buf_print(text, "a hold is %lld s old, longer than any call may last", (long long)((r->at - r->oldest_at) / 1000));
}

static void put_alarm(struct admin *a, const struct check_report *r, struct span text)
{
    struct buf body;
    char name[64];
    buf_init(&body, ALARM_MOST);
    struct json_out o = json_out(&body);
    json_open(&o, '{');
    json_pair(&o, SPAN("event"), SPAN("ledger"));
    json_pair_time(&o, SPAN("at"), r->at);
    json_pair(&o, SPAN("text"), text);
    json_pair_i64(&o, SPAN("wrong"), r->wrong_count);
    json_pair_bool(&o, SPAN("leak"), r->leak);
    json_close(&o, '}');
    snprintf(name, sizeof(name), "ledger/%lld", (long long)r->at);
    enum err e = body.broken ? E_NO_MEMORY : store_alert_put(books_store(a->parts.books), span_of(name), buf_span(&body), r->at, r->at + ALARM_KEPT_MS);
    if (e && e != E_CONFLICT)
        log_error("ledger", "the alert about it could not be stored");
    else if (a->parts.alerts)
        alerts_wake(a->parts.alerts);
    buf_free(&body);
}

static void alarm_once(struct admin *a, const struct check_report *r)
{
    struct buf text;
    bool bad = r->wrong_count || r->leak;
    bool fresh = bad && !a->check->alarmed;
    if (r->result == E_OK)
        a->check->alarmed = bad;
    if (!fresh)
        return;
    buf_init(&text, ALARM_MOST);
    describe(r, &text);
    log_error("ledger", "self-check: %.*s", SPAN_ARG(buf_span(&text)));
    put_alarm(a, r, buf_span(&text));
    buf_free(&text);
}

/* ---- running ---- */

static int64_t longest(struct admin *a)
{
    struct snapshot *s = gate_snapshot(a->parts.gate);
    int64_t ms = s->settings.limits.call_ms + GRACE_MS;
    snapshot_drop(s);
    return ms;
}

static void run(struct errand *e)
{
    struct check_report *r = e->mine;
    check_run(e->admin->parts.gate, e->admin->parts.books, longest(e->admin), &e->stop, r);
}

static void keep(struct admin *a, struct check_report *r)
{
    check_free(&a->check->last);
    a->check->last = *r;
    free(r);
    alarm_once(a, &a->check->last);
}

static void done(struct errand *e)
{
    struct admin *a = e->admin;
    struct check_report *r = e->mine;
    a->check->running = false;
    if (atomic_load(&e->stop)) {
        check_free(r);
        free(r);
        return;
    }
    int64_t pause = r->ms * SHARE;
    keep(a, r);
    timer_set(&a->loop, &a->check->timer, pause > EVERY_MS ? pause : EVERY_MS);
}

static void tick(struct timer *t)
{
    struct self_check *check = CONTAINER_OF(t, struct self_check, timer);
    struct check_report *r = check->running ? NULL : calloc(1, sizeof(*r));
    check->running = r && errand_start(check->admin, NULL, run, done, r);
    if (check->running)
        return;
    free(r);
    timer_set(&check->admin->loop, &check->timer, EVERY_MS);
}

void selfcheck_init(struct admin *a)
{
    a->check = calloc(1, sizeof(*a->check));
    if (!a->check)
        return;
    a->check->admin = a;
    arena_init(&a->check->last.arena, 1);
    timer_init(&a->check->timer, tick);
    timer_set(&a->loop, &a->check->timer, FIRST_MS);
}

void selfcheck_free(struct admin *a)
{
    if (!a->check)
        return;
    timer_clear(&a->check->timer);
    check_free(&a->check->last);
    free(a->check);
    a->check = NULL;
}

/* ---- GET /ledger/check ---- */

static void put_wrong(struct json_out *o, const struct check_wrong *w)
{
    bool money = account_is_money(w->account);
    json_open(o, '{');
    json_pair(o, SPAN("account"), w->account);
    json_pair_amount_usd(o, SPAN("enforced"), money, w->enforced);
    json_pair_amount_usd(o, SPAN("settled"), money, w->settled);
    json_pair_amount_usd(o, SPAN("holds"), money, w->holds);
    json_pair_amount_usd(o, SPAN("in_doubt"), money, w->doubt);
    json_pair_amount_usd(o, SPAN("ledger_settled"), money, w->ledger_settled);
    json_pair_amount_usd(o, SPAN("ledger_reserved"), money, w->reserved);
    json_pair_amount_usd(o, SPAN("ledger_in_doubt"), money, w->ledger_doubt);
    json_close(o, '}');
}

static void put_hold(struct json_out *o, const struct check_report *r)
{
    char id[CALL_ID_TEXT + 1];
    json_pair_i64(o, SPAN("holds"), r->calls);
    json_name(o, SPAN("oldest_hold"));
    if (!r->oldest_at) {
        json_put_null(o);
        return;
    }
    json_open(o, '{');
    json_pair(o, SPAN("call"), call_id_text(r->oldest_call, id));
    json_pair_time(o, SPAN("at"), r->oldest_at);
    json_pair_i64(o, SPAN("age_s"), (r->at - r->oldest_at) / 1000);
    json_close(o, '}');
}

static void put_report(struct json_out *o, const struct check_report *r)
{
    json_open(o, '{');
    json_pair_bool(o, SPAN("ok"), check_ok(r));
    json_pair_time(o, SPAN("at"), r->at);
    json_pair_i64(o, SPAN("ms"), r->ms);
    json_pair_i64(o, SPAN("accounts"), r->accounts);
    json_pair_i64(o, SPAN("checked"), r->checked);
    json_pair_i64(o, SPAN("moving"), r->moving);
    json_pair_i64(o, SPAN("wrong_count"), r->wrong_count);
    json_name(o, SPAN("wrong"));
    json_open(o, '[');
    for (size_t i = 0; i < r->listed; i++)
        put_wrong(o, &r->wrong[i]);
    json_close(o, ']');
    put_hold(o, r);
    json_pair_i64(o, SPAN("leaks"), r->leak);
    json_pair_i64(o, SPAN("doubts"), r->doubts);
    json_pair_money(o, SPAN("doubts_usd"), r->doubts_usd);
    json_close(o, '}');
}

static void answer(struct errand *e)
{
    struct visit *v = e->visit;
    struct check_report *r = e->mine;
    if (v->request && r->result) {
        reply_problem(v, r->result == E_IO ? E_IO : E_OVERLOADED, NULL, "the check could not be done; ask again later");
    } else if (v->request) {
        put_report(&v->json, r);
        reply_json(v, 200);
    }
    if (atomic_load(&e->stop)) {
        check_free(r);
        free(r);
    } else {
        keep(e->admin, r);
    }
}

void selfcheck_get(struct visit *v)
{
    struct check_report *r = calloc(1, sizeof(*r));
    if (!r)
        reply_problem(v, E_NO_MEMORY, NULL, "the check could not begin");
    else if (!errand_start(v->admin, v, run, answer, r))
        free(r);
}

/* ---- metrics: of the last check ---- */

static void put(struct buf *b, const char *name, const char *help, int64_t value)
{
    buf_print(b, "# HELP tollgate_%s %s\n# TYPE tollgate_%s gauge\ntollgate_%s %lld\n", name, help, name, name, (long long)value);
}

static void put_alerts(struct admin *a, struct buf *b)
{
    struct alert_counts c = { .sent = 0 };
    if (a->parts.alerts)
        alerts_count(a->parts.alerts, &c);
    buf_print(b, "# HELP tollgate_alerts_sent_total Alerts that an endpoint took.\n# TYPE tollgate_alerts_sent_total counter\ntollgate_alerts_sent_total %ld\n", c.sent);
    buf_print(b, "# HELP tollgate_alerts_failed_total Tries that failed.\n# TYPE tollgate_alerts_failed_total counter\ntollgate_alerts_failed_total %ld\n", c.failed);
    put(b, "alerts_waiting", "Alerts in the outbox that are still to be delivered.", c.waiting);
}

bool selfcheck_alarmed(const struct admin *a) { return a->check->alarmed; }

void selfcheck_metrics(struct admin *a, struct buf *b)
{
    const struct check_report *r = &a->check->last;
    int64_t now = clock_unix_ms();
    put(b, "journal_lag_bytes", "Written by workers and not yet in the store.", (int64_t)books_lag(a->parts.books));
    put_alerts(a, b);
    if (!r->at)
        return;
    put(b, "ledger_check_ok", "1 while the ledger agrees with the books and no hold leaked.", check_ok(r));
    put(b, "ledger_check_time_seconds", "When that was looked at, Unix time.", r->at / 1000);
    put(b, "ledger_check_accounts", "Accounts that were looked at.", r->accounts);
    put(b, "ledger_check_wrong_accounts", "Accounts of the ledger that do not agree with the books.", r->wrong_count);
    put(b, "ledger_check_moving_accounts", "Accounts that changed whenever they were looked at.", r->moving);
    put(b, "ledger_oldest_hold_seconds", "Age of the oldest hold.", r->oldest_at && now > r->oldest_at ? (now - r->oldest_at) / 1000 : 0);
    put(b, "ledger_leaked_holds", "1 when the oldest hold is older than any call may last.", r->leak);
    put(b, "doubts_open", "Calls in doubt.", r->doubts);
    buf_put(b, SPAN("# HELP tollgate_doubts_usd Reserved for calls in doubt.\n# TYPE tollgate_doubts_usd gauge\ntollgate_doubts_usd "));
    buf_put_money(b, r->doubts_usd);
    buf_put_byte(b, '\n');
}
