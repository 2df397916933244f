/* SPDX-License-Identifier: Apache-2.0
 * row.c - a finished call becomes a line of `calls`. Its row is kept as the worker wrote it, byte for byte. */
#include "store/inside.h"

#include "base/log.h"

static void bind(sqlite3_stmt *q, const struct store_record *r)
{
    const int64_t numbers[] = { (int64_t)r->call, r->at, r->verdict, r->status, r->held, r->settled, r->cost, r->reserved,
        r->tokens_in, r->tokens_out };
    const struct span texts[] = { r->workspace, r->key, r->run, r->step, r->vendor, r->operation, r->model, r->denied, r->user };
    enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]), TEXTS = sizeof(texts) / sizeof(texts[0]) };
    for (int i = 0; i < NUMBERS; i++)
        sql_bind_i64(q, 1 + i, numbers[i]);
    for (int i = 0; i < TEXTS; i++)
        sql_bind(q, 1 + NUMBERS + i, texts[i]);
}

static enum err insert(struct store *s, const struct store_record *r, const struct digest *hash)
{
    enum { PREV = 20, HASH, ROW };
    sqlite3_stmt *q = s->statements[ST_CALL];
    bind(q, r);
    sql_bind_blob(q, PREV, span_make((const char *)s->batch.chain.hash.bytes, DIGEST_LEN));
    sql_bind_blob(q, HASH, span_make((const char *)hash->bytes, DIGEST_LEN));
    sql_bind_blob(q, ROW, r->row);
    return sql_step(q);
}

enum err row_put(struct store *s, const struct store_record *r)
{
    struct batch *b = &s->batch;
    struct digest hash = chain_hash(&s->text, &b->chain.hash, r->call, r->row);
    if (s->text.broken)
        return E_NO_MEMORY;
    enum err e = insert(s, r, &hash);
    if (e != E_OK)
        return e;
    if (sqlite3_changes(s->db) == 0) {
        /* One call, one row: a second one would count its money twice. Only a bug of the writer can bring us here. */
        log_error("store", "call %llu was recorded twice, the second time is left out", (unsigned long long)r->call);
        return r->held ? holds_close(s, r->call) : E_OK;
    }
    b->chain.hash = hash;
    b->chain.rows++;
    b->rows++;
    chain_note(&b->ids, r->call);
    if (b->ids.broken)
        return E_NO_MEMORY;
    e = r->held ? holds_close(s, r->call) : E_OK;
    return e == E_OK ? sums_add(s, r) : e;
}
