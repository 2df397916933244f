/* SPDX-License-Identifier: Apache-2.0
 * gemini.c - the sandbox's Gemini: generateContent, whole and as events; counting tokens. The model and the verb stand in the path. */
#include "sandbox/speech.h"

static void fail(struct play *p, int status, const char *state, const char *message)
{
    struct json_out *o = &p->json;
    p->status = status;
    json_open(o, '{');
    json_name(o, SPAN("error"));
    json_open(o, '{');
    json_pair_i64(o, SPAN("code"), status);
    json_pair(o, SPAN("message"), span_of(message));
    json_pair(o, SPAN("status"), span_of(state));
    json_close(o, '}');
    json_close(o, '}');
}

static void put_usage(struct json_out *o, const struct speech *s)
{
    json_name(o, SPAN("usageMetadata"));
    json_open(o, '{');
    json_pair_i64(o, SPAN("promptTokenCount"), s->input);
    json_pair_i64(o, SPAN("candidatesTokenCount"), s->output);
    json_pair_i64(o, SPAN("totalTokenCount"), s->input + s->output);
    json_close(o, '}');
}

static void put_content(struct json_out *o, struct span text)
{
    json_name(o, SPAN("content"));
    json_open(o, '{');
    json_name(o, SPAN("parts"));
    json_open(o, '[');
    json_open(o, '{');
    json_pair(o, SPAN("text"), text);
    json_close(o, '}');
    json_close(o, ']');
    json_pair(o, SPAN("role"), SPAN("model"));
    json_close(o, '}');
}

/* A whole answer, or one chunk of it; the last says why it ended and what it used. */
static void put_answer(struct play *p, const struct speech *s, struct span text, struct span id, bool last)
{
    struct json_out *o = &p->json;
    json_open(o, '{');
    json_name(o, SPAN("candidates"));
    json_open(o, '[');
    json_open(o, '{');
    put_content(o, text);
    if (last)
        json_pair(o, SPAN("finishReason"), s->cut ? SPAN("MAX_TOKENS") : SPAN("STOP"));
    json_pair_i64(o, SPAN("index"), 0);
    json_close(o, '}');
    json_close(o, ']');
    if (last)
        put_usage(o, s);
    json_pair(o, SPAN("modelVersion"), s->model);
    json_pair(o, SPAN("responseId"), id);
    json_close(o, '}');
}

static void answer_stream(struct play *p, const struct speech *s, struct span id)
{
    struct span rest = s->text, word;
    p->events = true;
    while (speech_next(&rest, &word)) {
        buf_put(&p->out, SPAN("data: "));
        p->json = json_out(&p->out);
        put_answer(p, s, word, id, !rest.len);
        buf_put(&p->out, SPAN("\n\n"));
    }
}

static void count_tokens(struct play *p, const struct speech *s)
{
    json_open(&p->json, '{');
    json_pair_i64(&p->json, SPAN("totalTokens"), s->input);
    json_close(&p->json, '}');
}

void gemini_answer(struct play *p)
{
    struct speech s;
    struct span verb = SPAN_NONE, model = SPAN_NONE, id = play_id(p, "sandbox");
    struct json_value body = play_json(p);
    int64_t limit = speech_limit(json_member(body, SPAN("generationConfig")), "maxOutputTokens");
    bool known = span_is(p->method, SPAN("POST")) && p->path_count == 3 && span_is(p->path[1], SPAN("models"));
    if (known) {
        verb = p->path[2];
        known = span_cut(&verb, ':', &model);
    }
    if (!p->secret_fits)
        fail(p, 401, "UNAUTHENTICATED", "API key not valid: the sandbox wants its own");
    else if (!known)
        fail(p, 404, "NOT_FOUND", "The sandbox does not play this");
    else if (!speech_of(p, model, json_member(body, SPAN("contents")), json_member(body, SPAN("systemInstruction")), limit, &s))
        fail(p, 400, "INVALID_ARGUMENT", "`contents` are needed");
    else if (span_is(verb, SPAN("generateContent")))
        put_answer(p, &s, s.text, id, true);
    else if (span_is(verb, SPAN("streamGenerateContent")) && span_is(play_query(p, "alt"), SPAN("sse")))
        answer_stream(p, &s, id);
    else if (span_is(verb, SPAN("countTokens")))
        count_tokens(p, &s);
    else
        fail(p, 404, "NOT_FOUND", "The sandbox does not play this");
}
