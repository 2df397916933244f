/* SPDX-License-Identifier: Apache-2.0
 * main.c - runs the unit tests and closes with "N passed, N failed". */
#include <stdarg.h>
#include <stdlib.h>

#include "test/test.h"

/* ThreadSanitizer asks for its options. A test that kills a writing process forks while other tests' libuv threads sleep;
 * the child starts threads of its own, which glibc allows. It would be ended for that; so it only goes unwatched. */
#ifdef __SANITIZE_THREAD__
const char *__tsan_default_options(void);
const char *__tsan_default_options(void) { return "die_after_fork=0"; }

/* libuv closes descriptors by a bare system call, which goes unseen: when another thread's file then gets the same number, the two
 * openings look like a race. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void) { return "race:epoll_create1\nrace:eventfd\nrace:interceptor_socket\n"; }
#endif

static struct test *tests;
static int failures;

void test_add(struct test *t)
{
    t->next = tests;
    tests = t;
}

void test_fail(const char *file, int line, const char *format, ...)
{
    va_list args;
    failures++;
    printf("  %s:%d: ", file, line);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}

static int by_place(const void *a, const void *b)
{
    const struct test *x = *(const struct test *const *)a, *y = *(const struct test *const *)b;
    int files = strcmp(x->file, y->file);
    return files ? files : strcmp(x->name, y->name);
}

int main(int argc, char **argv)
{
    size_t count = 0, at = 0;
    int passed = 0, failed = 0;
    for (struct test *t = tests; t; t = t->next)
        count++;
    struct test **all = calloc(count ? count : 1, sizeof(*all));
    if (!all)
        return 2;
    for (struct test *t = tests; t; t = t->next)
        all[at++] = t;
    qsort(all, count, sizeof(*all), by_place);
    for (size_t i = 0; i < count; i++) {
        char label[400];
        snprintf(label, sizeof(label), "%s:%s", all[i]->file, all[i]->name);
        if (argc > 1 && !strstr(label, argv[1]))
            continue;
        failures = 0;
        all[i]->run();
        if (failures)
            printf("FAIL %s\n", label);
        failures ? failed++ : passed++;
    }
    free(all);
    printf("%d passed, %d failed\n", passed, failed);
    return failed || !passed;
}
