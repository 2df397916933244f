/* SPDX-License-Identifier: Apache-2.0
 * report_reconciliation.c - GET /reports/reconciliation: each row that has a cost, for the books of others, of any length, in bounded
 * memory. Settlements and what vendors told later are rows of their own, so nothing that was exported changes; the sums by model and by
 * key are those of the rows above them, and equal the total to the last digit.
 *
 * A slice of rows is read on a reading thread, which may take long where little fits, and written on the admin thread; the next one is read
 * when the reader has taken what there is. */
#include "admin/report.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/text.h"
#include "rules/row.h"

enum { SLICE_ROWS = 500, TOTALS_MOST = 64 << 20 /* memory for models, keys and their sums */ };

enum form { CALL, KIND, TEXT, TIME, MONEY, NUMBER, YES };
static const struct {
    const char *name;
    enum row_tag tag;
    enum form form;
} cells[] = {
    { "id", ROW_ID, CALL }, { "kind", ROW_KIND, KIND }, { "of", ROW_OF, CALL }, { "at", ROW_AT, TIME }, { "workspace", ROW_WORKSPACE, TEXT }, { "key", ROW_KEY, TEXT },
    { "key_name", ROW_KEY_NAME, TEXT }, { "label", ROW_LABEL, TEXT }, { "run", ROW_RUN, TEXT }, { "step", ROW_STEP, TEXT }, { "vendor", ROW_VENDOR, TEXT },
    { "credential", ROW_CREDENTIAL, TEXT }, { "operation", ROW_OPERATION, TEXT }, { "model_requested", ROW_MODEL_REQUESTED, TEXT }, { "model", ROW_MODEL, TEXT },
    { "verdict", ROW_VERDICT, TEXT }, { "status", ROW_STATUS, NUMBER }, { "cost_usd", ROW_COST, MONEY }, { "estimated", ROW_ESTIMATED, YES },
    { "price_snapshot", ROW_PRICE_SNAPSHOT, TEXT }, { "input_tokens", ROW_INPUT_TOKENS, NUMBER }, { "cached_tokens", ROW_CACHED_TOKENS, NUMBER },
    { "output_tokens", ROW_OUTPUT_TOKENS, NUMBER }, { "reasoning_tokens", ROW_REASONING_TOKENS, NUMBER }, { "upstream_request_id", ROW_REQUEST_ID, TEXT },
    { "upstream_object_id", ROW_OBJECT_ID, TEXT },
};
enum { CELLS = sizeof(cells) / sizeof(*cells) };

struct sum {
    struct span name;
    int64_t rows;
    nano_usd cost;
    struct sum *next; /* in the order in which they came */
};
struct sums {
    struct map by_name;
    struct sum *first, **end;
};

/* A visit's, in v->mine, until the visit ends. */
struct export {
    struct admin *admin;
    struct arena arena; /* sums */
    struct json *json;
    struct report_ask ask;
    struct paper paper;
    const char *columns[CELLS + 1];
    struct buf out;
    struct sums models, keys;
    struct sum total;
    int seen; /* rows of this slice */
    bool over, failed;
};

static void leave(struct visit *v)
{
    struct export *x = v->mine;
    x->admin->export_count--;
    map_free(&x->models.by_name);
    map_free(&x->keys.by_name);
    buf_free(&x->out);
    json_free(x->json);
    arena_free(&x->arena);
    free(x);
}

/* ---- sums ---- */

static bool add(struct export *x, struct sums *all, struct span name, nano_usd cost)
{
    struct span key = arena_print(&x->arena, "%s%.*s", name.len ? "=" : "-", SPAN_ARG(name.len ? name : SPAN("")));
    struct sum *sum = key.at ? map_get(&all->by_name, key) : NULL;
    if (!sum) {
        sum = ARENA_NEW(&x->arena, struct sum);
        if (!sum || !key.at || !map_put(&all->by_name, key, sum))
            return false;
        sum->name = name.len ? span_from(key, 1) : SPAN_NONE;
        *all->end = sum;
        all->end = &sum->next;
    }
    sum->rows++;
    sum->cost = money_add(sum->cost, cost);
    return true;
}

/* Each name is copied once, not once a row. */
static bool count(struct export *x, const struct row_value *row)
{
    nano_usd cost = row[ROW_COST].there && !row[ROW_COST].bytes ? row[ROW_COST].number : 0;
    struct span model = row[ROW_MODEL].bytes ? row[ROW_MODEL].text : SPAN_NONE, key = row[ROW_KEY].bytes ? row[ROW_KEY].text : SPAN_NONE;
    struct arena_mark mark = arena_mark(&x->arena);
    size_t names = x->models.by_name.count + x->keys.by_name.count;
    if (!add(x, &x->models, model, cost) || !add(x, &x->keys, key, cost))
        return false;
    if (x->models.by_name.count + x->keys.by_name.count == names)
        arena_rewind(&x->arena, mark);
    x->total.rows++;
    x->total.cost = money_add(x->total.cost, cost);
    return true;
}

/* ---- rows ---- */

static void put_cell(struct paper *p, enum form form, const struct row_value *v)
{
    char id[CALL_ID_TEXT + 1];
    if (form == KIND)
        paper_text(p, v->there && v->bytes ? v->text : SPAN("call"));
    else if (!v->there || v->bytes != (form == TEXT))
        paper_none(p);
    else if (form == TEXT)
        paper_text(p, v->text);
    else if (form == MONEY)
        paper_money(p, v->number);
    else if (form == TIME)
        paper_time(p, v->number);
    else if (form == CALL)
        paper_text(p, call_id_text((uint64_t)v->number, id));
    else if (form == YES)
        paper_text(p, v->number ? SPAN("yes") : SPAN_NONE);
    else
        paper_number(p, v->number);
}

/* A row as JSON, of a gate before the compact form: what can be read of it. */
static void read_old(struct export *x, struct span text, struct row_value row[ROW_TAGS])
{
    struct json_value root;
    const char *why;
    memset(row, 0, ROW_TAGS * sizeof(*row));
    if (json_parse(x->json, text, false, &root, &why) != E_OK)
        return;
    for (int i = 0; i < CELLS; i++) {
        struct json_value v = json_member(root, span_of(cells[i].name));
        struct row_value *out = &row[cells[i].tag];
        uint64_t id = 0;
        out->bytes = cells[i].form == TEXT || cells[i].form == KIND;
        out->text = json_string(v);
        if (out->bytes)
            out->there = out->text.at != NULL;
        else if (cells[i].form == CALL)
            out->there = call_id_parse(out->text, &id);
        else if (cells[i].form == MONEY)
            out->there = money_parse(out->text, &out->number);
        else if (cells[i].form == TIME)
            out->there = text_time_parse(out->text, &out->number);
        else
            out->there = json_integer(v, &out->number);
        if (cells[i].form == CALL)
            out->number = (int64_t)id;
    }
}

static bool take_row(void *self, const struct store_link *link)
{
    struct export *x = self;
    struct row_value row[ROW_TAGS];
    if (link->row.len && link->row.at[0] == '{')
        read_old(x, link->row, row);
    else
        row_read(link->row, row);
    paper_row(&x->paper);
    for (int i = 0; i < CELLS; i++)
        put_cell(&x->paper, cells[i].form, &row[cells[i].tag]);
    x->failed = x->failed || !count(x, row);
    x->ask.filter.after = link->id;
    x->seen++;
    return !x->failed;
}

/* ---- the end ---- */

static void put_list(struct export *x, struct span list, const char *name, const struct sums *all)
{
    struct json_out *o = &x->paper.json;
    json_name(o, list);
    json_open(o, '[');
    for (const struct sum *s = all->first; s; s = s->next) {
        json_open(o, '{');
        json_pair(o, span_of(name), s->name);
        json_pair_i64(o, SPAN("rows"), s->rows);
        json_pair_money(o, SPAN("cost_usd"), s->cost);
        json_close(o, '}');
    }
    json_close(o, ']');
}

/* In a sheet: lines of their own kinds, the sum in its column, the model's or key's name in its. */
static void put_line(struct export *x, struct span kind, enum row_tag named, const struct sum *s)
{
    paper_row(&x->paper);
    for (int i = 0; i < CELLS; i++) {
        if (cells[i].form == KIND)
            paper_text(&x->paper, kind);
        else if (cells[i].tag == named)
            paper_text(&x->paper, s->name);
        else if (cells[i].form == MONEY)
            paper_money(&x->paper, s->cost);
        else
            paper_none(&x->paper);
    }
}

static void finish(struct export *x)
{
    if (x->ask.form == PAPER_JSON) {
        paper_end(&x->paper);
        put_list(x, SPAN("by_model"), "model", &x->models);
        put_list(x, SPAN("by_key"), "key", &x->keys);
        struct json_out *o = &x->paper.json;
        json_name(o, SPAN("total"));
        json_open(o, '{');
        json_pair_i64(o, SPAN("rows"), x->total.rows);
        json_pair_money(o, SPAN("cost_usd"), x->total.cost);
        json_close(o, '}');
    } else if (x->ask.totals) {
        for (const struct sum *s = x->models.first; s; s = s->next)
            put_line(x, SPAN("total_by_model"), ROW_MODEL, s);
        for (const struct sum *s = x->keys.first; s; s = s->next)
            put_line(x, SPAN("total_by_key"), ROW_KEY, s);
        put_line(x, SPAN("total"), ROW_ID, &x->total);
    }
    paper_close(&x->paper);
}

/* ---- slice by slice ---- */

static void ask_slice(struct visit *v);

/* On a reading thread. */
static void read_slice(struct visit *v, struct store_reader *r)
{
    struct export *x = v->mine;
    x->seen = 0;
    v->result = store_money_rows(r, &x->ask.filter, take_row, x);
    x->over = x->seen < SLICE_ROWS;
    if (v->result == E_OK && x->over)
        finish(x);
}

static void woken(void *mine)
{
    struct visit *v = mine;
    if (http_reply_room(v->request))
        ask_slice(v);
}

static void gone(void *mine)
{
    struct visit *v = mine;
    v->request = NULL;
    visit_free(v);
}

/* The next slice, when there is room for it. */
static void go_on(struct visit *v)
{
    static const struct http_request_user full = { .wake = woken, .gone = gone };
    if (http_reply_room(v->request)) {
        ask_slice(v);
        return;
    }
    v->away = true;
    http_request_user(v->request, &full, v);
}

static void begin(struct visit *v)
{
    const struct export *x = v->mine;
    struct http_field fields[REPLY_FIELDS];
    bool csv = x->ask.form == PAPER_CSV;
    size_t n = reply_fields_common(fields, csv ? SPAN("text/csv; charset=utf-8; header=present") : SPAN("application/json"));
    if (csv)
        fields[n++] = (struct http_field){ SPAN("content-disposition"), SPAN("attachment; filename=\"reconciliation.csv\"") };
    if (v->stale)
        fields[n++] = (struct http_field){ SPAN("x-tollgate-stale"), SPAN("the store cannot write; the newest rows may be missing") };
    http_reply_head(v->request, 200, fields, n, -1);
    v->begun = true;
}

static void write_slice(struct visit *v)
{
    struct export *x = v->mine;
    enum err e = v->result ? v->result : x->failed || x->out.broken ? E_NO_MEMORY : E_OK;
    struct http_request *request = v->request;
    if (e && !v->begun) {
        reply_store(v, e);
        return;
    }
    if (!v->begun)
        begin(v);
    if (e) {
        log_warn("admin", "an export broke off: %s", err_text(e).at);
        v->request = NULL;
        http_reply_cut(request);
        return;
    }
    http_reply_write(request, buf_span(&x->out));
    buf_clear(&x->out);
    if (!x->over) {
        go_on(v);
        return;
    }
    v->request = NULL;
    http_reply_end(request, NULL, 0);
}

static void ask_slice(struct visit *v) { visit_read(v, read_slice, write_slice); }

/* ---- GET /reports/reconciliation ---- */

static struct export *export_new(struct visit *v, const struct report_ask *ask)
{
    struct export *x = calloc(1, sizeof(*x));
    struct json *json = x ? json_new() : NULL;
    if (!json) {
        free(x);
        return NULL;
    }
    x->admin = v->admin;
    x->json = json;
    arena_init(&x->arena, TOTALS_MOST);
    buf_init(&x->out, VISIT_ANSWER);
    x->models.end = &x->models.first;
    x->keys.end = &x->keys.first;
    for (int i = 0; i < CELLS; i++)
        x->columns[i] = cells[i].name;
    x->ask = *ask;
    x->ask.filter.ascending = true;
    x->ask.filter.limit = SLICE_ROWS;
    x->paper = paper(&x->out, ask->form, ask->totals);
    v->mine = x;
    v->end = leave;
    v->admin->export_count++;
    return x;
}

void report_reconciliation(struct visit *v)
{
    struct report_ask ask;
    if (!report_ask(v, &ask, "reconciliation", 0))
        return;
    if (span_is(http_request_head(v->request)->method, SPAN("HEAD"))) {
        reply_text(v, SPAN("application/json"), SPAN(""));
        return;
    }
    struct export *x = v->admin->export_count < EXPORTS ? export_new(v, &ask) : NULL;
    if (!x) {
        reply_problem(v, E_OVERLOADED, NULL, "allowed: %d exports at a time", EXPORTS);
        return;
    }
    paper_open(&x->paper);
    report_notes(&x->paper, &x->ask);
    paper_columns(&x->paper, SPAN("data"), x->columns);
    ask_slice(v);
}
