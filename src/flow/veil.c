/* SPDX-License-Identifier: Apache-2.0
 * veil.c - see veil.h. One pass over the text whatever the number of words: where the two bytes at a window's end stand in no word, the whole
 * window is passed over (Wu and Manber, 1994). */
#include "flow/veil.h"

#include <stdlib.h>

#include "base/digest.h"
#include "base/text.h"

enum {
    SHORTEST = 6, /* below it a secret is no secret, and a word of the answer */
    WORDS_MOST = 48,
    SKIPS = 1024,
    SKIP_MOST = 255,
    BACKSLASHES_MOST = 16, /* one character may have before it: JSON within JSON within JSON */
    ALL_FORMS = 32, /* all forms of a value are at most so many times as long as it is */
    FORMS_MOST = 1 << 20 /* bytes of all words together */
};

struct veil {
    struct span words[WORDS_MOST];
    size_t count, shortest, longest;
    uint8_t skip[SKIPS]; /* by the last two bytes of a window: so far until a word may end */
    uint64_t starting[256]; /* with this byte: a bit for each word */
    struct buf text;     /* of the words */
    long refs;
};

static size_t hash(char a, char b) { return ((size_t)(unsigned char)a * 37 + (unsigned char)b) % SKIPS; }

/* ---- the words ---- */

static bool is_there(const struct veil *v, struct span word)
{
    for (size_t i = 0; i < v->count; i++)
        if (span_is(v->words[i], word))
            return true;
    return false;
}

/* What was just written behind `from`; places in the buf, since it may still grow. */
static void end_word(struct veil *v, size_t from)
{
    struct span word = span_from(buf_span(&v->text), from);
    bool fits = word.len >= SHORTEST && word.len <= VEIL_HELD && v->count < WORDS_MOST;
    if (v->text.broken || !fits || is_there(v, word))
        return;
    v->words[v->count++] = word;
    if (!v->shortest || word.len < v->shortest)
        v->shortest = word.len;
    if (word.len > v->longest)
        v->longest = word.len;
}

static void add_plain(struct veil *v, struct span s)
{
    size_t from = v->text.len;
    buf_put(&v->text, s);
    end_word(v, from);
}

/* As JSON writes it: "/" may be escaped, and some writers escape what is special in HTML. */
static void add_json(struct veil *v, struct span s, bool slashes, bool html)
{
    size_t from = v->text.len;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        if (html && memchr("+&<>'`\"", c, 7))
            buf_print(&v->text, "\\u%04X", (unsigned)(unsigned char)c);
        else if (c == '"' || c == '\\' || (slashes && c == '/'))
            buf_print(&v->text, "\\%c", c);
        else
            buf_put_byte(&v->text, c);
    }
    end_word(v, from);
}

static void add_percent(struct veil *v, struct span s, bool lower)
{
    size_t from = v->text.len;
    buf_put_percent(&v->text, s, SPAN_NONE);
    for (size_t i = from; lower && i + 2 < v->text.len; i++) {
        if (v->text.at[i] != '%')
            continue;
        for (size_t k = i + 1; k <= i + 2; k++)
            if (v->text.at[k] >= 'A' && v->text.at[k] <= 'F')
                v->text.at[k] = (char)(v->text.at[k] - 'A' + 'a');
    }
    end_word(v, from);
}

/* What stands in base64 of anything that holds s `before` bytes (mod 3) behind its start: the characters that s alone decides. */
static void add_base64(struct veil *v, struct span s, size_t before, bool url)
{
    size_t start = v->text.len, first = (8 * before + 5) / 6, end = 8 * (before + s.len) / 6;
    struct buf shifted;
    buf_init(&shifted, s.len + 2);
    buf_put(&shifted, span_make("\0\0", before));
    buf_put(&shifted, s);
    buf_put_base64(&v->text, buf_span(&shifted));
    v->text.broken = v->text.broken || shifted.broken;
    if (shifted.at)
        secret_wipe(shifted.at, shifted.room);
    buf_free(&shifted);
    if (v->text.broken)
        return;
    v->text.len = start + end;
    for (size_t i = start; url && i < v->text.len; i++)
        v->text.at[i] = v->text.at[i] == '+' ? '-' : v->text.at[i] == '/' ? '_' : v->text.at[i];
    end_word(v, start + first);
}

/* Most secrets are letters, digits and marks that nobody escapes. */
static bool is_never_escaped(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!(s.at[i] >= '0' && s.at[i] <= '9') && !((s.at[i] | 32) >= 'a' && (s.at[i] | 32) <= 'z') && !memchr("-_.~", s.at[i], 4))
            return false;
    return true;
}

static void add_escaped(struct veil *v, struct span s)
{
    add_json(v, s, false, false);
    add_json(v, s, true, false);
    add_json(v, s, false, true);
    add_percent(v, s, false);
    add_percent(v, s, true);
}

static void add_value(struct veil *v, struct span s)
{
    if (s.len < SHORTEST)
        return;
    add_plain(v, s);
    if (!is_never_escaped(s))
        add_escaped(v, s);
    for (size_t before = 0; before < 3; before++) {
        add_base64(v, s, before, false);
        add_base64(v, s, before, true);
    }
}

static void fill_skips(struct veil *v)
{
    size_t most = v->shortest > SKIP_MOST ? SKIP_MOST : v->shortest - 1;
    memset(v->skip, (int)most, sizeof(v->skip));
    for (size_t k = 0; k < v->count; k++) {
        v->starting[(unsigned char)v->words[k].at[0]] |= UINT64_C(1) << k;
        for (size_t i = 1; i < v->shortest; i++) {
            uint8_t *skip = &v->skip[hash(v->words[k].at[i - 1], v->words[k].at[i])];
            if (v->shortest - 1 - i < *skip)
                *skip = (uint8_t)(v->shortest - 1 - i);
        }
    }
}

struct veil *veil_new(const struct vendor_secret *s, struct span token)
{
    const struct span values[] = { s->secret, s->hook_secret, token, s->key_id };
    struct veil *v = calloc(1, sizeof(*v));
    size_t room = 0;
    if (!v)
        return NULL;
    v->refs = 1;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        room += values[i].len;
    buf_init(&v->text, FORMS_MOST);
    /* All their room at once: the words point into it, and no copy of the secret stays behind. */
    bool fits = buf_reserve(&v->text, ALL_FORMS * (room + 16)) != NULL;
    for (size_t i = 0; fits && i < sizeof(values) / sizeof(values[0]); i++)
        add_value(v, values[i]);
    if (v->text.broken) {
        veil_drop(v);
        return NULL;
    }
    if (v->count)
        fill_skips(v);
    return v;
}

struct veil *veil_keep(struct veil *v)
{
    v->refs++;
    return v;
}

void veil_drop(struct veil *v)
{
    if (!v || --v->refs > 0)
        return;
    if (v->text.at)
        secret_wipe(v->text.at, v->text.room);
    buf_free(&v->text);
    free(v);
}

/* ---- looking ---- */

/* The longest word that stands at the start of s; 0: none. */
static size_t word_at(const struct veil *v, struct span s)
{
    size_t longest = 0;
    for (size_t i = 0; i < v->count; i++)
        if (v->words[i].len > longest && span_starts(s, v->words[i]))
            longest = v->words[i].len;
    return longest;
}

/* Where the next word at or behind `from` starts; s.len: nowhere. */
static size_t find(const struct veil *v, struct span s, size_t from, size_t *len)
{
    size_t end = from + v->shortest;
    while (v->count && end <= s.len) {
        size_t skip = v->skip[hash(s.at[end - 2], s.at[end - 1])];
        *len = skip ? 0 : word_at(v, span_from(s, end - v->shortest));
        if (*len)
            return end - v->shortest;
        end += skip ? skip : 1;
    }
    return s.len;
}

/* ---- escaped where nobody has to: "\u0073k-", or within JSON that is a text of JSON ---- */

/* The character that s begins with, and how many bytes it takes; 0: none that a secret has. */
static unsigned char character(struct span s, size_t *used)
{
    size_t n = 0;
    uint8_t code[2] = { 0 };
    while (n < s.len && s.at[n] == '\\')
        n++;
    *used = n + 1;
    if (!n)
        return (unsigned char)s.at[0];
    if (n > BACKSLASHES_MOST || n == s.len || memchr("bfnrt", s.at[n], 5))
        return 0;
    if (s.at[n] != 'u')
        return (unsigned char)s.at[n];
    *used = n + 5;
    return n + 5 <= s.len && text_hex_decode(span_make(s.at + n + 1, 4), code, 2) && !code[0] ? code[1] : 0;
}

/* How many bytes at the start of s are this word; 0: they are not. */
static size_t escaped_at(struct span word, struct span s)
{
    size_t at = 0, used;
    for (size_t i = 0; i < word.len; i++, at += used)
        if (at >= s.len || character(span_from(s, at), &used) != (unsigned char)word.at[i])
            return 0;
    return at;
}

static size_t any_escaped_at(const struct veil *v, struct span s)
{
    size_t used, longest = 0;
    uint64_t words = v->starting[character(s, &used)];
    for (size_t k = 0; words; k++, words >>= 1) {
        size_t len = words & 1 ? escaped_at(v->words[k], s) : 0;
        longest = len > longest ? len : longest;
    }
    return longest;
}

/* Most texts have no backslash at all, or only those of line ends. */
static bool may_be_escaped(struct span s)
{
    for (ptrdiff_t at; (at = span_find_byte(s, '\\')) >= 0;) {
        s = span_from(s, (size_t)at + 1);
        if (span_starts(s, SPAN("u00")) || span_starts(s, SPAN("\\")))
            return true;
    }
    return false;
}

static void cover_escaped(const struct veil *v, char *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (at[i] == '\\' && i > 0 && at[i - 1] == '\\') /* all of them belong to one character */
            continue;
        size_t found = any_escaped_at(v, span_make(at + i, len - i));
        if (!found)
            continue;
        memset(at + i, '*', found);
        i += found - 1;
    }
}

void veil_cover(const struct veil *v, char *at, size_t len)
{
    size_t found = 0;
    for (size_t i = 0; (i = find(v, span_make(at, len), i, &found)) < len; i += found)
        memset(at + i, '*', found);
    if (v->count && may_be_escaped(span_make(at, len)))
        cover_escaped(v, at, len);
}

struct span veil_text(const struct veil *v, struct span text, struct arena *a)
{
    size_t found;
    if (!text.at || (find(v, text, 0, &found) == text.len && !may_be_escaped(text)))
        return text;
    char *copy = arena_take(a, text.len);
    if (!copy)
        return SPAN_NONE;
    memcpy(copy, text.at, text.len);
    veil_cover(v, copy, text.len);
    return span_make(copy, text.len);
}

static bool begins_word(const struct veil *v, struct span s)
{
    for (size_t i = 0; i < v->count; i++)
        if (v->words[i].at[0] == s.at[0] && v->words[i].len > s.len && span_starts(v->words[i], s))
            return true;
    return false;
}

/* How much of the end may begin a word. */
static size_t open_end(const struct veil *v, struct span s)
{
    size_t most = v->longest ? v->longest - 1 : 0;
    for (size_t n = most < s.len ? most : s.len; n > 0; n--)
        if (begins_word(v, span_from(s, s.len - n)))
            return n;
    return 0;
}

void veil_pass(const struct veil *v, struct span bytes, bool last, struct buf *held, struct buf *out)
{
    size_t start = out->len;
    buf_put(out, buf_span(held));
    buf_put(out, bytes);
    buf_clear(held);
    if (out->broken)
        return;
    veil_cover(v, out->at + start, out->len - start);
    if (last)
        return;
    size_t open = open_end(v, span_from(buf_span(out), start));
    buf_put(held, span_from(buf_span(out), out->len - open));
    out->len -= open;
    out->broken = out->broken || held->broken;
}
