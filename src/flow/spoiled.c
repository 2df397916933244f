/* SPDX-License-Identifier: Apache-2.0
 * spoiled.c - see spoiled.h. */
#include "flow/spoiled.h"

#include "flow/speak.h"
#include "flow/steps.h"

/* The status that the vendor would have had: some errors within streams tell none. */
static int status_of(const struct fault *f)
{
    bool fits = f->status >= 400 && f->status < 600 && fault_of_status(f->status) == f->kind;
    return fits ? f->status : fault_status(f->kind);
}

void spoil_note(void *self, const struct event *e)
{
    struct exchange *x = self;
    struct answering *a = &x->answering;
    struct fault *f = e->kind == EVENT_ERROR && !a->began && !a->spoiled && !a->meter.output_bytes && e->fault ? ARENA_NEW(&x->arena, struct fault) : NULL;
    if (!f)
        return;
    *f = (struct fault){ .kind = e->fault->kind, .status = status_of(e->fault), .message = arena_copy(&x->arena, e->fault->message) };
    f->code = e->fault->code.at ? arena_copy(&x->arena, e->fault->code) : SPAN_NONE;
    f->param = e->fault->param.at ? arena_copy(&x->arena, e->fault->param) : SPAN_NONE;
    a->spoiled = f;
}

static void become_json(struct answering *a)
{
    for (size_t i = 0; i < a->field_count; i++)
        if (span_is_nocase(a->fields[i].name, SPAN("content-type")))
            a->fields[i].value = SPAN("application/json");
}

bool spoil_become(struct exchange *x)
{
    struct answering *a = &x->answering;
    const struct dialect *caller = caller_dialect(x), *d = caller ? caller : x->deciding.dialect;
    if (!a->spoiled || !d || !d->translator || !d->translator->write_fault)
        return false;
    buf_clear(&a->body);
    int status = d->translator->write_fault(&a->body, a->spoiled, span_make(x->id_text, CALL_ID_TEXT), SPAN_NONE);
    if (a->body.broken)
        return false;
    a->status = status;
    veil_cover(a->veil, a->body.at, a->body.len);
    a->mode = RELAY_HOLD;
    a->tapped_whole = true;
    x->attempts[x->attempt].status = a->spoiled->status;
    x->speaking.array = false;
    become_json(a);
    return true;
}

void spoil_hear(struct exchange *x, const struct sse_event *frame)
{
    const struct dialect *d = x->deciding.dialect;
    struct sse_event own = *frame;
    struct reader r = { .arena = &x->arena, .event = &x->arena, .json = x->desk->json, .owner = span_of(d->name), .seed = x->id, .sink = spoil_note, .self = x };
    if (x->answering.frames.framing == FRAMING_SSE)
        own.data = speak_padded(&x->arena, frame->data);
    if (d->translator && d->translator->read_event)
        d->translator->read_event(&r, &own);
}
