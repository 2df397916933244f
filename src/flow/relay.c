/* SPDX-License-Identifier: Apache-2.0
 * relay.c - the pump: pull from the vendor, meter, push to the caller.
 *
 * Three ways. HOLD: a small answer that settlement reads is kept until it is whole, so that cost and remaining budget can
 * stand in its head. EVENTS: an event stream passes event by event, each flushed, tapped for usage. STREAM: everything
 * else flows through. The vendor is only read while the caller takes; so memory stays bounded by the buffers.
 *
 * Next to read: finish.c. */
#include "flow/guard.h"
#include "flow/realtime.h"
#include "flow/speak.h"
#include "flow/spoiled.h"
#include "flow/steps.h"
#include "flow/taste.h"

static void begin_reply(struct exchange *x, int64_t length)
{
    const struct world *w = x->desk->world;
    struct http_field *fields;
    size_t count = reply_fields(x, &fields);
    x->times.first_byte_ns = w->monotonic_ns(w->self);
    x->answering.began = true;
    w->reply_head(x->caller, x->answering.status, fields, count, length);
}

/* Without what the credential is made of; an end that may be the beginning of it waits. */
static void push(struct exchange *x, struct span bytes, bool last)
{
    enum { SLICE = 64 << 10 };
    struct buf *out = &x->desk->scratch;
    do {
        struct span slice = span_first(bytes, SLICE);
        bytes = span_from(bytes, slice.len);
        buf_clear(out);
        veil_pass(x->answering.veil, slice, last && !bytes.len, &x->answering.veiled, out);
        capture_hear(x, buf_span(out));
        if (x->caller && out->len)
            x->desk->world->reply_write(x->caller, buf_span(out));
    } while (bytes.len);
}

/* How long a stream was silent. What is held comes as it comes; and what one wake brings came at once. */
static void note_piece(struct exchange *x)
{
    const struct world *w = x->desk->world;
    struct answering *a = &x->answering;
    if (a->mode == RELAY_HOLD || a->piece_noted)
        return;
    a->piece_noted = true;
    int64_t now = w->monotonic_ns(w->self);
    if (a->piece_ns && now - a->piece_ns > a->gap_ns)
        a->gap_ns = now - a->piece_ns;
    a->piece_ns = now;
}

/* The next run of the answer, read where it came compressed. */
static enum io next_bytes(struct exchange *x, struct span *bytes)
{
    struct answering *a = &x->answering;
    for (;;) {
        enum io got = x->desk->world->answer(a->call, bytes);
        if (got == IO_BYTES)
            note_piece(x);
        if (!a->coding || got == IO_WAIT || got == IO_FAILED)
            return got;
        buf_clear(&a->plain);
        a->garbled = got == IO_END ? !coding_ended(a->coding) : coding_read(a->coding, *bytes, &a->plain) != E_OK;
        *bytes = buf_span(&a->plain);
        if (a->garbled)
            return IO_FAILED;
        if (got == IO_END || bytes->len)
            return got;
    }
}

static int64_t length_told(const struct answering *a) { return a->coding ? -1 : a->head->length; }

/* While the caller has no room the vendor is not read: that is no silence of the vendor's. One begins when it is read again. */
static bool caller_has_room(struct exchange *x)
{
    enum { UNREAD = -1 };
    const struct world *w = x->desk->world;
    struct answering *a = &x->answering;
    bool room = !x->caller || w->reply_room(x->caller);
    if (!room && a->piece_ns)
        a->piece_ns = UNREAD;
    else if (room && a->piece_ns == UNREAD)
        a->piece_ns = w->monotonic_ns(w->self);
    return room;
}

static enum next answer_broke(struct exchange *x)
{
    const struct world *w = x->desk->world;
    x->answering.lost = true;
    enum err why = x->answering.garbled ? E_UPSTREAM_BROKEN : w->fault(x->answering.call);
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
        begin_reply(x, length_told(a));
    push(x, buf_span(&a->body), false);
    push(x, bytes, false);
    a->passed += (int64_t)(a->body.len + bytes.len);
    buf_free(&a->body);
}

static enum next relay_hold(struct exchange *x)
{
    struct answering *a = &x->answering;
    struct span bytes;
    if (a->head->length > 0 && a->body.len == 0 && (size_t)a->head->length <= a->body.ceiling)
        (void)buf_reserve(&a->body, (size_t)a->head->length);
    for (;;) {
        switch (next_bytes(x, &bytes)) {
        case IO_BYTES:
            if (a->body.len + bytes.len > a->body.ceiling && (must_be_covered(x) || tells_of_keys(a->status) || is_translated(x) || x->routing.racing || guard_holds(x))) {
                a->lost = true;
                return fail(x, E_UPSTREAM_BROKEN, "the answer is larger than can be %s", is_translated(x) ? "translated" : x->routing.racing ? "held in a race" : guard_holds(x) ? "held for its guardrails" : "searched for secrets");
            }
            if (a->body.len + bytes.len > a->body.ceiling && result_links_expected(x) && (x->speaking.job.at || result_is_link(buf_span(&a->body)) || result_is_link(bytes))) {
                a->lost = true;
                return fail(x, E_UPSTREAM_BROKEN, "the answer is larger than can be searched for links to results (limits.answer_bytes)");
            }
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
    struct span bytes;
    if (!x->answering.began && x->caller)
        begin_reply(x, length_told(&x->answering));
    while (caller_has_room(x)) {
        switch (next_bytes(x, &bytes)) {
        case IO_BYTES:
            x->answering.passed += (int64_t)bytes.len;
            push(x, bytes, false);
            break;
        case IO_END:
            push(x, SPAN(""), true);
            return answer_ended(x);
        case IO_WAIT:
            return WAIT;
        case IO_FAILED:
            return answer_broke(x);
        }
    }
    return WAIT;
}

/* Whole ones, so that no word of one waits for the next. */
static void push_events(struct exchange *x)
{
    struct buf *out = &x->desk->scratch;
    if (!out->len)
        return;
    veil_cover(x->answering.veil, out->at, out->len);
    struct span bytes = speak_events(x, buf_span(out), false);
    if (!x->answering.began && x->caller) {
        buf_put(&x->answering.pending, bytes); /* it is not known yet whether it is an answer */
    } else {
        capture_hear(x, bytes);
        if (x->caller && bytes.len)
            x->desk->world->reply_write(x->caller, bytes);
    }
    buf_clear(out);
}

/* What waited goes out. */
void give_pending(struct exchange *x)
{
    struct answering *a = &x->answering;
    if (a->began || !x->caller)
        return;
    begin_reply(x, -1);
    capture_hear(x, buf_span(&a->pending));
    if (a->pending.len)
        x->desk->world->reply_write(x->caller, buf_span(&a->pending));
    buf_free(&a->pending);
}

/* Nothing of it went out: it is the answer that its error would have been. */
static enum next began_with_error(struct exchange *x)
{
    return spoil_become(x) ? answer_ended(x) : fail(x, E_UPSTREAM_BROKEN, "%.*s began its stream with an error", SPAN_ARG(x->facts.vendor));
}

/* The first words decide; a stream that begins with an error, or is none before it ends, may be followed by another one. */
static enum next taste_first(struct exchange *x)
{
    struct answering *a = &x->answering;
    if (guard_holds(x)) {
        if (taste_waits(x))
            (void)taste_events(x);
        return a->pending.broken ? fail(x, E_UPSTREAM_BROKEN, "the answer is larger than can be held for its guardrails") : NEXT;
    }
    if (!taste_waits(x)) {
        give_pending(x);
        return NEXT;
    }
    if (a->meter.failed)
        return began_with_error(x);
    if (a->pending.broken)
        return fail(x, E_UPSTREAM_BROKEN, "%.*s says too much before it says anything", SPAN_ARG(x->facts.vendor));
    if (taste_events(x) && !x->routing.racing)
        give_pending(x);
    return NEXT;
}

static void pass_event(struct exchange *x, const struct sse_event *event)
{
    bool hide = false;
    if (is_translated(x)) {
        speak_frame(x, event, &x->desk->scratch);
        return;
    }
    x->deciding.dialect->tap_event(x->desk->json, event, x->deciding.ask.usage_wanted, &x->answering.meter, &hide);
    if (x->answering.meter.failed && !x->answering.began && !x->answering.spoiled)
        spoil_hear(x, event);
    cached_frame(x, event);
    if (!hide)
        buf_put(&x->desk->scratch, event->raw);
}

/* A vendor may send each event as a chunk of its own: what came together goes on in one write. Not before the stream has begun, when each
 * run is looked at; nor in an array of Gemini's, whose room is made for one. */
static bool gathers(const struct exchange *x)
{
    enum { GATHERED_MOST = 32 << 10 };
    return x->answering.began && !x->speaking.array && x->desk->scratch.len < GATHERED_MOST;
}

/* One run of bytes from the vendor: whole events go to the scratch, an unfinished one waits in the scanner. */
static enum next pass_events(struct exchange *x, struct span bytes)
{
    struct answering *a = &x->answering;
    struct sse_event event;
    while (!a->garbled && frames_next(&a->frames, &bytes, &event))
        pass_event(x, &event);
    bool broken = a->frames.broken || x->desk->scratch.broken || a->garbled;
    if (broken || !gathers(x))
        push_events(x);
    if (broken) {
        a->lost = true;
        return fail(x, E_UPSTREAM_BROKEN, "%.*s sent a stream that cannot be read: %s", SPAN_ARG(x->facts.vendor),
            a->frames.broken ? a->frames.broken : "an event is none of its dialect, or too large");
    }
    return NEXT;
}

static enum next events_ended(struct exchange *x)
{
    struct answering *a = &x->answering;
    if (is_translated(x))
        speak_end(x, &x->desk->scratch);
    if ((!a->meter.finished && !a->meter.failed) || frames_rest(&a->frames)) {
        a->lost = true;
        return fail(x, E_UPSTREAM_BROKEN, "%.*s ended its stream in the middle", SPAN_ARG(x->facts.vendor));
    }
    return a->meter.failed && taste_waits(x) ? began_with_error(x) : answer_ended(x);
}

/* The stream has had its end, or its error: whatever becomes of the connection, the caller has been told all. (Gemini's own has no end but
 * that of its body.) */
bool stream_is_told(const struct exchange *x)
{
    const struct answering *a = &x->answering;
    const struct translator *t = x->deciding.dialect ? x->deciding.dialect->translator : NULL;
    return a->events && (a->meter.failed || (a->meter.finished && (is_translated(x) || !t || !t->read_end)));
}

/* The caller of a model is gone; the end, which tells what it cost, is waited for, but not for ever. */
enum next drain(struct exchange *x)
{
    const struct world *w = x->desk->world;
    if (!x->gone_ns || !is_llm(x) || operation_of(x)->late)
        return NEXT;
    int64_t left_ms = x->deciding.upstream->drain_ms - (w->monotonic_ns(w->self) - x->gone_ns) / 1000000;
    if (left_ms <= 0)
        return fail(x, E_CLIENT_GONE, "the caller closed its connection, and the end of the answer was waited for in vain");
    w->await_news(w->self, x, left_ms);
    return NEXT;
}

static enum next relay_events(struct exchange *x)
{
    struct span bytes;
    if (!taste_waits(x) && !x->routing.racing && !guard_holds(x))
        give_pending(x);
    buf_clear(&x->desk->scratch);
    while (caller_has_room(x)) {
        enum io got = next_bytes(x, &bytes);
        if (got != IO_BYTES)
            push_events(x);
        switch (got) {
        case IO_BYTES:
            if (pass_events(x, bytes) == STOP || taste_first(x) == STOP)
                return STOP;
            if (x->answering.mode == RELAY_HOLD)
                return NEXT; /* it was an error, and nothing else */
            if (x->routing.racing && x->answering.tasted && !guard_holds(x))
                return NEXT; /* the race is over: `taste` */
            break;
        case IO_END:
            return events_ended(x);
        case IO_WAIT:
            return WAIT;
        case IO_FAILED:
            return stream_is_told(x) && !frames_rest(&x->answering.frames) && !x->answering.garbled ? events_ended(x) : answer_broke(x);
        }
    }
    push_events(x);
    return WAIT;
}

enum next relay(struct exchange *x)
{
    if (realtime_switched(x))
        return realtime_relay(x);
    x->answering.piece_noted = false;
    if (drain(x) == STOP || keep_time(x) == STOP)
        return STOP;
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
