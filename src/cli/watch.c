/* SPDX-License-Identifier: Apache-2.0
 * watch.c - --watch: a verb that shows something, again and again. On a terminal each look takes the place of the one before, in one
 * write, so that nothing flickers; in a pipe they follow one another. */
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/verb.h"

enum { EVERY_MS = 2000, EVERY_LEAST = 100, EVERY_MOST = 3600 * 1000, SCREEN = 1 << 20 };

/* Whether `word` is one of the words. */
static bool is_among(struct span words, struct span word)
{
    struct span one;
    while (span_next(&words, ' ', &one))
        if (span_is(one, word))
            return true;
    return false;
}

bool watch_fits(const struct cli *c)
{
    struct span words = span_of(c->verb->watch);
    return words.at && (!c->operand_count || span_is(words, SPAN("*")) || is_among(words, c->operands[0]));
}

static void put_heading(const struct cli *c, int64_t every_ms)
{
    char now[TIME_TEXT];
    fputs("\033[H\033[2J\033[2m", stdout);
    printf("tollgate %s", c->verb->name);
    for (size_t i = 0; i < c->operand_count; i++)
        printf(" %.*s", SPAN_ARG(c->operands[i]));
    printf("   %.8s UTC, every %lld.%llds\033[0m\n\n", text_time(clock_unix_ms(), now).at + 11, (long long)(every_ms / 1000), (long long)(every_ms % 1000 / 100));
}

static void sleep_ms(int64_t ms) { nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL); }

int watch(struct cli *c)
{
    int64_t every_ms = EVERY_MS;
    struct span every = option(c, "every");
    bool screen = isatty(STDOUT_FILENO) && !c->json, seen = false;
    if (every.at && (!text_duration_parse(every, &every_ms) || every_ms < EVERY_LEAST || every_ms > EVERY_MOST))
        return usage_error(c, "--every: found \"%.*s\"; allowed: 100ms to 1h", SPAN_ARG(every));
    struct arena_mark mark = arena_mark(&c->arena);
    setvbuf(stdout, NULL, _IOFBF, SCREEN);
    for (;; sleep_ms(every_ms)) {
        if (screen)
            put_heading(c, every_ms);
        else if (seen && !c->json)
            puts("");
        int code = c->verb->run(c);
        /* A gate that is restarted comes back; all else would be the same the next time. */
        if (code == EXIT_USAGE || (code != EXIT_DONE && !(seen && code == EXIT_UNREACHABLE)))
            return code;
        if (fflush(stdout) != 0)
            return EXIT_REFUSED; /* nobody reads any more */
        seen = true;
        arena_rewind(&c->arena, mark);
    }
}
