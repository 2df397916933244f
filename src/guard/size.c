/* SPDX-License-Identifier: Apache-2.0
 * size.c - checks of how much was said: sentenceCount, wordCount, characterCount. */
#include "guard/inside.h"

#include "base/text.h"

#include <stdio.h>

enum { PATH = 300, COUNT_MOST = 100000000 };

struct bounds {
    int64_t least, most;
    const char *what;
};

static bool read_bounds(
    struct check *c, const struct node *n, const char *path, struct arena *a, struct trouble *t, const char *least, const char *most, const char *what, bool required)
{
    struct bounds *b = ARENA_NEW(a, struct bounds);
    char field[PATH];
    if (!b || (required && (!need(node_get(n, least), n, path, least, "a whole number", t) || !need(node_get(n, most), n, path, most, "a whole number", t))))
        return false;
    *b = (struct bounds){ .most = 99999, .what = what };
    snprintf(field, sizeof(field), "%.200s.%s", path, least);
    if (!node_i64(node_get(n, least), field, 0, COUNT_MOST, &b->least, t))
        return false;
    snprintf(field, sizeof(field), "%.200s.%s", path, most);
    if (!node_i64(node_get(n, most), field, 0, COUNT_MOST, &b->most, t))
        return false;
    if (b->least > b->most) {
        trouble_say(t, n, path, "%s is above %s, so nothing would ever fit", least, most);
        return false;
    }
    c->rule = b;
    return true;
}

/* An upper bound holds for every text; a lower one for the newest. With `not`, both ends count for all. */
static bool within(struct look *l, const struct check *c, int64_t n)
{
    const struct bounds *b = c->rule;
    bool enough = n >= b->least || (!l->newest && !c->not_);
    l->saying = arena_print(l->arena, "%lld %s; wanted: %lld to %lld", (long long)n, b->what, (long long)b->least, (long long)b->most);
    return enough && n <= b->most;
}

/* ---- sentences: as many as marks that end one ---- */

static bool read_sentences(struct check *c, const struct node *n, const char *path, struct arena *a, struct trouble *t)
{
    return read_bounds(c, n, path, a, t, "minSentences", "maxSentences", "sentences", false);
}

static bool judge_sentences(struct look *l, const struct check *c, struct span text)
{
    int64_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += text.at[i] == '.' || text.at[i] == '!' || text.at[i] == '?';
    return within(l, c, count);
}

static const char *const sentence_parameters[] = { "minSentences", "maxSentences", NULL };
const struct check_kind check_sentenceCount = {
    .id = "sentenceCount", .bounded = true, .parameters = sentence_parameters, .read = read_sentences, .judge = judge_sentences
};

/* ---- words: between blanks, as JavaScript knows them ---- */

static bool read_word_bounds(struct check *c, const struct node *n, const char *path, struct arena *a, struct trouble *t)
{
    return read_bounds(c, n, path, a, t, "minWords", "maxWords", "words", true);
}

/* Bytes of the blank at the start of s; 0: none. */
static size_t blank(struct span s)
{
    static const char *const wide[] = { "\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80", "\xef\xbb\xbf" };
    unsigned char c = (unsigned char)*s.at;
    if (c < 0x80)
        return c == ' ' || (c >= 9 && c <= 13);
    for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
        if (span_starts(s, span_of(wide[i])))
            return strlen(wide[i]);
    bool quad = s.len > 2 && c == 0xe2 && (unsigned char)s.at[1] == 0x80 && (unsigned char)s.at[2] >= 0x80 && (unsigned char)s.at[2] <= 0x8a;
    return quad ? 3 : 0; /* U+2000 to U+200A */
}

static bool judge_words(struct look *l, const struct check *c, struct span text)
{
    int64_t count = 0;
    bool inside = false;
    for (size_t i = 0; i < text.len;) {
        size_t wide = blank(span_from(text, i));
        count += !wide && !inside;
        inside = !wide;
        i += wide ? wide : 1;
    }
    return within(l, c, count);
}

static const char *const word_parameters[] = { "minWords", "maxWords", NULL };
const struct check_kind check_wordCount = { .id = "wordCount", .bounded = true, .parameters = word_parameters, .read = read_word_bounds, .judge = judge_words };

/* ---- characters: UTF-16 units, as JavaScript counts ---- */

static bool read_characters(struct check *c, const struct node *n, const char *path, struct arena *a, struct trouble *t)
{
    return read_bounds(c, n, path, a, t, "minCharacters", "maxCharacters", "characters", true);
}

static bool judge_characters(struct look *l, const struct check *c, struct span text)
{
    int64_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char b = (unsigned char)text.at[i];
        count += (b & 0xc0) != 0x80;
        count += b >= 0xf0; /* two units */
    }
    return within(l, c, count);
}

static const char *const character_parameters[] = { "minCharacters", "maxCharacters", NULL };
const struct check_kind check_characterCount = {
    .id = "characterCount", .bounded = true, .parameters = character_parameters, .read = read_characters, .judge = judge_characters
};
