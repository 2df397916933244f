/* SPDX-License-Identifier: Apache-2.0
 * gemini_write.h - what the files share that write a generateContent request. Private to them. */
#ifndef TG_DIALECT_GEMINI_WRITE_H
#define TG_DIALECT_GEMINI_WRITE_H

#include "dialect/functions.h"
#include "dialect/gemini.h"

struct gemini_out {
    struct json_out out;
    const struct call *call;
    struct functions functions; /* by the ids that results name */
    const struct quirks *quirks; /* may be NULL */
    struct notes *notes;
    struct arena *arena;
    int generation;      /* of the model: 2, 3; 0: it has a name of its own */
    size_t turn, part;   /* where we are, for notes */
    struct span carried; /* a signature for the next part */
    bool called;         /* this content has a function called already */
};

void gemini_put_tools(struct gemini_out *g);
void gemini_put_config(struct gemini_out *g);

#endif
