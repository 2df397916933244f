/* SPDX-License-Identifier: Apache-2.0
 * openai_responses_state.h - what a response leaves behind, for vendors that keep none: its whole conversation, so that a later call may
 * name it (previous_response_id), and the response itself, to be asked for again.
 *
 * A state is one JSON text, {"input":[items],"response":{...}}: the input as it was sent, with what came before it, and the finished
 * response, whose output is in it. Bodies and states given here have BUF_SLACK readable bytes behind them. Source: OpenAI API reference,
 * responses, November 2026. */
#ifndef TG_DIALECT_OPENAI_RESPONSES_STATE_H
#define TG_DIALECT_OPENAI_RESPONSES_STATE_H

#include "dialect/translate.h"

enum { RESPONSES_STATE_MOST = 8 << 20 };

/* The state behind an answer. body: the request's, as it was understood (after responses_continue). response: the response object that
 * the caller got (write_answer's text). E_TOO_LARGE: more than a state may be; then the response can not be continued. */
CHECKED enum err responses_remember(struct json *j, struct span body, struct span response, struct arena *a, struct buf *out);
/* The id of a response object, plain; SPAN_NONE: it has none. */
struct span responses_id(struct json *j, struct span response, struct arena *a);
/* A body with the earlier conversation in its input, and without previous_response_id. Instructions are not carried over. E_NOT_FOUND: the
 * state is none. */
CHECKED enum err responses_continue(struct json *j, struct span body, struct span state, struct arena *a, struct buf *out);

/* GET /v1/responses/{id} */
CHECKED enum err responses_retrieve(struct json *j, struct span state, struct arena *a, struct buf *out);
/* DELETE /v1/responses/{id}; id plain */
void responses_deleted(struct span id, struct buf *out);
/* GET /v1/responses/{id}/input_items?limit=&order=&after= */
struct responses_page {
    int64_t limit;     /* 1 to 100; below 1: 20 */
    bool oldest_first; /* order=asc */
    struct span after; /* plain: behind the item of this id */
};
CHECKED enum err responses_input_items(struct json *j, struct span state, const struct responses_page *page, struct arena *a, struct buf *out);

#endif
