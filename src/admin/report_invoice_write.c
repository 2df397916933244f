/* SPDX-License-Identifier: Apache-2.0
 * report_invoice_write.c - see report_invoice.h. */
#include "admin/report_invoice.h"

#include "base/text.h"

static struct span with_unit(struct arena *a, const struct reconciliation *k, const char *name) { return arena_print(a, "%s_%s", name, k->invoice.unit == INVOICE_USD ? "usd" : "tokens"); }

static void put_amount(struct paper *p, const struct reconciliation *k, int64_t amount)
{
    if (k->invoice.unit == INVOICE_USD)
        paper_money(p, amount);
    else
        paper_number(p, amount);
}

static void note_amount(struct paper *p, struct arena *a, const struct reconciliation *k, const char *name, int64_t amount)
{
    if (k->invoice.unit == INVOICE_USD)
        paper_note_money(p, with_unit(a, k, name), amount);
    else
        paper_note_number(p, with_unit(a, k, name), amount);
}

static void put_pair(struct paper *p, const struct reconciliation *k, const struct match_pair *pair)
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

static void put_total(struct paper *p, const struct reconciliation *k, const struct match_sum *sum)
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

static void put_summary(struct json_out *o, struct arena *a, const struct reconciliation *k)
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

static void note_all(struct paper *p, struct arena *a, const struct reconciliation *k)
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

void reconciliation_paper(struct visit *v, const struct reconciliation *k)
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

static void put_figure(struct buf *b, const struct reconciliation *k, int64_t amount)
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

static void put_bar(struct buf *b, const struct reconciliation *k, struct span first, int64_t pairs, int64_t invoice, int64_t ledger)
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

void reconciliation_markdown(struct visit *v, const struct reconciliation *k)
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
