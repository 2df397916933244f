/* SPDX-License-Identifier: Apache-2.0
 * clock.h - the time. Code below flow/ takes `now` as an argument; only the outermost layers ask here. */
#ifndef TG_BASE_CLOCK_H
#define TG_BASE_CLOCK_H

#include <stdint.h>

int64_t clock_unix_ms(void);      /* wall clock */
int64_t clock_monotonic_ns(void); /* never goes back */
int64_t clock_thread_ns(void);    /* what this thread alone has worked; a system call, where the others are none */

#endif
