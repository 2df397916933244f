/* SPDX-License-Identifier: Apache-2.0
 * histogram.c - see histogram.h. */
#include "observe/histogram.h"

#include "observe/count.h"

/* The least power of two that is not below n, as its exponent. */
static int exponent(uint64_t n) { return n <= 1 ? 0 : 64 - __builtin_clzll(n - 1); }

static void put(struct histogram *h, int place, int bounds, uint64_t value)
{
    count_add(&h->counts[place < bounds ? place : bounds], 1);
    count_add(&h->sum, value);
}

void histogram_time(struct histogram *h, int64_t us)
{
    uint64_t value = us > 0 ? (uint64_t)us : 0;
    put(h, exponent((value + TIME_LEAST_US - 1) / TIME_LEAST_US), TIME_BOUNDS, value);
}

void histogram_size(struct histogram *h, int64_t n)
{
    uint64_t value = n > 0 ? (uint64_t)n : 0;
    put(h, (exponent(value) + 1) / 2, SIZE_BOUNDS, value);
}

void histogram_add(const struct histogram *h, struct histogram_sum *sum)
{
    for (int i = 0; i <= BOUNDS_MOST; i++) {
        uint64_t n = count_get(&h->counts[i]);
        sum->counts[i] += n;
        sum->count += n;
    }
    sum->sum += count_get(&h->sum);
}

int64_t time_bound_us(int index) { return (int64_t)TIME_LEAST_US << index; }
int64_t size_bound(int index) { return INT64_C(1) << (2 * index); }

int64_t histogram_time_at(const struct histogram_sum *sum, int per_mille)
{
    double wanted = (double)sum->count * per_mille / 1000.0, below = 0;
    if (!sum->count)
        return -1;
    for (int i = 0; i < TIME_BOUNDS; i++) {
        double here = (double)sum->counts[i];
        int64_t from = i ? time_bound_us(i - 1) : 0;
        if (here > 0 && below + here >= wanted)
            return from + (int64_t)((double)(time_bound_us(i) - from) * (wanted - below) / here);
        below += here;
    }
    return time_bound_us(TIME_BOUNDS - 1);
}
