/* SPDX-License-Identifier: Apache-2.0
 * trace_test.c - W3C trace context: what is read, what is as if it were not there, and ids that differ. */
#include "rules/trace.h"

#include "test/test.h"

#define GOOD "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

TEST(a_parent_is_read)
{
    struct trace t;
    char text[TRACE_PARENT];
    CHECK(trace_read(SPAN(GOOD), &t) && t.there);
    CHECK_SPAN(span_make(t.id, TRACE_ID), SPAN("4bf92f3577b34da6a3ce929d0e0e4736"));
    CHECK_SPAN(span_make(t.parent, TRACE_SPAN), SPAN("00f067aa0ba902b7"));
    CHECK_INT(t.flags, 1);
    CHECK_SPAN(trace_write(&t, "0123456789abcdef", text), SPAN("00-4bf92f3577b34da6a3ce929d0e0e4736-0123456789abcdef-01"));
}

TEST(later_versions_are_read_as_the_first)
{
    struct trace t;
    CHECK(trace_read(SPAN("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), &t));
    CHECK(trace_read(SPAN("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-the-future-will-be-like"), &t));
    CHECK(!trace_read(SPAN("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.what"), &t));
    CHECK(!trace_read(SPAN("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), &t));
}

TEST(flags_that_nobody_knows_are_not_passed_on)
{
    struct trace t;
    char text[TRACE_PARENT];
    CHECK(trace_read(SPAN("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff"), &t));
    CHECK_SPAN(span_from(trace_write(&t, "0123456789abcdef", text), 53), SPAN("03"));
}

TEST(what_is_no_parent_is_none)
{
    static const struct span bad[] = { { "", 0 }, { "00-", 3 } };
    static const char *const more[] = { GOOD "-", GOOD "x", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01", "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
        "0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0g",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01" };
    struct trace t;
    for (size_t i = 0; i < 2; i++)
        CHECK(!trace_read(bad[i], &t) && !t.there);
    for (size_t i = 0; i < sizeof(more) / sizeof(*more); i++)
        CHECK(!trace_read(span_of(more[i]), &t) && !t.there);
}

TEST(a_state_fits_or_it_does_not)
{
    static const char *const good[] = { "rojo=00f067aa0ba902b7", "rojo=1,congo=t61rcWkgMzE", "rojo=1 , congo=2", "fw529a3039@dt=FfEA", "a=b,,c=d", "0k=v", "a_-*/b=!\"#$" };
    static const char *const bad[] = { "", ",", "rojo", "rojo=", "=1", "Rojo=1", "rojo=1=2", "ro jo=1", "_a=1", "rojo=\x01" };
    char many[400] = "";
    for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
        CHECK(trace_state_fits(span_of(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        CHECK(!trace_state_fits(span_of(bad[i])));
    for (int i = 0; i < TRACE_STATE_MEMBERS; i++)
        snprintf(many + 4 * i, 5, "a=1,");
    CHECK(trace_state_fits(span_of(many)));
    strcat(many, "a=1");
    CHECK(!trace_state_fits(span_of(many)));
}

TEST(span_ids_differ_and_come_again)
{
    char a[TRACE_SPAN], b[TRACE_SPAN];
    trace_span_id(7, 0, a);
    trace_span_id(7, 0, b);
    CHECK_SPAN(span_make(a, TRACE_SPAN), span_make(b, TRACE_SPAN));
    for (uint64_t call = 0; call < 2000; call++)
        for (unsigned n = 0; n < 3; n++) {
            trace_span_id(call, n, b);
            CHECK((call == 7 && n == 0) == (memcmp(a, b, TRACE_SPAN) == 0));
        }
}
