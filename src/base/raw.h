/* SPDX-License-Identifier: Apache-2.0
 * raw.h - reads JSON in place whose grammar was checked before (json_scan), building nothing: members of an object, items
 * of an array, each as the text it came as.
 *
 * A value that need not be understood is copied as it came, quotes and escapes included: so most of a large call is moved
 * once and never unescaped. Such a text is called raw. Strings are jumped over at the speed of memchr. */
#ifndef TG_BASE_RAW_H
#define TG_BASE_RAW_H

#include "base/json.h"

struct raw_iter {
    const char *at, *end;
    struct arena *arena; /* for names with escapes */
    bool object;
};
/* Of an object or an array; anything else has no members. */
struct raw_iter raw_iter(struct span value, struct arena *a);
/* The next member (name: unescaped, without quotes) or item (name: SPAN_NONE); value: without blanks around it. False at the end.
 * Ends for any text, valid or not: each step moves on. */
bool raw_next(struct raw_iter *it, struct span *name, struct span *value);
enum json_kind raw_kind(struct span value); /* SPAN_NONE: JSON_NONE */
/* The member of that name, or SPAN_NONE; the last one where there are several. */
struct span raw_member(struct span object, struct span name, struct arena *a);
/* A raw string without its quotes, escapes as they are; SPAN_NONE for anything else. */
struct span raw_inside(struct span value);
/* Is this raw string the plain text? (It is if it says so in escapes, too.) */
bool raw_is(struct span value, struct span plain);
/* Writes plain text as a raw string into the arena. */
struct span raw_quote(struct span plain, struct arena *a);
/* The plain text of a raw string, for texts that are looked into; SPAN_NONE: no string, or a broken escape. In place where there is
 * no escape. */
struct span raw_text(struct span value, struct arena *a);

#endif
