/* SPDX-License-Identifier: Apache-2.0 */
#include "cache/texts.h"

#include "test/test.h"

static struct digest named(uint8_t n) { return (struct digest){ { n } }; }

TEST(the_vector_of_a_text_is_known_until_others_were_used_more_lately)
{
    const int16_t v[2] = { 1, 2 };
    int16_t got[UNIT_MOST];
    struct texts *t = texts_new(3 * (4 + 160));
    for (uint8_t i = 1; i <= 3; i++) {
        struct digest d = named(i);
        texts_put(t, &d, v, 2);
    }
    struct digest one = named(1), two = named(2), four = named(4);
    CHECK_INT(texts_get(t, &one, got), 2);
    CHECK(got[0] == 1 && got[1] == 2);
    texts_put(t, &four, v, 2);
    CHECK_INT(texts_get(t, &two, got), 0);
    CHECK_INT(texts_get(t, &one, got), 2);
    CHECK_INT(texts_get(t, &four, got), 2);
    texts_free(t);
}

TEST(a_text_has_one_vector_and_one_too_large_is_not_kept)
{
    static const int16_t v[200] = { 7 };
    int16_t got[UNIT_MOST];
    struct digest d = named(1), e = named(2);
    struct texts *t = texts_new(300);
    texts_put(t, &d, v, 2);
    texts_put(t, &d, v, 3);
    CHECK_INT(texts_get(t, &d, got), 3);
    texts_put(t, &e, v, 200);
    CHECK_INT(texts_get(t, &e, got), 0);
    texts_free(t);
}
