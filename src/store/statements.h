/* SPDX-License-Identifier: Apache-2.0
 * statements.h - what the writer's connection does, prepared once. Parameters are bound in the order written.
 *
 * The CASEs hold a sum at the largest and the smallest integer, where plain SQL would turn it into a double. (The smallest
 * one is written as a difference: with a minus before it, its digits alone would be a double.) */
#define GROW(column)                                                                                             \
    column " = CASE WHEN excluded." column " > 0 AND " column " > 9223372036854775807 - excluded." column        \
           " THEN 9223372036854775807 WHEN excluded." column " < 0 AND " column                                  \
           " < (-9223372036854775807 - 1) - excluded." column " THEN (-9223372036854775807 - 1)"                 \
           " ELSE " column " + excluded." column " END"

STATEMENT(BEGIN, "BEGIN IMMEDIATE")
STATEMENT(COMMIT, "COMMIT")
#define INTO_CALLS                                                                                                       \
    "INSERT OR IGNORE INTO calls(id, at, verdict, status, held, settled, cost, reserved, tokens_in, tokens_out, workspace,"  \
    " key, run, step, vendor, operation, model, denied, user, prev_hash, hash, row, kind, of) VALUES"
#define A_ROW "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
#define FOUR_ROWS A_ROW "," A_ROW "," A_ROW "," A_ROW
STATEMENT(CALL, INTO_CALLS A_ROW)
STATEMENT(CALLS, INTO_CALLS FOUR_ROWS "," FOUR_ROWS "," FOUR_ROWS "," FOUR_ROWS) /* as many as inserts.c says */
#undef INTO_CALLS
#undef A_ROW
#undef FOUR_ROWS
STATEMENT(CHAIN, "INSERT INTO chain(first, ids, hash) VALUES(?,?,?)")
STATEMENT(ACCOUNT,
    "INSERT INTO accounts(account, slot, settled, doubt, ends_at) VALUES(?,?,?,?,?) ON CONFLICT(account, slot) DO UPDATE SET "
    GROW("settled") ", " GROW("doubt") ", ends_at = excluded.ends_at")
STATEMENT(RUN,
    "INSERT INTO runs(run, workspace, first_at, last_at, calls, forwarded, refused, cost, open, tokens_in, tokens_out, key, label, mixed)"
    " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(run, workspace) DO UPDATE SET"
    " mixed = mixed | excluded.mixed | (key IS NOT excluded.key) | (label IS NOT excluded.label) * 2,"
    " first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at),"
    " calls = calls + excluded.calls, forwarded = forwarded + excluded.forwarded, refused = refused + excluded.refused, "
    GROW("cost") ", " GROW("open") ", " GROW("tokens_in") ", " GROW("tokens_out"))
STATEMENT(HOUR,
    "INSERT INTO hours(hour, lowest, highest) VALUES(?,?,?) ON CONFLICT(hour) DO UPDATE SET"
    " lowest = min(lowest, excluded.lowest), highest = max(highest, excluded.highest)")
STATEMENT(FACET_GET, "SELECT id FROM facets WHERE name = ?")
STATEMENT(FACET,
    "INSERT INTO facets(name, workspace, key, vendor, operation, model, denied, credential, label, verdict, status)"
    " VALUES(?,?,?,?,?,?,?,?,?,?,?)")
#define ADD_UP                                                                                                                        \
    " calls = calls + excluded.calls, forwarded = forwarded + excluded.forwarded, "                                                   \
    GROW("cost") ", " GROW("tokens_in") ", " GROW("tokens_out") ","                                                                   \
    " first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)"
STATEMENT(HOURLY, /* 64: FACET_IDS */
    "INSERT INTO hourly(at, facet, calls, forwarded, cost, tokens_in, tokens_out, first_at, last_at, ids)"
    " VALUES(?,?,?,?,?,?,?,?,?,?) ON CONFLICT(at, facet) DO UPDATE SET"
    " ids = CASE WHEN calls + excluded.calls > 64 THEN x'' ELSE ids || excluded.ids END," ADD_UP)
STATEMENT(DAILY,
    "INSERT INTO daily(at, facet, calls, forwarded, cost, tokens_in, tokens_out, first_at, last_at)"
    " VALUES(?,?,?,?,?,?,?,?,?) ON CONFLICT(at, facet) DO UPDATE SET" ADD_UP)
STATEMENT(USER,
    "INSERT INTO users(at, workspace, user, calls, forwarded, refused, errors, cost, tokens_in, tokens_out, first_at, last_at)"
    " VALUES(?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(at, workspace, user) DO UPDATE SET refused = refused + excluded.refused,"
    " errors = errors + excluded.errors," ADD_UP)
#undef ADD_UP
STATEMENT(SPEED_GET, "SELECT bins FROM speeds WHERE at = ? AND workspace = ? AND vendor = ? AND operation = ? AND model = ? AND credential = ?")
STATEMENT(SPEED,
    "INSERT INTO speeds(at, workspace, vendor, operation, model, credential, calls, errors, refused, cost, tokens_in, tokens_out, bins)"
    " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(at, workspace, vendor, operation, model, credential) DO UPDATE SET"
    " calls = calls + excluded.calls, errors = errors + excluded.errors, refused = refused + excluded.refused, bins = excluded.bins, "
    GROW("cost") ", " GROW("tokens_in") ", " GROW("tokens_out"))
STATEMENT(UPKEEP, "UPDATE upkeep SET done = ? WHERE name = ?")
STATEMENT(HOLD, "INSERT OR REPLACE INTO holds(call, at, row, lines, once, again) VALUES(?,?,?,?,?,?)")
STATEMENT(UNHOLD, "DELETE FROM holds WHERE call = ?")
STATEMENT(DOUBT, "INSERT OR REPLACE INTO doubts(call, at, reserved, once, again, late, lines) VALUES(?,?,?,?,?,?,?)")
STATEMENT(DOUBT_GET, "SELECT reserved, late, lines FROM doubts WHERE call = ?")
STATEMENT(DOUBT_LATE, "UPDATE doubts SET reserved = 0, late = 1, lines = ? WHERE call = ?")
STATEMENT(UNDOUBT, "DELETE FROM doubts WHERE call = ?")
STATEMENT(CALL_VERDICT, "SELECT verdict FROM calls WHERE id = ?")
STATEMENT(REFUSED, "INSERT OR IGNORE INTO refused(id) VALUES(?)")
STATEMENT(CHANGE, "INSERT OR IGNORE INTO changes(number, id) VALUES(?,?)")
STATEMENT(SETTLEMENT, "INSERT OR IGNORE INTO settlements(of, id, mark) VALUES(?,?,?)")
STATEMENT(SETTLED_BY, "SELECT mark, row FROM settlements JOIN calls USING(id) WHERE settlements.of = ?")
STATEMENT(SETTLED_LATE, "UPDATE settlements SET mark = 2 WHERE of = ? AND mark = 0")
STATEMENT(EVENT, "INSERT OR IGNORE INTO events(of, id) VALUES(?,?)")
STATEMENT(MADE, "INSERT OR IGNORE INTO made(id, credential, object) VALUES(?,?,?)")
/* The first answer stays; what has run out is as good as gone. */
STATEMENT(ANSWER,
    "INSERT INTO answers(once, call, at, until, bytes) VALUES(?,?,?,?,?) ON CONFLICT(once) DO UPDATE SET"
    " call = excluded.call, at = excluded.at, until = excluded.until, bytes = excluded.bytes WHERE until <= excluded.at")
STATEMENT(ALERT,
    "INSERT INTO outbox(name, body, at, until, next_at, tries, done) VALUES(?1,?2,?3,?4,?3,0,0) ON CONFLICT(name) DO UPDATE SET"
    " body = excluded.body, at = excluded.at, until = excluded.until, next_at = excluded.at, tries = 0, pending = NULL,"
    " trouble = NULL, done = 0 WHERE until <= excluded.at")
STATEMENT(ALERT_TRIED,
    "UPDATE outbox SET tries = tries + 1, done = ?, next_at = ?, pending = ?, trouble = ? WHERE id = ?")
/* The journals of two workers may be read in another order than they were written: the latest state stays. */
STATEMENT(APPROVAL,
    "INSERT INTO approvals(id, call, at, until, bytes) VALUES(?,?,?,?,?) ON CONFLICT(id) DO UPDATE SET"
    " call = excluded.call, at = excluded.at, until = excluded.until, bytes = excluded.bytes WHERE at <= excluded.at")
STATEMENT(CHECKPOINT, "INSERT OR REPLACE INTO checkpoints(rows, at, hash, signature, key) VALUES(?,?,?,?,?)")
STATEMENT(SOURCE, "INSERT INTO sources(writer, position) VALUES(?,?) ON CONFLICT(writer) DO UPDATE SET position = excluded.position")
STATEMENT(OBJECT,
    "INSERT OR REPLACE INTO objects(kind, id, version, created_at, updated_at, body) VALUES(?,?,?,?,?,?)")
STATEMENT(OBJECT_GET, "SELECT version, created_at, body IS NOT NULL FROM objects WHERE kind = ? AND id = ?")
STATEMENT(SWEEP_TO, "SELECT account FROM accounts WHERE account > ? ORDER BY account LIMIT 1 OFFSET ?")
STATEMENT(SWEEP,
    "DELETE FROM accounts WHERE account > ? AND account <= ? AND doubt = 0 AND ends_at > 0"
    " AND ends_at < CASE WHEN slot < 0 THEN ? ELSE ? END")
STATEMENT(SWEEP_ANSWERS, "DELETE FROM answers WHERE rowid IN (SELECT rowid FROM answers WHERE until < ? ORDER BY until LIMIT ?)")
STATEMENT(SWEEP_ALERTS, "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE until < ? LIMIT ?)")
STATEMENT(SWEEP_APPROVALS, "DELETE FROM approvals WHERE rowid IN (SELECT rowid FROM approvals WHERE until < ? ORDER BY until LIMIT ?)")
STATEMENT(CONTENT, "INSERT OR REPLACE INTO contents(call, at, until, workspace, key, run, user, bytes) VALUES(?,?,?,?,?,?,?,?)")
STATEMENT(SWEEP_CONTENTS, "DELETE FROM contents WHERE call = (SELECT call FROM contents WHERE until < ? ORDER BY until LIMIT 1)")
STATEMENT(EXPORT_BEGIN, "INSERT OR IGNORE INTO exports(name, position, at, note) VALUES(?,?,0,'')")
STATEMENT(EXPORT_MOVE, "UPDATE exports SET position = ?, at = ?, note = ? WHERE name = ? AND position = ?")
STATEMENT(EXPORT_REWIND, "INSERT INTO exports(name, position, at, note) VALUES(?,?,0,?) ON CONFLICT(name) DO UPDATE SET"
    " position = excluded.position, note = excluded.note")
#undef GROW
