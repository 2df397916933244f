/* SPDX-License-Identifier: Apache-2.0
 * recollect.h - asks the store for answers that were kept, on a thread of its own, so that no worker waits for a disk. */
#ifndef TG_FLOW_RECOLLECT_H
#define TG_FLOW_RECOLLECT_H

#include "flow/repeats.h"
#include "store/store.h"

struct recollect;

/* What it finds goes to repeats_found. NULL: why[]. */
struct recollect *recollect_start(struct store *store, struct repeats *repeats, char why[256]);
/* Any thread; does not block. With too many questions open the answer is FOUND_TROUBLE, at once. */
void recollect_ask(struct recollect *r, const struct digest *once);
void recollect_stop(struct recollect *r); /* questions that are open stay without an answer */

#endif
