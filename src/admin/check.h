/* SPDX-License-Identifier: Apache-2.0
 * check.h - does the ledger say what the books say? For every account: enforced (what counts against the limit) = settled +
 * open holds + in doubt, where settled and in doubt are the store's, and the holds those of the calls under way.
 *
 * Everything goes on meanwhile: an account is compared while its `changes` stand still, and looked at again a few times when it
 * moved. Blocking and slow (seconds at a million accounts): on a helper thread. */
#ifndef TG_ADMIN_CHECK_H
#define TG_ADMIN_CHECK_H

#include <stdatomic.h>

#include "flow/gate.h"

enum { CHECK_LISTED = 100 /* wrong accounts told one by one; all are counted */ };

struct check_wrong {
    struct span account;
    int64_t enforced, reserved, ledger_settled, ledger_doubt; /* the ledger's; enforced = settled + reserved */
    int64_t settled, holds, doubt;                           /* the store's and the gate's */
};

struct check_report {
    enum err result; /* E_OK: it could be done, whatever it found */
    int64_t at, ms;
    int64_t accounts, checked, moving, wrong_count;
    struct check_wrong *wrong; /* in the report's arena */
    size_t listed;
    int64_t calls;  /* under way with a hold */
    int64_t oldest_at;
    uint64_t oldest_call;
    bool leak;      /* the oldest hold is older than any call can be */
    int64_t doubts; /* calls in doubt, and what is reserved for them */
    nano_usd doubts_usd;
    struct arena arena;
};

/* longest_ms: what a hold may last. *stop is looked at now and then; then the result is E_OVERLOADED. */
void check_run(struct gate *g, struct books *b, int64_t longest_ms, const atomic_bool *stop, struct check_report *out);
void check_free(struct check_report *r);
bool check_ok(const struct check_report *r);

#endif
