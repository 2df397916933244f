/* SPDX-License-Identifier: Apache-2.0
 * legs.c - a call's legs: how one begins, ends, and stands aside while another one is at hand. */
#include "flow/legs.h"

#include "base/digest.h"
#include "flow/side.h"
#include "flow/speak.h"
#include "flow/steps.h"

enum { PLAIN_MOST = 16 << 20 /* bytes that one run of a compressed answer may be read as */ };

/* ---- beginning ---- */

static void begin_answer(struct exchange *x)
{
    const struct limits *limits = &x->snapshot->settings.limits;
    buf_init(&x->answering.body, (size_t)limits->answer_bytes);
    buf_init(&x->answering.pending, (size_t)limits->answer_bytes);
    buf_init(&x->answering.veiled, VEIL_HELD);
    buf_init(&x->answering.plain, PLAIN_MOST);
}

void leg_begin(struct exchange *x)
{
    buf_init(&x->asking.body, (size_t)x->snapshot->settings.limits.body_bytes);
    x->charging.output_limit = x->charging.remaining = -1;
    begin_answer(x);
}

/* ---- end ---- */

static void free_answer(struct exchange *x)
{
    struct answering *a = &x->answering;
    cached_free(x);
    must(!a->call);
    buf_free(&a->body);
    buf_free(&a->pending);
    buf_free(&a->plain);
    veil_drop(a->veil);
    buf_free(&a->veiled);
    coding_free(a->coding);
    if (a->events)
        frames_free(&a->frames);
}

/* Secrets that were put into the request's body, or fetched, do not stay in freed memory. */
static void wipe(struct span s)
{
    if (s.at)
        secret_wipe((void *)(uintptr_t)s.at, s.len);
}

void leg_free(struct exchange *x)
{
    must(!x->charging.hold.open);
    must(!x->side.call);
    wipe(x->deciding.dressed);
    wipe(x->deciding.token);
    buf_free(&x->asking.body);
    free_answer(x);
    speak_free(x);
}

void leg_clear_answer(struct exchange *x)
{
    free_answer(x);
    memset(&x->answering, 0, sizeof(x->answering));
    begin_answer(x);
    speak_begin_anew(x);
}

/* The same caller with the same words: nothing of what was decided for the leg before. */
static void take_over(struct exchange *x, const struct leg *old)
{
    x->asking = old->asking;
    memset(&x->asking.body, 0, sizeof(x->asking.body));
    x->asking.query = x->routing.query;
    x->facts = (struct facts){ .workspace = old->facts.workspace,
        .key_id = old->facts.key_id,
        .user = old->facts.user,
        .team = old->facts.team,
        .run = old->facts.run,
        .step = old->facts.step,
        .tags = old->facts.tags,
        .tag_count = old->facts.tag_count,
        .metadata = old->facts.metadata };
    x->deciding = (struct deciding){ .key = old->deciding.key, .policy_version = old->deciding.policy_version };
    x->speaking = (struct speaking){ .front = old->speaking.front, .dialect = old->speaking.dialect, .model_in_path = old->speaking.model_in_path };
    x->charging = (struct charging){ .journaled = old->charging.journaled, .position = old->charging.position };
    memset(&x->guarding, 0, sizeof(x->guarding));
    memset(&x->side, 0, sizeof(x->side));
    memset(&x->consulting, 0, sizeof(x->consulting));
    memset(&x->answering, 0, sizeof(x->answering));
    x->times = (struct times){ .began_ms = old->times.began_ms, .began_ns = old->times.began_ns };
    x->routing.health = NULL;
    x->fault = E_OK;
    x->why = x->rule = SPAN_NONE;
    leg_begin(x);
}

static void store(const struct exchange *x, struct leg *l)
{
    l->asking = x->asking;
    l->facts = x->facts;
    l->deciding = x->deciding;
    l->speaking = x->speaking;
    l->charging = x->charging;
    l->guarding = x->guarding;
    l->side = x->side;
    l->consulting = x->consulting;
    l->answering = x->answering;
    l->times = x->times;
    l->attempt = x->attempt;
    l->at = x->routing.at;
    l->target = x->routing.target;
    l->health = x->routing.health;
    l->fault = x->fault;
    l->why = x->why;
    l->rule = x->rule;
}

static void fetch(struct exchange *x, const struct leg *l)
{
    x->asking = l->asking;
    x->facts = l->facts;
    x->deciding = l->deciding;
    x->speaking = l->speaking;
    x->charging = l->charging;
    x->guarding = l->guarding;
    x->side = l->side;
    x->consulting = l->consulting;
    x->answering = l->answering;
    x->times = l->times;
    x->attempt = l->attempt;
    x->routing.at = l->at;
    x->routing.target = l->target;
    x->routing.health = l->health;
    x->fault = l->fault;
    x->why = l->why;
    x->rule = l->rule;
}

void leg_renew(struct exchange *x)
{
    struct leg old;
    store(x, &old);
    leg_free(x);
    take_over(x, &old);
}

/* ---- racers ---- */

bool leg_park(struct exchange *x, bool fresh)
{
    struct routing *r = &x->routing;
    struct leg *l = r->racer_count < ROUTE_RACERS_MOST ? ARENA_NEW(&x->arena, struct leg) : NULL;
    if (!l)
        return false;
    store(x, l);
    l->step = x->step;
    r->at_hand = r->racer_count;
    r->racers[r->racer_count++] = l;
    if (fresh)
        take_over(x, l);
    return true;
}

void leg_drop_parked(struct exchange *x)
{
    struct routing *r = &x->routing;
    struct leg at_hand;
    store(x, &at_hand);
    for (size_t i = 0; i < r->racer_count; i++) {
        fetch(x, r->racers[i]);
        leg_free(x);
    }
    fetch(x, &at_hand);
    r->racer_count = 0;
}

bool leg_unpark(struct exchange *x)
{
    struct routing *r = &x->routing;
    if (!r->racer_count)
        return false;
    leg_free(x);
    r->at_hand = r->racer_count - 1;
    fetch(x, r->racers[r->at_hand]);
    x->step = r->racers[r->at_hand]->step;
    r->lined_up = true;
    return true;
}

void leg_load(struct exchange *x, size_t racer)
{
    struct routing *r = &x->routing;
    must(racer < r->racer_count);
    if (racer == r->at_hand)
        return;
    store(x, r->racers[r->at_hand]);
    r->at_hand = racer;
    fetch(x, r->racers[racer]);
}

/* ---- books ---- */

void note_ended(struct exchange *x, const struct facts *facts, const struct charging *charging)
{
    struct ended *e = ARENA_NEW(&x->arena, struct ended);
    must(e || x->arena.broken);
    if (!e)
        return;
    e->facts = *facts;
    e->charging = *charging;
    *x->routing.ended_end = e;
    x->routing.ended_end = &e->next;
}

/* What tells nothing of the target: a caller that left, an operator's stop. */
static bool tells_of_target(const struct exchange *x)
{
    return x->fault == E_OK || x->fault == E_UPSTREAM_UNREACHABLE || x->fault == E_UPSTREAM_TIMEOUT || x->fault == E_UPSTREAM_BROKEN;
}

static void tell_health(struct exchange *x, const struct attempt *a)
{
    struct health_target *t = x->routing.health;
    const struct world *w = x->desk->world;
    if (!t)
        return;
    const struct breaker_rule *rule = x->routing.target ? &x->routing.target->breaker : &breaker_usual;
    int status = x->fault == E_OK || x->answering.tasted ? a->status : 0;
    int64_t first_us = x->times.head_ns > a->started_ns ? (x->times.head_ns - a->started_ns) / 1000 : -1;
    health_end(t, rule, x->deciding.probes, tells_of_target(x), breaker_counts(rule, status), a->status, first_us, w->now_ms(w->self));
    heed_refusal(x, a->status);
    x->routing.health = NULL;
}

void attempt_over(struct exchange *x, struct span why)
{
    const struct world *w = x->desk->world;
    struct attempt *a = &x->attempts[x->attempt];
    if (!x->deciding.tries || a->ended_ns)
        return;
    a->ended_ns = w->monotonic_ns(w->self);
    a->cost = x->charging.cost;
    a->why = why;
    tell_health(x, a);
}

void leg_hang_up(struct exchange *x)
{
    side_end(x);
    if (x->answering.call)
        x->desk->world->close(x->answering.call);
    x->answering.call = NULL;
    x->answering.head = NULL;
}

/* However many vendors were asked, or will be by those that race, a call is one request. */
void count_request(struct exchange *x, int64_t real[UNIT_COUNT])
{
    struct routing *r = &x->routing;
    r->asked = r->asked || was_sent(x);
    if (r->planned && (r->asked || r->racing))
        real[UNIT_REQUESTS] = x->facts.worst[UNIT_REQUESTS];
}

/* A leg whose outcome is not known is counted at its worst: no budget is passed by what a vendor may have done. */
void leg_end(struct exchange *x)
{
    int64_t real[UNIT_COUNT] = { 0 };
    struct charging *c = &x->charging;
    if (!was_sent(x)) {
        c->priced = true;
    } else if (outcome_unknown(x)) {
        memcpy(real, x->facts.worst, sizeof(real));
        real[UNIT_CALLS] = 0;
        c->priced = x->facts.cost_known;
        c->estimated = true;
    } else {
        measure(x, real);
    }
    count_request(x, real);
    x->routing.counted = x->routing.counted || real[UNIT_REQUESTS];
    c->cost = real[UNIT_USD];
    close_books(x, real);
    attempt_over(x, x->why);
    if (c->reserved)
        note_ended(x, &x->facts, c);
    *c = (struct charging){ .journaled = c->journaled, .position = c->position, .output_limit = c->output_limit, .remaining = -1 }; /* it stands among the ended */
    x->routing.further = true;
    leg_hang_up(x);
}

/* ---- all legs together ---- */

static bool stands_aside(const struct routing *r, size_t racer)
{
    return !r->racers[racer]->over && !(r->lined_up && racer == r->at_hand);
}

const struct stop *exchange_stop(const struct exchange *x, const struct stop_set *stops, int64_t now_ms)
{
    const struct routing *r = &x->routing;
    const struct stop *stop = stop_set_match(stops, &x->facts, now_ms);
    for (size_t i = 0; !stop && i < r->racer_count; i++)
        if (stands_aside(r, i))
            stop = stop_set_match(stops, &r->racers[i]->facts, now_ms);
    return stop;
}

size_t exchange_holds(const struct exchange *x, const struct ledger_hold *out[ROUTE_RACERS_MOST + 1])
{
    const struct routing *r = &x->routing;
    size_t count = 0;
    if (x->charging.hold.open)
        out[count++] = &x->charging.hold;
    if (r->bill && r->bill->charging.hold.open && r->racer_count <= ROUTE_RACERS_MOST - 1)
        out[count++] = &r->bill->charging.hold;
    for (size_t i = 0; i < r->racer_count; i++)
        if (stands_aside(r, i) && r->racers[i]->charging.hold.open)
            out[count++] = &r->racers[i]->charging.hold;
    return count;
}

/* ---- sums ---- */

nano_usd call_reserved(const struct exchange *x)
{
    const struct routing *r = &x->routing;
    nano_usd sum = x->charging.reserved || x->fault == E_OK ? x->facts.worst[UNIT_USD] : 0;
    for (const struct ended *e = r->ended; e; e = e->next)
        sum = money_add(sum, e->facts.worst[UNIT_USD]);
    for (size_t i = 0; i < r->racer_count; i++)
        if (i != r->at_hand && !r->racers[i]->over)
            sum = money_add(sum, r->racers[i]->facts.worst[UNIT_USD]);
    return sum;
}

nano_usd call_cost(const struct exchange *x)
{
    nano_usd sum = x->charging.cost;
    for (const struct ended *e = x->routing.ended; e; e = e->next)
        sum = money_add(sum, e->charging.cost);
    return sum;
}

bool call_estimated(const struct exchange *x)
{
    bool some = x->charging.estimated;
    for (const struct ended *e = x->routing.ended; e; e = e->next)
        some = some || e->charging.estimated;
    return some;
}
