/* SPDX-License-Identifier: Apache-2.0
 * ollama.c - Ollama's own chat, /api/chat: what metering must know of it. It streams lines of JSON, and does so unless told not to. */
#include "dialect/answer.h"
#include "dialect/ask.h"
#include "dialect/dialects.h"
#include "dialect/ollama_int.h"
#include "dialect/walk.h"

/* Models that cut large pictures into tiles count some thousand tokens. */
enum { PICTURE_TOKENS_MOST = 8192 };

static const struct ask_field fields[] = {
    ASK_FIELD("model", ASK_TEXT, model, " must be a string"),
    ASK_FIELD("stream", ASK_RAW, stream_options, ""),
    ASK_FIELD("messages", ASK_RAW, messages, ""),
    ASK_FIELD("tools", ASK_RAW, tools, ""),
    ASK_FIELD("options", ASK_RAW, metadata, ""),
    { .name = { NULL, 0 } },
};

enum { IMAGES = 1 };
static const struct span names[] = { { "images", 6 }, { NULL, 0 } };

static void weigh(void *self, uint64_t place, bool name, struct span raw)
{
    if (!name && place == WALK_AT3(WALK_ITEM, IMAGES, WALK_ITEM))
        ask_picture(self, raw, PICTURE_TOKENS_MOST);
}

/* -1 and -2 are no limits: as many as it likes, as many as there is room for. Nor is 0: it writes without end. */
static enum err read_limit(struct span options, struct arena *a, struct ask *out, const char **why)
{
    enum json_kind kind = raw_kind(options);
    *why = "options must be an object";
    if (kind != JSON_NONE && kind != JSON_OBJECT)
        return E_BAD_REQUEST;
    struct span limit = raw_member(options, SPAN("num_predict"), a);
    int64_t n = -1;
    *why = "options.num_predict must be a whole number, written with digits only";
    if (limit.at && raw_kind(limit) != JSON_NULL && (raw_kind(limit) != JSON_NUMBER || !json_raw_integer(limit, &n)))
        return E_BAD_REQUEST;
    out->output_limit = n <= 0 ? -1 : n;
    out->zero_limit = n == 0;
    return E_OK;
}

static enum err read_ask(struct json *j, struct span body, struct arena *a, struct ask *out, const char **why)
{
    struct ask_found found;
    enum err e = ask_read(j, body, a, fields, &found, why);
    if (e)
        return e;
    enum json_kind stream = raw_kind(found.stream_options);
    *why = "stream must be true or false";
    if (stream != JSON_NONE && stream != JSON_BOOL)
        return E_BAD_REQUEST;
    ask_begin(body, &found, out);
    out->stream = !span_is(found.stream_options, SPAN("false"));
    walk(found.messages, names, weigh, out);
    return read_limit(found.metadata, a, out, why);
}

static void put_limit(struct ask_splices *s, struct span options, long long limit)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    struct span old = raw_member(options, SPAN("num_predict"), &a), none, first;
    struct raw_iter it = raw_iter(options, &a);
    if (old.at)
        ask_replace(s, old, "%lld", limit);
    else if (raw_kind(options) == JSON_OBJECT)
        ask_insert(s, options, !raw_next(&it, &none, &first), "\"num_predict\":%lld", limit);
    else
        ask_replace(s, options, "{\"num_predict\":%lld}", limit);
    arena_free(&a);
}

static void edit_ask(struct json *j, struct span body, const struct ask_edit *edit, struct buf *out)
{
    struct member m[] = { { .name = SPAN("model") }, { .name = SPAN("options") } };
    struct ask_splices s = { .body = body };
    bool empty;
    if (!member_find(j, body, m, 2, &empty) || empty) {
        out->broken = true;
        return;
    }
    ask_edit_model(&s, &m[0], edit);
    if (edit->output_limit >= 0 && m[1].raw.at)
        put_limit(&s, m[1].raw, (long long)edit->output_limit);
    else if (edit->output_limit >= 0)
        ask_insert(&s, body, false, "\"options\":{\"num_predict\":%lld}", (long long)edit->output_limit);
    ask_write(&s, out);
}

/* ---- usage ---- */

/* A prompt that was wholly kept from the last call is not counted again, and then not told. */
void ollama_usage(struct span object, struct arena *a, struct usage *u)
{
    answer_clear(u);
    u->model = raw_text(raw_member(object, SPAN("model"), a), a);
    int64_t in = count_in(object, SPAN("prompt_eval_count"), a), out = count_in(object, SPAN("eval_count"), a);
    if (in < 0 && out < 0)
        return;
    u->known = true;
    u->tokens[METER_IN] = u->input_total = in < 0 ? 0 : in;
    u->tokens[METER_OUT] = u->output_total = out < 0 ? 0 : out;
    u->raw = arena_print(a, "{\"prompt_eval_count\":%lld,\"eval_count\":%lld}", (long long)u->input_total, (long long)u->output_total);
}

static void read_usage(struct json *j, struct span body, struct arena *a, struct usage *u)
{
    answer_clear(u);
    if (serial_object(j, &body))
        ollama_usage(body, a, u);
}

/* ---- streams ---- */

enum { E_MESSAGE = 1 };
static const struct span event_names[] = { { "message", 7 }, { NULL, 0 } };

static void count_message(void *self, uint64_t place, bool name, struct span raw)
{
    struct stream_meter *m = self;
    bool role = raw.len == 11 && memcmp(raw.at, "\"assistant\"", 11) == 0;
    while (place > 0xff)
        place >>= 8;
    if (!name && place == E_MESSAGE && raw.len > 2 && !role)
        meter_output(m, raw);
}

static void tap_event(struct json *j, const struct sse_event *event, bool usage_wanted, struct stream_meter *m, bool *hide)
{
    struct span data = event->data;
    struct arena a;
    struct usage u;
    (void)usage_wanted; /* always there */
    *hide = false;
    answer_start(m);
    walk(data, event_names, count_message, m);
    if ((!answer_mentions(data, SPAN("\"done\"")) && !answer_mentions(data, SPAN("\"error\""))) || !serial_object(j, &data))
        return;
    arena_init(&a, ANSWER_EVENT_MOST);
    bool done = span_is(raw_member(data, SPAN("done"), &a), SPAN("true"));
    if (raw_member(data, SPAN("error"), &a).at)
        m->failed = true;
    ollama_usage(data, &a, &u);
    if (done || !m->usage.model.at)
        answer_keep(m, &u);
    m->finished = m->finished || done;
    arena_free(&a);
}

static void write_error_event(struct buf *out, struct span code, struct span message)
{
    struct json_out o = json_out(out);
    (void)code; /* it has only words for errors */
    json_open(&o, '{');
    json_pair(&o, SPAN("error"), message);
    json_close(&o, '}');
    buf_put_byte(out, '\n');
}

static const struct translator translator = {
    .write_call = ollama_write_call,
    .read_answer = ollama_read_answer,
    .read_event = ollama_read_event,
    .read_fault = ollama_read_fault,
};

const struct dialect dialect_ollama = {
    .name = "ollama",
    .translator = &translator,
    .framing = FRAMING_LINES,
    .read_ask = read_ask,
    .edit_ask = edit_ask,
    .read_usage = read_usage,
    .tap_event = tap_event,
    .write_error_event = write_error_event,
};
