/* SPDX-License-Identifier: Apache-2.0
 * clock.c - the system's clocks. */
#include "base/clock.h"

#include <time.h>

#include "base/must.h"

static struct timespec ask(clockid_t which)
{
    struct timespec now;
    must(clock_gettime(which, &now) == 0);
    return now;
}

int64_t clock_unix_ms(void)
{
    struct timespec now = ask(CLOCK_REALTIME);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_monotonic_ns(void)
{
    struct timespec now = ask(CLOCK_MONOTONIC);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t clock_thread_ns(void)
{
    struct timespec now = ask(CLOCK_THREAD_CPUTIME_ID);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
