/* SPDX-License-Identifier: Apache-2.0
 * walk_test.c - what the walker tells of names and strings, whatever their length and escapes. */
#include "dialect/walk.h"

#include <stdlib.h>

#include "base/buf.h"
#include "test/test.h"

static const struct span names[] = { { "a", 1 }, { "text", 4 }, { "a_long_name_of_many_letters_that_is_listed", 42 }, { NULL, 0 } };

/* "place:raw " for strings, "place=raw " for names. */
static void note(void *self, uint64_t place, bool name, struct span raw)
{
    buf_print(self, "%llx%c%.*s ", (unsigned long long)place, name ? '=' : ':', SPAN_ARG(raw));
}

/* From the end of a block of its own length, so that a look past the end is found out. */
static struct span walked(struct span value, struct buf *out)
{
    char *copy = malloc(value.len ? value.len : 1);
    buf_init(out, 1 << 16);
    if (!copy)
        return SPAN_NONE;
    memcpy(copy, value.at, value.len);
    walk(span_make(copy, value.len), names, note, out);
    free(copy);
    return buf_span(out);
}

#define WALKED(value, told)                                  \
    do {                                                     \
        struct buf out;                                      \
        CHECK_SPAN(walked(SPAN(value), &out), SPAN(told));   \
        buf_free(&out);                                      \
    } while (0)

TEST(walk_jumps_over_what_is_deeper)
{
    struct buf out;
    buf_init(&out, 1 << 16);
    walk_top(SPAN("[{\"text\":\"x\",\"b\":{\"text\":\"}]\",\"a\":[\"y\"]},\"a\":\"z\"}]"), 2, names, note, &out);
    CHECK_SPAN(buf_span(&out), SPAN("fe02=\"text\" fe02:\"x\" feff=\"b\" fe01=\"a\" fe01:\"z\" "));
    buf_free(&out);
}

#define LETTERS "abcdefghijklmnopqrstuvwxyz0123456789"

TEST(walk_tells_places)
{
    WALKED("", "");
    WALKED("{}", "");
    WALKED("{\"a\":[\"x\",{\"text\":\"y\"},1,null],\"b\":\"z\"}", "1=\"a\" 1fe:\"x\" 1fe02=\"text\" 1fe02:\"y\" ff=\"b\" ff:\"z\" ");
    WALKED("[[\"a\"],\"text\"]", "fefe:\"a\" fe:\"text\" ");
    WALKED("{\"texx\":1,\"t\":\"\",\"\":\"text\"}", "ff=\"texx\" ff=\"t\" ff:\"\" ff=\"\" ff:\"text\" ");
    WALKED("{\"a_long_name_of_many_letters_that_is_listed\":\"x\"}", "3=\"a_long_name_of_many_letters_that_is_listed\" 3:\"x\" ");
}

TEST(walk_ends_strings_where_they_end)
{
    WALKED("{\"a\":\"" LETTERS "\",\"text\":\"1\"}", "1=\"a\" 1:\"" LETTERS "\" 2=\"text\" 2:\"1\" ");
    WALKED("{\"a\":\"" LETTERS "\\\"" LETTERS "\",\"text\":\"1\"}", "1=\"a\" 1:\"" LETTERS "\\\"" LETTERS "\" 2=\"text\" 2:\"1\" ");
    WALKED("[\"\\\\\",\"\\\"\",\"1234567\\\\\",\"123456\\\"8\",\"\\\\\\\"\"]", "fe:\"\\\\\" fe:\"\\\"\" fe:\"1234567\\\\\" fe:\"123456\\\"8\" fe:\"\\\\\\\"\" ");
    WALKED("[\"open", "fe:\"open ");
    WALKED("[\"open at the end of many letters\\\"", "fe:\"open at the end of many letters\\\" ");
}

TEST(walk_reads_escaped_names)
{
    WALKED("{\"\\u0061\":\"x\",\"te\\u0078t\":\"y\"}", "1=\"\\u0061\" 1:\"x\" 2=\"te\\u0078t\" 2:\"y\" ");
    WALKED("{\"a_long_name_of_many_letters_that_is_l\\u0069sted\":\"x\"}", "3=\"a_long_name_of_many_letters_that_is_l\\u0069sted\" 3:\"x\" ");
    WALKED("{\"tex\\\\\":\"x\"}", "ff=\"tex\\\\\" ff:\"x\" ");
}
