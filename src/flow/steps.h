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

/* recall.c */
enum next recall(struct exchange *x);
enum next keep(struct exchange *x);

/* brakes.c */
enum next brake(struct exchange *x);

/* again.c */
enum next revive(struct exchange *x);
enum next allow_again(struct exchange *x);
enum next understand_again(struct exchange *x);

/* reserve.c */
enum next price_call(struct exchange *x);
enum next reserve(struct exchange *x);
enum next commit(struct exchange *x);

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
enum next commit_row(struct exchange *x);
enum next tell(struct exchange *x);
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
size_t charged_lines(const struct exchange *x, struct journal_line *lines); /* finish.c: its accounts, for the journal */
struct span seal_request(struct exchange *x);                    /* again.c: to ask again with; SPAN_NONE: it cannot be */
void name_request(struct exchange *x);                            /* recall.c: repeating.asked, what makes it the same request */
void release_repeat(struct exchange *x);                         /* recall.c: what becomes of those that wait for this one */
#define BRAKE_FORGIVEN_MS (INT64_C(24) * 60 * 60 * 1000)
struct span brake_resumed(struct arena *a, enum stop_kind kind, struct span value); /* brakes.c: the counter of its resumptions */
void count_brakes(struct exchange *x);                           /* brakes.c: what this call adds */
void tell_budgets(struct exchange *x);                           /* alarm.c: thresholds and forecasts, once each */
void tell_refusal(struct exchange *x);                           /* alarm.c: a cap refused a call */
void tell_brake(struct exchange *x, const struct brake_rule *rule, struct span subject, struct span text); /* alarm.c */
void tell_doubt(struct exchange *x);                             /* alarm.c */
void remember_object(struct exchange *x);                        /* again.c: what this call made, so that no look-up takes it for another's */
enum next settle_doubt(struct exchange *x);                      /* again.c: what a second asking found out */
void measure(struct exchange *x, int64_t real[UNIT_COUNT]);      /* finish.c: what was really spent, by the answer */
bool outcome_unknown(struct exchange *x);                        /* finish.c: sent, and nothing tells what became of it */

#endif
