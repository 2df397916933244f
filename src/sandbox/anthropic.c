/* SPDX-License-Identifier: Apache-2.0
 * anthropic.c - the sandbox's Anthropic: messages, whole and as events; counting tokens; models. */
#include "sandbox/speech.h"

static const char *const models[] = { "claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-5" };

static void fail(struct play *p, int status, const char *type, const char *message)
{
    struct json_out *o = &p->json;
    p->status = status;
    json_open(o, '{');
    json_pair(o, SPAN("type"), SPAN("error"));
    json_name(o, SPAN("error"));
    json_open(o, '{');
    json_pair(o, SPAN("type"), span_of(type));
    json_pair(o, SPAN("message"), span_of(message));
    json_close(o, '}');
    json_close(o, '}');
}

static struct span stop_reason(const struct speech *s) { return s->tool.at ? SPAN("tool_use") : s->cut ? SPAN("max_tokens") : SPAN("end_turn"); }

static void put_usage(struct json_out *o, const struct speech *s, int64_t output)
{
    json_name(o, SPAN("usage"));
    json_open(o, '{');
    json_pair_i64(o, SPAN("input_tokens"), s->input);
    json_pair_i64(o, SPAN("cache_creation_input_tokens"), 0);
    json_pair_i64(o, SPAN("cache_read_input_tokens"), 0);
    json_pair_i64(o, SPAN("output_tokens"), output);
    json_close(o, '}');
}

/* In a stream the input comes afterwards. */
static void put_tool_use(struct play *p, const struct speech *s, struct span input)
{
    struct json_out *o = &p->json;
    json_open(o, '{');
    json_pair(o, SPAN("type"), SPAN("tool_use"));
    json_pair(o, SPAN("id"), play_id(p, "toolu_sandbox"));
    json_pair(o, SPAN("name"), s->tool);
    json_pair_raw(o, SPAN("input"), input);
    json_close(o, '}');
}

static void put_message(struct play *p, const struct speech *s, bool done)
{
    struct json_out *o = &p->json;
    json_open(o, '{');
    json_pair(o, SPAN("id"), play_id(p, "msg_sandbox"));
    json_pair(o, SPAN("type"), SPAN("message"));
    json_pair(o, SPAN("role"), SPAN("assistant"));
    json_pair(o, SPAN("model"), s->model);
    json_name(o, SPAN("content"));
    json_open(o, '[');
    if (done && s->tool.at) {
        put_tool_use(p, s, s->arguments);
    } else if (done) {
        json_open(o, '{');
        json_pair(o, SPAN("type"), SPAN("text"));
        json_pair(o, SPAN("text"), s->text);
        json_close(o, '}');
    }
    json_close(o, ']');
    json_pair(o, SPAN("stop_reason"), done ? stop_reason(s) : SPAN_NONE);
    json_pair_raw(o, SPAN("stop_sequence"), SPAN_NONE);
    put_usage(o, s, done ? s->output : 1);
    json_close(o, '}');
}

/* ---- as events ---- */

static void open_event(struct play *p, const char *type)
{
    buf_print(&p->out, "event: %s\ndata: ", type);
    p->json = json_out(&p->out);
    json_open(&p->json, '{');
    json_pair(&p->json, SPAN("type"), span_of(type));
}

static void close_event(struct play *p)
{
    json_close(&p->json, '}');
    buf_put(&p->out, SPAN("\n\n"));
}

static void put_delta(struct play *p, const char *type, const char *member, struct span word)
{
    open_event(p, "content_block_delta");
    json_pair_i64(&p->json, SPAN("index"), 0);
    json_name(&p->json, SPAN("delta"));
    json_open(&p->json, '{');
    json_pair(&p->json, SPAN("type"), span_of(type));
    json_pair(&p->json, span_of(member), word);
    json_close(&p->json, '}');
    close_event(p);
}

static void put_end(struct play *p, const struct speech *s)
{
    struct json_out *o = &p->json;
    open_event(p, "message_delta");
    json_name(o, SPAN("delta"));
    json_open(o, '{');
    json_pair(o, SPAN("stop_reason"), stop_reason(s));
    json_pair_raw(o, SPAN("stop_sequence"), SPAN_NONE);
    json_close(o, '}');
    put_usage(o, s, s->output);
    close_event(p);
    open_event(p, "message_stop");
    close_event(p);
}

static void answer_stream(struct play *p, const struct speech *s)
{
    struct span rest = s->text, word;
    p->events = true;
    open_event(p, "message_start");
    json_name(&p->json, SPAN("message"));
    put_message(p, s, false);
    close_event(p);
    open_event(p, "content_block_start");
    json_pair_i64(&p->json, SPAN("index"), 0);
    if (s->tool.at) {
        json_name(&p->json, SPAN("content_block"));
        put_tool_use(p, s, SPAN("{}"));
    } else {
        json_pair_raw(&p->json, SPAN("content_block"), SPAN("{\"type\":\"text\",\"text\":\"\"}"));
    }
    close_event(p);
    open_event(p, "ping");
    close_event(p);
    if (s->tool.at)
        put_delta(p, "input_json_delta", "partial_json", s->arguments);
    while (!s->tool.at && speech_next(&rest, &word))
        put_delta(p, "text_delta", "text", word);
    open_event(p, "content_block_stop");
    json_pair_i64(&p->json, SPAN("index"), 0);
    close_event(p);
    put_end(p, s);
}

/* ---- which ---- */

static void messages(struct play *p)
{
    struct speech s;
    struct json_value body = play_json(p);
    int64_t limit = speech_limit(body, "max_tokens");
    if (limit < 0 || json_kind(json_member(body, SPAN("messages"))) != JSON_ARRAY || !speech_make(p, body, "messages", "system", limit, &s)) {
        fail(p, 400, "invalid_request_error", "A message needs `model`, `messages`, a list, and `max_tokens`");
        return;
    }
    speech_call_tool(p, body, limit, &s);
    if (s.stream)
        answer_stream(p, &s);
    else
        put_message(p, &s, true);
}

static void count_tokens(struct play *p)
{
    struct speech s;
    if (!speech_make(p, play_json(p), "messages", "system", -1, &s)) {
        fail(p, 400, "invalid_request_error", "`model` and `messages` are needed");
        return;
    }
    json_open(&p->json, '{');
    json_pair_i64(&p->json, SPAN("input_tokens"), s.input);
    json_close(&p->json, '}');
}

static void list_models(struct play *p)
{
    json_open(&p->json, '{');
    json_name(&p->json, SPAN("data"));
    json_open(&p->json, '[');
    for (size_t i = 0; i < sizeof(models) / sizeof(*models); i++) {
        json_open(&p->json, '{');
        json_pair(&p->json, SPAN("type"), SPAN("model"));
        json_pair(&p->json, SPAN("id"), span_of(models[i]));
        json_pair(&p->json, SPAN("display_name"), span_of(models[i]));
        json_pair(&p->json, SPAN("created_at"), SPAN("2025-10-01T00:00:00Z"));
        json_close(&p->json, '}');
    }
    json_close(&p->json, ']');
    json_pair_bool(&p->json, SPAN("has_more"), false);
    json_close(&p->json, '}');
}

void anthropic_answer(struct play *p)
{
    struct span id = SPAN_NONE;
    play_field(p, SPAN("request-id"), play_id(p, "req_sandbox"));
    if (!p->secret_fits)
        fail(p, 401, "authentication_error", "invalid x-api-key: the sandbox wants its own");
    else if (play_is(p, "POST", "messages", &id))
        messages(p);
    else if (play_is(p, "POST", "messages/count_tokens", &id))
        count_tokens(p);
    else if (play_is(p, "GET", "models", &id))
        list_models(p);
    else
        fail(p, 404, "not_found_error", "The sandbox does not play this");
}
