/* SPDX-License-Identifier: Apache-2.0
 * speeds.c - what calls to each target took, in slots of ten minutes: added up in memory, written once a batch; and sums over any range.
 *
 * Names that callers may choose are kept out: a model that was not answered as one (404, 400) is not told apart. */
#include "store/speeds.h"

#include "store/inside.h"
#include "store/reader.h"

enum { NAMES = 5 /* workspace, vendor, operation, model, credential */, VERDICT_REFUSED = 1, VERDICT_BROKEN = 2, VERDICT_OPEN = 3, GROUPS_MOST = 10000 };
#define SLOT_MS (INT64_C(10) * 60 * 1000)

/* ---- packed ---- */

/* The bounds of one doubling, of 1024: 2^(1/4), 2^(2/4), 2^(3/4), 2. */
static const int64_t steps[4] = { 1218, 1448, 1722, 2048 };

static int64_t bound_us(int bin) { return (INT64_C(1000) << (bin / 4)) * steps[bin % 4] / 1024; }

void bins_add(struct bins *b, enum speed_of what, int64_t ms)
{
    int64_t us = ms > 0 ? ms * 1000 : 0;
    int octave = us > 1000 ? 63 - __builtin_clzll((uint64_t)us / 1000) : 0, bin = 4 * octave;
    if (bin > BINS - 1)
        bin = BINS - 1;
    while (bin < BINS - 1 && us > bound_us(bin))
        bin++;
    if (b->counts[what][bin] < UINT32_MAX)
        b->counts[what][bin]++;
}

static void put_varint(struct buf *out, uint32_t n)
{
    for (; n >= 128; n >>= 7)
        buf_put_byte(out, (char)(n | 128));
    buf_put_byte(out, (char)n);
}

static bool take_varint(struct span *from, uint32_t *n)
{
    uint64_t sum = 0;
    for (unsigned shift = 0; shift < 35 && from->len; shift += 7) {
        unsigned char c = (unsigned char)from->at[0];
        *from = span_from(*from, 1);
        sum |= (uint64_t)(c & 127) << shift;
        if (c < 128) {
            *n = (uint32_t)sum;
            return sum <= UINT32_MAX;
        }
    }
    return false;
}

void bins_pack(const struct bins *b, struct buf *out)
{
    for (int what = 0; what < TIMES; what++) {
        uint32_t used = 0;
        for (int i = 0; i < BINS; i++)
            used += b->counts[what][i] > 0;
        put_varint(out, used);
        for (uint32_t i = 0; i < BINS; i++)
            if (b->counts[what][i]) {
                put_varint(out, i);
                put_varint(out, b->counts[what][i]);
            }
    }
}

bool bins_unpack(struct span packed, struct bins *b)
{
    for (int what = 0; what < TIMES; what++) {
        uint32_t used, bin, count;
        if (!take_varint(&packed, &used))
            return false;
        for (uint32_t i = 0; i < used; i++) {
            if (!take_varint(&packed, &bin) || !take_varint(&packed, &count) || bin >= BINS)
                return false;
            uint32_t *to = &b->counts[what][bin];
            *to = count > UINT32_MAX - *to ? UINT32_MAX : *to + count;
        }
    }
    return true;
}

int64_t bins_at(const struct bins *b, enum speed_of what, int per_mille)
{
    uint64_t all = 0, below = 0;
    for (int i = 0; i < BINS; i++)
        all += b->counts[what][i];
    for (int i = 0; i < BINS; i++) {
        uint64_t here = b->counts[what][i];
        int64_t from = i ? bound_us(i - 1) : 0, to = i < BINS - 1 ? bound_us(i) : from;
        if (here && (below + here) * 1000 >= all * (uint64_t)per_mille)
            return (from + (int64_t)((double)(to - from) * ((double)all * per_mille / 1000.0 - (double)below) / (double)here) + 500) / 1000;
        below += here;
    }
    return -1;
}

/* ---- rows ---- */

struct speed {
    int64_t slot, calls, errors, refused, tokens_in, tokens_out;
    nano_usd cost;
    struct span names[NAMES];
    struct bins bins;
};

/* The slot and the names with their lengths, so that no two are alike: for this batch's map alone, and in binary, since each row makes one on the
 * thread that writes. They are callers' and vendors': as long as a row may be. */
static struct span write_name(struct buf *b, int64_t slot, const struct span names[NAMES])
{
    buf_clear(b);
    buf_put(b, span_make((const char *)&slot, sizeof(slot)));
    for (int i = 0; i < NAMES; i++) {
        buf_put(b, span_make((const char *)&names[i].len, sizeof(names[i].len)));
        buf_put(b, names[i]);
    }
    return buf_span(b);
}

static struct speed *look_up(struct store *s, int64_t slot, const struct span names[NAMES])
{
    struct batch *b = &s->batch;
    struct span name = write_name(&s->text, slot, names);
    struct speed *sum = s->text.broken ? NULL : map_get(&b->speeds, name);
    if (sum || s->text.broken)
        return sum;
    name = arena_copy(&b->memory, name);
    sum = ARENA_NEW(&b->memory, struct speed);
    for (int i = 0; sum && i < NAMES; i++)
        sum->names[i] = names[i].len ? arena_copy(&b->memory, names[i]) : SPAN("");
    if (b->memory.broken || !map_put(&b->speeds, name, sum))
        return NULL;
    sum->slot = slot;
    return sum;
}

static struct speed *find(struct store *s, int64_t slot, const struct span names[NAMES])
{
    struct speed **last = &s->batch.last.speed;
    bool same = *last && (*last)->slot == slot;
    for (int i = 0; same && i < NAMES; i++)
        same = span_is((*last)->names[i], names[i]);
    if (!same)
        *last = look_up(s, slot, names);
    return *last;
}

static bool has_failed(const struct store_record *r)
{
    if (r->verdict == VERDICT_BROKEN)
        return !span_is(r->denied, SPAN("client_gone"));
    return r->verdict == VERDICT_OPEN || (r->verdict == 0 && (r->status == 429 || r->status >= 500));
}

static bool names_a_model(const struct store_record *r) { return r->verdict != VERDICT_REFUSED && (r->status < 400 || r->status == 429 || r->status >= 500); }

enum err speeds_add(struct store *s, const struct store_record *r, const struct said *said)
{
    const struct span names[NAMES] = { r->workspace, r->vendor, r->operation, names_a_model(r) ? r->model : SPAN(""), said->credential };
    struct speed *sum = find(s, r->at / SLOT_MS, names);
    if (!sum)
        return E_NO_MEMORY;
    sum->cost = money_add(sum->cost, r->cost);
    if (r->kind != STORE_CALL)
        return E_OK;
    sum->calls++;
    sum->errors += has_failed(r);
    sum->refused += r->verdict == VERDICT_REFUSED;
    sum->tokens_in = money_add(sum->tokens_in, r->tokens_in);
    sum->tokens_out = money_add(sum->tokens_out, r->tokens_out);
    if (r->verdict == VERDICT_REFUSED) /* how fast the gate says no tells nothing of a vendor */
        return E_OK;
    for (int what = 0; what < TIMES; what++)
        if (said->ms[what].there)
            bins_add(&sum->bins, (enum speed_of)what, said->ms[what].number);
    return E_OK;
}

/* ---- once a batch ---- */

static enum err add_stored(struct store *s, struct speed *sum)
{
    enum err e;
    sqlite3_stmt *q = s->statements[ST_SPEED_GET];
    sql_bind_i64(q, 1, sum->slot);
    for (int i = 0; i < NAMES; i++)
        sql_bind_always(q, 2 + i, sum->names[i]);
    if (!sql_next(q, &e))
        return e;
    (void)bins_unpack(span_make(sqlite3_column_blob(q, 0), (size_t)sqlite3_column_bytes(q, 0)), &sum->bins);
    sqlite3_reset(q);
    return E_OK;
}

static enum err save(struct store *s, struct speed *sum)
{
    enum err e = add_stored(s, sum);
    if (e != E_OK)
        return e;
    buf_clear(&s->text);
    bins_pack(&sum->bins, &s->text);
    if (s->text.broken)
        return E_NO_MEMORY;
    const int64_t numbers[] = { sum->calls, sum->errors, sum->refused, sum->cost, sum->tokens_in, sum->tokens_out };
    sqlite3_stmt *q = s->statements[ST_SPEED];
    sql_bind_i64(q, 1, sum->slot);
    for (int i = 0; i < NAMES; i++)
        sql_bind_always(q, 2 + i, sum->names[i]);
    for (int i = 0; i < 6; i++)
        sql_bind_i64(q, 2 + NAMES + i, numbers[i]);
    sql_bind_blob(q, 2 + NAMES + 6, buf_span(&s->text));
    return sql_step(q);
}

enum err speeds_save(struct store *s)
{
    const struct map_entry *entry;
    enum err e = E_OK;
    for (size_t at = 0; e == E_OK && (entry = map_next(&s->batch.speeds, &at));)
        e = save(s, entry->value);
    return e;
}

/* ---- reading ---- */

struct reading {
    struct arena *arena;
    struct map by_name;
    struct store_speed *rows;
    struct bins *bins; /* of each row */
    size_t count, room;
};

static bool make_room(struct reading *to)
{
    size_t room = to->room ? 2 * to->room : 32;
    if (to->count < to->room)
        return true;
    struct store_speed *rows = ARENA_ARRAY(to->arena, struct store_speed, room);
    struct bins *bins = ARENA_ARRAY(to->arena, struct bins, room);
    if (!rows || !bins)
        return false;
    if (to->count) {
        memcpy(rows, to->rows, to->count * sizeof(*rows));
        memcpy(bins, to->bins, to->count * sizeof(*bins));
    }
    to->rows = rows;
    to->bins = bins;
    to->room = room;
    return true;
}

/* The place of that name; SIZE_MAX: no memory. */
static size_t place(struct reading *to, struct span name)
{
    const size_t *known = map_get(&to->by_name, name);
    if (known)
        return *known;
    size_t *number = ARENA_NEW(to->arena, size_t);
    struct span copy = arena_copy(to->arena, name);
    if (!make_room(to) || !number || !copy.at || !map_put(&to->by_name, copy, number))
        return SIZE_MAX;
    *number = to->count++;
    to->rows[*number].name = copy;
    return *number;
}

static enum err add_row(struct reading *to, sqlite3_stmt *q)
{
    struct span name = sql_span(q, 0);
    size_t at = place(to, name.at ? name : SPAN(""));
    if (at == SIZE_MAX)
        return E_NO_MEMORY;
    struct store_speed *row = &to->rows[at];
    row->calls += sqlite3_column_int64(q, 1);
    row->errors += sqlite3_column_int64(q, 2);
    row->refused += sqlite3_column_int64(q, 3);
    row->cost = money_add(row->cost, sqlite3_column_int64(q, 4));
    row->tokens_in = money_add(row->tokens_in, sqlite3_column_int64(q, 5));
    row->tokens_out = money_add(row->tokens_out, sqlite3_column_int64(q, 6));
    bool whole = bins_unpack(span_make(sqlite3_column_blob(q, 7), (size_t)sqlite3_column_bytes(q, 7)), &to->bins[at]);
    return !whole ? E_IO : to->count > GROUPS_MOST ? E_TOO_LARGE : E_OK;
}

static void read_percentiles(struct reading *from)
{
    for (size_t i = 0; i < from->count; i++) {
        struct store_speed *row = &from->rows[i];
        const struct bins *b = &from->bins[i];
        row->p50 = bins_at(b, SPEED_CALL, 500);
        row->p95 = bins_at(b, SPEED_CALL, 950);
        row->p99 = bins_at(b, SPEED_CALL, 990);
        row->first_p50 = bins_at(b, SPEED_FIRST_BYTE, 500);
        row->first_p95 = bins_at(b, SPEED_FIRST_BYTE, 950);
        row->gap_p95 = bins_at(b, SPEED_GAP, 950);
    }
}

/* A column's name is one of four constants. */
static enum err ask(struct store_reader *r, struct span by, struct span workspace, int64_t from, int64_t to, struct reading *into)
{
    struct query q;
    enum err e;
    query_init(&q);
    query_text(&q, SPAN("SELECT "));
    query_text(&q, by);
    query_text(&q, SPAN(", calls, errors, refused, cost, tokens_in, tokens_out, bins FROM speeds"));
    query_i64(&q, SPAN(" WHERE at >= ?"), from / SLOT_MS);
    if (to)
        query_i64(&q, SPAN(" AND at < ?"), (to + SLOT_MS - 1) / SLOT_MS);
    if (workspace.at)
        query_span(&q, SPAN(" AND workspace = ?"), workspace);
    reader_hurried(r);
    sqlite3_stmt *s = query_prepare(r, &q, &e);
    while (s && sql_next(s, &e) && e == E_OK)
        if ((e = add_row(into, s)) != E_OK)
            break;
    reader_finish(r, s);
    query_free(&q);
    return e;
}

enum err store_speeds(struct store_reader *r, struct span by, struct span workspace, int64_t from, int64_t to, struct arena *a, struct store_speed **rows, size_t *count)
{
    static const struct span columns[] = { { "vendor", 6 }, { "operation", 9 }, { "model", 5 }, { "credential", 10 } };
    struct reading into = { .arena = a };
    enum err e = E_BAD_REQUEST;
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
        if (span_is(by, columns[i]))
            e = ask(r, columns[i], workspace, from, to, &into);
    read_percentiles(&into);
    *rows = into.rows;
    *count = into.count;
    map_free(&into.by_name);
    return e;
}
