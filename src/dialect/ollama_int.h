/* SPDX-License-Identifier: Apache-2.0
 * ollama_int.h - what the files of Ollama's own chat (/api/chat) share. Private to dialect/.
 *
 * Sources: the types of Ollama's SDK 0.6.4; Ollama API reference (chat, errors in streams). */
#ifndef TG_DIALECT_OLLAMA_INT_H
#define TG_DIALECT_OLLAMA_INT_H

#include "dialect/functions.h"
#include "dialect/serial.h"

void ollama_write_call(const struct call *call, const struct quirks *quirks, struct notes *notes, struct arena *a, struct buf *out);
/* A call that is being written. */
struct ollama {
    const struct call *call;
    const struct quirks *quirks;
    struct notes *notes;
    struct arena *arena;
    struct functions functions; /* of the calls that results belong to */
    struct json_out o;
};
void ollama_put_messages(struct ollama *c); /* ollama_turns.c */

enum err ollama_read_answer(struct reader *r, struct span body, struct answer *out);
void ollama_read_event(struct reader *r, const struct sse_event *frame);
void ollama_read_fault(struct json *j, int status, struct span body, struct arena *a, struct fault *out);
/* Of an answer, or of a stream's last line. raw, too, is made here: the counts stand among other things. */
void ollama_usage(struct span object, struct arena *a, struct usage *u);
/* Sizes and sampling that stand in `options`, by name. */
bool ollama_is_option(struct span name);

#endif
