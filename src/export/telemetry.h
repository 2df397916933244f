/* SPDX-License-Identifier: Apache-2.0
 * telemetry.h - metrics that are pushed to an OpenTelemetry collector (OTLP over HTTP, JSON), by a thread that no call waits for.
 *
 * They are sums since the start of the process (cumulative), so a push that fails loses nothing but its moment: the next one tells all.
 * A failure is counted, and logged once until it works again. */
#ifndef TG_EXPORT_TELEMETRY_H
#define TG_EXPORT_TELEMETRY_H

#include "config/snapshot.h"

struct observers;
struct telemetry;

struct telemetry_needs {
    const struct observers *observers;        /* outlive it */
    struct snapshot *(*snapshot)(void *self); /* the one in force with a reference for the caller */
    void *self;
};

/* NULL: why[]. */
struct telemetry *telemetry_start(const struct telemetry_needs *needs, char why[256]);
/* Tells the collector once more, for two seconds at most, and ends. NULL is fine. */
void telemetry_stop(struct telemetry *t);

struct telemetry_counts {
    uint64_t pushes, failures;
};
struct telemetry_counts telemetry_count(const struct telemetry *t);

/* The body of a push: what has been seen, since `started` (Unix ms), as of `now`. */
struct observed;
struct buf;
void telemetry_write(const struct observed *seen, int64_t started, int64_t now, struct buf *out);

#endif
