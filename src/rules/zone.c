/* SPDX-License-Identifier: Apache-2.0
 * zone.c - TZif files: a table of changes, and a POSIX TZ rule for what comes after it.
 *
 * A file has two blocks: an old one in 32 bits, skipped here, and one in 64 bits, followed by the rule between two line
 * ends ("CET-1CEST,M3.5.0,M10.5.0/3"). Everything is checked against the file's length before it is used. */
#include "rules/zone.h"

enum { HEADER = 44, TYPE_SIZE = 6, TRANSITIONS_MAX = 8192, HOUR = 3600, DAY = 86400 };

/* When in a year the clocks change: "J60", "59" or "M3.5.0". */
enum rule_kind { RULE_JULIAN, RULE_ZERO_BASED, RULE_MONTH };
struct rule {
    enum rule_kind kind;
    int day; /* of the year; or of the week, 0 is Sunday */
    int month, week;
    int64_t time; /* seconds after local midnight; may lie on another day */
};

struct zone {
    size_t count;
    int64_t *at;      /* moments of change, ascending */
    int64_t *offsets; /* in force from at[i] */
    int64_t first;    /* before at[0] */
    bool has_rule, has_summer;
    int64_t winter, summer; /* offsets under the rule */
    struct rule begin, end; /* of summer time */
};

struct header {
    size_t isut, isstd, leap, time, type, chars;
};

int64_t date_days(int64_t year, int month, int day)
{
    /* Years that begin in March put the leap day last; 400 of them have 146,097 days. */
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void date_of_days(int64_t days, int64_t *year, int *month, int *day)
{
    int64_t since = days + 719468, era = (since >= 0 ? since : since - 146096) / 146097;
    int64_t of_era = since - era * 146097;
    int64_t y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = y + era * 400 + (*month <= 2);
}

static uint64_t read_be(const char *at, size_t bytes)
{
    uint64_t n = 0;
    for (size_t i = 0; i < bytes; i++)
        n = n << 8 | (unsigned char)at[i];
    return n;
}

/* Cuts a header off. Counts are 32 bits wide, so sums of products of them cannot wrap below. */
static bool take_header(struct span *s, struct header *h)
{
    if (s->len < HEADER || !span_starts(*s, SPAN("TZif")) || s->at[4] < '2')
        return false;
    h->isut = read_be(s->at + 20, 4);
    h->isstd = read_be(s->at + 24, 4);
    h->leap = read_be(s->at + 28, 4);
    h->time = read_be(s->at + 32, 4);
    h->type = read_be(s->at + 36, 4);
    h->chars = read_be(s->at + 40, 4);
    *s = span_from(*s, HEADER);
    return true;
}

static size_t block_size(const struct header *h, size_t word)
{
    return h->time * (word + 1) + h->type * TYPE_SIZE + h->chars + h->leap * (word + 4) + h->isstd + h->isut;
}

static bool offset_ok(int64_t offset) { return offset > -ZONE_OFFSET_MAX && offset < ZONE_OFFSET_MAX; }

static bool read_table(struct arena *a, struct span block, const struct header *h, struct zone *z)
{
    const char *index = block.at + h->time * 8, *types = index + h->time;
    z->count = h->time;
    z->at = ARENA_ARRAY(a, int64_t, h->time + 1);
    z->offsets = ARENA_ARRAY(a, int64_t, h->time + 1);
    if (!z->at || !z->offsets)
        return false;
    z->first = (int32_t)read_be(types, 4);
    for (size_t i = 0; i < h->time; i++) {
        size_t type = (unsigned char)index[i];
        if (type >= h->type)
            return false;
        z->at[i] = (int64_t)read_be(block.at + i * 8, 8);
        z->offsets[i] = (int32_t)read_be(types + type * TYPE_SIZE, 4);
        if (!offset_ok(z->offsets[i]) || (i > 0 && z->at[i] <= z->at[i - 1]))
            return false;
    }
    return offset_ok(z->first);
}

static bool take_char(struct span *s, char c)
{
    if (!s->len || *s->at != c)
        return false;
    *s = span_from(*s, 1);
    return true;
}

static bool take_number(struct span *s, int64_t most, int64_t *out)
{
    size_t len = 0;
    uint64_t n;
    while (len < s->len && s->at[len] >= '0' && s->at[len] <= '9')
        len++;
    if (!span_to_u64(span_first(*s, len), &n) || n > (uint64_t)most)
        return false;
    *s = span_from(*s, len);
    *out = (int64_t)n;
    return true;
}

static bool take_int(struct span *s, int most, int *out)
{
    int64_t n = 0;
    bool ok = take_number(s, most, &n);
    *out = (int)n;
    return ok;
}

/* "CET" or "<+0330>". */
static bool take_name(struct span *s)
{
    size_t len = 0;
    if (take_char(s, '<')) {
        struct span name;
        return span_cut(s, '>', &name) && name.len >= 3;
    }
    while (len < s->len && ((s->at[len] | 0x20) >= 'a' && (s->at[len] | 0x20) <= 'z'))
        len++;
    *s = span_from(*s, len);
    return len >= 3;
}

/* "[+-]hh[:mm[:ss]]"; hours up to a week, as version 3 has them. */
static bool take_time(struct span *s, int64_t *out)
{
    int64_t hours, minutes = 0, seconds = 0;
    bool negative = take_char(s, '-');
    if (!negative)
        (void)take_char(s, '+');
    if (!take_number(s, 167, &hours))
        return false;
    if (take_char(s, ':')) {
        if (!take_number(s, 59, &minutes))
            return false;
        if (take_char(s, ':') && !take_number(s, 59, &seconds))
            return false;
    }
    *out = hours * HOUR + minutes * 60 + seconds;
    if (negative)
        *out = -*out;
    return true;
}

static bool take_month_rule(struct span *s, struct rule *r)
{
    r->kind = RULE_MONTH;
    return take_int(s, 12, &r->month) && r->month >= 1 && take_char(s, '.') && take_int(s, 5, &r->week) && r->week >= 1 &&
           take_char(s, '.') && take_int(s, 6, &r->day);
}

static bool take_rule(struct span *s, struct rule *r)
{
    bool ok;
    *r = (struct rule){ .time = 2 * HOUR };
    if (!take_char(s, ','))
        return false;
    if (take_char(s, 'M')) {
        ok = take_month_rule(s, r);
    } else if (take_char(s, 'J')) {
        r->kind = RULE_JULIAN;
        ok = take_int(s, 365, &r->day) && r->day >= 1;
    } else {
        r->kind = RULE_ZERO_BASED;
        ok = take_int(s, 365, &r->day);
    }
    return ok && (!take_char(s, '/') || take_time(s, &r->time));
}

/* The text between the last two line ends. Its offsets count west of UTC; ours count east. Summer time without dates
 * would mean "as in the United States of 1987", so it is refused. */
static bool read_rule(struct span text, struct zone *z)
{
    int64_t west;
    if (!text.len)
        return true; /* the table's last offset holds for ever */
    if (!take_name(&text) || !take_time(&text, &west))
        return false;
    z->has_rule = true;
    z->winter = -west;
    z->summer = z->winter + HOUR;
    if (!text.len)
        return offset_ok(z->winter);
    if (!take_name(&text))
        return false;
    if (text.len && *text.at != ',') {
        if (!take_time(&text, &west))
            return false;
        z->summer = -west;
    }
    z->has_summer = true;
    return take_rule(&text, &z->begin) && take_rule(&text, &z->end) && !text.len && offset_ok(z->winter) && offset_ok(z->summer);
}

const struct zone *zone_read(struct arena *a, struct span tzif)
{
    struct header h;
    struct span rule;
    struct zone *z = ARENA_NEW(a, struct zone);
    if (!z || !take_header(&tzif, &h) || block_size(&h, 4) > tzif.len)
        return NULL;
    tzif = span_from(tzif, block_size(&h, 4));
    if (!take_header(&tzif, &h) || block_size(&h, 8) > tzif.len)
        return NULL;
    if (h.leap || !h.type || h.time > TRANSITIONS_MAX || !read_table(a, tzif, &h, z))
        return NULL;
    tzif = span_from(tzif, block_size(&h, 8));
    if (!take_char(&tzif, '\n') || !span_cut(&tzif, '\n', &rule) || !read_rule(rule, z))
        return NULL;
    return z;
}

static bool leap(int64_t year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

static int64_t month_rule_days(const struct rule *r, int64_t year)
{
    int64_t first = date_days(year, r->month, 1);
    int64_t after = r->month == 12 ? date_days(year + 1, 1, 1) : date_days(year, r->month + 1, 1);
    int64_t weekday = ((first + 4) % 7 + 7) % 7; /* the epoch was a Thursday */
    int64_t day = first + (r->day - weekday + 7) % 7 + 7 * (r->week - 1);
    return day < after ? day : day - 7; /* week 5 is the last one */
}

/* Local seconds, by the clock that was in force before the change. */
static int64_t rule_at(const struct rule *r, int64_t year)
{
    int64_t days;
    if (r->kind == RULE_MONTH)
        days = month_rule_days(r, year);
    else if (r->kind == RULE_ZERO_BASED)
        days = date_days(year, 1, 1) + r->day;
    else
        days = date_days(year, 1, 1) + r->day - 1 + (leap(year) && r->day >= 60); /* J60 is always 1 March */
    return days * DAY + r->time;
}

/* Looks at three years, since a rule's time may carry it over New Year. Where summer time ends as the next one begins,
 * it goes on. */
static struct zone_stretch by_rule(const struct zone *z, int64_t t)
{
    struct zone_stretch s = { z->winter, INT64_MAX };
    int64_t year, latest = INT64_MIN;
    int month, day;
    if (!z->has_summer)
        return s;
    date_of_days((t - ((t % DAY) + DAY) % DAY) / DAY, &year, &month, &day);
    for (int64_t y = year - 1; y <= year + 1; y++) {
        int64_t begin = rule_at(&z->begin, y) - z->winter, end = rule_at(&z->end, y) - z->summer;
        if (end <= t && end > latest) {
            latest = end;
            s.offset = z->winter;
        }
        if (begin <= t && begin >= latest) {
            latest = begin;
            s.offset = z->summer;
        }
        if (begin > t && begin < s.until)
            s.until = begin;
        if (end > t && end < s.until)
            s.until = end;
    }
    return s;
}

/* Number of changes at or before t. */
static size_t changes_before(const struct zone *z, int64_t t)
{
    size_t low = 0, high = z->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (z->at[middle] <= t)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct zone_stretch zone_stretch(const struct zone *z, int64_t unix_s)
{
    if (!z)
        return (struct zone_stretch){ 0, INT64_MAX };
    size_t n = changes_before(z, unix_s);
    if (n < z->count)
        return (struct zone_stretch){ n ? z->offsets[n - 1] : z->first, z->at[n] };
    if (z->has_rule)
        return by_rule(z, unix_s);
    return (struct zone_stretch){ n ? z->offsets[n - 1] : z->first, INT64_MAX };
}

int64_t zone_offset(const struct zone *z, int64_t unix_s) { return zone_stretch(z, unix_s).offset; }
