/* SPDX-License-Identifier: Apache-2.0
 * window.c - from a moment to the minute, hour, day, week or month around it, or the length before it. */
#include "rules/window.h"

#include <stdio.h>

#include "base/must.h"

enum { DAY = 86400, SECOND_MS = 1000, MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS, ROLLING_DAYS_MOST = 366 };

#define DAY_MS (INT64_C(24) * HOUR_MS)

static const struct span names[WINDOW_KINDS] = {
    [WINDOW_RUN] = { "run", 3 },
    [WINDOW_MINUTE] = { "minute", 6 },
    [WINDOW_HOUR] = { "hour", 4 },
    [WINDOW_DAY] = { "day", 3 },
    [WINDOW_WEEK] = { "week", 4 },
    [WINDOW_MONTH] = { "month", 5 },
    [WINDOW_TOTAL] = { "total", 5 },
    [WINDOW_ROLLING] = { "rolling", 7 },
};

/* "24h", "rolling 24h" without its first word. */
static bool parse_length(struct span text, int64_t *ms)
{
    static const struct {
        char unit;
        int64_t ms;
    } units[] = { { 'm', MINUTE_MS }, { 'h', HOUR_MS }, { 'd', DAY_MS } };
    uint64_t amount;
    for (size_t i = 0; text.len && i < sizeof(units) / sizeof(*units); i++) {
        if (text.at[text.len - 1] != units[i].unit)
            continue;
        if (!span_to_u64(span_first(text, text.len - 1), &amount) || !amount || amount > (uint64_t)(ROLLING_DAYS_MOST * DAY_MS / units[i].ms))
            return false;
        *ms = (int64_t)amount * units[i].ms;
        return true;
    }
    return false;
}

bool window_parse(struct span text, struct window *out)
{
    struct span rest = text, word;
    for (int i = 0; i < WINDOW_ROLLING; i++) {
        if (!span_is(text, names[i]))
            continue;
        *out = (struct window){ .kind = (enum window_kind)i };
        return true;
    }
    if (!span_cut(&rest, ' ', &word) || !span_is(word, names[WINDOW_ROLLING]))
        return false;
    *out = (struct window){ .kind = WINDOW_ROLLING };
    return parse_length(span_trim(rest), &out->length_ms);
}

struct span window_text(const struct window *w, char out[WINDOW_TEXT])
{
    int64_t ms = w->length_ms;
    if (w->kind != WINDOW_ROLLING)
        return window_name(w->kind);
    char unit = ms % DAY_MS == 0 && ms > DAY_MS ? 'd' : ms % HOUR_MS == 0 ? 'h' : 'm';
    int len = snprintf(out, WINDOW_TEXT, "rolling-%lld%c", (long long)(ms / (unit == 'd' ? DAY_MS : unit == 'h' ? HOUR_MS : MINUTE_MS)), unit);
    must(len > 0 && len < WINDOW_TEXT);
    return span_make(out, (size_t)len);
}

struct span window_name(enum window_kind kind)
{
    must(kind >= 0 && kind < WINDOW_KINDS);
    return names[kind];
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* Lengths are whole minutes, so a sub-window is a whole number of seconds. */
static int64_t slot_ms(const struct window *w)
{
    must(w->kind == WINDOW_ROLLING && w->length_ms >= MINUTE_MS);
    return w->length_ms / WINDOW_SLOTS;
}

int64_t window_slot(const struct window *w, int64_t now_ms) { return floor_div(now_ms, slot_ms(w)); }

int64_t window_slot_ends(const struct window *w, int64_t slot) { return (slot + WINDOW_SLOTS + 1) * slot_ms(w); }

int64_t window_frees(const struct window *w, int64_t slot, int64_t otherwise)
{
    return w->kind == WINDOW_ROLLING && slot > 0 ? window_slot_ends(w, slot) : otherwise;
}

static void rolling(const struct window *w, int64_t now_ms, int64_t *start, int64_t *end)
{
    int64_t slot = window_slot(w, now_ms);
    *start = (slot - WINDOW_SLOTS) * slot_ms(w);
    *end = (slot + 1) * slot_ms(w);
}

/* The first moment at which the local calendar shows this day or a later one (a zone may leave a day out). */
static int64_t day_begin(const struct zone *z, int64_t day)
{
    int64_t midnight = day * DAY, t = midnight - ZONE_OFFSET_MAX; /* it cannot be earlier anywhere */
    for (;;) {
        struct zone_stretch s = zone_stretch(z, t);
        if (midnight - s.offset < s.until)
            return midnight - s.offset > t ? midnight - s.offset : t;
        t = s.until;
    }
}

/* First days of the period that holds `day`, and of the next one. */
static void period(enum window_kind kind, int64_t day, int64_t *first, int64_t *next)
{
    int64_t year;
    int month, of_month;
    switch (kind) {
    case WINDOW_WEEK:
        *first = day - ((day + 3) % 7 + 7) % 7; /* the epoch was a Thursday */
        *next = *first + 7;
        return;
    case WINDOW_MONTH:
        date_of_days(day, &year, &month, &of_month);
        *first = date_days(year, month, 1);
        *next = month == 12 ? date_days(year + 1, 1, 1) : date_days(year, month + 1, 1);
        return;
    default:
        *first = day;
        *next = day + 1;
    }
}

static void calendar(const struct window *w, int64_t now_ms, int64_t *start, int64_t *end)
{
    int64_t now = floor_div(now_ms, SECOND_MS), first, next, begin, until;
    int64_t day = floor_div(now + zone_offset(w->zone, now), DAY);
    for (;;) {
        period(w->kind, day, &first, &next);
        begin = day_begin(w->zone, first);
        until = day_begin(w->zone, next);
        if (now < until)
            break;
        day = next; /* the date was turned back over midnight: the new day had begun */
    }
    *start = begin * SECOND_MS;
    *end = until * SECOND_MS;
}

void window_at(const struct window *w, int64_t now_ms, int64_t *start, int64_t *end)
{
    int64_t length = w->kind == WINDOW_MINUTE ? MINUTE_MS : HOUR_MS;
    switch (w->kind) {
    case WINDOW_MINUTE:
    case WINDOW_HOUR:
        *start = floor_div(now_ms, length) * length;
        *end = *start + length;
        return;
    case WINDOW_DAY:
    case WINDOW_WEEK:
    case WINDOW_MONTH:
        calendar(w, now_ms, start, end);
        return;
    case WINDOW_ROLLING:
        rolling(w, now_ms, start, end);
        return;
    default:
        *start = *end = 0;
    }
}
