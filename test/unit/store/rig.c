/* SPDX-License-Identifier: Apache-2.0
 * rig.c - the fake journals enforce the real ones' rules: lines are scratch space, nothing is read before what was applied. */
#include "test/unit/store/rig.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "rules/row.h"

enum { TEXT_MOST = 1 << 30, ROW_MOST = 4096 };

static bool read_next(void *self, struct store_record *out)
{
    struct rig_source *f = self;
    pthread_mutex_lock(&f->mutex);
    f->begun = true;
    bool some = f->next < f->count;
    if (some) {
        const struct rig_record *r = &f->records[f->next++];
        memcpy(f->scratch, r->lines, sizeof(f->scratch));
        *out = r->record;
        out->lines = f->scratch;
    }
    pthread_mutex_unlock(&f->mutex);
    return some;
}

static void seek(void *self, uint64_t position)
{
    struct rig_source *f = self;
    pthread_mutex_lock(&f->mutex);
    f->wronged = f->wronged || f->begun || position < f->applied;
    f->next = (size_t)(position / 10);
    pthread_mutex_unlock(&f->mutex);
}

static void applied(void *self, uint64_t position)
{
    struct rig_source *f = self;
    pthread_mutex_lock(&f->mutex);
    f->wronged = f->wronged || position < f->applied || position > f->count * 10;
    if (!f->deaf)
        f->applied = position;
    pthread_mutex_unlock(&f->mutex);
}

void rig_init(struct rig *g, size_t sources)
{
    memset(g, 0, sizeof(*g));
    strcpy(g->dir, "/tmp/tollgate-store-XXXXXX");
    must(mkdtemp(g->dir));
    g->sources = sources;
    arena_init(&g->arena, TEXT_MOST);
    for (size_t i = 0; i < sources; i++)
        must(pthread_mutex_init(&g->source[i].mutex, NULL) == 0);
}

void rig_open(struct rig *g, bool start)
{
    char why[256] = "";
    g->store = store_open(span_of(g->dir), why);
    if (!g->store) {
        test_fail(__FILE__, __LINE__, "store_open: %s", why);
        must(g->store);
    }
    for (size_t i = 0; i < g->sources; i++) {
        g->source[i].begun = false;
        struct store_source from = { &g->source[i], read_next, seek, applied };
        store_source_add(g->store, &from, (unsigned)i);
    }
    CHECK_INT(store_recover(g->store, NULL, NULL), E_OK);
    if (start)
        CHECK_INT(store_start(g->store), E_OK);
}

void rig_close(struct rig *g)
{
    store_close(g->store);
    g->store = NULL;
}

static void shell(const char *format, const char *a, const char *b)
{
    char command[256];
    snprintf(command, sizeof(command), format, a, b);
    must(system(command) == 0);
}

void rig_crash(struct rig *g)
{
    char copy[64] = "/tmp/tollgate-store-XXXXXX";
    must(mkdtemp(copy));
    shell("cp %s/tollgate.db* %s/", g->dir, copy);
    for (size_t i = 0; i < g->sources; i++)
        g->source[i].deaf = true;
    rig_close(g);
    for (size_t i = 0; i < g->sources; i++)
        g->source[i].deaf = false;
    shell("rm -rf %s%s", g->dir, "");
    strcpy(g->dir, copy);
}

void rig_free(struct rig *g)
{
    rig_close(g);
    for (size_t i = 0; i < g->sources; i++) {
        CHECK(!g->source[i].wronged);
        free(g->source[i].records);
        pthread_mutex_destroy(&g->source[i].mutex);
    }
    arena_free(&g->arena);
    shell("rm -rf %s%s", g->dir, "");
}

struct store_reader *rig_reader(struct rig *g)
{
    char why[256] = "";
    struct store_reader *r = store_reader_new(g->store, why);
    if (!r)
        test_fail(__FILE__, __LINE__, "store_reader_new: %s", why);
    must(r);
    return r;
}

struct rig_record rig_row(struct rig *g, uint64_t call)
{
    struct rig_record r = { 0 };
    r.record = (struct store_record){ .ended = true, .call = call, .at = 1700000000000 + (int64_t)call * 1000, .status = 200,
        .settled = true, .cost = 10000000, .reserved = 20000000, .tokens_in = 3, .tokens_out = 4, .count = 1,
        .workspace = SPAN("ws_1"), .key = SPAN("key_a"), .run = SPAN("run_1"), .step = SPAN("plan"), .vendor = SPAN("openai"),
        .operation = SPAN("openai.chat.completions"), .model = SPAN("gpt-4o-mini"), .user = SPAN("ann") };
    struct buf text;
    buf_init(&text, ROW_MOST);
    struct row_out o = row_out(&text);
    row_number(&o, ROW_ID, (int64_t)call);
    row_text(&o, ROW_VENDOR, r.record.vendor);
    r.record.row = arena_copy(&g->arena, buf_span(&text));
    buf_free(&text);
    r.lines[0] = (struct store_line){ .account = SPAN("key_a/0"), .held = 20000000, .real = 10000000, .resets_at = RIG_RESETS_AT };
    return r;
}

struct rig_record rig_hold(struct rig *g, uint64_t call, int64_t amount)
{
    struct rig_record r = { 0 };
    r.record = (struct store_record){ .ended = false, .call = call, .at = 1700000000000 + (int64_t)call * 1000, .count = 1 };
    struct buf text;
    buf_init(&text, ROW_MOST);
    struct row_out o = row_out(&text);
    row_number(&o, ROW_ID, (int64_t)call);
    row_text(&o, ROW_WORKSPACE, SPAN("ws_1"));
    row_text(&o, ROW_KEY, SPAN("key_a"));
    row_text(&o, ROW_RUN, SPAN("run_1"));
    row_text(&o, ROW_VENDOR, SPAN("stripe"));
    row_text(&o, ROW_OPERATION, SPAN("stripe.charges.create"));
    row_number(&o, ROW_RESERVED, 20000000);
    r.record.row = arena_copy(&g->arena, buf_span(&text));
    buf_free(&text);
    r.lines[0] = (struct store_line){ .account = SPAN("key_a/0"), .held = amount, .resets_at = RIG_RESETS_AT };
    return r;
}

void rig_append(struct rig *g, size_t source, struct rig_record r)
{
    struct rig_source *f = &g->source[source];
    pthread_mutex_lock(&f->mutex);
    if (f->count == f->room) {
        f->room = f->room ? f->room * 2 : 64;
        f->records = realloc(f->records, f->room * sizeof(*f->records));
        must(f->records);
    }
    r.record.position = (f->count + 1) * 10;
    f->records[f->count++] = r;
    pthread_mutex_unlock(&f->mutex);
    if (g->store)
        store_wake(g->store);
}

static sqlite3 *side_door(struct rig *g)
{
    sqlite3 *db;
    char path[128];
    snprintf(path, sizeof(path), "%s/tollgate.db", g->dir);
    must(sqlite3_open(path, &db) == SQLITE_OK);
    must(sqlite3_busy_timeout(db, 5000) == SQLITE_OK);
    return db;
}

int64_t rig_ask(struct rig *g, const char *sql)
{
    sqlite3 *db = side_door(g);
    sqlite3_stmt *q;
    must(sqlite3_prepare_v2(db, sql, -1, &q, NULL) == SQLITE_OK);
    int64_t n = sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int64(q, 0) : -1;
    sqlite3_finalize(q);
    sqlite3_close(db);
    return n;
}

void rig_do(struct rig *g, const char *sql)
{
    sqlite3 *db = side_door(g);
    char *why = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        test_fail(__FILE__, __LINE__, "%s: %s", sql, why);
    sqlite3_free(why);
    sqlite3_close(db);
}
