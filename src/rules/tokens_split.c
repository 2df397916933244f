/* SPDX-License-Identifier: Apache-2.0
 * tokens_split.c - see tokens_split.h. The patterns are those of OpenAI's tiktoken (tiktoken_ext/openai_public.py), written out by hand:
 * the first alternative that matches is the piece. Each comment names the part of the pattern that the code below it is. */
#include "rules/tokens_split.h"

#include "rules/tokens_class.h"

#define IN(class) (1u << (class))
enum {
    LETTERS = IN(CLASS_UPPER) | IN(CLASS_LOWER) | IN(CLASS_BOTH),
    BLANKS = IN(CLASS_LINE) | IN(CLASS_BLANK),
    SIGNS = IN(CLASS_OTHER) | IN(CLASS_MARK),                        /* [^\s\p{L}\p{N}] */
    BEFORE = SIGNS | IN(CLASS_BLANK),                                /* [^\r\n\p{L}\p{N}] */
    HIGH = IN(CLASS_UPPER) | IN(CLASS_BOTH) | IN(CLASS_MARK),        /* [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}] */
    LOW = IN(CLASS_LOWER) | IN(CLASS_BOTH) | IN(CLASS_MARK),         /* [\p{Ll}\p{Lm}\p{Lo}\p{M}] */
};

struct text {
    const unsigned char *at, *end;
    const uint8_t *classes;
};

/* The class of the character at p, as a bit, and its length. At the end of the text: 0. */
static inline unsigned look(const struct text *t, const unsigned char *p, size_t *length)
{
    uint32_t c;
    *length = 0;
    if (p >= t->end)
        return 0;
    c = p[0];
    if (c < 0x80) {
        *length = 1;
    } else if (c < 0xe0) {
        c = (c & 0x1f) << 6 | (p[1] & 0x3fu);
        *length = 2;
    } else if (c < 0xf0) {
        c = (c & 0x0f) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
        *length = 3;
    } else {
        c = (c & 0x07) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
        *length = 4;
    }
    return IN(c < CLASS_PLANES ? t->classes[c] : class_beyond(c));
}

static const unsigned char *over(const struct text *t, const unsigned char *p, unsigned classes)
{
    size_t length;
    while (look(t, p, &length) & classes)
        p += length;
    return p;
}

static inline bool is_line(unsigned char c) { return c == '\r' || c == '\n'; }

/* '(?i:[sdmt]|ll|ve|re): its length, or 0. */
static size_t contraction(const struct text *t, const unsigned char *p)
{
    if (t->end - p < 2 || p[0] != '\'')
        return 0;
    unsigned char a = p[1] | 0x20, b = t->end - p > 2 ? p[2] | 0x20 : 0;
    if (a == 's' || a == 'd' || a == 'm' || a == 't')
        return 2;
    return (a == 'l' && b == 'l') || (a == 'v' && b == 'e') || (a == 'r' && b == 'e') ? 3 : 0;
}

/* \p{N}{1,3} */
static const unsigned char *digits(const struct text *t)
{
    const unsigned char *p = t->at;
    size_t length;
    for (int i = 0; i < 3 && look(t, p, &length) == IN(CLASS_DIGIT); i++)
        p += length;
    return p;
}

/* ` ?[^\s\p{L}\p{N}]+[\r\n]*`, with slashes among the last where the vocabulary has it so. NULL: no match. */
static const unsigned char *signs(const struct text *t, bool slashes)
{
    const unsigned char *from = t->at + (*t->at == ' '), *p = over(t, from, SIGNS);
    if (p == from)
        return NULL;
    while (p < t->end && (is_line(*p) || (slashes && *p == '/')))
        p++;
    return p;
}

/* All that begins with white space and is nothing else: through the last line end in it (\s*[\r\n]+), or all but the last character
 * where something follows (\s+(?!\S)), or that one alone. At the very end `whole` (\s+$) goes first. */
static const unsigned char *blanks(const struct text *t, bool whole)
{
    const unsigned char *p = t->at, *last = p, *lines = NULL;
    size_t length;
    for (unsigned class; (class = look(t, p, &length)) & BLANKS;) {
        last = p;
        p += length;
        if (class == IN(CLASS_LINE))
            lines = p;
    }
    if (whole && p == t->end)
        return p;
    if (lines)
        return lines;
    return p == t->end || last == t->at ? p : last;
}

/* ---- cl100k ---- */

size_t tokens_split_cl100k(struct span text)
{
    struct text t = { (const unsigned char *)text.at, (const unsigned char *)text.at + text.len, class_table() };
    const unsigned char *p;
    size_t length, short_form = contraction(&t, t.at);
    unsigned first = look(&t, t.at, &length);
    if (short_form)
        return short_form;
    /* [^\r\n\p{L}\p{N}]?\p{L}+ */
    const unsigned char *word = first & BEFORE ? t.at + length : t.at;
    p = over(&t, word, LETTERS);
    if (p > word)
        return (size_t)(p - t.at);
    if (first == IN(CLASS_DIGIT))
        return (size_t)(digits(&t) - t.at);
    p = signs(&t, false);
    return (size_t)((p ? p : blanks(&t, true)) - t.at);
}

/* ---- o200k ---- */

/* [HIGH]*[LOW]+ from here: greedy, then what has case both ways is given back until the second part has its one. NULL: no match.
 * *high: where the run of HIGH ends. */
static const unsigned char *word_low(const struct text *t, const unsigned char *from, const unsigned char **high)
{
    const unsigned char *p = from, *after_both = NULL;
    size_t length;
    for (unsigned class; (class = look(t, p, &length)) & HIGH;) {
        p += length;
        if (class & LOW)
            after_both = p;
    }
    *high = p;
    const unsigned char *end = over(t, p, LOW);
    return end > p ? end : after_both;
}

static size_t o200k_word(const struct text *t, unsigned first, size_t length)
{
    const unsigned char *high, *word = first & BEFORE ? t->at + length : t->at;
    const unsigned char *p = word_low(t, word, &high);
    if (!p && first == IN(CLASS_MARK))
        p = t->at + length; /* nothing before it: the mark alone is the word */
    if (!p && high > word)
        p = high; /* [HIGH]+[LOW]*, where no LOW follows */
    return p ? (size_t)(p - t->at) + contraction(t, p) : 0;
}

size_t tokens_split_o200k(struct span text)
{
    struct text t = { (const unsigned char *)text.at, (const unsigned char *)text.at + text.len, class_table() };
    size_t length;
    unsigned first = look(&t, t.at, &length);
    size_t word = first & (BEFORE | LETTERS) ? o200k_word(&t, first, length) : 0;
    if (word)
        return word;
    if (first == IN(CLASS_DIGIT))
        return (size_t)(digits(&t) - t.at);
    const unsigned char *p = signs(&t, true);
    return (size_t)((p ? p : blanks(&t, false)) - t.at);
}
