/* SPDX-License-Identifier: Apache-2.0
 * cohere.c - Cohere's v2 chat: what metering must know of it.
 *
 * Cohere bills usage.billed_units, which are fewer than usage.tokens: what it adds to a prompt of its own is not billed. */
#include "dialect/answer.h"
#include "dialect/ask.h"
#include "dialect/cohere_int.h"
#include "dialect/dialects.h"
#include "dialect/walk.h"

/* A picture of 1536 pixels squared has the most of tiles, of 256 tokens each, and its own overview. */
enum { PICTURE_TOKENS_MOST = 4096 };

static const struct ask_field fields[] = {
    ASK_FIELD("model", ASK_TEXT, model, " must be a string"),
    ASK_FIELD("stream", ASK_FLAG, stream, " must be true or false"),
    ASK_FIELD("max_tokens", ASK_COUNT, limit, " must be a whole number, written with digits only"),
    ASK_FIELD("messages", ASK_RAW, messages, ""),
    ASK_FIELD("tools", ASK_RAW, tools, ""),
    { .name = { NULL, 0 } },
};

enum { IMAGE_URL = 1, URL, CONTENT };
static const struct span names[] = { { "image_url", 9 }, { "url", 3 }, { "content", 7 }, { NULL, 0 } };

static void weigh(void *self, uint64_t place, bool name, struct span raw)
{
    struct ask *ask = self;
    if (name || place != WALK_AT5(WALK_ITEM, CONTENT, WALK_ITEM, IMAGE_URL, URL)) /* elsewhere (documents, arguments) it is text */
        return;
    if (ask_is_inline_picture(raw))
        ask_picture(ask, raw, PICTURE_TOKENS_MOST);
    else
        ask->input_unbounded = true;
}

static enum err read_ask(struct json *j, struct span body, struct arena *a, struct ask *out, const char **why)
{
    struct ask_found found;
    enum err e = ask_read(j, body, a, fields, &found, why);
    if (e)
        return e;
    ask_begin(body, &found, out);
    walk(found.messages, names, weigh, out);
    return E_OK;
}

static void edit_ask(struct json *j, struct span body, const struct ask_edit *edit, struct buf *out)
{
    ask_edit_limit(j, body, SPAN("max_tokens"), edit, out);
}

/* ---- usage ---- */

void cohere_usage(struct span usage, struct arena *a, struct usage *u)
{
    struct span billed = raw_member(usage, SPAN("billed_units"), a);
    answer_clear(u);
    if (raw_kind(billed) != JSON_OBJECT)
        billed = raw_member(usage, SPAN("tokens"), a);
    int64_t in = count_in(billed, SPAN("input_tokens"), a), out = count_in(billed, SPAN("output_tokens"), a);
    int64_t searches = count_in(billed, SPAN("search_units"), a);
    if (in < 0 && out < 0 && searches < 0)
        return;
    u->known = true;
    u->raw = usage;
    u->tokens[METER_IN] = u->input_total = in < 0 ? 0 : in;
    u->tokens[METER_OUT] = u->output_total = out < 0 ? 0 : out;
    u->fees[FEE_SEARCH] = searches < 0 ? 0 : searches;
}

static void read_usage(struct json *j, struct span body, struct arena *a, struct usage *u)
{
    answer_clear(u);
    if (serial_object(j, &body))
        cohere_usage(raw_member(body, SPAN("usage"), a), a, u);
}

/* ---- streams ---- */

enum { E_DELTA = 1, E_TEXT, E_THINKING, E_TOOL_PLAN, E_ARGUMENTS };
static const struct span event_names[] = {
    [E_DELTA - 1] = { "delta", 5 },
    [E_TEXT - 1] = { "text", 4 },
    [E_THINKING - 1] = { "thinking", 8 },
    [E_TOOL_PLAN - 1] = { "tool_plan", 9 },
    [E_ARGUMENTS - 1] = { "arguments", 9 },
    [E_ARGUMENTS] = { NULL, 0 },
};

static void count_delta(void *self, uint64_t place, bool name, struct span raw)
{
    struct stream_meter *m = self;
    uint64_t last = place & 0xff;
    if (!name && last >= E_TEXT && last <= E_ARGUMENTS && raw.len > 2)
        meter_output(m, raw);
}

static void tap_end(struct span data, struct arena *a, struct stream_meter *m)
{
    struct span delta = raw_member(data, SPAN("delta"), a), reason = raw_member(delta, SPAN("finish_reason"), a);
    struct usage u;
    cohere_usage(raw_member(delta, SPAN("usage"), a), a, &u);
    if (u.known)
        answer_keep(m, &u);
    m->finished = true;
    m->failed = raw_is(reason, SPAN("ERROR")) || raw_is(reason, SPAN("TIMEOUT"));
}

static void tap_event(struct json *j, const struct sse_event *event, bool usage_wanted, struct stream_meter *m, bool *hide)
{
    struct span data = event->data;
    struct arena a;
    (void)usage_wanted; /* always there */
    *hide = false;
    answer_start(m);
    if (!data.at)
        return;
    if (answer_mentions(data, SPAN("-delta\"")) || answer_mentions(data, SPAN("-start\"")))
        walk(data, event_names, count_delta, m);
    if (!answer_mentions(data, SPAN("\"message-end\"")) || !serial_object(j, &data))
        return;
    arena_init(&a, ANSWER_EVENT_MOST);
    if (raw_is(raw_member(data, SPAN("type"), &a), SPAN("message-end")))
        tap_end(data, &a, m);
    arena_free(&a);
}

static void write_error_event(struct buf *out, struct span code, struct span message)
{
    struct json_out o = json_out(out);
    (void)code; /* it has only words for errors */
    buf_put(out, SPAN("event: message-end\ndata: "));
    json_open(&o, '{');
    json_pair(&o, SPAN("type"), SPAN("message-end"));
    json_name(&o, SPAN("delta"));
    json_open(&o, '{');
    json_pair(&o, SPAN("error"), message);
    json_pair(&o, SPAN("finish_reason"), SPAN("ERROR"));
    json_close(&o, '}');
    json_close(&o, '}');
    buf_put(out, SPAN("\n\n"));
}

static const struct translator translator = {
    .write_call = cohere_write_call,
    .read_answer = cohere_read_answer,
    .read_event = cohere_read_event,
    .read_fault = cohere_read_fault,
};

const struct dialect dialect_cohere = {
    .name = "cohere",
    .translator = &translator,
    .framing = FRAMING_SSE,
    .read_ask = read_ask,
    .edit_ask = edit_ask,
    .read_usage = read_usage,
    .tap_event = tap_event,
    .write_error_event = write_error_event,
};
