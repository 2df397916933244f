/* SPDX-License-Identifier: Apache-2.0
 * budget.h - a limit in one unit over one window for one subject; and the names of the accounts it counts on.
 *
 * The subject is what the budget hangs on (a key, a workspace, ...) narrowed by its filters (vendor, operation, model, scopes,
 * metadata) and split by `per`; window `run` gives every run an account of its own. An account's name is readable and
 * stable: it is the ledger's key.
 *
 * As configured (docs/budgets.md):
 *   limit: 100 usd             a number and a unit: usd, tokens, input_tokens, output_tokens, requests, messages; or "4 calls":
 *                              that many at once
 *   window: day                run, minute, hour, day, week, month, total, or "rolling 24h"; left out: total
 *   timezone: Europe/Berlin    whose midnight ends day, week and month; left out: UTC
 *   vendor, operation, model   patterns with '*' that the call must match
 *   scopes: { stripe.customer: "cus_*" }   the call must touch an object like this
 *   metadata: { tenant: acme }             its metadata must say this (patterns)
 *   per: [user, stripe.customer, metadata.tenant]
 *                              an account for each: key, run, user, team, workspace, vendor, operation, model, customer (any
 *                              scope that ends in ".customer"), a scope's name, or metadata.NAME; at most six
 *   alert: [50%, 80%, forecast]  tell someone at these parts of the limit, and when the window will end above it at this speed;
 *                              at most eight parts; left out: see budget_read
 *   soft: true                 count and tell, never refuse
 *   refunds: net               a refund counts down, not up (gross, the default, counts it as spend of its own); usd only
 *   on_tight: deny             a model call without an output limit is refused when the model's longest answer does not fit;
 *                              clamp, the default, sets a limit that does
 *   increase: { by: 50 usd, until: 2026-11-22T00:00:00Z }   for a while
 *   name: daily                tells apart two budgets of one owner that count the same */
#ifndef TG_RULES_BUDGET_H
#define TG_RULES_BUDGET_H

#include "base/node.h"
#include "rules/facts.h"
#include "rules/window.h"

enum { BUDGET_ALERTS = 8, BUDGET_NAME_LONGEST = 64, BUDGET_VALUE_LONGEST = 128, BUDGET_PER = 6, BUDGET_FILTERS = 8 };

/* In the order in which ids and accounts name them; ids that exist must not change, so new ones come last. */
enum dimension {
    DIMENSION_RUN, DIMENSION_VENDOR, DIMENSION_MODEL, DIMENSION_USER, DIMENSION_KEY, DIMENSION_TEAM, DIMENSION_WORKSPACE,
    DIMENSION_OPERATION, DIMENSION_CUSTOMER, DIMENSION_SCOPE, DIMENSION_TAG, DIMENSION_COUNT
};

struct budget_per {
    enum dimension what;
    struct span name; /* of the scope or the tag */
};

struct budget_filter {
    enum dimension what; /* VENDOR, OPERATION, MODEL, SCOPE, TAG */
    struct span name, pattern;
};

struct budget {
    struct span id;    /* see budget_read */
    struct span owner; /* "key:support-agent": for messages; the caller's to fill in */
    enum unit unit;
    int64_t limit; /* nano for USD; without the increase */
    int64_t increase, increase_until; /* 0: none */
    struct window window;
    struct span window_text; /* see window_text(): "day", "rolling-24h" */
    struct span zone_name;   /* "UTC" when left out */
    const struct budget_filter *filters; /* vendor, operation, model, then scopes and metadata by name */
    size_t filter_count;
    const struct budget_per *per; /* in the order of enum dimension, then by name */
    size_t per_count;
    bool soft; /* alerts only, never refuses */
    bool net;  /* refunds count down */
    bool deny_when_tight;
    int alerts[BUDGET_ALERTS]; /* percentages, ascending */
    size_t alert_count;
    bool forecast; /* tell when the window will end above the limit at this speed */
};

/* "100 usd", "2.50 usd", "60 requests", "1000000 tokens", "50 messages", "4 calls". */
bool budget_limit_parse(struct span text, enum unit *unit, int64_t *limit);
struct span unit_name(enum unit u);
/* "run", "vendor", ...; of a tag "metadata.", of a scope "": its own name comes behind it. */
struct span dimension_name(enum dimension d);
/* { by: 50 usd, until: 2026-11-22T00:00:00Z, reason: ... } of a budget in that unit. */
CHECKED enum err increase_read(const struct node *n, const char *path, enum unit unit, int64_t *by, int64_t *until, struct trouble *t);
/* zone() finds a time zone by name or answers NULL; window and zone errors are explained in *t.
 *
 * Without `alert`: 50, 80 and 100 % and the forecast for money, tokens and messages over a day or longer, a run or in total;
 * none for the rest. `alert: []`: none at all.
 *
 * out->id says what the budget counts, not how much and not where it stands in the list ("usd/day", "usd/day,vendor=stripe",
 * "daily:usd/day"): so a changed limit or another order keeps what was spent, and a changed unit or window starts at 0. The
 * caller puts its owner's stable id in front ("key_1f3c/usd/day") and refuses two budgets of one id. */
CHECKED enum err budget_read(struct arena *a, const struct node *n, const char *path, const struct zone *(*zone)(void *self, struct span name), void *self, struct budget *out, struct trouble *t);
bool budget_applies(const struct budget *b, const struct facts *f);
/* The limit now, with an increase that has not run out. */
int64_t budget_limit(const struct budget *b, int64_t now_ms);
/* What this call counts on it: facts.worst of its unit; nothing for a refund where refunds are net. real: the same of what
 * was really spent, negative for such a refund. */
int64_t budget_amount(const struct budget *b, const struct facts *f);
int64_t budget_real(const struct budget *b, const struct facts *f, const int64_t real[UNIT_COUNT]);

/* One account this call counts on. */
struct budget_account {
    struct span name;  /* "key_1f3c/usd/day|2026-11-21T00:00:00Z", "key_1f3c/usd/run|run=run_abc" */
    int64_t slot;      /* rolling: number of the sub-window; -1: none */
    int64_t resets_at; /* for people: when something, or all, is free again; 0: never by itself */
    int64_t ends_at;   /* what is counted here may be forgotten after it; 0: never */
};
/* Writes at most `room` accounts and returns how many there are: several when `per` names a scope of which the call touches
 * several objects (each counts the whole amount). 0: a is out of memory.
 *
 * No call escapes for want of a name: calls without a user, model, ... share the account of the empty one. Calls without a
 * run share one that begins anew each day of the budget's zone. Names of strangers are escaped, and cut to a digest when
 * they are long, so that two never meet on one account. */
size_t budget_accounts(const struct budget *b, const struct facts *f, int64_t now_ms, struct arena *a, struct budget_account *out, size_t room);
/* The unit that an account counts, by its name. False: it is no name of an account. */
bool budget_account_unit(struct span account, enum unit *out);

#endif
