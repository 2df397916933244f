/* SPDX-License-Identifier: Apache-2.0
 * graphql.h - GraphQL executable documents (the October 2021 edition): which root fields one operation of a document asks for,
 * and with what arguments; for this folder only.
 *
 * graphql_lex.c makes tokens, graphql_read.c checks a whole document and finds its root fields, graphql.c maps those to
 * operations. No schema is known here: names and types are the vendor's to check. */
#ifndef TG_VENDOR_GRAPHQL_H
#define TG_VENDOR_GRAPHQL_H

#include "base/json.h"

/* What documents may have at most; more is E_TOO_LARGE. */
enum {
    GRAPHQL_SIZE = 256 * 1024, /* bytes */
    GRAPHQL_TOKENS = 50000,
    GRAPHQL_DEPTH = 32, /* selections, lists and objects in each other, and fragments at the root */
    GRAPHQL_DEFINITIONS = 64,
    GRAPHQL_ROOTS = 64, /* root fields of an operation */
    GRAPHQL_VARIABLES = 128,
    GRAPHQL_RENAMED = 256, /* fields with an alias */
    GRAPHQL_NUMBER = 64 /* characters of a number */
};

/* ---- tokens (graphql_lex.c) ---- */

enum gql_kind { GQL_END, GQL_NAME, GQL_NUMBER, GQL_STRING, GQL_BLOCK, GQL_SPREAD, GQL_MARK, GQL_BAD };

struct gql_token {
    enum gql_kind kind;
    struct span text; /* as written; strings without their quotes */
    char mark;        /* of GQL_MARK: one of ! $ & ( ) : = @ [ ] { | } */
};
/* Takes the next token off *rest; BAD: there is none that fits the language. */
struct gql_token gql_next(struct span *rest);
/* What a string (or a block string) says; SPAN_NONE: a broken escape, or no memory. */
struct span gql_string(const struct gql_token *t, struct arena *a);

/* ---- documents (graphql_read.c) ---- */

/* Where something starts in the source, to be read again from there. */
struct gql_root {
    struct span name;      /* "refundCreate", whatever its alias */
    struct span arguments; /* from its "(" on; SPAN_NONE: it has none */
};
struct gql_variable {
    struct span name;
    struct span usual; /* from its default value on; SPAN_NONE: it has none */
};
struct gql_document {
    struct span kind; /* "query" or "mutation" */
    struct gql_root *roots;
    size_t root_count;
    struct gql_variable *variables;
    size_t variable_count;
    struct span *renamed; /* names of fields that have an alias, anywhere in the document */
    size_t renamed_count;
};
/* The operation of that name (SPAN_NONE: the only one) of a document. E_NOT_CANONICAL, E_TOO_LARGE with *why, a constant. */
CHECKED enum err gql_read(
    struct span source, struct span operation_name, struct arena *a, struct gql_document *out, const char **why);
/* The arguments of a root field as a JSON object, with the variables filled in. */
CHECKED enum err gql_arguments(const struct gql_document *d, const struct gql_root *root, struct json_value variables,
    struct arena *a, struct buf *out, const char **why);

#endif
