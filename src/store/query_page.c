/* SPDX-License-Identifier: Apache-2.0
 * query_page.c - a page of calls, newest first, in bounded time, however few of however many fit.
 *
 * Hours are taken from the newest back. Where facets have something of the filter, the sums by day and hour say which hours can have calls
 * that fit, and name those calls while they are few; only an hour with many is looked through. Each call found is held against
 * the whole filter. The ids of an hour lie between its lowest and its highest; hours may overlap there (a clock was put back), so that a call is
 * only on the page when no hour to come can have a newer one. */
#include "store/tally.h"

#include <stdlib.h>

#include "store/inside.h"

enum { PAGE_MOST = 1000, SLICE = 2000 /* rows looked through between two looks at the clock */, FEW = 400 /* facets, asked for one by one */,
    MEMORY = 256 << 20 };

struct hours {
    int64_t hour, lowest, highest;
};

struct search {
    struct store_reader *reader;
    const struct call_filter *filter;
    struct arena memory;
    int64_t end;          /* monotonic ms */
    size_t wanted;
    sqlite3_stmt *one;    /* the whole filter, of one id */
    sqlite3_stmt *range;  /* ids of a range, newest first */
    int64_t *facets;      /* that fit; NULL: all calls may */
    size_t facet_count;
    struct map facet_set; /* the same */
    sqlite3_stmt *day_point, *day_scan, *hour_point, *hour_scan;
    int64_t day;          /* the one that was asked for last */
    bool day_fits;
    uint64_t *found;      /* each id once */
    size_t count;
    struct map known;     /* the same */
    bool apart;           /* no other hour overlaps the one at hand */
    bool late;            /* the time is over */
    uint64_t next;        /* when it is: where to go on */
};

/* ---- what is prepared once ----------------------------------------------------------------------------------------------------- */

static enum err prepare_rows(struct search *s)
{
    struct query q;
    enum err e;
    query_init(&q);
    query_text(&q, SPAN("SELECT id FROM calls"));
    e = query_where(s->reader, &q, s->filter, WHERE_CALLS);
    query_text(&q, SPAN(" AND id = :id"));
    if (e == E_OK)
        s->one = query_prepare(s->reader, &q, &e);
    query_free(&q);
    s->range = e == E_OK ? sql_prepare(s->reader->db, SPAN("SELECT id FROM calls WHERE id >= ? AND id < ? ORDER BY id DESC LIMIT ?")) : NULL;
    return e == E_OK && !s->range ? E_IO : e;
}

static enum err load_facets(struct search *s)
{
    struct query q;
    enum err e = E_OK;
    query_init(&q);
    query_text(&q, SPAN("SELECT id FROM facets WHERE 1"));
    size_t bare = q.text.len;
    (void)query_facets(&q, s->filter);
    bool any = q.text.len != bare;
    sqlite3_stmt *statement = any ? query_prepare(s->reader, &q, &e) : NULL;
    query_free(&q);
    s->facets = statement ? ARENA_NEW(&s->memory, int64_t) : NULL;
    while (statement && e == E_OK && sql_next(statement, &e)) {
        s->facets = ARENA_GROW(&s->memory, s->facet_count ? s->facets : NULL, s->facet_count);
        if (!s->facets)
            e = E_NO_MEMORY;
        else
            s->facets[s->facet_count++] = sqlite3_column_int64(statement, 0);
    }
    sqlite3_finalize(statement);
    for (size_t i = 0; e == E_OK && s->facet_count > FEW && i < s->facet_count; i++)
        if (!map_put(&s->facet_set, span_make((const char *)&s->facets[i], sizeof(int64_t)), &s->facets[i]))
            e = E_NO_MEMORY;
    return e;
}

static enum err prepare_facets(struct search *s)
{
    sqlite3 *db = s->reader->db;
    if (!s->facets)
        return E_OK;
    s->day_point = sql_prepare(db, SPAN("SELECT facet, calls, x'' FROM daily WHERE at = ? AND facet = ?"));
    s->day_scan = sql_prepare(db, SPAN("SELECT facet, calls, x'' FROM daily WHERE at = ?"));
    s->hour_point = sql_prepare(db, SPAN("SELECT facet, calls, ids FROM hourly WHERE at = ? AND facet = ?"));
    s->hour_scan = sql_prepare(db, SPAN("SELECT facet, calls, ids FROM hourly WHERE at = ?"));
    return s->day_point && s->day_scan && s->hour_point && s->hour_scan ? E_OK : E_IO;
}

/* ---- what is found --------------------------------------------------------------------------------------------------------------- */

static bool is_known(const struct search *s, uint64_t id) { return map_get(&s->known, span_make((const char *)&id, sizeof(id))); }

static enum err keep(struct search *s, uint64_t id)
{
    uint64_t *kept = ARENA_NEW(&s->memory, uint64_t);
    s->found = ARENA_GROW(&s->memory, s->found, s->count);
    if (!s->found || !kept)
        return E_NO_MEMORY;
    *kept = s->found[s->count++] = id;
    return map_put(&s->known, span_make((const char *)kept, sizeof(*kept)), kept) ? E_OK : E_NO_MEMORY;
}

/* *fits: the whole filter says so. */
static enum err hold_against(struct search *s, uint64_t id, bool *fits)
{
    enum err e;
    sql_bind_i64(s->one, sqlite3_bind_parameter_index(s->one, ":id"), (int64_t)id);
    *fits = sql_next(s->one, &e);
    sqlite3_reset(s->one);
    return e;
}

/* A call in the overlap of two hours is come by under both. Only once it counts: else a page would seem full before it is. */
static enum err check(struct search *s, uint64_t id)
{
    bool fits = false;
    if ((s->filter->before && id >= s->filter->before) || is_known(s, id))
        return E_OK;
    enum err e = hold_against(s, id, &fits);
    return e == E_OK && fits ? keep(s, id) : e;
}

/* All of a range, a slice at a time; no more than are wanted. */
static enum err look_through(struct search *s, int64_t lowest, int64_t below)
{
    enum err e = E_OK;
    size_t had = s->count;
    while (e == E_OK && below > lowest && s->count - had < s->wanted && !s->late) {
        int64_t ids[SLICE];
        int n = 0;
        sql_bind_i64(s->range, 1, lowest);
        sql_bind_i64(s->range, 2, below);
        sql_bind_i64(s->range, 3, SLICE);
        while (n < SLICE && sql_next(s->range, &e))
            ids[n++] = sqlite3_column_int64(s->range, 0);
        sqlite3_reset(s->range);
        for (int i = 0; e == E_OK && i < n && s->count - had < s->wanted; i++) {
            e = check(s, (uint64_t)ids[i]);
            below = ids[i];
        }
        if (n < SLICE && s->count - had < s->wanted)
            return e;
        s->late = s->apart && thread_now() > s->end;
        s->next = (uint64_t)below;
    }
    return e;
}

/* ---- hours ----------------------------------------------------------------------------------------------------------------------- */

/* What a day or an hour has of the facets that fit. */
struct matched {
    bool any, many; /* many: some are not named */
    struct buf ids;
};

static void match(struct matched *m, sqlite3_stmt *q)
{
    int64_t calls = sqlite3_column_int64(q, 1);
    struct span ids = sql_span(q, 2);
    m->any = m->any || calls;
    m->many = m->many || (size_t)calls * 8 != ids.len;
    buf_put(&m->ids, ids);
}

static enum err match_points(struct search *s, sqlite3_stmt *q, int64_t at, struct matched *m, bool first)
{
    enum err e = E_OK;
    for (size_t i = 0; e == E_OK && i < s->facet_count && !(first && m->any); i++) {
        sql_bind_i64(q, 1, at);
        sql_bind_i64(q, 2, s->facets[i]);
        if (sql_next(q, &e))
            match(m, q);
        sqlite3_reset(q);
    }
    return e;
}

static enum err match_scan(struct search *s, sqlite3_stmt *q, int64_t at, struct matched *m, bool first)
{
    enum err e = E_OK;
    sql_bind_i64(q, 1, at);
    while (!(first && m->any) && sql_next(q, &e)) {
        int64_t facet = sqlite3_column_int64(q, 0);
        if (map_get(&s->facet_set, span_make((const char *)&facet, sizeof(facet))))
            match(m, q);
    }
    sqlite3_reset(q);
    return e;
}

static enum err match_day(struct search *s, int64_t day)
{
    struct matched m = { .any = false };
    if (s->day == day)
        return E_OK;
    buf_init(&m.ids, 64);
    enum err e = s->facet_count <= FEW ? match_points(s, s->day_point, day, &m, true) : match_scan(s, s->day_scan, day, &m, true);
    buf_free(&m.ids);
    s->day = day;
    s->day_fits = m.any;
    return e;
}

static enum err check_named(struct search *s, struct span ids)
{
    enum err e = E_OK;
    for (size_t i = 0; e == E_OK && i + 8 <= ids.len; i += 8)
        e = check(s, chain_id(ids.at + i));
    return e;
}

static int newest_first(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x < y) - (x > y);
}

static enum err look_at(struct search *s, const struct hours *h)
{
    struct matched m = { .any = false };
    int64_t below = s->filter->before && (int64_t)s->filter->before <= h->highest ? (int64_t)s->filter->before : h->highest + 1;
    if (!s->facets)
        return look_through(s, h->lowest, below);
    enum err e = match_day(s, h->hour / 24);
    if (e != E_OK || !s->day_fits)
        return e;
    buf_init(&m.ids, MEMORY);
    e = s->facet_count <= FEW ? match_points(s, s->hour_point, h->hour, &m, false) : match_scan(s, s->hour_scan, h->hour, &m, false);
    if (e == E_OK && m.ids.broken)
        e = E_NO_MEMORY;
    if (e == E_OK && m.many)
        e = look_through(s, h->lowest, below);
    else if (e == E_OK)
        e = check_named(s, buf_span(&m.ids));
    buf_free(&m.ids);
    return e;
}

/* As many as are wanted, and no hour to come can have a newer one. */
static bool enough(struct search *s, int64_t highest)
{
    size_t sure = 0;
    for (size_t i = 0; i < s->count; i++)
        sure += s->found[i] > (uint64_t)highest;
    return sure >= s->wanted;
}

static sqlite3_stmt *prepare_hours(struct search *s)
{
    const struct call_filter *f = s->filter;
    sqlite3_stmt *q = sql_prepare(s->reader->db, SPAN("SELECT hour, lowest, highest FROM hours WHERE hour >= ? AND hour <= ? AND lowest < ? ORDER BY highest DESC"));
    if (!q)
        return NULL;
    sql_bind_i64(q, 1, f->from ? f->from / HOUR_MS : INT64_MIN);
    sql_bind_i64(q, 2, f->to ? f->to / HOUR_MS : INT64_MAX);
    sql_bind_i64(q, 3, f->before && f->before < INT64_MAX ? (int64_t)f->before : INT64_MAX);
    return q;
}

static enum err load_hours(struct search *s, struct hours **list, size_t *count)
{
    enum err e = E_IO;
    sqlite3_stmt *q = prepare_hours(s);
    *list = NULL;
    *count = 0;
    while (q && sql_next(q, &e)) {
        *list = ARENA_GROW(&s->memory, *list, *count);
        if (!*list) {
            e = E_NO_MEMORY;
            break;
        }
        (*list)[(*count)++] = (struct hours){ sqlite3_column_int64(q, 0), sqlite3_column_int64(q, 1), sqlite3_column_int64(q, 2) };
    }
    sqlite3_finalize(q);
    return e;
}

/* The page may only end, for the time's sake, where all that is newer was looked at: not among hours that overlap. So the next one begins
 * further back in any case. */
static enum err walk(struct search *s)
{
    struct hours *list;
    size_t count;
    int64_t lowest = INT64_MAX; /* of the hours looked at */
    enum err e = load_hours(s, &list, &count);
    for (size_t i = 0; e == E_OK && i < count && !s->late && !enough(s, list[i].highest); i++) {
        bool apart = list[i].highest < lowest;
        if (i && apart && thread_now() > s->end) {
            s->late = true;
            s->next = (uint64_t)list[i].highest + 1;
            break;
        }
        lowest = list[i].lowest < lowest ? list[i].lowest : lowest;
        s->apart = apart && (i + 1 == count || list[i + 1].highest < lowest);
        e = look_at(s, &list[i]);
    }
    return e;
}

/* ---- the page ----------------------------------------------------------------------------------------------------------------------- */

static enum err search(struct search *s)
{
    enum err e = prepare_rows(s);
    if (e == E_OK)
        e = load_facets(s);
    if (e == E_OK)
        e = prepare_facets(s);
    if (e == E_OK && !(s->facets && !s->facet_count))
        e = walk(s);
    if (s->count)
        qsort(s->found, s->count, sizeof(*s->found), newest_first);
    return e;
}

static void forget(struct search *s)
{
    sqlite3_stmt *const all[] = { s->one, s->range, s->day_point, s->day_scan, s->hour_point, s->hour_scan };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        sqlite3_finalize(all[i]);
    map_free(&s->facet_set);
    map_free(&s->known);
    arena_free(&s->memory);
}

static enum err visit_found(struct search *s, size_t limit, void (*visit)(void *self, uint64_t id, struct span json), void *self, uint64_t *next)
{
    size_t shown = 0;
    enum err e = E_OK;
    *next = s->late ? s->next : 0;
    for (size_t i = 0; e == E_OK && i < s->count && shown < limit; i++) {
        if (s->late && s->found[i] < s->next)
            break; /* an hour that was not looked at may have newer ones: it comes again */
        e = call_visit(s->reader, s->found[i], visit, self);
        shown++;
        if (shown == limit && (i + 1 < s->count || s->late))
            *next = s->found[i];
    }
    return e;
}

struct plain {
    void (*visit)(void *self, uint64_t id, struct span json);
    void *self;
    int left;
    uint64_t last, next;
};

static void visit_plain(void *self, uint64_t id, struct span json)
{
    struct plain *p = self;
    if (p->left-- > 0) {
        p->visit(p->self, id, json);
        p->last = id;
    } else {
        p->next = p->last;
    }
}

static enum err plain_page(struct store_reader *r, const struct call_filter *f, int limit, void (*visit)(void *self, uint64_t id, struct span json), void *self, uint64_t *next)
{
    struct plain p = { .visit = visit, .self = self, .left = limit };
    struct call_filter one_more = *f;
    one_more.limit = limit + 1;
    enum err e = calls_visit(r, &one_more, visit_plain, &p);
    *next = p.next;
    return e;
}

enum err store_page(struct store_reader *r, const struct call_filter *f, void (*visit)(void *self, uint64_t id, struct span json), void *self, uint64_t *next)
{
    int limit = f->limit < 1 ? 1 : f->limit > PAGE_MOST ? PAGE_MOST : f->limit;
    *next = 0;
    if (f->ascending)
        return E_BAD_REQUEST;
    reader_hurried(r);
    if (f->run.at || filter_is_bare(f)) /* a run and a key have an index; what has no filter needs none */
        return plain_page(r, f, limit, visit, self, next);
    struct search s = { .reader = r, .filter = f, .end = thread_now() + STORE_PAGE_MS, .wanted = (size_t)limit + 1, .day = INT64_MIN };
    arena_init(&s.memory, MEMORY);
    enum err e = sql_run(r->db, "BEGIN");
    if (e == E_OK) {
        e = search(&s);
        if (e == E_OK)
            e = visit_found(&s, (size_t)limit, visit, self, next);
        (void)sqlite3_exec(r->db, "COMMIT", NULL, NULL, NULL);
    }
    forget(&s);
    reader_finish(r, NULL);
    return e;
}
