/* SPDX-License-Identifier: Apache-2.0
 * tokens.c - see tokens.h. */
#include "rules/tokens.h"

#include <stdlib.h>

#include "base/text.h"
#include "rules/tokens_class.h"
#include "rules/tokens_merge.h"

/* ---- which model has which ---- */

/* First match counts: the longer beginning stands before the shorter one. Sources: openai/tiktoken's model.py, OpenAI's model pages. */
static const struct {
    const char *start;
    enum vocabulary vocabulary;
} families[] = {
    { "gpt-oss", VOCABULARY_O200K }, /* o200k_harmony: the same tokens for text */
    { "gpt-4o", VOCABULARY_O200K },
    { "gpt-4.1", VOCABULARY_O200K },
    { "gpt-4.5", VOCABULARY_O200K },
    { "gpt-5", VOCABULARY_O200K },
    { "gpt-audio", VOCABULARY_O200K },
    { "gpt-realtime", VOCABULARY_O200K },
    { "chatgpt-4o", VOCABULARY_O200K },
    { "codex-mini", VOCABULARY_O200K },
    { "computer-use-preview", VOCABULARY_O200K },
    { "o1", VOCABULARY_O200K },
    { "o3", VOCABULARY_O200K },
    { "o4", VOCABULARY_O200K },
    { "gpt-4", VOCABULARY_CL100K },
    { "gpt-3.5", VOCABULARY_CL100K },
    { "gpt-35", VOCABULARY_CL100K }, /* Azure's spelling */
    { "text-embedding-3-", VOCABULARY_CL100K },
    { "text-embedding-ada-002", VOCABULARY_CL100K },
    { "babbage-002", VOCABULARY_CL100K },
    { "davinci-002", VOCABULARY_CL100K },
};

/* "gpt-5" begins "gpt-5", "gpt-5-mini", "gpt-5.1", but not "gpt-50"; "o1" not "o1x". */
static bool begins(struct span model, struct span start)
{
    if (!span_starts(model, start))
        return false;
    char after = model.len > start.len ? model.at[start.len] : '-';
    return after == '-' || after == '.' || after == ':' || after == '@' || span_ends(start, SPAN("-"));
}

static bool sells_openai(struct span provider)
{
    return span_starts(provider, SPAN("openai")) || span_starts(provider, SPAN("azure")) || span_starts(provider, SPAN("github"));
}

/* "openai/gpt-4o" at a router, "openai.gpt-oss-120b-1:0" at Bedrock, "ft:gpt-4o-mini:acme" at OpenAI. */
enum vocabulary tokens_vocabulary(struct span provider, struct span model)
{
    bool known = sells_openai(provider);
    ptrdiff_t oss = span_find(model, SPAN("gpt-oss-"));
    if (oss >= 0)
        return VOCABULARY_O200K;
    if (span_starts(model, SPAN("openai/")) || span_starts(model, SPAN("openai."))) {
        model = span_from(model, 7);
        known = true;
    }
    if (span_starts(model, SPAN("ft:")))
        model = span_from(model, 3);
    for (size_t i = 0; known && i < sizeof(families) / sizeof(*families); i++)
        if (begins(model, span_of(families[i].start)))
            return families[i].vocabulary;
    return VOCABULARY_NONE;
}

/* ---- counting ---- */

static int64_t count_pieces(enum vocabulary v, const struct token_index *x, struct span text, int64_t most)
{
    int64_t count = 0;
    while (text.len && count <= most) {
        size_t length = v == VOCABULARY_CL100K ? tokens_split_cl100k(text) : tokens_split_o200k(text);
        struct span piece = span_make(text.at, length);
        count += token_rank(x, piece.at, piece.len) != RANK_NONE ? 1 : tokens_merge(x, piece);
        text = span_make(text.at + length, text.len - length);
    }
    return count;
}

/* Bytes that a sequence broken off here had right: they are replaced together, as the Unicode Standard advises (chapter 3, "maximal
 * subparts"). */
static size_t broken_length(struct span s)
{
    unsigned char first = (unsigned char)s.at[0], second = s.len > 1 ? (unsigned char)s.at[1] : 0;
    size_t wants = first >= 0xf0 && first <= 0xf4 ? 4 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xc2 && first <= 0xdf ? 2 : 1;
    unsigned char from = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80, to = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (wants < 3 || second < from || second > to)
        return 1;
    return wants == 4 && s.len > 2 && ((unsigned char)s.at[2] & 0xc0) == 0x80 ? 3 : 2;
}

static int64_t count_mended(enum vocabulary v, const struct token_index *x, struct span text, int64_t most)
{
    struct buf mended;
    buf_init(&mended, text.len * 3 + 1);
    while (text.len) {
        size_t good = text_utf8_first(text), length = good ? good : broken_length(text);
        buf_put(&mended, good ? span_first(text, good) : SPAN("\xef\xbf\xbd"));
        text = span_from(text, length);
    }
    int64_t count = mended.broken ? (int64_t)mended.len * 3 : count_pieces(v, x, buf_span(&mended), most);
    buf_free(&mended);
    return count;
}

int64_t tokens_count_to(enum vocabulary v, struct span plain, int64_t most)
{
    const struct token_index *x = plain.len ? token_index(v) : NULL;
    if (!x || !class_table())
        return (int64_t)plain.len;
    return text_is_utf8(plain) ? count_pieces(v, x, plain, most) : count_mended(v, x, plain, most);
}

int64_t tokens_count(enum vocabulary v, struct span plain) { return tokens_count_to(v, plain, INT64_MAX - TOKENS_PIECE_MOST); }
