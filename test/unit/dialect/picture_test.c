/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/picture.h"

#include "test/test.h"

#define PNG_1024_512 "iVBORw0KGgoAAAANSUhEUgAABAAAAAIACAIAAAAAAAAAAAAAAA=="

static void has_size(const char *base64, int64_t width, int64_t height)
{
    struct picture p;
    CHECK(picture_size(span_of(base64), &p));
    CHECK_INT(p.width, width);
    CHECK_INT(p.height, height);
}

TEST(pictures_say_their_size)
{
    has_size(PNG_1024_512, 1024, 512);
    has_size("R0lGODlhgALhAQAAAAAAAAAA", 640, 481);
    has_size("UklGRgAAAABXRUJQVlA4WAoAAAAAAAAAnw8AuAsAAAAAAAAA", 4000, 3001);
    has_size("UklGRgAAAABXRUJQVlA4TAoAAAAvTIDDCQAAAAAAAA==", 77, 9999);
    has_size("UklGRgAAAABXRUJQVlA4IAoAAAAAAACdASpAAcgAAAAAAAAA", 320, 200);
    has_size("/9j/4QAWeHh4eHh4eHh4eHh4eHh4eHh4eHj//9sABHp6/8IAEQgPwAvQAwAAAAAAAAAAAA==", 3024, 4032); /* behind a segment of 20 bytes, and filling */
    has_size("/9j/4QAC///bAAR6ev/CABEIAAYABQMAAAAAAAAAAAA=", 5, 6);
}

TEST(pictures_whose_size_is_not_read)
{
    struct picture p;
    CHECK(!picture_size(SPAN(""), &p) && !picture_size(SPAN("iVBORw0KGgo"), &p) && !picture_size(SPAN("AAAAAAAAAAAAAAAAAAAAAAAAAAAA"), &p));
    CHECK(!picture_size(SPAN("\\/9j\\/4QAW"), &p)); /* escapes would shift what stands behind them */
    CHECK(!picture_size(SPAN("/9j/4QAA"), &p) && !picture_size(SPAN("/9j/4P//"), &p));
    for (size_t n = 0; n < sizeof(PNG_1024_512) - 1; n++) /* cut anywhere: the whole size, or none */
        if (picture_size(span_make(PNG_1024_512, n), &p))
            CHECK(p.width == 1024 && p.height == 512);
}

/* The examples of OpenAI's page. */
TEST(pictures_cost_at_openai)
{
    CHECK_INT(picture_openai((struct picture){ 1024, 1024 }, SPAN("gpt-4o"), SPAN("high")), 765);
    CHECK_INT(picture_openai((struct picture){ 2048, 4096 }, SPAN("gpt-4o"), SPAN("high")), 1105);
    CHECK_INT(picture_openai((struct picture){ 4096, 8192 }, SPAN("gpt-4o"), SPAN("low")), 85);
    CHECK_INT(picture_openai((struct picture){ 1024, 1024 }, SPAN("gpt-4o-mini"), SPAN("auto")), 2833 + 4 * 5667);
    CHECK_INT(picture_openai((struct picture){ 1024, 1024 }, SPAN("gpt-5"), SPAN_NONE), 70 + 4 * 140);
    CHECK_INT(picture_openai((struct picture){ 1024, 1024 }, SPAN("gpt-4.1-mini"), SPAN_NONE), 1659); /* 1,024 patches x 1.62 */
    CHECK_INT(picture_openai((struct picture){ 3000, 3000 }, SPAN("o4-mini"), SPAN_NONE), 2642);      /* 1,536 x 1.72 */
}

TEST(pictures_cost_at_anthropic_and_google)
{
    CHECK_INT(picture_anthropic((struct picture){ 200, 200 }), 54);
    CHECK_INT(picture_anthropic((struct picture){ 1000, 1000 }), 1334);
    CHECK_INT(picture_anthropic((struct picture){ 8000, 100 }), 40);
    CHECK_INT(picture_anthropic((struct picture){ 5000, 5000 }), 1600);
    CHECK_INT(picture_gemini((struct picture){ 384, 384 }), 258);
    CHECK_INT(picture_gemini((struct picture){ 960, 540 }), 6 * 258);
    CHECK_INT(picture_gemini((struct picture){ 3072, 3072 }), 16 * 258);
}

TEST(pictures_have_bounds_above_every_estimate)
{
    static const char *const models[] = { "gpt-4o", "gpt-4o-mini", "gpt-5", "gpt-5-nano", "gpt-4.1-mini", "o1", "o4-mini", "pixtral" };
    const struct span raw = SPAN("\"data:image/png;base64," PNG_1024_512 "\"");
    struct picture p;
    CHECK(picture_size_in(raw, &p) && p.width == 1024);
    int64_t openai = picture_most_openai(raw, 49152), anthropic = picture_most_anthropic(raw, 8192);
    for (size_t i = 0; i < sizeof(models) / sizeof(*models); i++)
        CHECK(picture_openai(p, span_of(models[i]), SPAN_NONE) <= openai);
    CHECK(picture_anthropic(p) <= anthropic);
    CHECK(openai < 49152 && anthropic < 1000);
    CHECK_INT(picture_most_openai(SPAN("\"data:image/png;base64,AAAA\""), 49152), 49152);
    CHECK_INT(picture_most_openai(SPAN("\"data:image/gif;base64,R0lGODlhgALhAQAAAAAAAAAA\""), 49152), 49152); /* a frame may be larger */
    CHECK_INT(picture_most_anthropic(SPAN("\"AAAA\""), 8192), 8192);
}
