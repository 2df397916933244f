/* SPDX-License-Identifier: Apache-2.0
 * gate_first.c - see gate_int.h. One worker resolves doubts and decides approvals, so each is resolved or decided once. */
#include "flow/gate_int.h"

#include <time.h>

#include "base/log.h"
#include "flow/steps.h"

/* ---- doubts ---- */

struct asking_worker {
    uint64_t call;
    bool resolve, happened;
    nano_usd cost;
    struct span actor, reason;
    enum err answer;
};

static void ask_first(void *self)
{
    struct errand *e = self;
    struct asking_worker *q = e->ask;
    struct doubts *doubts = e->worker->doubts;
    q->answer = q->resolve ? doubts_resolve(doubts, q->call, q->happened, q->cost, q->actor, q->reason) : doubts_ask_again(doubts, q->call);
    gate_errand_done(e);
}

static enum err ask_the_first(struct gate *g, struct asking_worker *q)
{
    struct errand what = { .ask = q };
    gate_begin_order(g);
    if (g->running)
        gate_send(g, ask_first, &what, 1);
    else
        q->answer = E_DRAINING;
    gate_end_order(g);
    return q->answer;
}

enum err gate_resolve(struct gate *g, uint64_t call, bool happened, nano_usd cost, struct span actor, struct span reason)
{
    enum { TRIES = 30, PAUSE_NS = 100 * 1000 * 1000 };
    struct asking_worker q = { .call = call, .resolve = true, .happened = happened, .cost = cost, .actor = actor, .reason = reason };
    enum err e = ask_the_first(g, &q);
    for (int i = 0; e == E_OVERLOADED && i < TRIES; i++) { /* the store syncs about once a second */
        nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
        e = ask_the_first(g, &q);
    }
    return e;
}

enum err gate_ask_again(struct gate *g, uint64_t call)
{
    struct asking_worker q = { .call = call };
    return ask_the_first(g, &q);
}

/* ---- approvals ---- */

struct deciding_person {
    struct span id, actor, note;
    bool approve;
    struct arena *arena;
    struct approval *out;
    enum err answer;
    uint64_t position; /* behind its note in the first worker's journal */
};

/* Before it is said: what a person decided must not be forgotten. */
static enum err note_decision(struct worker *w, const struct approval *a)
{
    struct buf *b = &w->desk.scratch;
    buf_clear(b);
    struct json_out o = json_out(b);
    approval_write(a, &o);
    struct journal_note note = { .what = NOTE_APPROVAL, .call = a->call, .at = a->changed_at, .until = a->until, .name = span_of(a->id), .bytes = buf_span(b) };
    return b->broken ? E_NO_MEMORY : w->world.put_note(w, &note);
}

static void decide_first(void *self)
{
    struct errand *e = self;
    struct deciding_person *q = e->person;
    struct worker *w = e->worker;
    q->answer = approvals_decide(w->desk.approvals, q->id, q->approve, q->actor, q->note, w->world.now_ms(w), q->arena, q->out);
    if (q->answer == E_OK && note_decision(w, q->out) != E_OK)
        log_error("gate", "the decision on approval %s could not be written down; it holds until the process ends", q->out->id);
    q->position = w->world.written(w);
    gate_errand_done(e);
}

/* A power cut must not take back what a person decided. */
static void await_platter(struct gate *g, uint64_t position)
{
    enum { TRIES = 300, PAUSE_NS = 10 * 1000 * 1000 };
    for (int i = 0; i < TRIES && books_synced(g->shop.books, 0) < position; i++) {
        commit_ask(g->shop.commit, 0);
        nanosleep(&(struct timespec){ .tv_nsec = PAUSE_NS }, NULL);
    }
    if (books_synced(g->shop.books, 0) < position)
        log_warn("gate", "the disk did not confirm a decision within 3 s");
}

enum err gate_decide(struct gate *g, struct span id, bool approve, struct span actor, struct span note, struct arena *a, struct approval *out)
{
    struct deciding_person q = { id, actor, note, approve, a, out, E_DRAINING, 0 };
    struct errand what = { .person = &q };
    gate_begin_order(g);
    if (g->running)
        gate_send(g, decide_first, &what, 1);
    gate_end_order(g);
    if (q.answer == E_OK)
        await_platter(g, q.position);
    return q.answer;
}
