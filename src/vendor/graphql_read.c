/* SPDX-License-Identifier: Apache-2.0
 * graphql_read.c - a GraphQL document: checked whole, then the root fields of the one operation that is asked for.
 *
 * Two passes over the same grammar: the first checks everything and notes where operations and fragments start, the second
 * walks the chosen operation's root through its fragments. What @skip and @include at the root would do depends on variables,
 * so they are refused there; elsewhere they change only what is read back. */
#include "vendor/graphql.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct fragment {
    struct span name;
    struct span body; /* from its "{" on */
};

struct chosen {
    struct span kind, name;
    struct span variables; /* from "(" on; SPAN_NONE: none */
    struct span body;      /* from "{" on */
};

struct reader {
    struct span rest; /* behind `now` */
    struct span here; /* from `now` on */
    struct gql_token now;
    size_t tokens, depth;
    enum err e; /* the first fault sticks */
    const char *why;
    struct arena *arena;
    struct gql_document *out;
    struct fragment *fragments;
    size_t fragment_count;
    struct chosen *operations;
    size_t operation_count;
    /* writing values as JSON, where `json` is not NULL */
    struct buf *json;
    const struct gql_document *variables;
    struct json_value given;
};

static bool fail(struct reader *r, enum err e, const char *why)
{
    if (!r->e) {
        r->e = e;
        r->why = why;
    }
    return false;
}

static bool unreadable(struct reader *r) { return fail(r, E_NOT_CANONICAL, "the GraphQL document cannot be read"); }

static bool advance(struct reader *r)
{
    if (r->e)
        return false;
    if (++r->tokens > GRAPHQL_TOKENS)
        return fail(r, E_TOO_LARGE, "the GraphQL document has too many tokens");
    r->here = r->rest;
    r->now = gql_next(&r->rest);
    return r->now.kind != GQL_BAD || unreadable(r);
}

static bool is_mark(const struct reader *r, char mark) { return r->now.kind == GQL_MARK && r->now.mark == mark; }
static bool is_word(const struct reader *r, struct span word) { return r->now.kind == GQL_NAME && span_is(r->now.text, word); }
static bool take_mark(struct reader *r, char mark) { return is_mark(r, mark) && advance(r); }
static bool expect(struct reader *r, char mark) { return is_mark(r, mark) ? advance(r) : unreadable(r); }

static bool take_name(struct reader *r, struct span *out)
{
    if (r->now.kind != GQL_NAME)
        return unreadable(r);
    *out = r->now.text;
    return advance(r);
}

/* Another one starts at a place noted before. */
static bool start(struct reader *r, struct span at)
{
    r->rest = at;
    return advance(r);
}

static bool deeper(struct reader *r)
{
    return ++r->depth <= GRAPHQL_DEPTH || fail(r, E_TOO_LARGE, "the GraphQL document is nested too deep");
}

/* ---- values ---- */

static bool read_value(struct reader *r, bool constant);

static void put(struct reader *r, struct span s)
{
    if (r->json)
        buf_put(r->json, s);
}

static const struct gql_variable *declared(const struct reader *r, struct span name)
{
    for (size_t i = 0; i < r->variables->variable_count; i++)
        if (span_is(r->variables->variables[i].name, name))
            return &r->variables->variables[i];
    return NULL;
}

/* A default value stands elsewhere in the document; it is constant, so this goes one deep. */
static bool put_usual(struct reader *r, struct span at)
{
    struct reader other = { .arena = r->arena, .json = r->json, .tokens = r->tokens, .depth = r->depth };
    if (start(&other, at))
        read_value(&other, true);
    r->tokens = other.tokens;
    return !other.e || fail(r, other.e, other.why);
}

/* Whether the variable has a value; without one an argument counts as not given. */
static bool has_value(struct reader *r, struct span name, const struct gql_variable **out)
{
    *out = declared(r, name);
    if (!*out)
        return fail(r, E_NOT_CANONICAL, "the GraphQL document uses a variable that it does not declare");
    return (*out)->usual.at || json_kind(json_member(r->given, name)) != JSON_NONE;
}

static bool put_variable(struct reader *r, struct span name)
{
    const struct gql_variable *v;
    if (!r->json)
        return true;
    if (!has_value(r, name, &v)) {
        put(r, SPAN("null"));
        return !r->e;
    }
    struct json_value given = json_member(r->given, name);
    if (json_kind(given) == JSON_NONE)
        return put_usual(r, v->usual);
    json_print(given, r->json);
    return true;
}

static bool read_variable(struct reader *r)
{
    struct span name = SPAN_NONE;
    return advance(r) && take_name(r, &name) && put_variable(r, name);
}

static bool read_list(struct reader *r, bool constant)
{
    bool more = false;
    put(r, SPAN("["));
    if (!deeper(r) || !advance(r))
        return false;
    while (!is_mark(r, ']')) {
        if (more)
            put(r, SPAN(","));
        more = true;
        if (!read_value(r, constant))
            return false;
    }
    put(r, SPAN("]"));
    r->depth--;
    return advance(r);
}

static void put_string(struct reader *r, struct span s)
{
    if (!r->json)
        return;
    struct json_out o = json_out(r->json);
    json_put_string(&o, s);
}

/* "name: $variable" whose variable has no value is as if it were not there. */
static bool is_left_out(struct reader *r)
{
    struct span rest = r->rest;
    const struct gql_variable *v;
    if (!r->json || !is_mark(r, '$'))
        return false;
    struct gql_token name = gql_next(&rest);
    return name.kind == GQL_NAME && !has_value(r, name.text, &v);
}

/* name: value, ... up to the closing mark; as a JSON object. */
static bool read_pairs(struct reader *r, char close, bool constant)
{
    bool more = false;
    struct span name = SPAN_NONE;
    put(r, SPAN("{"));
    if (!deeper(r) || !advance(r))
        return false;
    while (!is_mark(r, close)) {
        if (!take_name(r, &name) || !expect(r, ':'))
            return false;
        if (is_left_out(r)) {
            if (r->e || !advance(r) || !advance(r))
                return false;
            continue;
        }
        if (more)
            put(r, SPAN(","));
        more = true;
        put_string(r, name);
        put(r, SPAN(":"));
        if (!read_value(r, constant))
            return false;
    }
    put(r, SPAN("}"));
    r->depth--;
    return advance(r);
}

static bool read_string(struct reader *r)
{
    if (r->json) {
        struct span said = gql_string(&r->now, r->arena);
        if (!said.at)
            return unreadable(r);
        put_string(r, said);
    }
    return advance(r);
}

/* true, false and null are themselves; another word is an entry of an enumeration, which in JSON is a text. */
static bool read_word(struct reader *r)
{
    bool plain = is_word(r, SPAN("true")) || is_word(r, SPAN("false")) || is_word(r, SPAN("null"));
    if (plain)
        put(r, r->now.text);
    else
        put_string(r, r->now.text);
    return advance(r);
}

/* GraphQL's numbers are written as JSON's, but may be longer than JSON's readers hold. */
static bool number_fits(struct span number)
{
    char text[GRAPHQL_NUMBER + 1] = { 0 };
    if (number.len > GRAPHQL_NUMBER)
        return false;
    memcpy(text, number.at, number.len);
    double beyond = strpbrk(text, ".eE") ? HUGE_VAL : 9007199254740992.0;
    return fabs(strtod(text, NULL)) < beyond;
}

static bool read_number(struct reader *r)
{
    if (!number_fits(r->now.text))
        return fail(r, E_NOT_CANONICAL, "a number of the GraphQL document is beyond 2^53, or longer than 64 characters");
    put(r, r->now.text);
    return advance(r);
}

static bool read_value(struct reader *r, bool constant)
{
    switch (r->now.kind) {
    case GQL_NAME:
        return read_word(r);
    case GQL_NUMBER:
        return read_number(r);
    case GQL_STRING:
    case GQL_BLOCK:
        return read_string(r);
    case GQL_MARK:
        if (r->now.mark == '[')
            return read_list(r, constant);
        if (r->now.mark == '{')
            return read_pairs(r, '}', constant);
        return r->now.mark == '$' && !constant ? read_variable(r) : unreadable(r);
    case GQL_END:
    case GQL_SPREAD:
    case GQL_BAD:
        break;
    }
    return unreadable(r);
}

/* ---- selections ---- */

static bool read_arguments(struct reader *r) { return !is_mark(r, '(') || read_pairs(r, ')', false); }

static bool read_directives(struct reader *r, bool root, bool constant)
{
    struct span name;
    while (take_mark(r, '@')) {
        if (!take_name(r, &name))
            return false;
        if (root && (span_is(name, SPAN("skip")) || span_is(name, SPAN("include"))))
            return fail(r, E_NOT_CANONICAL,
                "@skip and @include may not stand at the root of a GraphQL document: leave out what is not wanted");
        if (is_mark(r, '(') && !read_pairs(r, ')', constant))
            return false;
    }
    return !r->e;
}

static bool read_selections(struct reader *r, bool root);

static bool note_renamed(struct reader *r, struct span name)
{
    struct gql_document *d = r->out;
    if (!d || !d->renamed)
        return true;
    if (d->renamed_count == GRAPHQL_RENAMED)
        return fail(r, E_TOO_LARGE, "the GraphQL document has too many fields with an alias");
    d->renamed[d->renamed_count++] = name;
    return true;
}

static bool note_root(struct reader *r, const struct gql_root *f)
{
    struct gql_document *d = r->out;
    if (!d || !d->roots)
        return true;
    if (d->root_count == GRAPHQL_ROOTS)
        return fail(r, E_TOO_LARGE, "the GraphQL document has too many fields at its root");
    d->roots[d->root_count++] = *f;
    return true;
}

static bool read_field(struct reader *r, bool root)
{
    struct gql_root f = { .arguments = SPAN_NONE };
    if (!take_name(r, &f.name))
        return false;
    if (take_mark(r, ':') && (!take_name(r, &f.name) || !note_renamed(r, f.name)))
        return false;
    if (is_mark(r, '('))
        f.arguments = r->here;
    if (!read_arguments(r) || !read_directives(r, root, false))
        return false;
    if (is_mark(r, '{') && !read_selections(r, false))
        return false;
    return !r->e && (!root || note_root(r, &f));
}

/* What a fragment selects at the root is selected there. In the first pass (root false) a name is enough. */
static bool follow(struct reader *r, struct span name)
{
    size_t i = 0;
    while (i < r->fragment_count && !span_is(r->fragments[i].name, name))
        i++;
    if (i == r->fragment_count)
        return fail(r, E_NOT_CANONICAL, "the GraphQL document names a fragment that is not in it");
    struct span rest = r->rest, here = r->here;
    struct gql_token now = r->now;
    if (!start(r, r->fragments[i].body) || !read_selections(r, true))
        return false;
    r->rest = rest;
    r->here = here;
    r->now = now;
    return true;
}

static bool read_spread(struct reader *r, bool root)
{
    struct span name, type;
    if (!advance(r))
        return false;
    if (r->now.kind == GQL_NAME && !is_word(r, SPAN("on")))
        return take_name(r, &name) && read_directives(r, root, false) && (!root || follow(r, name));
    if (is_word(r, SPAN("on")) && (!advance(r) || !take_name(r, &type)))
        return false;
    return read_directives(r, root, false) && read_selections(r, root);
}

static bool read_selections(struct reader *r, bool root)
{
    if (!deeper(r) || !expect(r, '{'))
        return false;
    if (is_mark(r, '}'))
        return unreadable(r);
    while (!is_mark(r, '}')) {
        bool fine = r->now.kind == GQL_SPREAD ? read_spread(r, root) : read_field(r, root);
        if (!fine)
            return false;
    }
    r->depth--;
    return advance(r);
}

/* ---- definitions ---- */

static bool read_type(struct reader *r)
{
    struct span name;
    if (is_mark(r, '[')) {
        if (!deeper(r) || !advance(r) || !read_type(r) || !expect(r, ']'))
            return false;
        r->depth--;
    } else if (!take_name(r, &name)) {
        return false;
    }
    take_mark(r, '!');
    return !r->e;
}

static bool note_variable(struct reader *r, const struct gql_variable *v)
{
    struct gql_document *d = r->out;
    if (!d || !d->variables)
        return true;
    for (size_t i = 0; i < d->variable_count; i++)
        if (span_is(d->variables[i].name, v->name))
            return fail(r, E_NOT_CANONICAL, "the GraphQL document declares a variable twice");
    if (d->variable_count == GRAPHQL_VARIABLES)
        return fail(r, E_TOO_LARGE, "the GraphQL document declares too many variables");
    d->variables[d->variable_count++] = *v;
    return true;
}

/* "($id: ID! = 5 @x, ...)" */
static bool read_variables(struct reader *r)
{
    if (!take_mark(r, '('))
        return !r->e;
    while (!is_mark(r, ')')) {
        struct gql_variable v = { .usual = SPAN_NONE };
        if (!expect(r, '$') || !take_name(r, &v.name) || !expect(r, ':') || !read_type(r))
            return false;
        if (is_mark(r, '=')) {
            v.usual = r->rest;
            if (!advance(r) || !read_value(r, true))
                return false;
        }
        if (!read_directives(r, false, true) || !note_variable(r, &v))
            return false;
    }
    return advance(r);
}

static bool note_operation(struct reader *r, const struct chosen *o)
{
    for (size_t i = 0; i < r->operation_count; i++)
        if (!o->name.at || !r->operations[i].name.at || span_is(r->operations[i].name, o->name))
            return fail(r, E_NOT_CANONICAL, "the GraphQL document has several operations without a name, or two of one name");
    if (r->operation_count == GRAPHQL_DEFINITIONS)
        return fail(r, E_TOO_LARGE, "the GraphQL document has too many operations");
    r->operations[r->operation_count++] = *o;
    return true;
}

static bool read_operation(struct reader *r)
{
    struct chosen o = { .kind = SPAN("query"), .name = SPAN_NONE, .variables = SPAN_NONE };
    if (!is_mark(r, '{')) {
        o.kind = r->now.text;
        if (!advance(r) || (r->now.kind == GQL_NAME && !take_name(r, &o.name)))
            return false;
        if (is_mark(r, '('))
            o.variables = r->here;
        if (!read_variables(r) || !read_directives(r, true, false))
            return false;
    }
    o.body = r->here;
    return read_selections(r, false) && note_operation(r, &o);
}

static bool read_fragment(struct reader *r)
{
    struct fragment f;
    struct span type;
    if (!advance(r) || is_word(r, SPAN("on")) || !take_name(r, &f.name))
        return unreadable(r);
    if (!is_word(r, SPAN("on")) || !advance(r) || !take_name(r, &type) || !read_directives(r, false, false))
        return unreadable(r);
    for (size_t i = 0; i < r->fragment_count; i++)
        if (span_is(r->fragments[i].name, f.name))
            return fail(r, E_NOT_CANONICAL, "the GraphQL document has two fragments of one name");
    if (r->fragment_count == GRAPHQL_DEFINITIONS)
        return fail(r, E_TOO_LARGE, "the GraphQL document has too many fragments");
    f.body = r->here;
    r->fragments[r->fragment_count++] = f;
    return read_selections(r, false);
}

static bool read_document(struct reader *r)
{
    while (r->now.kind != GQL_END) {
        bool operation = is_mark(r, '{') || is_word(r, SPAN("query")) || is_word(r, SPAN("mutation"));
        if (is_word(r, SPAN("subscription")))
            return fail(r, E_NOT_CANONICAL, "GraphQL subscriptions do not pass");
        if (!operation && !is_word(r, SPAN("fragment")))
            return unreadable(r);
        if (!(operation ? read_operation(r) : read_fragment(r)))
            return false;
    }
    return r->operation_count > 0 || unreadable(r);
}

/* Without a name there may be only one. */
static const struct chosen *choose(struct reader *r, struct span name)
{
    for (size_t i = 0; i < r->operation_count; i++)
        if (name.len ? span_is(r->operations[i].name, name) : r->operation_count == 1)
            return &r->operations[i];
    fail(r, E_NOT_CANONICAL, "operationName does not say which operation of the GraphQL document is meant");
    return NULL;
}

static bool make_room(struct reader *r, struct arena *a, struct gql_document *out)
{
    *out = (struct gql_document){ .renamed = ARENA_ARRAY(a, struct span, GRAPHQL_RENAMED) };
    r->fragments = ARENA_ARRAY(a, struct fragment, GRAPHQL_DEFINITIONS);
    r->operations = ARENA_ARRAY(a, struct chosen, GRAPHQL_DEFINITIONS);
    return (out->renamed && r->fragments && r->operations) ||
           fail(r, E_TOO_LARGE, "the request needs more memory than a call has");
}

/* The root of the chosen operation; aliases were noted in the first pass. */
static bool read_roots(struct reader *r, const struct chosen *o)
{
    struct gql_document *d = r->out;
    size_t renamed = d->renamed_count;
    d->kind = o->kind;
    d->roots = ARENA_ARRAY(r->arena, struct gql_root, GRAPHQL_ROOTS);
    d->variables = ARENA_ARRAY(r->arena, struct gql_variable, GRAPHQL_VARIABLES);
    if (!d->roots || !d->variables)
        return fail(r, E_TOO_LARGE, "the request needs more memory than a call has");
    struct span *list = d->renamed;
    d->renamed = NULL;
    bool fine =
        (!o->variables.at || (start(r, o->variables) && read_variables(r))) && start(r, o->body) && read_selections(r, true);
    d->renamed = list;
    d->renamed_count = renamed;
    return fine;
}

enum err gql_read(struct span source, struct span operation_name, struct arena *a, struct gql_document *out, const char **why)
{
    struct reader r = { .arena = a, .out = out };
    const struct chosen *o = NULL;
    if (source.len > GRAPHQL_SIZE)
        fail(&r, E_TOO_LARGE, "the GraphQL document is larger than 256 KiB");
    if (!r.e && make_room(&r, a, out) && start(&r, source) && read_document(&r))
        o = choose(&r, operation_name);
    if (o)
        read_roots(&r, o);
    *why = r.why;
    return r.e;
}

enum err gql_arguments(const struct gql_document *d, const struct gql_root *root, struct json_value variables, struct arena *a,
    struct buf *out, const char **why)
{
    struct reader r = { .arena = a, .json = out, .variables = d, .given = variables };
    if (!root->arguments.at)
        buf_put(out, SPAN("{}"));
    else if (start(&r, root->arguments))
        read_pairs(&r, ')', false);
    *why = r.why;
    return r.e;
}
