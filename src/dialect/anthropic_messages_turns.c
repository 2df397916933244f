/* SPDX-License-Identifier: Apache-2.0
 * anthropic_messages_turns.c - a neutral call's turns as Anthropic's messages and system prompt.
 *
 * All that systems and developers say goes to the front. Turns of one role that follow each other become one message; in a user's the
 * tools' results stand first, as the API wants them. Texts without a word are left out: it refuses them. */
#include "base/text.h"
#include "dialect/anthropic_int.h"

static bool is_system(const struct turn *t) { return t->role == ROLE_SYSTEM || t->role == ROLE_DEVELOPER; }
static bool is_assistant(const struct turn *t) { return t->role == ROLE_ASSISTANT; }

/* Blanks only, some of them written as escapes. */
static bool is_wordless(struct span raw)
{
    struct span text = raw_inside(raw);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c == '\\' && i + 1 < text.len)
            c = text.at[++i] == 'n' || text.at[i] == 't' || text.at[i] == 'r' || text.at[i] == 'f' ? ' ' : 'x';
        if (c != ' ')
            return false;
    }
    return true;
}

/* Where a part stands, for notes. */
struct place {
    size_t turn, part;
    bool inside; /* a tool's result */
};

static struct span path(struct say *s, struct place at, const char *more)
{
    return arena_print(s->arena, "messages[%zu].content[%zu]%s%s", at.turn, at.part, at.inside ? ".content" : "", more);
}

static void unsayable(struct say *s, struct place at, const char *why) { call_unsayable(s->notes, path(s, at, why)); }

static void open_block(struct say *s, struct span type)
{
    json_open(&s->o, '{');
    json_pair(&s->o, SPAN("type"), type);
}

static void close_block(struct say *s, const struct part *p)
{
    if (p->cache.at)
        json_pair_raw(&s->o, SPAN("cache_control"), p->cache);
    json_close(&s->o, '}');
}

/* --- text and media --- */

static void put_text(struct say *s, const struct part *p, struct place at)
{
    if (is_wordless(p->text)) {
        if (raw_inside(p->text).len)
            call_adapted(s->notes, path(s, at, ""));
        return;
    }
    open_block(s, SPAN("text"));
    json_pair_raw(&s->o, SPAN("text"), p->text);
    bool own = p->citations != NULL;
    for (const struct citation *c = p->citations; c; c = c->next)
        own = own && anthropic_owns_citation(c->raw, s->arena);
    if (own) {
        json_name(&s->o, SPAN("citations"));
        json_open(&s->o, '[');
        for (const struct citation *c = p->citations; c; c = c->next)
            json_put_raw(&s->o, c->raw);
        json_close(&s->o, ']');
    } else if (p->citations) {
        call_adapted(s->notes, path(s, at, ".citations"));
    }
    close_block(s, p);
}

static void put_source(struct say *s, const char *type, struct span name, struct span value, struct span media_type)
{
    json_name(&s->o, SPAN("source"));
    json_open(&s->o, '{');
    json_pair(&s->o, SPAN("type"), span_of(type));
    if (media_type.at)
        json_pair(&s->o, SPAN("media_type"), media_type);
    json_pair_raw(&s->o, name, value);
    json_close(&s->o, '}');
}

static void put_base64(struct say *s, const struct media *m)
{
    json_name(&s->o, SPAN("source"));
    json_open(&s->o, '{');
    json_pair(&s->o, SPAN("type"), SPAN("base64"));
    json_pair(&s->o, SPAN("media_type"), m->type);
    json_name(&s->o, SPAN("data"));
    buf_put_byte(s->o.buf, '"');
    buf_put(s->o.buf, m->data); /* it came out of a string: no escape is needed */
    buf_put_byte(s->o.buf, '"');
    s->o.comma = true;
    json_close(&s->o, '}');
}

/* Whatever is at another vendor's is of no use here; Anthropic's own files are called file_... */
static const char *unreachable(const struct say *s, const struct media *m)
{
    if (m->file_id.at)
        return span_starts(raw_inside(m->file_id), SPAN("file_")) ? NULL : " a file of another vendor: send it inline";
    return m->url.at && s->quirks && s->quirks->version.len ? " a URL: send it inline" : NULL;
}

static bool is_picture_type(struct span type)
{
    static const struct span known[] = { { "image/jpeg", 10 }, { "image/png", 9 }, { "image/gif", 9 }, { "image/webp", 10 } };
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (span_is_nocase(known[i], type))
            return true;
    return false;
}

static void put_picture(struct say *s, const struct part *p, struct place at)
{
    struct media m = p->media;
    const char *why = unreachable(s, &m);
    if (span_is_nocase(m.type, SPAN("image/jpg")))
        m.type = SPAN("image/jpeg");
    if (m.data.at && !is_picture_type(m.type))
        why = " a picture that is neither JPEG, PNG, GIF nor WebP";
    if (why || (!m.data.at && !m.url.at && !m.file_id.at)) {
        unsayable(s, at, why ? why : " a picture that is nowhere");
        return;
    }
    if (m.detail.len && !span_is(m.detail, SPAN("auto")))
        call_adapted(s->notes, path(s, at, ".detail"));
    open_block(s, SPAN("image"));
    if (m.data.at)
        put_base64(s, &m);
    else if (m.url.at)
        put_source(s, "url", SPAN("url"), m.url, SPAN_NONE);
    else
        put_source(s, "file", SPAN("file_id"), m.file_id, SPAN_NONE);
    close_block(s, p);
}

/* The text of a document that came as base64; SPAN_NONE: it is none. */
static struct span decoded(struct say *s, const struct media *m)
{
    bool text = span_starts(m->type, SPAN("text/")) || span_is(m->type, SPAN("application/json"));
    struct span bytes = text ? text_base64_decode(m->data, s->arena) : SPAN_NONE;
    return bytes.at && text_is_utf8(bytes) ? raw_quote(bytes, s->arena) : SPAN_NONE;
}

static void put_document(struct say *s, const struct part *p, struct place at)
{
    struct media m = p->media;
    const char *why = unreachable(s, &m);
    bool pdf = m.data.at && (span_is_nocase(m.type, SPAN("application/pdf")) || (!m.type.len && span_starts(m.data, SPAN("JVBER"))));
    struct span text = m.plain_text.at || pdf || !m.data.at ? m.plain_text : decoded(s, &m);
    if (!why && m.data.at && !pdf && !text.at)
        why = " a document that is neither PDF nor text";
    if (why || (!pdf && !text.at && !m.url.at && !m.file_id.at)) {
        unsayable(s, at, why ? why : " a document that is nowhere");
        return;
    }
    m.type = pdf ? SPAN("application/pdf") : m.type;
    open_block(s, SPAN("document"));
    if (text.at)
        put_source(s, "text", SPAN("data"), text, SPAN("text/plain"));
    else if (pdf)
        put_base64(s, &m);
    else if (m.url.at)
        put_source(s, "url", SPAN("url"), m.url, SPAN_NONE);
    else
        put_source(s, "file", SPAN("file_id"), m.file_id, SPAN_NONE);
    if (m.name.at)
        json_pair_raw(&s->o, SPAN("title"), m.name);
    close_block(s, p);
}

/* --- what assistants say --- */

static void leave_thought(struct say *s, struct place at)
{
    call_adapted(s->notes, arena_print(s->arena, "messages[%zu].thinking", at.turn));
}

static void put_thought(struct say *s, const struct part *p, struct place at)
{
    struct span signature = anthropic_signature(p->signature, s->arena);
    if (!signature.at) {
        leave_thought(s, at);
        return;
    }
    open_block(s, p->redacted ? SPAN("redacted_thinking") : SPAN("thinking"));
    if (!p->redacted)
        json_pair_raw(&s->o, SPAN("thinking"), p->text.at ? p->text : SPAN("\"\""));
    json_pair_raw(&s->o, p->redacted ? SPAN("data") : SPAN("signature"), signature);
    json_close(&s->o, '}');
}

static void put_use(struct say *s, const struct part *p, struct place at)
{
    if (p->signature.at)
        leave_thought(s, at);
    open_block(s, SPAN("tool_use"));
    json_pair_raw(&s->o, SPAN("id"), anthropic_tool_id(p->id, s->arena));
    json_pair_raw(&s->o, SPAN("name"), p->name);
    json_pair_raw(&s->o, SPAN("input"), p->arguments.len ? p->arguments : SPAN("{}"));
    close_block(s, p);
}

static void put_own(struct say *s, const struct part *p, struct place at)
{
    if (anthropic_owns_block(p->raw, s->arena))
        json_put_raw(&s->o, p->raw);
    else
        unsayable(s, at, " a block that only another vendor understands");
}

static void put_result(struct say *s, const struct part *p, struct place at);

static void put_part(struct say *s, const struct part *p, struct place at)
{
    switch (p->kind) {
    case PART_TEXT:
        put_text(s, p, at);
        return;
    case PART_IMAGE:
        put_picture(s, p, at);
        return;
    case PART_DOCUMENT:
        put_document(s, p, at);
        return;
    case PART_THINKING:
        put_thought(s, p, at);
        return;
    case PART_TOOL_CALL:
        put_use(s, p, at);
        return;
    case PART_TOOL_RESULT:
        put_result(s, p, at);
        return;
    case PART_REFUSAL:
        call_adapted(s->notes, path(s, at, ".refusal"));
        put_text(s, p, at);
        return;
    case PART_SERVER_TOOL:
        put_own(s, p, at);
        return;
    case PART_AUDIO:
        if (p->text.at && !p->media.data.at) { /* what an assistant said before: its words */
            call_adapted(s->notes, path(s, at, ".audio"));
            put_text(s, p, at);
            return;
        }
        unsayable(s, at, " a sound");
        return;
    case PART_VIDEO:
        unsayable(s, at, " a video");
    }
}

static void put_result(struct say *s, const struct part *p, struct place at)
{
    const struct part *only = p->content && !p->content->next ? p->content : NULL;
    open_block(s, SPAN("tool_result"));
    json_pair_raw(&s->o, SPAN("tool_use_id"), anthropic_tool_id(p->id, s->arena));
    if (only && only->kind == PART_TEXT && !only->cache.at && !only->citations) {
        if (raw_inside(only->text).len)
            json_pair_raw(&s->o, SPAN("content"), only->text);
    } else if (p->content) {
        json_name(&s->o, SPAN("content"));
        json_open(&s->o, '[');
        at.inside = true;
        for (const struct part *inner = p->content; inner; inner = inner->next)
            put_part(s, inner, at);
        json_close(&s->o, ']');
    }
    if (p->failed)
        json_pair_bool(&s->o, SPAN("is_error"), true);
    close_block(s, p);
}

/* --- turns --- */

/* Parts of the run of turns that starts with `first`: the results of tools, or all others. */
static void put_run(struct say *s, const struct turn *first, size_t index, bool results)
{
    for (const struct turn *t = first; t; t = t->next, index++) {
        struct place at = { .turn = index };
        if (!is_system(t) && is_assistant(t) != is_assistant(first))
            return;
        for (const struct part *p = is_system(t) ? NULL : t->parts; p; p = p->next, at.part++)
            if ((p->kind == PART_TOOL_RESULT) == results)
                put_part(s, p, at);
    }
}

/* A message that would be empty is none. */
static void put_message(struct say *s, const struct turn *first, size_t index)
{
    struct json_out before = s->o;
    size_t len = s->o.buf->len;
    json_open(&s->o, '{');
    json_pair(&s->o, SPAN("role"), is_assistant(first) ? SPAN("assistant") : SPAN("user"));
    json_name(&s->o, SPAN("content"));
    json_open(&s->o, '[');
    size_t content = s->o.buf->len;
    put_run(s, first, index, true);
    put_run(s, first, index, false);
    bool empty = s->o.buf->len == content;
    json_close(&s->o, ']');
    json_close(&s->o, '}');
    if (!empty || s->o.buf->broken)
        return;
    s->o = before;
    s->o.buf->len = len;
}

void anthropic_put_messages(struct say *s)
{
    const struct turn *run = NULL;
    size_t index = 0;
    json_name(&s->o, SPAN("messages"));
    json_open(&s->o, '[');
    for (const struct turn *t = s->call->turns; t; t = t->next, index++) {
        if (t->name.at)
            call_unsayable(s->notes, arena_print(s->arena, "messages[%zu].name", index));
        if (is_system(t) || (run && is_assistant(run) == is_assistant(t)))
            continue;
        run = t;
        put_message(s, t, index);
    }
    json_close(&s->o, ']');
}

/* One text is said as a string, unless something hangs on it. */
static const struct part *only_text(const struct call *c)
{
    const struct part *only = NULL;
    for (const struct turn *t = c->turns; t; t = t->next) {
        for (const struct part *p = is_system(t) ? t->parts : NULL; p; p = p->next) {
            if (only || p->kind != PART_TEXT || p->cache.at || p->citations || is_wordless(p->text))
                return NULL;
            only = p;
        }
    }
    return only;
}

static void put_system_turn(struct say *s, const struct turn *t, size_t index)
{
    struct place at = { .turn = index };
    for (const struct part *p = t->parts; p; p = p->next, at.part++) {
        if (p->kind == PART_TEXT)
            put_text(s, p, at);
        else
            unsayable(s, at, " a system prompt that is no text");
    }
}

void anthropic_put_system(struct say *s)
{
    const struct part *only = only_text(s->call);
    struct json_out before = s->o;
    size_t index = 0, len = s->o.buf->len;
    bool spoken = false;
    json_name(&s->o, SPAN("system"));
    if (only)
        json_put_raw(&s->o, only->text);
    else
        json_open(&s->o, '[');
    size_t content = s->o.buf->len;
    for (const struct turn *t = s->call->turns; t; t = t->next, index++) {
        if (is_system(t) && spoken)
            call_adapted(s->notes, arena_print(s->arena, "messages[%zu].role", index));
        if (is_system(t) && !only)
            put_system_turn(s, t, index);
        spoken = spoken || !is_system(t);
    }
    bool empty = !only && s->o.buf->len == content;
    if (!only)
        json_close(&s->o, ']');
    if (!empty || s->o.buf->broken)
        return;
    s->o = before;
    s->o.buf->len = len;
}
