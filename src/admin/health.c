/* SPDX-License-Identifier: Apache-2.0
 * health.c - for machines that watch: is it alive, can it take calls, and counters for Prometheus. */
#include "admin/inside.h"
#include "base/clock.h"

enum {
    ACCOUNTS_SHOWN = 500, /* in /metrics, a line of each metric; runs' own accounts are left out, they come and go */
    LINES_MOST = 4 << 20
};

void health_alive(struct visit *v)
{
    json_open(&v->json, '{');
    json_pair(&v->json, SPAN("status"), SPAN("ok"));
    json_close(&v->json, '}');
    reply_json(v, 200);
}

void health_ready(struct visit *v)
{
    bool healthy = store_healthy(books_store(v->admin->parts.books));
    json_open(&v->json, '{');
    json_pair_bool(&v->json, SPAN("ready"), healthy);
    json_name(&v->json, SPAN("reasons"));
    json_open(&v->json, '[');
    if (!healthy)
        json_put_string(&v->json, SPAN("the store cannot write: calls that spend are refused once the journal is full"));
    json_close(&v->json, ']');
    json_close(&v->json, '}');
    reply_json(v, healthy ? 200 : 503);
}

/* ---- metrics ---- */

static void put_metric(struct buf *b, const char *name, const char *type, const char *help, int64_t value)
{
    buf_print(b, "# HELP %s %s\n# TYPE %s %s\n%s %lld\n", name, help, name, type, name, (long long)value);
}

static void put_label(struct buf *b, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"' || text.at[i] == '\\')
            buf_put_byte(b, '\\');
        buf_put_byte(b, text.at[i] == '\n' ? ' ' : text.at[i]);
    }
}

/* The lines of one metric stand together. */
struct accounts {
    struct buf limit, spent, reserved;
    int left;
    int64_t total, now;
};

static void put_amount(struct buf *b, const char *name, struct span account, bool money, int64_t amount)
{
    buf_print(b, "tollgate_budget_%s{account=\"", name);
    put_label(b, account);
    buf_print(b, "\",unit=\"%s\"} ", money ? "usd" : "count");
    if (money)
        buf_put_money(b, amount);
    else
        buf_put_i64(b, amount);
    buf_put_byte(b, '\n');
}

static void put_account(void *self, struct span account, const struct ledger_balance *balance, int64_t resets_at)
{
    struct accounts *a = self;
    a->total++;
    if (a->left == 0 || span_find(account, SPAN("|run=")) >= 0 || (resets_at && resets_at <= a->now))
        return;
    bool money = account_is_money(account);
    a->left--;
    put_amount(&a->limit, "limit", account, money, balance->limit);
    put_amount(&a->spent, "spent", account, money, balance->settled);
    put_amount(&a->reserved, "reserved", account, money, balance->reserved);
}

static void put_gate(struct visit *v, struct buf *b)
{
    struct admin *a = v->admin;
    struct gate_counts c;
    struct stop_set *stops = gate_stops(a->parts.gate);
    struct snapshot *s = gate_snapshot(a->parts.gate);
    gate_count(a->parts.gate, &c);
    put_metric(b, "tollgate_calls_total", "counter", "Calls that are over.", c.calls);
    put_metric(b, "tollgate_calls_forwarded_total", "counter", "Calls that were sent to a vendor.", c.forwarded);
    put_metric(b, "tollgate_calls_refused_total", "counter", "Calls that were refused or failed.", c.refused);
    put_metric(b, "tollgate_calls_open", "gauge", "Calls under way.", c.open);
    put_metric(b, "tollgate_rows_unwritten", "gauge", "Rows that wait in memory for room on the disk.", c.unwritten);
    put_metric(b, "tollgate_rows_lost_total", "counter", "Rows of refused calls that found no room on the disk.", c.lost_rows);
    put_metric(b, "tollgate_store_healthy", "gauge", "1 while the store can write.", store_healthy(books_store(a->parts.books)));
    put_metric(b, "tollgate_stops", "gauge", "Stops in force.", (int64_t)stop_set_count(stops));
    put_metric(b, "tollgate_keys", "gauge", "Keys known.", (int64_t)s->key_count);
    put_metric(b, "tollgate_event_streams", "gauge", "Readers of the event stream.", (int64_t)a->stream_count);
    put_metric(b, "tollgate_start_time_seconds", "gauge", "When the process started, Unix time.", a->started_at / 1000);
    put_metric(b, "tollgate_config_loaded_time_seconds", "gauge", "When the configuration in force was read, Unix time.", s->loaded_at / 1000);
    snapshot_drop(s);
    stop_set_drop(stops);
}

static void put_lines(struct buf *b, const char *name, const char *help, struct buf *lines)
{
    buf_print(b, "# HELP tollgate_budget_%s %s At most %d accounts.\n# TYPE tollgate_budget_%s gauge\n", name, help, ACCOUNTS_SHOWN, name);
    buf_put(b, buf_span(lines));
    buf_free(lines);
}

static void put_accounts(struct visit *v, struct buf *b)
{
    struct accounts a = { .left = ACCOUNTS_SHOWN, .now = clock_unix_ms() };
    buf_init(&a.limit, LINES_MOST);
    buf_init(&a.spent, LINES_MOST);
    buf_init(&a.reserved, LINES_MOST);
    ledger_each(books_ledger(v->admin->parts.books), put_account, &a);
    put_metric(b, "tollgate_accounts", "gauge", "Budget accounts in memory.", a.total);
    put_lines(b, "limit", "Limit of a budget's account.", &a.limit);
    put_lines(b, "spent", "Settled on a budget's account.", &a.spent);
    put_lines(b, "reserved", "Held for calls under way, or in doubt.", &a.reserved);
}

void health_metrics(struct visit *v)
{
    put_gate(v, &v->out);
    selfcheck_metrics(v->admin, &v->out);
    put_accounts(v, &v->out);
    reply_text(v, SPAN("text/plain; version=0.0.4; charset=utf-8"), buf_span(&v->out));
}
