/* SPDX-License-Identifier: Apache-2.0
 * anthropic_int.h - what the files of the Anthropic dialect share, Bedrock's among them. Private to dialect/.
 *
 * Sources: Anthropic API reference (messages, streaming, errors), the types of its SDK 1.12; Amazon Bedrock user guide (Claude messages). */
#ifndef TG_DIALECT_ANTHROPIC_INT_H
#define TG_DIALECT_ANTHROPIC_INT_H

#include "dialect/dialect.h"

/* ---- requests (anthropic_messages.c) ---- the model may be left out: elsewhere it stands in the path */
enum err anthropic_read_ask(struct json *j, struct span body, struct arena *a, struct ask *out, const char **why);
void anthropic_edit_ask(struct json *j, struct span body, const struct ask_edit *edit, struct buf *out);

/* ---- usage (anthropic_messages_usage.c) ---- */
/* Takes a usage object into u: counts only rise, as a stream's are cumulative. Its texts are copied to the arena. */
void anthropic_usage_merge(struct json *j, struct span raw, struct arena *a, struct usage *u);
/* A stream's usage object so far, overlaid with what a later one says, as the SDKs accumulate it; out, or `delta` if it cannot be. */
struct span anthropic_usage_overlay(struct json *j, struct span start, struct span delta, struct buf *out);
void anthropic_read_usage(struct json *j, struct span body, struct arena *a, struct usage *u);
void anthropic_tap_event(struct json *j, const struct sse_event *event, bool usage_wanted, struct stream_meter *m, bool *hide);
/* Amazon's own counts ("amazon-bedrock-invocationMetrics", raw), in the last event of a stream: for where Claude's are missing. False:
 * there are none. */
bool anthropic_metrics_read(struct span metrics, struct arena *a, struct usage *u);
/* The usage object of an answer, or of message_delta. An unknown one is all zero. */
void anthropic_usage_write(struct json_out *o, const struct usage *u);

/* ---- models (anthropic_model.c) ---- what a Claude takes, by its name; other vendors' models in this dialect are like Claude 3.7 */
struct claude {
    int version;         /* 46: 4.6; 0: not known */
    bool adaptive;       /* thinks by `adaptive` and output_config.effort */
    bool budget;         /* thinks by `enabled` and a number of tokens */
    bool effort_xhigh;   /* knows this effort */
    bool effort_max;
    bool samples;        /* takes temperature, top_p, top_k */
    bool samples_once;   /* temperature or top_p, not both */
    bool forced_tools;   /* takes tool_choice any and tool */
    bool schemas;        /* takes output_config.format */
    const char *quiet;   /* thinking.type that turns thinking off; "": it is off unless asked for; NULL: it cannot be */
};
struct claude claude_of(struct span model);

/* ---- blocks ---- */
/* Content blocks, or a string, of a message to parts; what has no neutral meaning goes to c's remainder as "<where>[i].name" (c NULL: an
 * answer; it is left out). */
enum err anthropic_read_blocks(struct json *j, struct span content, struct span where, struct arena *a, struct call *c, struct part **out, const char **why);
struct citation *anthropic_read_citation(struct span raw, struct arena *a);
/* The kind of a block or a citation that only this dialect has; may it be said to it again? */
bool anthropic_owns_block(struct span raw, struct arena *a);
bool anthropic_owns_citation(struct span raw, struct arena *a);
/* As the answer's dialect says it; false: it cannot be said. */
bool anthropic_put_citation(struct json_out *o, const struct citation *c, struct arena *a);
/* Did Claude sign this, here or at Amazon's? Without its mark; SPAN_NONE: another did. */
struct span anthropic_signature(struct span raw, struct arena *a);
/* An id of a tool call as this dialect allows it (letters, digits, _ and -); a made up one for any other, equal for equal ones. */
struct span anthropic_tool_id(struct span raw, struct arena *a);
extern const struct span anthropic_dialect_name;

/* ---- the translator ---- */
enum err anthropic_read_call(struct json *j, struct span body, struct arena *a, struct call *out, const char **why);
void anthropic_write_call(const struct call *c, const struct quirks *quirks, struct notes *notes, struct arena *a, struct buf *out);
enum err anthropic_read_answer(struct reader *r, struct span body, struct answer *out);
void anthropic_write_answer(struct writer *w, const struct answer *answer);
void anthropic_read_event(struct reader *r, const struct sse_event *frame);
void anthropic_write_event(struct writer *w, const struct event *e);
void anthropic_read_fault(struct json *j, int status, struct span body, struct arena *a, struct fault *out);
int anthropic_write_fault(struct buf *out, const struct fault *fault, struct span call_id, struct span details);

/* ---- shared by the answer and its stream ---- */
enum ending anthropic_ending(struct span raw);
struct span anthropic_stop_reason(enum ending ending); /* plain */
struct span anthropic_message_id(struct writer *w, struct span said); /* raw */
struct span anthropic_model_of(struct writer *w, struct span said);   /* raw */
/* The error object of an answer or an event, as a fault. status 0: by its type alone. */
void anthropic_fault_of(struct span error, int status, struct arena *a, struct fault *out);
void anthropic_put_fault(struct json_out *o, const struct fault *fault); /* {"type":..., "message":...} */
/* Writes pieces of a call (anthropic_messages_turns.c): the messages, and what of them is the system prompt. */
struct say {
    const struct call *call;
    const struct quirks *quirks;
    struct notes *notes;
    struct arena *arena;
    struct json_out o;
    struct claude claude;
};
void anthropic_put_system(struct say *s);
void anthropic_put_messages(struct say *s);

#endif
