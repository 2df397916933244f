/* SPDX-License-Identifier: Apache-2.0
 * price_override.c - a price as people write it (docs/prices.md), from the configuration or the API, as a row of the book.
 *
 * Strict: a member that is not known is refused and the allowed ones are named, since a price that is read half would be a wrong
 * price. The row is read once more when it is whole (price_row_read); what only that finds is refused as well. */
#include "rules/price_row.h"

#include <stdio.h>
#include <string.h>

enum { WORD_LONGEST = 64 };

struct writing {
    struct buf *line; /* sections, parted by ';' */
    struct trouble *t;
    bool begun; /* a section stands already */
};

/* Where in the map it is: "prices.openai/gpt-4o.tiers[0]". */
struct place {
    char text[420];
};

static struct place inside(const struct place *p, const char *name, int index)
{
    struct place out;
    if (index < 0)
        snprintf(out.text, sizeof(out.text), "%.340s.%.60s", p->text, name);
    else
        snprintf(out.text, sizeof(out.text), "%.340s.%.60s[%d]", p->text, name, index);
    return out;
}

static bool found(struct writing *w, const struct node *n, const struct place *p, const char *allowed)
{
    struct place at = inside(p, "", -1);
    snprintf(at.text, sizeof(at.text), "%.340s.%.*s", p->text, (int)(n->name.len < 60 ? n->name.len : 60), n->name.at);
    trouble_found(w->t, n, n->name.len ? at.text : p->text, allowed);
    return false;
}

/* Room for a section of its own. */
static void begin(struct writing *w)
{
    if (w->begun)
        buf_put_byte(w->line, ';');
    w->begun = true;
}

/* A word of a row: nothing that parts its pieces. */
static bool is_word(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && !strchr("_-.:*+/>=", c))
            return false;
    }
    return s.len > 0 && s.len <= WORD_LONGEST;
}

static bool is_one_of(struct span name, const char *const *names)
{
    for (; names && *names; names++)
        if (span_is(name, span_of(*names)))
            return true;
    return false;
}

static bool put_rate(struct writing *w, const struct node *n, const struct place *p)
{
    int64_t rate;
    if (n->kind != NODE_SCALAR || !money_decimal(n->text, PRICE_RATE_DIGITS, &rate) || rate < 0 || rate > PRICE_RATE_MOST)
        return found(w, n, p, "USD per million tokens: a decimal number from 0 to 1000000, at most 9 decimals");
    char last = w->line->at[w->line->len - 1];
    buf_print(w->line, "%s%.*s=%.*s", last == ';' ? "" : " ", SPAN_ARG(n->name), SPAN_ARG(n->text));
    return true;
}

/* One section of rates from the meters of a map; other members must be among `besides`. A section without a rate is none. */
static bool put_table(struct writing *w, const char *condition, const struct node *map, const struct place *p, const char *const *besides)
{
    static const char meters[] = "in, out, cache_read, cache_write, cache_write_1h, reason, audio_in, audio_out, audio_cache_read, image_in, "
        "image_out, image_cache_read, video_in, video_out, citation (USD per million tokens)";
    bool any = false;
    if (map->kind != NODE_MAP)
        return found(w, map, p, "a map of rates, such as { in: \"2.5\", out: \"10\" }");
    for (const struct node *n = map->first; n; n = n->next) {
        if (n->kind == NODE_NULL)
            continue;
        if (price_meter(n->name) < 0) {
            if (is_one_of(n->name, besides))
                continue;
            trouble_say(w->t, n, p->text, "%.*s is not known; allowed: %s", SPAN_ARG(span_first(n->name, 60)), meters);
            return false;
        }
        if (!any) {
            begin(w);
            buf_print(w->line, "%s", condition);
        }
        any = true;
        if (!put_rate(w, n, p))
            return false;
    }
    return true;
}

/* A table without a rate would be taken for one that was read. */
static bool said_some(struct writing *w, size_t before, const struct node *n, const struct place *p)
{
    if (w->line->len > before || w->line->broken)
        return true;
    trouble_say(w->t, n, p->text, "has no rate; allowed: at least one, such as in: \"2.5\"");
    return false;
}

/* "tiers": [ { above: 200000, in: "6", ... } ] */
static bool put_tiers(struct writing *w, const char *condition, const struct node *list, const struct place *p)
{
    static const char *const besides[] = { "above", NULL };
    int index = 0;
    if (!list || list->kind == NODE_NULL)
        return true;
    if (list->kind != NODE_LIST)
        return found(w, list, p, "a list of { above: TOKENS, in: ..., out: ... }");
    for (const struct node *n = list->first; n; n = n->next, index++) {
        struct place at = inside(p, "tiers", index), above = inside(&at, "above", -1);
        char step[160];
        int64_t tokens = -1;
        if (!node_i64(node_get(n, "above"), above.text, 0, INT64_C(1) << 40, &tokens, w->t))
            return false;
        if (tokens < 0) {
            trouble_say(w->t, n, above.text, "is required; allowed: the number of input tokens that this step begins above");
            return false;
        }
        snprintf(step, sizeof(step), "%s>%lld", condition, (long long)tokens);
        size_t before = w->line->len;
        if (!put_table(w, step, n, &at, besides) || !said_some(w, before, n, &at))
            return false;
    }
    return true;
}

/* "service_tiers": { flex: { in: ..., tiers: [...] } }, "regions": { us: {...} } */
static bool put_named(struct writing *w, const char *kind, const struct node *map, const struct place *p)
{
    static const char *const with_tiers[] = { "tiers", NULL };
    bool tiered = strcmp(kind, "svc") == 0;
    if (!map || map->kind == NODE_NULL)
        return true;
    if (map->kind != NODE_MAP)
        return found(w, map, p, "a map from names to rates");
    for (const struct node *n = map->first; n; n = n->next) {
        char condition[100];
        struct place at = inside(p, tiered ? "service_tiers" : "regions", -1), own;
        if (!is_word(n->name) || span_find_byte(n->name, '>') >= 0)
            return found(w, n, &at, "a name of letters, digits, '_', '-', '.'");
        snprintf(condition, sizeof(condition), "%s:%.*s", kind, SPAN_ARG(n->name));
        own = inside(&at, condition + strlen(kind) + 1, -1);
        size_t before = w->line->len;
        if (!put_table(w, condition, n, &own, tiered ? with_tiers : NULL) || (tiered && !put_tiers(w, condition, node_get(n, "tiers"), &own)) ||
            !said_some(w, before, n, &own))
            return false;
    }
    return true;
}

/* "past": [ { until: 2026-09-10, in: ... } ], "announced": [ { from: 2027-01-01, in: ... } ] */
static bool put_dated(struct writing *w, const char *name, const char *kind, const struct node *list, const struct place *p)
{
    const char *besides[] = { kind, "tiers", NULL };
    int index = 0;
    if (!list || list->kind == NODE_NULL)
        return true;
    if (list->kind != NODE_LIST)
        return found(w, list, p, "a list, each item with a date and rates");
    for (const struct node *n = list->first; n; n = n->next, index++) {
        struct place at = inside(p, name, index), date = inside(&at, kind, -1);
        char condition[100];
        int64_t ms = -1;
        const struct node *when = node_get(n, kind);
        if (!when || !node_time(when, date.text, &ms, w->t)) {
            if (!when)
                trouble_say(w->t, n, date.text, "is required; allowed: a day such as 2027-01-01 (UTC)");
            return false;
        }
        if (!is_word(when->text))
            return found(w, when, &at, "a day such as 2027-01-01 (UTC)");
        snprintf(condition, sizeof(condition), "%s:%.*s", kind, SPAN_ARG(when->text));
        size_t before = w->line->len;
        if (!put_table(w, condition, n, &at, besides) || !put_tiers(w, condition, node_get(n, "tiers"), &at) || !said_some(w, before, n, &at))
            return false;
    }
    return true;
}

static bool put_hours(struct buf *out, const struct node *n)
{
    if (n && n->kind == NODE_SCALAR && is_word(n->text)) {
        buf_put(out, n->text);
        return true;
    }
    for (const struct node *item = n && n->kind == NODE_LIST ? n->first : NULL; item; item = item->next) {
        if (item->kind != NODE_SCALAR || !is_word(item->text))
            return false;
        buf_print(out, "%s%.*s", item == n->first ? "" : ",", SPAN_ARG(item->text));
    }
    return n && n->kind == NODE_LIST && n->count > 0;
}

/* "windows": [ { days: "1-5", utc: ["00:00-01:00"], name: off_peak, in: ... } ] */
static bool put_windows(struct writing *w, const struct node *list, const struct place *p)
{
    static const char *const besides[] = { "days", "utc", "name", NULL };
    int index = 0;
    if (!list || list->kind == NODE_NULL)
        return true;
    if (list->kind != NODE_LIST)
        return found(w, list, p, "a list of { days: \"1-5\", utc: [\"00:00-01:00\"], in: ... }");
    for (const struct node *n = list->first; n; n = n->next, index++) {
        struct place at = inside(p, "windows", index);
        const struct node *days = node_get(n, "days"), *name = node_get(n, "name");
        char text[400];
        struct buf condition;
        buf_init(&condition, sizeof(text) - 1);
        buf_print(&condition, "win:%.*s/", SPAN_ARG(days && days->kind == NODE_SCALAR ? days->text : SPAN("1-7")));
        bool good = put_hours(&condition, node_get(n, "utc"));
        if (name && name->kind == NODE_SCALAR)
            buf_print(&condition, "/%.*s", SPAN_ARG(name->text));
        snprintf(text, sizeof(text), "%.*s", SPAN_ARG(buf_span(&condition)));
        good = good && !condition.broken && (!name || is_word(name->text)) && !strchr(text, ';') && !strchr(text, ' ');
        buf_free(&condition);
        if (!good)
            return found(w, n, &at, "days such as \"1-5\" (1 is Monday), utc: [\"00:00-01:00\", \"10:00-24:00\"], a name, and rates");
        size_t before = w->line->len;
        if (!put_table(w, text, n, &at, besides) || !said_some(w, before, n, &at))
            return false;
    }
    return true;
}

static bool put_factors(struct writing *w, const struct node *map, const struct place *p)
{
    struct place at = inside(p, "factors", -1);
    if (!map || map->kind == NODE_NULL)
        return true;
    if (map->kind != NODE_MAP || !map->count)
        return found(w, map, p, "a map such as { fast: \"2\", geo_us: \"1.1\" }");
    begin(w);
    buf_put(w->line, SPAN("mul"));
    for (const struct node *n = map->first; n; n = n->next) {
        int64_t hundredths;
        if (!is_word(n->name) || n->kind != NODE_SCALAR || !money_decimal(n->text, PRICE_FACTOR_DIGITS, &hundredths) || hundredths <= 0 ||
            hundredths > PRICE_FACTOR_MOST)
            return found(w, n, &at, "a factor above 0, at most 100, with at most 2 decimals");
        buf_print(w->line, " %.*s=%.*s", SPAN_ARG(n->name), SPAN_ARG(n->text));
    }
    return true;
}

/* ---- pieces ---- */

static bool put_condition(struct writing *w, const struct node *n, const char *name, const char *as, const struct place *p, bool *any)
{
    const struct node *value = node_get(n, name);
    if (!value)
        return true;
    if (value->kind != NODE_SCALAR || !is_word(value->text))
        return found(w, value, p, "a word such as 1024x1024, hd, low, or 0-25 for results");
    buf_print(w->line, "%s%s%.*s", *any ? "," : "[", as, SPAN_ARG(value->text));
    *any = true;
    return true;
}

static bool put_unit(struct writing *w, const struct node *n, const struct place *p)
{
    static const char *const known[] = { "kind", "usd", "per", "size", "quality", "search", "results", "when", NULL };
    const struct node *kind = node_get(n, "kind"), *usd = node_get(n, "usd");
    struct place per = inside(p, "per", -1);
    int64_t count = 1, price;
    bool any = false;
    if (n->kind != NODE_MAP || !node_only(n, p->text, known, w->t))
        return w->t->set ? false : found(w, n, p, "a map such as { kind: image_out, usd: \"0.04\", size: 1024x1024 }");
    bool megapixel = kind && span_is(kind->text, SPAN("image_out.megapixel"));
    if (!kind || kind->kind != NODE_SCALAR || (price_fee(kind->text) < 0 && !megapixel)) {
        trouble_say(w->t, kind ? kind : n, p->text,
            "kind: allowed: request, search, web_search, enterprise_web_search, x_search, file_search, attachment_search, maps, code_execution, "
            "code_session, image_out, image_out.pixel, image_out.megapixel, image_in, video_out, video_in, audio_in, audio_out (seconds), text_in, "
            "text_out (characters), page, annotation_page, credit, compute, source");
        return false;
    }
    if (!usd || usd->kind != NODE_SCALAR || !money_decimal(usd->text, PRICE_PIECE_DIGITS, &price) || price < 0 || price > PRICE_PIECE_MOST) {
        trouble_say(w->t, usd ? usd : n, p->text, "usd: allowed: a decimal number from 0 to 1000000, at most 12 decimals");
        return false;
    }
    if (!node_i64(node_get(n, "per"), per.text, 1, INT64_C(1) << 40, &count, w->t))
        return false;
    buf_print(w->line, " %.*s", SPAN_ARG(kind->text));
    if (!put_condition(w, n, "quality", "q=", p, &any) || !put_condition(w, n, "size", "size=", p, &any) ||
        !put_condition(w, n, "search", "ctx=", p, &any) || !put_condition(w, n, "results", "when=results_", p, &any) || !put_condition(w, n, "when", "when=", p, &any))
        return false;
    buf_print(w->line, "%s=%.*s/%lld", any ? "]" : "", SPAN_ARG(usd->text), (long long)count);
    return true;
}

/* "web_search_fee": "0.01" */
static bool put_fee(struct writing *w, const struct node *n, const struct place *p)
{
    int64_t price;
    struct span name = span_first(n->name, n->name.len - 4);
    if (n->kind != NODE_SCALAR || !money_decimal(n->text, PRICE_PIECE_DIGITS, &price) || price < 0 || price > PRICE_PIECE_MOST)
        return found(w, n, p, "USD for each: a decimal number from 0 to 1000000, at most 12 decimals");
    buf_print(w->line, " %.*s=%.*s/1", SPAN_ARG(name), SPAN_ARG(n->text));
    return true;
}

static bool is_fee(struct span name) { return span_ends(name, SPAN("_fee")) && price_fee(span_first(name, name.len - 4)) >= 0; }

static bool put_pieces(struct writing *w, const struct node *map, const struct place *p)
{
    const struct node *units = node_get(map, "units");
    bool any = false;
    int index = 0;
    if (units && units->kind != NODE_LIST)
        return found(w, units, p, "a list of { kind: image_out, usd: \"0.04\", per: 1, size: 1024x1024, quality: hd }");
    for (const struct node *n = map->first; n; n = n->next)
        any = any || (n->kind != NODE_NULL && is_fee(n->name));
    if (!any && (!units || !units->count))
        return true;
    begin(w);
    buf_put(w->line, SPAN("unit"));
    for (const struct node *n = map->first; n; n = n->next)
        if (n->kind != NODE_NULL && is_fee(n->name) && !put_fee(w, n, p))
            return false;
    for (const struct node *n = units ? units->first : NULL; n; n = n->next, index++) {
        struct place at = inside(p, "units", index);
        if (!put_unit(w, n, &at))
            return false;
    }
    return true;
}

/* ---- what is known besides ---- */

static bool put_fact(struct writing *w, const struct node *map, const char *name, const char *as, struct span base, const struct place *p)
{
    const struct node *n = node_get(map, name);
    struct span value = n ? n->text : base;
    if (n && (n->kind != NODE_SCALAR || !is_word(n->text)))
        return found(w, n, p, "a word without blanks");
    if (value.len)
        buf_print(w->line, " %s=%.*s", as, SPAN_ARG(value));
    return true;
}

static bool put_count(struct writing *w, const struct node *map, const char *name, const char *as, int64_t base, const struct place *p)
{
    struct place at = inside(p, name, -1);
    if (!node_i64(node_get(map, name), at.text, 0, INT64_C(1) << 40, &base, w->t))
        return false;
    if (base)
        buf_print(w->line, " %s=%lld", as, (long long)base);
    return true;
}

/* Facts an override leaves out are those of the model's row. */
static bool put_facts(struct writing *w, const struct node *map, const struct price *base, const struct place *p)
{
    static const struct price_facts none;
    const struct price_facts *f = base ? &base->facts : &none;
    begin(w);
    buf_put(w->line, SPAN("is"));
    size_t before = w->line->len;
    bool good = put_fact(w, map, "mode", "mode", f->mode.len ? f->mode : SPAN("chat"), p) && put_fact(w, map, "dialect", "dialect", f->dialect, p) &&
        put_fact(w, map, "state", "st", f->state, p) && put_fact(w, map, "since", "since", f->since, p) &&
        put_fact(w, map, "shutdown", "dep", f->shutdown, p) && put_count(w, map, "input_max", "in_max", f->input_max, p) &&
        put_count(w, map, "dim", "dim", f->dim, p) && put_count(w, map, "cache_least", "cmin", f->cache_least, p);
    return good && w->line->len > before;
}

/* "stream tools" or [stream, tools] */
static bool put_abilities(struct writing *w, const struct node *n, const struct price *base, const struct place *p)
{
    if (!n || n->kind == NODE_NULL) {
        buf_put(w->line, base ? base->caps : SPAN(""));
        return true;
    }
    struct span rest = n->kind == NODE_SCALAR ? n->text : SPAN_NONE, word;
    bool first = true;
    for (const struct node *item = n->kind == NODE_LIST ? n->first : NULL; item; item = item->next) {
        if (item->kind != NODE_SCALAR || !is_word(item->text))
            return found(w, n, p, "words such as stream, tools, vision");
        buf_print(w->line, "%s%.*s", first ? "" : " ", SPAN_ARG(item->text));
        first = false;
    }
    while (n->kind == NODE_SCALAR && span_next(&rest, ' ', &word)) {
        if (!is_word(word))
            return found(w, n, p, "words such as stream, tools, vision");
        buf_print(w->line, "%s%.*s", first ? "" : " ", SPAN_ARG(word));
        first = false;
    }
    return n->kind != NODE_MAP || found(w, n, p, "words such as stream, tools, vision");
}

static bool put_limits(struct writing *w, const struct node *map, const struct price *base, struct span provider, struct span model,
    const struct place *p)
{
    struct place context_at = inside(p, "context", -1), output_at = inside(p, "output_max", -1);
    int64_t context = base ? base->context : 0, output_max = base ? base->output_max : 0;
    if (!node_i64(node_get(map, "context"), context_at.text, 0, INT64_C(1) << 40, &context, w->t) ||
        !node_i64(node_get(map, "output_max"), output_at.text, 0, INT64_C(1) << 40, &output_max, w->t))
        return false;
    buf_print(w->line, "%.*s\t%.*s\t%lld\t%lld\t", SPAN_ARG(provider), SPAN_ARG(model), (long long)context, (long long)output_max);
    bool good = put_abilities(w, node_get(map, "abilities"), base, p);
    buf_put_byte(w->line, '\t');
    return good;
}

/* ---- the whole ---- */

static const char *const members[] = { "context", "output_max", "input_max", "dim", "cache_least", "mode", "dialect", "state", "since",
    "shutdown", "abilities", "tiers", "service_tiers", "regions", "windows", "past", "announced", "factors", "units", NULL };
static const char *const priced[] = { "tiers", "service_tiers", "regions", "windows", "past", "announced", "factors", "units", NULL };

static bool check_names(struct writing *w, const struct node *map, const struct place *p)
{
    for (const struct node *n = map->first; n; n = n->next) {
        if (n->kind == NODE_NULL || price_meter(n->name) >= 0 || is_fee(n->name) || is_one_of(n->name, members))
            continue;
        trouble_say(w->t, n, p->text,
            "%.*s is not known; allowed: in, out, cache_read, cache_write, cache_write_1h, reason, audio_in, audio_out, image_in, image_out, ... "
            "(USD per million tokens), request_fee, web_search_fee, ... (USD each), tiers, service_tiers, regions, windows, past, announced, factors, "
            "units, context, output_max, input_max, dim, cache_least, mode, dialect, state, since, shutdown, abilities",
            SPAN_ARG(span_first(n->name, 60)));
        return false;
    }
    return true;
}

/* One that says no price at all keeps those of the row. */
static bool says_prices(const struct node *map)
{
    for (const struct node *n = map->first; n; n = n->next)
        if (n->kind != NODE_NULL && (price_meter(n->name) >= 0 || is_fee(n->name) || is_one_of(n->name, priced)))
            return true;
    return false;
}

static bool put_prices(struct writing *w, const struct node *map, const struct place *p)
{
    bool begun = false;
    for (const struct node *n = map->first; n; n = n->next) {
        if (n->kind == NODE_NULL || price_meter(n->name) < 0)
            continue;
        if (!begun)
            begin(w);
        begun = true;
        if (!put_rate(w, n, p))
            return false;
    }
    return put_tiers(w, "tier", node_get(map, "tiers"), p) && put_named(w, "svc", node_get(map, "service_tiers"), p) &&
        put_named(w, "reg", node_get(map, "regions"), p) && put_dated(w, "past", "until", node_get(map, "past"), p) &&
        put_dated(w, "announced", "from", node_get(map, "announced"), p) && put_windows(w, node_get(map, "windows"), p) &&
        put_factors(w, node_get(map, "factors"), p) && put_pieces(w, map, p);
}

/* The sections of the row's line behind its facts. */
static struct span sections_of(struct span line)
{
    struct span piece = SPAN_NONE;
    for (int i = 0; i < 5; i++)
        if (!span_cut(&line, '\t', &piece))
            return SPAN_NONE;
    if (!span_starts(line, SPAN("is ")))
        return line;
    return span_cut(&line, ';', &piece) ? line : SPAN_NONE;
}

bool price_override_write(const struct node *n, const struct price *base, struct span base_line, struct buf *line, struct trouble *t)
{
    struct place p;
    struct writing w = { .line = line, .t = t };
    struct span model = n->name, provider;
    snprintf(p.text, sizeof(p.text), "prices.%.*s", (int)(n->name.len < 300 ? n->name.len : 300), n->name.at);
    if (n->kind != NODE_MAP || !span_cut(&model, '/', &provider) || !provider.len || !model.len || model.len > 256 ||
        span_find_byte(n->name, '\t') >= 0 || span_find_byte(n->name, '\n') >= 0 || span_find_byte(n->name, '\r') >= 0) {
        trouble_say(t, n, p.text, "allowed: \"provider/model\" with a map of prices");
        return false;
    }
    if (!check_names(&w, n, &p) || !put_limits(&w, n, base, provider, model, &p) || !put_facts(&w, n, base, &p))
        return false;
    struct span kept = says_prices(n) ? SPAN_NONE : sections_of(base_line);
    if (kept.len)
        buf_print(line, ";%.*s", SPAN_ARG(kept));
    else if (!put_prices(&w, n, &p))
        return false;
    if (line->broken)
        trouble_say(t, n, p.text, "this price is too long: at most 16384 bytes");
    return !line->broken;
}
