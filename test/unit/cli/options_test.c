/* SPDX-License-Identifier: Apache-2.0
 * options_test.c - command lines as people type them, and the small languages of their values. */
#include <unistd.h>
#include <fcntl.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/verb.h"
#include "test/test.h"

static const struct flag flags[] = { { "run", "RUN", "", false }, { "tag", "TAG", "", true }, { "drain", NULL, "", false }, { NULL, NULL, NULL, false } };
static const struct verb verb = { .name = "try", .summary = "", .usage = "", .flags = flags, .operands = 2 };

/* Complaints go to standard error, which is put aside for the while. */
static int read_line(struct cli *c, const char *const *words)
{
    int count = 0, aside = dup(STDERR_FILENO), nowhere = open("/dev/null", O_WRONLY);
    while (words[count])
        count++;
    dup2(nowhere, STDERR_FILENO);
    cli_init(c, &verb);
    int code = options_read(c, count, (char **)(uintptr_t)words);
    dup2(aside, STDERR_FILENO);
    close(aside);
    close(nowhere);
    return code;
}

#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

TEST(options_both_forms_anywhere)
{
    struct cli c;
    CHECK_INT(read_line(&c, WORDS("one", "--run", "r1", "--tag=a", "--drain", "--tag", "b=c", "two", "--json")), EXIT_DONE);
    CHECK_SPAN(option(&c, "run"), SPAN("r1"));
    CHECK_SPAN(option_nth(&c, "tag", 0), SPAN("a"));
    CHECK_SPAN(option_nth(&c, "tag", 1), SPAN("b=c"));
    CHECK(!option_nth(&c, "tag", 2).at);
    CHECK(option_given(&c, "drain") && !option_given(&c, "token"));
    CHECK_INT(c.operand_count, 2);
    CHECK_SPAN(c.operands[1], SPAN("two"));
    CHECK(c.json && !c.help);
    cli_free(&c);
}

TEST(options_end_with_two_dashes)
{
    struct cli c;
    CHECK_INT(read_line(&c, WORDS("--", "--run", "-h")), EXIT_DONE);
    CHECK_INT(c.operand_count, 2);
    CHECK(!c.help && !option_given(&c, "run"));
    cli_free(&c);
}

TEST(options_refused)
{
    static const char *const bad[][5] = { { "--rum", "r" }, { "--run" }, { "--run", "a", "--run", "b" }, { "--drain=yes" }, { "a", "b", "c" } };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct cli c;
        CHECK_INT(read_line(&c, bad[i]), EXIT_USAGE);
        cli_free(&c);
    }
}

TEST(options_of_every_verb)
{
    struct cli c;
    CHECK_INT(read_line(&c, WORDS("--admin", "http://a:1", "--token=t", "--data", "d", "--help")), EXIT_DONE);
    CHECK_SPAN(option(&c, "admin"), SPAN("http://a:1"));
    CHECK(c.help);
    cli_free(&c);
}

TEST(options_budget_texts)
{
    static const char *const texts[][2] = {
        { "20 usd/run", "{\"limit\":\"20 usd\",\"window\":\"run\"}" },
        { "20 usd per run", "{\"limit\":\"20 usd\",\"window\":\"run\"}" },
        { "100 usd a day on stripe", "{\"limit\":\"100 usd\",\"window\":\"day\",\"vendor\":\"stripe\"}" },
        { "600 requests / minute", "{\"limit\":\"600 requests\",\"window\":\"minute\"}" },
        { "5.50 usd", "{\"limit\":\"5.50 usd\",\"window\":\"total\"}" },
        { "1 \"usd/day", "{\"limit\":\"1 \\\"usd\",\"window\":\"day\"}" },
    };
    static const char *const bad[] = { "", "   ", "20", "20 usd/day on" };
    struct arena a;
    arena_init(&a, 1 << 16);
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        CHECK_SPAN(option_budget(&a, span_of(texts[i][0])), span_of(texts[i][1]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        CHECK(!option_budget(&a, span_of(bad[i])).at);
    arena_free(&a);
}

TEST(options_moments)
{
    struct cli c;
    int64_t at, now = clock_unix_ms();
    CHECK_INT(read_line(&c, WORDS("x")), EXIT_DONE);
    CHECK(text_time_parse(option_moment(&c, SPAN("1h"), false), &at) && at <= now - 3599000 && at >= now - 3601000);
    CHECK(text_time_parse(option_moment(&c, SPAN("5m"), true), &at) && at >= now + 299000 && at <= now + 301000 + 5000);
    CHECK_SPAN(option_moment(&c, SPAN("2026-11-21"), false), SPAN("2026-11-21T00:00:00.000Z"));
    CHECK(!option_moment(&c, SPAN("yesterday"), false).at);
    cli_free(&c);
}
