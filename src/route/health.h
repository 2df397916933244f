/* SPDX-License-Identifier: Apache-2.0
 * health.h - how targets are doing: breakers, latencies, what is under way; which credentials the vendor refuses.
 *
 * A target is vendor + credential + model + region. Shared by all workers. Entries are found without a lock, and never move or go away
 * while the process lives (bounded: HEALTH_TARGETS_MOST; all further ones share one, whose breaker never opens). What is counted in them
 * is atomic; only a breaker that turns takes its entry's lock. Time is an argument and may step back. */
#ifndef TG_ROUTE_HEALTH_H
#define TG_ROUTE_HEALTH_H

#include "base/span.h"

enum { HEALTH_TARGETS_MOST = 16384 };

struct breaker_rule; /* route/route.h */
struct health;
struct health_target;

enum breaker { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };
struct span breaker_name(enum breaker b); /* "half_open" */

/* What a leaf has that says nothing of its breaker: 5 failures in a row, or 50 % of at least 20 calls within 60 s; 30 s of cool-down. */
extern const struct breaker_rule breaker_usual;

/* Called outside of all locks when a breaker changes or a credential is refused: for alerts and the log. Must not block. */
struct health_hooks {
    void *self;
    void (*turned)(void *self, struct span target, enum breaker now, struct span why);
    void (*refused)(void *self, struct span vendor, struct span credential, int status);
};

struct health *health_new(const struct health_hooks *hooks);
void health_free(struct health *h);
struct health_target *health_find(struct health *h, struct span vendor, struct span credential, struct span model, struct span region);

/* May it be asked now? OPEN: no, until *until_ms. HALF_OPEN: one is let through, as a probe, and this is it; its end is told with
 * probe = true. One that does not end within the cool-down is given up, and the next one is let through. Changes nothing for CLOSED. A
 * rule of zeros knows no breaker: CLOSED. */
enum breaker health_ask(struct health_target *t, const struct breaker_rule *rule, int64_t now_ms, int64_t *until_ms);
/* The same without taking the probe: for planning and showing. */
enum breaker health_look(const struct health_target *t, const struct breaker_rule *rule, int64_t now_ms, int64_t *until_ms);
/* An attempt begins and ends (each begin has one end). first_byte_us -1: none came. counted: whether its end says something of the target
 * (a caller that left says nothing); bad: it was a failure by the rule. status: for people; 0: there was no answer. */
void health_begin(struct health_target *t);
void health_end(struct health_target *t, const struct breaker_rule *rule, bool probe, bool counted, bool bad, int status, int64_t first_byte_us, int64_t now_ms);
/* By rule->on, or its default: does that status (0: no answer, or a broken one) count as a failure? */
bool breaker_counts(const struct breaker_rule *rule, int status);
/* What the vendor's rate-limit fields tell: left of limit; -1: not told. Known for a minute. */
void health_headroom(struct health_target *t, int64_t left, int64_t limit, int64_t now_ms);

int64_t health_latency_us(const struct health_target *t); /* EWMA; -1: not known */
int64_t health_p95_us(const struct health_target *t);     /* of the last some hundred; -1: fewer than 20 */
int64_t health_in_flight(const struct health_target *t);
int64_t health_headroom_ppm(const struct health_target *t, int64_t now_ms); /* -1: not known */

/* The active probe of that credential answered, or did not: all its targets open, or their open breakers close. */
void health_probed(struct health *h, struct span vendor, struct span credential, bool good, struct span why, int64_t cooldown_ms, int64_t now_ms);

/* The vendor answered 401 to it: not used again until its secret changes (secret: a digest's first 8 bytes) or an operator says so. */
void health_refuse_credential(struct health *h, struct span vendor, struct span credential, uint64_t secret, int status, int64_t now_ms);
bool health_credential_refused(struct health *h, struct span vendor, struct span credential, uint64_t secret);
/* Closes breakers and forgives credentials by hand: those of that vendor, credential and model; SPAN_NONE: any (with a model no
 * credential is forgiven). false: there is no such one. */
bool health_reset(struct health *h, struct span vendor, struct span credential, struct span model, int64_t now_ms);

/* How many there are, by what their breakers are now; and credentials that are refused. */
struct health_counts {
    size_t targets, open, half_open, refused;
};
void health_count(struct health *h, int64_t now_ms, struct health_counts *out);

/* For the admin API: {"targets": [...], "refused": [...]}, of one vendor or (SPAN_NONE) all. */
struct buf;
void health_write(struct health *h, struct span vendor, int64_t now_ms, struct buf *out);

#endif
