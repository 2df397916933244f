/* SPDX-License-Identifier: Apache-2.0
 * check.c - see check.h.
 *
 *   a: the ledger's accounts, copied -> all holds, worker by worker -> a barrier of the store -> the store's balances -> b: the
 *   ledger's accounts again. Whose `changes` are the same in a and b stood still, so all that was read in between belongs
 *   together. Collecting the holds goes once through every worker's loop: what a worker settled before a is then in its journal,
 *   and behind the barrier in the store.
 *
 * Memory is bounded: PART accounts at a time, known by a hash of their name (two of a million meet once in 10^7 checks). */
#include "admin/check.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "rules/row.h"
#include "rules/window.h"

enum {
    PART = 1 << 19,  /* accounts looked at together: 100 MB */
    ROUNDS = 5,      /* times an account is looked at before it is called moving, or wrong */
    PAUSE_MS = 20,   /* before the second round; twice as long before each next one */
    GRACE_MS = 60000, /* of accounts whose window is over: the ledger and the store forget them at times of their own */
    DOUBTS_PAGE = 1000
};
#define HOLDS_ARENA ((size_t)1 << 30)
#define REPORT_ARENA ((size_t)4 << 20)

/* One account, known by its hash. */
struct entry {
    uint64_t hash; /* 0: free */
    uint64_t changes;
    int64_t settled, reserved, doubt, ends_at; /* the ledger's at a */
    int64_t stored_settled, stored_doubt, held;
    bool ledger, stored; /* it was there */
    bool moved, unsure, open; /* open: to be looked at (again) */
};

struct check {
    struct gate *gate;
    struct books *books;
    struct ledger *ledger;
    struct store_reader *reader;
    struct check_report *out;
    const atomic_bool *stop;
    struct entry *table;
    size_t room, used;
    uint64_t part, parts;
    int64_t now;
    int round;
    bool broken;
};

/* ---- the table ---- */

static uint64_t name_hash(struct span account)
{
    uint64_t hash = map_hash(account);
    return hash ? hash : 1;
}

static bool is_mine(const struct check *c, uint64_t hash) { return (hash >> 32) % c->parts == c->part; }

static struct entry *place(struct check *c, uint64_t hash)
{
    size_t at = hash & (c->room - 1);
    while (c->table[at].hash && c->table[at].hash != hash)
        at = (at + 1) & (c->room - 1);
    return &c->table[at];
}

/* In the first round all are taken, in later ones only those that are still open. NULL: not of this part or round. */
static struct entry *entry_of(struct check *c, struct span account)
{
    uint64_t hash = name_hash(account);
    if (!is_mine(c, hash))
        return NULL;
    struct entry *e = place(c, hash);
    if (e->hash)
        return e->open ? e : NULL;
    if (c->round > 0)
        return NULL;
    if (c->used * 4 >= c->room * 3) {
        c->broken = true; /* many came in the meantime */
        return NULL;
    }
    c->used++;
    *e = (struct entry){ .hash = hash, .open = true };
    return e;
}

/* ---- what is read, in this order ---- */

static void read_before(void *self, struct span account, const struct ledger_balance *b, int64_t ends_at)
{
    struct check *c = self;
    struct entry *e = entry_of(c, account);
    if (!e)
        return;
    e->ledger = true;
    e->changes = b->changes;
    e->settled = b->settled;
    e->reserved = b->reserved;
    e->doubt = b->doubt;
    e->ends_at = ends_at;
}

static void read_holds(struct check *c, const struct gate_holds *holds)
{
    const struct map_entry *m;
    size_t at = 0;
    while ((m = map_next(&holds->by_account, &at))) {
        struct entry *e = entry_of(c, m->key);
        if (e)
            e->held = ((const struct gate_held *)m->value)->held;
    }
}

/* A rolling account's sub-window counts while it lies in the window that the ledger is at; the ledger is asked for the same
 * moment. Where the clock was set back, slots lie ahead and the two may differ for as long. */
static void read_slot(struct check *c, struct entry *e, struct span account, int64_t slot, int64_t settled, int64_t ends_at)
{
    struct ledger_balance b;
    int64_t length = ends_at / (slot + WINDOW_SLOTS + 1);
    if (length <= 0 || ends_at % (slot + WINDOW_SLOTS + 1)) {
        e->unsure = true;
        return;
    }
    int64_t newest = c->now / length, last = e->ends_at / length - WINDOW_SLOTS - 1;
    newest = last > newest ? last : newest;
    e->unsure = e->unsure || slot > newest;
    if (slot > newest - LEDGER_SLOTS)
        e->stored_settled = money_add(e->stored_settled, settled);
    if (!e->ledger)
        return;
    bool there = ledger_balance(c->ledger, account, newest, &b);
    e->moved = e->moved || !there || b.changes != e->changes;
    e->settled = b.settled;
}

static bool is_past(const struct check *c, int64_t ends_at) { return ends_at && ends_at < c->now + GRACE_MS; }

static void read_stored(void *self, struct span account, int64_t slot, int64_t settled, int64_t doubt, int64_t ends_at)
{
    struct check *c = self;
    struct entry *e = entry_of(c, account);
    if (!e)
        return;
    e->stored = true;
    e->stored_doubt = money_add(e->stored_doubt, doubt);
    if (slot >= 0)
        read_slot(c, e, account, slot, settled, ends_at);
    else if (e->ledger || !is_past(c, ends_at))
        e->stored_settled = money_add(e->stored_settled, settled);
}

static bool is_same(const struct check *c, const struct entry *e)
{
    if (!e->stored && !e->reserved && !e->held && is_past(c, e->ends_at))
        return true; /* the store forgot it first */
    return e->reserved - e->doubt == e->held && e->doubt == e->stored_doubt && (e->unsure || e->settled == e->stored_settled);
}

static void list_wrong(struct check *c, struct span account, const struct entry *e)
{
    struct check_report *r = c->out;
    r->wrong_count++;
    if (!r->wrong)
        r->wrong = ARENA_ARRAY(&r->arena, struct check_wrong, CHECK_LISTED);
    if (!r->wrong || r->listed == CHECK_LISTED)
        return;
    r->wrong[r->listed++] = (struct check_wrong){ .account = arena_copy(&r->arena, account), .enforced = money_add(e->settled, e->reserved),
        .reserved = e->reserved, .ledger_settled = e->settled, .ledger_doubt = e->doubt, .settled = e->stored_settled, .holds = e->held,
        .doubt = e->stored_doubt };
}

/* Of the second look, and of the last of all rounds: what did not move and differs is wrong. */
static void read_after(void *self, struct span account, const struct ledger_balance *b, int64_t ends_at)
{
    struct check *c = self;
    struct entry *e = entry_of(c, account);
    (void)ends_at;
    if (!e)
        return;
    e->moved = e->moved || !e->ledger || b->changes != e->changes;
    if (!e->moved && is_same(c, e)) {
        e->open = false;
        c->out->checked++;
    } else if (!e->moved && c->round == ROUNDS - 1) {
        e->open = false;
        c->out->checked++;
        list_wrong(c, account, e);
    }
}

/* What the store has and the ledger does not. */
static void read_missing(void *self, struct span account, int64_t slot, int64_t settled, int64_t doubt, int64_t ends_at)
{
    struct check *c = self;
    struct entry *e = entry_of(c, account);
    struct ledger_balance b;
    (void)slot;
    (void)settled;
    (void)doubt;
    if (!e || e->ledger || (is_past(c, ends_at) && !e->stored_doubt) || ledger_balance(c->ledger, account, LEDGER_NO_SLOT, &b))
        return;
    e->open = false;
    c->out->checked++;
    list_wrong(c, account, e);
}

/* ---- rounds ---- */

static void take_oldest(struct check_report *r, const struct gate_holds *holds)
{
    r->calls = (int64_t)holds->calls;
    r->oldest_at = holds->oldest_at;
    r->oldest_call = holds->oldest_call;
}

static enum err collect(struct check *c)
{
    struct arena arena;
    struct gate_holds holds = { .calls = 0 };
    arena_init(&arena, HOLDS_ARENA);
    enum err e = gate_collect_holds(c->gate, &arena, &holds);
    if (!e) {
        read_holds(c, &holds);
        take_oldest(c->out, &holds);
    }
    map_free(&holds.by_account);
    arena_free(&arena);
    return e;
}

static void begin_round(struct check *c)
{
    for (size_t i = 0; i < c->room; i++) {
        struct entry *e = &c->table[i];
        if (e->open)
            *e = (struct entry){ .hash = e->hash, .open = true };
    }
    c->now = clock_unix_ms();
}

static enum err look(struct check *c)
{
    begin_round(c);
    ledger_each(c->ledger, read_before, c);
    enum err e = collect(c);
    if (!e)
        e = store_barrier(books_store(c->books));
    if (!e)
        e = store_balances(c->reader, read_stored, c);
    if (e || c->broken)
        return e ? e : E_OVERLOADED;
    ledger_each(c->ledger, read_after, c);
    return E_OK;
}

static size_t count_open(const struct check *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->room; i++)
        n += c->table[i].open;
    return n;
}

/* An account that neither has anything is none: it was only asked for, or left in the meantime. */
static void close_empty(struct check *c)
{
    for (size_t i = 0; i < c->room; i++) {
        struct entry *e = &c->table[i];
        if (e->open && !e->ledger && !e->held && !e->stored_settled && !e->stored_doubt)
            e->open = false;
    }
}

static enum err check_part(struct check *c)
{
    enum err e = E_OK;
    memset(c->table, 0, c->room * sizeof(*c->table));
    c->used = 0;
    for (c->round = 0; c->round < ROUNDS && !e; c->round++) {
        if (atomic_load(c->stop))
            return E_OVERLOADED;
        if (c->round > 0)
            nanosleep(&(struct timespec){ 0, (long)(PAUSE_MS << c->round) * 1000000 }, NULL);
        e = look(c);
        if (!e)
            close_empty(c);
        if (!e && !count_open(c))
            return E_OK;
    }
    c->round = ROUNDS - 1;
    if (!e)
        e = store_balances(c->reader, read_missing, c);
    if (!e)
        c->out->moving += (int64_t)count_open(c);
    return e;
}

static void count_account(void *self, struct span account, const struct ledger_balance *b, int64_t ends_at)
{
    struct check *c = self;
    (void)account;
    (void)b;
    (void)ends_at;
    c->out->accounts++;
}

/* The table begins at most half full: there is room for those that only the store has, and for new ones. */
static enum err check_all(struct check *c)
{
    ledger_each(c->ledger, count_account, c);
    c->parts = (uint64_t)(c->out->accounts / PART + 1);
    size_t wanted = (size_t)(c->out->accounts / (int64_t)c->parts) * 2 + 4096;
    for (c->room = 4096; c->room < wanted;)
        c->room *= 2;
    c->table = calloc(c->room, sizeof(*c->table));
    enum err e = c->table ? E_OK : E_NO_MEMORY;
    for (c->part = 0; c->part < c->parts && !e; c->part++)
        e = check_part(c);
    free(c->table);
    return e;
}

/* ---- doubts ---- */

struct doubts {
    struct check_report *out;
    uint64_t last;
    int seen;
};

static void count_doubt(void *self, const struct store_doubt *d)
{
    struct doubts *all = self;
    struct row_value reserved = row_field(d->row, ROW_RESERVED);
    all->seen++;
    all->last = d->call;
    all->out->doubts++;
    if (reserved.there && !reserved.bytes)
        all->out->doubts_usd = money_add(all->out->doubts_usd, reserved.number);
}

static enum err count_doubts(struct check *c)
{
    struct doubts all = { .out = c->out, .seen = DOUBTS_PAGE };
    enum err e = E_OK;
    while (!e && all.seen == DOUBTS_PAGE) {
        all.seen = 0;
        e = store_in_doubt(c->reader, all.last, DOUBTS_PAGE, count_doubt, &all);
    }
    return e;
}

/* ---- the whole ---- */

void check_run(struct gate *g, struct books *b, int64_t longest_ms, const atomic_bool *stop, struct check_report *out)
{
    char why[256] = "";
    struct check c = { .gate = g, .books = b, .ledger = books_ledger(b), .out = out, .stop = stop };
    *out = (struct check_report){ .at = clock_unix_ms() };
    arena_init(&out->arena, REPORT_ARENA);
    c.reader = store_reader_new(books_store(b), why);
    out->result = c.reader ? check_all(&c) : E_IO;
    if (!out->result)
        out->result = count_doubts(&c);
    store_reader_free(c.reader);
    out->ms = clock_unix_ms() - out->at;
    out->leak = out->oldest_at && out->at - out->oldest_at > longest_ms;
}

void check_free(struct check_report *r) { arena_free(&r->arena); }
bool check_ok(const struct check_report *r) { return r->result == E_OK && !r->wrong_count && !r->leak; }
