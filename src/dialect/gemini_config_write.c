/* SPDX-License-Identifier: Apache-2.0
 * gemini_config_write.c - tools, toolConfig and generationConfig of the neutral call. See gemini_write.h. */
#include "dialect/gemini_write.h"

#include <stdlib.h>

enum { STOPS_MOST = 5, TOP_LOGPROBS_MOST = 20 };

/* --- tools --- */

static struct span path_of(const struct gemini_out *g, size_t i, const char *tail)
{
    return arena_print(g->arena, "tools[%zu]%s", i, tail);
}

static void put_function(struct gemini_out *g, const struct tool *t, size_t i)
{
    json_open(&g->out, '{');
    json_pair_raw(&g->out, SPAN("name"), t->name);
    if (t->description.at)
        json_pair_raw(&g->out, SPAN("description"), t->description);
    if (t->schema.at)
        json_pair_raw(&g->out, SPAN("parametersJsonSchema"), t->schema);
    json_close(&g->out, '}');
    if (t->strict == 1)
        call_adapted(g->notes, path_of(g, i, ".strict"));
    if (t->cache.at)
        call_adapted(g->notes, SPAN("cache_control"));
}

static void put_functions(struct gemini_out *g)
{
    bool any = false;
    size_t i = 0;
    for (const struct tool *t = g->call->tools; t; t = t->next, i++) {
        if (t->kind != TOOL_FUNCTION)
            continue;
        if (!any) {
            json_open(&g->out, '{');
            json_name(&g->out, SPAN("functionDeclarations"));
            json_open(&g->out, '[');
        }
        any = true;
        put_function(g, t, i);
    }
    if (!any)
        return;
    json_close(&g->out, ']');
    json_close(&g->out, '}');
}

static void put_search(struct gemini_out *g, const struct tool *t, size_t i)
{
    if (t->most >= 0)
        call_unsayable(g->notes, path_of(g, i, ".max_uses"));
    if (t->allowed.at)
        call_unsayable(g->notes, path_of(g, i, ".allowed_domains"));
    json_open(&g->out, '{');
    json_name(&g->out, SPAN("googleSearch"));
    json_open(&g->out, '{');
    if (t->blocked.at)
        json_pair_raw(&g->out, SPAN("excludeDomains"), t->blocked);
    json_close(&g->out, '}');
    json_close(&g->out, '}');
}

/* One that came from Gemini's own words has one member and no type. */
static bool is_own(const struct gemini_out *g, struct span raw)
{
    static const struct span kinds[] = { { "urlContext", 10 }, { "googleMaps", 10 }, { "fileSearch", 10 }, { "computerUse", 11 },
        { "retrieval", 9 }, { "enterpriseWebSearch", 19 }, { "exaAiSearch", 11 }, { "parallelAiSearch", 16 }, { "mcpServers", 10 } };
    for (size_t i = 0; raw.at && i < sizeof(kinds) / sizeof(*kinds); i++)
        if (gemini_member(raw, kinds[i], g->arena).at)
            return !raw_member(raw, SPAN("type"), g->arena).at;
    return false;
}

static void put_other_tool(struct gemini_out *g, const struct tool *t, size_t i)
{
    if (t->kind == TOOL_WEB_SEARCH) {
        put_search(g, t, i);
    } else if (t->kind == TOOL_CODE_EXECUTION) {
        json_put_raw(&g->out, SPAN("{\"codeExecution\":{}}"));
    } else if (t->kind == TOOL_OTHER && is_own(g, t->raw)) {
        json_put_raw(&g->out, t->raw);
    } else if (t->kind == TOOL_OTHER) {
        call_unsayable(g->notes, path_of(g, i, " a tool that another vendor runs"));
    }
}

static bool has_functions(const struct call *c)
{
    for (const struct tool *t = c->tools; t; t = t->next)
        if (t->kind == TOOL_FUNCTION)
            return true;
    return false;
}

static void put_choice(struct gemini_out *g)
{
    enum tool_choice choice = g->call->choice;
    if (choice == CHOICE_UNSAID || !has_functions(g->call))
        return;
    json_name(&g->out, SPAN("toolConfig"));
    json_open(&g->out, '{');
    json_name(&g->out, SPAN("functionCallingConfig"));
    json_open(&g->out, '{');
    json_pair(&g->out, SPAN("mode"), choice == CHOICE_AUTO ? SPAN("AUTO") : choice == CHOICE_NONE ? SPAN("NONE") : SPAN("ANY"));
    if (choice == CHOICE_NAMED) {
        json_name(&g->out, SPAN("allowedFunctionNames"));
        json_open(&g->out, '[');
        json_put_raw(&g->out, g->call->chosen);
        json_close(&g->out, ']');
    }
    json_close(&g->out, '}');
    json_close(&g->out, '}');
}

void gemini_put_tools(struct gemini_out *g)
{
    size_t i = 0;
    if (!g->call->tools)
        return;
    json_name(&g->out, SPAN("tools"));
    json_open(&g->out, '[');
    put_functions(g);
    for (const struct tool *t = g->call->tools; t; t = t->next, i++)
        put_other_tool(g, t, i);
    json_close(&g->out, ']');
    put_choice(g);
}

/* --- generationConfig --- */

/* Beyond the range: not said, for Google would refuse it. */
static bool within(struct span number, double least, double most)
{
    char text[64];
    if (number.len >= sizeof(text))
        return false;
    memcpy(text, number.at, number.len);
    text[number.len] = 0;
    double value = strtod(text, NULL);
    return value >= least && value <= most;
}

static void put_number(struct gemini_out *g, const char *name, const char *common, struct span value, double least, double most)
{
    if (!value.at || (g->quirks && quirk_forbids(g->quirks, span_of(common), g->notes)))
        return;
    if (within(value, least, most))
        json_pair_raw(&g->out, span_of(name), value);
    else
        call_unsayable(g->notes, arena_print(g->arena, "%s Gemini takes %g to %g", common, least, most));
}

static void put_numbers(struct gemini_out *g)
{
    const struct call *c = g->call;
    put_number(g, "temperature", "temperature", c->temperature, 0, 2);
    put_number(g, "topP", "top_p", c->top_p, 0, 1);
    put_number(g, "topK", "top_k", c->top_k, 0, 1000000);
    put_number(g, "frequencyPenalty", "frequency_penalty", c->frequency_penalty, -2, 2);
    put_number(g, "presencePenalty", "presence_penalty", c->presence_penalty, -2, 2);
    put_number(g, "seed", "seed", c->seed, INT32_MIN, INT32_MAX);
    if (c->output_limit >= 0)
        json_pair_i64(&g->out, SPAN("maxOutputTokens"), c->output_limit);
    if (c->choices > 1)
        json_pair_i64(&g->out, SPAN("candidateCount"), c->choices);
}

static void put_stops(struct gemini_out *g)
{
    struct raw_iter it = raw_iter(g->call->stops, g->arena);
    struct span name, item;
    size_t count = 0;
    while (it.at && raw_next(&it, &name, &item))
        count++;
    if (count > STOPS_MOST)
        call_unsayable(g->notes, SPAN("stop Gemini takes 5 at most"));
    else if (count > 0)
        json_pair_raw(&g->out, SPAN("stopSequences"), g->call->stops);
}

static void put_logprobs(struct gemini_out *g)
{
    const struct call *c = g->call;
    if (!c->logprobs)
        return;
    json_pair_bool(&g->out, SPAN("responseLogprobs"), true);
    if (c->top_logprobs > TOP_LOGPROBS_MOST)
        call_unsayable(g->notes, SPAN("top_logprobs Gemini takes 20 at most"));
    else if (c->top_logprobs >= 0)
        json_pair_i64(&g->out, SPAN("logprobs"), c->top_logprobs);
}

static void put_format(struct gemini_out *g)
{
    const struct call *c = g->call;
    if (c->format != FORMAT_JSON && c->format != FORMAT_SCHEMA)
        return;
    json_pair(&g->out, SPAN("responseMimeType"), SPAN("application/json"));
    if (c->format == FORMAT_SCHEMA && c->schema.at)
        json_pair_raw(&g->out, SPAN("responseJsonSchema"), c->schema);
}

/* Up to Gemini 2.5 thinking is a budget, since Gemini 3 a level. */
static void put_budget(struct gemini_out *g)
{
    const struct call *c = g->call;
    int64_t limit = c->thinking_limit;
    if (limit < 0 && c->effort.at) {
        limit = thinking_limit_of(c->effort, c->output_limit);
        call_adapted(g->notes, SPAN("reasoning_effort"));
    }
    if (c->thinks == 0)
        limit = 0;
    json_pair_i64(&g->out, SPAN("thinkingBudget"), limit < 0 ? -1 : limit);
}

static void put_level(struct gemini_out *g)
{
    static const struct {
        struct span effort, level;
        bool exact;
    } levels[] = { { { "none", 4 }, { "MINIMAL", 7 }, false }, { { "minimal", 7 }, { "MINIMAL", 7 }, true }, { { "low", 3 }, { "LOW", 3 }, true },
        { { "medium", 6 }, { "MEDIUM", 6 }, true }, { { "high", 4 }, { "HIGH", 4 }, true }, { { "xhigh", 5 }, { "HIGH", 4 }, false },
        { { "max", 3 }, { "HIGH", 4 }, false } };
    struct span effort = g->call->thinks == 0 ? SPAN("none") : g->call->effort;
    for (size_t i = 0; i < sizeof(levels) / sizeof(*levels); i++) {
        if (!span_is(effort, levels[i].effort))
            continue;
        json_pair(&g->out, SPAN("thinkingLevel"), levels[i].level);
        if (!levels[i].exact)
            call_adapted(g->notes, SPAN("reasoning_effort"));
    }
}

static void put_thinking(struct gemini_out *g)
{
    const struct call *c = g->call;
    bool shown = c->show_thoughts == 1 || (c->show_thoughts < 0 && c->thinks == 1);
    bool amount = c->thinks >= 0 || c->effort.at || c->thinking_limit >= 0;
    if (!amount && c->show_thoughts < 0)
        return;
    json_name(&g->out, SPAN("thinkingConfig"));
    json_open(&g->out, '{');
    if (amount && (c->thinking_limit >= 0 || (g->generation > 0 && g->generation < 3)))
        put_budget(g);
    else if (amount)
        put_level(g);
    if (shown || c->show_thoughts == 0)
        json_pair_bool(&g->out, SPAN("includeThoughts"), shown);
    json_close(&g->out, '}');
}

void gemini_put_config(struct gemini_out *g)
{
    size_t before = g->out.buf->len, open;
    bool comma = g->out.comma;
    json_name(&g->out, SPAN("generationConfig"));
    json_open(&g->out, '{');
    open = g->out.buf->len;
    put_numbers(g);
    put_stops(g);
    put_logprobs(g);
    put_format(g);
    put_thinking(g);
    if (g->out.buf->len == open && !g->out.buf->broken) { /* nothing to configure */
        g->out.buf->len = before;
        g->out.comma = comma;
        return;
    }
    json_close(&g->out, '}');
}
