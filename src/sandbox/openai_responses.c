/* SPDX-License-Identifier: Apache-2.0
 * openai_responses.c - the sandbox's Responses API, whole and as a stream of named events. Nothing is kept: a response
 * cannot be retrieved later. */
#include "sandbox/openai.h"

struct telling {
    struct speech speech;
    struct span id, item;
    int64_t number; /* of the next event */
};

static void put_part(struct json_out *o, struct span text)
{
    json_open(o, '{');
    json_pair(o, SPAN("type"), SPAN("output_text"));
    json_pair(o, SPAN("text"), text);
    json_pair_raw(o, SPAN("annotations"), SPAN("[]"));
    json_close(o, '}');
}

static void put_item(struct json_out *o, const struct telling *t, bool done)
{
    json_open(o, '{');
    json_pair(o, SPAN("type"), SPAN("message"));
    json_pair(o, SPAN("id"), t->item);
    json_pair(o, SPAN("status"), !done ? SPAN("in_progress") : t->speech.cut ? SPAN("incomplete") : SPAN("completed"));
    json_pair(o, SPAN("role"), SPAN("assistant"));
    json_name(o, SPAN("content"));
    json_open(o, '[');
    if (done)
        put_part(o, t->speech.text);
    json_close(o, ']');
    json_close(o, '}');
}

static void put_usage(struct json_out *o, const struct speech *s)
{
    json_name(o, SPAN("usage"));
    json_open(o, '{');
    json_pair_i64(o, SPAN("input_tokens"), s->input);
    json_pair_raw(o, SPAN("input_tokens_details"), SPAN("{\"cached_tokens\":0}"));
    json_pair_i64(o, SPAN("output_tokens"), s->output);
    json_pair_raw(o, SPAN("output_tokens_details"), SPAN("{\"reasoning_tokens\":0}"));
    json_pair_i64(o, SPAN("total_tokens"), s->input + s->output);
    json_close(o, '}');
}

static void put_response(struct play *p, const struct telling *t, bool done)
{
    struct json_out *o = &p->json;
    bool cut = done && t->speech.cut;
    json_open(o, '{');
    json_pair(o, SPAN("id"), t->id);
    json_pair(o, SPAN("object"), SPAN("response"));
    json_pair_i64(o, SPAN("created_at"), p->now_ms / 1000);
    json_pair(o, SPAN("status"), !done ? SPAN("in_progress") : cut ? SPAN("incomplete") : SPAN("completed"));
    json_pair_raw(o, SPAN("error"), SPAN_NONE);
    json_pair_raw(o, SPAN("incomplete_details"), cut ? SPAN("{\"reason\":\"max_output_tokens\"}") : SPAN_NONE);
    json_pair(o, SPAN("model"), t->speech.model);
    json_name(o, SPAN("output"));
    json_open(o, '[');
    if (done)
        put_item(o, t, true);
    json_close(o, ']');
    json_pair_raw(o, SPAN("tools"), SPAN("[]"));
    json_pair(o, SPAN("tool_choice"), SPAN("auto"));
    json_pair_bool(o, SPAN("parallel_tool_calls"), true);
    json_pair_raw(o, SPAN("metadata"), SPAN("{}"));
    if (done)
        put_usage(o, &t->speech);
    else
        json_pair_raw(o, SPAN("usage"), SPAN_NONE);
    json_close(o, '}');
}

/* ---- as events ---- */

static void open_event(struct play *p, struct telling *t, const char *type)
{
    openai_event(p, type);
    json_open(&p->json, '{');
    json_pair(&p->json, SPAN("type"), span_of(type));
    json_pair_i64(&p->json, SPAN("sequence_number"), t->number++);
}

static void close_event(struct play *p)
{
    json_close(&p->json, '}');
    buf_put(&p->out, SPAN("\n\n"));
}

static void response_event(struct play *p, struct telling *t, const char *type, bool done)
{
    open_event(p, t, type);
    json_name(&p->json, SPAN("response"));
    put_response(p, t, done);
    close_event(p);
}

static void item_event(struct play *p, struct telling *t, const char *type, bool done)
{
    open_event(p, t, type);
    json_pair_i64(&p->json, SPAN("output_index"), 0);
    json_name(&p->json, SPAN("item"));
    put_item(&p->json, t, done);
    close_event(p);
}

static void place(struct play *p, const struct telling *t)
{
    json_pair(&p->json, SPAN("item_id"), t->item);
    json_pair_i64(&p->json, SPAN("output_index"), 0);
    json_pair_i64(&p->json, SPAN("content_index"), 0);
}

static void part_event(struct play *p, struct telling *t, const char *type, struct span text)
{
    open_event(p, t, type);
    place(p, t);
    json_name(&p->json, SPAN("part"));
    put_part(&p->json, text);
    close_event(p);
}

static void text_event(struct play *p, struct telling *t, const char *type, struct span member, struct span text)
{
    open_event(p, t, type);
    place(p, t);
    json_pair(&p->json, member, text);
    close_event(p);
}

static void answer_stream(struct play *p, struct telling *t)
{
    struct span rest = t->speech.text, word;
    p->events = true;
    response_event(p, t, "response.created", false);
    response_event(p, t, "response.in_progress", false);
    item_event(p, t, "response.output_item.added", false);
    part_event(p, t, "response.content_part.added", SPAN(""));
    while (speech_next(&rest, &word))
        text_event(p, t, "response.output_text.delta", SPAN("delta"), word);
    text_event(p, t, "response.output_text.done", SPAN("text"), t->speech.text);
    part_event(p, t, "response.content_part.done", t->speech.text);
    item_event(p, t, "response.output_item.done", true);
    response_event(p, t, t->speech.cut ? "response.incomplete" : "response.completed", true);
}

void openai_responses(struct play *p)
{
    struct json_value body = play_json(p);
    struct telling t = { .id = play_id(p, "resp_sandbox"),
        .item = play_id(p, "msg_sandbox") };
    if (!speech_make(p, body, "input", "instructions", speech_limit(body, "max_output_tokens"), &t.speech))
        openai_fail(p, 400, "missing_required_parameter", "A response needs `model` and `input`");
    else if (t.speech.stream)
        answer_stream(p, &t);
    else
        put_response(p, &t, true);
}
