/* SPDX-License-Identifier: Apache-2.0
 * ollama_turns.c - a call's turns as Ollama's messages: text is one string, pictures stand beside it, a tool's result names its function. */
#include "dialect/ollama_int.h"

/* Where a part stands, for notes. */
struct place {
    size_t turn, part;
};

static struct span path(struct ollama *c, struct place at, const char *more) { return arena_print(c->arena, "messages[%zu].content[%zu]%s", at.turn, at.part, more); }

static struct span turn_path(struct ollama *c, size_t turn, const char *member) { return arena_print(c->arena, "messages[%zu].%s", turn, member); }

static bool is_text(const struct part *p) { return p->kind == PART_TEXT || p->kind == PART_REFUSAL; }

/* Ollama signs no thoughts: a signed one is another's. */
static bool is_own_thought(const struct part *p) { return p->kind == PART_THINKING && !p->signature.at && !p->redacted; }

/* Of `first` up to `end`, texts as one string. */
static void put_text(struct ollama *c, const struct part *first, const struct part *end)
{
    struct buf *out = c->o.buf;
    bool more = false;
    json_name(&c->o, SPAN("content"));
    buf_put_byte(out, '"');
    for (const struct part *p = first; p != end; p = p->next) {
        if (!is_text(p) || !raw_inside(p->text).len)
            continue;
        buf_put(out, more ? SPAN("\\n") : SPAN(""));
        buf_put(out, raw_inside(p->text));
        more = true;
    }
    buf_put_byte(out, '"');
    c->o.comma = true;
}

static bool has_picture(const struct part *first, const struct part *end)
{
    while (first != end && !(first->kind == PART_IMAGE && first->media.data.at))
        first = first->next;
    return first != end;
}

static void put_pictures(struct ollama *c, const struct part *first, const struct part *end)
{
    if (!has_picture(first, end))
        return;
    json_name(&c->o, SPAN("images"));
    json_open(&c->o, '[');
    for (const struct part *p = first; p != end; p = p->next) {
        if (p->kind != PART_IMAGE || !p->media.data.at)
            continue;
        buf_put(c->o.buf, c->o.comma ? SPAN(",\"") : SPAN("\""));
        buf_put(c->o.buf, p->media.data); /* as it came, escapes included */
        buf_put_byte(c->o.buf, '"');
        c->o.comma = true;
    }
    json_close(&c->o, ']');
}

/* Notes of a part all that the message will not say. */
static void note_part(struct ollama *c, const struct part *p, enum role role, struct place at)
{
    bool picture = p->kind == PART_IMAGE && p->media.data.at;
    bool known = is_text(p) || picture || p->kind == PART_TOOL_RESULT || p->kind == PART_THINKING || (p->kind == PART_TOOL_CALL && role == ROLE_ASSISTANT);
    if (p->kind == PART_IMAGE && !picture)
        call_unsayable(c->notes, path(c, at, " a picture that is not inline: send it inline"));
    else if (!known)
        call_unsayable(c->notes, path(c, at, " is neither text nor a picture"));
    if (p->kind == PART_REFUSAL)
        call_adapted(c->notes, path(c, at, ""));
    if (p->citations)
        call_adapted(c->notes, path(c, at, ".citations"));
    if (p->cache.at)
        call_adapted(c->notes, SPAN("cache_control"));
    if (picture && p->media.detail.at && !span_is(p->media.detail, SPAN("auto")))
        call_adapted(c->notes, path(c, at, ".detail"));
    if (p->kind == PART_THINKING ? !is_own_thought(p) || role != ROLE_ASSISTANT : p->signature.at != NULL)
        call_adapted(c->notes, turn_path(c, at.turn, "thinking"));
}

static void note_result(struct ollama *c, const struct part *result, struct place at)
{
    size_t nth = 0;
    for (const struct part *p = result->content; p; p = p->next, nth++)
        if (!is_text(p))
            call_unsayable(c->notes, arena_print(c->arena, "messages[%zu].content[%zu].content[%zu] no text", at.turn, at.part, nth));
    if (result->failed) /* the content says so, too */
        call_adapted(c->notes, path(c, at, ".is_error"));
}

static void put_result(struct ollama *c, const struct part *p, struct place at)
{
    struct span function = p->name.at ? p->name : functions_find(&c->functions, p->id);
    json_open(&c->o, '{');
    json_pair(&c->o, SPAN("role"), SPAN("tool"));
    put_text(c, p->content, NULL);
    if (function.at)
        json_pair_raw(&c->o, SPAN("tool_name"), function);
    json_close(&c->o, '}');
    note_result(c, p, at);
}

/* ---- the model's own ---- */

static void put_thought(struct ollama *c, const struct turn *t)
{
    bool any = false;
    for (const struct part *p = t->parts; p; p = p->next)
        any = any || (is_own_thought(p) && raw_inside(p->text).len);
    if (!any)
        return;
    json_name(&c->o, SPAN("thinking"));
    buf_put_byte(c->o.buf, '"');
    for (const struct part *p = t->parts; p; p = p->next)
        if (is_own_thought(p))
            buf_put(c->o.buf, raw_inside(p->text));
    buf_put_byte(c->o.buf, '"');
    c->o.comma = true;
}

static void put_tool_calls(struct ollama *c, const struct turn *t)
{
    if (!part_first(t->parts, PART_TOOL_CALL))
        return;
    json_name(&c->o, SPAN("tool_calls"));
    json_open(&c->o, '[');
    for (const struct part *p = t->parts; p; p = p->next) {
        if (p->kind != PART_TOOL_CALL)
            continue;
        json_open(&c->o, '{');
        json_name(&c->o, SPAN("function"));
        json_open(&c->o, '{');
        json_pair_raw(&c->o, SPAN("name"), p->name);
        json_pair_raw(&c->o, SPAN("arguments"), p->arguments.at ? p->arguments : SPAN("{}"));
        json_close(&c->o, '}');
        json_close(&c->o, '}');
    }
    json_close(&c->o, ']');
}

/* Parts from `first` up to `end`, which are no results. */
static void put_run(struct ollama *c, const struct turn *t, const struct part *first, const struct part *end)
{
    bool assistant = t->role == ROLE_ASSISTANT;
    json_open(&c->o, '{');
    json_pair(&c->o, SPAN("role"), assistant ? SPAN("assistant") : t->role == ROLE_USER ? SPAN("user") : SPAN("system"));
    put_text(c, first, end);
    put_pictures(c, first, end);
    if (assistant) {
        put_thought(c, t);
        put_tool_calls(c, t);
    }
    json_close(&c->o, '}');
}

static void put_turn(struct ollama *c, const struct turn *t, size_t turn)
{
    struct place at = { turn, 0 };
    const struct part *first = t->parts;
    for (const struct part *p = t->parts; p; p = p->next, at.part++) {
        note_part(c, p, t->role, at);
        if (p->kind != PART_TOOL_RESULT)
            continue;
        if (first != p)
            put_run(c, t, first, p);
        put_result(c, p, at);
        first = p->next;
    }
    if (first)
        put_run(c, t, first, NULL);
}

void ollama_put_messages(struct ollama *c)
{
    size_t turn = 0;
    json_name(&c->o, SPAN("messages"));
    json_open(&c->o, '[');
    for (const struct turn *t = c->call->turns; t; t = t->next, turn++) {
        if (t->name.at)
            call_unsayable(c->notes, turn_path(c, turn, "name"));
        put_turn(c, t, turn);
    }
    json_close(&c->o, ']');
}
