/* SPDX-License-Identifier: Apache-2.0
 * limits.c - how often: a bucket that runs empty and fills again, and what is known of addresses that fail. */
#include <arpa/inet.h>
#include <stdio.h>

#include "admin/access.h"

enum { WHOLE = 1000, MINUTE_MS = 60 * 1000 };

static int64_t spent_now(const struct bucket *b, int64_t per_minute, int64_t now)
{
    int64_t back = now > b->at ? money_mul_div_near(now - b->at, per_minute * WHOLE, MINUTE_MS) : 0;
    return b->spent > back ? b->spent - back : 0;
}

bool bucket_has(const struct bucket *b, int64_t per_minute, int64_t burst, int64_t now, int64_t *wait_ms)
{
    int64_t over = spent_now(b, per_minute, now) + WHOLE - burst * WHOLE;
    *wait_ms = over > 0 ? money_mul_div_up(over, MINUTE_MS, per_minute * WHOLE) : 0;
    return over <= 0;
}

bool bucket_take(struct bucket *b, int64_t per_minute, int64_t burst, int64_t now, int64_t *wait_ms)
{
    if (!bucket_has(b, per_minute, burst, now, wait_ms))
        return false;
    *b = (struct bucket){ now, spent_now(b, per_minute, now) + WHOLE };
    return true;
}

/* ---- strangers ---- */

/* Whoever has one address of IPv6 has all of its network. */
static void write_address(struct span address, char out[48])
{
    struct in6_addr six;
    snprintf(out, 48, "%.*s", SPAN_ARG(span_first(address, 47)));
    if (inet_pton(AF_INET6, out, &six) != 1)
        return;
    memset(six.s6_addr + 8, 0, 8);
    (void)inet_ntop(AF_INET6, &six, out, 48);
}

static const struct stranger *find(const struct strangers *s, const char *address)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->list[i].address, address) == 0)
            return &s->list[i];
    return NULL;
}

bool strangers_may_try(const struct strangers *s, struct span address, int64_t now, int64_t *wait_ms)
{
    char text[48];
    *wait_ms = 0;
    if (!s->count)
        return true;
    write_address(address, text);
    const struct stranger *one = find(s, text);
    return !one || bucket_has(&one->failures, FAILURES_A_MINUTE, FAILURES, now, wait_ms);
}

static struct stranger *make_room(struct strangers *s)
{
    size_t oldest = 0;
    if (s->count < STRANGERS)
        return &s->list[s->count++];
    for (size_t i = 1; i < s->count; i++)
        if (s->list[i].failures.at < s->list[oldest].failures.at)
            oldest = i;
    return &s->list[oldest];
}

bool strangers_failed(struct strangers *s, struct span address, int64_t now)
{
    char text[48];
    int64_t wait;
    write_address(address, text);
    struct stranger *one = (struct stranger *)(uintptr_t)find(s, text); /* the list is ours */
    if (!one) {
        one = make_room(s);
        *one = (struct stranger){ .failures = { now, 0 } };
        memcpy(one->address, text, sizeof(text));
    }
    (void)bucket_take(&one->failures, FAILURES_A_MINUTE, FAILURES, now, &wait);
    return !bucket_has(&one->failures, FAILURES_A_MINUTE, FAILURES, now, &wait);
}
