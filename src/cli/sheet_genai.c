/* SPDX-License-Identifier: Apache-2.0
 * sheet_genai.c - reads pydantic genai-prices' data.json: a list of providers with models; prices in USD per million tokens, which may
 * have steps, days they begin on and times of day. */
#include "base/raw.h"
#include "cli/sheet_read.h"

enum { RATE_DIGITS = 9, PIECE_DIGITS = 12, TIME = 5 /* "00:30" */, DAY = 10 };

static const struct {
    const char *name, *meter;
} rates[] = {
    { "input_mtok", "in" }, { "output_mtok", "out" }, { "cache_read_mtok", "cache_read" }, { "cache_write_mtok", "cache_write" },
    { "cache_write_1h_mtok", "cache_write_1h" }, { "input_audio_mtok", "audio_in" }, { "output_audio_mtok", "audio_out" },
    { "cache_audio_read_mtok", "audio_cache_read" }, { "input_image_mtok", "image_in" }, { "output_image_mtok", "image_out" },
    { "cache_image_read_mtok", "image_cache_read" }, { "input_video_mtok", "video_in" }, { "output_video_mtok", "video_out" },
};

struct entry {
    struct sheet *s;
    struct sheet_row *row;
    struct span id;
};

/* A number, or { "base": ..., "tiers": [ { "start": 200000, "price": ... } ] }. */
static void put_rate(const struct entry *e, struct span condition, const char *meter, struct span field, struct span value)
{
    struct arena *a = e->s->arena;
    bool object = raw_kind(value) == JSON_OBJECT;
    struct span rate = sheet_number(e->s, object ? raw_member(value, SPAN("base"), a) : value, 0, RATE_DIGITS, field, e->id);
    if (rate.at)
        sheet_rate(e->s, e->row, condition, meter, rate);
    struct raw_iter it = raw_iter(object ? raw_member(value, SPAN("tiers"), a) : SPAN_NONE, a);
    for (struct span none, step; object && raw_next(&it, &none, &step);) {
        int64_t start = sheet_count(raw_member(step, SPAN("start"), a), a);
        rate = sheet_number(e->s, raw_member(step, SPAN("price"), a), 0, RATE_DIGITS, field, e->id);
        if (!start || !rate.at || span_starts(condition, SPAN("win:"))) {
            sheet_skip(e->s, arena_print(a, "a step of %.*s", SPAN_ARG(field)), e->id);
            continue;
        }
        sheet_rate(e->s, e->row, arena_print(a, "%.*s>%lld", SPAN_ARG(condition.len ? condition : SPAN("tier")), (long long)start), meter, rate);
    }
}

static void put_prices(const struct entry *e, struct span condition, struct span prices)
{
    struct raw_iter it = raw_iter(prices, e->s->arena);
    for (struct span name, value; raw_next(&it, &name, &value);) {
        size_t i = 0;
        while (i < sizeof(rates) / sizeof(*rates) && !span_is(name, span_of(rates[i].name)))
            i++;
        if (i < sizeof(rates) / sizeof(*rates)) {
            put_rate(e, condition, rates[i].meter, name, value);
            continue;
        }
        bool requests = span_is(name, SPAN("requests_kcount")) && !condition.len && raw_kind(value) == JSON_NUMBER;
        struct span usd = requests ? sheet_number(e->s, value, 0, PIECE_DIGITS, name, e->id) : SPAN_NONE;
        if (usd.at)
            sheet_unit(e->s, e->row, "request", SPAN_NONE, usd, 1000);
        else
            sheet_skip(e->s, arena_copy(e->s->arena, name), e->id);
    }
}

/* "00:30:00Z": whole minutes in UTC only. */
static bool is_minute(struct span time)
{
    return time.len == 9 && span_ends(time, SPAN(":00Z"));
}

/* SPAN_NONE: nothing that can be said in a book. */
static struct span condition_of(const struct entry *e, struct span constraint)
{
    struct arena *a = e->s->arena;
    struct span date = raw_text(raw_member(constraint, SPAN("start_date"), a), a);
    struct span from = raw_text(raw_member(constraint, SPAN("start_time"), a), a), to = raw_text(raw_member(constraint, SPAN("end_time"), a), a);
    if (date.len == DAY && !from.len && !to.len)
        return arena_print(a, "from:%.*s", SPAN_ARG(date));
    if (date.len || !is_minute(from) || !is_minute(to) || span_is(from, to))
        return SPAN_NONE;
    from = span_first(from, TIME);
    to = span_first(to, TIME);
    if (span_compare(from, to) < 0)
        return arena_print(a, "win:1-7/%.*s-%.*s", SPAN_ARG(from), SPAN_ARG(to));
    if (span_is(to, SPAN("00:00")))
        return arena_print(a, "win:1-7/%.*s-24:00", SPAN_ARG(from));
    return arena_print(a, "win:1-7/00:00-%.*s,%.*s-24:00", SPAN_ARG(to), SPAN_ARG(from));
}

/* One table of prices, or several, of which the last one that holds counts. */
static void put_all(const struct entry *e, struct span prices)
{
    struct arena *a = e->s->arena;
    if (raw_kind(prices) == JSON_OBJECT) {
        put_prices(e, SPAN(""), prices);
        return;
    }
    struct raw_iter it = raw_iter(prices, a);
    for (struct span none, item; raw_kind(prices) == JSON_ARRAY && raw_next(&it, &none, &item);) {
        struct span constraint = raw_member(item, SPAN("constraint"), a);
        struct span condition = raw_kind(constraint) == JSON_OBJECT ? condition_of(e, constraint) : SPAN("");
        if (condition.at)
            put_prices(e, condition, raw_member(item, SPAN("prices"), a));
        else
            sheet_skip(e->s, SPAN("prices under a constraint that is neither a day nor a time in UTC"), e->id);
    }
}

static void read_model(struct sheet *s, struct span provider, struct span body)
{
    struct span id = raw_text(raw_member(body, SPAN("id"), s->arena), s->arena), match = raw_member(body, SPAN("match"), s->arena);
    struct entry e = { .s = s, .row = sheet_row(s, provider, id), .id = id };
    if (!e.row)
        return;
    e.row->context = sheet_count(raw_member(body, SPAN("context_window"), s->arena), s->arena);
    if (span_is(raw_member(body, SPAN("deprecated"), s->arena), SPAN("true")))
        sheet_fact(s, e.row, "st", SPAN("deprecated"));
    if (raw_kind(match) == JSON_OBJECT && raw_kind(raw_member(match, SPAN("equals"), s->arena)) != JSON_STRING)
        sheet_skip(s, SPAN("names by pattern: only the id is taken, prices are found by exact names"), id);
    put_all(&e, raw_member(body, SPAN("prices"), s->arena));
}

bool sheet_read_genai(struct sheet *s, struct span text, const char **why)
{
    size_t models = 0;
    struct span list = raw_kind(text) == JSON_OBJECT ? raw_member(text, SPAN("providers"), s->arena) : text;
    struct raw_iter it = raw_iter(list, s->arena);
    *why = "it has no list of providers with models";
    if (raw_kind(list) != JSON_ARRAY)
        return false;
    for (struct span none, body; raw_next(&it, &none, &body);) {
        struct span id = raw_text(raw_member(body, SPAN("id"), s->arena), s->arena);
        if (!id.len)
            continue;
        struct span provider = sheet_provider(s, id);
        struct raw_iter inner = raw_iter(raw_member(body, SPAN("models"), s->arena), s->arena);
        for (struct span model; raw_next(&inner, &none, &model); models++)
            read_model(s, provider, model);
    }
    return models > 0;
}
