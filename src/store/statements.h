/* SPDX-License-Identifier: Apache-2.0
 * statements.h - what the writer's connection does, prepared once. Parameters are bound in the order written.
 *
 * Balances only grow; the CASEs hold them at the largest integer, where plain SQL would turn them into doubles. */
#define GROW(column)                                                                                             \
    column " = CASE WHEN excluded." column " > 0 AND " column " > 9223372036854775807 - excluded." column        \
           " THEN 9223372036854775807 ELSE " column " + excluded." column " END"

STATEMENT(BEGIN, "BEGIN IMMEDIATE")
STATEMENT(COMMIT, "COMMIT")
STATEMENT(CALL,
    "INSERT OR IGNORE INTO calls(id, at, verdict, status, held, settled, cost, reserved, tokens_in, tokens_out, workspace,"
    " key, run, step, vendor, operation, model, denied, user, prev_hash, hash, row)"
    " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)")
STATEMENT(CHAIN, "INSERT INTO chain(first, ids, hash) VALUES(?,?,?)")
STATEMENT(ACCOUNT,
    "INSERT INTO accounts(account, settled, doubt, resets_at) VALUES(?,?,?,?) ON CONFLICT(account) DO UPDATE SET "
    GROW("settled") ", " GROW("doubt") ", resets_at = excluded.resets_at")
STATEMENT(RUN,
    "INSERT INTO runs(run, workspace, first_at, last_at, calls, forwarded, refused, cost, open, tokens_in, tokens_out)"
    " VALUES(?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(run, workspace) DO UPDATE SET"
    " first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at),"
    " calls = calls + excluded.calls, forwarded = forwarded + excluded.forwarded, refused = refused + excluded.refused, "
    GROW("cost") ", " GROW("open") ", " GROW("tokens_in") ", " GROW("tokens_out"))
STATEMENT(HOUR,
    "INSERT INTO hours(hour, lowest, highest) VALUES(?,?,?) ON CONFLICT(hour) DO UPDATE SET"
    " lowest = min(lowest, excluded.lowest), highest = max(highest, excluded.highest)")
STATEMENT(HOLD, "INSERT OR REPLACE INTO holds(call, at, row, lines) VALUES(?,?,?,?)")
STATEMENT(UNHOLD, "DELETE FROM holds WHERE call = ?")
STATEMENT(SOURCE, "INSERT INTO sources(writer, position) VALUES(?,?) ON CONFLICT(writer) DO UPDATE SET position = excluded.position")
STATEMENT(OBJECT,
    "INSERT OR REPLACE INTO objects(kind, id, version, created_at, updated_at, body) VALUES(?,?,?,?,?,?)")
STATEMENT(OBJECT_GET, "SELECT version, created_at, body IS NOT NULL FROM objects WHERE kind = ? AND id = ?")
STATEMENT(SWEEP_TO, "SELECT account FROM accounts WHERE account > ? ORDER BY account LIMIT 1 OFFSET ?")
STATEMENT(SWEEP, "DELETE FROM accounts WHERE account > ? AND account <= ? AND resets_at > 0 AND resets_at < ?")
#undef GROW
