/* SPDX-License-Identifier: Apache-2.0
 * brake.h - rules against loops and runaway speed, as a policy's `brakes` lists them. The counting is ledger/brake.h.
 *
 *   brakes:
 *     - { repeat: 5, within: 60s, action: deny }         the same call (method, path, query, body) for the 6th time
 *     - { spend: 10 usd, within: 1m, action: stop }      more than that in any minute
 *     - { spend: 5x, within: 5m, action: alert }         more than five times what is normal for it (least: 1 usd, say)
 *     - { errors: 20, within: 1m, action: stop }         that many calls that failed at the vendor or were refused here
 *   per: run (default; calls without a run: the key) or key; least: below this many usd `5x` is never too much (default 1 usd)
 *   action: deny (refuse this call: loop_detected), alert (let it pass and tell someone), stop (stop the run or the key until an
 *   operator resumes it; this call is refused) */
#ifndef TG_RULES_BRAKE_H
#define TG_RULES_BRAKE_H

#include "base/err.h"
#include "base/money.h"
#include "base/node.h"

enum brake_kind { BRAKE_REPEAT, BRAKE_SPEND, BRAKE_SPEED, BRAKE_ERRORS };
enum brake_action { BRAKE_DENY, BRAKE_ALERT, BRAKE_STOP };

struct brake_rule {
    enum brake_kind kind;
    enum brake_action action;
    bool per_key;
    int64_t most;      /* REPEAT, ERRORS: calls; SPEND: nano-dollars; SPEED: hundredths of the normal (500: 5x) */
    int64_t within_ms; /* 1 s to 24 h */
    nano_usd least;    /* SPEED */
    struct span text;  /* as configured, for messages: "repeat 5 within 60s" */
};

enum { BRAKES_MOST = 16 };
/* Reads the list; each entry lives in a. */
CHECKED enum err brakes_read(struct arena *a, const struct node *n, const char *path, struct brake_rule **out, size_t *count, struct trouble *t);
struct span brake_action_name(enum brake_action action);

#endif
