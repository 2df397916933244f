/* SPDX-License-Identifier: Apache-2.0
 * pipeline.c - the life of a call, top to bottom. Start reading here.
 *
 * A step returns NEXT when its work is done, WAIT when something will wake the exchange (the same step then runs again),
 * RETRY to try upstream once more, STOP to go to the end. Whatever happens, finish runs, once: no call leaves without
 * its books closed and its row written, and its caller gets the last byte only after that. */
#include "flow/steps.h"

#include <stdarg.h>
#include <stdio.h>

static const struct step admit[] = {
    /* once per call */
    { "read_target", read_target },         /* which vendor, which run, one canonical path */
    { "identify", identify },               /* whose key is this? */
    { "match_operation", match_operation }, /* what does it do? unknown is refused */
    { "allow", allow },                     /* stops, expiry, address, policy */
    { "read_body", read_body },             /* only if someone must read it */
    { "understand", understand },           /* model, scopes, parameters, one canonical body */
    { "recall", recall },                   /* asked before under this idempotency key? then the same answer */
    { "brake", brake },                     /* a loop, a runaway? */
    { "price_call", price_call },           /* what can it cost at most? */
    { "reserve", reserve },                 /* hold that on every account, or refuse */
    { "commit", commit },                   /* what moves money waits until that is on the platter */
    { NULL, NULL },
};

static const struct step again[] = {
    /* instead of admit, for a call in doubt: what was admitted once is asked again, with the books as they are */
    { "revive", revive },
    { "match_operation", match_operation },
    { "allow_again", allow_again },
    { "understand_again", understand_again },
    { NULL, NULL },
};

static const struct step attempt[] = {
    /* once per try */
    { "open_upstream", open_upstream }, /* a connection, pooled or new */
    { "send_request", send_request },   /* the last look at the stops; then compose, sign, send */
    { "await_head", await_head },       /* the rest of the body goes up meanwhile */
    { "judge", judge },                 /* how to pass the answer on */
    { "relay", relay },                 /* bytes down, tapped for metering */
    { NULL, NULL },
};

static const struct step finish[] = {
    /* always, exactly once */
    { "settle", settle }, /* swap the hold for the true cost */
    { "keep", keep },     /* the answer, for those who ask the same again */
    { "record", record }, /* one audit row */
    { "commit_row", commit_row }, /* durability: strict */
    { "tell", tell },     /* budgets that passed a mark, brakes, duplicates that wait */
    { "answer", answer }, /* what was held back: a small answer, a refusal, a stream's end */
    { "close_upstream", close_upstream },
    { NULL, NULL },
};

static const struct step *const stages[] = { admit, attempt, finish };

static void enter(struct exchange *x, enum stage stage)
{
    x->stage = stage;
    x->step = stage < OVER ? stages[stage] : NULL;
}

static void advance(struct exchange *x)
{
    enum next next = x->step->run(x);
    if (x->cut && x->stage < FINISH)
        next = STOP;
    x->cut = false;
    switch (next) {
    case NEXT:
        x->step++;
        if (!x->step->run)
            enter(x, x->stage + 1);
        break;
    case WAIT:
        x->running = x->again; /* woken meanwhile: the same step once more */
        x->again = false;
        break;
    case RETRY:
        enter(x, ATTEMPT);
        break;
    case STOP:
        enter(x, FINISH);
        break;
    }
}

const struct step *exchange_first_step(bool second)
{
    return second ? again : admit;
}

void exchange_run(struct exchange *x)
{
    if (x->running) {
        x->again = true;
        return;
    }
    x->running = true;
    x->again = false;
    while (x->running && x->stage < OVER)
        advance(x);
    if (x->stage == OVER)
        x->desk->world->over(x->desk->world->self, x);
}

void exchange_cancel(struct exchange *x, enum err why, struct span text)
{
    if (x->stage >= FINISH)
        return;
    (void)fail_span(x, why, text);
    if (x->running) { /* from inside a step: it ends as if it had said STOP */
        x->cut = x->again = true;
        return;
    }
    enter(x, FINISH);
    exchange_run(x);
}

/* Money that may have moved is worth more than a connection: the answer is awaited without a reader. */
void exchange_hang_up(struct exchange *x)
{
    bool sent = x->answering.call && x->desk->world->sent(x->answering.call);
    x->caller = NULL;
    if (x->stage == ATTEMPT && sent && !is_llm(x) && operation_of(x)->writes && x->asking.body_whole)
        exchange_run(x);
    else
        exchange_cancel(x, E_CLIENT_GONE, SPAN("the caller closed its connection"));
}

enum next fail_span(struct exchange *x, enum err why, struct span text)
{
    if (x->fault == E_OK) {
        x->fault = why;
        x->why = text;
    }
    return STOP;
}

enum next fail(struct exchange *x, enum err why, const char *format, ...)
{
    char text[1024];
    va_list args;
    if (x->fault != E_OK)
        return STOP;
    va_start(args, format);
    int n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
    return fail_span(x, why, arena_copy(&x->arena, span_make(text, len)));
}
