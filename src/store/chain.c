/* SPDX-License-Identifier: Apache-2.0
 * chain.c - every row's hash covers the hash before it, so that no row can be changed, moved or taken out unseen.
 *
 *   hash(n) = SHA-256( hash(n-1) || id as 8 bytes, high byte first || the row's bytes ),   hash(0) = 32 zero bytes
 *
 * Rows are keyed by id, in the order in which calls began; they are chained in the order in which they ended. Table `chain`
 * keeps that order: one entry a transaction, with the number of rows before it, the ids, and the hash after the last.
 * Whoever can write the file can rewrite all of it: checkpoints (points.c) prove against that. verify.c checks it. */
#include "store/inside.h"

static void put_id(char out[8], uint64_t id)
{
    for (int i = 0; i < 8; i++)
        out[i] = (char)(id >> (56 - 8 * i));
}

uint64_t chain_id(const char *bytes)
{
    uint64_t id = 0;
    for (int i = 0; i < 8; i++)
        id = id << 8 | (uint8_t)bytes[i];
    return id;
}

void chain_note(struct buf *ids, uint64_t id)
{
    char bytes[8];
    put_id(bytes, id);
    buf_put(ids, span_make(bytes, sizeof(bytes)));
}

struct digest chain_hash(struct buf *text, const struct digest *prev, uint64_t id, struct span row)
{
    char bytes[8];
    put_id(bytes, id);
    buf_clear(text);
    buf_put(text, span_make((const char *)prev->bytes, DIGEST_LEN));
    buf_put(text, span_make(bytes, sizeof(bytes)));
    buf_put(text, row);
    return digest_sha256(buf_span(text));
}

/* The last entry of `chain`; none: the chain is empty. */
enum err chain_tip(sqlite3 *db, struct chain *tip)
{
    *tip = (struct chain){ 0 };
    sqlite3_stmt *q = sql_prepare(db, SPAN("SELECT first, length(ids), hash FROM chain ORDER BY first DESC LIMIT 1"));
    enum err e = E_IO;
    if (!q)
        return e;
    if (sql_next(q, &e)) {
        struct span hash = sql_span(q, 2);
        tip->rows = sqlite3_column_int64(q, 0) + sqlite3_column_int64(q, 1) / 8;
        if (hash.len == DIGEST_LEN)
            memcpy(tip->hash.bytes, hash.at, DIGEST_LEN);
    }
    sqlite3_finalize(q);
    return e;
}

enum err chain_save(struct store *s)
{
    sqlite3_stmt *q = s->statements[ST_CHAIN];
    if (s->batch.rows == 0)
        return E_OK;
    sql_bind_i64(q, 1, s->chain.rows);
    sql_bind_blob(q, 2, buf_span(&s->batch.ids));
    sql_bind_blob(q, 3, span_make((const char *)s->batch.chain.hash.bytes, DIGEST_LEN));
    return sql_step(q);
}
