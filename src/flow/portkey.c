/* SPDX-License-Identifier: Apache-2.0
 * portkey.c - see portkey.h.
 *
 * Next to read: reply.c. */
#include "flow/steps.h"

#include "base/raw.h"
#include "base/text.h"

enum { TRACE_MOST = 256, NAMESPACE_MOST = 128, REQUEST_MS_MOST = 60 * 60 * 1000, DROPPED_MOST = 1024 };

static const struct span family = { "x-portkey-", 10 };

/* ---- what is said ---- */

static bool is_one_of(struct span name, const struct span *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (span_is(name, list[i]))
            return true;
    return false;
}
#define IS_ONE_OF(name, list) is_one_of((name), (list), sizeof(list) / sizeof((list)[0]))

/* Read here or elsewhere, or about the caller's own library; sensitive-headers asks for what always holds: no header is written down. */
static bool has_effect(struct span rest, struct span value)
{
    static const struct span known[] = { { "api-key", 7 }, { "config", 6 }, { "provider", 8 }, { "metadata", 8 }, { "trace-id", 8 }, { "span-id", 7 },
        { "span-name", 9 }, { "parent-span-id", 14 }, { "request-timeout", 15 }, { "custom-host", 11 }, { "forward-headers", 15 }, { "virtual-key", 11 },
        { "cache", 5 }, { "cache-force-refresh", 19 }, { "cache-namespace", 15 }, { "debug", 5 }, { "sensitive-headers", 17 }, { "package-version", 15 }, { "runtime", 7 },
        { "runtime-version", 15 } };
    if (span_is(rest, SPAN("strict-open-ai-compliance"))) /* nothing is ever taken out of an answer */
        return span_is_nocase(value, SPAN("false"));
    return IS_ONE_OF(rest, known);
}

static bool given_once(struct exchange *x)
{
    static const struct span once[] = { { "x-portkey-config", 16 }, { "x-portkey-provider", 18 }, { "x-portkey-virtual-key", 21 }, { "x-portkey-custom-host", 21 },
        { "x-portkey-request-timeout", 25 }, { "x-portkey-trace-id", 18 }, { "x-portkey-cache-namespace", 25 }, { "x-portkey-metadata", 18 } };
    for (size_t i = 0; i < sizeof(once) / sizeof(once[0]); i++)
        if (http_count(x->asking.head, once[i]) > 1)
            return fail(x, E_NOT_CANONICAL, "the field %.*s is given more than once", SPAN_ARG(once[i])) != STOP;
    return true;
}

/* A guardrail that somebody believes in must not be left out in silence. */
static bool asks_for_no_guards(struct exchange *x)
{
    static const struct span guards[] = { { "x-portkey-default-input-guardrails", 34 }, { "x-portkey-default-output-guardrails", 35 } };
    for (size_t i = 0; i < 2; i++)
        if (http_get(x->asking.head, guards[i]).at)
            return fail(x, E_BAD_REQUEST, "%.*s: guardrails stand in the policy or in a route (input_guardrails, output_guardrails), not in this field",
                       SPAN_ARG(guards[i])) != STOP;
    return true;
}

static bool read_trace(struct exchange *x)
{
    struct span id = http_get(x->asking.head, SPAN("x-portkey-trace-id"));
    if (!id.len)
        return true;
    if (id.len > TRACE_MOST || !text_is_printable(id))
        return fail(x, E_BAD_REQUEST, "x-portkey-trace-id: at most %d printable characters without a blank are allowed", TRACE_MOST) != STOP;
    x->portkey.trace = id;
    return true;
}

static bool read_timeout(struct exchange *x)
{
    uint64_t ms;
    struct span text = http_get(x->asking.head, SPAN("x-portkey-request-timeout"));
    if (!text.at)
        return true;
    if (!span_to_u64(text, &ms) || ms < 1 || ms > REQUEST_MS_MOST)
        return fail(x, E_BAD_REQUEST, "x-portkey-request-timeout: found \"%.*s\"; allowed are 1 to %d milliseconds", SPAN_ARG(span_first(text, 40)), REQUEST_MS_MOST) !=
               STOP;
    x->portkey.request_ms = (int64_t)ms;
    return true;
}

static bool read_namespace(struct exchange *x)
{
    struct span text = http_get(x->asking.head, SPAN("x-portkey-cache-namespace"));
    if (text.len > NAMESPACE_MOST || (text.len && !text_is_utf8(text)))
        return fail(x, E_BAD_REQUEST, "x-portkey-cache-namespace: at most %d bytes of UTF-8 are allowed", NAMESPACE_MOST) != STOP;
    x->portkey.namespace_ = text.len ? text : SPAN_NONE;
    return true;
}

static void note(struct buf *dropped, struct span name, struct span more)
{
    if (dropped->len + name.len + more.len < DROPPED_MOST)
        buf_print(dropped, "%s%.*s%s%.*s", dropped->len ? ", " : "", SPAN_ARG(name), more.len ? ": " : "", SPAN_ARG(more));
}

static bool read_forwards(struct exchange *x, struct buf *dropped)
{
    struct portkey *p = &x->portkey;
    struct span rest = http_get(x->asking.head, SPAN("x-portkey-forward-headers")), piece;
    while (rest.at && span_next(&rest, ',', &piece)) {
        struct span name = text_lower_copy(span_trim(piece), &x->arena);
        if (!name.len || !text_is_printable(name))
            continue;
        if (!portkey_may_forward(name)) {
            note(dropped, SPAN("x-portkey-forward-headers"), span_first(name, 64));
            continue;
        }
        if (p->forward_count == PORTKEY_FORWARDS)
            return fail(x, E_BAD_REQUEST, "x-portkey-forward-headers: at most %d names are allowed", PORTKEY_FORWARDS) != STOP;
        p->forwards[p->forward_count++] = name;
    }
    return true;
}

static void note_the_rest(struct exchange *x, struct buf *dropped)
{
    const struct http_head *h = x->asking.head;
    for (size_t i = 0; i < h->count; i++)
        if (span_starts(h->fields[i].name, family) && !has_effect(span_from(h->fields[i].name, family.len), h->fields[i].value))
            note(dropped, h->fields[i].name, SPAN(""));
}

static bool speaks_portkey(const struct http_head *h)
{
    for (size_t i = 0; i < h->count; i++)
        if (span_starts(h->fields[i].name, family))
            return true;
    return false;
}

bool portkey_read(struct exchange *x)
{
    const struct http_head *h = x->asking.head;
    struct portkey *p = &x->portkey;
    struct buf dropped;
    p->spoken = speaks_portkey(h);
    if (!p->spoken)
        return true;
    if (!given_once(x) || !asks_for_no_guards(x) || !read_trace(x) || !read_timeout(x) || !read_namespace(x))
        return false;
    p->host = http_get(h, SPAN("x-portkey-custom-host"));
    p->credential = http_get(h, SPAN("x-portkey-virtual-key"));
    p->refresh = span_is_nocase(http_get(h, SPAN("x-portkey-cache-force-refresh")), SPAN("true"));
    p->unkept = span_is_nocase(http_get(h, SPAN("x-portkey-debug")), SPAN("false"));
    buf_init(&dropped, 2 * DROPPED_MOST);
    bool good = read_forwards(x, &dropped);
    note_the_rest(x, &dropped);
    if (dropped.len && !dropped.broken)
        p->dropped = arena_copy(&x->arena, buf_span(&dropped));
    buf_free(&dropped);
    return good;
}

/* ---- where it goes ---- */

/* "https://api.openai.com/v1": its scheme, host and port are the origin's. The path is the gate's own matter. */
static bool is_at(const struct http_origin *o, struct span url)
{
    bool tls = span_starts(url, SPAN("https://"));
    uint64_t port = tls ? 443 : 80;
    struct span rest, host;
    if (!tls && !span_starts(url, SPAN("http://")))
        return false;
    rest = span_from(url, tls ? 8 : 7);
    if (!span_cut(&rest, '/', &host))
        host = rest;
    struct span number = host, name = SPAN_NONE;
    if (span_cut(&number, ':', &name)) {
        host = name;
        if (!span_to_u64(number, &port))
            return false;
    }
    return (o->tls != NULL) == tls && span_is_nocase(host, o->host) && port == o->port;
}

bool portkey_host_fits(struct exchange *x)
{
    const struct upstream *u = x->deciding.upstream;
    struct span host = x->portkey.host;
    if (!host.len)
        return true;
    for (size_t i = 0; i < u->origin_count; i++)
        if (is_at(&u->origins[i], host))
            return true;
    return fail(x, E_OPERATION_DENIED, "x-portkey-custom-host: \"%.*s\" is not where %.*s is configured to be (%.*s); a caller cannot send a credential elsewhere",
               SPAN_ARG(span_first(host, 100)), SPAN_ARG(x->facts.vendor), SPAN_ARG(u->vendor.base_url)) != STOP;
}

const struct credential *portkey_credential(const struct exchange *x)
{
    const struct key *key = x->deciding.key;
    for (size_t i = 0; x->portkey.credential.len && i < key->credential_count; i++)
        if (!key->credentials[i]->disabled && span_is(key->credentials[i]->name, x->portkey.credential))
            return key->credentials[i];
    return NULL;
}

void portkey_deadlines(const struct exchange *x, struct http_deadlines *d)
{
    int64_t ms = x->portkey.request_ms;
    if (!ms)
        return;
    d->first_byte_ms = ms;
    d->connect_ms = ms < d->connect_ms ? ms : d->connect_ms;
}

/* ---- fields that go on ---- */

static bool says_any(struct span name, const struct span *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (span_find(name, words[i]) >= 0)
            return true;
    return false;
}

/* Who asks, for which account, under which method or path, how it is framed and whence it comes is the gate's to say. */
bool portkey_may_forward(struct span name)
{
    static const struct span never[] = { { "host", 4 }, { "connection", 10 }, { "keep-alive", 10 }, { "te", 2 }, { "trailer", 7 }, { "upgrade", 7 }, { "expect", 6 },
        { "via", 3 }, { "range", 5 }, { "from", 4 }, { "date", 4 }, { "accept-encoding", 15 }, { "forwarded", 9 }, { "x-real-ip", 9 }, { "http2-settings", 14 } };
    static const struct span words[] = { { "auth", 4 }, { "key", 3 }, { "token", 5 }, { "secret", 6 }, { "cookie", 6 }, { "password", 8 }, { "signature", 9 },
        { "credential", 10 }, { "organization", 12 }, { "project", 7 }, { "account", 7 }, { "tenant", 6 }, { "x-portkey-", 10 }, { "x-tollgate-", 11 },
        { "x-agent-", 8 }, { "x-amz", 5 }, { "x-goog-", 7 }, { "x-ms-", 5 }, { "x-forwarded-", 12 }, { "x-http-method", 13 }, { "x-original-", 11 }, { "x-rewrite-", 10 },
        { "content-", 8 }, { "transfer-", 9 }, { "proxy-", 6 }, { "sec-", 4 } };
    return name.len && name.len <= 128 && !IS_ONE_OF(name, never) && !says_any(name, words, sizeof(words) / sizeof(words[0]));
}

static size_t forward(struct exchange *x, const struct span *names, size_t count, struct http_field *out, size_t at)
{
    const struct http_head *h = x->asking.head;
    for (size_t i = 0; i < count && at < 2 * PORTKEY_FORWARDS; i++) {
        struct span name = text_lower_copy(names[i], &x->arena), value = name.at && portkey_may_forward(name) ? http_get(h, name) : SPAN_NONE;
        bool known = false;
        for (size_t k = 0; k < at; k++)
            known = known || span_is(out[k].name, name);
        if (value.at && !known)
            out[at++] = (struct http_field){ name, value };
    }
    return at;
}

size_t portkey_forwards(struct exchange *x, const struct span *more, size_t more_count, struct http_field **out)
{
    *out = NULL;
    if (!is_llm(x) || (!x->portkey.forward_count && !more_count))
        return 0;
    *out = ARENA_ARRAY(&x->arena, struct http_field, 2 * PORTKEY_FORWARDS);
    if (!*out)
        return 0;
    size_t count = forward(x, x->portkey.forwards, x->portkey.forward_count, *out, 0);
    return forward(x, more, more_count, *out, count);
}

/* ---- what it is told ---- */

struct span portkey_cache_word(struct span ours)
{
    static const struct span words[][2] = { { { "hit", 3 }, { "HIT", 3 } }, { { "miss", 4 }, { "MISS", 4 } }, { { "refresh", 7 }, { "REFRESH", 7 } },
        { { "semantic_hit", 12 }, { "SEMANTIC HIT", 12 } }, { { "semantic_miss", 13 }, { "SEMANTIC MISS", 13 } } };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (span_is(ours, words[i][0]))
            return words[i][1];
    return SPAN("DISABLED");
}

/* 0: the first try was the last; n: as many more; -1: all that the retry allows were used, in vain. */
static struct span retries_of(struct exchange *x)
{
    const struct routing *r = &x->routing;
    if (!r->target)
        return SPAN("0");
    const struct retry *retry = &r->target->retry;
    if (retry->attempts > 0 && r->tries > retry->attempts) {
        struct attempt_end end = outcome_of(x);
        if (retry_again(retry, 1, &end))
            return SPAN("-1");
    }
    return arena_print(&x->arena, "%d", r->tries > 1 ? r->tries - 1 : 0);
}

size_t portkey_fields(struct exchange *x, struct http_field list[PORTKEY_FIELDS])
{
    size_t n = 0;
    if (!x->portkey.spoken)
        return 0;
    list[n++] = (struct http_field){ SPAN("x-portkey-trace-id"), x->portkey.trace.at ? x->portkey.trace : span_make(x->id_text, CALL_ID_TEXT) };
    list[n++] = (struct http_field){ SPAN("x-portkey-cache-status"), portkey_cache_word(caching_name(x->caching.outcome)) };
    list[n++] = (struct http_field){ SPAN("x-portkey-last-used-option-index"), x->routing.target ? x->routing.target->path : SPAN("config") };
    list[n++] = (struct http_field){ SPAN("x-portkey-retry-attempt-count"), retries_of(x) };
    if (x->facts.vendor.at)
        list[n++] = (struct http_field){ SPAN("x-portkey-provider"), x->facts.vendor };
    return n;
}

/* ---- refusals ---- */

void portkey_deny(struct exchange *x, struct span message)
{
    struct buf *body = &x->answering.body;
    bool fits = span_starts(buf_span(body), SPAN("{\"error\":")) || span_starts(buf_span(body), SPAN("{\"type\":\"error\""));
    bool vendors = x->fault == E_UPSTREAM_TIMEOUT || x->fault == E_UPSTREAM_BROKEN || x->fault == E_UPSTREAM_UNREACHABLE; /* Portkey tells of these as a vendor would */
    if (!x->portkey.spoken || !fits || vendors)
        return;
    struct span own = arena_copy(&x->arena, span_from(buf_span(body), 1)), said = raw_quote(message, &x->arena);
    if (!own.at || !said.at)
        return;
    buf_clear(body);
    buf_put(body, SPAN("{\"status\":\"failure\",\"message\":"));
    buf_put(body, said);
    buf_put_byte(body, ',');
    buf_put(body, own);
}

int portkey_status(const struct exchange *x, int status)
{
    const struct target *t = x->routing.target;
    bool own_time = x->portkey.request_ms || (t && t->request_ms);
    return x->portkey.spoken && own_time && x->fault == E_UPSTREAM_TIMEOUT ? 408 : status;
}
