/* SPDX-License-Identifier: Apache-2.0
 * lint.h - what a manifest that compiles may still have forgotten: for `tollgate vendor check`.
 *
 * Two ways: rules of thumb on what it says (and does not say), and trials: a made-up request (sample.h) or one of the caller's
 * own goes through the engine as a real one would, and what comes out unknown is told. Neither knows the API: a finding is a
 * question. */
#ifndef TG_VENDOR_LINT_H
#define TG_VENDOR_LINT_H

#include "vendor/sample.h"

enum lint_rule { LINT_COST, LINT_SCOPES, LINT_DOUBT, LINT_SECRET, LINT_DENY, LINT_WRITES, LINT_SHADOW, LINT_UNKNOWN, LINT_RULES };

struct finding {
    enum lint_rule rule;
    int line;          /* of the manifest; 0: not known */
    struct span place; /* "operations.charges.create" */
    struct span text;  /* a whole sentence */
};

/* "cost", "scopes", ...: for lists. */
const char *lint_name(enum lint_rule r);

/* All findings, in the order of the manifest; an array in a. root: the tree it was compiled from. */
CHECKED enum err lint(
    const struct vendor *v, const struct node *root, struct json *j, struct arena *a, struct finding **out, size_t *count);

/* What the engine makes of a request. */
struct trial {
    enum err e; /* E_OK: understood; E_NOT_FOUND: no such operation */
    struct span why;
    struct matched matched;
    struct understood understood;
    bool answered; /* an answer was given, and this is what it costs: */
    struct settled settled;
};
/* settings: of the configuration; may be NULL. */
void lint_try(const struct vendor *v, const struct sample *s, const struct node *settings, struct json *j, struct arena *a,
    struct trial *out);

#endif
