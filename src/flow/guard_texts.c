/* SPDX-License-Identifier: Apache-2.0
 * guard_texts.c - what guardrails look at: JSON bodies and forms as they came, answers as the vendor gave them, streams word by word as
 * their caller would hear them. */
#include "flow/guard.h"
#include "flow/speak.h"
#include "flow/steps.h"

#include "base/raw.h"
#include "http/frames.h"
#include "rules/parts.h"

enum { PARTS_MOST = 1000, STREAM_MEMORY = 64 << 20, EVENT_MEMORY = 1 << 20 };

static enum next unreadable(struct exchange *x, const char *what)
{
    x->rule = x->routing.target->path;
    return fail(x, E_GUARDRAIL_DENIED, "%.*s has guardrails, and %s", SPAN_ARG(x->routing.target->path), what);
}

static bool add(struct exchange *x, struct guard_text *t, struct guard_piece piece)
{
    struct guard_piece *list = t->count < GUARD_PIECES_MOST ? arena_grow(&x->arena, (void *)(uintptr_t)t->pieces, sizeof(*list), t->count) : NULL;
    if (!list)
        return false;
    list[t->count++] = piece;
    t->pieces = list;
    return true;
}

/* ---- requests ---- */

/* Each line is a call; its texts are as much this one's. */
static enum next batch_texts(struct exchange *x, struct span lines, struct guard_text *t)
{
    struct span line, rest = lines;
    while (span_next(&rest, '\n', &line)) {
        struct guard_text own = { .answer = false };
        struct span call = span_trim(line);
        struct buf *copy = &x->desk->scratch;
        if (span_ends(call, SPAN("\r")))
            call.len--;
        if (!call.len)
            continue;
        buf_clear(copy);
        struct span body = raw_member(call, SPAN("body"), &x->arena);
        buf_put(copy, body.at ? body : call);
        if (copy->broken || guard_texts(x->desk->json, buf_span(copy), false, &x->arena, &own) != E_OK)
            return unreadable(x, "the file has a line that cannot be looked at");
        for (size_t i = 0; i < own.count; i++) {
            struct guard_piece p = { .text = arena_copy(&x->arena, own.pieces[i].text), .turn = 0, .prose = own.pieces[i].prose };
            if (!p.text.at || !add(x, t, p))
                return unreadable(x, "the file has more texts than can be looked at");
        }
    }
    return NEXT;
}

static bool is_text_file(const struct form_part *p)
{
    return span_ends(p->file, SPAN(".jsonl")) || span_starts(p->type, SPAN("application/json")) || span_starts(p->type, SPAN("text/"));
}

static bool says_nothing(const struct form_part *p)
{
    return span_starts(p->type, SPAN("audio/")) || span_starts(p->type, SPAN("image/")) || span_starts(p->type, SPAN("video/"));
}

static enum next form_texts(struct exchange *x, struct span type, struct guard_text *t)
{
    static const char *const enumerations[] = { "model", "response_format", "size", "quality", "purpose", "n", "stream", "language", "temperature", NULL };
    struct form form;
    const char *why;
    if (parts_read(&x->arena, type, buf_span(&x->asking.body), PARTS_MOST, &form, &why) != E_OK)
        return unreadable(x, "the form cannot be read");
    for (size_t i = 0; i < form.count; i++) {
        const struct form_part *p = &form.list[i];
        size_t k = 0;
        if (p->file.at && says_nothing(p))
            continue;
        if (p->file.at && !is_text_file(p))
            return unreadable(x, "a file of this kind cannot be looked at");
        if (p->file.at && span_ends(p->file, SPAN(".jsonl"))) {
            if (batch_texts(x, p->value, t) == STOP)
                return STOP;
            continue;
        }
        while (enumerations[k] && !span_is(p->name, span_of(enumerations[k])))
            k++;
        if (!enumerations[k] && p->value.len && !add(x, t, (struct guard_piece){ .text = p->value, .turn = 0, .prose = true }))
            return unreadable(x, "the form has more texts than can be looked at");
    }
    return NEXT;
}

enum next guard_request_texts(struct exchange *x, struct guard_text *out)
{
    struct span type = http_get(x->asking.head, SPAN("content-type"));
    if (!x->asking.body.len) /* a job is asked after, a list read */
        return NEXT;
    if (http_is_type(type, SPAN("multipart/form-data")))
        return form_texts(x, type, out);
    switch (guard_texts(x->desk->json, buf_span(&x->asking.body), false, &x->arena, out)) {
    case E_OK:
        return NEXT;
    case E_TOO_LARGE:
    case E_NO_MEMORY:
        return unreadable(x, "the request has more texts than can be looked at");
    default:
        return fail(x, E_BAD_REQUEST, "the body is no JSON object, or a text in it cannot be read");
    }
}

/* ---- streams ---- */

struct hearing {
    struct exchange *x;
    struct reader reader;
    struct gather gather;
    struct arena event;
};

static void hear(struct hearing *h, const struct translator *t, const struct sse_event *e)
{
    if (e->data.at && !h->reader.broken && !h->reader.ended && !h->reader.failed)
        t->read_event(&h->reader, e);
    arena_free(&h->event);
    arena_init(&h->event, EVENT_MEMORY * 16);
}

/* Events need slack behind their data. */
static void hear_frames(struct hearing *h, const struct dialect *d, struct span bytes)
{
    struct frames frames;
    struct sse_event e;
    struct buf data;
    frames_init(&frames, d->framing, STREAM_MEMORY);
    buf_init(&data, STREAM_MEMORY);
    while (frames_next(&frames, &bytes, &e)) {
        buf_clear(&data);
        buf_put(&data, e.data);
        struct sse_event copy = { .raw = e.raw, .name = e.name, .data = e.data.at ? buf_span(&data) : SPAN_NONE };
        hear(h, d->translator, &copy);
    }
    if (frames.broken || data.broken)
        h->reader.broken = "it cannot be read";
    buf_free(&data);
    frames_free(&frames);
}

static void hear_array(struct hearing *h, const struct dialect *d, struct span array)
{
    struct raw_iter it = raw_iter(span_trim(array), &h->x->arena);
    struct span name, item;
    struct buf data;
    buf_init(&data, STREAM_MEMORY);
    while (raw_next(&it, &name, &item)) {
        buf_clear(&data);
        buf_put(&data, item);
        hear(h, d->translator, &(struct sse_event){ .data = buf_span(&data) });
    }
    buf_free(&data);
}

static bool add_part(struct exchange *x, struct guard_text *t, const struct part *p, int turn)
{
    struct guard_piece piece = { .turn = turn, .prose = p->kind == PART_TEXT || p->kind == PART_REFUSAL || p->kind == PART_AUDIO };
    bool call = p->kind == PART_TOOL_CALL;
    struct span more = call ? raw_text(p->name, &x->arena) : SPAN_NONE;
    piece.text = call ? p->arguments : p->kind == PART_SERVER_TOOL ? p->raw : raw_text(p->text, &x->arena);
    if (more.len && !add(x, t, (struct guard_piece){ .text = more, .turn = turn, .fixed = true }))
        return false;
    return !piece.text.len || add(x, t, piece);
}

static bool add_choices(struct exchange *x, struct guard_text *t, const struct answer *a)
{
    for (const struct choice *c = a->choices; c; c = c->next)
        for (const struct part *p = c->parts; p; p = p->next)
            if (!add_part(x, t, p, (int)c->index))
                return false;
    return true;
}

static enum next stream_texts(struct exchange *x, struct guard_text *out)
{
    const struct dialect *d = caller_dialect(x) ? caller_dialect(x) : x->deciding.dialect;
    struct span said = buf_span(&x->answering.pending);
    struct hearing h = { .x = x };
    if (!d || !d->translator || !d->translator->read_event || x->answering.pending.broken)
        return unreadable(x, x->answering.pending.broken ? "the answer is larger than can be held to be looked at" : "a stream of this kind cannot be looked at");
    arena_init(&h.event, EVENT_MEMORY * 16);
    gather_begin(&h.gather, &x->arena, STREAM_MEMORY);
    h.reader = (struct reader){ .json = x->desk->json, .arena = &x->arena, .event = &h.event, .seed = x->id, .sink = gather_event, .self = &h.gather };
    if (x->speaking.array)
        hear_array(&h, d, said);
    else
        hear_frames(&h, d, said);
    gather_end(&h.gather);
    arena_free(&h.event);
    if (h.reader.broken || h.gather.full || x->arena.broken)
        return unreadable(x, "the stream cannot be looked at");
    return add_choices(x, out, &h.gather.answer) ? NEXT : unreadable(x, "the answer has more texts than can be looked at");
}

/* ---- answers ---- */

enum next guard_answer_texts(struct exchange *x, struct guard_text *out)
{
    const struct answering *a = &x->answering;
    struct span type = a->head ? http_get(a->head, SPAN("content-type")) : SPAN_NONE;
    if (a->mode == RELAY_EVENTS)
        return stream_texts(x, out);
    if (a->mode != RELAY_HOLD || !a->tapped_whole)
        return NEXT; /* what guard_judge let through */
    out->answer = true;
    if (span_starts(type, SPAN("text/")) && !span_starts(span_trim(buf_span(&a->body)), SPAN("{")))
        return add(x, out, (struct guard_piece){ .text = buf_span(&a->body), .prose = true }) ? NEXT : unreadable(x, "the answer cannot be looked at");
    if (guard_texts(x->desk->json, buf_span(&a->body), true, &x->arena, out) == E_OK)
        return NEXT;
    return unreadable(x, "the answer cannot be looked at");
}
