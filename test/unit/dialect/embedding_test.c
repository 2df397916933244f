/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/embedding.h"

#include "test/test.h"

static struct last_turn turn;
static const char *why;

/* The text of the last turn, or "!" and why there is none. */
static struct span last(struct arena *a, const char *body)
{
    if (!last_turn_read(span_of(body), 64, a, &turn, &why))
        return arena_print(a, "!%s", why);
    return turn.text;
}

TEST(the_last_turn_of_each_dialect)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    CHECK_SPAN(last(&a, "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"},{\"content\":\"caf\\u00e9\",\"role\":\"user\"}],\"n\":1}"), SPAN("caf\xc3\xa9"));
    CHECK_SPAN(turn.rest, SPAN("{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"},{\"content\":\"\",\"role\":\"user\"}],\"n\":1}"));
    CHECK_SPAN(last(&a, "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\",\"cache_control\":{}},{\"type\":\"text\",\"text\":\"b\"}]}]}"), SPAN("a\nb"));
    CHECK_SPAN(turn.rest, SPAN("{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"\",\"cache_control\":{}},{\"type\":\"text\",\"text\":\"\"}]}]}"));
    CHECK_SPAN(last(&a, "{\"input\":\"a\"}"), SPAN("a"));
    CHECK_SPAN(last(&a, "{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"a\"}]}]}"), SPAN("a"));
    CHECK_SPAN(last(&a, "{\"contents\":[{\"parts\":[{\"text\":\"a\"}]}]}"), SPAN("a"));
    arena_free(&a);
}

TEST(what_cannot_be_compared_says_why)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    CHECK_SPAN(last(&a, "{\"prompt\":\"a\"}"), SPAN("!this call is no chat"));
    CHECK_SPAN(last(&a, "{\"messages\":[]}"), SPAN("!this call is no chat"));
    CHECK_SPAN(last(&a, "{\"messages\":[{\"role\":\"tool\",\"content\":\"a\"}]}"), SPAN("!the last turn is not the user's"));
    CHECK_SPAN(last(&a, "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image_url\"}]}]}"), SPAN("!something else than words stands in the last turn"));
    CHECK_SPAN(last(&a, "{\"contents\":[{\"parts\":[{\"text\":\"a\"},{\"inlineData\":{}}]}]}"), SPAN("!something else than words stands in the last turn"));
    CHECK_SPAN(last(&a, "{\"input\":[{\"type\":\"function_call_output\",\"output\":\"a\"}]}"), SPAN("!something else than words stands in the last turn"));
    CHECK_SPAN(last(&a, "{\"messages\":[{\"role\":\"user\",\"content\":\"  \"}]}"), SPAN("!the last turn is empty"));
    CHECK_SPAN(last(&a, "{\"input\":\"0123456789012345678901234567890123456789012345678901234567890123456789\"}"), SPAN("!the last turn is longer than is compared"));
    arena_free(&a);
}

TEST(a_vector_is_read_and_what_is_none_is_said)
{
    float v[3];
    struct json *j = json_new();
    CHECK_INT(embedding_read(j, SPAN("{\"data\":[{\"index\":0,\"embedding\":[0.5,-1e-3,2]}],\"usage\":{}}"), v, 3, &why), 3);
    CHECK(v[0] == 0.5f && v[1] == -0.001f && v[2] == 2);
    CHECK_INT(embedding_read(j, SPAN("{\"data\":[{\"embedding\":[1,2,3,4]}]}"), v, 3, &why), 0);
    CHECK_SPAN(span_of(why), SPAN("the vector has too many components"));
    CHECK_INT(embedding_read(j, SPAN("{\"data\":[{\"embedding\":[1,\"2\"]}]}"), v, 3, &why), 0);
    CHECK_SPAN(span_of(why), SPAN("a component of the vector is no number"));
    CHECK_INT(embedding_read(j, SPAN("{\"data\":[{\"embedding\":[1,1e999]}]}"), v, 3, &why), 0);
    CHECK_INT(embedding_read(j, SPAN("{\"data\":[]}"), v, 3, &why), 0);
    CHECK_INT(embedding_read(j, SPAN("{\"data\":[{\"embedding\":\"AAAA\"}]}"), v, 3, &why), 0);
    CHECK_INT(embedding_read(j, SPAN("no"), v, 3, &why), 0);
    json_free(j);
}

TEST(the_question_is_written_so_that_it_is_read_as_it_was)
{
    struct buf b;
    buf_init(&b, 1024);
    embedding_write(SPAN("m"), SPAN("a \"b\"\n"), &b);
    CHECK_SPAN(buf_span(&b), SPAN("{\"model\":\"m\",\"input\":\"a \\\"b\\\"\\n\"}"));
    buf_free(&b);
}
