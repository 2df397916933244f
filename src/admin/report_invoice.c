/* SPDX-License-Identifier: Apache-2.0
 * report_invoice.c - POST /reports/invoice: a vendor's own account of a time against the ledger's rows of it, line by line where lines name
 * objects, else by day and model. All of it on a reading thread; the arithmetic is bill/match.h's. */
#include "admin/report.h"
#include "base/text.h"
#include "bill/match.h"
#include "rules/row.h"

enum { SLICE_ROWS = 1000, ROWS_MOST = 1000000 };
#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

enum form { FORM_JSON, FORM_CSV, FORM_MD };
struct task {
    struct report_ask ask; /* first: report_reply reads it */
    enum invoice_vendor vendor;
    enum form form;
    struct invoice invoice;
    struct match_ask match;
    struct span tolerance; /* as it was asked for */
    struct match_entry *entries;
    struct match found;
    struct trouble trouble;
    int64_t from, to; /* of the rows that count; those a day around it may be asked for by a line */
    int64_t lines_outside; /* of the invoice */
    int seen;
    bool full;
};

/* ---- the ledger's side ---- */

static struct match_entry *add_entry(struct task *k, struct arena *a)
{
    struct match_entry *more = k->match.count < ROWS_MOST ? arena_grow(a, k->entries, sizeof(*more), k->match.count) : NULL;
    if (!more) {
        k->full = true;
        return NULL;
    }
    k->entries = more;
    return &more[k->match.count++];
}

struct reading {
    struct task *task;
    struct arena *arena;
};

/* What a dispute took is not what its charge cost. */
static bool is_dispute(const struct store_link *link, const struct row_value row[ROW_TAGS])
{
    return link->kind == STORE_EVENT && row[ROW_OUTCOME].bytes && (span_is(row[ROW_OUTCOME].text, SPAN("dispute")) || span_is(row[ROW_OUTCOME].text, SPAN("dispute_won")));
}

/* at: what says whether it is of the time that was asked for. */
static bool keep_row(struct reading *reading, const struct store_link *link, const struct row_value row[ROW_TAGS], int64_t at)
{
    struct task *k = reading->task;
    int64_t cost = row[ROW_COST].there && !row[ROW_COST].bytes ? row[ROW_COST].number : 0;
    struct span id = row[ROW_OBJECT_ID].bytes ? row[ROW_OBJECT_ID].text : SPAN_NONE;
    bool spare = at < k->from || at >= k->to, apart = is_dispute(link, row);
    if ((!cost && !id.len) || (apart && spare))
        return true;
    struct match_entry *e = add_entry(k, reading->arena);
    if (e)
        *e = (struct match_entry){ .call = link->id, .of = link->kind == STORE_CALL ? 0 : (uint64_t)row[ROW_OF].number, .id = arena_copy(reading->arena, id), .at = at, .amount = cost,
            .rows = 1, .spare = spare, .apart = apart };
    return e != NULL;
}

static bool take_row(void *self, const struct store_link *link)
{
    struct reading *reading = self;
    struct row_value row[ROW_TAGS];
    reading->task->seen++;
    reading->task->ask.filter.after = link->id;
    if (link->kind == STORE_SETTLEMENT)
        return true; /* comes with its call */
    row_read(link->row, row);
    return keep_row(reading, link, row, row[ROW_AT].number);
}

/* Vendors bill a call when it was made, however long after it its price was known. */
static bool take_settlement(void *self, int64_t called_at, const struct store_link *link)
{
    struct row_value row[ROW_TAGS];
    row_read(link->row, row);
    return keep_row(self, link, row, called_at);
}

/* Row by row: what lines name by an id. The vendor's clock is not ours: rows of the day before and after may be meant, too. */
static enum err read_rows(struct task *k, struct store_reader *r, struct arena *a)
{
    struct reading reading = { k, a };
    struct call_filter *f = &k->ask.filter;
    enum err e = E_OK;
    f->from = k->from > DAY_MS ? k->from - DAY_MS : 0;
    f->to = k->to + DAY_MS;
    f->ascending = true;
    f->limit = SLICE_ROWS;
    do {
        k->seen = 0;
        e = store_money_rows(r, f, take_row, &reading);
    } while (!e && !k->full && k->seen == SLICE_ROWS);
    return e || k->full ? e : store_settlements_of(r, f, take_settlement, &reading);
}

static enum err read_sums(struct task *k, struct store_reader *r, struct arena *a)
{
    const struct span by[] = { SPAN("day"), k->invoice.by == INVOICE_BY_MODEL ? SPAN("model") : SPAN("operation") };
    struct usage_row *rows = NULL;
    size_t count = 0;
    k->ask.filter.from = k->from;
    k->ask.filter.to = k->to;
    enum err e = store_usage(r, &k->ask.filter, by, 2, a, &rows, &count);
    for (size_t i = 0; !e && !k->full && i < count; i++) {
        int64_t amount = k->invoice.unit == INVOICE_TOKENS ? rows[i].tokens_in + rows[i].tokens_out : rows[i].cost;
        struct match_entry *one = amount ? add_entry(k, a) : NULL;
        if (!one)
            continue;
        *one = (struct match_entry){ .name = rows[i].group[1], .amount = amount, .rows = rows[i].forwarded > 0 ? rows[i].forwarded : 1 };
        (void)text_time_parse(rows[i].group[0], &one->at);
    }
    return e;
}

/* ---- what came of it ---- */

static struct span with_unit(struct arena *a, const struct task *k, const char *name) { return arena_print(a, "%s_%s", name, k->invoice.unit == INVOICE_USD ? "usd" : "tokens"); }

static void put_amount(struct paper *p, const struct task *k, int64_t amount)
{
    if (k->invoice.unit == INVOICE_USD)
        paper_money(p, amount);
    else
        paper_number(p, amount);
}

static void note_amount(struct paper *p, struct arena *a, const struct task *k, const char *name, int64_t amount)
{
    if (k->invoice.unit == INVOICE_USD)
        paper_note_money(p, with_unit(a, k, name), amount);
    else
        paper_note_number(p, with_unit(a, k, name), amount);
}

static void put_pair(struct paper *p, const struct task *k, const struct match_pair *pair)
{
    char id[CALL_ID_TEXT + 1];
    paper_row(p);
    paper_text(p, match_state_name(pair->state));
    paper_text(p, pair->key);
    put_amount(p, k, pair->invoice);
    put_amount(p, k, pair->ledger);
    put_amount(p, k, money_add(pair->invoice, -pair->ledger));
    paper_number(p, pair->lines);
    paper_number(p, pair->rows);
    if (pair->line)
        paper_number(p, pair->line);
    else
        paper_none(p);
    paper_text(p, pair->call ? call_id_text(pair->call, id) : SPAN_NONE);
}

static void put_total(struct paper *p, const struct task *k, const struct match_sum *sum)
{
    paper_total(p);
    paper_text(p, SPAN("total"));
    paper_none(p);
    put_amount(p, k, sum->invoice);
    put_amount(p, k, sum->ledger);
    put_amount(p, k, money_add(sum->invoice, -sum->ledger));
    paper_number(p, sum->lines);
    paper_number(p, sum->rows);
    paper_none(p);
    paper_none(p);
}

/* What wants a look first. */
static const enum match_state order[] = { MATCH_DIFFERS, MATCH_INVOICE_ONLY, MATCH_LEDGER_ONLY, MATCH_SAME };

static void put_summary(struct json_out *o, struct arena *a, const struct task *k)
{
    json_name(o, SPAN("summary"));
    json_open(o, '[');
    for (size_t i = 0; i < MATCH_STATES; i++) {
        const struct match_sum *sum = &k->found.by_state[order[i]];
        const int64_t amounts[] = { sum->invoice, sum->ledger, money_add(sum->invoice, -sum->ledger) };
        static const char *const names[] = { "invoice", "ledger", "difference" };
        json_open(o, '{');
        json_pair(o, SPAN("state"), match_state_name(order[i]));
        json_pair_i64(o, SPAN("pairs"), sum->pairs);
        json_pair_i64(o, SPAN("lines"), sum->lines);
        json_pair_i64(o, SPAN("rows"), sum->rows);
        for (size_t n = 0; n < 3; n++) {
            if (k->invoice.unit == INVOICE_USD)
                json_pair_money(o, with_unit(a, k, names[n]), amounts[n]);
            else
                json_pair_i64(o, with_unit(a, k, names[n]), amounts[n]);
        }
        json_close(o, '}');
    }
    json_close(o, ']');
}

static void note_all(struct paper *p, struct arena *a, const struct task *k)
{
    const struct match *m = &k->found;
    paper_note(p, SPAN("vendor"), invoice_vendor_name(k->vendor));
    paper_note(p, SPAN("form"), span_of(k->invoice.form));
    paper_note(p, SPAN("compared"), span_of(k->invoice.compared));
    paper_note_time(p, SPAN("from"), k->from);
    paper_note_time(p, SPAN("to"), k->to);
    paper_note_number(p, SPAN("lines_outside"), k->lines_outside);
    paper_note_bool(p, SPAN("clean"), m->clean);
    note_amount(p, a, k, "tolerance", k->match.tolerance);
    paper_note_number(p, SPAN("tolerance_millionths"), k->match.parts);
    note_amount(p, a, k, "invoice", m->all.invoice);
    note_amount(p, a, k, "ledger", m->all.ledger);
    note_amount(p, a, k, "difference", money_add(m->all.invoice, -m->all.ledger));
    note_amount(p, a, k, "apart", m->apart);
    paper_note_number(p, SPAN("apart_lines"), m->apart_lines);
    note_amount(p, a, k, "ledger_apart", m->ledger_apart);
    paper_note_number(p, SPAN("ledger_apart_rows"), m->ledger_apart_rows);
    paper_note_money(p, SPAN("fee_usd"), m->fee);
    if (p->form == PAPER_JSON)
        put_summary(&p->json, a, k);
}

static void write_paper(struct visit *v, const struct task *k)
{
    const char **columns = ARENA_ARRAY(&v->arena, const char *, 10);
    struct paper p = report_paper(v, &k->ask);
    if (!columns)
        return;
    columns[0] = "state";
    columns[1] = "key";
    columns[2] = with_unit(&v->arena, k, "invoice").at;
    columns[3] = with_unit(&v->arena, k, "ledger").at;
    columns[4] = with_unit(&v->arena, k, "difference").at;
    columns[5] = "lines";
    columns[6] = "rows";
    columns[7] = "line";
    columns[8] = "call";
    paper_open(&p);
    note_all(&p, &v->arena, k);
    paper_columns(&p, SPAN("data"), columns);
    for (size_t i = 0; i < MATCH_STATES; i++)
        for (const struct match_pair *pair = k->found.first; pair; pair = pair->next)
            if (pair->state == order[i])
                put_pair(&p, k, pair);
    put_total(&p, k, &k->found.all);
    paper_close(&p);
}

/* ---- Markdown ---- */

static void put_figure(struct buf *b, const struct task *k, int64_t amount)
{
    if (k->invoice.unit == INVOICE_USD)
        buf_put_money(b, amount);
    else
        buf_put_i64(b, amount);
}

/* A vendor's text between bars: nothing of it may end the cell. */
static void put_plain(struct buf *b, struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        buf_put_byte(b, text.at[i] == '|' || text.at[i] == '`' || (unsigned char)text.at[i] < ' ' ? '?' : text.at[i]);
}

static void put_bar(struct buf *b, const struct task *k, struct span first, int64_t pairs, int64_t invoice, int64_t ledger)
{
    buf_put(b, SPAN("| "));
    put_plain(b, first);
    if (pairs >= 0)
        buf_print(b, " | %lld", (long long)pairs);
    buf_put(b, SPAN(" | "));
    put_figure(b, k, invoice);
    buf_put(b, SPAN(" | "));
    put_figure(b, k, ledger);
    buf_put(b, SPAN(" | "));
    put_figure(b, k, money_add(invoice, -ledger));
    buf_put(b, SPAN(" |\n"));
}

static void write_markdown(struct visit *v, const struct task *k)
{
    char from[TIME_TEXT], to[TIME_TEXT];
    struct buf *b = &v->out;
    const struct match *m = &k->found;
    const char *unit = k->invoice.unit == INVOICE_USD ? "USD" : "tokens";
    buf_print(b, "# Invoice of %.*s against the ledger\n\n%s, %.10s up to %.10s (not included). ", SPAN_ARG(invoice_vendor_name(k->vendor)), k->invoice.form, text_time(k->from, from).at,
        text_time(k->to, to).at);
    buf_print(b, "Compared: %s. **%s**\n\n| | pairs | invoice %s | ledger %s | difference |\n|---|---:|---:|---:|---:|\n", k->invoice.compared, m->clean ? "Clean." : "Not clean.", unit, unit);
    for (size_t i = 0; i < MATCH_STATES; i++)
        put_bar(b, k, match_state_name(order[i]), m->by_state[order[i]].pairs, m->by_state[order[i]].invoice, m->by_state[order[i]].ledger);
    put_bar(b, k, SPAN("total"), m->all.pairs, m->all.invoice, m->all.ledger);
    if (k->lines_outside)
        buf_print(b, "\n%lld lines of the invoice are outside of this time and left out.\n", (long long)k->lines_outside);
    if (m->apart_lines) {
        buf_print(b, "\n%lld lines of the invoice are of no call and stand apart: ", (long long)m->apart_lines);
        put_figure(b, k, m->apart);
        buf_print(b, " %s.\n", unit);
    }
    if (m->ledger_apart_rows) {
        buf_print(b, "\n%lld disputes in the ledger stand apart, too: ", (long long)m->ledger_apart_rows);
        put_figure(b, k, m->ledger_apart);
        buf_print(b, " %s.\n", unit);
    }
    if (m->fee) {
        buf_put(b, SPAN("\nThe vendor's own fee, in none of these sums: "));
        buf_put_money(b, m->fee);
        buf_put(b, SPAN(" USD.\n"));
    }
    for (size_t i = 0; i < MATCH_STATES - 1; i++) {
        if (!m->by_state[order[i]].pairs)
            continue;
        buf_print(b, "\n## %.*s\n\n| | invoice %s | ledger %s | difference |\n|---|---:|---:|---:|\n", SPAN_ARG(match_state_name(order[i])), unit, unit);
        for (const struct match_pair *pair = m->first; pair; pair = pair->next)
            if (pair->state == order[i])
                put_bar(b, k, pair->key, -1, pair->invoice, pair->ledger);
    }
}

/* ---- the request ---- */

/* Lines outside of the time that was asked for are of another one's invoice. */
static void keep_time(struct task *k)
{
    struct invoice *i = &k->invoice;
    size_t kept = 0;
    for (size_t n = 0; n < i->count; n++)
        if (i->whole || (i->lines[n].at >= k->from && i->lines[n].at < k->to))
            i->lines[kept++] = i->lines[n];
    k->lines_outside = (int64_t)(i->count - kept);
    i->count = kept;
}

/* What is compared by the day has no halves of one. */
static bool whole_day(struct task *k, const char *field, int64_t at)
{
    char text[TIME_TEXT];
    if (at % DAY_MS == 0)
        return true;
    trouble_say(&k->trouble, NULL, field, "found \"%.*s\"; allowed: midnight UTC, such as 2026-06-01: this invoice is compared by whole days", SPAN_ARG(text_time(at, text)));
    return false;
}

static bool settle_time(struct task *k)
{
    k->from = k->ask.filter.from ? k->ask.filter.from : k->invoice.from;
    k->to = k->ask.filter.to ? k->ask.filter.to : k->invoice.to;
    if (k->invoice.by != INVOICE_BY_ID && (!whole_day(k, "from", k->from) || !whole_day(k, "to", k->to)))
        return false;
    keep_time(k);
    return true;
}

/* What is allowed hangs on what the file counts: read after it. */
static bool read_tolerance(struct task *k)
{
    struct span text = k->tolerance;
    if (match_tolerance(text, &k->invoice, &k->match.tolerance, &k->match.parts))
        return true;
    trouble_say(&k->trouble, NULL, "tolerance", "found \"%.*s\"; allowed: %s a pair may differ by, or a part such as 0.5%%", SPAN_ARG(span_first(text, 60)),
        k->invoice.unit == INVOICE_TOKENS ? "a whole number of tokens" : "an amount such as 0.01");
    return false;
}

/* Nothing against nothing is not clean: the time is of another file. */
static bool has_anything(struct task *k)
{
    char from[TIME_TEXT], to[TIME_TEXT];
    if (k->invoice.count || k->found.all.pairs || k->found.ledger_apart_rows)
        return true;
    trouble_say(&k->trouble, NULL, "from", "none of the file's %lld lines is in the time from %s up to %s, and no row of the ledger; allowed: a time that the file is of", (long long)k->lines_outside,
        text_time(k->from, from).at, text_time(k->to, to).at);
    return false;
}

static void compare(struct visit *v, struct store_reader *r)
{
    struct task *k = v->mine;
    struct json *j = json_new();
    v->result = j ? invoice_read(j, &v->arena, k->vendor, buf_span(&v->body), &k->invoice, &k->trouble) : E_NO_MEMORY;
    json_free(j);
    if (!v->result && (!read_tolerance(k) || !settle_time(k)))
        v->result = E_CONFIG;
    if (v->result)
        return;
    v->result = k->invoice.by == INVOICE_BY_ID ? read_rows(k, r, &v->arena) : read_sums(k, r, &v->arena);
    if (!v->result && k->full)
        v->result = k->match.count == ROWS_MOST ? E_TOO_LARGE : E_NO_MEMORY;
    k->match.invoice = &k->invoice;
    k->match.entries = k->entries;
    if (!v->result && !match_run(&v->arena, &k->match, &k->found))
        v->result = E_NO_MEMORY;
    if (!v->result && !has_anything(k))
        v->result = E_CONFIG;
    if (v->result)
        return;
    if (k->form == FORM_MD)
        write_markdown(v, k);
    else
        write_paper(v, k);
}

static void answer(struct visit *v)
{
    struct task *k = v->mine;
    if (k->trouble.set)
        reply_trouble(v, E_BAD_REQUEST, &k->trouble);
    else if (v->result == E_TOO_LARGE)
        reply_problem(v, E_TOO_LARGE, "from", "the ledger has more than %d rows in this time, or 10,000 days and models; allowed: a shorter time", ROWS_MOST);
    else if (!v->result && k->form == FORM_MD)
        reply_file(v, SPAN("text/markdown; charset=utf-8"), SPAN("inline; filename=\"reconciliation.md\""));
    else
        report_reply(v);
}

static bool read_form(struct visit *v, struct task *k)
{
    struct span form = query_get(v, "format");
    k->form = span_is(form, SPAN("csv")) ? FORM_CSV : span_is(form, SPAN("md")) ? FORM_MD : FORM_JSON;
    k->ask.form = k->form == FORM_CSV ? PAPER_CSV : PAPER_JSON;
    k->ask.file = "invoice";
    if (!form.at || k->form != FORM_JSON || span_is(form, SPAN("json")))
        return true;
    reply_problem(v, E_BAD_REQUEST, "format", "found \"%.*s\"; allowed: json, csv, md", SPAN_ARG(span_first(form, 60)));
    return false;
}

static bool read_task(struct visit *v, struct task *k)
{
    struct span vendor = query_get(v, "vendor");
    struct call_filter *f = &k->ask.filter;
    if (!vendor.at || !invoice_vendor_parse(vendor, &k->vendor)) {
        reply_problem(v, E_BAD_REQUEST, "vendor", "found \"%.*s\"; allowed: openai, anthropic, stripe, twilio", SPAN_ARG(span_first(vendor.at ? vendor : SPAN(""), 60)));
        return false;
    }
    *f = (struct call_filter){ .vendor = query_get(v, "name"), .workspace = query_get(v, "workspace") };
    f->vendor = f->vendor.at ? f->vendor : vendor;
    k->tolerance = query_get(v, "tolerance");
    report_confine(v, f);
    if (!read_form(v, k) || !query_time(v, "from", &f->from) || !query_time(v, "to", &f->to))
        return false;
    if (!f->from || !f->to || f->from < f->to)
        return true;
    reply_problem(v, E_BAD_REQUEST, "from", "is not before to; allowed: a half-open time [from, to)");
    return false;
}

void report_invoice(struct visit *v)
{
    struct task *k = v->mine = ARENA_NEW(&v->arena, struct task);
    if (!k)
        reply_store(v, E_NO_MEMORY);
    else if (read_task(v, k))
        visit_read(v, compare, answer);
}
