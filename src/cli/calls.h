/* SPDX-License-Identifier: Apache-2.0
 * calls.h - a call as a row of a table, for `calls` and `tail`; and the flags that choose calls, for those and usage.c. */
#ifndef TG_CLI_CALLS_H
#define TG_CLI_CALLS_H

#include "cli/api.h"

/* Flags that choose among calls, the same in each verb that has them. */
#define FLAGS_OF_TIME                                                                      \
    { "since", "TIME", "not older than 1h, 7d, ..., or a time as RFC 3339", false },       \
    { "until", "TIME", "the same, for the other end", false }
#define FLAG_KEY { "key", "KEY", "of this key (name or id)", false }
#define FLAG_VENDOR { "vendor", "VENDOR", "to this vendor", false }
#define FLAGS_OF_CALLS                                                                     \
    { "run", "RUN", "of this run", false }, FLAG_KEY, FLAG_VENDOR,                         \
    { "operation", "OPERATION", "such as stripe.charges.create", false },                  \
    { "model", "MODEL", "of this model", false }
#define FLAGS_OF_PLACE                                                                     \
    { "workspace", "WORKSPACE", "of this workspace", false },                              \
    { "label", "PREFIX", "of keys and calls whose label begins so", false }
#define FLAG_VERDICT { "verdict", "allowed|denied|error|in_doubt", "that ended so", false }

enum { CALLS_COLUMNS = 11 };
extern const struct column calls_columns[CALLS_COLUMNS];
void calls_row(struct cli *c, struct table *t, struct json_value call);

#endif
