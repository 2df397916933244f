/* SPDX-License-Identifier: Apache-2.0
 * race.c - several targets at once: the legs of one round are made ready, reserved together, and run until one gives an answer that is
 * fit to be given. The others are then cut off at the socket; what they may have cost by then is the call's, too.
 *
 * A racer's steps are the attempt's own. Its state is swapped into the exchange while they run, so no step knows of the race but `relay`,
 * which gives nothing to the caller before it is won, and `taste`, which says whether it is. */
#include "flow/legs.h"
#include "flow/steps.h"

/* It has lost: its books are closed, what it holds is freed. */
static void drop_racer(struct exchange *x, struct span why)
{
    struct routing *r = &x->routing;
    struct leg *l = r->racers[r->at_hand];
    if (!x->why.at)
        x->why = why;
    leg_end(x);
    leg_free(x);
    l->over = true;
}

/* ---- line_up, reserve_all: the steps before ---- */

static bool another_in_round(const struct routing *r)
{
    size_t next = r->at + 1;
    return next < r->plan.count && r->plan.list[next].round == r->plan.list[r->at].round && !r->plan.list[next].shadow;
}

enum next line_up(struct exchange *x)
{
    struct routing *r = &x->routing;
    bool more = r->planned && !r->lined_up && another_in_round(r) && x->attempt_count + r->racer_count + 1 < (size_t)r->route->tries;
    if (!more && !r->racer_count)
        return NEXT;
    if (r->lined_up)
        return NEXT;
    if (!is_llm(x) || !x->speaking.front || x->speaking.front->kind != FRONT_CALL)
        return fail(x, E_BAD_REQUEST, "only calls that a model answers in words can be raced");
    if (!leg_park(x, more))
        return fail(x, E_TOO_LARGE, "this call needs more memory than a call may have");
    if (more) {
        r->at++;
        return AIM;
    }
    r->lined_up = true;
    return NEXT;
}

/* Those that still fit run; the first one must. */
static enum next reserve_each(struct exchange *x)
{
    struct routing *r = &x->routing;
    uint64_t position = 0;
    for (size_t i = 0; i < r->racer_count; i++) {
        leg_load(x, i);
        x->charging.journaled = x->charging.journaled || i > 0;
        bool good = reserve(x) == NEXT;
        if (!good && (i == 0 || x->fault == E_LEDGER_UNAVAILABLE))
            return STOP;
        if (!good)
            drop_racer(x, SPAN_NONE);
        else
            position = x->charging.position;
    }
    leg_load(x, 0);
    x->charging.position = position;
    return NEXT;
}

enum next reserve_all(struct exchange *x)
{
    struct routing *r = &x->routing;
    if (!r->racer_count)
        return reserve(x);
    if (reserve_each(x) == STOP)
        return STOP;
    r->racing = true;
    r->race_ns = 0;
    return NEXT;
}

/* ---- the race ---- */

static bool all_over_before(const struct routing *r, size_t racer)
{
    for (size_t i = 0; i < racer; i++)
        if (!r->racers[i]->over)
            return false;
    return true;
}

/* Nanoseconds until this one starts; 0: now. One that failed lets the next one go at once. */
static int64_t starts_in(const struct exchange *x, size_t racer)
{
    const struct routing *r = &x->routing;
    const struct world *w = x->desk->world;
    int64_t at = r->race_ns + r->plan.list[r->racers[racer]->at].delay_ms * 1000000, now = w->monotonic_ns(w->self);
    return racer == 0 || now >= at || all_over_before(r, racer) ? 0 : at - now;
}

/* Until it waits, has failed (STOP), or has an answer that is fit to be given (NEXT). */
static enum next run_racer(struct exchange *x, const struct step *first)
{
    for (;;) {
        enum next next = x->step->run(x);
        if (x->cut)
            return STOP;
        switch (next) {
        case NEXT:
            if (!x->step[1].run)
                return NEXT;
            x->step++;
            break;
        case RETRY:
            x->step = first;
            break;
        case WAIT:
            return WAIT;
        default:
            return STOP;
        }
    }
}

static void drop_the_others(struct exchange *x, size_t winner)
{
    struct routing *r = &x->routing;
    for (size_t i = 0; i < r->racer_count; i++) {
        if (i == winner || r->racers[i]->over)
            continue;
        leg_load(x, i);
        drop_racer(x, SPAN("another target was faster"));
    }
    leg_load(x, winner);
    r->racer_count = 0;
    r->racing = r->lined_up = false;
}

void race_stop(struct exchange *x)
{
    if (x->routing.lined_up)
        drop_the_others(x, x->routing.at_hand);
    else
        leg_drop_parked(x);
}

static size_t alive(const struct routing *r)
{
    size_t count = 0;
    for (size_t i = 0; i < r->racer_count; i++)
        count += !r->racers[i]->over;
    return count;
}

static size_t first_alive(const struct routing *r)
{
    size_t i = 0;
    while (r->racers[i]->over)
        i++;
    return i;
}

/* The winner goes on alone: a whole answer to the end of its steps, a stream to the caller. */
static enum next win(struct exchange *x, size_t winner)
{
    drop_the_others(x, winner);
    if (x->answering.mode == RELAY_EVENTS && x->answering.ended)
        give_pending(x);
    if (x->answering.ended)
        return NEXT;
    x->step = x->routing.first_step;
    while (x->step[1].run != relay)
        x->step++;
    return NEXT;
}

/* The last one's end is the call's, whatever it is: it is looked at as if it had run alone. */
static enum next lose(struct exchange *x, size_t racer)
{
    if (alive(&x->routing) > 1) {
        drop_racer(x, SPAN("its answer was not fit to be given"));
        leg_load(x, first_alive(&x->routing)); /* one that is over is never at hand when the call is cancelled */
        return NEXT;
    }
    drop_the_others(x, racer);
    if (x->fault != E_OK)
        return STOP;
    x->again = true;
    return WAIT;
}

static void wait_for_start(struct exchange *x)
{
    const struct routing *r = &x->routing;
    const struct world *w = x->desk->world;
    for (size_t i = 0; i < r->racer_count; i++) {
        if (r->racers[i]->over || r->racers[i]->started)
            continue;
        int64_t at_ns = starts_in(x, i), left_ns = r->deadline_ns ? r->deadline_ns - w->monotonic_ns(w->self) : at_ns;
        w->await_news(w->self, x, (left_ns > 0 && left_ns < at_ns ? left_ns : at_ns) / 1000000 + 1);
        return;
    }
}

static void begin_race(struct exchange *x)
{
    struct routing *r = &x->routing;
    const struct world *w = x->desk->world;
    r->race_ns = w->monotonic_ns(w->self);
    r->first_step = x->step;
}

enum next race_run(struct exchange *x)
{
    struct routing *r = &x->routing;
    if (!r->race_ns)
        begin_race(x);
    for (size_t i = 0; i < r->racer_count; i++) {
        struct leg *l = r->racers[i];
        if (l->over || (!l->started && starts_in(x, i) > 0))
            continue;
        leg_load(x, i);
        x->step = l->started ? l->step : r->first_step;
        l->started = true;
        enum next next = run_racer(x, r->first_step);
        l->step = x->step;
        if (x->cut)
            return STOP;
        if (next == NEXT)
            return win(x, i);
        if (next == STOP && (next = lose(x, i)) != NEXT)
            return next;
    }
    wait_for_start(x);
    return WAIT;
}
