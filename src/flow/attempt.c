/* SPDX-License-Identifier: Apache-2.0
 * attempt.c - the steps of one try upstream: connect, compose and send, await the head, choose how to pass it on.
 *
 * Next to read: relay.c. */
#include "flow/batch.h"
#include "flow/steps.h"

#include "dialect/anthropic.h"
#include "flow/metered.h"
#include "flow/realtime.h"
#include "flow/side.h"
#include "flow/speak.h"
#include "flow/tracing.h"

/* ---- open_upstream: a connection, pooled or new ---- */

static enum next upstream_failed(struct exchange *x)
{
    const struct world *w = x->desk->world;
    enum err why = w->fault(x->answering.call);
    bool again = w->reused(x->answering.call) && !outcome_matters(x) && x->asking.body_whole && x->deciding.tries < 2;
    x->answering.lost = w->sent(x->answering.call);
    if (again && why == E_UPSTREAM_BROKEN) { /* a pooled connection died under a free read: nothing is lost by asking anew */
        x->answering.lost = false;
        w->close(x->answering.call);
        x->answering.call = NULL;
        return RETRY;
    }
    return fail(x, why, "%.*s: %.*s", SPAN_ARG(x->facts.vendor), SPAN_ARG(err_text(why)));
}

static struct span body_sent(const struct exchange *x)
{
    return x->deciding.dressed.at ? x->deciding.dressed : x->deciding.body;
}

/* At the vendor a call to one of the gate's own paths has another path, and a query of its own. */
static struct span query_sent(struct exchange *x)
{
    struct span said = x->deciding.understood.query, own = x->speaking.query;
    if (!x->speaking.path.at || !own.len || span_find(said, own) >= 0) /* the caller may have said "alt=sse" itself */
        return said;
    return said.len ? arena_print(&x->arena, "%.*s&%.*s", SPAN_ARG(said), SPAN_ARG(own)) : own;
}

/* The head is composed before the connection is chosen, since the path decides which of the vendor's hosts it goes to. */
static size_t compose_head(struct exchange *x)
{
    const struct deciding *d = &x->deciding;
    const struct looking *l = &x->looking;
    bool streamed = x->asking.opaque && x->asking.has_body;
    const struct target *t = x->routing.target;
    struct http_field *more = NULL;
    struct compose c = {
        .vendor = &d->upstream->vendor,
        .matched = l->up ? &l->matched : &d->matched,
        .head = l->up ? &l->head : x->asking.head,
        .path = l->up ? l->what.path : x->speaking.path.at ? x->speaking.path : x->asking.path,
        .query = l->up ? l->what.query : query_sent(x),
        .content_type = l->up ? SPAN_NONE : is_translated(x) ? SPAN("application/json") : d->understood.content_type,
        .length = l->up ? 0 : streamed ? x->asking.length : (int64_t)body_sent(x).len,
        .secret = &d->credential->secret,
        .once = l->up ? SPAN_NONE : x->repeating.upstream_key,
        .token = d->token,
        .settings = d->upstream->settings,
        .body = l->up || streamed ? SPAN("") : body_sent(x),
        .now_ms = x->desk->world->now_ms(x->desk->world->self),
    };
    if (!l->up)
        c.more_count = portkey_forwards(x, t ? t->forward_headers : NULL, t ? t->forward_count : 0, &more);
    tracing_add_fields(x, &more, &c.more_count);
    c.more = more;
    buf_clear(&x->desk->scratch);
    size_t origin = vendor_compose(&c, &x->arena, &x->desk->scratch);
    if (x->realtime)
        realtime_put_head(x, &x->desk->scratch);
    return origin;
}

/* What was written into the scratch, with the slack behind it that readers want. */
static struct span keep_body(struct exchange *x)
{
    struct span text = buf_span(&x->desk->scratch);
    char *at = x->desk->scratch.broken ? NULL : arena_take(&x->arena, text.len + BUF_SLACK);
    if (!at)
        return SPAN_NONE;
    memcpy(at, text.at, text.len);
    return span_make(at, text.len);
}

/* Our own edits to an LLM body: the model as the vendor knows it, the output limit that was reserved for (by the name that the vendor
 * reads), usage in the stream where it has to be asked for. */
static enum next edit_body(struct exchange *x)
{
    struct deciding *d = &x->deciding;
    const struct quirks *quirks = &d->upstream->quirks;
    bool tells = quirks->stream_usage != USAGE_ON_REQUEST || quirks->no_stream_options;
    struct ask_edit edit = { .model = is_translated(x) ? SPAN_NONE : x->speaking.model, .output_limit = x->charging.output_limit,
        .include_usage = d->ask.stream && !d->ask.usage_wanted && !tells, .old_limit_name = quirks->limit == LIMIT_MAX_TOKENS };
    bool renamed = edit.old_limit_name && d->ask.new_limit_name && !is_translated(x);
    bool none = edit.output_limit < 0 && !edit.include_usage && !edit.model.at && !renamed;
    if (!is_llm(x) || (!d->dialect->edit_ask && !d->dialect->edit_form) || none || d->edited)
        return NEXT;
    d->limit_renamed = renamed;
    buf_clear(&x->desk->scratch);
    metered_edit(x, &edit, &x->desk->scratch);
    d->body = keep_body(x);
    if (!d->body.at)
        return fail(x, E_TOO_LARGE, "the body leaves no room for the output limit that the gate sets");
    return NEXT;
}

/* Calls in a file, for a batch: as single ones. */
static enum next edit_lines(struct exchange *x)
{
    struct deciding *d = &x->deciding;
    if (d->edited || !operation_of(x) || !operation_of(x)->batch_input)
        return NEXT;
    buf_clear(&x->desk->scratch);
    if (!batch_reword(x, &x->desk->scratch))
        return NEXT;
    d->limit_renamed = true;
    d->body = keep_body(x);
    return d->body.at ? NEXT : fail(x, E_TOO_LARGE, "this call needs more memory than a call may have");
}

/* Claude at a cloud: the same words, but for the model, which the path names there, and a version. */
static enum next move_elsewhere(struct exchange *x)
{
    struct deciding *d = &x->deciding;
    struct span version = d->upstream->quirks.version;
    bool needed = version.len && x->speaking.front && is_llm(x) && !is_translated(x) && span_is(span_of(d->dialect->name), SPAN("anthropic_messages"));
    if (!needed || d->edited)
        return NEXT;
    buf_clear(&x->desk->scratch);
    anthropic_body_elsewhere(x->desk->json, d->body, version, &x->desk->scratch);
    d->body = keep_body(x);
    return !d->body.at ? fail(x, E_TOO_LARGE, "the body leaves no room for what %.*s wants in it", SPAN_ARG(x->facts.vendor)) : NEXT;
}

/* How models' vendors are doing is told by all that goes to them, routed or not. */
static void watch_health(struct exchange *x)
{
    struct span region = x->routing.target ? x->routing.target->region : SPAN_NONE;
    if (!x->desk->health || !is_llm(x) || !x->deciding.credential)
        return;
    x->routing.health = health_find(x->desk->health, x->facts.vendor, x->deciding.credential->name, x->facts.model, region);
    health_begin(x->routing.health);
}

static void begin_attempt(struct exchange *x)
{
    const struct world *w = x->desk->world;
    attempt_over(x, SPAN("it is asked once more"));
    must(x->attempt_count < ATTEMPTS_MAX);
    x->attempt = x->attempt_count++;
    x->deciding.tries++;
    x->attempts[x->attempt] = (struct attempt){ .started_ns = w->monotonic_ns(w->self),
        .vendor = x->facts.vendor,
        .model = x->routing.planned ? arena_copy(&x->arena, x->facts.model) : x->facts.model, /* it stands in the leg's body, which may end before the call */
        .credential = x->deciding.credential ? x->deciding.credential->name : SPAN_NONE,
        .path = x->routing.target ? x->routing.target->path : SPAN_NONE };
    watch_health(x);
}

/* A target of a route may have times of its own. */
static struct http_deadlines deadlines_of(const struct exchange *x)
{
    const struct target *t = x->routing.target;
    struct http_deadlines d = x->deciding.upstream->deadlines;
    if (t && t->request_ms) {
        d.first_byte_ms = t->request_ms;
        d.connect_ms = t->request_ms < d.connect_ms ? t->request_ms : d.connect_ms;
    }
    if (t && t->event_ms)
        d.idle_ms = t->event_ms;
    portkey_deadlines(x, &d);
    return d;
}

enum next open_upstream(struct exchange *x)
{
    const struct world *w = x->desk->world;
    const struct upstream *u = x->deciding.upstream;
    if (keep_time(x) == STOP)
        return STOP;
    if (!x->answering.call) {
        if (edit_body(x) == STOP || edit_lines(x) == STOP || move_elsewhere(x) == STOP)
            return STOP;
        size_t origin = compose_head(x);
        if (x->desk->scratch.broken || x->arena.broken)
            return fail(x, E_TOO_LARGE, "the request's head is too large for the vendor");
        must(origin < u->origin_count);
        const struct http_deadlines deadlines = deadlines_of(x);
        x->answering.composed = true;
        x->deciding.edited = true;
        begin_attempt(x);
        x->answering.call = w->open(w->self, x, &u->origins[origin], &deadlines);
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
    if (!x->looking.late && stopped_now(x)) /* reading a price moves nothing */
        return STOP;
    bool streamed = x->asking.opaque && x->asking.has_body;
    if (!x->answering.composed)
        (void)compose_head(x);
    x->times.sent_ns = w->monotonic_ns(w->self);
    x->approving.sent = true;
    if (x->realtime)
        w->upgrade(x->answering.call);
    w->send(x->answering.call, buf_span(&x->desk->scratch), streamed || x->looking.up ? SPAN("") : body_sent(x),
        streamed && x->asking.length < 0, !streamed && !x->realtime);
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
    if ((x->asking.opaque && pump_body(x) == STOP) || drain(x) == STOP || keep_time(x) == STOP)
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
    return op->reads_answer || result_links_expected(x) || is_llm(x) || x->doubt || x->repeating.claimed || cached_holds(x) || x->answering.head->status >= 400 ||
           vendor_rewrites_links(&x->deciding.upstream->vendor) || vendor_guards(&x->deciding.upstream->vendor, op);
}

/* A token that does not hold any more (it was withdrawn, or the gate's clock is slow) is dropped, and the call goes once more. */
static bool token_refused(struct exchange *x)
{
    const struct world *w = x->desk->world;
    if (!x->deciding.token.at || x->answering.head->status != 401 || x->deciding.tries > 1 || x->asking.opaque)
        return false;
    remembered_drop_token(x->desk->remembered, side_owner(x));
    w->close(x->answering.call);
    x->answering.call = NULL;
    x->answering.head = NULL;
    x->answering.composed = false;
    x->deciding.token = SPAN_NONE;
    return true;
}

/* The vendor was asked not to compress. What it compresses all the same is read as it comes: its cost, and what must be hidden in it. */
static enum next uncover(struct exchange *x)
{
    struct answering *a = &x->answering;
    struct span coding = http_get(a->head, SPAN("content-encoding"));
    if (!coding.at || (span_is_nocase(coding, SPAN("identity")) && http_count(a->head, SPAN("content-encoding")) == 1))
        return NEXT;
    a->coding = http_count(a->head, SPAN("content-encoding")) == 1 ? coding_new(coding) : NULL;
    if (a->coding)
        return NEXT;
    a->lost = outcome_matters(x);
    return fail(x, E_UPSTREAM_BROKEN, "%.*s answered in a coding that it was not asked for, and in which secrets cannot be found", SPAN_ARG(x->facts.vendor));
}

/* The vendor's fields, without what the credential is made of, and as they are true of the body that is passed on. */
static void clean_fields(struct exchange *x)
{
    struct answering *a = &x->answering;
    size_t kept = 0;
    for (size_t i = 0; i < a->field_count; i++) {
        struct http_field f = a->fields[i];
        if (a->coding && span_is(f.name, SPAN("content-encoding")))
            continue;
        a->fields[kept++] = (struct http_field){ veil_text(a->veil, f.name, &x->arena), veil_text(a->veil, f.value, &x->arena) };
    }
    a->field_count = kept;
}

static bool streams_events(const struct exchange *x)
{
    const struct dialect *d = x->deciding.dialect;
    const struct http_head *h = x->answering.head;
    return d && h->status == 200 && d->tap_event && http_is_type(http_get(h, SPAN("content-type")), frames_type(d->framing));
}

enum next judge(struct exchange *x)
{
    struct answering *a = &x->answering;
    const struct http_head *h = a->head;
    struct attempt *attempt = &x->attempts[x->attempt];
    attempt->status = h->status;
    if (token_refused(x))
        return RETRY;
    a->status = h->status;
    if (x->realtime && realtime_refused(x) == STOP)
        return STOP;
    heed_headroom(x);
    a->request_id = arena_copy(&x->arena, vendor_request_id(&x->deciding.upstream->vendor, h));
    if (is_redirect(h->status)) { /* following it, or passing it on, would lead around the gate */
        a->lost = outcome_matters(x);
        return fail(x, E_UPSTREAM_BROKEN, "%.*s answered with a redirect, which the gate neither follows nor passes on",
            SPAN_ARG(x->facts.vendor));
    }
    if (uncover(x) == STOP)
        return STOP;
    vendor_answer_fields(&x->deciding.upstream->vendor, h, &x->arena, &a->fields, &a->field_count);
    clean_fields(x);
    if (realtime_switched(x))
        return NEXT;
    if (!answer_is_read(x)) {
        a->mode = RELAY_STREAM;
        return NEXT;
    }
    if (metered_passes(x)) {
        a->mode = RELAY_STREAM;
        return NEXT;
    }
    a->mode = RELAY_HOLD;
    if (streams_events(x)) {
        a->mode = RELAY_EVENTS;
        a->events = true;
        a->meter.vocabulary = vocabulary_of(x);
        frames_init(&a->frames, x->deciding.dialect->framing, (size_t)x->snapshot->settings.limits.event_bytes);
    }
    x->speaking.array = x->speaking.array && a->mode == RELAY_EVENTS;
    if (is_translated(x) || x->speaking.array)
        speak_fields(x);
    return NEXT;
}
