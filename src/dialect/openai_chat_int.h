/* SPDX-License-Identifier: Apache-2.0
 * openai_chat_int.h - what the files of the chat completions' translator share. Private to openai_chat*.c.
 *
 * A message is the same thing in a request and in an answer, so one reader reads both. */
#ifndef TG_DIALECT_OPENAI_CHAT_INT_H
#define TG_DIALECT_OPENAI_CHAT_INT_H

#include "dialect/answer.h"
#include "dialect/ask.h"
#include "dialect/dialects.h"
#include "dialect/signature.h"

/* One reading of a request or an answer. The first complaint stays. */
struct chat_reading {
    struct json *json;
    struct arena *arena;
    struct call *call;     /* a request; NULL: an answer, whose unknown members are of no interest */
    struct reader *reader; /* an answer; NULL: a request */
    enum err error;
    const char *why;
    uint64_t seed, made;   /* of ids made up, and how many */
    struct span last_call; /* id of the last call in the old way, which had none */
};

/* Where something stands: "messages[3].content[1]". list NULL: the message itself; message -1: list[item]. */
struct chat_place {
    int64_t message;
    const char *list;
    int64_t item;
};

void chat_refuse(struct chat_reading *r, const char *why);
/* "messages[3].content[1].NAME"; name SPAN_NONE: the place itself. */
struct span chat_path(const struct chat_place *at, struct span name, struct arena *a);
/* Fills in members that are not null; others are the remainder of a request. */
void chat_members(struct chat_reading *r, struct span object, struct member *m, size_t count, const struct chat_place *at);
/* A string that must be one; SPAN_NONE stays so. */
struct span chat_string(struct chat_reading *r, struct span raw, const char *why);
/* A number, or null, into *out. */
int64_t chat_count(struct chat_reading *r, struct span raw, const char *why);
int chat_flag(struct chat_reading *r, struct span raw, const char *why);

/* ---- messages ---- */
void chat_read_message(struct chat_reading *r, struct span raw, int64_t index);
/* An assistant's message, or a stream's delta that holds whole things. */
void chat_read_assistant(struct chat_reading *r, struct span raw, int64_t index, struct part **parts, struct span *name);
void chat_read_annotations(struct chat_reading *r, struct span raw, struct part *text);
void chat_read_tools(struct chat_reading *r, struct span raw);
struct span chat_signature_in(struct span extra_content, struct arena *a); /* Google's place for it */

void chat_write_turns(const struct call *c, const struct quirks *q, struct notes *n, struct arena *a, struct json_out *o);
/* {"id":..,"type":"function","function":{...}} with its signature; index < 0: none is written. */
void chat_write_tool_call(struct json_out *o, const struct part *p, int64_t index, struct span arguments, struct span signature);
void chat_write_signature(struct json_out *o, struct span signature);
/* [{"type":"reasoning.text",...}] of those thoughts that have a signature. */
void chat_write_details(struct json_out *o, const struct part *parts);
void chat_write_detail(struct json_out *o, struct span text, struct span signature, bool redacted, int64_t index);

/* ---- answers ---- */
enum ending chat_ending(struct span finish_reason, struct arena *a, bool *broken);
struct span chat_finish_reason(enum ending e, bool refused);
void chat_write_usage(struct json_out *o, const struct usage *u);
void chat_write_citation(struct json_out *o, const struct citation *c, int64_t from, int64_t to);
/* Characters of a raw string. */
int64_t chat_characters(struct span raw);
void chat_read_usage(struct json *j, struct span body, struct arena *a, struct usage *u);
/* The usage of one chunk; false: it tells none. */
bool chat_chunk_usage(struct json *j, const struct member *usage, const struct member *groq, struct arena *a, struct usage *u);
/* Models named so search the web before each answer, and these as often as they like. */
bool chat_always_searches(struct span model);

enum err chat_read_call(struct json *j, struct span body, struct arena *a, struct call *out, const char **why);
void chat_write_call(const struct call *c, const struct quirks *quirks, struct notes *notes, struct arena *a, struct buf *out);
enum err chat_read_answer(struct reader *r, struct span body, struct answer *out);
void chat_write_answer(struct writer *w, const struct answer *answer);
void chat_read_event(struct reader *r, const struct sse_event *frame);
void chat_write_event(struct writer *w, const struct event *e);
void chat_read_fault(struct json *j, int status, struct span body, struct arena *a, struct fault *out);
int chat_write_fault(struct buf *out, const struct fault *fault, struct span call_id, struct span details);

#endif
