/* SPDX-License-Identifier: Apache-2.0
 * result_fetch.c - GET of a link to a result (result_link.h): streamed from where the vendor keeps it, no faster than it is taken.
 *
 * The link is all that its holder has to show. It is good as long as its key is: a key that is revoked, has expired, was stopped or may
 * not come from this address takes its links with it. Nothing of any credential goes to that host, only public addresses are connected
 * to, and a redirect is not followed. */
#include "flow/result_link.h"
#include "flow/steps.h"

#include <stdatomic.h>

#include "base/text.h"

enum { FIELDS_MOST = 12 };

bool result_is_fetch(const struct http_head *head) { return span_starts(head->target, SPAN(RESULT_PATH)); }

/* ---- result_read: is it a link of ours, and still good? ---- */

static struct span token_of(const struct exchange *x)
{
    struct span rest = span_from(x->asking.head->target, strlen(RESULT_PATH));
    ptrdiff_t mark = span_find_byte(rest, '?');
    return mark < 0 ? rest : span_first(rest, (size_t)mark);
}

static enum next is_over(struct exchange *x, const char *why) { return fail(x, E_LINK_OVER, "this link is no longer good: %s", why); }

static enum next key_is_good(struct exchange *x)
{
    const struct result_link *l = &x->fetching.link;
    const struct key *key = snapshot_key_by_id(x->snapshot, l->key_id);
    if (!key || !span_is(key->workspace, l->workspace))
        return is_over(x, "the key that it was made for is gone");
    x->deciding.key = key;
    x->facts.user = key->user;
    x->asking.label = key->label; /* what the call's metadata added to it, the link does not say */
    x->facts.team = key->team;
    if (key->revoked_at || (key->expires_at && x->times.began_ms >= key->expires_at))
        return is_over(x, "the key that it was made for was revoked, or has expired");
    return NEXT;
}

static bool is_revoked(struct exchange *x)
{
    const struct stop *stop = stop_set_match(x->desk->stops, &x->facts, x->times.began_ms);
    if (!stop || stop->kind != STOP_LINK)
        return false;
    atomic_fetch_add_explicit(stop->refused, 1, memory_order_relaxed);
    return true;
}

static struct span call_text(struct exchange *x, uint64_t call)
{
    char text[CALL_ID_TEXT + 1];
    return arena_copy(&x->arena, call_id_text(call, text));
}

/* The row says which call it is about, never the link itself. */
static void note_facts(struct exchange *x)
{
    const struct result_link *l = &x->fetching.link;
    struct facts *f = &x->facts;
    f->workspace = l->workspace;
    f->key_id = l->key_id;
    f->vendor = l->vendor;
    f->run = l->run.len ? l->run : SPAN_NONE;
    f->operation = SPAN("result.fetch");
    f->cost_known = true;
    f->links[0] = call_text(x, l->call);
    f->links[1] = call_text(x, l->told);
    x->asking.path = arena_print(&x->arena, RESULT_PATH "%.*s", SPAN_ARG(f->links[0]));
}

enum next result_read(struct exchange *x)
{
    struct result_link *l = &x->fetching.link;
    x->charging.priced = true;
    x->asking.path = SPAN(RESULT_PATH);
    if (x->desk->draining)
        return fail(x, E_DRAINING, "the gate is shutting down; try again");
    if (!span_is(x->asking.head->method, SPAN("GET")))
        return fail(x, E_METHOD_UNKNOWN, "a link to a result is read by GET");
    if (!result_link_open(x->snapshot, token_of(x), &x->arena, l))
        return fail(x, E_NOT_FOUND, "this is no link of this gate's (was it cut, or has the gate another master key since?)");
    note_facts(x);
    if (is_revoked(x))
        return is_over(x, "it was revoked");
    if (x->times.began_ms >= l->until) {
        char text[TIME_TEXT];
        return is_over(x, arena_print(&x->arena, "it expired at %.*s; read the job again for a new one", SPAN_ARG(text_time(l->until, text))).at);
    }
    if (key_is_good(x) == STOP || may_come(x) == STOP)
        return STOP;
    return NEXT;
}

/* ---- result_ask: where the vendor keeps it ---- */

static enum next cannot_be_fetched(struct exchange *x, const char *why)
{
    return fail(x, E_UPSTREAM_UNREACHABLE, "where %.*s keeps this result cannot be asked: %s", SPAN_ARG(x->facts.vendor), why);
}

static enum next find_place(struct exchange *x, struct result_place *p)
{
    bool any = x->snapshot->settings.private_results;
    if (!result_place_read(x->fetching.link.url, &x->arena, p))
        return cannot_be_fetched(x, "its link is none that this gate can read");
    if (!p->https && !any)
        return cannot_be_fetched(x, "its link is not https");
    return NEXT;
}

/* Of a name of its own: a connection to a vendor is never shared with what a vendor's answer named. A proxy resolves names by itself. */
static enum next set_origin(struct exchange *x, const struct result_place *p)
{
    const struct upstream *u = snapshot_upstream(x->snapshot, x->facts.vendor);
    struct http_origin *o = ARENA_NEW(&x->arena, struct http_origin);
    if (!u || !u->origin_count)
        return is_over(x, "its vendor is gone");
    if (!o)
        return fail(x, E_NO_MEMORY, "no memory for this call");
    const struct http_origin *own = &u->origins[0];
    bool any = x->snapshot->settings.private_results;
    if (own->proxy_host.at && p->is_address && !any)
        return cannot_be_fetched(x, "it has no name, and would be asked through a proxy");
    *o = (struct http_origin){ .host = p->host, .authority = p->authority, .port = p->port, .tls = p->https ? x->snapshot->tls : NULL,
        .proxy_host = own->proxy_host, .proxy_port = own->proxy_port, .proxy_auth = own->proxy_auth, .public_only = !any };
    o->name = arena_print(&x->arena, "result %s://%.*s:%u %.*s:%u", p->https ? "https" : "http", SPAN_ARG(p->host), p->port, SPAN_ARG(own->proxy_host.at ? own->proxy_host : SPAN("")), own->proxy_port);
    x->fetching.origin = o;
    return o->name.at ? NEXT : fail(x, E_NO_MEMORY, "no memory for this call");
}

static void compose(struct exchange *x)
{
    struct buf *b = &x->desk->scratch;
    struct span range = http_get(x->asking.head, SPAN("range"));
    buf_clear(b);
    http_put_request(b, SPAN("GET"), x->fetching.target);
    http_put_field(b, SPAN("host"), x->fetching.origin->authority);
    http_put_field(b, SPAN("accept"), SPAN("*/*"));
    http_put_field(b, SPAN("accept-encoding"), SPAN("identity"));
    if (range.at)
        http_put_field(b, SPAN("range"), range);
    http_put_end(b);
}

static enum next call_failed(struct exchange *x)
{
    enum err why = x->desk->world->fault(x->answering.call);
    x->answering.lost = false; /* a read */
    return fail(x, why, "where %.*s keeps this result: %.*s", SPAN_ARG(x->facts.vendor), SPAN_ARG(err_text(why)));
}

enum next result_ask(struct exchange *x)
{
    const struct world *w = x->desk->world;
    struct result_place place;
    if (!x->answering.call) {
        if (find_place(x, &place) == STOP || set_origin(x, &place) == STOP)
            return STOP;
        x->fetching.target = place.target;
        x->answering.call = w->open(w->self, x, x->fetching.origin, &x->snapshot->settings.limits.deadlines);
        if (!x->answering.call)
            return fail(x, E_OVERLOADED, "no connection can be opened now");
    }
    switch (w->ready(x->answering.call)) {
    case IO_WAIT:
        return WAIT;
    case IO_FAILED:
        return call_failed(x);
    default:
        break;
    }
    compose(x);
    if (x->desk->scratch.broken)
        return fail(x, E_TOO_LARGE, "the request's head is too large");
    x->times.sent_ns = w->monotonic_ns(w->self);
    w->send(x->answering.call, buf_span(&x->desk->scratch), SPAN(""), false, true);
    return NEXT;
}

/* ---- result_await: its head ---- */

/* What it is, and that nobody keeps it, shows it as a page of the gate's, or tells where it came from. */
static size_t fields_of(struct exchange *x, struct http_field list[FIELDS_MOST])
{
    static const struct span passed[] = { { "content-type", 12 }, { "content-range", 13 }, { "accept-ranges", 13 }, { "content-encoding", 16 }, { "last-modified", 13 } };
    static const struct http_field own[] = { { { "cache-control", 13 }, { "private, no-store", 17 } }, { { "x-content-type-options", 22 }, { "nosniff", 7 } },
        { { "content-security-policy", 23 }, { "sandbox; default-src 'none'", 27 } }, { { "referrer-policy", 15 }, { "no-referrer", 11 } } };
    size_t count = 0;
    for (size_t i = 0; i < sizeof(passed) / sizeof(*passed); i++) {
        struct span value = http_get(x->answering.head, passed[i]);
        if (value.at)
            list[count++] = (struct http_field){ passed[i], value };
    }
    for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
        list[count++] = own[i];
    list[count++] = (struct http_field){ SPAN("x-tollgate-call-id"), span_make(x->id_text, CALL_ID_TEXT) };
    return count;
}

enum next result_await(struct exchange *x)
{
    const struct world *w = x->desk->world;
    struct answering *a = &x->answering;
    struct http_field list[FIELDS_MOST];
    switch (w->head(a->call, &a->head)) {
    case IO_WAIT:
        return WAIT;
    case IO_FAILED:
        return call_failed(x);
    default:
        break;
    }
    x->times.head_ns = w->monotonic_ns(w->self);
    if (a->head->status >= 300 && a->head->status < 400)
        return fail(x, E_UPSTREAM_BROKEN, "where %.*s keeps this result leads on to another place, which is not followed", SPAN_ARG(x->facts.vendor));
    if (a->head->status != 200 && a->head->status != 206)
        return fail(x, E_UPSTREAM_BROKEN, "where %.*s keeps this result answered with status %d (the vendor's own link may have run out)", SPAN_ARG(x->facts.vendor), a->head->status);
    a->mode = RELAY_STREAM;
    a->status = a->head->status;
    a->began = true;
    x->times.first_byte_ns = x->times.head_ns;
    w->reply_head(x->caller, a->status, list, fields_of(x, list), a->head->length);
    return NEXT;
}

/* ---- result_relay: its bytes ---- */

enum next result_relay(struct exchange *x)
{
    const struct world *w = x->desk->world;
    struct span bytes;
    while (w->reply_room(x->caller)) {
        switch (w->answer(x->answering.call, &bytes)) {
        case IO_BYTES:
            x->answering.passed += (int64_t)bytes.len;
            w->reply_write(x->caller, bytes);
            break;
        case IO_END:
            x->answering.ended = true;
            x->times.upstream_end_ns = w->monotonic_ns(w->self);
            return STOP;
        case IO_WAIT:
            return WAIT;
        case IO_FAILED:
            return call_failed(x);
        }
    }
    return WAIT;
}
