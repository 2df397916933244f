/* SPDX-License-Identifier: Apache-2.0
 * openai_responses_call.c - reads POST /v1/responses into the neutral call. One row for each member that is known. */
#include "dialect/openai_responses_int.h"

struct reading {
    struct json *json;
    struct arena *arena;
    struct call *call;
    const char *why;
    size_t item; /* of input: the one that is being read */
};

static void refuse(struct reading *r, const char *why)
{
    if (!r->why)
        r->why = why;
}

static void rest(struct reading *r, const char *path, struct span value) { call_rest(r->call, span_of(path), value, r->arena); }

/* What an object has beyond these names. */
static void rest_of(struct reading *r, struct span object, struct span path, const char *const *known, size_t count)
{
    struct raw_iter it = raw_iter(object, r->arena);
    struct span name, value;
    while (raw_next(&it, &name, &value)) {
        bool seen = false;
        for (size_t i = 0; !seen && i < count; i++)
            seen = span_is(name, span_of(known[i]));
        if (!seen)
            call_rest(r->call, arena_print(r->arena, "%.*s.%.*s", SPAN_ARG(path), SPAN_ARG(name)), value, r->arena);
    }
}
#define REST_OF(r, object, path, known) rest_of((r), (object), (path), (known), sizeof(known) / sizeof(*(known)))

/* --- input --- */

static void unknown_in_item(void *self, const struct item_place *place, struct span value)
{
    struct reading *r = self;
    struct span path = arena_print(r->arena, "input[%zu]", r->item);
    if (place->list)
        path = arena_print(r->arena, "%.*s.%s[%zu]", SPAN_ARG(path), place->list, place->index);
    if (place->name.at)
        path = arena_print(r->arena, "%.*s.%.*s", SPAN_ARG(path), SPAN_ARG(place->name));
    call_rest(r->call, path, value, r->arena);
}

static bool role_of(struct span item, struct arena *a, enum role *out)
{
    static const struct {
        const char *name;
        enum role role;
    } roles[] = { { "user", ROLE_USER }, { "assistant", ROLE_ASSISTANT }, { "system", ROLE_SYSTEM }, { "developer", ROLE_DEVELOPER } };
    struct span said = responses_said(item, SPAN("role"), a);
    for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++) {
        *out = roles[i].role;
        if (raw_is(said, span_of(roles[i].name)))
            return true;
    }
    return false;
}

/* Whatever the assistant says in a row is one turn, and results in a row are one; each other message is its own. */
static struct turn *turn_for(struct reading *r, struct span item, enum item_kind kind, enum item_kind before)
{
    enum role role = kind == ITEM_RESULT || kind == ITEM_USER_OTHER ? ROLE_USER : ROLE_ASSISTANT;
    struct turn *last = r->call->last_turn;
    if (kind == ITEM_MESSAGE && !role_of(item, r->arena, &role)) {
        refuse(r, "role of a message must be user, assistant, system or developer");
        return NULL;
    }
    bool joins = last && last->role == role && (role == ROLE_ASSISTANT || (kind == ITEM_RESULT && before == ITEM_RESULT));
    return joins ? last : call_turn(r->call, role, r->arena);
}

static void read_items(struct reading *r, struct span input)
{
    struct raw_iter it = raw_iter(input, r->arena);
    struct item_reading items = { .json = r->json, .arena = r->arena, .input = true, .unknown = unknown_in_item, .self = r };
    enum item_kind before = ITEM_BROKEN;
    struct span name, item;
    for (size_t i = 0; !r->why && !r->arena->broken && raw_next(&it, &name, &item); i++) {
        enum item_kind kind = responses_item_kind(item, r->arena);
        r->item = i;
        struct turn *t = NULL;
        if (kind == ITEM_BROKEN)
            refuse(r, "each item of input must be an object with a type or a role");
        else if (kind == ITEM_REFERENCE)
            unknown_in_item(r, &(struct item_place){ 0 }, item);
        else
            t = turn_for(r, item, kind, before);
        if (t)
            responses_read_item(&items, item, kind, &t->parts);
        if (items.why)
            refuse(r, items.why);
        before = kind;
    }
}

static void take_input(struct reading *r, struct span value)
{
    if (raw_kind(value) == JSON_ARRAY) {
        read_items(r, value);
        return;
    }
    struct turn *t = call_turn(r->call, ROLE_USER, r->arena);
    struct part *p = t ? part_add(&t->parts, PART_TEXT, r->arena) : NULL;
    if (p)
        p->text = value;
    if (raw_kind(value) != JSON_STRING)
        refuse(r, "input must be a string or a list of items");
}

/* The conversation's first turn, wherever in the body it stands. */
static void take_instructions(struct reading *r, struct span value)
{
    struct turn *t = ARENA_NEW(r->arena, struct turn);
    struct part *p = t ? part_add(&t->parts, PART_TEXT, r->arena) : NULL;
    if (!p)
        return;
    t->role = ROLE_SYSTEM;
    p->text = value;
    t->next = r->call->turns;
    r->call->turns = t;
    if (!r->call->last_turn)
        r->call->last_turn = t;
}

/* --- tools --- */

/* A grammar cannot be enforced elsewhere: the model is told it, and whoever runs the tool reads what came of it, as ever. */
static struct span described(struct reading *r, struct span description, struct span format)
{
    struct span syntax = raw_text(responses_said(format, SPAN("syntax"), r->arena), r->arena);
    struct span definition = responses_said(format, SPAN("definition"), r->arena);
    if (!syntax.at || raw_kind(definition) != JSON_STRING)
        return SPAN_NONE;
    return arena_print(r->arena, "\"%.*s\\n\\nThe input must follow this %.*s grammar:\\n%.*s\"", SPAN_ARG(raw_inside(description)), SPAN_ARG(syntax), SPAN_ARG(raw_inside(definition)));
}

/* One that takes a text. */
static void read_custom(struct reading *r, struct span tool, struct span path)
{
    static const char *const known[] = { "type", "name", "description", "format" };
    struct tool *t = call_tool(r->call, TOOL_FUNCTION, r->arena);
    if (!t)
        return;
    t->name = responses_said(tool, SPAN("name"), r->arena);
    t->description = responses_said(tool, SPAN("description"), r->arena);
    t->schema = SPAN("{\"type\":\"object\",\"properties\":{\"input\":{\"type\":\"string\"}},\"required\":[\"input\"],\"additionalProperties\":false}");
    t->raw = tool;
    struct span format = responses_said(tool, SPAN("format"), r->arena);
    if (format.at && !raw_is(responses_said(format, SPAN("type"), r->arena), SPAN("text"))) {
        struct span told = described(r, t->description, format), below = arena_print(r->arena, "%.*s.format", SPAN_ARG(path));
        (told.at ? call_hint : call_rest)(r->call, below, format, r->arena);
        t->description = told.at ? told : t->description;
    }
    REST_OF(r, tool, path, known);
}

static void read_function(struct reading *r, struct span tool, struct span path)
{
    static const char *const known[] = { "type", "name", "description", "parameters", "strict", "defer_loading" };
    struct tool *t = call_tool(r->call, TOOL_FUNCTION, r->arena);
    if (!t)
        return;
    t->name = responses_said(tool, SPAN("name"), r->arena);
    t->description = responses_said(tool, SPAN("description"), r->arena);
    t->schema = responses_said(tool, SPAN("parameters"), r->arena);
    struct span strict = responses_said(tool, SPAN("strict"), r->arena), deferred = responses_said(tool, SPAN("defer_loading"), r->arena);
    if (strict.at)
        t->strict = span_is(strict, SPAN("true"));
    if (span_is(deferred, SPAN("true")))
        call_rest(r->call, arena_print(r->arena, "%.*s.defer_loading", SPAN_ARG(path)), deferred, r->arena);
    if (t->schema.at && raw_kind(t->schema) != JSON_OBJECT)
        refuse(r, "parameters of a function must be an object");
    REST_OF(r, tool, path, known);
}

static void read_web_search(struct reading *r, struct span tool, struct span path)
{
    static const char *const known[] = { "type", "filters", "search_context_size", "external_web_access" }, *const filters_known[] = { "allowed_domains", "blocked_domains" };
    struct tool *t = call_tool(r->call, TOOL_WEB_SEARCH, r->arena);
    if (!t)
        return;
    struct span filters = responses_said(tool, SPAN("filters"), r->arena), size = responses_said(tool, SPAN("search_context_size"), r->arena);
    struct span live = responses_said(tool, SPAN("external_web_access"), r->arena);
    t->raw = tool;
    t->allowed = responses_said(filters, SPAN("allowed_domains"), r->arena);
    t->blocked = responses_said(filters, SPAN("blocked_domains"), r->arena);
    if (size.at && !raw_is(size, SPAN("medium")))
        call_rest(r->call, arena_print(r->arena, "%.*s.search_context_size", SPAN_ARG(path)), size, r->arena);
    if (span_is(live, SPAN("false")))
        call_rest(r->call, arena_print(r->arena, "%.*s.external_web_access", SPAN_ARG(path)), live, r->arena);
    REST_OF(r, filters, arena_print(r->arena, "%.*s.filters", SPAN_ARG(path)), filters_known);
    REST_OF(r, tool, path, known);
}

/* Code that runs in a container of its own, or one with the caller's files in it: only what is there from the start is known elsewhere. */
static void read_other(struct reading *r, struct span tool, struct span type, struct span path)
{
    static const char *const known[] = { "type" };
    bool code = raw_is(type, SPAN("code_interpreter"));
    struct tool *t = call_tool(r->call, code ? TOOL_CODE_EXECUTION : TOOL_OTHER, r->arena);
    struct span container = code ? responses_said(tool, SPAN("container"), r->arena) : SPAN_NONE, below = arena_print(r->arena, "%.*s.container", SPAN_ARG(path));
    if (!t)
        return;
    t->name = type;
    t->raw = tool;
    if (container.at && !raw_is(responses_said(container, SPAN("type"), r->arena), SPAN("auto")))
        call_rest(r->call, below, container, r->arena);
    else
        REST_OF(r, container, below, known);
}

static void read_tool(struct reading *r, struct span tool, size_t i)
{
    struct span type = responses_said(tool, SPAN("type"), r->arena), path = arena_print(r->arena, "tools[%zu]", i);
    bool function = raw_is(type, SPAN("function")), custom = raw_is(type, SPAN("custom"));
    if (raw_kind(type) != JSON_STRING) {
        refuse(r, "each tool must be an object with a type");
    } else if (function || custom) {
        if (raw_kind(responses_said(tool, SPAN("name"), r->arena)) != JSON_STRING)
            refuse(r, "name of a tool must be a string");
        (function ? read_function : read_custom)(r, tool, path);
    } else if (span_starts(type, SPAN("\"web_search"))) {
        read_web_search(r, tool, path);
    } else {
        read_other(r, tool, type, path);
    }
}

static void take_tools(struct reading *r, struct span value)
{
    struct raw_iter it = raw_iter(value, r->arena);
    struct span name, tool;
    for (size_t i = 0; !r->why && raw_next(&it, &name, &tool); i++)
        read_tool(r, tool, i);
}

static void take_tool_choice(struct reading *r, struct span value)
{
    static const char *const known[] = { "type", "name" };
    struct span type = responses_said(value, SPAN("type"), r->arena);
    if (raw_is(value, SPAN("auto"))) {
        r->call->choice = CHOICE_AUTO;
    } else if (raw_is(value, SPAN("none"))) {
        r->call->choice = CHOICE_NONE;
    } else if (raw_is(value, SPAN("required"))) {
        r->call->choice = CHOICE_ANY;
    } else if (raw_is(type, SPAN("function")) || raw_is(type, SPAN("custom"))) {
        r->call->choice = CHOICE_NAMED;
        r->call->chosen = responses_said(value, SPAN("name"), r->arena);
        if (raw_kind(r->call->chosen) != JSON_STRING)
            refuse(r, "tool_choice must name its function");
        REST_OF(r, value, SPAN("tool_choice"), known);
    } else if (raw_kind(type) == JSON_STRING) {
        rest(r, "tool_choice", value);
    } else {
        refuse(r, "tool_choice must be auto, none, required or an object with a type");
    }
}

/* --- parameters --- */

static void take_format(struct reading *r, struct span format)
{
    static const char *const known[] = { "type", "name", "description", "schema", "strict" };
    struct call *c = r->call;
    struct span type = responses_said(format, SPAN("type"), r->arena);
    if (raw_is(type, SPAN("text"))) {
        c->format = FORMAT_TEXT;
    } else if (raw_is(type, SPAN("json_object"))) {
        c->format = FORMAT_JSON;
    } else if (raw_is(type, SPAN("json_schema"))) {
        c->format = FORMAT_SCHEMA;
        c->schema_name = responses_said(format, SPAN("name"), r->arena);
        c->schema_description = responses_said(format, SPAN("description"), r->arena);
        c->schema = responses_said(format, SPAN("schema"), r->arena);
        struct span strict = responses_said(format, SPAN("strict"), r->arena);
        if (strict.at)
            c->schema_strict = span_is(strict, SPAN("true"));
        if (raw_kind(c->schema) != JSON_OBJECT)
            refuse(r, "text.format.schema must be an object");
    } else {
        refuse(r, "text.format must be of type text, json_object or json_schema");
    }
    REST_OF(r, format, SPAN("text.format"), known);
}

static void take_text(struct reading *r, struct span value)
{
    static const char *const known[] = { "format", "verbosity" };
    struct span format = responses_said(value, SPAN("format"), r->arena);
    r->call->verbosity = raw_text(responses_said(value, SPAN("verbosity"), r->arena), r->arena);
    if (format.at)
        take_format(r, format);
    REST_OF(r, value, SPAN("text"), known);
}

static void take_reasoning(struct reading *r, struct span value)
{
    static const char *const known[] = { "effort", "summary", "generate_summary", "context", "mode" };
    struct span effort = responses_said(value, SPAN("effort"), r->arena), summary = responses_said(value, SPAN("summary"), r->arena);
    struct span context = responses_said(value, SPAN("context"), r->arena), mode = responses_said(value, SPAN("mode"), r->arena);
    if (effort.at && raw_kind(effort) != JSON_STRING)
        refuse(r, "reasoning.effort must be a string");
    r->call->effort = raw_text(effort, r->arena);
    if (effort.at)
        r->call->thinks = !raw_is(effort, SPAN("none"));
    if (!summary.at)
        summary = responses_said(value, SPAN("generate_summary"), r->arena);
    if (summary.at)
        r->call->show_thoughts = !raw_is(summary, SPAN("none"));
    if (context.at && !raw_is(context, SPAN("auto")))
        rest(r, "reasoning.context", context);
    if (mode.at && !raw_is(mode, SPAN("standard")))
        rest(r, "reasoning.mode", mode);
    REST_OF(r, value, SPAN("reasoning"), known);
}

/* Signatures are always told, so that asking for them changes nothing. */
static void take_include(struct reading *r, struct span value)
{
    struct raw_iter it = raw_iter(value, r->arena);
    struct span name, item;
    while (raw_next(&it, &name, &item)) {
        if (raw_is(item, SPAN("message.output_text.logprobs")))
            r->call->logprobs = true;
        else if (!raw_is(item, SPAN("reasoning.encrypted_content")))
            rest(r, "include", item);
    }
}

static void take_stream_options(struct reading *r, struct span value)
{
    static const char *const known[] = { "include_obfuscation" }; /* the gate never obfuscates */
    REST_OF(r, value, SPAN("stream_options"), known);
}

static int64_t whole(struct reading *r, struct span value, const char *why)
{
    int64_t n;
    if (json_raw_integer(value, &n) && n >= 0)
        return n;
    refuse(r, why);
    return -1;
}

static int flag(struct span value) { return span_is(value, SPAN("true")); }

static void take_model(struct reading *r, struct span v) { r->call->model = raw_text(v, r->arena); }
static void take_stream(struct reading *r, struct span v) { r->call->stream = flag(v); }
static void take_limit(struct reading *r, struct span v) { r->call->output_limit = whole(r, v, "max_output_tokens must be a whole number"); }
static void take_temperature(struct reading *r, struct span v) { r->call->temperature = v; }
static void take_top_p(struct reading *r, struct span v) { r->call->top_p = v; }
static void take_top_logprobs(struct reading *r, struct span v) { r->call->top_logprobs = whole(r, v, "top_logprobs must be a whole number"); }
static void take_parallel(struct reading *r, struct span v) { r->call->parallel_tools = flag(v); }
static void take_store(struct reading *r, struct span v) { r->call->store = flag(v); }
static void take_previous(struct reading *r, struct span v) { r->call->previous = v; }
static void take_metadata(struct reading *r, struct span v) { r->call->metadata = v; }
static void take_user(struct reading *r, struct span v) { r->call->user = v; }
static void take_tier(struct reading *r, struct span v) { r->call->tier = raw_text(v, r->arena); }
static void take_cache_key(struct reading *r, struct span v) { r->call->cache_key = v; }
static void take_background(struct reading *r, struct span v)
{
    if (flag(v))
        rest(r, "background", v);
}
static void take_truncation(struct reading *r, struct span v)
{
    if (!raw_is(v, SPAN("disabled")))
        rest(r, "truncation", v);
}

static const struct {
    const char *name;
    enum json_kind kind; /* NONE: looked at by its function */
    void (*take)(struct reading *r, struct span value);
    const char *why;
} members[] = {
    { "model", JSON_STRING, take_model, "model must be a string" },
    { "input", JSON_NONE, take_input, NULL },
    { "instructions", JSON_STRING, take_instructions, "instructions must be a string" },
    { "stream", JSON_BOOL, take_stream, "stream must be true or false" },
    { "stream_options", JSON_OBJECT, take_stream_options, "stream_options must be an object" },
    { "tools", JSON_ARRAY, take_tools, "tools must be a list" },
    { "tool_choice", JSON_NONE, take_tool_choice, NULL },
    { "parallel_tool_calls", JSON_BOOL, take_parallel, "parallel_tool_calls must be true or false" },
    { "max_output_tokens", JSON_NUMBER, take_limit, "max_output_tokens must be a whole number" },
    { "temperature", JSON_NUMBER, take_temperature, "temperature must be a number" },
    { "top_p", JSON_NUMBER, take_top_p, "top_p must be a number" },
    { "top_logprobs", JSON_NUMBER, take_top_logprobs, "top_logprobs must be a whole number" },
    { "text", JSON_OBJECT, take_text, "text must be an object" },
    { "reasoning", JSON_OBJECT, take_reasoning, "reasoning must be an object" },
    { "include", JSON_ARRAY, take_include, "include must be a list" },
    { "store", JSON_BOOL, take_store, "store must be true or false" },
    { "previous_response_id", JSON_STRING, take_previous, "previous_response_id must be a string" },
    { "metadata", JSON_OBJECT, take_metadata, "metadata must be an object" },
    { "user", JSON_STRING, take_user, "user must be a string" },
    { "service_tier", JSON_STRING, take_tier, "service_tier must be a string" },
    { "prompt_cache_key", JSON_STRING, take_cache_key, "prompt_cache_key must be a string" },
    { "background", JSON_BOOL, take_background, "background must be true or false" },
    { "truncation", JSON_STRING, take_truncation, "truncation must be a string" },
};

/* --- the whole --- */

/* What a client notes of itself for OpenAI, and how long its cache is kept. */
static bool is_hint(struct span name)
{
    return span_is(name, SPAN("client_metadata")) || span_is(name, SPAN("prompt_cache_retention")) || span_is(name, SPAN("prompt_cache_options"));
}

static bool visit(void *self, struct span name, enum json_kind kind, struct span raw)
{
    struct reading *r = self;
    if (kind == JSON_NULL)
        return true;
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        if (!span_is(name, span_of(members[i].name)))
            continue;
        if (members[i].kind != JSON_NONE && kind != members[i].kind)
            refuse(r, members[i].why);
        else
            members[i].take(r, raw);
        return !r->why;
    }
    (is_hint(name) ? call_hint : call_rest)(r->call, arena_copy(r->arena, name), raw, r->arena);
    return true;
}

/* safety_identifier is the newer name of user. */
static void settle_user(struct call *c)
{
    struct rest **at = &c->rest, *before = NULL;
    while (*at && !span_is((*at)->path, SPAN("safety_identifier"))) {
        before = *at;
        at = &before->next;
    }
    struct rest *found = *at;
    if (!found || raw_kind(found->value) != JSON_STRING || (c->user.at && !span_is(c->user, found->value)))
        return;
    c->user = found->value;
    *at = found->next;
    if (c->last_rest == found)
        c->last_rest = before;
}

enum err responses_read_call(struct json *j, struct span body, struct arena *a, struct call *out, const char **why)
{
    struct reading r = { .json = j, .arena = a, .call = out };
    call_begin(out);
    enum err e = json_scan(j, body, true, visit, &r, why);
    if (e)
        return e;
    settle_user(out);
    if (!out->logprobs && out->top_logprobs == 0)
        out->top_logprobs = -1;
    out->logprobs = out->logprobs || out->top_logprobs > 0;
    *why = r.why;
    if (a->broken)
        return E_NO_MEMORY;
    return r.why ? E_BAD_REQUEST : E_OK;
}
