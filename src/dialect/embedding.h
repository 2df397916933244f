/* SPDX-License-Identifier: Apache-2.0
 * embedding.h - one text to a vendor for its vector, as the gate itself asks for one (flow/alike.c), in OpenAI's words, which nearly every
 * vendor of embeddings understands (Gemini, Ollama, Mistral, Azure, Cohere: at a path of their own). */
#ifndef TG_DIALECT_EMBEDDING_H
#define TG_DIALECT_EMBEDDING_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

void embedding_write(struct span model, struct span text, struct buf *out);
/* How many components, at most `room`; 0: it is no answer to that, *why: a short reason, static. */
size_t embedding_read(struct json *j, struct span body, float *out, size_t room, const char **why);

/* ---- what a call asks last ---- */

/* The words of the last turn, if that is the user's and nothing but words, in any dialect of chats; and the call without them. */
struct last_turn {
    struct span text; /* plain; several parts with a line break between them */
    struct span rest; /* the body with each of these texts empty */
};
/* false: *why says (static): not a chat, the last turn is not the user's, something else than words stands in it, or more than most bytes. */
bool last_turn_read(struct span body, size_t most, struct arena *a, struct last_turn *out, const char **why);

#endif
