/* SPDX-License-Identifier: Apache-2.0
 * settle.c - what a call really cost, from the vendor's answer.
 *
 * A refusal (4xx) cost nothing. An error of the vendor (5xx) on a call that moves money proves nothing: not known. A rule
 * that cannot be computed yet (a price that comes later) leaves the reservation standing as an estimate. */
#include "vendor/manifest.h"

static bool is_replay(const struct manifest *m, const struct http_head *answer)
{
    return m->replayed.name.at && span_is_nocase(http_get(answer, m->replayed.name), m->replayed.value);
}

/* Form bodies are read again from their canonical text; JSON ones are not (the reader is needed for the answer). */
static void subject_of(struct subject *s, const struct asked *q, const struct understood *u, struct arena *a)
{
    const struct manifest *m = q->vendor->manifest;
    const char *why;
    *s = (struct subject){ .asked = q, .arena = a, .has_answer = true };
    if (q->matched->operation->body != BODY_FORM)
        return;
    if (canon_form(a, u->body, m->repeat, m->repeat_count, SIZE_MAX, &s->form, &why) == E_OK)
        s->body_shape = SHAPE_FORM;
}

static bool take_id(void *self, const struct found *f)
{
    *(struct span *)self = f->text;
    return false;
}

static void settle_unit(struct eval *e, const struct expr *rule, enum unit unit, const struct understood *u, struct settled *out)
{
    out->real[unit] = u->worst[unit];
    if (!rule)
        return;
    struct value v = value_number(expr_run(e, rule));
    if (v.kind != VALUE_NUMBER || v.nano < 0) {
        out->estimate = true;
        return;
    }
    out->real[unit] = unit == UNIT_USD ? v.nano : money_mul_div_up(v.nano, 1, NANO_PER_USD);
}

static void settle_success(
    struct json *j, const struct asked *q, const struct understood *u, struct span body, struct arena *a, struct settled *out)
{
    const struct manifest *m = q->vendor->manifest;
    const struct operation *op = q->matched->operation;
    const struct rules *r = &m->rules[op->index];
    struct subject s;
    const char *why;
    struct span id = SPAN_NONE;
    subject_of(&s, q, u, a);
    if (op->reads_answer && json_parse(j, body, false, &s.answer, &why) != E_OK)
        return;
    struct eval e = { .subject = &s, .manifest = m, .reserved = u->worst };
    settle_unit(&e, r->settle[UNIT_USD], UNIT_USD, u, out);
    settle_unit(&e, r->settle[UNIT_MESSAGES], UNIT_MESSAGES, u, out);
    if (r->has_object_id)
        field_each(&r->object_id, &s, take_id, &id);
    out->object_id = arena_copy(a, id);
    out->known = u->cost_known || r->settle[UNIT_USD];
    if (!u->cost_known && out->estimate)
        out->known = false; /* neither the request nor the answer said how much */
}

struct span vendor_request_id(const struct vendor *v, const struct http_head *answer)
{
    struct span name = v->manifest->request_id;
    return name.at ? http_get(answer, name) : SPAN_NONE;
}

void vendor_settle(struct json *j, const struct asked *q, const struct understood *u, const struct http_head *answer,
    struct span body, struct arena *a, struct settled *out)
{
    const struct manifest *m = q->vendor->manifest;
    *out = (struct settled){ 0 };
    if (is_replay(m, answer)) {
        out->known = out->replayed = true;
        return;
    }
    if (answer->status >= 200 && answer->status < 300)
        settle_success(j, q, u, body, a, out);
    else
        out->known = answer->status < 500 || !q->matched->operation->moves_money;
}
