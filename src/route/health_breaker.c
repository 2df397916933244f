/* SPDX-License-Identifier: Apache-2.0
 * health_breaker.c - a target that fails is left alone for a while, then asked once, and by that answer taken back or not.
 *
 * CLOSED is one atomic load. All turning is done under the entry's lock, and told when it is let go of. */
#include "route/health_inside.h"

#include <stdio.h>

enum { COOLDOWN_LEAST_MS = 1 };

const struct breaker_rule breaker_usual = { .failures = 5, .rate_percent = 50, .least = 20, .window_ms = 60 * 1000, .cooldown_ms = 30 * 1000 };

/* What a turn was, to be told. */
struct turn {
    bool happened;
    enum breaker now;
    char why[HEALTH_WHY];
};

static bool has_breaker(const struct health_target *t, const struct breaker_rule *r)
{
    return !t->shared && r && (r->failures > 0 || r->rate_percent > 0);
}

bool breaker_counts(const struct breaker_rule *rule, int status)
{
    if (!status)
        return true;
    if (!rule || !rule->on.given)
        return status == 429 || status >= 500;
    for (size_t i = 0; i < rule->on.count; i++)
        if (rule->on.list[i] == status)
            return true;
    return false;
}

/* ---- turning, under the lock ---- */

static enum breaker state_of(const struct health_target *t) { return (enum breaker)atomic_load_explicit(&t->state, memory_order_acquire); }

static void turn(struct health_target *t, enum breaker now, const char *why, int64_t now_ms, struct turn *out)
{
    t->since = now_ms;
    snprintf(t->why, sizeof(t->why), "%s", why);
    *out = (struct turn){ .happened = true, .now = now };
    snprintf(out->why, sizeof(out->why), "%s", why);
    atomic_store_explicit(&t->state, now, memory_order_release);
}

static void turn_open(struct health_target *t, const char *why, int64_t cooldown_ms, int64_t now_ms, struct turn *out)
{
    int64_t cooldown = cooldown_ms < COOLDOWN_LEAST_MS ? COOLDOWN_LEAST_MS : cooldown_ms;
    atomic_store(&t->cooldown, cooldown);
    atomic_store(&t->until, now_ms + cooldown);
    atomic_store(&t->probe_until, 0);
    turn(t, BREAKER_OPEN, why, now_ms, out);
}

/* What led here is forgotten, or the next failure would open it again. */
static void turn_closed(struct health_target *t, const char *why, int64_t now_ms, struct turn *out)
{
    atomic_store(&t->in_a_row, 0);
    atomic_store(&t->probe_until, 0);
    health_bins_clear(&t->fine);
    health_bins_clear(&t->coarse);
    turn(t, BREAKER_CLOSED, why, now_ms, out);
}

static void tell(const struct health_target *t, const struct turn *what)
{
    if (what->happened && t->hooks->turned)
        t->hooks->turned(t->hooks->self, t->name, what->now, span_of(what->why));
}

static void lock(struct health_target *t) { must(pthread_mutex_lock(&t->lock) == 0); }
static void unlock(struct health_target *t) { must(pthread_mutex_unlock(&t->lock) == 0); }

/* ---- may it be asked? ---- */

/* When a time that was at most `reach` away will have come; a clock that stepped back makes nobody wait longer. */
static int64_t due(int64_t until, int64_t reach, int64_t now_ms) { return until - now_ms > reach ? now_ms + reach : until; }

static enum breaker look(const struct health_target *t, int64_t now_ms, int64_t *until_ms)
{
    enum breaker state = state_of(t);
    int64_t reach = atomic_load(&t->cooldown), probe = atomic_load(&t->probe_until);
    *until_ms = 0;
    if (state == BREAKER_CLOSED)
        return BREAKER_CLOSED;
    int64_t until = due(state == BREAKER_OPEN ? atomic_load(&t->until) : probe, reach, now_ms);
    if (now_ms >= until)
        return BREAKER_HALF_OPEN;
    *until_ms = until;
    return BREAKER_OPEN;
}

enum breaker health_look(const struct health_target *t, const struct breaker_rule *rule, int64_t now_ms, int64_t *until_ms)
{
    *until_ms = 0;
    return has_breaker(t, rule) ? look(t, now_ms, until_ms) : BREAKER_CLOSED;
}

/* The time that is waited for is written down anew where the clock stepped back: else each look would begin it again. */
static void follow_clock(struct health_target *t, int64_t now_ms)
{
    int64_t reach = atomic_load(&t->cooldown);
    atomic_store(&t->until, due(atomic_load(&t->until), reach, now_ms));
    atomic_store(&t->probe_until, due(atomic_load(&t->probe_until), reach, now_ms));
}

static enum breaker ask(struct health_target *t, int64_t now_ms, int64_t *until_ms, struct turn *told)
{
    follow_clock(t, now_ms);
    enum breaker may = look(t, now_ms, until_ms);
    if (may != BREAKER_HALF_OPEN)
        return may;
    atomic_store(&t->probe_until, now_ms + atomic_load(&t->cooldown));
    if (state_of(t) == BREAKER_OPEN)
        turn(t, BREAKER_HALF_OPEN, "the cool-down is over: one call is let through", now_ms, told);
    return BREAKER_HALF_OPEN;
}

enum breaker health_ask(struct health_target *t, const struct breaker_rule *rule, int64_t now_ms, int64_t *until_ms)
{
    struct turn told = { 0 };
    *until_ms = 0;
    if (state_of(t) == BREAKER_CLOSED || !has_breaker(t, rule))
        return BREAKER_CLOSED;
    lock(t);
    enum breaker may = ask(t, now_ms, until_ms, &told);
    unlock(t);
    tell(t, &told);
    return may;
}

/* ---- how it went ---- */

static void name_status(int status, char out[32])
{
    if (status)
        snprintf(out, 32, "status %d", status);
    else
        snprintf(out, 32, "no answer");
}

static bool too_many(const struct health_target *t, const struct breaker_rule *r, int in_a_row, int status, int64_t now_ms, char why[HEALTH_WHY])
{
    char last[32];
    int calls, bad;
    name_status(status, last);
    if (r->failures > 0 && in_a_row >= r->failures) {
        snprintf(why, HEALTH_WHY, "%d failures in a row, the last: %s", in_a_row, last);
        return true;
    }
    if (r->rate_percent <= 0)
        return false;
    health_bins_sum(r->window_ms <= t->fine.width_ms * HEALTH_BINS ? &t->fine : &t->coarse, r->window_ms, now_ms, &calls, &bad);
    if (calls < r->least || (int64_t)bad * 100 < (int64_t)calls * r->rate_percent)
        return false;
    snprintf(why, HEALTH_WHY, "%d of %d calls failed within %lld s, the last: %s", bad, calls, (long long)(r->window_ms / 1000), last);
    return true;
}

/* Whether an end decides over a breaker that is not closed: the probe's; or, when the cool-down is over and no probe under way, that of a
 * call which went without asking, since no route told it to. */
static bool decides(const struct health_target *t, bool probe, int64_t now_ms)
{
    int64_t until;
    return probe ? state_of(t) == BREAKER_HALF_OPEN : look(t, now_ms, &until) == BREAKER_HALF_OPEN;
}

static void judge(struct health_target *t, const struct breaker_rule *rule, bool probe, bool bad, int status, int64_t now_ms, struct turn *told)
{
    char why[HEALTH_WHY], last[32];
    int in_a_row = atomic_load(&t->in_a_row);
    enum breaker state = state_of(t);
    if (state != BREAKER_CLOSED && decides(t, probe, now_ms) && !bad)
        turn_closed(t, probe ? "the call that was let through went well" : "a call went well after the cool-down", now_ms, told);
    else if (state != BREAKER_CLOSED && decides(t, probe, now_ms)) {
        name_status(status, last);
        snprintf(why, sizeof(why), "%s failed, too: %s", probe ? "the call that was let through" : "a call after the cool-down", last);
        turn_open(t, why, rule->cooldown_ms, now_ms, told);
    } else if (bad && state == BREAKER_CLOSED && too_many(t, rule, in_a_row, status, now_ms, why))
        turn_open(t, why, rule->cooldown_ms, now_ms, told);
}

static void count(struct health_target *t, bool bad, int64_t now_ms)
{
    atomic_fetch_add_explicit(&t->calls, 1, memory_order_relaxed);
    health_bins_add(&t->fine, bad, now_ms);
    health_bins_add(&t->coarse, bad, now_ms);
    if (bad) {
        atomic_fetch_add_explicit(&t->failures, 1, memory_order_relaxed);
        atomic_fetch_add(&t->in_a_row, 1);
    } else if (atomic_load_explicit(&t->in_a_row, memory_order_relaxed))
        atomic_store(&t->in_a_row, 0);
}

void health_begin(struct health_target *t) { atomic_fetch_add_explicit(&t->in_flight, 1, memory_order_relaxed); }

void health_end(struct health_target *t, const struct breaker_rule *rule, bool probe, bool counted, bool bad, int status, int64_t first_byte_us, int64_t now_ms)
{
    struct turn told = { 0 };
    atomic_fetch_sub_explicit(&t->in_flight, 1, memory_order_relaxed);
    if (!counted) {
        if (probe)
            atomic_store(&t->probe_until, 0); /* the next one may try */
        return;
    }
    count(t, bad, now_ms);
    if (!bad && first_byte_us >= 0)
        health_speed_add(&t->speed, first_byte_us, now_ms);
    if ((!bad && state_of(t) == BREAKER_CLOSED) || !has_breaker(t, rule))
        return;
    lock(t);
    judge(t, rule, probe, bad, status, now_ms, &told);
    unlock(t);
    tell(t, &told);
}

/* ---- by hand, or by an active probe ---- */

bool health_close(struct health_target *t, struct span why, int64_t now_ms)
{
    struct turn told = { 0 };
    char text[HEALTH_WHY];
    snprintf(text, sizeof(text), "%.*s", SPAN_ARG(span_first(why, sizeof(text) - 1)));
    lock(t);
    if (state_of(t) != BREAKER_CLOSED)
        turn_closed(t, text, now_ms, &told);
    unlock(t);
    tell(t, &told);
    return told.happened;
}

bool health_open(struct health_target *t, struct span why, int64_t cooldown_ms, int64_t now_ms)
{
    struct turn told = { 0 };
    char text[HEALTH_WHY];
    snprintf(text, sizeof(text), "%.*s", SPAN_ARG(span_first(why, sizeof(text) - 1)));
    lock(t);
    bool news = state_of(t) == BREAKER_CLOSED;
    turn_open(t, text, cooldown_ms, now_ms, &told);
    told.happened = news; /* it stays open for longer: nothing to tell */
    unlock(t);
    tell(t, &told);
    return news;
}

enum breaker health_state(struct health_target *t, int64_t now_ms, int64_t *until_ms, int64_t *since_ms, char *why)
{
    lock(t);
    enum breaker state = look(t, now_ms, until_ms);
    if (state == BREAKER_OPEN && state_of(t) == BREAKER_HALF_OPEN)
        state = BREAKER_HALF_OPEN; /* its probe is under way */
    *since_ms = t->since;
    memcpy(why, t->why, HEALTH_WHY);
    unlock(t);
    return state;
}
