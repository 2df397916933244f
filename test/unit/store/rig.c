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
    rig_recover(g, start);
}

void rig_recover(struct rig *g, bool start)
{
    for (size_t i = 0; i < g->sources; i++) {
        g->source[i].begun = false;
        struct store_source from = { &g->source[i], read_next, seek, applied, NULL };
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

int64_t rig_verified(struct rig *g)
{
    struct store_verdict v;
    struct store_reader *r = rig_reader(g);
    enum err e = store_verify(r, NULL, NULL, NULL, &v);
    if (e != E_OK)
        test_fail(__FILE__, __LINE__, "row %llu: %s", (unsigned long long)v.bad_id, v.trouble ? v.trouble : "cannot be read");
    store_reader_free(r);
    return v.rows;
}

/* What the columns say, as a worker writes it; what is not there is left out. */
static struct span write_row(struct rig *g, const struct store_record *r)
{
    static const char *const verdicts[] = { "allowed", "denied", "error", "in_doubt" };
    static const char *const kinds[] = { NULL, "settlement", "change", "event" };
    struct buf text;
    buf_init(&text, ROW_MOST);
    struct row_out o = row_out(&text);
    row_number(&o, ROW_ID, (int64_t)r->call);
    row_number(&o, ROW_AT, r->at);
    row_text(&o, ROW_WORKSPACE, r->workspace);
    row_text(&o, ROW_KEY, r->key);
    row_text(&o, ROW_USER, r->user);
    row_text(&o, ROW_RUN, r->run);
    row_text(&o, ROW_STEP, r->step);
    row_text(&o, ROW_VENDOR, r->vendor);
    row_text(&o, ROW_OPERATION, r->operation);
    row_text(&o, ROW_MODEL, r->model);
    row_number(&o, ROW_STATUS, r->status);
    row_text(&o, ROW_VERDICT, span_of(verdicts[r->verdict]));
    row_text(&o, ROW_DENIED, r->denied);
    row_number(&o, ROW_RESERVED, r->reserved);
    row_number(&o, ROW_COST, r->cost);
    row_number(&o, ROW_SETTLED, r->settled);
    row_number(&o, ROW_HELD, r->held);
    row_number(&o, ROW_INPUT_TOKENS, r->tokens_in);
    row_number(&o, ROW_OUTPUT_TOKENS, r->tokens_out);
    row_text(&o, ROW_KIND, span_of(kinds[r->kind]));
    if (r->of)
        row_number(&o, ROW_OF, (int64_t)r->of);
    struct span row = arena_copy(&g->arena, buf_span(&text));
    buf_free(&text);
    return row;
}

struct rig_record rig_row(struct rig *g, uint64_t call)
{
    struct rig_record r = { 0 };
    (void)g;
    r.record = (struct store_record){ .what = STORE_ROW, .call = call, .at = 1700000000000 + (int64_t)call * 1000, .status = 200,
        .settled = true, .cost = 10000000, .reserved = 20000000, .tokens_in = 3, .tokens_out = 4, .count = 1,
        .workspace = SPAN("ws_1"), .key = SPAN("key_a"), .run = SPAN("run_1"), .step = SPAN("plan"), .vendor = SPAN("openai"),
        .operation = SPAN("openai.chat.completions"), .model = SPAN("gpt-4o-mini"), .user = SPAN("ann") };
    r.lines[0] = (struct store_line){ .account = SPAN("key_a/0"), .slot = -1, .held = 20000000, .real = 10000000, .ends_at = RIG_ENDS_AT };
    return r;
}

struct rig_record rig_hold(struct rig *g, uint64_t call, int64_t amount)
{
    struct rig_record r = { 0 };
    r.record = (struct store_record){ .what = STORE_HOLD, .call = call, .at = 1700000000000 + (int64_t)call * 1000, .count = 1 };
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
    r.lines[0] = (struct store_line){ .account = SPAN("key_a/0"), .slot = -1, .held = amount, .ends_at = RIG_ENDS_AT };
    return r;
}

struct rig_record rig_doubt(struct rig *g, uint64_t call, int64_t amount)
{
    struct rig_record r = rig_row(g, call);
    r.record.verdict = 3;
    r.record.settled = false;
    r.record.cost = 0;
    r.record.reserved = amount;
    r.lines[0].held = amount;
    r.lines[0].real = 0;
    r.lines[0].kept = true;
    return r;
}

struct rig_record rig_settlement(struct rig *g, uint64_t id, uint64_t of, int64_t held, int64_t real, struct span outcome)
{
    struct rig_record r = rig_row(g, id);
    struct buf text;
    buf_init(&text, ROW_MOST);
    r.record.kind = STORE_SETTLEMENT;
    r.record.of = of;
    r.record.cost = real;
    r.record.reserved = r.record.tokens_in = r.record.tokens_out = r.record.status = 0;
    r.lines[0].held = held;
    r.lines[0].real = real;
    buf_put(&text, write_row(g, &r.record));
    struct row_out o = row_out(&text);
    row_text(&o, ROW_OUTCOME, outcome);
    r.record.row = arena_copy(&g->arena, buf_span(&text));
    buf_free(&text);
    return r;
}

struct rig_record rig_change(struct rig *g, uint64_t id)
{
    struct rig_record r = { 0 };
    r.record = (struct store_record){ .what = STORE_ROW, .kind = STORE_CHANGE, .call = id, .at = 1700000000000 + (int64_t)id * 1000 };
    struct buf text;
    buf_init(&text, ROW_MOST);
    buf_put(&text, write_row(g, &r.record));
    struct row_out o = row_out(&text);
    row_text(&o, ROW_ACTOR, SPAN("admin"));
    row_text(&o, ROW_ACTION, SPAN("key.create"));
    row_text(&o, ROW_OBJECT, SPAN("key_1"));
    row_text(&o, ROW_AFTER, SPAN("{\"name\":\"a\"}"));
    r.record.row = arena_copy(&g->arena, buf_span(&text));
    buf_free(&text);
    return r;
}

void rig_write(struct rig *g, struct rig_record *r) { r->record.row = write_row(g, &r->record); }

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
    if (r.record.what == STORE_ROW && !r.record.row.at)
        r.record.row = write_row(g, &r.record);
    f->records[f->count++] = r;
    pthread_mutex_unlock(&f->mutex);
    if (g->store)
        store_wake(g->store);
}

#define UNDO_VERSION_4                                                                                                       \
    "DROP TABLE events; DROP TABLE made; DROP TABLE approvals; DROP INDEX doubts_open;"                                      \
    "ALTER TABLE settlements DROP COLUMN mark; ALTER TABLE doubts DROP COLUMN late; PRAGMA user_version = 3;"

#define UNDO_VERSION_5                                                                                                       \
    "DROP TABLE contents; DROP TABLE facets; DROP TABLE hourly; DROP TABLE daily; DROP TABLE users; DROP TABLE upkeep; DROP TABLE speeds;"     \
    "DROP TABLE exports;"                                                                                                      \
    "ALTER TABLE runs DROP COLUMN key; ALTER TABLE runs DROP COLUMN label; ALTER TABLE runs DROP COLUMN mixed;"              \
    "PRAGMA user_version = 4;"

const char rig_undo_version_5[] = UNDO_VERSION_5;
const char rig_undo_version_4[] = UNDO_VERSION_5 UNDO_VERSION_4;
const char rig_undo_version_3[] =
    UNDO_VERSION_5 UNDO_VERSION_4
    "DROP TABLE settlements; DROP TABLE changes; DROP TABLE refused;"
    "CREATE INDEX calls_denied ON calls(id, denied) WHERE denied IS NOT NULL;"
    "ALTER TABLE calls DROP COLUMN of; ALTER TABLE calls DROP COLUMN kind;"
    "DROP INDEX doubts_once; DROP TABLE doubts; DROP TABLE answers; DROP TABLE outbox; DROP TABLE checkpoints;"
    "ALTER TABLE holds DROP COLUMN once; ALTER TABLE holds DROP COLUMN again;"
    "ALTER TABLE accounts RENAME TO accounts_3;"
    "CREATE TABLE accounts("
    " account TEXT PRIMARY KEY, settled INTEGER NOT NULL, doubt INTEGER NOT NULL, resets_at INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO accounts SELECT account, settled, doubt, ends_at FROM accounts_3; DROP TABLE accounts_3;"
    "PRAGMA user_version = 2";

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
