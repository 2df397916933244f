/* SPDX-License-Identifier: Apache-2.0
 * report_invoice.c - POST /reports/invoice: a vendor's own account of a time against the ledger's rows of it, line by line where lines name
 * objects, else by day and model. All of it on a reading thread; the arithmetic is bill/match.h's. */
#include "admin/report_invoice.h"

#include "base/text.h"

/* Lines outside of the time that was asked for are of another one's invoice. */
static void keep_time(struct reconciliation *k)
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
static bool whole_day(struct reconciliation *k, const char *field, int64_t at)
{
    char text[TIME_TEXT];
    if (at % DAY_MS == 0)
        return true;
    trouble_say(&k->trouble, NULL, field, "found \"%.*s\"; allowed: midnight UTC, such as 2026-06-01: this invoice is compared by whole days", SPAN_ARG(text_time(at, text)));
    return false;
}

static bool settle_time(struct reconciliation *k)
{
    k->from = k->ask.filter.from ? k->ask.filter.from : k->invoice.from;
    k->to = k->ask.filter.to ? k->ask.filter.to : k->invoice.to;
    if (k->invoice.by != INVOICE_BY_ID && (!whole_day(k, "from", k->from) || !whole_day(k, "to", k->to)))
        return false;
    keep_time(k);
    return true;
}

/* What is allowed hangs on what the file counts: read after it. */
static bool read_tolerance(struct reconciliation *k)
{
    struct span text = k->tolerance;
    if (match_tolerance(text, &k->invoice, &k->match.tolerance, &k->match.parts))
        return true;
    trouble_say(&k->trouble, NULL, "tolerance", "found \"%.*s\"; allowed: %s a pair may differ by, or a part such as 0.5%%", SPAN_ARG(span_first(text, 60)),
        k->invoice.unit == INVOICE_TOKENS ? "a whole number of tokens" : "an amount such as 0.01");
    return false;
}

/* Nothing against nothing is not clean: the time is of another file. */
static bool has_anything(struct reconciliation *k)
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
    struct reconciliation *k = v->mine;
    struct json *j = json_new();
    v->result = j ? invoice_read(j, &v->arena, k->vendor, buf_span(&v->body), &k->invoice, &k->trouble) : E_NO_MEMORY;
    json_free(j);
    if (!v->result && (!read_tolerance(k) || !settle_time(k)))
        v->result = E_CONFIG;
    if (v->result)
        return;
    v->result = k->invoice.by == INVOICE_BY_ID ? reconciliation_rows(k, r, &v->arena) : reconciliation_sums(k, r, &v->arena);
    if (!v->result && k->full)
        v->result = k->match.count == RECONCILIATION_ROWS ? E_TOO_LARGE : E_NO_MEMORY;
    k->match.invoice = &k->invoice;
    k->match.entries = k->entries;
    if (!v->result && !match_run(&v->arena, &k->match, &k->found))
        v->result = E_NO_MEMORY;
    if (!v->result && !has_anything(k))
        v->result = E_CONFIG;
    if (v->result)
        return;
    if (k->form == FORM_MD)
        reconciliation_markdown(v, k);
    else
        reconciliation_paper(v, k);
}

static void answer(struct visit *v)
{
    struct reconciliation *k = v->mine;
    if (k->trouble.set)
        reply_trouble(v, E_BAD_REQUEST, &k->trouble);
    else if (v->result == E_TOO_LARGE)
        reply_problem(v, E_TOO_LARGE, "from", "the ledger has more than %d rows in this time, or 10,000 days and models; allowed: a shorter time", RECONCILIATION_ROWS);
    else if (!v->result && k->form == FORM_MD)
        reply_file(v, SPAN("text/markdown; charset=utf-8"), SPAN("inline; filename=\"reconciliation.md\""));
    else
        report_reply(v);
}

static bool read_form(struct visit *v, struct reconciliation *k)
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

static bool read_task(struct visit *v, struct reconciliation *k)
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
    struct reconciliation *k = v->mine = ARENA_NEW(&v->arena, struct reconciliation);
    if (!k)
        reply_store(v, E_NO_MEMORY);
    else if (read_task(v, k))
        visit_read(v, compare, answer);
}
