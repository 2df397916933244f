/* SPDX-License-Identifier: Apache-2.0
 * in_query.c - what may stand in the query beside a body that is read.
 *
 * Rules read the body, and many servers read both: what the query said would be carried out and not be counted. So a write (and a read
 * that is billed) takes there what its manifest names, and GraphQL nothing at all. Only where a call has a query is anything looked
 * up, which few of these have. */
#include "vendor/compile.h"
#include "vendor/send.h"
#include "vendor/subject.h"

struct naming {
    struct span name;
    bool found;
};

static void look_at(struct naming *n, const struct field *f)
{
    const struct step *first = f->steps;
    if (f->root == ROOT_QUERY && f->count && first->kind == STEP_NAME)
        n->found |= first->any_case ? span_is_nocase(n->name, first->name) : span_is(n->name, first->name);
}

static void visit(void *self, const struct field *f) { look_at(self, f); }

static void look_at_scopes(struct naming *n, const struct scope_source *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < list[i].count; k++)
            look_at(n, &list[i].fields[k]);
}

static void look_at_parameters(struct naming *n, const struct parameter_check *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        look_at(n, &list[i].field);
}

static void look_at_costs(struct naming *n, const struct expr *const costs[UNIT_COUNT])
{
    for (size_t i = 0; i < UNIT_COUNT; i++)
        if (costs[i])
            expr_each_field(costs[i], visit, n);
}

/* What a lost answer is looked up by. */
static void look_at_search(struct naming *n, const struct search *s)
{
    for (size_t i = 0; i < s->ask.path_count; i++)
        if (s->ask.path[i].value)
            expr_each_field(s->ask.path[i].value, visit, n);
    for (size_t i = 0; i < s->ask.query_count; i++)
        if (s->ask.query[i].value)
            expr_each_field(s->ask.query[i].value, visit, n);
    for (size_t i = 0; i < s->count; i++)
        look_at(n, &s->members[i].ours);
}

static bool is_listed(struct span name, const struct span *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (span_is(name, list[i]))
            return true;
    return false;
}

static bool is_default(const struct manifest *m, struct span name)
{
    struct span rest = m->default_query.len ? m->default_query : SPAN_NONE, piece, key;
    while (span_next(&rest, '&', &piece))
        if (span_cut(&piece, '=', &key) && span_is(key, name))
            return true;
    return false;
}

/* A scope of the whole manifest looks into the query for its reads: of money, where its rules read the body, it says nothing. */
static bool is_named(const struct understanding *u, struct span name)
{
    const struct manifest *m = u->manifest;
    const struct rules *r = u->rules;
    struct naming n = { .name = name };
    if (is_listed(name, m->in_query, m->in_query_count) || is_listed(name, r->in_query, r->in_query_count) || is_default(m, name))
        return true;
    look_at_parameters(&n, m->parameters, m->parameter_count);
    look_at_parameters(&n, r->parameters, r->parameter_count);
    look_at_scopes(&n, r->scopes, r->scope_count);
    if (!u->operation->moves_money)
        look_at_scopes(&n, m->scopes, m->scope_count);
    look_at_costs(&n, r->reserve);
    look_at_costs(&n, r->settle);
    if (r->search)
        look_at_search(&n, r->search);
    return n.found;
}

/* Models' calls are their dialect's to read. */
static bool says_all_in_its_body(const struct operation *op)
{
    bool acts = op->writes || op->moves_money;
    return acts && !op->dialect.at && (op->body == BODY_JSON || op->body == BODY_MULTIPART);
}

/* MessageBird and others read the method of a call there: what was matched as a read would be carried out as a write. */
static bool overrides_method(struct span name) { return span_is_nocase(name, SPAN("_method")); }

static struct span top_of(struct span name)
{
    ptrdiff_t open = span_find_byte(name, '[');
    return open < 0 ? name : span_first(name, (size_t)open);
}

enum err in_query_method(struct understanding *u, const struct pairs *p)
{
    for (size_t i = 0; !u->operation->dialect.at && i < p->count; i++)
        if (overrides_method(top_of(p->list[i].name)))
            return understanding_refuse(u, E_NOT_CANONICAL, "parameter _method: a vendor may take it for the method; the method is the request's own");
    return E_OK;
}

enum err in_query_check(struct understanding *u)
{
    const struct operation *op = u->operation;
    const struct pairs *p = &u->subject.query;
    enum err e = in_query_method(u, p);
    if (e)
        return e;
    bool graphql = u->rules->by_field || op->fields;
    if (!p->count || (!graphql && !says_all_in_its_body(op)))
        return E_OK;
    for (size_t i = 0; i < p->count; i++) {
        struct span name = p->list[i].name, top = top_of(name);
        if (send_owns_query(u->manifest, top) || (!graphql && is_named(u, top)))
            continue;
        *u->why = arena_print(u->arena, "query parameter %.*s: %s", SPAN_ARG(span_first(name, 80)),
            graphql ? "a GraphQL request says all in its body" : "this operation is told what to do in its body, and takes no parameter of that name beside it");
        return E_NOT_CANONICAL;
    }
    return E_OK;
}
