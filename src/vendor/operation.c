/* SPDX-License-Identifier: Apache-2.0
 * operation.c - compiling the table of operations: "charges.create: POST /v1/charges", or a map with rules beside it. */
#include "vendor/compile.h"

static const char *const operation_names[] = { "call", "body", "origin", "dialect", "reserve", "settle", "scopes", "parameters",
    "moves_money", "writes", "refund", "secret", "note", "unscoped", "object_id", "doubt", NULL };
static const char *const body_names[] = { "none", "form", "json", "multipart", "opaque", NULL };
static const char *const unit_names[] = { "usd", "messages", NULL };

static bool is_method(struct span s)
{
    static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", NULL };
    for (size_t i = 0; methods[i]; i++)
        if (span_is(s, span_of(methods[i])))
            return true;
    return false;
}

static bool call_read(struct compiler *c, const struct node *n, const char *path, struct operation *op)
{
    struct span rest = SPAN_NONE;
    if (!node_span(n, path, &rest, c->trouble))
        return false;
    struct span text = rest;
    if (!span_cut(&rest, ' ', &op->method) || !is_method(op->method) || !span_starts(rest, SPAN("/")))
        return say(c, n, path, text, "a method and a path, \"POST /v1/charges/{id}\"");
    op->path = rest;
    op->writes = !span_is(op->method, SPAN("GET")) && !span_is(op->method, SPAN("HEAD"));
    return true;
}

/* settled: the operation, when the rule is about its answer; NULL when about its request. */
static bool cost_read(
    struct compiler *c, const struct node *n, const char *path, const struct operation *settled, const struct expr **out)
{
    static const enum unit units[] = { UNIT_USD, UNIT_MESSAGES };
    bool settling = settled != NULL;
    if (n && (n->kind != NODE_MAP || !node_only(n, path, unit_names, c->trouble)))
        return n->kind == NODE_MAP ? false : say(c, n, path, n->text, "a map: usd, messages");
    for (size_t i = 0; n && i < 2; i++) {
        const struct node *rule = node_get(n, unit_names[i]);
        const char *place = below(c, path, span_of(unit_names[i]));
        char why[200];
        if (!rule)
            continue;
        if (rule->kind != NODE_SCALAR || !expr_read(c->arena, rule->text, &out[units[i]], why))
            return say(c, rule, place, rule->text, rule->kind == NODE_SCALAR ? why : "a cost rule");
        if (!settling && expr_looks_at(out[units[i]], ROOT_ANSWER))
            return say(c, rule, place, rule->text, "a reservation cannot know the answer: body, query, header, path, setting");
        if (settling && settled->body == BODY_JSON && expr_looks_at(out[units[i]], ROOT_BODY))
            return say(c, rule, place, rule->text, "a settlement cannot look at a JSON body: answer, reserved('usd'), setting");
    }
    return true;
}

static bool origin_named(struct compiler *c, const struct node *n, const char *path, struct operation *op, struct rules *r)
{
    const struct manifest *m = c->manifest;
    struct span name = SPAN_NONE;
    if (!node_span(n, path, &name, c->trouble))
        return false;
    for (size_t i = 0; i < m->origin_count; i++) {
        struct span prefix = m->origins[i].prefix;
        bool below_it =
            prefix.len && span_starts(op->path, prefix) && op->path.len > prefix.len && op->path.at[prefix.len] == '/';
        if (name.at ? span_is(name, m->origins[i].name) : below_it) {
            r->origin = i;
            return true;
        }
    }
    return !name.at || say(c, n, path, name, "a name from origins");
}

static bool flags_read(struct compiler *c, const struct node *n, const char *path, struct operation *op, struct rules *r)
{
    return node_bool(node_get(n, "moves_money"), below(c, path, SPAN("moves_money")), &op->moves_money, c->trouble) &&
           node_bool(node_get(n, "writes"), below(c, path, SPAN("writes")), &op->writes, c->trouble) &&
           node_bool(node_get(n, "refund"), below(c, path, SPAN("refund")), &op->refund, c->trouble) &&
           node_bool(node_get(n, "secret"), below(c, path, SPAN("secret")), &op->secret, c->trouble) &&
           node_bool(node_get(n, "unscoped"), below(c, path, SPAN("unscoped")), &r->unscoped, c->trouble) &&
           node_span(node_get(n, "note"), below(c, path, SPAN("note")), &op->note, c->trouble) &&
           node_span(node_get(n, "dialect"), below(c, path, SPAN("dialect")), &op->dialect, c->trouble);
}

static bool object_read(struct compiler *c, const struct node *n, const char *path, struct rules *r)
{
    if (!n)
        return true;
    r->has_object_id = true;
    return one_field(c, n, path, &r->object_id);
}

static bool rules_read(struct compiler *c, const struct node *n, const char *path, struct operation *op, struct rules *r)
{
    return node_only(n, path, operation_names, c->trouble) && flags_read(c, n, path, op, r) &&
           cost_read(c, node_get(n, "reserve"), below(c, path, SPAN("reserve")), NULL, r->reserve) &&
           cost_read(c, node_get(n, "settle"), below(c, path, SPAN("settle")), op, r->settle) &&
           scopes_read(c, node_get(n, "scopes"), below(c, path, SPAN("scopes")), &r->scopes, &r->scope_count) &&
           parameters_read(
               c, node_get(n, "parameters"), below(c, path, SPAN("parameters")), &r->parameters, &r->parameter_count) &&
           object_read(c, node_get(n, "object_id"), below(c, path, SPAN("object_id")), r) &&
           search_read(c, node_get(n, "doubt"), below(c, path, SPAN("doubt")), r);
}

/* Reads and deletes have no body; the rest has the vendor's usual one unless the operation says otherwise. */
static bool body_read(struct compiler *c, const struct node *n, const char *path, int usual, struct operation *op)
{
    bool bodiless = !op->writes || span_is(op->method, SPAN("DELETE")) || span_is(op->method, SPAN("GET"));
    int kind = bodiless ? BODY_NONE : usual;
    if (!node_choice(n, path, body_names, &kind, c->trouble))
        return false;
    op->body = (enum operation_body)kind;
    return true;
}

static void conclude(const struct manifest *m, struct operation *op, struct rules *r)
{
    for (size_t u = 0; u < UNIT_COUNT; u++) {
        r->has_reserve |= r->reserve[u] != NULL;
        op->moves_money |= r->reserve[u] != NULL;
        op->reads_answer |= r->settle[u] && expr_looks_at(r->settle[u], ROOT_ANSWER);
    }
    if (m->has_object_id && op->moves_money && !r->has_object_id) {
        r->object_id = m->object_id;
        r->has_object_id = true;
    }
    op->reads_answer |= r->has_object_id;
    op->look_up = r->search != NULL;
    op->reads_body = op->dialect.at || (op->body != BODY_MULTIPART && op->body != BODY_OPAQUE);
}

static bool operation_read(struct compiler *c, const struct node *n, int usual, struct operation *op, struct rules *r)
{
    const char *path = below(c, "operations", n->name);
    const struct node *call = n->kind == NODE_MAP ? node_get(n, "call") : n;
    const char *call_path = n->kind == NODE_MAP ? below(c, path, SPAN("call")) : path;
    op->name = full_name(c, n->name);
    if (!call || !call_read(c, call, call_path, op))
        return call ? false : say(c, n, call_path, SPAN_NONE, "a method and a path, \"POST /v1/charges/{id}\"");
    if (!body_read(c, node_get(n, "body"), below(c, path, SPAN("body")), usual, op))
        return false;
    if (n->kind == NODE_MAP && !rules_read(c, n, path, op, r))
        return false;
    if (op->refund && !r->reserve[UNIT_USD])
        return say(c, node_get(n, "refund"), below(c, path, SPAN("refund")), SPAN("true"),
            "an operation with reserve.usd: what is given back counts down where budgets say so");
    if (!origin_named(c, node_get(n, "origin"), below(c, path, SPAN("origin")), op, r))
        return false;
    conclude(c->manifest, op, r);
    return true;
}

static bool all_read(struct compiler *c, const struct node *list, int usual, struct span *templates)
{
    struct manifest *m = c->manifest;
    for (const struct node *at = list->first; at; at = at->next) {
        size_t i = m->operation_count++;
        m->operations[i].index = i;
        if (!operation_read(c, at, usual, &m->operations[i], &m->rules[i]))
            return false;
        templates[i] = m->operations[i].path;
    }
    return true;
}

static const struct node *nth(const struct node *list, size_t index)
{
    const struct node *at = list->first;
    while (index--)
        at = at->next;
    return at;
}

static bool searches_found(struct compiler *c, const struct node *list)
{
    const struct rules *r = c->manifest->rules;
    for (const struct node *at = list->first; at; at = at->next, r++) {
        const char *path = below(c, below(c, "operations", at->name), SPAN("doubt"));
        if (at->kind == NODE_MAP && !search_found(c, node_get(at, "doubt"), path, r))
            return false;
    }
    return true;
}

bool operations_read(struct compiler *c, const struct node *root)
{
    struct manifest *m = c->manifest;
    const struct node *list = node_get(root, "operations");
    int usual = BODY_JSON;
    size_t clash;
    const char *why;
    if (!list || list->kind != NODE_MAP || list->count == 0)
        return say(
            c, list ? list : root, "operations", SPAN_NONE, "a map of names to calls, \"charges.create: POST /v1/charges\"");
    if (!node_choice(node_get(root, "body"), "body", body_names, &usual, c->trouble))
        return false;
    const struct node *id = node_get(root, "object_id");
    m->has_object_id = id != NULL;
    if (id && !one_field(c, id, "object_id", &m->object_id))
        return false;
    m->operations = ARENA_ARRAY(c->arena, struct operation, list->count);
    m->rules = ARENA_ARRAY(c->arena, struct rules, list->count);
    struct span *templates = ARENA_ARRAY(c->arena, struct span, list->count);
    if (!m->operations || !m->rules || !templates)
        return say_memory(c, list);
    if (!all_read(c, list, usual, templates))
        return false;
    if (route_build(c, templates, &clash, &why))
        return once_used(c, node_get(root, "idempotency")) && searches_found(c, list);
    const struct node *at = nth(list, clash);
    return say(c, at, below(c, "operations", at->name), templates[clash], why);
}
