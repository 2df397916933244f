/* SPDX-License-Identifier: Apache-2.0
 * budget.h - a limit in one unit over one window for one subject; and the name of the account it counts on.
 *
 * The subject is what the budget hangs on (a key, a workspace, ...) narrowed by its filters (vendor, operation, model);
 * window `run` gives every run an account of its own. An account's name is readable and stable: it is the ledger's key. */
#ifndef TG_RULES_BUDGET_H
#define TG_RULES_BUDGET_H

#include "base/node.h"
#include "rules/facts.h"
#include "rules/window.h"

struct budget {
    struct span id;    /* stable: "key_1f3c/0" or a name of its own */
    struct span owner; /* "key:support-agent": for messages */
    enum unit unit;
    int64_t limit; /* nano for USD */
    struct window window;
    struct span window_text; /* as configured */
    struct span zone_name;
    struct span vendor, operation, model; /* patterns; SPAN_NONE: any */
    bool per_run, per_vendor, per_model, per_user; /* one account for each value ("for each run") */
    bool soft; /* alerts only, never refuses */
    int alerts[8]; /* percentages */
    size_t alert_count;
};

/* "100 usd", "2.50 usd", "60 requests", "1000000 tokens", "50 messages", "4 calls". */
bool budget_limit_parse(struct span text, enum unit *unit, int64_t *limit);
struct span unit_name(enum unit u);
/* zone() finds a time zone by name or answers NULL; window and zone errors are explained in *t. */
CHECKED enum err budget_read(struct arena *a, const struct node *n, const char *path, const struct zone *(*zone)(void *self, struct span name), void *self, struct budget *out, struct trouble *t);
bool budget_applies(const struct budget *b, const struct facts *f);
/* The account this call counts on: "key_1f3c/0|run=run_abc|2026-11-21T00:00:00Z". *resets_at: 0 for run and total. */
struct span budget_account(const struct budget *b, const struct facts *f, int64_t now_ms, struct arena *a, int64_t *resets_at);

#endif
