/* SPDX-License-Identifier: Apache-2.0
 * verify.c - walks the chain from its first row and says where it was tampered with: an edited row or column, one that was
 * moved, put in or taken out, a checkpoint that does not fit or is not signed well.
 *
 * Entry by entry, each in a short read of its own, so that a long check does not keep the log file from being recycled.
 * Entries, rows and checkpoints only ever get more: what was there at the start must be there later. */
#include "store/inside.h"

#include <stdlib.h>

#include "base/sign.h"
#include "base/text.h"
#include "store/columns.h"
#include "store/reader.h"

enum { ROW_MOST = 1 << 30, POINT_MOST = 256 };

/* The next checkpoint on the way. */
struct point {
    int64_t rows, at; /* rows 0: there is none */
    uint8_t hash[DIGEST_LEN], signature[SIGN_LEN], key[SIGN_KEY];
    bool whole; /* of the right sizes */
};

struct check {
    struct store_reader *reader;
    const uint8_t *key; /* NULL: each checkpoint's own */
    sqlite3_stmt *entry, *row, *point_query;
    struct buf text;
    struct buf ids;        /* of one entry */
    struct digest claimed; /* that entry's hash */
    struct chain at;       /* how far we are, with the hash as computed */
    struct point point;
    struct store_verdict *out;
};

/* The whole of it as it was when the check began. */
struct extent {
    int64_t rows_there, last_point;
    struct chain tip;
};

static bool found(struct check *c, uint64_t id, const char *trouble)
{
    c->out->bad_id = id;
    c->out->trouble = trouble;
    return false;
}

static bool is_hash(struct span bytes, const struct digest *hash)
{
    return span_is(bytes, span_make((const char *)hash->bytes, DIGEST_LEN));
}

/* ---- checkpoints ------------------------------------------------------------------------------------------------------------- */

static bool take(uint8_t *out, size_t len, struct span bytes)
{
    if (bytes.len != len)
        return false;
    memcpy(out, bytes.at, len);
    return true;
}

/* The first one after so many rows. */
static enum err next_point(struct check *c, int64_t after)
{
    enum err e;
    struct point *p = &c->point;
    sql_bind_i64(c->point_query, 1, after);
    p->rows = 0;
    if (!sql_next(c->point_query, &e))
        return e;
    p->rows = sqlite3_column_int64(c->point_query, 0);
    p->at = sqlite3_column_int64(c->point_query, 1);
    p->whole = take(p->hash, DIGEST_LEN, sql_span(c->point_query, 2)) && take(p->signature, SIGN_LEN, sql_span(c->point_query, 3)) &&
        take(p->key, SIGN_KEY, sql_span(c->point_query, 4));
    sqlite3_reset(c->point_query);
    return E_OK;
}

static bool is_signed(struct check *c, const struct point *p, struct span hash)
{
    struct buf text;
    buf_init(&text, POINT_MOST);
    points_text(&text, p->rows, p->at, hash);
    bool good = !text.broken && sign_check(c->key ? c->key : p->key, buf_span(&text), p->signature);
    buf_free(&text);
    return good;
}

static void note_key(struct check *c, const struct point *p)
{
    static const char digits[] = "0123456789abcdef";
    char *to = c->reader->key;
    for (size_t i = 0; i < SIGN_KEY; i++) {
        to[2 * i] = digits[p->key[i] >> 4];
        to[2 * i + 1] = digits[p->key[i] & 15];
    }
    c->out->key = span_make(to, 2 * SIGN_KEY);
}

/* The checkpoint of as many rows as were walked; id is the last of them. */
static bool check_point(struct check *c, uint64_t id, enum err *e)
{
    const struct point *p = &c->point;
    struct span hash = span_make((const char *)p->hash, DIGEST_LEN);
    if (!p->whole)
        return found(c, id, "the checkpoint after this row is damaged");
    note_key(c, p);
    if (c->key && memcmp(c->key, p->key, SIGN_KEY) != 0)
        return found(c, id, "the checkpoint after this row was signed with another key");
    if (!is_signed(c, p, hash))
        return found(c, id, "the signature of the checkpoint after this row is not good");
    if (!is_hash(hash, &c->at.hash))
        return found(c, id, "the checkpoint after this row has another hash: rows before it were changed");
    c->out->checkpoints++;
    c->out->signed_rows = p->rows;
    *e = next_point(c, p->rows);
    return *e == E_OK;
}

/* ---- rows -------------------------------------------------------------------------------------------------------------------- */

/* c->row stands on the row. */
static bool check_bytes(struct check *c, uint64_t id)
{
    enum { PREV, HASH, ROW, COLUMNS };
    if (!is_hash(sql_span(c->row, PREV), &c->at.hash))
        return found(c, id, "a row before this one is missing, or this one was moved");
    c->at.hash = chain_hash(&c->text, &c->at.hash, id, sql_span(c->row, ROW));
    if (!is_hash(sql_span(c->row, HASH), &c->at.hash))
        return found(c, id, "this row was changed");
    const char *trouble = columns_differ(c->row, COLUMNS, sql_span(c->row, ROW));
    return trouble ? found(c, id, trouble) : true;
}

static bool check_row(struct check *c, uint64_t id, enum err *e)
{
    sql_bind_i64(c->row, 1, (int64_t)id);
    if (!sql_next(c->row, e))
        return found(c, id, "this row is missing");
    bool good = check_bytes(c, id);
    sqlite3_reset(c->row);
    if (c->text.broken) {
        *e = E_NO_MEMORY;
        return false;
    }
    if (!good)
        return false;
    c->at.rows++;
    c->out->bad_id = id; /* should the next one not be found */
    return c->at.rows != c->point.rows || check_point(c, id, e);
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
    bool whole = take(c->claimed.bytes, DIGEST_LEN, hash);
    sqlite3_reset(c->entry);
    *e = c->ids.broken ? E_NO_MEMORY : E_OK;
    return *e == E_OK && whole && c->ids.len >= 8 && c->ids.len % 8 == 0;
}

static bool check_entry(struct check *c, enum err *e)
{
    if (!load_entry(c, e))
        return found(c, c->out->bad_id, "the list of the rows after this one is missing or damaged");
    for (size_t at = 0; at < c->ids.len; at += 8)
        if (!check_row(c, chain_id(c->ids.at + at), e))
            return false;
    if (memcmp(c->claimed.bytes, c->at.hash.bytes, DIGEST_LEN) != 0)
        return found(c, c->out->bad_id, "the list of rows that ends with this one has another hash");
    return true;
}

/* ---- rows that nobody knows ---------------------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* All ids of the chain, sorted as the table is: 8 bytes a row. Rare and dear: only when there are more rows than chained ones. */
static enum err chained_ids(sqlite3 *db, int64_t **ids, size_t *count)
{
    enum err e = E_IO;
    sqlite3_stmt *q = sql_prepare(db, SPAN("SELECT ids FROM chain ORDER BY first"));
    *ids = NULL;
    *count = 0;
    while (q && sql_next(q, &e)) {
        struct span bytes = sql_span(q, 0);
        int64_t *more = realloc(*ids, *count * sizeof(**ids) + bytes.len + sizeof(**ids));
        if (!more) {
            sqlite3_finalize(q);
            return E_NO_MEMORY;
        }
        *ids = more;
        for (size_t at = 0; at + 8 <= bytes.len; at += 8)
            (*ids)[(*count)++] = (int64_t)chain_id(bytes.at + at);
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

/* ---- all of it --------------------------------------------------------------------------------------------------------------- */

static enum err ask(sqlite3 *db, struct span text, int64_t *out)
{
    enum err e = E_IO;
    sqlite3_stmt *q = sql_prepare(db, text);
    if (q && sql_next(q, &e))
        *out = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return e;
}

/* In one moment's view. */
static enum err measure(sqlite3 *db, struct extent *x)
{
    enum err e = sql_run(db, "BEGIN");
    if (e == E_OK)
        e = ask(db, SPAN("SELECT count(*) FROM calls"), &x->rows_there);
    if (e == E_OK)
        e = ask(db, SPAN("SELECT coalesce(max(rows), 0) FROM checkpoints"), &x->last_point);
    if (e == E_OK)
        e = chain_tip(db, &x->tip);
    (void)sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    return e;
}

/* What is left to say when every row that is listed was good. */
static enum err check_ends(struct check *c, const struct extent *x)
{
    uint64_t last = c->out->bad_id;
    c->out->rows = c->at.rows;
    c->out->bad_id = 0;
    if (x->rows_there > x->tip.rows) {
        enum err e = find_stranger(c->reader->db, &c->out->bad_id);
        if (e == E_OK)
            c->out->trouble = "this row was put in: the chain does not know it";
        return e;
    }
    if (x->last_point > x->tip.rows)
        found(c, last, "rows after this one were cut off: a checkpoint covers more rows than there are");
    return E_OK;
}

static enum err walk(struct check *c, void (*progress)(void *self, int64_t done, int64_t of), void *self)
{
    struct extent x = { 0 };
    sqlite3 *db = c->reader->db;
    enum err e = measure(db, &x);
    if (e == E_OK)
        e = next_point(c, 0);
    bool good = true;
    while (e == E_OK && good && c->at.rows < x.tip.rows) {
        e = atomic_load(&c->reader->stopped) ? E_OVERLOADED : sql_run(db, "BEGIN"); /* one look at the file for the whole entry */
        good = e == E_OK && check_entry(c, &e);
        (void)sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
        if (progress)
            progress(self, c->at.rows, x.tip.rows);
    }
    if (e == E_OK && good)
        e = check_ends(c, &x);
    c->out->rows = c->at.rows;
    if (e == E_OK && c->out->trouble)
        return E_CONFLICT;
    if (e != E_OK)
        c->out->trouble = NULL;
    return e;
}

enum err store_verify(struct store_reader *r, const uint8_t *key, void (*progress)(void *self, int64_t done, int64_t of), void *self,
    struct store_verdict *out)
{
    struct check c = { .reader = r, .key = key, .out = out };
    enum err e = E_IO;
    *out = (struct store_verdict){ 0 };
    buf_init(&c.text, ROW_MOST);
    buf_init(&c.ids, ROW_MOST);
    reader_unhurried(r);
    c.entry = sql_prepare(r->db, SPAN("SELECT ids, hash FROM chain WHERE first = ?1"));
    c.row = sql_prepare(r->db, SPAN("SELECT prev_hash, hash, row, " COLUMNS_TEXT " FROM calls WHERE id = ?1"));
    c.point_query = sql_prepare(
        r->db, SPAN("SELECT rows, at, hash, signature, key FROM checkpoints WHERE rows > ?1 ORDER BY rows LIMIT 1"));
    if (c.entry && c.row && c.point_query)
        e = walk(&c, progress, self);
    sqlite3_finalize(c.entry);
    sqlite3_finalize(c.point_query);
    reader_finish(r, c.row);
    buf_free(&c.text);
    buf_free(&c.ids);
    return e;
}
