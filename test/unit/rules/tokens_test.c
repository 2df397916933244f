/* SPDX-License-Identifier: Apache-2.0 */
#include "rules/tokens.h"

#include <stdlib.h>

#include "test/test.h"
#include "test/unit/rules/tokens_golden.h"

TEST(tokens_are_those_of_the_public_tokenizer)
{
    for (size_t i = 0; i < sizeof(golden) / sizeof(*golden); i++) {
        CHECK_INT(tokens_count(VOCABULARY_CL100K, golden[i].text), golden[i].cl100k);
        CHECK_INT(tokens_count(VOCABULARY_O200K, golden[i].text), golden[i].o200k);
    }
}

static int64_t count_run(enum vocabulary v, char c, size_t length)
{
    char *text = malloc(length);
    memset(text, c, length);
    int64_t count = tokens_count(v, span_make(text, length));
    free(text);
    return count;
}

TEST(tokens_of_long_runs)
{
    CHECK_INT(count_run(VOCABULARY_O200K, 'a', 100000), 12500); /* eight at a time */
    CHECK_INT(count_run(VOCABULARY_CL100K, 'a', 100000), 12500);
    CHECK_INT(count_run(VOCABULARY_O200K, '7', 99999), 33333);
    CHECK_INT(count_run(VOCABULARY_O200K, 'a', TOKENS_PIECE_MOST), TOKENS_PIECE_MOST / 8);
    CHECK_INT(count_run(VOCABULARY_O200K, 'a', TOKENS_PIECE_MOST + 1), TOKENS_PIECE_MOST + 1); /* a bound, no count */
    CHECK_INT(count_run(VOCABULARY_NONE, 'a', 77), 77);
    CHECK_INT(tokens_count(VOCABULARY_O200K, SPAN("")), 0);
}

/* Whatever the text, a byte is never more than one token. */
TEST(tokens_are_at_most_bytes)
{
    uint64_t state = 88172645463325252u;
    for (int round = 0; round < 2000; round++) {
        unsigned char text[200];
        size_t length = 1 + round % sizeof(text);
        for (size_t i = 0; i < length; i++) {
            state ^= state << 13, state ^= state >> 7, state ^= state << 17;
            text[i] = (unsigned char)(round % 2 ? state & 0x7f : state);
        }
        struct span s = span_make((const char *)text, length);
        int64_t most = (int64_t)(round % 2 ? length : 3 * length); /* what is no UTF-8 becomes three bytes */
        CHECK(tokens_count(VOCABULARY_O200K, s) <= most && tokens_count(VOCABULARY_O200K, s) > 0);
        CHECK(tokens_count(VOCABULARY_CL100K, s) <= most);
    }
}

TEST(tokens_stop_early)
{
    int64_t all = count_run(VOCABULARY_O200K, ' ', 50);
    struct span text = SPAN("one two three four five six seven eight nine ten");
    CHECK(all >= 1);
    CHECK_INT(tokens_count_to(VOCABULARY_O200K, text, 100), 10);
    CHECK_INT(tokens_count_to(VOCABULARY_O200K, text, 3), 4);
    CHECK(tokens_count_to(VOCABULARY_O200K, text, 0) > 0);
}

static enum vocabulary of(const char *provider, const char *model) { return tokens_vocabulary(span_of(provider), span_of(model)); }

TEST(tokens_which_model_has_which_vocabulary)
{
    CHECK_INT(of("openai", "gpt-4o-mini"), VOCABULARY_O200K);
    CHECK_INT(of("openai", "gpt-5.1-codex"), VOCABULARY_O200K);
    CHECK_INT(of("openai", "o3"), VOCABULARY_O200K);
    CHECK_INT(of("openai", "gpt-4.1-nano-2025-04-14"), VOCABULARY_O200K);
    CHECK_INT(of("openai", "ft:gpt-4o-mini:acme::x"), VOCABULARY_O200K);
    CHECK_INT(of("openai", "gpt-4-turbo"), VOCABULARY_CL100K);
    CHECK_INT(of("openai", "gpt-4"), VOCABULARY_CL100K);
    CHECK_INT(of("azure", "gpt-35-turbo"), VOCABULARY_CL100K);
    CHECK_INT(of("openai", "text-embedding-3-small"), VOCABULARY_CL100K);
    CHECK_INT(of("openrouter", "openai/gpt-4o"), VOCABULARY_O200K);
    CHECK_INT(of("bedrock", "openai.gpt-oss-120b-1:0"), VOCABULARY_O200K);
    CHECK_INT(of("groq", "openai/gpt-oss-20b"), VOCABULARY_O200K);
    CHECK_INT(of("anthropic", "claude-sonnet-4-5"), VOCABULARY_NONE);
    CHECK_INT(of("mistral", "gpt-4o"), VOCABULARY_NONE);
    CHECK_INT(of("openai", "o1x"), VOCABULARY_NONE);
    CHECK_INT(of("openai", "gpt-50"), VOCABULARY_NONE);
    CHECK_INT(of("azure-ai", "Llama-3.3-70B-Instruct"), VOCABULARY_NONE);
}
