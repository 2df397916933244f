/* SPDX-License-Identifier: Apache-2.0
 * openai_responses_int.h - what the files of the translator of OpenAI's responses share. Private to them.
 *
 * A conversation is a flat list of items there. What the assistant says in a row (thoughts, messages, function calls) is one turn of
 * the neutral call; results in a row are one turn of the user.
 *
 * Custom tools take a text instead of an object. They are functions with one argument, `input`, in the neutral call; the tool's `raw`
 * says that it was a custom one, so that answers are told to the caller as he knows them. */
#ifndef TG_DIALECT_OPENAI_RESPONSES_INT_H
#define TG_DIALECT_OPENAI_RESPONSES_INT_H

#include "dialect/translate.h"

#define RESPONSES_NAME SPAN("openai_responses")

/* ---- items that are read, of calls and of answers (openai_responses_item.c) ---- */
enum item_kind { ITEM_MESSAGE, ITEM_REASONING, ITEM_CALL, ITEM_CUSTOM_CALL, ITEM_RESULT, ITEM_REFERENCE, ITEM_ASSISTANT_OTHER, ITEM_USER_OTHER, ITEM_BROKEN };
enum item_kind responses_item_kind(struct span item, struct arena *a);
/* What it does not know of an item, of a part of its content, is told to `unknown`: where below the item it stands, in pieces. */
struct item_place {
    const char *list; /* "content", "output"; NULL: it is the item's own */
    size_t index;     /* in the list */
    struct span name; /* the member; SPAN_NONE: the part itself */
};
struct item_reading {
    struct json *json;
    struct arena *arena;
    bool input;        /* of a call: marks (signatures, of whoever they are) are kept, broken things are refused */
    const char *why;   /* what is wrong with it (static); NULL: nothing */
    bool malformed;    /* arguments that are no object */
    void (*unknown)(void *self, const struct item_place *place, struct span value);
    void *self;
    struct span signature; /* raw: of another vendor's tool call, found in a reasoning item: it belongs to the next part */
};
/* Appends the item's parts. kind: not REFERENCE. */
void responses_read_item(struct item_reading *r, struct span item, enum item_kind kind, struct part **parts);
/* {"type":"url_citation",...}; false: it is no object. */
bool responses_read_citation(struct span annotation, struct arena *a, struct citation *out);
/* The text of a reasoning item: its summary's parts, else its content's, in one raw string. */
struct span responses_reasoning_text(struct span item, struct arena *a);
/* A text as the arguments of a custom tool: {"input": text}. */
struct span responses_custom_arguments(struct span raw_text, struct arena *a);
/* The raw value unless it is null. */
struct span responses_said(struct span object, struct span name, struct arena *a);

/* ---- what is written in calls and answers alike (openai_responses_put.c) ---- */
/* One tool of the list; TOOL_OTHER and TOOL_CODE_EXECUTION only as they were said. False: it cannot be said. */
bool responses_put_tool(struct json_out *o, const struct tool *t);
bool responses_is_own_tool(const struct tool *t); /* its raw is in this dialect's words */
void responses_put_choice(struct json_out *o, const struct call *c);
void responses_put_text(struct json_out *o, const struct call *c);                     /* the value of `text` */
const struct tool *responses_custom_tool(const struct call *c, struct span name);      /* NULL: it is none */
struct span responses_custom_input(struct span arguments, struct arena *a);            /* raw; the inverse of custom_arguments */
void responses_put_annotations(struct json_out *o, const struct part *p, struct arena *a); /* the array */
bool responses_put_annotation(struct json_out *o, const struct citation *c, struct arena *a);
bool responses_knows_item(struct span item, struct arena *a); /* a server tool's item in this dialect's words */

/* ---- answers (openai_responses_answer.c) ---- */
enum ending responses_ending(struct span response, const struct part *parts, bool malformed, struct arena *a);
void responses_read_head(struct span response, struct arena *a, struct answer *out);
/* The whole response object. status: "in_progress", "completed", "incomplete", "failed". */
void responses_put_response(struct writer *w, struct json_out *o, const struct answer *answer, struct span status, const struct fault *fault);
struct span responses_status(const struct answer *answer);
/* The parts of an item that begins with `first`: those up to `end` (not included). */
const struct part *responses_item_end(const struct part *first);
/* The item of these parts, as output item of this index; its id. */
struct span responses_item_id(struct writer *w, const struct part *first, int64_t index);
void responses_put_item(struct writer *w, struct json_out *o, const struct part *first, const struct part *end, int64_t index, struct span status);
void responses_put_content(struct writer *w, struct json_out *o, const struct part *p); /* output_text or refusal */
/* Another vendor's signature of a part stands in an item of its own before it. */
bool responses_signs_before(const struct part *p);
void responses_put_signature(struct writer *w, struct json_out *o, const struct part *p, int64_t index);

/* ---- the dialect's translator ---- */
void responses_usage(struct json *j, struct span response, struct arena *a, struct usage *u); /* openai_responses.c: read_usage */
enum err responses_read_call(struct json *j, struct span body, struct arena *a, struct call *out, const char **why);
void responses_write_call(const struct call *c, const struct quirks *quirks, struct notes *notes, struct arena *a, struct buf *out);
enum err responses_read_answer(struct reader *r, struct span body, struct answer *out);
void responses_write_answer(struct writer *w, const struct answer *answer);
void responses_read_event(struct reader *r, const struct sse_event *frame);
void responses_write_event(struct writer *w, const struct event *e);
void responses_read_fault(struct json *j, int status, struct span body, struct arena *a, struct fault *out);
/* Of {"code", "message", "param", "type"}. */
struct fault responses_fault_of(struct span error, int status, struct arena *a);
struct span responses_fault_code(const struct fault *fault, struct arena *a); /* raw: the vendor's own, or the kind's */
int responses_write_fault(struct buf *out, const struct fault *fault, struct span call_id, struct span details);

#endif
