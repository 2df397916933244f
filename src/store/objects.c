/* SPDX-License-Identifier: Apache-2.0
 * objects.c - configuration made by the API: a body for a kind and an id, with a version that only grows.
 *
 * A deleted object leaves its line with its version and no body, so that an object made again under the same id never
 * carries a version that somebody remembers from before. */
#include "store/inside.h"

#include "store/reader.h"

struct put {
    struct span kind, id, body;
    int64_t seen, now;
    const struct store_record *event; /* may be NULL */
};

struct state {
    int64_t version, created_at;
    bool there;
};

static enum err look(struct store *s, const struct put *p, struct state *state)
{
    sqlite3_stmt *q = s->statements[ST_OBJECT_GET];
    enum err e;
    *state = (struct state){ 0 };
    sql_bind_always(q, 1, p->kind);
    sql_bind_always(q, 2, p->id);
    if (!sql_next(q, &e))
        return e;
    *state = (struct state){ sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1), sqlite3_column_int(q, 2) != 0 };
    sqlite3_reset(q);
    return E_OK;
}

static enum err judge(const struct put *p, const struct state *state)
{
    bool removes = !p->body.at;
    if (p->seen == 0 && state->there)
        return E_CONFLICT;
    if (p->seen > 0 && (!state->there || state->version != p->seen))
        return E_CONFLICT;
    return removes && !state->there ? E_NOT_FOUND : E_OK;
}

static enum err write(struct store *s, const struct put *p, const struct state *state)
{
    sqlite3_stmt *q = s->statements[ST_OBJECT];
    sql_bind_always(q, 1, p->kind);
    sql_bind_always(q, 2, p->id);
    sql_bind_i64(q, 3, state->version + 1);
    sql_bind_i64(q, 4, state->there ? state->created_at : p->now);
    sql_bind_i64(q, 5, p->now);
    if (p->body.at)
        sql_bind_always(q, 6, p->body);
    else
        sql_bind(q, 6, SPAN_NONE);
    return sql_step(q);
}

/* A row that is left out, because its id was used before, would be a change that nobody sees. */
enum err event_put(struct store *s, const struct store_record *event)
{
    size_t rows = s->batch.rows;
    must(event->what == STORE_ROW && event->kind == STORE_CHANGE);
    enum err e = row_put(s, event);
    return e == E_OK && s->batch.rows == rows ? E_CONFLICT : e;
}

static enum err put(struct store *s, void *self)
{
    const struct put *p = self;
    struct state state;
    enum err e = look(s, p, &state);
    if (e == E_OK)
        e = judge(p, &state);
    if (e == E_OK)
        e = write(s, p, &state);
    return e == E_OK && p->event ? event_put(s, p->event) : e;
}

enum err store_object_put(struct store *s, struct span kind, struct span id, struct span body, int64_t version_seen, int64_t now_ms,
    const struct store_record *event)
{
    struct put p = { kind, id, body, version_seen, now_ms, event };
    return jobs_do_durably(s, put, &p);
}

static enum err put_alone(struct store *s, void *self) { return event_put(s, self); }

enum err store_event(struct store *s, const struct store_record *event) { return jobs_do_durably(s, put_alone, (void *)event); }

/* ---- reading --------------------------------------------------------------------------------------------------------------- */

struct item {
    struct item *next;
    struct store_object object;
};

static enum err read_items(sqlite3_stmt *q, struct arena *a, struct item **first, size_t *count)
{
    struct item **end = first;
    enum err e = E_OK;
    while (sql_next(q, &e)) {
        struct item *item = ARENA_NEW(a, struct item);
        if (!item)
            return E_NO_MEMORY;
        item->object = (struct store_object){ arena_copy(a, sql_span(q, 0)), arena_copy(a, sql_span(q, 1)),
            arena_copy(a, sql_span(q, 2)), sqlite3_column_int64(q, 3), sqlite3_column_int64(q, 4), sqlite3_column_int64(q, 5) };
        *end = item;
        end = &item->next;
        ++*count;
    }
    return e == E_OK && a->broken ? E_NO_MEMORY : e;
}

enum err store_objects(struct store_reader *r, struct arena *a, struct store_object **list, size_t *count)
{
    struct item *first = NULL;
    enum err e = E_IO;
    reader_hurried(r);
    *count = 0;
    *list = NULL;
    sqlite3_stmt *q = sql_prepare(r->db,
        SPAN("SELECT kind, id, body, version, created_at, updated_at FROM objects WHERE body IS NOT NULL ORDER BY kind, id"));
    if (!q)
        return e;
    e = read_items(q, a, &first, count);
    sqlite3_finalize(q);
    if (e != E_OK)
        return e;
    *list = ARENA_ARRAY(a, struct store_object, *count ? *count : 1);
    if (!*list)
        return E_NO_MEMORY;
    for (size_t i = 0; first; first = first->next)
        (*list)[i++] = first->object;
    return E_OK;
}
