/* SPDX-License-Identifier: Apache-2.0
 * test.h - the smallest test harness that does the job: TEST(name) { ... } registers itself; CHECK goes on after a
 * failure, so that one run shows all. `unit [substring]` runs those whose "file:name" contains it. */
#ifndef TG_TEST_H
#define TG_TEST_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/span.h"

struct test {
    const char *file, *name;
    void (*run)(void);
    struct test *next;
};

void test_add(struct test *t);
void test_fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));

#define TEST(id)                                                                  \
    static void test_##id(void);                                                  \
    __attribute__((constructor)) static void add_##id(void)                       \
    {                                                                             \
        static struct test t = { __FILE__, #id, test_##id, NULL };                \
        test_add(&t);                                                             \
    }                                                                             \
    static void test_##id(void)

#define CHECK(cond) ((cond) ? (void)0 : test_fail(__FILE__, __LINE__, "%s", #cond))
#define CHECK_INT(got, want)                                                                                                       \
    do {                                                                                                                           \
        long long got_ = (long long)(got), want_ = (long long)(want);                                                             \
        if (got_ != want_)                                                                                                         \
            test_fail(__FILE__, __LINE__, "%s: got %lld, want %lld", #got, got_, want_);                                           \
    } while (0)
#define CHECK_SPAN(got, want)                                                                                                      \
    do {                                                                                                                           \
        struct span got_ = (got), want_ = (want);                                                                                  \
        if (!span_is(got_, want_))                                                                                                 \
            test_fail(__FILE__, __LINE__, "%s: got \"%.*s\", want \"%.*s\"", #got, SPAN_ARG(got_), SPAN_ARG(want_));               \
    } while (0)

#endif
