/* SPDX-License-Identifier: Apache-2.0
 * openai_responses_write.c - the neutral call as POST /v1/responses.
 *
 * Nothing is kept at the vendor's unless the caller wants it: store is false where it is unsaid, and thoughts come encrypted. */
#include "dialect/functions.h"
#include "dialect/openai_responses_int.h"
#include "dialect/signature.h"

enum { LIMIT_LEAST = 16 }; /* of max_output_tokens */

struct writing {
    const struct call *call;
    const struct quirks *quirks;
    struct notes *notes;
    struct arena *arena;
    struct json_out out;
    struct functions functions;
    size_t turn, part; /* where we are, for notes */
};

static struct span place(struct writing *w, const char *behind)
{
    return arena_print(w->arena, "messages[%zu].content[%zu]%s", w->turn, w->part, behind);
}

/* --- parts --- */

static void put_text_part(struct writing *w, struct span type, struct span text)
{
    struct json_out *o = &w->out;
    json_open(o, '{');
    json_pair(o, SPAN("type"), type);
    json_pair_raw(o, SPAN("text"), text.at ? text : SPAN("\"\""));
    json_close(o, '}');
}

/* Ids of files at OpenAI begin so; those of other vendors mean nothing there. */
static bool is_own_file(struct span raw) { return span_starts(raw, SPAN("\"file-")); }

static void put_image(struct writing *w, const struct part *p)
{
    struct json_out *o = &w->out;
    const struct media *m = &p->media;
    if (!m->url.at && !m->data.at && !is_own_file(m->file_id)) {
        call_unsayable(w->notes, place(w, " a picture that another vendor keeps"));
        return;
    }
    json_open(o, '{');
    json_pair(o, SPAN("type"), SPAN("input_image"));
    json_pair(o, SPAN("detail"), m->detail.at ? m->detail : SPAN("auto"));
    if (m->data.at) {
        json_name(o, SPAN("image_url"));
        put_data_url(o->buf, m);
        o->comma = true;
    } else {
        json_pair_raw(o, m->url.at ? SPAN("image_url") : SPAN("file_id"), m->url.at ? m->url : m->file_id);
    }
    json_close(o, '}');
}

/* A file that comes with the call must have a name. */
static void put_document(struct writing *w, const struct part *p)
{
    struct json_out *o = &w->out;
    const struct media *m = &p->media;
    if (m->plain_text.at) {
        call_adapted(w->notes, place(w, ""));
        put_text_part(w, SPAN("input_text"), m->plain_text);
        return;
    }
    if (!m->url.at && !m->data.at && !is_own_file(m->file_id)) {
        call_unsayable(w->notes, place(w, " a document that another vendor keeps"));
        return;
    }
    json_open(o, '{');
    json_pair(o, SPAN("type"), SPAN("input_file"));
    if (m->data.at) {
        json_pair_raw(o, SPAN("filename"), m->name.at ? m->name : SPAN("\"document.pdf\""));
        json_name(o, SPAN("file_data"));
        put_data_url(o->buf, m);
        o->comma = true;
    } else {
        json_pair_raw(o, m->url.at ? SPAN("file_url") : SPAN("file_id"), m->url.at ? m->url : m->file_id);
    }
    json_close(o, '}');
}

static struct span audio_format(struct span type)
{
    if (span_is(type, SPAN("audio/mpeg")) || span_is(type, SPAN("audio/mp3")))
        return SPAN("mp3");
    bool wave = span_is(type, SPAN("audio/wav")) || span_is(type, SPAN("audio/x-wav")) || span_is(type, SPAN("audio/wave"));
    return wave ? SPAN("wav") : SPAN_NONE;
}

static void put_audio(struct writing *w, const struct part *p)
{
    struct json_out *o = &w->out;
    struct span format = audio_format(p->media.type);
    if (!p->media.data.at || !format.at) {
        call_unsayable(w->notes, place(w, " a sound that is neither wav nor mp3, inline"));
        return;
    }
    json_open(o, '{');
    json_pair(o, SPAN("type"), SPAN("input_audio"));
    json_name(o, SPAN("input_audio"));
    json_open(o, '{');
    json_pair(o, SPAN("data"), p->media.data);
    json_pair(o, SPAN("format"), format);
    json_close(o, '}');
    json_close(o, '}');
}

static void put_content(struct writing *w, const struct part *p, bool assistant)
{
    if (p->cache.at)
        call_adapted(w->notes, SPAN("cache_control"));
    switch (p->kind) {
    case PART_TEXT:
        put_text_part(w, assistant ? SPAN("output_text") : SPAN("input_text"), p->text);
        return;
    case PART_IMAGE:
        put_image(w, p);
        return;
    case PART_DOCUMENT:
        put_document(w, p);
        return;
    case PART_AUDIO:
        put_audio(w, p);
        return;
    case PART_REFUSAL:
        json_open(&w->out, '{');
        json_pair(&w->out, SPAN("type"), SPAN("refusal"));
        json_pair_raw(&w->out, SPAN("refusal"), p->text);
        json_close(&w->out, '}');
        return;
    case PART_VIDEO:
        call_unsayable(w->notes, place(w, " a video"));
        return;
    case PART_THINKING:
    case PART_TOOL_CALL:
    case PART_TOOL_RESULT:
    case PART_SERVER_TOOL:
        return;
    }
}

/* --- items --- */

static void put_reasoning(struct writing *w, const struct part *p)
{
    struct json_out *o = &w->out;
    struct span signature = p->signature.at ? signature_for(p->signature, RESPONSES_NAME, SPAN_NONE, w->arena) : SPAN_NONE;
    if (!signature.at) {
        call_adapted(w->notes, arena_print(w->arena, "messages[%zu].thinking", w->turn));
        return;
    }
    json_open(o, '{');
    json_pair(o, SPAN("type"), SPAN("reasoning"));
    if (p->item.at)
        json_pair_raw(o, SPAN("id"), p->item);
    json_name(o, SPAN("summary"));
    json_open(o, '[');
    if (p->text.len > 2)
        put_text_part(w, SPAN("summary_text"), p->text);
    json_close(o, ']');
    json_pair_raw(o, SPAN("encrypted_content"), signature);
    json_close(o, '}');
}

static void put_call(struct writing *w, const struct part *p)
{
    struct json_out *o = &w->out;
    bool custom = responses_custom_tool(w->call, p->name) != NULL;
    if (p->signature.at)
        call_adapted(w->notes, arena_print(w->arena, "messages[%zu].thinking", w->turn));
    json_open(o, '{');
    json_pair(o, SPAN("type"), custom ? SPAN("custom_tool_call") : SPAN("function_call"));
    json_pair_raw(o, SPAN("call_id"), p->id);
    json_pair_raw(o, SPAN("name"), p->name);
    json_name(o, custom ? SPAN("input") : SPAN("arguments"));
    if (custom) {
        json_put_raw(o, responses_custom_input(p->arguments, w->arena));
    } else {
        put_as_string(o->buf, p->arguments.at ? p->arguments : SPAN("{}"));
        o->comma = true;
    }
    json_close(o, '}');
}

static void put_result(struct writing *w, const struct part *p)
{
    struct json_out *o = &w->out;
    bool custom = responses_custom_tool(w->call, functions_find(&w->functions, p->id)) != NULL;
    const struct part *only = p->content && !p->content->next && p->content->kind == PART_TEXT ? p->content : NULL;
    if (p->failed)
        call_adapted(w->notes, place(w, ".is_error"));
    json_open(o, '{');
    json_pair(o, SPAN("type"), custom ? SPAN("custom_tool_call_output") : SPAN("function_call_output"));
    json_pair_raw(o, SPAN("call_id"), p->id);
    json_name(o, SPAN("output"));
    if (!p->content || only) {
        json_put_raw(o, only && only->text.at ? only->text : SPAN("\"\""));
    } else {
        json_open(o, '[');
        for (const struct part *c = p->content; c; c = c->next)
            put_content(w, c, false);
        json_close(o, ']');
    }
    json_close(o, '}');
}

static void put_other(struct writing *w, const struct part *p)
{
    if (responses_knows_item(p->raw, w->arena))
        json_put_raw(&w->out, p->raw);
    else
        call_unsayable(w->notes, place(w, " a tool that another vendor ran"));
}

static bool is_content(const struct part *p)
{
    return p->kind != PART_THINKING && p->kind != PART_TOOL_CALL && p->kind != PART_TOOL_RESULT && p->kind != PART_SERVER_TOOL;
}

static struct span role_name(enum role role)
{
    switch (role) {
    case ROLE_SYSTEM:
        return SPAN("system");
    case ROLE_DEVELOPER:
        return SPAN("developer");
    case ROLE_ASSISTANT:
        return SPAN("assistant");
    case ROLE_USER:
        break;
    }
    return SPAN("user");
}

/* Content in a row is one message. */
static const struct part *put_message(struct writing *w, const struct turn *t, const struct part *p)
{
    struct json_out *o = &w->out;
    json_open(o, '{');
    json_pair(o, SPAN("type"), SPAN("message"));
    json_pair(o, SPAN("role"), role_name(t->role));
    json_name(o, SPAN("content"));
    json_open(o, '[');
    for (; p && is_content(p); p = p->next, w->part++)
        put_content(w, p, t->role == ROLE_ASSISTANT);
    json_close(o, ']');
    json_close(o, '}');
    return p;
}

static void put_turn(struct writing *w, const struct turn *t)
{
    const struct part *p = t->parts;
    w->part = 0;
    if (t->name.at)
        call_unsayable(w->notes, arena_print(w->arena, "messages[%zu].name", w->turn));
    while (p) {
        if (is_content(p)) {
            p = put_message(w, t, p);
            continue;
        }
        if (p->kind == PART_THINKING)
            put_reasoning(w, p);
        else if (p->kind == PART_TOOL_CALL)
            put_call(w, p);
        else if (p->kind == PART_TOOL_RESULT)
            put_result(w, p);
        else
            put_other(w, p);
        if (p->cache.at)
            call_adapted(w->notes, SPAN("cache_control"));
        p = p->next;
        w->part++;
    }
}

/* The first turn, if it is a plain system prompt. */
static const struct turn *put_instructions(struct writing *w)
{
    const struct turn *t = w->call->turns;
    if (!t || t->role != ROLE_SYSTEM || !t->parts || t->parts->next || t->parts->kind != PART_TEXT || t->name.at)
        return t;
    if (t->parts->cache.at)
        call_adapted(w->notes, SPAN("cache_control"));
    json_pair_raw(&w->out, SPAN("instructions"), t->parts->text);
    w->turn++;
    return t->next;
}

static void put_input(struct writing *w)
{
    const struct turn *t = put_instructions(w);
    json_name(&w->out, SPAN("input"));
    json_open(&w->out, '[');
    for (; t; t = t->next, w->turn++)
        put_turn(w, t);
    json_close(&w->out, ']');
}

/* --- tools and parameters --- */

static bool allowed(struct writing *w, struct span name) { return !quirk_forbids(w->quirks, name, w->notes); }

static void put_tools(struct writing *w)
{
    size_t i = 0;
    if (!w->call->tools || !allowed(w, SPAN("tools")))
        return;
    json_name(&w->out, SPAN("tools"));
    json_open(&w->out, '[');
    for (const struct tool *t = w->call->tools; t; t = t->next, i++) {
        if (t->cache.at)
            call_adapted(w->notes, SPAN("cache_control"));
        if (t->kind == TOOL_WEB_SEARCH && t->most >= 0)
            call_unsayable(w->notes, arena_print(w->arena, "tools[%zu].max_uses", i));
        if (!responses_put_tool(&w->out, t))
            call_unsayable(w->notes, arena_print(w->arena, "tools[%zu] a tool of another vendor", i));
    }
    json_close(&w->out, ']');
    if (w->call->choice != CHOICE_UNSAID && allowed(w, SPAN("tool_choice"))) {
        json_name(&w->out, SPAN("tool_choice"));
        responses_put_choice(&w->out, w->call);
    }
    if (w->call->parallel_tools >= 0 && allowed(w, SPAN("parallel_tool_calls")))
        json_pair_bool(&w->out, SPAN("parallel_tool_calls"), w->call->parallel_tools == 1);
}

static struct span effort_said(struct writing *w)
{
    const struct call *c = w->call;
    if (c->effort.at)
        return c->effort;
    if (c->thinks == 0) { /* most models have no word for it, and those that do not think refuse the word */
        call_adapted(w->notes, SPAN("reasoning_effort"));
        return SPAN_NONE;
    }
    if (c->thinking_limit < 0 && c->thinks != 1)
        return SPAN_NONE;
    call_adapted(w->notes, SPAN("reasoning_effort"));
    return c->thinking_limit >= 0 ? effort_of(c->thinking_limit) : SPAN("medium");
}

static bool put_thinking(struct writing *w)
{
    struct span effort = effort_said(w);
    if (!effort.at && w->call->show_thoughts != 1)
        return false;
    if (!allowed(w, SPAN("reasoning_effort")))
        return false;
    json_name(&w->out, SPAN("reasoning"));
    json_open(&w->out, '{');
    if (effort.at)
        json_pair(&w->out, SPAN("effort"), effort);
    if (w->call->show_thoughts == 1)
        json_pair(&w->out, SPAN("summary"), SPAN("auto"));
    json_close(&w->out, '}');
    return !span_is(effort, SPAN("none"));
}

static void put_included(struct writing *w, bool thinks)
{
    const struct call *c = w->call;
    bool logprobs = c->logprobs && allowed(w, SPAN("logprobs"));
    if (thinks || logprobs) {
        json_name(&w->out, SPAN("include"));
        json_open(&w->out, '[');
        if (thinks)
            json_put_string(&w->out, SPAN("reasoning.encrypted_content"));
        if (logprobs)
            json_put_string(&w->out, SPAN("message.output_text.logprobs"));
        json_close(&w->out, ']');
    }
    if (logprobs && c->top_logprobs >= 0)
        json_pair_i64(&w->out, SPAN("top_logprobs"), c->top_logprobs);
}

/* Models that think sample as they like: only the default may be named. */
static void put_sampling(struct writing *w, struct span name, struct span value)
{
    if (!value.at)
        return;
    if (w->quirks->reasoning_model) {
        if (!span_is(value, SPAN("1")) && !span_is(value, SPAN("1.0")))
            call_unsayable(w->notes, name);
        return;
    }
    if (allowed(w, name))
        json_pair_raw(&w->out, name, value);
}

static void put_limit(struct writing *w)
{
    if (w->call->output_limit < 0)
        return;
    if (w->call->output_limit < LIMIT_LEAST)
        call_unsayable(w->notes, SPAN("max_tokens below 16"));
    else
        json_pair_i64(&w->out, SPAN("max_output_tokens"), w->call->output_limit);
}

static void put_raw(struct writing *w, struct span name, struct span value)
{
    if (value.at && allowed(w, name))
        json_pair_raw(&w->out, name, value);
}

static void put_format(struct writing *w)
{
    const struct call *c = w->call;
    bool format = c->format > FORMAT_TEXT, verbosity = c->verbosity.at != NULL;
    if ((!format && !verbosity) || (format && !allowed(w, SPAN("response_format"))) || (verbosity && !allowed(w, SPAN("verbosity"))))
        return;
    json_name(&w->out, SPAN("text"));
    responses_put_text(&w->out, c);
}

static bool is_zero(struct span number) { return span_is(number, SPAN("0")) || span_is(number, SPAN("0.0")); }

static void note_unsayable(struct writing *w)
{
    const struct call *c = w->call;
    if (c->stops.at && c->stops.len > 2)
        call_unsayable(w->notes, SPAN("stop"));
    if (c->top_k.at)
        call_unsayable(w->notes, SPAN("top_k"));
    if (c->seed.at)
        call_unsayable(w->notes, SPAN("seed"));
    if (c->choices > 1)
        call_unsayable(w->notes, SPAN("n"));
    if (c->frequency_penalty.at && !is_zero(c->frequency_penalty))
        call_unsayable(w->notes, SPAN("frequency_penalty"));
    if (c->presence_penalty.at && !is_zero(c->presence_penalty))
        call_unsayable(w->notes, SPAN("presence_penalty"));
    if (c->safety.at)
        call_unsayable(w->notes, SPAN("safety_settings"));
    call_rest_unsayable(w->notes, c);
}

void responses_write_call(const struct call *c, const struct quirks *quirks, struct notes *notes, struct arena *a, struct buf *out)
{
    static const struct quirks none;
    struct writing w = { .call = c, .quirks = quirks ? quirks : &none, .notes = notes, .arena = a, .out = json_out(out) };
    functions_index(&w.functions, c, a);
    json_open(&w.out, '{');
    json_pair(&w.out, SPAN("model"), c->model);
    put_input(&w);
    put_tools(&w);
    put_limit(&w);
    put_sampling(&w, SPAN("temperature"), c->temperature);
    put_sampling(&w, SPAN("top_p"), c->top_p);
    put_format(&w);
    put_included(&w, put_thinking(&w));
    json_pair_bool(&w.out, SPAN("store"), c->store == 1);
    put_raw(&w, SPAN("previous_response_id"), c->previous);
    put_raw(&w, SPAN("metadata"), c->metadata);
    put_raw(&w, SPAN("user"), call_user_short(c, notes, a));
    put_raw(&w, SPAN("prompt_cache_key"), c->cache_key);
    if (c->tier.at && allowed(&w, SPAN("service_tier")))
        json_pair(&w.out, SPAN("service_tier"), c->tier);
    if (c->stream)
        json_pair_bool(&w.out, SPAN("stream"), true);
    note_unsayable(&w);
    json_close(&w.out, '}');
    if (a->broken)
        out->broken = true;
}
