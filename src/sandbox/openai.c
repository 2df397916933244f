/* SPDX-License-Identifier: Apache-2.0
 * openai.c - the sandbox's OpenAI: chat completions and models here, responses in openai_responses.c, embeddings in
 * openai_embeddings.c. */
#include "sandbox/openai.h"

static const char *const models[] = { "gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "text-embedding-3-small", "text-embedding-3-large" };

void openai_fail(struct play *p, int status, const char *code, const char *message)
{
    struct json_out *o = &p->json;
    p->status = status;
    json_open(o, '{');
    json_name(o, SPAN("error"));
    json_open(o, '{');
    json_pair(o, SPAN("message"), span_of(message));
    json_pair(o, SPAN("type"), SPAN("invalid_request_error"));
    json_pair_raw(o, SPAN("param"), SPAN_NONE);
    json_pair(o, SPAN("code"), span_of(code));
    json_close(o, '}');
    json_close(o, '}');
}

/* ---- chat completions ---- */

struct chat {
    struct speech speech;
    struct span id, call;
    bool usage; /* asked for in the stream */
};

static void put_usage(struct json_out *o, const struct speech *s)
{
    json_name(o, SPAN("usage"));
    json_open(o, '{');
    json_pair_i64(o, SPAN("prompt_tokens"), s->input);
    json_pair_i64(o, SPAN("completion_tokens"), s->output);
    json_pair_i64(o, SPAN("total_tokens"), s->input + s->output);
    json_pair_raw(o, SPAN("prompt_tokens_details"), SPAN("{\"cached_tokens\":0,\"audio_tokens\":0}"));
    json_pair_raw(o, SPAN("completion_tokens_details"), SPAN("{\"reasoning_tokens\":0,\"audio_tokens\":0}"));
    json_close(o, '}');
}

static void put_head(struct play *p, const struct chat *c, const char *object)
{
    json_open(&p->json, '{');
    json_pair(&p->json, SPAN("id"), c->id);
    json_pair(&p->json, SPAN("object"), span_of(object));
    json_pair_i64(&p->json, SPAN("created"), p->now_ms / 1000);
    json_pair(&p->json, SPAN("model"), c->speech.model);
    json_pair(&p->json, SPAN("system_fingerprint"), SPAN("fp_sandbox"));
}

static struct span finish_reason(const struct chat *c) { return c->speech.tool.at ? SPAN("tool_calls") : c->speech.cut ? SPAN("length") : SPAN("stop"); }

/* A list of one; in a stream it has its place, too. */
static void put_tool_call(struct json_out *o, const struct chat *c, bool placed)
{
    json_name(o, SPAN("tool_calls"));
    json_open(o, '[');
    json_open(o, '{');
    if (placed)
        json_pair_i64(o, SPAN("index"), 0);
    json_pair(o, SPAN("id"), c->call);
    json_pair(o, SPAN("type"), SPAN("function"));
    json_name(o, SPAN("function"));
    json_open(o, '{');
    json_pair(o, SPAN("name"), c->speech.tool);
    json_pair(o, SPAN("arguments"), c->speech.arguments);
    json_close(o, '}');
    json_close(o, '}');
    json_close(o, ']');
}

static void put_message(struct json_out *o, const struct chat *c)
{
    json_name(o, SPAN("message"));
    json_open(o, '{');
    json_pair(o, SPAN("role"), SPAN("assistant"));
    json_pair(o, SPAN("content"), c->speech.tool.at ? SPAN_NONE : c->speech.text);
    if (c->speech.tool.at)
        put_tool_call(o, c, false);
    json_pair_raw(o, SPAN("refusal"), SPAN_NONE);
    json_close(o, '}');
}

static void answer_whole(struct play *p, const struct chat *c)
{
    struct json_out *o = &p->json;
    put_head(p, c, "chat.completion");
    json_name(o, SPAN("choices"));
    json_open(o, '[');
    json_open(o, '{');
    json_pair_i64(o, SPAN("index"), 0);
    put_message(o, c);
    json_pair_raw(o, SPAN("logprobs"), SPAN_NONE);
    json_pair(o, SPAN("finish_reason"), finish_reason(c));
    json_close(o, '}');
    json_close(o, ']');
    put_usage(o, &c->speech);
    json_close(o, '}');
}

void openai_event(struct play *p, const char *name)
{
    if (name)
        buf_print(&p->out, "event: %s\n", name);
    buf_put(&p->out, SPAN("data: "));
    p->json = json_out(&p->out);
}

/* One chunk: role or text, the call of a tool, or the reason of the end. */
static void put_chunk(struct play *p, const struct chat *c, struct span member, struct span text, struct span reason)
{
    struct json_out *o;
    openai_event(p, NULL);
    put_head(p, c, "chat.completion.chunk");
    o = &p->json;
    json_name(o, SPAN("choices"));
    json_open(o, '[');
    json_open(o, '{');
    json_pair_i64(o, SPAN("index"), 0);
    json_name(o, SPAN("delta"));
    json_open(o, '{');
    if (span_is(member, SPAN("tool_calls")))
        put_tool_call(o, c, true);
    else if (member.at)
        json_pair(o, member, text);
    json_close(o, '}');
    json_pair(o, SPAN("finish_reason"), reason);
    json_close(o, '}');
    json_close(o, ']');
    if (c->usage)
        json_pair_raw(o, SPAN("usage"), SPAN_NONE);
    json_close(o, '}');
    buf_put(&p->out, SPAN("\n\n"));
}

static void answer_stream(struct play *p, const struct chat *c)
{
    struct span rest = c->speech.text, word;
    p->events = true;
    put_chunk(p, c, SPAN("role"), SPAN("assistant"), SPAN_NONE);
    if (c->speech.tool.at)
        put_chunk(p, c, SPAN("tool_calls"), SPAN_NONE, SPAN_NONE);
    while (!c->speech.tool.at && speech_next(&rest, &word))
        put_chunk(p, c, SPAN("content"), word, SPAN_NONE);
    put_chunk(p, c, SPAN_NONE, SPAN_NONE, finish_reason(c));
    if (c->usage) {
        openai_event(p, NULL);
        put_head(p, c, "chat.completion.chunk");
        json_pair_raw(&p->json, SPAN("choices"), SPAN("[]"));
        put_usage(&p->json, &c->speech);
        json_close(&p->json, '}');
        buf_put(&p->out, SPAN("\n\n"));
    }
    buf_put(&p->out, SPAN("data: [DONE]\n\n"));
}

static void chat(struct play *p)
{
    struct json_value body = play_json(p);
    struct chat c = { .id = play_id(p, "chatcmpl-sandbox"), .call = play_id(p, "call_sandbox") };
    int64_t limit = speech_limit(body, "max_completion_tokens");
    if (limit < 0)
        limit = speech_limit(body, "max_tokens");
    if (json_kind(json_member(body, SPAN("messages"))) != JSON_ARRAY || !speech_make(p, body, "messages", "tools", limit, &c.speech)) {
        openai_fail(p, 400, "missing_required_parameter", "A chat completion needs `model` and `messages`, a list");
        return;
    }
    speech_call_tool(p, body, limit, &c.speech);
    (void)json_bool(json_path(body, SPAN("stream_options.include_usage")), &c.usage);
    if (c.speech.stream)
        answer_stream(p, &c);
    else
        answer_whole(p, &c);
}

/* ---- models ---- */

static void put_model(struct play *p, struct span id)
{
    json_open(&p->json, '{');
    json_pair(&p->json, SPAN("id"), id);
    json_pair(&p->json, SPAN("object"), SPAN("model"));
    json_pair_i64(&p->json, SPAN("created"), 1715367049);
    json_pair(&p->json, SPAN("owned_by"), SPAN("sandbox"));
    json_close(&p->json, '}');
}

static void list_models(struct play *p)
{
    json_open(&p->json, '{');
    json_pair(&p->json, SPAN("object"), SPAN("list"));
    json_name(&p->json, SPAN("data"));
    json_open(&p->json, '[');
    for (size_t i = 0; i < sizeof(models) / sizeof(*models); i++)
        put_model(p, span_of(models[i]));
    json_close(&p->json, ']');
    json_close(&p->json, '}');
}

static void retrieve_model(struct play *p, struct span id)
{
    for (size_t i = 0; i < sizeof(models) / sizeof(*models); i++) {
        if (!span_is(id, span_of(models[i])))
            continue;
        put_model(p, id);
        return;
    }
    openai_fail(p, 404, "model_not_found", "The sandbox has no such model");
}

void openai_answer(struct play *p)
{
    struct span id = SPAN_NONE;
    play_field(p, SPAN("x-request-id"), play_id(p, "req_sandbox_"));
    if (!p->secret_fits)
        openai_fail(p, 401, "invalid_api_key", "Incorrect API key provided: the sandbox wants its own");
    else if (play_is(p, "POST", "chat/completions", &id))
        chat(p);
    else if (play_is(p, "POST", "responses", &id))
        openai_responses(p);
    else if (play_is(p, "POST", "embeddings", &id))
        openai_embeddings(p);
    else if (play_is(p, "GET", "models", &id))
        list_models(p);
    else if (play_is(p, "GET", "models/*", &id))
        retrieve_model(p, id);
    else
        openai_fail(p, 404, "unknown_url", "The sandbox does not play this");
}
