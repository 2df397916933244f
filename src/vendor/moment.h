/* SPDX-License-Identifier: Apache-2.0
 * moment.h - the ways in which vendors write times; for this folder only. */
#ifndef TG_VENDOR_MOMENT_H
#define TG_VENDOR_MOMENT_H

#include "base/span.h"

enum clock { CLOCK_RFC2822, CLOCK_RFC3339, CLOCK_UNIX, CLOCK_UNIX_MS };
/* A time written in that way, to Unix ms. False: it is not. */
bool moment_read(enum clock clock, struct span text, int64_t *unix_ms);

#endif
