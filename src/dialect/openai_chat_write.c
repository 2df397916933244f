/* SPDX-License-Identifier: Apache-2.0
 * openai_chat_write.c - writes a neutral call as a request for chat completions, in the variety that the vendor's quirks tell. */
#include "dialect/openai_chat_int.h"

#include <stdlib.h>

struct writing {
    const struct call *call;
    const struct quirks *quirks;
    struct notes *notes;
    struct arena *arena;
    struct json_out *out;
};

static bool forbidden(struct writing *w, struct span name) { return quirk_forbids(w->quirks, name, w->notes); }

/* A hint that a vendor does not know is left out, and that is all. */
static bool hint(struct writing *w, struct span name)
{
    for (size_t i = 0; w->quirks && i < w->quirks->unsupported_count; i++) {
        if (!call_path_is(name, w->quirks->unsupported[i]))
            continue;
        call_adapted(w->notes, name);
        return false;
    }
    return true;
}

/* --- tools --- */

static void write_function(struct writing *w, const struct tool *t)
{
    struct json_out *o = w->out;
    json_open(o, '{');
    json_pair(o, SPAN("type"), SPAN("function"));
    json_name(o, SPAN("function"));
    json_open(o, '{');
    json_pair_raw(o, SPAN("name"), t->name);
    if (t->description.at)
        json_pair_raw(o, SPAN("description"), t->description);
    if (t->schema.at)
        json_pair_raw(o, SPAN("parameters"), t->schema);
    if (t->strict == 1 ? !forbidden(w, SPAN("tools[].strict")) : t->strict == 0 && hint(w, SPAN("tools[].strict")))
        json_pair_bool(o, SPAN("strict"), t->strict);
    json_close(o, '}');
    json_close(o, '}');
    if (t->cache.at)
        call_adapted(w->notes, SPAN("cache_control"));
}

static void note_others(struct writing *w)
{
    size_t at = 0;
    for (const struct tool *t = w->call->tools; t; t = t->next, at++) {
        if (t->kind == TOOL_CODE_EXECUTION || t->kind == TOOL_OTHER)
            call_unsayable(w->notes, arena_print(w->arena, "tools[%zu] a tool of another kind than function", at));
        if (t->kind != TOOL_WEB_SEARCH)
            continue;
        if (t->most >= 0)
            call_unsayable(w->notes, arena_print(w->arena, "tools[%zu].max_uses", at));
        if (t->allowed.at || t->blocked.at)
            call_unsayable(w->notes, arena_print(w->arena, "tools[%zu].%s", at, t->allowed.at ? "allowed_domains" : "blocked_domains"));
    }
}

/* "auto", "none" and parallel_tool_calls mean nothing, and are refused, where there are no tools. */
static void write_choice(struct writing *w, bool tools)
{
    const struct call *c = w->call;
    struct json_out *o = w->out;
    bool any = w->quirks && w->quirks->random_seed;
    if (c->choice == CHOICE_UNSAID || (!tools && (c->choice == CHOICE_AUTO || c->choice == CHOICE_NONE)) || forbidden(w, SPAN("tool_choice")))
        return;
    if (c->choice == CHOICE_NAMED) {
        json_name(o, SPAN("tool_choice"));
        json_open(o, '{');
        json_pair(o, SPAN("type"), SPAN("function"));
        json_name(o, SPAN("function"));
        json_open(o, '{');
        json_pair_raw(o, SPAN("name"), c->chosen);
        json_close(o, '}');
        json_close(o, '}');
        return;
    }
    json_pair(o, SPAN("tool_choice"), c->choice == CHOICE_AUTO ? SPAN("auto") : c->choice == CHOICE_NONE ? SPAN("none") :
        any ? SPAN("any") : SPAN("required"));
}

static void write_tools(struct writing *w)
{
    bool tools = false;
    for (const struct tool *t = w->call->tools; t; t = t->next)
        tools = tools || t->kind == TOOL_FUNCTION;
    note_others(w);
    tools = tools && !forbidden(w, SPAN("tools"));
    if (tools) {
        json_name(w->out, SPAN("tools"));
        json_open(w->out, '[');
        for (const struct tool *t = w->call->tools; t; t = t->next)
            if (t->kind == TOOL_FUNCTION)
                write_function(w, t);
        json_close(w->out, ']');
    }
    write_choice(w, tools);
    if (tools && w->call->parallel_tools >= 0 && !forbidden(w, SPAN("parallel_tool_calls")))
        json_pair_bool(w->out, SPAN("parallel_tool_calls"), w->call->parallel_tools);
}

/* Others have the members of a place in user_location itself; here they stand in its `approximate`. */
static void write_location(struct json_out *o, struct span location, struct arena *a)
{
    struct span name, value;
    json_name(o, SPAN("user_location"));
    if (raw_member(location, SPAN("approximate"), a).at) {
        json_put_raw(o, location);
        return;
    }
    json_open(o, '{');
    json_pair(o, SPAN("type"), SPAN("approximate"));
    json_name(o, SPAN("approximate"));
    json_open(o, '{');
    for (struct raw_iter it = raw_iter(location, a); raw_next(&it, &name, &value);)
        if (!span_is(name, SPAN("type")) && raw_kind(value) != JSON_NULL)
            json_pair_raw(o, name, value);
    json_close(o, '}');
    json_close(o, '}');
}

static void write_search(struct writing *w)
{
    const struct tool *t = w->call->tools;
    while (t && t->kind != TOOL_WEB_SEARCH)
        t = t->next;
    if (!t || forbidden(w, SPAN("web_search_options")))
        return;
    struct span size = raw_member(t->raw, SPAN("search_context_size"), w->arena);
    struct span location = raw_member(t->raw, SPAN("user_location"), w->arena);
    json_name(w->out, SPAN("web_search_options"));
    json_open(w->out, '{');
    if (raw_kind(size) == JSON_STRING)
        json_pair_raw(w->out, SPAN("search_context_size"), size);
    if (raw_kind(location) == JSON_OBJECT)
        write_location(w->out, location, w->arena);
    json_close(w->out, '}');
}

/* --- sampling --- */

/* A number that a reasoning model takes at its default only. */
static bool is_number(struct span raw, double wanted)
{
    char text[32];
    if (raw.len >= sizeof(text))
        return false;
    memcpy(text, raw.at, raw.len);
    text[raw.len] = 0;
    return strtod(text, NULL) == wanted;
}

static void write_number(struct writing *w, struct span name, struct span raw, double of_reasoning)
{
    if (!raw.at)
        return;
    if (w->quirks && w->quirks->reasoning_model) {
        if (!is_number(raw, of_reasoning))
            call_unsayable(w->notes, name);
        return;
    }
    if (!forbidden(w, name))
        json_pair_raw(w->out, name, raw);
}

static void write_stops(struct writing *w)
{
    struct span name, item;
    size_t count = 0;
    if (!w->call->stops.at)
        return;
    for (struct raw_iter it = raw_iter(w->call->stops, w->arena); raw_next(&it, &name, &item);)
        count++;
    if (count > 4)
        call_unsayable(w->notes, SPAN("stop more than four"));
    else if (count > 0 && !forbidden(w, SPAN("stop")))
        json_pair_raw(w->out, SPAN("stop"), w->call->stops);
}

static void write_sampling(struct writing *w)
{
    const struct call *c = w->call;
    bool reasons = w->quirks && w->quirks->reasoning_model;
    write_number(w, SPAN("temperature"), c->temperature, 1);
    write_number(w, SPAN("top_p"), c->top_p, 1);
    write_number(w, SPAN("frequency_penalty"), c->frequency_penalty, 0);
    write_number(w, SPAN("presence_penalty"), c->presence_penalty, 0);
    if (c->top_k.at)
        call_unsayable(w->notes, SPAN("top_k"));
    if (c->seed.at && !forbidden(w, SPAN("seed")))
        json_pair_raw(w->out, w->quirks && w->quirks->random_seed ? SPAN("random_seed") : SPAN("seed"), c->seed);
    write_stops(w);
    if (c->choices > 1 && !forbidden(w, SPAN("n")))
        json_pair_i64(w->out, SPAN("n"), c->choices);
    if (c->logprobs && reasons)
        call_unsayable(w->notes, SPAN("logprobs"));
    else if (c->logprobs && !forbidden(w, SPAN("logprobs")))
        json_pair_bool(w->out, SPAN("logprobs"), true);
    if (c->top_logprobs > 0 && reasons)
        call_unsayable(w->notes, SPAN("top_logprobs"));
    else if (c->top_logprobs >= 0 && c->logprobs && !reasons && !forbidden(w, SPAN("top_logprobs")))
        json_pair_i64(w->out, SPAN("top_logprobs"), c->top_logprobs);
}

static void write_limit(struct writing *w)
{
    if (w->call->output_limit < 0)
        return;
    bool old = w->quirks && w->quirks->limit == LIMIT_MAX_TOKENS;
    json_pair_i64(w->out, old ? SPAN("max_tokens") : SPAN("max_completion_tokens"), w->call->output_limit);
}

/* --- the rest --- */

static void write_format(struct writing *w)
{
    const struct call *c = w->call;
    struct json_out *o = w->out;
    if (c->format != FORMAT_JSON && c->format != FORMAT_SCHEMA)
        return;
    if (forbidden(w, c->format == FORMAT_SCHEMA ? SPAN("response_format.json_schema") : SPAN("response_format")))
        return;
    json_name(o, SPAN("response_format"));
    json_open(o, '{');
    json_pair(o, SPAN("type"), c->format == FORMAT_JSON ? SPAN("json_object") : SPAN("json_schema"));
    if (c->format == FORMAT_SCHEMA) {
        json_name(o, SPAN("json_schema"));
        json_open(o, '{');
        json_pair_raw(o, SPAN("name"), c->schema_name.at ? c->schema_name : SPAN("\"answer\""));
        if (c->schema_description.at)
            json_pair_raw(o, SPAN("description"), c->schema_description);
        json_pair_raw(o, SPAN("schema"), c->schema);
        if (c->schema_strict >= 0)
            json_pair_bool(o, SPAN("strict"), c->schema_strict);
        json_close(o, '}');
    }
    json_close(o, '}');
}

/* Only an effort can be said. Not to think is said to models only that would. */
static void write_effort(struct writing *w)
{
    const struct call *c = w->call;
    struct span effort = c->effort;
    if (!effort.at && c->thinks == 0 && w->quirks && w->quirks->reasoning_model)
        effort = SPAN("none");
    if (!effort.at && c->thinks != 0 && c->thinking_limit > 0)
        effort = effort_of(c->thinking_limit);
    if (!effort.at || forbidden(w, SPAN("reasoning_effort")))
        return;
    if (!c->effort.at)
        call_adapted(w->notes, SPAN("reasoning_effort"));
    json_pair(w->out, SPAN("reasoning_effort"), effort);
}

static void write_tier(struct writing *w)
{
    static const struct span known[] = { { "flex", 4 }, { "priority", 8 }, { "scale", 5 }, { "auto", 4 } };
    if (!w->call->tier.at)
        return;
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        if (!span_is(known[i], w->call->tier))
            continue;
        if (!forbidden(w, SPAN("service_tier")))
            json_pair(w->out, SPAN("service_tier"), w->call->tier);
        return;
    }
    call_unsayable(w->notes, SPAN("service_tier"));
}

static void write_account(struct writing *w)
{
    const struct call *c = w->call;
    if (c->user.at && !forbidden(w, SPAN("user")))
        json_pair_raw(w->out, SPAN("user"), call_user_short(c, w->notes, w->arena));
    if (c->metadata.at && !forbidden(w, SPAN("metadata")))
        json_pair_raw(w->out, SPAN("metadata"), c->metadata);
    if (c->store == 1 ? !forbidden(w, SPAN("store")) : c->store == 0 && hint(w, SPAN("store")))
        json_pair_bool(w->out, SPAN("store"), c->store);
    write_tier(w);
    if (c->verbosity.at && !forbidden(w, SPAN("verbosity")))
        json_pair(w->out, SPAN("verbosity"), c->verbosity);
    if (c->cache_key.at && hint(w, SPAN("prompt_cache_key")))
        json_pair_raw(w->out, SPAN("prompt_cache_key"), c->cache_key);
    if (c->previous.at)
        call_unsayable(w->notes, SPAN("previous_response_id"));
    if (c->safety.at)
        call_unsayable(w->notes, SPAN("safety_settings"));
}

/* Usage is always asked for where it must be: the caller need not see it. */
static void write_stream(struct writing *w)
{
    const struct quirks *q = w->quirks;
    if (!w->call->stream)
        return;
    json_pair_bool(w->out, SPAN("stream"), true);
    if (!q || (!q->no_stream_options && q->stream_usage == USAGE_ON_REQUEST))
        json_pair_raw(w->out, SPAN("stream_options"), SPAN("{\"include_usage\":true}"));
}

void chat_write_call(const struct call *c, const struct quirks *quirks, struct notes *notes, struct arena *a, struct buf *out)
{
    struct json_out o = json_out(out);
    struct writing w = { .call = c, .quirks = quirks, .notes = notes, .arena = a, .out = &o };
    json_open(&o, '{');
    json_pair(&o, SPAN("model"), c->model);
    chat_write_turns(c, quirks, notes, a, &o);
    write_stream(&w);
    write_limit(&w);
    write_sampling(&w);
    write_tools(&w);
    write_search(&w);
    write_format(&w);
    write_effort(&w);
    write_account(&w);
    call_rest_unsayable(notes, c);
    json_close(&o, '}');
}
