/* SPDX-License-Identifier: Apache-2.0
 * bedrock_converse_thinking.c - how much a model shall think, which each family of models is told in words of its own.
 *
 * Nova 2 takes no output limit with a high effort, and a call without one has no bound: the gate says medium then. */
#include "dialect/bedrock_converse_int.h"

static const struct span name = { "reasoning_effort", 16 };

static bool is(const struct converse *c, const char *effort) { return span_is(c->call->effort, span_of(effort)); }

static bool wants_none(const struct call *call)
{
    return call->thinks == 0 || call->thinking_limit == 0 || (call->effort.at && span_is(call->effort, SPAN("none")));
}

static bool wants_some(const struct call *call) { return call->thinks == 1 || call->thinking_limit > 0 || call->effort.at; }

static void put_type(struct converse *c, struct span member, struct span type)
{
    json_name(&c->x, member);
    json_open(&c->x, '{');
    json_pair(&c->x, SPAN("type"), type);
    json_close(&c->x, '}');
}

/* ---- Claude ---- */

static void put_budget(struct converse *c)
{
    const struct call *call = c->call;
    int64_t budget = call->thinking_limit;
    if (budget < 0) {
        budget = thinking_limit_of(call->effort.at ? call->effort : SPAN("medium"), call->output_limit);
        call_adapted(c->notes, name);
    }
    if (budget < 0) {
        call_unsayable(c->notes, name);
        return;
    }
    if (budget == 0) /* the output limit leaves no room for any: noted */
        return;
    json_name(&c->x, SPAN("thinking"));
    json_open(&c->x, '{');
    json_pair(&c->x, SPAN("type"), SPAN("enabled"));
    json_pair_i64(&c->x, SPAN("budget_tokens"), budget);
    json_close(&c->x, '}');
}

static struct span claude_effort(struct converse *c)
{
    struct span effort = c->call->effort;
    bool adapted = false;
    if (!effort.at) {
        effort = effort_of(c->call->thinking_limit);
        adapted = effort.at != NULL;
    }
    if (span_is(effort, SPAN("minimal"))) {
        effort = SPAN("low");
        adapted = true;
    } else if ((span_is(effort, SPAN("xhigh")) && !c->claude.effort_xhigh) || (span_is(effort, SPAN("max")) && !c->claude.effort_max)) {
        effort = SPAN("high");
        adapted = true;
    }
    if (adapted)
        call_adapted(c->notes, name);
    return effort;
}

static void put_claude(struct converse *c)
{
    if (!wants_none(c->call)) {
        if (!c->claude.adaptive || (c->claude.budget && c->call->thinking_limit > 0)) {
            put_budget(c);
        } else {
            put_type(c, SPAN("thinking"), SPAN("adaptive"));
            c->effort = claude_effort(c);
        }
        return;
    }
    if (!c->claude.quiet)
        call_unsayable(c->notes, name);
    else if (*c->claude.quiet)
        put_type(c, SPAN("thinking"), span_of(c->claude.quiet));
}

/* ---- others ---- */

static void put_nova(struct converse *c)
{
    if (wants_none(c->call)) {
        put_type(c, SPAN("reasoningConfig"), SPAN("disabled"));
        return;
    }
    struct span effort = c->call->effort.at ? c->call->effort : effort_of(c->call->thinking_limit);
    bool low = span_is(effort, SPAN("low")) || span_is(effort, SPAN("minimal"));
    if (!is(c, "low") && !is(c, "medium"))
        call_adapted(c->notes, name);
    json_name(&c->x, SPAN("reasoningConfig"));
    json_open(&c->x, '{');
    json_pair(&c->x, SPAN("type"), SPAN("enabled"));
    json_pair(&c->x, SPAN("maxReasoningEffort"), low ? SPAN("low") : SPAN("medium"));
    json_close(&c->x, '}');
}

static void put_gpt_oss(struct converse *c)
{
    struct span effort = c->call->effort.at ? c->call->effort : effort_of(c->call->thinking_limit);
    if (wants_none(c->call)) {
        call_unsayable(c->notes, name);
        return;
    }
    if (!effort.at) /* it thinks anyway */
        return;
    bool low = span_is(effort, SPAN("low")) || span_is(effort, SPAN("minimal")), medium = span_is(effort, SPAN("medium"));
    if (!is(c, "low") && !is(c, "medium") && !is(c, "high"))
        call_adapted(c->notes, name);
    json_pair(&c->x, SPAN("reasoning_effort"), low ? SPAN("low") : medium ? SPAN("medium") : SPAN("high"));
}

void converse_put_thinking(struct converse *c)
{
    const struct call *call = c->call;
    if (!wants_none(call) && !wants_some(call))
        return;
    if (!converse_says(c, true, name))
        return;
    if (c->family == FAMILY_CLAUDE)
        put_claude(c);
    else if (c->family == FAMILY_NOVA_2)
        put_nova(c);
    else if (c->family == FAMILY_GPT_OSS)
        put_gpt_oss(c);
    else if (!wants_none(call)) /* the others are not told, and think or do not */
        call_unsayable(c->notes, name);
}
