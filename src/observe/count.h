/* SPDX-License-Identifier: Apache-2.0
 * count.h - a number that one thread writes and any thread reads: an addition without a locked instruction. */
#ifndef TG_OBSERVE_COUNT_H
#define TG_OBSERVE_COUNT_H

#include <stdatomic.h>
#include <stdint.h>

static inline uint64_t count_get(const _Atomic uint64_t *c) { return atomic_load_explicit(c, memory_order_relaxed); }
static inline void count_set(_Atomic uint64_t *c, uint64_t n) { atomic_store_explicit(c, n, memory_order_relaxed); }
static inline void count_add(_Atomic uint64_t *c, uint64_t n) { count_set(c, count_get(c) + n); }
/* Money may come back. */
static inline int64_t amount_get(const _Atomic int64_t *c) { return atomic_load_explicit(c, memory_order_relaxed); }
static inline void amount_set(_Atomic int64_t *c, int64_t n) { atomic_store_explicit(c, n, memory_order_relaxed); }
static inline void amount_add(_Atomic int64_t *c, int64_t n) { amount_set(c, amount_get(c) + n); }

#endif
