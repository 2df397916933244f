/* SPDX-License-Identifier: Apache-2.0
 * trace.h - W3C trace context (Level 1): what a caller says of the trace that its call is part of, and what is said to the vendor.
 *
 * A call has a span id of its own, and each of its attempts another: all are made from the call's id, so that whoever has the row has
 * them, and nothing more is stored. What cannot be read is as if it were not there: a trace must never cost a call. */
#ifndef TG_RULES_TRACE_H
#define TG_RULES_TRACE_H

#include "base/arena.h"
#include "base/span.h"

enum { TRACE_ID = 32, TRACE_SPAN = 16, TRACE_PARENT = 55, TRACE_STATE_MOST = 512, TRACE_STATE_MEMBERS = 32 };

struct trace {
    bool there;
    char id[TRACE_ID], parent[TRACE_SPAN]; /* hex, lower case, no NUL */
    unsigned flags;                        /* bit 0: sampled */
    struct span state;                     /* SPAN_NONE: none, or one that cannot be read */
};

/* "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"; later versions by the rules of the first. false: out->there is, too. */
bool trace_read(struct span text, struct trace *out);
/* A list of members, "rojo=00f0,congo=t61"; several fields are joined by ',' before. */
bool trace_state_fits(struct span text);

/* number 0: the call's; n: its n-th attempt's. */
void trace_span_id(uint64_t call, unsigned number, char out[TRACE_SPAN]);
/* As the vendor gets it: version 00, `span` the parent. */
struct span trace_write(const struct trace *t, const char span[TRACE_SPAN], char out[TRACE_PARENT]);

#endif
