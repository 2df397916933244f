/* SPDX-License-Identifier: Apache-2.0
 * brake.h - what happened lately to one subject: sliding counts for the brakes of rules/brake.h. Thread-safe, in memory only (a
 * restart forgets: the caps do not), bounded: BRAKE_SUBJECTS, of which the one that was added to longest ago goes first (the
 * longest of its shard); at most 28 MiB when all of them have a history, 32 KiB while there are none.
 *
 * A subject is a name ("run:run_abc", "key:key_1f3c") with, for repeats, a digest of the call. Each window is cut into
 * BRAKE_SLOTS parts and counts the one under way and BRAKE_SLOTS before it, so at least `within`, at most a part more.
 * Amounts may be negative; sums saturate. A clock set back by less than a window holds a count's time still; by more: the
 * window keeps what is in it, what was before is forgotten. */
#ifndef TG_LEDGER_BRAKE_H
#define TG_LEDGER_BRAKE_H

#include "base/digest.h"
#include "base/err.h"
#include "base/span.h"

enum { BRAKE_SLOTS = 12, BRAKE_SUBJECTS = 65536 };

struct brakes;

struct brakes *brakes_new(void); /* NULL: no memory */
void brakes_free(struct brakes *b);

/* Adds `amount` to the subject's count over `within_ms` and tells what is in it now, this one included; another within_ms is
 * another count. No memory: counts as if it were the first. */
int64_t brakes_add(struct brakes *b, struct span subject, int64_t within_ms, int64_t amount, int64_t now_ms);
/* The same without adding. */
int64_t brakes_seen(struct brakes *b, struct span subject, int64_t within_ms, int64_t now_ms);
/* What is normal for it: the average per within_ms over the time before the present window, at most a day back (twelve
 * windows where that is longer), as far as it was seen; -1: not known for ten times within_ms yet. */
int64_t brakes_normal(struct brakes *b, struct span subject, int64_t within_ms, int64_t now_ms);

#endif
