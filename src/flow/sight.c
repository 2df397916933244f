/* SPDX-License-Identifier: Apache-2.0
 * sight.c - what a call that is over looked like, for those who watch: told to its worker's observer when its row is written. */
#include "flow/sight.h"

#include "flow/steps.h"
#include "observe/observe.h"

_Static_assert((int)SIGHT_DENIED == VERDICT_DENIED && (int)SIGHT_ERROR == VERDICT_ERROR && (int)SIGHT_IN_DOUBT == VERDICT_IN_DOUBT, "one order");

static int64_t us_between(int64_t from_ns, int64_t to_ns) { return from_ns > 0 && to_ns > from_ns ? (to_ns - from_ns) / 1000 : 0; }

static int last_status(const struct exchange *x) { return x->attempt_count ? x->attempts[x->attempt].status : 0; }

/* A caller that leaves is no failure of anyone's. */
static bool has_failed(const struct exchange *x, const struct journal_row *row)
{
    int status = last_status(x);
    return (row->verdict == VERDICT_ERROR && x->fault != E_CLIENT_GONE) || row->verdict == VERDICT_IN_DOUBT || status == 429 || status >= 500;
}

/* Callers may name models as they like; only what has a price, or was answered, is a series. */
static struct span known_model(const struct exchange *x)
{
    int status = last_status(x);
    bool known = x->deciding.price || (status >= 200 && status < 300);
    return known && x->facts.model.at ? x->facts.model : SPAN("");
}

static struct span or_empty(struct span s) { return s.at ? s : SPAN(""); }

static void tell_attempts(const struct exchange *x, int64_t now_ns)
{
    for (size_t i = 0; i < x->attempt_count; i++) {
        const struct attempt *a = &x->attempts[i];
        observe_attempt(x->desk->observer, or_empty(a->vendor), a->status, us_between(a->started_ns, a->ended_ns ? a->ended_ns : now_ns));
    }
}

void sight_call(const struct exchange *x, const struct journal_row *row)
{
    const struct world *w = x->desk->world;
    const struct key *key = x->deciding.key;
    if (!x->desk->observer)
        return;
    int64_t now = w->monotonic_ns(w->self);
    const struct times *t = &x->times;
    struct sight s = { .second = w->now_ms(w->self) / 1000,
        .workspace = or_empty(row->workspace),
        .vendor = or_empty(row->vendor),
        .operation = or_empty(row->operation),
        .model = known_model(x),
        .key = key && x->snapshot->settings.metrics.keys ? key->name : SPAN_NONE,
        .verdict = (enum sight_verdict)row->verdict,
        .denied = x->fault,
        .failed = has_failed(x, row),
        .forwarded = t->sent_ns != 0,
        .generated = is_llm(x),
        .cost = row->cost,
        .tokens = { row->tokens_in, row->tokens_out, cached_tokens(&x->answering.usage), x->answering.usage.tokens[METER_REASON] },
        .duration_us = us_between(t->began_ns, now),
        .gate_us = gate_time_us(x, now),
        .first_byte_us = t->first_byte_ns ? us_between(t->began_ns, t->first_byte_ns) : -1,
        .gap_us = x->answering.gap_ns ? x->answering.gap_ns / 1000 : -1,
        .cache = x->caching.outcome ? caching_name(x->caching.outcome) : SPAN_NONE };
    observe_call(x->desk->observer, &s);
    tell_attempts(x, now);
}

void sight_refused(struct observer *o, enum err why, int64_t now_ms)
{
    const struct sight s = { .second = now_ms / 1000, .workspace = SPAN(""), .vendor = SPAN(""), .operation = SPAN(""), .model = SPAN(""),
        .verdict = SIGHT_DENIED, .denied = why, .gate_us = -1, .first_byte_us = -1, .gap_us = -1 };
    observe_call(o, &s);
}

void sight_open(struct observer *o, const struct list *live)
{
    observe_open_clear(o);
    for (const struct list *at = live->next; at != live; at = at->next) {
        const struct exchange *x = CONTAINER_OF(at, struct exchange, link);
        const struct ledger_hold *holds[ROUTE_RACERS_MOST + 1];
        if (!x->doubt)
            observe_open(o, or_empty(x->facts.workspace), exchange_holds(x, holds) ? call_reserved(x) : 0);
    }
    observe_open_done(o);
}
