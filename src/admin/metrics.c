/* SPDX-License-Identifier: Apache-2.0
 * metrics.c - GET /metrics: the lines, and the families that are the gate's own (accounts, store, process). Text format 0.0.4.
 *
 * Next to read: metrics_calls.c. */
#include "admin/metrics.h"

#include "base/clock.h"
#include "base/version.h"
#include "observe/process.h"

enum {
    ACCOUNTS_SHOWN = 500, /* a line of each metric; runs' own accounts are left out, they come and go */
    LINES_MOST = 4 << 20
};

/* ---- lines ---- */

void metric_family(struct metrics *m, const char *name, enum metric_type type, const char *help)
{
    static const char *const types[] = { "counter", "gauge", "histogram" };
    m->name = name;
    buf_print(m->out, "# HELP %s%s %s\n# TYPE %s%s %s\n", m->prefix, name, help, m->prefix, name, types[type]);
}

void metric_open(struct metrics *m) { buf_print(m->out, "%s%s", m->prefix, m->name); }

static void put_escaped(struct buf *b, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '\n') {
            buf_put(b, SPAN("\\n"));
            continue;
        }
        if (text.at[i] == '"' || text.at[i] == '\\')
            buf_put_byte(b, '\\');
        buf_put_byte(b, text.at[i]);
    }
}

void metric_label(struct metrics *m, const char *name, struct span value)
{
    bool open = m->out->len && m->out->at[m->out->len - 1] == ' ';
    if (open) /* the labels were closed: one more */
        m->out->len -= 2;
    buf_print(m->out, "%s%s=\"", open ? "," : "{", name);
    put_escaped(m->out, value);
    buf_put(m->out, SPAN("\"} "));
}

static void space(struct metrics *m)
{
    if (m->out->len && m->out->at[m->out->len - 1] != ' ')
        buf_put_byte(m->out, ' ');
}

void metric_value(struct metrics *m, uint64_t value)
{
    space(m);
    buf_put_u64(m->out, value);
    buf_put_byte(m->out, '\n');
}

void metric_amount(struct metrics *m, int64_t value)
{
    space(m);
    buf_put_i64(m->out, value);
    buf_put_byte(m->out, '\n');
}

void metric_money(struct metrics *m, nano_usd amount)
{
    space(m);
    buf_put_money(m->out, amount);
    buf_put_byte(m->out, '\n');
}

static void put_seconds(struct buf *b, uint64_t us) { buf_print(b, "%llu.%06llu", (unsigned long long)(us / 1000000), (unsigned long long)(us % 1000000)); }

static void metric_seconds(struct metrics *m, uint64_t us)
{
    space(m);
    put_seconds(m->out, us);
    buf_put_byte(m->out, '\n');
}

void metric_one(struct metrics *m, const char *name, enum metric_type type, const char *help, int64_t value)
{
    metric_family(m, name, type, help);
    metric_open(m);
    metric_amount(m, value);
}

void metric_one_us(struct metrics *m, const char *name, enum metric_type type, const char *help, uint64_t us)
{
    metric_family(m, name, type, help);
    metric_open(m);
    metric_seconds(m, us);
}

void metric_one_money(struct metrics *m, const char *name, enum metric_type type, const char *help, nano_usd amount)
{
    metric_family(m, name, type, help);
    metric_open(m);
    metric_money(m, amount);
}

static void open_part(struct metrics *m, const char *part, const struct metric_labels *labels)
{
    buf_print(m->out, "%s%s%s", m->prefix, m->name, part);
    for (int i = 0; i < 2 && labels->names[i]; i++)
        metric_label(m, labels->names[i], labels->values[i]);
}

void metric_times(struct metrics *m, const struct metric_labels *labels, const struct histogram_sum *sum)
{
    char bound[32];
    uint64_t below = 0;
    for (int i = 0; i <= TIME_BOUNDS; i++) {
        below += sum->counts[i];
        open_part(m, "_bucket", labels);
        if (i < TIME_BOUNDS)
            snprintf(bound, sizeof(bound), "%.6g", (double)time_bound_us(i) / 1e6);
        metric_label(m, "le", i < TIME_BOUNDS ? span_of(bound) : SPAN("+Inf"));
        metric_value(m, below);
    }
    open_part(m, "_sum", labels);
    metric_seconds(m, sum->sum);
    open_part(m, "_count", labels);
    metric_value(m, sum->count);
}

/* ---- accounts: the lines of one metric stand together ---- */

struct accounts {
    struct buf limit, spent, reserved;
    int left;
    int64_t total, now;
};

static void put_account_line(struct buf *b, const char *name, struct span account, bool money, int64_t amount)
{
    struct metrics m = { b, name, "tollgate_" };
    metric_open(&m);
    metric_label(&m, "account", account);
    metric_label(&m, "unit", money ? SPAN("usd") : SPAN("count"));
    if (money)
        metric_money(&m, amount);
    else
        metric_amount(&m, amount);
}

static void take_account(void *self, struct span account, const struct ledger_balance *balance, int64_t resets_at)
{
    struct accounts *a = self;
    a->total++;
    if (a->left == 0 || span_find(account, SPAN("|run=")) >= 0 || (resets_at && resets_at <= a->now))
        return;
    bool money = account_is_money(account);
    a->left--;
    put_account_line(&a->limit, "budget_limit", account, money, balance->limit);
    put_account_line(&a->spent, "budget_spent", account, money, balance->settled);
    put_account_line(&a->reserved, "budget_reserved", account, money, balance->reserved);
}

static void put_lines(struct metrics *m, const char *name, const char *help, struct buf *lines)
{
    metric_family(m, name, GAUGE, help);
    buf_put(m->out, buf_span(lines));
    buf_free(lines);
}

static void put_accounts(struct metrics *m, struct admin *admin)
{
    struct accounts a = { .left = ACCOUNTS_SHOWN, .now = clock_unix_ms() };
    buf_init(&a.limit, LINES_MOST);
    buf_init(&a.spent, LINES_MOST);
    buf_init(&a.reserved, LINES_MOST);
    ledger_each(books_ledger(admin->parts.books), take_account, &a);
    metric_one(m, "accounts", GAUGE, "Budget accounts in memory.", a.total);
    put_lines(m, "budget_limit", "Limit of a budget's account; at most 500 accounts.", &a.limit);
    put_lines(m, "budget_spent", "Settled on a budget's account; at most 500 accounts.", &a.spent);
    put_lines(m, "budget_reserved", "Held for calls under way, or in doubt; at most 500 accounts.", &a.reserved);
}

/* ---- the gate ---- */

static void put_gate(struct metrics *m, struct admin *a)
{
    struct gate_counts c;
    struct stop_set *stops = gate_stops(a->parts.gate);
    struct snapshot *s = gate_snapshot(a->parts.gate);
    gate_count(a->parts.gate, &c);
    metric_one(m, "calls_total", COUNTER, "Calls that are over.", c.calls);
    metric_one(m, "calls_forwarded_total", COUNTER, "Calls that were sent to a vendor.", c.forwarded);
    metric_one(m, "calls_refused_total", COUNTER, "Calls that were refused or failed.", c.refused);
    metric_one(m, "calls_open", GAUGE, "Calls under way.", c.open);
    metric_one_money(m, "held_usd", GAUGE, "Held for calls under way, as of the last second.", observe_open_now(gate_observers(a->parts.gate), SPAN_NONE).held);
    metric_one(m, "rows_unwritten", GAUGE, "Rows that wait in memory for room on the disk.", c.unwritten);
    metric_one(m, "rows_lost_total", COUNTER, "Rows of refused calls that found no room on the disk.", c.lost_rows);
    metric_one(m, "stops", GAUGE, "Stops in force.", (int64_t)stop_set_count(stops));
    metric_one(m, "keys", GAUGE, "Keys known.", (int64_t)s->key_count);
    metric_one(m, "event_streams", GAUGE, "Readers of the event stream.", (int64_t)a->stream_count);
    metric_one(m, "admin_queries", GAUGE, "Queries of the store under way, or waiting for their turn.", (int64_t)readings_count(a));
    metric_one(m, "start_time_seconds", GAUGE, "When the process started, Unix time.", a->started_at / 1000);
    metric_one(m, "config_loaded_time_seconds", GAUGE, "When the configuration in force was read, Unix time.", s->loaded_at / 1000);
    snapshot_drop(s);
    stop_set_drop(stops);
}

static void put_store(struct metrics *m, struct admin *a)
{
    struct store *store = books_store(a->parts.books);
    struct store_pace pace = store_pace(store);
    metric_one(m, "store_healthy", GAUGE, "1 while the store can write.", store_healthy(store));
    metric_one(m, "store_batches_total", COUNTER, "Transactions that the store committed.", (int64_t)pace.batches);
    metric_one(m, "store_batch_failures_total", COUNTER, "Transactions that failed; their records are tried again.", (int64_t)pace.failures);
    metric_one_us(m, "store_batch_seconds_total", COUNTER, "Time that the store's transactions took.", pace.us);
    metric_one(m, "store_facets", GAUGE, "Combinations of key, vendor, operation, model, label and the like that the store keeps sums for.", pace.facets);
    metric_one(m, "store_rows_total", COUNTER, "Rows of the audit chain that were stored.", (int64_t)pace.rows);
}

static void put_telemetry(struct metrics *m, struct admin *a)
{
    struct telemetry_counts c = { 0 };
    if (a->parts.telemetry)
        c = telemetry_count(a->parts.telemetry);
    metric_one(m, "telemetry_pushes_total", COUNTER, "Pushes of metrics that the collector took.", (int64_t)c.pushes);
    metric_one(m, "telemetry_push_failures_total", COUNTER, "Pushes of metrics that it did not take.", (int64_t)c.failures);
}

static void put_targets(struct metrics *m, struct admin *a)
{
    struct health_counts h;
    health_count(gate_health(a->parts.gate), clock_unix_ms(), &h);
    metric_family(m, "breakers", GAUGE, "Targets by what their breaker is.");
    const struct { struct span state; size_t count; } states[] = { { SPAN("closed"), h.targets - h.open - h.half_open }, { SPAN("open"), h.open }, { SPAN("half_open"), h.half_open } };
    for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++) {
        metric_open(m);
        metric_label(m, "state", states[i].state);
        metric_value(m, states[i].count);
    }
    metric_one(m, "credentials_refused", GAUGE, "Credentials that their vendor refuses.", (int64_t)h.refused);
}

/* Names that all who instrument processes use. */
static void put_process(struct metrics *own, struct admin *a)
{
    struct process_use use;
    struct metrics m = { own->out, NULL, "process_" };
    process_use(&use);
    metric_one_us(&m, "cpu_seconds_total", COUNTER, "Processor time, user and system.", use.cpu_us > 0 ? (uint64_t)use.cpu_us : 0);
    metric_one(&m, "resident_memory_bytes", GAUGE, "Memory that is resident.", use.resident_bytes);
    metric_one(&m, "virtual_memory_bytes", GAUGE, "Address space.", use.virtual_bytes);
    metric_one(&m, "open_fds", GAUGE, "Open file descriptors.", use.open_files);
    metric_one(&m, "max_fds", GAUGE, "The most file descriptors that may be open; -1: no limit.", use.files_most);
    metric_one(&m, "threads", GAUGE, "Threads.", use.threads);
    metric_one(&m, "start_time_seconds", GAUGE, "When the process started, Unix time.", a->started_at / 1000);
    metric_family(own, "build_info", GAUGE, "Always 1; which build this is.");
    metric_open(own);
    metric_label(own, "version", SPAN(TOLLGATE_VERSION));
    metric_value(own, 1);
}

void metrics_get(struct visit *v)
{
    struct metrics m = { &v->out, NULL, "tollgate_" };
    struct observed seen;
    if (v->actor.workspace.at) {
        reply_problem_as(v, 403, SPAN("role_denied"), SPAN("this token may not do that"), NULL, SPAN("metrics are the whole gate's; allowed: a token that is not confined to a workspace"));
        return;
    }
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    struct metrics_settings settings = s->settings.metrics;
    snapshot_drop(s);
    put_gate(&m, v->admin);
    put_store(&m, v->admin);
    put_targets(&m, v->admin);
    exports_put_metrics(&m, v->admin);
    put_telemetry(&m, v->admin);
    put_process(&m, v->admin);
    selfcheck_metrics(v->admin, &v->out);
    prices_metrics(&v->out);
    content_metrics(&m, v->admin);
    put_accounts(&m, v->admin);
    if (observe_read(gate_observers(v->admin->parts.gate), &v->arena, &seen) == E_OK) {
        metrics_put_calls(&m, &seen, &v->arena, settings.keys);
        if (settings.litellm)
            metrics_put_litellm(&m, v, &seen, &v->arena);
    }
    reply_text(v, SPAN("text/plain; version=0.0.4; charset=utf-8"), buf_span(&v->out));
}
