/* SPDX-License-Identifier: Apache-2.0
 * openai_responses_put.c - what calls and the answers that echo them have in common: tools, tool_choice, text, annotations. */
#include "dialect/openai_responses_int.h"

/* Of the raw text's own words: are they of this dialect? */
static struct span type_of(struct span raw, struct arena *a) { return raw_kind(raw) == JSON_OBJECT ? raw_member(raw, SPAN("type"), a) : SPAN_NONE; }

/* Looks at an object with memory of its own: writers of tools have none. */
static bool is_of_type(struct span raw, bool (*known)(struct span type))
{
    struct arena a;
    arena_init(&a, 1 << 20);
    bool is = known(type_of(raw, &a));
    arena_free(&a);
    return is;
}

static bool is_custom(struct span type) { return raw_is(type, SPAN("custom")); }

/* "web_search_20250305" is Anthropic's, "web_search_2025_08_26" is OpenAI's. */
static bool is_own_search(struct span type)
{
    static const char *const list[] = { "web_search", "web_search_preview", "web_search_2025_08_26", "web_search_preview_2025_03_11" };
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
        if (raw_is(type, span_of(list[i])))
            return true;
    return false;
}

static bool is_own_other(struct span type)
{
    static const char *const list[] = { "code_interpreter", "file_search", "computer", "computer_use_preview", "mcp", "image_generation",
        "local_shell", "shell", "apply_patch", "tool_search", "namespace", "programmatic_tool_calling" };
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
        if (raw_is(type, span_of(list[i])))
            return true;
    return false;
}

bool responses_is_own_tool(const struct tool *t)
{
    if (!t->raw.at)
        return false;
    return is_of_type(t->raw, t->kind == TOOL_FUNCTION ? is_custom : t->kind == TOOL_WEB_SEARCH ? is_own_search : is_own_other);
}

/* strict is true there unless said otherwise, and false elsewhere: so it is always said. */
static void put_function(struct json_out *o, const struct tool *t)
{
    json_open(o, '{');
    json_pair(o, SPAN("type"), SPAN("function"));
    json_pair_raw(o, SPAN("name"), t->name);
    if (t->description.at)
        json_pair_raw(o, SPAN("description"), t->description);
    json_pair_raw(o, SPAN("parameters"), tool_schema(t->schema));
    json_pair_bool(o, SPAN("strict"), t->strict == 1);
    json_close(o, '}');
}

static void put_search(struct json_out *o, const struct tool *t)
{
    json_open(o, '{');
    json_pair(o, SPAN("type"), SPAN("web_search"));
    if (t->allowed.at || t->blocked.at) {
        json_name(o, SPAN("filters"));
        json_open(o, '{');
        if (t->allowed.at)
            json_pair_raw(o, SPAN("allowed_domains"), t->allowed);
        if (t->blocked.at)
            json_pair_raw(o, SPAN("blocked_domains"), t->blocked);
        json_close(o, '}');
    }
    json_close(o, '}');
}

bool responses_put_tool(struct json_out *o, const struct tool *t)
{
    if (responses_is_own_tool(t))
        json_put_raw(o, t->raw);
    else if (t->kind == TOOL_FUNCTION)
        put_function(o, t);
    else if (t->kind == TOOL_WEB_SEARCH)
        put_search(o, t);
    else if (t->kind == TOOL_CODE_EXECUTION)
        json_put_raw(o, SPAN("{\"type\":\"code_interpreter\",\"container\":{\"type\":\"auto\"}}"));
    else
        return false;
    return true;
}

const struct tool *responses_custom_tool(const struct call *c, struct span name)
{
    for (const struct tool *t = c && name.at ? c->tools : NULL; t; t = t->next)
        if (t->kind == TOOL_FUNCTION && t->raw.at && span_is(t->name, name) && responses_is_own_tool(t))
            return t;
    return NULL;
}

struct span responses_custom_input(struct span arguments, struct arena *a)
{
    struct span input = raw_kind(arguments) == JSON_OBJECT ? raw_member(arguments, SPAN("input"), a) : SPAN_NONE;
    if (raw_kind(input) == JSON_STRING)
        return input;
    return raw_quote(arguments.at ? arguments : SPAN(""), a); /* the model kept to no schema: all it said */
}

void responses_put_choice(struct json_out *o, const struct call *c)
{
    switch (c ? c->choice : CHOICE_UNSAID) {
    case CHOICE_NONE:
        json_put_string(o, SPAN("none"));
        return;
    case CHOICE_ANY:
        json_put_string(o, SPAN("required"));
        return;
    case CHOICE_NAMED:
        json_open(o, '{');
        json_pair(o, SPAN("type"), responses_custom_tool(c, c->chosen) ? SPAN("custom") : SPAN("function"));
        json_pair_raw(o, SPAN("name"), c->chosen);
        json_close(o, '}');
        return;
    case CHOICE_UNSAID:
    case CHOICE_AUTO:
        json_put_string(o, SPAN("auto"));
        return;
    }
}

static void put_schema(struct json_out *o, const struct call *c)
{
    json_open(o, '{');
    json_pair(o, SPAN("type"), SPAN("json_schema"));
    json_pair_raw(o, SPAN("name"), c->schema_name.at ? c->schema_name : SPAN("\"answer\""));
    if (c->schema_description.at)
        json_pair_raw(o, SPAN("description"), c->schema_description);
    json_pair_raw(o, SPAN("schema"), c->schema);
    if (c->schema_strict >= 0)
        json_pair_bool(o, SPAN("strict"), c->schema_strict == 1);
    json_close(o, '}');
}

void responses_put_text(struct json_out *o, const struct call *c)
{
    enum answer_format format = c ? c->format : FORMAT_UNSAID;
    json_open(o, '{');
    json_name(o, SPAN("format"));
    if (format == FORMAT_SCHEMA)
        put_schema(o, c);
    else
        json_put_raw(o, format == FORMAT_JSON ? SPAN("{\"type\":\"json_object\"}") : SPAN("{\"type\":\"text\"}"));
    if (c && c->verbosity.at)
        json_pair(o, SPAN("verbosity"), c->verbosity);
    json_close(o, '}');
}

/* --- annotations --- */

/* Chat's have the same type, but their members one level below. */
static bool is_own_annotation(struct span raw, struct arena *a)
{
    struct span type = type_of(raw, a);
    if (raw_is(type, SPAN("url_citation")))
        return raw_member(raw, SPAN("url"), a).at != NULL;
    return raw_is(type, SPAN("file_citation")) || raw_is(type, SPAN("container_file_citation")) || raw_is(type, SPAN("file_path"));
}

bool responses_put_annotation(struct json_out *o, const struct citation *c, struct arena *a)
{
    if (is_own_annotation(c->raw, a)) {
        json_put_raw(o, c->raw);
        return true;
    }
    if (!c->url.at) /* nothing here says where in the caller's own text it stands */
        return false;
    json_open(o, '{');
    json_pair(o, SPAN("type"), SPAN("url_citation"));
    json_pair_raw(o, SPAN("url"), c->url);
    json_pair_raw(o, SPAN("title"), c->title.at ? c->title : SPAN("\"\""));
    json_pair_i64(o, SPAN("start_index"), c->from < 0 ? 0 : c->from);
    json_pair_i64(o, SPAN("end_index"), c->to < 0 ? 0 : c->to);
    json_close(o, '}');
    return true;
}

void responses_put_annotations(struct json_out *o, const struct part *p, struct arena *a)
{
    json_open(o, '[');
    for (const struct citation *c = p->citations; c; c = c->next)
        responses_put_annotation(o, c, a);
    json_close(o, ']');
}

bool responses_knows_item(struct span item, struct arena *a)
{
    static const char *const list[] = { "web_search_call", "file_search_call", "code_interpreter_call", "computer_call",
        "computer_call_output", "image_generation_call", "mcp_call", "mcp_list_tools", "mcp_approval_request", "mcp_approval_response",
        "local_shell_call", "local_shell_call_output", "shell_call", "shell_call_output", "apply_patch_call", "apply_patch_call_output",
        "tool_search_call", "tool_search_output", "compaction", "program", "program_output" };
    struct span type = type_of(item, a);
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++)
        if (raw_is(type, span_of(list[i])))
            return true;
    return false;
}
