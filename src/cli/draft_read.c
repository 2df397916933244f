/* SPDX-License-Identifier: Apache-2.0
 * draft_read.c - the OpenAPI document as draft.h wants it. Read leniently: what is not understood is left out, since a person completes
 * the draft; nothing in it is believed but as a guess. */
#include <stdio.h>

#include "base/text.h"
#include "cli/draft.h"

enum { REF_HOPS = 16, SCHEMA_DEPTH = 6, FIELD_DEPTH = 4 };

/* ---- references ---- */

/* "~1" is '/', "~0" is '~', and percent escapes are undone. */
static struct span pointer_step(const struct draft *d, struct span step)
{
    struct span text = text_percent_decode(step, false, d->arena);
    char *out = text.at ? arena_take(d->arena, text.len + 1) : NULL;
    size_t n = 0;
    for (size_t i = 0; out && i < text.len; i++) {
        bool escaped = text.at[i] == '~' && i + 1 < text.len && (text.at[i + 1] == '0' || text.at[i + 1] == '1');
        out[n++] = !escaped ? text.at[i] : text.at[++i] == '1' ? '/' : '~';
    }
    return out ? span_make(out, n) : SPAN("");
}

struct json_value draft_element(struct json_value list, size_t index)
{
    struct span name;
    struct json_value v;
    for (struct json_iter it = json_iter(list); json_next(&it, &name, &v);)
        if (index-- == 0)
            return v;
    return (struct json_value){ .doc = NULL };
}

static struct json_value at_pointer(const struct draft *d, struct span pointer)
{
    struct json_value v = d->document;
    struct span rest = span_from(pointer, 2), step;
    uint64_t index;
    while (span_next(&rest, '/', &step))
        v = json_kind(v) == JSON_ARRAY && span_to_u64(step, &index) ? draft_element(v, (size_t)index) : json_member(v, pointer_step(d, step));
    return v;
}

struct json_value draft_resolve(const struct draft *d, struct json_value v)
{
    for (int hops = 0; hops < REF_HOPS; hops++) {
        struct span ref = json_string(json_member(v, SPAN("$ref")));
        if (!ref.at)
            return v;
        if (!span_starts(ref, SPAN("#/")))
            break;
        v = at_pointer(d, ref);
    }
    return (struct json_value){ .doc = NULL };
}

static struct json_value member(const struct draft *d, struct json_value v, const char *name) { return draft_resolve(d, json_member(v, span_of(name))); }

/* ---- schemas ---- */

struct walk {
    const struct draft *draft;
    struct draft_call *call;
};

static struct span type_text(struct json_value schema)
{
    struct json_value type = json_member(schema, SPAN("type")), item;
    struct span name, text = json_string(type);
    for (struct json_iter it = json_iter(type); !text.at && json_next(&it, &name, &item);) /* 3.1: ["string", "null"] */
        if (!span_is(json_string(item), SPAN("null")))
            text = json_string(item);
    return text;
}

static enum draft_type type_of(struct span text)
{
    return span_is(text, SPAN("string")) ? TYPE_TEXT : span_is(text, SPAN("integer")) ? TYPE_INTEGER : span_is(text, SPAN("number")) ? TYPE_NUMBER :
        span_is(text, SPAN("boolean"))   ? TYPE_BOOLEAN : TYPE_OTHER;
}

bool draft_sayable(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
        if (!fine)
            return false;
    }
    return name.len > 0 && name.len <= 64 && !(name.at[0] >= '0' && name.at[0] <= '9') && name.at[0] != '-';
}

static bool has_field(const struct draft_call *call, struct span path)
{
    for (size_t i = 0; i < call->field_count; i++)
        if (span_is(call->fields[i].path, path))
            return true;
    return false;
}

static void add_field(struct walk *w, struct draft_field f, struct json_value schema)
{
    struct draft_call *call = w->call;
    while (span_ends(f.path, SPAN(".*"))) /* a rule that names a list means all that is in it */
        f.path.len -= 2;
    if (call->field_count == DRAFT_FIELDS || !f.path.len || span_is(f.path, SPAN("*")) || has_field(call, f.path))
        return;
    f.mail = span_is(json_string(json_member(schema, SPAN("format"))), SPAN("email"));
    call->fields[call->field_count++] = f;
}

static void walk_schema(struct walk *w, struct json_value schema, struct draft_field at, int depth);

static bool is_required(struct json_value schema, struct span name)
{
    struct span ignored;
    struct json_value item;
    for (struct json_iter it = json_iter(json_member(schema, SPAN("required"))); json_next(&it, &ignored, &item);)
        if (span_is(json_string(item), name))
            return true;
    return false;
}

static void walk_properties(struct walk *w, struct json_value schema, struct draft_field at, int depth)
{
    struct arena *a = w->draft->arena;
    struct span name;
    struct json_value item;
    for (struct json_iter it = json_iter(member(w->draft, schema, "properties")); json_next(&it, &name, &item);) {
        struct draft_field below = at;
        if (!draft_sayable(name) || at.depth == FIELD_DEPTH)
            continue;
        below.path = at.path.len ? arena_print(a, "%.*s.%.*s", SPAN_ARG(at.path), SPAN_ARG(name)) : name;
        below.name = name;
        below.depth++;
        below.required = at.required && is_required(schema, name);
        walk_schema(w, item, below, depth + 1);
    }
}

/* Of alternatives all are looked at: which one it is nobody can tell beforehand. */
static void walk_parts(struct walk *w, struct json_value schema, const char *word, struct draft_field at, int depth)
{
    struct span name;
    struct json_value item;
    at.required = at.required && strcmp(word, "allOf") == 0;
    for (struct json_iter it = json_iter(json_member(schema, span_of(word))); json_next(&it, &name, &item);)
        walk_schema(w, item, at, depth + 1);
}

static void walk_schema(struct walk *w, struct json_value schema, struct draft_field at, int depth)
{
    if (depth > SCHEMA_DEPTH || w->call->field_count == DRAFT_FIELDS)
        return;
    schema = draft_resolve(w->draft, schema);
    struct span type = type_text(schema);
    at.type = type_of(type);
    if (at.type != TYPE_OTHER)
        add_field(w, at, schema);
    walk_parts(w, schema, "allOf", at, depth);
    walk_parts(w, schema, "oneOf", at, depth);
    walk_parts(w, schema, "anyOf", at, depth);
    walk_properties(w, schema, at, depth);
    if (!span_is(type, SPAN("array")) || at.depth == FIELD_DEPTH)
        return;
    at.path = at.path.len ? arena_print(w->draft->arena, "%.*s.*", SPAN_ARG(at.path)) : SPAN("*");
    at.listed = true;
    walk_schema(w, json_member(schema, SPAN("items")), at, depth + 1);
}

void draft_fields(const struct draft *d, struct json_value schema, struct draft_call *call)
{
    struct walk w = { d, call };
    struct draft_field top = { .path = SPAN(""), .name = SPAN(""), .required = true };
    if (!call->fields)
        call->fields = ARENA_ARRAY(d->arena, struct draft_field, DRAFT_FIELDS);
    if (call->fields)
        walk_schema(&w, schema, top, 0);
}

/* ---- bodies ---- */

static enum draft_body body_of_type(struct span type)
{
    return span_find(type, SPAN("json")) >= 0 ? DRAFT_JSON : span_starts(type, SPAN("application/x-www-form-urlencoded")) ? DRAFT_FORM :
        span_starts(type, SPAN("multipart/")) ? DRAFT_MULTIPART : DRAFT_OPAQUE;
}

/* JSON where there is a choice, then a form. */
static void read_content(struct draft *d, struct json_value content, struct draft_call *call)
{
    struct span type;
    struct json_value item, best = { .doc = NULL };
    for (struct json_iter it = json_iter(content); json_next(&it, &type, &item);) {
        enum draft_body body = body_of_type(type);
        if (call->body != DRAFT_NO_BODY && body >= call->body)
            continue;
        call->body = body;
        best = item;
    }
    if (call->body == DRAFT_JSON || call->body == DRAFT_FORM)
        draft_fields(d, json_member(best, SPAN("schema")), call);
}

static void read_consumes(struct draft *d, struct json_value operation, struct draft_call *call)
{
    struct span name;
    struct json_value item, list = json_member(operation, SPAN("consumes"));
    if (json_kind(list) != JSON_ARRAY)
        list = json_member(d->document, SPAN("consumes"));
    for (struct json_iter it = json_iter(list); json_next(&it, &name, &item);) {
        enum draft_body body = body_of_type(json_string(item));
        if (call->body == DRAFT_NO_BODY || body < call->body)
            call->body = body;
    }
}

/* ---- parameters ---- */

struct span draft_lower(struct arena *a, struct span s)
{
    struct span copy = arena_copy(a, s);
    char *at = (char *)(uintptr_t)copy.at;
    for (size_t i = 0; i < copy.len; i++)
        if (at[i] >= 'A' && at[i] <= 'Z')
            at[i] = (char)(at[i] - 'A' + 'a');
    return copy;
}

bool draft_field_name(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.at[i] >= 'a' && s.at[i] <= 'z') || (s.at[i] >= '0' && s.at[i] <= '9') || s.at[i] == '-' || s.at[i] == '_'))
            return false;
    return s.len > 0 && s.len <= 64;
}

/* Fields that the gate writes itself, or that say who calls. */
static bool is_ours(struct span name)
{
    static const char *const names[] = { "authorization", "content-type", "content-length", "accept", "accept-language", "user-agent", "host", "cookie", "connection",
        "transfer-encoding", "accept-encoding", "content-encoding", "expect", "x-agent-run-id", "idempotency-key", NULL };
    for (size_t i = 0; names[i]; i++)
        if (span_is(name, span_of(names[i])))
            return true;
    return span_starts(name, SPAN("x-tollgate-")) || span_find(name, SPAN("api-key")) >= 0 || span_find(name, SPAN("token")) >= 0 || span_find(name, SPAN("secret")) >= 0;
}

static void add_header(struct draft *d, struct span name, struct draft_call *call)
{
    struct span small = draft_lower(d->arena, name);
    if (!draft_field_name(small))
        return;
    if (span_find(small, SPAN("idempoten")) >= 0) {
        bool first = !d->once.at;
        if (first)
            d->once = small;
        call->idempotent = span_is(d->once, small);
        return;
    }
    for (size_t i = 0; i < d->header_count; i++)
        if (span_is(d->headers[i], small))
            return;
    if (!is_ours(small) && d->header_count < DRAFT_HEADERS)
        d->headers[d->header_count++] = small;
}

static void add_form_parameter(struct draft *d, struct json_value p, struct span name, struct draft_call *call)
{
    struct walk w = { d, call };
    bool required = false;
    (void)json_bool(json_member(p, SPAN("required")), &required);
    struct draft_field f = { .path = name, .name = name, .type = type_of(type_text(p)), .required = required, .depth = 1 };
    if (!call->fields)
        call->fields = ARENA_ARRAY(d->arena, struct draft_field, DRAFT_FIELDS);
    if (draft_sayable(name) && call->fields)
        add_field(&w, f, p);
    if (call->body == DRAFT_NO_BODY || call->body == DRAFT_JSON)
        call->body = DRAFT_FORM;
}

/* "filter[id]" is named by its first part; what no rule can say is left out, and refused. */
static void add_query(struct span name, struct draft_call *call)
{
    ptrdiff_t open = name.at ? span_find_byte(name, '[') : -1;
    struct span top = open < 0 ? name : span_first(name, (size_t)open);
    for (size_t i = 0; i < call->query_count; i++)
        if (span_is(call->queries[i], top))
            return;
    if (draft_sayable(top) && call->query_count < DRAFT_QUERIES)
        call->queries[call->query_count++] = top;
}

static void read_parameters(struct draft *d, struct json_value list, struct json_value operation, struct draft_call *call)
{
    struct span ignored;
    struct json_value item;
    for (struct json_iter it = json_iter(list); json_next(&it, &ignored, &item);) {
        struct json_value p = draft_resolve(d, item);
        struct span in = json_string(json_member(p, SPAN("in"))), name = json_string(json_member(p, SPAN("name")));
        if (span_is(in, SPAN("header")))
            add_header(d, name, call);
        if (span_is(in, SPAN("query")))
            add_query(name, call);
        if (span_is(in, SPAN("body"))) {
            read_consumes(d, operation, call);
            call->body = call->body == DRAFT_NO_BODY ? DRAFT_JSON : call->body;
            draft_fields(d, json_member(p, SPAN("schema")), call);
        }
        if (span_is(in, SPAN("formData"))) {
            if (call->body == DRAFT_NO_BODY)
                read_consumes(d, operation, call);
            add_form_parameter(d, p, name, call);
        }
    }
}

/* ---- answers ---- */

static struct json_value schema_of_answer(struct draft *d, struct json_value answer)
{
    struct span type;
    struct json_value item, v = draft_resolve(d, answer), plain = json_member(v, SPAN("schema"));
    if (json_kind(plain) == JSON_OBJECT)
        return draft_resolve(d, plain);
    for (struct json_iter it = json_iter(json_member(v, SPAN("content"))); json_next(&it, &type, &item);)
        if (span_find(type, SPAN("json")) >= 0)
            return member(d, item, "schema");
    return (struct json_value){ .doc = NULL };
}

static void read_answers(struct draft *d, struct json_value operation, struct draft_call *call)
{
    struct span status;
    struct json_value item;
    for (struct json_iter it = json_iter(json_member(operation, SPAN("responses"))); json_next(&it, &status, &item);) {
        if (span_starts(status, SPAN("2")))
            call->answers_id = call->answers_id || json_kind(json_member(member(d, schema_of_answer(d, item), "properties"), SPAN("id"))) != JSON_NONE;
        else if (!d->deny.at && (span_starts(status, SPAN("4")) || span_is(status, SPAN("default"))))
            draft_denial(d, schema_of_answer(d, item));
    }
}

/* ---- paths ---- */

static struct span upper(struct arena *a, struct span s)
{
    struct span copy = arena_copy(a, s);
    char *at = (char *)(uintptr_t)copy.at;
    for (size_t i = 0; i < copy.len; i++)
        if (at[i] >= 'a' && at[i] <= 'z')
            at[i] = (char)(at[i] - 'a' + 'A');
    return copy;
}

static bool is_method(struct span s)
{
    static const char *const methods[] = { "get", "post", "put", "patch", "delete", "head", NULL };
    for (size_t i = 0; methods[i]; i++)
        if (span_is(s, span_of(methods[i])))
            return true;
    return false;
}

/* Why a manifest cannot say this path; NULL: it can. */
static const char *path_trouble(struct span path)
{
    struct span rest = span_from(path, 1), step;
    size_t captures = 0;
    if (!span_starts(path, SPAN("/")) || path.len < 2)
        return "the path has no step";
    for (size_t i = 0; i < path.len; i++)
        if (path.at[i] <= ' ' || path.at[i] > '~' || strchr("#?\"\\%;", path.at[i]))
            return "the path has characters that no canonical path has";
    while (span_next(&rest, '/', &step)) {
        if (!step.len && rest.at)
            return "the path has an empty step";
        ptrdiff_t open = span_find_byte(step, '{'), close = span_find_byte(step, '}');
        if (open < 0 && close < 0)
            continue;
        if (open != 0 || close < 2 || span_find_byte(span_from(step, 1), '{') >= 0 || span_find_byte(span_from(step, (size_t)close + 1), '}') >= 0)
            return "a step of the path is not one {value} with perhaps a fixed end";
        captures++;
    }
    return captures > 8 ? "the path has more than 8 values" : NULL;
}

/* "/a/{id}" and "/a/{name}" are one path: the first one counts. */
static struct span shape_of(struct arena *a, struct span method, struct span path)
{
    struct span rest = path, before, shape = method;
    while (span_cut(&rest, '{', &before)) {
        struct span ignored;
        shape = arena_print(a, "%.*s%.*s{", SPAN_ARG(shape), SPAN_ARG(before));
        if (!span_cut(&rest, '}', &ignored))
            break;
    }
    return arena_print(a, "%.*s%.*s", SPAN_ARG(shape), SPAN_ARG(rest));
}

static void read_call(struct draft *d, struct span path, struct span method, struct json_value shared, struct json_value operation)
{
    struct draft_call *call = &d->calls[d->count++];
    struct span summary = json_string(json_member(operation, SPAN("summary")));
    *call = (struct draft_call){ .method = upper(d->arena, method), .path = path, .summary = summary };
    const char *why = path_trouble(path);
    call->trouble = why ? span_of(why) : SPAN_NONE;
    read_parameters(d, shared, operation, call);
    read_parameters(d, member(d, operation, "parameters"), operation, call);
    read_content(d, json_member(member(d, operation, "requestBody"), SPAN("content")), call);
    read_answers(d, operation, call);
}

static void mark_twins(struct draft *d)
{
    struct span *shapes = ARENA_ARRAY(d->arena, struct span, d->count + 1);
    uint32_t *table, mask = 1;
    while (mask < 4 * d->count)
        mask <<= 1;
    table = ARENA_ARRAY(d->arena, uint32_t, mask);
    for (size_t i = 0; shapes && table && i < d->count; i++) {
        shapes[i] = shape_of(d->arena, d->calls[i].method, d->calls[i].path);
        size_t at = span_hash(shapes[i], 1) & (mask - 1);
        while (table[at] && !span_is(shapes[table[at] - 1], shapes[i]))
            at = (at + 1) & (mask - 1);
        if (table[at] && !d->calls[i].trouble.at)
            d->calls[i].trouble = SPAN("another call has this method and path");
        table[at] = table[at] ? table[at] : (uint32_t)i + 1;
    }
}

static enum err read_paths(struct draft *d, char why[200])
{
    struct span path, method;
    struct json_value item, operation, paths = json_member(d->document, SPAN("paths"));
    size_t count = 0;
    for (struct json_iter it = json_iter(paths); json_next(&it, &path, &item);)
        count += json_count(draft_resolve(d, item));
    if (!count || count > DRAFT_CALLS) {
        snprintf(why, 200, "the document has %zu calls; allowed: 1 to %d", count, DRAFT_CALLS);
        return E_BAD_REQUEST;
    }
    d->calls = ARENA_ARRAY(d->arena, struct draft_call, count);
    if (!d->calls)
        return E_NO_MEMORY;
    for (struct json_iter it = json_iter(paths); json_next(&it, &path, &item);) {
        struct json_value all = draft_resolve(d, item);
        for (struct json_iter inner = json_iter(all); json_next(&inner, &method, &operation);)
            if (is_method(method) && d->count < count)
                read_call(d, d->only_path.at ? d->only_path : path, method, member(d, all, "parameters"), operation);
    }
    mark_twins(d);
    return E_OK;
}

/* Whether any call can be in the manifest; else why the first one cannot. */
static enum err check_some(const struct draft *d, char why[200])
{
    for (size_t i = 0; i < d->count; i++)
        if (!d->calls[i].trouble.at)
            return E_OK;
    snprintf(why, 200, "none of its %zu calls can be in a manifest: %.*s %.*s: %.*s", d->count, SPAN_ARG(d->calls[0].method), SPAN_ARG(span_first(d->calls[0].path, 60)),
        SPAN_ARG(d->calls[0].trouble));
    return E_BAD_REQUEST;
}

/* ---- the whole ---- */

/* "Acme Billing API" is acme-billing. */
static struct span slug_of(struct draft *d)
{
    struct span word = draft_word(d->arena, d->title);
    char *at = (char *)(uintptr_t)word.at;
    for (size_t i = 0; i < word.len; i++)
        if (at[i] == '_')
            at[i] = '-';
    while (span_ends(word, SPAN("-api")) || span_ends(word, SPAN("-rest")) || span_ends(word, SPAN("-v1")))
        word.len -= span_ends(word, SPAN("-rest")) ? 5 : span_ends(word, SPAN("-v1")) ? 3 : 4;
    word = span_first(word, 32);
    while (span_ends(word, SPAN("-")))
        word.len--;
    return word.len ? word : SPAN("mine");
}

enum err draft_read(struct draft *d, struct json_value document, char why[200])
{
    d->document = document;
    struct span three = json_string(json_member(document, SPAN("openapi"))), two = json_string(json_member(document, SPAN("swagger")));
    if (!two.at)
        two = json_decimal(json_member(document, SPAN("swagger")), d->arena); /* swagger: 2.0, without quotes */
    d->version = span_starts(three, SPAN("3.")) ? 3 : span_starts(two, SPAN("2")) ? 2 : 0;
    if (!d->version) {
        snprintf(why, 200, "no OpenAPI document; allowed: one that begins with openapi: 3.x or swagger: \"2.0\"");
        return E_BAD_REQUEST;
    }
    d->title = json_string(json_path(document, SPAN("info.title")));
    if (!d->slug.at)
        d->slug = slug_of(d);
    draft_where(d);
    enum err e = read_paths(d, why);
    if (!e)
        e = check_some(d, why);
    if (e)
        return e;
    draft_names(d);
    draft_guess(d);
    return d->arena->broken ? E_NO_MEMORY : E_OK;
}
