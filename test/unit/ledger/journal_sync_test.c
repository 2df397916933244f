/* SPDX-License-Identifier: Apache-2.0
 * journal_sync_test.c - what was synced outlasts a power cut, a sync that failed is never believed later, and writer, reader
 * and syncer do not get in each other's way. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/log.h"
#include "test/test.h"
#include "test/unit/ledger/journal_kit.h"
#include "test/unit/ledger/test_disk.h"

enum { SMALL = 4096 };

static void read_all(struct journal *j, uint64_t *end)
{
    static struct journal_record record;
    while (journal_read(j, &record))
        *end = record.position;
}

TEST(one_sync_is_for_all_that_wait)
{
    struct test_disk *d = test_disk_new(1, SMALL, 0);
    struct journal *j = kit_open_on(test_disk_boot(d));
    CHECK_INT(journal_sync(j), E_OK);
    CHECK_INT(test_disk_syncs(d), 0); /* there is nothing yet */
    for (uint64_t n = 0; n < 4; n++)
        CHECK_INT(kit_put(j, n, 50), E_OK);
    CHECK(journal_synced(j) < journal_end(j));
    CHECK_INT(journal_sync(j), E_OK);
    CHECK_INT(journal_synced(j), journal_end(j));
    CHECK_INT(test_disk_syncs(d), 1);
    CHECK_INT(journal_sync(j), E_OK);
    CHECK_INT(test_disk_syncs(d), 1);
    for (uint64_t n = 4; n < 40; n++)
        CHECK_INT(kit_put(j, n, 50), E_OK);
    uint64_t segments = journal_end(j) / SMALL + 1;
    CHECK(segments > 2);
    CHECK_INT(journal_sync(j), E_OK); /* the sealed ones, each once, and the present one */
    CHECK_INT(test_disk_syncs(d), 1 + segments);
    CHECK_INT(kit_put(j, 40, 50), E_OK);
    CHECK_INT(journal_sync(j), E_OK);
    CHECK_INT(test_disk_syncs(d), 2 + segments);
    journal_close(j);
    test_disk_free(d);
}

TEST(what_the_store_has_needs_no_sync)
{
    struct test_disk *d = test_disk_new(1, SMALL, 0);
    struct journal *j = kit_open_on(test_disk_boot(d));
    uint64_t end = 0;
    for (uint64_t n = 0; n < 40; n++)
        CHECK_INT(kit_put(j, n, 50), E_OK);
    read_all(j, &end);
    journal_applied(j, end);
    CHECK_INT(journal_applied_to(j), end);
    CHECK_INT(journal_synced(j), end);
    CHECK_INT(journal_sync(j), E_OK);
    CHECK_INT(test_disk_syncs(d), 0);
    journal_close(j);
    test_disk_free(d);
}

/* A disk whose sync failed once: what it says afterwards about the same bytes is a lie. */
TEST(a_sync_that_failed_is_never_believed)
{
    struct test_disk *d = test_disk_new(7, SMALL, 0);
    struct journal *j = kit_open_on(test_disk_boot(d));
    uint64_t end = 0;
    log_level_set(LOG_ERROR + 1);
    CHECK_INT(kit_put(j, 0, 50), E_OK);
    CHECK_INT(journal_sync(j), E_OK);
    uint64_t good = journal_synced(j);
    CHECK_INT(kit_put(j, 1, 50), E_OK);
    test_disk_fail(d, TEST_DISK_SYNC, EIO, 100);
    CHECK_INT(journal_sync(j), E_IO);
    test_disk_fail(d, TEST_DISK_SYNC, 0, 0);
    CHECK_INT(journal_sync(j), E_IO); /* though the disk would say yes */
    CHECK_INT(journal_synced(j), good);
    uint64_t suspect = journal_end(j);
    CHECK_INT(kit_put(j, 2, 50), E_OK);
    CHECK(journal_end(j) / SMALL > suspect / SMALL); /* a fresh segment */
    CHECK_INT(journal_sync(j), E_IO);
    CHECK_INT(journal_synced(j), good);
    read_all(j, &end);
    journal_applied(j, suspect); /* the store has what is in doubt */
    CHECK(journal_synced(j) >= suspect && journal_synced(j) < end);
    CHECK_INT(journal_sync(j), E_OK);
    CHECK_INT(journal_synced(j), end);
    journal_close(j);
    test_disk_free(d);
    log_level_set(LOG_INFO);
}

TEST(a_writer_at_rest_gets_over_a_failed_sync)
{
    static const enum test_disk_call calls[] = { TEST_DISK_SYNC, TEST_DISK_SYNC_NAMES };
    log_level_set(LOG_ERROR + 1);
    for (int i = 0; i < 2; i++) {
        struct test_disk *d = test_disk_new(7, SMALL, 0);
        struct journal *j = kit_open_on(test_disk_boot(d));
        uint64_t end = 0;
        CHECK_INT(kit_put(j, 1, 50), E_OK);
        test_disk_fail(d, calls[i], EIO, 100);
        CHECK_INT(journal_sync(j), E_IO);
        test_disk_fail(d, calls[i], 0, 0);
        CHECK_INT(journal_sync(j), E_IO);
        read_all(j, &end);
        journal_applied(j, end);
        CHECK_INT(journal_sync(j), E_OK); /* all is in the store */
        for (uint64_t n = 2; n < 60; n++) {
            CHECK_INT(kit_put(j, n, 50), E_OK);
            CHECK_INT(journal_sync(j), E_OK);
            CHECK_INT(journal_synced(j), journal_end(j));
        }
        journal_close(j);
        test_disk_free(d);
    }
    log_level_set(LOG_INFO);
}

/* Killed, or cut off, between any two words of a segment's head: it opens, and what was recorded is there if the record is. */
TEST(half_a_head_is_no_reason_not_to_start)
{
    enum { WORDS = 5 };
    static struct journal_record record;
    char old[WORDS * 8], *bytes;
    for (unsigned kept = 0; kept < 3 * (1U << WORDS); kept++) {
        struct test_disk *d = test_disk_new(1, SMALL, 0);
        struct journal *j = kit_open_on(test_disk_boot(d));
        bool with_record = kept < 2U << WORDS;
        if (with_record)
            CHECK_INT(kit_put(j, 1, 20), E_OK);
        bytes = test_disk_bytes(d, SPAN("journal-0-0000000000.log"));
        must(bytes);
        test_disk_kill(d);
        journal_close(j);
        memcpy(old, "tgjournl\2\0\0\0\0\0\0\0\7\0\0\0\0\0\0\0\0\20\0\0\0\0\0\0and a sum", sizeof(old));
        if (kept < 1U << WORDS)
            memset(old, 0, sizeof(old));
        for (unsigned i = 0; i < WORDS; i++)
            if (!(kept >> i & 1))
                memcpy(bytes + 8 * (size_t)i, old + 8 * (size_t)i, 8);
        j = kit_open_on(test_disk_boot(d));
        bool there = j && journal_read(j, &record);
        CHECK(there == with_record);
        journal_close(j);
        test_disk_free(d);
    }
}

/* ---- power cuts, by dice ---- */

enum { LIVE_MOST = 2000, BOOTS = 5 };

/* A record that was appended, and that no power cut took since. */
struct live {
    uint64_t n, position;
    size_t len;
    bool promised; /* journal_synced was behind it */
};

struct rig {
    struct test_disk *disk;
    struct journal *j;
    uint64_t dice, seed;
    struct live live[LIVE_MOST];
    size_t count, read;
    uint64_t next;  /* number of the next record: never the same twice */
    uint64_t store; /* what the store has on its platter */
    bool failed;
    long kept, lost;
};

static uint64_t roll(struct rig *r, uint64_t most)
{
    r->dice = r->dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (r->dice >> 33) % most;
}

static void fail(struct rig *r, const char *what, uint64_t n)
{
    if (!r->failed)
        test_fail(__FILE__, __LINE__, "seed %" PRIu64 ": %s %" PRIu64, r->seed, what, n);
    r->failed = true;
}

static void append_some(struct rig *r)
{
    for (uint64_t i = 0, some = 1 + roll(r, 4); i < some && r->count < LIVE_MOST; i++) {
        size_t len = 1 + roll(r, 400);
        uint64_t n = r->next++;
        enum err e = kit_put(r->j, n, len);
        if (e == E_OK)
            r->live[r->count++] = (struct live){ n, journal_end(r->j), len, false };
        else if (e != E_LEDGER_UNAVAILABLE)
            fail(r, "an error of another kind for record", n);
    }
}

static void read_some(struct rig *r)
{
    static struct journal_record record;
    for (uint64_t i = 0, some = roll(r, 12); i < some && journal_read(r->j, &record); i++) {
        const struct live *l = &r->live[r->read++];
        if (r->read > r->count || kit_number(&record) != l->n || record.position != l->position) {
            fail(r, "out of order:", kit_number(&record));
            return;
        }
        kit_check(&record, l->n, l->len);
    }
}

static void apply_some(struct rig *r)
{
    size_t upto = r->read ? roll(r, r->read + 1) : 0;
    if (!upto || r->live[upto - 1].position <= r->store)
        return;
    r->store = r->live[upto - 1].position;
    journal_applied(r->j, r->store);
}

static void promise(struct rig *r)
{
    uint64_t synced = journal_synced(r->j);
    for (size_t i = 0; i < r->count; i++)
        r->live[i].promised = r->live[i].promised || r->live[i].position <= synced;
}

static void sync_now(struct rig *r)
{
    uint64_t end = journal_end(r->j);
    if (journal_sync(r->j) == E_OK && journal_synced(r->j) < end)
        fail(r, "synced, but not up to", end);
}

static void step(struct rig *r)
{
    switch (roll(r, 8)) {
    case 0:
        sync_now(r);
        break;
    case 1:
        read_some(r);
        break;
    case 2:
        apply_some(r);
        break;
    case 3:
        test_disk_writeback(r->disk);
        break;
    default:
        append_some(r);
    }
}

/* What the store has is out of the game. */
static void forget_applied(struct rig *r)
{
    size_t from = 0;
    while (from < r->count && r->live[from].position <= r->store)
        from++;
    memmove(r->live, r->live + from, (r->count - from) * sizeof(*r->live));
    r->count -= from;
}

/* Everything that is there must have been there; what is missing must not have been promised. */
static void check_what_is_left(struct rig *r, bool power_lost)
{
    static struct journal_record record;
    size_t at = 0, left = 0;
    forget_applied(r);
    while (journal_read(r->j, &record) && !r->failed) {
        for (; at < r->count && r->live[at].n != kit_number(&record); at++, r->lost++)
            if (r->live[at].promised || !power_lost)
                fail(r, "lost:", r->live[at].n);
        if (at == r->count || r->live[at].position != record.position) {
            fail(r, "invented:", kit_number(&record));
            return;
        }
        kit_check(&record, r->live[at].n, r->live[at].len);
        r->live[left++] = r->live[at++];
        r->kept++;
    }
    for (; at < r->count && !r->failed; at++, r->lost++)
        if (r->live[at].promised || !power_lost)
            fail(r, "lost at the end:", r->live[at].n);
    r->count = r->read = left;
}

static void set_faults(struct rig *r)
{
    test_disk_fail(r->disk, TEST_DISK_SYNC, roll(r, 3) ? 0 : EIO, 20);
    test_disk_fail(r->disk, TEST_DISK_SYNC_NAMES, roll(r, 3) ? 0 : EIO, 20);
    test_disk_fail(r->disk, TEST_DISK_MAKE, roll(r, 4) ? 0 : ENOSPC, 40);
    test_disk_fail(r->disk, TEST_DISK_RENAME, roll(r, 6) ? 0 : EIO, 30);
    test_disk_fail(r->disk, TEST_DISK_REMOVE, roll(r, 6) ? 0 : EIO, 30);
    if (roll(r, 3) == 0)
        test_disk_stop_after(r->disk, roll(r, 60));
}

static void boot(struct rig *r, bool power_lost)
{
    for (int i = 0; i < TEST_DISK_CALLS; i++)
        test_disk_fail(r->disk, (enum test_disk_call)i, 0, 0);
    r->j = kit_open_on(test_disk_boot(r->disk));
    if (!r->j) {
        fail(r, "not opened", 0);
        return;
    }
    journal_seek(r->j, r->store);
    check_what_is_left(r, power_lost);
    set_faults(r);
}

static void crash(struct rig *r, bool power_lost)
{
    promise(r);
    if (power_lost)
        test_disk_power_cut(r->disk);
    else
        test_disk_kill(r->disk);
    journal_close(r->j);
    r->j = NULL;
}

static void play(struct rig *r)
{
    bool power_lost = false;
    for (int i = 0; i < BOOTS && !r->failed; i++) {
        boot(r, power_lost);
        for (uint64_t steps = roll(r, 80); steps && !r->failed; steps--)
            step(r);
        power_lost = roll(r, 4) != 0;
        if (r->j)
            crash(r, power_lost);
    }
}

TEST(pitfall_74_a_power_cut_loses_nothing_that_was_synced)
{
    enum { SEEDS = 3000 };
    static struct rig r;
    long kept = 0, lost = 0;
    log_level_set(LOG_ERROR + 1);
    for (uint64_t seed = 0; seed < SEEDS && !r.failed; seed++) {
        r = (struct rig){ .disk = test_disk_new(seed, SMALL, 0), .dice = seed * 77 + 1, .seed = seed };
        play(&r);
        test_disk_free(r.disk);
        kept += r.kept;
        lost += r.lost;
    }
    log_level_set(LOG_INFO);
    CHECK(kept > SEEDS && lost > SEEDS); /* else the dice prove nothing */
    printf(
        "  journal: %d seeds, %d crashes each: %ld records found again, %ld never promised and gone\n", SEEDS, BOOTS, kept, lost);
}

/* ---- three threads ---- */

struct trio {
    struct journal *j;
    uint64_t records;
    _Atomic uint64_t promised;
    _Atomic bool over;
    bool in_order;
    uint64_t syncs;
};

static void *read_and_apply(void *self)
{
    struct trio *t = self;
    static struct journal_record record;
    t->in_order = true;
    for (uint64_t n = 0; n < t->records;) {
        if (!journal_read(t->j, &record))
            continue;
        t->in_order = t->in_order && kit_number(&record) == n;
        if (++n % 50 == 0)
            journal_applied(t->j, record.position);
    }
    return NULL;
}

static void *sync_and_sync(void *self)
{
    struct trio *t = self;
    while (!atomic_load(&t->over)) {
        uint64_t end = journal_end(t->j);
        must(journal_sync(t->j) == E_OK && journal_synced(t->j) >= end);
        atomic_store(&t->promised, end);
        t->syncs++;
    }
    return NULL;
}

static void run_trio(struct trio *t, size_t len, int waits)
{
    pthread_t reader, syncer;
    must(pthread_create(&reader, NULL, read_and_apply, t) == 0 && pthread_create(&syncer, NULL, sync_and_sync, t) == 0);
    for (uint64_t n = 0; n < t->records; n++) {
        must(kit_put(t->j, n, len) == E_OK);
        /* As a call that moves money does. */
        for (uint64_t end = journal_end(t->j); waits && n % (uint64_t)waits == 0 && journal_synced(t->j) < end;)
            continue;
    }
    pthread_join(reader, NULL);
    atomic_store(&t->over, true);
    pthread_join(syncer, NULL);
    CHECK(t->in_order);
    CHECK(t->syncs > 0);
}

TEST(writer_reader_and_syncer_at_once)
{
    struct test_disk *d = test_disk_new(5, SMALL, 0);
    static struct trio t;
    t = (struct trio){ .j = kit_open_on(test_disk_boot(d)), .records = 10000 };
    test_disk_slow(d, 30);
    run_trio(&t, 40, 200);
    CHECK(test_disk_segments(d) <= JOURNAL_SPARES + 4);
    journal_close(t.j);
    test_disk_free(d);
}

TEST(writer_reader_and_syncer_on_files)
{
    struct place p = place_new();
    static struct trio t;
    t = (struct trio){ .j = kit_open(&p), .records = 10000 };
    run_trio(&t, 1000, 1000);
    CHECK(place_segments(&p, NULL) <= KIT_SEGMENTS_IDLE + 1);
    journal_close(t.j);
    place_free(&p);
}
