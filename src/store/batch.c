/* SPDX-License-Identifier: Apache-2.0
 * batch.c - one transaction: records are read from all sources, applied, and committed with the positions reached.
 *
 * Positions and effects change together or not at all, so a record takes effect exactly once however often it is read.
 * A commit does not wait for the disk (SQLite's WAL with synchronous=NORMAL: a kill -9 loses nothing, a power cut may
 * lose the newest commits); that is why a source is told `applied`, and may forget, only after one that did wait. */
#include "store/inside.h"

#include <stdio.h>

void batch_init(struct store *s)
{
    struct batch *b = &s->batch;
    arena_init(&b->memory, BATCH_CEILING);
    arena_init(&s->kept_memory, BATCH_CEILING);
    arena_init(&s->facet_memory, BATCH_CEILING);
    s->kept_end = &s->kept;
    buf_init(&b->ids, REPLAY_RECORDS * sizeof(uint64_t));
    buf_init(&s->text, BATCH_CEILING);
}

static void reset(struct batch *b)
{
    map_free(&b->accounts);
    map_free(&b->runs);
    map_free(&b->holds);
    map_free(&b->users);
    map_free(&b->rollups);
    map_free(&b->speeds);
    arena_free(&b->memory);
    buf_clear(&b->ids);
    b->accounts = b->runs = b->holds = b->users = b->rollups = b->speeds = (struct map){ NULL, 0, 0 };
    b->hours = NULL;
    b->last = (struct last){ .rollup = NULL };
    b->waiting = NULL;
    b->waiting_count = 0;
    b->records = b->rows = b->bytes = 0;
    b->signed_rows = 0;
    b->open = b->sign = b->twice = false;
}

static void forget_kept(struct store *s)
{
    arena_free(&s->kept_memory);
    s->kept = NULL;
    s->kept_end = &s->kept;
}

void batch_free(struct store *s)
{
    reset(&s->batch);
    forget_kept(s);
    rollup_forget(s);
    buf_free(&s->batch.ids);
    buf_free(&s->text);
}

/* Outside a transaction only. */
void batch_synchronous(struct store *s, bool on)
{
    if (s->synchronous == on)
        return;
    if (sql_run(s->db, on ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL") == E_OK)
        s->synchronous = on;
}

enum err batch_begin(struct store *s)
{
    must(!s->batch.open);
    enum err e = sql_step(s->statements[ST_BEGIN]);
    if (e != E_OK)
        return e;
    s->batch.open = true;
    s->batch.chain = s->chain;
    return E_OK;
}

void batch_rollback(struct store *s)
{
    snprintf(s->trouble, sizeof(s->trouble), "%s", sqlite3_errmsg(s->db)); /* before rolling back changes it */
    if (s->batch.open && !sqlite3_get_autocommit(s->db)) /* some errors have rolled back by themselves */
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    reset(&s->batch);
    rollup_forget(s);
    for (size_t i = 0; i < s->source_count; i++)
        s->sources[i].read = s->sources[i].committed;
}

static enum err save_positions(struct store *s)
{
    sqlite3_stmt *q = s->statements[ST_SOURCE];
    for (size_t i = 0; i < s->source_count; i++) {
        const struct source *from = &s->sources[i];
        if (from->read == from->committed)
            continue;
        sql_bind_i64(q, 1, from->writer);
        sql_bind_i64(q, 2, (int64_t)from->read);
        enum err e = sql_step(q);
        if (e != E_OK)
            return e;
    }
    return E_OK;
}

static void tell_sources(struct store *s)
{
    for (size_t i = 0; i < s->source_count; i++) {
        struct source *from = &s->sources[i];
        if (from->told != from->committed)
            from->from.applied(from->from.self, from->committed);
        from->told = from->committed;
    }
    s->unsynced = false;
    s->unsynced_bytes = 0;
    s->synced_at = thread_now();
}

enum err batch_commit(struct store *s)
{
    struct batch *b = &s->batch;
    enum err e = inserts_save(s);
    if (e == E_OK)
        e = sums_save(s);
    if (e == E_OK)
        e = rollup_save(s);
    if (e == E_OK)
        e = speeds_save(s);
    if (e == E_OK)
        e = holds_save(s);
    if (e == E_OK)
        e = chain_save(s);
    if (e == E_OK)
        e = points_save(s);
    if (e == E_OK)
        e = save_positions(s);
    if (e == E_OK)
        e = sql_step(s->statements[ST_COMMIT]);
    if (e != E_OK)
        return e;
    if (b->signed_rows) {
        s->signing.rows = b->signed_rows;
        s->signing.at = thread_now();
    }
    bool rows = b->rows > 0;
    s->commits++;
    s->chain = b->chain;
    s->unsynced = true;
    s->unsynced_bytes += b->bytes;
    for (size_t i = 0; i < s->source_count; i++)
        s->sources[i].committed = s->sources[i].read;
    reset(b);
    if (s->synchronous)
        tell_sources(s);
    if (rows && s->committed)
        s->committed(s->committed_self);
    return E_OK;
}

/* The smallest transaction that makes SQLite wait for the log file, and with it all that was written to it before. */
enum err batch_sync(struct store *s)
{
    batch_synchronous(s, true);
    enum err e = s->synchronous ? batch_begin(s) : E_IO;
    if (e != E_OK)
        return e;
    for (size_t i = 0; i < s->source_count && e == E_OK; i++) {
        sql_bind_i64(s->statements[ST_SOURCE], 1, s->sources[i].writer);
        sql_bind_i64(s->statements[ST_SOURCE], 2, (int64_t)s->sources[i].committed);
        e = sql_step(s->statements[ST_SOURCE]);
    }
    if (e == E_OK)
        e = batch_commit(s);
    if (e != E_OK)
        batch_rollback(s);
    batch_synchronous(s, false);
    return e;
}

static bool room(const struct store *s)
{
    const struct batch *b = &s->batch;
    size_t records = s->replaying ? REPLAY_RECORDS : BATCH_RECORDS;
    size_t memory = s->replaying ? REPLAY_MEMORY : BATCH_MEMORY;
    size_t bytes = s->replaying ? REPLAY_BYTES : BATCH_BYTES;
    return b->records < records && b->memory.taken + s->kept_memory.taken < memory && b->bytes < bytes;
}

/* Read once, it exists nowhere else until the next start: without memory for it the process had better end, and replay. */
static const struct kept *keep(struct store *s, struct source *from, const struct store_record *r)
{
    size_t lines = r->count * sizeof(*r->lines);
    struct kept *k = arena_take(&s->kept_memory, sizeof(*k) + lines);
    must(k);
    *k = (struct kept){ NULL, from, *r };
    if (lines)
        memcpy(k + 1, r->lines, lines);
    k->record.lines = (const struct store_line *)(const void *)(k + 1);
    *s->kept_end = k;
    s->kept_end = &k->next;
    return k;
}

static enum err put(struct store *s, const struct store_record *r)
{
    switch (r->what) {
    case STORE_HOLD:
        return holds_open(s, r);
    case STORE_ROW:
        return row_put(s, r);
    case STORE_ANSWER:
    case STORE_ALERT:
    case STORE_APPROVAL:
        break;
    }
    return notes_put(s, r);
}

static enum err apply(struct store *s, const struct kept *k)
{
    const struct store_record *r = &k->record;
    enum err e = s->batch.open ? E_OK : batch_begin(s);
    if (e == E_OK)
        e = put(s, r);
    k->from->read = r->position;
    s->batch.records++;
    s->batch.bytes += r->row.len + r->bytes.len + r->again.len;
    return e;
}

/* Those of a batch that failed. */
static enum err apply_kept(struct store *s)
{
    enum err e = E_OK;
    for (const struct kept *k = s->kept; k && e == E_OK; k = k->next)
        e = apply(s, k);
    return e;
}

/* A turn of one source. *any: it had something. */
static enum err take_turn(struct store *s, struct source *from, uint64_t generation, bool *any)
{
    struct store_record r;
    for (int i = 0; i < BATCH_TURN && room(s); i++) {
        if (!from->from.read(from->from.self, &r)) {
            from->drained = generation;
            return E_OK;
        }
        *any = true;
        if (r.position <= from->committed)
            continue; /* was applied before */
        enum err e = apply(s, keep(s, from, &r));
        if (e != E_OK)
            return e;
    }
    return E_OK;
}

static enum err fill(struct store *s, uint64_t generation)
{
    bool any = true;
    while (any && room(s)) {
        any = false;
        for (size_t i = 0; i < s->source_count; i++) {
            enum err e = take_turn(s, &s->sources[i], generation, &any);
            if (e != E_OK)
                return e;
        }
    }
    return E_OK;
}

/* That a call came twice is seen when its row is inserted: other rows were chained behind it by then, and sums made. So the batch is taken
 * back and applied again, each row inserted before the next is chained. */
static enum err apply_carefully(struct store *s)
{
    batch_rollback(s);
    s->careful = true;
    enum err e = apply_kept(s);
    if (e == E_OK && s->batch.open)
        e = batch_commit(s);
    s->careful = false;
    return e;
}

enum err batch_run(struct store *s, uint64_t generation, bool *more)
{
    bool again = s->kept;
    enum err e = again ? apply_kept(s) : fill(s, generation);
    *more = again || !room(s);
    s->busy = s->batch.records >= BUSY_RECORDS;
    if (e == E_OK && s->batch.open)
        e = batch_commit(s);
    if (s->batch.twice) {
        e = apply_carefully(s);
        *more = true; /* it may have been seen before all was read */
    }
    if (e == E_OK)
        forget_kept(s);
    else
        batch_rollback(s);
    return e;
}
