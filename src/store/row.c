/* SPDX-License-Identifier: Apache-2.0
 * row.c - a finished call, a settlement, an event or an admin change becomes a line of `calls`. Its row is kept as it was written,
 * byte for byte. */
#include "store/inside.h"

#include "base/log.h"

enum { ALLOWED = 0, IN_DOUBT = 3 }; /* verdicts */

struct said row_said(const struct store_record *r)
{
    enum { CREDENTIAL, LABEL, OBJECT, MS, FIELDS = MS + TIMES };
    const enum row_tag tags[FIELDS] = { [CREDENTIAL] = ROW_CREDENTIAL,
        [LABEL] = ROW_LABEL,
        [OBJECT] = r->kind == STORE_EVENT ? ROW_OBJECT : ROW_OBJECT_ID, /* an event names itself */
        [MS + SPEED_CALL] = ROW_LATENCY_MS,
        [MS + SPEED_FIRST_BYTE] = ROW_FIRST_BYTE_MS,
        [MS + SPEED_GAP] = ROW_LONGEST_GAP };
    struct row_value v[FIELDS];
    row_pick(r->row, tags, FIELDS, v);
    struct said said = { .credential = v[CREDENTIAL].text, .label = v[LABEL].text, .object = v[OBJECT].text };
    memcpy(said.ms, v + MS, sizeof(said.ms));
    return said;
}

/* Nothing that is applied behind it in the same batch looks for it in `calls`. */
static bool can_wait(const struct store *s, const struct store_record *r)
{
    return r->kind == STORE_CALL && r->verdict != IN_DOUBT && !r->late && !s->careful;
}

/* Whoever cannot wait may look for those that do. */
static enum err insert(struct store *s, const struct store_record *r, const struct digest *hash, bool *there)
{
    const struct digest *prev = &s->batch.chain.hash;
    *there = true;
    if (can_wait(s, r))
        return inserts_later(s, r, prev, hash);
    enum err e = inserts_save(s);
    return e == E_OK ? inserts_now(s, r, prev, hash, there) : e;
}

/* *there: it was put at the end of the chain; else there is a row of this id already. */
static enum err put(struct store *s, const struct store_record *r, bool *there)
{
    struct batch *b = &s->batch;
    struct digest hash = chain_hash(&s->text, &b->chain.hash, r->call, r->row);
    if (s->text.broken)
        return E_NO_MEMORY;
    enum err e = insert(s, r, &hash, there);
    if (e != E_OK)
        return e;
    if (!*there) {
        /* One id, one row: a second one would count its money twice. Only a bug of the writer can bring us here. */
        log_error("store", "call %llu was recorded twice, the second time is left out", (unsigned long long)r->call);
        return E_OK;
    }
    b->chain.hash = hash;
    b->chain.rows++;
    b->rows++;
    chain_note(&b->ids, r->call);
    return b->ids.broken ? E_NO_MEMORY : E_OK;
}

static enum err put_call(struct store *s, const struct store_record *r, const struct said *said)
{
    bool there = false, open = false;
    enum err e = put(s, r, &there);
    if (e == E_OK && r->held)
        e = holds_close(s, r->call);
    if (e != E_OK || !there)
        return e;
    if (r->denied.len) {
        sql_bind_i64(s->statements[ST_REFUSED], 1, (int64_t)r->call);
        e = sql_step(s->statements[ST_REFUSED]);
    }
    if (e == E_OK && (r->verdict == IN_DOUBT || r->late))
        e = doubts_put(s, r, &open);
    if (e == E_OK && r->verdict == ALLOWED && r->once.len)
        e = notes_unkept(s, r);
    if (e == E_OK)
        e = made_put(s, r, said);
    return e == E_OK ? sums_add(s, r, said, open ? r->reserved : 0) : e;
}

static enum err put_settlement(struct store *s, const struct store_record *r, const struct said *said)
{
    struct taken taken = { .again = false };
    bool there = false;
    enum err e = inserts_save(s);
    if (e == E_OK)
        e = doubts_take(s, r, &taken);
    if (e == E_OK && taken.again) {
        log_warn("store", "call %llu was settled before: settlement %llu is left out", (unsigned long long)r->of,
            (unsigned long long)r->call);
        return E_OK;
    }
    if (e == E_OK)
        e = put(s, r, &there);
    if (e != E_OK || !there)
        return e;
    sql_bind_i64(s->statements[ST_SETTLEMENT], 1, (int64_t)r->of);
    sql_bind_i64(s->statements[ST_SETTLEMENT], 2, (int64_t)r->call);
    sql_bind_i64(s->statements[ST_SETTLEMENT], 3, taken.mark);
    e = sql_step(s->statements[ST_SETTLEMENT]);
    if (e == E_OK)
        e = made_put(s, r, said);
    return e == E_OK ? sums_add(s, r, said, taken.reserved > 0 ? -taken.reserved : 0) : e;
}

/* What the vendor told, of a call or of none that is known: its money counts, and it ends nothing. */
static enum err put_event(struct store *s, const struct store_record *r, const struct said *said)
{
    bool there = false;
    enum err e = put(s, r, &there);
    if (e != E_OK || !there)
        return e;
    if (r->of) {
        sql_bind_i64(s->statements[ST_EVENT], 1, (int64_t)r->of);
        sql_bind_i64(s->statements[ST_EVENT], 2, (int64_t)r->call);
        e = sql_step(s->statements[ST_EVENT]);
    }
    if (e == E_OK)
        e = made_put(s, r, said);
    return e == E_OK ? sums_add(s, r, said, 0) : e;
}

static enum err put_change(struct store *s, const struct store_record *r)
{
    bool there = false;
    sqlite3_stmt *q = s->statements[ST_CHANGE];
    enum err e = put(s, r, &there);
    if (e != E_OK || !there)
        return e;
    sql_bind_i64(q, 1, s->batch.chain.rows - 1);
    sql_bind_i64(q, 2, (int64_t)r->call);
    e = sql_step(q);
    return e == E_OK ? sums_note(s, r) : e;
}

enum err row_put(struct store *s, const struct store_record *r)
{
    if (r->kind == STORE_CHANGE)
        return put_change(s, r);
    struct said said = row_said(r);
    if (r->kind == STORE_SETTLEMENT)
        return put_settlement(s, r, &said);
    return r->kind == STORE_EVENT ? put_event(s, r, &said) : put_call(s, r, &said);
}
