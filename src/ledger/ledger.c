/* SPDX-License-Identifier: Apache-2.0
 * ledger.c - accounts in shards, each a lock and a table.
 *
 *   reserve: hash the names -> lock their shards in ascending order -> take line by line -> unlock
 *                                                     one does not fit -> give back what was taken
 *
 * Nobody sees the lines that were taken before one did not fit, since all shards stay locked until the end. Ending a hold
 * touches one account after the other: each of them alone never passes its limit. An account is in memory as long as its
 * window lasts, something is reserved on it, or somebody holds a pointer (pins). */
#include "ledger/ledger.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/list.h"
#include "base/map.h"
#include "base/money.h"
#include "base/must.h"
#include "ledger/slots.h"

enum { SHARDS = 64, FIRST_ROOM = 16, CACHE_LINE = 64, SWEEP_STRETCH = 64 };

struct account {
    struct account *next; /* in its bucket */
    struct list all;      /* of its shard, newest first */
    uint64_t hash;
    /* settled + reserved <= the limit of every want that was taken; doubt <= reserved; but for settled none negative. */
    int64_t limit, settled, reserved, doubt;
    int64_t ends_at;
    uint64_t changes;
    struct slots *slots; /* rolling: instead of `settled`; else NULL */
    uint32_t pins, marks;
    bool soft;
    size_t len;
    char name[];
};

struct shard {
    _Alignas(CACHE_LINE) pthread_mutex_t lock;
    struct account **buckets; /* room + split of them */
    size_t room, split;       /* a power of two; how many of those have been split in two by now */
    size_t count;
    uint64_t changes; /* of all its accounts: so no number comes twice, even for one that left and came again */
    struct list all;
};

struct ledger {
    struct shard shards[SHARDS];
};

static struct shard *shard_of(struct ledger *l, uint64_t hash) { return &l->shards[hash % SHARDS]; }
static void lock(struct shard *s) { must(pthread_mutex_lock(&s->lock) == 0); }
static void unlock(struct shard *s) { must(pthread_mutex_unlock(&s->lock) == 0); }

/* The shard's number is the hash's low bits, so buckets go by the high ones. One that was split shows one bit more. */
static struct account **bucket(const struct shard *s, uint64_t hash)
{
    size_t at = (hash >> 32) & (s->room - 1);
    return &s->buckets[at < s->split ? (hash >> 32) & (2 * s->room - 1) : at];
}

struct ledger *ledger_new(void)
{
    struct ledger *l = aligned_alloc(CACHE_LINE, sizeof(*l));
    if (!l)
        return NULL;
    memset(l, 0, sizeof(*l));
    for (size_t i = 0; i < SHARDS; i++) {
        must(pthread_mutex_init(&l->shards[i].lock, NULL) == 0);
        list_init(&l->shards[i].all);
    }
    return l;
}

static void free_account(struct account *account)
{
    slots_free(account->slots);
    free(account);
}

void ledger_free(struct ledger *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < SHARDS; i++) {
        struct shard *s = &l->shards[i];
        for (struct list *first; (first = list_take_first(&s->all)) != NULL;)
            free_account(CONTAINER_OF(first, struct account, all));
        free(s->buckets);
        pthread_mutex_destroy(&s->lock);
    }
    free(l);
}

static bool make_room(struct shard *s, size_t room)
{
    struct account **larger = realloc(s->buckets, room * sizeof(struct account *));
    if (larger)
        s->buckets = larger;
    return larger;
}

static bool begin_table(struct shard *s)
{
    if (!make_room(s, FIRST_ROOM))
        return false;
    memset(s->buckets, 0, FIRST_ROOM * sizeof(struct account *));
    s->room = FIRST_ROOM;
    return true;
}

/* One bucket more for one account more (linear hashing): a table that was doubled at once would hold up all calls for as long as
 * it takes to touch each account. */
static bool grow(struct shard *s)
{
    if (!s->room)
        return begin_table(s);
    if (s->split == 0 && !make_room(s, 2 * s->room))
        return false;
    struct account *each = s->buckets[s->split], *next;
    s->buckets[s->split] = s->buckets[s->room + s->split] = NULL;
    s->split++;
    for (; each; each = next) {
        struct account **head = bucket(s, each->hash);
        next = each->next;
        each->next = *head;
        *head = each;
    }
    if (s->split == s->room) {
        s->room *= 2;
        s->split = 0;
    }
    return true;
}

static struct account *find(const struct shard *s, struct span name, uint64_t hash)
{
    if (!s->room)
        return NULL;
    for (struct account *account = *bucket(s, hash); account; account = account->next)
        if (account->hash == hash && span_is(span_make(account->name, account->len), name))
            return account;
    return NULL;
}

static struct account *make(struct span name, uint64_t hash, int64_t slot, int64_t ends_at)
{
    struct account *account = calloc(1, sizeof(*account) + name.len);
    if (!account)
        return NULL;
    if (slot != LEDGER_NO_SLOT && !(account->slots = slots_new())) {
        free(account);
        return NULL;
    }
    account->hash = hash;
    account->ends_at = ends_at;
    account->len = name.len;
    if (name.len)
        memcpy(account->name, name.at, name.len);
    return account;
}

static struct account *find_or_add(struct shard *s, struct span name, uint64_t hash, int64_t slot, int64_t ends_at)
{
    struct account *account = find(s, name, hash);
    must(!account || !account->slots == (slot == LEDGER_NO_SLOT)); /* of one kind for ever */
    if (account)
        return account;
    if (s->count == s->room + s->split && !grow(s))
        return NULL;
    account = make(name, hash, slot, ends_at);
    if (!account)
        return NULL;
    account->next = *bucket(s, hash);
    *bucket(s, hash) = account;
    list_add_first(&s->all, &account->all);
    s->count++;
    return account;
}

static void drop(struct shard *s, struct account *account)
{
    struct account **at = bucket(s, account->hash);
    while (*at != account)
        at = &(*at)->next;
    *at = account->next;
    list_remove(&account->all);
    s->count--;
    free_account(account);
}

/* The set of shards as a bit each; its order is the order of locking. */
static void lock_set(struct ledger *l, uint64_t set)
{
    for (; set; set &= set - 1)
        lock(&l->shards[__builtin_ctzll(set)]);
}

static void unlock_set(struct ledger *l, uint64_t set)
{
    for (; set; set &= set - 1)
        unlock(&l->shards[__builtin_ctzll(set)]);
}

static int64_t settled_of(const struct account *account) { return account->slots ? slots_sum(account->slots, LEDGER_NO_SLOT) : account->settled; }

static void changed(struct shard *s, struct account *account) { account->changes = ++s->changes; }

/* 0 is never. What is counted here may come from a clock that ran ahead, so the later end holds. */
static void end_later(struct account *account, int64_t ends_at)
{
    if (account->ends_at && (!ends_at || ends_at > account->ends_at))
        account->ends_at = ends_at;
}

/* Whether `more` fits on top of what is there. Nothing always fits: a free call may pass an account that is overdrawn. */
static bool fits(const struct account *account, int64_t more, int64_t limit)
{
    int64_t after, settled = settled_of(account);
    if (more == 0)
        return true;
    if (settled < 0)
        settled = 0;
    return !__builtin_add_overflow(settled, account->reserved, &after) && !__builtin_add_overflow(after, more, &after) && after <= limit;
}

/* False: no memory, and nothing changed; not where a want has been. */
static bool spend(struct shard *s, struct account *account, int64_t slot, int64_t amount)
{
    if (account->slots && !slots_add(account->slots, slot, amount))
        return false;
    if (!account->slots)
        account->settled = money_add(account->settled, amount);
    changed(s, account);
    return true;
}

/* The want's moment and terms, from here on the account's. */
static void renew(struct shard *s, struct account *account, const struct ledger_want *want)
{
    bool moved = account->slots && slots_move(account->slots, want->slot);
    if (moved || account->limit != want->limit)
        changed(s, account);
    account->limit = want->limit;
    account->soft = want->soft;
    end_later(account, want->ends_at);
}

/* A soft account may be asked for more than a number can hold: then it holds what it can, and the hold remembers that. */
static int64_t take(struct account *account, int64_t amount)
{
    if (amount > INT64_MAX - account->reserved)
        amount = INT64_MAX - account->reserved;
    account->reserved += amount;
    return amount;
}

static enum err take_line(struct shard *s, const struct ledger_want *want, uint64_t hash, struct ledger_line *line)
{
    struct account *account = find_or_add(s, want->account, hash, want->slot, want->ends_at);
    if (!account)
        return E_NO_MEMORY;
    *line = (struct ledger_line){ account, want->slot, 0 };
    account->pins++;
    renew(s, account, want);
    if (!want->soft && !fits(account, want->amount, want->limit))
        return E_BUDGET_EXCEEDED;
    line->held = take(account, want->amount);
    changed(s, account);
    return E_OK;
}

/* A pointer to the account goes; its shard is locked. An account that says nothing and would never be swept goes with it,
 * or strangers could fill the memory with names of runs. */
static void unpin(struct shard *s, struct account *account)
{
    account->pins--;
    if (!account->pins && !account->ends_at && !account->reserved && !account->settled && !account->slots)
        drop(s, account);
}

static void give_back(struct ledger *l, struct ledger_line *line)
{
    line->account->reserved -= line->held;
    unpin(shard_of(l, line->account->hash), line->account);
}

/* The last line did not fit: gives back those before it, then tells what stands on its account without this call. */
static void undo(struct ledger *l, struct ledger_hold *hold, const struct ledger_want *wants, struct ledger_refusal *why)
{
    size_t last = hold->count - 1;
    struct account *full = hold->lines[last].account;
    int64_t attempted = 0;
    for (size_t i = 0; i <= last; i++)
        if (hold->lines[i].account == full)
            attempted = money_add(attempted, wants[i].amount);
    for (size_t i = 0; i < last; i++)
        give_back(l, &hold->lines[i]);
    int64_t most = money_add(money_add(full->limit, -full->reserved), -attempted);
    *why = (struct ledger_refusal){ last, full->limit, settled_of(full), full->reserved, attempted, LEDGER_NO_SLOT };
    if (full->slots && most >= 0)
        why->frees = slots_frees(full->slots, LEDGER_NO_SLOT, most);
    give_back(l, &hold->lines[last]);
}

enum err ledger_reserve(struct ledger *l, struct ledger_hold *hold, const struct ledger_want *wants, size_t count, struct ledger_refusal *why)
{
    uint64_t hashes[LEDGER_LINES], set = 0;
    enum err e = E_OK;
    must(!hold->open && count <= LEDGER_LINES);
    hold->count = 0;
    for (size_t i = 0; i < count; i++) {
        must(wants[i].amount >= 0);
        if (!wants[i].account.at)
            return E_NO_MEMORY; /* for its name, that is */
        hashes[i] = map_hash(wants[i].account);
        set |= UINT64_C(1) << hashes[i] % SHARDS;
    }
    lock_set(l, set);
    for (size_t i = 0; i < count && !e; i++) {
        e = take_line(shard_of(l, hashes[i]), &wants[i], hashes[i], &hold->lines[i]);
        hold->count += e != E_NO_MEMORY;
    }
    if (e == E_BUDGET_EXCEEDED)
        undo(l, hold, wants, why);
    if (e == E_NO_MEMORY)
        for (size_t i = 0; i < hold->count; i++)
            give_back(l, &hold->lines[i]);
    unlock_set(l, set);
    hold->open = e == E_OK;
    if (e)
        hold->count = 0;
    return e;
}

void ledger_join(struct ledger *l, struct ledger_hold *held, struct ledger_hold *more)
{
    must(held->open && more->open && held->count == more->count);
    for (size_t i = 0; i < held->count; i++) {
        struct account *account = held->lines[i].account;
        struct shard *s = shard_of(l, account->hash);
        must(account == more->lines[i].account);
        lock(s);
        held->lines[i].held += more->lines[i].held;
        held->lines[i].slot = more->lines[i].slot;
        unpin(s, account);
        unlock(s);
    }
    more->open = false;
    more->count = 0;
}

enum ending { SETTLED, RELEASED, IN_DOUBT };

static void end_line(struct ledger *l, struct ledger_line *line, enum ending how, int64_t real)
{
    struct account *account = line->account;
    struct shard *s = shard_of(l, account->hash);
    lock(s);
    if (how == IN_DOUBT)
        account->doubt += line->held;
    else
        account->reserved -= line->held;
    if (how == SETTLED)
        must(spend(s, account, line->slot, real)); /* a want was here: this hold's */
    changed(s, account);
    unpin(s, account);
    unlock(s);
}

static void end(struct ledger *l, struct ledger_hold *hold, enum ending how, const int64_t *real)
{
    must(hold->open);
    for (size_t i = 0; i < hold->count; i++)
        end_line(l, &hold->lines[i], how, how == SETTLED ? real[i] : 0);
    hold->open = false;
    hold->count = 0;
}

void ledger_settle(struct ledger *l, struct ledger_hold *hold, const int64_t *real) { end(l, hold, SETTLED, real); }
void ledger_release(struct ledger *l, struct ledger_hold *hold) { end(l, hold, RELEASED, NULL); }
void ledger_doubt(struct ledger *l, struct ledger_hold *hold) { end(l, hold, IN_DOUBT, NULL); }

bool ledger_resolve(struct ledger *l, struct span account, int64_t slot, int64_t held, int64_t real)
{
    uint64_t hash = map_hash(account);
    struct shard *s = shard_of(l, hash);
    must(held >= 0);
    lock(s);
    struct account *at = find(s, account, hash);
    bool ok = at && at->doubt >= held && spend(s, at, slot, real);
    if (ok) {
        at->doubt -= held;
        at->reserved -= held;
    }
    unlock(s);
    return ok;
}

bool ledger_adjust(struct ledger *l, struct span account, int64_t slot, int64_t delta, int64_t ends_at)
{
    uint64_t hash = map_hash(account);
    struct shard *s = shard_of(l, hash);
    lock(s);
    struct account *at = find_or_add(s, account, hash, slot, ends_at);
    bool ok = at && spend(s, at, slot, delta);
    if (ok)
        end_later(at, ends_at);
    unlock(s);
    return ok;
}

static void tell(const struct account *account, struct ledger_balance *out)
{
    *out = (struct ledger_balance){ account->limit, settled_of(account), account->reserved, account->doubt, account->changes, LEDGER_NO_SLOT };
}

bool ledger_balance(struct ledger *l, struct span account, int64_t slot, struct ledger_balance *out)
{
    uint64_t hash = map_hash(account);
    struct shard *s = shard_of(l, hash);
    *out = (struct ledger_balance){ .oldest = LEDGER_NO_SLOT };
    lock(s);
    struct account *at = find(s, account, hash);
    if (at)
        tell(at, out);
    if (at && at->slots) {
        out->settled = slots_sum(at->slots, slot);
        out->oldest = slots_frees(at->slots, slot, INT64_MAX);
    }
    unlock(s);
    return at != NULL;
}

void ledger_line_balance(struct ledger *l, const struct ledger_line *line, struct ledger_balance *out)
{
    struct shard *s = shard_of(l, line->account->hash);
    lock(s);
    tell(line->account, out);
    unlock(s);
}

struct span ledger_line_account(const struct ledger_line *line) { return span_make(line->account->name, line->account->len); }

uint32_t ledger_mark(struct ledger *l, struct span account, uint32_t bits)
{
    uint64_t hash = map_hash(account);
    struct shard *s = shard_of(l, hash);
    uint32_t fresh = 0;
    lock(s);
    struct account *at = find(s, account, hash);
    if (at) {
        fresh = bits & ~at->marks;
        at->marks |= bits;
    }
    unlock(s);
    return fresh;
}

enum err ledger_restore(struct ledger *l, struct span account, int64_t slot, int64_t settled, int64_t doubt, int64_t ends_at)
{
    uint64_t hash = map_hash(account);
    struct shard *s = shard_of(l, hash);
    must(doubt >= 0);
    lock(s);
    struct account *at = find_or_add(s, account, hash, slot, ends_at);
    must(!at || !at->pins);
    bool ok = at && spend(s, at, slot, at->slots ? settled : money_add(settled, -at->settled));
    if (ok) {
        at->doubt = at->slots ? money_add(at->doubt, doubt) : doubt;
        at->reserved = at->doubt;
        end_later(at, ends_at);
    }
    unlock(s);
    return ok ? E_OK : E_NO_MEMORY;
}

/* The account behind `at` in the shard's list, pinned, so that it is still there when the visitor comes back. */
static struct account *step(struct shard *s, struct account *at, struct ledger_balance *b, int64_t *ends_at)
{
    lock(s);
    struct list *next = at ? at->all.next : s->all.next;
    if (at)
        unpin(s, at);
    struct account *account = next == &s->all ? NULL : CONTAINER_OF(next, struct account, all);
    if (account) {
        account->pins++;
        tell(account, b);
        *ends_at = account->ends_at;
    }
    unlock(s);
    return account;
}

void ledger_each(struct ledger *l, void (*visit)(void *self, struct span account, const struct ledger_balance *b, int64_t ends_at), void *self)
{
    struct ledger_balance b;
    int64_t ends_at;
    for (size_t i = 0; i < SHARDS; i++) {
        struct account *at = NULL;
        while ((at = step(&l->shards[i], at, &b, &ends_at)))
            visit(self, span_make(at->name, at->len), &b, ends_at);
    }
}

static bool is_over(const struct account *a, int64_t before_ms)
{
    return !a->pins && !a->reserved && a->ends_at && a->ends_at < before_ms;
}

/* A stretch of the shard's list behind `at`, which is pinned; *at is pinned in turn. True: there is more. */
static bool sweep_some(struct shard *s, struct account **at, int64_t before_ms, size_t *dropped)
{
    lock(s);
    struct list *next = *at ? (*at)->all.next : s->all.next;
    if (*at)
        unpin(s, *at);
    *at = NULL;
    for (size_t n = 0; n < SWEEP_STRETCH && next != &s->all; n++) {
        struct account *account = CONTAINER_OF(next, struct account, all);
        next = next->next;
        if (is_over(account, before_ms)) {
            drop(s, account);
            (*dropped)++;
        } else {
            *at = account;
        }
    }
    bool more = next != &s->all;
    if (more && *at)
        (*at)->pins++;
    unlock(s);
    return more;
}

size_t ledger_sweep(struct ledger *l, int64_t before_ms)
{
    size_t dropped = 0;
    for (size_t i = 0; i < SHARDS; i++) {
        struct account *at = NULL;
        while (sweep_some(&l->shards[i], &at, before_ms, &dropped))
            continue;
    }
    return dropped;
}
