/* SPDX-License-Identifier: Apache-2.0
 * gemini_citation.c - Google's groundingMetadata and citationMetadata, and citations. See gemini.h.
 *
 * Google counts bytes of a part's text, we count characters. Its supports point to several sources each: a citation for every pair. */
#include "dialect/gemini.h"

enum { CHUNKS_MOST = 4096 };

/* --- places in a text --- */

/* Characters in the first `bytes` of a text; -1: it is shorter. */
static int64_t characters(struct span text, int64_t bytes)
{
    int64_t n = 0;
    if (bytes < 0 || (uint64_t)bytes > text.len)
        return -1;
    for (int64_t i = 0; i < bytes; i++)
        n += ((unsigned char)text.at[i] & 0xc0) != 0x80;
    return n;
}

/* Bytes of the first n characters; -1: it is shorter. */
static int64_t bytes_of(struct span text, int64_t n)
{
    size_t at = 0;
    for (; n > 0 && at < text.len; n--) {
        at++;
        while (at < text.len && ((unsigned char)text.at[at] & 0xc0) == 0x80)
            at++;
    }
    return n == 0 ? (int64_t)at : -1;
}

static int64_t integer(struct span raw, int64_t otherwise)
{
    int64_t n;
    return raw_kind(raw) == JSON_NUMBER && json_raw_integer(raw, &n) ? n : otherwise;
}

/* Escapes of characters beyond ASCII included. */
bool gemini_is_ascii(struct span raw)
{
    for (size_t i = 0; i < raw.len; i++) {
        if ((unsigned char)raw.at[i] >= 0x80)
            return false;
        if (raw.at[i] == '\\' && i + 4 < raw.len && raw.at[i + 1] == 'u' && (raw.at[i + 2] != '0' || raw.at[i + 3] != '0' || raw.at[i + 4] > '7'))
            return false;
    }
    return true;
}

/* --- read --- */

struct citer {
    gemini_text_of *text_of;
    bool ascii;
    gemini_cite *cite;
    void *self;
    struct arena *arena;
};

static struct span string_or_none(struct span raw) { return raw_kind(raw) == JSON_STRING ? raw : SPAN_NONE; }

static void place(const struct citer *c, struct citation *out, int64_t part, struct span start, struct span end)
{
    struct span text = raw_text(c->text_of ? c->text_of(c->self, part) : SPAN_NONE, c->arena);
    out->from = out->to = -1;
    if (!end.at || (!text.at && !c->ascii))
        return;
    out->from = text.at ? characters(text, integer(start, 0)) : integer(start, 0);
    out->to = text.at ? characters(text, integer(end, -1)) : integer(end, -1);
    if (out->from < 0 || out->to < out->from)
        out->from = out->to = -1;
}

/* web, image, retrievedContext, maps: each has an address and a title. */
static void describe(struct span chunk, struct citation *out, struct arena *a)
{
    struct raw_iter it = raw_iter(chunk, a);
    struct span name, source;
    out->raw = chunk;
    while (it.object && raw_next(&it, &name, &source)) {
        struct span url = raw_member(source, SPAN("uri"), a);
        out->url = string_or_none(url.at ? url : raw_member(source, SPAN("sourceUri"), a));
        out->title = string_or_none(raw_member(source, SPAN("title"), a));
    }
}

static bool chunk_at(struct span chunks, int64_t index, struct span *out, struct arena *a)
{
    struct raw_iter it = raw_iter(chunks, a);
    struct span name;
    while (!it.object && raw_next(&it, &name, out))
        if (index-- == 0)
            return true;
    return false;
}

static void read_support(const struct citer *c, struct span support, struct span chunks)
{
    struct span segment = raw_member(support, SPAN("segment"), c->arena), name, index, chunk;
    struct span said = raw_member(segment, SPAN("partIndex"), c->arena);
    int64_t part = integer(said, -1);
    struct raw_iter it = raw_iter(raw_member(support, SPAN("groundingChunkIndices"), c->arena), c->arena);
    while (!it.object && raw_next(&it, &name, &index)) {
        struct citation out = { .from = -1, .to = -1 };
        if (!chunk_at(chunks, integer(index, CHUNKS_MOST), &chunk, c->arena))
            continue;
        describe(chunk, &out, c->arena);
        out.quote = string_or_none(raw_member(segment, SPAN("text"), c->arena));
        place(c, &out, part, raw_member(segment, SPAN("startIndex"), c->arena), raw_member(segment, SPAN("endIndex"), c->arena));
        c->cite(c->self, part, &out);
    }
}

/* Sources that no support points to are cited by themselves where there are no supports at all. */
static void read_grounding(const struct citer *c, struct span grounding)
{
    struct span chunks = raw_member(grounding, SPAN("groundingChunks"), c->arena), name, item;
    struct span supports = raw_member(grounding, SPAN("groundingSupports"), c->arena);
    bool supported = false;
    for (struct raw_iter it = raw_iter(supports, c->arena); !it.object && raw_next(&it, &name, &item); supported = true)
        read_support(c, item, chunks);
    for (struct raw_iter it = raw_iter(chunks, c->arena); !supported && !it.object && raw_next(&it, &name, &item);) {
        struct citation out = { .from = -1, .to = -1 };
        describe(item, &out, c->arena);
        c->cite(c->self, -1, &out);
    }
}

/* The Gemini API says citationSources, Vertex AI citations. */
static void read_sources(const struct citer *c, struct span metadata)
{
    struct span list = raw_member(metadata, SPAN("citationSources"), c->arena), name, item;
    if (!list.at)
        list = raw_member(metadata, SPAN("citations"), c->arena);
    for (struct raw_iter it = raw_iter(list, c->arena); !it.object && raw_next(&it, &name, &item);) {
        struct citation out = { .raw = item };
        out.url = string_or_none(raw_member(item, SPAN("uri"), c->arena));
        out.title = string_or_none(raw_member(item, SPAN("title"), c->arena));
        place(c, &out, -1, raw_member(item, SPAN("startIndex"), c->arena), raw_member(item, SPAN("endIndex"), c->arena));
        c->cite(c->self, -1, &out);
    }
}

void gemini_read_citations(struct span candidate, gemini_text_of *text_of, bool ascii, gemini_cite *cite, void *self, struct arena *a)
{
    const struct citer c = { text_of, !text_of && ascii, cite, self, a };
    struct span grounding = raw_member(candidate, SPAN("groundingMetadata"), a), sources = raw_member(candidate, SPAN("citationMetadata"), a);
    if (grounding.at)
        read_grounding(&c, grounding);
    if (sources.at)
        read_sources(&c, sources);
}

/* --- written --- */

static void put_source(struct json_out *o, const struct citation *c)
{
    json_open(o, '{');
    json_name(o, c->url.at ? SPAN("web") : SPAN("retrievedContext"));
    json_open(o, '{');
    if (c->url.at)
        json_pair_raw(o, SPAN("uri"), c->url);
    if (c->title.at)
        json_pair_raw(o, SPAN("title"), c->title);
    json_close(o, '}');
    json_close(o, '}');
}

static void put_segment(struct json_out *o, const struct gemini_cited *g, struct arena *a)
{
    const struct citation *c = g->citation;
    struct span text = raw_text(g->text, a);
    int64_t from = g->ascii ? c->from : -1, to = g->ascii ? c->to : -1;
    if (text.at && c->from >= 0 && c->to >= 0) {
        from = bytes_of(text, c->from);
        to = bytes_of(text, c->to);
    }
    json_name(o, SPAN("segment"));
    json_open(o, '{');
    if (g->part > 0)
        json_pair_i64(o, SPAN("partIndex"), g->part);
    if (from >= 0 && to >= from) {
        json_pair_i64(o, SPAN("startIndex"), from);
        json_pair_i64(o, SPAN("endIndex"), to);
    }
    if (text.at && from >= 0 && to >= from)
        json_pair(o, SPAN("text"), span_make(text.at + from, (size_t)(to - from)));
    else if (c->quote.at)
        json_pair_raw(o, SPAN("text"), c->quote);
    json_close(o, '}');
}

void gemini_write_grounding(struct json_out *o, const struct gemini_cited *first, struct arena *a)
{
    int64_t index = 0;
    if (!first)
        return;
    json_name(o, SPAN("groundingMetadata"));
    json_open(o, '{');
    json_name(o, SPAN("groundingChunks"));
    json_open(o, '[');
    for (const struct gemini_cited *g = first; g; g = g->next)
        put_source(o, g->citation);
    json_close(o, ']');
    json_name(o, SPAN("groundingSupports"));
    json_open(o, '[');
    for (const struct gemini_cited *g = first; g; g = g->next) {
        json_open(o, '{');
        put_segment(o, g, a);
        json_name(o, SPAN("groundingChunkIndices"));
        json_open(o, '[');
        json_put_i64(o, index++);
        json_close(o, ']');
        json_close(o, '}');
    }
    json_close(o, ']');
    json_close(o, '}');
}
