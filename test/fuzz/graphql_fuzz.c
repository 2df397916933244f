/* SPDX-License-Identifier: Apache-2.0
 * graphql_fuzz.c - GraphQL documents by strangers, each the query of a request: one that is taken has root fields, and their
 * arguments are JSON or a reason is given. The first line holds the variables. */
#include "vendor/graphql.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct gql_document *d, struct json_value variables, struct arena *a)
{
    struct json_value out;
    const char *why = NULL;
    must(d->root_count > 0 && d->root_count <= GRAPHQL_ROOTS);
    for (size_t i = 0; i < d->root_count; i++) {
        struct buf text;
        buf_init(&text, 1u << 20);
        must(d->roots[i].name.len > 0);
        enum err e = gql_arguments(d, &d->roots[i], variables, a, &text, &why);
        must(!e || why);
        struct span copy = arena_copy(a, buf_span(&text));
        bool whole = !e && !text.broken && copy.at;
        buf_free(&text);
        if (!whole)
            continue;
        struct json *other = json_new();
        must(other);
        must(json_parse(other, copy, false, &out, &why) == E_OK && json_kind(out) == JSON_OBJECT);
        json_free(other);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make((const char *)data, size), line;
    struct json_value variables = { 0 };
    struct gql_document d;
    struct arena a;
    const char *why = NULL;
    struct json *j = json_new();
    must(j);
    arena_init(&a, 16u << 20);
    if (!span_cut(&text, '\n', &line) || json_parse(j, line, false, &variables, &why) != E_OK)
        variables = (struct json_value){ 0 };
    enum err e = gql_read(text, SPAN_NONE, &a, &d, &why);
    must(e == E_OK || why);
    if (e == E_OK)
        use(&d, variables, &a);
    arena_free(&a);
    json_free(j);
    return 0;
}
