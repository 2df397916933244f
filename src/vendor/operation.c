/* SPDX-License-Identifier: Apache-2.0
 * operation.c - compiling the table of operations: "charges.create: POST /v1/charges", or a map with rules beside it. */
#include "vendor/compile.h"

static const char *const operation_names[] = { "call", "body", "origin", "dialect", "reserve", "settle", "scopes", "parameters",
    "moves_money", "writes", "refund", "secret", "grants", "batch_input", "note", "unscoped", "object_id", "doubt", "late", "redact", "objects",
    "fields", "streams", "model", "models", "query", "upstream", "lane", "cache", "results", "in_query", "batch_of", NULL };
static const char *const body_names[] = { "none", "form", "json", "multipart", "opaque", NULL };

static bool is_method(struct span s)
{
    static const char *const methods[] = { "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", NULL };
    for (size_t i = 0; methods[i]; i++)
        if (span_is(s, span_of(methods[i])))
            return true;
    return false;
}

/* A field of a GraphQL document: its method and path are those of the operation that names it (graphql.c). */
static bool field_call(struct operation *op, struct rules *r)
{
    op->body = BODY_JSON;
    r->by_field = true;
    return true;
}

static bool call_read(struct compiler *c, const struct node *n, const char *path, struct operation *op, struct rules *r)
{
    struct span rest = SPAN_NONE;
    if (!node_span(n, path, &rest, c->trouble))
        return false;
    if (span_is(rest, SPAN("FIELD")))
        return field_call(op, r);
    struct span text = rest;
    if (!span_cut(&rest, ' ', &op->method) || !is_method(op->method) || !span_starts(rest, SPAN("/")))
        return say(c, n, path, text, "a method and a path, \"POST /v1/charges/{id}\"");
    op->path = rest;
    op->writes = !span_is(op->method, SPAN("GET")) && !span_is(op->method, SPAN("HEAD"));
    return true;
}

static bool reserve_fits(
    struct compiler *c, const struct node *n, const char *path, const struct operation *op, const struct expr *x)
{
    (void)op;
    return !expr_looks_at(x, ROOT_ANSWER) ||
           say(c, n, path, n->text, "a reservation cannot know the answer: body, query, header, path, setting");
}

static bool settle_fits(
    struct compiler *c, const struct node *n, const char *path, const struct operation *op, const struct expr *x)
{
    bool unkept = op->body == BODY_JSON && (expr_looks_at(x, ROOT_BODY) || expr_looks_at(x, ROOT_ARGUMENT));
    return !unkept ||
           say(c, n, path, n->text, "a settlement cannot look at a JSON body or its arguments: answer, reserved('usd'), setting");
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

static bool money_read(struct compiler *c, const struct node *n, const char *path, struct operation *op)
{
    enum { NEVER, ALWAYS, PRICED };
    static const char *const names[] = { "false", "true", "priced", NULL };
    int said = NEVER;
    if (!node_choice(n, path, names, &said, c->trouble))
        return false;
    op->moves_money = said != NEVER;
    op->priced = said == PRICED;
    return true;
}

/* batch_of: file */
static bool batch_read(struct compiler *c, const struct node *n, const char *path, struct operation *op)
{
    if (!node_span(n, path, &op->batch_of, c->trouble))
        return false;
    bool good = !op->batch_of.at || span_is(op->batch_of, SPAN("file")) || span_is(op->batch_of, SPAN("endpoint")) || span_starts(op->batch_of, SPAN("/"));
    return good || say(c, n, path, op->batch_of, "file, endpoint, or the path that its calls would go to one by one");
}

static bool flags_read(struct compiler *c, const struct node *n, const char *path, struct operation *op, struct rules *r)
{
    return money_read(c, node_get(n, "moves_money"), below(c, path, SPAN("moves_money")), op) &&
           node_bool(node_get(n, "writes"), below(c, path, SPAN("writes")), &op->writes, c->trouble) &&
           node_bool(node_get(n, "refund"), below(c, path, SPAN("refund")), &op->refund, c->trouble) &&
           node_bool(node_get(n, "secret"), below(c, path, SPAN("secret")), &op->secret, c->trouble) &&
           node_bool(node_get(n, "grants"), below(c, path, SPAN("grants")), &op->grants, c->trouble) &&
           node_bool(node_get(n, "batch_input"), below(c, path, SPAN("batch_input")), &op->batch_input, c->trouble) &&
           batch_read(c, node_get(n, "batch_of"), below(c, path, SPAN("batch_of")), op) &&
           node_bool(node_get(n, "results"), below(c, path, SPAN("results")), &op->results, c->trouble) &&
           node_bool(node_get(n, "unscoped"), below(c, path, SPAN("unscoped")), &r->unscoped, c->trouble) &&
           node_span(node_get(n, "note"), below(c, path, SPAN("note")), &op->note, c->trouble) &&
           node_span(node_get(n, "dialect"), below(c, path, SPAN("dialect")), &op->dialect, c->trouble);
}

/* model: path.deployment, or path.owner/model */
static bool model_read(struct compiler *c, const struct node *n, const char *path, struct operation *op)
{
    struct span text = SPAN_NONE;
    if (!node_span(n, path, &text, c->trouble))
        return false;
    if (!text.at)
        return true;
    op->model = span_from(text, sizeof("path.") - 1);
    struct span rest = op->model, name;
    bool good = span_starts(text, SPAN("path."));
    while (good && rest.at && span_next(&rest, '/', &name)) {
        struct span place = arena_print(&c->scratch, "{%.*s}", SPAN_ARG(name));
        good = name.len && place.at && span_find(op->path, place) >= 0;
    }
    return good || say(c, n, path, text, "path. and a name that stands in brackets in the path: path.model; several with / between them");
}

/* upstream: /chat/{id}: each place in it is one of the call's */
static bool upstream_read(struct compiler *c, const struct node *n, const char *path, const struct operation *op, struct rules *r)
{
    if (!node_span(n, path, &r->upstream, c->trouble))
        return false;
    struct span rest = r->upstream, before, name;
    bool good = !rest.at || (span_starts(rest, SPAN("/")) && span_find_byte(rest, '?') < 0);
    while (good && rest.at && span_cut(&rest, '{', &before)) {
        good = span_cut(&rest, '}', &name);
        struct span place = good ? arena_print(&c->scratch, "{%.*s}", SPAN_ARG(name)) : SPAN_NONE;
        good = good && place.at && span_find(op->path, place) >= 0;
    }
    return good || say(c, n, path, r->upstream, "a path, /chat/{id}, whose places are those of the call");
}

/* What only operations with a dialect have. */
static bool lane_read(struct compiler *c, const struct node *n, const char *path, struct operation *op)
{
    static const char *const names[] = { "streams", "model", "models", "query", "lane", NULL };
    struct span *models = NULL;
    for (size_t i = 0; names[i] && !op->dialect.at; i++)
        if (node_get(n, names[i]))
            return say(c, n, below(c, path, span_of(names[i])), SPAN_NONE, "it beside a dialect");
    bool lane = true;
    bool good = node_bool(node_get(n, "lane"), below(c, path, SPAN("lane")), &lane, c->trouble) &&
                node_bool(node_get(n, "streams"), below(c, path, SPAN("streams")), &op->streams, c->trouble) &&
                model_read(c, node_get(n, "model"), below(c, path, SPAN("model")), op) &&
                node_spans(c->arena, node_get(n, "models"), below(c, path, SPAN("models")), &models, &op->model_count, c->trouble) &&
                node_span(node_get(n, "query"), below(c, path, SPAN("query")), &op->query, c->trouble);
    op->models = models;
    op->untranslated = !lane;
    return good;
}

/* How long an answer may be given again to a caller that wants that: of reads, which tell no secret. */
static bool cache_read(struct compiler *c, const struct node *n, const char *path, struct operation *op)
{
    enum { LEAST_MS = 1000 };
    const int64_t most_ms = INT64_C(90) * 24 * 60 * 60 * 1000;
    if (!n)
        return true;
    if (!node_duration(n, path, &op->cache_ms, c->trouble))
        return false;
    if (op->cache_ms < LEAST_MS || op->cache_ms > most_ms)
        return say(c, n, path, n->text, "a time from 1s to 90d");
    bool reads = span_is(op->method, SPAN("GET")) && !op->writes && !op->secret && !op->dialect.at;
    return reads || say(c, n, path, n->text, "it beside a GET that changes nothing and tells no secret");
}

/* A field, or { from: answer.name, as: last }. */
static bool object_id_read(struct compiler *c, const struct node *n, const char *path, const struct field **out, bool *last)
{
    static const char *const names[] = { "from", "as", NULL }, *const ways[] = { "is", "last", NULL };
    struct field *f = n ? ARENA_NEW(c->arena, struct field) : NULL;
    int way = 0;
    *out = f;
    *last = false;
    if (n && !f)
        return say_memory(c, n);
    if (!n || n->kind != NODE_MAP)
        return !n || one_field(c, n, path, f);
    const struct node *from = node_get(n, "from");
    bool fine = node_only(n, path, names, c->trouble) && node_choice(node_get(n, "as"), below(c, path, SPAN("as")), ways, &way, c->trouble) &&
                (from ? one_field(c, from, below(c, path, SPAN("from")), f) : say(c, n, below(c, path, SPAN("from")), SPAN_NONE, "a field: answer.name"));
    *last = way == 1;
    return fine;
}

static bool rules_read(struct compiler *c, const struct node *n, const char *path, struct operation *op, struct rules *r)
{
    return node_only(n, path, operation_names, c->trouble) && flags_read(c, n, path, op, r) && lane_read(c, n, path, op) &&
           cache_read(c, node_get(n, "cache"), below(c, path, SPAN("cache")), op) &&
           upstream_read(c, node_get(n, "upstream"), below(c, path, SPAN("upstream")), op, r) &&
           costs_read(c, node_get(n, "reserve"), below(c, path, SPAN("reserve")), reserve_fits, op, r->reserve) &&
           costs_read(c, node_get(n, "settle"), below(c, path, SPAN("settle")), settle_fits, op, r->settle) &&
           scopes_read(c, node_get(n, "scopes"), below(c, path, SPAN("scopes")), &r->scopes, &r->scope_count) &&
           parameters_read(c, node_get(n, "parameters"), below(c, path, SPAN("parameters")),
               r->by_field ? SPAN("argument.") : SPAN("body."), &r->parameters, &r->parameter_count) &&
           node_spans(c->arena, node_get(n, "in_query"), below(c, path, SPAN("in_query")), &r->in_query, &r->in_query_count, c->trouble) &&
           object_id_read(c, node_get(n, "object_id"), below(c, path, SPAN("object_id")), &r->object_id, &r->object_id_last) &&
           search_read(c, node_get(n, "doubt"), below(c, path, SPAN("doubt")), r) &&
           late_read(c, node_get(n, "late"), below(c, path, SPAN("late")), op, r) &&
           redact_read(c, node_get(n, "redact"), below(c, path, SPAN("redact")), &r->redact) &&
           objects_named(c, node_get(n, "objects"), below(c, path, SPAN("objects")), r) &&
           root_fields_read(c, node_get(n, "fields"), below(c, path, SPAN("fields")), op, r);
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

static void note_body(void *self, const struct field *f)
{
    *(bool *)self |= f->root == ROOT_BODY;
}

/* Whether its own rules look at the body: a multipart body is streamed unread where none does. */
static bool rules_look_at_body(const struct rules *r)
{
    bool looks = false;
    for (size_t u = 0; u < UNIT_COUNT; u++) {
        if (r->reserve[u])
            expr_each_field(r->reserve[u], note_body, &looks);
        if (r->settle[u])
            expr_each_field(r->settle[u], note_body, &looks);
    }
    for (size_t i = 0; i < r->scope_count; i++)
        for (size_t k = 0; k < r->scopes[i].count; k++)
            note_body(&looks, &r->scopes[i].fields[k]);
    for (size_t i = 0; i < r->object_count; i++)
        for (size_t k = 0; k < r->objects[i].fields.count; k++)
            note_body(&looks, &r->objects[i].fields.list[k]);
    for (size_t i = 0; i < r->parameter_count; i++)
        note_body(&looks, &r->parameters[i].field);
    return looks;
}

static void conclude(const struct manifest *m, struct operation *op, struct rules *r)
{
    for (size_t u = 0; u < UNIT_COUNT; u++) {
        r->has_reserve |= r->reserve[u] != NULL;
        op->moves_money |= r->reserve[u] != NULL;
        op->reads_answer |= r->settle[u] && expr_looks_at(r->settle[u], ROOT_ANSWER);
    }
    if (op->moves_money && !r->object_id)
        r->object_id = m->object_id;
    op->reads_answer |= r->object_id != NULL;
    op->look_up = r->search != NULL;
    op->reads_body = op->dialect.at || (op->body != BODY_MULTIPART && op->body != BODY_OPAQUE) ||
                     (op->body == BODY_MULTIPART && rules_look_at_body(r));
}

/* What only a rule can give a meaning. */
static bool marks_fit(struct compiler *c, const struct node *n, const char *path, const struct operation *op, const struct rules *r)
{
    if (op->refund && !r->reserve[UNIT_USD])
        return say(c, node_get(n, "refund"), below(c, path, SPAN("refund")), SPAN("true"),
            "an operation with reserve.usd: what is given back counts down where budgets say so");
    if (op->priced && !r->reserve[UNIT_USD] && !r->reserve[UNIT_MESSAGES])
        return say(c, node_get(n, "moves_money"), below(c, path, SPAN("moves_money")), SPAN("priced"),
            "an operation with reserve: where that gives 0 no money moves");
    return true;
}

static bool operation_read(struct compiler *c, const struct node *n, int usual, struct operation *op, struct rules *r)
{
    const char *path = below(c, "operations", n->name);
    const struct node *call = n->kind == NODE_MAP ? node_get(n, "call") : n;
    const char *call_path = n->kind == NODE_MAP ? below(c, path, SPAN("call")) : path;
    op->name = full_name(c, n->name);
    if (!call || !call_read(c, call, call_path, op, r))
        return call ? false : say(c, n, call_path, SPAN_NONE, "a method and a path, \"POST /v1/charges/{id}\"");
    if (!r->by_field && !body_read(c, node_get(n, "body"), below(c, path, SPAN("body")), usual, op))
        return false;
    if (n->kind == NODE_MAP && !rules_read(c, n, path, op, r))
        return false;
    op->messages = r->reserve[UNIT_MESSAGES] != NULL;
    if (!marks_fit(c, n, path, op, r) || !origin_named(c, node_get(n, "origin"), below(c, path, SPAN("origin")), op, r))
        return false;
    conclude(c->manifest, op, r);
    return true;
}

static bool all_read(struct compiler *c, const struct node *list, int usual, struct span *templates)
{
    struct manifest *m = c->manifest;
    for (const struct node *at = list->first; at; at = at->next) {
        struct arena_mark mark = arena_mark(&c->scratch);
        size_t i = m->operation_count++;
        m->operations[i].index = i;
        if (!operation_read(c, at, usual, &m->operations[i], &m->rules[i]))
            return false;
        arena_rewind(&c->scratch, mark);
        templates[i] = m->operations[i].path.at ? m->operations[i].path : SPAN("");
    }
    return true;
}

/* "POST /v1/charges" is like "POST *". */
static bool call_fits(struct compiler *c, const struct operation *op, struct span pattern)
{
    struct arena_mark mark = arena_mark(&c->scratch);
    struct span call = arena_print(&c->scratch, "%.*s %.*s", SPAN_ARG(op->method), SPAN_ARG(op->path));
    bool fits = op->writes && span_like(call, pattern);
    arena_rewind(&c->scratch, mark);
    return fits;
}

bool calls_fit(struct compiler *c, const struct node *n, const char *path, const struct span *patterns, size_t count, bool *fits)
{
    static const char allowed[] = "a method and a path that some writing operation has, with * for any run of characters";
    const struct manifest *m = c->manifest;
    for (size_t k = 0; k < count; k++) {
        bool used = false;
        for (size_t i = 0; i < m->operation_count; i++)
            if (call_fits(c, &m->operations[i], patterns[k]))
                fits[i] = used = true;
        if (!used)
            return say(c, n, item(c, path, k), patterns[k], allowed);
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

/* What operations say of others is looked at when all of them are there. */
static bool others_found(struct compiler *c, const struct node *list)
{
    struct rules *r = c->manifest->rules;
    for (const struct node *at = list->first; at; at = at->next, r++) {
        const char *path = below(c, "operations", at->name);
        if (at->kind == NODE_MAP && (!search_found(c, node_get(at, "doubt"), below(c, path, SPAN("doubt")), r) ||
                                        !late_found(c, node_get(at, "late"), below(c, path, SPAN("late")), r) ||
                                        !root_fields_found(c, node_get(at, "fields"), below(c, path, SPAN("fields")), r)))
            return false;
    }
    return true;
}

/* An operation that no `fields` names could never be called. */
static bool all_reached(struct compiler *c, const struct node *list)
{
    const struct operation *op = c->manifest->operations;
    for (const struct node *at = list->first; at; at = at->next, op++)
        if (!op->method.at)
            return say(c, at, below(c, below(c, "operations", at->name), SPAN("call")), SPAN("FIELD"),
                "FIELD only where `fields` of another operation names this one");
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
    bool last;
    if (!object_id_read(c, node_get(root, "object_id"), "object_id", &m->object_id, &last))
        return false;
    m->operations = ARENA_ARRAY(c->arena, struct operation, list->count);
    m->rules = ARENA_ARRAY(c->arena, struct rules, list->count);
    struct span *templates = ARENA_ARRAY(c->arena, struct span, list->count);
    if (!m->operations || !m->rules || !templates)
        return say_memory(c, list);
    if (!all_read(c, list, usual, templates))
        return false;
    if (route_build(c, templates, &clash, &why))
        return once_used(c, node_get(root, "idempotency")) && others_found(c, list) && all_reached(c, list);
    const struct node *at = nth(list, clash);
    return say(c, at, below(c, "operations", at->name), templates[clash], why);
}
