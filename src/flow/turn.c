/* SPDX-License-Identifier: Apache-2.0
 * turn.c - the steps between two attempts of a routed call: what the one before cost is booked, then the same target is asked once more,
 * after a pause, or the next one is aimed at.
 *
 * Nothing is asked again once a byte went to the caller, when the caller left, when the call has used its attempts or its time; and what
 * moves money is asked again only under an idempotency key that its vendor keeps.
 *
 * Next to read: race.c. */
#include "flow/legs.h"
#include "flow/spoiled.h"
#include "flow/steps.h"

#include "base/text.h"

/* ---- may something follow? ---- */

static bool is_safe_to_repeat(const struct exchange *x)
{
    if (x->asking.opaque || !x->asking.body_whole)
        return false;
    return is_llm(x) ? !operation_of(x)->late : !outcome_matters(x) || x->repeating.upstream_key.at;
}

bool may_turn(const struct exchange *x)
{
    const struct routing *r = &x->routing;
    return r->planned && !x->answering.began && x->caller && !x->realtime && x->attempt_count < (size_t)r->route->tries &&
           x->attempt_count < ROUTE_TRIES_MOST && is_safe_to_repeat(x);
}

static bool in_time(const struct exchange *x, int64_t wait_ms)
{
    const struct world *w = x->desk->world;
    return !x->routing.deadline_ns || w->monotonic_ns(w->self) + wait_ms * 1000000 < x->routing.deadline_ns;
}

enum next keep_time(struct exchange *x)
{
    const struct world *w = x->desk->world;
    if (!x->routing.deadline_ns || x->gone_ns) /* without its caller it has another one: `drain` */
        return NEXT;
    int64_t left_ms = (x->routing.deadline_ns - w->monotonic_ns(w->self) + 999999) / 1000000; /* over when in_time says so, not before */
    if (left_ms <= 0) {
        x->answering.lost = x->answering.call && w->sent(x->answering.call);
        return fail(x, E_UPSTREAM_TIMEOUT, "the route's deadline of %lld ms is over", (long long)x->routing.route->deadline_ms);
    }
    w->await_news(w->self, x, left_ms);
    return NEXT;
}

/* ---- how did it end? ---- */

int answered_status(const struct exchange *x)
{
    return is_spoiled(x) ? x->answering.spoiled->status : x->answering.head->status;
}

static struct attempt_end of_answer(struct exchange *x)
{
    int status = answered_status(x);
    const struct answering *a = &x->answering;
    struct span body = a->mode == RELAY_HOLD ? buf_span(&a->body) : SPAN_NONE;
    return (struct attempt_end){ .status = status, .failures = status >= 400 ? failure_of(status, body) : 0 };
}

/* Without an answer, or with half of one. */
static struct attempt_end of_failure(const struct exchange *x)
{
    switch (x->fault) {
    case E_UPSTREAM_TIMEOUT:
        return (struct attempt_end){ .failures = FAILURE_TIMEOUT | FAILURE_OUTAGE };
    case E_UPSTREAM_UNREACHABLE:
    case E_UPSTREAM_BROKEN:
    case E_OVERLOADED:
        return (struct attempt_end){ .failures = FAILURE_OUTAGE };
    default: /* the gate's own refusal */
        return (struct attempt_end){ .unfit = true };
    }
}

struct attempt_end outcome_of(struct exchange *x)
{
    return x->fault == E_OK && x->answering.head ? of_answer(x) : of_failure(x);
}

/* ---- what follows? ---- */

/* What the vendor's head says of when to come again. */
static int64_t asked_ms(const struct exchange *x)
{
    const struct http_head *h = x->answering.head;
    const struct world *w = x->desk->world;
    if (!h)
        return -1;
    return retry_asked_ms(http_get(h, SPAN("retry-after-ms")), http_get(h, SPAN("x-ms-retry-after-ms")), http_get(h, SPAN("retry-after")), w->now_ms(w->self));
}

static bool same_again(struct exchange *x, const struct attempt_end *o)
{
    struct routing *r = &x->routing;
    const struct retry *retry = &r->target->retry;
    const struct world *w = x->desk->world;
    if (o->unfit || !retry_again(retry, r->tries, o))
        return false;
    int64_t asked = asked_ms(x), wait = retry_wait_ms(retry, r->tries, asked, call_dice(x));
    if (wait < 0 || !in_time(x, wait))
        return false;
    r->pause_until_ns = w->monotonic_ns(w->self) + wait * 1000000;
    r->paused_ns += wait * 1000000;
    return true;
}

static bool credential_refused(const struct exchange *x, const struct credential *c)
{
    return x->desk->health && health_credential_refused(x->desk->health, c->upstream->vendor.slug, c->name, c->mark);
}

/* The vendor does not know this one; the key may have another. */
static bool another_credential(const struct exchange *x)
{
    const struct key *k = x->deciding.key;
    for (size_t i = 0; is_llm(x) && i < k->credential_count; i++) {
        const struct credential *c = k->credentials[i];
        if (c != x->deciding.credential && c->upstream == x->deciding.upstream && !c->disabled && !credential_refused(x, c))
            return !credential_asked(x, x->routing.target).at;
    }
    return false;
}

bool turn_decide(struct exchange *x, const struct attempt_end *o)
{
    struct routing *r = &x->routing;
    r->to = TURN_NOWHERE;
    r->pause_until_ns = 0;
    r->outcome = *o;
    if (!may_turn(x))
        return false;
    if (same_again(x, o)) {
        r->to = TURN_AGAIN;
        return true;
    }
    r->next = o->status == 401 && another_credential(x) ? r->at : plan_after(&r->plan, r->at, o);
    if (r->next < r->plan.count && in_time(x, 0))
        r->to = TURN_ON;
    return r->to != TURN_NOWHERE;
}

/* ---- a target that cannot serve this call ---- */

static void note_skipped(struct exchange *x)
{
    enum { SKIPPED_MOST = 2048 };
    struct buf *b = &x->routing.skipped;
    if (!b->ceiling)
        buf_init(b, SKIPPED_MOST);
    if (b->len + 300 < SKIPPED_MOST)
        buf_print(b, "%s%.*s: %.*s", b->len ? "; " : "", SPAN_ARG(x->routing.target->path), SPAN_ARG(span_first(x->why, 200)));
}

/* Members of its own round come first: the others still race. */
static size_t behind(const struct routing *r)
{
    const struct attempt_end unfit = { .unfit = true };
    size_t next = r->at + 1;
    bool same_round = next < r->plan.count && r->plan.list[next].round == r->plan.list[r->at].round;
    return same_round ? next : plan_after(&r->plan, r->at, &unfit);
}

/* After an attempt, that it failed is the cause, not that nobody else could be asked. */
static enum next nothing_left(struct exchange *x)
{
    const struct routing *r = &x->routing;
    if (!r->further || !x->attempt_count)
        return STOP;
    const struct attempt *last = &x->attempts[x->attempt_count - 1];
    x->fault = E_UPSTREAM_UNREACHABLE;
    x->why = arena_print(&x->arena, "%.*s failed (status %d), and no other target can serve this call: %.*s", SPAN_ARG(last->vendor), last->status,
        SPAN_ARG(buf_span(&r->skipped)));
    return STOP;
}

enum next turn_unfit(struct exchange *x)
{
    struct routing *r = &x->routing;
    if (!r->planned || x->fault == E_STOPPED || x->fault == E_KEY_REVOKED || x->fault == E_CLIENT_GONE || x->arena.broken)
        return STOP;
    note_skipped(x);
    size_t next = behind(r);
    bool other_round = next >= r->plan.count || r->plan.list[next].round != r->plan.list[r->at].round;
    if (other_round && leg_unpark(x))
        return NEXT;
    if (next >= r->plan.count)
        return nothing_left(x);
    r->at = next;
    leg_renew(x);
    return AIM;
}

/* ---- the steps ---- */

enum next book_attempt(struct exchange *x)
{
    struct routing *r = &x->routing;
    if (r->to == TURN_ON || (is_llm(x) && r->outcome.status == 0) || is_spoiled(x)) {
        leg_end(x);
        return NEXT;
    }
    r->asked = r->asked || was_sent(x);
    r->unsure = outcome_unknown(x);
    attempt_over(x, x->why); /* an answer that refuses costs nothing, and the hold goes on to the next try */
    leg_hang_up(x);
    leg_clear_answer(x);
    x->answering.doubtful = r->unsure;
    return NEXT;
}

enum next pause_before(struct exchange *x)
{
    const struct world *w = x->desk->world;
    int64_t left_ms = (x->routing.pause_until_ns - w->monotonic_ns(w->self) + 999999) / 1000000;
    if (!x->caller)
        return fail(x, E_CLIENT_GONE, "the caller closed its connection while the gate waited to ask again");
    if (x->routing.pause_until_ns == 0 || left_ms <= 0)
        return NEXT;
    w->await_news(w->self, x, left_ms);
    return WAIT;
}

/* The try before was counted at its worst: this one is held anew. The limit that the gate set stands in the body. */
static enum next hold_again(struct exchange *x)
{
    struct charging *c = &x->charging;
    if (c->output_limit >= 0)
        x->deciding.ask.output_limit = c->output_limit;
    *c = (struct charging){ .journaled = c->journaled, .position = c->position, .output_limit = -1, .remaining = -1 };
    return price_call(x) == STOP || reserve(x) == STOP ? STOP : NEXT;
}

/* AIM: the next target, from its aiming on; NEXT: the same words once more. */
enum next choose_target(struct exchange *x)
{
    struct routing *r = &x->routing;
    if (r->to == TURN_ON) {
        r->at = r->next;
        leg_renew(x);
        return AIM;
    }
    r->tries++;
    x->fault = E_OK;
    x->why = SPAN_NONE;
    leg_clear_answer(x);
    x->answering.doubtful = r->unsure;
    return x->charging.hold.open ? NEXT : hold_again(x);
}
