/* SPDX-License-Identifier: Apache-2.0
 * invoice_models.c - OpenAI's and Anthropic's exports: a line a day and model, in dollars or in tokens. Days are UTC's. */
#include "base/text.h"
#include "bill/invoice_inside.h"

static const char costs[] = "what the vendor billed for the model that day, against the costs of the ledger's calls", tokens[] = "tokens in and out, against those of the ledger's calls";

static bool add(struct desk *d, int64_t at, struct span model, int64_t amount)
{
    struct invoice_line *line = desk_line(d, at);
    if (line)
        *line = (struct invoice_line){ .at = at, .number = d->number, .amount = amount, .name = invoice_model(d->arena, model) };
    return line != NULL;
}

/* ---- OpenAI ---- */

/* "gpt-4o-mini-2024-07-18, input": what is before the comma. */
static struct span item_model(struct span item)
{
    struct span head;
    return span_cut(&item, ',', &head) ? head : item;
}

/* A bucket without costs has no amount. */
static bool openai_cost(struct desk *d)
{
    int64_t at, amount;
    if (!desk_cell(d, 1).at)
        return true;
    return desk_time(d, 0, &at) && desk_amount(d, 1, &amount) && desk_dollars(d, 2) && add(d, at, item_model(desk_cell(d, 3)), amount);
}

static bool openai_usage(struct desk *d)
{
    int64_t at, in, out;
    if (!desk_cell(d, 1).at)
        return true;
    return desk_time(d, 0, &at) && desk_count(d, 2, &in) && desk_count(d, 3, &out) && add(d, at, desk_cell(d, 1), money_add(in, out));
}

const struct sheet_form openai_sheets[] = {
    { "OpenAI costs, CSV", INVOICE_BY_MODEL, INVOICE_USD, costs, { "start_time", "amount_value", "?amount_currency", "?line_item" }, openai_cost, NULL },
    { "OpenAI completions usage, CSV", INVOICE_BY_MODEL, INVOICE_TOKENS, tokens, { "start_time", "model", "input_tokens", "output_tokens" }, openai_usage, NULL },
    { .name = NULL },
};

/* ---- Anthropic ---- */

static bool anthropic_cost(struct desk *d)
{
    int64_t at, amount;
    return desk_time(d, 0, &at) && desk_amount(d, 2, &amount) && add(d, at, desk_cell(d, 1), amount);
}

static bool anthropic_usage(struct desk *d)
{
    int64_t at, n, sum = 0;
    for (int column = 2; column <= 6; column++) {
        if (!desk_count(d, column, &n))
            return false;
        sum = money_add(sum, n);
    }
    return desk_time(d, 0, &at) && add(d, at, desk_cell(d, 1), sum);
}

const struct sheet_form anthropic_sheets[] = {
    { "Anthropic cost, CSV", INVOICE_BY_MODEL, INVOICE_USD, costs, { "usage_date_utc", "model", "cost_usd" }, anthropic_cost, NULL },
    { "Anthropic usage, CSV", INVOICE_BY_MODEL, INVOICE_TOKENS, tokens,
        { "usage_date_utc", "model_version", "usage_input_tokens_no_cache", "usage_output_tokens", "?usage_input_tokens_cache_read", "?usage_input_tokens_cache_write_5m",
            "?usage_input_tokens_cache_write_1h" },
        anthropic_usage, NULL },
    { .name = NULL },
};

/* ---- JSON of both: {"data": [{start, "results": [{...}]}], "has_more"} ---- */

struct bucket {
    struct desk *desk;
    int64_t at;
};

static struct span text_of(struct json_value v, const char *path) { return json_string(json_path(v, span_of(path))); }

static bool number_of(struct desk *d, struct json_value v, const char *path, int64_t *sum)
{
    int64_t n = 0;
    struct json_value at = json_path(v, span_of(path));
    if (json_kind(at) <= JSON_NULL)
        return true;
    if (!json_integer(at, &n) || n < 0)
        return desk_wrong(d, path, json_decimal(at, d->arena), "a whole number");
    *sum = money_add(*sum, n);
    return true;
}

static bool dollars_of(struct desk *d, struct json_value v, const char *path)
{
    struct span currency = text_of(v, path);
    return !currency.at || span_is_nocase(currency, SPAN("usd")) || desk_wrong(d, path, currency, "usd");
}

static bool amount_of(struct desk *d, struct json_value v, const char *path, int64_t *nano)
{
    struct span text = json_decimal(json_path(v, span_of(path)), d->arena);
    *nano = 0;
    return (text.at && invoice_amount(text, nano)) || desk_wrong(d, path, text.at ? text : SPAN(""), "a decimal number");
}

static bool openai_result(struct bucket *b, struct json_value result)
{
    struct desk *d = b->desk;
    int64_t amount = 0;
    if (json_kind(json_member(result, SPAN("amount"))) == JSON_OBJECT) {
        desk_form(d, "OpenAI costs, JSON", INVOICE_BY_MODEL, INVOICE_USD, costs);
        return amount_of(d, result, "amount.value", &amount) && dollars_of(d, result, "amount.currency") && add(d, b->at, item_model(text_of(result, "line_item")), amount);
    }
    desk_form(d, "OpenAI completions usage, JSON", INVOICE_BY_MODEL, INVOICE_TOKENS, tokens);
    return number_of(d, result, "input_tokens", &amount) && number_of(d, result, "output_tokens", &amount) && add(d, b->at, text_of(result, "model"), amount);
}

static bool anthropic_result(struct bucket *b, struct json_value result)
{
    static const char *const parts[] = { "uncached_input_tokens", "cache_read_input_tokens", "cache_creation.ephemeral_1h_input_tokens",
        "cache_creation.ephemeral_5m_input_tokens", "output_tokens" };
    struct desk *d = b->desk;
    int64_t amount = 0;
    if (json_kind(json_member(result, SPAN("amount"))) != JSON_NONE) { /* cents, as decimal text */
        struct span text = json_decimal(json_member(result, SPAN("amount")), d->arena);
        desk_form(d, "Anthropic cost report, JSON", INVOICE_BY_MODEL, INVOICE_USD, costs);
        if (!text.at || !invoice_amount(arena_print(d->arena, "%.*se-2", SPAN_ARG(text)), &amount))
            return desk_wrong(d, "amount", text.at ? text : SPAN(""), "a decimal number of cents");
        return dollars_of(d, result, "currency") && add(d, b->at, text_of(result, "model"), amount);
    }
    desk_form(d, "Anthropic usage report, JSON", INVOICE_BY_MODEL, INVOICE_TOKENS, tokens);
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        if (!number_of(d, result, parts[i], &amount))
            return false;
    return add(d, b->at, text_of(result, "model"), amount);
}

static bool start_of(struct desk *d, struct json_value bucket, int64_t *ms)
{
    struct json_value seconds = json_member(bucket, SPAN("start_time"));
    struct span text = text_of(bucket, "starting_at");
    if (json_integer(seconds, ms) && *ms > 0 && *ms < INT64_MAX / 1000) {
        *ms *= 1000;
        return true;
    }
    return text_time_parse(text, ms) || desk_wrong(d, "start_time", text.at ? text : SPAN(""), "start_time in Unix seconds, or starting_at as RFC 3339");
}

static bool read_buckets(struct desk *d, struct json_value root, bool (*result)(struct bucket *b, struct json_value result))
{
    struct span name;
    struct json_value item, one;
    bool more = false;
    if (json_kind(json_member(root, SPAN("data"))) != JSON_ARRAY) {
        trouble_say(d->trouble, NULL, "invoice", "has no member \"data\" with a list; allowed: an answer of the vendor's costs or usage API");
        return false;
    }
    if (json_bool(json_member(root, SPAN("has_more")), &more) && more) {
        trouble_say(d->trouble, NULL, "has_more", "found true; allowed: all pages in one: put the members of each page's \"data\" into one list");
        return false;
    }
    for (struct json_iter it = json_iter(json_member(root, SPAN("data"))); json_next(&it, &name, &item);) {
        struct bucket b = { .desk = d };
        d->number++;
        if (!start_of(d, item, &b.at))
            return false;
        for (struct json_iter each = json_iter(json_member(item, SPAN("results"))); json_next(&each, &name, &one);)
            if (!result(&b, one))
                return false;
    }
    return true;
}

bool openai_json(struct desk *d, struct json_value root) { return read_buckets(d, root, openai_result); }
bool anthropic_json(struct desk *d, struct json_value root) { return read_buckets(d, root, anthropic_result); }
