/* SPDX-License-Identifier: Apache-2.0
 * zone.h - a time zone of the tz database: how far its clocks stand from UTC at any moment, past or future.
 *
 * Read from a TZif file (RFC 8536, version 2 and later). Moments after the file's table follow the rule in its last line,
 * so far years are right as well. Immutable once read; any thread may ask. Reading the file is the caller's. */
#ifndef TG_RULES_ZONE_H
#define TG_RULES_ZONE_H

#include "base/arena.h"
#include "base/span.h"

struct zone;

/* A stretch of time without a change of offset. */
struct zone_stretch {
    int64_t offset; /* seconds east of UTC */
    int64_t until;  /* Unix seconds at which another offset begins; INT64_MAX: never */
};

enum { ZONE_OFFSET_MAX = 26 * 3600 }; /* no zone stands further east or west; files that say so are refused */

/* tzif: the content of a TZif file, copied into a. NULL: not such a file, one of version 1, one that counts leap seconds
 * (Unix time does not), or a is out of memory. */
const struct zone *zone_read(struct arena *a, struct span tzif);
/* Seconds east of UTC at that moment; z == NULL is UTC. */
int64_t zone_offset(const struct zone *z, int64_t unix_s);
/* The stretch that this moment lies in. */
struct zone_stretch zone_stretch(const struct zone *z, int64_t unix_s);

/* Days since 1970-01-01 in the Gregorian calendar, and back; month 1..12, day 1..31 (days past a month's end run on). */
int64_t date_days(int64_t year, int month, int day);
void date_of_days(int64_t days, int64_t *year, int *month, int *day);

#endif
