/* SPDX-License-Identifier: Apache-2.0
 * unwritten_test.c - a row that waits for room is a whole copy: what it was made from may go. */
#include "flow/unwritten.h"

#include <stdlib.h>

#include "test/test.h"

TEST(pitfall_76_a_row_without_room_is_kept_whole)
{
    char run[] = "run_1", account[] = "key/usd/day", bytes[] = "row";
    struct journal_line line = { .account = span_of(account), .slot = LEDGER_NO_SLOT, .held = 5, .real = 3 };
    struct journal_row row = { .call = 7, .held = true, .cost = 3, .run = span_of(run), .row = span_of(bytes), .lines = &line, .count = 1 };
    struct unwritten *u = unwritten_new(&row);
    memset(run, 'x', sizeof(run));
    memset(account, 'x', sizeof(account));
    memset(bytes, 'x', sizeof(bytes));
    memset(&line, 0, sizeof(line));
    CHECK(u->row.call == 7 && u->row.held && u->row.cost == 3 && u->row.count == 1);
    CHECK(span_is(u->row.run, SPAN("run_1")) && span_is(u->row.row, SPAN("row")));
    CHECK(!u->row.user.at && !u->row.once.at);
    CHECK(span_is(u->row.lines[0].account, SPAN("key/usd/day")) && u->row.lines[0].held == 5 && u->row.lines[0].real == 3);
    free(u);
}
