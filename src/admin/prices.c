/* SPDX-License-Identifier: Apache-2.0
 * prices.c - what models cost, over the API: the rows in force, and prices that operators set instead.
 *
 * A price that is set is an object like any other ("price", "provider/model"): checked with the whole configuration, stored,
 * recorded and in force before it is answered. Every such change gives the book another id; calls under way keep theirs. */
#include "admin/inside.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"

enum { PRICES_USUAL = 100, PRICES_MOST = 1000, OWN_MOST = 1 << 20, ALARM_MOST = 4096 };
#define ALARM_KEPT_MS (INT64_C(35) * 24 * 60 * 60 * 1000)

/* ---- reading ---- */

static void put_row(struct visit *v, const struct price *p)
{
    struct json_out *o = &v->json;
    json_pair(o, SPAN("id"), arena_print(&v->arena, "%.*s/%.*s", SPAN_ARG(price_provider(p)), SPAN_ARG(price_model(p))));
    price_write_facts(p, o);
    json_pair(o, SPAN("origin"), price_is_override(p) ? SPAN("override") : SPAN("book"));
    json_name(o, SPAN("price"));
    price_write_prices(p, o);
}

/* "*" stands for anything. */
static bool is_like(struct span text, struct span pattern)
{
    return !pattern.at || span_like(text, pattern);
}

void prices_list(struct visit *v)
{
    struct span provider = query_get(v, "provider"), model = query_get(v, "model"), after = query_get(v, "cursor"), from;
    struct price_cursor at = { SPAN_NONE, SPAN_NONE };
    int left;
    bool more = false;
    if (!query_limit(v, PRICES_USUAL, PRICES_MOST, &left))
        return;
    if (after.at && !span_cut(&after, '/', &from)) {
        reply_problem(v, E_BAD_REQUEST, "cursor", "allowed: what `next_cursor` said");
        return;
    }
    if (after.at)
        at = (struct price_cursor){ from, after };
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    json_open(&v->json, '{');
    json_name(&v->json, SPAN("data"));
    json_open(&v->json, '[');
    struct span last = SPAN_NONE;
    for (const struct price *p; (p = price_next(s->prices, provider, &at)) && !more;) {
        if (!is_like(price_model(p), model))
            continue;
        more = left-- == 0;
        if (more)
            break;
        json_open(&v->json, '{');
        put_row(v, p);
        json_close(&v->json, '}');
        if (left == 0)
            last = arena_print(&v->arena, "%.*s/%.*s", SPAN_ARG(price_provider(p)), SPAN_ARG(price_model(p)));
    }
    json_close(&v->json, ']');
    json_pair(&v->json, SPAN("next_cursor"), more ? last : SPAN_NONE);
    json_pair(&v->json, SPAN("snapshot"), price_book_id(s->prices));
    json_close(&v->json, '}');
    snapshot_drop(s);
    reply_json(v, 200);
}

/* What the configuration or the API say of it, in their own words; null: nothing. */
static void put_own(struct visit *v)
{
    struct trouble t = { .set = false };
    struct config_input in;
    struct buf own;
    buf_init(&own, OWN_MOST);
    bool there = admin_input(v->admin, &v->arena, &in) == E_OK && config_show(&in, SPAN("price"), v->id, &own, &t) == E_OK;
    json_pair_raw(&v->json, SPAN("override"), there ? buf_span(&own) : SPAN_NONE);
    buf_free(&own);
}

static void answer(struct visit *v)
{
    struct span model = v->id, provider;
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    const struct price *p = span_cut(&model, '/', &provider) ? price_find(s->prices, provider, model) : NULL;
    if (!p) {
        snapshot_drop(s);
        reply_problem(v, E_NOT_FOUND, NULL, "no price is known for %.*s; PUT sets one, and GET /api/v1/prices lists what there is", SPAN_ARG(span_first(v->id, 200)));
        return;
    }
    json_open(&v->json, '{');
    put_row(v, p);
    put_own(v);
    json_pair(&v->json, SPAN("snapshot"), price_book_id(s->prices));
    json_close(&v->json, '}');
    snapshot_drop(s);
    reply_json(v, 200);
}

void prices_get(struct visit *v) { answer(v); }

/* ---- changing ---- */

static bool change(struct visit *v, struct span body, const struct act *act)
{
    struct trouble t = { .set = false };
    struct config_changed made;
    struct config_change c = { .kind = SPAN("price"), .id = v->id, .body = body };
    enum err e;
    if (!objects_apply(v, &c, act, &made, &e, &t)) {
        reply_trouble(v, e, &t);
        return false;
    }
    events_tell_change(v->admin, c.kind, made.id, act->told);
    return true;
}

void prices_put(struct visit *v)
{
    static const struct act put = { { "set", 3 }, { "updated", 7 }, { 0 } };
    if (!v->body.len) {
        reply_problem(v, E_BAD_REQUEST, NULL, "allowed: a JSON object such as {\"in\": \"2.5\", \"out\": \"10\"}, in USD per million tokens");
        return;
    }
    if (change(v, buf_span(&v->body), &put))
        answer(v);
}

void prices_delete(struct visit *v)
{
    static const struct act taken = { { "delete", 6 }, { "deleted", 7 }, { 0 } };
    if (change(v, SPAN_NONE, &taken))
        reply_nothing(v);
}

/* ---- the books that were in force ---- */

void prices_note(struct admin *a, const struct snapshot *s)
{
    struct span id = price_book_id(s->prices);
    if (a->price_count && span_is(span_of(a->prices[a->price_count - 1].id), id))
        return;
    if (a->price_count == PRICE_NOTES)
        memmove(a->prices, a->prices + 1, --a->price_count * sizeof(*a->prices));
    struct price_note *n = &a->prices[a->price_count++];
    *n = (struct price_note){ .since = clock_unix_ms(), .rows = price_book_rows(s->prices), .overrides = price_book_overrides(s->prices) };
    snprintf(n->id, sizeof(n->id), "%.*s", SPAN_ARG(id));
}

static void put_file(struct json_out *o)
{
    struct config_prices_state state = config_prices_state();
    json_name(o, SPAN("refused_file"));
    if (!state.refused) {
        json_put_null(o);
        return;
    }
    json_open(o, '{');
    json_pair_time(o, SPAN("since"), state.since);
    json_pair(o, SPAN("reason"), span_of(state.why));
    json_close(o, '}');
}

void prices_snapshots(struct visit *v)
{
    struct admin *a = v->admin;
    json_open(&v->json, '{');
    json_name(&v->json, SPAN("data"));
    json_open(&v->json, '[');
    for (size_t i = a->price_count; i > 0; i--) {
        const struct price_note *n = &a->prices[i - 1];
        json_open(&v->json, '{');
        json_pair(&v->json, SPAN("id"), span_of(n->id));
        json_pair_bool(&v->json, SPAN("in_force"), i == a->price_count);
        json_pair_time(&v->json, SPAN("since"), n->since);
        json_pair_i64(&v->json, SPAN("rows"), (int64_t)n->rows);
        json_pair_i64(&v->json, SPAN("overrides"), (int64_t)n->overrides);
        json_close(&v->json, '}');
    }
    json_close(&v->json, ']');
    json_pair(&v->json, SPAN("next_cursor"), SPAN_NONE);
    put_file(&v->json);
    json_close(&v->json, '}');
    reply_json(v, 200);
}

/* ---- a file that was not taken ---- */

static void put_alarm(struct admin *a, const struct config_prices_state *state)
{
    char name[64], text[400];
    struct buf body;
    buf_init(&body, ALARM_MOST);
    struct json_out o = json_out(&body);
    snprintf(text, sizeof(text), "the price file was not taken, the last good one stays: %s", state->why);
    json_open(&o, '{');
    json_pair(&o, SPAN("event"), SPAN("prices"));
    json_pair_time(&o, SPAN("at"), state->since);
    json_pair(&o, SPAN("text"), span_of(text));
    json_pair(&o, SPAN("reason"), span_of(state->why));
    json_close(&o, '}');
    snprintf(name, sizeof(name), "prices/%lld", (long long)state->since);
    enum err e = body.broken ? E_NO_MEMORY :
        store_alert_put(books_store(a->parts.books), span_of(name), buf_span(&body), state->since, state->since + ALARM_KEPT_MS);
    if (e && e != E_CONFLICT)
        log_error("prices", "the alert about the price file could not be stored");
    else if (a->parts.alerts)
        alerts_wake(a->parts.alerts);
    buf_free(&body);
}

void prices_alarm(struct admin *a)
{
    struct config_prices_state state = config_prices_state();
    if (!state.refused) {
        a->price_alarm = 0;
        return;
    }
    if (a->price_alarm == state.since)
        return;
    a->price_alarm = state.since;
    put_alarm(a, &state);
}

void prices_metrics(struct buf *b)
{
    struct config_prices_state state = config_prices_state();
    buf_print(b, "# HELP tollgate_prices_file_refused 1 while prices_file cannot be used and the last good one stays.\n"
                 "# TYPE tollgate_prices_file_refused gauge\ntollgate_prices_file_refused %d\n", state.refused);
}
