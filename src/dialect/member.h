/* SPDX-License-Identifier: Apache-2.0
 * member.h - small readings that requests and answers share: some members of an object, raw; counts; decimal numbers.
 * Private to dialect/. */
#ifndef TG_DIALECT_MEMBER_H
#define TG_DIALECT_MEMBER_H

#include "base/json.h"

struct member {
    struct span name;
    struct span raw; /* SPAN_NONE: absent */
    enum json_kind kind;
};

/* Fills in what the object has of these members. `object` has BUF_SLACK readable bytes behind it. False: it is no
 * object that can be read. *empty, if asked for: it has no members at all. */
bool member_find(struct json *j, struct span object, struct member *members, size_t count, bool *empty);
/* A number from 0 up to 2^53; 0 for all else. */
int64_t member_count(struct json_value v, struct span path);
/* The same, but -1 for all else. */
int64_t member_count_or_none(struct json_value v, struct span path);
/* A JSON number, exponent included, as nano-dollars, rounded to nearest. False: no number, negative or too large. */
bool member_nano(struct span raw, int64_t *out);

#endif
