/* SPDX-License-Identifier: Apache-2.0
 * numbers.c - the functions of rules about telephone numbers and texts to them: parts, channels, whether it is one at all.
 *
 * Pure, as functions.c is, whose table names them. What numbers cost is prices.c's. */
#include "vendor/functions.h"
#include "vendor/sms.h"

/* 'true' encodes smartly; 'ucs2' and 'unicode' are vendors' words for sixteen bits; with any other it goes out as it is. */
static enum sms_way way_of(struct value v)
{
    if (v.kind != VALUE_TEXT)
        return SMS_AS_IS;
    if (span_is_nocase(v.text, SPAN("ucs2")) || span_is_nocase(v.text, SPAN("unicode")))
        return SMS_UCS2;
    return span_is(v.text, SPAN("true")) ? SMS_SMART : SMS_AS_IS;
}

/* sms_segments(text [, way]): parts of a text message; no text at all counts as one. */
struct value number_segments(struct eval *e, const struct expr *x)
{
    struct value text = expr_run(e, x->args[0]);
    struct value way = x->count > 1 ? expr_run(e, x->args[1]) : (struct value){ .kind = VALUE_ABSENT };
    if (text.kind == VALUE_ABSENT)
        return value_of(NANO_PER_USD);
    if (text.kind != VALUE_TEXT || way.kind == VALUE_UNKNOWN)
        return VALUE_NOT_KNOWN;
    int64_t parts = sms_segments(text.text, way_of(way));
    return value_of((parts ? parts : 1) * NANO_PER_USD);
}

struct span number_digits(struct span text, bool plus_optional)
{
    bool plus = span_starts(text, SPAN("+"));
    struct span digits = plus ? span_from(text, 1) : text;
    uint64_t n;
    bool fits = (plus || plus_optional) && digits.len >= 7 && digits.len <= 15 && digits.at[0] != '0' && span_to_u64(digits, &n);
    return fits ? digits : SPAN_NONE;
}

/* channel(address): what stands before the colon ("whatsapp"); 'sms' for a plain number; absent for none. */
struct value number_channel(struct eval *e, const struct expr *x)
{
    struct value to = expr_run(e, x->args[0]);
    if (to.kind != VALUE_TEXT)
        return to;
    ptrdiff_t colon = span_find_byte(to.text, ':');
    to.text = colon < 0 ? SPAN("sms") : span_first(to.text, (size_t)colon);
    return to;
}

/* phone(number): 1 for a number in E.164, "+15558675310", perhaps behind a channel; 0 for anything else. */
struct value number_phone(struct eval *e, const struct expr *x)
{
    struct value v = expr_run(e, x->args[0]);
    if (v.kind != VALUE_TEXT)
        return v.kind == VALUE_ABSENT ? value_of(0) : v;
    struct span number = span_from(v.text, (size_t)(span_find_byte(v.text, ':') + 1));
    uint64_t digits;
    bool fits = number.len >= 8 && number.len <= 16 && number.at[0] == '+' && number.at[1] != '0';
    return value_of(fits && span_to_u64(span_from(number, 1), &digits) ? NANO_PER_USD : 0);
}
