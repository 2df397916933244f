/* SPDX-License-Identifier: Apache-2.0
 * credential.h - which of a key's credentials for one vendor a call goes with (docs/keys.md, "Several credentials"). */
#ifndef TG_FLOW_CREDENTIAL_H
#define TG_FLOW_CREDENTIAL_H

#include "config/snapshot.h"
#include "route/health.h"

/* What the choice depends on. */
struct credential_wish {
    struct span name;    /* SPAN_NONE: any; else this one or none */
    struct span model, region; /* whose load is compared */
    struct span body;    /* the caller's; may name what lives in one account only */
    const struct breaker_rule *rule; /* whose targets are left alone; NULL: not looked at */
    int64_t now_ms;
    bool turns;          /* the operation is a model's: any account will do */
    bool sticky;         /* dice is of whom it sticks to, and stays the same */
    uint64_t dice;
};

/* h NULL: nothing is known of any. NULL: there is none; *refused then names one that the vendor refuses (SPAN_NONE: the key has none at all). */
const struct credential *key_credential_turn(const struct key *k, const struct upstream *u, struct health *h, const struct credential_wish *w, struct span *refused);

#endif
