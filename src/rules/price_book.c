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
#include "base/text.h"

enum {
    BOOK_ROWS = 200000,     /* more is no price book */
    BOOK_OVERRIDES = 10000, /* of a configuration */
    OVERRIDE_LINE = 16384,  /* bytes of one of them, as a row */
};

struct price_book {
    struct span rows;                 /* the text behind its header line */
    _Atomic(struct price *) *slots;   /* open addressing by (provider, model) */
    size_t mask;
    _Atomic size_t used;              /* slots; a text with more rows than its header says must not fill the table */
    struct span *lines;               /* what overrides say, as rows: owned */
    size_t line_count;
    size_t row_count;                 /* as the header says */
    void *text;                       /* to be dropped with the book; NULL: not ours */
    void (*drop)(void *text);
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

/* "-2024-08-06", "-0613", "@001" behind a name make it no other model; "-4-1", "-mini" do. */
static bool is_snapshot(struct span tail)
{
    struct span group;
    size_t count = 0;
    if (!tail.len || (*tail.at != '-' && *tail.at != '@'))
        return false;
    for (tail = span_from(tail, 1); span_next(&tail, '-', &group); count += group.len)
        if (group.len < 2 || !digits(group))
            return false;
    return count >= 3;
}

static bool is_snapshot_of(struct span model, struct span asked)
{
    struct span latest = SPAN("-latest");
    if (span_ends(asked, latest))
        asked = span_first(asked, asked.len - latest.len);
    return span_starts(model, asked) && is_snapshot(span_from(model, asked.len));
}

const struct price *price_answered(const struct price_book *b, const struct price *asked, struct span provider, struct span model)
{
    const struct price *p = price_find(b, provider, model);
    if (!p || (asked && asked->override && !p->override && span_is(asked->provider, provider) && is_snapshot_of(model, asked->model)))
        return asked;
    return p;
}

/* ---- all of them, in order ---- */

/* Where the first row behind (provider, model) begins; provider SPAN_NONE: the first of all. */
static size_t row_behind(struct span rows, struct span provider, struct span model)
{
    size_t low = 0, high = rows.len;
    while (low < high) {
        size_t start = line_start(rows, low + (high - low) / 2);
        struct span line = line_at(rows, start);
        if (compare_key(line, provider, model) <= 0)
            low = start + line.len + 1;
        else
            high = start;
    }
    return low < rows.len ? low : rows.len;
}

struct key {
    struct span provider, model;
};

static struct key key_of(struct span line)
{
    struct key k = { SPAN_NONE, SPAN_NONE };
    if (!span_cut(&line, '\t', &k.provider) || !span_cut(&line, '\t', &k.model))
        return (struct key){ SPAN_NONE, SPAN_NONE };
    return k;
}

static int compare(struct key a, struct key b)
{
    int order = span_compare(a.provider, b.provider);
    return order ? order : span_compare(a.model, b.model);
}

/* The smallest name behind `last`; without a provider: there is none. */
static struct key next_key(const struct price_book *b, struct key last)
{
    size_t start = row_behind(b->rows, last.provider, last.model);
    struct key best = start < b->rows.len ? key_of(line_at(b->rows, start)) : (struct key){ SPAN_NONE, SPAN_NONE };
    for (size_t i = 0; i < b->line_count; i++) {
        struct key k = key_of(b->lines[i]);
        if (compare(k, last) > 0 && (!best.provider.len || compare(k, best) < 0))
            best = k;
    }
    return best;
}

const struct price *price_next(const struct price_book *book, struct span provider, struct price_cursor *at)
{
    struct price_book *b = (struct price_book *)(uintptr_t)book;
    if (!at->provider.at)
        *at = (struct price_cursor){ provider.at ? provider : SPAN(""), SPAN("") };
    for (;;) {
        struct key k = next_key(b, (struct key){ at->provider, at->model });
        if (!k.provider.len || (provider.at && !span_is(k.provider, provider)))
            return NULL;
        *at = (struct price_cursor){ k.provider, k.model };
        const struct price *p = find_exact(b, k.provider, k.model);
        if (p)
            return p;
    }
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

/* Before any other thread sees the book: a row that is already there (read for its limits) is replaced. */
static enum err add_override(struct price_book *b, const struct node *n, struct trouble *t)
{
    char field[300];
    struct buf line;
    enum err e = E_CONFIG;
    struct span model = n->name, provider;
    snprintf(field, sizeof(field), "prices.%.*s", (int)(n->name.len < 250 ? n->name.len : 250), n->name.at);
    buf_init(&line, OVERRIDE_LINE);
    struct span base_line = span_cut(&model, '/', &provider) ? find_line(b->rows, provider, model) : SPAN_NONE;
    const struct price *base = base_line.at ? find_exact(b, provider, model) : NULL;
    if (!price_override_write(n, base, base ? base_line : SPAN_NONE, &line, t))
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
    p->override = true;
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
    b->row_count = rows;
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
    if (b->drop)
        b->drop(b->text);
    free(b);
}

void price_book_owns(struct price_book *b, void *text, void (*drop)(void *text))
{
    b->text = text;
    b->drop = drop;
}

size_t price_book_rows(const struct price_book *b) { return b->row_count; }
size_t price_book_overrides(const struct price_book *b) { return b->line_count; }

bool price_is_override(const struct price *p) { return p->override; }

/* ---- a text that is to be trusted ---- */

static bool digest_fits(struct span rows, struct span digest)
{
    struct buf hex;
    struct digest d = digest_sha256(rows);
    buf_init(&hex, 256);
    buf_put_hex(&hex, span_make((const char *)d.bytes, DIGEST_LEN));
    bool same = span_is(buf_span(&hex), digest);
    buf_free(&hex);
    return same;
}

static bool check_rows(struct span rows, size_t *count, char why[PRICE_WHY])
{
    struct key last = { SPAN(""), SPAN("") };
    struct span line;
    *count = 0;
    while (rows.len && span_cut(&rows, '\n', &line)) {
        struct key k = key_of(line);
        struct price *p = price_row_read(line);
        bool good = p != NULL;
        free(p);
        ++*count;
        if (!good || !k.provider.len || !k.model.len)
            snprintf(why, PRICE_WHY, "line %zu cannot be read: %.*s", *count + 1, SPAN_ARG(span_first(line, 120)));
        else if (compare(k, last) <= 0)
            snprintf(why, PRICE_WHY, "line %zu is out of order: rows are sorted by provider and model, each once", *count + 1);
        else {
            last = k;
            continue;
        }
        return false;
    }
    if (rows.len)
        snprintf(why, PRICE_WHY, "the last line has no end: the file is cut");
    return !rows.len;
}

bool price_book_check(struct span text, size_t *rows, char why[PRICE_WHY])
{
    struct span date, digest, body = text;
    size_t said, counted;
    if (!read_header(&body, &date, &said, &digest)) {
        snprintf(why, PRICE_WHY, "it has no readable header: a price book begins with tollgate-prices, 1, date, number of rows, SHA-256 of the rows");
        return false;
    }
    if (!check_rows(body, &counted, why))
        return false;
    *rows = counted;
    if (counted != said)
        snprintf(why, PRICE_WHY, "its header says %zu rows, and there are %zu", said, counted);
    else if (!digest_fits(body, digest))
        snprintf(why, PRICE_WHY, "its rows are not those its header has the SHA-256 of; `tollgate prices import FILE --from tollgate` makes the header anew");
    else
        return true;
    return false;
}

struct span price_book_id(const struct price_book *b) { return span_of(b->id); }
