/* SPDX-License-Identifier: Apache-2.0
 * unit.c - see unit.h. Built with -O3: the loop over products is the whole cost of an exact search. */
#include "cache/unit.h"

#include <math.h>

bool unit_of(const float *v, size_t n, int16_t *out)
{
    double square = 0;
    for (size_t i = 0; i < n; i++)
        square += (double)v[i] * (double)v[i];
    if (!isfinite(square) || square <= 0)
        return false;
    double scale = UNIT_SCALE / sqrt(square);
    for (size_t i = 0; i < n; i++)
        out[i] = (int16_t)lrint((double)v[i] * scale);
    return isfinite(scale);
}

/* By Cauchy and Schwarz every partial sum is at most the product of both lengths: about UNIT_SCALE squared, half of what 32 bits hold. */
static inline __attribute__((always_inline)) int32_t sum_of_products(const int16_t *a, const int16_t *b, size_t n)
{
    int32_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static int32_t dot_avx2(const int16_t *a, const int16_t *b, size_t n) { return sum_of_products(a, b, n); }
#endif

int32_t unit_dot(const int16_t *a, const int16_t *b, size_t n)
{
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx2"))
        return dot_avx2(a, b, n);
#endif
    return sum_of_products(a, b, n);
}

int64_t unit_cosine_ppm(const int16_t *a, const int16_t *b, size_t n)
{
    double lengths = sqrt((double)unit_dot(a, a, n)) * sqrt((double)unit_dot(b, b, n));
    return lengths > 0 ? lrint(unit_dot(a, b, n) / lengths * 1e6) : 0;
}
