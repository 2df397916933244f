/* SPDX-License-Identifier: Apache-2.0
 * match.c - see match.h. The ledger's rows make the pairs first; each line of the invoice then finds its own, or makes one. */
#include "bill/match.h"

#include "base/text.h"

enum { MILLION = 1000000, PERCENT_PART = 10000, CENT = 10000000 /* nano-dollars */ };

struct table {
    struct arena *arena;
    const struct match_ask *ask;
    struct map by_key, by_call;
    struct match_pair **end;
    bool full;
};

struct span match_state_name(enum match_state s)
{
    static const struct span names[] = { [MATCH_SAME] = { "matched", 7 }, [MATCH_DIFFERS] = { "differs", 7 }, [MATCH_INVOICE_ONLY] = { "invoice_only", 12 },
        [MATCH_LEDGER_ONLY] = { "ledger_only", 11 } };
    return names[s];
}

bool match_tolerance(struct span text, const struct invoice *i, int64_t *amount, int64_t *parts)
{
    struct span number = span_trim(text);
    int64_t n;
    *amount = *parts = 0;
    if (!text.at) {
        *amount = i->unit == INVOICE_USD && i->by == INVOICE_BY_MODEL ? CENT : 0;
        return true;
    }
    if (span_ends(number, SPAN("%"))) {
        if (!money_decimal(span_trim(span_first(number, number.len - 1)), 4, &n) || n < 0 || n > 100 * PERCENT_PART)
            return false;
        *parts = n; /* hundredths with four decimals are millionths */
        return true;
    }
    if (i->unit == INVOICE_TOKENS)
        return span_to_i64(number, amount) && *amount >= 0;
    if (span_ends(number, SPAN("usd")))
        number = span_trim(span_first(number, number.len - 3));
    return money_parse(number, amount) && *amount >= 0;
}

/* ---- pairs ---- */

static struct match_pair *pair_of(struct table *t, struct span key)
{
    struct match_pair *pair = map_get(&t->by_key, key);
    if (pair)
        return pair;
    pair = ARENA_NEW(t->arena, struct match_pair);
    key = arena_copy(t->arena, key);
    if (!pair || !key.at || !map_put(&t->by_key, key, pair)) {
        t->full = true;
        return NULL;
    }
    pair->key = key;
    *t->end = pair;
    t->end = &pair->next;
    return pair;
}

/* "2026-06-01 gpt-4o-mini"; a file without models is compared by days, one without days by names. */
static struct span day_key(struct table *t, int64_t at, struct span name)
{
    char text[TIME_TEXT];
    const struct invoice *i = t->ask->invoice;
    struct span day = i->whole ? SPAN("") : span_first(text_time(at, text), sizeof("2026-06-01") - 1);
    return arena_print(t->arena, "%.*s%s%.*s", SPAN_ARG(day), day.len && name.at ? " " : "", SPAN_ARG(name.at ? name : SPAN("")));
}

static bool has_names(const struct invoice *i)
{
    for (size_t k = 0; k < i->count; k++)
        if (i->lines[k].name.at)
            return true;
    return false;
}

static struct span entry_name(struct table *t, const struct match_entry *e, bool named)
{
    if (!named)
        return SPAN_NONE;
    return t->ask->invoice->by == INVOICE_BY_MODEL ? invoice_model(t->arena, e->name) : e->name;
}

static void note_row(struct match_pair *pair, const struct match_entry *e)
{
    pair->ledger = money_add(pair->ledger, e->amount);
    pair->rows += e->rows;
    pair->call = pair->call ? pair->call : e->call;
}

/* A settlement belongs to its call's pair, and only the call says whether that is just outside of the time. A call in doubt may have had no
 * row that counts: its settlements stand for it. */
static void take_row(struct table *t, const struct match_entry *e)
{
    struct span call = e->call ? arena_print(t->arena, "%llu", (unsigned long long)e->call) : SPAN_NONE;
    struct span of = e->of ? arena_print(t->arena, "%llu", (unsigned long long)e->of) : SPAN_NONE;
    struct match_pair *pair = of.at ? map_get(&t->by_call, of) : NULL;
    if (!pair)
        pair = pair_of(t, e->id.len ? e->id : arena_print(t->arena, "row %.*s", SPAN_ARG(call)));
    if (!pair)
        return;
    if (!pair->rows)
        pair->spare = e->spare;
    if (!e->of)
        pair->spare = pair->spare && e->spare;
    note_row(pair, e);
    struct span call_or_of = of.at ? of : call;
    if (call_or_of.at && !map_put(&t->by_call, call_or_of, pair))
        t->full = true;
}

static void take_entries(struct table *t, struct match *out)
{
    const struct match_ask *ask = t->ask;
    bool named = has_names(ask->invoice);
    for (size_t i = 0; i < ask->count && !t->full; i++) {
        const struct match_entry *e = &ask->entries[i];
        if (e->apart) {
            out->ledger_apart = money_add(out->ledger_apart, e->amount);
            out->ledger_apart_rows += e->rows;
            continue;
        }
        if (ask->invoice->by == INVOICE_BY_ID) {
            take_row(t, e);
            continue;
        }
        struct match_pair *pair = pair_of(t, day_key(t, e->at, entry_name(t, e, named)));
        if (pair)
            note_row(pair, e);
    }
}

static struct match_pair *found(struct table *t, const struct invoice_line *line)
{
    for (int i = 0; i < INVOICE_IDS; i++) {
        struct match_pair *pair = line->ids[i].len ? map_get(&t->by_key, line->ids[i]) : NULL;
        if (pair)
            return pair;
    }
    return NULL;
}

/* NULL: it is set apart (or no memory). */
static struct match_pair *pair_for(struct table *t, const struct invoice_line *line)
{
    if (t->ask->invoice->by != INVOICE_BY_ID)
        return line->apart ? NULL : pair_of(t, day_key(t, line->at, line->name));
    struct match_pair *pair = found(t, line);
    if (pair || line->apart)
        return pair;
    for (int i = 0; i < INVOICE_IDS; i++)
        if (line->ids[i].len)
            return pair_of(t, line->ids[i]);
    return pair_of(t, arena_print(t->arena, "line %lld", (long long)line->number));
}

/* apart: those that only count when another line or a row has their id, after the others: a file may have its newest lines first. */
static void take_lines(struct table *t, bool apart, struct match *out)
{
    const struct invoice *invoice = t->ask->invoice;
    for (size_t i = 0; i < invoice->count && !t->full; i++) {
        const struct invoice_line *line = &invoice->lines[i];
        if (line->apart != apart)
            continue;
        struct match_pair *pair = pair_for(t, line);
        if (!pair) {
            out->apart = money_add(out->apart, line->amount);
            out->apart_lines++;
            continue;
        }
        pair->invoice = money_add(pair->invoice, line->amount);
        pair->line = pair->lines++ ? pair->line : line->number;
        out->fee = money_add(out->fee, line->fee);
    }
}

/* ---- what they come to ---- */

static int64_t magnitude(int64_t n) { return n < 0 ? -n : n; }

static enum match_state judge(const struct match_ask *ask, const struct match_pair *p)
{
    int64_t parts = money_mul_div_near(magnitude(p->invoice), ask->parts, MILLION), allowed = parts > ask->tolerance ? parts : ask->tolerance;
    if (!p->rows)
        return p->invoice ? MATCH_INVOICE_ONLY : MATCH_SAME;
    if (!p->lines)
        return MATCH_LEDGER_ONLY;
    return magnitude(money_add(p->invoice, -p->ledger)) <= allowed ? MATCH_SAME : MATCH_DIFFERS;
}

static void add(struct match_sum *sum, const struct match_pair *p)
{
    sum->pairs++;
    sum->lines += p->lines;
    sum->rows += p->rows;
    sum->invoice = money_add(sum->invoice, p->invoice);
    sum->ledger = money_add(sum->ledger, p->ledger);
}

/* Rows just outside of the time that no line asked for are none of this invoice's. */
static void close_pairs(const struct match_ask *ask, struct match *out)
{
    struct match_pair **at = &out->first;
    while (*at) {
        struct match_pair *p = *at;
        if (!p->lines && (p->spare || !p->ledger)) {
            *at = p->next;
            continue;
        }
        p->state = judge(ask, p);
        add(&out->by_state[p->state], p);
        add(&out->all, p);
        at = &p->next;
    }
    out->clean = out->by_state[MATCH_SAME].pairs == out->all.pairs;
}

bool match_run(struct arena *a, const struct match_ask *ask, struct match *out)
{
    *out = (struct match){ .first = NULL };
    struct table t = { .arena = a, .ask = ask, .end = &out->first };
    take_entries(&t, out);
    take_lines(&t, false, out);
    take_lines(&t, true, out);
    map_free(&t.by_key);
    map_free(&t.by_call);
    if (t.full || a->broken)
        return false;
    close_pairs(ask, out);
    return true;
}
