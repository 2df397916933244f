/* SPDX-License-Identifier: Apache-2.0
 * experiment.c - see experiment.h. */
#include "rules/experiment.h"

#include <math.h>

static const double z95 = 1.959963984540054;

static const char *const verdict_names[] = { "win", "loss", "tie", "no_answer", "unjudged" };

struct span pair_verdict_name(enum pair_verdict v) { return span_of(verdict_names[v]); }

bool pair_verdict_read(struct span name, enum pair_verdict *out)
{
    for (int i = 0; i <= PAIR_UNJUDGED; i++)
        if (span_is(name, span_of(verdict_names[i]))) {
            *out = (enum pair_verdict)i;
            return true;
        }
    return false;
}

void spread_add(struct spread *s, double value)
{
    double off = value - s->mean;
    s->n++;
    s->mean += off / (double)s->n;
    s->squares += off * (value - s->mean);
}

struct interval spread_interval(const struct spread *s)
{
    double half = s->n > 1 ? z95 * sqrt(s->squares / (double)(s->n - 1) / (double)s->n) : 0;
    return (struct interval){ s->mean - half, s->mean, s->mean + half };
}

static double within(double value, double low, double high) { return value < low ? low : value > high ? high : value; }

struct interval paired_difference(int64_t wins, int64_t losses, int64_t n)
{
    double m = (double)n + 2, won = ((double)wins + 1) / m, lost = ((double)losses + 1) / m, d = won - lost;
    double half = z95 * sqrt((won + lost - d * d) / m);
    double mid = n ? (double)(wins - losses) / (double)n : 0;
    return (struct interval){ within(d - half, -1, mid), mid, within(d + half, mid, 1) };
}

void experiment_add(struct experiment_sums *s, const struct compared *p)
{
    s->wins += p->verdict == PAIR_WIN;
    s->losses += p->verdict == PAIR_LOSS;
    s->ties += p->verdict == PAIR_TIE;
    s->no_answer += p->verdict == PAIR_NO_ANSWER;
    s->unjudged += p->verdict == PAIR_UNJUDGED;
    s->contradicted += p->contradicted;
    s->judge_cost += p->judge_cost;
    if (p->verdict == PAIR_NO_ANSWER)
        return;
    spread_add(&s->first_cost, (double)p->first_cost);
    spread_add(&s->second_cost, (double)p->second_cost);
    spread_add(&s->cost, (double)(p->second_cost - p->first_cost));
    spread_add(&s->first_ms, (double)p->first_ms);
    spread_add(&s->second_ms, (double)p->second_ms);
    spread_add(&s->ms, (double)(p->second_ms - p->first_ms));
}

static void recommend(struct experiment_view *v, const struct interval *difference)
{
    v->recommendation = RECOMMEND_NONE;
    if (v->judged < EXPERIMENT_LEAST)
        v->why = "fewer than 30 pairs are judged";
    else if (difference->low <= 0 && difference->high >= 0)
        v->why = "the interval of the win rate spans one half: nothing tells the two apart yet";
    else if (difference->low > 0) {
        v->recommendation = RECOMMEND_SECOND;
        v->why = "the second's answers win more often: the interval lies above one half";
    } else {
        v->recommendation = RECOMMEND_FIRST;
        v->why = "the second's answers lose more often: the interval lies below one half";
    }
}

struct experiment_view experiment_view(const struct experiment_sums *s)
{
    int64_t lost = s->losses + s->no_answer;
    struct experiment_view v = { .judged = s->wins + lost + s->ties };
    struct interval d = paired_difference(s->wins, lost, v.judged);
    v.win_rate = (struct interval){ (1 + d.low) / 2, (1 + d.mid) / 2, (1 + d.high) / 2 };
    v.cost = spread_interval(&s->cost);
    v.ms = spread_interval(&s->ms);
    recommend(&v, &d);
    return v;
}
