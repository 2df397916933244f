/* SPDX-License-Identifier: Apache-2.0
 * similar_disk.c - the vectors on disk: vectors.db, a row each, sealed under its name: what a text was can be guessed from its vector.
 *
 * A vector lost costs one embedding more, so nothing is synced but at SQLite's checkpoints. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cache/similar_int.h"

enum { PATIENCE_MS = 2000, SEALED_AROUND = 64, PATH_ROOM = 4096 };

struct similar_disk {
    sqlite3 *db;
    sqlite3_stmt *put, *drop, *all, *sweep;
    struct digest seal;
    bool told; /* the last trouble was said */
};

static const char schema[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA secure_delete = ON;"
    "CREATE TABLE IF NOT EXISTS vectors (name BLOB NOT NULL UNIQUE, until INTEGER NOT NULL, sealed BLOB NOT NULL)";

static sqlite3_stmt *prepare(struct similar_disk *d, const char *text)
{
    sqlite3_stmt *q = NULL;
    return sqlite3_prepare_v3(d->db, text, -1, SQLITE_PREPARE_PERSISTENT, &q, NULL) == SQLITE_OK ? q : NULL;
}

static bool prepare_all(struct similar_disk *d)
{
    d->put = prepare(d, "INSERT OR REPLACE INTO vectors (name, until, sealed) VALUES (?1, ?2, ?3)");
    d->drop = prepare(d, "DELETE FROM vectors WHERE name = ?1");
    d->all = prepare(d, "SELECT name, until, sealed FROM vectors WHERE until > ?1 ORDER BY rowid");
    d->sweep = prepare(d, "DELETE FROM vectors WHERE until <= ?1");
    return d->put && d->drop && d->all && d->sweep;
}

struct similar_disk *similar_disk_open(struct span directory, const struct digest *seal, char why[256])
{
    char path[PATH_ROOM];
    int n = snprintf(path, sizeof(path), "%.*s/vectors.db", SPAN_ARG(directory));
    struct similar_disk *d = n > 0 && n < (int)sizeof(path) ? calloc(1, sizeof(*d)) : NULL;
    if (!d) {
        snprintf(why, 256, "the directory's name is too long, or there is no memory");
        return NULL;
    }
    d->seal = *seal;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600); /* ours alone to read */
    if (fd >= 0)
        close(fd);
    int code = sqlite3_open_v2(path, &d->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK && sqlite3_busy_timeout(d->db, PATIENCE_MS) == SQLITE_OK && sqlite3_exec(d->db, schema, NULL, NULL, NULL) == SQLITE_OK &&
        prepare_all(d))
        return d;
    snprintf(why, 256, "%.140s cannot be used: %.80s", path, d->db ? sqlite3_errmsg(d->db) : "out of memory");
    similar_disk_close(d);
    return NULL;
}

void similar_disk_close(struct similar_disk *d)
{
    if (!d)
        return;
    sqlite3_finalize(d->put);
    sqlite3_finalize(d->drop);
    sqlite3_finalize(d->all);
    sqlite3_finalize(d->sweep);
    sqlite3_close(d->db);
    secret_wipe(&d->seal, sizeof(d->seal));
    free(d);
}

/* Said once until it is over. */
static void note(struct similar_disk *d, bool good)
{
    if (!good && !d->told)
        log_error("cache", "vectors.db: %s; what was to be kept there is lost with the next start", sqlite3_errmsg(d->db));
    d->told = !good;
}

static struct span digest_span(const struct digest *d) { return span_make((const char *)d->bytes, DIGEST_LEN); }

static bool bind_name(sqlite3_stmt *q, const struct digest *name) { return sqlite3_bind_blob(q, 1, name->bytes, DIGEST_LEN, SQLITE_STATIC) == SQLITE_OK; }

static bool run(sqlite3_stmt *q)
{
    bool good = sqlite3_step(q) == SQLITE_DONE;
    (void)sqlite3_reset(q);
    (void)sqlite3_clear_bindings(q);
    return good;
}

/* The group, then the components. */
static bool write_vector(struct similar_disk *d, const struct similar_job *job)
{
    size_t most = DIGEST_LEN + job->dimensions * sizeof(int16_t);
    struct buf plain, sealed;
    buf_init(&plain, most);
    buf_init(&sealed, most + SEALED_AROUND);
    buf_put(&plain, digest_span(&job->group));
    buf_put(&plain, span_make((const char *)job->vector, job->dimensions * sizeof(int16_t)));
    seal(&sealed, d->seal.bytes, digest_span(&job->name), buf_span(&plain));
    bool good = !plain.broken && !sealed.broken && bind_name(d->put, &job->name) && sqlite3_bind_int64(d->put, 2, job->until_ms) == SQLITE_OK &&
                sqlite3_bind_blob(d->put, 3, sealed.at, (int)sealed.len, SQLITE_STATIC) == SQLITE_OK && run(d->put);
    buf_free(&plain);
    buf_free(&sealed);
    return good;
}

void similar_disk_apply(struct similar_disk *d, struct list *jobs)
{
    bool good = sqlite3_exec(d->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK;
    for (struct list *i = jobs->next; good && i != jobs; i = i->next) {
        const struct similar_job *job = CONTAINER_OF(i, struct similar_job, link);
        good = job->until_ms ? write_vector(d, job) : bind_name(d->drop, &job->name) && run(d->drop);
    }
    good = good && sqlite3_exec(d->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
    note(d, good);
    if (!good && !sqlite3_get_autocommit(d->db))
        (void)sqlite3_exec(d->db, "ROLLBACK", NULL, NULL, NULL);
}

void similar_disk_sweep(struct similar_disk *d, int64_t now_ms)
{
    note(d, sqlite3_bind_int64(d->sweep, 1, now_ms) == SQLITE_OK && run(d->sweep));
}

/* ---- reading it back ---- */

static bool take_row(struct similar_disk *d, struct similar *s, struct buf *plain)
{
    struct span name = span_make(sqlite3_column_blob(d->all, 0), (size_t)sqlite3_column_bytes(d->all, 0));
    struct span sealed = span_make(sqlite3_column_blob(d->all, 2), (size_t)sqlite3_column_bytes(d->all, 2));
    struct digest id, group;
    buf_clear(plain);
    if (name.len != DIGEST_LEN || !unseal(plain, d->seal.bytes, name, sealed) || plain->len < DIGEST_LEN || (plain->len - DIGEST_LEN) % sizeof(int16_t))
        return false;
    size_t n = (plain->len - DIGEST_LEN) / sizeof(int16_t);
    int16_t v[UNIT_MOST];
    if (n < UNIT_LEAST || n > UNIT_MOST)
        return false;
    memcpy(id.bytes, name.at, DIGEST_LEN);
    memcpy(group.bytes, plain->at, DIGEST_LEN);
    memcpy(v, plain->at + DIGEST_LEN, n * sizeof(int16_t));
    return similar_has(s, &id) || similar_put(s, &group, &id, v, n, sqlite3_column_int64(d->all, 1)) == E_OK;
}

void similar_disk_load(struct similar_disk *d, struct similar *s, int64_t now_ms)
{
    struct buf plain;
    size_t unread = 0;
    int got = SQLITE_ERROR;
    buf_init(&plain, DIGEST_LEN + UNIT_MOST * sizeof(int16_t) + SEALED_AROUND);
    if (sqlite3_bind_int64(d->all, 1, now_ms) == SQLITE_OK)
        while ((got = sqlite3_step(d->all)) == SQLITE_ROW)
            unread += !take_row(d, s, &plain);
    note(d, got == SQLITE_DONE);
    (void)sqlite3_reset(d->all);
    buf_free(&plain);
    if (unread)
        log_error("cache", "vectors.db: %zu vectors cannot be read (another keep_key? damaged?) and are left out", unread);
}
