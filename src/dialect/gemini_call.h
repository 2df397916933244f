/* SPDX-License-Identifier: Apache-2.0
 * gemini_call.h - what the files share that read a generateContent request. Private to them. */
#ifndef TG_DIALECT_GEMINI_CALL_H
#define TG_DIALECT_GEMINI_CALL_H

#include "dialect/gemini.h"

/* A function called that has no result yet. */
struct open_call {
    const struct part *part;
    struct open_call *next;
};

struct gemini_call {
    struct arena *arena;
    struct call *call;
    struct turn *turn; /* NULL: the next part begins one */
    enum role role;
    struct part *running; /* a text that may go on */
    struct buf run;       /* ... with its quote in front, once it did */
    struct open_call *open;
    uint64_t calls; /* ids made up */
    enum err error;
    const char *why;
};

/* Where an unknown member stands, for its path. */
struct gemini_spot {
    struct gemini_call *in;
    enum { SPOT_TOP, SPOT_MEMBER, SPOT_CONTENT, SPOT_PART, SPOT_TOOL, SPOT_FUNCTION } where;
    struct span of; /* MEMBER: its object */
    size_t i, k;
};
void gemini_call_unknown(void *spot, struct span name, struct span value);
/* False: refused. */
bool gemini_call_pick(struct gemini_call *in, struct span object, const struct span *names, struct span *values, struct gemini_spot *spot);
bool gemini_call_refuse(struct gemini_call *in, const char *why);

bool gemini_read_tools(struct gemini_call *in, struct span tools);
bool gemini_read_tool_config(struct gemini_call *in, struct span config);
bool gemini_read_config(struct gemini_call *in, struct span config);

#endif
