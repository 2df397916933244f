/* SPDX-License-Identifier: Apache-2.0
 * signature.h - what a vendor signs of a model's thinking must come back to that vendor as it was, and to no other.
 *
 * Where the caller's dialect is another than the vendor's, the gate marks the signature with the dialect it came from:
 * "tg.gemini.<signature>" (the characters are those that every dialect allows there). When the caller sends it back, the mark is taken
 * off again; a thought that another dialect signed is of no use to a vendor and left out (noted as adapted). Of a signature without a mark
 * the owner is the caller's own dialect. */
#ifndef TG_DIALECT_SIGNATURE_H
#define TG_DIALECT_SIGNATURE_H

#include "base/arena.h"

/* raw in, raw out. owner: the dialect's name ("gemini"). */
struct span signature_mark(struct span raw, struct span owner, struct arena *a);
/* The signature without its mark (raw) if it is owner's; SPAN_NONE if it is another's. unmarked_owner: whose it is without a mark. */
struct span signature_for(struct span raw, struct span owner, struct span unmarked_owner, struct arena *a);

#endif
