/* SPDX-License-Identifier: Apache-2.0
 * holds.c - calls that were begun and whose end is not known yet.
 *
 * Most holds end in the batch that began them and never touch the disk. What is open at the end of a batch goes into table
 * `holds`, because the position in the journal moves past it; its ROW takes it out again. What is left there after a replay
 * was cut off by the end of the process: whether the vendor did it, nobody here knows. It becomes a row in doubt, once, and
 * its amounts stay reserved. */
#include "store/inside.h"

#include "rules/budget.h"
#include "rules/row.h"

enum { DOUBT_ROWS = 512 /* in one transaction */, DOUBT_VERDICT = 3, HOLD_CEILING = 8 << 20 };

static struct span key_of(const uint64_t *call) { return span_make((const char *)call, sizeof(*call)); }

static enum err unhold(struct store *s, uint64_t call)
{
    sql_bind_i64(s->statements[ST_UNHOLD], 1, (int64_t)call);
    return sql_step(s->statements[ST_UNHOLD]);
}

/* The hold that it replaces may be in the table already: then its ROW would only take this one out. */
enum err holds_open(struct store *s, const struct store_record *r)
{
    enum err e = r->again_held ? unhold(s, r->call) : E_OK;
    if (e != E_OK)
        return e;
    return map_put(&s->batch.holds, key_of(&r->call), (void *)r) ? E_OK : E_NO_MEMORY;
}

enum err holds_close(struct store *s, uint64_t call)
{
    if (map_take(&s->batch.holds, key_of(&call)))
        return E_OK;
    return unhold(s, call);
}

static enum err save(struct store *s, const struct store_record *h, struct buf *lines)
{
    sqlite3_stmt *q = s->statements[ST_HOLD];
    struct span bytes;
    buf_clear(lines);
    for (size_t i = 0; i < h->count; i++)
        lines_put(lines, &h->lines[i]);
    enum err e = buf_done(lines, &bytes);
    if (e != E_OK)
        return E_NO_MEMORY;
    sql_bind_i64(q, 1, (int64_t)h->call);
    sql_bind_i64(q, 2, h->at);
    sql_bind_blob(q, 3, h->row);
    sql_bind_blob(q, 4, bytes);
    sql_bind_some(q, 5, h->once);
    sql_bind_some(q, 6, h->again);
    return sql_step(q);
}

enum err holds_save(struct store *s)
{
    const struct map_entry *entry;
    struct buf lines;
    size_t at = 0;
    enum err e = E_OK;
    buf_init(&lines, HOLD_CEILING);
    while (e == E_OK && (entry = map_next(&s->batch.holds, &at)))
        e = save(s, entry->value, &lines);
    buf_free(&lines);
    return e;
}

/* ---- recovery ------------------------------------------------------------------------------------------------------------ */

struct doubt {
    struct buf row;
    struct arena memory; /* of one row */
};

static bool is_row(struct span row) { return row_field(row, ROW_ID).there; }

/* The hold's own row goes on with what is true of every such call. Of a hold that is no row only id and time are known. */
static void write_doubt(struct buf *out, const struct store_record *r)
{
    struct row_value model = row_field(r->row, ROW_MODEL_REQUESTED);
    buf_clear(out);
    if (is_row(r->row))
        buf_put(out, r->row);
    struct row_out o = row_out(out);
    row_number(&o, ROW_ID, (int64_t)r->call);
    row_number(&o, ROW_AT, r->at);
    row_text(&o, ROW_MODEL, model.text);
    row_text(&o, ROW_VERDICT, SPAN("in_doubt"));
    row_text(&o, ROW_REASON, SPAN("the gate stopped while this call was under way"));
    row_number(&o, ROW_COST, 0);
    row_number(&o, ROW_SETTLED, false);
    row_number(&o, ROW_HELD, true);
}

static void read_columns(struct store_record *r)
{
    const struct {
        enum row_tag tag;
        struct span *column;
    } texts[] = {
        { ROW_WORKSPACE, &r->workspace }, { ROW_KEY, &r->key }, { ROW_RUN, &r->run }, { ROW_STEP, &r->step },
        { ROW_VENDOR, &r->vendor }, { ROW_OPERATION, &r->operation }, { ROW_MODEL, &r->model }, { ROW_USER, &r->user },
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        *texts[i].column = row_field(r->row, texts[i].tag).text;
    r->reserved = row_field(r->row, ROW_RESERVED).number;
}

/* r: call, at, row, lines, once, again. */
static enum err put_doubt(struct store *s, struct doubt *d, struct store_record *r)
{
    write_doubt(&d->row, r);
    if (buf_done(&d->row, &r->row) != E_OK)
        return E_NO_MEMORY;
    read_columns(r);
    r->what = STORE_ROW;
    r->verdict = DOUBT_VERDICT;
    r->held = true;
    return row_put(s, r);
}

/* What is limited "at once" ended with the process: only the rest is in doubt. */
static void let_go(struct store_line *lines, size_t count)
{
    enum unit unit;
    for (size_t i = 0; i < count; i++)
        if (budget_account_unit(lines[i].account, &unit) && unit == UNIT_CALLS)
            lines[i].kept = false;
}

/* A copy of the first hold, in d->memory. False: none is left, or *e. */
static bool take_hold(struct doubt *d, sqlite3_stmt *q, struct store_record *r, enum err *e)
{
    if (!sql_next(q, e))
        return false;
    *r = (struct store_record){ .call = (uint64_t)sqlite3_column_int64(q, 0), .at = sqlite3_column_int64(q, 1) };
    r->row = arena_copy(&d->memory, sql_span(q, 2));
    struct store_line *lines = lines_get(&d->memory, arena_copy(&d->memory, sql_span(q, 3)), &r->count);
    let_go(lines, r->count);
    r->lines = lines;
    r->once = arena_copy(&d->memory, sql_span(q, 4));
    r->again = arena_copy(&d->memory, sql_span(q, 5));
    sqlite3_reset(q);
    *e = d->memory.broken ? E_NO_MEMORY : E_OK;
    return *e == E_OK;
}

/* row_put deletes the hold with its row (`held`), so the first hold is always the next one. */
static enum err doubt_batch(struct store *s, struct doubt *d, sqlite3_stmt *q, size_t *count)
{
    struct store_record r;
    enum err e = batch_begin(s);
    size_t rows = 0;
    while (e == E_OK && rows < DOUBT_ROWS && take_hold(d, q, &r, &e)) {
        e = put_doubt(s, d, &r);
        arena_free(&d->memory);
        rows++;
    }
    if (e == E_OK)
        e = batch_commit(s);
    if (e != E_OK)
        batch_rollback(s);
    *count = e == E_OK ? rows : 0;
    return e;
}

enum err holds_doubt(struct store *s, size_t *count)
{
    struct doubt d;
    sqlite3_stmt *q = sql_prepare(s->db, SPAN("SELECT call, at, row, lines, once, again FROM holds ORDER BY call LIMIT 1"));
    enum err e = q ? E_OK : E_NO_MEMORY;
    buf_init(&d.row, HOLD_CEILING);
    arena_init(&d.memory, HOLD_CEILING);
    *count = 0;
    for (size_t some = 1; e == E_OK && some;) {
        e = doubt_batch(s, &d, q, &some);
        *count += some;
    }
    arena_free(&d.memory);
    buf_free(&d.row);
    sqlite3_finalize(q);
    return e;
}
