/* SPDX-License-Identifier: Apache-2.0
 * otlp_metrics.c - what the workers have seen, as an ExportMetricsServiceRequest in Protobuf's JSON: models by the conventions for generative
 * models (gen_ai.client.*), all calls under our own names. 64-bit numbers are strings there. */
#include <stddef.h>
#include <stdio.h>

#include "base/json.h"
#include "base/version.h"
#include "export/genai.h"
#include "export/telemetry.h"
#include "observe/observe.h"

enum { CUMULATIVE = 2 };

struct writing {
    struct json_out o;
    int64_t started, now;
};

/* ---- values ---- */

static void put_nanos(struct writing *w, struct span name, int64_t ms)
{
    char text[40];
    snprintf(text, sizeof(text), "%lld000000", (long long)ms);
    json_pair(&w->o, name, span_of(text));
}

static void put_u64(struct writing *w, struct span name, uint64_t n)
{
    char text[24];
    snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
    json_pair(&w->o, name, span_of(text));
}

static void put_seconds(struct writing *w, struct span name, uint64_t us)
{
    char text[48];
    snprintf(text, sizeof(text), "%llu.%06llu", (unsigned long long)(us / 1000000), (unsigned long long)(us % 1000000));
    json_pair_raw(&w->o, name, span_of(text));
}

static void put_attribute(struct writing *w, struct span key, struct span value)
{
    if (!value.len)
        return;
    json_open(&w->o, '{');
    json_pair(&w->o, SPAN("key"), key);
    json_name(&w->o, SPAN("value"));
    json_open(&w->o, '{');
    json_pair(&w->o, SPAN("stringValue"), value);
    json_close(&w->o, '}');
    json_close(&w->o, '}');
}

/* ---- metrics and their points ---- */

enum shape { HISTOGRAM, SUM };

static void open_metric(struct writing *w, struct span name, struct span unit, struct span text, enum shape shape)
{
    json_open(&w->o, '{');
    json_pair(&w->o, SPAN("name"), name);
    json_pair(&w->o, SPAN("description"), text);
    json_pair(&w->o, SPAN("unit"), unit);
    json_name(&w->o, shape == HISTOGRAM ? SPAN("histogram") : SPAN("sum"));
    json_open(&w->o, '{');
    json_pair_i64(&w->o, SPAN("aggregationTemporality"), CUMULATIVE);
    if (shape == SUM)
        json_pair_bool(&w->o, SPAN("isMonotonic"), true);
    json_name(&w->o, SPAN("dataPoints"));
    json_open(&w->o, '[');
}

static void close_metric(struct writing *w)
{
    json_close(&w->o, ']');
    json_close(&w->o, '}');
    json_close(&w->o, '}');
}

static void open_point(struct writing *w)
{
    json_open(&w->o, '{');
    put_nanos(w, SPAN("startTimeUnixNano"), w->started);
    put_nanos(w, SPAN("timeUnixNano"), w->now);
    json_name(&w->o, SPAN("attributes"));
    json_open(&w->o, '[');
}

static void put_counts(struct writing *w, const struct histogram_sum *sum, int bounds)
{
    put_u64(w, SPAN("count"), sum->count);
    json_name(&w->o, SPAN("bucketCounts"));
    json_open(&w->o, '[');
    for (int i = 0; i <= bounds; i++) {
        char text[24];
        snprintf(text, sizeof(text), "%llu", (unsigned long long)sum->counts[i]);
        json_put_string(&w->o, span_of(text));
    }
    json_close(&w->o, ']');
}

static void put_times(struct writing *w, const struct histogram_sum *sum)
{
    char text[32];
    put_counts(w, sum, TIME_BOUNDS);
    put_seconds(w, SPAN("sum"), sum->sum);
    json_name(&w->o, SPAN("explicitBounds"));
    json_open(&w->o, '[');
    for (int i = 0; i < TIME_BOUNDS; i++) {
        snprintf(text, sizeof(text), "%.6g", (double)time_bound_us(i) / 1e6);
        json_put_raw(&w->o, span_of(text));
    }
    json_close(&w->o, ']');
}

static void put_sizes(struct writing *w, const struct histogram_sum *sum)
{
    char text[32];
    put_counts(w, sum, SIZE_BOUNDS);
    snprintf(text, sizeof(text), "%llu", (unsigned long long)sum->sum);
    json_pair_raw(&w->o, SPAN("sum"), span_of(text));
    json_name(&w->o, SPAN("explicitBounds"));
    json_open(&w->o, '[');
    for (int i = 0; i < SIZE_BOUNDS; i++)
        json_put_i64(&w->o, size_bound(i));
    json_close(&w->o, ']');
}

/* ---- models ---- */

static void open_model_point(struct writing *w, const struct observed_series *s, struct span token)
{
    open_point(w);
    put_attribute(w, SPAN("gen_ai.operation.name"), genai_operation(s->operation));
    put_attribute(w, SPAN("gen_ai.provider.name"), genai_provider(s->vendor));
    put_attribute(w, SPAN("gen_ai.request.model"), s->model);
    put_attribute(w, SPAN("gen_ai.token.type"), token);
    put_attribute(w, SPAN("tollgate.operation"), s->operation); /* several may be "chat" */
    json_close(&w->o, ']');
}

static void put_tokens(struct writing *w, const struct observed *seen)
{
    open_metric(w, SPAN("gen_ai.client.token.usage"), SPAN("{token}"), SPAN("Tokens of a call, input and output."), HISTOGRAM);
    for (size_t i = 0; i < seen->series_count; i++) {
        const struct observed_series *s = &seen->series[i];
        if (s->input.count) {
            open_model_point(w, s, SPAN("input"));
            put_sizes(w, &s->input);
            json_close(&w->o, '}');
        }
        if (s->output.count) {
            open_model_point(w, s, SPAN("output"));
            put_sizes(w, &s->output);
            json_close(&w->o, '}');
        }
    }
    close_metric(w);
}

static void put_model_times(struct writing *w, const struct observed *seen, struct span name, struct span text, size_t offset)
{
    open_metric(w, name, SPAN("s"), text, HISTOGRAM);
    for (size_t i = 0; i < seen->series_count; i++) {
        const struct observed_series *s = &seen->series[i];
        const struct histogram_sum *sum = (const struct histogram_sum *)((const char *)s + offset);
        if (!s->generated || !sum->count)
            continue;
        open_model_point(w, s, SPAN(""));
        put_times(w, sum);
        json_close(&w->o, '}');
    }
    close_metric(w);
}

/* ---- all calls ---- */

static void open_call_point(struct writing *w, const struct observed_series *s)
{
    open_point(w);
    put_attribute(w, SPAN("tollgate.vendor"), s->vendor);
    put_attribute(w, SPAN("tollgate.operation"), s->operation);
    put_attribute(w, SPAN("gen_ai.request.model"), s->model);
}

static void put_end(struct writing *w, const struct observed_series *s, struct span verdict, struct span code, uint64_t count)
{
    if (!count)
        return;
    open_call_point(w, s);
    put_attribute(w, SPAN("tollgate.verdict"), verdict);
    put_attribute(w, SPAN("error.type"), code);
    json_close(&w->o, ']');
    put_u64(w, SPAN("asInt"), count);
    json_close(&w->o, '}');
}

static void put_calls(struct writing *w, const struct observed *seen)
{
    open_metric(w, SPAN("tollgate.calls"), SPAN("{call}"), SPAN("Calls that are over, by what became of them."), SUM);
    for (size_t i = 0; i < seen->series_count; i++) {
        const struct observed_series *s = &seen->series[i];
        put_end(w, s, SPAN("allowed"), SPAN(""), s->allowed);
        put_end(w, s, SPAN("in_doubt"), SPAN(""), s->in_doubt);
        for (int e = 0; e < ERR_COUNT; e++) {
            put_end(w, s, SPAN("denied"), err_code((enum err)e), s->denied[e]);
            put_end(w, s, SPAN("error"), err_code((enum err)e), s->errors[e]);
        }
    }
    close_metric(w);
}

static void put_cost(struct writing *w, const struct observed *seen)
{
    char text[MONEY_TEXT];
    open_metric(w, SPAN("tollgate.cost"), SPAN("{USD}"), SPAN("Cost as it was counted when the call was over."), SUM);
    for (size_t i = 0; i < seen->series_count; i++) {
        if (!seen->series[i].calls)
            continue;
        open_call_point(w, &seen->series[i]);
        json_close(&w->o, ']');
        json_pair_raw(&w->o, SPAN("asDouble"), money_text(seen->series[i].cost, text));
        json_close(&w->o, '}');
    }
    close_metric(w);
}

static void put_durations(struct writing *w, const struct observed *seen)
{
    open_metric(w, SPAN("tollgate.call.duration"), SPAN("s"), SPAN("From a call's first byte to its row."), HISTOGRAM);
    for (size_t i = 0; i < seen->series_count; i++) {
        if (!seen->series[i].calls)
            continue;
        open_call_point(w, &seen->series[i]);
        json_close(&w->o, ']');
        put_times(w, &seen->series[i].duration);
        json_close(&w->o, '}');
    }
    close_metric(w);
}

/* ---- the request ---- */

static void put_resource(struct writing *w)
{
    json_name(&w->o, SPAN("resource"));
    json_open(&w->o, '{');
    json_name(&w->o, SPAN("attributes"));
    json_open(&w->o, '[');
    put_attribute(w, SPAN("service.name"), SPAN("tollgate"));
    put_attribute(w, SPAN("service.version"), SPAN(TOLLGATE_VERSION));
    json_close(&w->o, ']');
    json_close(&w->o, '}');
}

static void put_scope(struct writing *w)
{
    json_name(&w->o, SPAN("scope"));
    json_open(&w->o, '{');
    json_pair(&w->o, SPAN("name"), SPAN("tollgate"));
    json_pair(&w->o, SPAN("version"), SPAN(TOLLGATE_VERSION));
    json_close(&w->o, '}');
}

void telemetry_write(const struct observed *seen, int64_t started, int64_t now, struct buf *out)
{
    struct writing w = { .o = json_out(out), .started = started, .now = now };
    json_open(&w.o, '{');
    json_name(&w.o, SPAN("resourceMetrics"));
    json_open(&w.o, '[');
    json_open(&w.o, '{');
    put_resource(&w);
    json_name(&w.o, SPAN("scopeMetrics"));
    json_open(&w.o, '[');
    json_open(&w.o, '{');
    put_scope(&w);
    json_name(&w.o, SPAN("metrics"));
    json_open(&w.o, '[');
    put_tokens(&w, seen);
    put_model_times(&w, seen, SPAN("gen_ai.client.operation.duration"), SPAN("What a call to a model took."), offsetof(struct observed_series, duration));
    put_model_times(&w, seen, SPAN("gen_ai.client.operation.time_to_first_chunk"), SPAN("To the first piece of a streamed answer."), offsetof(struct observed_series, first_byte));
    put_calls(&w, seen);
    put_cost(&w, seen);
    put_durations(&w, seen);
    json_close(&w.o, ']');
    json_close(&w.o, '}');
    json_close(&w.o, ']');
    json_close(&w.o, '}');
    json_close(&w.o, ']');
    json_close(&w.o, '}');
}
