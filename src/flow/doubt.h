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
    int64_t first_ms;  /* LATE: how long after the call it is asked first; 0: not known */
    bool late;         /* not in doubt: it was carried out and counted; only what it really cost comes later */
    struct span object;  /* LATE: what it made or is about, by the vendor's id; SPAN_NONE: not told */
    nano_usd counted;    /* LATE: what it was taken for until then */
};

enum outcome { OUTCOME_UNKNOWN, OUTCOME_SPENT, OUTCOME_NOT_SPENT };

/* What became of it, and who says so. */
struct clearing {
    enum outcome outcome;
    const int64_t *real; /* of each line; NULL: what was held, or nothing */
    nano_usd cost;
    int status;          /* of the vendor's answer; 0: none */
    bool never;          /* asking again cannot help: it is left to an operator */
    const struct late *late; /* of a late price: when to ask; NULL: not known */
    bool pending;        /* SPENT: a doubt it is no more, but what it really cost comes later, ... */
    int64_t first_ms;    /* ... and is asked for first so long after; 0: not known */
    struct span actor, reason, object_id, request_id;
};

#endif
