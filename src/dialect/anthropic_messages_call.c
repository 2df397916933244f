/* SPDX-License-Identifier: Apache-2.0
 * anthropic_messages_call.c - a request of Anthropic messages as a neutral call. A body without max_tokens is one for count_tokens. */
#include "dialect/anthropic_int.h"
#include "dialect/ask.h"

enum slot { MODEL, SYSTEM, MESSAGES, TOOLS, CHOICE, THINKING, OUTPUT, FORMAT, LIMIT, STOPS, TEMPERATURE, TOP_P, TOP_K, METADATA, TIER, SPEED, STREAM, SLOTS };
static const struct {
    struct span name;
    enum json_kind kind; /* JSON_NONE: looked into later */
    const char *why;
} members[SLOTS] = {
    [MODEL] = { { "model", 5 }, JSON_STRING, "model must be a string" },
    [SYSTEM] = { { "system", 6 }, JSON_NONE, NULL },
    [MESSAGES] = { { "messages", 8 }, JSON_ARRAY, "messages must be a list" },
    [TOOLS] = { { "tools", 5 }, JSON_ARRAY, "tools must be a list" },
    [CHOICE] = { { "tool_choice", 11 }, JSON_OBJECT, "tool_choice must be an object" },
    [THINKING] = { { "thinking", 8 }, JSON_OBJECT, "thinking must be an object" },
    [OUTPUT] = { { "output_config", 13 }, JSON_OBJECT, "output_config must be an object" },
    [FORMAT] = { { "output_format", 13 }, JSON_OBJECT, "output_format must be an object" },
    [LIMIT] = { { "max_tokens", 10 }, JSON_NUMBER, "max_tokens must be a whole number, written with digits only" },
    [STOPS] = { { "stop_sequences", 14 }, JSON_ARRAY, "stop_sequences must be a list of strings" },
    [TEMPERATURE] = { { "temperature", 11 }, JSON_NUMBER, "temperature must be a number" },
    [TOP_P] = { { "top_p", 5 }, JSON_NUMBER, "top_p must be a number" },
    [TOP_K] = { { "top_k", 5 }, JSON_NUMBER, "top_k must be a number" },
    [METADATA] = { { "metadata", 8 }, JSON_OBJECT, "metadata must be an object" },
    [TIER] = { { "service_tier", 12 }, JSON_STRING, "service_tier must be a string" },
    [SPEED] = { { "speed", 5 }, JSON_STRING, "speed must be a string" },
    [STREAM] = { { "stream", 6 }, JSON_BOOL, "stream must be true or false" },
};

struct reading {
    struct json *json;
    struct arena *arena;
    struct call *call;
    struct span slots[SLOTS];
    enum err error;
    const char *why;
};

static bool refuse(struct reading *r, const char *why)
{
    r->error = E_BAD_REQUEST;
    r->why = why;
    return false;
}

/* All it asks for is that old thoughts are forgotten, which other vendors are not shown anyway. */
static bool forgets_thoughts(const struct reading *r, struct span management)
{
    struct raw_iter members_it = raw_iter(management, r->arena), edits;
    struct span name, value, edit;
    while (raw_next(&members_it, &name, &value)) {
        if (!span_is(name, SPAN("edits")))
            return false;
        edits = raw_iter(value, r->arena);
        while (raw_next(&edits, &name, &edit))
            if (!span_starts(raw_text(raw_member(edit, SPAN("type"), r->arena), r->arena), SPAN("clear_thinking_")))
                return false;
    }
    return true;
}

/* A cache that is kept by itself elsewhere, why it missed, old thoughts: nobody is worse off without. */
static bool is_hint(const struct reading *r, struct span name, struct span value)
{
    if (span_is(name, SPAN("context_management")))
        return forgets_thoughts(r, value);
    return span_is(name, SPAN("cache_control")) || span_is(name, SPAN("diagnostics"));
}

static bool visit(void *self, struct span name, enum json_kind kind, struct span raw)
{
    struct reading *r = self;
    for (size_t i = 0; i < SLOTS; i++) {
        if (!span_is(members[i].name, name))
            continue;
        if (kind == JSON_NULL)
            return true;
        r->slots[i] = raw;
        return members[i].kind == JSON_NONE || members[i].kind == kind || refuse(r, members[i].why);
    }
    struct span path = arena_copy(r->arena, name);
    if (is_hint(r, path, raw))
        call_hint(r->call, path, raw, r->arena);
    else
        call_rest(r->call, path, raw, r->arena);
    return true;
}

static struct span in(const struct reading *r, struct span object, struct span name)
{
    struct span value = raw_member(object, name, r->arena);
    return raw_kind(value) == JSON_NULL ? SPAN_NONE : value;
}

static bool no_hint(struct span name, struct span value)
{
    (void)name, (void)value;
    return false;
}

/* Members of a known object that are none of `known` go to the remainder. */
static void keep_others(const struct reading *r, struct span object, struct span path, const struct span *known, bool (*hint)(struct span, struct span))
{
    struct raw_iter it = raw_iter(object, r->arena);
    struct span name, value;
    while (raw_next(&it, &name, &value)) {
        const struct span *k = known;
        while (k->at && !span_is(*k, name))
            k++;
        if (!k->at)
            (hint(name, value) ? call_hint : call_rest)(r->call, arena_print(r->arena, "%.*s.%.*s", SPAN_ARG(path), SPAN_ARG(name)), value, r->arena);
    }
}

/* --- messages --- */

static bool read_content(struct reading *r, enum role role, struct span content, struct span where)
{
    struct turn *t = call_turn(r->call, role, r->arena);
    if (!t)
        return refuse(r, "out of memory");
    r->error = anthropic_read_blocks(r->json, content, where, r->arena, r->call, &t->parts, &r->why);
    return r->error == E_OK;
}

static bool read_message(struct reading *r, struct span message, size_t index)
{
    static const struct span known[] = { { "role", 4 }, { "content", 7 }, { NULL, 0 } };
    struct span role = in(r, message, SPAN("role"));
    bool user = raw_is(role, SPAN("user")), assistant = raw_is(role, SPAN("assistant"));
    if (!user && !assistant && !raw_is(role, SPAN("system")))
        return refuse(r, "role of a message must be user, assistant or system");
    struct span where = arena_print(r->arena, "messages[%zu]", index);
    keep_others(r, message, where, known, no_hint);
    return read_content(r, user ? ROLE_USER : assistant ? ROLE_ASSISTANT : ROLE_SYSTEM, in(r, message, SPAN("content")),
        arena_print(r->arena, "%.*s.content", SPAN_ARG(where)));
}

/* Claude Code begins its system prompt with a line for Anthropic's own accounts, another one in each call. For a vendor that caches by
 * what a prompt begins with, it would make every call a new one: the whole conversation at the full price. */
static void forget_billing(struct reading *r)
{
    struct turn *t = r->call->turns;
    struct part *first = t ? t->parts : NULL;
    if (!first || !first->next || first->kind != PART_TEXT || first->cache.at || !span_starts(first->text, SPAN("\"x-anthropic-billing-header:")))
        return;
    call_hint(r->call, SPAN("system[0]"), first->text, r->arena);
    first->next->last = first->last;
    t->parts = first->next;
}

static bool read_messages(struct reading *r)
{
    struct raw_iter it = raw_iter(r->slots[MESSAGES], r->arena);
    struct span name, message;
    if (r->slots[SYSTEM].at && !read_content(r, ROLE_SYSTEM, r->slots[SYSTEM], SPAN("system")))
        return false;
    forget_billing(r);
    if (!r->slots[MESSAGES].at)
        return refuse(r, "messages is missing");
    for (size_t i = 0; raw_next(&it, &name, &message); i++)
        if (!read_message(r, message, i))
            return false;
    return true;
}

/* --- tools --- */

/* true, false or unsaid. */
static int flag(struct span raw) { return span_is(raw, SPAN("true")) ? 1 : span_is(raw, SPAN("false")) ? 0 : -1; }

/* How the arguments are streamed; what a tool is without being told. */
static bool is_tool_hint(struct span name, struct span value)
{
    return span_is(name, SPAN("eager_input_streaming")) || (span_is(name, SPAN("defer_loading")) && span_is(value, SPAN("false"))) ||
        (span_is(name, SPAN("allowed_callers")) && span_is(value, SPAN("[\"direct\"]")));
}

static void keep_tool_others(struct reading *r, struct span raw, size_t index, bool search)
{
    static const struct span plain[] = { { "type", 4 }, { "name", 4 }, { "description", 11 }, { "input_schema", 12 }, { "strict", 6 },
        { "cache_control", 13 }, { NULL, 0 } };
    static const struct span web[] = { { "type", 4 }, { "name", 4 }, { "max_uses", 8 }, { "allowed_domains", 15 }, { "blocked_domains", 15 },
        { "cache_control", 13 }, { NULL, 0 } };
    keep_others(r, raw, arena_print(r->arena, "tools[%zu]", index), search ? web : plain, is_tool_hint);
}

static enum tool_kind tool_kind_of(struct span type)
{
    if (!type.at || span_is(type, SPAN("custom")))
        return TOOL_FUNCTION;
    if (span_starts(type, SPAN("web_search_")))
        return TOOL_WEB_SEARCH;
    return span_starts(type, SPAN("code_execution_")) ? TOOL_CODE_EXECUTION : TOOL_OTHER;
}

static bool read_tool(struct reading *r, struct span raw, size_t index)
{
    if (raw_kind(raw) != JSON_OBJECT)
        return refuse(r, "a tool must be an object");
    enum tool_kind kind = tool_kind_of(raw_text(in(r, raw, SPAN("type")), r->arena));
    struct span name = in(r, raw, SPAN("name"));
    if (kind == TOOL_FUNCTION && raw_kind(name) != JSON_STRING)
        return refuse(r, "name of a tool must be a string");
    struct tool *t = call_tool(r->call, kind, r->arena);
    if (!t)
        return refuse(r, "out of memory");
    t->name = name;
    t->raw = raw;
    t->cache = in(r, raw, SPAN("cache_control"));
    if (kind == TOOL_FUNCTION) {
        t->description = in(r, raw, SPAN("description"));
        t->schema = in(r, raw, SPAN("input_schema"));
        t->strict = flag(in(r, raw, SPAN("strict")));
    }
    if (kind == TOOL_WEB_SEARCH) {
        t->allowed = in(r, raw, SPAN("allowed_domains"));
        t->blocked = in(r, raw, SPAN("blocked_domains"));
        if (!json_raw_integer(in(r, raw, SPAN("max_uses")), &t->most) || t->most < 0)
            t->most = -1;
    }
    if (kind == TOOL_FUNCTION || kind == TOOL_WEB_SEARCH)
        keep_tool_others(r, raw, index, kind == TOOL_WEB_SEARCH);
    return true;
}

static bool read_tools(struct reading *r)
{
    struct raw_iter it = raw_iter(r->slots[TOOLS], r->arena);
    struct span name, tool;
    for (size_t i = 0; raw_next(&it, &name, &tool); i++)
        if (!read_tool(r, tool, i))
            return false;
    return true;
}

static bool read_choice(struct reading *r)
{
    static const struct span known[] = { { "type", 4 }, { "name", 4 }, { "disable_parallel_tool_use", 25 }, { NULL, 0 } };
    struct span type = in(r, r->slots[CHOICE], SPAN("type")), name = in(r, r->slots[CHOICE], SPAN("name"));
    struct call *c = r->call;
    int alone = flag(in(r, r->slots[CHOICE], SPAN("disable_parallel_tool_use")));
    if (!r->slots[CHOICE].at)
        return true;
    keep_others(r, r->slots[CHOICE], SPAN("tool_choice"), known, no_hint);
    c->parallel_tools = alone < 0 ? -1 : !alone;
    if (raw_is(type, SPAN("tool")) && raw_kind(name) != JSON_STRING)
        return refuse(r, "tool_choice of type tool must name it");
    c->choice = raw_is(type, SPAN("auto")) ? CHOICE_AUTO : raw_is(type, SPAN("any")) ? CHOICE_ANY :
        raw_is(type, SPAN("none")) ? CHOICE_NONE : raw_is(type, SPAN("tool")) ? CHOICE_NAMED : CHOICE_UNSAID;
    c->chosen = c->choice == CHOICE_NAMED ? name : SPAN_NONE;
    return c->choice != CHOICE_UNSAID || refuse(r, "type of tool_choice must be auto, any, tool or none");
}

/* --- the rest of it --- */

static bool read_thinking(struct reading *r)
{
    static const struct span known[] = { { "type", 4 }, { "budget_tokens", 13 }, { "display", 7 }, { NULL, 0 } };
    struct span thinking = r->slots[THINKING], type = in(r, thinking, SPAN("type")), display = in(r, thinking, SPAN("display"));
    struct call *c = r->call;
    bool enabled = raw_is(type, SPAN("enabled"));
    if (!thinking.at)
        return true;
    if (!enabled && !raw_is(type, SPAN("adaptive")) && !raw_is(type, SPAN("disabled"))) {
        call_rest(c, SPAN("thinking"), thinking, r->arena);
        return true;
    }
    c->thinks = !raw_is(type, SPAN("disabled"));
    if (enabled && (!json_raw_integer(in(r, thinking, SPAN("budget_tokens")), &c->thinking_limit) || c->thinking_limit < 0))
        return refuse(r, "budget_tokens of thinking must be a whole number");
    if (display.at)
        c->show_thoughts = raw_is(display, SPAN("summarized"));
    keep_others(r, thinking, SPAN("thinking"), known, no_hint);
    return true;
}

static bool read_format(struct reading *r, struct span format)
{
    if (!format.at)
        return true;
    r->call->format = FORMAT_SCHEMA;
    r->call->schema = in(r, format, SPAN("schema"));
    bool known = raw_is(in(r, format, SPAN("type")), SPAN("json_schema")) && raw_kind(r->call->schema) == JSON_OBJECT;
    return known || refuse(r, "format of output_config must be a json_schema with a schema");
}

static bool read_output(struct reading *r)
{
    static const struct span known[] = { { "effort", 6 }, { "format", 6 }, { NULL, 0 } };
    struct span effort = in(r, r->slots[OUTPUT], SPAN("effort")), format = in(r, r->slots[OUTPUT], SPAN("format"));
    if (effort.at && !(r->call->effort = raw_text(effort, r->arena)).at)
        return refuse(r, "effort of output_config must be a string");
    keep_others(r, r->slots[OUTPUT], SPAN("output_config"), known, no_hint);
    return read_format(r, format.at ? format : r->slots[FORMAT]);
}

static bool read_stops(struct reading *r)
{
    struct raw_iter it = raw_iter(r->slots[STOPS], r->arena);
    struct span name, stop;
    while (raw_next(&it, &name, &stop)) {
        if (raw_kind(stop) != JSON_STRING)
            return refuse(r, members[STOPS].why);
        r->call->stops = r->slots[STOPS];
    }
    return true;
}

static bool read_limit(struct reading *r)
{
    int64_t *limit = &r->call->output_limit;
    if (r->slots[LIMIT].at && (!json_raw_integer(r->slots[LIMIT], limit) || *limit < 0))
        return refuse(r, members[LIMIT].why);
    return true;
}

/* Fast mode is a tier of its own in the price book; standard_only is what others call default. */
static void read_tier(struct reading *r)
{
    struct span tier = raw_text(r->slots[TIER], r->arena);
    r->call->tier = span_is(tier, SPAN("standard_only")) ? SPAN("default") : tier;
    if (raw_is(r->slots[SPEED], SPAN("fast")))
        r->call->tier = SPAN("fast");
    else if (r->slots[SPEED].at && !raw_is(r->slots[SPEED], SPAN("standard")))
        call_rest(r->call, SPAN("speed"), r->slots[SPEED], r->arena);
}

static void read_plain(struct reading *r)
{
    static const struct span known[] = { { "user_id", 7 }, { NULL, 0 } };
    struct call *c = r->call;
    struct span user = in(r, r->slots[METADATA], SPAN("user_id"));
    c->model = raw_text(r->slots[MODEL], r->arena);
    c->stream = span_is(r->slots[STREAM], SPAN("true"));
    c->temperature = r->slots[TEMPERATURE];
    c->top_p = r->slots[TOP_P];
    c->top_k = r->slots[TOP_K];
    c->user = raw_kind(user) == JSON_STRING ? user : SPAN_NONE;
    keep_others(r, r->slots[METADATA], SPAN("metadata"), known, no_hint);
    read_tier(r);
}

enum err anthropic_read_call(struct json *j, struct span body, struct arena *a, struct call *out, const char **why)
{
    struct reading r = { .json = j, .arena = a, .call = out };
    call_begin(out);
    enum err e = json_scan(j, body, true, visit, &r, why);
    if (e)
        return e;
    if (!r.error && read_messages(&r) && read_tools(&r) && read_choice(&r) && read_thinking(&r) && read_output(&r) && read_stops(&r) && read_limit(&r))
        read_plain(&r);
    *why = r.why;
    return a->broken ? E_NO_MEMORY : r.error;
}
