/* SPDX-License-Identifier: Apache-2.0
 * call_label.h - labels of calls, "tenant:agent:feature": parts of [A-Za-z0-9_.-], up to eight of them, 120 bytes together. What is spent is
 * summed up by any number of first parts. */
#ifndef TG_RULES_CALL_LABEL_H
#define TG_RULES_CALL_LABEL_H

#include "base/arena.h"

enum { CALL_LABEL_PARTS = 8, CALL_LABEL_LONGEST = 120 };
#define CALL_LABEL_ALLOWED "up to 8 parts with \":\" between them, of letters, digits, \"_\", \".\" and \"-\", together at most 120 bytes"

bool call_label_fits(struct span text);
/* A key's label (SPAN_NONE: it has none) and what a call adds to it, never in its place: what begins with the key's own already is
 * taken as it is. What is no label, or would be too long, adds nothing. */
struct span call_label_join(struct span own, struct span added, struct arena *a);

#endif
