/* SPDX-License-Identifier: Apache-2.0
 * points.c - checkpoints: how long the chain is and what its hash is, signed, so that nobody without the key can write it
 * anew. Each CHECKPOINT_ROWS rows in the transaction of the last of them, each CHECKPOINT_MS, and at the end.
 *
 * What cannot be seen in the file itself: that the newest rows and the newest checkpoints were cut off together. Against
 * that, keep one elsewhere (docs/audit.md). */
#include "store/inside.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/sign.h"
#include "base/text.h"

enum { TEXT_MOST = 256, RETRY_SIGNING_MS = 60 * 1000 };

void points_text(struct buf *out, int64_t rows, int64_t at, struct span hash)
{
    buf_clear(out);
    buf_print(out, "tollgate checkpoint\n%lld\n%lld\n", (long long)rows, (long long)at);
    buf_put_hex(out, hash);
    buf_put_byte(out, '\n');
}

enum err points_load(struct store *s)
{
    enum err e = E_IO;
    sqlite3_stmt *q = sql_prepare(s->db, SPAN("SELECT coalesce(max(rows), 0) FROM checkpoints"));
    if (q && sql_next(q, &e))
        s->signing.rows = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    if (s->signing.rows > s->chain.rows)
        log_error("store", "the audit chain has %lld rows, and a signature for %lld: rows were cut off", (long long)s->chain.rows,
            (long long)s->signing.rows);
    return e;
}

void store_sign_with(struct store *s, struct signer *signer)
{
    must(!s->running);
    s->signing.signer = signer;
    s->signing.at = thread_now();
}

int64_t points_due(const struct store *s)
{
    const struct signing *g = &s->signing;
    return g->signer && s->chain.rows > g->rows ? g->at + CHECKPOINT_MS : INT64_MAX;
}

static bool is_time(const struct store *s)
{
    const struct signing *g = &s->signing;
    if (!g->signer || s->batch.chain.rows <= g->rows)
        return false;
    return s->batch.sign || s->batch.chain.rows - g->rows >= CHECKPOINT_ROWS || thread_now() >= g->at + CHECKPOINT_MS;
}

enum err points_save(struct store *s)
{
    sqlite3_stmt *q = s->statements[ST_CHECKPOINT];
    const struct chain *tip = &s->batch.chain;
    struct span hash = span_make((const char *)tip->hash.bytes, DIGEST_LEN);
    uint8_t signature[SIGN_LEN], key[SIGN_KEY];
    int64_t at = clock_unix_ms();
    struct buf text;
    if (!is_time(s))
        return E_OK;
    buf_init(&text, TEXT_MOST);
    points_text(&text, tip->rows, at, hash);
    if (text.broken)
        return E_NO_MEMORY;
    signer_sign(s->signing.signer, buf_span(&text), signature);
    signer_public(s->signing.signer, key);
    buf_free(&text);
    sql_bind_i64(q, 1, tip->rows);
    sql_bind_i64(q, 2, at);
    sql_bind_blob(q, 3, hash);
    sql_bind_blob(q, 4, span_make((const char *)signature, SIGN_LEN));
    sql_bind_blob(q, 5, span_make((const char *)key, SIGN_KEY));
    s->batch.signed_rows = tip->rows;
    return sql_step(q);
}

enum err points_catch_up(struct store *s, bool now)
{
    int64_t due = points_due(s);
    if (due == INT64_MAX || (!now && thread_now() < due))
        return E_OK;
    enum err e = batch_begin(s);
    s->batch.sign = true;
    if (e == E_OK)
        e = batch_commit(s);
    if (e == E_OK)
        return E_OK;
    batch_rollback(s);
    s->signing.at = thread_now() + RETRY_SIGNING_MS - CHECKPOINT_MS;
    return e;
}
