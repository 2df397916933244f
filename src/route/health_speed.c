/* SPDX-License-Identifier: Apache-2.0
 * health_speed.c - how many calls failed of late, and how fast the first bytes came. No locks: two workers at once may lose each other's
 * part of an average, never a count. */
#include "route/health_inside.h"

enum { NUMBER_BITS = 24, COUNT_BITS = 20, DECAY_MS = 10 * 1000, LEAST_MS = DECAY_MS / 31, EIGHTHS = 8, P95_LEAST = 20 };
#define COUNT_MASK ((UINT64_C(1) << COUNT_BITS) - 1)
#define NUMBER_MASK ((UINT64_C(1) << NUMBER_BITS) - 1)

/* ---- counts ---- */

static uint64_t part(uint64_t number, uint64_t calls, uint64_t bad) { return number << 2 * COUNT_BITS | calls << COUNT_BITS | bad; }
static uint64_t number_of(uint64_t p) { return p >> 2 * COUNT_BITS; }
static uint64_t calls_of(uint64_t p) { return p >> COUNT_BITS & COUNT_MASK; }
static uint64_t bad_of(uint64_t p) { return p & COUNT_MASK; }

static uint64_t part_number(const struct health_bins *b, int64_t now_ms) { return now_ms > 0 ? (uint64_t)(now_ms / b->width_ms) : 0; }

void health_bins_add(struct health_bins *b, bool bad, int64_t now_ms)
{
    uint64_t n = part_number(b, now_ms), was, now;
    _Atomic uint64_t *at = &b->parts[n % HEALTH_BINS];
    was = atomic_load_explicit(at, memory_order_relaxed);
    do {
        bool fresh = number_of(was) != (n & NUMBER_MASK);
        uint64_t calls = fresh ? 0 : calls_of(was), failed = fresh ? 0 : bad_of(was);
        if (calls == COUNT_MASK)
            return;
        now = part(n & NUMBER_MASK, calls + 1, failed + bad);
    } while (!atomic_compare_exchange_weak_explicit(at, &was, now, memory_order_relaxed, memory_order_relaxed));
}

void health_bins_sum(const struct health_bins *b, int64_t window_ms, int64_t now_ms, int *calls, int *bad)
{
    uint64_t n = part_number(b, now_ms), parts = (uint64_t)((window_ms + b->width_ms - 1) / b->width_ms);
    *calls = *bad = 0;
    for (uint64_t i = 0; i < parts && i < HEALTH_BINS && i <= n; i++) {
        uint64_t p = atomic_load_explicit(&b->parts[(n - i) % HEALTH_BINS], memory_order_relaxed);
        if (number_of(p) != ((n - i) & NUMBER_MASK))
            continue;
        *calls += (int)calls_of(p);
        *bad += (int)bad_of(p);
    }
}

void health_bins_clear(struct health_bins *b)
{
    for (size_t i = 0; i < HEALTH_BINS; i++)
        atomic_store_explicit(&b->parts[i], 0, memory_order_relaxed);
}

/* ---- first bytes ---- */

/* 1, 2, ... 7 as they are, then eight steps to each doubling. */
static uint8_t step_of(int64_t us)
{
    if (us < EIGHTHS)
        return us < 1 ? 1 : (uint8_t)us;
    int octave = 60 - __builtin_clzll((uint64_t)us); /* 8..15: 0 */
    int step = EIGHTHS * (octave + 1) + (int)(us >> octave & (EIGHTHS - 1));
    return step > UINT8_MAX ? UINT8_MAX : (uint8_t)step;
}

/* The middle of a step. */
static int64_t us_of(int step)
{
    if (step < EIGHTHS)
        return step;
    int octave = step / EIGHTHS - 1;
    int64_t least = (int64_t)(EIGHTHS + step % EIGHTHS) << octave;
    return least + ((INT64_C(1) << octave) - 1) / 2;
}

/* Weighed by the time since the last one, so that a burst counts no more than a quiet minute: after DECAY_MS half is new. */
static void average_in(struct health_speed *s, int64_t us, int64_t now_ms)
{
    int64_t passed = now_ms - atomic_exchange_explicit(&s->at, now_ms, memory_order_relaxed);
    if (passed < LEAST_MS)
        passed = LEAST_MS;
    double weight = (double)passed / (double)(passed + DECAY_MS);
    int64_t was = atomic_load_explicit(&s->average_us, memory_order_relaxed), now;
    do {
        now = was < 0 ? us : was + (int64_t)((double)(us - was) * weight);
    } while (!atomic_compare_exchange_weak_explicit(&s->average_us, &was, now, memory_order_relaxed, memory_order_relaxed));
}

void health_speed_add(struct health_speed *s, int64_t us, int64_t now_ms)
{
    unsigned at = atomic_fetch_add_explicit(&s->next, 1, memory_order_relaxed) % HEALTH_SAMPLES;
    atomic_store_explicit(&s->samples[at], step_of(us), memory_order_relaxed);
    average_in(s, us, now_ms);
}

int64_t health_latency_us(const struct health_target *t) { return atomic_load_explicit(&t->speed.average_us, memory_order_relaxed); }

int64_t health_p95_us(const struct health_target *t)
{
    unsigned seen[UINT8_MAX + 1] = { 0 }, count = 0, below = 0;
    for (size_t i = 0; i < HEALTH_SAMPLES; i++) {
        uint8_t step = atomic_load_explicit(&t->speed.samples[i], memory_order_relaxed);
        seen[step] += step != 0;
        count += step != 0;
    }
    if (count < P95_LEAST)
        return -1;
    for (int step = 1; step <= UINT8_MAX; step++) {
        below += seen[step];
        if (below * 100 >= count * 95)
            return us_of(step);
    }
    return -1;
}
