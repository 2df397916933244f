/* SPDX-License-Identifier: Apache-2.0
 * bound.h - a closer bound of a request's input than its bytes (ask.h), where the model's vocabulary is known. */
#ifndef TG_DIALECT_BOUND_H
#define TG_DIALECT_BOUND_H

#include "base/span.h"
#include "rules/tokens.h"

enum {
    BOUND_BODY_MOST = 2 << 20, /* a larger body is not counted: other calls wait meanwhile */
    BOUND_BESIDE = 8,          /* tokens that a text may become beside those it has alone: its ends may join what stands around it */
};

/* How much below its bytes the tokens of a body's texts are that OpenAI's models read as they are: messages, instructions, inputs, results
 * of tools, prompts. All else of the body (names, tool definitions, what is around) stays counted by its bytes. The body's grammar was
 * checked before. 0: nothing is to be gained. */
int64_t bound_saved(struct span body, enum vocabulary v);

#endif
