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
    buf_init(&b->ids, BATCH_RECORDS * sizeof(uint64_t));
    buf_init(&s->text, BATCH_CEILING);
}

static void reset(struct batch *b)
{
    map_free(&b->accounts);
    map_free(&b->runs);
    map_free(&b->holds);
    arena_free(&b->memory);
    buf_clear(&b->ids);
    b->accounts = b->runs = b->holds = (struct map){ NULL, 0, 0 };
    b->hours = NULL;
    b->records = b->rows = b->bytes = 0;
    b->open = false;
}

void batch_free(struct store *s)
{
    reset(&s->batch);
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
    for (size_t i = 0; i < s->source_count; i++) {
        struct source *from = &s->sources[i];
        from->read = from->committed;
        from->from.seek(from->from.self, from->committed);
    }
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
    enum err e = sums_save(s);
    if (e == E_OK)
        e = holds_save(s);
    if (e == E_OK)
        e = chain_save(s);
    if (e == E_OK)
        e = save_positions(s);
    if (e == E_OK)
        e = sql_step(s->statements[ST_COMMIT]);
    if (e != E_OK)
        return e;
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

static bool room(const struct batch *b)
{
    return b->records < BATCH_RECORDS && b->memory.taken < BATCH_MEMORY && b->bytes < BATCH_BYTES;
}

static enum err apply(struct store *s, struct source *from, const struct store_record *r)
{
    if (r->position <= from->read)
        return E_OK; /* was applied before */
    enum err e = s->batch.open ? E_OK : batch_begin(s);
    if (e == E_OK)
        e = r->row ? row_put(s, r) : holds_open(s, r);
    from->read = r->position;
    s->batch.records++;
    s->batch.bytes += r->json.len;
    return e;
}

/* A turn of one source. *any: it had something. */
static enum err take_turn(struct store *s, struct source *from, uint64_t generation, bool *any)
{
    struct store_record r;
    for (int i = 0; i < BATCH_TURN && room(&s->batch); i++) {
        if (!from->from.read(from->from.self, &r)) {
            from->drained = generation;
            return E_OK;
        }
        *any = true;
        enum err e = apply(s, from, &r);
        if (e != E_OK)
            return e;
    }
    return E_OK;
}

static enum err fill(struct store *s, uint64_t generation)
{
    bool any = true;
    while (any && room(&s->batch)) {
        any = false;
        for (size_t i = 0; i < s->source_count; i++) {
            enum err e = take_turn(s, &s->sources[i], generation, &any);
            if (e != E_OK)
                return e;
        }
    }
    return E_OK;
}

enum err batch_run(struct store *s, uint64_t generation, bool *more)
{
    enum err e = fill(s, generation);
    *more = !room(&s->batch);
    if (e == E_OK && s->batch.open)
        e = batch_commit(s);
    if (e != E_OK)
        batch_rollback(s);
    return e;
}
