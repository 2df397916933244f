/* SPDX-License-Identifier: Apache-2.0
 * attempt.c - the steps of one try upstream: connect, compose and send, await the head, choose how to pass it on.
 *
 * Next to read: relay.c. */
#include "flow/steps.h"

/* ---- open_upstream: a connection, pooled or new ---- */

static enum next upstream_failed(struct exchange *x)
{
    const struct world *w = x->desk->world;
    enum err why = w->fault(x->answering.call);
    bool again = w->reused(x->answering.call) && !x->facts.writes && x->asking.body_whole && x->attempt_count < 2;
    x->answering.lost = w->sent(x->answering.call);
    if (again && why == E_UPSTREAM_BROKEN) { /* a pooled connection died under a read: nothing is lost by asking anew */
        x->answering.lost = false;
        w->close(x->answering.call);
        x->answering.call = NULL;
        return RETRY;
    }
    return fail(x, why, "%.*s: %.*s", SPAN_ARG(x->facts.vendor), SPAN_ARG(err_text(why)));
}

/* The head is composed before the connection is chosen, since the path decides which of the vendor's hosts it goes to. */
static size_t compose_head(struct exchange *x)
{
    const struct deciding *d = &x->deciding;
    const struct looking *l = &x->looking;
    bool streamed = x->asking.opaque && x->asking.has_body;
    struct compose c = {
        .vendor = &d->upstream->vendor,
        .matched = l->up ? &l->matched : &d->matched,
        .head = l->up ? &l->head : x->asking.head,
        .path = l->up ? l->what.path : x->asking.path,
        .query = l->up ? l->what.query : d->understood.query,
        .length = l->up ? 0 : streamed ? x->asking.length : (int64_t)d->body.len,
        .secret = &d->credential->secret,
        .once = l->up ? SPAN_NONE : x->repeating.upstream_key,
    };
    buf_clear(&x->desk->scratch);
    return vendor_compose(&c, &x->arena, &x->desk->scratch);
}

/* Our own edits to an LLM body: the output limit that was reserved for, and usage in the stream. */
static enum next edit_body(struct exchange *x)
{
    struct deciding *d = &x->deciding;
    struct ask_edit edit = { .output_limit = x->charging.output_limit, .include_usage = d->ask.stream && !d->ask.usage_wanted };
    if (!is_llm(x) || !d->dialect->edit_ask || (edit.output_limit < 0 && !edit.include_usage) || x->attempt_count > 0)
        return NEXT;
    buf_clear(&x->desk->scratch);
    d->dialect->edit_ask(x->desk->json, d->body, &edit, &x->desk->scratch);
    d->body = arena_copy(&x->arena, buf_span(&x->desk->scratch));
    if (x->desk->scratch.broken || x->arena.broken)
        return fail(x, E_TOO_LARGE, "the body leaves no room for the output limit that the gate sets");
    return NEXT;
}

enum next open_upstream(struct exchange *x)
{
    const struct world *w = x->desk->world;
    const struct upstream *u = x->deciding.upstream;
    if (!x->answering.call) {
        if (edit_body(x) == STOP)
            return STOP;
        size_t origin = compose_head(x);
        if (x->desk->scratch.broken || x->arena.broken)
            return fail(x, E_TOO_LARGE, "the request's head is too large for the vendor");
        must(origin < u->origin_count);
        x->answering.composed = true;
        x->attempts[x->attempt_count].started_ns = w->monotonic_ns(w->self);
        x->attempt_count++;
        x->answering.call = w->open(w->self, x, &u->origins[origin], &u->deadlines);
        if (!x->answering.call)
            return fail(x, E_OVERLOADED, "no connection to %.*s can be opened now", SPAN_ARG(x->facts.vendor));
    }
    switch (w->ready(x->answering.call)) {
    case IO_WAIT:
        x->answering.composed = false; /* others will use the scratch meanwhile */
        return WAIT;
    case IO_FAILED:
        return upstream_failed(x);
    default:
        return NEXT;
    }
}

/* ---- send_request: the last look at the stops; then compose, sign, send ---- */

enum next send_request(struct exchange *x)
{
    const struct world *w = x->desk->world;
    if (stopped_now(x))
        return STOP;
    bool streamed = x->asking.opaque && x->asking.has_body;
    if (!x->answering.composed)
        (void)compose_head(x);
    x->times.sent_ns = w->monotonic_ns(w->self);
    w->send(x->answering.call, buf_span(&x->desk->scratch), streamed || x->looking.up ? SPAN("") : x->deciding.body,
        streamed && x->asking.length < 0, !streamed);
    return NEXT;
}

/* ---- await_head: the rest of the body goes up meanwhile ---- */

/* A body that no one reads is carried run by run; it is pulled only while the vendor takes it. */
enum next pump_body(struct exchange *x)
{
    const struct world *w = x->desk->world;
    struct span bytes;
    while (!x->asking.body_whole && w->room(x->answering.call)) {
        switch (w->read(x->caller, &bytes)) {
        case IO_BYTES:
            w->write(x->answering.call, bytes, false);
            break;
        case IO_END:
            x->asking.body_whole = true;
            w->write(x->answering.call, SPAN(""), true);
            break;
        case IO_WAIT:
            return NEXT;
        case IO_FAILED:
            x->answering.lost = true;
            return fail(x, w->read_fault(x->caller), "the body did not arrive whole");
        }
    }
    return NEXT;
}

enum next await_head(struct exchange *x)
{
    const struct world *w = x->desk->world;
    if (x->asking.opaque && pump_body(x) == STOP)
        return STOP;
    switch (w->head(x->answering.call, &x->answering.head)) {
    case IO_WAIT:
        return WAIT;
    case IO_FAILED:
        return upstream_failed(x);
    default:
        x->times.head_ns = w->monotonic_ns(w->self);
        return NEXT;
    }
}

/* ---- judge: how to pass the answer on ---- */

static bool is_redirect(int status)
{
    return status >= 300 && status < 400 && status != 304;
}

static bool answer_is_read(const struct exchange *x)
{
    const struct operation *op = operation_of(x);
    struct span coding = http_get(x->answering.head, SPAN("content-encoding"));
    if (coding.at && !span_is_nocase(coding, SPAN("identity")))
        return false;
    return op->reads_answer || is_llm(x) || x->doubt || x->repeating.claimed || x->answering.head->status >= 400 ||
           vendor_rewrites_links(&x->deciding.upstream->vendor);
}

enum next judge(struct exchange *x)
{
    struct answering *a = &x->answering;
    const struct http_head *h = a->head;
    struct attempt *attempt = &x->attempts[x->attempt_count - 1];
    attempt->status = h->status;
    a->status = h->status;
    a->request_id = arena_copy(&x->arena, vendor_request_id(&x->deciding.upstream->vendor, h));
    if (is_redirect(h->status)) { /* following it, or passing it on, would lead around the gate */
        a->lost = x->facts.writes;
        return fail(x, E_UPSTREAM_BROKEN, "%.*s answered with a redirect, which the gate neither follows nor passes on",
            SPAN_ARG(x->facts.vendor));
    }
    vendor_answer_fields(&x->deciding.upstream->vendor, h, &x->arena, &a->fields, &a->field_count);
    if (!answer_is_read(x)) {
        a->mode = RELAY_STREAM;
        return NEXT;
    }
    a->mode = RELAY_HOLD;
    if (is_llm(x) && h->status == 200 && x->deciding.dialect->read_event &&
        http_is_type(http_get(h, SPAN("content-type")), SPAN("text/event-stream"))) {
        a->mode = RELAY_EVENTS;
        a->events = true;
        sse_init(&a->sse, (size_t)x->snapshot->settings.limits.event_bytes);
    }
    return NEXT;
}
