/* SPDX-License-Identifier: Apache-2.0
 * schema.c - one text per version; a file says by its user_version how many of them it has had.
 *
 * A text that was released is never changed: a change is a new text at the end. docs/data.md explains the tables. */
#include "store/schema.h"

#include <stdio.h>

enum { APPLICATION = 0x546f6c6c /* "Toll", in the file's header */ };

/* `calls` is read by id (time-ordered), by run and by key; all else filters what these find. More indexes would cost each
 * call more than they save a query. `hours` bounds the ids of a time range. `chain` lists, one entry a transaction, the
 * ids in the order in which their hashes were chained. */
static const char version_1[] =
    "CREATE TABLE calls("
    " id INTEGER PRIMARY KEY, at INTEGER NOT NULL, verdict INTEGER NOT NULL, status INTEGER NOT NULL,"
    " held INTEGER NOT NULL, settled INTEGER NOT NULL, cost INTEGER NOT NULL, reserved INTEGER NOT NULL,"
    " tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL,"
    " workspace TEXT, key TEXT, run TEXT, step TEXT, vendor TEXT, operation TEXT, model TEXT, denied TEXT, user TEXT,"
    " prev_hash BLOB NOT NULL, hash BLOB NOT NULL, json TEXT NOT NULL);"
    "CREATE INDEX calls_run ON calls(run) WHERE run IS NOT NULL;"
    "CREATE INDEX calls_key ON calls(key);"
    "CREATE INDEX calls_denied ON calls(id, denied) WHERE denied IS NOT NULL;"
    "CREATE TABLE chain(first INTEGER PRIMARY KEY, ids BLOB NOT NULL, hash BLOB NOT NULL);"
    "CREATE TABLE hours(hour INTEGER PRIMARY KEY, lowest INTEGER NOT NULL, highest INTEGER NOT NULL);"
    "CREATE TABLE runs("
    " run TEXT NOT NULL, workspace TEXT NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL,"
    " calls INTEGER NOT NULL, forwarded INTEGER NOT NULL, refused INTEGER NOT NULL, cost INTEGER NOT NULL,"
    " open INTEGER NOT NULL, tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL,"
    " PRIMARY KEY(run, workspace)) WITHOUT ROWID;"
    "CREATE INDEX runs_last ON runs(last_at);"
    "CREATE TABLE accounts("
    " account TEXT PRIMARY KEY, settled INTEGER NOT NULL, doubt INTEGER NOT NULL, resets_at INTEGER NOT NULL)"
    " WITHOUT ROWID;"
    "CREATE TABLE holds(call INTEGER PRIMARY KEY, at INTEGER NOT NULL, json TEXT NOT NULL, lines BLOB NOT NULL);"
    "CREATE TABLE sources(writer INTEGER PRIMARY KEY, position INTEGER NOT NULL);"
    "CREATE TABLE objects("
    " kind TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, created_at INTEGER NOT NULL,"
    " updated_at INTEGER NOT NULL, body TEXT, PRIMARY KEY(kind, id));";

/* Rows in the compact form of rules/row.h instead of JSON. Those that are there stay as they are: their hashes cover them. */
static const char version_2[] =
    "ALTER TABLE calls RENAME TO calls_1;"
    "DROP INDEX calls_run; DROP INDEX calls_key; DROP INDEX calls_denied;"
    "CREATE TABLE calls("
    " id INTEGER PRIMARY KEY, at INTEGER NOT NULL, verdict INTEGER NOT NULL, status INTEGER NOT NULL,"
    " held INTEGER NOT NULL, settled INTEGER NOT NULL, cost INTEGER NOT NULL, reserved INTEGER NOT NULL,"
    " tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL,"
    " workspace TEXT, key TEXT, run TEXT, step TEXT, vendor TEXT, operation TEXT, model TEXT, denied TEXT, user TEXT,"
    " prev_hash BLOB NOT NULL, hash BLOB NOT NULL, row BLOB NOT NULL);"
    "INSERT INTO calls SELECT id, at, verdict, status, held, settled, cost, reserved, tokens_in, tokens_out, workspace, key,"
    " run, step, vendor, operation, model, denied, user, prev_hash, hash, CAST(json AS BLOB) FROM calls_1 ORDER BY id;"
    "DROP TABLE calls_1;"
    "CREATE INDEX calls_run ON calls(run) WHERE run IS NOT NULL;"
    "CREATE INDEX calls_key ON calls(key);"
    "CREATE INDEX calls_denied ON calls(id, denied) WHERE denied IS NOT NULL;"
    "ALTER TABLE holds RENAME TO holds_1;"
    "CREATE TABLE holds(call INTEGER PRIMARY KEY, at INTEGER NOT NULL, row BLOB NOT NULL, lines BLOB NOT NULL);"
    "INSERT INTO holds SELECT call, at, CAST(json AS BLOB), lines FROM holds_1;"
    "DROP TABLE holds_1;";

/* Settlements and admin changes are rows of `calls` too, of another kind; balances have slots; and there is what stands in
 * doubt, what is kept for repeats and to be told, and the signatures. What was in doubt before is taken over as far as it
 * is known: a row never said which accounts it held something on. `refused`, `settlements` and `changes` are indexes by
 * hand: SQLite opens every index of a table for each row, also one that leaves the row out, which is 0.6 us a call. */
static const char version_3[] =
    "ALTER TABLE calls ADD COLUMN kind INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE calls ADD COLUMN of INTEGER;"
    "DROP INDEX calls_denied;"
    "CREATE TABLE refused(id INTEGER PRIMARY KEY);"
    "INSERT INTO refused SELECT id FROM calls WHERE denied IS NOT NULL ORDER BY id;"
    "CREATE TABLE changes(number INTEGER PRIMARY KEY, id INTEGER NOT NULL);"
    "CREATE TABLE settlements(of INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY(of, id)) WITHOUT ROWID;"
    "ALTER TABLE accounts RENAME TO accounts_2;"
    "CREATE TABLE accounts("
    " account TEXT NOT NULL, slot INTEGER NOT NULL, settled INTEGER NOT NULL, doubt INTEGER NOT NULL,"
    " ends_at INTEGER NOT NULL, PRIMARY KEY(account, slot)) WITHOUT ROWID;"
    "INSERT INTO accounts SELECT account, -1, settled, doubt, resets_at FROM accounts_2 ORDER BY account;"
    "DROP TABLE accounts_2;"
    "ALTER TABLE holds ADD COLUMN once BLOB;"
    "ALTER TABLE holds ADD COLUMN again BLOB;"
    "CREATE TABLE doubts("
    " call INTEGER PRIMARY KEY, at INTEGER NOT NULL, reserved INTEGER NOT NULL, once BLOB, again BLOB, lines BLOB NOT NULL);"
    "CREATE INDEX doubts_once ON doubts(once) WHERE once IS NOT NULL;"
    "INSERT INTO doubts SELECT id, at, reserved, NULL, NULL, x'' FROM calls WHERE verdict = 3 ORDER BY id;"
    "CREATE TABLE answers("
    " once BLOB PRIMARY KEY NOT NULL, call INTEGER NOT NULL, at INTEGER NOT NULL, until INTEGER NOT NULL, bytes BLOB NOT NULL);"
    "CREATE INDEX answers_until ON answers(until);"
    "CREATE TABLE outbox("
    " id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, body TEXT NOT NULL, at INTEGER NOT NULL, until INTEGER NOT NULL,"
    " next_at INTEGER NOT NULL, tries INTEGER NOT NULL, pending TEXT, trouble TEXT, done INTEGER NOT NULL);"
    "CREATE INDEX outbox_due ON outbox(next_at) WHERE done = 0;"
    "CREATE TABLE checkpoints("
    " rows INTEGER PRIMARY KEY, at INTEGER NOT NULL, hash BLOB NOT NULL, signature BLOB NOT NULL, key BLOB NOT NULL);";

/* `doubts` also has calls whose price comes later (late), and a settlement says what it was to one: `mark`, store/doubts.c. What the
 * vendor told of a call stands in `events`; `made` names what calls made there: rows that are older than it are not in it.
 * doubts_open leaves out what is late, of which there may be many. */
static const char version_4[] =
    "ALTER TABLE doubts ADD COLUMN late INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX doubts_open ON doubts(call) WHERE late = 0;"
    "ALTER TABLE settlements ADD COLUMN mark INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE events(of INTEGER NOT NULL, id INTEGER NOT NULL, PRIMARY KEY(of, id)) WITHOUT ROWID;"
    "CREATE TABLE made(id INTEGER PRIMARY KEY, credential TEXT, object TEXT NOT NULL);"
    "CREATE TABLE approvals("
    " id TEXT PRIMARY KEY NOT NULL, call INTEGER NOT NULL, at INTEGER NOT NULL, until INTEGER NOT NULL, bytes BLOB NOT NULL);"
    "CREATE INDEX approvals_at ON approvals(at);"
    "CREATE INDEX approvals_until ON approvals(until);";

/* Sums over rows by the hour and the day in which each began (rollup.c), for each combination of dimensions that there was: `facets`. `ids`
 * are the calls of that hour, while they are few. By user there are sums of quarters of a day (users.c): "" is none. Rows that were there before are added by and by: `upkeep` says how far that is.
 * A run has the key and the label of its first call; `mixed`: 1: calls with other keys may be there, 2: with other labels. How far each
 * export of the chain is: `exports`. */
static const char version_5[] =
    "CREATE TABLE exports(name TEXT PRIMARY KEY NOT NULL, position INTEGER NOT NULL, at INTEGER NOT NULL, note TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE facets("
    " id INTEGER PRIMARY KEY, name BLOB NOT NULL UNIQUE, workspace TEXT, key TEXT, vendor TEXT, operation TEXT, model TEXT,"
    " denied TEXT, credential TEXT, label TEXT, verdict INTEGER NOT NULL, status INTEGER NOT NULL);"
    "CREATE TABLE hourly("
    " at INTEGER NOT NULL, facet INTEGER NOT NULL, calls INTEGER NOT NULL, forwarded INTEGER NOT NULL, cost INTEGER NOT NULL,"
    " tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL,"
    " ids BLOB NOT NULL, PRIMARY KEY(at, facet)) WITHOUT ROWID;"
    "CREATE TABLE daily("
    " at INTEGER NOT NULL, facet INTEGER NOT NULL, calls INTEGER NOT NULL, forwarded INTEGER NOT NULL, cost INTEGER NOT NULL,"
    " tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL,"
    " PRIMARY KEY(at, facet)) WITHOUT ROWID;"
    "CREATE TABLE users("
    " at INTEGER NOT NULL, workspace TEXT NOT NULL, user TEXT NOT NULL, calls INTEGER NOT NULL, forwarded INTEGER NOT NULL,"
    " refused INTEGER NOT NULL, errors INTEGER NOT NULL, cost INTEGER NOT NULL, tokens_in INTEGER NOT NULL, tokens_out INTEGER NOT NULL,"
    " first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, PRIMARY KEY(at, workspace, user)) WITHOUT ROWID;"
    "CREATE TABLE contents("
    " call INTEGER PRIMARY KEY, at INTEGER NOT NULL, until INTEGER NOT NULL, workspace TEXT, key TEXT, run TEXT, user TEXT,"
    " bytes BLOB NOT NULL);"
    "CREATE INDEX contents_until ON contents(until);"
    "CREATE INDEX contents_run ON contents(run) WHERE run IS NOT NULL;"
    "CREATE INDEX contents_key ON contents(key);"
    "CREATE INDEX contents_user ON contents(user) WHERE user IS NOT NULL;"
    "CREATE TABLE upkeep(name TEXT PRIMARY KEY, done INTEGER NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT INTO upkeep SELECT 'rollups', 0, coalesce(max(id), 0) FROM calls;"
    "CREATE TABLE speeds("
    " at INTEGER NOT NULL, workspace TEXT NOT NULL, vendor TEXT NOT NULL, operation TEXT NOT NULL, model TEXT NOT NULL, credential TEXT NOT NULL,"
    " calls INTEGER NOT NULL, errors INTEGER NOT NULL, refused INTEGER NOT NULL, cost INTEGER NOT NULL, tokens_in INTEGER NOT NULL,"
    " tokens_out INTEGER NOT NULL, bins BLOB NOT NULL, PRIMARY KEY(at, workspace, vendor, operation, model, credential)) WITHOUT ROWID;"
    "ALTER TABLE runs ADD COLUMN key TEXT;"
    "ALTER TABLE runs ADD COLUMN label TEXT;"
    "ALTER TABLE runs ADD COLUMN mixed INTEGER NOT NULL DEFAULT 3;";

static const char *const versions[] = { version_1, version_2, version_3, version_4, version_5 };
enum { VERSIONS = sizeof(versions) / sizeof(versions[0]) };

static bool ask(sqlite3 *db, struct span text, int64_t *out)
{
    sqlite3_stmt *q = sql_prepare(db, text);
    bool there = q && sqlite3_step(q) == SQLITE_ROW;
    if (there)
        *out = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return there;
}

static bool refuse(sqlite3 *db, char why[256])
{
    snprintf(why, 256, "the database cannot be prepared: %.180s", sqlite3_errmsg(db));
    return false;
}

static bool migrate(sqlite3 *db, int64_t version)
{
    char mark[96];
    snprintf(mark, sizeof(mark), "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT", APPLICATION, (int)version + 1);
    if (sql_run(db, "BEGIN IMMEDIATE") != E_OK)
        return false;
    return sql_run(db, versions[version]) == E_OK && sql_run(db, mark) == E_OK;
}

bool schema_check(sqlite3 *db, bool *older, char why[256])
{
    int64_t application = 0, version = 0;
    if (!ask(db, SPAN("PRAGMA application_id"), &application) || !ask(db, SPAN("PRAGMA user_version"), &version)) {
        snprintf(why, 256, "the database cannot be read: %.180s", sqlite3_errmsg(db));
        return false;
    }
    if (application == APPLICATION && version == VERSIONS)
        return true;
    if (older && application == APPLICATION && version < VERSIONS)
        *older = true;
    if (application != APPLICATION)
        snprintf(why, 256, "this is no database of a tollgate");
    else
        snprintf(why, 256, "its tables have version %lld, this tollgate reads %d: %s", (long long)version, (int)VERSIONS,
            version > VERSIONS ? "use the one that wrote it" : "start the gate on it once, which brings it up");
    return false;
}

bool schema_bring(sqlite3 *db, char why[256])
{
    int64_t application = 0, version = 0, tables = 0;
    if (!ask(db, SPAN("PRAGMA application_id"), &application) || !ask(db, SPAN("PRAGMA user_version"), &version) ||
        !ask(db, SPAN("SELECT count(*) FROM sqlite_schema"), &tables))
        return refuse(db, why);
    if (application != APPLICATION && (application || version || tables)) {
        snprintf(why, 256, "tollgate.db is a database of another program");
        return false;
    }
    if (version > VERSIONS) {
        snprintf(why, 256,
            "tollgate.db was written by a newer tollgate (version %lld of its tables; this one knows %d): use that one",
            (long long)version, (int)VERSIONS);
        return false;
    }
    for (; version < VERSIONS; version++) {
        if (!migrate(db, version)) {
            refuse(db, why);
            (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
            return false;
        }
    }
    return true;
}
