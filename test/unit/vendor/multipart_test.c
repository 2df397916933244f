/* SPDX-License-Identifier: Apache-2.0
 * multipart_test.c - one reading of a multipart form, or none. */
#include "vendor/multipart.h"
#include "test/test.h"

static struct arena arena;
static struct pairs fields;

#define TYPE "multipart/form-data; boundary=b1"
#define FIELD(name, value) "--b1\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define FILE_PART(name) "--b1\r\nContent-Disposition: form-data; name=\"" name "\"; filename=\"a.txt\"\r\nContent-Type: text/html\r\n\r\nx\0y\xff\r\n"

static enum err read_it(const char *type, struct span body)
{
    static const struct span repeat[] = { { "to", 2 }, { "attachment", 10 } };
    const char *why = NULL;
    arena_init(&arena, 1 << 20);
    enum err e = multipart_read(&arena, span_of(type), body, repeat, 2, 8, &fields, &why);
    CHECK((e == E_OK) == (why == NULL));
    return e;
}

TEST(fields_of_a_multipart_form_are_pairs)
{
    struct span body = SPAN(FIELD("from", "a@x.example") FIELD("to", "b@x.example") FIELD("to", "c@x.example")
        FIELD("o:testmode", "yes") FIELD("text", "two\r\nlines\r\n--b") FIELD("empty", "") FILE_PART("attachment") "--b1--\r\n");
    CHECK_INT(read_it(TYPE, body), E_OK);
    CHECK_INT(fields.count, 7);
    CHECK_SPAN(pairs_get(&fields, SPAN("from")), SPAN("a@x.example"));
    CHECK_SPAN(fields.list[2].value, SPAN("c@x.example"));
    CHECK_SPAN(pairs_get(&fields, SPAN("text")), SPAN("two\r\nlines\r\n--b"));
    CHECK_SPAN(pairs_get(&fields, SPAN("attachment")), SPAN(""));
    arena_free(&arena);
}

TEST(a_boundary_may_be_quoted_and_a_form_empty)
{
    CHECK_INT(read_it("multipart/form-data; boundary=\"b1\"", SPAN("--b1--")), E_OK);
    CHECK_INT(fields.count, 0);
    arena_free(&arena);
    CHECK_INT(read_it("Multipart/Form-Data;BOUNDARY=b1", SPAN("--b1--\r\n")), E_OK);
    arena_free(&arena);
}

TEST(a_file_under_a_field_s_name_is_no_value)
{
    CHECK_INT(read_it(TYPE, SPAN(FILE_PART("to") "--b1--")), E_OK);
    CHECK_SPAN(pairs_get(&fields, SPAN("to")), SPAN(""));
    arena_free(&arena);
}

TEST(multipart_that_can_be_read_in_two_ways_is_refused)
{
    static const struct {
        const char *type, *body;
    } bad[] = {
        { "multipart/form-data", "--b1--" },
        { "multipart/form-data; boundary=", "--b1--" },
        { "multipart/form-data; boundary=b1; boundary=b2", "--b1--" },
        { "multipart/form-data; boundary=b1; charset=utf-16", "--b1--" },
        { "multipart/form-data; boundary=\"b 1\"", "--b 1--" },
        { TYPE, "" },
        { TYPE, "preamble\r\n" FIELD("a", "1") "--b1--" },
        { TYPE, FIELD("a", "1") "--b1--\r\nepilogue" },
        { TYPE, FIELD("a", "1") },
        { TYPE, FIELD("a", "1") "--b1" },
        { TYPE, FIELD("a", "1") "--b1 \r\n" },
        { TYPE, FIELD("a", "1") FIELD("a", "2") "--b1--" },
        { TYPE, FIELD("a", "1") FIELD("A", "2") "--b1--" },
        { TYPE, FIELD("", "1") "--b1--" },
        { TYPE, FIELD("a[b]", "1") "--b1--" },
        { TYPE, "--b1\r\nContent-Disposition: form-data; name=\"a\\\"; x=\"\r\n\r\n1\r\n--b1--" },
        { TYPE, "--b1\r\nContent-Disposition: form-data; name=\"a\"; name=\"b\"\r\n\r\n1\r\n--b1--" },
        { TYPE, "--b1\r\nContent-Disposition: form-data; name*=utf-8''a\r\n\r\n1\r\n--b1--" },
        { TYPE, "--b1\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\n1\r\n--b1--" },
        { TYPE, "--b1\r\nContent-Disposition: form-data\r\n\r\n1\r\n--b1--" },
        { TYPE, "--b1\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; name=\"b\"\r\n\r\n1\r\n--b1--" },
        { TYPE, "--b1\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Transfer-Encoding: base64\r\n\r\nMQ==\r\n--b1--" },
        { TYPE, "--b1\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Type: text/plain; charset=utf-16\r\n\r\n1\r\n--b1--" },
        { TYPE, "--b1\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Type: multipart/mixed; boundary=b2\r\n\r\n1\r\n--b1--" },
        { TYPE, "--b1\r\nContent-Disposition: form-data;\r\n name=\"a\"\r\n\r\n1\r\n--b1--" },
        { TYPE, "--b1\r\n\r\n1\r\n--b1--" },
        { TYPE, "--b1\nContent-Disposition: form-data; name=\"a\"\n\n1\n--b1--" },
        { TYPE, FIELD("a", "\xff") "--b1--" },
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (read_it(bad[i].type, span_of(bad[i].body)) != E_NOT_CANONICAL)
            test_fail(__FILE__, __LINE__, "taken: %s / %s", bad[i].type, bad[i].body);
        arena_free(&arena);
    }
}

TEST(a_multipart_form_has_limits)
{
    CHECK_INT(read_it(TYPE, SPAN(FIELD("a", "") FIELD("b", "") FIELD("c", "") FIELD("d", "") FIELD("e", "") FIELD("f", "")
        FIELD("g", "") FIELD("h", "") FIELD("i", "") "--b1--")), E_TOO_LARGE);
    arena_free(&arena);
}
