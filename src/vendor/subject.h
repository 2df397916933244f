/* SPDX-License-Identifier: Apache-2.0
 * subject.h - a request while it is being understood; for understand.c, in_query.c, spelling.c, parameter.c, parameter_note.c and scope.c only. */
#ifndef TG_VENDOR_SUBJECT_H
#define TG_VENDOR_SUBJECT_H

#include "vendor/manifest.h"

struct understanding {
    const struct asked *asked;
    const struct manifest *manifest;
    const struct operation *operation;
    const struct rules *rules;
    struct arena *arena;
    struct understood *out;
    struct span *why;
    struct subject subject;
};

/* understand.c: a refusal with a constant reason; pairs in their one form, in the arena; out->body read as JSON, into
 * subject.body. */
CHECKED enum err understanding_refuse(struct understanding *u, enum err code, const char *why);
CHECKED enum err understanding_write(struct understanding *u, const struct pairs *p, struct span *out);
CHECKED enum err understanding_parse(struct understanding *u, struct json *j);

/* parameter.c: booleans of forms and queries are brought to lower case, so that rules, policies and the vendor read one word. */
CHECKED enum err parameters_lower(struct understanding *u, const struct parameter_check *rules, size_t count);
/* Puts in what the call left out and rules have a default for; then whether all of them are met. */
CHECKED enum err parameters_fill(struct understanding *u, struct json *j, const struct parameter_check *rules, size_t count);
CHECKED enum err parameters_check(struct understanding *u, const struct parameter_check *rules, size_t count);

/* parameter_note.c: fills out->parameters. */
enum err parameters_note(struct understanding *u);
/* in_query.c: what may stand in the query beside a body that is read; once subject.query is. */
CHECKED enum err in_query_check(struct understanding *u);
/* ... and, of these and of forms: `_method`, which some vendors read in the method's place, refuses. Models' calls take anything. */
CHECKED enum err in_query_method(struct understanding *u, const struct pairs *p);
/* spelling.c: no member of a JSON body is another spelling of one that rules look at; once the body is read. */
CHECKED enum err spellings_check(struct understanding *u);
/* scope.c: fills out->scopes and out->customer. */
void scopes_note(struct understanding *u);
/* Those that had to be shown and were not; when the cost is reckoned, since calls that move no money need not show all. */
void scopes_demand(struct understanding *u);

#endif
