/* SPDX-License-Identifier: Apache-2.0
 * experiment.h - what pairs of answers tell: is the other model's answer better, what does it cost, how long does it take? Pure numbers.
 *
 * Each pair is one request answered by both. The rate at which the second wins counts a tie as half. Its interval comes from the difference
 * of wins and losses over the pairs, by the adjusted Wald interval for paired proportions of Bonett and Price (Statistics in Medicine 31,
 * 2012, 479-488): one pair is added to each of wins and losses, so that few pairs, or pairs that all agree, are not taken for certainty. Means of
 * cost and time differences have the usual large-sample interval over pairs, mean +- 1.96 s / sqrt(n). All are 95 %, for one look at the end:
 * who looks after each pair and stops at the first good one is wrong more often than one time in twenty. */
#ifndef TG_RULES_EXPERIMENT_H
#define TG_RULES_EXPERIMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

#define EXPERIMENT_PAIR "experiment.pair" /* the operation of a row that holds one */

enum { EXPERIMENT_LEAST = 30 /* pairs; before that nothing is recommended */ };

/* NO_ANSWER: the second failed where the first answered: lost. UNJUDGED: the judge gave no verdict, or was not asked. */
enum pair_verdict { PAIR_WIN, PAIR_LOSS, PAIR_TIE, PAIR_NO_ANSWER, PAIR_UNJUDGED };
struct span pair_verdict_name(enum pair_verdict v); /* "win", "loss", "tie", "no_answer", "unjudged": of the second */
bool pair_verdict_read(struct span name, enum pair_verdict *out);

struct compared {
    enum pair_verdict verdict;
    bool contradicted; /* the judge preferred the answer that stood in the same place both times: a tie */
    int64_t first_cost, second_cost, judge_cost; /* nano-dollars */
    int64_t first_ms, second_ms;
};

/* Mean and spread of what was added (Welford). */
struct spread {
    int64_t n;
    double mean, squares;
};

struct interval {
    double low, mid, high;
};

/* Zeroed: nothing yet. */
struct experiment_sums {
    int64_t wins, losses, ties, no_answer, unjudged, contradicted; /* losses: without no_answer */
    struct spread first_cost, second_cost, cost, first_ms, second_ms, ms; /* of pairs that both answered; cost, ms: second less first */
    int64_t judge_cost;
};

enum recommendation { RECOMMEND_NONE, RECOMMEND_FIRST, RECOMMEND_SECOND };

struct experiment_view {
    int64_t judged;
    struct interval win_rate; /* of the second, 0 to 1 */
    struct interval cost, ms; /* second less first */
    enum recommendation recommendation;
    const char *why;
};

void experiment_add(struct experiment_sums *s, const struct compared *p);
struct experiment_view experiment_view(const struct experiment_sums *s);
void spread_add(struct spread *s, double value);
/* With fewer than two values the interval is a point: there is nothing to tell a spread by. */
struct interval spread_interval(const struct spread *s);
/* Of (wins - losses) / n. */
struct interval paired_difference(int64_t wins, int64_t losses, int64_t n);

#endif
