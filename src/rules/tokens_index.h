/* SPDX-License-Identifier: Apache-2.0
 * tokens_index.h - the tokens of a vocabulary and their ranks. Private to rules/tokens*.c. */
#ifndef TG_RULES_TOKENS_INDEX_H
#define TG_RULES_TOKENS_INDEX_H

#include "rules/tokens.h"

#define RANK_NONE UINT32_MAX /* too large for an enumerator of C11 */
enum { TOKEN_MOST = 128 /* bytes; no vocabulary has a longer one */ };

struct token_index {
    const char *bytes; /* of the vocabulary's file */
    uint32_t *places;  /* of each rank, where its token begins in it; the byte before is the token's length */
    uint32_t *slots;   /* 0: empty; else the rank + 1, below some bits of the token's hash */
    uint32_t mask;
};

/* NULL: no such vocabulary, or no memory for its index. */
const struct token_index *token_index(enum vocabulary v);
/* RANK_NONE: these bytes are no token. */
uint32_t token_rank(const struct token_index *x, const char *at, size_t len);

#endif
