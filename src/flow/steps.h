/* SPDX-License-Identifier: Apache-2.0
 * steps.h - the steps of pipeline.c, in the order in which they run; each is described where it is defined. */
#ifndef TG_FLOW_STEPS_H
#define TG_FLOW_STEPS_H

#include "flow/exchange.h"

/* admit.c */
enum next read_target(struct exchange *x);
enum next identify(struct exchange *x);
enum next match_operation(struct exchange *x);
enum next allow(struct exchange *x);
enum next read_body(struct exchange *x);
enum next understand(struct exchange *x);

/* reserve.c */
enum next price_call(struct exchange *x);
enum next reserve(struct exchange *x);

/* attempt.c */
enum next open_upstream(struct exchange *x);
enum next send_request(struct exchange *x);
enum next await_head(struct exchange *x);
enum next judge(struct exchange *x);

/* relay.c */
enum next relay(struct exchange *x);

/* finish.c */
enum next settle(struct exchange *x);
enum next record(struct exchange *x);
enum next answer(struct exchange *x);
enum next close_upstream(struct exchange *x);

/* Shared by steps. */
struct asked asked_of(const struct exchange *x);                  /* admit.c: the call as the vendor engine sees it */
bool stopped_now(struct exchange *x);                             /* admit.c: looks at the stops; fails the call if one applies */
size_t reply_fields(struct exchange *x, struct http_field **out); /* reply.c: the vendor's fields and ours, in the arena */
void prepare_denial(struct exchange *x); /* reply.c: body and status of a refusal, in the vendor's own shape */
void reply_denial(struct exchange *x);   /* reply.c: sends what was prepared */
struct span lead_back(struct exchange *x, struct span body); /* reply.c: absolute links of the vendor, through the gate again */
void hide_secret(
    const struct exchange *x, struct buf *body); /* reply.c: takes the credential out of what the vendor says of it */
void write_row(struct exchange *x, struct buf *out, bool final); /* row.c: the audit row */
enum next pump_body(struct exchange *x);                         /* attempt.c: carries an unread body up */
enum verdict verdict_of(const struct exchange *x);               /* finish.c */

#endif
