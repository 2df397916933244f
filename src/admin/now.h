/* SPDX-License-Identifier: Apache-2.0
 * now.h - what GET /now and the event `now` are made of. Inside admin/ only.
 *
 * Two halves: what the workers count costs nothing and is as of this second; what the books must be asked (spend of the day, who spends it,
 * which caps are near) is summed on a thread of its own, at most once a second and at most a tenth of the time (now_sums.c). Who waits for
 * which sums is in now.c. */
#ifndef TG_ADMIN_NOW_H
#define TG_ADMIN_NOW_H

#include "admin/inside.h"

enum { NOW_TOP = 5, NOW_CAPS = 12, NOW_SECONDS = 300 };
enum now_alarm { ALARM_STORE, ALARM_UNWRITTEN, ALARM_LAG, ALARM_LEDGER, ALARM_BREAKERS, ALARM_CREDENTIALS, ALARM_PRICES, NOW_ALARMS };
enum now_by { NOW_KEYS, NOW_RUNS, NOW_VENDORS, NOW_BY };

struct now_top {
    struct span id, name;
    nano_usd cost;
    int64_t calls;
};

struct now_cap {
    struct span account, budget, subject;
    enum unit unit;
    int64_t limit, spent, reserved;
    int64_t resets_at, full_at; /* 0: never, or not known */
};

struct now_sums {
    struct arena arena; /* all spans */
    struct span workspace; /* SPAN_NONE: all */
    enum err result;
    int64_t at, ms; /* when, and how long it took */
    bool stale;     /* the store could not take everything by then */
    nano_usd hour, today, month;
    int64_t doubts;
    nano_usd doubts_usd;
    struct now_top top[NOW_BY][NOW_TOP];
    size_t top_count[NOW_BY];
    struct now_cap caps[NOW_CAPS]; /* nearest to its limit first */
    size_t cap_count;
};

/* NULL: no memory. */
struct now_sums *now_sums_new(struct span workspace);
void now_sums_free(struct now_sums *s);
/* Takes its time; any thread, with a reader of its own. */
void now_sums_run(struct now_sums *s, struct store_reader *r, struct gate *g, struct books *b);

/* ---- now_answer.c ---- */

struct now_alarms {
    int64_t since[NOW_ALARMS]; /* 0: it is not */
};

/* Replies. */
void now_answer(struct visit *v, const struct now_sums *sums, struct now_alarms *alarms);
/* sums NULL: none yet. */
void now_answer_event(struct admin *a, struct span workspace, const struct now_sums *sums, struct buf *out);

/* ---- now_alarms.c ---- */

/* The member "alarms" of an object; keeps since when each is on. */
void now_put_alarms(struct json_out *o, struct admin *a, struct now_alarms *alarms, int64_t now);

/* ---- budgets.c ---- */

/* When the limit is reached if it goes on as it did since the window began; 0: not before its end, or nobody knows. */
int64_t budget_full_at(const struct budget *b, const struct ledger_balance *balance, int64_t ends_at, int64_t limit, int64_t now);

#endif
