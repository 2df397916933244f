/* SPDX-License-Identifier: Apache-2.0
 * gemini_call_write.c - the neutral call as a generateContent request. See gemini.h; generationConfig and tools: gemini_config_write.c.
 *
 * The prompts of system and developer become the systemInstruction; turns of one role that follow each other become one content. */
#include "dialect/gemini_write.h"

#include "dialect/signature.h"

/* Google's word for a call that another model made: Gemini 3 refuses one without a signature. */
static const struct span unsigned_call = { "\"skip_thought_signature_validator\"", 34 };

static struct span path_of(const struct gemini_out *g, const char *reason)
{
    return arena_print(g->arena, "messages[%zu].content[%zu]%s", g->turn, g->part, reason);
}

/* --- signatures --- */

static struct span own_signature(const struct gemini_out *g, struct span raw)
{
    return raw.at ? signature_for(raw, SPAN("gemini"), SPAN(""), g->arena) : SPAN_NONE;
}

static void put_signature(struct gemini_out *g, struct span signature)
{
    if (signature.at)
        json_pair_raw(&g->out, SPAN("thoughtSignature"), signature);
}

/* A thought without text carries the signature of the part behind it. */
static struct span carried(struct gemini_out *g)
{
    struct span signature = g->carried;
    g->carried = SPAN_NONE;
    return signature;
}

static struct span signature_of(struct gemini_out *g, const struct part *p)
{
    struct span own = own_signature(g, p->signature), before = carried(g);
    return own.at ? own : before;
}

/* --- parts --- */

static void put_text(struct gemini_out *g, const struct part *p)
{
    struct span signature = signature_of(g, p);
    if (p->text.len <= 2 && !signature.at)
        return;
    json_open(&g->out, '{');
    json_pair_raw(&g->out, SPAN("text"), p->text.at ? p->text : SPAN("\"\""));
    put_signature(g, signature);
    json_close(&g->out, '}');
}

/* Only what Gemini signed can go back to it. */
static void put_thought(struct gemini_out *g, const struct part *p)
{
    struct span signature = own_signature(g, p->signature);
    if (!signature.at) {
        call_adapted(g->notes, arena_print(g->arena, "messages[%zu].thinking", g->turn));
        return;
    }
    if (p->text.len <= 2) {
        g->carried = signature;
        return;
    }
    json_open(&g->out, '{');
    json_pair_raw(&g->out, SPAN("text"), p->text);
    json_pair_bool(&g->out, SPAN("thought"), true);
    put_signature(g, signature);
    json_close(&g->out, '}');
}

static void put_call(struct gemini_out *g, const struct part *p)
{
    struct span signature = signature_of(g, p);
    if (!signature.at && !g->called && g->generation >= 3)
        signature = unsigned_call;
    g->called = true;
    json_open(&g->out, '{');
    json_name(&g->out, SPAN("functionCall"));
    json_open(&g->out, '{');
    if (p->id.at)
        json_pair_raw(&g->out, SPAN("id"), p->id);
    json_pair_raw(&g->out, SPAN("name"), p->name);
    json_pair_raw(&g->out, SPAN("args"), p->arguments.len ? p->arguments : SPAN("{}"));
    json_close(&g->out, '}');
    put_signature(g, signature);
    json_close(&g->out, '}');
}

static bool is_medium(enum part_kind kind)
{
    return kind == PART_IMAGE || kind == PART_AUDIO || kind == PART_VIDEO || kind == PART_DOCUMENT;
}

/* A document that is text is a text here. */
static void put_medium(struct gemini_out *g, const struct part *p)
{
    size_t before = g->out.buf->len;
    bool comma = g->out.comma;
    if (p->media.plain_text.at) {
        json_open(&g->out, '{');
        json_pair_raw(&g->out, SPAN("text"), p->media.plain_text);
        json_close(&g->out, '}');
        return;
    }
    if (p->media.detail.at && !span_is(p->media.detail, SPAN("auto")))
        call_adapted(g->notes, path_of(g, ".detail"));
    json_open(&g->out, '{');
    if (gemini_write_media(&g->out, p, g->arena)) {
        json_close(&g->out, '}');
        return;
    }
    g->out.buf->len = before;
    g->out.comma = comma;
    call_unsayable(g->notes, path_of(g, p->media.file_id.at ? " a file of another vendor's: send it inline" : " a medium without data"));
}

static bool has_text(const struct part *list)
{
    return part_first(list, PART_TEXT) != NULL;
}

/* From Gemini 3 on a function's answer may hold media; before, they follow it. */
static void put_result_media(struct gemini_out *g, const struct part *result)
{
    bool any = false;
    for (const struct part *p = result->content; p; p = p->next)
        any = any || (is_medium(p->kind) && p->media.data.at);
    if (!any || g->generation < 3)
        return;
    json_name(&g->out, SPAN("parts"));
    json_open(&g->out, '[');
    for (const struct part *p = result->content; p; p = p->next)
        if (is_medium(p->kind) && p->media.data.at)
            put_medium(g, p);
    json_close(&g->out, ']');
}

static void put_media_behind(struct gemini_out *g, const struct part *result)
{
    for (const struct part *p = result->content; p; p = p->next) {
        if (!is_medium(p->kind) || (p->media.data.at && g->generation >= 3))
            continue;
        if (!p->media.plain_text.at)
            call_adapted(g->notes, path_of(g, ".content"));
        put_medium(g, p);
    }
}

static void put_output(struct gemini_out *g, const struct part *p)
{
    json_name(&g->out, SPAN("response"));
    json_open(&g->out, '{');
    json_name(&g->out, p->failed ? SPAN("error") : SPAN("output"));
    if (has_text(p->content)) {
        put_joined(g->out.buf, p->content, PART_TEXT, SPAN("\\n"));
        g->out.comma = true;
    } else {
        json_put_string(&g->out, SPAN(""));
    }
    json_close(&g->out, '}');
}

static void put_result(struct gemini_out *g, const struct part *p)
{
    struct span name = functions_find(&g->functions, p->id);
    if (!name.at)
        name = p->name;
    if (!name.at) {
        call_unsayable(g->notes, path_of(g, " a result of a tool that was not called"));
        return;
    }
    json_open(&g->out, '{');
    json_name(&g->out, SPAN("functionResponse"));
    json_open(&g->out, '{');
    if (p->id.at)
        json_pair_raw(&g->out, SPAN("id"), p->id);
    json_pair_raw(&g->out, SPAN("name"), name);
    put_output(g, p);
    put_result_media(g, p);
    json_close(&g->out, '}');
    json_close(&g->out, '}');
    put_media_behind(g, p);
}

static void put_part(struct gemini_out *g, const struct part *p)
{
    switch (p->kind) {
    case PART_TEXT:
    case PART_REFUSAL:
        put_text(g, p);
        return;
    case PART_THINKING:
        put_thought(g, p);
        return;
    case PART_TOOL_CALL:
        put_call(g, p);
        return;
    case PART_TOOL_RESULT:
        put_result(g, p);
        return;
    case PART_IMAGE:
    case PART_AUDIO:
    case PART_VIDEO:
    case PART_DOCUMENT:
        put_medium(g, p);
        return;
    case PART_SERVER_TOOL:
        if (p->raw.at && gemini_server_tool(p->raw, g->arena).at)
            json_put_raw(&g->out, p->raw);
        else
            call_unsayable(g->notes, path_of(g, " a tool that another vendor ran"));
        return;
    }
}

static void put_parts(struct gemini_out *g, const struct turn *t)
{
    g->part = 0;
    for (const struct part *p = t->parts; p; p = p->next, g->part++) {
        if (p->cache.at)
            call_adapted(g->notes, SPAN("cache_control"));
        put_part(g, p);
    }
    struct span left = carried(g);
    if (!left.at)
        return;
    json_open(&g->out, '{');
    json_pair(&g->out, SPAN("text"), SPAN(""));
    put_signature(g, left);
    json_close(&g->out, '}');
}

/* --- turns --- */

static bool is_system(const struct turn *t) { return t->role == ROLE_SYSTEM || t->role == ROLE_DEVELOPER; }

static void put_system(struct gemini_out *g)
{
    bool any = false, spoken = false;
    g->turn = 0;
    for (const struct turn *t = g->call->turns; t; t = t->next, g->turn++) {
        spoken = spoken || !is_system(t);
        if (!is_system(t))
            continue;
        if (spoken)
            call_adapted(g->notes, arena_print(g->arena, "messages[%zu].role", g->turn));
        if (!any) {
            json_name(&g->out, SPAN("systemInstruction"));
            json_open(&g->out, '{');
            json_name(&g->out, SPAN("parts"));
            json_open(&g->out, '[');
        }
        any = true;
        put_parts(g, t);
    }
    if (!any)
        return;
    json_close(&g->out, ']');
    json_close(&g->out, '}');
}

static void open_content(struct gemini_out *g, enum role role)
{
    json_open(&g->out, '{');
    json_pair(&g->out, SPAN("role"), role == ROLE_ASSISTANT ? SPAN("model") : SPAN("user"));
    json_name(&g->out, SPAN("parts"));
    json_open(&g->out, '[');
    g->called = false;
}

static void close_content(struct gemini_out *g)
{
    json_close(&g->out, ']');
    json_close(&g->out, '}');
}

static void put_contents(struct gemini_out *g)
{
    enum role role = ROLE_SYSTEM; /* none is open */
    json_name(&g->out, SPAN("contents"));
    json_open(&g->out, '[');
    g->turn = 0;
    for (const struct turn *t = g->call->turns; t; t = t->next, g->turn++) {
        if (is_system(t))
            continue;
        if (t->name.at)
            call_unsayable(g->notes, arena_print(g->arena, "messages[%zu].name", g->turn));
        if (t->role != role && role != ROLE_SYSTEM)
            close_content(g);
        if (t->role != role)
            open_content(g, t->role);
        role = t->role;
        put_parts(g, t);
    }
    if (role != ROLE_SYSTEM)
        close_content(g);
    json_close(&g->out, ']');
}

/* --- the whole --- */

/* Labels are short and of few letters; other metadata cannot be said. */
static bool is_label(struct span raw)
{
    struct span s = raw_inside(raw);
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
            return false;
    }
    return s.at && s.len <= 63;
}

static void put_labels(struct gemini_out *g)
{
    struct raw_iter it = raw_iter(g->call->metadata, g->arena);
    struct span name, value;
    bool labels = true;
    while (it.object && raw_next(&it, &name, &value))
        labels = labels && name.len > 0 && is_label(raw_quote(name, g->arena)) && is_label(value);
    if (labels)
        json_pair_raw(&g->out, SPAN("labels"), g->call->metadata);
    else
        call_unsayable(g->notes, SPAN("metadata"));
}

static void put_rest(struct gemini_out *g)
{
    const struct call *c = g->call;
    if (c->safety.at)
        json_pair_raw(&g->out, SPAN("safetySettings"), c->safety);
    if (c->metadata.at)
        put_labels(g);
    if (c->tier.at && (span_is(c->tier, SPAN("flex")) || span_is(c->tier, SPAN("priority"))))
        json_pair(&g->out, SPAN("serviceTier"), c->tier);
    else if (c->tier.at)
        call_unsayable(g->notes, SPAN("service_tier"));
    if (c->user.at)
        call_adapted(g->notes, SPAN("user"));
    if (c->cache_key.at)
        call_adapted(g->notes, SPAN("prompt_cache_key"));
    if (c->store == 0)
        call_adapted(g->notes, SPAN("store"));
    if (c->store == 1)
        call_unsayable(g->notes, SPAN("store"));
    if (c->verbosity.at && !span_is(c->verbosity, SPAN("medium")))
        call_unsayable(g->notes, SPAN("verbosity"));
    if (c->previous.at)
        call_unsayable(g->notes, SPAN("previous_response_id"));
    if (c->parallel_tools == 0)
        call_adapted(g->notes, SPAN("parallel_tool_calls")); /* see one_call.h */
    call_rest_unsayable(g->notes, c);
}

void gemini_write_call(const struct call *c, const struct quirks *quirks, struct notes *notes, struct arena *a, struct buf *out)
{
    struct gemini_out g = { .out = json_out(out), .call = c, .quirks = quirks, .notes = notes, .arena = a };
    g.generation = gemini_generation(c->model);
    functions_index(&g.functions, c, a);
    json_open(&g.out, '{');
    put_system(&g);
    put_contents(&g);
    gemini_put_tools(&g);
    gemini_put_config(&g);
    put_rest(&g);
    json_close(&g.out, '}');
    if (a->broken)
        out->broken = true;
}
