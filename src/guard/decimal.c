/* SPDX-License-Identifier: Apache-2.0
 * decimal.c - see decimal.h. */
#include "guard/decimal.h"

__extension__ typedef unsigned __int128 wide;

enum { WIDE_DIGITS = 36 };

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static size_t digits_at(struct span s, size_t i)
{
    size_t n = 0;
    while (i + n < s.len && is_digit(s.at[i + n]))
        n++;
    return n;
}

/* "e-12" at i, to the end. */
static bool read_exponent(struct span s, size_t i, int *out)
{
    int64_t n;
    *out = 0;
    if (i == s.len)
        return true;
    if (s.at[i] != 'e' && s.at[i] != 'E')
        return false;
    i += 1 + (i + 1 < s.len && s.at[i + 1] == '+');
    struct span rest = span_from(s, i);
    while (rest.len > 1 && rest.at[0] == '0')
        rest = span_from(rest, 1);
    if (!span_to_i64(rest, &n) || n > DECIMAL_EXPONENT || n < -DECIMAL_EXPONENT)
        return false;
    *out = (int)n;
    return true;
}

static bool take_digits(struct decimal *d, struct span s, bool behind_point)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!d->count && s.at[i] == '0') {
            d->exponent -= behind_point;
            continue;
        }
        if (d->count == DECIMAL_DIGITS)
            return false;
        d->digits[d->count++] = s.at[i];
        d->exponent += !behind_point;
    }
    return true;
}

bool decimal_read(struct span s, struct decimal *out)
{
    *out = (struct decimal){ .negative = s.len && s.at[0] == '-' };
    size_t at = out->negative, whole = digits_at(s, at), behind = 0;
    int exponent;
    if (!whole || (whole > 1 && s.at[at] == '0') || !take_digits(out, span_make(s.at + at, whole), false))
        return false;
    at += whole;
    if (at < s.len && s.at[at] == '.') {
        behind = digits_at(s, at + 1);
        if (!behind || !take_digits(out, span_make(s.at + at + 1, behind), true))
            return false;
        at += 1 + behind;
    }
    if (!read_exponent(s, at, &exponent))
        return false;
    while (out->count && out->digits[out->count - 1] == '0')
        out->count--;
    out->exponent = out->count ? out->exponent + exponent : 0;
    out->negative = out->negative && out->count;
    return true;
}

static int compare_sizes(const struct decimal *a, const struct decimal *b)
{
    if (!a->count || !b->count)
        return (a->count > 0) - (b->count > 0);
    if (a->exponent != b->exponent)
        return a->exponent < b->exponent ? -1 : 1;
    return span_compare(span_make(a->digits, (size_t)a->count), span_make(b->digits, (size_t)b->count));
}

int decimal_compare(const struct decimal *a, const struct decimal *b)
{
    if (a->negative != b->negative)
        return a->negative ? -1 : 1;
    return a->negative ? compare_sizes(b, a) : compare_sizes(a, b);
}

bool decimal_is_integer(const struct decimal *d) { return d->exponent >= d->count; }

bool decimal_divides(const struct decimal *a, const struct decimal *b, bool *known)
{
    int a_low = a->exponent - a->count, b_low = b->exponent - b->count; /* the last digit's place */
    int low = a_low < b_low ? a_low : b_low;
    wide divisor = 0, left = 0;
    *known = b->count > 0 && b->exponent - low <= WIDE_DIGITS && a->exponent - low <= 2 * DECIMAL_EXPONENT;
    if (!a->count || !*known)
        return !a->count;
    for (int i = 0; i < b->exponent - low; i++)
        divisor = divisor * 10 + (i < b->count ? (wide)(b->digits[i] - '0') : 0);
    *known = divisor != 0;
    if (!*known)
        return false;
    for (int i = 0; i < a->exponent - low; i++)
        left = (left * 10 + (i < a->count ? (wide)(a->digits[i] - '0') : 0)) % divisor;
    return left == 0;
}
