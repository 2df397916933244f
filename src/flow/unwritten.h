/* SPDX-License-Identifier: Apache-2.0
 * unwritten.h - a row that found no room in the journal, whole in one block of memory until it does. */
#ifndef TG_FLOW_UNWRITTEN_H
#define TG_FLOW_UNWRITTEN_H

#include "base/list.h"
#include "ledger/journal.h"

struct unwritten {
    struct list link;
    size_t size; /* of the block, which free() frees */
    struct journal_row row;
};

/* A copy; NULL: no memory. */
struct unwritten *unwritten_new(const struct journal_row *r);

#endif
