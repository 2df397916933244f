/* SPDX-License-Identifier: Apache-2.0
 * retry.c - how long to wait before asking again. */
#include <stdio.h>

#include "base/money.h"
#include "base/text.h"
#include "route/draw.h"
#include "route/route.h"

enum { WAIT_READ_MOST = 1000000000 }; /* what is longer is that long: it is not waited for anyway */

int64_t retry_wait_ms(const struct retry *r, int tries, int64_t asked_ms, uint64_t dice)
{
    if (r->use_retry_after && asked_ms >= 0)
        return asked_ms > ROUTE_WAIT_MOST_MS ? -1 : asked_ms;
    int64_t most = r->base_ms;
    for (int i = 1; i < tries && most < r->most_ms; i++)
        most *= 2;
    if (most > r->most_ms)
        most = r->most_ms;
    return (int64_t)(draw_share(&dice) * (double)(most + 1));
}

/* "2", "1.5", "750": a number of `unit` milliseconds. */
static int64_t number(struct span text, int64_t unit)
{
    int64_t value;
    text = span_trim(text);
    ptrdiff_t point = span_find_byte(text, '.');
    if (point >= 0 && text.len > (size_t)point + 4)
        text.len = (size_t)point + 4;
    if (!text.len || !money_decimal(text, 3, &value) || value < 0)
        return -1;
    if (value > (int64_t)WAIT_READ_MOST * 1000 / unit)
        return WAIT_READ_MOST;
    return value * unit / 1000;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
static bool http_date(struct span text, int64_t *unix_ms)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char line[40], month[4], iso[40];
    int day, year, hour, minute, second, end = 0;
    text = span_trim(text);
    if (text.len != 29 || !span_ends(text, SPAN(" GMT")))
        return false;
    memcpy(line, text.at, text.len);
    line[text.len] = '\0';
    if (sscanf(line, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &day, month, &year, &hour, &minute, &second, &end) != 6 || end != 29)
        return false;
    const char *hit = strlen(month) == 3 ? strstr(months, month) : NULL;
    if (!hit || (hit - months) % 3)
        return false;
    snprintf(iso, sizeof(iso), "%04d-%02d-%02dT%02d:%02d:%02dZ", year, (int)((hit - months) / 3 + 1), day, hour, minute, second == 60 ? 59 : second);
    return text_time_parse(span_of(iso), unix_ms);
}

int64_t retry_asked_ms(struct span after_ms, struct span ms_after_ms, struct span after, int64_t now_ms)
{
    int64_t wait = number(after_ms, 1), at;
    if (wait < 0)
        wait = number(ms_after_ms, 1);
    if (wait < 0)
        wait = number(after, 1000);
    if (wait < 0 && http_date(after, &at))
        wait = at <= now_ms ? 0 : at - now_ms > WAIT_READ_MOST ? WAIT_READ_MOST : at - now_ms;
    return wait;
}
