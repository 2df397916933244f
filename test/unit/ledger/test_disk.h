/* SPDX-License-Identifier: Apache-2.0
 * test_disk.h - a disk in memory that fails, fills up, is slow and forgets, by dice of its own: the same seed and the same
 * calls, the same disk. For the tests of the journal and for the ledger's simulation.
 *
 * What a power cut leaves: all that was synced; of what was not, each 512-byte sector as it was, as it is, or as it was at
 * some test_disk_writeback in between; of each file's name any that it had since the last sync_names. After a sync that
 * failed, the sectors that it did not write count as written, as on a real system: a later sync says that all is well.
 *
 * A process is what stands between two test_disk_boot; test_disk_kill and test_disk_power_cut end it. Handles of a process
 * that ended do nothing but let themselves be closed, so that journal_close gives back memory. Thread-safe. */
#ifndef TG_TEST_DISK_H
#define TG_TEST_DISK_H

#include <stdint.h>

#include "ledger/disk.h"

struct test_disk;

/* segment: bytes of each. room: bytes that all segments may take; 0: no end of it. */
struct test_disk *test_disk_new(uint64_t seed, size_t segment, size_t room);
/* After all journals on it were closed. */
void test_disk_free(struct test_disk *d);

/* The disk for a journal of the process that runs now. Ends the one before, as test_disk_kill does. */
struct disk test_disk_boot(struct test_disk *d);
/* One more journal (another writer) of the same process. */
struct disk test_disk_share(struct test_disk *d);
/* kill -9: the system keeps everything. */
void test_disk_kill(struct test_disk *d);
void test_disk_power_cut(struct test_disk *d);
/* The system writes some of what is not synced, as it does when it likes. */
void test_disk_writeback(struct test_disk *d);

void test_disk_room(struct test_disk *d, size_t room);
enum test_disk_call { TEST_DISK_MAKE, TEST_DISK_RENAME, TEST_DISK_REMOVE, TEST_DISK_SYNC, TEST_DISK_SYNC_NAMES, TEST_DISK_CALLS };
/* From now on that call fails with that errno (0: works), with a probability of `percent`. */
void test_disk_fail(struct test_disk *d, enum test_disk_call call, int error, unsigned percent);
/* The machine stops at the n-th call from now on that changes something (0: the next): it and all later ones answer EIO and
 * change nothing. A power cut or a kill starts it again. */
void test_disk_stop_after(struct test_disk *d, uint64_t n);
bool test_disk_stopped(struct test_disk *d);
uint64_t test_disk_calls(struct test_disk *d); /* that changed something, ever */
uint64_t test_disk_syncs(struct test_disk *d); /* of segments, ever */
/* Each sync takes that long. */
void test_disk_slow(struct test_disk *d, unsigned us);
size_t test_disk_segments(struct test_disk *d);
/* Bytes as they are now, for tests that do damage. NULL: no such name. */
char *test_disk_bytes(struct test_disk *d, struct span name);

#endif
