/* SPDX-License-Identifier: Apache-2.0
 * doubt.h - a call whose outcome is not known, and what may become of it. flow/doubts.h keeps and resolves them. */
#ifndef TG_FLOW_DOUBT_H
#define TG_FLOW_DOUBT_H

#include "base/digest.h"
#include "base/money.h"
#include "ledger/journal.h"

struct doubt {
    uint64_t call;
    int64_t at; /* when it was asked, Unix ms */
    struct span row;   /* as far as it was known (rules/row.h) */
    struct span once;  /* of its idempotency key; SPAN_NONE: none */
    struct span again; /* its request, sealed; SPAN_NONE: nobody can be asked */
    const struct journal_line *lines;
    size_t count;
    unsigned worker;   /* its row stands in that one's journal, before */
    uint64_t position; /* ... here; 0: the store had it when the gate started */
};

enum outcome { OUTCOME_UNKNOWN, OUTCOME_SPENT, OUTCOME_NOT_SPENT };

/* What became of it, and who says so. */
struct clearing {
    enum outcome outcome;
    const int64_t *real; /* of each line; NULL: what was held, or nothing */
    nano_usd cost;
    int status;          /* of the vendor's answer; 0: none */
    bool never;          /* asking again cannot help: it is left to an operator */
    struct span actor, reason, object_id, request_id;
};

#endif
