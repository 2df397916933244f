/* SPDX-License-Identifier: Apache-2.0
 * row_fuzz.c - rows from a damaged disk: what comes out is JSON with every field of the contract, whatever goes in. */
#include "base/json.h"
#include "rules/row.h"

enum { FIELDS = 47 /* of every row */, ROW_MOST = 16 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* JSON in it is passed through: whoever wrote it has looked at it. */
static bool has_json(struct span row)
{
    enum kind { CALL, TIME, NUMBER, MONEY, YES, AMOUNT, TEXT, JSON, OBJECT, SCOPES, ATTEMPTS, BUDGETS, LINES };
    struct row_value v[ROW_TAGS];
    row_read(row, v);
#define IS_JSON(tag, name, text, kind) || ((kind == JSON || kind == OBJECT) && v[ROW_##name].bytes)
    return span_starts(row, SPAN("{")) ROW_FIELDS(IS_JSON) ROW_EXTRA_FIELDS(IS_JSON);
#undef IS_JSON
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span row = span_make((const char *)data, size);
    struct buf text;
    struct json_value root;
    const char *why;
    buf_init(&text, ROW_MOST);
    row_json(row, &text);
    must(!text.broken);
    if (!has_json(row)) {
        struct json *j = json_new();
        must(j && json_parse(j, buf_span(&text), false, &root, &why) == E_OK);
        must(json_count(root) >= FIELDS);
        json_free(j);
    }
    buf_free(&text);
    return 0;
}
