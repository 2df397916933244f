/* SPDX-License-Identifier: Apache-2.0
 * ledger_rig.h - what the ledger's tests share: wants in a line, balances checked, dice. */
#ifndef TG_TEST_LEDGER_RIG_H
#define TG_TEST_LEDGER_RIG_H

#include "base/must.h"
#include "ledger/ledger.h"
#include "test/test.h"

static inline struct ledger_want want(const char *account, int64_t limit, int64_t amount)
{
    return (struct ledger_want){ .account = span_of(account), .slot = LEDGER_NO_SLOT, .limit = limit, .amount = amount };
}

static inline struct ledger_want rolling(const char *account, int64_t slot, int64_t limit, int64_t amount)
{
    struct ledger_want w = want(account, limit, amount);
    w.slot = slot;
    w.ends_at = slot + LEDGER_SLOTS;
    return w;
}

/* One want, and whether it was taken. */
static inline bool reserves(struct ledger *l, struct ledger_hold *h, struct ledger_want w)
{
    struct ledger_refusal why;
    return ledger_reserve(l, h, &w, 1, &why) == E_OK;
}

static inline void settle(struct ledger *l, struct ledger_hold *h, int64_t real)
{
    must(h->count == 1);
    ledger_settle(l, h, &real);
}

static inline struct ledger_balance balance_of(struct ledger *l, const char *account)
{
    struct ledger_balance b;
    (void)ledger_balance(l, span_of(account), LEDGER_NO_SLOT, &b);
    return b;
}

static inline void check_balance(struct ledger *l, const char *account, int64_t settled, int64_t reserved, int64_t doubt, const char *file, int line)
{
    struct ledger_balance b = balance_of(l, account);
    if (b.settled != settled || b.reserved != reserved || b.doubt != doubt)
        test_fail(file, line, "%s: got %lld settled, %lld reserved, %lld in doubt", account, (long long)b.settled, (long long)b.reserved, (long long)b.doubt);
}
#define BALANCE(account, settled, reserved, doubt) check_balance(l, account, settled, reserved, doubt, __FILE__, __LINE__)

/* A linear congruence is random enough to choose operations with. */
static inline uint32_t draw(uint64_t *state, uint32_t below)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33) % below;
}

#endif
