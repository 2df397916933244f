/* SPDX-License-Identifier: Apache-2.0
 * taste.c - the step that looks at what came before the caller gets any of it: may another try, or another target, give something better?
 *
 * Next to read: turn.c. */
#include "flow/taste.h"
#include "flow/guard.h"
#include "flow/steps.h"

/* ---- in a race: is it an answer? ---- */

static bool says_something(const struct choice *c)
{
    for (const struct part *p = c->parts; p; p = p->next)
        if (p->kind == PART_TOOL_CALL || p->kind == PART_AUDIO || p->kind == PART_IMAGE || (p->kind == PART_TEXT && raw_inside(p->text).len))
            return true;
    return false;
}

static bool refuses(const struct choice *c)
{
    bool refused = c->ending == ENDING_REFUSAL || c->ending == ENDING_FILTER;
    for (const struct part *p = c->parts; p; p = p->next)
        refused = refused || (p->kind == PART_REFUSAL && raw_inside(p->text).len);
    return refused;
}

static const struct acceptance *accept_of(const struct exchange *x)
{
    return x->routing.plan.list[x->routing.at].accept;
}

/* What the caller asked for. Words that go as they are were not read so far. */
static bool read_wish(struct exchange *x, struct call *out)
{
    const struct call *known = speak_call(x);
    const struct translator *t = x->deciding.dialect ? x->deciding.dialect->translator : NULL;
    const char *why = "";
    if (known)
        *out = *known;
    return known || (t && t->read_call && t->read_call(x->desk->json, x->deciding.body, &x->arena, out, &why) == E_OK);
}

/* The whole text as a JSON object with the members that its schema requires. */
static bool fits_schema(struct exchange *x, const struct choice *c)
{
    struct call call;
    struct json_value root;
    struct span text = SPAN_NONE, name, item;
    const char *why = "";
    if (!read_wish(x, &call) || (call.format != FORMAT_SCHEMA && call.format != FORMAT_JSON))
        return true;
    for (const struct part *p = c->parts; p && !text.at; p = p->next)
        text = p->kind == PART_TEXT ? raw_text(p->text, &x->arena) : SPAN_NONE;
    if (!text.at || json_parse(x->desk->json, text, false, &root, &why) != E_OK)
        return false;
    struct span required = call.format == FORMAT_SCHEMA ? raw_member(call.schema, SPAN("required"), &x->arena) : SPAN_NONE;
    struct raw_iter it = raw_iter(required, &x->arena);
    while (required.at && raw_next(&it, &name, &item))
        if (!raw_member(text, raw_text(item, &x->arena), &x->arena).at)
            return false;
    return true;
}

/* NULL: it may win. */
static const char *unfit_answer(struct exchange *x)
{
    const struct acceptance *accept = accept_of(x);
    struct answer answer;
    if (!speak_hear(x, &answer)) /* no dialect that is read: a whole 200 is an answer */
        return NULL;
    const struct choice *c = answer.choices;
    if (!c || (!says_something(c) && !(accept && accept->empty) && !refuses(c)))
        return "it is empty";
    if (refuses(c) && !(accept && accept->refused))
        return "it is a refusal";
    if (c->ending == ENDING_LENGTH && accept && !accept->truncated)
        return "it was cut short";
    if ((!accept || accept->schema) && !fits_schema(x, c))
        return "it does not fit the schema that was asked for";
    return NULL;
}

static enum next not_this_status(struct exchange *x, int status)
{
    x->why = arena_print(&x->arena, "%.*s answered with status %d", SPAN_ARG(x->facts.vendor), status);
    return TURN;
}

static enum next not_this(struct exchange *x, const char *why)
{
    x->why = arena_print(&x->arena, "%.*s: %s", SPAN_ARG(x->facts.vendor), why);
    return TURN;
}

/* A 200 with a page of HTML in it, say: another target may know better. */
static bool is_unreadable(struct exchange *x)
{
    const struct answering *a = &x->answering;
    const struct translator *t = x->deciding.dialect ? x->deciding.dialect->translator : NULL;
    struct answer answer;
    bool words = x->speaking.front && x->speaking.front->kind == FRONT_CALL && a->mode == RELAY_HOLD && a->tapped_whole && a->status >= 200 && a->status < 300;
    return words && t && t->read_answer && !speak_hear(x, &answer);
}

static const char not_its_dialect[] = "its answer is none of its own dialect";

static enum next taste_racer(struct exchange *x)
{
    const struct answering *a = &x->answering;
    int status = answered_status(x);
    if (status < 200 || status >= 300)
        return not_this_status(x, status);
    const char *why = a->mode == RELAY_HOLD && a->tapped_whole ? unfit_answer(x) : NULL;
    if (is_unreadable(x))
        why = not_its_dialect;
    if (a->mode == RELAY_EVENTS && !a->tasted)
        why = "it is empty, or a refusal";
    if (!why && !guard_accepts(x))
        why = "the race's guards do not accept it";
    return why ? not_this(x, why) : NEXT;
}

/* ---- streams ---- */

bool taste_waits(const struct exchange *x)
{
    return !x->answering.began && !x->answering.tasted && x->routing.planned && (x->routing.racing || may_turn(x));
}

/* Word by word: what shows that the first words are those of a refusal, in the dialects that say so at once. */
static bool begins_with_refusal(const struct exchange *x)
{
    struct span said = buf_span(&x->answering.pending);
    const struct acceptance *accept = accept_of(x);
    if (!x->routing.racing || (accept && accept->refused))
        return false;
    return span_find(said, SPAN("\"refusal\":\"")) >= 0 || span_find(said, SPAN("response.refusal.delta")) >= 0;
}

bool taste_events(struct exchange *x)
{
    struct answering *a = &x->answering;
    a->tasted = a->meter.output_bytes > 0 && !a->meter.failed && !begins_with_refusal(x);
    return a->tasted;
}

/* ---- the step ---- */

enum next taste(struct exchange *x)
{
    if (!x->routing.planned || x->answering.began || !x->answering.head)
        return NEXT;
    if (x->routing.racing)
        return taste_racer(x);
    if (x->answering.mode == RELAY_EVENTS) { /* it ended before it said anything, and nothing else follows */
        give_pending(x);
        return NEXT;
    }
    if (may_turn(x) && is_unreadable(x)) {
        const struct attempt_end broken = { .failures = FAILURE_OUTAGE };
        return turn_decide(x, &broken) ? not_this(x, not_its_dialect) : NEXT;
    }
    struct attempt_end o = outcome_of(x);
    bool fine = o.status >= 200 && o.status < 400;
    return !fine && turn_decide(x, &o) ? not_this_status(x, o.status) : NEXT;
}
