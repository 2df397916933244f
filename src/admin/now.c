/* SPDX-License-Identifier: Apache-2.0
 * now.c - GET /now and the event `now`, the first thing that somebody at two in the morning looks at: who waits for which sums.
 *
 *   visit --- sums fresh enough? --- yes: answer
 *                    no: wait --- thread: now_sums_run --- posted back: answer all who wait
 *
 * Sums are kept by workspace; whoever asks within their time gets those that are there. */
#include "admin/now.h"

#include <stdlib.h>

#include "base/clock.h"

enum { FRESH_MS = 1000, SHARE = 10 /* sums that take long are made less often */, ENTRIES = 16 /* workspaces that are asked for at a time */ };

struct entry {
    struct list link;
    struct now_sums *sums; /* the last ones; NULL: none yet */
    bool wanted;
    char workspace[VISIT_NAME];
    size_t workspace_len; /* SIZE_MAX: all */
};

struct waiter {
    struct list link;
    struct visit *visit;
    struct entry *entry;
};

struct now {
    struct admin *admin;
    struct list entries, waiters; /* entries: the one asked for last is the first */
    size_t entry_count;
    struct store_reader *reader;  /* the thread's */
    bool running;
    struct now_alarms alarms;
};

/* What the thread gets. */
struct job {
    struct now *now;
    struct entry *entry;
    struct now_sums *sums;
};

/* ---- sums, by workspace ---- */

static struct span workspace_of(const struct entry *e) { return e->workspace_len == SIZE_MAX ? SPAN_NONE : span_make(e->workspace, e->workspace_len); }

static bool is_fresh(const struct entry *e, int64_t now)
{
    if (!e->sums || now < e->sums->at)
        return false;
    int64_t good = e->sums->ms * SHARE;
    return now - e->sums->at <= (good > FRESH_MS ? good : FRESH_MS);
}

static bool is_awaited(const struct now *n, const struct entry *e)
{
    for (const struct list *at = n->waiters.next; at != &n->waiters; at = at->next)
        if (CONTAINER_OF(at, struct waiter, link)->entry == e)
            return true;
    return e->wanted;
}

static void forget(struct now *n, struct entry *e)
{
    list_remove(&e->link);
    n->entry_count--;
    now_sums_free(e->sums);
    free(e);
}

/* One that nobody waits for makes way. */
static bool make_room(struct now *n)
{
    for (struct list *at = n->entries.prev; n->entry_count >= ENTRIES && at != &n->entries; at = at->prev) {
        struct entry *e = CONTAINER_OF(at, struct entry, link);
        if (is_awaited(n, e))
            continue;
        forget(n, e);
        return true;
    }
    return n->entry_count < ENTRIES;
}

/* NULL: no memory, or too many at a time. */
static struct entry *find_entry(struct now *n, struct span workspace)
{
    for (struct list *at = n->entries.next; at != &n->entries; at = at->next) {
        struct entry *e = CONTAINER_OF(at, struct entry, link);
        struct span mine = workspace_of(e);
        if (!mine.at != !workspace.at || !span_is(mine, workspace))
            continue;
        list_remove(&e->link);
        list_add_first(&n->entries, &e->link);
        return e;
    }
    struct entry *e = workspace.len < VISIT_NAME && make_room(n) ? calloc(1, sizeof(*e)) : NULL;
    if (!e)
        return NULL;
    e->workspace_len = workspace.at ? workspace.len : SIZE_MAX;
    if (workspace.at)
        memcpy(e->workspace, workspace.at, workspace.len);
    list_add_first(&n->entries, &e->link);
    n->entry_count++;
    return e;
}

/* ---- who makes them ---- */

static void start_next(struct now *n);

static void run(struct errand *e)
{
    struct job *job = e->mine;
    struct now *n = job->now;
    char why[256];
    if (!n->reader)
        n->reader = store_reader_new(books_store(e->admin->parts.books), why);
    job->sums->result = E_OVERLOADED;
    if (!n->reader || atomic_load(&e->stop))
        return;
    errand_reads(e, n->reader);
    now_sums_run(job->sums, n->reader, e->admin->parts.gate, e->admin->parts.books);
    errand_reads(e, NULL);
}

static void let_go(struct waiter *w)
{
    struct visit *v = w->visit;
    list_remove(&w->link);
    free(w);
    visit_free(v);
}

static void answer_waiters(struct now *n, const struct entry *e, const struct now_sums *sums)
{
    struct list others, *at;
    list_init(&others);
    while ((at = list_take_first(&n->waiters))) {
        struct waiter *w = CONTAINER_OF(at, struct waiter, link);
        if (w->entry != e) {
            list_add_last(&others, at);
            continue;
        }
        if (w->visit->request && sums->result)
            reply_store(w->visit, sums->result);
        else if (w->visit->request)
            now_answer(w->visit, sums, &n->alarms);
        let_go(w);
    }
    while ((at = list_take_first(&others)))
        list_add_last(&n->waiters, at);
}

static void done(struct errand *e)
{
    struct job *job = e->mine;
    struct now *n = job->now;
    n->running = false;
    job->entry->wanted = false;
    if (atomic_load(&e->stop)) { /* now_free lets go of those who wait */
        now_sums_free(job->sums);
        free(job);
        return;
    }
    answer_waiters(n, job->entry, job->sums);
    if (job->sums->result == E_OK) {
        now_sums_free(job->entry->sums);
        job->entry->sums = job->sums;
    } else {
        now_sums_free(job->sums);
    }
    free(job);
    start_next(n);
}

static bool start(struct now *n, struct entry *e)
{
    struct job *job = malloc(sizeof(*job));
    struct now_sums *sums = job ? now_sums_new(workspace_of(e)) : NULL;
    if (job)
        *job = (struct job){ n, e, sums };
    n->running = sums && errand_start(n->admin, NULL, run, done, job);
    e->wanted = n->running;
    if (n->running)
        return true;
    now_sums_free(sums);
    free(job);
    return false;
}

static void start_next(struct now *n)
{
    for (struct list *at = n->entries.prev; !n->running && at != &n->entries; at = at->prev) {
        struct entry *e = CONTAINER_OF(at, struct entry, link);
        const struct now_sums none = { .result = E_OVERLOADED };
        if (is_awaited(n, e) && !start(n, e))
            answer_waiters(n, e, &none);
    }
}

/* ---- who wants them ---- */

void now_write_event(struct admin *a, struct span workspace, struct buf *out)
{
    struct entry *e = find_entry(a->now, workspace);
    now_answer_event(a, workspace, e ? e->sums : NULL, out);
    if (e && !is_fresh(e, clock_unix_ms())) {
        e->wanted = true;
        start_next(a->now);
    }
}

static void nothing(void *mine) { (void)mine; }
static void gone(void *mine) { ((struct visit *)mine)->request = NULL; }
static const struct http_request_user waiting = { .wake = nothing, .gone = gone };

void now_get(struct visit *v)
{
    struct now *n = v->admin->now;
    struct entry *e = find_entry(n, v->actor.workspace);
    if (e && is_fresh(e, clock_unix_ms())) {
        now_answer(v, e->sums, &n->alarms);
        return;
    }
    struct waiter *w = e && (n->running || start(n, e)) ? malloc(sizeof(*w)) : NULL;
    if (!w) {
        reply_problem(v, E_OVERLOADED, NULL, "allowed: %d workspaces at a time; ask again later", ENTRIES);
        return;
    }
    *w = (struct waiter){ .visit = v, .entry = e };
    list_add_last(&n->waiters, &w->link);
    v->away = true;
    http_request_user(v->request, &waiting, v);
}

bool now_init(struct admin *a)
{
    a->now = calloc(1, sizeof(*a->now));
    if (!a->now)
        return false;
    a->now->admin = a;
    list_init(&a->now->entries);
    list_init(&a->now->waiters);
    return true;
}

/* The server has ended, and told each visit that its asker is gone; so have the errands. */
void now_free(struct admin *a)
{
    struct now *n = a->now;
    if (!n)
        return;
    for (struct list *first; (first = list_take_first(&n->waiters));)
        let_go(CONTAINER_OF(first, struct waiter, link));
    for (struct list *first; (first = list_take_first(&n->entries));)
        forget(n, CONTAINER_OF(first, struct entry, link));
    store_reader_free(n->reader);
    free(n);
    a->now = NULL;
}
