/* SPDX-License-Identifier: Apache-2.0
 * rollup.c - sums by hour and by day, for each combination of dimensions that rows have: a facet. Queries over months read these
 * instead of rows, and find by them where rows of a kind are.
 *
 * A row adds to the hour and the day in which it began (its own time: a settlement's is not its call's), so that sums over whole
 * hours equal the sums over their rows to the last digit. Runs, users, steps and metadata are no dimensions of a facet: of those there may be as
 * many as calls. What a batch adds is added up in memory; each hour and facet of it costs two writes. */
#include "store/inside.h"

#define HOUR_MS (INT64_C(60) * 60 * 1000)

enum { HOURS_A_DAY = 24, TEXTS = 8, ID_BYTES = 8, VERDICT_FAILED = 2, VERDICT_DOUBT = 3 };

/* A facet of one hour. */
struct rollup {
    struct span name, texts[TEXTS];
    int verdict, status;
    int64_t hour, calls, forwarded, tokens_in, tokens_out, first_at, last_at;
    nano_usd cost;
    char ids[FACET_IDS * ID_BYTES]; /* of its calls; of no use when they are more */
};

/* ---- names ------------------------------------------------------------------------------------------------------------------ */

static void put_number(struct buf *b, uint64_t n, int bytes)
{
    char out[8];
    for (int i = 0; i < bytes; i++)
        out[i] = (char)(n >> (8 * (bytes - 1 - i)));
    buf_put(b, span_make(out, (size_t)bytes));
}

/* The hour (8 bytes), then the facet's name: verdict, status and texts with their lengths, so that no two are alike. */
static struct span write_name(struct buf *b, int64_t hour, const struct store_record *r, const struct span texts[TEXTS])
{
    buf_clear(b);
    put_number(b, (uint64_t)hour, 8);
    put_number(b, (uint64_t)r->verdict, 1);
    put_number(b, (uint64_t)r->status, 4);
    for (int i = 0; i < TEXTS; i++) {
        put_number(b, texts[i].len, 4);
        buf_put(b, texts[i]);
    }
    return buf_span(b);
}

/* ---- rows ------------------------------------------------------------------------------------------------------------------- */

static struct rollup *look_up(struct store *s, const struct store_record *r, const struct span texts[TEXTS])
{
    struct batch *b = &s->batch;
    int64_t hour = r->at / HOUR_MS;
    struct span name = write_name(&s->text, hour, r, texts);
    struct rollup *sum = s->text.broken ? NULL : map_get(&b->rollups, name);
    if (sum || s->text.broken)
        return sum;
    sum = ARENA_NEW(&b->memory, struct rollup);
    name = arena_copy(&b->memory, name);
    if (b->memory.broken)
        return NULL;
    sum->name = span_from(name, 8);
    sum->hour = hour;
    sum->verdict = r->verdict;
    sum->status = r->status;
    sum->first_at = sum->last_at = r->at;
    for (int i = 0; i < TEXTS; i++)
        sum->texts[i] = arena_copy(&b->memory, texts[i]);
    return !b->memory.broken && map_put(&b->rollups, name, sum) ? sum : NULL;
}

static bool is_of(const struct rollup *sum, const struct store_record *r, const struct span texts[TEXTS])
{
    if (sum->hour != r->at / HOUR_MS || sum->verdict != r->verdict || sum->status != r->status)
        return false;
    for (int i = 0; i < TEXTS; i++)
        if (!span_is(sum->texts[i], texts[i]))
            return false;
    return true;
}

static struct rollup *find(struct store *s, const struct store_record *r, const struct span texts[TEXTS])
{
    struct rollup **last = &s->batch.last.rollup;
    if (!*last || !is_of(*last, r, texts))
        *last = look_up(s, r, texts);
    return *last;
}

static void put_id(struct rollup *sum, uint64_t id)
{
    if (sum->calls >= FACET_IDS)
        return;
    char *at = sum->ids + sum->calls * ID_BYTES;
    for (int i = 0; i < ID_BYTES; i++)
        at[i] = (char)(id >> (56 - 8 * i));
}

enum err rollup_add(struct store *s, const struct store_record *r, const struct said *said)
{
    const struct span texts[TEXTS] = { r->workspace, r->key, r->vendor, r->operation, r->model, r->denied, said->credential, said->label };
    struct rollup *sum = find(s, r, texts);
    if (!sum)
        return E_NO_MEMORY;
    bool forwarded = r->verdict == 0 || r->verdict == VERDICT_DOUBT || (r->verdict == VERDICT_FAILED && r->held); /* as in query_usage.c */
    if (r->kind == STORE_CALL) {
        put_id(sum, r->call);
        sum->calls++;
        sum->forwarded += forwarded;
    }
    sum->cost = money_add(sum->cost, r->cost);
    sum->tokens_in = money_add(sum->tokens_in, r->tokens_in);
    sum->tokens_out = money_add(sum->tokens_out, r->tokens_out);
    sum->first_at = r->at < sum->first_at ? r->at : sum->first_at;
    sum->last_at = r->at > sum->last_at ? r->at : sum->last_at;
    return users_add(s, r, forwarded);
}

/* ---- once a batch ------------------------------------------------------------------------------------------------------------ */

void rollup_forget(struct store *s)
{
    map_free(&s->facets);
    s->facets = (struct map){ NULL, 0, 0 };
    arena_free(&s->facet_memory);
}

/* Facets are never deleted and numbered from 1: the newest says how many there are. */
enum err rollup_count(struct store *s)
{
    enum err e = E_IO;
    sqlite3_stmt *q = sql_prepare(s->db, SPAN("SELECT coalesce(max(id), 0) FROM facets"));
    if (q && sql_next(q, &e))
        atomic_store_explicit(&s->facet_count, sqlite3_column_int64(q, 0), memory_order_relaxed);
    sqlite3_finalize(q);
    return e;
}

static enum err ask_facet(struct store *s, const struct rollup *sum, int64_t *id)
{
    enum err e;
    sqlite3_stmt *q = s->statements[ST_FACET_GET];
    sql_bind_blob(q, 1, sum->name);
    if (sql_next(q, &e)) {
        *id = sqlite3_column_int64(q, 0);
        sqlite3_reset(q);
        return E_OK;
    }
    if (e != E_OK)
        return e;
    q = s->statements[ST_FACET];
    sql_bind_blob(q, 1, sum->name);
    for (int i = 0; i < TEXTS; i++)
        sql_bind(q, 2 + i, sum->texts[i]);
    sql_bind_i64(q, 2 + TEXTS, sum->verdict);
    sql_bind_i64(q, 3 + TEXTS, sum->status);
    e = sql_step(q);
    *id = sqlite3_last_insert_rowid(s->db);
    if (e == E_OK)
        atomic_store_explicit(&s->facet_count, *id, memory_order_relaxed);
    return e;
}

static enum err find_facet(struct store *s, const struct rollup *sum, int64_t *id)
{
    const int64_t *known = map_get(&s->facets, sum->name);
    if (known) {
        *id = *known;
        return E_OK;
    }
    enum err e = ask_facet(s, sum, id);
    if (s->facets.count >= FACETS_KNOWN)
        rollup_forget(s);
    struct span name = arena_copy(&s->facet_memory, sum->name);
    int64_t *kept = ARENA_NEW(&s->facet_memory, int64_t);
    if (e == E_OK && kept && name.at) {
        *kept = *id;
        (void)map_put(&s->facets, name, kept); /* without memory it is asked for again */
    }
    if (s->facet_memory.broken)
        rollup_forget(s);
    return e;
}

static void bind(sqlite3_stmt *q, int64_t at, int64_t facet, const struct rollup *sum)
{
    const int64_t numbers[] = { at, facet, sum->calls, sum->forwarded, sum->cost, sum->tokens_in, sum->tokens_out, sum->first_at, sum->last_at };
    for (int i = 0; i < (int)(sizeof(numbers) / sizeof(numbers[0])); i++)
        sql_bind_i64(q, 1 + i, numbers[i]);
}

static enum err save(struct store *s, const struct rollup *sum)
{
    enum { IDS = 10 };
    int64_t facet = 0;
    enum err e = find_facet(s, sum, &facet);
    if (e != E_OK)
        return e;
    bind(s->statements[ST_HOURLY], sum->hour, facet, sum);
    sql_bind_blob(s->statements[ST_HOURLY], IDS, span_make(sum->ids, sum->calls > FACET_IDS ? 0 : (size_t)sum->calls * ID_BYTES));
    e = sql_step(s->statements[ST_HOURLY]);
    if (e != E_OK)
        return e;
    bind(s->statements[ST_DAILY], sum->hour / HOURS_A_DAY, facet, sum);
    return sql_step(s->statements[ST_DAILY]);
}

enum err rollup_save(struct store *s)
{
    const struct map_entry *entry;
    enum err e = E_OK;
    for (size_t at = 0; e == E_OK && (entry = map_next(&s->batch.rollups, &at));)
        e = save(s, entry->value);
    return e == E_OK ? users_save(s) : e;
}
