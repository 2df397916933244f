/* SPDX-License-Identifier: Apache-2.0
 * tally.h - how many tokens a call has, counted before it is sent (rules/tokens.h has the vocabularies). */
#ifndef TG_DIALECT_TALLY_H
#define TG_DIALECT_TALLY_H

#include "dialect/call.h"

/* The input of this call, all of it: texts, tools, pictures and documents by the vendors' published formulas. Exact for texts where the
 * model's vocabulary is known; else an estimate (not a bound). provider, model: as the price book names them. */
int64_t tally_call(const struct call *c, struct span provider, struct span model, struct arena *a);
/* The answer to a caller that asked for the count, in its dialect ("anthropic_messages": {"input_tokens":N}, "gemini": {"totalTokens":N}). */
void tally_write(struct span dialect, int64_t tokens, struct buf *out);

#endif
