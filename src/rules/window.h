/* SPDX-License-Identifier: Apache-2.0
 * window.h - the span of time a budget counts over. No reset job: the window is computed from the clock at each check.
 *
 * Calendar windows turn at midnight (Monday, the 1st) of the budget's time zone, days of 23 and 25 hours included. */
#ifndef TG_RULES_WINDOW_H
#define TG_RULES_WINDOW_H

#include "base/arena.h"
#include "base/span.h"

enum window_kind { WINDOW_RUN, WINDOW_MINUTE, WINDOW_HOUR, WINDOW_DAY, WINDOW_WEEK, WINDOW_MONTH, WINDOW_TOTAL, WINDOW_KINDS };

struct zone; /* a time zone, read from the tz database; immutable */

struct window {
    enum window_kind kind;
    const struct zone *zone; /* NULL: UTC */
};

/* "run", "minute", "hour", "day", "week", "month", "total". */
bool window_parse(struct span text, enum window_kind *out);
struct span window_name(enum window_kind kind);
/* [*start, *end) in Unix ms that `now` lies in. RUN and TOTAL: start 0, end 0 (never resets). */
void window_at(const struct window *w, int64_t now_ms, int64_t *start, int64_t *end);

/* tzif: the content of a TZif file (RFC 8536); copied into a. NULL: not such a file. */
const struct zone *zone_read(struct arena *a, struct span tzif);
/* Seconds east of UTC at that moment. */
int64_t zone_offset(const struct zone *z, int64_t unix_s);

#endif
