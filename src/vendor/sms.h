/* SPDX-License-Identifier: Apache-2.0
 * sms.h - the parts that a text message is billed as, and what counting them needs; for this folder only. */
#ifndef TG_VENDOR_SMS_H
#define TG_VENDOR_SMS_H

#include "base/span.h"

enum sms_way {
    SMS_AS_IS,
    SMS_SMART, /* look-alikes of GSM characters are brought back first */
    SMS_UCS2   /* sent in sixteen bits, whether it needs them or not */
};

/* Parts of a text. 0 for an empty one. (sms.c) */
int64_t sms_segments(struct span utf8, enum sms_way way);

/* What smart encoding writes for a character, perhaps nothing (""); SPAN_NONE: it stays. */
struct span look_alike(uint32_t c);
/* Whether a character belongs to the same as those before it (a letter and its accent). Starts zeroed. */
struct grapheme {
    uint32_t last;
    unsigned flag_halves;
    bool any, base_last, takes_tone;
};
bool grapheme_goes_on(struct grapheme *g, uint32_t c);

#endif
