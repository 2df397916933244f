/* SPDX-License-Identifier: Apache-2.0
 * calls.h - a call as a row of a table, for `calls` and `tail`. */
#ifndef TG_CLI_CALLS_H
#define TG_CLI_CALLS_H

#include "cli/api.h"

enum { CALLS_COLUMNS = 11 };
extern const struct column calls_columns[CALLS_COLUMNS];
void calls_row(struct cli *c, struct table *t, struct json_value call);

#endif
