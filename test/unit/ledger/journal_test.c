/* SPDX-License-Identifier: Apache-2.0
 * journal_test.c - what was appended is read back, whatever happened to the process or the last bytes. Power cuts and syncing:
 * journal_sync_test.c; full and failing disks: journal_disk_test.c. */
#include "ledger/journal.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "ledger/journal_record.h"
#include "test/test.h"
#include "test/unit/ledger/journal_kit.h"

enum { SEGMENT = JOURNAL_SEGMENT };

TEST(written_is_read_across_segments)
{
    struct place p = place_new();
    struct journal *j = kit_open(&p);
    static struct journal_record record;
    uint64_t last = 0;
    CHECK(!journal_read(j, &record));
    CHECK_INT(journal_lag(j), 0);
    for (uint64_t n = 0; n < 5000; n++) {
        CHECK_INT(kit_put(j, n, 0), E_OK);
        CHECK(journal_lag(j) > 0);
        CHECK(journal_read(j, &record));
        kit_check(&record, n, 0);
        CHECK(record.position > last);
        last = record.position;
        CHECK(!journal_read(j, &record));
        journal_applied(j, last);
        CHECK_INT(journal_lag(j), 0);
    }
    CHECK(last > SEGMENT);
    CHECK(place_segments(&p, NULL) <= KIT_SEGMENTS_IDLE); /* what was applied is gone, but for those to be used again */
    journal_close(j);
    place_free(&p);
}

TEST(a_hold_says_whether_it_takes_the_place_of_another)
{
    struct place p = place_new();
    struct journal *j = kit_open(&p);
    static struct journal_record record;
    struct journal_hold hold = { .call = 9, .at = 1, .row = SPAN("row") };
    for (int more = 0; more < 2; more++) {
        hold.again_held = more;
        CHECK_INT(journal_put_hold(j, &hold), E_OK);
        CHECK(journal_read(j, &record) && record.kind == JOURNAL_HOLD);
        CHECK_INT(record.hold.again_held, more);
    }
    journal_close(j);
    place_free(&p);
}

TEST(a_restart_continues_where_the_store_stands)
{
    struct place p = place_new();
    static struct journal_record record;
    uint64_t half = 0, end = 0;
    struct journal *j = kit_open(&p);
    for (uint64_t n = 0; n < 6000; n++)
        CHECK_INT(kit_put(j, n, 0), E_OK);
    for (uint64_t n = 0; n < 3000; n++) {
        CHECK(journal_read(j, &record));
        half = record.position;
    }
    journal_close(j);
    j = kit_open(&p);
    journal_seek(j, half);
    CHECK_INT(kit_put(j, 6000, 0), E_OK);
    for (uint64_t n = 3000; n <= 6000; n++) {
        CHECK(journal_read(j, &record));
        kit_check(&record, n, 0);
        CHECK(record.position > half);
        end = record.position;
    }
    CHECK(!journal_read(j, &record));
    journal_applied(j, end);
    CHECK(place_segments(&p, NULL) <= KIT_SEGMENTS_IDLE);
    journal_close(j);
    for (int i = 0; i < 20; i++) { /* idle restarts leave nothing behind */
        j = kit_open(&p);
        journal_seek(j, end);
        CHECK(!journal_read(j, &record));
        CHECK_INT(journal_lag(j), 0);
        journal_close(j);
    }
    CHECK(place_segments(&p, NULL) <= KIT_SEGMENTS_IDLE);
    place_free(&p);
}

TEST(lost_files_do_not_turn_positions_back)
{
    struct place p = place_new();
    static struct journal_record record;
    struct journal *j = kit_open(&p);
    uint64_t store = UINT64_C(10) * SEGMENT + 4096;
    journal_seek(j, store);
    CHECK_INT(journal_lag(j), 0);
    CHECK(!journal_read(j, &record));
    CHECK_INT(kit_put(j, 1, 0), E_OK);
    CHECK(journal_read(j, &record));
    kit_check(&record, 1, 0);
    CHECK(record.position > store);
    journal_close(j);
    place_free(&p);
}

TEST(large_records_and_too_large_ones)
{
    struct place p = place_new();
    static struct journal_record record;
    struct journal *j = kit_open(&p);
    char *text = malloc(JOURNAL_RECORD_MAX);
    must(text);
    memset(text, 'x', JOURNAL_RECORD_MAX);
    struct journal_row row = { .call = 1, .row = span_make(text, JOURNAL_RECORD_MAX) };
    CHECK_INT(journal_put_row(j, &row), E_TOO_LARGE);
    struct journal_hold hold = { .call = 1, .row = span_make(text, JOURNAL_RECORD_MAX) };
    CHECK_INT(journal_put_hold(j, &hold), E_TOO_LARGE);
    row.row.len = JOURNAL_RECORD_MAX - 200;
    for (int i = 0; i < 20; i++) {
        CHECK_INT(journal_put_row(j, &row), E_OK);
        CHECK(journal_read(j, &record) && record.row.row.len == row.row.len);
    }
    free(text);
    journal_close(j);
    place_free(&p);
}

TEST(one_writer_a_directory)
{
    struct place p = place_new();
    char why[256] = "";
    struct journal *j = kit_open(&p);
    struct disk disk;
    CHECK(!disk_files(span_of(p.dir), 0, &disk, why));
    CHECK(span_find(span_of(why), SPAN("another process")) >= 0);
    journal_close(j);
    CHECK(!disk_files(SPAN("/proc/no/such/place"), 0, &disk, why));
    CHECK(span_find(span_of(why), SPAN("cannot make")) >= 0);
    place_free(&p);
}

enum { RACE = 40000 };
struct race {
    struct journal *j;
    bool ok;
};

static void *read_behind(void *self)
{
    struct race *race = self;
    static struct journal_record record;
    uint64_t n = 0;
    race->ok = true;
    while (n < RACE) {
        if (!journal_read(race->j, &record))
            continue;
        race->ok = race->ok && kit_number(&record) == n;
        n++;
        if (n % 64 == 0)
            journal_applied(race->j, record.position);
    }
    journal_applied(race->j, record.position);
    return NULL;
}

TEST(a_reader_on_another_thread)
{
    struct place p = place_new();
    struct race race = { .j = kit_open(&p) };
    pthread_t thread;
    must(pthread_create(&thread, NULL, read_behind, &race) == 0);
    for (uint64_t n = 0; n < RACE; n++) {
        must(kit_put(race.j, n, n % 500 == 0 ? 20000 : 0) == E_OK);
        (void)journal_lag(race.j);
    }
    pthread_join(thread, NULL);
    CHECK(race.ok);
    CHECK_INT(journal_lag(race.j), 0);
    CHECK(place_segments(&p, NULL) <= KIT_SEGMENTS_IDLE);
    journal_close(race.j);
    place_free(&p);
}

static void write_file(const char *path, const char *bytes, size_t len, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    must(fd >= 0 && write(fd, bytes, len) == (ssize_t)len && ftruncate(fd, (off_t)length) == 0);
    close(fd);
}

/* Opens a journal over a damaged file: exactly `want` records must come, and then what is written anew. */
static void check_replay(const struct place *p, uint64_t want, size_t at)
{
    static struct journal_record record;
    struct journal *j = kit_open(p);
    uint64_t n = 0;
    if (!j)
        return;
    while (journal_read(j, &record)) {
        CHECK_INT(kit_number(&record), n);
        n++;
    }
    if (n != want)
        test_fail(__FILE__, __LINE__, "damage at byte %zu: %llu records, want %llu", at, (unsigned long long)n,
            (unsigned long long)want);
    CHECK_INT(kit_put(j, 1000, 0), E_OK);
    CHECK(journal_read(j, &record) && kit_number(&record) == 1000);
    journal_close(j);
}

static bool all_zero(const char *at, size_t n)
{
    while (n && !at[n - 1])
        n--;
    return n == 0;
}

TEST(damage_at_every_byte_of_the_last_record)
{
    enum { RECORDS = 6, FILE_MOST = 1 << 16 };
    struct place p = place_new();
    static struct journal_record record;
    static char bytes[FILE_MOST];
    char path[400];
    size_t begin = 0, end = 0;
    struct journal *j = kit_open(&p);
    for (uint64_t n = 0; n < RECORDS; n++) {
        CHECK_INT(kit_put(j, n, 30), E_OK);
        CHECK(journal_read(j, &record));
        begin = end;
        end = record.position;
    }
    CHECK_INT(place_segments(&p, path), 2); /* and one ahead */
    journal_close(j);
    int fd = open(path, O_RDONLY);
    must(read(fd, bytes, FILE_MOST) == FILE_MOST);
    close(fd);
    log_level_set(LOG_ERROR); /* damage is warned of, here several hundred times */
    for (size_t at = begin; at < end; at++) {
        place_free(&p);
        must(mkdir(p.dir, 0700) == 0);
        write_file(path, bytes, at, at); /* cut off, and not even of full length */
        check_replay(&p, all_zero(bytes + at, end - at) ? RECORDS : RECORDS - 1, at);
        place_free(&p);
        must(mkdir(p.dir, 0700) == 0);
        bytes[at] = (char)(bytes[at] ^ 0x41);
        write_file(path, bytes, FILE_MOST, SEGMENT);
        check_replay(&p, RECORDS - 1, at);
        bytes[at] = (char)(bytes[at] ^ 0x41);
    }
    place_free(&p);
    must(mkdir(p.dir, 0700) == 0);
    write_file(path, bytes, FILE_MOST, SEGMENT);
    check_replay(&p, RECORDS, 0);
    bytes[3] ^= 1; /* another magic: not a file of ours */
    place_free(&p);
    must(mkdir(p.dir, 0700) == 0);
    write_file(path, bytes, FILE_MOST, SEGMENT);
    char why[256] = "";
    struct disk disk;
    CHECK(disk_files(span_of(p.dir), 0, &disk, why) && !journal_open(&disk, 0, why));
    CHECK(span_find(span_of(why), SPAN("move the file away")) >= 0);
    memset(bytes, 0, 64); /* killed before the head was written */
    write_file(path, bytes, 64, 64);
    check_replay(&p, 0, 0);
    log_level_set(LOG_INFO);
    place_free(&p);
}

TEST(damage_inside_costs_one_segment_only)
{
    enum { RECORDS = 5000 };
    struct place p = place_new();
    static struct journal_record record;
    uint64_t seen = 0, last = 0;
    char path[400];
    struct journal *j = kit_open(&p);
    for (uint64_t n = 0; n < RECORDS; n++)
        CHECK_INT(kit_put(j, n, 0), E_OK);
    journal_close(j);
    snprintf(path, sizeof(path), "%s/journal-0-%010d.log", p.dir, 0);
    int fd = open(path, O_RDWR);
    must(fd >= 0 && pwrite(fd, "garbage", 7, SEGMENT / 2) == 7);
    close(fd);
    j = kit_open(&p);
    log_level_set(LOG_ERROR + 1);
    while (journal_read(j, &record)) {
        CHECK(seen == 0 || kit_number(&record) > last);
        last = kit_number(&record);
        seen++;
    }
    log_level_set(LOG_INFO);
    CHECK(last == RECORDS - 1 && seen > RECORDS / 2 && seen < RECORDS);
    journal_applied(j, record.position);
    CHECK(place_segments(&p, NULL) <= KIT_SEGMENTS_IDLE);
    journal_close(j);
    place_free(&p);
}

/* The child writes and says after each record how far it came; the parent kills it somewhere. `applies`: it also reads and
 * applies, so that segments are used again and old bytes stand behind the last record. */
static void write_until_killed(const struct place *p, uint64_t from, bool applies, int out)
{
    static struct journal_record record;
    struct journal *j = kit_open(p);
    for (uint64_t n = from; j; n++) {
        if (kit_put(j, n, n % 50 == 0 ? 60000 : 0) != E_OK)
            break;
        if (write(out, &n, sizeof(n)) != (ssize_t)sizeof(n))
            break;
        if (applies && n % 300 == 299) {
            while (journal_read(j, &record))
                continue;
            journal_applied(j, record.position);
        }
    }
    _exit(1);
}

TEST(pitfall_74_kill_9_loses_nothing_that_was_settled)
{
    struct place p = place_new();
    static struct journal_record record;
    uint64_t next = 0, applied = 0, told;
    for (int round = 0; round < 50; round++) {
        int ends[2];
        uint64_t acknowledged = next;
        must(pipe(ends) == 0);
        pid_t child = fork();
        if (child == 0) {
            close(ends[0]);
            write_until_killed(&p, next, round % 2, ends[1]);
        }
        close(ends[1]);
        for (int n = 0; n < 20 + round * 70 && read(ends[0], &told, sizeof(told)) == (ssize_t)sizeof(told); n++)
            acknowledged = told + 1;
        kill(child, SIGKILL);
        while (read(ends[0], &told, sizeof(told)) == (ssize_t)sizeof(told))
            acknowledged = told + 1;
        waitpid(child, NULL, 0);
        close(ends[0]);
        struct journal *j = kit_open(&p);
        journal_seek(j, applied);
        for (bool first = true; journal_read(j, &record); next++, first = false) {
            if (first && round % 2 && kit_number(&record) > next)
                next = kit_number(&record); /* the child applied those before */
            kit_check(&record, next, next % 50 == 0 ? 60000 : 0);
            applied = record.position;
        }
        CHECK(next >= acknowledged && next <= acknowledged + 1);
        journal_applied(j, applied);
        journal_close(j);
    }
    CHECK(applied > SEGMENT);
    CHECK(place_segments(&p, NULL) <= KIT_SEGMENTS_IDLE);
    place_free(&p);
}

/* ---- a journal that the version before left ---- */

static char *old_u64(char *at, uint64_t n)
{
    memcpy(at, &n, sizeof(n));
    return at + sizeof(n);
}

static char *old_text(char *at, const char *text)
{
    uint32_t len = text ? (uint32_t)strlen(text) : UINT32_MAX;
    memcpy(at, &len, sizeof(len));
    if (text)
        memcpy(at + sizeof(len), text, len);
    return at + sizeof(len) + (text ? len : 0);
}

static char *old_line(char *at)
{
    at = old_u64(old_u64(old_u64(old_u64(at, 100), (uint64_t)-7), 77), 1);
    return old_text(at, "key_1/usd/day");
}

static size_t old_end(char *record, int kind, char *at, uint64_t position)
{
    const uint16_t fields[4] = { (uint16_t)kind, 1, 0, 0 };
    size_t size = (size_t)(at - record + 7) & ~(size_t)7;
    memcpy(record + 8, fields, sizeof(fields));
    record_publish(record, size, position);
    return size;
}

static size_t old_hold(char *record, uint64_t position)
{
    char *at = old_text(old_u64(old_u64(record + RECORD_HEAD, 1), 1000), "row of a hold");
    return old_end(record, JOURNAL_HOLD, old_line(at), position);
}

static size_t old_row(char *record, uint64_t position)
{
    static const char *const texts[10] = { "w", "key_1", NULL, "", "stripe", "stripe.charges.create", NULL, NULL, "u",
        "row of a row" };
    const int16_t small[4] = { VERDICT_IN_DOUBT, 502, 1, 0 };
    char *at = old_u64(old_u64(record + RECORD_HEAD, 2), 2000);
    memcpy(at, small, sizeof(small));
    at = old_u64(old_u64(old_u64(old_u64(at + sizeof(small), 5), 6), 7), 8);
    for (int i = 0; i < 10; i++)
        at = old_text(at, texts[i]);
    return old_end(record, JOURNAL_ROW, old_line(at), position);
}

/* A segment of version 1, as the gate of issue 2 wrote it. */
static void write_old_segment(const struct place *p)
{
    static char bytes[4096];
    char path[400];
    const uint32_t version = 1, writer = 0;
    memset(bytes, 0, sizeof(bytes));
    memcpy(bytes, "tgjournl", 8);
    memcpy(bytes + 8, &version, sizeof(version));
    memcpy(bytes + 12, &writer, sizeof(writer));
    size_t used = 64 + old_hold(bytes + 64, 64);
    old_row(bytes + used, used);
    snprintf(path, sizeof(path), "%s/journal-0-%010d.log", p->dir, 0);
    write_file(path, bytes, sizeof(bytes), SEGMENT);
}

static void check_old_line(const struct journal_line *l)
{
    CHECK(l->slot == LEDGER_NO_SLOT && l->held == 100 && l->real == -7 && l->ends_at == 77 && l->kept);
    CHECK_SPAN(l->account, SPAN("key_1/usd/day"));
}

TEST(an_upgrade_loses_no_record)
{
    struct place p = place_new();
    static struct journal_record record;
    write_old_segment(&p);
    struct journal *j = kit_open(&p);
    CHECK(journal_read(j, &record) && record.kind == JOURNAL_HOLD);
    CHECK(record.hold.call == 1 && record.hold.at == 1000 && !record.hold.once.at && !record.hold.again.at &&
          record.hold.count == 1);
    CHECK_SPAN(record.hold.row, SPAN("row of a hold"));
    check_old_line(record.hold.lines);
    CHECK(journal_read(j, &record) && record.kind == JOURNAL_ROW);
    const struct journal_row *r = &record.row;
    CHECK(r->call == 2 && r->at == 2000 && r->verdict == VERDICT_IN_DOUBT && r->status == 502 && r->held && !r->settled);
    CHECK(r->kind == ROW_IS_CALL && r->of == 0 && r->cost == 5 && r->reserved == 6 && r->tokens_in == 7 && r->tokens_out == 8);
    CHECK(!r->run.at && r->step.at && !r->once.at && !r->again.at && span_is(r->user, SPAN("u")) &&
          span_is(r->row, SPAN("row of a row")));
    check_old_line(r->lines);
    CHECK_INT(kit_put(j, 5, 10), E_OK); /* what is written now is of this version */
    CHECK(journal_read(j, &record));
    kit_check(&record, 5, 10);
    journal_close(j);
    place_free(&p);
}

/* As large as those of real calls: a row of 700 bytes, a hold of 400, both with two accounts. */
TEST(how_long_a_record_takes)
{
    enum { TIMES = 20000, ROUND = 100, HOLD = 6, ROW = 7 };
    struct place p = place_new();
    static struct journal_record record;
    struct journal *j = kit_open(&p);
    int64_t holding = 0, writing = 0, reading = 0;
    for (int i = 0; i < TIMES / ROUND; i++) {
        int64_t began = clock_monotonic_ns();
        for (int k = 0; k < ROUND; k++)
            must(kit_put(j, HOLD, 270) == E_OK);
        int64_t middle = clock_monotonic_ns();
        for (int k = 0; k < ROUND; k++)
            must(kit_put(j, ROW, 450) == E_OK);
        int64_t written = clock_monotonic_ns();
        for (int k = 0; k < 2 * ROUND; k++)
            must(journal_read(j, &record));
        journal_applied(j, record.position);
        holding += middle - began;
        writing += written - middle;
        reading += clock_monotonic_ns() - written;
    }
    printf("  journal: %lld ns to write a hold of 400 bytes, %lld ns a row of 700, %lld ns to read one\n",
        (long long)holding / TIMES, (long long)writing / TIMES, (long long)reading / TIMES / 2);
    journal_close(j);
    place_free(&p);
}
