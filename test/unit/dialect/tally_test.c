/* SPDX-License-Identifier: Apache-2.0 */
#include "dialect/tally.h"

#include "dialect/bound.h"
#include "dialect/dialect.h"
#include "dialect/media_size.h"
#include "rules/tokens.h"
#include "test/test.h"

static int64_t tally(const char *dialect, const char *provider, const char *model, struct span text)
{
    struct arena a;
    struct json *j = json_new();
    struct buf body;
    struct call c;
    const char *why = "";
    arena_init(&a, 64 << 20);
    buf_init(&body, 1 << 20);
    buf_put(&body, text);
    call_begin(&c);
    enum err e = dialect_find(span_of(dialect))->translator->read_call(j, buf_span(&body), &a, &c, &why);
    CHECK_INT(e, E_OK);
    int64_t tokens = e == E_OK ? tally_call(&c, span_of(provider), span_of(model), &a) : -1;
    buf_free(&body);
    arena_free(&a);
    json_free(j);
    return tokens;
}

/* Three a message, one of its role, one more of a name, three of the reply. */
TEST(tally_of_messages_is_as_openai_says)
{
    CHECK_INT(tally("openai_chat", "openai", "gpt-4o", SPAN("{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"system\",\"content\":\"You are terse.\"},{\"role\":\"user\",\"content\":\"Hello, world!\"}]}")),
        3 + (3 + 1 + 4) + (3 + 1 + 4));
    CHECK_INT(tally("openai_chat", "openai", "gpt-4o", SPAN("{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"name\":\"Hello, world!\",\"content\":[{\"type\":\"text\",\"text\":\"Hello, world!\"}]}]}")),
        3 + (3 + 1 + 4) + (1 + 4));
}

TEST(tally_of_tools_is_as_openai_says)
{
    CHECK_INT(tally("openai_chat", "openai", "gpt-4o",
                  SPAN("{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello, world!\"}],\"tools\":[{\"type\":\"function\",\"function\":{"
                       "\"name\":\"get_weather\",\"description\":\"The weather at a place.\",\"parameters\":{\"type\":\"object\",\"properties\":{"
                       "\"place\":{\"type\":\"string\",\"description\":\"A city\"},\"unit\":{\"type\":\"string\",\"enum\":[\"celsius\",\"fahrenheit\"]}}}}}]}")),
        3 + (3 + 1 + 4) + 12 + (7 + 7) + 3 + (3 + 4) + (3 + 3) - 3 + (3 + 2) + (3 + 2));
}

/* Where no vocabulary is known: a fifth more than by o200k. */
TEST(tally_of_a_stranger_is_an_estimate)
{
    CHECK_INT(tally("anthropic_messages", "anthropic", "claude-sonnet-4-5", SPAN("{\"model\":\"c\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\"Hello, world!\"}]}")), 3 + 4 + 5);
}

TEST(tally_of_a_picture)
{
    CHECK_INT(tally("openai_chat", "openai", "gpt-4o", SPAN("{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAABAAAAAQACAIAAAAAAAAAAAAAAA==\"}}]}]}")),
        3 + 4 + 765);
    CHECK_INT(tally("anthropic_messages", "anthropic", "claude-sonnet-4-5", SPAN("{\"model\":\"c\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"iVBORw0KGgoAAAANSUhEUgAABAAAAAQACAIAAAAAAAAAAAAAAA==\"}}]}]}")),
        3 + 4 + 1399);
}

TEST(media_lengths)
{
    char silence[40004];
    memset(silence, 'A', sizeof(silence));
    CHECK_INT(media_seconds(span_make(silence, 40000)), 2); /* no header: 16 kB a second */
    memcpy(silence, "UklGRgAAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAA", 56);
    CHECK_INT(media_seconds(span_make(silence, 40000)), 2); /* 16,000 bytes a second */
    memset(silence, 'A', sizeof(silence));
    memcpy(silence, "//tQ", 4); /* MPEG 1, layer III, 64 kbit */
    CHECK_INT(media_seconds(span_make(silence, 40000)), 4);
    CHECK_INT(media_seconds(SPAN("")), 1);
    CHECK_INT(media_pages(SPAN("JVBERi0xLjQKMSAwIG9iajw8L1R5cGUgL1BhZ2VzL0NvdW50IDM+Pgo8PC9UeXBlL1BhZ2UgL0EgMT4+IDw8L1R5cGUgL1BhZ2U+PiA8PCAvVHlwZQovUGFnZS9QYXJlbnQgMT4+")), 3);
    CHECK_INT(media_pages(span_make(silence, 40000)), 1);
}

/* What is left of a body's bytes holds the tokens of its texts, and most of a long one is saved. */
TEST(bound_saves_what_is_sure)
{
    struct buf body;
    buf_init(&body, 1 << 20);
    buf_put(&body, SPAN("{\"model\":\"gpt-4o\",\"messages\":[{\"role\":\"user\",\"content\":\""));
    for (int i = 0; i < 1000; i++)
        buf_put(&body, SPAN("seven little words stand in here, always\\n"));
    buf_put(&body, SPAN("\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"short\"}]}]}"));
    int64_t saved = bound_saved(buf_span(&body), VOCABULARY_O200K);
    CHECK_INT(saved, 1000 * 42 + 2 - 8 - 9000);
    CHECK_INT(bound_saved(buf_span(&body), VOCABULARY_NONE), 0);
    buf_free(&body);
    CHECK_INT(bound_saved(SPAN("{\"messages\":[{\"content\":\"\\u4f60\\u4f60\"},{\"content\":\"a\"}],\"tools\":[{\"description\":\"a long text that is not counted\"}]}"), VOCABULARY_O200K), 4);
    CHECK_INT(bound_saved(SPAN("{\"input\":\"one two three four five six seven\",\"instructions\":\"one two three four five six seven\"}"), VOCABULARY_O200K), 2 * (35 - 8 - 7));
    CHECK_INT(bound_saved(SPAN("{\"input\":[{\"type\":\"function_call_output\",\"output\":\"one two three four five six seven\"}]}"), VOCABULARY_O200K), 35 - 8 - 7);
    CHECK_INT(bound_saved(SPAN("{\"input\":[\"one two three four five six seven\",[1,2]]}"), VOCABULARY_CL100K), 35 - 8 - 7);
}

TEST(meter_counts_by_the_vocabulary_or_a_third)
{
    struct stream_meter m = { .vocabulary = VOCABULARY_O200K };
    meter_output(&m, SPAN("\" world\""));
    meter_output(&m, SPAN("\"!\\n\\n\""));
    meter_output(&m, SPAN("\"\""));
    CHECK_INT(m.output_tokens, 2);
    CHECK_INT(m.output_bytes, 6 + 5);
    m = (struct stream_meter){ 0 };
    meter_output(&m, SPAN("\" world\""));
    meter_output(&m, SPAN("\"a\""));
    meter_output(&m, SPAN("{\"a\":1}"));
    meter_output(&m, SPAN_NONE);
    CHECK_INT(m.output_tokens, 2 + 1 + 3);
}
