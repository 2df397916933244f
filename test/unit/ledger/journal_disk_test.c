/* SPDX-License-Identifier: Apache-2.0
 * journal_disk_test.c - a disk that is full or does not do as it is told: refused before anything is forwarded, nothing half
 * written, and it heals by itself. */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "test/test.h"
#include "test/unit/ledger/journal_kit.h"
#include "test/unit/ledger/test_disk.h"

enum { SMALL = 4096 };

static const struct journal_line line = { .account = { "key_1/usd/day", 13 }, .slot = LEDGER_NO_SLOT, .held = 7, .real = 5 };

static enum err put_hold(struct journal *j, uint64_t call)
{
    struct journal_hold h = { .call = call, .row = SPAN("what is known by now"), .lines = &line, .count = 1 };
    return journal_put_hold(j, &h);
}

static enum err put_row(struct journal *j, uint64_t call, bool held)
{
    static const char text[300];
    struct journal_row r = { .call = call, .held = held, .row = span_make(text, sizeof(text)), .lines = &line, .count = 1 };
    return journal_put_row(j, &r);
}

/* Reads all there is; each call's hold must come before its row. How many rows. */
static uint64_t count_rows(struct journal *j)
{
    static struct journal_record record;
    uint64_t rows = 0, ended = 0, holds = 0;
    while (journal_read(j, &record)) {
        holds += record.kind == JOURNAL_HOLD;
        rows += record.kind == JOURNAL_ROW;
        ended += record.kind == JOURNAL_ROW && record.row.held;
        CHECK(ended <= holds);
    }
    CHECK_INT(ended, holds);
    return rows;
}

TEST(pitfall_76_money_rows_are_never_dropped_on_a_full_disk)
{
    enum { ROOM = 8 * SMALL };
    struct test_disk *d = test_disk_new(1, SMALL, ROOM);
    struct journal *j = kit_open_on(test_disk_boot(d));
    struct journal_note note = { .what = NOTE_ALERT, .name = SPAN("n"), .bytes = SPAN("b") };
    uint64_t calls = 0, rows = 0;
    log_level_set(LOG_ERROR + 1);
    /* Calls begin until there is room no more; that is told before anything is forwarded. */
    while (put_hold(j, calls) == E_OK)
        calls++;
    CHECK(calls >= 10);
    CHECK_INT(test_disk_segments(d), ROOM / SMALL);
    CHECK_INT(put_hold(j, calls), E_LEDGER_UNAVAILABLE);
    /* Every one of them ends, and finds room for its row. */
    for (; rows < calls; rows++)
        CHECK_INT(put_row(j, rows, true), E_OK);
    CHECK_INT(count_rows(j), calls);
    /* Rows and notes that no hold stands for wait for room like the next hold. */
    while (put_row(j, 0, false) == E_OK)
        rows++;
    while (journal_put_note(j, &note) == E_OK)
        continue;
    CHECK_INT(put_hold(j, calls), E_LEDGER_UNAVAILABLE);
    test_disk_room(d, 0);
    CHECK_INT(put_hold(j, calls), E_OK);
    CHECK_INT(put_row(j, calls, true), E_OK);
    CHECK_INT(journal_put_note(j, &note), E_OK);
    CHECK_INT(count_rows(j), rows - calls + 1);
    log_level_set(LOG_INFO);
    journal_close(j);
    test_disk_free(d);
}

/* Room comes back when the store has applied something, too. */
TEST(what_is_applied_makes_room)
{
    static struct journal_record record;
    struct test_disk *d = test_disk_new(1, SMALL, 6 * SMALL);
    struct journal *j = kit_open_on(test_disk_boot(d));
    log_level_set(LOG_ERROR + 1);
    for (int round = 0; round < 20; round++) {
        uint64_t calls = 0;
        while (put_hold(j, calls) == E_OK)
            calls++;
        CHECK(calls > 2);
        for (uint64_t i = 0; i < calls; i++)
            CHECK_INT(put_row(j, i, true), E_OK);
        while (journal_read(j, &record))
            continue;
        journal_applied(j, record.position);
        CHECK_INT(journal_lag(j), 0);
    }
    log_level_set(LOG_INFO);
    CHECK_INT(test_disk_segments(d), 6);
    journal_close(j);
    test_disk_free(d);
}

/* What is logged while f runs, in text[4096]. */
static void capture(void (*f)(void *self), void *self, char text[4096])
{
    char path[] = "/tmp/tollgate-log-XXXXXX";
    int file = mkstemp(path), old = dup(STDERR_FILENO);
    must(file >= 0 && old >= 0 && dup2(file, STDERR_FILENO) >= 0);
    f(self);
    must(dup2(old, STDERR_FILENO) >= 0);
    ssize_t n = pread(file, text, 4095, 0);
    text[n > 0 ? n : 0] = 0;
    close(file);
    close(old);
    unlink(path);
}

static int count(const char *text, const char *what)
{
    int times = 0;
    for (text = strstr(text, what); text; text = strstr(text + 1, what))
        times++;
    return times;
}

/* Segments are used again while this runs, and then the process is killed. */
static void use_again_and_restart(void *self)
{
    static struct journal_record record;
    struct test_disk *d = self;
    struct journal *j = kit_open_on(test_disk_boot(d));
    for (uint64_t n = 0; n < 200; n++) {
        CHECK_INT(kit_put(j, n, 1 + n * 37 % 500), E_OK);
        CHECK(journal_read(j, &record));
        CHECK(!journal_read(j, &record)); /* not what stood there before */
        journal_applied(j, record.position);
    }
    test_disk_kill(d);
    journal_close(j);
    j = kit_open_on(test_disk_boot(d));
    journal_seek(j, record.position);
    CHECK(!journal_read(j, &record));
    journal_close(j);
}

TEST(old_bytes_behind_the_last_record_are_no_damage)
{
    char text[4096];
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct test_disk *d = test_disk_new(seed, SMALL, 0);
        capture(use_again_and_restart, d, text);
        CHECK_INT(count(text, "damage"), 0);
        test_disk_free(d);
    }
}

struct trouble {
    struct test_disk *disk;
    int error;
};

static void fill_and_heal(void *self)
{
    const struct trouble *t = self;
    struct journal *j = kit_open_on(test_disk_boot(t->disk));
    CHECK_INT(put_hold(j, 0), E_OK);
    for (int times = 0; times < 2; times++) {
        uint64_t before;
        test_disk_fail(t->disk, TEST_DISK_MAKE, t->error, 100);
        while (put_row(j, 0, false) == E_OK)
            continue;
        before = journal_end(j);
        for (int i = 0; i < 100; i++)
            CHECK_INT(put_row(j, 0, false), E_LEDGER_UNAVAILABLE);
        CHECK_INT(journal_end(j), before);
        test_disk_fail(t->disk, TEST_DISK_MAKE, 0, 0);
        for (int i = 0; i < 20; i++)
            CHECK_INT(put_row(j, 0, false), E_OK);
    }
    journal_close(j);
}

TEST(trouble_is_logged_when_it_begins_and_when_it_is_over)
{
    static const int errors[] = { ENOSPC, EIO };
    char text[4096];
    for (int i = 0; i < 2; i++) {
        struct trouble t = { test_disk_new(3, SMALL, 0), errors[i] };
        capture(fill_and_heal, &t, text);
        CHECK_INT(count(text, "no room for a further segment"), 2);
        CHECK_INT(count(text, "there is room again"), 2);
        CHECK_INT(count(text, strerror(errors[i])), 2);
        test_disk_free(t.disk);
    }
}

TEST(a_spare_that_cannot_be_renamed_or_removed_is_done_without)
{
    static struct journal_record record;
    struct test_disk *d = test_disk_new(3, SMALL, 0);
    struct journal *j = kit_open_on(test_disk_boot(d));
    log_level_set(LOG_ERROR + 1);
    test_disk_fail(d, TEST_DISK_RENAME, EACCES, 60);
    test_disk_fail(d, TEST_DISK_REMOVE, EACCES, 60);
    for (uint64_t n = 0; n < 500; n++) {
        CHECK_INT(kit_put(j, n, 300), E_OK);
        CHECK(journal_read(j, &record));
        kit_check(&record, n, 300);
        journal_applied(j, record.position);
    }
    test_disk_fail(d, TEST_DISK_RENAME, 0, 0);
    test_disk_fail(d, TEST_DISK_REMOVE, 0, 0);
    journal_close(j);
    j = kit_open_on(test_disk_boot(d)); /* what could not be removed is passed over */
    journal_seek(j, record.position);
    CHECK(!journal_read(j, &record));
    CHECK_INT(journal_lag(j), 0);
    journal_close(j);
    log_level_set(LOG_INFO);
    test_disk_free(d);
}

static void count_file(void *self, struct span name)
{
    *(size_t *)self += span_ends(name, SPAN(".log"));
}

static size_t files_of(struct disk *d)
{
    size_t n = 0;
    CHECK_INT(d->list(d->self, count_file, &n), 0);
    return n;
}

TEST(spares_are_kept_while_there_is_work_and_given_back_when_there_is_none)
{
    static struct journal_record record;
    struct test_disk *d = test_disk_new(3, SMALL, 0);
    struct disk disk = test_disk_boot(d);
    struct journal *j = kit_open_on(disk);
    for (int round = 0; round < 3; round++) {
        for (uint64_t n = 0; n < JOURNAL_SPARES * SMALL / 600; n++) {
            CHECK_INT(kit_put(j, n, 300), E_OK);
            CHECK(journal_read(j, &record));
        }
        size_t before = files_of(&disk);
        journal_applied(j, record.position);
        CHECK(round == 0 || files_of(&disk) == before);
        CHECK(before > JOURNAL_SPARES / 3 && before < JOURNAL_SPARES);
    }
    journal_rest(j);
    CHECK(files_of(&disk) <= JOURNAL_SPARES_RESTING + 2);
    CHECK_INT(kit_put(j, 7, 300), E_OK);
    CHECK(journal_read(j, &record));
    kit_check(&record, 7, 300);
    journal_close(j);
    test_disk_free(d);
}

TEST(starting_on_a_full_disk_says_so)
{
    char why[256] = "";
    struct test_disk *d = test_disk_new(3, SMALL, SMALL);
    test_disk_room(d, SMALL / 2);
    struct disk disk = test_disk_boot(d);
    log_level_set(LOG_ERROR + 1);
    CHECK(!journal_open(&disk, 0, why));
    log_level_set(LOG_INFO);
    CHECK(span_find(span_of(why), SPAN("no room")) >= 0);
    test_disk_free(d);
}

/* While the database cannot be written, what is behind waits in files: a worker's memory does not grow with it. */
TEST(pitfall_75_a_store_that_is_down_grows_no_memory)
{
    enum { RECORDS = 20000 };
    struct place p = place_new();
    struct journal *j = kit_open(&p);
    static struct journal_record record;
    CHECK_INT(kit_put(j, 0, 1000), E_OK);
    size_t before = mallinfo2().uordblks;
    for (uint64_t n = 1; n < RECORDS; n++)
        CHECK_INT(kit_put(j, n, 1000), E_OK);
    CHECK(journal_lag(j) > 20000 * 1000);
    CHECK(place_segments(&p, NULL) >= journal_lag(j) / JOURNAL_SEGMENT);
    CHECK(mallinfo2().uordblks < before + 256 * 1024);
    for (uint64_t n = 0; n < RECORDS; n++)
        CHECK(journal_read(j, &record) && kit_number(&record) == n);
    journal_applied(j, record.position); /* and goes when the store is back */
    CHECK_INT(journal_lag(j), 0);
    CHECK(place_segments(&p, NULL) <= KIT_SEGMENTS_IDLE);
    journal_close(j);
    place_free(&p);
}

/* ---- on a real file system, with a limit to the size of files ---- */

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    must(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    limit.rlim_cur = bytes ? bytes : limit.rlim_max;
    must(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static struct journal *open_or_not(const struct place *p, char why[256])
{
    struct disk disk;
    return disk_files(span_of(p->dir), 0, &disk, why) ? journal_open(&disk, 0, why) : NULL;
}

static int fill_disk(const struct place *p)
{
    static struct journal_record record;
    uint64_t n = 0;
    char why[256];
    signal(SIGXFSZ, SIG_IGN);
    log_level_set(LOG_ERROR + 1);
    limit_files(JOURNAL_SEGMENT / 2);
    if (open_or_not(p, why) || span_find(span_of(why), SPAN("no room")) < 0)
        return 1;
    limit_files(0);
    struct journal *j = open_or_not(p, why);
    if (!j || put_hold(j, n) != E_OK || put_hold(j, n) != E_OK)
        return 2;
    limit_files(JOURNAL_SEGMENT / 2);
    while (put_row(j, n, false) == E_OK)
        n++;
    if (n < 1000 || put_row(j, n, false) != E_LEDGER_UNAVAILABLE || place_segments(p, NULL) != 2)
        return 3;
    if (put_row(j, n++, true) != E_OK || put_row(j, n++, true) != E_OK)
        return 4;
    limit_files(0);
    for (int i = 0; i < 5000; i++, n++)
        if (put_row(j, n, false) != E_OK)
            return 5;
    for (n += 2; n; n--)
        if (!journal_read(j, &record))
            return 6;
    journal_close(j);
    return 0;
}

TEST(a_full_disk_refuses_and_recovers)
{
    struct place p = place_new();
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        _exit(fill_disk(&p));
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 0);
    place_free(&p);
}
