/* SPDX-License-Identifier: Apache-2.0
 * journal_test.c - what was appended is read back, whatever happened to the process, the disk or the last bytes. */
#include "ledger/journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "test/test.h"

enum { SEGMENT = JOURNAL_SEGMENT, ROW_MOST = 200000 };

struct place {
    char dir[64];
};

static struct place place_new(void)
{
    struct place p;
    snprintf(p.dir, sizeof(p.dir), "/tmp/tollgate-journal-XXXXXX");
    must(mkdtemp(p.dir));
    return p;
}

static size_t segments(const struct place *p, char *any)
{
    size_t count = 0;
    DIR *d = opendir(p->dir);
    must(d);
    for (struct dirent *e = readdir(d); e; e = readdir(d)) {
        if (!span_ends(span_of(e->d_name), SPAN(".log")))
            continue;
        count++;
        if (any)
            snprintf(any, 400, "%s/%s", p->dir, e->d_name);
    }
    closedir(d);
    return count;
}

static void place_free(const struct place *p)
{
    char path[400];
    while (segments(p, path))
        unlink(path);
    snprintf(path, sizeof(path), "%s/journal-0.lock", p->dir);
    unlink(path);
    rmdir(p->dir);
}

static struct journal *open_at(const struct place *p)
{
    char why[256] = "";
    struct journal *j = journal_open(span_of(p->dir), 0, why);
    if (!j)
        test_fail(__FILE__, __LINE__, "%s", why);
    return j;
}

/* Record number n, whose every part can be told from n alone. */
static char filler[ROW_MOST];
static struct span row_of(uint64_t n)
{
    memset(filler, 'x', sizeof(filler));
    return span_make(filler, (size_t)(n * 7919 % 3000));
}

static enum err put(struct journal *j, uint64_t n, size_t row_len)
{
    const struct journal_line lines[] = { { SPAN("key_1/usd/day|2026-11-21T00:00:00Z"), (int64_t)n, 5, 77, false }, { SPAN("run"), 1, 2, 0, true } };
    struct span row = row_len ? span_make(filler, row_len) : row_of(n);
    if (n % 3 == 0) {
        struct journal_hold h = { .call = n, .at = (int64_t)n + 1, .row = row, .lines = lines, .count = n % 2 + 1 };
        return journal_put_hold(j, &h);
    }
    struct journal_row r = { .call = n, .at = (int64_t)n + 1, .verdict = VERDICT_DENIED, .status = 402, .held = true, .cost = -1, .reserved = INT64_MAX,
        .tokens_in = 3, .tokens_out = 4, .workspace = SPAN("w"), .key = SPAN("key_1"), .run = SPAN_NONE, .step = SPAN(""), .vendor = SPAN("stripe"),
        .operation = SPAN("stripe.charges.create"), .denied = SPAN("budget_exceeded"), .user = SPAN("u"), .row = row, .lines = lines, .count = n % 3 };
    return journal_put_row(j, &r);
}

static void check_lines(const struct journal_line *lines, size_t count, uint64_t n)
{
    if (count > 0)
        CHECK(lines[0].held == (int64_t)n && lines[0].real == 5 && lines[0].resets_at == 77 && !lines[0].kept);
    if (count > 0)
        CHECK_SPAN(lines[0].account, SPAN("key_1/usd/day|2026-11-21T00:00:00Z"));
    if (count > 1)
        CHECK(lines[1].kept && span_is(lines[1].account, SPAN("run")));
}

static void check_row(const struct journal_row *r, uint64_t n)
{
    CHECK(r->call == n && r->at == (int64_t)n + 1 && r->verdict == VERDICT_DENIED && r->status == 402 && r->held && !r->settled);
    CHECK(r->cost == -1 && r->reserved == INT64_MAX && r->tokens_in == 3 && r->tokens_out == 4 && r->count == n % 3);
    CHECK(span_is(r->workspace, SPAN("w")) && span_is(r->key, SPAN("key_1")) && !r->run.at && r->step.at && !r->step.len);
    CHECK(span_is(r->vendor, SPAN("stripe")) && span_is(r->operation, SPAN("stripe.charges.create")) && !r->model.at);
    CHECK(span_is(r->denied, SPAN("budget_exceeded")) && span_is(r->user, SPAN("u")));
    check_lines(r->lines, r->count, n);
}

static void check_record(const struct journal_record *record, uint64_t n, size_t row_len)
{
    struct span row = n % 3 == 0 ? record->hold.row : record->row.row;
    CHECK_INT(record->kind, n % 3 == 0 ? JOURNAL_HOLD : JOURNAL_ROW);
    CHECK_INT(row.len, row_len ? row_len : row_of(n).len);
    size_t same = 0;
    while (same < row.len && row.at[same] == 'x')
        same++;
    CHECK_INT(same, row.len);
    if (n % 3) {
        check_row(&record->row, n);
        return;
    }
    CHECK(record->hold.call == n && record->hold.at == (int64_t)n + 1 && record->hold.count == n % 2 + 1);
    check_lines(record->hold.lines, record->hold.count, n);
}

static uint64_t number_of(const struct journal_record *r) { return r->kind == JOURNAL_HOLD ? r->hold.call : r->row.call; }

TEST(written_is_read_across_segments)
{
    struct place p = place_new();
    struct journal *j = open_at(&p);
    static struct journal_record record;
    uint64_t last = 0;
    CHECK(!journal_read(j, &record));
    CHECK_INT(journal_lag(j), 0);
    for (uint64_t n = 0; n < 5000; n++) {
        CHECK_INT(put(j, n, 0), E_OK);
        CHECK(journal_lag(j) > 0);
        CHECK(journal_read(j, &record));
        check_record(&record, n, 0);
        CHECK(record.position > last);
        last = record.position;
        CHECK(!journal_read(j, &record));
        journal_applied(j, last);
        CHECK_INT(journal_lag(j), 0);
    }
    CHECK(last > SEGMENT);
    CHECK(segments(&p, NULL) <= JOURNAL_SPARES + 1); /* what was applied is gone, but for those to be used again */
    journal_close(j);
    place_free(&p);
}

TEST(a_restart_continues_where_the_store_stands)
{
    struct place p = place_new();
    static struct journal_record record;
    uint64_t half = 0, end = 0;
    struct journal *j = open_at(&p);
    for (uint64_t n = 0; n < 6000; n++)
        CHECK_INT(put(j, n, 0), E_OK);
    for (uint64_t n = 0; n < 3000; n++) {
        CHECK(journal_read(j, &record));
        half = record.position;
    }
    journal_close(j);
    j = open_at(&p);
    journal_seek(j, half);
    CHECK_INT(put(j, 6000, 0), E_OK);
    for (uint64_t n = 3000; n <= 6000; n++) {
        CHECK(journal_read(j, &record));
        check_record(&record, n, 0);
        CHECK(record.position > half);
        end = record.position;
    }
    CHECK(!journal_read(j, &record));
    journal_applied(j, end);
    CHECK(segments(&p, NULL) <= JOURNAL_SPARES + 1);
    journal_close(j);
    for (int i = 0; i < 20; i++) { /* idle restarts leave nothing behind */
        j = open_at(&p);
        journal_seek(j, end);
        CHECK(!journal_read(j, &record));
        CHECK_INT(journal_lag(j), 0);
        journal_close(j);
    }
    CHECK(segments(&p, NULL) <= JOURNAL_SPARES + 1);
    place_free(&p);
}

TEST(lost_files_do_not_turn_positions_back)
{
    struct place p = place_new();
    static struct journal_record record;
    struct journal *j = open_at(&p);
    uint64_t store = UINT64_C(10) * SEGMENT + 4096;
    journal_seek(j, store);
    CHECK_INT(journal_lag(j), 0);
    CHECK(!journal_read(j, &record));
    CHECK_INT(put(j, 1, 0), E_OK);
    CHECK(journal_read(j, &record));
    check_record(&record, 1, 0);
    CHECK(record.position > store);
    journal_close(j);
    place_free(&p);
}

TEST(large_records_and_too_large_ones)
{
    struct place p = place_new();
    static struct journal_record record;
    struct journal *j = open_at(&p);
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
    struct journal *j = open_at(&p);
    CHECK(!journal_open(span_of(p.dir), 0, why));
    CHECK(span_find(span_of(why), SPAN("another process")) >= 0);
    journal_close(j);
    CHECK(!journal_open(SPAN("/proc/no/such/place"), 0, why));
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
        race->ok = race->ok && number_of(&record) == n;
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
    struct race race = { .j = open_at(&p) };
    pthread_t thread;
    must(pthread_create(&thread, NULL, read_behind, &race) == 0);
    for (uint64_t n = 0; n < RACE; n++) {
        must(put(race.j, n, n % 500 == 0 ? 20000 : 0) == E_OK);
        (void)journal_lag(race.j);
    }
    pthread_join(thread, NULL);
    CHECK(race.ok);
    CHECK_INT(journal_lag(race.j), 0);
    CHECK(segments(&p, NULL) <= JOURNAL_SPARES + 1);
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
    struct journal *j = open_at(p);
    uint64_t n = 0;
    if (!j)
        return;
    while (journal_read(j, &record)) {
        CHECK_INT(number_of(&record), n);
        n++;
    }
    if (n != want)
        test_fail(__FILE__, __LINE__, "damage at byte %zu: %llu records, want %llu", at, (unsigned long long)n, (unsigned long long)want);
    CHECK_INT(put(j, 1000, 0), E_OK);
    CHECK(journal_read(j, &record) && number_of(&record) == 1000);
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
    struct journal *j = open_at(&p);
    for (uint64_t n = 0; n < RECORDS; n++) {
        CHECK_INT(put(j, n, 30), E_OK);
        CHECK(journal_read(j, &record));
        begin = end;
        end = record.position;
    }
    CHECK_INT(segments(&p, path), 1);
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
    CHECK(!journal_open(span_of(p.dir), 0, why));
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
    struct journal *j = open_at(&p);
    for (uint64_t n = 0; n < RECORDS; n++)
        CHECK_INT(put(j, n, 0), E_OK);
    journal_close(j);
    snprintf(path, sizeof(path), "%s/journal-0-%010d.log", p.dir, 0);
    int fd = open(path, O_RDWR);
    must(fd >= 0 && pwrite(fd, "garbage", 7, SEGMENT / 2) == 7);
    close(fd);
    j = open_at(&p);
    log_level_set(LOG_ERROR + 1);
    while (journal_read(j, &record)) {
        CHECK(seen == 0 || number_of(&record) > last);
        last = number_of(&record);
        seen++;
    }
    log_level_set(LOG_INFO);
    CHECK(last == RECORDS - 1 && seen > RECORDS / 2 && seen < RECORDS);
    journal_applied(j, record.position);
    CHECK(segments(&p, NULL) <= JOURNAL_SPARES + 1);
    journal_close(j);
    place_free(&p);
}

/* The child writes and says after each record how far it came; the parent kills it somewhere. `applies`: it also reads and
 * applies, so that segments are used again and old bytes stand behind the last record. */
static void write_until_killed(const struct place *p, uint64_t from, bool applies, int out)
{
    static struct journal_record record;
    char why[256];
    struct journal *j = journal_open(span_of(p->dir), 0, why);
    for (uint64_t n = from; j; n++) {
        if (put(j, n, n % 50 == 0 ? 60000 : 0) != E_OK)
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

TEST(killed_fifty_times)
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
        struct journal *j = open_at(&p);
        journal_seek(j, applied);
        for (bool first = true; journal_read(j, &record); next++, first = false) {
            if (first && round % 2 && number_of(&record) > next)
                next = number_of(&record); /* the child applied those before */
            check_record(&record, next, next % 50 == 0 ? 60000 : 0);
            applied = record.position;
        }
        CHECK(next >= acknowledged && next <= acknowledged + 1);
        journal_applied(j, applied);
        journal_close(j);
    }
    CHECK(applied > SEGMENT);
    CHECK(segments(&p, NULL) <= JOURNAL_SPARES + 1);
    place_free(&p);
}

/* Without room for a second segment: refused, nothing half written, and it goes on once there is room. */
static int fill_disk(const struct place *p)
{
    static struct journal_record record;
    struct rlimit limit;
    uint64_t n = 0;
    char why[256];
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = SEGMENT / 2;
    log_level_set(LOG_ERROR + 1);
    setrlimit(RLIMIT_FSIZE, &limit);
    if (journal_open(span_of(p->dir), 0, why) || span_find(span_of(why), SPAN("no room")) < 0)
        return 1;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_FSIZE, &limit);
    struct journal *j = journal_open(span_of(p->dir), 0, why);
    limit.rlim_cur = SEGMENT / 2;
    setrlimit(RLIMIT_FSIZE, &limit);
    while (j && put(j, n, 0) == E_OK)
        n++;
    if (!j || n < 1000 || put(j, n, 50000) != E_LEDGER_UNAVAILABLE || segments(p, NULL) != 1)
        return 2;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_FSIZE, &limit);
    if (put(j, n, 0) != E_OK)
        return 3;
    for (uint64_t i = 0; i <= n; i++)
        if (!journal_read(j, &record) || number_of(&record) != i)
            return 4;
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

TEST(how_long_a_record_takes)
{
    enum { TIMES = 20000 };
    struct place p = place_new();
    static struct journal_record record;
    struct journal *j = open_at(&p);
    int64_t writing = 0, reading = 0;
    (void)row_of(0);
    for (int i = 0; i < TIMES / 100; i++) {
        int64_t began = clock_monotonic_ns();
        for (int k = 0; k < 100; k++)
            must(put(j, 4, 1200) == E_OK);
        int64_t middle = clock_monotonic_ns();
        for (int k = 0; k < 100; k++)
            must(journal_read(j, &record));
        journal_applied(j, record.position);
        writing += middle - began;
        reading += clock_monotonic_ns() - middle;
    }
    printf("  journal: %lld ns to write a row with 1.2 kB of JSON, %lld ns to read it\n", (long long)writing / TIMES, (long long)reading / TIMES);
    journal_close(j);
    place_free(&p);
}
