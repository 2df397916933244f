/* SPDX-License-Identifier: Apache-2.0
 * openai_chat_turns.c - writes the turns of a neutral call as messages, as OpenAI's imitators understand them, too: texts alone are one
 * string wherever only texts may stand.
 *
 * A turn of the user becomes a `tool` message for each result, which must stand first, and one `user` message for the rest. What a tool
 * gave beside text goes into that message, since a `tool` message takes text only. */
#include "dialect/openai_chat_int.h"

struct turns {
    const struct call *call;
    const struct quirks *quirks;
    struct notes *notes;
    struct arena *arena;
    struct json_out *out;
    size_t turn; /* the one that is written */
};

static struct span path(struct turns *w, size_t part, const char *reason)
{
    return arena_print(w->arena, "messages[%zu].content[%zu]%s", w->turn, part, reason);
}

static struct span member_path(struct turns *w, const char *name) { return arena_print(w->arena, "messages[%zu].%s", w->turn, name); }

/* --- parts --- */

static void open_part(struct json_out *o, struct span type)
{
    json_open(o, '{');
    json_pair(o, SPAN("type"), type);
}

static void write_text_part(struct json_out *o, struct span raw)
{
    open_part(o, SPAN("text"));
    json_pair_raw(o, SPAN("text"), raw);
    json_close(o, '}');
}

static void write_url_value(struct json_out *o, const struct media *m)
{
    json_name(o, SPAN("url"));
    if (m->data.at)
        put_data_url(o->buf, m);
    else
        buf_put(o->buf, m->url);
    o->comma = true;
}

static void write_picture(struct turns *w, const struct part *p, size_t at, struct span name)
{
    struct json_out *o = w->out;
    bool detail = p->media.detail.at && !span_is(p->media.detail, SPAN("original"));
    open_part(o, name);
    json_name(o, name);
    json_open(o, '{');
    write_url_value(o, &p->media);
    if (detail)
        json_pair(o, SPAN("detail"), p->media.detail);
    else if (p->media.detail.at)
        call_adapted(w->notes, path(w, at, ".detail"));
    json_close(o, '}');
    json_close(o, '}');
}

static struct span sound_format(struct span type)
{
    if (span_is(type, SPAN("audio/mpeg")) || span_is(type, SPAN("audio/mp3")))
        return SPAN("mp3");
    if (span_is(type, SPAN("audio/x-wav")) || span_is(type, SPAN("audio/wave")) || !span_starts(type, SPAN("audio/")))
        return SPAN("wav");
    return span_from(type, 6);
}

static void write_sound(struct json_out *o, const struct part *p)
{
    open_part(o, SPAN("input_audio"));
    json_name(o, SPAN("input_audio"));
    json_open(o, '{');
    json_name(o, SPAN("data"));
    buf_put_byte(o->buf, '"');
    buf_put(o->buf, p->media.data);
    buf_put_byte(o->buf, '"');
    o->comma = true;
    json_pair(o, SPAN("format"), sound_format(p->media.type));
    json_close(o, '}');
    json_close(o, '}');
}

/* Mistral's words are others for documents, and for thoughts it has no place in OpenAI's words. */
static bool is_mistral(const struct turns *w) { return w->quirks && w->quirks->mistral_words; }

static void write_document_url(struct json_out *o, const struct media *m)
{
    open_part(o, SPAN("document_url"));
    json_name(o, SPAN("document_url"));
    put_data_url(o->buf, m);
    o->comma = true;
    if (m->name.at)
        json_pair_raw(o, SPAN("document_name"), m->name);
    json_close(o, '}');
}

static void write_document(struct turns *w, const struct part *p)
{
    struct json_out *o = w->out;
    struct media m = p->media;
    if (m.plain_text.at) {
        write_text_part(o, m.plain_text);
        return;
    }
    if (!m.type.at)
        m.type = SPAN("application/pdf");
    if (is_mistral(w)) {
        write_document_url(o, &m);
        return;
    }
    open_part(o, SPAN("file"));
    json_name(o, SPAN("file"));
    json_open(o, '{');
    json_pair_raw(o, SPAN("filename"), m.name.at ? m.name : SPAN("\"document.pdf\""));
    json_name(o, SPAN("file_data"));
    put_data_url(o->buf, &m);
    o->comma = true;
    json_close(o, '}');
    json_close(o, '}');
}

/* Why a part cannot be said; NULL: it can. */
static const char *unsayable(const struct part *p)
{
    bool there = p->media.data.at || p->media.plain_text.at;
    switch (p->kind) {
    case PART_IMAGE:
    case PART_VIDEO:
        return there || p->media.url.at ? NULL : " a file of another vendor: send it inline";
    case PART_AUDIO:
        return there ? NULL : " a sound that is not inline: send it inline";
    case PART_DOCUMENT:
        return there ? NULL : p->media.url.at ? " a document by URL: send it inline" : " a file of another vendor: send it inline";
    case PART_SERVER_TOOL:
        return " a tool that another vendor ran";
    default:
        return NULL;
    }
}

static void note_hints(struct turns *w, const struct part *p, size_t at)
{
    if (p->cache.at)
        call_adapted(w->notes, SPAN("cache_control"));
    if (p->kind == PART_DOCUMENT && p->media.plain_text.at)
        call_adapted(w->notes, path(w, at, ""));
}

/* A part of a user's message. */
static void write_part(struct turns *w, const struct part *p, size_t at)
{
    const char *reason = unsayable(p);
    if (reason) {
        call_unsayable(w->notes, path(w, at, reason));
        return;
    }
    note_hints(w, p, at);
    switch (p->kind) {
    case PART_TEXT:
        write_text_part(w->out, p->text);
        break;
    case PART_IMAGE:
        write_picture(w, p, at, SPAN("image_url"));
        break;
    case PART_VIDEO:
        write_picture(w, p, at, SPAN("video_url"));
        break;
    case PART_AUDIO:
        write_sound(w->out, p);
        break;
    case PART_DOCUMENT:
        write_document(w, p);
        break;
    default:
        call_unsayable(w->notes, path(w, at, " it has no place in a user's message"));
    }
}

/* --- messages --- */

static void open_message(struct turns *w, struct span role, struct span name)
{
    json_open(w->out, '{');
    json_pair(w->out, SPAN("role"), role);
    if (name.at && !quirk_forbids(w->quirks, member_path(w, "name"), w->notes))
        json_pair_raw(w->out, SPAN("name"), name);
}

/* All texts of the list as one string; null where there is none and that is allowed. */
static void write_texts(struct turns *w, const struct part *parts, struct span between, bool may_be_null)
{
    json_name(w->out, SPAN("content"));
    if (may_be_null && !part_first(parts, PART_TEXT)) {
        json_put_null(w->out);
        return;
    }
    put_joined(w->out->buf, parts, PART_TEXT, between);
    w->out->comma = true;
}

static void write_system(struct turns *w, const struct turn *t)
{
    bool developer = w->quirks && w->quirks->system_as_developer;
    size_t at = 0;
    if (t->role == ROLE_DEVELOPER && !developer)
        call_adapted(w->notes, member_path(w, "role"));
    open_message(w, developer ? SPAN("developer") : SPAN("system"), t->name);
    write_texts(w, t->parts, SPAN("\\n\\n"), false);
    json_close(w->out, '}');
    for (const struct part *p = t->parts; p; p = p->next, at++) {
        note_hints(w, p, at);
        if (p->kind != PART_TEXT)
            call_unsayable(w->notes, path(w, at, " a system message is text only"));
    }
}

static bool is_media(const struct part *p) { return p->kind >= PART_IMAGE && p->kind <= PART_DOCUMENT; }

static void write_result(struct turns *w, const struct part *p, size_t at)
{
    open_message(w, SPAN("tool"), SPAN_NONE);
    json_pair_raw(w->out, SPAN("tool_call_id"), p->id);
    write_texts(w, p->content, SPAN("\\n"), false);
    json_close(w->out, '}');
    note_hints(w, p, at);
    if (p->failed)
        call_adapted(w->notes, path(w, at, ".is_error"));
    for (const struct part *c = p->content; c; c = c->next) {
        if (c->cache.at)
            call_adapted(w->notes, SPAN("cache_control"));
        if (c->kind != PART_TEXT && !is_media(c))
            call_unsayable(w->notes, path(w, at, " something that a tool's result cannot hold"));
    }
}

/* Everything that does not fit a `tool` message. */
static void write_user_parts(struct turns *w, const struct turn *t)
{
    size_t at = 0;
    json_name(w->out, SPAN("content"));
    json_open(w->out, '[');
    for (const struct part *p = t->parts; p; p = p->next, at++) {
        if (p->kind != PART_TOOL_RESULT) {
            write_part(w, p, at);
            continue;
        }
        for (const struct part *c = p->content; c; c = c->next) {
            if (!is_media(c))
                continue;
            call_adapted(w->notes, path(w, at, ""));
            write_part(w, c, at);
        }
    }
    json_close(w->out, ']');
}

static void write_user(struct turns *w, const struct turn *t)
{
    size_t at = 0, others = 0, texts = 0;
    for (const struct part *p = t->parts; p; p = p->next, at++) {
        if (p->kind == PART_TOOL_RESULT) {
            write_result(w, p, at);
            for (const struct part *c = p->content; c; c = c->next)
                others += is_media(c);
        } else if (p->kind == PART_TEXT) {
            texts++;
        } else {
            others++;
        }
    }
    if (!others && !texts && part_first(t->parts, PART_TOOL_RESULT))
        return;
    open_message(w, SPAN("user"), t->name);
    if (others || texts > 1) {
        write_user_parts(w, t);
    } else {
        write_texts(w, t->parts, SPAN(""), false);
        for (const struct part *p = t->parts; p; p = p->next)
            note_hints(w, p, 0);
    }
    json_close(w->out, '}');
}

/* --- the assistant --- */

/* A signature that this dialect's vendors gave; an empty one says that they gave none, but that the thought is theirs. */
static struct span own_signature(struct turns *w, struct span signature)
{
    return signature_for(signature, SPAN("openai_chat"), SPAN_NONE, w->arena);
}

/* Thoughts that came from this dialect go back; those of another vendor mean nothing here. */
/* Some refuse what others want back. */
static bool takes_thoughts(const struct turns *w)
{
    for (size_t i = 0; w->quirks && i < w->quirks->unsupported_count; i++)
        if (span_is(w->quirks->unsupported[i], SPAN("messages[].reasoning_content")))
            return false;
    return true;
}

static void write_thoughts(struct turns *w, const struct turn *t)
{
    bool takes = takes_thoughts(w);
    struct part *own = NULL;
    for (const struct part *p = t->parts; p; p = p->next) {
        struct span signature = p->kind == PART_THINKING ? own_signature(w, p->signature) : SPAN_NONE;
        if (p->kind != PART_THINKING)
            continue;
        struct part *copy = takes && signature.at ? part_add(&own, PART_THINKING, w->arena) : NULL;
        if (!copy) {
            call_adapted(w->notes, member_path(w, "thinking"));
            continue;
        }
        copy->text = p->text;
        copy->redacted = p->redacted;
        copy->signature = raw_inside(signature).len ? signature : SPAN_NONE;
    }
    bool seen = false, signed_too = false;
    for (const struct part *p = own; p; p = p->next) {
        seen = seen || raw_inside(p->text).len;
        signed_too = signed_too || p->signature.at;
    }
    if (seen) {
        json_name(w->out, SPAN("reasoning_content"));
        put_joined(w->out->buf, own, PART_THINKING, SPAN(""));
        w->out->comma = true;
    }
    if (signed_too)
        chat_write_details(w->out, own);
}

void chat_write_detail(struct json_out *o, struct span text, struct span signature, bool redacted, int64_t index)
{
    json_open(o, '{');
    json_pair(o, SPAN("type"), redacted ? SPAN("reasoning.encrypted") : SPAN("reasoning.text"));
    if (redacted) {
        json_pair_raw(o, SPAN("data"), signature);
    } else {
        json_pair_raw(o, SPAN("text"), text.at ? text : SPAN("\"\""));
        json_pair_raw(o, SPAN("signature"), signature);
    }
    json_pair_i64(o, SPAN("index"), index);
    json_close(o, '}');
}

void chat_write_details(struct json_out *o, const struct part *parts)
{
    int64_t index = 0;
    json_name(o, SPAN("reasoning_details"));
    json_open(o, '[');
    for (const struct part *p = parts; p; p = p->next)
        if (p->kind == PART_THINKING && (p->signature.at || raw_inside(p->text).len))
            chat_write_detail(o, p->text, p->signature, p->redacted, index++);
    json_close(o, ']');
}

void chat_write_signature(struct json_out *o, struct span signature)
{
    json_name(o, SPAN("extra_content"));
    json_open(o, '{');
    json_name(o, SPAN("google"));
    json_open(o, '{');
    json_pair_raw(o, SPAN("thought_signature"), signature);
    json_close(o, '}');
    json_close(o, '}');
}

void chat_write_tool_call(struct json_out *o, const struct part *p, int64_t index, struct span arguments, struct span signature)
{
    json_open(o, '{');
    if (index >= 0)
        json_pair_i64(o, SPAN("index"), index);
    json_pair_raw(o, SPAN("id"), p->id);
    json_pair(o, SPAN("type"), SPAN("function"));
    json_name(o, SPAN("function"));
    json_open(o, '{');
    json_pair_raw(o, SPAN("name"), p->name);
    json_name(o, SPAN("arguments"));
    if (raw_kind(p->raw) == JSON_STRING) /* what the model wrote is no object: it is told as it was */
        buf_put(o->buf, p->raw);
    else
        put_as_string(o->buf, arguments);
    o->comma = true;
    json_close(o, '}');
    if (signature.at)
        chat_write_signature(o, signature);
    json_close(o, '}');
}

static void write_calls(struct turns *w, const struct turn *t)
{
    if (!part_first(t->parts, PART_TOOL_CALL))
        return;
    json_name(w->out, SPAN("tool_calls"));
    json_open(w->out, '[');
    for (const struct part *p = t->parts; p; p = p->next) {
        if (p->kind != PART_TOOL_CALL)
            continue;
        struct span signature = own_signature(w, p->signature);
        chat_write_tool_call(w->out, p, -1, p->arguments, raw_inside(signature).len ? signature : SPAN_NONE);
        if (p->signature.at && !signature.at)
            call_adapted(w->notes, member_path(w, "thinking"));
    }
    json_close(w->out, ']');
}

/* Of what the assistant said, sounds may be named again by their id; what else it made has no place here. */
static void write_voice(struct turns *w, const struct turn *t)
{
    size_t at = 0;
    for (const struct part *p = t->parts; p; p = p->next, at++) {
        note_hints(w, p, at);
        if (p->citations)
            call_adapted(w->notes, path(w, at, ".citations"));
        if (p->kind == PART_AUDIO && p->id.at) {
            json_name(w->out, SPAN("audio"));
            json_open(w->out, '{');
            json_pair_raw(w->out, SPAN("id"), p->id);
            json_close(w->out, '}');
        } else if (is_media(p)) {
            call_unsayable(w->notes, path(w, at, " what an assistant made cannot be sent back"));
        } else if (p->kind == PART_SERVER_TOOL || p->kind == PART_TOOL_RESULT) {
            call_unsayable(w->notes, path(w, at, " a tool that another vendor ran"));
        }
    }
}

static void write_assistant(struct turns *w, const struct turn *t)
{
    open_message(w, SPAN("assistant"), t->name);
    bool other = part_first(t->parts, PART_TOOL_CALL) || part_first(t->parts, PART_REFUSAL) || part_first(t->parts, PART_AUDIO);
    write_texts(w, t->parts, SPAN(""), other);
    if (part_first(t->parts, PART_REFUSAL)) {
        json_name(w->out, SPAN("refusal"));
        put_joined(w->out->buf, t->parts, PART_REFUSAL, SPAN(""));
        w->out->comma = true;
    }
    write_thoughts(w, t);
    write_voice(w, t);
    write_calls(w, t);
    json_close(w->out, '}');
}

void chat_write_turns(const struct call *c, const struct quirks *q, struct notes *n, struct arena *a, struct json_out *o)
{
    struct turns w = { .call = c, .quirks = q, .notes = n, .arena = a, .out = o };
    json_name(o, SPAN("messages"));
    json_open(o, '[');
    for (const struct turn *t = c->turns; t; t = t->next, w.turn++) {
        if (t->role == ROLE_USER)
            write_user(&w, t);
        else if (t->role == ROLE_ASSISTANT)
            write_assistant(&w, t);
        else
            write_system(&w, t);
    }
    json_close(o, ']');
}
