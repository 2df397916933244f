/* SPDX-License-Identifier: Apache-2.0
 * member.c - see member.h. */
#include "dialect/member.h"

#include "base/money.h"

struct finder {
    struct member *members;
    size_t count;
    bool empty;
};

static bool note(void *self, struct span name, enum json_kind kind, struct span raw)
{
    struct finder *f = self;
    f->empty = false;
    for (size_t i = 0; i < f->count; i++) {
        if (!span_is(f->members[i].name, name))
            continue;
        f->members[i].raw = raw;
        f->members[i].kind = kind;
    }
    return true;
}

bool member_find(struct json *j, struct span object, struct member *members, size_t count, bool *empty)
{
    struct finder f = { members, count, true };
    const char *why;
    enum err e = json_scan(j, object, true, note, &f, &why);
    if (empty)
        *empty = f.empty;
    return e == E_OK;
}

int64_t member_count_or_none(struct json_value v, struct span path)
{
    int64_t n;
    return json_integer(json_path(v, path), &n) && n >= 0 && n <= INT64_C(1) << 53 ? n : -1;
}

int64_t member_count(struct json_value v, struct span path)
{
    int64_t n = member_count_or_none(v, path);
    return n < 0 ? 0 : n;
}

static bool digit(char c) { return c >= '0' && c <= '9'; }

/* The digits of a number without its point, and how many powers of ten are to be multiplied on. */
static bool read_digits(struct span *s, int64_t *digits, int64_t *power)
{
    bool point = false, any = false;
    while (s->len && (digit(*s->at) || (*s->at == '.' && !point))) {
        if (*s->at == '.') {
            point = true;
        } else if (*digits < INT64_MAX / 10 - 1) {
            *digits = *digits * 10 + (*s->at - '0');
            *power -= point;
            any = true;
        } else { /* beyond 18 digits: only their number matters */
            *power += !point;
        }
        *s = span_from(*s, 1);
    }
    return any;
}

bool member_nano(struct span raw, int64_t *out)
{
    int64_t digits = 0, power = 9, exponent = 0;
    if (!read_digits(&raw, &digits, &power))
        return false;
    if (raw.len && (*raw.at == 'e' || *raw.at == 'E')) {
        raw = span_from(raw, 1);
        if (raw.len && *raw.at == '+')
            raw = span_from(raw, 1);
        if (!span_to_i64(raw, &exponent) || exponent > 1000 || exponent < -1000)
            return false;
        raw = span_from(raw, raw.len);
    }
    int64_t half = 0;
    for (power += exponent; power < 0 && digits > 0; power++) {
        half = digits % 10 >= 5;
        digits /= 10;
    }
    for (; power > 0 && digits > 0; power--) {
        if (digits > INT64_MAX / 10)
            return false;
        digits *= 10;
    }
    *out = digits + (power == 0 ? half : 0);
    return raw.len == 0;
}
