/* SPDX-License-Identifier: Apache-2.0
 * metrics_calls.c - what calls looked like, by vendor and operation, and by vendor and model. A counter without a name is not written; one
 * that stands at zero and never did anything else is not either. */
#include "admin/metrics.h"

struct table {
    struct observed_series *list;
    size_t count;
};

static bool is_seen(const struct observed_series *s) { return s->calls > 0; }

/* ---- by vendor and operation ---- */

static void operation_labels(struct metrics *m, const struct observed_series *s)
{
    metric_open(m);
    metric_label(m, "vendor", s->vendor);
    metric_label(m, "operation", s->operation);
}

static void put_end(struct metrics *m, const struct observed_series *s, struct span verdict, struct span code, uint64_t count)
{
    if (!count)
        return;
    operation_labels(m, s);
    metric_label(m, "verdict", verdict);
    metric_label(m, "code", code);
    metric_value(m, count);
}

static void put_ends(struct metrics *m, const struct table *t)
{
    metric_family(m, "operation_calls_total", COUNTER, "Calls that are over, by what became of them; code: why it was refused or failed.");
    for (size_t i = 0; i < t->count; i++) {
        const struct observed_series *s = &t->list[i];
        put_end(m, s, SPAN("allowed"), SPAN(""), s->allowed);
        put_end(m, s, SPAN("in_doubt"), SPAN(""), s->in_doubt);
        for (int e = 0; e < ERR_COUNT; e++) {
            put_end(m, s, SPAN("denied"), err_code((enum err)e), s->denied[e]);
            put_end(m, s, SPAN("error"), err_code((enum err)e), s->errors[e]);
        }
    }
}

static void put_operations(struct metrics *m, const struct table *t)
{
    put_ends(m, t);
    metric_family(m, "operation_failures_total", COUNTER, "Calls without an answer, with half of one, or with 429 or 5xx.");
    for (size_t i = 0; i < t->count; i++)
        if (is_seen(&t->list[i])) {
            operation_labels(m, &t->list[i]);
            metric_value(m, t->list[i].failed);
        }
    metric_family(m, "operation_cost_usd_total", COUNTER, "Cost as it was counted when the call was over.");
    for (size_t i = 0; i < t->count; i++)
        if (is_seen(&t->list[i])) {
            operation_labels(m, &t->list[i]);
            metric_money(m, t->list[i].cost);
        }
    metric_family(m, "operation_duration_seconds", HISTOGRAM, "From the call's first byte to its row.");
    for (size_t i = 0; i < t->count; i++) {
        const struct metric_labels labels = { { "vendor", "operation" }, { t->list[i].vendor, t->list[i].operation } };
        if (is_seen(&t->list[i]))
            metric_times(m, &labels, &t->list[i].duration);
    }
}

/* ---- by vendor and model ---- */

static void model_labels(struct metrics *m, const struct observed_series *s)
{
    metric_open(m);
    metric_label(m, "vendor", s->vendor);
    metric_label(m, "model", s->model);
}

static void put_model_times(struct metrics *m, const struct table *t, const char *name, const char *help, size_t offset)
{
    metric_family(m, name, HISTOGRAM, help);
    for (size_t i = 0; i < t->count; i++) {
        const struct histogram_sum *sum = (const struct histogram_sum *)((const char *)&t->list[i] + offset);
        const struct metric_labels labels = { { "vendor", "model" }, { t->list[i].vendor, t->list[i].model } };
        if (sum->count)
            metric_times(m, &labels, sum);
    }
}

static void put_tokens(struct metrics *m, const struct table *t)
{
    static const struct span kinds[SIGHT_TOKENS] = { { "input", 5 }, { "output", 6 }, { "cached", 6 }, { "reasoning", 9 } };
    metric_family(m, "model_tokens_total", COUNTER, "Tokens; cached ones are part of the input, reasoning ones of the output.");
    for (size_t i = 0; i < t->count; i++)
        for (int kind = 0; kind < SIGHT_TOKENS; kind++) {
            model_labels(m, &t->list[i]);
            metric_label(m, "kind", kinds[kind]);
            metric_value(m, t->list[i].tokens[kind]);
        }
}

static void put_models(struct metrics *m, const struct table *t)
{
    metric_family(m, "model_calls_total", COUNTER, "Calls to models that are over; a model without a price that did not answer has no name here.");
    for (size_t i = 0; i < t->count; i++) {
        model_labels(m, &t->list[i]);
        metric_value(m, t->list[i].calls);
    }
    metric_family(m, "model_failures_total", COUNTER, "Those without an answer, with half of one, or with 429 or 5xx.");
    for (size_t i = 0; i < t->count; i++) {
        model_labels(m, &t->list[i]);
        metric_value(m, t->list[i].failed);
    }
    metric_family(m, "model_cost_usd_total", COUNTER, "Cost as it was counted when the call was over.");
    for (size_t i = 0; i < t->count; i++) {
        model_labels(m, &t->list[i]);
        metric_money(m, t->list[i].cost);
    }
    put_tokens(m, t);
    put_model_times(m, t, "model_duration_seconds", "From the call's first byte to its row.", offsetof(struct observed_series, duration));
    put_model_times(m, t, "model_first_byte_seconds", "From the call's first byte to the first one of a streamed answer.", offsetof(struct observed_series, first_byte));
    put_model_times(m, t, "model_gap_seconds", "The longest wait between two pieces of a streamed answer.", offsetof(struct observed_series, gap));
}

/* ---- the rest ---- */

static void put_attempts(struct metrics *m, const struct observed *seen)
{
    static const struct span classes[OBSERVE_STATUS_CLASSES] = { { "none", 4 }, { "1xx", 3 }, { "2xx", 3 }, { "3xx", 3 }, { "4xx", 3 }, { "5xx", 3 } };
    metric_family(m, "attempts_total", COUNTER, "Tries upstream, by the status they were answered with.");
    for (size_t i = 0; i < seen->vendor_count; i++)
        for (int class = 0; class < OBSERVE_STATUS_CLASSES; class++) {
            if (!seen->vendors[i].attempts[class])
                continue;
            metric_open(m);
            metric_label(m, "vendor", seen->vendors[i].vendor);
            metric_label(m, "status", classes[class]);
            metric_value(m, seen->vendors[i].attempts[class]);
        }
    metric_family(m, "attempt_duration_seconds", HISTOGRAM, "What a try upstream took, to the end of its answer.");
    for (size_t i = 0; i < seen->vendor_count; i++) {
        const struct metric_labels labels = { { "vendor", NULL }, { seen->vendors[i].vendor } };
        if (seen->vendors[i].duration.count)
            metric_times(m, &labels, &seen->vendors[i].duration);
    }
}

static void put_cache(struct metrics *m, const struct observed *seen)
{
    metric_family(m, "cache_answers_total", COUNTER, "Calls that asked the cache, by what it said.");
    for (size_t i = 0; i < seen->cache_count; i++) {
        if (!seen->caches[i].calls)
            continue;
        metric_open(m);
        metric_label(m, "answer", seen->caches[i].word);
        metric_value(m, seen->caches[i].calls);
    }
}

static void put_keys(struct metrics *m, const struct observed *seen)
{
    metric_family(m, "key_calls_total", COUNTER, "Calls of a key that are over.");
    for (size_t i = 0; i < seen->key_count; i++) {
        metric_open(m);
        metric_label(m, "key", seen->keys[i].key);
        metric_value(m, seen->keys[i].calls);
    }
    metric_family(m, "key_refused_total", COUNTER, "Calls of a key that were refused.");
    for (size_t i = 0; i < seen->key_count; i++) {
        metric_open(m);
        metric_label(m, "key", seen->keys[i].key);
        metric_value(m, seen->keys[i].denied);
    }
    metric_family(m, "key_cost_usd_total", COUNTER, "What a key's calls cost, as it was counted when they were over.");
    for (size_t i = 0; i < seen->key_count; i++) {
        metric_open(m);
        metric_label(m, "key", seen->keys[i].key);
        metric_money(m, seen->keys[i].cost);
    }
}

static void put_overhead(struct metrics *m, const struct observed *seen)
{
    struct histogram_sum sum = { 0 };
    const struct metric_labels none = { .names = { NULL } };
    for (size_t i = 0; i < seen->series_count; i++) {
        for (int k = 0; k <= BOUNDS_MOST; k++)
            sum.counts[k] += seen->series[i].gate.counts[k];
        sum.sum += seen->series[i].gate.sum;
        sum.count += seen->series[i].gate.count;
    }
    metric_family(m, "gate_seconds", HISTOGRAM, "What the gate itself took of a call.");
    metric_times(m, &none, &sum);
}

void metrics_put_calls(struct metrics *m, const struct observed *seen, struct arena *a, bool keys)
{
    struct table t;
    if (observe_group(seen, BY_OPERATION, a, &t.list, &t.count) == E_OK)
        put_operations(m, &t);
    if (observe_group(seen, BY_MODEL, a, &t.list, &t.count) == E_OK)
        put_models(m, &t);
    put_attempts(m, seen);
    put_cache(m, seen);
    put_overhead(m, seen);
    if (keys)
        put_keys(m, seen);
}
