/* SPDX-License-Identifier: Apache-2.0
 * schema.h - JSON Schema, draft 2020-12 (and what draft 7 wrote otherwise: items as a list, additionalItems, dependencies, definitions).
 *
 * Not done, and refused when a schema is read: unevaluatedItems, unevaluatedProperties, $dynamicRef, references out of the schema, an $id
 * inside of it. `format` and what else only annotates is of no effect, as the standard has it. Why it is written here: the kept C++
 * library (valijson) knows no 2020-12, ignores what it does not know, and runs a stranger's patterns with std::regex, which a long text
 * brings down. Proven by the standard's own test suite: test/unit/guard/schema_suite_test.c. */
#ifndef TG_GUARD_SCHEMA_H
#define TG_GUARD_SCHEMA_H

#include "base/json.h"
#include "base/node.h"
#include "guard/effort.h"

struct schema;

/* The node's tree must live as long. False: *t says what is wrong. */
bool schema_read(struct arena *a, const struct node *n, const char *path, const struct schema **out, struct trouble *t);
/* *error: why it could not be said (static); NULL: it was. a: used meanwhile. */
bool schema_holds(const struct schema *s, struct json_value v, struct effort *e, struct arena *a, const char **error);

#endif
