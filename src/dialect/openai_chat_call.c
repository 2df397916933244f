/* SPDX-License-Identifier: Apache-2.0
 * openai_chat_call.c - reads a request for chat completions into the neutral call.
 *
 * Source: OpenAI API reference, "Create chat completion", November 2026; beside it what callers of imitators say: top_k, `thinking` in
 * Anthropic's words, `reasoning` in OpenRouter's, safety_settings. */
#include "dialect/openai_chat_int.h"

void chat_refuse(struct chat_reading *r, const char *why)
{
    if (r->error)
        return;
    r->error = E_BAD_REQUEST;
    r->why = why;
}

struct span chat_path(const struct chat_place *at, struct span name, struct arena *a)
{
    const char *dot = name.at ? "." : "";
    if (at->message >= 0 && !at->list)
        return arena_print(a, "messages[%lld]%s%.*s", (long long)at->message, dot, SPAN_ARG(name));
    if (at->message >= 0)
        return arena_print(a, "messages[%lld].%s[%lld]%s%.*s", (long long)at->message, at->list, (long long)at->item, dot, SPAN_ARG(name));
    if (at->item >= 0)
        return arena_print(a, "%s[%lld]%s%.*s", at->list, (long long)at->item, dot, SPAN_ARG(name));
    return arena_print(a, "%s%s%.*s", at->list, dot, SPAN_ARG(name));
}

void chat_members(struct chat_reading *r, struct span object, struct member *m, size_t count, const struct chat_place *at)
{
    struct span name, value;
    for (struct raw_iter it = raw_iter(object, r->arena); it.object && raw_next(&it, &name, &value);) {
        size_t i = 0;
        while (i < count && !span_is(m[i].name, name))
            i++;
        if (i < count && raw_kind(value) != JSON_NULL) {
            m[i].raw = value;
            m[i].kind = raw_kind(value);
        } else if (i == count && r->call && raw_kind(value) != JSON_NULL) {
            call_rest(r->call, chat_path(at, name, r->arena), value, r->arena);
        }
    }
}

struct span chat_string(struct chat_reading *r, struct span raw, const char *why)
{
    if (!raw.at || raw_kind(raw) == JSON_STRING)
        return raw;
    chat_refuse(r, why);
    return SPAN_NONE;
}

int64_t chat_count(struct chat_reading *r, struct span raw, const char *why)
{
    int64_t n;
    if (!raw.at)
        return -1;
    if (json_raw_integer(raw, &n) && n >= 0)
        return n;
    chat_refuse(r, why);
    return -1;
}

int chat_flag(struct chat_reading *r, struct span raw, const char *why)
{
    if (raw.at && raw_kind(raw) != JSON_BOOL)
        chat_refuse(r, why);
    return raw.at ? span_is(raw, SPAN("true")) : -1;
}

/* --- tools --- */

static void read_function(struct chat_reading *r, struct span raw, struct tool *t, const struct chat_place *at)
{
    struct member m[] = { { .name = SPAN("name") }, { .name = SPAN("description") }, { .name = SPAN("parameters") }, { .name = SPAN("strict") } };
    chat_members(r, raw, m, 4, at);
    t->name = chat_string(r, m[0].raw, "a function's name must be a string");
    if (!t->name.at)
        chat_refuse(r, "a function has no name");
    t->description = chat_string(r, m[1].raw, "a function's description must be a string");
    if (m[2].raw.at && m[2].kind != JSON_OBJECT)
        chat_refuse(r, "a function's parameters must be an object");
    t->schema = m[2].raw;
    t->strict = chat_flag(r, m[3].raw, "strict must be true or false");
}

static void read_tool(struct chat_reading *r, struct span raw, const struct chat_place *at)
{
    struct member m[] = { { .name = SPAN("type") }, { .name = SPAN("function") }, { .name = SPAN("cache_control") } };
    struct span function = raw_member(raw, SPAN("function"), r->arena);
    bool known = raw_kind(function) == JSON_OBJECT;
    if (raw_kind(raw) != JSON_OBJECT) {
        chat_refuse(r, "a tool must be an object");
        return;
    }
    struct tool *t = call_tool(r->call, known ? TOOL_FUNCTION : TOOL_OTHER, r->arena);
    if (!t)
        return;
    t->raw = raw;
    if (!known)
        return;
    chat_members(r, raw, m, 3, at);
    t->cache = m[2].raw;
    read_function(r, function, t, at);
}

void chat_read_tools(struct chat_reading *r, struct span raw)
{
    struct chat_place at = { -1, "tools", 0 };
    struct span name, item;
    if (raw_kind(raw) != JSON_ARRAY)
        chat_refuse(r, "tools must be an array");
    for (struct raw_iter it = raw_iter(raw, r->arena); raw_next(&it, &name, &item); at.item++)
        read_tool(r, item, &at);
}

static void read_functions(struct chat_reading *r, struct span raw)
{
    struct chat_place at = { -1, "functions", 0 };
    struct span name, item;
    if (raw_kind(raw) != JSON_ARRAY)
        chat_refuse(r, "functions must be an array");
    for (struct raw_iter it = raw_iter(raw, r->arena); raw_next(&it, &name, &item); at.item++) {
        struct tool *t = call_tool(r->call, TOOL_FUNCTION, r->arena);
        if (t)
            read_function(r, item, t, &at);
    }
}

static bool choice_of(struct span word, enum tool_choice *out)
{
    static const struct {
        struct span word;
        enum tool_choice choice;
    } known[] = { { { "auto", 4 }, CHOICE_AUTO }, { { "none", 4 }, CHOICE_NONE }, { { "required", 8 }, CHOICE_ANY }, { { "any", 3 }, CHOICE_ANY } };
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        if (!span_is(known[i].word, word))
            continue;
        *out = known[i].choice;
        return true;
    }
    return false;
}

static bool among(struct span list, struct span name, struct arena *a)
{
    struct span no, item;
    for (struct raw_iter it = raw_iter(list, a); raw_next(&it, &no, &item);)
        if (span_is(raw_member(raw_member(item, SPAN("function"), a), SPAN("name"), a), name))
            return true;
    return false;
}

/* What is not known in an object of two known members goes to the remainder. */
static void keep_others(struct chat_reading *r, struct span object, const char *path, struct span one, struct span other)
{
    struct member m[] = { { .name = one }, { .name = other } };
    const struct chat_place at = { -1, path, -1 };
    chat_members(r, object, m, 2, &at);
}

/* Only some of the tools may be called: the others might as well not have been named. */
static void keep_allowed(struct chat_reading *r, struct span allowed)
{
    struct span list = raw_member(allowed, SPAN("tools"), r->arena), mode = raw_member(allowed, SPAN("mode"), r->arena);
    if (raw_kind(list) != JSON_ARRAY || !choice_of(raw_text(mode, r->arena), &r->call->choice)) {
        chat_refuse(r, "allowed_tools must have a mode, auto or required, and tools");
        return;
    }
    keep_others(r, allowed, "tool_choice.allowed_tools", SPAN("mode"), SPAN("tools"));
    struct tool *t = r->call->tools;
    r->call->tools = r->call->last_tool = NULL;
    for (struct tool *next; t; t = next) {
        next = t->next;
        t->next = NULL;
        if (t->kind == TOOL_FUNCTION && !among(list, t->name, r->arena))
            continue;
        if (r->call->last_tool)
            r->call->last_tool->next = t;
        else
            r->call->tools = t;
        r->call->last_tool = t;
    }
}

/* Behind the tools, wherever it stands. */
static void read_choice(struct chat_reading *r, struct span raw)
{
    struct span function = raw_member(raw, SPAN("function"), r->arena), allowed = raw_member(raw, SPAN("allowed_tools"), r->arena);
    if (!raw.at)
        return;
    if (raw_kind(raw) == JSON_STRING) {
        if (!choice_of(raw_text(raw, r->arena), &r->call->choice))
            chat_refuse(r, "tool_choice must be auto, none, required or name a function");
    } else if (raw_kind(function) == JSON_OBJECT) {
        r->call->choice = CHOICE_NAMED;
        r->call->chosen = raw_member(function, SPAN("name"), r->arena);
        if (raw_kind(r->call->chosen) != JSON_STRING)
            chat_refuse(r, "tool_choice names no function");
        keep_others(r, raw, "tool_choice", SPAN("type"), SPAN("function"));
        keep_others(r, function, "tool_choice.function", SPAN("name"), SPAN("name"));
    } else if (raw_kind(allowed) == JSON_OBJECT) {
        keep_allowed(r, allowed);
        keep_others(r, raw, "tool_choice", SPAN("type"), SPAN("allowed_tools"));
    } else if (raw_kind(raw) == JSON_OBJECT) {
        call_rest(r->call, SPAN("tool_choice"), raw, r->arena);
    } else {
        chat_refuse(r, "tool_choice must be auto, none, required or name a function");
    }
}

/* The old way: "none", "auto", {"name": "..."}. */
static void read_old_choice(struct chat_reading *r, struct span raw)
{
    if (raw_kind(raw) == JSON_STRING) {
        if (!choice_of(raw_text(raw, r->arena), &r->call->choice))
            chat_refuse(r, "function_call must be auto, none or name a function");
        return;
    }
    r->call->choice = CHOICE_NAMED;
    r->call->chosen = raw_member(raw, SPAN("name"), r->arena);
    if (raw_kind(r->call->chosen) != JSON_STRING)
        chat_refuse(r, "function_call must be auto, none or name a function");
    keep_others(r, raw, "function_call", SPAN("name"), SPAN("name"));
}

static void read_search(struct chat_reading *r, struct span raw)
{
    struct tool *t = call_tool(r->call, TOOL_WEB_SEARCH, r->arena);
    if (raw_kind(raw) != JSON_OBJECT)
        chat_refuse(r, "web_search_options must be an object");
    if (t)
        t->raw = raw;
}

/* --- other members --- */

static void read_messages(struct chat_reading *r, struct span raw)
{
    struct span name, item;
    int64_t index = 0;
    if (raw_kind(raw) != JSON_ARRAY)
        chat_refuse(r, "messages must be an array");
    for (struct raw_iter it = raw_iter(raw, r->arena); raw_next(&it, &name, &item) && !r->error;)
        chat_read_message(r, item, index++);
}

static void read_stops(struct chat_reading *r, struct span raw)
{
    struct span name, item;
    if (raw_kind(raw) == JSON_STRING) {
        r->call->stops = arena_print(r->arena, "[%.*s]", SPAN_ARG(raw));
        return;
    }
    if (raw_kind(raw) != JSON_ARRAY)
        chat_refuse(r, "stop must be a string or an array of strings");
    for (struct raw_iter it = raw_iter(raw, r->arena); raw_next(&it, &name, &item);)
        if (raw_kind(item) != JSON_STRING)
            chat_refuse(r, "stop must be a string or an array of strings");
    r->call->stops = raw;
}

static void read_format(struct chat_reading *r, struct span raw)
{
    struct member m[] = { { .name = SPAN("name") }, { .name = SPAN("description") }, { .name = SPAN("schema") }, { .name = SPAN("strict") } };
    struct chat_place at = { -1, "response_format.json_schema", -1 };
    struct span type = raw_text(raw_member(raw, SPAN("type"), r->arena), r->arena);
    struct call *c = r->call;
    if (!type.at) {
        chat_refuse(r, "response_format must be an object with a type");
    } else if (span_is(type, SPAN("text"))) {
        c->format = FORMAT_TEXT;
    } else if (span_is(type, SPAN("json_object"))) {
        c->format = FORMAT_JSON;
    } else if (!span_is(type, SPAN("json_schema"))) {
        call_rest(c, SPAN("response_format"), raw, r->arena);
    } else {
        chat_members(r, raw_member(raw, SPAN("json_schema"), r->arena), m, 4, &at);
        c->format = FORMAT_SCHEMA;
        c->schema_name = chat_string(r, m[0].raw, "the name of a json_schema must be a string");
        c->schema_description = chat_string(r, m[1].raw, "the description of a json_schema must be a string");
        c->schema = m[2].kind == JSON_OBJECT ? m[2].raw : SPAN("{}");
        if (m[2].raw.at && m[2].kind != JSON_OBJECT)
            chat_refuse(r, "the schema of a json_schema must be an object");
        c->schema_strict = chat_flag(r, m[3].raw, "strict must be true or false");
    }
    if (c->format != FORMAT_UNSAID)
        keep_others(r, raw, "response_format", SPAN("type"), c->format == FORMAT_SCHEMA ? SPAN("json_schema") : SPAN("type"));
}

static void read_effort(struct chat_reading *r, struct span raw)
{
    r->call->effort = raw_text(chat_string(r, raw, "reasoning_effort must be a string"), r->arena);
    if (r->call->effort.at)
        r->call->thinks = !span_is(r->call->effort, SPAN("none"));
}

/* Anthropic's words: {"type": "enabled", "budget_tokens": 2048}, {"type": "disabled"}, {"type": "adaptive"}. */
static void read_thinking(struct chat_reading *r, struct span raw)
{
    struct member m[] = { { .name = SPAN("type") }, { .name = SPAN("budget_tokens") } };
    struct chat_place at = { -1, "thinking", -1 };
    chat_members(r, raw, m, 2, &at);
    if (m[0].kind != JSON_STRING)
        chat_refuse(r, "thinking must be an object with a type");
    r->call->thinks = !raw_is(m[0].raw, SPAN("disabled"));
    r->call->thinking_limit = chat_count(r, m[1].raw, "budget_tokens must be a whole number");
}

/* OpenRouter's: {"effort": "high", "max_tokens": 2048, "exclude": true, "enabled": true}. */
static void read_reasoning(struct chat_reading *r, struct span raw)
{
    struct member m[] = { { .name = SPAN("effort") }, { .name = SPAN("max_tokens") }, { .name = SPAN("exclude") }, { .name = SPAN("enabled") } };
    struct chat_place at = { -1, "reasoning", -1 };
    if (raw_kind(raw) != JSON_OBJECT)
        chat_refuse(r, "reasoning must be an object");
    chat_members(r, raw, m, 4, &at);
    if (m[0].raw.at)
        read_effort(r, m[0].raw);
    if (m[1].raw.at)
        r->call->thinking_limit = chat_count(r, m[1].raw, "reasoning.max_tokens must be a whole number");
    int exclude = chat_flag(r, m[2].raw, "reasoning.exclude must be true or false");
    if (exclude >= 0)
        r->call->show_thoughts = !exclude;
    int enabled = chat_flag(r, m[3].raw, "reasoning.enabled must be true or false");
    if (enabled >= 0)
        r->call->thinks = enabled;
}

/* Usage in the stream is the writer's affair (struct writer); nothing is padded against those who measure lengths, so only a wish for
 * it is worth noting. */
static void read_stream_options(struct chat_reading *r, struct span raw)
{
    struct member m[] = { { .name = SPAN("include_usage") }, { .name = SPAN("include_obfuscation") } };
    struct chat_place at = { -1, "stream_options", -1 };
    if (raw_kind(raw) != JSON_OBJECT)
        chat_refuse(r, "stream_options must be an object");
    chat_members(r, raw, m, 2, &at);
    (void)chat_flag(r, m[0].raw, "include_usage must be true or false");
    if (chat_flag(r, m[1].raw, "include_obfuscation must be true or false") == 1)
        call_rest(r->call, SPAN("stream_options.include_obfuscation"), m[1].raw, r->arena);
}

static void read_tier(struct chat_reading *r, struct span raw)
{
    struct span tier = ask_tier(raw_text(chat_string(r, raw, "service_tier must be a string"), r->arena));
    r->call->tier = span_is(tier, SPAN("auto")) ? SPAN_NONE : tier;
}

/* --- the top --- */

enum {
    T_MODEL, T_MESSAGES, T_STREAM, T_OPTIONS, T_OLD_LIMIT, T_LIMIT, T_TEMPERATURE, T_TOP_P, T_TOP_K, T_FREQUENCY, T_PRESENCE, T_SEED, T_STOP, T_N,
    T_LOGPROBS, T_TOP_LOGPROBS, T_TOOLS, T_FUNCTIONS, T_CHOICE, T_OLD_CHOICE, T_PARALLEL, T_FORMAT, T_EFFORT, T_THINKING, T_REASONING, T_USER,
    T_SAFE_USER, T_METADATA, T_STORE, T_TIER, T_VERBOSITY, T_CACHE_KEY, T_SEARCH, T_SAFETY, T_RANDOM_SEED, T_COUNT
};
static const struct span top_names[T_COUNT] = {
    [T_MODEL] = { "model", 5 }, [T_MESSAGES] = { "messages", 8 }, [T_STREAM] = { "stream", 6 }, [T_OPTIONS] = { "stream_options", 14 },
    [T_OLD_LIMIT] = { "max_tokens", 10 }, [T_LIMIT] = { "max_completion_tokens", 21 }, [T_TEMPERATURE] = { "temperature", 11 },
    [T_TOP_P] = { "top_p", 5 }, [T_TOP_K] = { "top_k", 5 }, [T_FREQUENCY] = { "frequency_penalty", 17 },
    [T_PRESENCE] = { "presence_penalty", 16 }, [T_SEED] = { "seed", 4 }, [T_STOP] = { "stop", 4 }, [T_N] = { "n", 1 },
    [T_LOGPROBS] = { "logprobs", 8 }, [T_TOP_LOGPROBS] = { "top_logprobs", 12 }, [T_TOOLS] = { "tools", 5 },
    [T_FUNCTIONS] = { "functions", 9 }, [T_CHOICE] = { "tool_choice", 11 }, [T_OLD_CHOICE] = { "function_call", 13 },
    [T_PARALLEL] = { "parallel_tool_calls", 19 }, [T_FORMAT] = { "response_format", 15 }, [T_EFFORT] = { "reasoning_effort", 16 },
    [T_THINKING] = { "thinking", 8 }, [T_REASONING] = { "reasoning", 9 }, [T_USER] = { "user", 4 },
    [T_SAFE_USER] = { "safety_identifier", 17 }, [T_METADATA] = { "metadata", 8 }, [T_STORE] = { "store", 5 },
    [T_TIER] = { "service_tier", 12 }, [T_VERBOSITY] = { "verbosity", 9 }, [T_CACHE_KEY] = { "prompt_cache_key", 16 },
    [T_SEARCH] = { "web_search_options", 18 }, [T_SAFETY] = { "safety_settings", 15 }, [T_RANDOM_SEED] = { "random_seed", 11 },
};

struct top {
    struct chat_reading r;
    struct member m[T_COUNT];
};

/* What says only what is so anyway. */
static bool says_nothing(struct span name, struct span raw, struct arena *a)
{
    struct span no, first, second;
    if (span_is(name, SPAN("logit_bias")) || span_is(name, SPAN("modalities"))) {
        struct raw_iter it = raw_iter(raw, a);
        if (!raw_next(&it, &no, &first))
            return true;
        return raw_is(first, SPAN("text")) && !raw_next(&it, &no, &second);
    }
    return false;
}

static bool visit(void *self, struct span name, enum json_kind kind, struct span raw)
{
    struct top *t = self;
    if (kind == JSON_NULL || says_nothing(name, raw, t->r.arena))
        return true;
    for (size_t i = 0; i < T_COUNT; i++) {
        if (!span_is(top_names[i], name))
            continue;
        t->m[i].raw = raw;
        t->m[i].kind = kind;
        return true;
    }
    call_rest(t->r.call, arena_copy(t->r.arena, name), raw, t->r.arena);
    return true;
}

static void read_number(struct top *t, size_t i, struct span *out, const char *why)
{
    if (t->m[i].raw.at && t->m[i].kind != JSON_NUMBER)
        chat_refuse(&t->r, why);
    *out = t->m[i].raw;
}

static void read_numbers(struct top *t, struct call *c)
{
    struct chat_reading *r = &t->r;
    read_number(t, T_TEMPERATURE, &c->temperature, "temperature must be a number");
    read_number(t, T_TOP_P, &c->top_p, "top_p must be a number");
    read_number(t, T_TOP_K, &c->top_k, "top_k must be a number");
    read_number(t, T_FREQUENCY, &c->frequency_penalty, "frequency_penalty must be a number");
    read_number(t, T_PRESENCE, &c->presence_penalty, "presence_penalty must be a number");
    read_number(t, t->m[T_SEED].raw.at ? T_SEED : T_RANDOM_SEED, &c->seed, "seed must be a number");
    int64_t limit = chat_count(r, t->m[T_LIMIT].raw, "max_completion_tokens must be a whole number");
    int64_t old_limit = chat_count(r, t->m[T_OLD_LIMIT].raw, "max_tokens must be a whole number");
    c->output_limit = limit > old_limit ? limit : old_limit;
    int64_t choices = chat_count(r, t->m[T_N].raw, "n must be a whole number");
    c->choices = choices < 1 ? 1 : choices;
    c->logprobs = chat_flag(r, t->m[T_LOGPROBS].raw, "logprobs must be true or false") == 1;
    c->top_logprobs = chat_count(r, t->m[T_TOP_LOGPROBS].raw, "top_logprobs must be a whole number");
}

static void read_words(struct top *t, struct call *c)
{
    struct chat_reading *r = &t->r;
    c->model = raw_text(chat_string(r, t->m[T_MODEL].raw, "model must be a string"), r->arena);
    c->stream = chat_flag(r, t->m[T_STREAM].raw, "stream must be true or false") == 1;
    c->parallel_tools = chat_flag(r, t->m[T_PARALLEL].raw, "parallel_tool_calls must be true or false");
    c->store = chat_flag(r, t->m[T_STORE].raw, "store must be true or false");
    c->user = chat_string(r, t->m[T_USER].raw, "user must be a string");
    struct span other = chat_string(r, t->m[T_SAFE_USER].raw, "safety_identifier must be a string");
    if (!c->user.at)
        c->user = other;
    else if (other.at && !span_is(other, c->user))
        call_rest(c, SPAN("safety_identifier"), other, r->arena);
    if (t->m[T_METADATA].raw.at && t->m[T_METADATA].kind != JSON_OBJECT)
        chat_refuse(r, "metadata must be an object");
    c->metadata = t->m[T_METADATA].raw;
    c->verbosity = raw_text(chat_string(r, t->m[T_VERBOSITY].raw, "verbosity must be a string"), r->arena);
    c->cache_key = chat_string(r, t->m[T_CACHE_KEY].raw, "prompt_cache_key must be a string");
    c->safety = t->m[T_SAFETY].raw;
}

static void read_members(struct top *t)
{
    static const struct {
        size_t which;
        void (*read)(struct chat_reading *r, struct span raw);
    } readers[] = { { T_MESSAGES, read_messages }, { T_TOOLS, chat_read_tools }, { T_FUNCTIONS, read_functions },
        { T_CHOICE, read_choice }, { T_OLD_CHOICE, read_old_choice }, { T_SEARCH, read_search }, { T_STOP, read_stops },
        { T_FORMAT, read_format }, { T_EFFORT, read_effort }, { T_THINKING, read_thinking }, { T_REASONING, read_reasoning },
        { T_OPTIONS, read_stream_options }, { T_TIER, read_tier } };
    for (size_t i = 0; i < sizeof(readers) / sizeof(*readers); i++)
        if (t->m[readers[i].which].raw.at)
            readers[i].read(&t->r, t->m[readers[i].which].raw);
}

enum err chat_read_call(struct json *j, struct span body, struct arena *a, struct call *out, const char **why)
{
    struct top t = { .r = { .json = j, .arena = a, .call = out, .seed = body.len } };
    call_begin(out);
    enum err e = json_scan(j, body, true, visit, &t, why);
    if (e)
        return e;
    read_words(&t, out);
    read_numbers(&t, out);
    read_members(&t);
    if (!t.m[T_MESSAGES].raw.at)
        chat_refuse(&t.r, "messages are missing");
    if (a->broken) {
        *why = "out of memory";
        return E_NO_MEMORY;
    }
    *why = t.r.why;
    return t.r.error;
}
