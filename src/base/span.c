/* SPDX-License-Identifier: Apache-2.0
 * span.c - comparing, cutting and searching borrowed bytes. No allocation, no locale: only ASCII letters have a case. */
#include "base/span.h"

static unsigned char lower(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte >= 'A' && byte <= 'Z' ? (unsigned char)(byte | 0x20) : byte;
}

bool span_is_nocase(struct span a, struct span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.at[i]) != lower(b.at[i]))
            return false;
    return true;
}

bool span_starts(struct span s, struct span prefix)
{
    return s.len >= prefix.len && span_is(span_first(s, prefix.len), prefix);
}

bool span_ends(struct span s, struct span suffix)
{
    return s.len >= suffix.len && span_is(span_from(s, s.len - suffix.len), suffix);
}

int span_compare(struct span a, struct span b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.at, b.at, shorter) : 0;
    if (order)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

static bool blank(char c) { return c == ' ' || c == '\t'; }

struct span span_trim(struct span s)
{
    while (s.len && blank(s.at[s.len - 1]))
        s.len--;
    while (s.len && blank(*s.at)) {
        s.at++;
        s.len--;
    }
    return s;
}

ptrdiff_t span_find(struct span s, struct span needle)
{
    if (needle.len == 0)
        return 0;
    if (needle.len > s.len)
        return -1;
    const char *hit = memmem(s.at, s.len, needle.at, needle.len);
    return hit ? hit - s.at : -1;
}

ptrdiff_t span_find_byte(struct span s, char byte)
{
    const char *hit = s.len ? memchr(s.at, (unsigned char)byte, s.len) : NULL;
    return hit ? hit - s.at : -1;
}

bool span_cut(struct span *rest, char mark, struct span *head)
{
    ptrdiff_t at = span_find_byte(*rest, mark);
    if (at < 0)
        return false;
    struct span whole = *rest;
    *head = span_first(whole, (size_t)at);
    *rest = span_from(whole, (size_t)at + 1);
    return true;
}

bool span_next(struct span *rest, char mark, struct span *piece)
{
    if (!rest->at)
        return false;
    if (!span_cut(rest, mark, piece)) {
        *piece = *rest;
        *rest = SPAN_NONE;
    }
    return true;
}

bool span_to_u64(struct span s, uint64_t *out)
{
    uint64_t n = 0;
    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] < '0' || s.at[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(s.at[i] - '0');
        if (n > (UINT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *out = n;
    return true;
}

bool span_to_i64(struct span s, int64_t *out)
{
    bool negative = s.len && *s.at == '-';
    uint64_t n;
    if (!span_to_u64(negative ? span_from(s, 1) : s, &n))
        return false;
    if (n > (uint64_t)INT64_MAX + negative)
        return false;
    /* The two steps keep INT64_MIN away from signed overflow. */
    *out = negative && n ? -(int64_t)(n - 1) - 1 : (int64_t)n;
    return true;
}

/* Greedy with one point of return: when something does not fit, the latest '*' swallows one byte more. That suffices,
 * since what an earlier '*' could do better, the latest can do as well. Time is at most the product of the lengths. */
bool span_like(struct span s, struct span pattern)
{
    size_t i = 0, p = 0, star = SIZE_MAX, resume = 0;
    while (i < s.len) {
        if (p < pattern.len && pattern.at[p] == '*') {
            star = p++;
            resume = i;
        } else if (p < pattern.len && pattern.at[p] == s.at[i]) {
            p++;
            i++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            i = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.at[p] == '*')
        p++;
    return p == pattern.len;
}

static uint64_t stir(uint64_t h, uint64_t word)
{
    h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return h ^ (h >> 29);
}

uint64_t span_hash(struct span s, uint64_t seed)
{
    uint64_t h = stir(seed, s.len), word;
    while (s.len >= sizeof(word)) {
        memcpy(&word, s.at, sizeof(word));
        h = stir(h, word);
        s = span_from(s, sizeof(word));
    }
    word = 0;
    if (s.len)
        memcpy(&word, s.at, s.len);
    return stir(stir(h, word), h >> 32);
}
