/* SPDX-License-Identifier: Apache-2.0
 * settle.c - what a call really cost, from the vendor's answer.
 *
 * A refusal (4xx) cost nothing. An error of the vendor (5xx) on a call that moves money proves nothing: not known. A rule
 * that cannot be computed leaves the reservation standing as an estimate; one that can be only later is late.c's. */
#include "vendor/settle.h"

bool settle_replayed(const struct manifest *m, const struct http_head *answer)
{
    return m->replayed.name.at && span_is_nocase(http_get(answer, m->replayed.name), m->replayed.value);
}

static void forms_again(struct subject *s, const struct asked *q, const struct understood *u, struct arena *a)
{
    const struct manifest *m = q->vendor->manifest;
    bool is_form = q->matched->operation->body == BODY_FORM;
    const char *why;
    if (u->split) {
        s->query = u->query_pairs;
        s->form = is_form ? u->form : s->form;
        s->body_shape = is_form ? SHAPE_FORM : s->body_shape;
        return;
    }
    if (canon_form(a, u->query, m->repeat, m->repeat_count, SIZE_MAX, &s->query, &why) != E_OK)
        s->query = (struct pairs){ 0 };
    if (is_form && canon_form(a, u->body, m->repeat, m->repeat_count, SIZE_MAX, &s->form, &why) == E_OK)
        s->body_shape = SHAPE_FORM;
}

/* Forms are those that were understood, or read from their canonical text; JSON is read again, only where a reader is free for it. */
void subject_again(struct subject *s, struct json *j, const struct asked *q, const struct understood *u, struct arena *a)
{
    enum operation_body body = q->matched->operation->body;
    const char *why;
    *s = (struct subject){ .asked = q, .arena = a };
    forms_again(s, q, u, a);
    if (body == BODY_JSON && j && json_parse(j, u->body, false, &s->body, &why) == E_OK)
        s->body_shape = SHAPE_JSON;
}

static bool take_id(void *self, const struct found *f)
{
    *(struct span *)self = f->text;
    return false;
}

static struct span behind_last_slash(struct span id)
{
    struct span rest = id, head;
    while (span_cut(&rest, '/', &head))
        id = rest;
    return id;
}

bool settle_unit(struct eval *e, const struct expr *rule, enum unit unit, int64_t *out)
{
    struct value v = value_number(expr_run(e, rule));
    if (v.kind != VALUE_NUMBER || v.nano < 0)
        return false;
    *out = unit == UNIT_USD ? v.nano : money_mul_div_up(v.nano, 1, NANO_PER_USD);
    return true;
}

/* Without a rule what was reserved is what it cost. */
static void settle_or_keep(struct eval *e, const struct expr *rule, enum unit unit, struct settled *out)
{
    out->real[unit] = e->reserved[unit];
    if (rule && !settle_unit(e, rule, unit, &out->real[unit]))
        out->estimate = true;
}

void settle_by(struct subject *s, const struct understood *u, struct settled *out)
{
    const struct manifest *m = s->asked->vendor->manifest;
    const struct rules *r = &m->rules[s->asked->matched->operation->index];
    struct span id = SPAN_NONE;
    struct eval e = { .subject = s, .manifest = m, .reserved = u->worst };
    settle_or_keep(&e, r->settle[UNIT_USD], UNIT_USD, out);
    settle_or_keep(&e, r->settle[UNIT_MESSAGES], UNIT_MESSAGES, out);
    if (r->object_id)
        field_each(r->object_id, s, take_id, &id);
    if (r->object_id_last)
        id = behind_last_slash(id);
    out->object_id = arena_copy(s->arena, id);
    out->pending = r->late && id.len && late_wanted(&e, r->late);
    out->known = u->cost_known || r->settle[UNIT_USD];
    if (!u->cost_known && out->estimate)
        out->known = false; /* neither the request nor the answer said how much */
}

void settle_success(
    struct json *j, const struct asked *q, const struct understood *u, struct span body, struct arena *a, struct settled *out)
{
    struct subject s;
    const char *why;
    subject_again(&s, NULL, q, u, a);
    s.has_answer = true;
    if (q->matched->operation->reads_answer && json_parse(j, body, false, &s.answer, &why) != E_OK)
        return;
    settle_by(&s, u, out);
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
    if (settle_replayed(m, answer)) {
        out->known = out->replayed = true;
        return;
    }
    if (answer->status >= 200 && answer->status < 300)
        settle_success(j, q, u, body, a, out);
    else
        out->known = answer->status < 500 || !vendor_moves_money(q->matched->operation, u);
}
