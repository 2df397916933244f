/* SPDX-License-Identifier: Apache-2.0
 * row_fuzz.c - rows from a damaged disk: what comes out is JSON with every field of the contract, whatever goes in. */
#include "base/json.h"
#include "rules/row.h"

enum { FIELDS = 47 /* of every row */, ROW_MOST = 16 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span row = span_make((const char *)data, size);
    struct buf text;
    struct json_value root;
    const char *why;
    buf_init(&text, ROW_MOST);
    row_json(row, &text);
    must(!text.broken);
    /* These are passed through: whoever wrote them has looked at them. */
    struct row_value v[ROW_TAGS];
    row_read(row, v);
    bool raw = v[ROW_METADATA].bytes || v[ROW_USAGE].bytes || v[ROW_BEFORE].bytes || v[ROW_AFTER].bytes ||
               v[ROW_SHADOW].bytes || v[ROW_EVENT].bytes || (size && data[0] == '{');
    if (!raw) {
        struct json *j = json_new();
        must(j && json_parse(j, buf_span(&text), false, &root, &why) == E_OK);
        must(json_count(root) >= FIELDS);
        json_free(j);
    }
    buf_free(&text);
    return 0;
}
