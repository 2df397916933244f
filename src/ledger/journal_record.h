/* SPDX-License-Identifier: Apache-2.0
 * journal_record.h - records as bytes, within ledger/ only; journal.c says where they stand.
 *
 *   0        4        8      10      12       16                        length
 *   | length | sum    | kind | lines | 0      | body ...        | zeros |
 *
 * Numbers stand as this machine keeps them: a journal never leaves it. `length` is a multiple of 8, at least RECORD_HEAD,
 * and is stored last: zero means that nothing stands here yet. `sum` covers the record's position and everything from kind
 * on, so a record of other days or another place is not taken for one of this. */
#ifndef TG_LEDGER_JOURNAL_RECORD_H
#define TG_LEDGER_JOURNAL_RECORD_H

#include "ledger/journal.h"

enum { RECORD_HEAD = 16, RECORD_END = 0xE0D };
/* Written, and the oldest that is still read: an upgrade loses no row. Version 1 had no slots, no keys of repeats, no notes and
 * no settlements. */
enum { RECORD_VERSION = 2, RECORD_VERSION_OLDEST = 1 };

/* Bytes that the record takes; more than JOURNAL_RECORD_MAX: too large. */
size_t record_hold_size(const struct journal_hold *h);
size_t record_row_size(const struct journal_row *r);
size_t record_note_size(const struct journal_note *n);
/* Write it to `at`, where that many bytes are free, `length` and `sum` excepted: record_publish does that. */
void record_write_hold(char *at, size_t size, const struct journal_hold *h);
void record_write_row(char *at, size_t size, const struct journal_row *r);
void record_write_note(char *at, size_t size, const struct journal_note *n);
void record_write_end(char *at);
/* Says that nothing stands here yet. Before the record in front of it is published: a reader that sees that one looks here. */
void record_blank(char *at);
/* Computes the sum, then lets readers on other threads see the record. */
void record_publish(char *at, size_t size, uint64_t position);
/* Length of the record at `at`, 0: none yet. What was written before it was published can be read after this. */
size_t record_length(const char *at);
/* Whether a record of that length stands whole at `at`; no more than `room` bytes are looked at. */
bool record_whole(const char *at, size_t length, size_t room, uint64_t position);
int record_kind(const char *at);
/* Of a whole record in a segment of that version. False: the body makes no sense (a bug of the writer). */
bool record_read(const char *at, size_t length, unsigned version, struct journal_record *out);

#endif
