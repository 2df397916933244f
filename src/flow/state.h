/* SPDX-License-Identifier: Apache-2.0
 * state.h - conversations that an OpenAI-responses caller goes on with by id (previous_response_id), for vendors that keep none.
 *
 * What was said and answered is kept sealed beside the answers of idempotent calls (as long as `answers:` says), under the id of the
 * answer and for the key that made it alone; `"store": false` keeps nothing. */
#ifndef TG_FLOW_STATE_H
#define TG_FLOW_STATE_H

#include "flow/exchange.h"

/* Is this answer to be kept? store: as the call says (-1: it does not). */
bool state_wanted(const struct exchange *x, int store);
/* Puts what went before into the body of a call that goes on with an earlier answer. NEXT, WAIT (the store is asked), or STOP. */
enum next state_continue(struct exchange *x);
/* Keeps the call, and the response object that its caller got or was streamed, under the response's id . */
void state_keep(struct exchange *x, struct span response);

/* GET and DELETE /v1/responses/{id} and GET .../input_items, of an answer that is kept here. */
enum next state_answer(struct exchange *x);

#endif
