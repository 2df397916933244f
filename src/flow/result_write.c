/* SPDX-License-Identifier: Apache-2.0
 * result_write.c - a vendor's links to results in its answer, replaced by the gate's own (result_link.h).
 *
 * Only in answers of operations that give results by links, and only members that are named for one (url, uri, video_url): words of a
 * prompt that is repeated stay what they are. The body is copied byte for byte but for these. */
#include "flow/result_link.h"

#include "base/log.h"
#include "base/raw.h"
#include "flow/steps.h"

bool result_links_expected(const struct exchange *x)
{
    static const struct span dialects[] = { { "openai_images", 13 }, { "openai_videos", 13 }, { "gemini_videos", 13 } };
    const struct operation *op = operation_of(x);
    if (!op || !x->deciding.upstream || x->doubt || x->hooking.is || x->fetching.is)
        return false;
    for (size_t i = 0; x->deciding.dialect && i < sizeof(dialects) / sizeof(*dialects); i++)
        if (span_is(span_of(x->deciding.dialect->name), dialects[i]))
            return true;
    return op->results;
}

static bool is_url(struct span text)
{
    return span_is_nocase(span_first(text, 7), SPAN("http://")) || span_is_nocase(span_first(text, 8), SPAN("https://"));
}

bool result_is_link(struct span body)
{
    while (body.len) {
        ptrdiff_t at = span_find(body, SPAN("\"http"));
        if (at < 0)
            return false;
        body = span_from(body, (size_t)at + 1);
        if (span_starts(body, SPAN("http:")) || span_starts(body, SPAN("https:")))
            return true;
    }
    return false;
}

static bool names_a_link(struct span name)
{
    struct span end = name.len > 3 ? span_from(name, name.len - 3) : name;
    return span_is_nocase(end, SPAN("url")) || span_is_nocase(end, SPAN("uri"));
}

/* ---- whose is it? ---- */

/* What made it, where this is a later read of a job; else this call, or the one whose answer is given again. */
static uint64_t call_behind(const struct exchange *x)
{
    struct made_object found;
    const struct matched *m = &x->deciding.matched;
    for (size_t i = 0; x->deciding.credential && i < m->count; i++)
        if (made_find(x->desk->made, x->facts.vendor, x->deciding.credential->name, m->captures[i].value, NULL, &found))
            return found.call;
    return x->repeating.of ? x->repeating.of : x->caching.of ? x->caching.of : x->id;
}

static struct span address_of_gate(struct exchange *x)
{
    const struct settings *s = &x->snapshot->settings;
    if (s->public_url.at)
        return s->public_url;
    return arena_print(&x->arena, "%s://%.*s", s->tls_cert.at ? "https" : "http", SPAN_ARG(http_get(x->asking.head, SPAN("host"))));
}

struct writing {
    struct exchange *x;
    struct result_link link;
    struct span gate, own; /* of an own file of the vendor's, where the vendor's path is not the caller's; SPAN_NONE: left alone */
    struct buf *out;
    size_t count;
};

/* One that cannot be replaced is left out: it would be the vendor's own otherwise. */
static void put_link(struct writing *w, struct span url)
{
    size_t from = w->out->len;
    w->link.url = url;
    w->count++;
    buf_put_byte(w->out, '"');
    if (url.len > RESULT_URL_MOST) {
        log_warn("flow", "call %s: a link to a result is longer than %d bytes and was left out", w->x->id_text, RESULT_URL_MOST);
    } else {
        struct json_out o = json_out(w->out);
        w->out->len = from;
        json_put_string(&o, w->gate);
        w->out->len--; /* the quote at its end */
        buf_put(w->out, SPAN(RESULT_PATH));
        result_link_seal(w->x->snapshot, &w->link, w->out);
    }
    buf_put_byte(w->out, '"');
}

/* A file of the vendor's own, for which its secret is needed: the gate's path for it, and the caller's key. */
static void put_own(struct writing *w, struct span url)
{
    struct buf text;
    struct json_out o = json_out(w->out);
    buf_init(&text, 2 * RESULT_URL_MOST);
    vendor_rewrite_links(&w->x->deciding.upstream->vendor, w->own, url, &text);
    json_put_string(&o, buf_span(&text));
    w->out->broken = w->out->broken || text.broken;
    w->count++;
    buf_free(&text);
}

static bool put_instead(struct writing *w, struct span url, struct span before)
{
    bool own = vendor_owns_url(&w->x->deciding.upstream->vendor, url);
    if (!is_url(url) || (own && !w->own.at))
        return false;
    buf_put(w->out, before);
    if (own)
        put_own(w, url);
    else
        put_link(w, url);
    return true;
}

/* ---- the walk: strings as they come; one before a colon is a name ---- */

static size_t string_end(struct span text, size_t at)
{
    for (at++; at < text.len && text.at[at] != '"'; at++)
        at += text.at[at] == '\\';
    return at < text.len ? at + 1 : text.len;
}

static bool colon_follows(struct span text, size_t at)
{
    while (at < text.len && (text.at[at] == ' ' || text.at[at] == '\t' || text.at[at] == '\n' || text.at[at] == '\r'))
        at++;
    return at < text.len && text.at[at] == ':';
}

static void write_all(struct writing *w, struct span body)
{
    struct span name = SPAN_NONE;
    size_t at = 0, copied = 0;
    while (at < body.len) {
        const char *quote = memchr(body.at + at, '"', body.len - at);
        if (!quote)
            break;
        at = (size_t)(quote - body.at);
        size_t end = string_end(body, at);
        struct span string = span_make(body.at + at, end - at);
        if (colon_follows(body, end)) {
            name = raw_text(string, &w->x->arena);
        } else if (names_a_link(name)) {
            if (put_instead(w, raw_text(string, &w->x->arena), span_make(body.at + copied, at - copied)))
                copied = end;
        }
        at = end;
    }
    buf_put(w->out, span_from(body, copied));
}

struct span result_links_write(struct exchange *x, struct span body)
{
    const struct facts *f = &x->facts;
    if (!result_links_expected(x) || x->answering.status >= 400)
        return body;
    struct writing w = { .x = x, .gate = address_of_gate(x), .out = &x->desk->scratch };
    w.link = (struct result_link){ .call = call_behind(x), .told = x->id, .until = x->desk->world->now_ms(x->desk->world->self) + x->snapshot->settings.result_link_ms,
        .workspace = f->workspace, .key_id = f->key_id, .vendor = f->vendor, .run = f->run };
    if (x->speaking.job.at)
        w.own = arena_print(&x->arena, "%.*s/%.*s", SPAN_ARG(w.gate), SPAN_ARG(f->vendor));
    buf_clear(w.out);
    write_all(&w, body);
    if (!w.count)
        return body;
    if (!w.out->broken && !x->arena.broken)
        return buf_span(w.out);
    log_error("flow", "call %s: no memory for the links to its results; its answer is held back", x->id_text);
    return SPAN("{}");
}
