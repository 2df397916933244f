/* SPDX-License-Identifier: Apache-2.0
 * bedrock_converse_turns.c - a call's turns as Converse's messages: roles take turns, the system prompt stands apart, and what speaks of
 * caching is a block of its own behind what is cached. */
#include "dialect/bedrock_converse_int.h"

/* Where a part stands, for notes. */
struct place {
    size_t turn, part;
    const char *suffix;
};

static struct span path(struct converse *c, struct place at, const char *why)
{
    return arena_print(c->arena, "messages[%zu].content[%zu]%s%s%s", at.turn, at.part, at.suffix, *why ? " " : "", why);
}

static struct span turn_path(struct converse *c, size_t turn, const char *member) { return arena_print(c->arena, "messages[%zu].%s", turn, member); }

static bool is_system(const struct turn *t) { return t->role == ROLE_SYSTEM || t->role == ROLE_DEVELOPER; }

/* ---- messages ---- */

static void close_message(struct converse *c)
{
    if (c->role < 0)
        return;
    json_close(&c->o, ']');
    json_close(&c->o, '}');
    c->role = -1;
}

/* Opened by the first block that is put, so that no message is empty; one message for all turns of a role that follow each other. */
static void open_message(struct converse *c, enum role role)
{
    if (c->role == (int)role)
        return;
    close_message(c);
    c->role = (int)role;
    json_open(&c->o, '{');
    json_pair(&c->o, SPAN("role"), role == ROLE_ASSISTANT ? SPAN("assistant") : SPAN("user"));
    json_name(&c->o, SPAN("content"));
    json_open(&c->o, '[');
}

/* A block with one member. */
static void put_block(struct converse *c, struct span name, struct span raw)
{
    json_open(&c->o, '{');
    json_pair_raw(&c->o, name, raw);
    json_close(&c->o, '}');
}

static bool says_nothing(struct span raw) { return raw_inside(raw).len == 0; }

bool converse_caches(const struct converse *c) { return c->family == FAMILY_CLAUDE || c->family == FAMILY_NOVA || c->family == FAMILY_NOVA_2; }

void converse_put_cache(struct converse *c, struct span cache)
{
    if (!cache.at)
        return;
    if (!converse_caches(c)) {
        call_adapted(c->notes, SPAN("cache_control"));
        return;
    }
    if (c->cached == c->o.buf->len)
        return;
    json_open(&c->o, '{');
    json_name(&c->o, SPAN("cachePoint"));
    json_open(&c->o, '{');
    json_pair(&c->o, SPAN("type"), SPAN("default"));
    if (raw_is(raw_member(cache, SPAN("ttl"), c->arena), SPAN("1h")))
        json_pair(&c->o, SPAN("ttl"), SPAN("1h"));
    json_close(&c->o, '}');
    json_close(&c->o, '}');
    c->cached = c->o.buf->len;
}

/* ---- thoughts ---- */

/* Claude's signatures are the same here and at Anthropic; all others are of use only where they were made. */
static struct span signature_of(struct converse *c, const struct part *p)
{
    struct span own = signature_for(p->signature, bedrock_converse_name, SPAN(""), c->arena);
    if (own.at || c->family != FAMILY_CLAUDE || p->redacted)
        return own;
    return anthropic_signature(p->signature, c->arena);
}

static void put_thought(struct converse *c, const struct part *p, enum role role, size_t turn)
{
    struct span signature = signature_of(c, p);
    if (!signature.at || role != ROLE_ASSISTANT || (!p->redacted && says_nothing(p->text))) {
        call_adapted(c->notes, turn_path(c, turn, "thinking"));
        return;
    }
    open_message(c, role);
    json_open(&c->o, '{');
    json_name(&c->o, SPAN("reasoningContent"));
    json_open(&c->o, '{');
    if (p->redacted) {
        json_pair_raw(&c->o, SPAN("redactedContent"), signature);
    } else {
        json_name(&c->o, SPAN("reasoningText"));
        json_open(&c->o, '{');
        json_pair_raw(&c->o, SPAN("text"), p->text);
        json_pair_raw(&c->o, SPAN("signature"), signature);
        json_close(&c->o, '}');
    }
    json_close(&c->o, '}');
    json_close(&c->o, '}');
}

/* ---- tools ---- */

static void put_tool_call(struct converse *c, const struct part *p, size_t turn)
{
    if (p->signature.at)
        call_adapted(c->notes, turn_path(c, turn, "thinking"));
    json_open(&c->o, '{');
    json_name(&c->o, SPAN("toolUse"));
    json_open(&c->o, '{');
    json_pair_raw(&c->o, SPAN("toolUseId"), anthropic_tool_id(p->id, c->arena));
    json_pair_raw(&c->o, SPAN("name"), p->name);
    json_pair_raw(&c->o, SPAN("input"), p->arguments.at ? p->arguments : SPAN("{}"));
    json_close(&c->o, '}');
    json_close(&c->o, '}');
}

static void put_result_part(struct converse *c, const struct part *p, struct place at, size_t nth)
{
    const char *why = "cannot stand in a tool's result at Bedrock";
    bool media = p->kind == PART_IMAGE || p->kind == PART_DOCUMENT || p->kind == PART_VIDEO;
    if (p->kind == PART_TEXT || p->kind == PART_REFUSAL) {
        if (!says_nothing(p->text))
            put_block(c, SPAN("text"), p->text);
        return;
    }
    if (media && !(why = converse_media_fault(p))) {
        converse_put_media(c, p);
        return;
    }
    call_unsayable(c->notes, arena_print(c->arena, "messages[%zu].content[%zu].content[%zu] %s", at.turn, at.part, nth, why));
}

static void put_result(struct converse *c, const struct part *p, struct place at)
{
    struct span cache = SPAN_NONE;
    size_t nth = 0;
    json_open(&c->o, '{');
    json_name(&c->o, SPAN("toolResult"));
    json_open(&c->o, '{');
    json_pair_raw(&c->o, SPAN("toolUseId"), anthropic_tool_id(p->id, c->arena));
    json_name(&c->o, SPAN("content"));
    json_open(&c->o, '[');
    for (const struct part *in = p->content; in; in = in->next) {
        put_result_part(c, in, at, nth++);
        cache = in->cache.at ? in->cache : cache;
    }
    json_close(&c->o, ']');
    if (p->failed)
        json_pair(&c->o, SPAN("status"), SPAN("error"));
    json_close(&c->o, '}');
    json_close(&c->o, '}');
    converse_put_cache(c, cache); /* none may stand inside */
}

/* ---- parts ---- */

static void put_media(struct converse *c, const struct part *p, enum role role, struct place at)
{
    const char *why = converse_media_fault(p);
    if (why) {
        call_unsayable(c->notes, path(c, at, why));
        return;
    }
    open_message(c, role);
    converse_put_media(c, p);
    if (p->media.detail.at && !span_is(p->media.detail, SPAN("auto")))
        call_adapted(c->notes, path(c, (struct place){ at.turn, at.part, ".detail" }, ""));
}

static void put_text(struct converse *c, const struct part *p, enum role role, struct place at)
{
    if (p->kind == PART_REFUSAL)
        call_adapted(c->notes, path(c, at, ""));
    if (p->citations)
        call_adapted(c->notes, path(c, (struct place){ at.turn, at.part, ".citations" }, ""));
    if (p->signature.at)
        call_adapted(c->notes, turn_path(c, at.turn, "thinking"));
    if (says_nothing(p->text))
        return;
    open_message(c, role);
    put_block(c, SPAN("text"), p->text);
}

static void put_part(struct converse *c, const struct part *p, enum role role, struct place at)
{
    switch (p->kind) {
    case PART_TEXT:
    case PART_REFUSAL:
        put_text(c, p, role, at);
        break;
    case PART_IMAGE:
    case PART_AUDIO:
    case PART_VIDEO:
    case PART_DOCUMENT:
        put_media(c, p, role, at);
        break;
    case PART_THINKING:
        put_thought(c, p, role, at.turn);
        break;
    case PART_TOOL_CALL:
        open_message(c, role);
        put_tool_call(c, p, at.turn);
        break;
    case PART_TOOL_RESULT:
        open_message(c, role);
        put_result(c, p, at);
        break;
    case PART_SERVER_TOOL:
        call_unsayable(c->notes, path(c, at, "a tool that another vendor ran"));
        return;
    }
    if (c->role == (int)role)
        converse_put_cache(c, p->cache);
}

void converse_put_messages(struct converse *c)
{
    size_t turn = 0;
    c->role = -1;
    json_name(&c->o, SPAN("messages"));
    json_open(&c->o, '[');
    for (const struct turn *t = c->call->turns; t; t = t->next, turn++) {
        size_t nth = 0;
        if (is_system(t))
            continue;
        if (t->name.at)
            call_unsayable(c->notes, turn_path(c, turn, "name"));
        for (const struct part *p = t->parts; p; p = p->next)
            put_part(c, p, t->role, (struct place){ turn, nth++, "" });
    }
    close_message(c);
    json_close(&c->o, ']');
}

static void put_system_part(struct converse *c, const struct part *p, struct place at, bool *open)
{
    if (p->kind != PART_TEXT) {
        call_unsayable(c->notes, path(c, at, "no text: a system prompt is text at Bedrock"));
        return;
    }
    if (says_nothing(p->text))
        return;
    if (!*open) {
        json_name(&c->o, SPAN("system"));
        json_open(&c->o, '[');
    }
    *open = true;
    put_block(c, SPAN("text"), p->text);
    converse_put_cache(c, p->cache);
}

/* All of them, also those between other turns, which is noted. */
void converse_put_system(struct converse *c)
{
    bool open = false, later = false;
    size_t turn = 0;
    for (const struct turn *t = c->call->turns; t; t = t->next, turn++) {
        size_t nth = 0;
        later = later || !is_system(t);
        if (!is_system(t))
            continue;
        if (later)
            call_adapted(c->notes, turn_path(c, turn, "role"));
        if (t->name.at)
            call_unsayable(c->notes, turn_path(c, turn, "name"));
        for (const struct part *p = t->parts; p; p = p->next)
            put_system_part(c, p, (struct place){ turn, nth++, "" }, &open);
    }
    if (open)
        json_close(&c->o, ']');
}
