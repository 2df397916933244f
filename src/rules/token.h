/* SPDX-License-Identifier: Apache-2.0
 * token.h - the gateway key as text: tg_ + 32 random characters + 6 of checksum, base62.
 *
 * The checksum (CRC-32 of what stands before it) lets a typing error or a truncated paste be told from an unknown key, and
 * lets secret scanners verify a find offline; it is no protection. A configured literal token may have any other form of
 * TOKEN_SHORTEST..TOKEN_LONGEST printable characters. */
#ifndef TG_RULES_TOKEN_H
#define TG_RULES_TOKEN_H

#include "base/digest.h"

enum { TOKEN_LEN = 3 + 32 + 6, ADMIN_TOKEN_LEN = TOKEN_LEN + 1, TOKEN_SHORTEST = 4, TOKEN_WEAK = 16, TOKEN_LONGEST = 200, RUN_LONGEST = 128 };

void token_make(char out[TOKEN_LEN + 1]);
/* The one token of this seed, which is as secret as it is. */
void token_derive(const struct digest *seed, char out[TOKEN_LEN + 1]);
/* The same for the admin plane: "tga_" in place of "tg_", so that neither is taken for the other. */
void token_make_admin(char out[ADMIN_TOKEN_LEN + 1]);
void token_derive_admin(const struct digest *seed, char out[ADMIN_TOKEN_LEN + 1]);
/* Whether it looks like ours (prefix and length) and, if so, whether the checksum fits. */
bool token_is_ours(struct span text);
bool token_checksum_fits(struct span text);
/* TOKEN_SHORTEST..TOKEN_LONGEST printable characters. One shorter than TOKEN_WEAK can be guessed: fit for a test, and warned of. */
bool token_form_ok(struct span text);
/* "tg_Ab12...x9Zk": for display. Of a literal token no more than a quarter is shown. */
struct span token_mask(struct span text, char out[24]);
/* Splits "<key>.<run>" at the first '.', if what stands before can be a key and what follows is a run id; else *key is the
 * whole text and *run SPAN_NONE. Keys of ours have no '.', run ids may; a literal token may have one, so callers look up
 * the whole text first. */
void token_split_run(struct span text, struct span *key, struct span *run);
/* 1..RUN_LONGEST characters of A-Z a-z 0-9 _ - : . / @ */
bool run_id_ok(struct span run);

#endif
