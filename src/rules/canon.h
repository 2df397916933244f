/* SPDX-License-Identifier: Apache-2.0
 * canon.h - one canonical form, or a refusal: what is checked is what is forwarded.
 *
 * Rules: docs/canonical.md (from a corpus of requests that independent servers read differently). Pure. */
#ifndef TG_RULES_CANON_H
#define TG_RULES_CANON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* Splits a request target at '?', decodes percent-escapes of unreserved characters once and refuses what servers read
 * differently: empty or dot segments (one leading run of slashes may collapse; one slash at the end stays), encoded '/', '\\', '.', NUL,
 * controls, double encoding, ';', '#', non-ASCII. E_NOT_CANONICAL with a static reason. */
CHECKED enum err canon_target(struct arena *a, struct span target, struct span *path, struct span *query, const char **why);

/* A form body or a query: pairs in order, names and values decoded. Names keep their brackets ("metadata[order]").
 * Refused: broken escapes, bad UTF-8, NUL, a scalar name twice, one name as scalar and as array or object, over `most` pairs,
 * brackets that do not nest, depth over 8. `repeat`: names that may repeat (Twilio's MediaUrl), '\0'-free list of spans. */
struct pair {
    struct span name, value;
};
struct pairs {
    struct pair *list;
    size_t count;
};
CHECKED enum err canon_form(struct arena *a, struct span text, const struct span *repeat, size_t repeat_count, size_t most, struct pairs *out, const char **why);
void canon_form_write(const struct pairs *p, struct buf *out);
/* First value of a name; SPAN_NONE: absent. */
struct span pairs_get(const struct pairs *p, struct span name);

#endif
