/* SPDX-License-Identifier: Apache-2.0
 * functions.c - what rows say beside their columns, for statements of this folder. */
#include "store/reader.h"

#include "rules/row.h"

static struct span bytes_of(sqlite3_value *v)
{
    const void *at = sqlite3_value_blob(v);
    return at ? span_make(at, (size_t)sqlite3_value_bytes(v)) : SPAN_NONE;
}

static void answer(sqlite3_context *c, struct span text)
{
    if (text.len)
        sqlite3_result_text(c, text.at, (int)text.len, SQLITE_TRANSIENT);
    else
        sqlite3_result_null(c);
}

/* field(row, tag): a text of the row, or JSON as it was written. */
static void field(sqlite3_context *c, int count, sqlite3_value **values)
{
    enum row_tag tag = (enum row_tag)sqlite3_value_int(values[1]);
    struct row_value v;
    (void)count;
    row_pick(bytes_of(values[0]), &tag, 1, &v);
    answer(c, v.text);
}

/* scope(row, name): the first value of that name. */
static void scope(sqlite3_context *c, int count, sqlite3_value **values)
{
    (void)count;
    answer(c, row_scope(bytes_of(values[0]), bytes_of(values[1])));
}

/* parts(label, n): its first n parts. */
static void parts(sqlite3_context *c, int count, sqlite3_value **values)
{
    struct span label = bytes_of(values[0]), rest = label, piece;
    int n = sqlite3_value_int(values[1]);
    (void)count;
    while (n-- > 0 && span_next(&rest, ':', &piece))
        continue;
    answer(c, rest.at && label.at ? span_make(label.at, (size_t)(rest.at - label.at) - 1) : label);
}

enum err functions_add(sqlite3 *db)
{
    enum { HOW = SQLITE_UTF8 | SQLITE_DETERMINISTIC };
    int code = sqlite3_create_function(db, "field", 2, HOW, NULL, field, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_create_function(db, "scope", 2, HOW, NULL, scope, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_create_function(db, "parts", 2, HOW, NULL, parts, NULL, NULL);
    return sql_err(code);
}
