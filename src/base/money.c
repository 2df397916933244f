/* SPDX-License-Identifier: Apache-2.0
 * money.c - decimal text to integers and back, and products in 128 bits. */
#include "base/money.h"

/* Not ISO C, but in both compilers; nothing else holds a product of two 64-bit numbers. */
__extension__ typedef __int128 wide;

static bool digit(char c) { return c >= '0' && c <= '9'; }

/* n = n * 10 + d, false past INT64_MAX + 1 (the magnitude of INT64_MIN). */
static bool push_digit(uint64_t *n, char d)
{
    const uint64_t most = (uint64_t)INT64_MAX + 1;
    uint64_t add = (uint64_t)(d - '0');
    if (*n > (most - add) / 10)
        return false;
    *n = *n * 10 + add;
    return true;
}

/* Reads the whole part. A leading zero stands alone: some readers take 010 for eight. */
static bool read_whole(struct span *s, uint64_t *n)
{
    size_t len = 0;
    while (len < s->len && digit(s->at[len])) {
        if (!push_digit(n, s->at[len]))
            return false;
        len++;
    }
    if (len == 0 || (len > 1 && *s->at == '0'))
        return false;
    *s = span_from(*s, len);
    return true;
}

/* *more: digits that are not kept are not all zero. */
static bool read_fraction(struct span s, int digits, uint64_t *n, bool *more)
{
    *more = false;
    for (size_t i = 0; i < s.len; i++) {
        if (!digit(s.at[i]))
            return false;
        bool kept = i < (size_t)digits;
        if (kept && !push_digit(n, s.at[i]))
            return false;
        *more = *more || (!kept && s.at[i] != '0');
    }
    for (size_t i = s.len; i < (size_t)digits; i++)
        if (!push_digit(n, '0'))
            return false;
    return true;
}

/* Towards zero. */
static bool read_decimal(struct span text, int digits, int64_t *out, bool *more)
{
    uint64_t n = 0;
    bool negative = text.len && *text.at == '-';
    must(digits >= 0 && digits <= 18);
    if (negative)
        text = span_from(text, 1);
    if (!read_whole(&text, &n))
        return false;
    if (text.len && (*text.at != '.' || text.len == 1))
        return false;
    if (!read_fraction(span_from(text, 1), digits, &n, more))
        return false;
    if (n > (uint64_t)INT64_MAX + negative)
        return false;
    *out = negative && n ? -(int64_t)(n - 1) - 1 : (int64_t)n;
    return true;
}

bool money_decimal(struct span text, int digits, int64_t *out)
{
    int64_t n;
    bool more;
    if (!read_decimal(text, digits, &n, &more) || more)
        return false;
    *out = n;
    return true;
}

bool money_decimal_bounds(struct span text, int digits, int64_t *low, int64_t *high)
{
    bool more;
    if (!read_decimal(text, digits, low, &more))
        return false;
    *high = *low;
    if (!more)
        return true;
    bool negative = *text.at == '-';
    return negative ? !__builtin_sub_overflow(*low, 1, low) : !__builtin_add_overflow(*high, 1, high);
}

bool money_parse(struct span text, nano_usd *out) { return money_decimal(text, 9, out); }

struct span money_text(nano_usd amount, char out[MONEY_TEXT])
{
    uint64_t magnitude = amount < 0 ? UINT64_C(0) - (uint64_t)amount : (uint64_t)amount;
    uint64_t whole = magnitude / (uint64_t)NANO_PER_USD, part = magnitude % (uint64_t)NANO_PER_USD;
    size_t at = MONEY_TEXT, end = MONEY_TEXT;
    /* From the last digit to the first; trailing zeros are left out. */
    for (int i = 0; i < 9; i++, part /= 10) {
        if (part % 10 == 0 && at == end)
            continue;
        out[--at] = (char)('0' + part % 10);
    }
    if (at != end)
        out[--at] = '.';
    do {
        out[--at] = (char)('0' + whole % 10);
        whole /= 10;
    } while (whole);
    if (amount < 0)
        out[--at] = '-';
    return span_make(out + at, end - at);
}

void buf_put_money(struct buf *b, nano_usd amount)
{
    char text[MONEY_TEXT];
    buf_put(b, money_text(amount, text));
}

static int64_t saturate(wide n)
{
    if (n > INT64_MAX)
        return INT64_MAX;
    return n < INT64_MIN ? INT64_MIN : (int64_t)n;
}

/* Floor of a*b/divisor, and what is left of it (0 <= *left < divisor). */
static wide divide(int64_t a, int64_t b, int64_t divisor, wide *left)
{
    must(divisor > 0);
    wide product = (wide)a * b, floor = product / divisor;
    *left = product % divisor;
    if (*left < 0) {
        *left += divisor;
        floor--;
    }
    return floor;
}

int64_t money_mul_div_up(int64_t a, int64_t b, int64_t divisor)
{
    wide left, floor = divide(a, b, divisor, &left);
    return saturate(floor + (left > 0));
}

int64_t money_mul_div_near(int64_t a, int64_t b, int64_t divisor)
{
    wide left, floor = divide(a, b, divisor, &left);
    return saturate(floor + (left * 2 >= divisor));
}

int64_t money_add(int64_t a, int64_t b) { return saturate((wide)a + b); }
