/* SPDX-License-Identifier: Apache-2.0
 * exports.c - how exports of the audit chain are doing; trying one, and delivering again. Where they go are objects like others
 * (objects.c). The chain as a file, asked for here: export.c. */
#include "admin/metrics.h"
#include "base/clock.h"
#include "base/text.h"

enum { EXPORTS_SHOWN = 32 };

/* In the reply's snapshot: the caller drops it. NULL: replied. */
static const struct export_rule *find(struct visit *v, struct snapshot **s)
{
    *s = gate_snapshot(v->admin->parts.gate);
    for (size_t i = 0; i < (*s)->settings.export_count; i++)
        if (span_is((*s)->settings.exports[i].name, v->id))
            return &(*s)->settings.exports[i];
    snapshot_drop(*s);
    reply_problem(v, E_NOT_FOUND, NULL, "there is no export \"%.*s\"", SPAN_ARG(span_first(v->id, 64)));
    return NULL;
}

/* ---- GET /exports/{name}/status ---- */

static void put_status(struct json_out *o, const struct export_status *s)
{
    json_open(o, '{');
    json_pair(o, SPAN("name"), span_of(s->name));
    json_pair_bool(o, SPAN("paused"), s->paused);
    json_pair_i64(o, SPAN("position"), s->position);
    json_pair_i64(o, SPAN("newest"), s->newest);
    json_pair_i64(o, SPAN("lag_rows"), s->lag_rows);
    json_pair_i64(o, SPAN("lag_seconds"), s->lag_ms / 1000);
    json_pair_time(o, SPAN("last_sent_at"), s->last_sent_at);
    json_pair(o, SPAN("trouble"), s->trouble[0] ? span_of(s->trouble) : SPAN_NONE);
    json_pair_i64(o, SPAN("rows"), s->rows);
    json_pair_i64(o, SPAN("batches"), s->batches);
    json_pair_i64(o, SPAN("bytes"), s->bytes);
    json_pair_i64(o, SPAN("failures"), s->failures);
    json_pair_i64(o, SPAN("rejected"), s->rejected);
    json_pair_i64(o, SPAN("too_large"), s->too_large);
    json_pair_i64(o, SPAN("dropped_files"), s->dropped_files);
    json_pair_i64(o, SPAN("dropped_bytes"), s->dropped_bytes);
    json_close(o, '}');
}

void exports_status_get(struct visit *v)
{
    struct export_status status = { .position = -1, .newest = -1 };
    struct snapshot *s;
    const struct export_rule *rule = find(v, &s);
    if (!rule)
        return;
    /* One that was made a moment ago may not run yet. */
    if (!v->admin->parts.exports || !exports_one(v->admin->parts.exports, v->id, &status)) {
        status.paused = rule->paused;
        memcpy(status.name, rule->name.at, rule->name.len);
    }
    snapshot_drop(s);
    put_status(&v->json, &status);
    reply_json(v, 200);
}

/* ---- POST /exports/{name}/test ---- */

static enum err send_rows(const struct trial *t, const atomic_bool *stop, char why[256])
{
    return export_test(t->what, &t->snapshot->settings, clock_unix_ms(), stop, why);
}

void exports_test_post(struct visit *v)
{
    struct trial *t = ARENA_NEW(&v->arena, struct trial);
    if (!t) {
        reply_problem(v, E_NO_MEMORY, NULL, "nothing was sent");
        return;
    }
    t->send = send_rows;
    t->what = find(v, &t->snapshot);
    if (t->what)
        trial_start(v, t);
}

/* ---- POST /exports/{name}/rewind ---- */

struct rewinding {
    struct span from, reason;
    bool now;
    int64_t at; /* 0: the beginning */
    int64_t position;
};

static bool read_from(struct visit *v, struct rewinding *w)
{
    static const char *const fields[] = { "from", "reason", NULL };
    struct trouble t = { .set = false };
    const struct node *body = visit_object(v);
    if (!body)
        return false;
    const struct node *from = node_get(body, "from");
    bool fine = node_only(body, "", fields, &t) && node_span(from, "from", &w->from, &t) && node_span(node_get(body, "reason"), "reason", &w->reason, &t);
    w->now = span_is(w->from, SPAN("now"));
    if (fine && !from)
        trouble_say(&t, NULL, "from", "is required; allowed: a time with its zone, beginning, or now");
    else if (fine && !w->now && !span_is(w->from, SPAN("beginning")) && !text_time_parse(w->from, &w->at))
        trouble_found(&t, from, "from", "a time with its zone such as 2026-11-01T00:00:00Z, beginning, or now");
    else if (fine && w->reason.len > REASON_LONGEST)
        trouble_say(&t, NULL, "reason", "allowed: at most %d characters", REASON_LONGEST);
    if (t.set)
        reply_trouble(v, E_CONFIG, &t);
    return !t.set;
}

static void look_for(struct visit *v, struct store_reader *r)
{
    struct rewinding *w = v->mine;
    v->result = w->now ? export_tip(r, &w->position) : w->at ? export_seek(r, w->at, &w->position) : E_OK;
}

static struct span place(struct visit *v, int64_t position) { return arena_print(&v->arena, "{\"position\":%lld}", (long long)position); }

static void rewind_to(struct visit *v)
{
    struct rewinding *w = v->mine;
    struct exports *x = v->admin->parts.exports;
    struct export_status before = { .position = -1 };
    if (v->result) {
        reply_store(v, v->result);
        return;
    }
    if (x)
        (void)exports_one(x, v->id, &before);
    struct change c = { .actor = v->actor.name, .action = SPAN("export.rewind"), .object = v->id, .reason = w->reason,
        .before = before.position < 0 ? SPAN_NONE : place(v, before.position), .after = place(v, w->position) };
    const struct store_record *row = change_record(v->admin, &v->arena, &c);
    enum err e = row ? store_export_rewind(books_store(v->admin->parts.books), v->id, w->position, row) : E_NO_MEMORY;
    if (e) {
        reply_store(v, e);
        return;
    }
    if (x)
        exports_wake(x);
    json_open(&v->json, '{');
    json_pair(&v->json, SPAN("name"), v->id);
    json_pair_i64(&v->json, SPAN("position"), w->position);
    json_close(&v->json, '}');
    reply_json(v, 200);
}

void exports_rewind_post(struct visit *v)
{
    struct snapshot *s;
    struct rewinding *w = ARENA_NEW(&v->arena, struct rewinding);
    if (!w) {
        reply_problem(v, E_NO_MEMORY, NULL, "nothing was changed");
        return;
    }
    if (!find(v, &s))
        return;
    snapshot_drop(s);
    v->mine = w;
    if (read_from(v, w))
        visit_read(v, look_for, rewind_to);
}

/* ---- metrics ---- */

void exports_put_metrics(struct metrics *m, struct admin *a)
{
    static const struct {
        const char *name, *help;
        enum metric_type type;
        size_t at;
        int64_t per;
    } rows[] = {
        { "export_lag_rows", "Rows of the audit chain that an export has not delivered yet.", GAUGE, offsetof(struct export_status, lag_rows), 1 },
        { "export_lag_seconds", "Age of the first of them.", GAUGE, offsetof(struct export_status, lag_ms), 1000 },
        { "export_last_sent_timestamp_seconds", "Unix time of the last delivery; 0: none yet.", GAUGE, offsetof(struct export_status, last_sent_at), 1000 },
        { "export_rows_total", "Rows delivered.", COUNTER, offsetof(struct export_status, rows), 1 },
        { "export_bytes_total", "Bytes delivered, before they were compressed.", COUNTER, offsetof(struct export_status, bytes), 1 },
        { "export_failures_total", "Tries that failed.", COUNTER, offsetof(struct export_status, failures), 1 },
        { "export_rejected_total", "Spans that a receiver threw away although it took their batch.", COUNTER, offsetof(struct export_status, rejected), 1 },
        { "export_too_large_total", "Rows that were too large for their receiver even alone.", COUNTER, offsetof(struct export_status, too_large), 1 },
        { "export_dropped_files_total", "Old files that had to go.", COUNTER, offsetof(struct export_status, dropped_files), 1 },
        { "export_dropped_bytes_total", "Bytes of old files that had to go.", COUNTER, offsetof(struct export_status, dropped_bytes), 1 },
    };
    struct export_status list[EXPORTS_SHOWN];
    size_t count = a->parts.exports ? exports_list(a->parts.exports, list, EXPORTS_SHOWN) : 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        metric_family(m, rows[i].name, rows[i].type, rows[i].help);
        for (size_t k = 0; k < count; k++) {
            int64_t value;
            memcpy(&value, (const char *)&list[k] + rows[i].at, sizeof(value));
            metric_open(m);
            metric_label(m, "export", span_of(list[k].name));
            metric_amount(m, value / rows[i].per);
        }
    }
}
