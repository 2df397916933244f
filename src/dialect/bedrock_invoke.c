/* SPDX-License-Identifier: Apache-2.0
 * bedrock_invoke.c - Claude by Amazon Bedrock's InvokeModel and InvokeModelWithResponseStream: Anthropic messages in Amazon's frames.
 *
 * The model stands in the path, the version of Anthropic's API in the body. Each frame of a stream is {"bytes": "..."}, one of Anthropic's
 * events in base64; errors are exceptions, which end the stream. Source: Amazon Bedrock API reference (ResponseStream, PayloadPart). */
#include "base/text.h"
#include "dialect/anthropic.h"
#include "dialect/answer.h"
#include "dialect/anthropic_int.h"
#include "dialect/ask.h"
#include "dialect/dialects.h"

static const struct span version = { "bedrock-2023-05-31", 18 };

/* --- frames --- */

static bool is_exception(struct span name) { return span_ends(name, SPAN("xception")) || span_is(name, SPAN("error")); }

/* With slack behind it; SPAN_NONE: no such frame. */
static struct span unpacked(struct json *j, struct span payload, struct arena *a)
{
    struct member bytes = { .name = SPAN("bytes") };
    if (!member_find(j, payload, &bytes, 1, NULL))
        return SPAN_NONE;
    struct span event = text_base64_decode(raw_text(bytes.raw, a), a);
    char *copy = event.len ? arena_take(a, event.len + BUF_SLACK) : NULL;
    if (!copy)
        return SPAN_NONE;
    memcpy(copy, event.at, event.len);
    return span_make(copy, event.len);
}

static const struct {
    struct span name;
    enum fault_kind kind;
    int status;
} exceptions[] = {
    { { "throttlingException", 19 }, FAULT_RATE, 429 },
    { { "serviceQuotaExceededException", 29 }, FAULT_RATE, 429 },
    { { "serviceUnavailableException", 27 }, FAULT_OVERLOAD, 503 },
    { { "modelNotReadyException", 22 }, FAULT_OVERLOAD, 503 },
    { { "validationException", 19 }, FAULT_REQUEST, 400 },
    { { "accessDeniedException", 21 }, FAULT_PERMISSION, 403 },
    { { "resourceNotFoundException", 25 }, FAULT_NOT_FOUND, 404 },
    { { "modelTimeoutException", 21 }, FAULT_SERVER, 504 },
};

static struct fault fault_of_exception(struct json *j, const struct sse_event *frame, struct arena *a)
{
    struct member message = { .name = SPAN("message") };
    bool told = member_find(j, frame->data, &message, 1, NULL) && message.kind == JSON_STRING;
    struct fault f = { .kind = FAULT_SERVER, .status = 500, .code = raw_quote(frame->name, a) };
    for (size_t i = 0; i < sizeof(exceptions) / sizeof(*exceptions); i++) {
        if (!span_is_nocase(exceptions[i].name, frame->name))
            continue;
        f.kind = exceptions[i].kind;
        f.status = exceptions[i].status;
    }
    f.message = told ? message.raw : SPAN("\"Amazon Bedrock broke off and said no more\"");
    f.kind = told ? fault_of_words(raw_inside(message.raw), f.kind) : f.kind;
    return f;
}

static void read_event(struct reader *r, const struct sse_event *frame)
{
    struct arena *scratch = r->event ? r->event : r->arena;
    if (r->ended || r->failed || r->broken)
        return;
    if (is_exception(frame->name)) {
        struct fault f = fault_of_exception(r->json, frame, scratch);
        reader_emit(r, &(struct event){ .kind = EVENT_ERROR, .fault = &f });
        return;
    }
    if (!span_is(frame->name, SPAN("chunk"))) /* one that is newer than this */
        return;
    struct sse_event inner = { .data = unpacked(r->json, frame->data, scratch) };
    if (inner.data.at)
        anthropic_read_event(r, &inner);
    else
        r->broken = "a frame that holds no event";
}

/* --- metering --- */

static void tap_chunk(struct json *j, struct span data, struct arena *a, struct stream_meter *m, void *hide)
{
    struct member metrics = { .name = SPAN("amazon-bedrock-invocationMetrics") };
    struct sse_event inner = { .data = unpacked(j, data, a) };
    struct usage u = m->usage;
    anthropic_tap_event(j, &inner, true, m, hide);
    if (m->finished && !m->usage.known && member_find(j, inner.data, &metrics, 1, NULL) && anthropic_metrics_read(metrics.raw, a, &u))
        answer_keep(m, &u);
}

static void tap_event(struct json *j, const struct sse_event *event, bool usage_wanted, struct stream_meter *m, bool *hide)
{
    (void)usage_wanted; /* always there */
    *hide = false;
    answer_start(m);
    m->failed = m->failed || is_exception(event->name);
    if (span_is(event->name, SPAN("chunk")) && event->data.at)
        answer_event(j, event->data, m, tap_chunk, hide);
}

static void write_error_event(struct buf *out, struct span code, struct span message)
{
    struct buf payload;
    buf_init(&payload, 1 << 16);
    struct json_out o = json_out(&payload);
    json_open(&o, '{');
    json_pair(&o, SPAN("message"), message);
    json_pair(&o, SPAN("code"), code);
    json_close(&o, '}');
    frames_put_aws(out, SPAN("exception"), SPAN("internalServerException"), payload.broken ? SPAN("{}") : buf_span(&payload));
    buf_free(&payload);
}

/* --- callers who speak Anthropic themselves --- */

static void put_betas(struct json_out *o, struct span betas)
{
    struct span rest = betas, beta;
    json_name(o, SPAN("anthropic_beta"));
    json_open(o, '[');
    while (rest.at && span_next(&rest, ',', &beta))
        if (span_trim(beta).len)
            json_put_string(o, span_trim(beta));
    json_close(o, ']');
}

/* What is a header field at Anthropic is a member here. */
static void reframe_call(struct json *j, struct span body, struct span betas, struct buf *out)
{
    struct member there = { .name = SPAN("anthropic_beta") };
    bool wanted = betas.len && member_find(j, body, &there, 1, NULL) && !there.raw.at;
    anthropic_body_elsewhere(j, body, version, out);
    if (!wanted || out->broken || !out->len)
        return;
    out->len--; /* the closing bracket: an object that has a member already */
    struct json_out o = json_out(out);
    o.comma = true;
    put_betas(&o, betas);
    json_close(&o, '}');
}

static bool reframe_event(struct json *j, const struct sse_event *frame, struct arena *a, struct buf *out)
{
    struct member type = { .name = SPAN("type") };
    if (!span_is(frame->name, SPAN("chunk")))
        return false;
    struct span event = unpacked(j, frame->data, a);
    if (!event.at || !member_find(j, event, &type, 1, NULL) || type.kind != JSON_STRING)
        return false;
    buf_put(out, SPAN("event: "));
    buf_put(out, raw_inside(type.raw));
    buf_put(out, SPAN("\ndata: "));
    buf_put(out, event);
    buf_put(out, SPAN("\n\n"));
    return true;
}

/* --- translation --- */

static void write_call(const struct call *c, const struct quirks *quirks, struct notes *notes, struct arena *a, struct buf *out)
{
    struct quirks amazon = quirks ? *quirks : (struct quirks){ 0 };
    if (!amazon.version.len)
        amazon.version = version;
    anthropic_write_call(c, &amazon, notes, a, out);
}

static const struct translator translator = {
    .needs_limit = true,
    .write_call = write_call,
    .read_answer = anthropic_read_answer,
    .read_event = read_event,
    .read_fault = anthropic_read_fault,
};

const struct dialect dialect_bedrock_invoke = {
    .name = "bedrock_invoke",
    .kin = "anthropic_messages",
    .translator = &translator,
    .framing = FRAMING_AWS,
    .read_ask = anthropic_read_ask,
    .edit_ask = anthropic_edit_ask,
    .read_usage = anthropic_read_usage,
    .tap_event = tap_event,
    .reframe_call = reframe_call,
    .reframe_event = reframe_event,
    .write_error_event = write_error_event,
};
