/* SPDX-License-Identifier: Apache-2.0
 * metrics.h - the text that Prometheus reads, line by line. Inside admin/ only.
 *
 * A family's name, help and type come once, its lines behind them. Names are without their "tollgate_". */
#ifndef TG_ADMIN_METRICS_H
#define TG_ADMIN_METRICS_H

#include "admin/inside.h"
#include "observe/observe.h"

struct metrics {
    struct buf *out;
    const char *name; /* of the family whose lines are written */
    const char *prefix;
};

enum metric_type { COUNTER, GAUGE, HISTOGRAM };
void metric_family(struct metrics *m, const char *name, enum metric_type type, const char *help);
/* A family of one line. */
void metric_one(struct metrics *m, const char *name, enum metric_type type, const char *help, int64_t value);
void metric_one_us(struct metrics *m, const char *name, enum metric_type type, const char *help, uint64_t us); /* as seconds */
void metric_one_money(struct metrics *m, const char *name, enum metric_type type, const char *help, nano_usd amount);

/* A line: open, labels, then one value. */
void metric_open(struct metrics *m);
void metric_label(struct metrics *m, const char *name, struct span value);
void metric_value(struct metrics *m, uint64_t value);
void metric_amount(struct metrics *m, int64_t value);
void metric_money(struct metrics *m, nano_usd amount);

/* The lines of a histogram, each with these labels (at most two; NULL: fewer). */
struct metric_labels {
    const char *names[2];
    struct span values[2];
};
void metric_times(struct metrics *m, const struct metric_labels *labels, const struct histogram_sum *sum);

/* ---- metrics_calls.c: what calls looked like ---- */
void metrics_put_calls(struct metrics *m, const struct observed *seen, struct arena *a, bool keys);
/* ---- contents.c ---- */
void content_metrics(struct metrics *m, struct admin *a);
/* ---- metrics_litellm.c: the same under LiteLLM's names ---- */
void metrics_put_litellm(struct metrics *m, struct visit *v, const struct observed *seen, struct arena *a);
/* ---- exports.c: how far exports of the audit chain are ---- */
void exports_put_metrics(struct metrics *m, struct admin *a);

#endif
