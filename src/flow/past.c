/* SPDX-License-Identifier: Apache-2.0
 * past.c - see past.h. */
#include "flow/past.h"

int64_t past_ms(struct past *p, int64_t now_ms, int64_t steady_ns)
{
    int64_t most = p->ms + (steady_ns - p->seen_ns) / 1000000 * 2;
    p->ms = p->seen_ns && now_ms > most ? most : now_ms;
    p->seen_ns = steady_ns;
    return p->ms;
}
