/* SPDX-License-Identifier: Apache-2.0
 * ollama_answer.c - Ollama's answers, whole and streamed, and its errors. A line of a stream is shaped like a whole answer and holds what is
 * new; tool calls come whole and, as a rule, without ids. */
#include "base/text.h"
#include "dialect/ollama_int.h"

static struct span at(struct span object, const char *name, struct arena *a) { return raw_member(object, span_of(name), a); }
static struct span text_or_none(struct span raw) { return raw_kind(raw) == JSON_STRING ? raw : SPAN_NONE; }

static enum ending ending_of(struct span reason, bool calls)
{
    if (raw_is(reason, SPAN("length")))
        return ENDING_LENGTH;
    return calls ? ENDING_TOOLS : ENDING_TURN;
}

static int64_t created(struct span object, struct arena *a)
{
    int64_t ms;
    struct span text = raw_text(at(object, "created_at", a), a);
    return text.at && text_time_parse(text, &ms) ? ms / 1000 : 0;
}

static void read_head(struct span object, struct arena *a, struct answer *out)
{
    out->model = text_or_none(at(object, "model", a));
    out->created = created(object, a);
}

/* ---- log probabilities ---- */

static void put_token(struct json_out *o, struct span item, struct arena *a, bool tops)
{
    struct span token = text_or_none(at(item, "token", a)), logprob = at(item, "logprob", a), bytes = at(item, "bytes", a), none, one;
    json_open(o, '{');
    json_pair_raw(o, SPAN("token"), token.at ? token : SPAN("\"\""));
    json_pair_raw(o, SPAN("logprob"), raw_kind(logprob) == JSON_NUMBER ? logprob : SPAN("0"));
    json_pair_raw(o, SPAN("bytes"), raw_kind(bytes) == JSON_ARRAY ? bytes : SPAN_NONE);
    if (tops) {
        json_name(o, SPAN("top_logprobs"));
        json_open(o, '[');
        for (struct raw_iter it = raw_iter(at(item, "top_logprobs", a), a); raw_next(&it, &none, &one);)
            put_token(o, one, a, false);
        json_close(o, ']');
    }
    json_close(o, '}');
}

/* In OpenAI's shape; SPAN_NONE: there are none. */
static struct span read_logprobs(struct span object, struct arena *a)
{
    struct span items = at(object, "logprobs", a), none, one, shaped;
    struct buf text;
    if (raw_kind(items) != JSON_ARRAY)
        return SPAN_NONE;
    buf_init(&text, 64 << 20);
    struct json_out o = json_out(&text);
    json_open(&o, '[');
    for (struct raw_iter it = raw_iter(items, a); raw_next(&it, &none, &one);)
        put_token(&o, one, a, true);
    json_close(&o, ']');
    shaped = text.broken ? SPAN_NONE : arena_copy(a, buf_span(&text));
    buf_free(&text);
    return shaped;
}

/* ---- whole answers ---- */

/* arena: where a made up id lives. */
static struct part tool_call_of(struct reader *r, struct span call, uint64_t nth, struct arena *a)
{
    struct span function = at(call, "function", a), arguments = at(function, "arguments", a);
    struct part p = { .kind = PART_TOOL_CALL, .id = text_or_none(at(call, "id", a)), .name = text_or_none(at(function, "name", a)) };
    if (p.id.len <= 2)
        p.id = made_up_id("call_", r->seed, nth, a);
    p.name = p.name.at ? p.name : SPAN("\"\"");
    p.arguments = raw_kind(arguments) == JSON_OBJECT ? arguments : SPAN("{}");
    return p;
}

static void add_text(struct span text, enum part_kind kind, struct part **parts, struct arena *a)
{
    struct part *p = raw_inside(text).len ? part_add(parts, kind, a) : NULL;
    if (p)
        p->text = text;
}

static bool read_message(struct reader *r, struct span message, struct part **parts)
{
    struct arena *a = r->arena;
    struct span none, one;
    uint64_t nth = 0;
    add_text(at(message, "thinking", a), PART_THINKING, parts, a);
    add_text(at(message, "content", a), PART_TEXT, parts, a);
    for (struct raw_iter it = raw_iter(at(message, "tool_calls", a), a); raw_next(&it, &none, &one);) {
        struct part *p = part_add(parts, PART_TOOL_CALL, a);
        if (!p)
            break;
        struct part read = tool_call_of(r, one, nth++, a);
        p->id = read.id;
        p->name = read.name;
        p->arguments = read.arguments;
    }
    return nth > 0;
}

enum err ollama_read_answer(struct reader *r, struct span body, struct answer *out)
{
    struct arena *a = r->arena;
    answer_begin(out);
    if (!serial_object(r->json, &body))
        return E_UPSTREAM_BROKEN;
    ollama_usage(body, a, &out->usage);
    struct span message = at(body, "message", a);
    struct choice *choice = raw_kind(message) == JSON_OBJECT ? answer_choice(out, 0, a) : NULL;
    if (!choice)
        return a->broken ? E_NO_MEMORY : E_UPSTREAM_BROKEN;
    read_head(body, a, out);
    bool calls = read_message(r, message, &choice->parts);
    struct part *text = (struct part *)part_first(choice->parts, PART_TEXT);
    if (text)
        text->logprobs = read_logprobs(body, a);
    choice->ending = ending_of(at(body, "done_reason", a), calls);
    return a->broken ? E_NO_MEMORY : E_OK;
}

/* ---- streams ---- */

static void want(struct reader *r, struct serial *s, enum part_kind kind)
{
    if (!serial_at(s, 0, kind))
        serial_open(r, s, 0, &(struct part){ .kind = kind });
}

static void stream_text(struct reader *r, struct serial *s, enum part_kind kind, struct span text)
{
    if (!raw_inside(text).len)
        return;
    want(r, s, kind);
    serial_delta(r, s, DELTA_TEXT, text);
}

static void stream_tools(struct reader *r, struct serial *s, struct span calls)
{
    struct span none, one;
    for (struct raw_iter it = raw_iter(calls, r->event); raw_next(&it, &none, &one);) {
        struct part p = tool_call_of(r, one, (uint64_t)s->made_up++, r->event);
        struct span arguments = raw_quote(p.arguments, r->event);
        p.arguments = SPAN_NONE;
        serial_open(r, s, s->made_up, &p);
        serial_delta(r, s, DELTA_ARGUMENTS, arguments);
        serial_close(r, s);
    }
}

static void stream_end(struct reader *r, struct serial *s, struct span data)
{
    struct usage u;
    ollama_usage(data, r->event, &u);
    serial_end(r, s, ending_of(at(data, "done_reason", r->event), s->made_up > 0), SPAN_NONE);
    serial_usage(r, &u);
    reader_emit(r, &(struct event){ .kind = EVENT_END });
}

void ollama_read_event(struct reader *r, const struct sse_event *frame)
{
    struct serial *s = serial_of(r);
    struct span data = frame->data;
    struct answer head;
    if (!s || !serial_frame(r, &data))
        return;
    struct span error = at(data, "error", r->event), message = at(data, "message", r->event);
    if (error.at) {
        struct fault f;
        ollama_read_fault(r->json, 500, data, r->event, &f);
        serial_fail(r, &f);
        return;
    }
    answer_begin(&head);
    read_head(data, r->event, &head);
    serial_start(r, s, &head);
    stream_text(r, s, PART_THINKING, at(message, "thinking", r->event));
    stream_text(r, s, PART_TEXT, at(message, "content", r->event));
    if (s->open && s->kind == PART_TEXT)
        serial_delta(r, s, DELTA_LOGPROBS, read_logprobs(data, r->event));
    stream_tools(r, s, at(message, "tool_calls", r->event));
    if (span_is(at(data, "done", r->event), SPAN("true")))
        stream_end(r, s, data);
}

/* ---- errors ---- */

void ollama_read_fault(struct json *j, int status, struct span body, struct arena *a, struct fault *out)
{
    struct span error = serial_object(j, &body) ? at(body, "error", a) : SPAN_NONE;
    if (raw_kind(error) == JSON_OBJECT) /* as its OpenAI-compatible side says it */
        error = at(error, "message", a);
    *out = (struct fault){ .kind = fault_of_status(status), .status = status, .message = text_or_none(error) };
    if (!out->message.at)
        out->message = raw_quote(SPAN("Ollama answered with an error"), a);
    out->kind = fault_of_words(raw_text(out->message, a), out->kind);
}
