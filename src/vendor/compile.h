/* SPDX-License-Identifier: Apache-2.0
 * compile.h - what the files that compile a manifest share: how they say what is wrong; for this folder only. */
#ifndef TG_VENDOR_COMPILE_H
#define TG_VENDOR_COMPILE_H

#include "vendor/manifest.h"

struct compiler {
    struct arena *arena;  /* of the manifest: what stays */
    struct arena scratch; /* what only compiling needs, such as the places that faults name; a mark and rewind away */
    struct trouble *trouble;
    struct manifest *manifest;
    struct vendor *vendor;
    const struct node *lates; /* what `late` of operations may name (late.c); NULL: nothing */
};

/* Both answer false, so that a fault is said and returned in one line. */
bool say(struct compiler *c, const struct node *at, const char *path, struct span found, const char *allowed);
bool say_memory(struct compiler *c, const struct node *at);
/* Field paths for messages: "scopes" and "customer" are "scopes.customer"; item: "key_in[2]". */
const char *below(struct compiler *c, const char *path, struct span name);
const char *item(struct compiler *c, const char *path, size_t index);
/* "stripe" and "customer" are "stripe.customer". */
struct span full_name(struct compiler *c, struct span name);
/* Lower-case letters, digits, - and _. */
bool header_name_fits(struct span s);
/* The name of a header field that is such; without n *out stays. */
bool header_name_read(struct compiler *c, const struct node *n, const char *path, struct span *out);
bool one_field(struct compiler *c, const struct node *n, const char *path, struct field *out);
/* One, or a list of them. */
bool some_fields(struct compiler *c, const struct node *n, const char *path, struct fields *out);
/* A rule, of which each object is one of the manifest's. */
bool one_rule(struct compiler *c, const struct node *n, const char *path, const struct expr **out);
/* { usd: RULE, messages: RULE }, each of them as `fits` wants it, which says so otherwise. */
typedef bool rule_fits(
    struct compiler *c, const struct node *n, const char *path, const struct operation *op, const struct expr *x);
bool costs_read(struct compiler *c, const struct node *n, const char *path, rule_fits *fits, const struct operation *op,
    const struct expr *out[UNIT_COUNT]);
/* Whether rules may look at what they do: an object of that name is one of the manifest's. False: said. */
bool objects_exist(struct compiler *c, const struct node *n, const char *path, const struct expr *x);

/* The parts of a manifest; each false with the trouble said. */
bool envelope_read(struct compiler *c, const struct node *root, struct span base_url);
bool deny_read(struct compiler *c, const struct node *n);
bool operations_read(struct compiler *c, const struct node *root);
/* What bodies must not spell in another way: when all operations are there. */
bool spellings_build(struct compiler *c);
/* Before the operations; and when all of them are there. */
bool once_read(struct compiler *c, const struct node *n);
bool once_used(struct compiler *c, const struct node *n);
bool search_read(struct compiler *c, const struct node *n, const char *path, struct rules *r);
/* "GET /orders/{path.id}?to={body.to}"; `given`: the name of one more place that the asker fills in ("object"), or SPAN_NONE. */
bool ask_compile(struct compiler *c, const struct node *n, const char *path, struct span given, struct ask *out);
/* What is asked must be an operation of this manifest that costs nothing: when the routes are built. */
bool ask_found(struct compiler *c, const struct node *n, const char *path, struct ask *ask);
bool search_found(struct compiler *c, const struct node *n, const char *path, const struct rules *r);
bool scopes_read(struct compiler *c, const struct node *n, const char *path, struct scope_source **out, size_t *count);
/* start: what plain names stand below, "body." or "argument.". */
bool parameters_read(
    struct compiler *c, const struct node *n, const char *path, struct span start, struct parameter_check **out, size_t *count);

/* Further parts, each NULL-safe for what a manifest does not say: `objects` (before all rules; used: when all operations are
 * there), `redact`, `hook`, an operation's `late`, its GraphQL `fields`, and `send` where it is a map or a list. */
bool objects_read(struct compiler *c, const struct node *n);
bool objects_named(struct compiler *c, const struct node *n, const char *path, struct rules *r);
bool objects_used(struct compiler *c, const struct node *n);
bool redact_read(struct compiler *c, const struct node *n, const char *path, struct fields *out);
bool hook_read(struct compiler *c, const struct node *n);
/* `lates` of the top goes before the operations; when all are there, each must have been used. */
bool lates_read(struct compiler *c, const struct node *n);
bool lates_used(struct compiler *c, const struct node *operations);
bool late_read(struct compiler *c, const struct node *own, const char *path, struct operation *op, struct rules *r);
/* What it asks must be an operation of this manifest: when the routes are built. */
bool late_found(struct compiler *c, const struct node *own, const char *path, struct rules *r);
bool root_fields_read(struct compiler *c, const struct node *n, const char *path, struct operation *op, struct rules *r);
/* When all operations are there: those its fields name. */
bool root_fields_found(struct compiler *c, const struct node *n, const char *path, struct rules *r);
bool send_read(struct compiler *c, const struct node *n);

/* Notes each writing operation that a pattern of calls fits ("POST *"), by its index; every pattern must fit one. */
bool calls_fit(struct compiler *c, const struct node *n, const char *path, const struct span *patterns, size_t count, bool *fits);

/* The tree of all templates (by operation index); on a fault *clash is the operation's index and *why says it. */
bool route_build(struct compiler *c, const struct span *templates, size_t *clash, const char **why);

#endif
