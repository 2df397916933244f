/* SPDX-License-Identifier: Apache-2.0
 * cached.c - the step that looks for an answer that was given before, and what keeps answers for it.
 *
 * Looked for after all that decides whether the call may be made, and before all that costs: a hit reserves nothing and asks nobody.
 * What is kept is the whole body as the caller was sent it; a stream is gathered while it passes. An answer is kept only where it can be
 * told again in both ways.
 *
 * Next to read: brakes.c. */
#include "flow/cached.h"

#include "base/packed.h"
#include "base/log.h"
#include "base/raw.h"
#include "base/text.h"
#include "flow/speak.h"
#include "flow/steps.h"
#include "flow/trial.h"

enum { NEWS_MS = 1000, WAIT_MS = CACHE_FLIGHT_MS, EVENT_MEMORY = 16 << 20, KEPT_STATUS = 200 };

struct cached_tap {
    struct arena arena, event;
    struct gather gather;
    struct reader reader;
    bool told;    /* an event came */
    bool useless; /* it cannot be understood, or is too large */
};

struct span caching_name(enum caching_outcome outcome)
{
    static const char *const names[] = { "off", "miss", "hit", "semantic_hit", "semantic_miss", "refresh" };
    return span_of(names[outcome]);
}

/* ---- what is kept of an answer: three texts, each behind its length ---- */

struct packed {
    struct span type, model, body;
};

static bool unpack(struct span bytes, struct packed *out)
{
    return packed_take(&bytes, &out->type) && packed_take(&bytes, &out->model) && packed_take(&bytes, &out->body) && !bytes.len;
}

/* ---- the answer given again ---- */

/* The call as the caller's dialect reads it: writers repeat some of it. */
static struct call *read_call(struct exchange *x, struct arena *a)
{
    const char *why = "";
    struct call *call = ARENA_NEW(a, struct call);
    if (!call || cached_dialect(x)->translator->read_call(x->desk->json, cached_said(x), a, call, &why) != E_OK)
        return NULL;
    call->model = x->speaking.model_said.at ? x->speaking.model_said : x->facts.model;
    call->stream = x->deciding.ask.stream;
    return call;
}

struct telling {
    const struct translator *t;
    struct writer writer;
};

static void tell_event(void *self, const struct event *e)
{
    struct telling *telling = self;
    telling->t->write_event(&telling->writer, e);
}

static struct writer writer_of(struct exchange *x, const struct call *call, struct arena *a, struct buf *out)
{
    return (struct writer){ .call = call, .usage_wanted = speak_usage_wanted(x), .id = span_make(x->id_text, CALL_ID_TEXT),
        .created = x->times.began_ms / 1000, .arena = a, .out = out };
}

/* Readers look past the end of what they read. */
static struct span padded(struct arena *a, struct span data)
{
    char *at = data.at ? arena_take(a, data.len + BUF_SLACK) : NULL;
    if (!at)
        return SPAN_NONE;
    memcpy(at, data.at, data.len);
    return span_make(at, data.len);
}

static bool read_whole(struct exchange *x, struct span body, struct arena *a, struct arena *event, struct answer *out)
{
    struct reader reader = { .json = x->desk->json, .arena = a, .event = event };
    struct span text = padded(a, body);
    return text.at && cached_dialect(x)->translator->read_answer(&reader, text, out) == E_OK && !a->broken;
}

/* The whole body as this dialect's own stream, into the answer's body. */
static bool tell_as_stream(struct exchange *x, struct span body)
{
    struct answer said;
    struct arena event;
    struct telling telling = { .t = cached_dialect(x)->translator };
    struct buf text;
    struct call *call = read_call(x, &x->arena);
    arena_init(&event, EVENT_MEMORY);
    buf_init(&text, x->answering.body.ceiling);
    bool good = call && read_whole(x, body, &x->arena, &event, &said);
    if (good) {
        telling.writer = writer_of(x, call, &x->arena, &text);
        telling.writer.told_id = said.id;
        answer_emit(&said, tell_event, &telling);
        buf_put(&x->answering.body, speak_events(x, buf_span(&text), true));
    }
    good = good && !text.broken && !x->answering.body.broken && !x->arena.broken && x->answering.body.len;
    buf_free(&text);
    arena_free(&event);
    return good;
}

static bool set_body(struct exchange *x, const struct packed *p, struct span *type)
{
    *type = p->type;
    if (!is_llm(x) || !x->deciding.ask.stream) {
        buf_put(&x->answering.body, p->body);
        return !x->answering.body.broken;
    }
    *type = x->speaking.array ? SPAN("application/json") : frames_type(cached_dialect(x)->framing);
    return tell_as_stream(x, p->body);
}

bool cached_replay(struct exchange *x, const struct cached_answer *kept, enum caching_outcome outcome)
{
    struct packed p;
    struct answering *a = &x->answering;
    struct span type;
    int64_t now = x->desk->world->now_ms(x->desk->world->self);
    struct http_field *field = ARENA_NEW(&x->arena, struct http_field);
    if (!field || !unpack(kept->body, &p) || !set_body(x, &p, &type)) {
        buf_clear(&a->body);
        return false;
    }
    *field = (struct http_field){ SPAN("content-type"), arena_copy(&x->arena, type) };
    a->fields = field;
    a->field_count = field->value.len ? 1 : 0;
    a->status = KEPT_STATUS;
    a->usage.model = p.model.len ? arena_copy(&x->arena, p.model) : SPAN_NONE;
    x->caching.outcome = outcome;
    x->caching.of = kept->call;
    x->caching.age_ms = now > kept->at_ms ? now - kept->at_ms : 0;
    x->caching.saved = kept->cost;
    return true;
}

/* ---- look_up ---- */

static enum next take_part(struct exchange *x, enum caching_outcome outcome)
{
    x->caching.outcome = outcome;
    x->caching.takes_part = true;
    return NEXT;
}

static enum next enter(struct exchange *x)
{
    struct caching *c = &x->caching;
    const struct world *w = x->desk->world;
    struct cached_answer found;
    int64_t waited_ms = (w->monotonic_ns(w->self) - x->times.began_ns) / 1000000;
    const struct cache_ask ask = { c->name, x->id, x->desk->index, c->max_age_ms, w->now_ms(w->self) };
    if (waited_ms > WAIT_MS) { /* whoever goes first takes too long, or none comes to an end: this one goes for itself */
        c->era = cache_era(x->desk->cache);
        return take_part(x, CACHING_MISS);
    }
    switch (cache_enter(x->desk->cache, &ask, &x->arena, &found, &c->era)) {
    case CACHED_HIT:
        return cached_replay(x, &found, CACHING_HIT) ? STOP : take_part(x, CACHING_MISS);
    case CACHED_WAIT:
        w->await_news(w->self, x, NEWS_MS);
        return WAIT;
    default:
        c->claimed = true;
        return take_part(x, CACHING_MISS);
    }
}

/* Not longer than what was said can be gone on with: OpenAI keeps it for 30 days, the gate as long as answers to repeats. */
static void keep_within_store(struct exchange *x)
{
    const int64_t vendors_ms = INT64_C(30) * 24 * 60 * 60 * 1000, own_ms = x->snapshot->settings.answers_ms;
    const int64_t most_ms = own_ms > 0 && own_ms < vendors_ms ? own_ms : vendors_ms;
    if (x->caching.stored && x->caching.max_age_ms > most_ms)
        x->caching.max_age_ms = most_ms;
}

enum next look_up(struct exchange *x)
{
    struct caching *c = &x->caching;
    if (!x->desk->cache || c->takes_part || x->mirror_of)
        return NEXT;
    if (!cached_decide(x))
        return STOP;
    if (c->in_force.mode == CACHE_OFF)
        return NEXT;
    if (!c->looked && (!cached_can_be(x) || !cached_name(x, &c->name))) {
        c->in_force.mode = CACHE_OFF;
        return NEXT;
    }
    if (!c->looked)
        keep_within_store(x);
    c->looked = true;
    if (!c->refresh)
        return enter(x);
    c->era = cache_era(x->desk->cache);
    return take_part(x, CACHING_REFRESH);
}

/* ---- a stream, gathered while it passes ---- */

/* From its first event on. NULL: it is not to be kept, or can no more. */
static struct cached_tap *tap_of(struct exchange *x)
{
    struct cached_tap *t = x->answering.tap;
    if (t || !(x->caching.takes_part || trial_listens(x)) || !x->deciding.ask.stream)
        return t && t->useless ? NULL : t;
    const size_t most = x->caching.takes_part ? (size_t)cache_entry_bytes(x->desk->cache) : TRIAL_TEXT_MOST;
    t = x->answering.tap = ARENA_NEW(&x->arena, struct cached_tap);
    if (!t)
        return NULL;
    arena_init(&t->arena, 8 * most + (1 << 20));
    arena_init(&t->event, EVENT_MEMORY);
    gather_begin(&t->gather, &t->arena, most);
    t->reader = (struct reader){ .arena = &t->arena, .event = &t->event, .seed = x->id, .sink = gather_event, .self = &t->gather };
    return t;
}

void cached_event(struct exchange *x, const struct event *e)
{
    struct cached_tap *t = tap_of(x);
    if (!t)
        return;
    t->told = true;
    gather_event(&t->gather, e);
    t->useless = t->gather.full || t->gather.failed || t->arena.broken;
}

void cached_frame(struct exchange *x, const struct sse_event *frame)
{
    struct cached_tap *t = tap_of(x);
    if (!t)
        return;
    struct sse_event own = *frame;
    struct arena_mark mark = arena_mark(&t->event);
    own.data = padded(&t->event, frame->data);
    t->told = true;
    t->reader.json = x->desk->json;
    cached_dialect(x)->translator->read_event(&t->reader, &own);
    arena_rewind(&t->event, mark);
    t->useless = t->reader.broken || t->event.broken || t->gather.full || t->gather.failed || t->arena.broken;
}

/* Of Gemini's streams the body's end is the end. */
static void end_tap(struct exchange *x, struct cached_tap *t)
{
    const struct translator *dialect = cached_dialect(x)->translator;
    t->reader.json = x->desk->json;
    if (dialect->read_end && !t->gather.ended && !is_translated(x))
        dialect->read_end(&t->reader);
}

/* ---- what it says ---- */

static void put_plain(struct exchange *x, struct span raw, struct buf *out)
{
    struct span text = raw.at ? raw_text(raw, &x->arena) : SPAN_NONE;
    if (text.len)
        buf_put(out, text);
}

static void put_said(struct exchange *x, const struct answer *said, struct buf *out)
{
    for (const struct part *p = said->choices ? said->choices->parts : NULL; p; p = p->next) {
        if (p->kind == PART_TEXT || p->kind == PART_REFUSAL)
            put_plain(x, p->text, out);
        if (p->kind == PART_TOOL_CALL)
            buf_print(out, "\n{\"calls\":%.*s,\"arguments\":%.*s}\n", SPAN_ARG(p->name), SPAN_ARG(p->arguments));
    }
}

bool cached_answer_text(struct exchange *x, struct buf *out)
{
    const struct answering *a = &x->answering;
    const struct dialect *d = cached_dialect(x);
    struct cached_tap *t = a->tap;
    struct answer said;
    struct arena memory, event;
    if (!d || !d->translator || !d->translator->read_answer)
        return false;
    if (t && t->told) {
        end_tap(x, t);
        gather_end(&t->gather);
        put_said(x, &t->gather.answer, out);
        return !t->useless && t->gather.ended && !out->broken && !t->arena.broken;
    }
    if (a->mode != RELAY_HOLD || !a->tapped_whole || !a->body.len || a->body.len > TRIAL_TEXT_MOST)
        return false;
    arena_init(&memory, 16 * a->body.len + (1 << 20));
    arena_init(&event, EVENT_MEMORY);
    bool good = read_whole(x, buf_span(&a->body), &memory, &event, &said);
    if (good)
        put_said(x, &said, out);
    arena_free(&memory);
    arena_free(&event);
    return good && !out->broken;
}

/* ---- keeping ---- */

/* What was held back or broken off is no answer to give to others. */
static bool ended_well(const struct answer *said)
{
    for (const struct choice *c = said->choices; c; c = c->next)
        if (c->ending == ENDING_NONE || c->ending == ENDING_FILTER || c->ending == ENDING_REFUSAL || c->ending == ENDING_PAUSE || c->ending == ENDING_MALFORMED)
            return false;
    return said->choices != NULL;
}

/* A stream, as one body in the caller's dialect. */
static bool write_gathered(struct exchange *x, struct buf *out)
{
    struct cached_tap *t = x->answering.tap;
    end_tap(x, t);
    if (t->useless || !t->gather.ended)
        return false;
    gather_end(&t->gather);
    struct call *call = read_call(x, &t->arena);
    struct writer writer = writer_of(x, call, &t->arena, out);
    writer.usage_wanted = true;
    writer.told_id = is_translated(x) ? SPAN_NONE : t->gather.answer.id;
    if (!call || !ended_well(&t->gather.answer))
        return false;
    call->stream = false;
    cached_dialect(x)->translator->write_answer(&writer, &t->gather.answer);
    veil_cover(x->answering.veil, out->at, out->len); /* what came in pieces stands in one here */
    return !out->broken && !t->arena.broken;
}

/* One body, as it was held for the caller. A model's must be one that can be told again. */
static bool copy_held(struct exchange *x, struct buf *out)
{
    const struct answering *a = &x->answering;
    struct answer said;
    struct arena memory, event;
    bool good = a->mode == RELAY_HOLD && a->tapped_whole && a->body.len <= (size_t)cache_entry_bytes(x->desk->cache);
    if (!good)
        return false;
    buf_put(out, buf_span(&a->body));
    if (!is_llm(x) || !cached_dialect(x)->translator)
        return !out->broken;
    arena_init(&memory, 16 * a->body.len + (1 << 20));
    arena_init(&event, EVENT_MEMORY);
    good = read_whole(x, buf_span(&a->body), &memory, &event, &said) && ended_well(&said);
    arena_free(&memory);
    arena_free(&event);
    return good && !out->broken;
}

static bool may_be_kept(const struct exchange *x)
{
    const struct answering *a = &x->answering;
    const struct http_head *h = a->head;
    if (!x->caching.takes_part || x->fault != E_OK || x->charging.kept || x->doubt || a->rehearsed || a->doubtful || a->lost || !h || !a->ended || h->status != KEPT_STATUS || a->status != KEPT_STATUS)
        return false;
    if (!is_llm(x)) /* of pages that stand in a field of the head, the next could not be told */
        return !http_get(h, SPAN("link")).at && a->mode == RELAY_HOLD;
    return a->mode == RELAY_HOLD || (a->mode == RELAY_EVENTS && a->meter.finished && !a->meter.failed);
}

static struct span type_of(const struct exchange *x, bool stream)
{
    for (size_t i = 0; !stream && i < x->answering.field_count; i++)
        if (span_is_nocase(x->answering.fields[i].name, SPAN("content-type")))
            return x->answering.fields[i].value;
    return stream ? SPAN("application/json") : SPAN("");
}

static bool pack(struct exchange *x, struct buf *out)
{
    struct buf body;
    struct span model = x->answering.usage.model.at ? x->answering.usage.model : x->facts.model;
    bool stream = x->answering.tap && x->answering.tap->told;
    buf_init(&body, (size_t)cache_entry_bytes(x->desk->cache));
    bool good = stream ? write_gathered(x, &body) : copy_held(x, &body);
    if (good) {
        packed_put(out, type_of(x, stream));
        packed_put(out, model);
        packed_put(out, buf_span(&body));
    }
    buf_free(&body);
    return good && !out->broken;
}

static size_t list_tags(struct exchange *x, struct span **out)
{
    const struct facts *f = &x->facts;
    struct span *list = ARENA_ARRAY(&x->arena, struct span, f->tag_count + 1);
    for (size_t i = 0; list && i < f->tag_count; i++)
        list[i] = arena_print(&x->arena, "%.*s=%.*s", SPAN_ARG(f->tags[i].name), SPAN_ARG(f->tags[i].value));
    *out = list;
    return list ? f->tag_count : 0;
}

static void keep_packed(struct exchange *x, struct span bytes)
{
    struct caching *c = &x->caching;
    struct span *tags;
    const struct world *w = x->desk->world;
    size_t tag_count = list_tags(x, &tags);
    const struct cache_label label = { x->facts.workspace, x->facts.key_id, x->facts.run, x->speaking.model_said.at ? x->speaking.model_said : x->facts.model, tags, tag_count };
    struct cached_answer answer = { .call = x->id, .at_ms = w->now_ms(w->self), .cost = x->charging.priced ? x->charging.cost : 0, .body = bytes };
    answer.until_ms = c->until_ms = answer.at_ms + c->max_age_ms;
    cache_keep(x->desk->cache, &c->name, c->era, &label, &answer);
    c->packed = bytes;
    c->claimed = false; /* those that wait were told */
}

/* Whatever became of it: a write that failed may have been carried out. */
static bool has_written(const struct exchange *x)
{
    bool forwarded = x->deciding.tries > 0 || x->doubt;
    if (x->hooking.is) /* its vendor tells that something has changed there */
        return x->fault == E_OK && x->hooking.credential;
    return forwarded && x->facts.writes && x->deciding.credential && operation_of(x) && !is_llm(x);
}

void cached_keep(struct exchange *x)
{
    struct buf out;
    if (x->desk->cache && has_written(x))
        cache_outdate(x->desk->cache, cached_account(x));
    if (!may_be_kept(x))
        return;
    buf_init(&out, (size_t)cache_entry_bytes(x->desk->cache) + 4096);
    if (pack(x, &out)) {
        struct span bytes = arena_copy(&x->arena, buf_span(&out));
        if (bytes.at)
            keep_packed(x, bytes);
    }
    buf_free(&out);
}

void cached_leave(struct exchange *x)
{
    struct caching *c = &x->caching;
    if (!c->claimed)
        return;
    c->claimed = false;
    cache_forgo(x->desk->cache, &c->name, x->id);
}

bool cached_holds(const struct exchange *x) { return x->caching.takes_part && !is_llm(x); }

void cached_free(struct exchange *x)
{
    if (!x->answering.tap)
        return;
    arena_free(&x->answering.tap->arena);
    arena_free(&x->answering.tap->event);
    x->answering.tap = NULL;
}
