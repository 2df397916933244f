/* SPDX-License-Identifier: Apache-2.0
 * histogram.h - how long things took, or how large they were, in few numbers: one writer, any number of readers, no lock.
 *
 * Bounds are fixed, each twice (times) or four times (sizes) the one before, so that a place is found with one instruction, histograms of
 * all workers add up, and what a collector has stored never has to be cut anew. A value on a bound belongs below it, as Prometheus and
 * OpenTelemetry have it. */
#ifndef TG_OBSERVE_HISTOGRAM_H
#define TG_OBSERVE_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

enum {
    TIME_BOUNDS = 18, /* 1.25 ms, 2.5 ms, ... 163.84 s: what lies above 10 ms are the bounds that OpenTelemetry advises for models */
    TIME_LEAST_US = 1250,
    SIZE_BOUNDS = 14, /* 1, 4, 16, ... 67108864: what it advises for tokens */
    BOUNDS_MOST = TIME_BOUNDS
};

struct histogram {
    _Atomic uint64_t counts[BOUNDS_MOST + 1]; /* the last one: above all bounds */
    _Atomic uint64_t sum;                     /* microseconds, or what is counted */
};

/* As it was read, or summed over several. */
struct histogram_sum {
    uint64_t counts[BOUNDS_MOST + 1];
    uint64_t sum, count;
};

/* By the one thread that owns it. What is below zero counts as zero. */
void histogram_time(struct histogram *h, int64_t us);
void histogram_size(struct histogram *h, int64_t n);

/* Any thread. */
void histogram_add(const struct histogram *h, struct histogram_sum *sum);
int64_t time_bound_us(int index);
int64_t size_bound(int index);
/* The value below which that many of a thousand lie, between bounds in proportion; -1: it is empty. What lies above all bounds is said to
 * be at the highest. */
int64_t histogram_time_at(const struct histogram_sum *sum, int per_mille);

#endif
