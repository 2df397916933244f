/* SPDX-License-Identifier: Apache-2.0
 * sheet_litellm.c - reads LiteLLM's model_prices_and_context_window.json: one object by model name, prices in USD per token.
 *
 * A price's name says what it is for ("input_cost_per_token"), and then under what ("_above_272k_tokens", "_priority"). */
#include "base/raw.h"
#include "cli/sheet_read.h"

enum { RATE = 6, RATE_DIGITS = 9, PIECE_DIGITS = 12, FACTOR_DIGITS = 2 };

static const struct {
    const char *name, *meter;
} rates[] = {
    { "input_cost_per_token", "in" }, { "output_cost_per_token", "out" }, { "cache_read_input_token_cost", "cache_read" },
    { "input_cost_per_token_cache_hit", "cache_read" },
    { "cache_creation_input_token_cost", "cache_write" }, { "cache_creation_input_token_cost_above_1hr", "cache_write_1h" },
    { "output_cost_per_reasoning_token", "reason" }, { "input_cost_per_audio_token", "audio_in" },
    { "output_cost_per_audio_token", "audio_out" }, { "cache_read_input_audio_token_cost", "audio_cache_read" },
    { "input_cost_per_image_token", "image_in" }, { "output_cost_per_image_token", "image_out" },
    { "cache_read_input_image_token_cost", "image_cache_read" }, { "input_cost_per_video_token", "video_in" },
    { "output_cost_per_video_token", "video_out" }, { "citation_cost_per_token", "citation" },
};

static const struct {
    const char *name, *kind;
    int64_t n;
} pieces[] = {
    { "output_cost_per_image", "image_out", 1 }, { "input_cost_per_character", "text_in", 1 }, { "output_cost_per_character", "text_out", 1 },
    { "input_cost_per_query", "search", 1 }, { "ocr_cost_per_page", "page", 1 }, { "annotation_cost_per_page", "annotation_page", 1 },
    { "ocr_cost_per_credit", "credit", 1 }, { "input_cost_per_audio_per_second", "audio_in", 1 },
    { "output_cost_per_audio_per_second", "audio_out", 1 }, { "input_cost_per_video_per_second", "video_in", 1 },
    { "output_cost_per_video_per_second", "video_out", 1 }, { "input_cost_per_request", "request", 1 },
    { "code_interpreter_cost_per_session", "code_session", 1 }, { "file_search_cost_per_1k_calls", "file_search", 1000 },
    { "google_maps_grounding_cost_per_query", "maps", 1 }, { "output_cost_per_pixel", "image_out.pixel", 1 },
};

static const struct {
    const char *name, *ability;
} abilities[] = {
    { "supports_native_streaming", "stream" }, { "supports_function_calling", "tools" }, { "supports_parallel_function_calling", "ptools" },
    { "supports_tool_choice", "tool_choice" }, { "supports_response_schema", "schema" }, { "supports_vision", "vision" },
    { "supports_pdf_input", "pdf" }, { "supports_audio_input", "audio_in" }, { "supports_audio_output", "audio_out" },
    { "supports_video_input", "video_in" }, { "supports_reasoning", "reason" }, { "supports_prompt_caching", "cache" },
    { "supports_web_search", "web" }, { "supports_computer_use", "computer" }, { "supports_url_context", "url" },
    { "supports_system_messages", "sys" }, { "supports_assistant_prefill", "prefill" },
};

struct entry {
    struct sheet *s;
    struct sheet_row *row;
    struct span key, body, mode;
    struct span conditions; /* of a key that names a picture's size: "q=hd,size=1024x1792" */
};

/* ---- what a price is under ---- */

/* Cuts "_priority" and the like off. */
static struct span cut_service(struct span *name)
{
    static const struct {
        const char *end, *tier;
    } ends[] = { { "_priority", "priority" }, { "_flex", "flex" }, { "_batches", "batch" }, { "_fast", "fast" } };
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        struct span end = span_of(ends[i].end);
        if (!span_ends(*name, end))
            continue;
        *name = span_first(*name, name->len - end.len);
        return span_of(ends[i].tier);
    }
    return SPAN_NONE;
}

/* Cuts "_above_272k_tokens" off; 0: there is none. */
static int64_t cut_step(struct span *name)
{
    struct span end = SPAN("k_tokens"), above = SPAN("_above_");
    ptrdiff_t at = -1;
    int64_t thousands;
    if (!span_ends(*name, end))
        return 0;
    for (size_t i = 0; i + above.len < name->len; i++)
        if (span_starts(span_from(*name, i), above))
            at = (ptrdiff_t)i;
    if (at < 0)
        return 0;
    struct span digits = span_from(*name, (size_t)at + above.len);
    if (!span_to_i64(span_first(digits, digits.len - end.len), &thousands) || thousands <= 0 || thousands > 1000000)
        return 0;
    *name = span_first(*name, (size_t)at);
    return thousands * 1000;
}

static struct span condition_of(struct sheet *s, struct span service, int64_t above)
{
    if (!above)
        return service.at ? arena_print(s->arena, "svc:%.*s", SPAN_ARG(service)) : SPAN("");
    if (service.at)
        return arena_print(s->arena, "svc:%.*s>%lld", SPAN_ARG(service), (long long)above);
    return arena_print(s->arena, "tier>%lld", (long long)above);
}

static bool put_rate(const struct entry *e, struct span field, struct span value)
{
    struct span name = field, service = cut_service(&name);
    int64_t above = cut_step(&name);
    for (size_t i = 0; i < sizeof(rates) / sizeof(*rates); i++) {
        if (!span_is(name, span_of(rates[i].name)))
            continue;
        struct span rate = sheet_number(e->s, value, RATE, RATE_DIGITS, field, e->key);
        if (rate.at)
            sheet_rate(e->s, e->row, condition_of(e->s, service, above), rates[i].meter, rate);
        return true;
    }
    return false;
}

/* ---- pieces ---- */

static void put_piece(const struct entry *e, const char *kind, struct span conditions, struct span value, int64_t n, struct span field)
{
    struct span usd = sheet_number(e->s, value, 0, PIECE_DIGITS, field, e->key);
    if (usd.at && !span_is(usd, SPAN("0")))
        sheet_unit(e->s, e->row, kind, conditions, usd, n);
}

static bool is_mode(const struct entry *e, const char *mode) { return span_is(e->mode, span_of(mode)); }

/* Seconds are of what goes in or comes out, by the kind of model; a transcription's price stands in both fields, and counts once. */
static bool put_seconds(const struct entry *e, struct span field, struct span value)
{
    bool input = span_is(field, SPAN("input_cost_per_second"));
    if (!input && !span_is(field, SPAN("output_cost_per_second")))
        return false;
    if (is_mode(e, "audio_transcription")) {
        if (input || raw_kind(raw_member(e->body, SPAN("input_cost_per_second"), e->s->arena)) != JSON_NUMBER)
            put_piece(e, "audio_in", SPAN_NONE, value, 1, field);
    } else if (is_mode(e, "video_generation") && !input)
        put_piece(e, "video_out", SPAN_NONE, value, 1, field);
    else if (is_mode(e, "audio_speech") && !input)
        put_piece(e, "audio_out", SPAN_NONE, value, 1, field);
    else
        return false;
    return true;
}

/* What a picture costs; of a model that makes them "input" means the same. */
static bool put_picture(const struct entry *e, struct span field, struct span value)
{
    bool makes = is_mode(e, "image_generation") || is_mode(e, "image_edit");
    if (span_is(field, SPAN("input_cost_per_pixel")) && makes) {
        put_piece(e, "image_out.pixel", e->conditions, value, 1, field);
        return true;
    }
    if (span_is(field, SPAN("output_cost_per_image")) || (span_is(field, SPAN("input_cost_per_image")) && makes)) {
        bool twice = span_is(field, SPAN("input_cost_per_image")) && raw_kind(raw_member(e->body, SPAN("output_cost_per_image"), e->s->arena)) == JSON_NUMBER;
        if (!twice)
            put_piece(e, "image_out", e->conditions, value, 1, field);
        return true;
    }
    if (!span_is(field, SPAN("input_cost_per_image")))
        return false;
    put_piece(e, "image_in", SPAN_NONE, value, 1, field);
    return true;
}

static bool put_unit(const struct entry *e, struct span field, struct span value)
{
    if (put_seconds(e, field, value) || put_picture(e, field, value))
        return true;
    for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++)
        if (span_is(field, span_of(pieces[i].name))) {
            put_piece(e, pieces[i].kind, SPAN_NONE, value, pieces[i].n, field);
            return true;
        }
    return false;
}

/* { "search_context_size_low": 0.01, ... }: one price, where they are the same. */
static bool put_searches(const struct entry *e, struct span field, struct span value)
{
    static const char *const sizes[] = { "low", "medium", "high" };
    struct span prices[3];
    const char *kind = span_is(e->row->provider, SPAN("perplexity")) ? "request" : "web_search"; /* there every call is a search */
    if (!span_is(field, SPAN("search_context_cost_per_query")))
        return false;
    for (int i = 0; i < 3; i++) {
        struct span name = arena_print(e->s->arena, "search_context_size_%s", sizes[i]);
        prices[i] = sheet_number(e->s, raw_member(value, name, e->s->arena), 0, PIECE_DIGITS, field, e->key);
    }
    if (prices[0].at && span_is(prices[0], prices[1]) && span_is(prices[0], prices[2])) {
        sheet_unit(e->s, e->row, kind, SPAN_NONE, prices[0], 1);
        return true;
    }
    for (int i = 0; i < 3; i++)
        if (prices[i].at)
            sheet_unit(e->s, e->row, kind, arena_print(e->s->arena, "ctx=%s", sizes[i]), prices[i], 1);
    return true;
}

/* ---- the rest ---- */

static bool put_factor(const struct entry *e, struct span field, struct span value)
{
    static const struct {
        const char *name, *factor;
    } known[] = { { "regional_processing_uplift_multiplier_eu", "region_eu" }, { "regional_processing_uplift_multiplier_us", "region_us" } };
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        if (!span_is(field, span_of(known[i].name)))
            continue;
        struct span factor = sheet_number(e->s, value, 0, FACTOR_DIGITS, field, e->key);
        if (factor.at)
            sheet_factor(e->s, e->row, known[i].factor, factor);
        return true;
    }
    if (!span_is(field, SPAN("provider_specific_entry")))
        return false;
    struct raw_iter it = raw_iter(value, e->s->arena);
    for (struct span name, item; raw_next(&it, &name, &item);) {
        struct span what = arena_print(e->s->arena, "provider_specific_entry.%.*s", SPAN_ARG(name));
        struct span factor = span_is(name, SPAN("us")) || span_is(name, SPAN("fast")) ? sheet_number(e->s, item, 0, FACTOR_DIGITS, what, e->key) : SPAN_NONE;
        if (factor.at)
            sheet_factor(e->s, e->row, span_is(name, SPAN("us")) ? "geo_us" : "fast", factor);
        else
            sheet_skip(e->s, what, e->key);
    }
    return true;
}

/* { "input_cost_per_query": 0.005, "max_results_range": [0, 25] }: a search by how much it finds. */
static void put_results(const struct entry *e, struct span item)
{
    struct arena *a = e->s->arena;
    struct span none, least, most, field = SPAN("tiered_pricing.input_cost_per_query");
    struct raw_iter ends = raw_iter(raw_member(item, SPAN("max_results_range"), a), a);
    struct span usd = sheet_number(e->s, raw_member(item, SPAN("input_cost_per_query"), a), 0, PIECE_DIGITS, field, e->key);
    if (!raw_next(&ends, &none, &least) || !raw_next(&ends, &none, &most) || !usd.at || !sheet_count(most, a))
        sheet_skip(e->s, SPAN("tiered_pricing without a range"), e->key);
    else
        sheet_unit(e->s, e->row, "search", arena_print(a, "when=results_%lld-%lld", (long long)sheet_count(least, a), (long long)sheet_count(most, a)), usd, 1);
}

/* [ { "range": [0, 32000], "input_cost_per_token": ... }, ... ] */
static bool put_ranges(const struct entry *e, struct span field, struct span value)
{
    struct span item, none, name, price;
    if (!span_is(field, SPAN("tiered_pricing")))
        return false;
    struct raw_iter it = raw_iter(value, e->s->arena);
    while (raw_next(&it, &none, &item)) {
        struct span range = raw_member(item, SPAN("range"), e->s->arena), from;
        struct raw_iter ends = raw_iter(range, e->s->arena);
        if (!raw_next(&ends, &none, &from)) {
            put_results(e, item);
            continue;
        }
        int64_t above = sheet_count(from, e->s->arena);
        struct raw_iter members = raw_iter(item, e->s->arena);
        while (raw_next(&members, &name, &price)) {
            struct span what = arena_print(e->s->arena, "tiered_pricing.%.*s", SPAN_ARG(name));
            bool known = span_is(name, SPAN("range"));
            for (size_t i = 0; i < sizeof(rates) / sizeof(*rates) && !known; i++) {
                if (!span_is(name, span_of(rates[i].name)))
                    continue;
                struct span rate = sheet_number(e->s, price, RATE, RATE_DIGITS, what, e->key);
                if (rate.at)
                    sheet_rate(e->s, e->row, condition_of(e->s, SPAN_NONE, above), rates[i].meter, rate);
                known = true;
            }
            if (!known)
                sheet_skip(e->s, what, e->key);
        }
    }
    return true;
}

static bool put_fact(const struct entry *e, struct span field, struct span value)
{
    if (span_is(field, SPAN("max_input_tokens")))
        e->row->context = sheet_count(value, e->s->arena);
    else if (span_is(field, SPAN("max_output_tokens")))
        e->row->output_max = sheet_count(value, e->s->arena);
    else if (span_is(field, SPAN("output_vector_size"))) {
        int64_t dim = sheet_count(value, e->s->arena);
        if (dim)
            sheet_fact(e->s, e->row, "dim", arena_print(e->s->arena, "%lld", (long long)dim));
    } else if (span_is(field, SPAN("deprecation_date")))
        sheet_fact(e->s, e->row, "dep", raw_text(value, e->s->arena));
    else
        return false;
    return true;
}

static bool put_ability(const struct entry *e, struct span field, struct span value)
{
    for (size_t i = 0; i < sizeof(abilities) / sizeof(*abilities); i++) {
        if (!span_is(field, span_of(abilities[i].name)))
            continue;
        if (span_is(value, SPAN("true")))
            sheet_ability(e->s, e->row, abilities[i].ability);
        return true;
    }
    return false;
}

static bool is_about_money(struct span field)
{
    return span_find(field, SPAN("cost")) >= 0 || span_find(field, SPAN("pric")) >= 0 || span_find(field, SPAN("multiplier")) >= 0;
}

static bool is_nothing(struct span value)
{
    bool rounded = false;
    char zero[64];
    struct arena a;
    if (raw_kind(value) == JSON_NULL)
        return true;
    if (raw_kind(value) != JSON_NUMBER || value.len >= sizeof(zero))
        return false;
    arena_init(&a, 4096);
    bool nothing = span_is(sheet_decimal(&a, value, 0, 30, &rounded), SPAN("0"));
    arena_free(&a);
    return nothing;
}

static void put_member(const struct entry *e, struct span field, struct span value)
{
    if (put_fact(e, field, value) || put_ability(e, field, value) || put_rate(e, field, value) || put_searches(e, field, value) ||
        put_factor(e, field, value) || put_ranges(e, field, value) || put_unit(e, field, value))
        return;
    if (is_about_money(field) && !is_nothing(value))
        sheet_skip(e->s, field, e->key);
}

/* ---- names ---- */

/* "1024-x-1792" to "1024x1792"; SPAN_NONE: it is no size. */
static struct span size_of(struct arena *a, struct span text)
{
    struct span rest = text, width;
    uint64_t x, y;
    if (!span_cut(&rest, '-', &width) || !span_starts(rest, SPAN("x-")) || !span_to_u64(width, &x) || !span_to_u64(span_from(rest, 2), &y))
        return SPAN_NONE;
    return arena_print(a, "%llux%llu", (unsigned long long)x, (unsigned long long)y);
}

/* "hd/1024-x-1792/dall-e-3": what stands before the name is what the price holds for. */
static struct span cut_conditions(struct entry *e, struct span model)
{
    struct arena *a = e->s->arena;
    struct span rest = model, first, size;
    if (!span_cut(&rest, '/', &first))
        return model;
    size = size_of(a, first);
    if (size.at) {
        e->conditions = arena_print(a, "size=%.*s", SPAN_ARG(size));
        return rest;
    }
    struct span second = rest, name;
    if (!span_cut(&second, '/', &name))
        return model;
    size = size_of(a, name);
    if (!size.at)
        return model;
    e->conditions = arena_print(a, "q=%.*s,size=%.*s", SPAN_ARG(first), SPAN_ARG(size));
    return second;
}

static void read_entry(struct sheet *s, struct span key, struct span body)
{
    struct entry e = { .s = s, .key = key, .body = body, .mode = raw_text(raw_member(body, SPAN("mode"), s->arena), s->arena) };
    struct span theirs = raw_text(raw_member(body, SPAN("litellm_provider"), s->arena), s->arena), model = key, head;
    if (!theirs.len) {
        sheet_skip(s, SPAN("an entry without litellm_provider"), key);
        return;
    }
    struct span provider = sheet_provider(s, theirs), rest = key;
    if (span_cut(&rest, '/', &head) && (span_is(head, theirs) || span_is(head, provider) || span_starts(theirs, head)))
        model = rest;
    e.row = sheet_row(s, provider, cut_conditions(&e, model));
    if (!e.row)
        return;
    if (e.mode.len && !span_is(e.mode, SPAN("chat")))
        sheet_fact(s, e.row, "mode", e.mode);
    struct raw_iter it = raw_iter(body, s->arena);
    for (struct span name, value; raw_next(&it, &name, &value);)
        put_member(&e, name, value);
}

bool sheet_read_litellm(struct sheet *s, struct span text, const char **why)
{
    size_t entries = 0;
    struct raw_iter it = raw_iter(text, s->arena);
    for (struct span name, body; raw_next(&it, &name, &body);) {
        bool other = span_is(name, SPAN("sample_spec")) || span_is(name, SPAN("fallback_generalizations")) || raw_kind(body) != JSON_OBJECT;
        if (other)
            continue;
        entries += raw_kind(raw_member(body, SPAN("litellm_provider"), s->arena)) == JSON_STRING;
        read_entry(s, arena_copy(s->arena, name), body);
    }
    *why = "it has no entry with litellm_provider";
    return entries > 0;
}
