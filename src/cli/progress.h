/* SPDX-License-Identifier: Apache-2.0
 * progress.h - how far long work is, on standard error, and only where that is a terminal: what is piped stays clean.
 *
 * A struct progress is of one piece of work. progress_show has the shape of the store's callbacks, so that it can be handed to them. */
#ifndef TG_CLI_PROGRESS_H
#define TG_CLI_PROGRESS_H

#include "cli/verb.h"

struct progress {
    const char *what; /* "rows", "bytes": what is counted */
    bool shown;
    int64_t at;       /* what stands there: hundredths, or, where the end is not known, tenths of seconds; -1: nothing yet */
};

void progress_init(struct progress *p, const struct cli *c, const char *what);
/* self: a struct progress. of 0: nobody knows how much there will be; then what is done is counted. */
void progress_show(void *self, int64_t done, int64_t of);
/* Wipes the line: before anything else is said. */
void progress_end(struct progress *p);

#endif
