/* SPDX-License-Identifier: Apache-2.0
 * cohere_turns.c - a call's turns as Cohere's messages: each tool's result is a message of its own; what a model says beside its tool
 * calls is its tool_plan; documents that are text stand beside the messages. */
#include "dialect/cohere_int.h"

/* Where a part stands, for notes. */
struct place {
    size_t turn, part;
};

static struct span path(struct cohere *c, struct place at, const char *more) { return arena_print(c->arena, "messages[%zu].content[%zu]%s", at.turn, at.part, more); }

static struct span turn_path(struct cohere *c, size_t turn, const char *member) { return arena_print(c->arena, "messages[%zu].%s", turn, member); }

static void open_typed(struct cohere *c, struct span type)
{
    json_open(&c->o, '{');
    json_pair(&c->o, SPAN("type"), type);
}

static void put_text(struct cohere *c, struct span raw)
{
    open_typed(c, SPAN("text"));
    json_pair_raw(&c->o, SPAN("text"), raw);
    json_close(&c->o, '}');
}

static void open_message(struct cohere *c, struct span role)
{
    json_open(&c->o, '{');
    json_pair(&c->o, SPAN("role"), role);
}

/* ---- the user ---- */

static const char *picture_fault(const struct media *m)
{
    if (m->file_id.at)
        return " a file of another vendor: send it inline";
    return m->data.at || m->url.at ? NULL : " has no content";
}

static void put_picture(struct cohere *c, const struct part *p, struct place at)
{
    const struct media *m = &p->media;
    struct span detail = m->detail;
    open_typed(c, SPAN("image_url"));
    json_name(&c->o, SPAN("image_url"));
    json_open(&c->o, '{');
    json_name(&c->o, SPAN("url"));
    if (m->data.at) {
        put_data_url(c->o.buf, m);
        c->o.comma = true;
    } else {
        json_put_raw(&c->o, m->url);
    }
    if (span_is(detail, SPAN("low")) || span_is(detail, SPAN("high")) || span_is(detail, SPAN("auto")))
        json_pair(&c->o, SPAN("detail"), detail);
    else if (detail.at)
        call_adapted(c->notes, path(c, at, ".detail"));
    json_close(&c->o, '}');
    json_close(&c->o, '}');
}

static bool is_text_document(const struct part *p) { return p->kind == PART_DOCUMENT && p->media.plain_text.at; }

/* Notes what stands in a user's message and cannot be said; false: it is left out of the message. */
static bool may_say(struct cohere *c, const struct part *p, struct place at)
{
    const char *why = " is neither text nor a picture";
    if (p->cache.at)
        call_adapted(c->notes, SPAN("cache_control"));
    if (p->kind == PART_TEXT || p->kind == PART_TOOL_RESULT)
        return true;
    if (is_text_document(p)) {
        c->documents = true;
        call_adapted(c->notes, path(c, at, ""));
        return false;
    }
    if (p->kind == PART_IMAGE)
        why = picture_fault(&p->media);
    if (why)
        call_unsayable(c->notes, path(c, at, why));
    return !why;
}

static void put_result_content(struct cohere *c, const struct part *result, struct place at)
{
    const struct part *only = result->content;
    size_t nth = 0;
    json_name(&c->o, SPAN("content"));
    if (!only || (only->kind == PART_TEXT && !only->next)) {
        json_put_raw(&c->o, only ? only->text : SPAN("\"\""));
        return;
    }
    json_open(&c->o, '[');
    for (const struct part *p = only; p; p = p->next, nth++) {
        if (p->kind == PART_TEXT)
            put_text(c, p->text);
        else
            call_unsayable(c->notes, arena_print(c->arena, "messages[%zu].content[%zu].content[%zu] no text", at.turn, at.part, nth));
    }
    json_close(&c->o, ']');
}

static void put_result(struct cohere *c, const struct part *p, struct place at)
{
    open_message(c, SPAN("tool"));
    json_pair_raw(&c->o, SPAN("tool_call_id"), p->id);
    put_result_content(c, p, at);
    json_close(&c->o, '}');
    if (p->failed) /* the content says so, too */
        call_adapted(c->notes, path(c, at, ".is_error"));
}

/* Puts the parts from *p up to the next result as one message. */
static void put_run(struct cohere *c, const struct part **p, struct place *at)
{
    bool open = false;
    for (; *p && (*p)->kind != PART_TOOL_RESULT; *p = (*p)->next, at->part++) {
        if (!may_say(c, *p, *at))
            continue;
        if (!open) {
            open_message(c, SPAN("user"));
            json_name(&c->o, SPAN("content"));
            json_open(&c->o, '[');
        }
        open = true;
        if ((*p)->kind == PART_TEXT)
            put_text(c, (*p)->text);
        else
            put_picture(c, *p, *at);
    }
    if (!open)
        return;
    json_close(&c->o, ']');
    json_close(&c->o, '}');
}

static void put_user(struct cohere *c, const struct turn *t, size_t turn)
{
    struct place at = { turn, 0 };
    if (t->parts && t->parts->kind == PART_TEXT && !t->parts->next) {
        may_say(c, t->parts, at);
        open_message(c, SPAN("user"));
        json_pair_raw(&c->o, SPAN("content"), t->parts->text);
        json_close(&c->o, '}');
        return;
    }
    for (const struct part *p = t->parts; p;) {
        if (p->kind == PART_TOOL_RESULT) {
            may_say(c, p, at);
            put_result(c, p, at);
            p = p->next;
            at.part++;
        } else {
            put_run(c, &p, &at);
        }
    }
}

static void put_system(struct cohere *c, const struct turn *t, size_t turn)
{
    struct place at = { turn, 0 };
    for (const struct part *p = t->parts; p; p = p->next, at.part++) {
        if (p->kind != PART_TEXT)
            call_unsayable(c->notes, path(c, at, " no text: a system prompt is text at Cohere"));
        if (p->cache.at)
            call_adapted(c->notes, SPAN("cache_control"));
    }
    open_message(c, SPAN("system"));
    json_name(&c->o, SPAN("content"));
    put_joined(c->o.buf, t->parts, PART_TEXT, SPAN("\\n"));
    c->o.comma = true;
    json_close(&c->o, '}');
}

/* ---- the model ---- */

static void put_tool_calls(struct cohere *c, const struct turn *t)
{
    json_name(&c->o, SPAN("tool_calls"));
    json_open(&c->o, '[');
    for (const struct part *p = t->parts; p; p = p->next) {
        if (p->kind != PART_TOOL_CALL)
            continue;
        json_open(&c->o, '{');
        json_pair_raw(&c->o, SPAN("id"), p->id);
        json_pair(&c->o, SPAN("type"), SPAN("function"));
        json_name(&c->o, SPAN("function"));
        json_open(&c->o, '{');
        json_pair_raw(&c->o, SPAN("name"), p->name);
        json_pair(&c->o, SPAN("arguments"), p->arguments.at ? p->arguments : SPAN("{}"));
        json_close(&c->o, '}');
        json_close(&c->o, '}');
    }
    json_close(&c->o, ']');
}

/* Cohere signs no thoughts: a signed one is another's. */
static bool is_own_thought(const struct part *p) { return p->kind == PART_THINKING && !p->signature.at && !p->redacted && raw_inside(p->text).len; }

static void note_assistant(struct cohere *c, const struct part *p, struct place at)
{
    bool thought = p->kind == PART_THINKING && !is_own_thought(p);
    if (thought || (p->kind != PART_THINKING && p->signature.at))
        call_adapted(c->notes, turn_path(c, at.turn, "thinking"));
    if (p->kind == PART_REFUSAL)
        call_adapted(c->notes, path(c, at, ""));
    if (p->citations)
        call_adapted(c->notes, path(c, at, ".citations"));
    if (p->cache.at)
        call_adapted(c->notes, SPAN("cache_control"));
    if (p->kind != PART_TEXT && p->kind != PART_REFUSAL && p->kind != PART_THINKING && p->kind != PART_TOOL_CALL)
        call_unsayable(c->notes, path(c, at, " is neither text nor a tool call"));
}

static bool is_text(const struct part *p) { return (p->kind == PART_TEXT || p->kind == PART_REFUSAL) && raw_inside(p->text).len; }

static void put_content(struct cohere *c, const struct turn *t, bool texts)
{
    json_name(&c->o, SPAN("content"));
    json_open(&c->o, '[');
    for (const struct part *p = t->parts; p; p = p->next) {
        if (is_own_thought(p)) {
            open_typed(c, SPAN("thinking"));
            json_pair_raw(&c->o, SPAN("thinking"), p->text);
            json_close(&c->o, '}');
        } else if (texts && is_text(p)) {
            put_text(c, p->text);
        }
    }
    json_close(&c->o, ']');
}

static void put_assistant(struct cohere *c, const struct turn *t, size_t turn)
{
    struct place at = { turn, 0 };
    bool calls = part_first(t->parts, PART_TOOL_CALL) != NULL, thinks = false, texts = false;
    for (const struct part *p = t->parts; p; p = p->next, at.part++) {
        note_assistant(c, p, at);
        thinks = thinks || is_own_thought(p);
        texts = texts || is_text(p);
    }
    if (!calls && !thinks && !texts)
        return;
    open_message(c, SPAN("assistant"));
    if (thinks || (texts && !calls))
        put_content(c, t, !calls);
    if (texts && calls) {
        json_name(&c->o, SPAN("tool_plan"));
        put_joined(c->o.buf, t->parts, PART_TEXT, SPAN("\\n"));
        c->o.comma = true;
    }
    if (calls)
        put_tool_calls(c, t);
    json_close(&c->o, '}');
}

void cohere_put_messages(struct cohere *c)
{
    size_t turn = 0;
    json_name(&c->o, SPAN("messages"));
    json_open(&c->o, '[');
    for (const struct turn *t = c->call->turns; t; t = t->next, turn++) {
        if (t->name.at)
            call_unsayable(c->notes, turn_path(c, turn, "name"));
        if (t->role == ROLE_USER)
            put_user(c, t, turn);
        else if (t->role == ROLE_ASSISTANT)
            put_assistant(c, t, turn);
        else
            put_system(c, t, turn);
    }
    json_close(&c->o, ']');
}

/* As items of `documents`. */
void cohere_put_documents(struct cohere *c)
{
    for (const struct turn *t = c->call->turns; t; t = t->next)
        for (const struct part *p = t->parts; p; p = p->next) {
            if (t->role != ROLE_USER || !is_text_document(p))
                continue;
            json_open(&c->o, '{');
            json_name(&c->o, SPAN("data"));
            json_open(&c->o, '{');
            if (p->media.name.at)
                json_pair_raw(&c->o, SPAN("title"), p->media.name);
            json_pair_raw(&c->o, SPAN("text"), p->media.plain_text);
            json_close(&c->o, '}');
            json_close(&c->o, '}');
        }
}
