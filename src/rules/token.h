/* SPDX-License-Identifier: Apache-2.0
 * token.h - the gateway key as text: tg_ + 32 random characters + 6 of checksum, base62.
 *
 * The checksum lets a typing error or a truncated paste be told from an unknown key, and lets secret scanners verify a
 * find offline. A configured literal token may have any other form of 16..200 printable characters. */
#ifndef TG_RULES_TOKEN_H
#define TG_RULES_TOKEN_H

#include "base/span.h"

enum { TOKEN_LEN = 3 + 32 + 6 };

void token_make(char out[TOKEN_LEN + 1]);
/* Whether it looks like ours (prefix and length) and, if so, whether the checksum fits. */
bool token_is_ours(struct span text);
bool token_checksum_fits(struct span text);
/* "tg_Ab12...x9Zk": for display. */
struct span token_mask(struct span text, char out[24]);
/* Splits "<key>.<run>" at the last '.', if what stands before can be a key; run SPAN_NONE otherwise. */
void token_split_run(struct span text, struct span *key, struct span *run);
/* 1..128 characters of A-Z a-z 0-9 _ - : . / @ */
bool run_id_ok(struct span run);

#endif
