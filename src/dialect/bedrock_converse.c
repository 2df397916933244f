/* SPDX-License-Identifier: Apache-2.0
 * bedrock_converse.c - Amazon Bedrock's Converse and ConverseStream: what metering must know of them. The model stands in the path.
 *
 * Counts are disjoint: inputTokens has neither what was read from the cache nor what was written to it. */
#include "dialect/answer.h"
#include "dialect/ask.h"
#include "dialect/bedrock_converse_int.h"
#include "dialect/dialects.h"
#include "dialect/walk.h"

/* The largest picture counts some 4,800 tokens at Claude, 8,000 at Llama's tiles. */
enum { PICTURE_TOKENS_MOST = 8192 };

static const struct ask_field fields[] = {
    ASK_FIELD("messages", ASK_RAW, messages, ""),
    ASK_FIELD("system", ASK_RAW, input, ""),
    ASK_FIELD("toolConfig", ASK_RAW, tools, ""),
    ASK_FIELD("inferenceConfig", ASK_RAW, metadata, ""),
    ASK_FIELD("serviceTier", ASK_RAW, stream_options, ""),
    ASK_FIELD("additionalModelRequestFields", ASK_RAW, search_options, ""),
    ASK_FIELD("promptVariables", ASK_RAW, reference, ""), /* the prompt is stored at Amazon */
    { .name = { NULL, 0 } },
};

/* ---- the request ---- */

enum { IMAGE = 1, SOURCE, BYTES, VIDEO, AUDIO, DOCUMENT, S3, SYSTEM_TOOL, TOOL_RESULT, CONTENT };
static const struct span names[] = {
    [IMAGE - 1] = { "image", 5 },
    [SOURCE - 1] = { "source", 6 },
    [BYTES - 1] = { "bytes", 5 },
    [VIDEO - 1] = { "video", 5 },
    [AUDIO - 1] = { "audio", 5 },
    [DOCUMENT - 1] = { "document", 8 },
    [S3 - 1] = { "s3Location", 10 },
    [SYSTEM_TOOL - 1] = { "systemTool", 10 },
    [TOOL_RESULT - 1] = { "toolResult", 10 },
    [CONTENT - 1] = { "content", 7 },
    [CONTENT] = { NULL, 0 },
};

/* Videos, sounds and documents hold more tokens than bytes; what lies in S3 is not seen. Such names inside a tool's input count the
 * same: where no place is asked for, only more is reserved. */
static void weigh_name(void *self, uint64_t place, bool name, struct span raw)
{
    struct ask *ask = self;
    uint64_t last = place & 0xff;
    (void)raw;
    if (name && (last == VIDEO || last == AUDIO || last == DOCUMENT || last == S3 || last == SYSTEM_TOOL))
        ask->input_unbounded = true;
}

/* A picture is one at its own place alone, or words in a tool's input would be reserved for as one. */
static void weigh_content(void *self, uint64_t place, bool name, struct span raw)
{
    const uint64_t picture = WALK_AT4(WALK_ITEM, IMAGE, SOURCE, BYTES);
    const uint64_t inner = WALK_AT7(WALK_ITEM, TOOL_RESULT, CONTENT, WALK_ITEM, IMAGE, SOURCE, BYTES);
    weigh_name(self, place, name, raw);
    if (!name && (place == picture || place == inner))
        ask_picture(self, raw, PICTURE_TOKENS_MOST);
}

/* From each content on: a place from the list of messages on would have more levels than a walk tells apart. */
static void weigh_messages(struct ask *ask, struct span messages, struct arena *a)
{
    struct span none, message, name, value;
    for (struct raw_iter list = raw_iter(messages, a); raw_next(&list, &none, &message);)
        for (struct raw_iter it = raw_iter(message, a); raw_next(&it, &name, &value);)
            if (span_is(name, SPAN("content")))
                walk(value, names, weigh_content, ask);
}

/* The names under which families of models take their output limit. */
bool bedrock_converse_sets_limit(struct span additional, struct arena *a)
{
    static const struct span limits[] = { { "max_tokens", 10 }, { "maxTokens", 9 }, { "max_gen_len", 11 }, { "max_new_tokens", 14 },
        { "maxTokenCount", 13 }, { "max_tokens_to_sample", 20 }, { "max_completion_tokens", 21 }, { "maxTokensToSample", 17 },
        { "num_generations", 15 }, { "n", 1 } };
    struct span name, value;
    for (struct raw_iter it = raw_iter(additional, a); raw_next(&it, &name, &value);) {
        for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
            if (span_is_nocase(name, limits[i]))
                return true;
        bool nested = span_is(name, SPAN("inferenceConfig")) || span_is(name, SPAN("textGenerationConfig"));
        if (nested && bedrock_converse_sets_limit(value, a))
            return true;
    }
    return false;
}

static enum err read_limit(const struct ask_found *found, struct arena *a, struct ask *out, const char **why)
{
    struct span limit = raw_member(found->metadata, SPAN("maxTokens"), a);
    enum json_kind kind = raw_kind(found->metadata), number = raw_kind(limit);
    *why = "inferenceConfig must be an object";
    if (kind != JSON_NONE && kind != JSON_OBJECT)
        return E_BAD_REQUEST;
    *why = "inferenceConfig.maxTokens must be a whole number, written with digits only";
    if (number != JSON_NONE && number != JSON_NULL && (number != JSON_NUMBER || !json_raw_integer(limit, &out->output_limit) || out->output_limit < 0))
        return E_BAD_REQUEST;
    out->zero_limit = out->zero_stays = out->output_limit == 0; /* refused there */
    if (out->zero_limit)
        out->output_limit = -1;
    *why = "additionalModelRequestFields sets an output limit of its own: use inferenceConfig.maxTokens";
    return bedrock_converse_sets_limit(found->search_options, a) ? E_BAD_REQUEST : E_OK;
}

static enum err read_ask(struct json *j, struct span body, struct arena *a, struct ask *out, const char **why)
{
    struct ask_found found;
    enum err e = ask_read_open(j, body, a, fields, &found, why);
    if (e)
        return e;
    ask_begin(body, &found, out);
    e = read_limit(&found, a, out, why);
    if (e)
        return e;
    out->tier = ask_tier(raw_text(raw_member(found.stream_options, SPAN("type"), a), a));
    weigh_messages(out, found.messages, a);
    walk(found.tools, names, weigh_name, out);
    return E_OK;
}

static void put_limit(struct ask_splices *s, struct span config, long long limit)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    struct span old = raw_member(config, SPAN("maxTokens"), &a), none, first;
    struct raw_iter it = raw_iter(config, &a);
    if (old.at)
        ask_replace(s, old, "%lld", limit);
    else if (raw_kind(config) == JSON_OBJECT)
        ask_insert(s, config, !raw_next(&it, &none, &first), "\"maxTokens\":%lld", limit);
    else
        ask_replace(s, config, "{\"maxTokens\":%lld}", limit);
    arena_free(&a);
}

static void edit_ask(struct json *j, struct span body, const struct ask_edit *edit, struct buf *out)
{
    struct member config = { .name = SPAN("inferenceConfig") };
    struct ask_splices s = { .body = body };
    bool empty;
    if (!member_find(j, body, &config, 1, &empty)) {
        out->broken = true;
        return;
    }
    if (edit->output_limit >= 0 && config.raw.at)
        put_limit(&s, config.raw, (long long)edit->output_limit);
    else if (edit->output_limit >= 0)
        ask_insert(&s, body, empty, "\"inferenceConfig\":{\"maxTokens\":%lld}", (long long)edit->output_limit);
    ask_write(&s, out);
}

/* ---- usage ---- */

/* The part of what was written to the cache that is kept for an hour. */
static int64_t hourly(struct span usage, struct arena *a)
{
    struct span none, one;
    int64_t sum = 0;
    for (struct raw_iter it = raw_iter(raw_member(usage, SPAN("cacheDetails"), a), a); raw_next(&it, &none, &one);)
        if (raw_is(raw_member(one, SPAN("ttl"), a), SPAN("1h")))
            sum += count_or_0(one, SPAN("inputTokens"), a);
    return sum;
}

void bedrock_converse_usage(struct span object, struct arena *a, struct usage *u)
{
    struct span usage = raw_member(object, SPAN("usage"), a);
    answer_clear(u);
    u->tier = ask_tier(raw_text(raw_member(raw_member(object, SPAN("serviceTier"), a), SPAN("type"), a), a));
    int64_t in = count_in(usage, SPAN("inputTokens"), a), out = count_in(usage, SPAN("outputTokens"), a);
    if (in < 0 && out < 0)
        return;
    int64_t written = count_or_0(usage, SPAN("cacheWriteInputTokens"), a), hour = hourly(usage, a);
    u->known = true;
    u->raw = usage;
    u->tokens[METER_IN] = in < 0 ? 0 : in;
    u->tokens[METER_OUT] = out < 0 ? 0 : out;
    u->tokens[METER_CACHE_READ] = count_or_0(usage, SPAN("cacheReadInputTokens"), a);
    u->tokens[METER_CACHE_WRITE_1H] = hour;
    u->tokens[METER_CACHE_WRITE] = written > hour ? written - hour : 0;
    u->input_total = u->tokens[METER_IN] + u->tokens[METER_CACHE_READ] + hour + u->tokens[METER_CACHE_WRITE];
    u->output_total = u->tokens[METER_OUT];
}

static void read_usage(struct json *j, struct span body, struct arena *a, struct usage *u)
{
    answer_clear(u);
    if (serial_object(j, &body))
        bedrock_converse_usage(body, a, u);
}

/* ---- streams ---- */

enum { E_DELTA = 1 };
static const struct span event_names[] = { { "delta", 5 }, { NULL, 0 } };

static void count_delta(void *self, uint64_t place, bool name, struct span raw)
{
    struct stream_meter *m = self;
    while (place > 0xff)
        place >>= 8;
    if (!name && place == E_DELTA && raw.len > 2)
        meter_output(m, raw);
}

static void tap_metadata(struct json *j, struct span data, struct stream_meter *m)
{
    struct arena a;
    struct usage u;
    arena_init(&a, ANSWER_EVENT_MOST);
    read_usage(j, data, &a, &u);
    if (u.known)
        answer_keep(m, &u);
    m->finished = true;
    arena_free(&a);
}

static void tap_event(struct json *j, const struct sse_event *event, bool usage_wanted, struct stream_meter *m, bool *hide)
{
    (void)usage_wanted; /* always there */
    *hide = false;
    answer_start(m);
    if (span_is(event->name, SPAN("contentBlockDelta")))
        walk(event->data, event_names, count_delta, m);
    else if (span_is(event->name, SPAN("metadata")))
        tap_metadata(j, event->data, m);
    else if (bedrock_is_exception(event->name))
        m->failed = true;
}

static void write_error_event(struct buf *out, struct span code, struct span message)
{
    struct buf payload;
    buf_init(&payload, 1 << 20);
    struct json_out o = json_out(&payload);
    json_open(&o, '{');
    json_pair(&o, SPAN("message"), message);
    json_pair(&o, SPAN("code"), code);
    json_close(&o, '}');
    frames_put_aws(out, SPAN("exception"), SPAN("internalServerException"), buf_span(&payload));
    buf_free(&payload);
}

static const struct translator translator = {
    .write_call = bedrock_converse_write_call,
    .read_answer = bedrock_converse_read_answer,
    .read_event = bedrock_converse_read_event,
    .read_fault = bedrock_converse_read_fault,
};

const struct dialect dialect_bedrock_converse = {
    .name = "bedrock_converse",
    .translator = &translator,
    .framing = FRAMING_AWS,
    .read_ask = read_ask,
    .edit_ask = edit_ask,
    .read_usage = read_usage,
    .tap_event = tap_event,
    .write_error_event = write_error_event,
};
