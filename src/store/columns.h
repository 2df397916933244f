/* SPDX-License-Identifier: Apache-2.0
 * columns.h - whether the columns that queries filter and sum by say the same as the hashed row. Included by store/ only. */
#ifndef TG_STORE_COLUMNS_H
#define TG_STORE_COLUMNS_H

#include "store/sql.h"

/* The columns of `calls` that are compared, for a SELECT. */
#define COLUMNS_TEXT                                                                                                       \
    "at, verdict, status, held, settled, cost, reserved, tokens_in, tokens_out, workspace, key, run, step, vendor, operation," \
    " model, denied, user, kind, of"

/* NULL: they agree. Else a constant that says which does not. `first`: the number of the first of them in q. What the row
 * does not say is not compared (a row in JSON, of the oldest gates, says nothing). */
const char *columns_differ(sqlite3_stmt *q, int first, struct span row);

#endif
