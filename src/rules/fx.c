/* SPDX-License-Identifier: Apache-2.0
 * fx.c - the operator's rates, and how they go before those of a file. The central bank's file is read by fx_ecb.c. */
#include "rules/fx.h"

#include <stdlib.h>
#include <string.h>

#include "base/money.h"

enum { RATE_DIGITS = 9, SHARE_DIGITS = 7 /* "2%" is 0.02: two digits further left */, DATE_LEN = 10 };

static int by_code(const void *a, const void *b) { return memcmp(((const struct fx_rate *)a)->code, ((const struct fx_rate *)b)->code, 3); }

static struct fx_rate *find(const struct fx *fx, const char code[3])
{
    struct fx_rate key;
    if (!fx || !fx->count)
        return NULL;
    memcpy(key.code, code, 3);
    return bsearch(&key, fx->rates, fx->count, sizeof(key), by_code);
}

bool fx_rate(const struct fx *fx, const char code[3], int64_t *usd)
{
    const struct fx_rate *rate = find(fx, code);
    if (memcmp(code, "usd", 3) == 0) {
        *usd = NANO_PER_USD;
        return true;
    }
    if (!rate)
        return false;
    *usd = rate->usd;
    return true;
}

void fx_sort(struct fx *fx)
{
    if (fx->count)
        qsort(fx->rates, fx->count, sizeof(*fx->rates), by_code);
}

static bool code_fits(struct span name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] < 'a' || name.at[i] > 'z')
            return false;
    return name.len == 3 && !span_is(name, SPAN("usd"));
}

static enum err wrong(struct trouble *t, const struct node *n, const char *field, const char *allowed)
{
    trouble_found(t, n, field, allowed);
    return E_CONFIG;
}

static enum err read_rate(const struct node *n, struct fx *out, struct trouble *t)
{
    char path[64] = "fx.rates";
    int64_t usd = 0;
    if (!code_fits(n->name)) {
        trouble_say(t, n, path, "found \"%.*s\"; allowed: currencies by their three lower-case letters, other than usd", SPAN_ARG(span_first(n->name, 40)));
        return E_CONFIG;
    }
    memcpy(path + 8, ".", 1);
    memcpy(path + 9, n->name.at, 3);
    if (n->kind != NODE_SCALAR || !money_decimal(n->text, RATE_DIGITS, &usd) || usd <= 0)
        return wrong(t, n, path, "US dollars for one unit, such as \"1.0842\", above 0 with at most 9 decimals");
    struct fx_rate *there = find(out, n->name.at);
    if (there) {
        there->usd = usd;
        return E_OK;
    }
    memcpy(out->rates[out->count].code, n->name.at, 3);
    out->rates[out->count++].usd = usd;
    fx_sort(out);
    return E_OK;
}

static enum err read_rates(struct arena *a, const struct node *n, struct fx *out, struct trouble *t)
{
    if (!n)
        return E_OK;
    if (n->kind != NODE_MAP || n->count + out->count > FX_CURRENCIES)
        return wrong(t, n, "fx.rates", "a map from currencies to US dollars such as { eur: \"1.08\" }, with the file's at most 200");
    struct fx_rate *rates = ARENA_ARRAY(a, struct fx_rate, out->count + n->count + 1);
    if (!rates)
        return E_NO_MEMORY;
    if (out->count)
        memcpy(rates, out->rates, out->count * sizeof(*rates));
    out->rates = rates;
    enum err e = E_OK;
    for (const struct node *item = n->first; item && !e; item = item->next)
        e = read_rate(item, out, t);
    return e;
}

static enum err read_margin(const struct node *n, struct fx *out, struct trouble *t)
{
    struct span text = SPAN_NONE;
    bool good = node_span(n, "fx.margin", &text, t);
    if (!n || !good)
        return good ? E_OK : E_CONFIG;
    if (!span_ends(text, SPAN("%")) || !money_decimal(span_first(text, text.len - 1), SHARE_DIGITS, &out->margin) || out->margin < 0 ||
        out->margin > NANO_PER_USD)
        return wrong(t, n, "fx.margin", "a share from 0% to 100%, such as 2%");
    return E_OK;
}

static bool date_fits(struct span text)
{
    static const char form[] = "dddd-dd-dd";
    for (size_t i = 0; i < DATE_LEN && text.len == DATE_LEN; i++)
        if (form[i] == 'd' ? text.at[i] < '0' || text.at[i] > '9' : text.at[i] != form[i])
            return false;
    return text.len == DATE_LEN;
}

static enum err read_date(struct arena *a, const struct node *n, struct fx *out, struct trouble *t)
{
    struct span text = SPAN_NONE;
    if (!node_span(n, "fx.date", &text, t))
        return E_CONFIG;
    if (!text.at)
        return E_OK;
    if (out->date.at)
        return wrong(t, n, "fx.date", "leave it out: the file says its own");
    if (!date_fits(text))
        return wrong(t, n, "fx.date", "the day of the rates, such as 2026-11-20");
    out->date = arena_copy(a, text);
    return out->date.at ? E_OK : E_NO_MEMORY;
}

enum err fx_read(struct arena *a, const struct node *n, struct span text, struct fx *out, struct trouble *t)
{
    static const char *const fields[] = { "file", "rates", "margin", "date", NULL };
    char why[200];
    *out = (struct fx){ .count = 0 };
    if (n->kind != NODE_MAP)
        return wrong(t, n, "fx", "a map such as { file: eurofxref-daily.xml, rates: { eur: \"1.08\" }, margin: 2% }");
    if (!node_only(n, "fx", fields, t))
        return E_CONFIG;
    if (text.at && !fx_read_ecb(text, a, out, why)) {
        trouble_say(t, node_get(n, "file"), "fx.file", "%s", why);
        return E_CONFIG;
    }
    enum err e = read_rates(a, node_get(n, "rates"), out, t);
    if (!e)
        e = read_margin(node_get(n, "margin"), out, t);
    return e ? e : read_date(a, node_get(n, "date"), out, t);
}
