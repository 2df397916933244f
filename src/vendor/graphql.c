/* SPDX-License-Identifier: Apache-2.0
 * graphql.c - one path, many operations: which one a GraphQL request asks for, by the manifest's `fields`.
 *
 *   graphql: { call: POST /graphql.json, fields: { mutation.refundCreate: refunds.create, query.*: graphql.read } }
 *   refunds.create: { call: FIELD, reserve: { usd: ... argument.input.amount ... } }
 *
 * A document with one mutation, or with queries that are all one operation; everything else is for the caller to send apart.
 * Names that stand for themselves go before those with *, which never stand for "__schema" and its like. */
#include "vendor/compile.h"
#include "vendor/graphql.h"

struct root_field {
    struct span name;   /* "mutation.refundCreate", "query.*" */
    struct span target; /* "shopify.refunds.create" */
    size_t operation;
};

struct root_fields {
    struct root_field *list;
    size_t count;
};

static const struct span kinds[] = { { "query.", 6 }, { "mutation.", 9 } };
enum { VARIABLES_MOST = 4 << 20 /* arguments with their variables filled in */ };

/* ---- compiling ---- */

static bool root_name_fits(struct span name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (span_starts(name, kinds[i]) && name.len > kinds[i].len)
            return true;
    return false;
}

bool root_fields_read(struct compiler *c, const struct node *n, const char *path, struct operation *op, struct rules *r)
{
    static const char allowed[] =
        "a map of root fields to operations of this manifest: { mutation.refundCreate: refunds.create, query.*: graphql.read }";
    if (!n)
        return true;
    if (n->kind != NODE_MAP || !n->count || op->body != BODY_JSON || r->by_field)
        return say(
            c, n, path, n->text, n->kind == NODE_MAP && n->count ? "no fields here: they need a path and a JSON body" : allowed);
    struct root_fields *f = ARENA_NEW(c->arena, struct root_fields);
    if (!f || !(f->list = ARENA_ARRAY(c->arena, struct root_field, n->count)))
        return say_memory(c, n);
    for (const struct node *at = n->first; at; at = at->next) {
        if (at->kind != NODE_SCALAR || !root_name_fits(at->name))
            return say(c, at, below(c, path, at->name), at->name, allowed);
        f->list[f->count++] = (struct root_field){ .name = at->name, .target = full_name(c, at->text) };
    }
    r->fields = f;
    op->fields = true;
    return true;
}

/* An operation `call: FIELD` goes where the path that carries it goes. */
static bool adopt(struct manifest *m, const struct rules *parent, const struct root_field *f)
{
    const struct operation *from = &m->operations[parent - m->rules];
    struct operation *op = &m->operations[f->operation];
    struct rules *r = &m->rules[f->operation];
    if (!r->by_field || (op->path.at && !span_is(op->path, from->path)) || r->search)
        return false;
    op->method = from->method;
    op->path = from->path;
    op->writes |= span_starts(f->name, SPAN("mutation."));
    r->origin = parent->origin;
    return true;
}

static bool find_target(const struct manifest *m, struct root_field *f)
{
    for (size_t i = 0; i < m->operation_count; i++) {
        if (!span_is(m->operations[i].name, f->target))
            continue;
        f->operation = i;
        return true;
    }
    return false;
}

bool root_fields_found(struct compiler *c, const struct node *n, const char *path, struct rules *r)
{
    struct root_fields *f = r->fields;
    for (size_t i = 0; f && i < f->count; i++)
        if (!find_target(c->manifest, &f->list[i]) || !adopt(c->manifest, r, &f->list[i]))
            return say(c, n, below(c, path, f->list[i].name), f->list[i].target,
                "an operation of this manifest with `call: FIELD`, of this path alone and without `doubt`");
    return true;
}

/* ---- the request ---- */

struct request {
    struct span query, operation_name;
    struct json_value variables;
};

static enum err refuse(struct arena *a, struct span *why, enum err e, const char *text)
{
    *why = arena_print(a, "%s", text);
    return e;
}

static bool is_nothing(struct json_value v) { return json_kind(v) == JSON_NULL || json_kind(v) == JSON_NONE; }

static bool read_member(struct request *r, struct span name, struct json_value v, const char **why)
{
    *why = "GraphQL: `query` and `operationName` are texts, `variables` is an object";
    if (span_is(name, SPAN("query"))) {
        r->query = json_string(v);
        return json_kind(v) == JSON_STRING;
    }
    if (span_is(name, SPAN("operationName"))) {
        r->operation_name = json_string(v);
        return json_kind(v) == JSON_STRING || is_nothing(v);
    }
    if (span_is(name, SPAN("variables"))) {
        r->variables = v;
        return json_kind(v) == JSON_OBJECT || is_nothing(v);
    }
    *why = "GraphQL: a request has query, variables and operationName; others could name a document that is not here";
    bool empty = is_nothing(v) || (json_kind(v) == JSON_OBJECT && json_count(v) == 0);
    return span_is(name, SPAN("extensions")) && empty;
}

static enum err read_request(struct json_value body, struct request *out, const char **why)
{
    struct span name;
    struct json_value v;
    *out = (struct request){ .query = SPAN_NONE, .operation_name = SPAN_NONE };
    *why = "GraphQL: the body is no object; several requests in a list are to be sent apart";
    if (json_kind(body) != JSON_OBJECT)
        return E_NOT_CANONICAL;
    for (struct json_iter it = json_iter(body); json_next(&it, &name, &v);)
        if (!read_member(out, name, v, why))
            return E_NOT_CANONICAL;
    *why = "GraphQL: the body has no query";
    return out->query.at ? E_OK : E_NOT_CANONICAL;
}

static enum err read_document(
    struct json_value body, struct arena *a, struct request *r, struct gql_document *d, const char **why)
{
    enum err e = read_request(body, r, why);
    return e ? e : gql_read(r->query, r->operation_name, a, d, why);
}

/* ---- which operation ---- */

/* "__typename" says nothing: beside others it is nothing. */
static bool says_nothing(const struct gql_document *d, size_t i)
{
    return span_is(d->roots[i].name, SPAN("__typename")) && d->root_count > 1;
}

static const struct root_field *find_field(const struct root_fields *f, struct span name, bool reserved)
{
    for (size_t i = 0; i < f->count; i++)
        if (span_is(f->list[i].name, name))
            return &f->list[i];
    for (size_t i = 0; i < f->count && !reserved; i++)
        if (span_like(name, f->list[i].name))
            return &f->list[i];
    return NULL;
}

struct refining {
    const struct vendor *vendor;
    const struct root_fields *fields;
    const struct gql_document *document;
    struct arena *arena;
    struct span *why;
    const struct root_field *found;
    size_t counted;
};

static enum err refine_by(struct refining *r, size_t i)
{
    struct span root = r->document->roots[i].name;
    struct span name = arena_print(r->arena, "%.*s.%.*s", SPAN_ARG(r->document->kind), SPAN_ARG(root));
    const struct root_field *f = name.at ? find_field(r->fields, name, span_starts(root, SPAN("__"))) : NULL;
    if (!f) {
        *r->why =
            arena_print(r->arena, "GraphQL: %.*s is not among the operations of %.*s", SPAN_ARG(name), SPAN_ARG(r->vendor->slug));
        return E_OPERATION_DENIED;
    }
    if (r->found && (r->found->operation != f->operation || span_is(r->document->kind, SPAN("mutation"))))
        return refuse(r->arena, r->why, E_NOT_CANONICAL, "GraphQL: several operations in one document; send them apart");
    r->found = f;
    r->counted++;
    return E_OK;
}

/* A field that is blotted out of answers may not come under another name. */
static bool is_hidden(const struct fields *redact, struct span name)
{
    for (size_t i = 0; i < redact->count; i++) {
        const struct field *f = &redact->list[i];
        if (f->count && f->steps[f->count - 1].kind == STEP_NAME && span_is(f->steps[f->count - 1].name, name))
            return true;
    }
    return false;
}

static enum err check_renamed(struct refining *r)
{
    const struct manifest *m = r->vendor->manifest;
    const struct gql_document *d = r->document;
    for (size_t i = 0; i < d->renamed_count; i++)
        if (is_hidden(&m->redact, d->renamed[i]) || is_hidden(&m->rules[r->found->operation].redact, d->renamed[i]))
            return refuse(r->arena, r->why, E_NOT_CANONICAL, "GraphQL: a field that holds a secret may not have an alias");
    return E_OK;
}

enum err vendor_refine(
    struct json *j, const struct vendor *v, struct span body, struct arena *a, struct matched *m, struct span *why)
{
    const struct root_fields *fields = v->manifest->rules[m->operation->index].fields;
    struct json_value root;
    struct request request;
    struct gql_document document;
    struct refining r = { .vendor = v, .fields = fields, .document = &document, .arena = a, .why = why };
    const char *text = "";
    *why = SPAN_NONE;
    must(fields);
    enum err e = json_parse(j, body, false, &root, &text);
    e = e ? e : read_document(root, a, &request, &document, &text);
    if (e)
        return refuse(a, why, e, text);
    for (size_t i = 0; !e && i < document.root_count; i++)
        if (!says_nothing(&document, i))
            e = refine_by(&r, i);
    if (!e && !r.found)
        e = refuse(a, why, E_NOT_CANONICAL, "GraphQL: the document asks for nothing");
    e = e ? e : check_renamed(&r);
    if (!e)
        m->operation = &v->manifest->operations[r.found->operation];
    return e;
}

/* ---- its arguments ---- */

enum err graphql_arguments(struct json_value body, struct arena *a, struct span *json, struct span *why)
{
    struct request request;
    struct gql_document d;
    struct buf out;
    const char *text = "";
    bool more = false;
    enum err e = read_document(body, a, &request, &d, &text);
    if (e)
        return refuse(a, why, e, text);
    buf_init(&out, VARIABLES_MOST);
    buf_put(&out, SPAN("["));
    for (size_t i = 0; !e && i < d.root_count; i++) {
        if (says_nothing(&d, i))
            continue;
        if (more)
            buf_put(&out, SPAN(","));
        more = true;
        e = gql_arguments(&d, &d.roots[i], request.variables, a, &out, &text);
    }
    buf_put(&out, SPAN("]"));
    *json = out.broken ? SPAN_NONE : arena_copy(a, buf_span(&out));
    buf_free(&out);
    if (!e && !json->at)
        return refuse(a, why, E_TOO_LARGE, "GraphQL: the arguments are larger than allowed");
    return e ? refuse(a, why, e, text) : E_OK;
}
