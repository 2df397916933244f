/* SPDX-License-Identifier: Apache-2.0
 * health_inside.h - what the health*.c files share. */
#ifndef TG_ROUTE_HEALTH_INSIDE_H
#define TG_ROUTE_HEALTH_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/json.h"
#include "route/health.h"
#include "route/route.h"

enum { HEALTH_BINS = 60, HEALTH_SAMPLES = 256, HEALTH_WHY = 120, HEALTH_NAME_MOST = 480 };

/* Calls and failures of a stretch of time, in a ring of parts: each its number (24 bits), calls and failures (20 bits each). */
struct health_bins {
    int64_t width_ms;
    _Atomic uint64_t parts[HEALTH_BINS];
};

/* First bytes: their time-decayed average, and the last ones in steps of an eighth of an octave (0: none yet). */
struct health_speed {
    _Atomic int64_t average_us, at;
    _Atomic unsigned next;
    _Atomic uint8_t samples[HEALTH_SAMPLES];
};

struct health_target {
    struct health_target *chain; /* of its hash; set before it is published */
    struct health_target *older;
    const struct health_hooks *hooks;
    uint64_t hash;
    struct span key;  /* the four names with a NUL behind each */
    struct span name; /* for people */
    struct span vendor, credential, model, region;
    bool shared; /* stands for all that found no room: no breaker */
    _Atomic int64_t in_flight, calls, failures;
    _Atomic int64_t headroom_ppm, headroom_at;
    struct health_speed speed;
    struct health_bins fine, coarse;
    _Atomic int in_a_row;

    /* Turned under `lock`, looked at without. */
    pthread_mutex_t lock;
    _Atomic int state; /* enum breaker */
    _Atomic int64_t until, cooldown;
    _Atomic int64_t probe_until; /* 0: no probe is under way */
    int64_t since;
    char why[HEALTH_WHY]; /* of the state it is in; "": it never turned */
};

struct health_refused {
    struct health_refused *next; /* older */
    struct span vendor, credential;
    uint64_t secret;
    int status;
    int64_t since;
};

enum { HEALTH_HEADS = HEALTH_TARGETS_MOST };

struct health {
    struct health_hooks hooks;
    pthread_mutex_t lock; /* of whoever adds a target, and of the refused */
    _Atomic(struct health_target *) heads[HEALTH_HEADS];
    _Atomic(struct health_target *) newest;
    size_t count;
    struct health_target *rest;
    struct health_refused *refused;
    _Atomic size_t refused_count;
};

void health_bins_add(struct health_bins *b, bool bad, int64_t now_ms);
void health_bins_sum(const struct health_bins *b, int64_t window_ms, int64_t now_ms, int *calls, int *bad);
void health_bins_clear(struct health_bins *b);
void health_speed_add(struct health_speed *s, int64_t us, int64_t now_ms);

/* By an operator or a probe. false: it was so. */
bool health_close(struct health_target *t, struct span why, int64_t now_ms);
bool health_open(struct health_target *t, struct span why, int64_t cooldown_ms, int64_t now_ms);
/* As it is now; why has room for HEALTH_WHY. */
enum breaker health_state(struct health_target *t, int64_t now_ms, int64_t *until_ms, int64_t *since_ms, char *why);

/* Of the credential, any secret (SPAN_NONE: any vendor, any credential); how many there were. */
size_t health_forgive(struct health *h, struct span vendor, struct span credential);
void health_write_refused(struct health *h, struct span vendor, struct json_out *o);
void health_free_refused(struct health *h);

#endif
