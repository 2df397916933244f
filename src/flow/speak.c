/* SPDX-License-Identifier: Apache-2.0
 * speak.c - the steps that translate: a call into the vendor's dialect before anything is decided about it, its answer into the caller's
 * before it is sent.
 *
 * From the first on, the call is as if its caller had spoken the vendor's dialect: policy, price, limits and meters see the body that is
 * forwarded and the answer that came. What the vendor cannot be told refuses the call, unless its caller (x-tollgate-drop-params) or the
 * operator (vendors.NAME.drop_params) allowed it to be left out; what was left out or said otherwise stands in the answer's head.
 *
 * Next to read: reserve.c. */
#include "flow/speak.h"

#include "base/text.h"
#include "dialect/foreign.h"
#include "dialect/one_call.h"
#include "dialect/openai_responses_state.h"
#include "flow/job_read.h"
#include "flow/spoiled.h"
#include "flow/state.h"
#include "flow/steps.h"

enum { DROPS_MOST = 32, EVENT_MEMORY = 16 << 20, OUTPUT_USUAL = 4096 };

struct translation {
    const struct translator *from, *to; /* the caller's dialect, the vendor's */
    struct call call;
    struct notes notes;
    struct quirks quirks;
    struct reader reader;
    struct writer writer;
    struct arena event;
    struct one_call one; /* where the caller takes one tool call at a time */
    struct gather gather; /* of a stream whose end must be remembered whole */
    bool gathers, usage_wanted, limit_said;
    bool reframed; /* the vendor says the caller's own words in other frames: they pass as they are */
};

const struct dialect *caller_dialect(const struct exchange *x)
{
    return x->speaking.front || x->speaking.job.at ? x->speaking.dialect : NULL;
}

/* ---- speak: the body, in the vendor's dialect ---- */

/* What may be left out: as the caller says, as the operator says of this vendor, and as the route says of this target. */
static void allow_drops(struct exchange *x, struct notes *n)
{
    const struct upstream *u = x->deciding.upstream;
    struct span list = http_get(x->asking.head, SPAN("x-tollgate-drop-params")), name;
    const struct target *t = x->routing.target;
    size_t lost = t ? t->lose_count : 0, count = 0;
    struct span *all = ARENA_ARRAY(&x->arena, struct span, DROPS_MOST + u->drop_param_count + lost);
    for (size_t i = 0; all && i < lost; i++)
        all[count++] = t->lose_params[i];
    for (size_t i = 0; all && i < u->drop_param_count; i++)
        all[count++] = u->drop_params[i];
    for (size_t i = 0; all && i < DROPS_MOST && list.at && span_next(&list, ',', &name); i++)
        if (span_trim(name).len)
            all[count++] = span_trim(name);
    n->may_drop = all;
    n->may_drop_count = count;
}

static bool has_cap(const struct price *p, struct span cap)
{
    struct span rest = p ? price_caps(p) : SPAN_NONE, word;
    while (rest.at && span_next(&rest, ' ', &word))
        if (span_is(word, cap))
            return true;
    return false;
}

/* Some vendors must be told a limit; the one that is reserved for comes into its place later. */
static int64_t usual_limit(const struct price *p)
{
    int64_t most = p ? price_output_max(p) : 0;
    return most > 0 ? most : OUTPUT_USUAL;
}

static void complete_call(struct exchange *x, struct translation *t)
{
    const struct price *p = price_of(x, x->facts.model);
    t->quirks = x->deciding.upstream->quirks;
    t->quirks.reasoning_model = t->quirks.reasoning_model || has_cap(p, SPAN("notemp"));
    t->call.model = x->facts.model;
    t->call.stream = x->deciding.ask.stream;
    t->limit_said = t->call.output_limit >= 0;
    if (!t->limit_said && t->to->needs_limit)
        t->call.output_limit = usual_limit(p);
}

static enum next refuse_unsayable(struct exchange *x, const struct notes *n)
{
    struct span text = call_unsayable_text(n);
    return fail(x, E_BAD_REQUEST,
        "%.*s cannot be told: %.*s; leave it out, or allow the gate to leave it out by naming it in the field x-tollgate-drop-params",
        SPAN_ARG(x->facts.vendor), SPAN_ARG(span_first(text, 600)));
}

/* The new body takes the old one's place; the old one stays, since the call's texts stand in it. */
static enum next take_body(struct exchange *x, struct span text)
{
    struct buf fresh;
    buf_init(&fresh, x->asking.body.ceiling);
    buf_put(&fresh, text);
    if (fresh.broken) {
        buf_free(&fresh);
        return fail(x, E_TOO_LARGE, "the body is too large in the dialect of %.*s", SPAN_ARG(x->facts.vendor));
    }
    x->speaking.said = x->asking.body;
    x->asking.body = fresh;
    x->asking.query = SPAN("");
    x->deciding.dialect = x->speaking.heard;
    return NEXT;
}

static struct translation *translation_new(struct exchange *x)
{
    struct translation *t = ARENA_NEW(&x->arena, struct translation);
    if (!t)
        return NULL;
    t->from = x->speaking.dialect->translator;
    t->to = x->speaking.heard->translator;
    t->usage_wanted = x->deciding.ask.usage_wanted;
    t->notes.arena = &x->arena;
    arena_init(&t->event, EVENT_MEMORY);
    x->speaking.translation = t;
    return t;
}

static void set_writer(struct exchange *x, struct translation *t)
{
    t->reader = (struct reader){ .arena = &x->arena, .event = &t->event, .owner = span_of(x->speaking.heard->name), .seed = x->id };
    t->writer = (struct writer){ .call = &t->call, .usage_wanted = t->usage_wanted, .id = span_make(x->id_text, CALL_ID_TEXT),
        .created = x->times.began_ms / 1000, .arena = &x->arena };
    t->gathers = state_wanted(x, t->call.store);
    if (t->gathers)
        gather_begin(&t->gather, &x->arena, RESPONSES_STATE_MOST);
}

/* The vendor speaks the caller's dialect: the body goes as it is, without the thoughts of other vendors. */
static enum next forget_others(struct exchange *x)
{
    struct speaking *s = &x->speaking;
    struct span body = buf_span(&x->asking.body);
    if (!s->front || s->front->kind != FRONT_CALL || s->said.len || !foreign_is_in(body))
        return NEXT;
    buf_clear(&x->desk->scratch);
    foreign_strip(body, &x->arena, &x->desk->scratch);
    if (x->desk->scratch.broken || x->arena.broken)
        return fail(x, E_TOO_LARGE, "this call needs more memory than a call may have");
    struct buf fresh;
    buf_init(&fresh, x->asking.body.ceiling);
    buf_put(&fresh, buf_span(&x->desk->scratch));
    s->said = x->asking.body; /* what was read of it stands there */
    x->asking.body = fresh;
    return NEXT;
}

/* The caller's own words in the vendor's frames. */
static enum next reframe(struct exchange *x, struct translation *t)
{
    t->reframed = true;
    call_begin(&t->call);
    t->call.model = x->facts.model;
    t->call.stream = x->deciding.ask.stream;
    t->limit_said = true;
    buf_clear(&x->desk->scratch);
    x->speaking.heard->reframe_call(x->desk->json, buf_span(&x->asking.body), http_get(x->asking.head, SPAN("anthropic-beta")), &x->desk->scratch);
    if (x->desk->scratch.broken)
        return fail(x, E_TOO_LARGE, "this call needs more memory than a call may have");
    set_writer(x, t);
    return take_body(x, buf_span(&x->desk->scratch));
}

/* ---- a vendor that speaks the caller's dialect in words of its own (direct.c) ---- what only that vendor knows goes to it as it came */

/* Inside of messages or tools there is no telling where it belongs. */
static bool says_more_within(const struct call *c)
{
    for (const struct rest *r = c->rest; r; r = r->next)
        if (span_find(r->path, SPAN(".")) >= 0 || span_find(r->path, SPAN("[")) >= 0)
            return true;
    return false;
}

static enum next pass_as_it_is(struct exchange *x)
{
    arena_free(&x->speaking.translation->event);
    x->speaking.translation = NULL;
    x->speaking.heard = NULL;
    return forget_others(x);
}

static struct rest *take_rest(struct call *c)
{
    struct rest *own = c->rest;
    c->rest = c->last_rest = NULL;
    return own;
}

static void put_rest(const struct rest *own, struct buf *out)
{
    if (!own || out->broken || !out->len)
        return;
    out->len--; /* the closing bracket: an object that has a member already */
    struct json_out o = json_out(out);
    o.comma = true;
    for (const struct rest *r = own; r; r = r->next)
        json_pair_raw(&o, r->path, r->value);
    json_close(&o, '}');
}

enum next speak(struct exchange *x)
{
    struct speaking *s = &x->speaking;
    const char *why = "";
    if (s->translation)
        return NEXT;
    if (!s->heard)
        return forget_others(x);
    if (!s->dialect->translator || !s->heard->translator->write_call)
        return fail(x, E_OPERATION_DENIED, "the gate cannot translate %s into %s", s->dialect->name, s->heard->name);
    enum next next = state_continue(x); /* what this call goes on with comes before what it says */
    if (next != NEXT)
        return next;
    struct translation *t = translation_new(x);
    if (!t)
        return fail(x, E_TOO_LARGE, "this call needs more memory than a call may have");
    if (s->heard->reframe_call && s->heard->kin && !strcmp(s->heard->kin, s->dialect->name))
        return reframe(x, t);
    enum err e = t->from->read_call(x->desk->json, buf_span(&x->asking.body), &x->arena, &t->call, &why);
    if (s->heard == s->dialect && (e != E_OK || says_more_within(&t->call)))
        return pass_as_it_is(x);
    if (e != E_OK)
        return fail(x, e, "the body cannot be read: %s", why);
    allow_drops(x, &t->notes);
    complete_call(x, t);
    struct rest *own = s->heard == s->dialect ? take_rest(&t->call) : NULL;
    buf_clear(&x->desk->scratch);
    t->to->write_call(&t->call, &t->quirks, &t->notes, &x->arena, &x->desk->scratch);
    put_rest(own, &x->desk->scratch);
    if (t->notes.unsayable_count)
        return refuse_unsayable(x, &t->notes);
    if (x->desk->scratch.broken || x->arena.broken)
        return fail(x, E_TOO_LARGE, "this call needs more memory than a call may have");
    if (!t->limit_said)
        t->call.output_limit = -1; /* the caller is told what it said */
    t->call.previous = x->speaking.previous;
    set_writer(x, t);
    return take_body(x, buf_span(&x->desk->scratch));
}

void speak_ask(struct exchange *x)
{
    const struct speaking *s = &x->speaking;
    struct ask *ask = &x->deciding.ask;
    if (!s->front)
        return;
    if (!ask->model.len)
        ask->model = x->facts.model;
    if (s->model_in_path.at || s->translation)
        ask->stream = s->translation ? s->translation->call.stream : s->front->streams;
    if (s->translation && !s->translation->limit_said)
        ask->output_limit = -1;
}

/* ---- the stream, event by event ---- */

static void meter_event(struct stream_meter *m, const struct event *e, struct arena *a)
{
    switch (e->kind) {
    case EVENT_DELTA:
        if (e->delta == DELTA_TEXT || e->delta == DELTA_ARGUMENTS)
            meter_output(m, e->text);
        break;
    case EVENT_START:
        meter_model(m, e->answer ? raw_text(e->answer->model, a) : SPAN_NONE);
        break;
    case EVENT_USAGE:
        meter_usage(m, e->usage);
        break;
    case EVENT_END:
        m->finished = true;
        break;
    case EVENT_ERROR:
        m->failed = true;
        break;
    default:
        break;
    }
}

static void take_event(void *self, const struct event *e)
{
    struct exchange *x = self;
    struct translation *t = x->speaking.translation;
    spoil_note(x, e);
    meter_event(&x->answering.meter, e, &t->event);
    if (t->gathers)
        gather_event(&t->gather, e);
    cached_event(x, e);
    t->from->write_event(&t->writer, e);
}

static void set_translators(struct exchange *x, struct buf *out)
{
    struct translation *t = x->speaking.translation;
    t->reader.json = x->desk->json;
    bool alone = t->call.parallel_tools == 0;
    t->one.sink = take_event;
    t->one.self = x;
    t->reader.sink = alone ? one_call_event : take_event;
    t->reader.self = alone ? (void *)&t->one : x;
    t->writer.out = out;
}

struct span speak_padded(struct arena *a, struct span data)
{
    char *at = data.at ? arena_take(a, data.len + BUF_SLACK) : NULL;
    if (!at)
        return SPAN_NONE;
    memcpy(at, data.at, data.len);
    return span_make(at, data.len);
}

static bool pass_reframed(struct exchange *x, struct translation *t, const struct sse_event *frame, struct buf *out)
{
    bool hide = false;
    if (!t->reframed || !x->speaking.heard->reframe_event(x->desk->json, frame, &t->event, out))
        return false;
    x->speaking.heard->tap_event(x->desk->json, frame, true, &x->answering.meter, &hide);
    return true;
}

void speak_frame(struct exchange *x, const struct sse_event *frame, struct buf *out)
{
    struct translation *t = x->speaking.translation;
    struct arena_mark mark = arena_mark(&t->event);
    struct sse_event own = *frame;
    if (x->answering.frames.framing == FRAMING_SSE)
        own.data = speak_padded(&t->event, frame->data);
    set_translators(x, out);
    meter_start(&x->answering.meter);
    if (!pass_reframed(x, t, &own, out))
        t->to->read_event(&t->reader, &own);
    arena_rewind(&t->event, mark);
    if (t->reader.broken || t->event.broken)
        x->answering.garbled = true;
}

void speak_end(struct exchange *x, struct buf *out)
{
    struct translation *t = x->speaking.translation;
    set_translators(x, out);
    buf_clear(out);
    if (!t->to->read_end)
        return;
    t->to->read_end(&t->reader);
    veil_cover(x->answering.veil, out->at, out->len);
    struct span bytes = speak_events(x, buf_span(out), false);
    if (x->answering.began || !x->caller)
        capture_hear(x, bytes);
    if (!x->caller || !bytes.len || out->broken)
        return;
    if (x->answering.began)
        x->desk->world->reply_write(x->caller, bytes);
    else
        buf_put(&x->answering.pending, bytes);
}

struct span speak_events(struct exchange *x, struct span events, bool end)
{
    struct speaking *s = &x->speaking;
    if (!s->array)
        return events;
    if (!s->text.ceiling)
        buf_init(&s->text, 2 * (size_t)x->snapshot->settings.limits.event_bytes);
    buf_clear(&s->text);
    gemini_array_put(&s->items, events, end, &s->text);
    return buf_span(&s->text);
}

/* ---- the whole answer ---- */

void speak_fields(struct exchange *x)
{
    struct answering *a = &x->answering;
    bool events = a->mode == RELAY_EVENTS && !x->speaking.array;
    struct http_field *fields = ARENA_ARRAY(&x->arena, struct http_field, a->field_count + 1);
    size_t kept = 0;
    for (size_t i = 0; i < a->field_count && fields; i++)
        if (span_is_nocase(a->fields[i].name, SPAN("retry-after")) || span_starts(a->fields[i].name, SPAN("x-ratelimit-")))
            fields[kept++] = a->fields[i];
    if (fields)
        fields[kept++] = (struct http_field){ SPAN("content-type"), events ? frames_type(x->speaking.dialect->framing) : SPAN("application/json") };
    a->fields = fields;
    a->field_count = kept;
}

/* A vendor that answers whole where a stream was asked for. */
static void write_as_stream(struct exchange *x, const struct answer *said)
{
    answer_emit(said, take_event, x);
    for (size_t i = 0; i < x->answering.field_count; i++)
        if (span_is(x->answering.fields[i].name, SPAN("content-type")))
            x->answering.fields[i].value = frames_type(x->speaking.dialect->framing);
}

/* A stream that must be remembered is written once more, whole. */
static void keep_gathered(struct exchange *x, struct translation *t)
{
    struct buf response;
    if (!t->gathers || !t->gather.ended || t->gather.full)
        return;
    gather_end(&t->gather);
    buf_init(&response, RESPONSES_STATE_MOST);
    t->writer.out = &response;
    t->from->write_answer(&t->writer, &t->gather.answer);
    veil_cover(x->answering.veil, response.at, response.len); /* what came in pieces stands in one here */
    if (!response.broken)
        state_keep(x, buf_span(&response));
    buf_free(&response);
}

static enum next write_whole(struct exchange *x, struct translation *t)
{
    struct answering *a = &x->answering;
    struct answer said;
    if (t->to->read_answer(&t->reader, buf_span(&a->body), &said) != E_OK)
        return fail(x, E_UPSTREAM_BROKEN, "%.*s gave an answer that is none of its own dialect", SPAN_ARG(x->facts.vendor));
    if (t->call.parallel_tools == 0)
        one_call_answer(&said);
    if (t->call.stream) {
        write_as_stream(x, &said);
        keep_gathered(x, t);
        return NEXT;
    }
    t->from->write_answer(&t->writer, &said);
    if (t->gathers)
        state_keep(x, buf_span(&x->desk->scratch));
    return NEXT;
}

static void write_vendor_fault(struct exchange *x, struct translation *t)
{
    struct answering *a = &x->answering;
    struct fault fault;
    t->to->read_fault(x->desk->json, a->status, buf_span(&a->body), &x->arena, &fault);
    a->status = t->from->write_fault(&x->desk->scratch, &fault, span_make(x->id_text, CALL_ID_TEXT), SPAN_NONE);
}

enum next reword(struct exchange *x)
{
    struct translation *t = x->speaking.translation;
    struct answering *a = &x->answering;
    if (x->speaking.job.at)
        return job_reword(x);
    if (!t || x->fault != E_OK || !a->head || is_spoiled(x))
        return NEXT;
    if (a->mode == RELAY_EVENTS) {
        keep_gathered(x, t);
        return NEXT;
    }
    if (a->mode != RELAY_HOLD || !a->tapped_whole || (t->reframed && a->status < 400))
        return NEXT;
    buf_clear(&x->desk->scratch);
    set_translators(x, &x->desk->scratch);
    if (a->status >= 400)
        write_vendor_fault(x, t);
    else if (write_whole(x, t) == STOP)
        return NEXT;
    if (x->desk->scratch.broken || x->arena.broken) {
        (void)fail(x, E_UPSTREAM_BROKEN, "the answer is too large to be translated");
        return NEXT;
    }
    x->speaking.answered = a->body; /* what it says of usage stands in it, for the row */
    buf_init(&a->body, x->speaking.answered.ceiling);
    buf_put(&a->body, buf_span(&x->desk->scratch));
    return NEXT;
}

/* ---- refusals, notes ---- */

bool speak_denial(struct exchange *x, struct span details)
{
    const struct dialect *d = caller_dialect(x);
    if (!d || !d->translator || !d->translator->write_fault)
        return false;
    bool as_429 = x->deciding.key ? x->deciding.key->caps_as_429 : x->snapshot->settings.caps_as_429;
    struct fault fault = fault_of(x->fault, x->why, &x->arena);
    fault.status = portkey_status(x, as_429 && x->fault == E_BUDGET_EXCEEDED ? 429 : err_status(x->fault)); /* some bodies repeat it */
    buf_clear(&x->answering.body);
    (void)d->translator->write_fault(&x->answering.body, &fault, span_make(x->id_text, CALL_ID_TEXT), details);
    x->answering.status = fault.status;
    x->answering.type = SPAN("application/json");
    return true;
}

static struct span joined(struct exchange *x, const struct span *names, size_t count)
{
    struct buf text;
    buf_init(&text, 4096);
    for (size_t i = 0; i < count && text.len < 2048; i++)
        if (text_is_printable(names[i])) /* names of members are the caller's own words */
            buf_print(&text, "%s%.*s", text.len ? ", " : "", SPAN_ARG(names[i]));
    struct span copy = text.len ? arena_copy(&x->arena, buf_span(&text)) : SPAN_NONE;
    buf_free(&text);
    return copy;
}

struct span speak_dropped(struct exchange *x)
{
    const struct translation *t = x->speaking.translation;
    return t ? joined(x, t->notes.dropped, t->notes.dropped_count) : SPAN_NONE;
}

struct span speak_adapted(struct exchange *x)
{
    const struct translation *t = x->speaking.translation;
    if (t)
        return joined(x, t->notes.adapted, t->notes.adapted_count);
    return x->deciding.limit_renamed ? SPAN("max_completion_tokens") : SPAN_NONE;
}

const struct call *speak_call(const struct exchange *x)
{
    const struct translation *t = x->speaking.translation;
    return t ? &t->call : NULL;
}

bool speak_hear(struct exchange *x, struct answer *out)
{
    const struct dialect *d = x->deciding.dialect;
    struct reader r = { .arena = &x->arena, .event = &x->arena, .json = x->desk->json, .owner = d ? span_of(d->name) : SPAN_NONE, .seed = x->id };
    return d && d->translator && d->translator->read_answer && d->translator->read_answer(&r, buf_span(&x->answering.body), out) == E_OK;
}

bool wants_array(const struct exchange *x)
{
    const struct front *f = x->speaking.front;
    struct span query = x->routing.planned ? x->routing.query : x->asking.query; /* of the call; a leg's goes to the vendor */
    return f && f->streams && span_find(query, SPAN("alt=sse")) < 0;
}

void speak_begin_anew(struct exchange *x)
{
    struct translation *t = x->speaking.translation;
    x->speaking.array = wants_array(x);
    memset(&x->speaking.items, 0, sizeof(x->speaking.items));
    buf_free(&x->speaking.text);
    buf_free(&x->speaking.answered);
    if (!t)
        return;
    arena_free(&t->event);
    arena_init(&t->event, EVENT_MEMORY);
    memset(&t->one, 0, sizeof(t->one));
    set_writer(x, t);
}

bool speak_usage_wanted(const struct exchange *x)
{
    const struct translation *t = x->speaking.translation;
    return t ? t->usage_wanted : x->deciding.ask.usage_wanted;
}

void speak_free(struct exchange *x)
{
    buf_free(&x->speaking.text);
    buf_free(&x->speaking.said);
    buf_free(&x->speaking.answered);
    if (x->speaking.translation)
        arena_free(&x->speaking.translation->event);
}
