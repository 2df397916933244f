/* SPDX-License-Identifier: Apache-2.0
 * pipeline.c - the life of a call, top to bottom. Start reading here.
 *
 * A step returns NEXT when its work is done, WAIT when something will wake the exchange (the same step then runs again),
 * RETRY to try upstream once more, STOP to go to the end. Whatever happens, finish runs, once: no call leaves without
 * its books closed and its row written, and its caller gets the last byte only after that. */
#include "flow/realtime.h"
#include "flow/steps.h"

#include <stdarg.h>
#include <stdio.h>

enum { OF_TARGET = true };

static const struct step admit[] = {
    /* once per call; those marked OF_TARGET decide for one target of a route: what they refuse, the next one may serve */
    { "read_target", read_target, 0 },         /* which vendor, which run, one canonical path */
    { "identify", identify, 0 },               /* whose key is this? */
    { "capture_begin", capture_begin, 0 },     /* is its content to be kept? */
    { "match_operation", match_operation, 0 }, /* what does it do? unknown is refused */
    { "route", route, 0 },                     /* there may be several ways: which, in which order? */
    { "aim", aim, OF_TARGET },                 /* at the first of them */
    { "direct", direct, OF_TARGET },           /* a model was named, no vendor: whose is it? */
    { "allow", allow, OF_TARGET },             /* stops, expiry, address, policy */
    { "grant", grant, 0 },                     /* a token asked for first is the key itself */
    { "read_body", read_body, 0 },             /* only if someone must read it */
    { "guard_input", guard_input, OF_TARGET }, /* what its target has to say about the words */
    { "speak", speak, OF_TARGET },             /* the vendor speaks another dialect: its words from here on */
    { "understand", understand, OF_TARGET },   /* model, scopes, parameters, one canonical body */
    { "permit", permit, OF_TARGET },           /* may this key do that with these objects and values? */
    { "take_account", take_account, OF_TARGET }, /* several credentials take turns */
    { "qualify", qualify, OF_TARGET },         /* can that model do it, and is its vendor well? */
    { "recall", recall, 0 },                   /* asked before under this idempotency key? then the same answer */
    { "look_up", look_up, 0 },                 /* did somebody ask the very same? then that answer, at no cost */
    { "brake", brake, 0 },                     /* a loop, a runaway? */
    { "glance", glance, OF_TARGET },           /* surely too dear? then nobody is asked about anything */
    { "consult", consult, 0 },                 /* whose charge is it? what is named only by id is read first */
    { "permit_objects", permit_objects, 0 },   /* may this key touch what was found? */
    { "price_call", price_call, OF_TARGET },   /* what can it cost at most? */
    { "approve", approve, 0 },                 /* must a person say yes first? */
    { "line_up", line_up, 0 },                 /* a race: the others are made ready, too */
    { "reserve", reserve_all, 0 },             /* hold that on every account, or refuse */
    { "rehearse", rehearse, 0 },               /* a dry run ends here */
    { "commit", commit, 0 },                   /* what moves money waits until that is on the platter */
    { "seek_alike", seek_alike, 0 },           /* was it asked in other words? */
    { NULL, NULL, 0 },
};

static const struct step again[] = {
    /* instead of admit, for a call in doubt: what was admitted once is asked again, with the books as they are */
    { "revive", revive, 0 },
    { "match_operation", match_operation, 0 },
    { "allow_again", allow_again, 0 },
    { "understand", understand, 0 },
    { "permit", permit, 0 },
    { "consult", consult, 0 },
    { "permit_objects", permit_objects, 0 },
    { "ask_again", ask_again, 0 },
    { NULL, NULL, 0 },
};

static const struct step late[] = {
    /* instead of admit, for a call that was carried out and whose price comes later: a read, which no stop forbids */
    { "revive", revive, 0 },
    { "match_operation", match_operation, 0 },
    { "understand", understand, 0 },
    { "ask_late", ask_late, 0 },
    { NULL, NULL, 0 },
};

static const struct step hook[] = {
    /* instead of admit, for a vendor's call to us: it ends without an attempt */
    { "read_hook", read_hook, 0 },           /* for which credential? */
    { "verify_hook", verify_hook, 0 },       /* did the vendor sign it? */
    { "attribute_hook", attribute_hook, 0 }, /* which call made what it is about? */
    { NULL, NULL, 0 },
};

static const struct step result[] = {
    /* instead of admit, for a link to a result: a read without a key, that ends without an attempt */
    { "result_read", result_read, 0 },   /* is it a link of ours, and still good? */
    { "result_ask", result_ask, 0 },     /* where the vendor keeps it */
    { "result_await", result_await, 0 }, /* its head */
    { "result_relay", result_relay, 0 }, /* its bytes */
    { NULL, NULL, 0 },
};

static const struct step self[] = {
    /* instead of admit, for a key that asks what it may still spend: no call, and no row but of a refusal */
    { "read_target", read_target, 0 },
    { "identify", identify, 0 },
    { "tell_self", tell_self, 0 },
    { NULL, NULL, 0 },
};

static const struct step attempt[] = {
    /* once per try */
    { "dress", dress, 0 },                 /* the secret, or a token for it, in its place */
    { "open_upstream", open_upstream, 0 }, /* a connection, pooled or new */
    { "send_request", send_request, 0 },   /* the last look at the stops; then compose, sign, send */
    { "await_head", await_head, 0 },       /* the rest of the body goes up meanwhile */
    { "judge", judge, 0 },                 /* how to pass the answer on */
    { "guard_judge", guard_judge, 0 },     /* if it may be passed on at all unread */
    { "relay", relay, 0 },                 /* bytes down, tapped for metering */
    { "guard_output", guard_output, 0 },   /* ... or held: what its target has to say about them */
    { "taste", taste, 0 },                 /* is it an answer, or may another target give a better one? */
    { NULL, NULL, 0 },
};

static const struct step turning[] = {
    /* after an attempt that failed, where its route leads on; nothing of it went to the caller */
    { "book_attempt", book_attempt, 0 }, /* its connection closed, what it may have cost counted */
    { "pause", pause_before, 0 },        /* as long as the vendor asks, or by dice */
    { "choose", choose_target, 0 },      /* the same once more, or the next */
    { NULL, NULL, 0 },
};

static const struct step aiming[] = {
    /* admit for a further leg: the call is let in, this target is judged as the first one was */
    { "aim", aim, OF_TARGET },
    { "direct", direct, OF_TARGET },
    { "allow", allow, OF_TARGET },
    { "guard_input", guard_input, OF_TARGET },
    { "speak", speak, OF_TARGET },
    { "understand", understand, OF_TARGET },
    { "permit", permit, OF_TARGET },
    { "take_account", take_account, OF_TARGET },
    { "qualify", qualify, OF_TARGET },
    { "price_call", price_call, OF_TARGET },
    { "approve", approve, 0 },
    { "line_up", line_up, 0 },
    { "reserve", reserve_all, 0 },
    { "commit", commit, 0 },
    { NULL, NULL, 0 },
};

static const struct step finish[] = {
    /* always, exactly once */
    { "settle", settle, 0 }, /* swap the hold for the true cost */
    { "cover", cover, 0 },   /* what the caller must not see of the answer */
    { "reword", reword, 0 }, /* ... which is said in the caller's dialect */
    { "keep", keep, 0 },     /* the answer, for those who ask the same again */
    { "guard_tell", guard_tell, 0 }, /* Portkey's callers: what guards found */
    { "capture_end", capture_end, 0 }, /* its content, to be sealed */
    { "record", record, 0 }, /* one audit row */
    { "commit_row", commit_row, 0 }, /* durability: strict */
    { "tell", tell, 0 },     /* budgets that passed a mark, brakes, duplicates that wait */
    { "answer", answer, 0 }, /* what was held back: a small answer, a refusal, a stream's end */
    { "close_upstream", close_upstream, 0 },
    { NULL, NULL, 0 },
};

static const struct step *const stages[] = { admit, attempt, turning, aiming, finish };

static void enter(struct exchange *x, enum stage stage)
{
    if (stage == FINISH && x->routing.racer_count)
        race_stop(x);
    x->stage = stage;
    x->step = stage < OVER ? stages[stage] : NULL;
}

/* A leg is made ready from its aiming on: the first ones within admit, so that no call is let in by half of it. */
static void aim_again(struct exchange *x)
{
    if (x->stage != ADMIT) {
        enter(x, AIMING);
        return;
    }
    x->step = admit;
    while (x->step->run != aim)
        x->step++;
}

static enum stage after(enum stage stage)
{
    static const enum stage next[] = { [ADMIT] = ATTEMPT, [ATTEMPT] = FINISH, [TURNING] = ATTEMPT, [AIMING] = ATTEMPT, [FINISH] = OVER };
    return next[stage];
}

/* What a step refused may be another target's to grant; what failed on the way may be tried again. */
static void stopped(struct exchange *x)
{
    bool failed = x->fault != E_OK && !x->cut;
    enum next otherwise = failed && x->step->of_target ? turn_unfit(x) : STOP;
    if (otherwise == AIM)
        aim_again(x);
    if (otherwise != STOP)
        return;
    if (failed && x->stage == ATTEMPT && is_routed(&x->routing)) {
        const struct attempt_end o = outcome_of(x);
        if (turn_decide(x, &o)) {
            enter(x, TURNING);
            return;
        }
    }
    enter(x, FINISH);
}

static void advance(struct exchange *x)
{
    enum next next = x->stage == ATTEMPT && x->routing.racing ? race_run(x) : x->step->run(x);
    if (x->cut && x->stage != FINISH)
        next = STOP;
    switch (next) {
    case NEXT:
        x->step++;
        if (!x->step->run)
            enter(x, after(x->stage));
        break;
    case WAIT:
        x->running = x->again; /* woken meanwhile: the same step once more */
        x->again = false;
        break;
    case RETRY:
        enter(x, ATTEMPT);
        break;
    case AIM:
        aim_again(x);
        break;
    case TURN:
        enter(x, TURNING);
        break;
    case STOP:
        stopped(x);
        break;
    }
    x->cut = false;
}

const struct step *exchange_first_step(enum beginning how)
{
    static const struct step *const tables[] = { admit, again, late, hook, result, self };
    return tables[how];
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

/* Money that may have moved is worth more than a connection: the answer is awaited without a reader. A model's answer is broken off, or
 * drained to the usage at its end, as the operator says of the vendor. */
static bool is_awaited(const struct exchange *x)
{
    if (x->realtime)
        return realtime_goes_on(x);
    if (is_llm(x) && !operation_of(x)->late)
        return x->deciding.upstream->when_gone == GONE_DRAIN;
    return outcome_matters(x);
}

void exchange_hang_up(struct exchange *x)
{
    const struct world *w = x->desk->world;
    bool sent = x->answering.call && w->sent(x->answering.call);
    bool goes_on = x->stage == ATTEMPT && !x->routing.racing && sent && x->asking.body_whole && is_awaited(x);
    x->caller = NULL;
    x->gone_ns = w->monotonic_ns(w->self);
    if (goes_on)
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
