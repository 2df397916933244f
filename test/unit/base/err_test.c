/* SPDX-License-Identifier: Apache-2.0
 * err_test.c - every row has a status, and a code of its own. */
#include "base/err.h"

#include "test/test.h"

TEST(rows_are_whole_and_distinct)
{
    for (int e = 0; e < ERR_COUNT; e++) {
        int status = err_status((enum err)e);
        CHECK(status >= 200 && status < 600 && err_code((enum err)e).len);
        CHECK(e == E_OK || (status >= 400 && err_text((enum err)e).len));
        for (int other = 0; other < e; other++)
            CHECK(!span_is(err_code((enum err)e), err_code((enum err)other)));
    }
    CHECK_SPAN(err_code(E_BUDGET_EXCEEDED), SPAN("budget_exceeded"));
    CHECK_INT(err_status(E_BUDGET_EXCEEDED), 402);
}
