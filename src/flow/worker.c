/* SPDX-License-Identifier: Apache-2.0
 * worker.c - see worker.h. */
#include "flow/worker.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "flow/sight.h"
#include "flow/unwritten.h"
#include "rules/row.h"

enum { TICK_MS = 1000, UNWRITTEN_MOST = 64 << 20, IDLE_EXCHANGES = 64, SCRATCH_KEPT = 256 * 1024, JANITOR_MS = 60 * 1000, JANITOR_KEEPS_MS = 60 * 60 * 1000 };

/* An exchange and what ties it to this worker's loop. */
struct seat {
    struct exchange x; /* first */
    struct worker *worker;
    struct timer deadline;
    struct timer patience; /* of one that waits for news */
};

static struct seat *seat_of(struct exchange *x)
{
    return CONTAINER_OF(x, struct seat, x);
}

static void woken(void *mine)
{
    exchange_run(mine);
}
static void gone(void *mine)
{
    exchange_hang_up(mine);
}
static const struct http_request_user request_user = { .wake = woken, .gone = gone };

static void too_late(struct timer *t)
{
    struct seat *seat = CONTAINER_OF(t, struct seat, deadline);
    exchange_cancel(&seat->x, E_UPSTREAM_TIMEOUT, SPAN("the call took longer than limits.call allows"));
}

static void impatient(struct timer *t)
{
    struct seat *seat = CONTAINER_OF(t, struct seat, patience);
    list_remove(&seat->x.news);
    exchange_run(&seat->x);
}

static struct seat *take_seat(struct worker *w)
{
    struct list *idle = list_take_first(&w->idle);
    if (!idle)
        return malloc(sizeof(struct seat));
    w->idle_count--;
    return CONTAINER_OF(idle, struct seat, x.link);
}

static void leave_seat(struct worker *w, struct seat *seat)
{
    if (w->idle_count >= IDLE_EXCHANGES) {
        free(seat);
        return;
    }
    list_add_first(&w->idle, &seat->x.link);
    w->idle_count++;
}

static void refuse_without_memory(struct http_request *r)
{
    static const struct http_field fields[] = { { { "content-type", 12 }, { "application/json", 16 } } };
    http_reply(r, err_status(E_OVERLOADED), fields, 1,
        SPAN("{\"error\":{\"code\":\"overloaded\",\"message\":\"the gate has no memory for another call\"}}"));
}

/* Behind exchange_begin. */
static void sit_down(struct worker *w, struct seat *seat)
{
    seat->worker = w;
    list_add_last(&w->live, &seat->x.link);
    timer_init(&seat->deadline, too_late);
    timer_init(&seat->patience, impatient);
    timer_set(&w->loop, &seat->deadline, seat->x.snapshot->settings.limits.call_ms);
    atomic_fetch_add_explicit(&w->counts.open, 1, memory_order_relaxed);
}

static void begin(void *self, struct http_request *r)
{
    struct worker *w = self;
    struct seat *seat = take_seat(w);
    if (!seat) {
        refuse_without_memory(r);
        return;
    }
    exchange_begin(&seat->x, &w->desk, r, http_request_head(r), http_request_peer(r), http_request_tag(r));
    sit_down(w, seat);
    http_request_user(r, &request_user, &seat->x);
    exchange_run(&seat->x);
}

/* A second asking after a call in doubt. */
static bool begin_again(void *self, const struct doubt *d)
{
    struct worker *w = self;
    struct seat *seat = w->closing || w->desk.draining ? NULL : take_seat(w);
    if (!seat)
        return false;
    exchange_begin_again(&seat->x, &w->desk, d);
    sit_down(w, seat);
    exchange_run(&seat->x);
    return true;
}

/* Begun when the loop comes round: the call that it mirrors is not over yet. */
static void run_mirror(struct timer *t)
{
    struct seat *seat = CONTAINER_OF(t, struct seat, patience);
    timer_init(&seat->patience, impatient);
    exchange_run(&seat->x);
}

/* A mirror is nobody's need: when memory is short, or the gate shuts down, there is none. */
static void mirror(void *self, struct exchange *x, size_t planned)
{
    struct worker *w = self;
    struct seat *seat = w->closing || w->desk.draining ? NULL : take_seat(w);
    if (!seat)
        return;
    bool good = exchange_begin_mirror(&seat->x, x, planned);
    sit_down(w, seat);
    if (!good) {
        exchange_cancel(&seat->x, E_NO_MEMORY, SPAN("no memory for a mirrored call"));
        return;
    }
    timer_init(&seat->patience, run_mirror);
    timer_set(&w->loop, &seat->patience, 0);
}

static void over(void *self, struct exchange *x)
{
    struct worker *w = self;
    struct seat *seat = seat_of(x);
    atomic_fetch_add_explicit(&w->counts.calls, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&w->counts.open, 1, memory_order_relaxed);
    if (x->times.sent_ns)
        atomic_fetch_add_explicit(&w->counts.forwarded, 1, memory_order_relaxed);
    if (x->fault != E_OK)
        atomic_fetch_add_explicit(&w->counts.refused, 1, memory_order_relaxed);
    timer_clear(&seat->deadline);
    timer_clear(&seat->patience);
    exchange_free(x);
    leave_seat(w, seat);
    if (w->desk.scratch.room > SCRATCH_KEPT) { /* one huge call must not cost its memory for ever */
        size_t ceiling = w->desk.scratch.ceiling;
        buf_free(&w->desk.scratch);
        buf_init(&w->desk.scratch, ceiling);
    }
}

/* What never became a call (an unreadable head, say) gets its row too. */
static void refused(void *self, struct span peer, enum err why, int status, struct span detail)
{
    struct worker *w = self;
    int64_t now = w->world.now_ms(w);
    uint64_t call = call_id_next(&w->desk.ids, now);
    buf_clear(&w->desk.scratch);
    struct row_out o = row_out(&w->desk.scratch);
    row_number(&o, ROW_ID, (int64_t)call);
    row_number(&o, ROW_AT, now);
    row_text(&o, ROW_ADDRESS, peer);
    row_number(&o, ROW_STATUS, status);
    row_text(&o, ROW_VERDICT, SPAN("denied"));
    row_text(&o, ROW_DENIED, err_code(why));
    row_text(&o, ROW_REASON, detail);
    row_number(&o, ROW_COST, 0);
    row_number(&o, ROW_SETTLED, true);
    struct journal_row row = { .call = call,
        .at = now,
        .verdict = VERDICT_DENIED,
        .status = status,
        .settled = true,
        .denied = err_code(why),
        .row = buf_span(&w->desk.scratch) };
    (void)w->world.put_row(w, &row); /* nothing was forwarded, nothing is owed: a full disk may swallow this one */
    atomic_fetch_add_explicit(&w->counts.refused, 1, memory_order_relaxed);
    sight_refused(w->observer, why, now);
}

/* ---- the books ---- */

/* Nothing new is begun while rows of what is over have no room. */
static enum err put_hold(void *self, const struct journal_hold *h)
{
    struct worker *w = self;
    return list_empty(&w->unwritten) ? books_put_hold(w->shop->books, w->index, h) : E_LEDGER_UNAVAILABLE;
}

/* The row of a call that was forwarded is not given up when the disk is full: it waits in memory, behind those before it. Their
 * number is bounded by the calls under way, since none is begun meanwhile. What was refused is only counted then. */
static enum err put_row(void *self, const struct journal_row *r)
{
    struct worker *w = self;
    enum err e = list_empty(&w->unwritten) ? books_put_row(w->shop->books, w->index, r) : E_LEDGER_UNAVAILABLE;
    if (e != E_LEDGER_UNAVAILABLE)
        return e;
    if (!r->held || w->unwritten_bytes > UNWRITTEN_MOST) {
        atomic_fetch_add_explicit(&w->counts.lost_rows, 1, memory_order_relaxed);
        return e;
    }
    struct unwritten *u = unwritten_new(r);
    if (!u)
        return e;
    list_add_last(&w->unwritten, &u->link);
    w->unwritten_bytes += u->size;
    atomic_fetch_add_explicit(&w->counts.unwritten, 1, memory_order_relaxed);
    return E_OK;
}

static void write_unwritten(struct worker *w)
{
    while (!list_empty(&w->unwritten)) {
        struct unwritten *u = CONTAINER_OF(w->unwritten.next, struct unwritten, link);
        if (books_put_row(w->shop->books, w->index, &u->row) != E_OK)
            return;
        w->unwritten_bytes -= u->size;
        atomic_fetch_sub_explicit(&w->counts.unwritten, 1, memory_order_relaxed);
        list_remove(&u->link);
        free(u);
    }
}

static enum err put_note(void *self, const struct journal_note *n)
{
    struct worker *w = self;
    return list_empty(&w->unwritten) ? books_put_note(w->shop->books, w->index, n) : E_LEDGER_UNAVAILABLE;
}

static uint64_t written(void *self)
{
    const struct worker *w = self;
    return books_end(w->shop->books, w->index);
}

static uint64_t applied(void *self, unsigned worker)
{
    const struct worker *w = self;
    return books_applied(w->shop->books, worker);
}

/* Once a turn: what its calls wrote shares a sync, and the thread that does it is woken once for all of them. */
static void ask_sync(struct later *later)
{
    const struct worker *w = CONTAINER_OF(later, struct worker, sync);
    commit_ask(w->shop->commit, w->index);
}

static enum io synced(void *self, uint64_t position, unsigned long *asked)
{
    struct worker *w = self;
    if (w->closing || books_synced(w->shop->books, w->index) >= position)
        return IO_END;
    unsigned long failures = commit_failures(w->shop->commit, w->index) + 1;
    if (*asked && *asked != failures)
        return IO_FAILED;
    *asked = failures;
    loop_later(&w->loop, &w->sync);
    return IO_WAIT;
}

/* ---- news from other threads ---- */

static void await_news(void *self, struct exchange *x, int64_t most_ms)
{
    struct worker *w = self;
    list_remove(&x->news);
    list_add_last(&w->news, &x->news);
    timer_set(&w->loop, &seat_of(x)->patience, most_ms);
}

void worker_news(struct worker *w)
{
    struct list waiting;
    list_init(&waiting);
    for (struct list *at; (at = list_take_first(&w->news)) != NULL;)
        list_add_last(&waiting, at);
    for (struct list *at; (at = list_take_first(&waiting)) != NULL;) {
        struct exchange *x = CONTAINER_OF(at, struct exchange, news);
        timer_clear(&seat_of(x)->patience);
        exchange_run(x);
    }
}

static void stop_it(void *self, enum stop_kind kind, struct span value, struct span reason)
{
    const struct worker *w = self;
    const struct gate_hooks *hooks = atomic_load(&w->shop->hooks);
    if (hooks && hooks->stop)
        hooks->stop(hooks->self, kind, value, reason);
}

/* ---- doubts ---- */

struct parcel {
    struct worker *to;
    struct doubt *block;
};

static void deliver(void *self)
{
    struct parcel *p = self;
    doubts_adopt(p->to->doubts, p->block, false);
    free(p);
}

static void doubted(void *self, const struct doubt *d)
{
    struct worker *w = self;
    if (w->closing) /* the next process finds it in the store; the first worker may be gone */
        return;
    struct doubt *block = doubt_copy(d);
    if (w->doubts) {
        doubts_adopt(w->doubts, block, false);
        return;
    }
    struct parcel *p = malloc(sizeof(*p));
    if (!p || !block) {
        log_error("flow", "no memory for a call in doubt: it is looked into after the next start");
        free(p);
        free(block);
        return;
    }
    *p = (struct parcel){ w->shop->first, block };
    loop_post(&w->shop->first->loop, deliver, p);
}

static void cleared(void *self, struct exchange *x, const struct clearing *c)
{
    struct worker *w = self;
    doubts_cleared(w->doubts, x, c);
}

struct nudge {
    struct worker *to;
    size_t vendor, credential, object; /* lengths of what follows */
    char text[];
};

static void deliver_nudge(void *self)
{
    struct nudge *n = self;
    struct span vendor = span_make(n->text, n->vendor), credential = span_make(n->text + n->vendor, n->credential);
    doubts_nudge(n->to->doubts, vendor, credential, span_make(n->text + n->vendor + n->credential, n->object));
    free(n);
}

/* Without memory its price is asked for when its time comes. */
static void nudged(void *self, struct span vendor, struct span credential, struct span object)
{
    struct worker *w = self;
    struct made_object known;
    /* Most values in paths (an account, a customer) are nothing that a call of ours made, and no reason to wake another thread. */
    if (w->closing || !made_find(w->desk.made, vendor, credential, object, NULL, &known))
        return;
    if (w->doubts) {
        doubts_nudge(w->doubts, vendor, credential, object);
        return;
    }
    struct nudge *n = malloc(sizeof(*n) + vendor.len + credential.len + object.len);
    if (!n)
        return;
    *n = (struct nudge){ w->shop->first, vendor.len, credential.len, object.len };
    memcpy(n->text, vendor.at, vendor.len);
    memcpy(n->text + vendor.len, credential.at, credential.len);
    memcpy(n->text + vendor.len + credential.len, object.at, object.len);
    loop_post(&w->shop->first->loop, deliver_nudge, n);
}

/* ---- chores ---- */

/* Ended windows stay for a while, for those who look at them; then a minute's budget must not cost memory for ever. */
static void clean_up(struct timer *t)
{
    struct worker *w = CONTAINER_OF(t, struct worker, janitor);
    (void)ledger_sweep(w->desk.ledger, past_ms(&w->past, w->world.now_ms(w), w->world.monotonic_ns(w)) - JANITOR_KEEPS_MS);
    timer_set(&w->loop, &w->janitor, JANITOR_MS);
}

static void each_second(struct timer *t)
{
    struct worker *w = CONTAINER_OF(t, struct worker, tick);
    write_unwritten(w);
    sight_open(w->observer, &w->live);
    if (w->doubts) {
        doubts_tick(w->doubts, w->world.now_ms(w));
        approvals_tidy(w->desk.approvals, w->world.now_ms(w));
        made_tidy(w->desk.made, w->world.now_ms(w));
        repeats_tidy(w->desk.repeats, applied, w);
        if (!w->desk.draining)
            probes_tick(w->probes, w->desk.snapshot, w->desk.stops, w->world.now_ms(w));
    }
    timer_set(&w->loop, &w->tick, TICK_MS);
}

static void add_hold(const struct ledger_hold *h, struct arena *a, struct gate_holds *out)
{
    for (size_t i = 0; i < h->count; i++) {
        struct span account = ledger_line_account(&h->lines[i]);
        struct gate_held *sum = map_get(&out->by_account, account);
        if (!sum) {
            sum = ARENA_NEW(a, struct gate_held);
            struct span name = arena_copy(a, account);
            must(sum && name.at && map_put(&out->by_account, name, sum));
        }
        sum->held += h->lines[i].held;
    }
}

void worker_holds(struct worker *w, struct arena *a, struct gate_holds *out)
{
    for (struct list *at = w->live.next; at != &w->live; at = at->next) {
        const struct exchange *x = CONTAINER_OF(at, struct exchange, link);
        const struct ledger_hold *holds[ROUTE_RACERS_MOST + 1];
        size_t count = exchange_holds(x, holds);
        if (!count)
            continue;
        out->calls++;
        if (!out->oldest_at || x->times.began_ms < out->oldest_at) {
            out->oldest_at = x->times.began_ms;
            out->oldest_call = x->id;
        }
        for (size_t i = 0; i < count; i++)
            add_hold(holds[i], a, out);
    }
}

/* The sockets' world, and over it what the gate does of it. */
static void set_world(struct worker *w)
{
    sockets_world(&w->world);
    w->world.self = w;
    w->world.put_hold = put_hold;
    w->world.put_row = put_row;
    w->world.put_note = put_note;
    w->world.written = written;
    w->world.applied = applied;
    w->world.synced = synced;
    w->world.await_news = await_news;
    w->world.stop = stop_it;
    w->world.nudged = nudged;
    w->world.doubted = doubted;
    w->world.cleared = cleared;
    w->world.mirror = mirror;
    w->world.over = over;
}

bool worker_init(struct worker *w, unsigned index, struct snapshot *s, struct stop_set *stops, struct workshop *shop,
    uint64_t above, char why[256])
{
    const struct limits *limits = &s->settings.limits;
    memset(w, 0, sizeof(*w));
    timer_init(&w->janitor, clean_up);
    timer_init(&w->tick, each_second);
    list_init(&w->live);
    list_init(&w->idle);
    list_init(&w->news);
    later_init(&w->sync, ask_sync);
    list_init(&w->unwritten);
    snprintf(why, 256, "worker %u could not be set up", index);
    w->index = index;
    w->shop = shop;
    set_world(w);
    w->observer = observers_at(shop->observers, index);
    w->desk = shop_desk(shop, snapshot_keep(s), stop_set_keep(stops));
    w->desk.world = &w->world;
    w->desk.scribe = shop->scribe;
    w->desk.observer = w->observer;
    w->desk.index = index;
    w->desk.json = json_new();
    buf_init(&w->desk.scratch, (size_t)limits->body_bytes + (1 << 20));
    call_ids_init(&w->desk.ids, index, above);
    if (!w->desk.json || loop_init(&w->loop) != E_OK)
        return false;
    timer_set(&w->loop, &w->tick, TICK_MS);
    if (index == 0) {
        timer_set(&w->loop, &w->janitor, JANITOR_MS);
        (void)past_ms(&w->past, w->world.now_ms(w), w->world.monotonic_ns(w));
        w->doubts = doubts_new(&w->desk, begin_again, w);
        shop->first = w;
        if (!w->doubts)
            return false;
    }
    struct http_service service = { .self = w, .begin = begin, .refused = refused };
    w->sockets.pool = http_pool_new(&w->loop, &limits->pool);
    w->server = http_server_new(&w->loop, &limits->http, &service);
    if (index == 0 && w->sockets.pool)
        w->probes = probes_new(&w->loop, w->sockets.pool, shop->health);
    return w->sockets.pool && w->server && (w->probes || index != 0);
}

bool worker_listen(struct worker *w, struct listen_address *address, struct tls_server *tls, const char *tag, char why[256])
{
    return http_server_listen(w->server, address, tls, tag, why);
}

/* The loop has ended; what is still open is dropped with its books closed. */
void worker_free(struct worker *w)
{
    w->closing = true;
    while (!list_empty(&w->live)) {
        struct exchange *x = CONTAINER_OF(w->live.next, struct exchange, link);
        if (x->stage >= FINISH) /* it waits for the disk, whose word does not count any more */
            exchange_run(x);
        else
            exchange_cancel(x, E_DRAINING, SPAN("the gate shut down before this call was over"));
    }
    loop_flush(&w->loop);
    timer_clear(&w->janitor);
    timer_clear(&w->tick);
    later_clear(&w->sync);
    doubts_free(w->doubts);
    probes_free(w->probes);
    write_unwritten(w);
    for (struct list *at; (at = list_take_first(&w->unwritten)) != NULL;) {
        struct unwritten *u = CONTAINER_OF(at, struct unwritten, link);
        log_error("flow", "the row of call %" PRIu64 " found no room on the disk; the call is in doubt after the next start", u->row.call);
        free(u);
    }
    if (w->server)
        http_server_free(w->server);
    if (w->sockets.pool)
        http_pool_free(w->sockets.pool);
    for (struct list *idle; (idle = list_take_first(&w->idle)) != NULL;)
        free(CONTAINER_OF(idle, struct seat, x.link));
    loop_free(&w->loop);
    buf_free(&w->desk.scratch);
    json_free(w->desk.json);
    veils_free(&w->desk.veils);
    guard_sets_free(&w->desk.guards);
    stop_set_drop(w->desk.stops);
    snapshot_drop(w->desk.snapshot);
}

void worker_take_snapshot(struct worker *w, struct snapshot *s)
{
    veils_free(&w->desk.veils);
    guard_sets_free(&w->desk.guards);
    snapshot_drop(w->desk.snapshot);
    w->desk.snapshot = snapshot_keep(s);
}

/* A charge on its way cannot be called back: its answer must be awaited, or its outcome would be unknown. */
static bool cannot_be_recalled(const struct exchange *x)
{
    return x->answering.call && x->desk->world->sent(x->answering.call) && !is_llm(x) && outcome_matters(x);
}

size_t worker_take_stops(struct worker *w, struct stop_set *stops, size_t *left)
{
    size_t cut = 0;
    loop_flush(&w->loop); /* what was let through before is out before anyone is told that nothing goes out any more */
    stop_set_drop(w->desk.stops);
    w->desk.stops = stop_set_keep(stops);
    *left = 0;
    for (struct list *at = w->live.next, *next; at != &w->live; at = next) {
        struct exchange *x = CONTAINER_OF(at, struct exchange, link);
        next = at->next;
        const struct stop *stop = exchange_stop(x, stops, w->world.now_ms(w));
        if (!stop || x->stage >= FINISH)
            continue;
        if (!stop->cut || cannot_be_recalled(x)) {
            (*left)++;
            continue;
        }
        cut++;
        exchange_cancel(x, stop->code, arena_copy(&x->arena, SPAN("an operator stopped this call while it was under way")));
    }
    return cut;
}

void worker_drain(struct worker *w, void (*done)(void *self), void *self)
{
    w->desk.draining = true;
    http_pool_drain(w->sockets.pool);
    http_server_drain(w->server, done, self);
}
