/* SPDX-License-Identifier: Apache-2.0
 * cohere_int.h - what the files of Cohere's v2 chat share. Private to dialect/.
 *
 * Sources: the types of Cohere's SDK 8.1 (v2 chat, its stream, its usage); Cohere's API reference (errors). */
#ifndef TG_DIALECT_COHERE_INT_H
#define TG_DIALECT_COHERE_INT_H

#include "dialect/serial.h"

void cohere_write_call(const struct call *call, const struct quirks *quirks, struct notes *notes, struct arena *a, struct buf *out);
/* A call that is being written. */
struct cohere {
    const struct call *call;
    const struct quirks *quirks;
    struct notes *notes;
    struct arena *arena;
    struct json_out o;
    bool documents; /* some of the call's are said beside the messages */
};
void cohere_put_messages(struct cohere *c); /* cohere_turns.c */
void cohere_put_documents(struct cohere *c);

enum err cohere_read_answer(struct reader *r, struct span body, struct answer *out);
void cohere_read_event(struct reader *r, const struct sse_event *frame);
void cohere_read_fault(struct json *j, int status, struct span body, struct arena *a, struct fault *out);
/* usage: the object. Leaves u->known false when there is nothing in it. */
void cohere_usage(struct span usage, struct arena *a, struct usage *u);

#endif
