/* SPDX-License-Identifier: Apache-2.0
 * holds.c - calls that were begun and whose end is not known yet.
 *
 * Most holds end in the batch that began them and never touch the disk. What is open at the end of a batch goes into table
 * `holds`, because the position in the journal moves past it; its ROW takes it out again. What is left there after a replay
 * was cut off by the end of the process: whether the vendor did it, nobody here knows. It becomes a row in doubt, once, and
 * its amounts stay reserved. */
#include "store/inside.h"

#include "base/json.h"
#include "base/money.h"

enum { DOUBT_ROWS = 512 /* in one transaction */, DOUBT_VERDICT = 3, HOLD_CEILING = 8 << 20, LINE_BYTES = 24 /* without the account */ };

static struct span key_of(const uint64_t *call) { return span_make((const char *)call, sizeof(*call)); }

enum err holds_open(struct store *s, const struct store_record *r)
{
    return map_put(&s->batch.holds, key_of(&r->call), (void *)r) ? E_OK : E_NO_MEMORY;
}

enum err holds_close(struct store *s, uint64_t call)
{
    if (map_take(&s->batch.holds, key_of(&call)))
        return E_OK;
    sql_bind_i64(s->statements[ST_UNHOLD], 1, (int64_t)call);
    return sql_step(s->statements[ST_UNHOLD]);
}

/* ---- lines as bytes: held, resets_at and length as 8 bytes each in this machine's order, then the account ---------------- */

static void put_line(struct buf *out, const struct store_line *line)
{
    const int64_t numbers[LINE_BYTES / 8] = { line->held, line->resets_at, (int64_t)line->account.len };
    buf_put(out, span_make((const char *)numbers, sizeof(numbers)));
    buf_put(out, line->account);
}

static bool get_line(struct span *rest, struct store_line *line)
{
    int64_t numbers[LINE_BYTES / 8];
    if (rest->len < sizeof(numbers))
        return false;
    memcpy(numbers, rest->at, sizeof(numbers));
    *rest = span_from(*rest, sizeof(numbers));
    if (numbers[2] < 0 || (uint64_t)numbers[2] > rest->len)
        return false;
    *line = (struct store_line){
        .account = span_first(*rest, (size_t)numbers[2]), .held = numbers[0], .resets_at = numbers[1], .kept = true
    };
    *rest = span_from(*rest, (size_t)numbers[2]);
    return true;
}

static enum err save(struct store *s, const struct store_record *h, struct buf *lines)
{
    sqlite3_stmt *q = s->statements[ST_HOLD];
    struct span bytes;
    buf_clear(lines);
    for (size_t i = 0; i < h->count; i++)
        put_line(lines, &h->lines[i]);
    enum err e = buf_done(lines, &bytes);
    if (e != E_OK)
        return E_NO_MEMORY;
    sql_bind_i64(q, 1, (int64_t)h->call);
    sql_bind_i64(q, 2, h->at);
    sql_bind(q, 3, h->json.len ? h->json : SPAN("{}"));
    sql_bind_blob(q, 4, bytes);
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
    struct json *parser;
    struct buf json;
    struct arena memory; /* of one row */
};

struct extra {
    struct span name, value;
};

static const struct extra doubt_members[] = {
    { { "verdict", 7 }, { "\"in_doubt\"", 10 } },
    { { "reason", 6 }, { "\"the gate stopped while this call was under way\"", 48 } },
    { { "denied", 6 }, { "null", 4 } },
    { { "status", 6 }, { "null", 4 } },
    { { "cost_usd", 8 }, { "\"0\"", 3 } },
    { { "settled", 7 }, { "false", 5 } },
};

/* The hold's own text, with what a row says in addition, where the hold does not say it. */
static void write_json(struct doubt *d, const struct store_record *r, struct json_value root)
{
    struct span json = span_trim(r->json);
    bool object = json_kind(root) == JSON_OBJECT && span_ends(json, SPAN("}"));
    bool comma = object && json_count(root) > 0;
    buf_clear(&d->json);
    if (object)
        buf_put(&d->json, span_first(json, json.len - 1));
    else
        buf_put(&d->json, SPAN("{"));
    for (size_t i = 0; i < sizeof(doubt_members) / sizeof(doubt_members[0]); i++) {
        const struct extra *x = &doubt_members[i];
        if (object && json_kind(json_member(root, x->name)) != JSON_NONE)
            continue;
        buf_put(&d->json, comma ? SPAN(",\"") : SPAN("\""));
        buf_put(&d->json, x->name);
        buf_put(&d->json, SPAN("\":"));
        buf_put(&d->json, x->value);
        comma = true;
    }
    buf_put(&d->json, SPAN("}"));
}

static void read_columns(struct doubt *d, struct store_record *r, struct json_value root)
{
    r->workspace = json_string(json_member(root, SPAN("workspace")));
    r->key = json_string(json_member(root, SPAN("key")));
    r->run = json_string(json_member(root, SPAN("run")));
    r->step = json_string(json_member(root, SPAN("step")));
    r->vendor = json_string(json_member(root, SPAN("vendor")));
    r->operation = json_string(json_member(root, SPAN("operation")));
    r->model = json_string(json_member(root, SPAN("model")));
    r->user = json_string(json_member(root, SPAN("user")));
    if (!money_parse(json_decimal(json_member(root, SPAN("reserved_usd")), &d->memory), &r->reserved))
        r->reserved = 0;
}

/* r: call, at, json, lines. */
static enum err put_doubt(struct store *s, struct doubt *d, struct store_record *r)
{
    struct json_value root = { NULL, 0 };
    const char *why;
    if (json_parse(d->parser, r->json, false, &root, &why) == E_OK)
        read_columns(d, r, root);
    else
        root = (struct json_value){ NULL, 0 };
    write_json(d, r, root);
    r->row = true;
    r->verdict = DOUBT_VERDICT;
    r->held = true;
    enum err e = buf_done(&d->json, &r->json);
    return e == E_OK ? row_put(s, r) : E_NO_MEMORY;
}

static const struct store_line *get_lines(struct arena *a, struct span bytes, size_t *count)
{
    struct store_line *lines = ARENA_ARRAY(a, struct store_line, bytes.len / LINE_BYTES + 1);
    *count = 0;
    while (lines && get_line(&bytes, &lines[*count]))
        ++*count;
    return lines;
}

/* A copy of the first hold, in d->memory. False: none is left, or *e. */
static bool take_hold(struct doubt *d, sqlite3_stmt *q, struct store_record *r, enum err *e)
{
    if (!sql_next(q, e))
        return false;
    *r = (struct store_record){ .call = (uint64_t)sqlite3_column_int64(q, 0), .at = sqlite3_column_int64(q, 1) };
    r->json = arena_copy(&d->memory, sql_span(q, 2));
    r->lines = get_lines(&d->memory, arena_copy(&d->memory, sql_span(q, 3)), &r->count);
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
    struct doubt d = { .parser = json_new() };
    sqlite3_stmt *q = sql_prepare(s->db, SPAN("SELECT call, at, json, lines FROM holds ORDER BY call LIMIT 1"));
    enum err e = d.parser && q ? E_OK : E_NO_MEMORY;
    buf_init(&d.json, HOLD_CEILING);
    arena_init(&d.memory, HOLD_CEILING);
    *count = 0;
    for (size_t some = 1; e == E_OK && some;) {
        e = doubt_batch(s, &d, q, &some);
        *count += some;
    }
    arena_free(&d.memory);
    buf_free(&d.json);
    sqlite3_finalize(q);
    if (d.parser)
        json_free(d.parser);
    return e;
}
