/* SPDX-License-Identifier: Apache-2.0
 * draw.c - see draw.h. */
#include "route/draw.h"

#include <math.h>

#include "base/digest.h"

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint64_t draw_next(uint64_t *seed)
{
    *seed += UINT64_C(0x9e3779b97f4a7c15);
    return mix(*seed);
}

static double share(uint64_t bits) { return (double)(bits >> 11) / 9007199254740992.0; }

double draw_share(uint64_t *seed) { return share(draw_next(seed)); }

size_t draw_one(uint64_t *seed, const double *weights, size_t n)
{
    double all = 0, at;
    size_t last = n;
    for (size_t i = 0; i < n; i++)
        all += weights[i];
    at = draw_share(seed) * all;
    for (size_t i = 0; i < n; i++) {
        if (weights[i] <= 0)
            continue;
        last = i;
        if (at < weights[i])
            return i;
        at -= weights[i];
    }
    return last;
}

/* weight / -ln(u), u drawn from both names: the share of each is its weight's. */
double draw_score(struct span who, struct span where, double weight)
{
    struct digest d = digest_hmac(where, who);
    uint64_t bits = 0;
    for (size_t i = 0; i < 8; i++)
        bits = bits << 8 | d.bytes[i];
    double u = share(bits);
    return weight <= 0 ? -1 : weight / -log(u > 0 ? u : 1e-17);
}
