/* SPDX-License-Identifier: Apache-2.0
 * form.c - see form.h.
 *
 *   {"number":0,"kind":"call","id":"call_...","data":{...},"row":"base64","prev_hash":"hex","hash":"hex"}
 *   ...
 *   {"summary":{...,"cost_usd":"12.5","vendors":[...],"checkpoints":[...]}}
 *
 * hash = SHA-256(prev_hash || id as 8 bytes, high byte first || row), so a file can be checked alone; `data` is what `row` says.
 * Costs are those of calls and of what their settlements, and events of their vendors, added, so they add up to what was really spent. */
#include "export/form.h"

#include <stdlib.h>

#include "base/text.h"
#include "bill/csv.h"
#include "rules/call_id.h"
#include "rules/row.h"

enum { CHECKPOINTS_MOST = 10000 /* in one file: the newest */ };

static const struct span kinds[] = { [STORE_CALL] = { "call", 4 }, [STORE_SETTLEMENT] = { "settlement", 10 }, [STORE_CHANGE] = { "change", 6 },
    [STORE_EVENT] = { "event", 5 } };
enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

struct span audit_kind(enum store_kind kind) { return kinds[kind]; }

bool audit_kind_parse(struct span text, enum store_kind *out)
{
    for (int i = 0; i < KINDS; i++) {
        if (!span_is(text, kinds[i]))
            continue;
        *out = (enum store_kind)i;
        return true;
    }
    return false;
}

/* ---- sums ---- */

void export_begin(struct export_total *t, struct arena *a) { *t = (struct export_total){ .arena = a, .first = -1 }; }
void export_end(struct export_total *t) { map_free(&t->by_vendor); }

static nano_usd cost_of(const struct store_link *link, const struct row_value *row, struct json *json)
{
    struct json_value root;
    const char *why;
    nano_usd cost = 0;
    if (link->row.len && link->row.at[0] != '{')
        return row[ROW_COST].there && !row[ROW_COST].bytes ? row[ROW_COST].number : 0;
    if (json_parse(json, link->row, false, &root, &why) != E_OK || !money_parse(json_string(json_member(root, SPAN("cost_usd"))), &cost))
        return 0;
    return cost;
}

static struct export_sum *sum_of(struct export_total *t, struct span vendor)
{
    struct span key = vendor.at ? vendor : SPAN("");
    struct export_sum *sum = map_get(&t->by_vendor, key);
    if (sum)
        return sum;
    sum = ARENA_NEW(t->arena, struct export_sum);
    key = arena_copy(t->arena, key);
    if (!sum || !key.at || !map_put(&t->by_vendor, key, sum))
        return NULL;
    sum->vendor = key.len ? key : SPAN_NONE;
    return sum;
}

static void add(struct export_sum *sum, enum store_kind kind, nano_usd cost)
{
    sum->rows++;
    sum->calls += kind == STORE_CALL;
    sum->settlements += kind == STORE_SETTLEMENT;
    sum->changes += kind == STORE_CHANGE;
    sum->events += kind == STORE_EVENT;
    sum->cost = money_add(sum->cost, cost);
}

bool export_count(struct export_total *t, const struct store_link *link, struct json *json)
{
    struct row_value row[ROW_TAGS];
    row_read(link->row, row);
    nano_usd cost = cost_of(link, row, json);
    t->gaps = t->gaps || (t->first >= 0 && link->number != t->last + 1);
    t->first = t->first < 0 ? link->number : t->first;
    t->last = link->number;
    add(&t->all, link->kind, cost);
    if (link->kind == STORE_CHANGE)
        return true;
    struct export_sum *sum = sum_of(t, row[ROW_VENDOR].bytes && row[ROW_VENDOR].text.len ? row[ROW_VENDOR].text : SPAN_NONE);
    if (sum)
        add(sum, link->kind, cost);
    return sum != NULL;
}

/* ---- lines of JSON ---- */

static void put_hex(struct json_out *o, struct span name, struct span bytes, struct buf *scratch)
{
    buf_clear(scratch);
    buf_put_hex(scratch, bytes);
    json_pair(o, name, buf_span(scratch));
}

/* {"number", "kind", "id" */
static void open_row(struct json_out *o, const struct store_link *link)
{
    char id[CALL_ID_TEXT + 1];
    json_open(o, '{');
    json_pair_i64(o, SPAN("number"), link->number);
    json_pair(o, SPAN("kind"), audit_kind(link->kind));
    json_pair(o, SPAN("id"), call_id_text(link->id, id));
}

void export_json_stub(struct buf *out, const struct store_link *link, struct buf *scratch)
{
    struct json_out o = json_out(out);
    open_row(&o, link);
    json_pair(&o, SPAN("data"), SPAN_NONE);
    put_hex(&o, SPAN("hash"), link->hash, scratch);
    json_pair_bool(&o, SPAN("too_large"), true);
    json_close(&o, '}');
    out->broken = out->broken || scratch->broken;
}

void export_json_object(struct buf *out, const struct store_link *link, bool proof, struct buf *scratch)
{
    struct json_out o = json_out(out);
    open_row(&o, link);
    json_name(&o, SPAN("data"));
    buf_clear(scratch);
    row_json(link->row, scratch);
    json_put_raw(&o, buf_span(scratch));
    if (proof) {
        buf_clear(scratch);
        buf_put_base64(scratch, link->row);
        json_pair(&o, SPAN("row"), buf_span(scratch));
        put_hex(&o, SPAN("prev_hash"), link->prev_hash, scratch);
    }
    put_hex(&o, SPAN("hash"), link->hash, scratch);
    json_close(&o, '}');
    out->broken = out->broken || scratch->broken;
}

void export_json_row(struct buf *out, const struct store_link *link, struct buf *scratch)
{
    export_json_object(out, link, true, scratch);
    buf_put_byte(out, '\n');
}

void audit_put_checkpoint(struct json_out *o, const struct store_checkpoint *c)
{
    struct buf hex;
    buf_init(&hex, 1024);
    json_open(o, '{');
    json_pair_i64(o, SPAN("rows"), c->rows);
    json_pair_time(o, SPAN("at"), c->at);
    put_hex(o, SPAN("hash"), c->hash, &hex);
    put_hex(o, SPAN("signature"), c->signature, &hex);
    put_hex(o, SPAN("key"), c->key, &hex);
    json_close(o, '}');
    buf_free(&hex);
}

static void put_sum(struct json_out *o, const struct export_sum *s)
{
    json_pair_i64(o, SPAN("rows"), s->rows);
    json_pair_i64(o, SPAN("calls"), s->calls);
    json_pair_i64(o, SPAN("settlements"), s->settlements);
    json_pair_i64(o, SPAN("changes"), s->changes);
    json_pair_i64(o, SPAN("events"), s->events);
    json_pair_money(o, SPAN("cost_usd"), s->cost);
}

static int by_name(const void *a, const void *b)
{
    return span_compare((*(const struct export_sum *const *)a)->vendor, (*(const struct export_sum *const *)b)->vendor);
}

/* Sorted, in the arena. */
static const struct export_sum **vendors(const struct export_total *t)
{
    const struct export_sum **list = ARENA_ARRAY(t->arena, const struct export_sum *, t->by_vendor.count + 1);
    const struct map_entry *entry;
    size_t at = 0, n = 0;
    while (list && (entry = map_next(&t->by_vendor, &at)))
        list[n++] = entry->value;
    if (n)
        qsort(list, n, sizeof(*list), by_name);
    return list;
}

struct marks {
    struct json_out *out;
    const struct export_total *total;
    int64_t count, skip;
};

static bool is_inside(const struct marks *m, const struct store_checkpoint *c) { return c->rows > m->total->first && c->rows <= m->total->last + 1; }

static void count_mark(void *self, const struct store_checkpoint *c)
{
    struct marks *m = self;
    m->count += is_inside(m, c);
}

static void put_mark(void *self, const struct store_checkpoint *c)
{
    struct marks *m = self;
    if (is_inside(m, c) && m->skip-- <= 0)
        audit_put_checkpoint(m->out, c);
}

static enum err put_checkpoints(struct json_out *o, const struct export_total *t, struct store_reader *r)
{
    struct marks m = { .out = o, .total = t };
    enum err e = E_OK;
    json_name(o, SPAN("checkpoints"));
    json_open(o, '[');
    if (t->first >= 0)
        e = store_checkpoints(r, t->first, count_mark, &m);
    m.skip = m.count > CHECKPOINTS_MOST ? m.count - CHECKPOINTS_MOST : 0;
    if (t->first >= 0 && !e)
        e = store_checkpoints(r, t->first, put_mark, &m);
    json_close(o, ']');
    return e;
}

enum err export_json_end(struct buf *out, const struct export_total *t, const struct call_filter *f, struct store_reader *r)
{
    struct json_out o = json_out(out);
    const struct export_sum **list = vendors(t);
    if (!list)
        return E_NO_MEMORY;
    json_open(&o, '{');
    json_name(&o, SPAN("summary"));
    json_open(&o, '{');
    json_pair_time(&o, SPAN("from"), f->from);
    json_pair_time(&o, SPAN("to"), f->to);
    json_pair_bool(&o, SPAN("complete"), !t->gaps);
    put_sum(&o, &t->all);
    json_name(&o, SPAN("vendors"));
    json_open(&o, '[');
    for (size_t i = 0; i < t->by_vendor.count; i++) {
        json_open(&o, '{');
        json_pair(&o, SPAN("vendor"), list[i]->vendor);
        put_sum(&o, list[i]);
        json_close(&o, '}');
    }
    json_close(&o, ']');
    enum err e = put_checkpoints(&o, t, r);
    json_close(&o, '}');
    json_close(&o, '}');
    buf_put_byte(out, '\n');
    return e;
}

/* ---- CSV (RFC 4180) ---- */

enum form { TEXT, MONEY, NUMBER, CALL };
static const struct {
    const char *name;
    enum row_tag tag;
    enum form form;
} columns[] = {
    { "workspace", ROW_WORKSPACE, TEXT }, { "key", ROW_KEY, TEXT }, { "key_name", ROW_KEY_NAME, TEXT }, { "user", ROW_USER, TEXT }, { "run", ROW_RUN, TEXT },
    { "step", ROW_STEP, TEXT }, { "vendor", ROW_VENDOR, TEXT }, { "operation", ROW_OPERATION, TEXT }, { "method", ROW_METHOD, TEXT }, { "path", ROW_PATH, TEXT },
    { "model", ROW_MODEL, TEXT }, { "status", ROW_STATUS, NUMBER }, { "verdict", ROW_VERDICT, TEXT }, { "denied", ROW_DENIED, TEXT },
    { "reserved_usd", ROW_RESERVED, MONEY }, { "cost_usd", ROW_COST, MONEY }, { "input_tokens", ROW_INPUT_TOKENS, NUMBER },
    { "output_tokens", ROW_OUTPUT_TOKENS, NUMBER }, { "of", ROW_OF, CALL }, { "outcome", ROW_OUTCOME, TEXT }, { "actor", ROW_ACTOR, TEXT },
    { "action", ROW_ACTION, TEXT }, { "object", ROW_OBJECT, TEXT }, { "reason", ROW_REASON, TEXT },
};
enum { COLUMNS = sizeof(columns) / sizeof(*columns) };

static void put_value(struct buf *out, enum form form, const struct row_value *v)
{
    char id[CALL_ID_TEXT + 1];
    if (!v->there || v->bytes != (form == TEXT))
        return;
    if (form == TEXT)
        csv_text(out, v->text);
    else if (form == MONEY)
        buf_put_money(out, v->number);
    else if (form == NUMBER)
        buf_put_i64(out, v->number);
    else
        buf_put(out, call_id_text((uint64_t)v->number, id));
}

void export_csv_head(struct buf *out)
{
    buf_put(out, SPAN("number,kind,id,at"));
    for (size_t i = 0; i < COLUMNS; i++)
        buf_print(out, ",%s", columns[i].name);
    buf_put(out, SPAN(",prev_hash,hash\r\n"));
}

void export_csv_row(struct buf *out, const struct store_link *link, struct buf *scratch)
{
    struct row_value row[ROW_TAGS];
    char id[CALL_ID_TEXT + 1], at[TIME_TEXT];
    (void)scratch;
    row_read(link->row, row);
    buf_put_i64(out, link->number);
    buf_print(out, ",%.*s,%.*s,", SPAN_ARG(audit_kind(link->kind)), SPAN_ARG(call_id_text(link->id, id)));
    if (row[ROW_AT].there && !row[ROW_AT].bytes)
        buf_put(out, text_time(row[ROW_AT].number, at));
    for (size_t i = 0; i < COLUMNS; i++) {
        buf_put_byte(out, ',');
        put_value(out, columns[i].form, &row[columns[i].tag]);
    }
    buf_put_byte(out, ',');
    buf_put_hex(out, link->prev_hash);
    buf_put_byte(out, ',');
    buf_put_hex(out, link->hash);
    buf_put(out, SPAN("\r\n"));
}

void export_csv_stub(struct buf *out, const struct store_link *link)
{
    char id[CALL_ID_TEXT + 1];
    buf_print(out, "%lld,%.*s,%.*s,", (long long)link->number, SPAN_ARG(audit_kind(link->kind)), SPAN_ARG(call_id_text(link->id, id)));
    for (size_t i = 0; i < COLUMNS; i++)
        buf_put_byte(out, ',');
    buf_put(out, SPAN(",,"));
    buf_put_hex(out, link->hash);
    buf_put(out, SPAN("\r\n"));
}

/* A row of its own kind, with the sum in its column. */
void export_csv_end(struct buf *out, const struct export_total *t)
{
    buf_print(out, "%lld,total,,", (long long)t->all.rows);
    for (size_t i = 0; i < COLUMNS; i++) {
        buf_put_byte(out, ',');
        if (columns[i].tag == ROW_COST)
            buf_put_money(out, t->all.cost);
    }
    buf_put(out, SPAN(",,\r\n"));
}
