/* SPDX-License-Identifier: Apache-2.0
 * compile.h - what the files that compile a manifest share: how they say what is wrong; for this folder only. */
#ifndef TG_VENDOR_COMPILE_H
#define TG_VENDOR_COMPILE_H

#include "vendor/manifest.h"

struct compiler {
    struct arena *arena;
    struct trouble *trouble;
    struct manifest *manifest;
    struct vendor *vendor;
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
bool one_field(struct compiler *c, const struct node *n, const char *path, struct field *out);

/* The parts of a manifest; each false with the trouble said. */
bool envelope_read(struct compiler *c, const struct node *root, struct span base_url);
bool deny_read(struct compiler *c, const struct node *n);
bool operations_read(struct compiler *c, const struct node *root);
/* Before the operations; and when all of them are there. */
bool once_read(struct compiler *c, const struct node *n);
bool once_used(struct compiler *c, const struct node *n);
bool search_read(struct compiler *c, const struct node *n, const char *path, struct rules *r);
/* What is asked must be an operation of this manifest: when the routes are built. */
bool search_found(struct compiler *c, const struct node *n, const char *path, const struct rules *r);
bool scopes_read(struct compiler *c, const struct node *n, const char *path, struct scope_source **out, size_t *count);
bool parameters_read(struct compiler *c, const struct node *n, const char *path, struct parameter_check **out, size_t *count);

/* The tree of all templates (by operation index); on a fault *clash is the operation's index and *why says it. */
bool route_build(struct compiler *c, const struct span *templates, size_t *clash, const char **why);

#endif
