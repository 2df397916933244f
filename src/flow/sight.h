/* SPDX-License-Identifier: Apache-2.0
 * sight.h - calls, as observe/ counts them. Inside flow/ only. */
#ifndef TG_FLOW_SIGHT_H
#define TG_FLOW_SIGHT_H

#include "flow/exchange.h"
#include "observe/observe.h"

/* One that is over, with its row. */
void sight_call(const struct exchange *x, const struct journal_row *row);
/* What never became a call: its head could not be read. */
void sight_refused(struct observer *o, enum err why, int64_t now_ms);
/* A worker's calls under way, and what is held for them. */
void sight_open(struct observer *o, const struct list *live);

#endif
