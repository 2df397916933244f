/* SPDX-License-Identifier: Apache-2.0
 * label.c - see label.h. What is written here are keys of the ledger: it must never change for what exists. */
#include "rules/label.h"

#include "base/digest.h"

enum { VALUE_LONGEST = 128, ESCAPED = 3 };

static const struct span digest_mark = { "sha256=", 7 };

/* Letters, digits and _-.:/@*+~ and the blank stand for themselves. None of them is a mark of ours ("|", "=", ","), and "%"
 * is escaped like the rest. */
static const bool plain[256] = {
    [' '] = true, ['*'] = true, ['+'] = true, ['-'] = true, ['.'] = true, ['/'] = true, [':'] = true, ['@'] = true, ['_'] = true, ['~'] = true,
    ['0'] = true, ['1'] = true, ['2'] = true, ['3'] = true, ['4'] = true, ['5'] = true, ['6'] = true, ['7'] = true, ['8'] = true, ['9'] = true,
    ['A'] = true, ['B'] = true, ['C'] = true, ['D'] = true, ['E'] = true, ['F'] = true, ['G'] = true, ['H'] = true, ['I'] = true, ['J'] = true,
    ['K'] = true, ['L'] = true, ['M'] = true, ['N'] = true, ['O'] = true, ['P'] = true, ['Q'] = true, ['R'] = true, ['S'] = true, ['T'] = true,
    ['U'] = true, ['V'] = true, ['W'] = true, ['X'] = true, ['Y'] = true, ['Z'] = true, ['a'] = true, ['b'] = true, ['c'] = true, ['d'] = true,
    ['e'] = true, ['f'] = true, ['g'] = true, ['h'] = true, ['i'] = true, ['j'] = true, ['k'] = true, ['l'] = true, ['m'] = true, ['n'] = true,
    ['o'] = true, ['p'] = true, ['q'] = true, ['r'] = true, ['s'] = true, ['t'] = true, ['u'] = true, ['v'] = true, ['w'] = true, ['x'] = true,
    ['y'] = true, ['z'] = true,
};

struct label label_begin(struct arena *a, size_t room)
{
    struct label l = { .room = room };
    l.at = arena_take(a, room);
    return l;
}

void label_put(struct label *l, struct span text)
{
    if (!l->at || !text.len)
        return;
    must(text.len <= l->room - l->len);
    memcpy(l->at + l->len, text.at, text.len);
    l->len += text.len;
}

size_t label_value_room(struct span text)
{
    return text.len <= VALUE_LONGEST ? ESCAPED * text.len : digest_mark.len + (size_t)2 * DIGEST_LEN;
}

static void put_digest(struct label *l, struct span text)
{
    static const char digits[] = "0123456789abcdef";
    struct digest digest = digest_sha256(text);
    label_put(l, digest_mark);
    for (size_t i = 0; i < DIGEST_LEN; i++) {
        char two[2] = { digits[digest.bytes[i] >> 4], digits[digest.bytes[i] & 15] };
        label_put(l, span_make(two, sizeof(two)));
    }
}

static void put_escaped(struct label *l, struct span text)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = l->at + l->len;
    must(ESCAPED * text.len <= l->room - l->len);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char byte = (unsigned char)text.at[i];
        if (plain[byte]) {
            *out++ = text.at[i];
            continue;
        }
        *out++ = '%';
        *out++ = digits[byte >> 4];
        *out++ = digits[byte & 15];
    }
    l->len = (size_t)(out - l->at);
}

void label_put_value(struct label *l, struct span text)
{
    if (!l->at)
        return;
    if (text.len > VALUE_LONGEST)
        put_digest(l, text);
    else
        put_escaped(l, text);
}

struct span label_end(const struct label *l) { return l->at ? span_make(l->at, l->len) : SPAN_NONE; }
