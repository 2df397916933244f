/* SPDX-License-Identifier: Apache-2.0
 * window.h - the span of time a budget counts over. No reset job: the window is computed from the clock at each check.
 *
 * Days, weeks and months turn at midnight (Monday, the 1st) of the budget's time zone, days of 23 and 25 hours included.
 * Minutes and hours are those of UTC: they are of one length everywhere, and a change of clocks neither doubles nor
 * splits one.
 *
 * A rolling window slides: it is cut into WINDOW_SLOTS sub-windows, numbered from the epoch, and counts the one under way
 * and the WINDOW_SLOTS before it. So no stretch of its length ever holds more than the limit, and what was spent leaves at
 * most one sub-window late. */
#ifndef TG_RULES_WINDOW_H
#define TG_RULES_WINDOW_H

#include "rules/zone.h"

enum window_kind { WINDOW_RUN, WINDOW_MINUTE, WINDOW_HOUR, WINDOW_DAY, WINDOW_WEEK, WINDOW_MONTH, WINDOW_TOTAL, WINDOW_ROLLING, WINDOW_KINDS };
enum { WINDOW_SLOTS = 60 };

struct window {
    enum window_kind kind;
    const struct zone *zone; /* NULL: UTC */
    int64_t length_ms;       /* ROLLING only: see window_parse */
};

/* "run", "minute", "hour", "day", "week", "month", "total"; "rolling 24h": an amount and m, h or d, 1 minute to 366 days. */
bool window_parse(struct span text, struct window *out);
struct span window_name(enum window_kind kind);
/* One text for one window, however it was written: "day", "rolling-24h" (hours if it is whole hours, days from two on). */
enum { WINDOW_TEXT = 32 };
struct span window_text(const struct window *w, char out[WINDOW_TEXT]);
/* The number of the sub-window that `now` lies in; and when what is spent in it no longer counts. ROLLING only. */
int64_t window_slot(const struct window *w, int64_t now_ms);
int64_t window_slot_ends(const struct window *w, int64_t slot);
/* The same, for people: `otherwise` where the window does not roll, or there is no such sub-window (0 or less). */
int64_t window_frees(const struct window *w, int64_t slot, int64_t otherwise);
/* [*start, *end) in Unix ms that `now` lies in. RUN and TOTAL: start 0, end 0 (never resets). ROLLING: from the first
 * sub-window that counts to the end of the one under way, when the oldest leaves; what was spent may all be in later ones: window_frees. A day begins at the first
 * moment at which its date, or a later one, stands on the zone's calendar; where clocks fall back over midnight, the hour
 * they repeat stays in the day that had begun. So windows follow each other without gap or overlap. */
void window_at(const struct window *w, int64_t now_ms, int64_t *start, int64_t *end);

#endif
