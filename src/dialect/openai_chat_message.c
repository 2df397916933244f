/* SPDX-License-Identifier: Apache-2.0
 * openai_chat_message.c - reads messages: those of a request, and the one of an answer.
 *
 * Beside OpenAI's own words it understands those that its imitators made common: thoughts as `reasoning_content` or `reasoning` (with
 * signatures in `reasoning_details`), as parts of the content (Mistral), as `thinking_blocks`; pictures that a model made as `images`;
 * Google's signatures in `extra_content`; Anthropic's `cache_control` on parts. */
#include "dialect/openai_chat_int.h"

/* --- content parts --- */

static void read_place(struct chat_reading *r, struct span url, struct part *p)
{
    url = chat_string(r, url, "the address of a part must be a string");
    if (!media_data_url(url, &p->media))
        p->media.url = url;
}

/* {"url": "...", "detail": "low"}, or, at some, the address alone. */
static void read_address(struct chat_reading *r, struct span raw, struct part *p, const struct chat_place *at)
{
    struct member m[] = { { .name = SPAN("url") }, { .name = SPAN("detail") }, { .name = SPAN("format") } };
    if (raw_kind(raw) == JSON_STRING) {
        read_place(r, raw, p);
        return;
    }
    if (raw_kind(raw) != JSON_OBJECT) {
        chat_refuse(r, "image_url must be an object with a url");
        return;
    }
    chat_members(r, raw, m, 3, at);
    if (!m[0].raw.at)
        chat_refuse(r, "image_url must be an object with a url");
    read_place(r, m[0].raw, p);
    p->media.detail = raw_text(chat_string(r, m[1].raw, "detail must be a string"), r->arena);
    if (m[2].kind == JSON_STRING && !p->media.type.at)
        p->media.type = raw_text(m[2].raw, r->arena);
}

static struct span sound_type(struct span format, struct arena *a)
{
    static const struct {
        struct span format, type;
    } known[] = { { { "wav", 3 }, { "audio/wav", 9 } }, { { "mp3", 3 }, { "audio/mpeg", 10 } } };
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (span_is(known[i].format, format))
            return known[i].type;
    return format.len ? arena_print(a, "audio/%.*s", SPAN_ARG(format)) : SPAN_NONE;
}

static void read_sound(struct chat_reading *r, struct span raw, struct part *p, const struct chat_place *at)
{
    struct member m[] = { { .name = SPAN("data") }, { .name = SPAN("format") } };
    chat_members(r, raw, m, 2, at);
    if (m[0].kind != JSON_STRING) {
        chat_refuse(r, "input_audio must be an object with data and format");
        return;
    }
    if (!media_data_url(m[0].raw, &p->media))
        p->media.data = raw_inside(m[0].raw);
    struct span format = raw_text(chat_string(r, m[1].raw, "format must be a string"), r->arena);
    if (format.len)
        p->media.type = sound_type(format, r->arena);
}

static enum part_kind kind_of_type(struct span type)
{
    return span_starts(type, SPAN("image/")) ? PART_IMAGE : span_starts(type, SPAN("audio/")) ? PART_AUDIO :
        span_starts(type, SPAN("video/")) ? PART_VIDEO : PART_DOCUMENT;
}

static void read_file(struct chat_reading *r, struct span raw, struct part *p, const struct chat_place *at)
{
    struct member m[] = { { .name = SPAN("file_data") }, { .name = SPAN("file_id") }, { .name = SPAN("filename") },
        { .name = SPAN("format") } };
    chat_members(r, raw, m, 4, at);
    struct span data = chat_string(r, m[0].raw, "file_data must be a string"), inside = raw_inside(data);
    p->media.file_id = chat_string(r, m[1].raw, "file_id must be a string");
    p->media.name = chat_string(r, m[2].raw, "filename must be a string");
    if (!data.at && !p->media.file_id.at)
        chat_refuse(r, "file must be an object with file_data or file_id");
    if (span_starts(inside, SPAN("http://")) || span_starts(inside, SPAN("https://")) || span_starts(inside, SPAN("https:\\/\\/")))
        p->media.url = data;
    else if (data.at && !media_data_url(data, &p->media))
        p->media.data = inside;
    if (!p->media.type.at && span_ends(raw_inside(p->media.name), SPAN(".pdf")))
        p->media.type = SPAN("application/pdf");
    p->kind = kind_of_type(p->media.type);
}

/* A thought as a text, or as Mistral's list of texts. */
static void read_thought(struct chat_reading *r, struct span raw, struct part *p)
{
    struct part *texts = NULL;
    struct span name, item;
    if (raw_kind(raw) == JSON_STRING || !raw.at) {
        p->text = raw.at ? raw : SPAN("\"\"");
        return;
    }
    for (struct raw_iter it = raw_iter(raw, r->arena); raw_next(&it, &name, &item);) {
        struct part *t = part_add(&texts, PART_TEXT, r->arena);
        if (t)
            t->text = chat_string(r, raw_member(item, SPAN("text"), r->arena), "the text of a thought must be a string");
    }
    if (texts && !texts->next) {
        p->text = texts->text;
        return;
    }
    struct buf joined;
    buf_init(&joined, raw.len + 16);
    put_joined(&joined, texts, PART_TEXT, SPAN(""));
    p->text = arena_copy(r->arena, buf_span(&joined));
    buf_free(&joined);
}

enum { P_TYPE, P_TEXT, P_IMAGE, P_VIDEO, P_SOUND, P_FILE, P_REFUSAL, P_THINKING, P_SIGNATURE, P_DATA, P_CACHE, P_BREAKPOINT, P_CLOSED, P_COUNT };

static void read_kind(struct chat_reading *r, const struct member *m, struct part *p, const struct chat_place *at)
{
    switch (p->kind) {
    case PART_TEXT:
        p->text = m[P_TEXT].raw;
        break;
    case PART_REFUSAL:
        p->text = m[P_REFUSAL].raw;
        break;
    case PART_IMAGE:
    case PART_VIDEO:
        read_address(r, p->kind == PART_IMAGE ? m[P_IMAGE].raw : m[P_VIDEO].raw, p, at);
        break;
    case PART_AUDIO:
        read_sound(r, m[P_SOUND].raw, p, at);
        break;
    case PART_DOCUMENT:
        read_file(r, m[P_FILE].raw, p, at);
        break;
    default: /* THINKING: the only other one that has a type here */
        p->signature = chat_string(r, p->redacted ? m[P_DATA].raw : m[P_SIGNATURE].raw, "a signature must be a string");
        read_thought(r, m[P_THINKING].raw, p);
    }
    if ((p->kind == PART_TEXT || p->kind == PART_REFUSAL) && raw_kind(p->text) != JSON_STRING)
        chat_refuse(r, "the text of a part must be a string");
    if (p->kind == PART_REFUSAL)
        return;
    p->cache = m[P_CACHE].raw;
    if (m[P_BREAKPOINT].raw.at)
        p->cache = SPAN("{\"type\":\"ephemeral\"}");
}

static bool kind_of(struct span type, enum part_kind *kind)
{
    static const struct {
        struct span type;
        enum part_kind kind;
    } known[] = { { { "text", 4 }, PART_TEXT }, { { "image_url", 9 }, PART_IMAGE }, { { "input_audio", 11 }, PART_AUDIO },
        { { "file", 4 }, PART_DOCUMENT }, { { "refusal", 7 }, PART_REFUSAL }, { { "video_url", 9 }, PART_VIDEO },
        { { "thinking", 8 }, PART_THINKING }, { { "redacted_thinking", 17 }, PART_THINKING } };
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
        if (!span_is(known[i].type, type))
            continue;
        *kind = known[i].kind;
        return true;
    }
    return false;
}

static void read_part(struct chat_reading *r, struct span raw, const struct chat_place *at, struct part **list)
{
    struct member m[P_COUNT] = { { .name = SPAN("type") }, { .name = SPAN("text") }, { .name = SPAN("image_url") },
        { .name = SPAN("video_url") }, { .name = SPAN("input_audio") }, { .name = SPAN("file") }, { .name = SPAN("refusal") },
        { .name = SPAN("thinking") }, { .name = SPAN("signature") }, { .name = SPAN("data") }, { .name = SPAN("cache_control") },
        { .name = SPAN("prompt_cache_breakpoint") }, { .name = SPAN("closed") } };
    enum part_kind kind;
    if (raw_kind(raw) != JSON_OBJECT) {
        chat_refuse(r, "a part of a message's content must be an object");
        return;
    }
    struct span type = raw_text(raw_member(raw, SPAN("type"), r->arena), r->arena);
    if (!type.at)
        chat_refuse(r, "a part of a message's content has no type");
    if (!kind_of(type, &kind)) {
        if (r->call)
            call_rest(r->call, chat_path(at, SPAN_NONE, r->arena), raw, r->arena);
        return;
    }
    struct part *p = part_add(list, kind, r->arena);
    if (!p)
        return;
    p->redacted = span_is(type, SPAN("redacted_thinking"));
    chat_members(r, raw, m, P_COUNT, at);
    read_kind(r, m, p, at);
}

static void read_list(struct chat_reading *r, struct span raw, int64_t index, const char *name, struct part **list)
{
    struct chat_place at = { index, name, 0 };
    struct span no, item;
    for (struct raw_iter it = raw_iter(raw, r->arena); raw_next(&it, &no, &item); at.item++)
        read_part(r, item, &at, list);
}

/* A text, a list of parts, or nothing. An empty text is one, too: it may be all that was said. */
static void read_content(struct chat_reading *r, struct span raw, int64_t index, struct part **list)
{
    struct part *p;
    switch (raw_kind(raw)) {
    case JSON_STRING:
        if ((p = part_add(list, PART_TEXT, r->arena)))
            p->text = raw;
        return;
    case JSON_ARRAY:
        read_list(r, raw, index, "content", list);
        return;
    case JSON_NONE:
        return;
    default:
        chat_refuse(r, "a message's content must be a string or an array of parts");
    }
}

/* --- the assistant --- */

struct span chat_signature_in(struct span extra_content, struct arena *a)
{
    struct span google = raw_member(extra_content, SPAN("google"), a);
    struct span signature = raw_member(google, SPAN("thought_signature"), a);
    return raw_kind(signature) == JSON_STRING ? signature : SPAN_NONE;
}

/* An answer's signatures are marked as this vendor's on their way to callers who speak otherwise. */
static struct span marked(struct chat_reading *r, struct span signature)
{
    return r->reader && signature.at ? reader_signature(r->reader, signature) : signature;
}

/* {"arguments": "{...}"}: JSON in a string, at some an object. */
static void read_arguments(struct chat_reading *r, struct span raw, struct part *p)
{
    p->arguments = raw_kind(raw) == JSON_OBJECT ? raw : raw.at ? arguments_from_string(r->json, raw, r->arena) : SPAN("{}");
    if (p->arguments.at)
        return;
    if (!r->reader)
        chat_refuse(r, "the arguments of a tool call must be a JSON object in a string");
    p->arguments = SPAN("{}");
    p->raw = raw;
}

static void read_function(struct chat_reading *r, struct span raw, struct part *p, const struct chat_place *at)
{
    struct member m[] = { { .name = SPAN("name") }, { .name = SPAN("arguments") } };
    chat_members(r, raw, m, 2, at);
    p->name = m[0].raw;
    if (m[0].kind != JSON_STRING)
        chat_refuse(r, "a tool call must name its function");
    read_arguments(r, m[1].raw, p);
}

static void read_tool_call(struct chat_reading *r, struct span raw, const struct chat_place *at, struct part **list)
{
    struct member m[] = { { .name = SPAN("id") }, { .name = SPAN("type") }, { .name = SPAN("function") }, { .name = SPAN("index") },
        { .name = SPAN("extra_content") }, { .name = SPAN("cache_control") } };
    struct span function = raw_member(raw, SPAN("function"), r->arena);
    if (raw_kind(function) != JSON_OBJECT) {
        if (raw_kind(raw) != JSON_OBJECT)
            chat_refuse(r, "a tool call must be an object");
        else if (r->call) /* of a tool of another kind */
            call_rest(r->call, chat_path(at, SPAN_NONE, r->arena), raw, r->arena);
        return;
    }
    struct part *p = part_add(list, PART_TOOL_CALL, r->arena);
    if (!p)
        return;
    chat_members(r, raw, m, 6, at);
    p->id = chat_string(r, m[0].raw, "the id of a tool call must be a string");
    if (raw_inside(p->id).len == 0)
        p->id = made_up_id("call_", r->seed, r->made++, r->arena);
    p->signature = marked(r, chat_signature_in(m[4].raw, r->arena));
    p->cache = m[5].raw;
    read_function(r, function, p, at);
}

static void read_tool_calls(struct chat_reading *r, struct span raw, int64_t index, struct part **list)
{
    struct chat_place at = { index, "tool_calls", 0 };
    struct span name, item;
    if (raw.at && raw_kind(raw) != JSON_ARRAY)
        chat_refuse(r, "tool_calls must be an array");
    for (struct raw_iter it = raw_iter(raw, r->arena); raw_next(&it, &name, &item); at.item++)
        read_tool_call(r, item, &at, list);
}

/* The old way: one call, without an id. */
static void read_old_call(struct chat_reading *r, struct span raw, int64_t index, struct part **list)
{
    struct chat_place at = { index, NULL, 0 };
    struct part *p = raw.at ? part_add(list, PART_TOOL_CALL, r->arena) : NULL;
    if (!p)
        return;
    p->id = r->last_call = made_up_id("call_", r->seed, r->made++, r->arena);
    read_function(r, raw, p, &at);
}

/* OpenRouter's list; each may be a text, a summary, or what may not be seen. */
static bool read_details(struct chat_reading *r, struct span raw, struct part **list)
{
    bool text = false;
    struct span name, item;
    for (struct raw_iter it = raw_iter(raw, r->arena); raw_next(&it, &name, &item);) {
        struct span data = raw_member(item, SPAN("data"), r->arena), said = raw_member(item, SPAN("text"), r->arena);
        struct part *p = part_add(list, PART_THINKING, r->arena);
        if (!p)
            return text;
        p->redacted = raw_kind(data) == JSON_STRING;
        if (raw_kind(said) != JSON_STRING)
            said = raw_member(item, SPAN("summary"), r->arena);
        p->text = raw_kind(said) == JSON_STRING ? said : SPAN("\"\"");
        text = text || p->text.len > 2;
        p->signature = p->redacted ? data : raw_member(item, SPAN("signature"), r->arena);
        if (raw_kind(p->signature) != JSON_STRING)
            p->signature = SPAN_NONE;
    }
    return text;
}

/* The same thought may stand in the list and in a text of its own: where the list has signatures only, the text belongs to it. */
static void read_thoughts(struct chat_reading *r, const struct member *text, const struct member *details, struct part **list)
{
    struct part *first = NULL;
    bool said = raw_kind(details->raw) == JSON_ARRAY && read_details(r, details->raw, &first);
    if (!said && text->kind == JSON_STRING && text->raw.len > 2) {
        struct part *p = first;
        while (p && p->redacted)
            p = p->next;
        if (!p)
            p = part_add(&first, PART_THINKING, r->arena);
        if (p)
            p->text = text->raw;
    }
    if (!first)
        return;
    if (*list) {
        (*list)->last->next = first;
        (*list)->last = first->last;
    } else {
        *list = first;
    }
}

/* Marked even where a vendor signs nothing: so whoever gets it back knows whose thought it was (signature.h). */
static void mark_thoughts(struct chat_reading *r, struct part *parts)
{
    for (struct part *p = parts; r->reader && p; p = p->next)
        if (p->kind == PART_THINKING && (p->signature.at || r->reader->owner.at))
            p->signature = marked(r, p->signature.at ? p->signature : SPAN("\"\""));
}

static void read_citation(struct chat_reading *r, struct span raw, struct citation **end)
{
    struct span at = raw_member(raw, SPAN("url_citation"), r->arena);
    struct citation *c = raw_kind(at) == JSON_OBJECT ? ARENA_NEW(r->arena, struct citation) : NULL;
    if (!c)
        return;
    c->url = raw_member(at, SPAN("url"), r->arena);
    c->title = raw_member(at, SPAN("title"), r->arena);
    c->quote = raw_member(at, SPAN("content"), r->arena);
    c->raw = raw;
    if (!json_raw_integer(raw_member(at, SPAN("start_index"), r->arena), &c->from))
        c->from = -1;
    if (!json_raw_integer(raw_member(at, SPAN("end_index"), r->arena), &c->to))
        c->to = -1;
    struct span *const texts[] = { &c->url, &c->title, &c->quote };
    for (size_t i = 0; i < 3; i++)
        if (raw_kind(*texts[i]) != JSON_STRING)
            *texts[i] = SPAN_NONE;
    *end = c;
}

void chat_read_annotations(struct chat_reading *r, struct span raw, struct part *text)
{
    struct citation **end = &text->citations;
    struct span name, item;
    for (struct raw_iter it = raw_iter(raw, r->arena); raw_next(&it, &name, &item);) {
        while (*end)
            end = &(*end)->next;
        read_citation(r, item, end);
    }
}

/* What was said aloud: in an answer, with its sound; in a request, by its id alone. */
static void read_voice(struct chat_reading *r, struct span raw, struct part **list)
{
    struct part *p = raw_kind(raw) == JSON_OBJECT ? part_add(list, PART_AUDIO, r->arena) : NULL;
    if (!p)
        return;
    p->id = raw_member(raw, SPAN("id"), r->arena);
    p->text = raw_member(raw, SPAN("transcript"), r->arena);
    p->media.data = raw_inside(raw_member(raw, SPAN("data"), r->arena));
}

enum { A_ROLE, A_CONTENT, A_NAME, A_CALLS, A_OLD, A_REFUSAL, A_VOICE, A_THOUGHT, A_REASONING, A_DETAILS, A_BLOCKS, A_ANNOTATIONS, A_IMAGES,
    A_EXTRA, A_CACHE, A_PARSED, A_COUNT };

void chat_read_assistant(struct chat_reading *r, struct span raw, int64_t index, struct part **parts, struct span *name)
{
    struct member m[A_COUNT] = { { .name = SPAN("role") }, { .name = SPAN("content") }, { .name = SPAN("name") },
        { .name = SPAN("tool_calls") }, { .name = SPAN("function_call") }, { .name = SPAN("refusal") }, { .name = SPAN("audio") },
        { .name = SPAN("reasoning_content") }, { .name = SPAN("reasoning") }, { .name = SPAN("reasoning_details") },
        { .name = SPAN("thinking_blocks") }, { .name = SPAN("annotations") }, { .name = SPAN("images") },
        { .name = SPAN("extra_content") }, { .name = SPAN("cache_control") }, { .name = SPAN("parsed") } };
    struct chat_place at = { index, NULL, 0 };
    chat_members(r, raw, m, A_COUNT, &at);
    *name = m[A_NAME].raw;
    if (m[A_BLOCKS].kind == JSON_ARRAY)
        read_list(r, m[A_BLOCKS].raw, index, "thinking_blocks", parts);
    else
        read_thoughts(r, m[A_THOUGHT].kind == JSON_STRING ? &m[A_THOUGHT] : &m[A_REASONING], &m[A_DETAILS], parts);
    /* An empty text beside something else says nothing. */
    bool more = m[A_CALLS].raw.len > 2 || m[A_OLD].raw.at || m[A_REFUSAL].raw.at || m[A_VOICE].raw.at || m[A_IMAGES].raw.at;
    if (!more || m[A_CONTENT].kind != JSON_STRING || m[A_CONTENT].raw.len > 2)
        read_content(r, m[A_CONTENT].raw, index, parts);
    mark_thoughts(r, *parts);
    struct part *text = *parts;
    while (text && text->kind != PART_TEXT)
        text = text->next;
    if (text) {
        text->signature = marked(r, chat_signature_in(m[A_EXTRA].raw, r->arena));
        chat_read_annotations(r, m[A_ANNOTATIONS].raw, text);
        if (m[A_CACHE].raw.at)
            text->cache = m[A_CACHE].raw;
    }
    if (m[A_REFUSAL].kind == JSON_STRING && (text = part_add(parts, PART_REFUSAL, r->arena)))
        text->text = m[A_REFUSAL].raw;
    read_list(r, m[A_IMAGES].raw, index, "images", parts);
    read_voice(r, m[A_VOICE].raw, parts);
    read_tool_calls(r, m[A_CALLS].raw, index, parts);
    read_old_call(r, m[A_OLD].raw, index, parts);
}

/* --- the others --- */

/* What came of calls: those that follow each other are one turn. */
static void read_result(struct chat_reading *r, struct span raw, int64_t index, bool old)
{
    struct member m[] = { { .name = SPAN("role") }, { .name = SPAN("content") }, { .name = SPAN("tool_call_id") }, { .name = SPAN("name") },
        { .name = SPAN("cache_control") } };
    struct chat_place at = { index, NULL, 0 };
    struct turn *t = r->call->last_turn;
    if (!t || t->role != ROLE_USER || !t->parts || t->parts->last->kind != PART_TOOL_RESULT)
        t = call_turn(r->call, ROLE_USER, r->arena);
    struct part *p = t ? part_add(&t->parts, PART_TOOL_RESULT, r->arena) : NULL;
    if (!p)
        return;
    chat_members(r, raw, m, 5, &at);
    p->id = chat_string(r, old ? r->last_call : m[2].raw, "tool_call_id must be a string");
    p->name = chat_string(r, m[3].raw, "name must be a string");
    p->cache = m[4].raw;
    if (!p->id.at)
        chat_refuse(r, old ? "a function message answers no function_call" : "a tool message has no tool_call_id");
    read_content(r, m[1].raw, index, &p->content);
}

static void read_other(struct chat_reading *r, struct span raw, int64_t index, enum role role)
{
    struct member m[] = { { .name = SPAN("role") }, { .name = SPAN("content") }, { .name = SPAN("name") }, { .name = SPAN("cache_control") } };
    struct chat_place at = { index, NULL, 0 };
    struct turn *t = call_turn(r->call, role, r->arena);
    if (!t)
        return;
    chat_members(r, raw, m, 4, &at);
    if (!m[1].raw.at)
        chat_refuse(r, "a message has no content");
    t->name = chat_string(r, m[2].raw, "name must be a string");
    read_content(r, m[1].raw, index, &t->parts);
    if (t->parts && m[3].raw.at)
        t->parts->last->cache = m[3].raw;
}

void chat_read_message(struct chat_reading *r, struct span raw, int64_t index)
{
    struct span role = raw_text(raw_member(raw, SPAN("role"), r->arena), r->arena), name;
    if (span_is(role, SPAN("user"))) {
        read_other(r, raw, index, ROLE_USER);
    } else if (span_is(role, SPAN("assistant"))) {
        struct turn *t = call_turn(r->call, ROLE_ASSISTANT, r->arena);
        if (!t)
            return;
        chat_read_assistant(r, raw, index, &t->parts, &name);
        t->name = chat_string(r, name, "name must be a string");
    } else if (span_is(role, SPAN("tool")) || span_is(role, SPAN("function"))) {
        read_result(r, raw, index, span_is(role, SPAN("function")));
    } else if (span_is(role, SPAN("system"))) {
        read_other(r, raw, index, ROLE_SYSTEM);
    } else if (span_is(role, SPAN("developer"))) {
        read_other(r, raw, index, ROLE_DEVELOPER);
    } else {
        chat_refuse(r, "a message's role must be system, developer, user, assistant, tool or function");
    }
}
