/* SPDX-License-Identifier: Apache-2.0
 * vault.c - see vault.h. Nothing in it is worth a sync: after a power cut it may be damaged, and is then started anew. */
#include "cache/vault.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "cache/label.h"

enum { VERSION = 1, PATH_MOST = 4096, EVICT_STEP = 64, ENTRY_OVERHEAD = 160, PAGE = 4096, USED_STEP_MS = 60 * 1000, PURGE_STEP = 500, COMPLAIN_MS = 10 * 60 * 1000, BODY_MOST = 256 << 20 };

enum statement { FIND, USED, PUT, DROP, OLDEST, EXPIRE, PURGE, LAST, STEP, SUMS, STATEMENTS };

static const char *const texts[STATEMENTS] = {
    [FIND] = "SELECT id, call, at, until, cost, used, label, sealed FROM entries WHERE name = ?1",
    [USED] = "UPDATE entries SET used = ?2 WHERE id = ?1",
    [PUT] = "INSERT INTO entries(name, call, at, until, cost, used, bytes, label, sealed) VALUES(?1, ?2, ?3, ?4, ?5, ?3, ?6, ?7, ?8)",
    [DROP] = "DELETE FROM entries WHERE name = ?1 RETURNING bytes, name",
    [OLDEST] = "DELETE FROM entries WHERE id IN (SELECT id FROM entries ORDER BY used LIMIT ?1) RETURNING bytes, name",
    [EXPIRE] = "DELETE FROM entries WHERE until <= ?1 RETURNING bytes, name",
    [PURGE] = "DELETE FROM entries WHERE id > ?1 AND id <= ?2 AND to_go(label) RETURNING bytes, name",
    [LAST] = "SELECT coalesce(max(id), 0) FROM entries WHERE id > ?1",
    [STEP] = "SELECT id FROM entries WHERE id > ?1 ORDER BY id LIMIT 1 OFFSET ?2",
    [SUMS] = "SELECT count(*), coalesce(sum(bytes), 0) FROM entries",
};

static const char schema[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096; PRAGMA trusted_schema = OFF;"
                             "PRAGMA journal_size_limit = 8388608;"
                             "CREATE TABLE IF NOT EXISTS entries(id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, call INTEGER NOT NULL, at INTEGER NOT NULL,"
                             " until INTEGER NOT NULL, cost INTEGER NOT NULL, used INTEGER NOT NULL, bytes INTEGER NOT NULL, label BLOB NOT NULL, sealed BLOB NOT NULL);"
                             "CREATE INDEX IF NOT EXISTS entries_used ON entries(used);"
                             "CREATE INDEX IF NOT EXISTS entries_until ON entries(until);"
                             "PRAGMA user_version = 1";

struct vault {
    sqlite3 *db; /* NULL: it could not be opened again */
    sqlite3_stmt *statements[STATEMENTS];
    char path[PATH_MOST];
    struct digest seal;
    int64_t most, entries, bytes;
    int puts;          /* since what expired was looked for */
    int64_t complained_ms; /* when it was said last; 0: never */
    bool replacing;    /* what is deleted comes again */
    struct vault_hooks hooks;
    const struct cache_purge *purge; /* while one runs */
    struct buf plain, label;
};

static bool is_damaged(int code)
{
    code &= 0xff;
    return code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_SCHEMA || code == SQLITE_MISMATCH;
}

/* ---- opening ---- */

static void to_go(sqlite3_context *context, int count, sqlite3_value **values)
{
    const struct vault *t = sqlite3_user_data(context);
    (void)count;
    struct span label = span_make(sqlite3_value_blob(values[0]), (size_t)sqlite3_value_bytes(values[0]));
    sqlite3_result_int(context, label_matches(label.at ? label : SPAN(""), t->purge));
}

static void shut(struct vault *t)
{
    for (int i = 0; i < STATEMENTS; i++) {
        sqlite3_finalize(t->statements[i]);
        t->statements[i] = NULL;
    }
    sqlite3_close(t->db);
    t->db = NULL;
}

static int user_version(sqlite3 *db)
{
    sqlite3_stmt *q = NULL;
    int version = -1;
    if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
        version = sqlite3_column_int(q, 0);
    sqlite3_finalize(q);
    return version;
}

static int read_sums(struct vault *t)
{
    sqlite3_stmt *q = t->statements[SUMS];
    int code = sqlite3_step(q);
    if (code == SQLITE_ROW) {
        t->entries = sqlite3_column_int64(q, 0);
        t->bytes = sqlite3_column_int64(q, 1);
        code = SQLITE_OK;
    }
    sqlite3_reset(q);
    return code;
}

/* Once; the file is ours alone to read. */
static int open_file(struct vault *t)
{
    char limit[96];
    int fd = open(t->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return SQLITE_CANTOPEN;
    close(fd);
    int code = sqlite3_open_v2(t->path, &t->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (code == SQLITE_OK && user_version(t->db) > 0 && user_version(t->db) != VERSION)
        code = SQLITE_NOTADB;
    if (code == SQLITE_OK)
        code = sqlite3_exec(t->db, schema, NULL, NULL, NULL);
    const long long most = t->most, pages = (most + most / 4) / PAGE + 256;
    snprintf(limit, sizeof(limit), "PRAGMA max_page_count = %lld", pages);
    if (code == SQLITE_OK)
        code = sqlite3_exec(t->db, limit, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_create_function_v2(t->db, "to_go", 1, SQLITE_UTF8, t, to_go, NULL, NULL, NULL);
    for (int i = 0; code == SQLITE_OK && i < STATEMENTS; i++)
        code = sqlite3_prepare_v3(t->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &t->statements[i], NULL);
    return code == SQLITE_OK ? read_sums(t) : code;
}

static void remove_files(const struct vault *t)
{
    static const char *const ends[] = { "", "-wal", "-shm", "-journal" };
    char path[PATH_MOST + 16];
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", t->path, ends[i]);
        (void)unlink(path);
    }
}

static bool start_anew(struct vault *t)
{
    log_warn("cache", "%s is damaged and started anew; what was kept in it is asked for again", t->path);
    shut(t);
    remove_files(t);
    t->entries = t->bytes = 0;
    if (open_file(t) == SQLITE_OK)
        return true;
    shut(t);
    log_warn("cache", "%s cannot be made; answers are kept in memory only", t->path);
    return false;
}

struct vault *vault_open(struct span directory, const struct digest *seal, int64_t most_bytes, const struct vault_hooks *hooks, char why[256])
{
    struct vault *t = calloc(1, sizeof(*t));
    snprintf(why, 256, "out of memory");
    if (!t)
        return NULL;
    t->seal = *seal;
    t->most = most_bytes;
    t->hooks = *hooks;
    buf_init(&t->plain, BODY_MOST);
    buf_init(&t->label, LABEL_MOST);
    int n = snprintf(t->path, sizeof(t->path), "%.*s/cache.db", SPAN_ARG(directory));
    must(sqlite3_initialize() == SQLITE_OK);
    int code = n > 0 && (size_t)n < sizeof(t->path) ? open_file(t) : SQLITE_CANTOPEN;
    if (code == SQLITE_OK || ((is_damaged(code) || (code & 0xff) == SQLITE_ERROR) && start_anew(t)))
        return t;
    snprintf(why, 256, "%.140s: %.80s", t->path, t->db ? sqlite3_errmsg(t->db) : "cannot be opened");
    vault_close(t);
    return NULL;
}

void vault_close(struct vault *t)
{
    shut(t);
    secret_wipe(&t->seal, sizeof(t->seal));
    if (t->plain.at)
        secret_wipe(t->plain.at, t->plain.len);
    buf_free(&t->plain);
    buf_free(&t->label);
    free(t);
}

int64_t vault_entries(const struct vault *t) { return t->entries; }
int64_t vault_bytes(const struct vault *t) { return t->bytes; }

/* ---- running ---- */

static struct span column(sqlite3_stmt *q, int at)
{
    const void *bytes = sqlite3_column_blob(q, at);
    return span_make(bytes ? bytes : "", (size_t)sqlite3_column_bytes(q, at));
}

static void tell_gone(const struct vault *t, struct span name)
{
    struct digest d;
    if (name.len != DIGEST_LEN || !t->hooks.gone)
        return;
    memcpy(d.bytes, name.at, DIGEST_LEN);
    t->hooks.gone(t->hooks.self, &d);
}

static void complain(struct vault *t, const char *what, int code)
{
    int64_t now = clock_unix_ms();
    if (t->complained_ms && now - t->complained_ms < COMPLAIN_MS && now >= t->complained_ms)
        return;
    log_warn("cache", "%s: %s (%s); answers are kept in memory meanwhile", t->path, what, sqlite3_errstr(code));
    t->complained_ms = now;
}

/* False: it failed; where the file is damaged there is a fresh one now. Rows that a deletion returns are what it freed. */
static bool run(struct vault *t, enum statement which, const char *what)
{
    int code;
    sqlite3_stmt *q = t->statements[which];
    while ((code = sqlite3_step(q)) == SQLITE_ROW) {
        t->entries--;
        t->bytes -= sqlite3_column_int64(q, 0);
        if (!t->replacing)
            tell_gone(t, column(q, 1));
    }
    sqlite3_reset(q);
    sqlite3_clear_bindings(q);
    if (code == SQLITE_DONE)
        return true;
    if (is_damaged(code)) {
        (void)start_anew(t);
        return false;
    }
    complain(t, what, code);
    (void)read_sums(t); /* what it had begun was undone */
    return false;
}

static void bind(sqlite3_stmt *q, int at, struct span bytes)
{
    must(sqlite3_bind_blob64(q, at, bytes.len ? bytes.at : "", bytes.len, SQLITE_STATIC) == SQLITE_OK);
}

static void bind_i64(sqlite3_stmt *q, int at, int64_t n) { must(sqlite3_bind_int64(q, at, n) == SQLITE_OK); }
static struct span name_of(const struct digest *d) { return span_make((const char *)d->bytes, DIGEST_LEN); }

/* What an entry is sealed with beside the key: another name, another time, another price open nothing. */
static struct span bound_of(const struct digest *name, const struct cached_answer *a, char out[DIGEST_LEN + 4 * sizeof(int64_t)])
{
    const int64_t numbers[] = { (int64_t)a->call, a->at_ms, a->until_ms, a->cost };
    memcpy(out, name->bytes, DIGEST_LEN);
    memcpy(out + DIGEST_LEN, numbers, sizeof(numbers));
    return span_make(out, DIGEST_LEN + sizeof(numbers));
}

static void drop(struct vault *t, const struct digest *name)
{
    bind(t->statements[DROP], 1, name_of(name));
    (void)run(t, DROP, "cannot be written");
}

static void note_use(struct vault *t, int64_t id, int64_t used, int64_t now_ms)
{
    if (now_ms - used < USED_STEP_MS)
        return;
    bind_i64(t->statements[USED], 1, id);
    bind_i64(t->statements[USED], 2, now_ms);
    (void)run(t, USED, "cannot be written");
}

static bool read_entry(struct vault *t, const struct digest *name, sqlite3_stmt *q, struct cached_answer *out)
{
    char bound[DIGEST_LEN + 4 * sizeof(int64_t)];
    out->call = (uint64_t)sqlite3_column_int64(q, 1);
    out->at_ms = sqlite3_column_int64(q, 2);
    out->until_ms = sqlite3_column_int64(q, 3);
    out->cost = sqlite3_column_int64(q, 4);
    buf_clear(&t->plain);
    buf_clear(&t->label);
    buf_put(&t->label, column(q, 6));
    bool opened = unseal(&t->plain, t->seal.bytes, bound_of(name, out, bound), column(q, 7));
    out->body = buf_span(&t->plain);
    return opened && !t->plain.broken && !t->label.broken;
}

bool vault_find(struct vault *t, const struct digest *name, int64_t now_ms, struct cached_answer *out, struct span *label)
{
    if (!t->db)
        return false;
    sqlite3_stmt *q = t->statements[FIND];
    bind(q, 1, name_of(name));
    int code = sqlite3_step(q);
    bool there = code == SQLITE_ROW, good = there && read_entry(t, name, q, out);
    int64_t id = there ? sqlite3_column_int64(q, 0) : 0, used = there ? sqlite3_column_int64(q, 5) : 0;
    sqlite3_reset(q);
    sqlite3_clear_bindings(q);
    *label = buf_span(&t->label);
    if (is_damaged(code))
        (void)start_anew(t);
    else if (!there && code != SQLITE_DONE)
        complain(t, "cannot be read", code);
    else if (there && (!good || now_ms >= out->until_ms))
        drop(t, name);
    else if (there)
        note_use(t, id, used, now_ms);
    return good && now_ms < out->until_ms;
}

/* ---- bounds ---- */

static void make_room(struct vault *t, int64_t most)
{
    for (int64_t before = -1; t->db && t->bytes > most && t->entries != before;) {
        before = t->entries;
        bind_i64(t->statements[OLDEST], 1, EVICT_STEP);
        if (!run(t, OLDEST, "cannot be written"))
            return;
    }
}

static void expire(struct vault *t, int64_t now_ms)
{
    enum { EVERY = 256 };
    if (t->puts++ % EVERY || !t->db)
        return;
    bind_i64(t->statements[EXPIRE], 1, now_ms);
    (void)run(t, EXPIRE, "cannot be written");
}

static bool insert(struct vault *t, const struct digest *name, struct span label, const struct cached_answer *a, struct span sealed)
{
    int64_t bytes = (int64_t)(sealed.len + label.len) + ENTRY_OVERHEAD;
    t->replacing = true;
    drop(t, name);
    t->replacing = false;
    if (!t->db)
        return false;
    sqlite3_stmt *q = t->statements[PUT];
    bind(q, 1, name_of(name));
    bind_i64(q, 2, (int64_t)a->call);
    bind_i64(q, 3, a->at_ms);
    bind_i64(q, 4, a->until_ms);
    bind_i64(q, 5, a->cost);
    bind_i64(q, 6, bytes);
    bind(q, 7, label);
    bind(q, 8, sealed);
    if (!run(t, PUT, "cannot be written"))
        return false;
    t->entries++;
    t->bytes += bytes;
    return true;
}

bool vault_put(struct vault *t, const struct digest *name, struct span label, const struct cached_answer *answer)
{
    char bound[DIGEST_LEN + 4 * sizeof(int64_t)];
    if (!t->db)
        return false;
    expire(t, answer->at_ms);
    buf_clear(&t->plain);
    seal(&t->plain, t->seal.bytes, bound_of(name, answer, bound), answer->body);
    if (t->plain.broken || !t->db || (int64_t)t->plain.len > t->most)
        return false;
    bool good = insert(t, name, label, answer, buf_span(&t->plain));
    if (!good && t->db) { /* perhaps it is full: its own bound, or the disk */
        make_room(t, t->bytes - t->bytes / 4 - 1);
        good = t->db && insert(t, name, label, answer, buf_span(&t->plain));
    }
    make_room(t, t->most);
    return good;
}

/* ---- purging ---- */

/* One number, or `otherwise` where there is none. */
static int64_t ask_number(struct vault *t, enum statement which, int64_t first, int64_t otherwise)
{
    sqlite3_stmt *q = t->statements[which];
    bind_i64(q, 1, first);
    if (which == STEP)
        bind_i64(q, 2, PURGE_STEP - 1);
    int64_t n = sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int64(q, 0) : otherwise;
    sqlite3_reset(q);
    return n;
}

void vault_purge_begin(struct vault *t, struct vault_walk *w) { *w = (struct vault_walk){ .last = t->db ? ask_number(t, LAST, 0, INT64_MAX) : 0 }; }

bool vault_purge_step(struct vault *t, const struct cache_purge *what, struct vault_walk *w)
{
    if (!t->db || w->at >= w->last)
        return false;
    int64_t before = t->entries, to = ask_number(t, STEP, w->at, w->last);
    bind_i64(t->statements[PURGE], 1, w->at);
    bind_i64(t->statements[PURGE], 2, to);
    t->purge = what;
    bool good = run(t, PURGE, "cannot be purged");
    if (!good && t->db)
        (void)start_anew(t); /* what was to go must not come back */
    t->purge = NULL;
    w->gone += (size_t)(before > t->entries ? before - t->entries : 0);
    w->at = good ? to : w->last;
    return w->at < w->last;
}
