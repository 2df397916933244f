/* SPDX-License-Identifier: Apache-2.0
 * realtime_handshake.c - how a realtime session begins: what the caller asked for, what the vendor is asked, what the caller is told.
 *
 * The gate is an end of both WebSockets: keys are its own on either side, no extension is negotiated, and the subprotocol in which
 * browsers carry the key is never sent on. */
#include "base/text.h"
#include "flow/realtime.h"
#include "flow/steps.h"

bool realtime_is(const struct exchange *x)
{
    return x->deciding.dialect && span_is(span_of(x->deciding.dialect->name), SPAN("openai_realtime"));
}

/* ---- understand ---- */

/* "?model=", and "?deployment=" at Azure; once, or another reader might take the other one. */
static enum next read_model(struct exchange *x)
{
    struct span rest = x->asking.query.len ? x->asking.query : SPAN_NONE, piece, name, found = SPAN_NONE;
    while (rest.at && span_next(&rest, '&', &piece)) {
        if (!span_cut(&piece, '=', &name) || (!span_is(name, SPAN("model")) && !span_is(name, SPAN("deployment"))))
            continue;
        if (found.at)
            return fail(x, E_NOT_CANONICAL, "the query names a model more than once");
        found = text_percent_decode(piece, true, &x->arena);
    }
    if (!found.len)
        return fail(x, E_BAD_REQUEST, "model: missing; a realtime session names its model in the query: ?model=gpt-realtime");
    x->facts.model = x->deciding.ask.model = found;
    return NEXT;
}

static bool is_beta_protocol(struct span p) { return span_is(p, SPAN("openai-beta.realtime-v1")); }

static bool speaks_beta(const struct exchange *x)
{
    struct span said = http_get(x->asking.head, SPAN("openai-beta")), offered;
    if ((said.at && span_find(said, SPAN("realtime=")) >= 0) || span_find(x->asking.query, SPAN("deployment=")) >= 0)
        return true;
    for (size_t i = 0; (offered = websocket_protocol(x->asking.head, i)).at; i++)
        if (is_beta_protocol(offered))
            return true;
    return false;
}

static int64_t first_output(const struct price *p)
{
    int64_t most = p ? price_output_max(p) : 0;
    return most > 0 ? most : p && price_context(p) > 0 ? price_context(p) : 32768;
}

enum next realtime_understand(struct exchange *x)
{
    const char *unfit = websocket_unfit(x->asking.head);
    if (unfit)
        return fail(x, E_BAD_REQUEST, "%s", unfit);
    if (read_model(x) == STOP)
        return STOP;
    struct realtime *s = x->realtime = ARENA_NEW(&x->arena, struct realtime);
    if (!s)
        return fail(x, E_NO_MEMORY, "no memory for this call");
    x->facts.writes = true; /* a GET by name only: what reads alone may do, this may not */
    *s = (struct realtime){ .beta = speaks_beta(x) };
    s->books.conversation = REALTIME_FIRST_TOKENS;
    s->books.output_limit = -1;
    s->books.listens = true; /* until the vendor says otherwise */
    websocket_make_key(s->key);
    struct ask *ask = &x->deciding.ask;
    ask->choices = 1;
    ask->input_most = REALTIME_FIRST_TOKENS;
    ask->output_limit = first_output(price_of(x, x->facts.model));
    return NEXT;
}

/* ---- the vendor's request ---- */

/* Those that say how to speak; one that carries a key or names an account stays here. */
static bool goes_on(struct span protocol) { return span_is(protocol, SPAN("realtime")) || is_beta_protocol(protocol); }

static void put_protocols(const struct exchange *x, struct buf *head)
{
    struct span offered;
    bool some = false;
    for (size_t i = 0; (offered = websocket_protocol(x->asking.head, i)).at; i++) {
        if (!goes_on(offered))
            continue;
        buf_put(head, some ? SPAN(", ") : SPAN("sec-websocket-protocol: "));
        buf_put(head, offered);
        some = true;
    }
    if (some)
        buf_put(head, SPAN("\r\n"));
}

void realtime_put_head(struct exchange *x, struct buf *head)
{
    if (head->broken || head->len < 2)
        return;
    head->len -= 2; /* the empty line: what follows stands before it */
    buf_put(head, SPAN("connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: "));
    buf_put(head, span_make(x->realtime->key, WEBSOCKET_KEY));
    buf_put(head, SPAN("\r\n"));
    put_protocols(x, head);
    buf_put(head, SPAN("\r\n"));
}

enum next realtime_refused(struct exchange *x)
{
    const struct http_head *h = x->answering.head;
    bool good = h->status == 101 ? websocket_answered(h, span_make(x->realtime->key, WEBSOCKET_KEY)) : h->status >= 300;
    return good ? NEXT : fail(x, E_UPSTREAM_BROKEN, "%.*s did not open a WebSocket", SPAN_ARG(x->facts.vendor));
}

/* ---- the caller's answer ---- */

/* The vendor's choice if the caller offered it; else, since some callers take no answer without one, the first that may be said. */
static struct span protocol_for_caller(const struct exchange *x)
{
    struct span chosen = http_get(x->answering.head, SPAN("sec-websocket-protocol")), offered, first = SPAN_NONE;
    for (size_t i = 0; (offered = websocket_protocol(x->asking.head, i)).at; i++) {
        if (goes_on(offered) && span_is(offered, chosen))
            return offered;
        if (goes_on(offered) && !first.at)
            first = offered;
    }
    return first;
}

static bool is_of_handshake(struct span name)
{
    return span_starts(name, SPAN("sec-websocket-")) || span_is(name, SPAN("upgrade")) || span_is(name, SPAN("connection")) ||
           span_is(name, SPAN("content-length")) || span_is(name, SPAN("transfer-encoding")) || span_is(name, SPAN("keep-alive")) || span_is(name, SPAN("date"));
}

static void write_near(void *self, struct span bytes)
{
    struct exchange *x = self;
    if (x->caller)
        x->desk->world->reply_write(x->caller, bytes);
}

static void write_far(void *self, struct span bytes)
{
    struct exchange *x = self;
    if (x->answering.call)
        x->desk->world->write(x->answering.call, bytes, false);
}

enum next realtime_welcome(struct exchange *x)
{
    struct realtime *s = x->realtime;
    const struct world *w = x->desk->world;
    struct http_field *fields, *out;
    char accept[WEBSOCKET_ACCEPT];
    size_t count = reply_fields(x, &fields), n = 0;
    out = ARENA_ARRAY(&x->arena, struct http_field, count + 2);
    s->far = websocket_new(WEBSOCKET_CLIENT, REALTIME_MESSAGE, write_far, x);
    s->near = out && s->far ? websocket_new(WEBSOCKET_SERVER, REALTIME_MESSAGE, write_near, x) : NULL;
    if (!s->near)
        return fail(x, E_NO_MEMORY, "no memory for this session");
    for (size_t i = 0; i < count; i++)
        if (!is_of_handshake(fields[i].name))
            out[n++] = fields[i];
    out[n++] = (struct http_field){ SPAN("sec-websocket-accept"), websocket_accept(http_get(x->asking.head, SPAN("sec-websocket-key")), accept) };
    struct span protocol = protocol_for_caller(x);
    if (protocol.at)
        out[n++] = (struct http_field){ SPAN("sec-websocket-protocol"), protocol };
    x->times.first_byte_ns = s->pinged_ns = w->monotonic_ns(w->self);
    x->answering.began = true;
    w->reply_upgrade(x->caller, out, n);
    return NEXT;
}
