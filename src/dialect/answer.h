/* SPDX-License-Identifier: Apache-2.0
 * answer.h - what the dialects share in reading answers: OpenAI's way of counting (and its imitators'), and keeping a
 * usage beyond the event it came in. Private to dialect/. */
#ifndef TG_DIALECT_ANSWER_H
#define TG_DIALECT_ANSWER_H

#include "dialect/dialect.h"

/* usage: a raw object with BUF_SLACK readable bytes behind it. prompt_tokens or input_tokens, completion_tokens or
 * output_tokens, with their details, and what vendors add. Leaves u->known false when there is nothing in it. */
void answer_openai_usage(struct json *j, struct span usage, struct usage *u);
/* A raw string's text; SPAN_NONE for anything else. */
struct span answer_text(struct span raw, struct arena *a);
/* Moves what u's spans point to into the meter, and u with it. */
void answer_keep(struct stream_meter *m, const struct usage *u);
/* A usage of which nothing is known yet. */
void answer_clear(struct usage *u);
/* Hands a copy of the event's data, with slack behind it, to `read`: for events worth the trouble. One larger than
 * ANSWER_EVENT_MOST is not read. */
enum { ANSWER_EVENT_MOST = 64 << 20 };
typedef void answer_read(struct json *j, struct span data, struct arena *a, struct stream_meter *m, void *more);
void answer_event(struct json *j, struct span data, struct stream_meter *m, answer_read *read, void *more);
/* read_usage of answers that say no more than `model` and `usage`, as OpenAI's smaller APIs do. */
void answer_read_usage(struct json *j, struct span body, struct arena *a, struct usage *u);
/* To be called with each event: a meter is zeroed at first, and 0 would be a vendor's cost. */
void answer_start(struct stream_meter *m);
/* {"error":{...}} in OpenAI's shape, compact. */
void answer_write_error(struct buf *out, struct span code, struct span message);
/* Does this text have a token "name" at all? (A look that costs nothing; strings inside strings have escaped quotes.) */
bool answer_mentions(struct span text, struct span quoted_name);

#endif
