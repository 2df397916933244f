/* SPDX-License-Identifier: Apache-2.0
 * thread.c - see thread.h. */
#include "base/thread.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct beginning {
    void *(*run)(void *self);
    void *self;
    char name[THREAD_NAME_MOST + 1];
};

/* A thread names itself: its name is another's to set by way of /proc alone, which a process that leaves no core has not (serve.c). */
static void *begin(void *first)
{
    struct beginning b = *(struct beginning *)first;
    free(first);
    (void)pthread_setname_np(pthread_self(), b.name);
    return b.run(b.self);
}

bool thread_start(pthread_t *thread, void *(*run)(void *self), void *self, const char *name, ...)
{
    struct beginning *b = malloc(sizeof(*b));
    va_list args;
    if (!b)
        return false;
    *b = (struct beginning){ .run = run, .self = self };
    va_start(args, name);
    (void)vsnprintf(b->name, sizeof(b->name), name, args);
    va_end(args);
    if (pthread_create(thread, NULL, begin, b) == 0)
        return true;
    free(b);
    return false;
}
