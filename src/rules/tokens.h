/* SPDX-License-Identifier: Apache-2.0
 * tokens.h - how many tokens a text is to a model, exactly, where the model's vocabulary is public: byte pair encoding as OpenAI's models
 * have it.
 *
 * A vocabulary lies in the binary (catalog/, see script/vocabulary); the index of it, some megabytes, is made when it is first asked for,
 * once, and then only read, by any thread. The time is near linear in the text whatever it says: a long run is merged by a heap.
 *
 * A text is plain UTF-8; what is none counts as U+FFFD. The names of special tokens are ordinary text. */
#ifndef TG_RULES_TOKENS_H
#define TG_RULES_TOKENS_H

#include "base/span.h"

enum vocabulary { VOCABULARY_NONE, VOCABULARY_CL100K, VOCABULARY_O200K };

/* Of a model as the price book names it. NONE where nobody published it, or where it is not known that this vendor's model of that name
 * has it. */
enum vocabulary tokens_vocabulary(struct span provider, struct span model);

/* Where one piece of text without a place to divide it is longer than this, each byte of it counts as one token: no count is below the
 * true one then. */
enum { TOKENS_PIECE_MOST = 256 * 1024 };

/* A byte is one token where there is no vocabulary: a bound for any. */
int64_t tokens_count(enum vocabulary v, struct span plain);
/* Stops when it is above `most`: then it answers some number above it. */
int64_t tokens_count_to(enum vocabulary v, struct span plain, int64_t most);

#endif
