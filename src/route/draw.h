/* SPDX-License-Identifier: Apache-2.0
 * draw.h - drawing by lot, reproducibly: a seed says all. For this folder only. */
#ifndef TG_ROUTE_DRAW_H
#define TG_ROUTE_DRAW_H

#include "base/span.h"

/* The next number of a seed (splitmix64). */
uint64_t draw_next(uint64_t *seed);
/* 0 <= x < 1 */
double draw_share(uint64_t *seed);
/* Index of one of n by weight; n when all weigh nothing. */
size_t draw_one(uint64_t *seed, const double *weights, size_t n);
/* Rendezvous hashing: the one of the highest score has it; when one goes away, only its own calls move. */
double draw_score(struct span who, struct span where, double weight);

#endif
