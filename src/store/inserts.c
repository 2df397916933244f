/* SPDX-License-Identifier: Apache-2.0
 * inserts.c - rows on their way into `calls`.
 *
 * Rows come in the order in which calls ended, the table is in the order in which they began. So those of a batch wait for its end, and go in
 * by their ids, many with one statement: SQLite then fills one page after the other, where each row a little before the last one made it
 * share a full page with its neighbours again, and opens the table and its indexes once for all of them. */
#include "store/inside.h"

#include <stdlib.h>

enum { COLUMNS = 24 /* of a row in ST_CALL and ST_CALLS */, ROWS_AT_ONCE = 16 /* of ST_CALLS */ };

struct waiting {
    const struct store_record *record;
    struct digest prev, hash;
};

/* first: the number of its first parameter. */
static void bind(sqlite3_stmt *q, int first, const struct waiting *w)
{
    const struct store_record *r = w->record;
    const int64_t numbers[] = { (int64_t)r->call, r->at, r->verdict, r->status, r->held, r->settled, r->cost, r->reserved,
        r->tokens_in, r->tokens_out };
    const struct span texts[] = { r->workspace, r->key, r->run, r->step, r->vendor, r->operation, r->model, r->denied, r->user };
    enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]), TEXTS = sizeof(texts) / sizeof(texts[0]), PREV = NUMBERS + TEXTS, HASH, ROW, KIND, OF };
    for (int i = 0; i < NUMBERS; i++)
        sql_bind_i64(q, first + i, numbers[i]);
    for (int i = 0; i < TEXTS; i++)
        sql_bind(q, first + NUMBERS + i, texts[i]);
    sql_bind_blob(q, first + PREV, span_make((const char *)w->prev.bytes, DIGEST_LEN));
    sql_bind_blob(q, first + HASH, span_make((const char *)w->hash.bytes, DIGEST_LEN));
    sql_bind_blob(q, first + ROW, r->row);
    sql_bind_i64(q, first + KIND, r->kind);
    if (r->kind == STORE_SETTLEMENT || (r->kind == STORE_EVENT && r->of))
        sql_bind_i64(q, first + OF, (int64_t)r->of);
    else
        sql_bind(q, first + OF, SPAN_NONE);
    must(OF == COLUMNS - 1);
}

enum err inserts_now(struct store *s, const struct store_record *r, const struct digest *prev, const struct digest *hash, bool *there)
{
    const struct waiting w = { r, *prev, *hash };
    bind(s->statements[ST_CALL], 1, &w);
    enum err e = sql_step(s->statements[ST_CALL]);
    *there = e == E_OK && sqlite3_changes(s->db) != 0;
    return e;
}

enum err inserts_later(struct store *s, const struct store_record *r, const struct digest *prev, const struct digest *hash)
{
    struct batch *b = &s->batch;
    struct waiting *list = arena_grow(&b->memory, b->waiting, sizeof(*list), b->waiting_count);
    if (!list)
        return E_NO_MEMORY;
    b->waiting = list;
    list[b->waiting_count++] = (struct waiting){ r, *prev, *hash };
    return E_OK;
}

static int by_call(const void *a, const void *b)
{
    uint64_t x = ((const struct waiting *)a)->record->call, y = ((const struct waiting *)b)->record->call;
    return (x > y) - (x < y);
}

static enum err insert(struct store *s, sqlite3_stmt *q, const struct waiting *list, int count)
{
    for (int i = 0; i < count; i++)
        bind(q, 1 + i * COLUMNS, &list[i]);
    enum err e = sql_step(q);
    if (e != E_OK || sqlite3_changes(s->db) == count)
        return e;
    s->batch.twice = true;
    return E_CONFLICT;
}

enum err inserts_save(struct store *s)
{
    struct waiting *list = s->batch.waiting;
    size_t count = s->batch.waiting_count, at = 0;
    enum err e = E_OK;
    if (count == 0)
        return E_OK;
    qsort(list, count, sizeof(*list), by_call);
    for (; e == E_OK && count - at >= ROWS_AT_ONCE; at += ROWS_AT_ONCE)
        e = insert(s, s->statements[ST_CALLS], list + at, ROWS_AT_ONCE);
    for (; e == E_OK && at < count; at++)
        e = insert(s, s->statements[ST_CALL], list + at, 1);
    s->batch.waiting = NULL;
    s->batch.waiting_count = 0;
    return e;
}
