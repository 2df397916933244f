/* SPDX-License-Identifier: Apache-2.0
 * steps.h - the steps of pipeline.c, in the order in which they run; each is described where it is defined. */
#ifndef TG_FLOW_STEPS_H
#define TG_FLOW_STEPS_H

#include "flow/exchange.h"

/* target.c */
enum next read_target(struct exchange *x);

/* identify.c */
enum next identify(struct exchange *x);
enum next grant(struct exchange *x);

/* match.c */
enum next match_operation(struct exchange *x);

/* admit.c */
enum next allow(struct exchange *x);
enum next permit(struct exchange *x);
enum next permit_objects(struct exchange *x);

/* understand.c */
enum next read_body(struct exchange *x);
enum next understand(struct exchange *x);

/* route.c */
void send_mirrors(struct exchange *x);
enum next route(struct exchange *x);
enum next aim(struct exchange *x);

/* direct.c */
enum next direct(struct exchange *x);

/* account.c */
enum next take_account(struct exchange *x);
enum next qualify(struct exchange *x);

/* speak.c */
enum next speak(struct exchange *x);
enum next reword(struct exchange *x);

/* guard.c */
enum next guard_input(struct exchange *x);
enum next guard_judge(struct exchange *x);
enum next guard_output(struct exchange *x);
enum next guard_tell(struct exchange *x);

/* consult.c */
enum next consult(struct exchange *x);

/* recall.c */
enum next recall(struct exchange *x);
enum next keep(struct exchange *x);
enum next capture_begin(struct exchange *x);
enum next capture_end(struct exchange *x);

/* cached.c */
enum next look_up(struct exchange *x);

/* brakes.c */
enum next brake(struct exchange *x);

/* again.c */
enum next revive(struct exchange *x);
enum next allow_again(struct exchange *x);
enum next ask_again(struct exchange *x);
enum next ask_late(struct exchange *x);

/* hooks.c */
enum next read_hook(struct exchange *x);
enum next verify_hook(struct exchange *x);
enum next attribute_hook(struct exchange *x);
enum next record_hook(struct exchange *x);
void reply_hook(struct exchange *x);

/* result_fetch.c */
enum next tell_self(struct exchange *x);
enum next result_read(struct exchange *x);
enum next result_ask(struct exchange *x);
enum next result_await(struct exchange *x);
enum next result_relay(struct exchange *x);

/* glance.c */
enum next glance(struct exchange *x);

/* reserve.c */
enum next price_call(struct exchange *x);
enum next reserve(struct exchange *x);

/* race.c */
enum next line_up(struct exchange *x);
enum next reserve_all(struct exchange *x);

/* approve.c */
enum next approve(struct exchange *x);

/* rehearse.c */
enum next rehearse(struct exchange *x);

/* reserve.c */
enum next commit(struct exchange *x);

/* alike.c */
enum next seek_alike(struct exchange *x);

/* dress.c */
enum next dress(struct exchange *x);

/* attempt.c */
enum next open_upstream(struct exchange *x);
enum next send_request(struct exchange *x);
enum next await_head(struct exchange *x);
enum next judge(struct exchange *x);

/* relay.c */
enum next relay(struct exchange *x);

void give_pending(struct exchange *x); /* events that waited for the first word go out */

/* taste.c */
enum next taste(struct exchange *x);

/* turn.c */
enum next book_attempt(struct exchange *x);
enum next pause_before(struct exchange *x);
enum next choose_target(struct exchange *x);

/* finish.c */
enum next settle(struct exchange *x);
enum next cover(struct exchange *x);
enum next record(struct exchange *x);
enum next commit_row(struct exchange *x);
enum next tell(struct exchange *x);
enum next answer(struct exchange *x);
enum next close_upstream(struct exchange *x);

/* Shared by steps. */
enum next come_from_there(struct exchange *x);                     /* the last of these alone */
enum next may_come(struct exchange *x);                           /* admit.c: stops, tags, address: what no operation decides */
void note_operation(struct exchange *x);                          /* match.c: facts of the operation that was matched */
void speak_ask(struct exchange *x);                               /* speak.c: what the vendor's body does not say of a call to a front */
struct asked asked_of(struct exchange *x);                        /* understand.c: the call as the vendor engine sees it */
enum next gather_body(struct exchange *x, int64_t most);          /* understand.c: the whole body into asking.body */
enum next engine_looks(struct exchange *x);                       /* understand.c: asks the vendor engine what the call means */
enum next get_token(struct exchange *x);                          /* dress.c: of a brokered vendor, before anything is sent to it */
enum next lay_veil(struct exchange *x);                           /* dress.c: before the vendor may say anything */
bool stopped_now(struct exchange *x);                             /* admit.c: looks at the stops; fails the call if one applies */
size_t reply_fields(struct exchange *x, struct http_field **out); /* reply.c: the vendor's fields and ours, in the arena */
void prepare_denial(struct exchange *x); /* reply.c: body and status of a refusal, in the vendor's own shape */
void reply_denial(struct exchange *x);   /* reply.c: sends what was prepared */
struct span lead_back(struct exchange *x, struct span body); /* reply.c: absolute links of the vendor, through the gate again */
void hide_secret(
    const struct exchange *x, struct buf *body); /* reply.c: takes the credential out of what the vendor says of it */
bool tells_of_keys(int status);          /* reply.c: an answer that may complain about the vendor's own key */
bool budgets_depend_on_objects(struct exchange *x);               /* glance.c: some count by customer or another object */
bool must_be_covered(const struct exchange *x); /* finish.c: parts of its answer are blotted out */
void write_row(struct exchange *x, struct buf *out, bool final); /* row.c: the audit row */
int64_t gate_time_us(const struct exchange *x, int64_t now); /* row.c: what the gate itself took of it */
int64_t cached_tokens(const struct usage *u); /* row.c: read from the vendor's cache, of any kind */
enum next pump_body(struct exchange *x);                         /* attempt.c: carries an unread body up */
enum next drain(struct exchange *x);                             /* relay.c: STOP when a model's caller has been gone for too long */
bool stream_is_told(const struct exchange *x);                   /* relay.c */
enum verdict verdict_of(const struct exchange *x);               /* finish.c */
enum { CALL_LINES = JOURNAL_LINES, SEEN_LINES = 8 }; /* accounts that the legs of one call may touch together */
size_t charged_lines(const struct exchange *x, struct journal_line lines[CALL_LINES]); /* lines.c: its accounts, for the journal */
bool line_is_kept(const struct charging *c, size_t line);         /* lines.c */
bool was_sent(const struct exchange *x);                         /* finish.c: something of the leg at hand may have reached its vendor */
nano_usd left_while_held(const struct exchange *x);              /* finish.c: the least that is left on a money budget beside what the leg holds; -1: none */
void close_books(struct exchange *x, const int64_t real[UNIT_COUNT]); /* finish.c: of the leg at hand */
/* account.c: the first credential that will do; and what an answer tells of it. */
enum next first_account(struct exchange *x);
void heed_refusal(struct exchange *x, int status);
void heed_headroom(struct exchange *x);
struct span credential_asked(const struct exchange *x, const struct target *t); /* direct.c: by a target; SPAN_NONE: any */
const struct upstream *direct_look(const struct exchange *x, const struct target *t, struct span *model); /* direct.c */
uint64_t call_dice(const struct exchange *x);                     /* route_view.c: a seed of this call and this attempt, the same in each run of a simulation */
struct span seal_request(struct exchange *x);                    /* again.c: to ask again with; SPAN_NONE: it cannot be */
void name_request(struct exchange *x);                            /* recall.c: repeating.asked, what makes it the same request */
void release_repeat(struct exchange *x);                         /* recall.c: what becomes of those that wait for this one */
#define BRAKE_FORGIVEN_MS (INT64_C(24) * 60 * 60 * 1000)
struct span brake_resumed(struct arena *a, enum stop_kind kind, struct span value); /* brakes.c: the counter of its resumptions */
void count_brakes(struct exchange *x);                           /* brakes.c: what this call adds */
void tell_budgets(struct exchange *x);                           /* alarm.c: thresholds and forecasts, once each */
void tell_refusal(struct exchange *x);                           /* alarm.c: a cap refused a call */
void tell_brake(struct exchange *x, const struct brake_rule *rule, struct span subject, struct span text); /* alarm.c */
int answered_status(const struct exchange *x); /* turn.c: the vendor's; of a stream that was an error and nothing else, the error's. It has a head */
const struct price *price_of(const struct exchange *x, struct span model); /* reserve.c: what this vendor charges; NULL: not known */
const struct price *billed_price(const struct exchange *x);       /* finish.c: of the model that the vendor says it was */
bool money_matters(const struct exchange *x);                     /* reserve.c: some limit in dollars applies */
int64_t input_most(const struct exchange *x);                     /* reserve.c: tokens that its input can have; -1: not known */
nano_usd call_ceiling(const struct exchange *x);                  /* reserve.c: the most that this call may cost; -1: any */
enum next journal_the_hold(struct exchange *x);                   /* reserve.c: as it is now */
bool weigh(struct exchange *x);                                   /* weigh.c: is the bound of its input lower now? */
int64_t weigh_input(struct exchange *x);                          /* weigh.c: about what it was, where the vendor did not tell */
enum vocabulary vocabulary_of(const struct exchange *x);          /* weigh.c: of the model that it goes to */
bool counts_tokens(const struct exchange *x);                     /* reserve.c: some limit in tokens applies */
bool object_seen(void *x, const struct approval_rule *rule, struct span value); /* approve.c: an approval_seen, of this workspace */
void choose_budgets(struct exchange *x);                          /* reserve.c: those that apply to this call */
enum next try_to_hold(struct exchange *x, enum err *e);           /* reserve.c: on every account, or none; STOP: refused as such */
enum next refuse_for_budget(struct exchange *x);                  /* reserve.c: by charging.refusal */
size_t seen_lines(struct exchange *x, struct journal_line *lines, size_t room); /* approve.c: objects touched for the first time */
void tell_approval(struct exchange *x, const struct approval *a); /* alarm.c: a call waits for a person */
void tell_credit(struct exchange *x, int status);                 /* alarm.c: the vendor says that this credential's account has no money left */
void tell_address(struct exchange *x);                           /* alarm.c: a key from an address that is none of its own */
void tell_doubt(struct exchange *x);                             /* alarm.c */
void remember_object(struct exchange *x, uint64_t call, nano_usd counted); /* again.c: what this call made, and what is counted for it */
void give_back_approval(struct exchange *x);                      /* approve.c: a call that was not sent did not use it */
enum next settle_doubt(struct exchange *x);                      /* again.c: what a second asking found out */
bool wants_array(const struct exchange *x); /* speak.c: a Gemini caller that did not ask for events */
void count_request(struct exchange *x, int64_t real[UNIT_COUNT]); /* legs.c: of the leg at hand, which ends now */
void measure(struct exchange *x, int64_t real[UNIT_COUNT]);      /* finish.c: what was really spent, by the answer */
int64_t first_asking(struct exchange *x); /* finish.c: how long after it a late price is asked for first; 0: nobody can be asked */
bool outcome_unknown(struct exchange *x);                        /* finish.c: sent, and nothing tells what became of it */

#endif
