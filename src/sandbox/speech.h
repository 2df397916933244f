/* SPDX-License-Identifier: Apache-2.0
 * speech.h - what the sandbox's models say, and how many tokens that is. Private to sandbox/.
 *
 * No model runs: the answer says so and repeats the question. Tokens are counted as four bytes each, so that usage follows
 * from the request and costs are real. */
#ifndef TG_SANDBOX_SPEECH_H
#define TG_SANDBOX_SPEECH_H

#include "sandbox/play.h"

struct speech {
    struct span model;
    struct span text;    /* the answer */
    int64_t input, output; /* tokens */
    bool cut;            /* the limit was reached */
    bool stream;
    struct span tool;      /* that had to be called; SPAN_NONE: text is the answer */
    struct span arguments; /* of it, JSON by its schema */
};

/* Reads `model`, `stream` and the prompt: `prompt` and `more` are the members that hold it (more may be NULL). limit: -1,
 * none. False: no model was named or there is no prompt. */
bool speech_make(struct play *p, struct json_value body, const char *prompt, const char *more, int64_t limit, struct speech *out);
/* The same where the model, or what else counts, stands elsewhere. */
bool speech_of(struct play *p, struct span model, struct json_value said, struct json_value more, int64_t limit, struct speech *out);
/* A tool is called where `tool_choice` demands it, of OpenAI's or Anthropic's form; one whose arguments would pass the limit is not. */
void speech_call_tool(struct play *p, struct json_value body, int64_t limit, struct speech *s);
/* The next word of *rest with the blank behind it. */
bool speech_next(struct span *rest, struct span *word);
/* Tokens of every string in v. */
int64_t speech_tokens(struct json_value v);
/* An integer member; -1: absent. */
int64_t speech_limit(struct json_value body, const char *name);

#endif
