/* SPDX-License-Identifier: Apache-2.0
 * store.c - opening, replaying, closing. Start reading in inside.h, which draws the folder. */
#include "store/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "store/schema.h"

static const struct span statement_texts[ST_COUNT] = {
#define STATEMENT(name, text) [ST_##name] = { text, sizeof(text) - 1 },
#include "store/statements.h"
#undef STATEMENT
};

/* Larger pages than usual: a row is about half a kB, and SQLite pays by the page. CPU a call with rows of 655 bytes and 16 MiB
 * of log, medians of three on a shared machine, with 4,096 and with 400 records in a transaction: 9.6 and 11.8 us with pages of
 * 4 KiB, 7.2 and 10.6 with 8, 6.2 and 9.7 with 16, 6.0 and 9.9 with 32. The price is larger commits when there is little to do. */
enum { PAGE = 16384, WAL_PAGES = (16 << 20) / PAGE /* of log, after which it is folded into the database */ };

/* Two processes on one directory would chain and count past each other. The lock goes with the process. */
static bool take_directory(struct store *s, struct span dir, char why[256])
{
    char path[sizeof(s->path)];
    int len = snprintf(path, sizeof(path), "%.*s/tollgate.lock", SPAN_ARG(dir));
    if (len < 0 || (size_t)len >= sizeof(path)) {
        snprintf(why, 256, "the name of the data directory is too long");
        return false;
    }
    snprintf(s->path, sizeof(s->path), "%.*s", SPAN_ARG(dir));
    if (mkdir(s->path, 0700) != 0 && errno != EEXIST) {
        snprintf(why, 256, "data directory %.140s cannot be made: %.60s", s->path, strerror(errno));
        return false;
    }
    s->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock < 0) {
        snprintf(why, 256, "%.140s cannot be opened: %.60s", path, strerror(errno));
        return false;
    }
    if (flock(s->lock, LOCK_EX | LOCK_NB) == 0)
        return true;
    snprintf(why, 256, "data directory %.140s is in use by another tollgate", s->path);
    return false;
}

/* Made here, so that nobody else may read it; SQLite gives its log files the same rights. */
static bool make_file(struct store *s, struct span dir, char why[256])
{
    snprintf(s->path, sizeof(s->path), "%.*s/tollgate.db", SPAN_ARG(dir));
    int file = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) {
        snprintf(why, 256, "%.140s cannot be opened: %.60s", s->path, strerror(errno));
        return false;
    }
    close(file);
    return true;
}

static bool prepare_connection(struct store *s, char why[256])
{
    char set[240];
    s->db = sql_open(s->path, SQLITE_OPEN_READWRITE, why);
    if (!s->db)
        return false;
    snprintf(set, sizeof(set), "PRAGMA page_size = %d; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;"
        " PRAGMA wal_autocheckpoint = %d; PRAGMA journal_size_limit = %d", PAGE, WAL_PAGES, 4 * WAL_PAGES * PAGE);
    if (sql_run(s->db, set) != E_OK) {
        snprintf(why, 256, "%.140s cannot be opened: %.80s", s->path, sqlite3_errmsg(s->db));
        return false;
    }
    if (!schema_bring(s->db, why))
        return false;
    for (int i = 0; i < ST_COUNT; i++)
        s->statements[i] = sql_prepare(s->db, statement_texts[i]);
    for (int i = 0; i < ST_COUNT; i++)
        must(s->statements[i] || sqlite3_errcode(s->db) != SQLITE_ERROR); /* a statement that does not fit the tables */
    if (s->statements[ST_COUNT - 1] && chain_tip(s->db, &s->chain) == E_OK && points_load(s) == E_OK)
        return true;
    snprintf(why, 256, "%.140s cannot be read: %.80s", s->path, sqlite3_errmsg(s->db));
    return false;
}

static void init_threads(struct store *s)
{
    pthread_condattr_t monotonic;
    must(pthread_condattr_init(&monotonic) == 0);
    must(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    must(pthread_mutex_init(&s->mutex, NULL) == 0);
    must(pthread_cond_init(&s->wake, &monotonic) == 0);
    must(pthread_cond_init(&s->answer, NULL) == 0);
    must(pthread_condattr_destroy(&monotonic) == 0);
    list_init(&s->jobs);
    atomic_init(&s->healthy, true);
    atomic_init(&s->nudged, false);
}

void store_release(struct store *s)
{
    for (int i = 0; i < ST_COUNT; i++)
        sqlite3_finalize(s->statements[i]);
    batch_free(s);
    buf_free(&s->sweep.from);
    must(sqlite3_close(s->db) == SQLITE_OK);
    if (s->lock >= 0)
        close(s->lock);
    pthread_cond_destroy(&s->answer);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->mutex);
    free(s);
}

struct store *store_open(struct span dir, char why[256])
{
    enum { ACCOUNT_MOST = 1 << 20 };
    struct store *s = calloc(1, sizeof(*s));
    if (!s) {
        snprintf(why, 256, "out of memory");
        return NULL;
    }
    s->lock = -1;
    init_threads(s);
    batch_init(s);
    buf_init(&s->sweep.from, ACCOUNT_MOST);
    if (take_directory(s, dir, why) && make_file(s, dir, why) && prepare_connection(s, why) && backfill(s, why) && rollup_count(s) == E_OK)
        return s;
    store_release(s);
    return NULL;
}

void store_source_add(struct store *s, const struct store_source *source, unsigned writer)
{
    must(!s->running && s->source_count < STORE_SOURCES);
    s->sources[s->source_count++] = (struct source){ .from = *source, .writer = writer };
}

void store_on_commit(struct store *s, void (*committed)(void *self), void *self)
{
    must(!s->running);
    s->committed = committed;
    s->committed_self = self;
}

struct store_pace store_pace(const struct store *s)
{
    return (struct store_pace){ atomic_load_explicit(&s->batches, memory_order_relaxed), atomic_load_explicit(&s->batch_failures, memory_order_relaxed),
        atomic_load_explicit(&s->batch_us, memory_order_relaxed), atomic_load_explicit(&s->batch_rows, memory_order_relaxed),
        atomic_load_explicit(&s->facet_count, memory_order_relaxed) };
}

bool store_healthy(const struct store *s) { return atomic_load(&s->healthy); }

/* ---- replay -------------------------------------------------------------------------------------------------------------- */

static enum err seek_sources(struct store *s)
{
    sqlite3_stmt *q = sql_prepare(s->db, SPAN("SELECT position FROM sources WHERE writer = ?"));
    enum err e = q ? E_OK : E_IO;
    for (size_t i = 0; i < s->source_count && e == E_OK; i++) {
        struct source *from = &s->sources[i];
        sql_bind_i64(q, 1, from->writer);
        if (sql_next(q, &e))
            from->committed = (uint64_t)sqlite3_column_int64(q, 0);
        sqlite3_reset(q);
        from->read = from->committed;
        from->from.seek(from->from.self, from->committed);
    }
    sqlite3_finalize(q);
    return e;
}

static enum err give_back(struct store *s,
    void (*restored)(void *self, struct span account, int64_t slot, int64_t settled, int64_t doubt, int64_t ends_at), void *self)
{
    enum err e = E_IO;
    sqlite3_stmt *q = sql_prepare(s->db, SPAN("SELECT account, slot, settled, doubt, ends_at FROM accounts ORDER BY account, slot"));
    while (q && sql_next(q, &e))
        restored(self, sql_span(q, 0), sqlite3_column_int64(q, 1), sqlite3_column_int64(q, 2), sqlite3_column_int64(q, 3),
            sqlite3_column_int64(q, 4));
    sqlite3_finalize(q);
    return e;
}

/* Larger batches need a larger cache; more or less of it is no reason to fail. */
static void set_replaying(struct store *s, bool on)
{
    char set[64];
    snprintf(set, sizeof(set), "PRAGMA cache_size = -%d", on ? (int)REPLAY_CACHE_KIB : (int)WRITE_CACHE_KIB);
    (void)sqlite3_exec(s->db, set, NULL, NULL, NULL);
    s->replaying = on;
    s->loaded = true; /* there is something to give back in the first quiet moment */
}

enum err store_recover(struct store *s,
    void (*restored)(void *self, struct span account, int64_t slot, int64_t settled, int64_t doubt, int64_t ends_at), void *self)
{
    size_t doubts = 0;
    must(!s->running);
    set_replaying(s, true);
    enum err e = seek_sources(s);
    for (bool more = true; e == E_OK && more;)
        e = batch_run(s, 0, &more);
    set_replaying(s, false);
    if (e == E_OK)
        e = holds_doubt(s, &doubts);
    if (e == E_OK)
        e = points_catch_up(s, true);
    if (e == E_OK)
        e = batch_sync(s);
    s->recovered = e == E_OK;
    if (e == E_OK && restored)
        e = give_back(s, restored, self);
    if (e != E_OK)
        log_error("store", "the replay failed (%.*s): %s", SPAN_ARG(err_code(e)), s->trouble);
    if (doubts)
        log_warn("store", "%zu calls were under way when the gate stopped; their amounts stay reserved, in doubt", doubts);
    return e;
}
