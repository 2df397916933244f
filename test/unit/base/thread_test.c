/* SPDX-License-Identifier: Apache-2.0
 * thread_test.c - a thread has its name before it does anything, and the one that started it keeps its own. */
#include "base/thread.h"

#include "base/span.h"
#include "test/test.h"

struct seen {
    char name[64];
    bool known;
};

static void *look(void *self)
{
    struct seen *s = self;
    s->known = pthread_getname_np(pthread_self(), s->name, sizeof(s->name)) == 0;
    return s;
}

static void named(pthread_t thread, struct seen *s, struct span want)
{
    void *given;
    CHECK_INT(pthread_join(thread, &given), 0);
    CHECK(given == s && s->known);
    CHECK_SPAN(span_of(s->name), want);
}

TEST(a_thread_has_a_name)
{
    struct seen before, one, other, after;
    pthread_t thread;
    look(&before);
    CHECK(thread_start(&thread, look, &one, "worker %u", 7u));
    named(thread, &one, SPAN("worker 7"));
    CHECK(thread_start(&thread, look, &other, "export %.*s", SPAN_ARG(SPAN("everything that was paid"))));
    named(thread, &other, SPAN("export everythi"));
    CHECK_INT(sizeof("export everythi") - 1, THREAD_NAME_MOST);
    look(&after);
    CHECK_SPAN(span_of(after.name), span_of(before.name));
}
