/* SPDX-License-Identifier: Apache-2.0
 * metrics_litellm.c - `metrics: { aliases: litellm }`: what their dashboards ask for, from the same counters. Labels that would need a series
 * for each key, user or team are not written; sums over them are the same. */
#include "admin/metrics.h"

struct table {
    struct observed_series *list;
    size_t count;
};

static uint64_t total_tokens(const struct observed_series *s) { return s->tokens[SIGHT_INPUT] + s->tokens[SIGHT_OUTPUT]; }
static uint64_t input_tokens(const struct observed_series *s) { return s->tokens[SIGHT_INPUT]; }
static uint64_t output_tokens(const struct observed_series *s) { return s->tokens[SIGHT_OUTPUT]; }
static uint64_t all_calls(const struct observed_series *s) { return s->calls; }
static uint64_t not_answered(const struct observed_series *s) { return s->calls - s->allowed; }

static void put_labels(struct metrics *m, const struct observed_series *s)
{
    metric_open(m);
    metric_label(m, "model", s->model);
    metric_label(m, "requested_model", s->model);
    metric_label(m, "api_provider", s->vendor);
}

static void put_counter(struct metrics *m, const struct table *t, const char *name, const char *help, uint64_t (*count)(const struct observed_series *s))
{
    metric_family(m, name, COUNTER, help);
    for (size_t i = 0; i < t->count; i++) {
        put_labels(m, &t->list[i]);
        metric_value(m, count(&t->list[i]));
    }
}

static void put_times(struct metrics *m, const struct table *t, const char *name, const char *help, size_t offset)
{
    metric_family(m, name, HISTOGRAM, help);
    for (size_t i = 0; i < t->count; i++) {
        const struct histogram_sum *sum = (const struct histogram_sum *)((const char *)&t->list[i] + offset);
        const struct metric_labels labels = { { "model", "api_provider" }, { t->list[i].model, t->list[i].vendor } };
        if (sum->count)
            metric_times(m, &labels, sum);
    }
}

void metrics_put_litellm(struct metrics *own, struct visit *v, const struct observed *seen, struct arena *a)
{
    struct metrics m = { own->out, NULL, "litellm_" };
    struct gate_counts c;
    struct table t;
    if (observe_group(seen, BY_MODEL, a, &t.list, &t.count) != E_OK)
        return;
    gate_count(v->admin->parts.gate, &c);
    put_counter(&m, &t, "requests_metric_total", "Calls to models.", all_calls);
    put_counter(&m, &t, "proxy_total_requests_metric_total", "Calls to models.", all_calls);
    put_counter(&m, &t, "proxy_failed_requests_metric_total", "Calls to models that were refused or failed.", not_answered);
    metric_family(&m, "spend_metric_total", COUNTER, "Cost in US dollars.");
    for (size_t i = 0; i < t.count; i++) {
        put_labels(&m, &t.list[i]);
        metric_money(&m, t.list[i].cost);
    }
    put_counter(&m, &t, "total_tokens_metric_total", "Tokens, input and output.", total_tokens);
    put_counter(&m, &t, "input_tokens_metric_total", "Input tokens.", input_tokens);
    put_counter(&m, &t, "output_tokens_metric_total", "Output tokens.", output_tokens);
    put_times(&m, &t, "request_total_latency_metric", "What a call took.", offsetof(struct observed_series, duration));
    put_times(&m, &t, "llm_api_time_to_first_token_metric", "To the first byte of a streamed answer.", offsetof(struct observed_series, first_byte));
    put_times(&m, &t, "overhead_latency_metric", "What the gate itself took of a call.", offsetof(struct observed_series, gate));
    metric_one(&m, "in_flight_requests", GAUGE, "Calls under way.", c.open);
}
