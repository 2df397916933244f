/* SPDX-License-Identifier: Apache-2.0
 * texts.c - the texts of a request or an answer, by the names that the dialects give to what a model reads and says. All dialects are
 * read alike, so that none of their words is a way around. Names of members, identifiers, enumerations and base64 are no texts. */
#include "guard/guard.h"

#include "base/raw.h"

enum from { FROM_TURNS, FROM_TEXT, FROM_SYSTEM, FROM_TOOLS };

struct walker {
    struct arena *arena;
    struct guard_piece *list;
    size_t count;
    bool answer, unreadable, too_many;
    int turn;
};

/* How strings are taken below a member. */
struct place {
    struct span name; /* of the member, or of the list that an item is in */
    bool prose;       /* texts here are what someone says */
    bool free;        /* a tool's arguments: the names are the caller's own, so that none of them tells anything */
    bool fixed;       /* part of a schema */
};

static const struct {
    const char *name;
    enum from from;
} asked[] = { { "messages", FROM_TURNS }, { "contents", FROM_TURNS }, { "input", FROM_TURNS }, { "chat_history", FROM_TURNS }, { "requests", FROM_TURNS },
    { "prompt", FROM_TEXT }, { "message", FROM_TEXT }, { "query", FROM_TEXT }, { "text", FROM_TEXT }, { "texts", FROM_TEXT }, { "inputs", FROM_TEXT },
    { "documents", FROM_TEXT }, { "passages", FROM_TEXT }, { "negative_prompt", FROM_TEXT }, { "negativePrompt", FROM_TEXT }, { "suffix", FROM_TEXT },
    { "content", FROM_TEXT }, { "prediction", FROM_TEXT }, { "instances", FROM_TEXT }, { "document", FROM_TEXT }, { "item", FROM_TEXT }, { "items", FROM_TEXT },
    { "system", FROM_SYSTEM }, { "instructions", FROM_SYSTEM }, { "systemInstruction", FROM_SYSTEM }, { "system_instruction", FROM_SYSTEM },
    { "preamble", FROM_SYSTEM }, { "session", FROM_SYSTEM }, { "tools", FROM_TOOLS }, { "functions", FROM_TOOLS }, { "toolConfig", FROM_TOOLS },
    { "response_format", FROM_TOOLS }, { "generationConfig", FROM_TOOLS } };

static const struct {
    const char *name;
    enum from from;
} answered[] = { { "choices", FROM_TURNS }, { "candidates", FROM_TURNS }, { "generations", FROM_TURNS }, { "content", FROM_TEXT }, { "output", FROM_TEXT },
    { "output_text", FROM_TEXT }, { "text", FROM_TEXT }, { "message", FROM_TEXT }, { "response", FROM_TEXT }, { "results", FROM_TEXT }, { "data", FROM_TEXT },
    { "segments", FROM_TOOLS }, { "words", FROM_TOOLS }, { "pages", FROM_TEXT }, { "predictions", FROM_TEXT } };

static bool is_one_of(struct span name, const char *const list[])
{
    for (size_t i = 0; list[i]; i++)
        if (span_is(name, span_of(list[i])))
            return true;
    return false;
}

/* Says what something is, not what someone says. */
static bool is_no_text(struct span name)
{
    static const char *const list[] = { "type", "role", "id", "object", "model", "status", "detail", "mime_type", "mimeType", "media_type", "format",
        "finish_reason", "finishReason", "stop_reason", "native_finish_reason", "signature", "thoughtSignature", "thought_signature", "encrypted_content",
        "encrypted_index", "b64_json", "bytesBase64Encoded", "imageBytes", "videoBytes", "file_data", "fileUri", "embedding", "embeddings", "index", "logprobs",
        "cache_control", "ttl", "system_fingerprint", "phase", "voice", "aspectRatio", "responseMimeType", "strict", "effort", NULL };
    return is_one_of(name, list) || span_ends(name, SPAN("_id")) || span_ends(name, SPAN("Id"));
}

static bool is_prose(struct span name)
{
    static const char *const list[] = { "text", "content", "input", "output", "prompt", "message", "query", "texts", "inputs", "documents", "passages",
        "negative_prompt", "negativePrompt", "suffix", "system", "instructions", "preamble", "output_text", "response", "refusal", "transcript", "document",
        "revised_prompt", "markdown", "parts", "title", NULL };
    return is_one_of(name, list);
}

static void add(struct walker *w, const struct place *at, struct span raw)
{
    struct span text = raw_text(raw, w->arena);
    w->unreadable = w->unreadable || !text.at;
    if (!text.len || span_starts(text, SPAN("data:")))
        return;
    w->too_many = w->too_many || w->count == GUARD_PIECES_MOST;
    struct guard_piece *list = w->too_many ? NULL : ARENA_GROW(w->arena, w->list, w->count);
    if (!list)
        return;
    w->list = list;
    list[w->count++] = (struct guard_piece){ .raw = raw,
        .text = text,
        .turn = w->turn,
        .prose = at->prose && !at->free && is_prose(at->name),
        .fixed = at->fixed || (!at->free && span_is(at->name, SPAN("name"))) };
}

/* Of {"type": "base64", "data": ...} the data are no text; of {"type": "text", ...} they are. */
static bool data_is_text(struct span object, struct arena *a)
{
    struct span type = raw_text(raw_member(object, SPAN("type"), a), a);
    struct span media = raw_text(raw_member(object, SPAN("media_type"), a), a), mime = raw_text(raw_member(object, SPAN("mimeType"), a), a);
    if (span_is(type, SPAN("text")) || span_is(type, SPAN("content")))
        return true;
    return !span_is(type, SPAN("base64")) && !media.at && !mime.at && type.at && !span_find(type, SPAN("audio"));
}

static void walk_value(struct walker *w, struct place at, struct span value);

static void walk_object(struct walker *w, struct place at, struct span object)
{
    static const char *const arguments[] = { "input", "args", "arguments", "response", NULL };
    static const char *const schemas[] = { "parameters", "input_schema", "schema", "parametersJsonSchema", "responseSchema", "json_schema", NULL };
    struct raw_iter it = raw_iter(object, w->arena);
    struct span name, value;
    while (raw_next(&it, &name, &value)) {
        enum json_kind kind = raw_kind(value);
        struct place below = at;
        below.name = name;
        if (!at.free && (is_no_text(name) || (span_is(name, SPAN("data")) && kind == JSON_STRING && !data_is_text(object, w->arena))))
            continue;
        below.free = at.free || (kind == JSON_OBJECT && is_one_of(name, arguments));
        below.fixed = at.fixed || (!at.free && is_one_of(name, schemas));
        walk_value(w, below, value);
    }
}

static void walk_value(struct walker *w, struct place at, struct span value)
{
    struct raw_iter it;
    struct span name, item;
    switch (raw_kind(value)) {
    case JSON_STRING: add(w, &at, value); break;
    case JSON_OBJECT: walk_object(w, at, value); break;
    case JSON_ARRAY:
        it = raw_iter(value, w->arena);
        while (raw_next(&it, &name, &item))
            walk_value(w, at, item);
        break;
    default: break;
    }
}

static void walk_turns(struct walker *w, struct place at, struct span value)
{
    struct raw_iter it = raw_iter(value, w->arena);
    struct span name, item;
    int turn = 0;
    if (raw_kind(value) != JSON_ARRAY) {
        w->turn = 0;
        walk_value(w, at, value);
        return;
    }
    while (raw_next(&it, &name, &item)) {
        w->turn = turn++;
        walk_value(w, at, item);
    }
}

static void walk_from(struct walker *w, enum from from, struct span name, struct span raw)
{
    struct place at = { .name = name, .prose = from != FROM_TOOLS };
    w->turn = from == FROM_TEXT ? 0 : -1;
    if (from == FROM_TURNS)
        walk_turns(w, at, raw);
    else
        walk_value(w, at, raw);
}

static bool visit(void *self, struct span name, enum json_kind kind, struct span raw)
{
    struct walker *w = self;
    (void)kind;
    for (size_t i = 0; !w->answer && i < sizeof(asked) / sizeof(asked[0]); i++)
        if (span_is(name, span_of(asked[i].name)))
            walk_from(w, asked[i].from, name, raw);
    for (size_t i = 0; w->answer && i < sizeof(answered) / sizeof(answered[0]); i++)
        if (span_is(name, span_of(answered[i].name)))
            walk_from(w, answered[i].from, name, raw);
    return !w->too_many;
}

enum err guard_texts(struct json *j, struct span body, bool answer, struct arena *a, struct guard_text *out)
{
    struct walker w = { .arena = a, .answer = answer };
    const char *why;
    enum err e = json_scan(j, body, true, visit, &w, &why);
    out->answer = answer;
    out->pieces = w.list;
    out->count = w.count;
    if (a->broken)
        return E_NO_MEMORY;
    return e != E_OK ? e : w.too_many ? E_TOO_LARGE : w.unreadable ? E_BAD_REQUEST : E_OK;
}

/* Pieces stand in the body's order. */
bool guard_splice(struct span body, const struct guard_text *text, const struct guard_result *r, struct buf *out)
{
    const char *at = body.at, *end = body.at + body.len;
    for (size_t i = 0; i < text->count; i++) {
        struct span raw = text->pieces[i].raw;
        struct json_out o = json_out(out);
        if (!r->texts[i].at)
            continue;
        must(raw.at >= at && raw.at + raw.len <= end);
        buf_put(out, span_make(at, (size_t)(raw.at - at)));
        json_put_string(&o, r->texts[i]);
        at = raw.at + raw.len;
    }
    buf_put(out, span_make(at, (size_t)(end - at)));
    return !out->broken;
}
