/* SPDX-License-Identifier: Apache-2.0
 * json_write_test.c - commas, escapes at every place of a word, and bad UTF-8. */
#include "base/json.h"
#include "test/test.h"

TEST(puts_commas)
{
    struct buf b;
    buf_init(&b, 1000);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    json_pair(&o, SPAN("s"), SPAN("x"));
    json_pair(&o, SPAN("none"), SPAN_NONE);
    json_pair(&o, SPAN("empty"), SPAN(""));
    json_pair_i64(&o, SPAN("i"), INT64_MIN);
    json_pair_bool(&o, SPAN("b"), true);
    json_pair_money(&o, SPAN("cost_usd"), 1500000);
    json_pair_time(&o, SPAN("at"), 1000);
    json_pair_time(&o, SPAN("never"), 0);
    json_pair_raw(&o, SPAN("raw"), SPAN("[1]"));
    json_pair_raw(&o, SPAN("no_raw"), SPAN_NONE);
    json_name(&o, SPAN("list"));
    json_open(&o, '[');
    json_open(&o, '{');
    json_close(&o, '}');
    json_open(&o, '[');
    json_close(&o, ']');
    json_put_null(&o);
    json_close(&o, ']');
    json_name(&o, SPAN("last"));
    json_put_bool(&o, false);
    json_close(&o, '}');
    CHECK_SPAN(buf_span(&b), SPAN("{\"s\":\"x\",\"none\":null,\"empty\":\"\",\"i\":-9223372036854775808,\"b\":true,\"cost_usd\":\"0.0015\","
                                  "\"at\":\"1970-01-01T00:00:01.000Z\",\"never\":null,\"raw\":[1],\"no_raw\":null,\"list\":[{},[],null],\"last\":false}"));
    buf_free(&b);
}

TEST(amounts_say_what_they_are)
{
    struct buf b;
    buf_init(&b, 1000);
    struct json_out o = json_out(&b);
    json_open(&o, '{');
    json_pair_amount(&o, SPAN("spent"), true, 2500000000);
    json_pair_amount(&o, SPAN("used"), false, -7);
    json_pair_amount_usd(&o, SPAN("limit"), true, 2500000000);
    json_pair_amount_usd(&o, SPAN("limit"), false, 12);
    json_close(&o, '}');
    CHECK_SPAN(buf_span(&b), SPAN("{\"spent\":\"2.5\",\"used\":-7,\"limit_usd\":\"2.5\",\"limit\":12}"));
    buf_free(&b);
}

static void check_string(struct span s, struct span want)
{
    struct buf b;
    buf_init(&b, 1000);
    struct json_out o = json_out(&b);
    json_put_string(&o, s);
    CHECK_SPAN(buf_span(&b), want);
    buf_free(&b);
}

TEST(escapes)
{
    check_string(SPAN("\"\\/\b\f\n\r\t\x1f\x7f\0"), SPAN("\"\\\"\\\\/\\b\\f\\n\\r\\t\\u001f\x7f\\u0000\""));
    check_string(SPAN("\xc3\xa4\xf0\x9f\x98\x80"), SPAN("\"\xc3\xa4\xf0\x9f\x98\x80\""));
    check_string(SPAN("\xff" "a\xc3"), SPAN("\"\xef\xbf\xbd" "a\xef\xbf\xbd\""));
    check_string(SPAN("\xed\xa0\x80"), SPAN("\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""));
}

/* Each byte value at each place of a run: what is read back is what was written. */
TEST(every_byte_at_every_place)
{
    struct json *j = json_new();
    struct json_value root;
    struct buf b;
    const char *why;
    buf_init(&b, 1000);
    for (int place = 0; place < 20; place++)
        for (int c = 0; c < 128; c++) {
            char text[21] = "abcdefghijklmnopqrst";
            text[place] = (char)c;
            buf_clear(&b);
            struct json_out o = json_out(&b);
            json_put_string(&o, span_make(text, 20));
            CHECK(json_parse(j, buf_span(&b), true, &root, &why) == E_OK);
            CHECK_SPAN(json_string(root), span_make(text, 20));
        }
    buf_free(&b);
    json_free(j);
}

TEST(a_full_buffer_breaks_and_nothing_else)
{
    struct span whole;
    for (size_t ceiling = 0; ceiling < 16; ceiling++) {
        struct buf b;
        buf_init(&b, ceiling);
        struct json_out o = json_out(&b);
        json_open(&o, '{');
        json_pair(&o, SPAN("a\n"), SPAN("\xff"));
        json_close(&o, '}');
        CHECK_INT(buf_done(&b, &whole), ceiling < 13 ? E_TOO_LARGE : E_OK);
        buf_free(&b);
    }
}
