/* SPDX-License-Identifier: Apache-2.0
 * cached_name.c - which calls are kept, and what makes two of them the same.
 *
 * The name of an entry is a digest of all that decides what the answer can be: the workspace, the namespace, who answers (the route, or the
 * vendor and its account), the dialect, the model, and the caller's body in one canonical form. Only what concerns how an answer
 * travels is left out of it: so whatever else is set, or not set, in a call leads to an answer of its own. */
#include "flow/cached.h"

#include "base/raw.h"
#include "cache/canonical.h"
#include "flow/exchange.h"
#include "flow/speak.h"

const struct dialect *cached_dialect(const struct exchange *x)
{
    return x->speaking.front ? x->speaking.dialect : x->deciding.dialect;
}

struct span cached_said(const struct exchange *x)
{
    return x->speaking.said.len ? buf_span(&x->speaking.said) : buf_span(&x->asking.body);
}

/* ---- which calls ---- */

static bool is_named(const struct dialect *d, const char *const *names)
{
    for (; *names; names++)
        if (!strcmp(d->name, *names))
            return true;
    return false;
}

/* What a model says to words; not pictures, sound, jobs, sessions. */
static bool is_told_in_words(const struct dialect *d)
{
    static const char *const others[] = { "openai_embeddings", "gemini_embeddings", "openai_completions", NULL };
    return d->translator || is_named(d, others);
}

/* A stream is kept whole and told as a stream again: its dialect must be able to say both. */
static bool can_stream(const struct dialect *d)
{
    const struct translator *t = d->translator;
    return t && t->read_call && t->read_answer && t->read_event && t->write_answer && t->write_event && d->framing == FRAMING_SSE;
}

struct said {
    bool state; /* it goes on with what was said before, or its caller wants a copy of its own at the vendor */
    bool store_off;
};

static bool look_at_member(void *self, struct span name, enum json_kind kind, struct span raw)
{
    struct said *t = self;
    if (kind == JSON_NULL)
        return true;
    if (span_is(name, SPAN("store")))
        t->store_off = span_is(raw, SPAN("false"));
    if (span_is(name, SPAN("store")) && !t->store_off)
        t->state = true;
    if (span_is(name, SPAN("previous_response_id")) || span_is(name, SPAN("conversation")) || span_is(name, SPAN("container")))
        t->state = true;
    if (span_is(name, SPAN("background")) && span_is(raw, SPAN("true")))
        t->state = true;
    return true;
}

/* A response is stored at the vendor, or here, unless its caller says otherwise: its id can be gone on with, by those who may. */
static bool holds_state(struct exchange *x, const struct dialect *d)
{
    struct said t = { 0 };
    const char *why = "";
    if (json_scan(x->desk->json, cached_said(x), true, look_at_member, &t, &why) != E_OK)
        return true;
    x->caching.stored = !strcmp(d->name, "openai_responses") && !t.store_off;
    return t.state || x->speaking.previous.at; /* the gate has said what it goes on with in its place */
}

static bool llm_can_be(struct exchange *x)
{
    const struct dialect *d = cached_dialect(x);
    if (x->realtime || operation_of(x)->late || !is_told_in_words(d) || (x->speaking.front && x->speaking.front->kind != FRONT_CALL && x->speaking.front->kind != FRONT_PAID))
        return false;
    if (x->deciding.ask.stream && !can_stream(d))
        return false;
    return !holds_state(x, d);
}

bool cached_can_be(struct exchange *x)
{
    if (x->doubt || x->hooking.is || x->asking.opaque || !operation_of(x) || x->deciding.key->dry_run)
        return false;
    if (is_llm(x))
        return llm_can_be(x);
    /* Objects that must be read before it is known whether this key may see them are looked at after the cache is. */
    bool seen = !x->deciding.understood.wanted.name.at;
    if (x->deciding.key->policy->approval_count) /* a person says yes later than that, too */
        return false;
    return operation_of(x)->cache_ms > 0 && !x->facts.writes && !x->facts.secret && !x->asking.has_body && seen;
}

/* ---- their names ---- */

static void put_part(struct buf *b, struct span part)
{
    buf_put_i64(b, (int64_t)part.len);
    buf_put_byte(b, ':');
    buf_put(b, part);
}

static void put_field(struct exchange *x, struct buf *b, struct span name) { put_part(b, http_get(x->asking.head, name)); }

/* Where one path is for whole answers and another for streams, both are one. */
static void put_path(struct buf *b, struct span path)
{
    static const struct { struct span end, instead; } ends[] = {
        { { ":streamGenerateContent", 22 }, { ":generateContent", 16 } },
        { { ":streamRawPredict", 17 }, { ":rawPredict", 11 } },
        { { "/converse-stream", 16 }, { "/converse", 9 } },
        { { "/invoke-with-response-stream", 28 }, { "/invoke", 7 } },
    };
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (!span_ends(path, ends[i].end))
            continue;
        struct span first = span_first(path, path.len - ends[i].end.len);
        buf_put_i64(b, (int64_t)(first.len + ends[i].instead.len));
        buf_put_byte(b, ':');
        buf_put(b, first);
        buf_put(b, ends[i].instead);
        return;
    }
    put_part(b, path);
}

/* Without the caller's key and how the answer travels. */
static void put_query(struct buf *b, struct span query)
{
    struct span piece;
    while (query.len && span_next(&query, '&', &piece))
        if (!span_starts(piece, SPAN("key=")) && !span_is(piece, SPAN("alt=sse")))
            put_part(b, piece);
    put_part(b, SPAN(""));
}

/* Who answers: the route, and the vendor that it chose first. */
static void put_who(struct exchange *x, struct buf *b)
{
    const struct cache_rule *rule = &x->caching.in_force;
    put_part(b, x->facts.workspace);
    put_part(b, rule->namespace_);
    put_part(b, x->routing.route ? x->routing.route->digest : SPAN_NONE);
    put_part(b, x->facts.vendor);
}

/* Fields of the head that vendors read as part of the call, and one of ours that changes what is asked. */
static void put_betas(struct exchange *x, struct buf *b)
{
    put_field(x, b, SPAN("anthropic-beta"));
    put_field(x, b, SPAN("anthropic-version"));
    put_field(x, b, SPAN("openai-beta"));
    put_field(x, b, SPAN("x-tollgate-drop-params"));
    struct http_field *more;
    const struct target *t = x->routing.target;
    size_t count = portkey_forwards(x, t ? t->forward_headers : NULL, t ? t->forward_count : 0, &more);
    for (size_t i = 0; i < count; i++) {
        put_part(b, more[i].name);
        put_part(b, more[i].value);
    }
}

static bool put_body(struct span body, struct buf *b)
{
    static const struct span travels[] = { { "stream", 6 }, { "stream_options", 14 } };
    struct arena scratch;
    arena_init(&scratch, 8 * body.len + (1 << 20));
    bool good = cache_canonical(body, travels, 2, &scratch, b);
    arena_free(&scratch);
    return good;
}

/* A stored response is gone on with by the key that asked for it, at the account that has it. */
static void put_owner(struct exchange *x, struct buf *b)
{
    put_part(b, x->caching.stored ? x->facts.key_id : SPAN_NONE);
    put_part(b, x->caching.stored && x->deciding.credential ? x->deciding.credential->name : SPAN_NONE);
}

static bool put_llm(struct exchange *x, struct span said, struct buf *b)
{
    put_part(b, SPAN("llm"));
    put_who(x, b);
    put_part(b, span_of(cached_dialect(x)->name));
    put_part(b, x->speaking.model_said.at ? x->speaking.model_said : x->facts.model);
    if (x->speaking.front) {
        put_part(b, SPAN(""));
    } else {
        put_path(b, x->asking.path);
        put_query(b, x->asking.query);
    }
    put_betas(x, b);
    put_owner(x, b);
    return put_body(said, b);
}

/* How a call travels, who makes it, and how it is followed: no vendor answers it otherwise. */
static bool field_travels(struct span name)
{
    static const char *const names[] = { "host", "user-agent", "authorization", "proxy-authorization", "connection", "keep-alive", "te", "date", "via", "forwarded", "content-length",
        "accept-encoding", "cache-control", "pragma", "idempotency-key", "x-request-id", "x-api-key", "api-key", "traceparent", "tracestate", "baggage", NULL };
    static const char *const beginnings[] = { "x-tollgate-", "x-portkey-", "x-agent-", "x-forwarded-", "x-stainless-", "x-b3-", "x-stripe-client-", NULL };
    for (const char *const *n = names; *n; n++)
        if (span_is_nocase(name, span_of(*n)))
            return true;
    for (const char *const *n = beginnings; *n; n++)
        if (span_is_nocase(span_first(name, strlen(*n)), span_of(*n)))
            return true;
    return false;
}

struct span cached_account(struct exchange *x)
{
    const struct credential *c = x->hooking.is ? x->hooking.credential : x->deciding.credential;
    const struct span parts[] = { x->facts.vendor, SPAN(":"), c->name };
    return arena_join(&x->arena, parts, sizeof(parts) / sizeof(*parts));
}

static bool put_saas(struct exchange *x, struct buf *b)
{
    const struct http_head *h = x->asking.head;
    put_part(b, SPAN("saas"));
    put_who(x, b);
    put_part(b, x->deciding.credential->name);
    buf_put_i64(b, (int64_t)cache_edition(x->desk->cache, cached_account(x)));
    buf_put_byte(b, ':');
    put_part(b, h->method);
    put_part(b, x->asking.path);
    put_part(b, x->asking.query);
    for (size_t i = 0; i < h->count; i++) {
        if (field_travels(h->fields[i].name))
            continue;
        put_part(b, h->fields[i].name);
        put_part(b, h->fields[i].value);
    }
    return true;
}

bool cached_name_of(struct exchange *x, struct span said, struct digest *out)
{
    struct buf b;
    buf_init(&b, 8 * said.len + (1 << 20));
    bool good = (is_llm(x) ? put_llm(x, said, &b) : put_saas(x, &b)) && !b.broken;
    if (good)
        *out = digest_sha256(buf_span(&b));
    if (b.at)
        secret_wipe(b.at, b.len);
    buf_free(&b);
    return good;
}

bool cached_name(struct exchange *x, struct digest *out) { return cached_name_of(x, cached_said(x), out); }
