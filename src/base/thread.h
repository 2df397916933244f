/* SPDX-License-Identifier: Apache-2.0
 * thread.h - starts threads that have a name: what top -H, gdb and perf show of them. docs/observability.md lists ours.
 *
 * A thread without a name shows the one of the thread that started it. */
#ifndef TG_BASE_THREAD_H
#define TG_BASE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

#include "base/must.h"

enum { THREAD_NAME_MOST = 15 }; /* bytes; Linux has no room for more, what is longer is cut */

/* Runs run(self) on a thread of that name, which is printed from the format; who starts it joins it with pthread_join. False: no
 * thread could be started (no memory, or too many threads), *thread is unset and run is not called. */
CHECKED bool thread_start(pthread_t *thread, void *(*run)(void *self), void *self, const char *name, ...) PRINTF_LIKE(4, 5);

#endif
