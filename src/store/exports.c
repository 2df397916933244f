/* SPDX-License-Identifier: Apache-2.0
 * exports.c - how far each export of the chain is. The chain itself is what is still to be delivered: nothing is copied. */
#include "store/inside.h"

#include "store/reader.h"

struct placing {
    struct span name;
    int64_t from;
    const struct store_export *to;
    const struct store_record *event; /* may be NULL */
};

static enum err begin(struct store *s, void *self)
{
    const struct placing *p = self;
    sqlite3_stmt *q = s->statements[ST_EXPORT_BEGIN];
    sql_bind_always(q, 1, p->name);
    sql_bind_i64(q, 2, p->to->position);
    return sql_step(q);
}

static enum err move(struct store *s, void *self)
{
    const struct placing *p = self;
    sqlite3_stmt *q = s->statements[ST_EXPORT_MOVE];
    sql_bind_i64(q, 1, p->to->position);
    sql_bind_i64(q, 2, p->to->at);
    sql_bind_always(q, 3, p->to->note);
    sql_bind_always(q, 4, p->name);
    sql_bind_i64(q, 5, p->from);
    enum err e = sql_step(q);
    return e == E_OK && sqlite3_changes(s->db) == 0 ? E_CONFLICT : e;
}

static enum err rewind_to(struct store *s, void *self)
{
    const struct placing *p = self;
    sqlite3_stmt *q = s->statements[ST_EXPORT_REWIND];
    sql_bind_always(q, 1, p->name);
    sql_bind_i64(q, 2, p->to->position);
    sql_bind_always(q, 3, p->to->note);
    enum err e = sql_step(q);
    return e == E_OK && p->event ? event_put(s, p->event) : e;
}

enum err store_export_begin(struct store *s, struct span name, int64_t position)
{
    struct store_export to = { .position = position, .note = SPAN("") };
    struct placing p = { .name = name, .to = &to };
    return jobs_do_durably(s, begin, &p);
}

enum err store_export_move(struct store *s, struct span name, int64_t from, const struct store_export *to)
{
    struct placing p = { name, from, to, NULL };
    return jobs_do_durably(s, move, &p);
}

enum err store_export_rewind(struct store *s, struct span name, int64_t position, const struct store_record *event)
{
    struct store_export to = { .position = position, .note = SPAN("rewound") };
    struct placing p = { .name = name, .to = &to, .event = event };
    return jobs_do_durably(s, rewind_to, &p);
}

enum err store_export(struct store_reader *r, struct span name, struct arena *a, struct store_export *out)
{
    enum err e = E_IO;
    *out = (struct store_export){ .note = SPAN_NONE };
    reader_hurried(r);
    sqlite3_stmt *q = sql_prepare(r->db, SPAN("SELECT position, at, note FROM exports WHERE name = ?"));
    if (!q)
        return e;
    sql_bind_always(q, 1, name);
    if (sql_next(q, &e))
        *out = (struct store_export){ sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1), arena_copy(a, sql_span(q, 2)) };
    else
        e = e == E_OK ? E_NOT_FOUND : e;
    sqlite3_finalize(q);
    return e == E_OK && !out->note.at ? E_NO_MEMORY : e;
}
