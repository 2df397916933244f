/* SPDX-License-Identifier: Apache-2.0
 * ollama_call.c - a neutral call as a request to Ollama's /api/chat. What only Ollama has (keep_alive, num_ctx, min_p, ...) may stand in any
 * caller's body and goes to where it stands at Ollama. */
#include "dialect/ollama_int.h"

static bool says(struct ollama *c, bool said, struct span name) { return said && !quirk_forbids(c->quirks, name, c->notes); }

static void cannot(struct ollama *c, bool said, struct span name)
{
    if (said)
        call_unsayable(c->notes, name);
}

/* ---- options ---- */

bool ollama_is_option(struct span name)
{
    static const char *const options[] = { "num_ctx", "num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread", "num_keep", "min_p",
        "typical_p", "repeat_last_n", "repeat_penalty", "mirostat", "mirostat_tau", "mirostat_eta", "penalize_newline", NULL };
    for (size_t i = 0; options[i]; i++)
        if (span_is(name, span_of(options[i])))
            return true;
    return false;
}

static void put_option(struct ollama *c, struct span value, struct span name, struct span as)
{
    if (says(c, value.at != NULL, name))
        json_pair_raw(&c->o, as, value);
}

static void put_options(struct ollama *c)
{
    const struct call *call = c->call;
    json_name(&c->o, SPAN("options"));
    json_open(&c->o, '{');
    if (call->output_limit >= 0)
        json_pair_i64(&c->o, SPAN("num_predict"), call->output_limit);
    put_option(c, call->temperature, SPAN("temperature"), SPAN("temperature"));
    put_option(c, call->top_p, SPAN("top_p"), SPAN("top_p"));
    put_option(c, call->top_k, SPAN("top_k"), SPAN("top_k"));
    put_option(c, call->seed, SPAN("seed"), SPAN("seed"));
    put_option(c, call->frequency_penalty, SPAN("frequency_penalty"), SPAN("frequency_penalty"));
    put_option(c, call->presence_penalty, SPAN("presence_penalty"), SPAN("presence_penalty"));
    put_option(c, call->stops, SPAN("stop"), SPAN("stop"));
    for (const struct rest *r = call->rest; r; r = r->next)
        if (ollama_is_option(r->path))
            json_pair_raw(&c->o, r->path, r->value);
    json_close(&c->o, '}');
}

/* ---- tools ---- */

static void note_tool(struct ollama *c, const struct tool *t, size_t nth)
{
    if (t->kind != TOOL_FUNCTION)
        call_unsayable(c->notes, arena_print(c->arena, "tools[%zu] a tool that another vendor runs", nth));
    if (t->strict == 1)
        call_adapted(c->notes, arena_print(c->arena, "tools[%zu].strict", nth));
    if (t->cache.at)
        call_adapted(c->notes, SPAN("cache_control"));
}

/* It calls tools as it likes: none can be forced, but without tools none is called. */
static void put_tools(struct ollama *c)
{
    const struct call *call = c->call;
    bool none = call->choice == CHOICE_NONE;
    size_t nth = 0, functions = 0;
    cannot(c, call->choice == CHOICE_ANY || call->choice == CHOICE_NAMED, SPAN("tool_choice"));
    if (call->parallel_tools == 0)
        call_adapted(c->notes, SPAN("parallel_tool_calls")); /* see one_call.h */
    for (const struct tool *t = call->tools; t; t = t->next) {
        note_tool(c, t, nth++);
        functions += t->kind == TOOL_FUNCTION;
    }
    if (!functions)
        return;
    if (none) {
        call_adapted(c->notes, SPAN("tool_choice"));
        return;
    }
    json_name(&c->o, SPAN("tools"));
    json_open(&c->o, '[');
    for (const struct tool *t = call->tools; t; t = t->next)
        if (t->kind == TOOL_FUNCTION)
            tool_put_function(&c->o, t);
    json_close(&c->o, ']');
}

/* ---- the rest ---- */

static void put_format(struct ollama *c)
{
    const struct call *call = c->call;
    if (call->format < FORMAT_JSON || !says(c, true, SPAN("response_format")))
        return;
    if (call->format == FORMAT_SCHEMA && call->schema.at)
        json_pair_raw(&c->o, SPAN("format"), call->schema);
    else
        json_pair(&c->o, SPAN("format"), SPAN("json"));
    if (call->schema_description.at) /* a schema has no words about it there */
        call_adapted(c->notes, SPAN("response_format"));
}

/* Only gpt-oss knows levels, the others think or do not. */
static void put_thinking(struct ollama *c)
{
    const struct call *call = c->call;
    bool none = call->thinks == 0 || call->thinking_limit == 0 || span_is(call->effort, SPAN("none"));
    if (!none && call->thinks < 0 && call->thinking_limit < 0 && !call->effort.at)
        return;
    if (!says(c, true, SPAN("reasoning_effort")))
        return;
    struct span effort = call->effort.at ? call->effort : effort_of(call->thinking_limit);
    bool levels = span_find(call->model, SPAN("gpt-oss")) >= 0 && effort.at;
    if (none || !levels) {
        json_pair_bool(&c->o, SPAN("think"), !none);
        if (!none && effort.at)
            call_adapted(c->notes, SPAN("reasoning_effort"));
        return;
    }
    bool low = span_is(effort, SPAN("low")) || span_is(effort, SPAN("minimal")), medium = span_is(effort, SPAN("medium"));
    if (!call->effort.at || span_is(effort, SPAN("minimal")) || (!low && !medium && !span_is(effort, SPAN("high"))))
        call_adapted(c->notes, SPAN("reasoning_effort"));
    json_pair(&c->o, SPAN("think"), low ? SPAN("low") : medium ? SPAN("medium") : SPAN("high"));
}

static void put_rest(struct ollama *c)
{
    for (const struct rest *r = c->call->rest; r; r = r->next) {
        if (span_is(r->path, SPAN("keep_alive")))
            json_pair_raw(&c->o, r->path, r->value);
        else if (!ollama_is_option(r->path))
            call_rest_untold(c->notes, r);
    }
}

void ollama_write_call(const struct call *call, const struct quirks *quirks, struct notes *notes, struct arena *a, struct buf *out)
{
    struct ollama c = { .call = call, .quirks = quirks, .notes = notes, .arena = a, .o = json_out(out) };
    functions_index(&c.functions, call, a);
    json_open(&c.o, '{');
    json_pair(&c.o, SPAN("model"), call->model);
    json_pair_bool(&c.o, SPAN("stream"), call->stream);
    ollama_put_messages(&c);
    put_options(&c);
    put_tools(&c);
    put_format(&c);
    put_thinking(&c);
    if (says(&c, call->logprobs, SPAN("logprobs")))
        json_pair_bool(&c.o, SPAN("logprobs"), true);
    if (says(&c, call->top_logprobs >= 0, SPAN("top_logprobs")))
        json_pair_i64(&c.o, SPAN("top_logprobs"), call->top_logprobs);
    put_rest(&c);
    json_close(&c.o, '}');
    call_bare_untold(call, notes);
    out->broken = out->broken || a->broken;
}
