/* SPDX-License-Identifier: Apache-2.0
 * sums.c - what a batch adds to balances, runs and hours. Added up in memory first: a hundred calls of one run on one
 * budget cost one write to each table. */
#include "store/inside.h"

#define HOUR_MS (INT64_C(60) * 60 * 1000)

/* One of these for each account, and a list of them where a rolling one has several slots. */
struct balance {
    struct balance *next;
    struct span account;
    int64_t slot, settled, doubt, ends_at;
};

/* One for each run, and a list of them where two workspaces have a run of one name. */
struct run_sums {
    struct run_sums *next;
    struct span run, workspace, key, label;
    int mixed; /* 1: calls with other keys, 2: with other labels; schema.c */
    int64_t first_at, last_at, calls, forwarded, refused, tokens_in, tokens_out;
    nano_usd cost, open;
};

/* The ids of the calls that began in it lie between these. */
struct hour {
    struct hour *next;
    int64_t hour, lowest, highest;
};

static struct balance *look_up_balance(struct batch *b, const struct store_line *line)
{
    struct balance *first = map_get(&b->accounts, line->account), *sum = first;
    while (sum && sum->slot != line->slot)
        sum = sum->next;
    if (sum)
        return sum;
    sum = ARENA_NEW(&b->memory, struct balance);
    if (!sum)
        return NULL;
    sum->slot = line->slot;
    if (first) { /* behind the first, whose name is the map's key */
        sum->account = first->account;
        sum->next = first->next;
        first->next = sum;
        return sum;
    }
    sum->account = arena_copy(&b->memory, line->account);
    return !b->memory.broken && map_put(&b->accounts, sum->account, sum) ? sum : NULL;
}

/* at: the line's place in its row. */
static struct balance *find_balance(struct batch *b, const struct store_line *line, size_t at)
{
    struct balance **last = &b->last.balances[at % LAST_LINES];
    if (!*last || (*last)->slot != line->slot || !span_is((*last)->account, line->account))
        *last = look_up_balance(b, line);
    return *last;
}

/* doubt: what is in doubt from now on, or, below zero, no more. */
static enum err add_line(struct batch *b, const struct store_line *line, size_t at, int64_t doubt)
{
    if (line->real == 0 && doubt == 0)
        return E_OK;
    struct balance *sum = find_balance(b, line, at);
    if (!sum)
        return E_NO_MEMORY;
    sum->settled = money_add(sum->settled, line->real);
    sum->doubt = money_add(sum->doubt, doubt);
    sum->ends_at = line->ends_at;
    return E_OK;
}

static struct run_sums *look_up_run(struct batch *b, const struct store_record *r, struct span label)
{
    struct run_sums *first = map_get(&b->runs, r->run), *sums = first;
    while (sums && !span_is(sums->workspace, r->workspace))
        sums = sums->next;
    if (sums)
        return sums;
    sums = ARENA_NEW(&b->memory, struct run_sums);
    struct span run = arena_copy(&b->memory, r->run), workspace = arena_copy(&b->memory, r->workspace);
    struct span key = arena_copy(&b->memory, r->key), own = arena_copy(&b->memory, label);
    if (b->memory.broken)
        return NULL;
    *sums = (struct run_sums){ .run = run, .workspace = workspace, .key = key, .label = own, .first_at = r->at, .last_at = r->at, .next = first };
    return map_put(&b->runs, first ? first->run : run, sums) ? sums : NULL;
}

static struct run_sums *find_run(struct batch *b, const struct store_record *r, struct span label)
{
    struct run_sums *last = b->last.run;
    if (!last || !span_is(last->run, r->run) || !span_is(last->workspace, r->workspace))
        b->last.run = look_up_run(b, r, label);
    return b->last.run;
}

static enum err add_run(struct batch *b, const struct store_record *r, nano_usd open, struct span label)
{
    struct run_sums *sums = find_run(b, r, label);
    if (!sums)
        return E_NO_MEMORY;
    sums->mixed |= (span_is(sums->key, r->key) ? 0 : 1) | (span_is(sums->label, label) ? 0 : 2);
    sums->first_at = r->at < sums->first_at ? r->at : sums->first_at;
    sums->last_at = r->at > sums->last_at ? r->at : sums->last_at;
    bool call = r->kind == STORE_CALL; /* a settlement or an event adds money, and is no call */
    sums->calls += call;
    sums->forwarded += call && (r->verdict == 0 || r->verdict == 3 || (r->verdict == 2 && r->held)); /* as in query_usage.c */
    sums->refused += call && r->verdict == 1;
    sums->cost = money_add(sums->cost, r->cost);
    sums->open = money_add(sums->open, open);
    sums->tokens_in = money_add(sums->tokens_in, r->tokens_in);
    sums->tokens_out = money_add(sums->tokens_out, r->tokens_out);
    return E_OK;
}

enum err sums_note(struct store *s, const struct store_record *r)
{
    struct batch *b = &s->batch;
    int64_t hour = r->at / HOUR_MS, id = (int64_t)r->call;
    struct hour *h = b->hours;
    while (h && h->hour != hour)
        h = h->next;
    if (!h) {
        h = ARENA_NEW(&b->memory, struct hour);
        if (!h)
            return E_NO_MEMORY;
        *h = (struct hour){ b->hours, hour, id, id };
        b->hours = h;
    }
    h->lowest = id < h->lowest ? id : h->lowest;
    h->highest = id > h->highest ? id : h->highest;
    return E_OK;
}

static int64_t doubt_of(const struct store_record *r, const struct store_line *line)
{
    if (r->kind == STORE_SETTLEMENT)
        return line->held > 0 ? -line->held : 0;
    return line->kept ? line->held : 0;
}

enum err sums_add(struct store *s, const struct store_record *r, const struct said *said, nano_usd open)
{
    enum err e = sums_note(s, r);
    if (e == E_OK && r->run.len)
        e = add_run(&s->batch, r, open, said->label);
    if (e == E_OK)
        e = rollup_add(s, r, said);
    if (e == E_OK)
        e = speeds_add(s, r, said);
    for (size_t i = 0; i < r->count && e == E_OK; i++)
        e = add_line(&s->batch, &r->lines[i], i, doubt_of(r, &r->lines[i]));
    return e;
}

/* ---- once a batch -------------------------------------------------------------------------------------------------------- */

static enum err save_balances(sqlite3_stmt *q, const struct balance *sum)
{
    enum err e = E_OK;
    for (; sum && e == E_OK; sum = sum->next) {
        sql_bind_always(q, 1, sum->account);
        sql_bind_i64(q, 2, sum->slot);
        sql_bind_i64(q, 3, sum->settled);
        sql_bind_i64(q, 4, sum->doubt);
        sql_bind_i64(q, 5, sum->ends_at);
        e = sql_step(q);
    }
    return e;
}

static enum err save_run(sqlite3_stmt *q, const struct run_sums *sums)
{
    const int64_t numbers[] = { sums->first_at, sums->last_at, sums->calls, sums->forwarded, sums->refused, sums->cost,
        sums->open, sums->tokens_in, sums->tokens_out };
    sql_bind_always(q, 1, sums->run);
    sql_bind_always(q, 2, sums->workspace);
    for (int i = 0; i < (int)(sizeof(numbers) / sizeof(numbers[0])); i++)
        sql_bind_i64(q, 3 + i, numbers[i]);
    sql_bind(q, 12, sums->key);
    sql_bind(q, 13, sums->label);
    sql_bind_i64(q, 14, sums->mixed);
    return sql_step(q);
}

static enum err save_hour(sqlite3_stmt *q, const struct hour *h)
{
    sql_bind_i64(q, 1, h->hour);
    sql_bind_i64(q, 2, h->lowest);
    sql_bind_i64(q, 3, h->highest);
    return sql_step(q);
}

enum err sums_save(struct store *s)
{
    struct batch *b = &s->batch;
    const struct map_entry *entry;
    enum err e = E_OK;
    for (size_t at = 0; e == E_OK && (entry = map_next(&b->accounts, &at));)
        e = save_balances(s->statements[ST_ACCOUNT], entry->value);
    for (size_t at = 0; e == E_OK && (entry = map_next(&b->runs, &at));)
        for (const struct run_sums *sums = entry->value; sums && e == E_OK; sums = sums->next)
            e = save_run(s->statements[ST_RUN], sums);
    for (const struct hour *h = b->hours; h && e == E_OK; h = h->next)
        e = save_hour(s->statements[ST_HOUR], h);
    return e;
}
