/* SPDX-License-Identifier: Apache-2.0
 * past.h - until when time is really over: a wall clock that is believed no faster than twice the time that passed.
 *
 * For cleaning up only. A clock that jumps days ahead and comes back must find the balances of its windows where they were;
 * a jump that was right is believed after as much time again. A clock that goes back is believed at once. */
#ifndef TG_FLOW_PAST_H
#define TG_FLOW_PAST_H

#include <stdint.h>

struct past {
    int64_t ms, seen_ns; /* seen_ns 0: nothing was seen yet */
};

/* To be asked now and then; the first answer is now_ms. */
int64_t past_ms(struct past *p, int64_t now_ms, int64_t steady_ns);

#endif
