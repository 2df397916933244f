/* SPDX-License-Identifier: Apache-2.0
 * anthropic_messages_say.c - a neutral call as a request of Anthropic messages.
 *
 * Thinking is said as the model takes it (anthropic_model.c): a number of tokens up to 4.6 where the call gives one or the model knows no
 * other way, else `adaptive` and output_config.effort. Where a tool is forced there is no thinking: the API takes only one of both.
 * What was said in Anthropic's own words (its tools, its other members) is said again as it was. */
#include "dialect/anthropic_int.h"
#include "dialect/member.h"

enum { NANO = 1000000000, BUDGET_LEAST = 1024 };

static bool is_bedrock(const struct say *s) { return s->quirks && span_starts(s->quirks->version, SPAN("bedrock")); }

/* --- thinking --- */

struct thinking {
    const char *type; /* NULL: nothing is said of it */
    int64_t budget;   /* of "enabled" */
    struct span effort;
};

static bool thinks_aloud(const struct thinking *t) { return t->type && (t->type[0] == 'a' || t->type[0] == 'e'); }

static bool forces_tool(const struct call *c) { return c->choice == CHOICE_ANY || c->choice == CHOICE_NAMED; }

static struct span effort_for(struct say *s, struct span effort)
{
    static const struct span plain[] = { { "low", 3 }, { "medium", 6 }, { "high", 4 } };
    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
        if (span_is(effort, plain[i]))
            return effort;
    bool most = span_is(effort, SPAN("max")), more = span_is(effort, SPAN("xhigh"));
    if ((most && s->claude.effort_max) || (more && s->claude.effort_xhigh))
        return effort;
    if (!most && !more && !span_is(effort, SPAN("minimal"))) {
        call_unsayable(s->notes, SPAN("reasoning_effort"));
        return SPAN_NONE;
    }
    call_adapted(s->notes, SPAN("reasoning_effort"));
    return most || more ? SPAN("high") : SPAN("low");
}

/* With a fixed budget a turn that is under way must have begun with a thought; another vendor's cannot be shown. */
static bool under_way_without_thought(struct say *s)
{
    const struct turn *last = NULL;
    for (const struct turn *t = s->call->turns; t; t = t->next)
        if (t->role == ROLE_ASSISTANT)
            last = t;
    if (!last || !part_first(last->parts, PART_TOOL_CALL))
        return false;
    for (const struct turn *t = last->next; t; t = t->next)
        if (t->role == ROLE_USER && !part_first(t->parts, PART_TOOL_RESULT))
            return false;
    for (const struct part *p = last->parts; p; p = p->next)
        if (p->kind == PART_THINKING && anthropic_signature(p->signature, s->arena).at)
            return false;
    return true;
}

static void think_not(struct say *s, struct thinking *t)
{
    t->effort = s->claude.adaptive && s->call->effort.at && !span_is(s->call->effort, SPAN("none")) ? effort_for(s, s->call->effort) : SPAN_NONE;
    if (s->claude.quiet) {
        t->type = s->claude.quiet[0] ? s->claude.quiet : NULL;
        return;
    }
    call_adapted(s->notes, SPAN("reasoning_effort"));
    t->effort = SPAN("low");
}

static void think_by_budget(struct say *s, struct thinking *t)
{
    const struct call *c = s->call;
    bool said = c->thinking_limit > 0;
    t->budget = said ? c->thinking_limit : thinking_limit_of(c->effort.at ? c->effort : SPAN("high"), c->output_limit);
    if (said && t->budget < BUDGET_LEAST)
        call_unsayable(s->notes, SPAN("thinking a budget below 1024 tokens"));
    else if (said && c->output_limit >= 0 && t->budget >= c->output_limit)
        call_unsayable(s->notes, SPAN("thinking its budget must be below the output limit"));
    else if (t->budget < 0)
        call_unsayable(s->notes, SPAN("reasoning_effort"));
    else if (!said)
        call_adapted(s->notes, SPAN("reasoning_effort"));
    if (t->budget >= BUDGET_LEAST && !under_way_without_thought(s))
        t->type = "enabled";
    else if (t->budget >= BUDGET_LEAST)
        call_adapted(s->notes, SPAN("reasoning_effort"));
}

static void think_adaptively(struct say *s, struct thinking *t)
{
    const struct call *c = s->call;
    t->type = "adaptive";
    if (c->effort.at)
        t->effort = effort_for(s, c->effort);
    else if (c->thinking_limit > 0) {
        call_adapted(s->notes, SPAN("reasoning_effort"));
        t->effort = effort_of(c->thinking_limit);
    }
}

static struct thinking decide_thinking(struct say *s)
{
    const struct call *c = s->call;
    struct thinking t = { .effort = SPAN_NONE };
    bool off = c->thinks == 0 || c->thinking_limit == 0 || (c->thinks < 0 && span_is(c->effort, SPAN("none")));
    bool on = c->thinks > 0 || c->thinking_limit > 0 || c->effort.len > 0;
    if (quirk_forbids(s->quirks, SPAN("reasoning_effort"), off || on ? s->notes : &(struct notes){ .arena = s->arena }))
        return t;
    if (off) {
        think_not(s, &t);
    } else if (on && forces_tool(c)) {
        call_adapted(s->notes, SPAN("reasoning_effort"));
        t.effort = s->claude.adaptive && c->effort.at ? effort_for(s, c->effort) : SPAN_NONE;
    } else if (on && s->claude.budget && (c->thinking_limit > 0 || !s->claude.adaptive)) {
        think_by_budget(s, &t);
        t.effort = s->claude.adaptive && c->effort.at ? effort_for(s, c->effort) : SPAN_NONE;
    } else if (on) {
        think_adaptively(s, &t);
    }
    return t;
}

static void put_thinking(struct say *s, const struct thinking *t)
{
    if (!t->type)
        return;
    json_name(&s->o, SPAN("thinking"));
    json_open(&s->o, '{');
    json_pair(&s->o, SPAN("type"), span_of(t->type));
    if (t->type[0] == 'e')
        json_pair_i64(&s->o, SPAN("budget_tokens"), t->budget);
    if (thinks_aloud(t) && s->call->show_thoughts >= 0 && s->claude.version >= 40)
        json_pair(&s->o, SPAN("display"), s->call->show_thoughts ? SPAN("summarized") : SPAN("omitted"));
    json_close(&s->o, '}');
}

/* --- numbers --- */

static int64_t nano_of(struct span number)
{
    int64_t nano;
    return number.at && member_nano(number, &nano) ? nano : -1;
}

static bool forbidden(struct say *s, struct span name, struct span said)
{
    return !said.at || quirk_forbids(s->quirks, name, s->notes);
}

/* 1 is what the model does unasked. */
static bool takes_temperature(struct say *s, const struct thinking *t)
{
    int64_t nano = nano_of(s->call->temperature);
    bool alone = thinks_aloud(t) || !s->claude.samples;
    if (forbidden(s, SPAN("temperature"), s->call->temperature) || (alone && nano == NANO))
        return false;
    if (alone || nano < 0 || nano > NANO) {
        call_unsayable(s->notes, alone ? SPAN("temperature this model takes none, or none while it thinks") : SPAN("temperature it goes from 0 to 1"));
        return false;
    }
    return true;
}

static bool takes_top_p(struct say *s, const struct thinking *t)
{
    int64_t nano = nano_of(s->call->top_p), least = thinks_aloud(t) ? (int64_t)NANO / 100 * 95 : 0;
    if (forbidden(s, SPAN("top_p"), s->call->top_p) || (!s->claude.samples && nano == NANO))
        return false;
    if (!s->claude.samples || nano < least || nano > NANO) {
        call_unsayable(s->notes, SPAN("top_p"));
        return false;
    }
    return true;
}

static void put_samples(struct say *s, const struct thinking *t)
{
    const struct call *c = s->call;
    bool temperature = takes_temperature(s, t), top_p = takes_top_p(s, t);
    if (temperature && top_p && s->claude.samples_once) {
        temperature = nano_of(c->temperature) != NANO;
        top_p = !temperature;
        call_adapted(s->notes, top_p ? SPAN("temperature") : SPAN("top_p"));
        if (temperature && nano_of(c->top_p) != NANO)
            call_unsayable(s->notes, SPAN("top_p this model takes it or temperature"));
    }
    if (temperature)
        json_pair_raw(&s->o, SPAN("temperature"), c->temperature);
    if (top_p)
        json_pair_raw(&s->o, SPAN("top_p"), c->top_p);
    if (forbidden(s, SPAN("top_k"), c->top_k))
        return;
    int64_t top_k;
    if (s->claude.samples && !thinks_aloud(t) && json_raw_integer(c->top_k, &top_k) && top_k >= 0)
        json_pair_raw(&s->o, SPAN("top_k"), c->top_k);
    else
        call_unsayable(s->notes, SPAN("top_k"));
}

static void refuse_others(struct say *s)
{
    const struct call *c = s->call;
    const struct {
        bool said;
        struct span name;
    } others[] = {
        { c->frequency_penalty.at && nano_of(c->frequency_penalty) != 0, SPAN("frequency_penalty") },
        { c->presence_penalty.at && nano_of(c->presence_penalty) != 0, SPAN("presence_penalty") },
        { c->seed.at != NULL, SPAN("seed") },
        { c->choices != 1, SPAN("n") },
        { c->logprobs, SPAN("logprobs") },
        { c->top_logprobs > 0, SPAN("top_logprobs") },
        { c->metadata.at != NULL, SPAN("metadata") },
        { c->verbosity.len && !span_is(c->verbosity, SPAN("medium")), SPAN("verbosity") },
        { c->store == 1, SPAN("store") },
        { c->previous.at != NULL, SPAN("previous_response_id") },
        { c->safety.at != NULL, SPAN("safety_settings") },
        { c->format == FORMAT_JSON, SPAN("response_format json_object: give a schema") },
        { c->format == FORMAT_SCHEMA && !s->claude.schemas, SPAN("response_format this model takes no schema") },
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (others[i].said)
            call_unsayable(s->notes, others[i].name);
    if (c->cache_key.at)
        call_adapted(s->notes, SPAN("prompt_cache_key"));
}

/* --- members --- */

static void put_stops(struct say *s)
{
    struct raw_iter it = raw_iter(s->call->stops, s->arena);
    struct span name, stop;
    if (forbidden(s, SPAN("stop"), s->call->stops))
        return;
    while (raw_next(&it, &name, &stop)) {
        struct span text = raw_text(stop, s->arena);
        while (text.len && (*text.at == ' ' || (*text.at >= '\t' && *text.at <= '\r')))
            text = span_from(text, 1);
        if (text.len)
            continue;
        call_unsayable(s->notes, SPAN("stop a text without a word"));
        return;
    }
    json_pair_raw(&s->o, SPAN("stop_sequences"), s->call->stops);
}

static void put_output(struct say *s, const struct thinking *t)
{
    const struct call *c = s->call;
    bool schema = c->format == FORMAT_SCHEMA && s->claude.schemas;
    if (!schema && !t->effort.at)
        return;
    json_name(&s->o, SPAN("output_config"));
    json_open(&s->o, '{');
    if (t->effort.at)
        json_pair(&s->o, SPAN("effort"), t->effort);
    if (schema) {
        json_name(&s->o, SPAN("format"));
        json_open(&s->o, '{');
        json_pair(&s->o, SPAN("type"), SPAN("json_schema"));
        json_pair_raw(&s->o, SPAN("schema"), c->schema.at ? c->schema : SPAN("{}"));
        json_close(&s->o, '}');
    }
    json_close(&s->o, '}');
    if (schema && c->schema_description.at)
        call_adapted(s->notes, SPAN("response_format.json_schema.description"));
}

/* Priority is what was bought beforehand and is used by itself; flex and the like are not offered. */
static void put_tier(struct say *s)
{
    struct span tier = s->call->tier;
    bool first = span_is(tier, SPAN("priority"));
    if (forbidden(s, SPAN("service_tier"), tier) || !tier.len)
        return;
    if (span_is(tier, SPAN("default")) || span_is(tier, SPAN("standard")))
        json_pair(&s->o, SPAN("service_tier"), SPAN("standard_only"));
    else if (span_is(tier, SPAN("auto")) || first)
        json_pair(&s->o, SPAN("service_tier"), SPAN("auto"));
    else if (span_is(tier, SPAN("fast")))
        json_pair(&s->o, SPAN("speed"), tier);
    else
        call_unsayable(s->notes, SPAN("service_tier"));
    if (first)
        call_adapted(s->notes, SPAN("service_tier"));
}

static void put_user(struct say *s)
{
    if (forbidden(s, SPAN("user"), s->call->user))
        return;
    json_name(&s->o, SPAN("metadata"));
    json_open(&s->o, '{');
    json_pair_raw(&s->o, SPAN("user_id"), s->call->user);
    json_close(&s->o, '}');
}

/* --- tools --- */

/* "web_search_20250305": Anthropic dates the kinds of its own tools so, others do not. */
static bool is_dated(struct span type)
{
    for (size_t i = 0; i < 8; i++)
        if (type.len < 10 || type.at[type.len - 1 - i] < '0' || type.at[type.len - 1 - i] > '9')
            return false;
    return type.at[type.len - 9] == '_';
}

static bool owns_tool(struct say *s, const struct tool *t, struct span type)
{
    if (t->kind == TOOL_FUNCTION)
        return raw_kind(raw_member(t->raw, SPAN("input_schema"), s->arena)) == JSON_OBJECT;
    return is_dated(type) || span_starts(type, SPAN("tool_search_tool_")) || span_is(type, SPAN("mcp_toolset"));
}

static bool runs_at_the_callers(struct span type)
{
    static const struct span own[] = { { "bash_", 5 }, { "text_editor_", 12 }, { "computer_", 9 }, { "memory_", 7 }, { "browser_", 8 } };
    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
        if (span_starts(type, own[i]))
            return true;
    return false;
}

/* The schema must say that it is of an object. */
static void put_schema(struct say *s, struct span schema)
{
    struct span name, value;
    json_name(&s->o, SPAN("input_schema"));
    if (raw_member(schema, SPAN("type"), s->arena).at) {
        json_put_raw(&s->o, schema);
        return;
    }
    json_open(&s->o, '{');
    json_pair(&s->o, SPAN("type"), SPAN("object"));
    for (struct raw_iter it = raw_iter(schema, s->arena); raw_next(&it, &name, &value);)
        json_pair_raw(&s->o, name, value);
    json_close(&s->o, '}');
}

static void put_function(struct say *s, const struct tool *t)
{
    json_open(&s->o, '{');
    json_pair_raw(&s->o, SPAN("name"), t->name);
    if (t->description.at)
        json_pair_raw(&s->o, SPAN("description"), t->description);
    put_schema(s, t->schema);
    if (t->strict == 1)
        json_pair_bool(&s->o, SPAN("strict"), true);
    if (t->cache.at)
        json_pair_raw(&s->o, SPAN("cache_control"), t->cache);
    json_close(&s->o, '}');
}

static void put_search(struct say *s, const struct tool *t)
{
    json_open(&s->o, '{');
    json_pair(&s->o, SPAN("type"), SPAN("web_search_20250305"));
    json_pair(&s->o, SPAN("name"), SPAN("web_search"));
    if (t->most >= 0)
        json_pair_i64(&s->o, SPAN("max_uses"), t->most);
    if (t->allowed.at)
        json_pair_raw(&s->o, SPAN("allowed_domains"), t->allowed);
    if (t->blocked.at)
        json_pair_raw(&s->o, SPAN("blocked_domains"), t->blocked);
    json_close(&s->o, '}');
}

static void put_tool(struct say *s, const struct tool *t, size_t index)
{
    struct span type = raw_text(raw_member(t->raw, SPAN("type"), s->arena), s->arena);
    bool own = owns_tool(s, t, type);
    if (t->kind != TOOL_FUNCTION && is_bedrock(s) && !runs_at_the_callers(type))
        call_unsayable(s->notes, arena_print(s->arena, "tools[%zu] Amazon Bedrock runs no tools", index));
    else if (own)
        json_put_raw(&s->o, t->raw);
    else if (t->kind == TOOL_FUNCTION)
        put_function(s, t);
    else if (t->kind == TOOL_WEB_SEARCH)
        put_search(s, t);
    else if (t->kind == TOOL_CODE_EXECUTION)
        json_put_raw(&s->o, SPAN("{\"type\":\"code_execution_20250825\",\"name\":\"code_execution\"}"));
    else
        call_unsayable(s->notes, arena_print(s->arena, "tools[%zu]", index));
}

static void put_tools(struct say *s)
{
    size_t index = 0;
    if (!s->call->tools)
        return;
    json_name(&s->o, SPAN("tools"));
    json_open(&s->o, '[');
    for (const struct tool *t = s->call->tools; t; t = t->next)
        put_tool(s, t, index++);
    json_close(&s->o, ']');
}

static void put_choice(struct say *s)
{
    const struct call *c = s->call;
    bool alone = c->parallel_tools == 0 && c->tools && c->choice != CHOICE_NONE;
    static const char *const types[] = { [CHOICE_UNSAID] = "auto", [CHOICE_AUTO] = "auto", [CHOICE_NONE] = "none", [CHOICE_ANY] = "any", [CHOICE_NAMED] = "tool" };
    if ((c->choice == CHOICE_UNSAID && !alone) || (!c->tools && !forces_tool(c)))
        return;
    if (forces_tool(c) && !s->claude.forced_tools) {
        call_unsayable(s->notes, SPAN("tool_choice this model cannot be made to call a tool"));
        return;
    }
    json_name(&s->o, SPAN("tool_choice"));
    json_open(&s->o, '{');
    json_pair(&s->o, SPAN("type"), span_of(types[c->choice]));
    if (c->choice == CHOICE_NAMED)
        json_pair_raw(&s->o, SPAN("name"), c->chosen);
    if (alone)
        json_pair_bool(&s->o, SPAN("disable_parallel_tool_use"), true);
    json_close(&s->o, '}');
}

/* --- the remainder --- */

/* Members of tools that were said again whole. */
static bool was_said(struct say *s, struct span name)
{
    size_t index = 0;
    for (const struct tool *t = s->call->tools; t; t = t->next, index++)
        if (call_path_is(name, arena_print(s->arena, "tools[%zu]", index)))
            return owns_tool(s, t, raw_text(raw_member(t->raw, SPAN("type"), s->arena), s->arena));
    return false;
}

static void put_rest(struct say *s, const struct thinking *t)
{
    static const struct span own[] = { { "container", 9 }, { "context_management", 18 }, { "mcp_servers", 11 }, { "inference_geo", 13 },
        { "cache_control", 13 }, { "diagnostics", 11 }, { "anthropic_beta", 14 }, { "fallbacks", 9 }, { "thinking", 8 } };
    for (const struct rest *r = s->call->rest; r; r = r->next) {
        size_t i = 0, count = sizeof(own) / sizeof(*own) - (t->type != NULL);
        while (i < count && !span_is(own[i], r->path))
            i++;
        if (i < count)
            json_pair_raw(&s->o, r->path, r->value);
        else if (!was_said(s, r->path))
            call_rest_untold(s->notes, r);
    }
}

void anthropic_write_call(const struct call *c, const struct quirks *quirks, struct notes *notes, struct arena *a, struct buf *out)
{
    struct say s = { .call = c, .quirks = quirks, .notes = notes, .arena = a, .o = json_out(out), .claude = claude_of(c->model) };
    bool elsewhere = quirks && quirks->version.len;
    s.claude.samples = s.claude.samples && !(quirks && quirks->reasoning_model); /* the catalog knows models that no name tells */
    json_open(&s.o, '{');
    json_pair(&s.o, elsewhere ? SPAN("anthropic_version") : SPAN("model"), elsewhere ? quirks->version : c->model);
    if (c->output_limit >= 0)
        json_pair_i64(&s.o, SPAN("max_tokens"), c->output_limit);
    anthropic_put_system(&s);
    anthropic_put_messages(&s);
    put_tools(&s);
    put_choice(&s);
    struct thinking t = decide_thinking(&s);
    put_thinking(&s, &t);
    put_output(&s, &t);
    put_samples(&s, &t);
    put_stops(&s);
    put_tier(&s);
    put_user(&s);
    refuse_others(&s);
    put_rest(&s, &t);
    if (c->stream && !elsewhere)
        json_pair_bool(&s.o, SPAN("stream"), true);
    json_close(&s.o, '}');
}
