/* SPDX-License-Identifier: Apache-2.0
 * spelling.c - members of JSON bodies that differ from a ruled one only by case, _ or -.
 *
 * Rules read `amount_money`; a vendor may read `amountMoney` or `Amount_Money` as well, and carry that out. So where the ruled member may
 * stand, no other spelling of it is taken, unless a rule is about that one too. A rule for all operations says less of one of them: Telnyx reads
 * `to` in most, and `To` in a few. What only such rules read is refused in another spelling where both stand. What stands below "**" is not
 * looked at. The names are put together when a manifest is compiled, as a tree of places, so that a call goes over its body once. */
#include "base/spelling.h"
#include "vendor/compile.h"
#include "vendor/subject.h"

/* A member (or each item of a list, name SPAN_NONE) that some rule looks at or into. */
struct spelling {
    struct span name;
    bool general;   /* only rules for all of the manifest's operations read it */
    unsigned place; /* among its siblings */
    struct spelling *first, *next;
};

/* ---- compiling ---- */

struct gathering {
    struct arena *arena;
    struct spelling *root;
    bool general; /* rules of the manifest are gathered, not the operation's */
    bool broken;
};

static struct spelling *place_below(struct gathering *g, struct spelling *at, const struct step *step)
{
    struct span name = step->kind == STEP_EACH ? SPAN_NONE : step->name;
    for (struct spelling *s = at->first; s; s = s->next)
        if (name.at ? s->name.at && span_is(s->name, name) : !s->name.at) {
            s->general &= g->general;
            return s;
        }
    struct spelling *made = ARENA_NEW(g->arena, struct spelling);
    g->broken |= !made;
    if (!made)
        return NULL;
    *made = (struct spelling){ .name = name, .general = g->general, .place = at->first ? at->first->place + 1 : 0, .next = at->first };
    at->first = made;
    return made;
}

/* Where the steps lead; NULL: to many places, or in any case. */
static struct spelling *go_down(struct gathering *g, struct spelling *at, const struct field *f)
{
    for (size_t i = 0; at && i < f->count; i++)
        at = f->steps[i].kind == STEP_DEEP || f->steps[i].any_case ? NULL : place_below(g, at, &f->steps[i]);
    return at;
}

static void gather_field(struct gathering *g, const struct field *f)
{
    if (f->root == ROOT_BODY)
        go_down(g, g->root, f);
}

/* items: what `item.` stands for; NULL: nothing that is known. */
static void gather_rule(struct gathering *g, const struct expr *x, struct spelling *items)
{
    if (x->kind == EXPR_FIELD && x->field->root == ROOT_ITEM && items)
        go_down(g, items, x->field);
    else if (x->kind == EXPR_FIELD)
        gather_field(g, x->field);
    bool sums = x->kind == EXPR_CALL && x->count == 2 && span_is(span_of(x->function->name), SPAN("sum")) && x->args[0]->kind == EXPR_FIELD;
    if (sums && x->args[0]->field->root == ROOT_BODY)
        items = go_down(g, g->root, x->args[0]->field);
    else if (sums && x->args[0]->field->root == ROOT_ITEM && items)
        items = go_down(g, items, x->args[0]->field);
    if (sums)
        items = items ? place_below(g, items, &(struct step){ .kind = STEP_EACH }) : NULL;
    for (size_t i = 0; i < x->count; i++)
        gather_rule(g, x->args[i], i || !sums ? items : NULL);
}

static void gather(struct gathering *g, const struct scope_source *scopes, size_t scope_count, const struct parameter_check *parameters, size_t parameter_count)
{
    for (size_t i = 0; i < scope_count; i++)
        for (size_t k = 0; k < scopes[i].count; k++)
            gather_field(g, &scopes[i].fields[k]);
    for (size_t i = 0; i < parameter_count; i++)
        gather_field(g, &parameters[i].field);
}

static void gather_general(struct gathering *g, const struct manifest *m)
{
    g->general = true;
    gather(g, m->scopes, m->scope_count, m->parameters, m->parameter_count);
    g->general = false;
}

/* An operation without rules of its own has the manifest's. */
static bool spellings_of(struct compiler *c, struct spelling *shared, struct rules *r)
{
    const struct manifest *m = c->manifest;
    struct gathering g = { .arena = c->arena };
    r->spellings = shared;
    if (!r->scope_count && !r->parameter_count && !r->has_reserve)
        return true;
    g.root = ARENA_NEW(c->arena, struct spelling);
    if (!g.root)
        return false;
    *g.root = (struct spelling){ 0 };
    gather_general(&g, m);
    gather(&g, r->scopes, r->scope_count, r->parameters, r->parameter_count);
    for (size_t i = 0; i < UNIT_COUNT; i++)
        if (r->reserve[i])
            gather_rule(&g, r->reserve[i], NULL);
    r->spellings = g.root;
    return !g.broken;
}

bool spellings_build(struct compiler *c)
{
    struct manifest *m = c->manifest;
    struct gathering g = { .arena = c->arena, .root = ARENA_NEW(c->arena, struct spelling) };
    if (!g.root)
        return say_memory(c, NULL);
    *g.root = (struct spelling){ 0 };
    gather_general(&g, m);
    bool fine = !g.broken;
    for (size_t i = 0; fine && i < m->operation_count; i++)
        if (m->operations[i].body == BODY_JSON && !m->operations[i].dialect.at)
            fine = spellings_of(c, g.root, &m->rules[m->operations[i].index]);
    return fine || say_memory(c, NULL);
}

/* ---- checking ---- */

static const struct spelling *each_below(const struct spelling *at)
{
    const struct spelling *s = at->first;
    while (s && s->name.at)
        s = s->next;
    return s;
}

/* The rule's own member, or else one that it is another spelling of. */
static const struct spelling *named_below(const struct spelling *at, struct span name, bool *other)
{
    const struct spelling *alike = NULL;
    for (const struct spelling *s = at->first; s; s = s->next) {
        *other = false;
        if (s->name.at && span_is(s->name, name))
            return s;
        if (s->name.at && !alike && spelling_is_alike(name, s->name))
            alike = s;
    }
    *other = alike != NULL;
    return alike;
}

/* The ruled member itself is in the object. Looked for once: a body may have a million other spellings of it. */
static bool stands(struct json_value object, const struct spelling *ruled, uint64_t *absent)
{
    if (ruled->place >= 64)
        return true;
    uint64_t bit = UINT64_C(1) << ruled->place;
    if (!(*absent & bit) && json_kind(json_member(object, ruled->name)) != JSON_NONE)
        return true;
    *absent |= bit;
    return false;
}

/* The depth is the rules', at most twice a field's steps. False: *said is another spelling of *meant. */
static bool fits(const struct spelling *at, struct json_value v, struct span *said, struct span *meant)
{
    struct span name;
    struct json_value value;
    uint64_t absent = 0;
    enum json_kind kind = json_kind(v);
    if (!at->first || (kind != JSON_OBJECT && kind != JSON_ARRAY))
        return true;
    const struct spelling *each = kind == JSON_ARRAY ? each_below(at) : NULL;
    if (kind == JSON_ARRAY && !each)
        return true;
    for (struct json_iter it = json_iter(v); json_next(&it, &name, &value);) {
        bool other = false;
        const struct spelling *s = each ? each : named_below(at, name, &other);
        if (other && s->general && !stands(v, s, &absent))
            continue;
        if (other) {
            *said = name;
            *meant = s->name;
            return false;
        }
        if (s && !fits(s, value, said, meant))
            return false;
    }
    return true;
}

enum err spellings_check(struct understanding *u)
{
    const struct spelling *root = u->rules->spellings;
    struct span said, meant;
    if (!root || u->subject.body_shape != SHAPE_JSON || fits(root, u->subject.body, &said, &meant))
        return E_OK;
    *u->why = arena_print(u->arena, "member %.*s: rules read %.*s, and the vendor may read both; leave the other spelling out",
        SPAN_ARG(span_first(said, 80)), SPAN_ARG(meant));
    return E_NOT_CANONICAL;
}
