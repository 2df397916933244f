/* SPDX-License-Identifier: Apache-2.0
 * local.h - what the gate answers itself at the fronts: which models a key may call, how many tokens a call has. Nothing is forwarded. */
#ifndef TG_FLOW_LOCAL_H
#define TG_FLOW_LOCAL_H

#include "flow/exchange.h"

/* GET /v1/models and the like (models.c): in the caller's dialect, with prices and abilities; GET /v1/models/{model}: one of them. */
enum next list_models(struct exchange *x);
/* Where the vendor's own counting cannot be asked (count.c): the caller's dialect, facts.model. */
enum next count_tokens(struct exchange *x);
/* GET /v1/tollgate/self (self.c): a key's own allowance. */
bool self_is_asked(const struct http_head *head, const char *tag);
/* An answer of the gate's own: its body stands in answering.body. */
enum next answer_local(struct exchange *x);

#endif
