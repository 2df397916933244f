/* SPDX-License-Identifier: Apache-2.0
 * price_book.c - finding a row: a table of rows already parsed, then a binary search over the text.
 *
 * The text is sorted and stays where it is (in the binary's read-only pages); a row is parsed when it is first asked
 * for and kept as long as the book. Threads share the table of parsed rows without a lock: a slot goes from NULL to a
 * row once, by compare-and-swap, and never changes again; a thread that loses the race throws its copy away. */
#include "rules/price_row.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/digest.h"

enum {
    BOOK_ROWS = 200000,     /* more is no price book */
    BOOK_OVERRIDES = 10000, /* of a configuration */
    OVERRIDE_LINE = 4096,   /* bytes of one of them, as a row */
};

struct price_book {
    struct span rows;                 /* the text behind its header line */
    _Atomic(struct price *) *slots;   /* open addressing by (provider, model) */
    size_t mask;
    _Atomic size_t used;              /* slots; a text with more rows than its header says must not fill the table */
    struct span *lines;               /* what overrides say, as rows: owned */
    size_t line_count;
    char id[32];
};

static uint64_t hash_of(struct span provider, struct span model) { return span_hash(model, span_hash(provider, 0)); }

/* The row's slot, or the empty one where it belongs. The table is at most half full, so the walk ends. */
static size_t slot_of(const struct price_book *b, struct span provider, struct span model)
{
    size_t at = (size_t)hash_of(provider, model) & b->mask;
    for (;; at = (at + 1) & b->mask) {
        const struct price *p = atomic_load_explicit(&b->slots[at], memory_order_acquire);
        if (!p || (span_is(p->model, model) && span_is(p->provider, provider)))
            return at;
    }
}

/* Puts a row into the table, or finds that another thread just did. Takes over p. */
static const struct price *publish(struct price_book *b, struct price *p)
{
    if (atomic_fetch_add_explicit(&b->used, 1, memory_order_relaxed) > b->mask / 2) {
        atomic_fetch_sub_explicit(&b->used, 1, memory_order_relaxed);
        free(p);
        return NULL;
    }
    for (;;) {
        size_t at = slot_of(b, p->provider, p->model);
        struct price *there = NULL;
        if (atomic_compare_exchange_strong_explicit(&b->slots[at], &there, p, memory_order_acq_rel, memory_order_acquire))
            return p;
        if (span_is(there->model, p->model) && span_is(there->provider, p->provider)) {
            atomic_fetch_sub_explicit(&b->used, 1, memory_order_relaxed);
            free(p);
            return there;
        }
    }
}

/* Where the line that holds `at` begins. */
static size_t line_start(struct span rows, size_t at)
{
    while (at > 0 && rows.at[at - 1] != '\n')
        at--;
    return at;
}

static struct span line_at(struct span rows, size_t start)
{
    struct span rest = span_from(rows, start), line = rest;
    span_cut(&rest, '\n', &line);
    return line;
}

static int compare_key(struct span line, struct span provider, struct span model)
{
    struct span name = line;
    if (!span_cut(&line, '\t', &name))
        return -1;
    int order = span_compare(name, provider);
    if (order)
        return order;
    name = line;
    span_cut(&line, '\t', &name);
    return span_compare(name, model);
}

static struct span find_line(struct span rows, struct span provider, struct span model)
{
    size_t low = 0, high = rows.len;
    while (low < high) {
        size_t start = line_start(rows, low + (high - low) / 2);
        struct span line = line_at(rows, start);
        int order = compare_key(line, provider, model);
        if (order == 0)
            return line;
        if (order < 0)
            low = start + line.len + 1;
        else
            high = start;
    }
    return SPAN_NONE;
}

static const struct price *find_exact(struct price_book *b, struct span provider, struct span model)
{
    const struct price *known = atomic_load_explicit(&b->slots[slot_of(b, provider, model)], memory_order_acquire);
    if (known)
        return known;
    struct span line = find_line(b->rows, provider, model);
    struct price *p = line.at ? price_row_read(line) : NULL;
    return p ? publish(b, p) : NULL;
}

static bool digits(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
    return s.len > 0;
}

/* Cuts "-2024-08-06", "-20250929" or "@20250929" off. False: there is no date. */
static bool without_date(struct span model, struct span *out)
{
    if (model.len > 11) {
        struct span tail = span_from(model, model.len - 11);
        if (tail.at[0] == '-' && tail.at[5] == '-' && tail.at[8] == '-' && digits(span_make(tail.at + 1, 4)) &&
            digits(span_make(tail.at + 6, 2)) && digits(span_make(tail.at + 9, 2))) {
            *out = span_first(model, model.len - 11);
            return true;
        }
    }
    if (model.len <= 9)
        return false;
    struct span tail = span_from(model, model.len - 9);
    *out = span_first(model, model.len - 9);
    return (*tail.at == '-' || *tail.at == '@') && digits(span_from(tail, 1)) && span_starts(span_from(tail, 1), SPAN("20"));
}

const struct price *price_find(const struct price_book *book, struct span provider, struct span model)
{
    struct span plain;
    struct price_book *b = (struct price_book *)(uintptr_t)book; /* only the table of parsed rows changes, unseen outside */
    const struct price *p = find_exact(b, provider, model);
    if (p || !without_date(model, &plain))
        return p;
    return find_exact(b, provider, plain);
}

/* "tollgate-prices TAB 1 TAB date TAB rows TAB sha256" */
static bool read_header(struct span *text, struct span *date, size_t *rows, struct span *digest)
{
    struct span line, field;
    uint64_t count;
    if (!text->at || !span_cut(text, '\n', &line))
        return false;
    if (!span_cut(&line, '\t', &field) || !span_is(field, SPAN("tollgate-prices")))
        return false;
    if (!span_cut(&line, '\t', &field) || !span_is(field, SPAN("1")))
        return false;
    if (!span_cut(&line, '\t', date) || date->len != 10)
        return false;
    if (!span_cut(&line, '\t', &field) || !span_to_u64(field, &count) || count > BOOK_ROWS)
        return false;
    *rows = (size_t)count;
    *digest = line;
    return line.len == 64;
}

/* One member of an override: a meter's rate, a fee's price, or a limit. False: trouble is said. */
static bool read_member(const struct node *n, const char *field, struct buf *rates, struct buf *pieces, struct trouble *t)
{
    int64_t ignored;
    struct span name = n->name;
    bool fee = span_ends(name, SPAN("_fee"));
    int digits = fee ? PRICE_PIECE_DIGITS : PRICE_RATE_DIGITS;
    if (n->kind != NODE_SCALAR || !money_decimal(n->text, digits, &ignored) || ignored < 0) {
        trouble_say(t, n, field, "%.*s: allowed: a decimal number of USD, not negative, at most %d decimals", SPAN_ARG(name), digits);
        return false;
    }
    if (fee)
        name = span_first(name, name.len - 4);
    if (fee ? price_fee(name) < 0 : price_meter(name) < 0) {
        trouble_say(t, n, field,
            "%.*s is not known; allowed: in, out, cache_read, cache_write, cache_write_1h, reason, audio_in, audio_out, image_in, "
            "image_out (USD per million tokens), request_fee, web_search_fee, ... (USD each), context, output_max",
            SPAN_ARG(n->name));
        return false;
    }
    if (fee)
        buf_print(pieces, " %.*s=%.*s/1", SPAN_ARG(name), SPAN_ARG(n->text));
    else
        buf_print(rates, "%s%.*s=%.*s", rates->len ? " " : "", SPAN_ARG(name), SPAN_ARG(n->text));
    return true;
}

static bool is_limit(struct span name) { return span_is(name, SPAN("context")) || span_is(name, SPAN("output_max")); }

/* Limits and abilities an override leaves out are those of the model's row. */
static bool write_limits(struct price_book *b, const struct node *n, const char *field, struct span provider, struct span model,
    struct buf *line, struct trouble *t)
{
    const struct price *base = find_exact(b, provider, model);
    int64_t context = base ? base->context : 0, output_max = base ? base->output_max : 0;
    if (!node_i64(node_get(n, "context"), field, 0, INT64_C(1) << 40, &context, t) ||
        !node_i64(node_get(n, "output_max"), field, 0, INT64_C(1) << 40, &output_max, t))
        return false;
    buf_print(line, "%.*s\t%.*s\t%lld\t%lld\t", SPAN_ARG(provider), SPAN_ARG(model), (long long)context, (long long)output_max);
    buf_put(line, base ? base->caps : SPAN(""));
    buf_put_byte(line, '\t');
    return true;
}

static bool write_override(struct price_book *b, const struct node *n, const char *field, struct buf *line, struct trouble *t)
{
    bool good = false;
    struct buf rates, pieces;
    struct span model = n->name, provider;
    if (n->kind != NODE_MAP || !span_cut(&model, '/', &provider) || !provider.len || !model.len || model.len > 256 ||
        span_find_byte(n->name, '\t') >= 0 || span_find_byte(n->name, '\n') >= 0) {
        trouble_say(t, n, field, "allowed: \"provider/model\" with a map of prices");
        return false;
    }
    buf_init(&rates, OVERRIDE_LINE);
    buf_init(&pieces, OVERRIDE_LINE);
    if (!write_limits(b, n, field, provider, model, line, t))
        goto out;
    for (const struct node *m = n->first; m; m = m->next)
        if (!is_limit(m->name) && !read_member(m, field, &rates, &pieces, t))
            goto out;
    buf_put(line, buf_span(&rates));
    if (pieces.len) {
        buf_put(line, rates.len ? SPAN(";unit") : SPAN("unit"));
        buf_put(line, buf_span(&pieces));
    }
    good = !rates.broken && !pieces.broken && !line->broken;
    if (!good)
        trouble_say(t, n, field, "this price is too long");
out:
    buf_free(&rates);
    buf_free(&pieces);
    return good;
}

/* Before any other thread sees the book: a row that is already there (read for its limits) is replaced. */
static enum err add_override(struct price_book *b, const struct node *n, struct trouble *t)
{
    char field[300];
    struct buf line;
    enum err e = E_CONFIG;
    snprintf(field, sizeof(field), "prices.%.*s", (int)(n->name.len < 250 ? n->name.len : 250), n->name.at);
    buf_init(&line, OVERRIDE_LINE);
    if (!write_override(b, n, field, &line, t))
        goto out;
    struct span *kept = &b->lines[b->line_count];
    char *text = malloc(line.len + 1);
    e = E_NO_MEMORY;
    if (!text)
        goto out;
    memcpy(text, line.at, line.len);
    *kept = span_make(text, line.len);
    b->line_count++;
    struct price *p = price_row_read(*kept);
    if (!p) {
        e = E_CONFIG;
        trouble_say(t, n, field, "this price cannot be read: each name may stand once");
        goto out;
    }
    _Atomic(struct price *) *slot = &b->slots[slot_of(b, p->provider, p->model)];
    free(atomic_load_explicit(slot, memory_order_relaxed));
    atomic_store_explicit(slot, p, memory_order_relaxed);
    e = E_OK;
out:
    buf_free(&line);
    return e;
}

static enum err add_overrides(struct price_book *b, const struct node *overrides, struct trouble *t)
{
    if (overrides->kind != NODE_MAP || overrides->count > BOOK_OVERRIDES) {
        trouble_say(t, overrides, "prices", "allowed: a map from \"provider/model\" to prices, at most %d", BOOK_OVERRIDES);
        return E_CONFIG;
    }
    b->lines = calloc(overrides->count + 1, sizeof(*b->lines));
    if (!b->lines)
        return E_NO_MEMORY;
    for (const struct node *n = overrides->first; n; n = n->next) {
        enum err e = add_override(b, n, t);
        if (e)
            return e;
    }
    return E_OK;
}

/* The rows' digest stands in the header (script/prices --check proves it), so that starting does not read them all. */
static enum err name_book(struct price_book *b, struct span date, struct span digest)
{
    struct buf all;
    struct span text;
    buf_init(&all, (size_t)(BOOK_OVERRIDES + 1) * OVERRIDE_LINE);
    buf_put(&all, digest);
    for (size_t i = 0; i < b->line_count; i++) {
        buf_put_byte(&all, '\n');
        buf_put(&all, b->lines[i]);
    }
    enum err e = buf_done(&all, &text);
    struct digest d = digest_sha256(text);
    snprintf(b->id, sizeof(b->id), "%.*s.%02x%02x%02x%02x", SPAN_ARG(date), d.bytes[0], d.bytes[1], d.bytes[2], d.bytes[3]);
    buf_free(&all);
    return e ? E_NO_MEMORY : E_OK;
}

enum err price_book_read(struct span text, const struct node *overrides, struct price_book **out, struct trouble *t)
{
    struct span date, digest;
    size_t rows, slots = 64;
    if (!read_header(&text, &date, &rows, &digest)) {
        trouble_say(t, NULL, "prices", "the price book has no readable header; allowed: a file made by script/prices");
        return E_CONFIG;
    }
    struct price_book *b = calloc(1, sizeof(*b));
    if (!b)
        return E_NO_MEMORY;
    while (slots < 2 * (rows + (overrides ? overrides->count : 0) + 1))
        slots *= 2;
    b->rows = text;
    b->mask = slots - 1;
    b->slots = calloc(slots, sizeof(*b->slots));
    enum err e = b->slots ? E_OK : E_NO_MEMORY;
    if (!e && overrides && overrides->kind != NODE_NULL)
        e = add_overrides(b, overrides, t);
    if (!e)
        e = name_book(b, date, digest);
    if (e) {
        price_book_free(b);
        return e;
    }
    *out = b;
    return E_OK;
}

void price_book_free(struct price_book *b)
{
    if (!b)
        return;
    for (size_t i = 0; b->slots && i <= b->mask; i++)
        free(atomic_load_explicit(&b->slots[i], memory_order_relaxed));
    for (size_t i = 0; i < b->line_count; i++)
        free((void *)(uintptr_t)b->lines[i].at);
    free(b->lines);
    free(b->slots);
    free(b);
}

struct span price_book_id(const struct price_book *b) { return span_of(b->id); }
