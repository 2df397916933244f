/* SPDX-License-Identifier: Apache-2.0
 * chain.c - every row's hash covers the hash before it, so that no row can be changed, moved or taken out unseen.
 *
 *   hash(n) = SHA-256( hash(n-1) || id as 8 bytes, high byte first || the row's bytes ),   hash(0) = 32 zero bytes
 *
 * Rows are keyed by id, in the order in which calls began; they are chained in the order in which they ended. Table `chain`
 * keeps that order: one entry a transaction, with the number of rows before it, the ids, and the hash after the last.
 * Whoever can write the file can rewrite all of it: keep a tip elsewhere to prove against that (docs/data.md). */
#include "store/inside.h"

#include <stdlib.h>

#include "store/reader.h"

static void put_id(char out[8], uint64_t id)
{
    for (int i = 0; i < 8; i++)
        out[i] = (char)(id >> (56 - 8 * i));
}

static uint64_t get_id(const char *bytes)
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
static enum err load_tip(sqlite3 *db, struct chain *tip)
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

enum err chain_load(struct store *s) { return load_tip(s->db, &s->chain); }

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

/* ---- checking ---------------------------------------------------------------------------------------------------------
 * Entry by entry, each in a short read of its own, so that a long check does not keep the log file from being recycled.
 * Entries and rows only ever get more: what was there at the start must be there later. */

struct check {
    struct store_reader *reader;
    sqlite3_stmt *entry, *row;
    struct buf text;
    struct buf ids;        /* of one entry */
    struct digest claimed; /* that entry's hash */
    struct chain at;       /* how far we are, with the hash as computed */
    uint64_t bad;
};

static bool check_row(struct check *c, uint64_t id, enum err *e)
{
    sql_bind_i64(c->row, 1, (int64_t)id);
    c->bad = id;
    if (!sql_next(c->row, e))
        return false; /* E_OK: it was taken out */
    struct span prev = sql_span(c->row, 0), hash = sql_span(c->row, 1);
    bool same = span_is(prev, span_make((const char *)c->at.hash.bytes, DIGEST_LEN));
    c->at.hash = chain_hash(&c->text, &c->at.hash, id, sql_span(c->row, 2));
    same = same && span_is(hash, span_make((const char *)c->at.hash.bytes, DIGEST_LEN));
    sqlite3_reset(c->row);
    *e = c->text.broken ? E_NO_MEMORY : E_OK;
    c->at.rows++;
    return same && !c->text.broken;
}

/* The entry that begins after c->at.rows rows, copied: its rows are read one by one. */
static bool load_entry(struct check *c, enum err *e)
{
    sql_bind_i64(c->entry, 1, c->at.rows);
    if (!sql_next(c->entry, e))
        return false;
    struct span hash = sql_span(c->entry, 1);
    buf_clear(&c->ids);
    buf_put(&c->ids, sql_span(c->entry, 0));
    if (hash.len == DIGEST_LEN)
        memcpy(c->claimed.bytes, hash.at, DIGEST_LEN);
    sqlite3_reset(c->entry);
    *e = c->ids.broken ? E_NO_MEMORY : E_OK;
    return *e == E_OK && hash.len == DIGEST_LEN && c->ids.len >= 8 && c->ids.len % 8 == 0;
}

static bool check_entry(struct check *c, enum err *e)
{
    if (!load_entry(c, e))
        return false;
    for (size_t at = 0; at < c->ids.len; at += 8)
        if (!check_row(c, get_id(c->ids.at + at), e))
            return false;
    return memcmp(c->claimed.bytes, c->at.hash.bytes, DIGEST_LEN) == 0;
}

static int by_id(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* All ids of the chain, sorted as the table is. Rare and dear: only when there are more rows than chained ones. */
static enum err chained_ids(sqlite3 *db, int64_t **ids, size_t *count)
{
    enum err e = E_IO;
    sqlite3_stmt *q = sql_prepare(db, SPAN("SELECT ids FROM chain ORDER BY first"));
    *ids = NULL;
    *count = 0;
    while (q && sql_next(q, &e)) {
        struct span bytes = sql_span(q, 0);
        int64_t *more = realloc(*ids, *count * sizeof(**ids) + bytes.len);
        if (!more) {
            sqlite3_finalize(q);
            return E_NO_MEMORY;
        }
        *ids = more;
        for (size_t at = 0; at + 8 <= bytes.len; at += 8)
            (*ids)[(*count)++] = (int64_t)get_id(bytes.at + at);
    }
    sqlite3_finalize(q);
    if (*count)
        qsort(*ids, *count, sizeof(**ids), by_id);
    return e;
}

/* The first row that no entry names. */
static enum err find_stranger(sqlite3 *db, uint64_t *bad)
{
    int64_t *ids;
    size_t count, at = 0;
    enum err e = chained_ids(db, &ids, &count);
    sqlite3_stmt *q = e == E_OK ? sql_prepare(db, SPAN("SELECT id FROM calls ORDER BY id")) : NULL;
    while (q && sql_next(q, &e)) {
        int64_t id = sqlite3_column_int64(q, 0);
        while (at < count && ids[at] < id)
            at++;
        if (at == count || ids[at] != id) {
            *bad = (uint64_t)id;
            break;
        }
    }
    sqlite3_finalize(q);
    free(ids);
    return e;
}

/* Rows in `calls` and in `chain` in one moment's view. */
static enum err count_both(sqlite3 *db, int64_t *rows, struct chain *tip)
{
    enum err e = sql_run(db, "BEGIN");
    sqlite3_stmt *q = e == E_OK ? sql_prepare(db, SPAN("SELECT count(*) FROM calls")) : NULL;
    if (q && sql_next(q, &e))
        *rows = sqlite3_column_int64(q, 0);
    else if (e == E_OK)
        e = E_IO;
    sqlite3_finalize(q);
    if (e == E_OK)
        e = load_tip(db, tip);
    (void)sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    return e;
}

static enum err walk(struct check *c, int64_t *rows, uint64_t *bad)
{
    struct chain tip;
    int64_t there = 0;
    enum err e = count_both(c->reader->db, &there, &tip);
    while (e == E_OK && c->at.rows < tip.rows) {
        e = sql_run(c->reader->db, "BEGIN"); /* one look at the file for the whole entry */
        bool good = e == E_OK && check_entry(c, &e);
        (void)sqlite3_exec(c->reader->db, "COMMIT", NULL, NULL, NULL);
        if (!good) {
            *bad = c->bad;
            return e == E_OK ? E_CONFLICT : e;
        }
    }
    *rows = c->at.rows;
    if (e != E_OK || there <= tip.rows)
        return e;
    e = find_stranger(c->reader->db, bad);
    return e == E_OK ? E_CONFLICT : e;
}

enum err store_verify(struct store_reader *r, int64_t *rows, uint64_t *bad_id)
{
    enum { ROW_MOST = 1 << 30 };
    struct check c = { .reader = r };
    enum err e = E_IO;
    *rows = 0;
    *bad_id = 0;
    buf_init(&c.text, ROW_MOST);
    buf_init(&c.ids, ROW_MOST);
    reader_unhurried(r);
    c.entry = sql_prepare(r->db, SPAN("SELECT ids, hash FROM chain WHERE first = ?1"));
    c.row = sql_prepare(r->db, SPAN("SELECT prev_hash, hash, row FROM calls WHERE id = ?1"));
    if (c.entry && c.row)
        e = walk(&c, rows, bad_id);
    sqlite3_finalize(c.entry);
    reader_finish(r, c.row);
    buf_free(&c.text);
    buf_free(&c.ids);
    return e;
}
