/* SPDX-License-Identifier: Apache-2.0
 * budget.h - a limit in one unit over one window for one subject; and the name of the account it counts on.
 *
 * The subject is what the budget hangs on (a key, a workspace, ...) narrowed by its filters (vendor, operation, model);
 * window `run` gives every run an account of its own. An account's name is readable and stable: it is the ledger's key.
 *
 * As configured:
 *   limit: 100 usd             a number and a unit: usd, tokens, requests, messages; or "4 calls": that many at once
 *   window: day                run, minute, hour, day, week, month or total; left out: total
 *   timezone: Europe/Berlin    whose midnight ends day, week and month; left out: UTC
 *   vendor, operation, model   patterns with '*' that the call must match
 *   per: [user, model]         an account for each: run, vendor, model, user
 *   alert: [50%, 80%]          tell someone at these parts of the limit; at most eight
 *   soft: true                 count and tell, never refuse
 *   name: daily                tells apart two budgets of one owner that count the same */
#ifndef TG_RULES_BUDGET_H
#define TG_RULES_BUDGET_H

#include "base/node.h"
#include "rules/facts.h"
#include "rules/window.h"

enum { BUDGET_ALERTS = 8, BUDGET_NAME_LONGEST = 64, BUDGET_VALUE_LONGEST = 128 };

struct budget {
    struct span id;    /* see budget_read */
    struct span owner; /* "key:support-agent": for messages; the caller's to fill in */
    enum unit unit;
    int64_t limit; /* nano for USD */
    struct window window;
    struct span window_text; /* as configured */
    struct span zone_name;   /* "UTC" when left out */
    struct span vendor, operation, model; /* patterns; SPAN_NONE: any */
    bool per_run, per_vendor, per_model, per_user; /* one account for each value ("for each run") */
    bool soft; /* alerts only, never refuses */
    int alerts[BUDGET_ALERTS]; /* percentages, ascending */
    size_t alert_count;
};

/* "100 usd", "2.50 usd", "60 requests", "1000000 tokens", "50 messages", "4 calls". */
bool budget_limit_parse(struct span text, enum unit *unit, int64_t *limit);
struct span unit_name(enum unit u);
/* zone() finds a time zone by name or answers NULL; window and zone errors are explained in *t.
 *
 * out->id says what the budget counts, not how much and not where it stands in the list ("usd/day", "usd/day,vendor=stripe",
 * "daily:usd/day"): so a changed limit or another order keeps what was spent, and a changed unit or window starts at 0. The
 * caller puts its owner's stable id in front ("key_1f3c/usd/day") and refuses two budgets of one id. */
CHECKED enum err budget_read(struct arena *a, const struct node *n, const char *path, const struct zone *(*zone)(void *self, struct span name), void *self, struct budget *out, struct trouble *t);
bool budget_applies(const struct budget *b, const struct facts *f);
/* The account this call counts on: "key_1f3c/usd/day|2026-11-21T00:00:00Z", "key_1f3c/usd/run|run=run_abc". *resets_at: 0
 * for run and total. SPAN_NONE: a is out of memory.
 *
 * No call escapes for want of a name: calls without a user, model, ... share the account of the empty one. Calls without a
 * run share one that begins anew each day of the budget's zone. Names of strangers are escaped, and cut to a digest when
 * they are long, so that two never meet on one account. */
struct span budget_account(const struct budget *b, const struct facts *f, int64_t now_ms, struct arena *a, int64_t *resets_at);

#endif
