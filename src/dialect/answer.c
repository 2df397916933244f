/* SPDX-License-Identifier: Apache-2.0
 * answer.c - see answer.h. The ways of counting are described in docs/prices.md. */
#include "dialect/answer.h"

#include "base/money.h"
#include "dialect/ask.h"

/* What a usage object says, in the vendor's own overlapping counts. */
struct counts {
    int64_t input, output, total; /* -1: unsaid */
    int64_t cached, cached_audio, written, audio_in, image_in;
    int64_t reasoning, audio_out, image_out;
};

static int64_t either(struct json_value v, struct span first, struct span second)
{
    int64_t n = member_count_or_none(v, first);
    return n >= 0 ? n : member_count_or_none(v, second);
}

/* Details stand under one of three names: those of chat, of Responses, and of sound (Realtime, transcriptions). */
static struct json_value details(struct json_value v, struct span first, struct span second, struct span third)
{
    struct json_value d = json_member(v, first);
    if (json_kind(d) != JSON_OBJECT)
        d = json_member(v, second);
    return json_kind(d) == JSON_OBJECT ? d : json_member(v, third);
}

static struct counts read_counts(struct json_value v)
{
    struct json_value in = details(v, SPAN("prompt_tokens_details"), SPAN("input_tokens_details"), SPAN("input_token_details"));
    struct json_value out = details(v, SPAN("completion_tokens_details"), SPAN("output_tokens_details"), SPAN("output_token_details"));
    struct counts c = {
        .input = either(v, SPAN("prompt_tokens"), SPAN("input_tokens")),
        .output = either(v, SPAN("completion_tokens"), SPAN("output_tokens")),
        .total = member_count_or_none(v, SPAN("total_tokens")),
        .cached = member_count_or_none(in, SPAN("cached_tokens")),
        .cached_audio = member_count(in, SPAN("cached_tokens_details.audio_tokens")),
        .written = member_count(in, SPAN("cache_write_tokens")),
        .audio_in = member_count(in, SPAN("audio_tokens")),
        .image_in = member_count(in, SPAN("image_tokens")),
        .reasoning = member_count_or_none(out, SPAN("reasoning_tokens")),
        .audio_out = member_count(out, SPAN("audio_tokens")),
        .image_out = member_count(out, SPAN("image_tokens")),
    };
    if (c.cached < 0) /* DeepSeek's and Moonshot's names */
        c.cached = either(v, SPAN("prompt_cache_hit_tokens"), SPAN("cached_tokens"));
    if (c.reasoning < 0) /* Perplexity's */
        c.reasoning = member_count(v, SPAN("reasoning_tokens"));
    return c;
}

/* Takes up to n from *rest, so that overlapping details (cached pictures at xAI) are never counted twice. */
static int64_t take(int64_t *rest, int64_t n)
{
    int64_t taken = n < 0 ? 0 : n > *rest ? *rest : n;
    *rest -= taken;
    return taken;
}

static void split_input(const struct counts *c, struct usage *u)
{
    int64_t rest = c->input < 0 ? 0 : c->input;
    u->input_total = rest;
    u->tokens[METER_AUDIO_CACHE_READ] = take(&rest, c->cached_audio < c->cached ? c->cached_audio : c->cached);
    u->tokens[METER_CACHE_READ] = take(&rest, c->cached - u->tokens[METER_AUDIO_CACHE_READ]);
    u->tokens[METER_CACHE_WRITE] = take(&rest, c->written);
    u->tokens[METER_AUDIO_IN] = take(&rest, c->audio_in - u->tokens[METER_AUDIO_CACHE_READ]);
    u->tokens[METER_IMAGE_IN] = take(&rest, c->image_in);
    u->tokens[METER_IN] = rest;
}

/* Thinking is inside the output at OpenAI, beside it at xAI and at Gemini (which there only shows in the total). */
static void split_output(const struct counts *c, struct usage *u)
{
    int64_t output = c->output < 0 ? 0 : c->output, reasoning = c->reasoning < 0 ? 0 : c->reasoning;
    int64_t beside = c->total - u->input_total - output;
    if (beside > 0 && reasoning == 0)
        reasoning = beside;
    if (beside > 0 && beside >= reasoning)
        output += reasoning;
    else if (reasoning > output) /* cannot be inside */
        output += reasoning;
    u->output_total = output;
    u->tokens[METER_REASON] = take(&output, reasoning);
    u->tokens[METER_AUDIO_OUT] = take(&output, c->audio_out);
    u->tokens[METER_IMAGE_OUT] = take(&output, c->image_out);
    u->tokens[METER_OUT] = output;
}

/* OpenRouter: cost, plus the upstream's bill when the caller's own key paid it. Perplexity: cost.total_cost. DeepInfra:
 * estimated_cost. */
static int64_t vendor_cost(struct json *j, struct span usage)
{
    struct member top[] = { { .name = SPAN("cost") }, { .name = SPAN("estimated_cost") }, { .name = SPAN("is_byok") },
        { .name = SPAN("cost_details") } };
    struct member total = { .name = SPAN("total_cost") }, upstream = { .name = SPAN("upstream_inference_cost") };
    int64_t cost, more;
    if (span_find(usage, SPAN("cost")) < 0 || !member_find(j, usage, top, 4, NULL))
        return -1;
    if (top[0].kind == JSON_OBJECT)
        return member_find(j, top[0].raw, &total, 1, NULL) && member_nano(total.raw, &cost) ? cost : -1;
    if (top[0].kind != JSON_NUMBER)
        return top[1].kind == JSON_NUMBER && member_nano(top[1].raw, &cost) ? cost : -1;
    if (!member_nano(top[0].raw, &cost))
        return -1;
    if (!span_is(top[2].raw, SPAN("true")) || top[3].kind != JSON_OBJECT)
        return cost;
    return member_find(j, top[3].raw, &upstream, 1, NULL) && member_nano(upstream.raw, &more) ? money_add(cost, more) : cost;
}

/* As a text that lives for ever: the parser's own does not. */
static struct span search_size(struct span said)
{
    static const struct span sizes[] = { { "low", 3 }, { "medium", 6 }, { "high", 4 } };
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
        if (span_is(said, sizes[i]))
            return sizes[i];
    return SPAN_NONE;
}

/* xAI says how often its tools ran, which its items need not show: a search of X may look like a function's call. */
static void count_own_tools(struct json_value usage, struct usage *u)
{
    static const struct {
        struct span name;
        enum fee fee;
    } tools[] = { { { "web_search_calls", 16 }, FEE_WEB_SEARCH }, { { "x_search_calls", 14 }, FEE_X_SEARCH }, { { "code_interpreter_calls", 22 }, FEE_CODE_EXECUTION },
        { { "file_search_calls", 17 }, FEE_FILE_SEARCH }, { { "document_search_calls", 21 }, FEE_ATTACHMENT_SEARCH }, { { "image_generation_calls", 22 }, FEE_IMAGE_UNIT } };
    struct json_value said = json_member(usage, SPAN("server_side_tool_usage_details"));
    for (size_t i = 0; json_kind(said) == JSON_OBJECT && i < sizeof(tools) / sizeof(*tools); i++) {
        int64_t count = member_count(said, tools[i].name);
        if (count > u->fees[tools[i].fee])
            u->fees[tools[i].fee] = count;
    }
}

void answer_openai_usage(struct json *j, struct span usage, struct usage *u)
{
    struct json_value v;
    const char *why;
    if (json_parse(j, usage, true, &v, &why))
        return;
    struct counts c = read_counts(v);
    if (c.input < 0 && c.output < 0)
        return;
    u->known = true;
    u->raw = usage;
    split_input(&c, u);
    split_output(&c, u);
    u->tokens[METER_CITATION] = member_count(v, SPAN("citation_tokens"));
    u->fees[FEE_WEB_SEARCH] = member_count(v, SPAN("num_search_queries"));
    u->fees[FEE_SOURCE] = member_count(v, SPAN("num_sources_used")); /* xAI's live search */
    count_own_tools(v, u);
    u->search = search_size(json_string(json_member(v, SPAN("search_context_size"))));
    u->vendor_cost = vendor_cost(j, usage);
}

struct span answer_text(struct span raw, struct arena *a) { return raw.at ? json_raw_string(raw, a) : SPAN_NONE; }

void answer_clear(struct usage *u) { *u = (struct usage){ .vendor_cost = -1 }; }

/* What does not fit is left out: half a name would be another name. */
static struct span keep(char *room, size_t size, struct span s)
{
    if (!s.at || s.len > size)
        return SPAN_NONE;
    memmove(room, s.at, s.len);
    return span_make(room, s.len);
}

void answer_keep(struct stream_meter *m, const struct usage *u)
{
    m->usage = *u;
    m->usage.model = keep(m->model, sizeof(m->model), u->model);
    m->usage.tier = keep(m->tier, sizeof(m->tier), u->tier);
    m->usage.geo = keep(m->geo, sizeof(m->geo), u->geo);
    m->usage.search = keep(m->search, sizeof(m->search), u->search);
    m->usage.size = keep(m->size, sizeof(m->size), u->size);
    m->usage.quality = keep(m->quality, sizeof(m->quality), u->quality);
    m->usage.raw = keep(m->raw, sizeof(m->raw) - BUF_SLACK, u->raw);
}

void answer_start(struct stream_meter *m)
{
    if (m->started)
        return;
    m->started = true;
    answer_clear(&m->usage);
}

void answer_event(struct json *j, struct span data, struct stream_meter *m, answer_read *read, void *more)
{
    struct buf copy;
    struct arena a;
    buf_init(&copy, ANSWER_EVENT_MOST);
    arena_init(&a, ANSWER_EVENT_MOST);
    buf_put(&copy, data);
    if (!copy.broken)
        read(j, buf_span(&copy), &a, m, more);
    arena_free(&a);
    buf_free(&copy);
}

void answer_write_error(struct buf *out, struct span code, struct span message)
{
    struct json_out o = json_out(out);
    json_open(&o, '{');
    json_name(&o, SPAN("error"));
    json_open(&o, '{');
    json_pair(&o, SPAN("message"), message);
    json_pair(&o, SPAN("type"), code);
    json_pair(&o, SPAN("param"), SPAN_NONE);
    json_pair(&o, SPAN("code"), code);
    json_close(&o, '}');
    json_close(&o, '}');
}

bool answer_mentions(struct span text, struct span quoted_name)
{
    return memmem(text.at, text.len, quoted_name.at, quoted_name.len) != NULL;
}

void answer_read_usage(struct json *j, struct span body, struct arena *a, struct usage *u)
{
    struct member m[] = { { .name = SPAN("usage") }, { .name = SPAN("model") } };
    answer_clear(u);
    if (!member_find(j, body, m, 2, NULL))
        return;
    if (m[0].kind == JSON_OBJECT)
        answer_openai_usage(j, m[0].raw, u);
    u->model = answer_text(m[1].raw, a);
}
