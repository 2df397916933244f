/* SPDX-License-Identifier: Apache-2.0
 * query_rollup.c - sums over whole hours and days, from the tables that hold them. A facet is looked up when it is first met; what it
 * comes to (its names, or that it does not fit) is remembered, and of all that have the same names the group of the moment.
 *
 * Where labels or models differ call by call there are as many facets as calls. So all of that is forgotten when it has grown too large, and
 * looked up again: slower, never wrong. A report's memory is that, and its groups. */
#include "store/tally.h"

enum { VERDICT_DENIED = 1, VERDICT_FAILED = 2, SLOTS_MOST = 1 << 17, SLOTS_MEMORY = 16 << 20, SLOTS_CEILING = 2 * SLOTS_MEMORY };

/* Names that facets have in common. */
struct line {
    struct span names[USAGE_BY];
    int64_t moment; /* of the group */
    struct usage_row *group;
};

/* A facet that was met. */
struct slot {
    int64_t id;
    struct line *line; /* NULL: it does not fit */
    int verdict;
};

struct walk {
    struct tally *tally;
    sqlite3_stmt *facet;
    struct arena memory; /* of slots and lines */
    struct map slots, lines;
};

static sqlite3_stmt *prepare_facet(struct store_reader *r, const struct call_filter *f, const struct tally *t, enum err *e)
{
    struct query q;
    query_init(&q);
    query_text(&q, SPAN("SELECT "));
    for (size_t i = 0; i < t->by_count; i++)
        grouped_put(&q, &t->by[i], true);
    query_text(&q, SPAN("verdict FROM facets WHERE 1"));
    (void)query_facets(&q, f);
    query_text(&q, SPAN(" AND id = :id"));
    sqlite3_stmt *statement = query_prepare(r, &q, e);
    query_free(&q);
    return statement;
}

static struct line *find_line(struct walk *w)
{
    struct span names[USAGE_BY] = { { NULL, 0 } };
    for (size_t i = 0; i < w->tally->by_count; i++)
        names[i] = sql_span(w->facet, (int)i);
    struct span joined = tally_join(w->tally, names, false);
    struct line *line = map_get(&w->lines, joined);
    if (line)
        return line;
    line = ARENA_NEW(&w->memory, struct line);
    joined = arena_copy(&w->memory, joined);
    for (size_t i = 0; line && i < w->tally->by_count; i++)
        line->names[i] = arena_copy(&w->memory, names[i]);
    return !w->memory.broken && map_put(&w->lines, joined, line) ? line : NULL;
}

static enum err read_facet(struct walk *w, struct slot *slot)
{
    enum err e;
    int at = sqlite3_bind_parameter_index(w->facet, ":id");
    sql_bind_i64(w->facet, at, slot->id);
    if (!sql_next(w->facet, &e))
        return e;
    slot->line = find_line(w);
    slot->verdict = sqlite3_column_int(w->facet, (int)w->tally->by_count);
    sqlite3_reset(w->facet);
    return slot->line ? E_OK : E_NO_MEMORY;
}

static void forget(struct walk *w)
{
    map_free(&w->slots);
    map_free(&w->lines);
    arena_free(&w->memory);
    arena_init(&w->memory, SLOTS_CEILING);
}

static enum err find_slot(struct walk *w, int64_t id, struct slot **out)
{
    enum err e = E_OK;
    *out = map_get(&w->slots, span_make((const char *)&id, sizeof(id)));
    if (*out)
        return E_OK;
    if (w->slots.count >= SLOTS_MOST || w->memory.taken >= SLOTS_MEMORY)
        forget(w);
    struct slot *slot = ARENA_NEW(&w->memory, struct slot);
    if (!slot)
        return E_NO_MEMORY;
    slot->id = id;
    if (!map_put(&w->slots, span_make((const char *)&slot->id, sizeof(slot->id)), slot))
        e = E_NO_MEMORY;
    if (e == E_OK)
        e = read_facet(w, slot);
    *out = slot;
    return w->memory.broken ? E_NO_MEMORY : e;
}

/* Hours and days come in order, so that a line's group is looked for once in each. */
static struct usage_row *group_of(struct walk *w, struct line *line, int64_t at)
{
    int64_t moment = 0;
    for (size_t i = 0; i < w->tally->by_count; i++)
        if (w->tally->by[i].dimension->moment)
            moment = at;
    if (line->moment != moment || !line->group)
        line->group = tally_group(w->tally, line->names, at);
    line->moment = moment;
    return line->group;
}

static enum err add(struct walk *w, sqlite3_stmt *q, int64_t unit)
{
    struct slot *slot = NULL;
    enum err e = find_slot(w, sqlite3_column_int64(q, 1), &slot);
    if (e != E_OK || !slot->line)
        return e;
    struct usage_row *group = group_of(w, slot->line, sqlite3_column_int64(q, 0) * unit);
    if (!group)
        return w->tally->arena->broken ? E_NO_MEMORY : E_TOO_LARGE;
    int64_t calls = sqlite3_column_int64(q, 2);
    struct usage_row sums = { .calls = calls, .forwarded = sqlite3_column_int64(q, 3), .cost = sqlite3_column_int64(q, 4),
        .tokens_in = sqlite3_column_int64(q, 5), .tokens_out = sqlite3_column_int64(q, 6), .first_at = sqlite3_column_int64(q, 7),
        .last_at = sqlite3_column_int64(q, 8), .refused = slot->verdict == VERDICT_DENIED ? calls : 0,
        .errors = slot->verdict == VERDICT_FAILED ? calls : 0 };
    tally_add(group, &sums);
    return E_OK;
}

#define SUMS "SELECT at, facet, calls, forwarded, cost, tokens_in, tokens_out, first_at, last_at FROM "
#define RANGE " WHERE at >= ? AND at < ? ORDER BY at, facet"

enum err rollup_sums(struct store_reader *r, const struct call_filter *f, bool days, int64_t from, int64_t to, struct tally *t)
{
    enum err e = E_IO;
    struct walk w = { .tally = t };
    if (from >= to)
        return E_OK;
    arena_init(&w.memory, SLOTS_CEILING);
    w.facet = prepare_facet(r, f, t, &e);
    sqlite3_stmt *q = w.facet ? sql_prepare(r->db, days ? SPAN(SUMS "daily" RANGE) : SPAN(SUMS "hourly" RANGE)) : NULL;
    if (q) {
        sql_bind_i64(q, 1, from);
        sql_bind_i64(q, 2, to);
        e = E_OK;
    }
    while (q && e == E_OK && sql_next(q, &e))
        e = add(&w, q, days ? DAY_MS : HOUR_MS);
    sqlite3_finalize(q);
    sqlite3_finalize(w.facet);
    forget(&w);
    return e;
}
