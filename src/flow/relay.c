/* SPDX-License-Identifier: Apache-2.0
 * relay.c - the pump: pull from the vendor, meter, push to the caller.
 *
 * Three ways. HOLD: a small answer that settlement reads is kept until it is whole, so that cost and remaining budget can
 * stand in its head. EVENTS: an event stream passes event by event, each flushed, tapped for usage. STREAM: everything
 * else flows through. The vendor is only read while the caller takes; so memory stays bounded by the buffers.
 *
 * Next to read: finish.c. */
#include "flow/steps.h"

static void begin_reply(struct exchange *x, int64_t length)
{
    const struct world *w = x->desk->world;
    struct http_field *fields;
    size_t count = reply_fields(x, &fields);
    x->times.first_byte_ns = w->monotonic_ns(w->self);
    x->answering.began = true;
    w->reply_head(x->caller, x->answering.status, fields, count, length);
}

static void push(struct exchange *x, struct span bytes)
{
    if (x->caller && bytes.len)
        x->desk->world->reply_write(x->caller, bytes);
}

static bool caller_has_room(const struct exchange *x)
{
    return !x->caller || x->desk->world->reply_room(x->caller);
}

static enum next answer_broke(struct exchange *x)
{
    const struct world *w = x->desk->world;
    x->answering.lost = true;
    enum err why = w->fault(x->answering.call);
    return fail(x, why, "%.*s: %.*s", SPAN_ARG(x->facts.vendor), SPAN_ARG(err_text(why)));
}

static enum next answer_ended(struct exchange *x)
{
    const struct world *w = x->desk->world;
    x->answering.ended = true;
    x->times.upstream_end_ns = w->monotonic_ns(w->self);
    return NEXT;
}

/* Too large to hold: what was kept goes out, the rest follows as it comes; the tap is given up, so the reservation
 * stands in for the usage that could not be read. */
static void hold_no_longer(struct exchange *x, struct span bytes)
{
    struct answering *a = &x->answering;
    a->mode = RELAY_STREAM;
    if (x->caller)
        begin_reply(x, a->head->length);
    push(x, buf_span(&a->body));
    push(x, bytes);
    buf_free(&a->body);
}

static enum next relay_hold(struct exchange *x)
{
    const struct world *w = x->desk->world;
    struct answering *a = &x->answering;
    struct span bytes;
    if (a->head->length > 0 && a->body.len == 0 && (size_t)a->head->length <= a->body.ceiling)
        (void)buf_reserve(&a->body, (size_t)a->head->length);
    for (;;) {
        switch (w->answer(a->call, &bytes)) {
        case IO_BYTES:
            if (a->body.len + bytes.len > a->body.ceiling) {
                hold_no_longer(x, bytes);
                return relay(x);
            }
            buf_put(&a->body, bytes);
            break;
        case IO_END:
            a->tapped_whole = !a->body.broken;
            return answer_ended(x);
        case IO_WAIT:
            return WAIT;
        case IO_FAILED:
            return answer_broke(x);
        }
    }
}

static enum next relay_stream(struct exchange *x)
{
    const struct world *w = x->desk->world;
    struct span bytes;
    if (!x->answering.began && x->caller)
        begin_reply(x, x->answering.head->length);
    while (caller_has_room(x)) {
        switch (w->answer(x->answering.call, &bytes)) {
        case IO_BYTES:
            push(x, bytes);
            break;
        case IO_END:
            return answer_ended(x);
        case IO_WAIT:
            return WAIT;
        case IO_FAILED:
            return answer_broke(x);
        }
    }
    return WAIT;
}

/* One run of bytes from the vendor: whole events go on in one write, an unfinished one waits in the scanner. */
static enum next pass_events(struct exchange *x, struct span bytes)
{
    struct answering *a = &x->answering;
    struct sse_event event;
    buf_clear(&x->desk->scratch);
    while (sse_next(&a->sse, &bytes, &event)) {
        bool hide = false;
        x->deciding.dialect->read_event(x->desk->json, &event, x->deciding.ask.usage_wanted, &a->meter, &hide);
        if (!hide)
            buf_put(&x->desk->scratch, event.raw);
    }
    push(x, buf_span(&x->desk->scratch));
    if (a->sse.partial.broken || x->desk->scratch.broken) {
        a->lost = true;
        return fail(x, E_UPSTREAM_BROKEN, "%.*s sent an event of more than %lld bytes", SPAN_ARG(x->facts.vendor),
            (long long)x->snapshot->settings.limits.event_bytes);
    }
    return NEXT;
}

static enum next events_ended(struct exchange *x)
{
    struct answering *a = &x->answering;
    if (!a->meter.finished && !a->meter.failed) {
        a->lost = true;
        return fail(x, E_UPSTREAM_BROKEN, "%.*s ended its stream in the middle", SPAN_ARG(x->facts.vendor));
    }
    return answer_ended(x);
}

static enum next relay_events(struct exchange *x)
{
    const struct world *w = x->desk->world;
    struct span bytes;
    if (!x->answering.began && x->caller)
        begin_reply(x, -1);
    while (caller_has_room(x)) {
        switch (w->answer(x->answering.call, &bytes)) {
        case IO_BYTES:
            if (pass_events(x, bytes) == STOP)
                return STOP;
            break;
        case IO_END:
            return events_ended(x);
        case IO_WAIT:
            return WAIT;
        case IO_FAILED:
            return answer_broke(x);
        }
    }
    return WAIT;
}

enum next relay(struct exchange *x)
{
    if (x->asking.opaque && x->caller && pump_body(x) == STOP) /* an early answer: the body still goes up */
        return STOP;
    switch (x->answering.mode) {
    case RELAY_HOLD:
        return relay_hold(x);
    case RELAY_EVENTS:
        return relay_events(x);
    default:
        return relay_stream(x);
    }
}
