/* SPDX-License-Identifier: Apache-2.0
 * row.h - the audit row of a call: a few hundred bytes of tagged fields when it is written, JSON when somebody reads it.
 *
 * A version byte, then fields in any order: a key (tag * 2, + 1 if bytes follow), then a number or a length and its bytes.
 * Keys and lengths are varints (seven bits a byte, the lowest first), numbers zigzag varints. What is absent is not there.
 * Sub-records (scopes, attempts, budgets) are bytes of the same make. The store hashes what stands here, so a tag means
 * the same for ever: a new fact takes the next free tag; readers skip tags they do not know; of two fields with one tag the
 * last one counts. Written by flow/, kept by store/; knows neither. */
#ifndef TG_RULES_ROW_H
#define TG_RULES_ROW_H

#include "base/buf.h"

/* F(tag, name here, name in JSON, kind), in the order of docs/audit.md. Kinds:
 *   numbers: CALL (an id), TIME (Unix ms), NUMBER, MONEY (nano-dollars), YES (0 or 1), AMOUNT (in the sub-record's unit)
 *   bytes:   TEXT, JSON (absent: null), OBJECT (JSON; absent: {}), SCOPES, ATTEMPTS, BUDGETS, LINES (one field for each) */
#define ROW_FIELDS(F)                                                                                                      \
    F(1, ID, "id", CALL) F(2, AT, "at", TIME) F(3, WORKSPACE, "workspace", TEXT) F(4, KEY, "key", TEXT)                    \
    F(5, KEY_NAME, "key_name", TEXT) F(6, USER, "user", TEXT) F(7, RUN, "run", TEXT) F(8, STEP, "step", TEXT)              \
    F(9, VENDOR, "vendor", TEXT) F(10, OPERATION, "operation", TEXT) F(11, METHOD, "method", TEXT)                         \
    F(12, PATH, "path", TEXT) F(13, MODEL_REQUESTED, "model_requested", TEXT) F(14, ADDRESS, "caller_address", TEXT)       \
    F(15, POLICY_VERSION, "policy_version", TEXT) F(16, ROUTE, "route", TEXT) F(17, CREDENTIAL, "credential", TEXT)        \
    F(18, IDEMPOTENCY, "idempotency", TEXT) F(19, METADATA, "metadata", OBJECT)                                            \
    F(20, PRICE_SNAPSHOT, "price_snapshot", TEXT) F(21, RESERVED, "reserved_usd", MONEY) F(22, SCOPE, "scopes", SCOPES)    \
    F(23, MODEL, "model", TEXT) F(24, STATUS, "status", NUMBER) F(25, VERDICT, "verdict", TEXT)                            \
    F(26, DENIED, "denied", TEXT) F(27, REASON, "reason", TEXT) F(28, RULE, "rule", TEXT)                                  \
    F(29, ATTEMPT, "attempts", ATTEMPTS) F(30, COST, "cost_usd", MONEY) F(31, SETTLED, "settled", YES)                     \
    F(32, ESTIMATED, "estimated", YES) F(33, REPLAYED, "replayed", YES) F(34, USAGE, "usage", JSON)                        \
    F(35, INPUT_TOKENS, "input_tokens", NUMBER) F(36, OUTPUT_TOKENS, "output_tokens", NUMBER)                              \
    F(37, CACHED_TOKENS, "cached_tokens", NUMBER) F(38, REASONING_TOKENS, "reasoning_tokens", NUMBER)                      \
    F(39, OUTPUT_LIMIT, "output_limit_set", NUMBER) F(40, REQUEST_ID, "upstream_request_id", TEXT)                         \
    F(41, OBJECT_ID, "upstream_object_id", TEXT) F(42, CACHE, "cache", TEXT) F(43, LATENCY_MS, "latency_ms", NUMBER)       \
    F(44, UPSTREAM_MS, "upstream_ms", NUMBER) F(45, FIRST_BYTE_MS, "first_byte_ms", NUMBER)                                \
    F(46, GATE_US, "gate_us", NUMBER) F(47, BUDGET, "budgets", BUDGETS)

/* Of rows that are no calls, or of some calls only: in JSON they are there when they were written, and else not. */
#define ROW_EXTRA_FIELDS(F)                                                                                                \
    F(48, KIND, "kind", TEXT) /* "settlement", "change" or "event"; a call has none */                                              \
    F(49, OF, "of", CALL) /* a settlement's call */ F(50, OUTCOME, "outcome", TEXT) /* spent, not_spent; corrected: it ends no doubt */     \
    F(51, ACTOR, "actor", TEXT) /* who: "admin", "gate", "file" */ F(52, ACTION, "action", TEXT) /* "key.create" */         \
    F(53, OBJECT, "object", TEXT) /* its id */ F(54, BEFORE, "before", JSON) F(55, AFTER, "after", JSON)                   \
    F(56, REPEAT_OF, "repeat_of", CALL) /* the call whose answer was given again */ F(57, REPEAT_KEY, "repeat_key", TEXT)  \
    F(58, HELD, "held", YES) /* amounts were held for it */                                                               \
    F(59, DRY_RUN, "dry_run", YES) /* judged, not forwarded */ F(60, SHADOW, "shadow", JSON) /* a policy beside the one in force */ \
    F(61, APPROVAL, "approval", TEXT) /* its id */ F(62, EVENT, "event", JSON) /* what the vendor told us of */            \
    F(63, OBJECTS_READ, "objects_read", NUMBER) /* objects that were read before it was decided */                         \
    F(64, SAVED, "saved_usd", MONEY) /* an answer of the cache: what its call had cost; whose it was says repeat_of */     \
    F(65, SKIPPED, "skipped", TEXT) /* targets of its route that could not serve it, and why */                             \
    F(66, MIRROR_OF, "mirror_of", CALL) /* asked for the sake of that call's route; nobody heard the answer */ \
    F(67, EXPERIMENT, "experiment", TEXT) /* of a mirrored call, of its judge's, and of what came of the pair */             \
    F(68, PAIR, "pair", JSON) /* an event: two answers were compared */                                                     \
    F(69, TRACE, "trace_id", TEXT) F(70, SPAN, "span_id", TEXT) F(71, PARENT_SPAN, "parent_span_id", TEXT) /* W3C, in hex */ \
    F(72, LONGEST_GAP, "longest_gap_ms", NUMBER) /* between two pieces of a stream */                                        \
    F(73, LABEL, "label", TEXT) /* "tenant:agent:feature", of its key and its metadata */                                    \
    F(74, CAPTURED, "captured", YES) /* its content was taken, to be kept sealed; 0: there was no room */ \
    F(75, PRICE_LINE, "price_lines", LINES) /* what the cost of the attempt that answered is made of; they add up to it */ \
    F(76, TOOLS, "tools_usd", MONEY) /* of a batch: the most that tools of its lines can cost by the piece; its end does not tell */

#define ROW_SCOPE_FIELDS(F) F(1, SCOPE_NAME, "name", TEXT) F(2, SCOPE_VALUE, "value", TEXT)
#define ROW_ATTEMPT_FIELDS(F)                                                                                              \
    F(1, ATTEMPT_VENDOR, "vendor", TEXT) F(2, ATTEMPT_MODEL, "model", TEXT) F(3, ATTEMPT_STATUS, "status", NUMBER)         \
    F(4, ATTEMPT_MS, "ms", NUMBER) F(5, ATTEMPT_COST, "cost_usd", MONEY) F(6, ATTEMPT_CREDENTIAL, "credential", TEXT)         \
    F(7, ATTEMPT_PATH, "target", TEXT) /* of its route */ F(8, ATTEMPT_WHY, "reason", TEXT) /* that it failed, or lost */
#define ROW_BUDGET_FIELDS(F)                                                                                               \
    F(1, BUDGET_ID, "budget", TEXT) F(2, BUDGET_UNIT, "unit", TEXT) F(3, BUDGET_LIMIT, "limit", AMOUNT)                    \
    F(4, BUDGET_SPENT, "spent", AMOUNT) F(5, BUDGET_RESERVED, "reserved", AMOUNT) F(6, BUDGET_RESETS_AT, "resets_at", TIME)
#define ROW_LINE_FIELDS(F)                                                                                                 \
    F(1, LINE_WHAT, "what", TEXT) F(2, LINE_COUNT, "count", NUMBER) F(3, LINE_PRICE, "price_usd", MONEY)                   \
    F(4, LINE_PER, "per", NUMBER) F(5, LINE_COST, "cost_usd", MONEY)

enum row_tag {
#define ROW_TAG(tag, name, text, kind) ROW_##name = (tag),
    ROW_FIELDS(ROW_TAG) ROW_EXTRA_FIELDS(ROW_TAG) ROW_SCOPE_FIELDS(ROW_TAG) ROW_ATTEMPT_FIELDS(ROW_TAG) ROW_BUDGET_FIELDS(ROW_TAG) ROW_LINE_FIELDS(ROW_TAG)
#undef ROW_TAG
};

enum { ROW_VERSION = 1, ROW_TAGS = 128 /* those a reader may know; as a key those below 64 take one byte */ };

/* Writing: appends; failure sticks to the buf. Starts a row in an empty buf, goes on with the one in a full one. */
struct row_out {
    struct buf *buf;
    size_t open; /* where the open sub-record begins; 0: none */
};
struct row_out row_out(struct buf *b);
void row_text(struct row_out *o, enum row_tag tag, struct span s); /* texts and JSON; SPAN_NONE: nothing is written */
void row_number(struct row_out *o, enum row_tag tag, int64_t n);
/* Between them the fields of one sub-record; not inside another. */
void row_open(struct row_out *o, enum row_tag tag);
void row_close(struct row_out *o);

/* Appends the row as a JSON object with every field above, null, [] or {} where there is nothing (of ROW_EXTRA_FIELDS only those
 * that are there). Anything may be given:
 * from a damaged place on nothing is read. JSON fields are passed on as they were written. A text that begins with '{' is
 * the row as JSON already, of a gate before this form: it is put there as it is. */
void row_json(struct span row, struct buf *out);

/* One field of the row itself (no sub-record). Of numbers .number is set, of bytes .text, which lies in `row`. */
struct row_value {
    bool there, bytes;
    int64_t number;
    struct span text;
};
struct row_value row_field(struct span row, enum row_tag tag);
/* A few of them, in one walk: out[i] is that of tags[i]. Cheaper than all, and than one by one. */
void row_pick(struct span row, const enum row_tag *tags, size_t count, struct row_value *out);
/* The first value of the scope of that name; SPAN_NONE: it has none. */
struct span row_scope(struct span row, struct span name);
/* All of them at once, by tag. */
void row_read(struct span row, struct row_value values[ROW_TAGS]);
/* The sub-records of one tag, in their order: *rest begins as row_inside(row). False: no more. */
struct span row_inside(struct span row);
bool row_next(struct span *rest, enum row_tag tag, struct row_value values[ROW_TAGS]);

#endif
