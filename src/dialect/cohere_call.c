/* SPDX-License-Identifier: Apache-2.0
 * cohere_call.c - a neutral call as a Cohere v2 chat request. Members that only Cohere has (documents, citation_options, ...) may stand in
 * any caller's body: they are passed on as they are. */
#include "dialect/cohere_int.h"

static bool says(struct cohere *c, bool said, struct span name) { return said && !quirk_forbids(c->quirks, name, c->notes); }

static void cannot(struct cohere *c, bool said, struct span name)
{
    if (said)
        call_unsayable(c->notes, name);
}

static void put_number(struct cohere *c, struct span value, struct span name, struct span as, double least, double most)
{
    if (!says(c, value.at != NULL, name))
        return;
    if (number_below(value, least) || number_above(value, most))
        call_unsayable(c->notes, name);
    else
        json_pair_raw(&c->o, as, value);
}

static void put_sampling(struct cohere *c)
{
    const struct call *call = c->call;
    if (call->output_limit >= 0)
        json_pair_i64(&c->o, SPAN("max_tokens"), call->output_limit);
    put_number(c, call->temperature, SPAN("temperature"), SPAN("temperature"), 0, 2);
    put_number(c, call->top_p, SPAN("top_p"), SPAN("p"), 0.01, 0.99);
    put_number(c, call->top_k, SPAN("top_k"), SPAN("k"), 0, 500);
    put_number(c, call->frequency_penalty, SPAN("frequency_penalty"), SPAN("frequency_penalty"), 0, 1);
    put_number(c, call->presence_penalty, SPAN("presence_penalty"), SPAN("presence_penalty"), 0, 1);
    put_number(c, call->seed, SPAN("seed"), SPAN("seed"), 0, 18446744073709551615.0);
    if (says(c, call->stops.at != NULL, SPAN("stop")))
        json_pair_raw(&c->o, SPAN("stop_sequences"), call->stops);
    if (says(c, call->logprobs, SPAN("logprobs")))
        json_pair_bool(&c->o, SPAN("logprobs"), true);
    cannot(c, call->top_logprobs > 0, SPAN("top_logprobs"));
}

static void put_format(struct cohere *c)
{
    const struct call *call = c->call;
    if (call->format < FORMAT_JSON || !says(c, true, SPAN("response_format")))
        return;
    json_name(&c->o, SPAN("response_format"));
    json_open(&c->o, '{');
    json_pair(&c->o, SPAN("type"), SPAN("json_object"));
    if (call->format == FORMAT_SCHEMA && call->schema.at)
        json_pair_raw(&c->o, SPAN("json_schema"), call->schema);
    json_close(&c->o, '}');
    if (call->schema_description.at) /* a schema has no words about it there */
        call_adapted(c->notes, SPAN("response_format"));
}

static void put_thinking(struct cohere *c)
{
    const struct call *call = c->call;
    bool none = call->thinks == 0 || call->thinking_limit == 0 || span_is(call->effort, SPAN("none"));
    int64_t limit = call->thinking_limit;
    if (!none && call->thinks < 0 && limit < 0 && !call->effort.at)
        return;
    if (!says(c, true, SPAN("reasoning_effort")))
        return;
    if (!none && limit < 0 && call->effort.at) {
        limit = thinking_limit_of(call->effort, call->output_limit);
        none = limit == 0;
        call_adapted(c->notes, SPAN("reasoning_effort"));
    }
    json_name(&c->o, SPAN("thinking"));
    json_open(&c->o, '{');
    json_pair(&c->o, SPAN("type"), none ? SPAN("disabled") : SPAN("enabled"));
    if (!none && limit > 0)
        json_pair_i64(&c->o, SPAN("token_budget"), limit);
    json_close(&c->o, '}');
}

/* ---- tools ---- */

/* It can force a call, but not of one function: so that one is all it is told of. */
static bool is_offered(const struct call *call, const struct tool *t)
{
    return t->kind == TOOL_FUNCTION && (call->choice != CHOICE_NAMED || span_is(t->name, call->chosen));
}

static void note_tool(struct cohere *c, const struct tool *t, size_t nth, bool all_strict)
{
    if (t->kind != TOOL_FUNCTION)
        call_unsayable(c->notes, arena_print(c->arena, "tools[%zu] a tool that another vendor runs", nth));
    else if (all_strict && t->strict != 1)
        call_adapted(c->notes, arena_print(c->arena, "tools[%zu].strict", nth));
    if (t->cache.at)
        call_adapted(c->notes, SPAN("cache_control"));
}

static void put_tools(struct cohere *c)
{
    const struct call *call = c->call;
    bool any = false, strict = false, forced = call->choice == CHOICE_ANY || call->choice == CHOICE_NAMED;
    size_t nth = 0;
    for (const struct tool *t = call->tools; t; t = t->next) {
        any = any || is_offered(call, t);
        strict = strict || (is_offered(call, t) && t->strict == 1);
    }
    for (const struct tool *t = call->tools; t; t = t->next)
        note_tool(c, t, nth++, strict);
    cannot(c, !any && forced, SPAN("tool_choice"));
    if (call->parallel_tools == 0)
        call_adapted(c->notes, SPAN("parallel_tool_calls")); /* see one_call.h */
    if (!any)
        return;
    json_name(&c->o, SPAN("tools"));
    json_open(&c->o, '[');
    for (const struct tool *t = call->tools; t; t = t->next)
        if (is_offered(call, t))
            tool_put_function(&c->o, t);
    json_close(&c->o, ']');
    if (strict)
        json_pair_bool(&c->o, SPAN("strict_tools"), true);
    if (call->choice == CHOICE_NAMED)
        call_adapted(c->notes, SPAN("tool_choice"));
    if ((forced || call->choice == CHOICE_NONE) && says(c, true, SPAN("tool_choice")))
        json_pair(&c->o, SPAN("tool_choice"), forced ? SPAN("REQUIRED") : SPAN("NONE"));
}

/* ---- what is Cohere's own ---- */

static bool is_own(struct span path)
{
    static const struct span own[] = { { "citation_options", 16 }, { "safety_mode", 11 }, { "priority", 8 }, { NULL, 0 } };
    const struct span *o = own;
    while (o->at && !span_is(*o, path))
        o++;
    return o->at != NULL;
}

static void put_own(struct cohere *c)
{
    struct span documents = SPAN_NONE, none, one;
    for (const struct rest *r = c->call->rest; r; r = r->next) {
        if (span_is(r->path, SPAN("documents")) && raw_kind(r->value) == JSON_ARRAY)
            documents = r->value;
        else if (is_own(r->path))
            json_pair_raw(&c->o, r->path, r->value);
        else
            call_rest_untold(c->notes, r);
    }
    if (!documents.at && !c->documents)
        return;
    json_name(&c->o, SPAN("documents"));
    json_open(&c->o, '[');
    for (struct raw_iter it = raw_iter(documents, c->arena); raw_next(&it, &none, &one);)
        json_put_raw(&c->o, one);
    cohere_put_documents(c);
    json_close(&c->o, ']');
}

void cohere_write_call(const struct call *call, const struct quirks *quirks, struct notes *notes, struct arena *a, struct buf *out)
{
    struct cohere c = { .call = call, .quirks = quirks, .notes = notes, .arena = a, .o = json_out(out) };
    json_open(&c.o, '{');
    json_pair(&c.o, SPAN("model"), call->model);
    json_pair_bool(&c.o, SPAN("stream"), call->stream);
    cohere_put_messages(&c);
    put_sampling(&c);
    put_tools(&c);
    put_format(&c);
    put_thinking(&c);
    put_own(&c);
    json_close(&c.o, '}');
    call_bare_untold(call, notes);
    out->broken = out->broken || a->broken;
}
