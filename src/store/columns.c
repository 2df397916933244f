/* SPDX-License-Identifier: Apache-2.0
 * columns.c - see columns.h. The row is the truth, since it is what was hashed. */
#include "store/columns.h"

#include "rules/row.h"

enum { VERDICT_COLUMN = 1, DOUBT_VERDICT = 3 };

#define DIFFERS(column) "its column " column " says something else than the row that was hashed"

/* Columns whose name in the row is another: by number, in the order of COLUMNS_TEXT. */
static const struct column {
    enum row_tag tag;
    enum { EXACT, NAMED_VERDICT, UNLESS_ZERO, RESERVED, TEXT, NAMED_KIND, OTHER_CALL } kind;
    const char *trouble;
} columns[] = {
    { ROW_AT, EXACT, DIFFERS("at") },
    { ROW_VERDICT, NAMED_VERDICT, DIFFERS("verdict") },
    { ROW_STATUS, UNLESS_ZERO, DIFFERS("status") },
    { ROW_HELD, EXACT, DIFFERS("held") },
    { ROW_SETTLED, EXACT, DIFFERS("settled") },
    { ROW_COST, EXACT, DIFFERS("cost") },
    { ROW_RESERVED, RESERVED, DIFFERS("reserved") },
    { ROW_INPUT_TOKENS, EXACT, DIFFERS("tokens_in") },
    { ROW_OUTPUT_TOKENS, EXACT, DIFFERS("tokens_out") },
    { ROW_WORKSPACE, TEXT, DIFFERS("workspace") },
    { ROW_KEY, TEXT, DIFFERS("key") },
    { ROW_RUN, TEXT, DIFFERS("run") },
    { ROW_STEP, TEXT, DIFFERS("step") },
    { ROW_VENDOR, TEXT, DIFFERS("vendor") },
    { ROW_OPERATION, TEXT, DIFFERS("operation") },
    { ROW_MODEL, TEXT, DIFFERS("model") },
    { ROW_DENIED, TEXT, DIFFERS("denied") },
    { ROW_USER, TEXT, DIFFERS("user") },
    { ROW_KIND, NAMED_KIND, DIFFERS("kind") },
    { ROW_OF, OTHER_CALL, DIFFERS("of") },
};

static const struct span verdicts[] = { { "allowed", 7 }, { "denied", 6 }, { "error", 5 }, { "in_doubt", 8 } };
static const struct span kinds[] = { { "", 0 }, { "settlement", 10 }, { "change", 6 }, { "event", 5 } };

static bool is_named(const struct span *names, size_t count, int64_t number, struct span name)
{
    return number >= 0 && (uint64_t)number < count && span_is(names[number], name);
}

static bool is_integer(sqlite3_stmt *q, int at) { return sqlite3_column_type(q, at) == SQLITE_INTEGER; }

static bool same(const struct column *c, sqlite3_stmt *q, int first, int at, const struct row_value *v)
{
    int64_t number = sqlite3_column_int64(q, at);
    switch (c->kind) {
    case EXACT:
        return is_integer(q, at) && (!v->there || v->number == number);
    case UNLESS_ZERO: /* the row has 0 where nothing was received, the column what was told */
        return is_integer(q, at) && (v->number == 0 || v->number == number);
    case RESERVED: /* a row may name what would have been reserved */
        if (is_integer(q, at) && number == 0 && sqlite3_column_int64(q, first + VERDICT_COLUMN) != DOUBT_VERDICT)
            return true;
        return is_integer(q, at) && (!v->there || v->number == number);
    case NAMED_VERDICT:
        return is_integer(q, at) && (!v->there || is_named(verdicts, 4, number, v->text));
    case NAMED_KIND:
        return is_integer(q, at) && is_named(kinds, 4, number, v->text);
    case OTHER_CALL:
        return v->there ? is_integer(q, at) && v->number == number : sqlite3_column_type(q, at) == SQLITE_NULL;
    case TEXT:
        break;
    }
    return span_is(sql_span(q, at), v->text);
}

const char *columns_differ(sqlite3_stmt *q, int first, struct span row)
{
    struct row_value values[ROW_TAGS];
    if (row.len == 0 || row.at[0] != ROW_VERSION)
        return NULL;
    row_read(row, values);
    for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
        if (!same(&columns[i], q, first, first + (int)i, &values[columns[i].tag]))
            return columns[i].trouble;
    return NULL;
}
