/* SPDX-License-Identifier: Apache-2.0
 * bedrock_converse_tools.c - a call's tools as Converse's toolConfig.
 *
 * Converse refuses turns with tool calls where no tools are declared; agents send such calls to have a long session summed up. The tools
 * of the session are declared by their names then, which is noted. */
#include "dialect/bedrock_converse_int.h"

enum { DECLARED_MOST = 128 };

static void put_spec(struct converse *c, struct span name, struct span description, struct span schema, bool strict)
{
    json_open(&c->o, '{');
    json_name(&c->o, SPAN("toolSpec"));
    json_open(&c->o, '{');
    json_pair_raw(&c->o, SPAN("name"), name);
    if (raw_inside(description).len)
        json_pair_raw(&c->o, SPAN("description"), description);
    json_name(&c->o, SPAN("inputSchema"));
    json_open(&c->o, '{');
    json_pair_raw(&c->o, SPAN("json"), tool_schema(schema));
    json_close(&c->o, '}');
    if (strict)
        json_pair_bool(&c->o, SPAN("strict"), true);
    json_close(&c->o, '}');
    json_close(&c->o, '}');
}

static void put_listed(struct converse *c)
{
    size_t nth = 0;
    for (const struct tool *t = c->call->tools; t; t = t->next, nth++) {
        if (t->kind != TOOL_FUNCTION) {
            call_unsayable(c->notes, arena_print(c->arena, "tools[%zu] a tool that another vendor runs", nth));
            continue;
        }
        put_spec(c, t->name, t->description, t->schema, t->strict == 1);
        converse_put_cache(c, t->cache);
    }
}

static bool listed(const struct span *names, size_t count, struct span name)
{
    for (size_t i = 0; i < count; i++)
        if (span_is(names[i], name))
            return true;
    return false;
}

static void put_remembered(struct converse *c)
{
    struct span names[DECLARED_MOST];
    size_t count = 0;
    for (const struct turn *t = c->call->turns; t; t = t->next)
        for (const struct part *p = t->parts; p; p = p->next) {
            if (p->kind != PART_TOOL_CALL || count == DECLARED_MOST || listed(names, count, p->name))
                continue;
            names[count++] = p->name;
            put_spec(c, p->name, SPAN_NONE, SPAN_NONE, false);
        }
    call_adapted(c->notes, SPAN("tools"));
}

static void put_choice(struct converse *c)
{
    const struct call *call = c->call;
    bool forced = call->choice == CHOICE_ANY || call->choice == CHOICE_NAMED;
    if (call->choice == CHOICE_UNSAID || !converse_says(c, true, SPAN("tool_choice")))
        return;
    if (call->choice == CHOICE_NONE || (forced && c->family == FAMILY_CLAUDE && !c->claude.forced_tools)) {
        call_unsayable(c->notes, SPAN("tool_choice"));
        return;
    }
    json_name(&c->o, SPAN("toolChoice"));
    json_open(&c->o, '{');
    json_name(&c->o, call->choice == CHOICE_AUTO ? SPAN("auto") : call->choice == CHOICE_ANY ? SPAN("any") : SPAN("tool"));
    json_open(&c->o, '{');
    if (call->choice == CHOICE_NAMED)
        json_pair_raw(&c->o, SPAN("name"), call->chosen);
    json_close(&c->o, '}');
    json_close(&c->o, '}');
}

static bool was_called(const struct call *call)
{
    for (const struct turn *t = call->turns; t; t = t->next)
        if (part_first(t->parts, PART_TOOL_CALL))
            return true;
    return false;
}

static bool has_functions(const struct call *call)
{
    const struct tool *t = call->tools;
    while (t && t->kind != TOOL_FUNCTION)
        t = t->next;
    return t != NULL;
}

void converse_put_tools(struct converse *c)
{
    bool functions = has_functions(c->call), called = was_called(c->call);
    if (functions && !called && c->call->choice == CHOICE_NONE) { /* without tools none can be called */
        call_adapted(c->notes, SPAN("tool_choice"));
        return;
    }
    if (functions || called) {
        json_name(&c->o, SPAN("toolConfig"));
        json_open(&c->o, '{');
        json_name(&c->o, SPAN("tools"));
        json_open(&c->o, '[');
        put_listed(c);
        if (!functions)
            put_remembered(c);
        json_close(&c->o, ']');
        if (functions)
            put_choice(c);
        json_close(&c->o, '}');
    } else {
        put_listed(c); /* notes those that cannot be said; writes nothing */
        converse_cannot(c, c->call->choice == CHOICE_ANY || c->call->choice == CHOICE_NAMED, SPAN("tool_choice"));
    }
    if (c->call->parallel_tools == 0)
        call_adapted(c->notes, SPAN("parallel_tool_calls")); /* see one_call.h */
}
