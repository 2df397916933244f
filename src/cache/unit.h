/* SPDX-License-Identifier: Apache-2.0
 * unit.h - vectors of length one, in 16 bits a component: half the memory of floats, and a cosine is right to about 0.00002.
 *
 * Pure. Components are scaled so that no sum of products, whole or partial, leaves 32 bits. */
#ifndef TG_CACHE_UNIT_H
#define TG_CACHE_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UNIT_SCALE = 32000, UNIT_LEAST = 2, UNIT_MOST = 4096 /* dimensions */ };

/* false: it has no direction (all zeros), or a component is no number. */
bool unit_of(const float *v, size_t n, int16_t *out);
/* Cosine times UNIT_SCALE squared, about. */
int32_t unit_dot(const int16_t *a, const int16_t *b, size_t n);
/* Cosine in millionths, rounded; the same vector: 1,000,000. */
int64_t unit_cosine_ppm(const int16_t *a, const int16_t *b, size_t n);

#endif
