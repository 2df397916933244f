/* SPDX-License-Identifier: Apache-2.0
 * needs.h - what a call needs a model to be able to do, and whether one can, by the price book's word. Inside flow/ only. */
#ifndef TG_FLOW_NEEDS_H
#define TG_FLOW_NEEDS_H

#include "flow/exchange.h"

struct needs {
    bool known; /* the call could be read as one that a model answers */
    bool tools, vision, pdf, audio, video, schema;
    int64_t input;  /* tokens, about; never less than half of what it is */
    int64_t output; /* the limit asked for; -1: none */
};

/* By the caller's own words, in its own dialect. */
struct needs needs_of(struct exchange *x, struct span body);
/* Text alone, which any model can. */
bool needs_plain(const struct needs *n);
/* What that model lacks, for people: "tools", "a context of 200000 tokens"; SPAN_NONE: nothing, or the book says nothing of the model
 * (*told false). */
struct span needs_missed(const struct needs *n, const struct price *p, struct arena *a, bool *told);

#endif
