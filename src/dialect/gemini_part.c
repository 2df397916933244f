/* SPDX-License-Identifier: Apache-2.0
 * gemini_part.c - what calls and answers of Gemini's share: media, why a candidate finished, log probabilities. See gemini.h. */
#include "dialect/gemini.h"

#include <math.h>
#include <stdlib.h>

/* --- media --- */

static bool is_base64_of_urls(struct span data) { return span_find_byte(data, '-') >= 0 || span_find_byte(data, '_') >= 0; }

struct span gemini_base64(struct span raw, struct arena *a)
{
    struct span data = raw_text(raw, a);
    if (!data.at || !is_base64_of_urls(data))
        return data;
    size_t padding = (4 - data.len % 4) % 4;
    char *copy = arena_take(a, data.len + padding + 1);
    if (!copy)
        return SPAN_NONE;
    for (size_t i = 0; i < data.len; i++)
        copy[i] = data.at[i] == '-' ? '+' : data.at[i] == '_' ? '/' : data.at[i];
    memset(copy + data.len, '=', padding);
    return span_make(copy, data.len + padding);
}

static enum part_kind kind_of(struct span type)
{
    if (span_is_nocase(span_first(type, 6), SPAN("image/")))
        return PART_IMAGE;
    if (span_is_nocase(span_first(type, 6), SPAN("audio/")))
        return PART_AUDIO;
    if (span_is_nocase(span_first(type, 6), SPAN("video/")))
        return PART_VIDEO;
    return PART_DOCUMENT;
}

/* A file of Google's own, which no other vendor can read. */
static bool is_own_file(struct span uri)
{
    return span_starts(uri, SPAN("gs://")) || span_starts(uri, SPAN("https://generativelanguage.googleapis.com/")) ||
        !(span_starts(uri, SPAN("https://")) || span_starts(uri, SPAN("http://")));
}

bool gemini_read_media(struct span inline_data, struct span file_data, struct arena *a, gemini_unknown *unknown, void *self,
    enum part_kind *kind, struct media *m)
{
    static const struct span names[] = { { "mimeType", 8 }, { "data", 4 }, { "fileUri", 7 }, { "displayName", 11 }, { NULL, 0 } };
    struct span v[4], from = inline_data.at ? inline_data : file_data;
    if (raw_kind(from) != JSON_OBJECT || !gemini_pick(from, names, v, a, unknown, self))
        return false;
    struct span type = raw_text(v[0], a), uri = raw_text(v[2], a);
    m->type = type.len ? type : SPAN_NONE;
    m->name = raw_kind(v[3]) == JSON_STRING ? v[3] : SPAN_NONE;
    *kind = kind_of(type);
    if (inline_data.at)
        m->data = gemini_base64(v[1], a);
    else if (uri.at && is_own_file(uri))
        m->file_id = v[2];
    else if (uri.at)
        m->url = v[2];
    return m->data.at || m->file_id.at || m->url.at;
}

/* Vertex AI wants a type beside an address: by its ending, where it was not said. */
static struct span type_of_address(struct span url)
{
    static const struct {
        struct span ending, type;
    } known[] = { { { ".png", 4 }, { "image/png", 9 } }, { { ".jpg", 4 }, { "image/jpeg", 10 } }, { { ".jpeg", 5 }, { "image/jpeg", 10 } },
        { { ".webp", 5 }, { "image/webp", 10 } }, { { ".gif", 4 }, { "image/gif", 9 } }, { { ".heic", 5 }, { "image/heic", 10 } },
        { { ".pdf", 4 }, { "application/pdf", 15 } }, { { ".txt", 4 }, { "text/plain", 10 } }, { { ".mp4", 4 }, { "video/mp4", 9 } },
        { { ".mp3", 4 }, { "audio/mp3", 9 } }, { { ".wav", 4 }, { "audio/wav", 9 } } };
    struct span path;
    if (!span_cut(&url, '?', &path))
        path = url;
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (path.len > known[i].ending.len &&
            span_is_nocase(span_from(path, path.len - known[i].ending.len), known[i].ending))
            return known[i].type;
    return SPAN_NONE;
}

static struct span default_type(enum part_kind kind)
{
    return kind == PART_IMAGE ? SPAN("image/jpeg") : kind == PART_AUDIO ? SPAN("audio/wav") : kind == PART_VIDEO ? SPAN("video/mp4")
                                                                                                              : SPAN("application/pdf");
}

/* As it came: an escaped slash stays one. */
static void put_data(struct json_out *o, struct span data)
{
    json_pair_raw(o, SPAN("data"), SPAN("\""));
    buf_put(o->buf, data);
    buf_put_byte(o->buf, '"');
}

bool gemini_write_media(struct json_out *o, const struct part *p, struct arena *a)
{
    const struct media *m = &p->media;
    struct span uri = m->url.at ? m->url : m->file_id, plain = raw_text(uri, a), type = m->type;
    if (!m->data.at && (!plain.at || (m->file_id.at && !m->url.at && !span_starts(plain, SPAN("gs://")) && !span_starts(plain, SPAN("https://")))))
        return false;
    json_name(o, m->data.at ? SPAN("inlineData") : SPAN("fileData"));
    json_open(o, '{');
    if (!type.at && !m->data.at)
        type = type_of_address(plain);
    json_pair(o, SPAN("mimeType"), type.at ? type : default_type(p->kind));
    if (m->data.at)
        put_data(o, m->data);
    else
        json_pair_raw(o, SPAN("fileUri"), uri);
    json_close(o, '}');
    return true;
}

struct span gemini_server_tool(struct span part, struct arena *a)
{
    static const struct span kinds[] = { { "executableCode", 14 }, { "codeExecutionResult", 19 }, { "toolCall", 8 }, { "toolResponse", 12 } };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (gemini_member(part, kinds[i], a).at)
            return kinds[i];
    return SPAN_NONE;
}

/* --- endings --- */

static const struct {
    struct span reason;
    enum ending ending;
} endings[] = {
    { { "STOP", 4 }, ENDING_TURN },
    { { "FINISH_REASON_UNSPECIFIED", 25 }, ENDING_TURN },
    { { "MAX_TOKENS", 10 }, ENDING_LENGTH },
    { { "CONTINUATION", 12 }, ENDING_PAUSE },
    { { "MALFORMED_FUNCTION_CALL", 23 }, ENDING_MALFORMED },
    { { "UNEXPECTED_TOOL_CALL", 20 }, ENDING_MALFORMED },
    { { "TOO_MANY_TOOL_CALLS", 19 }, ENDING_MALFORMED },
    { { "SAFETY", 6 }, ENDING_FILTER },
};

/* Reasons not listed (RECITATION, SPII, LANGUAGE, OTHER, ...) all say that something was held back. */
enum ending gemini_ending(struct span reason, bool calls)
{
    enum ending e = ENDING_FILTER;
    for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++)
        if (raw_is(reason, endings[i].reason))
            e = endings[i].ending;
    return e == ENDING_TURN && calls ? ENDING_TOOLS : e;
}

struct span gemini_reason(enum ending e)
{
    switch (e) {
    case ENDING_LENGTH:
    case ENDING_CONTEXT:
        return SPAN("MAX_TOKENS");
    case ENDING_FILTER:
    case ENDING_REFUSAL:
        return SPAN("SAFETY");
    case ENDING_MALFORMED:
        return SPAN("MALFORMED_FUNCTION_CALL");
    case ENDING_NONE:
    case ENDING_TURN:
    case ENDING_STOP:
    case ENDING_TOOLS:
    case ENDING_PAUSE:
        break;
    }
    return SPAN("STOP");
}

/* --- log probabilities --- */

enum { LOGPROBS_MOST = 16 << 20 };

static void put_token(struct json_out *o, struct span candidate, struct arena *a)
{
    struct span token = raw_member(candidate, SPAN("token"), a), value = raw_member(candidate, SPAN("logProbability"), a);
    json_pair_raw(o, SPAN("token"), token.at ? token : SPAN("\"\""));
    json_pair_raw(o, SPAN("logprob"), raw_kind(value) == JSON_NUMBER ? value : SPAN("0"));
    json_pair_raw(o, SPAN("bytes"), SPAN_NONE);
}

static void put_top(struct json_out *o, struct span top, struct arena *a)
{
    struct raw_iter it = raw_iter(raw_member(top, SPAN("candidates"), a), a);
    struct span name, candidate;
    json_name(o, SPAN("top_logprobs"));
    json_open(o, '[');
    while (!it.object && raw_next(&it, &name, &candidate)) {
        json_open(o, '{');
        put_token(o, candidate, a);
        json_close(o, '}');
    }
    json_close(o, ']');
}

struct span gemini_logprobs(struct span result, struct arena *a)
{
    struct raw_iter chosen = raw_iter(raw_member(result, SPAN("chosenCandidates"), a), a);
    struct raw_iter tops = raw_iter(raw_member(result, SPAN("topCandidates"), a), a);
    struct span name, candidate, top;
    struct buf text;
    if (!chosen.at || chosen.object)
        return SPAN_NONE;
    buf_init(&text, LOGPROBS_MOST);
    struct json_out o = json_out(&text);
    json_open(&o, '[');
    while (raw_next(&chosen, &name, &candidate)) {
        if (tops.object || !raw_next(&tops, &name, &top))
            top = SPAN_NONE;
        json_open(&o, '{');
        put_token(&o, candidate, a);
        put_top(&o, top, a);
        json_close(&o, '}');
    }
    json_close(&o, ']');
    struct span copy = text.broken ? SPAN_NONE : arena_copy(a, buf_span(&text));
    buf_free(&text);
    return copy;
}

static void put_candidate(struct json_out *o, struct span entry, struct arena *a)
{
    json_open(o, '{');
    json_pair_raw(o, SPAN("token"), raw_member(entry, SPAN("token"), a));
    json_pair_raw(o, SPAN("logProbability"), raw_member(entry, SPAN("logprob"), a));
    json_close(o, '}');
}

static double number_of(struct span raw)
{
    char text[64];
    if (raw_kind(raw) != JSON_NUMBER || raw.len >= sizeof(text))
        return 0;
    memcpy(text, raw.at, raw.len);
    text[raw.len] = 0;
    return strtod(text, NULL);
}

static void put_average(struct json_out *o, struct span logprobs, struct arena *a)
{
    struct raw_iter it = raw_iter(logprobs, a);
    struct span name, entry;
    double sum = 0;
    int64_t count = 0;
    for (; raw_next(&it, &name, &entry); count++)
        sum += number_of(raw_member(entry, SPAN("logprob"), a));
    if (count == 0 || !isfinite(sum))
        return;
    json_name(o, SPAN("avgLogprobs"));
    json_put_raw(o, arena_print(a, "%.17g", sum / (double)count));
}

void gemini_write_logprobs(struct json_out *o, struct span logprobs, struct arena *a)
{
    struct span name, entry, top;
    if (raw_kind(logprobs) != JSON_ARRAY)
        return;
    put_average(o, logprobs, a);
    json_name(o, SPAN("logprobsResult"));
    json_open(o, '{');
    json_name(o, SPAN("chosenCandidates"));
    json_open(o, '[');
    for (struct raw_iter it = raw_iter(logprobs, a); raw_next(&it, &name, &entry);)
        put_candidate(o, entry, a);
    json_close(o, ']');
    json_name(o, SPAN("topCandidates"));
    json_open(o, '[');
    for (struct raw_iter it = raw_iter(logprobs, a); raw_next(&it, &name, &entry);) {
        json_open(o, '{');
        json_name(o, SPAN("candidates"));
        json_open(o, '[');
        for (struct raw_iter tops = raw_iter(raw_member(entry, SPAN("top_logprobs"), a), a); raw_next(&tops, &name, &top);)
            put_candidate(o, top, a);
        json_close(o, ']');
        json_close(o, '}');
    }
    json_close(o, ']');
    json_close(o, '}');
}
