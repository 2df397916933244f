/* SPDX-License-Identifier: Apache-2.0
 * journal_kit.h - for the tests of the journal: places on a real disk, and records that can be told from a number alone. */
#ifndef TG_TEST_JOURNAL_KIT_H
#define TG_TEST_JOURNAL_KIT_H

#include "ledger/journal.h"

enum { KIT_ROW_MOST = 200000 };
/* Applied segments that are kept, one ahead, and the one that is written. */
enum { KIT_SEGMENTS_IDLE = JOURNAL_SPARES + 2 };

struct place {
    char dir[64];
};
struct place place_new(void);
void place_free(const struct place *p);
/* How many segments there are; the path of the one with the lowest number in first[400], if wanted. */
size_t place_segments(const struct place *p, char *first);

/* Fails the test, NULL, when it cannot. */
struct journal *kit_open(const struct place *p);
struct journal *kit_open_on(struct disk disk);

/* Record number n, of a kind that n says, with a row of row_len bytes; 0: as many as n says. */
enum err kit_put(struct journal *j, uint64_t n, size_t row_len);
void kit_check(const struct journal_record *record, uint64_t n, size_t row_len);
enum journal_kind kit_kind(uint64_t n);
uint64_t kit_number(const struct journal_record *r);

#endif
