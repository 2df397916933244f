/* SPDX-License-Identifier: Apache-2.0
 * tokens_merge.h - how many tokens one piece is that is no token itself. Private to rules/tokens*.c. */
#ifndef TG_RULES_TOKENS_MERGE_H
#define TG_RULES_TOKENS_MERGE_H

#include "rules/tokens_index.h"

/* Of a piece of any length; a byte a token where it is longer than TOKENS_PIECE_MOST, or there is no memory. */
int64_t tokens_merge(const struct token_index *x, struct span piece);

#endif
