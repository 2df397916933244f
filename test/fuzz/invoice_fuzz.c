/* SPDX-License-Identifier: Apache-2.0
 * invoice_fuzz.c - any text as any vendor's invoice: read or refused with a reason; laid against a few rows, the pairs' sums are those of
 * its lines and of the rows. */
#include <stdlib.h>

#include "base/must.h"
#include "bill/match.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void match(struct arena *a, const struct invoice *invoice)
{
    static const struct match_entry rows[] = {
        { .call = 1, .id = { "ch_1", 4 }, .name = { "gpt-4o-mini", 11 }, .at = INT64_C(1780272000000), .amount = 5, .rows = 1 },
        { .call = 2, .of = 1, .at = INT64_C(1780272000000), .amount = -2, .rows = 1 },
        { .call = 3, .id = { "SM1", 3 }, .name = { "twilio.messages.create", 22 }, .at = INT64_C(1780358400000), .amount = 7, .rows = 1 },
    };
    struct match_ask ask = { .invoice = invoice, .entries = rows, .count = 3 };
    struct match m;
    int64_t lines = 0, invoiced = 0, paired = 0, ledger = 0;
    if (!match_run(a, &ask, &m))
        return;
    bool huge = false; /* sums that end at the largest number there is no longer add up */
    for (size_t i = 0; i < invoice->count; i++) {
        invoiced = money_add(invoiced, invoice->lines[i].amount);
        huge = huge || llabs(invoice->lines[i].amount) > INT64_C(1) << 46;
    }
    for (const struct match_pair *p = m.first; p; p = p->next) {
        must(p->lines || p->rows);
        lines += p->lines;
        paired = money_add(paired, p->invoice);
        ledger = money_add(ledger, p->ledger);
    }
    must(lines + m.apart_lines == (int64_t)invoice->count);
    must(ledger == m.all.ledger && ledger == 10 && paired == m.all.invoice);
    must(huge || money_add(paired, m.apart) == invoiced);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct json *j;
    struct invoice invoice;
    struct trouble t = { .set = false };
    struct arena a;
    if (!size)
        return 0;
    j = j ? j : json_new();
    arena_init(&a, 64 << 20);
    enum err e = invoice_read(j, &a, (enum invoice_vendor)(data[0] % 4), span_make((const char *)data + 1, size - 1), &invoice, &t);
    must(e == E_OK || t.set || e == E_NO_MEMORY);
    if (e == E_OK)
        match(&a, &invoice);
    arena_free(&a);
    return 0;
}
