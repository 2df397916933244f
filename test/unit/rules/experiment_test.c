/* SPDX-License-Identifier: Apache-2.0
 * experiment_test.c - pairs of answers as rates and intervals, held against values worked out by hand. */
#include "rules/experiment.h"

#include <math.h>

#include "test/test.h"

static bool near(double got, double want) { return fabs(got - want) < 0.0005; }

static void add(struct experiment_sums *s, enum pair_verdict verdict, int n)
{
    struct compared c = { .verdict = verdict, .first_cost = 100, .second_cost = 40, .judge_cost = 7, .first_ms = 50, .second_ms = 30 };
    while (n-- > 0)
        experiment_add(s, &c);
}

/* 300 and 200 of 500: p = 301/502, q = 201/502, d = 0.19920; (p + q - d^2) / 502 = 0.0019130, its root 0.043738, times 1.96 is 0.085725. */
TEST(paired_difference_by_hand)
{
    struct interval i = paired_difference(300, 200, 500);
    CHECK(near(i.low, 0.1135) && near(i.mid, 0.2) && near(i.high, 0.2849));
    i = paired_difference(260, 240, 500);
    CHECK(near(i.low, -0.0476) && near(i.mid, 0.04) && near(i.high, 0.1272));
    i = paired_difference(40, 10, 100); /* half are ties */
    CHECK(near(i.low, 0.1679) && near(i.mid, 0.3) && near(i.high, 0.4204));
    i = paired_difference(0, 0, 50);
    CHECK(near(i.low, -0.0533) && near(i.mid, 0) && near(i.high, 0.0533));
}

TEST(few_pairs_are_no_certainty)
{
    struct interval i = paired_difference(1, 0, 1);
    CHECK(i.low < 0 && i.high == 1);
    i = paired_difference(5, 0, 5);
    CHECK(near(i.low, 0.1958) && i.mid == 1 && i.high == 1);
    i = paired_difference(0, 5, 5);
    CHECK(i.low == -1 && near(i.high, -0.1958));
    i = paired_difference(0, 0, 0);
    CHECK(i.low < 0 && i.mid == 0 && i.high > 0);
}

/* 1 2 3 4 10: mean 4, variance (9 + 4 + 1 + 0 + 36) / 4 = 12.5, 1.96 sqrt(12.5 / 5) = 3.099. */
TEST(mean_and_interval_by_hand)
{
    static const double values[] = { 1, 2, 3, 4, 10 };
    struct spread s = { .n = 0 };
    CHECK(spread_interval(&s).low == 0 && spread_interval(&s).high == 0);
    for (size_t i = 0; i < 5; i++)
        spread_add(&s, values[i]);
    struct interval i = spread_interval(&s);
    CHECK(near(i.low, 0.901) && near(i.mid, 4) && near(i.high, 7.099));
}

TEST(a_recommendation_needs_pairs_and_an_interval_beside_zero)
{
    struct experiment_sums s = { .wins = 0 };
    add(&s, PAIR_WIN, 29);
    CHECK_INT(experiment_view(&s).recommendation, RECOMMEND_NONE);
    add(&s, PAIR_WIN, 1);
    CHECK_INT(experiment_view(&s).recommendation, RECOMMEND_SECOND);
    add(&s, PAIR_LOSS, 25);
    CHECK_INT(experiment_view(&s).recommendation, RECOMMEND_NONE);
    add(&s, PAIR_NO_ANSWER, 30);
    CHECK_INT(experiment_view(&s).recommendation, RECOMMEND_FIRST);
    add(&s, PAIR_UNJUDGED, 1000);
    struct experiment_view v = experiment_view(&s);
    CHECK_INT(v.judged, 85);
    CHECK_INT(s.unjudged, 1000);
    CHECK_INT(s.judge_cost, 7 * 1085);
    CHECK_INT(s.cost.n, 1055); /* what did not answer has neither a price nor a time to compare */
    CHECK(near(v.cost.mid, -60) && near(v.ms.mid, -20));
    CHECK(near(v.win_rate.mid, (30.0) / 85));
}

TEST(ties_are_half_a_win)
{
    struct experiment_sums s = { .wins = 0 };
    add(&s, PAIR_TIE, 60);
    add(&s, PAIR_WIN, 40);
    struct experiment_view v = experiment_view(&s);
    CHECK(near(v.win_rate.mid, 0.7));
    CHECK(v.win_rate.low > 0.5 && v.win_rate.high < 1);
}

TEST(verdicts_have_names)
{
    enum pair_verdict back;
    for (int i = 0; i <= PAIR_UNJUDGED; i++)
        CHECK(pair_verdict_read(pair_verdict_name((enum pair_verdict)i), &back) && back == (enum pair_verdict)i);
    CHECK(!pair_verdict_read(SPAN("won"), &back));
}
