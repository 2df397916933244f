/* SPDX-License-Identifier: Apache-2.0
 * json_fuzz.c - one text through both JSON readers. They must agree on what is an object, what is printed must read back
 * the same, and the writer's output must always be JSON. */
#include <stdlib.h>

#include "base/json.h"
#include "base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool look(void *self, struct span name, enum json_kind kind, struct span raw)
{
    struct arena a;
    size_t *seen = self;
    int64_t n;
    arena_init(&a, 1 << 20);
    must(kind != JSON_NONE && raw.len && name.at);
    if (kind == JSON_STRING)
        (void)json_raw_string(raw, &a);
    if (kind == JSON_NUMBER)
        (void)json_raw_integer(raw, &n);
    arena_free(&a);
    ++*seen;
    return true;
}

/* Every value is asked for everything. */
static void ask(struct json_value v, struct arena *a)
{
    struct span name;
    struct json_value item;
    int64_t n;
    bool flag;
    must(json_kind(v) != JSON_NONE);
    (void)json_string(v);
    (void)json_decimal(v, a);
    (void)json_integer(v, &n);
    (void)json_bool(v, &flag);
    for (struct json_iter it = json_iter(v); json_next(&it, &name, &item);)
        ask(item, a);
}

/* Printed, read again, printed again: the same text. */
static void there_and_back(struct json *j, struct json_value root)
{
    struct buf first, second;
    struct json_value again;
    const char *why;
    buf_init(&first, 64 << 20);
    buf_init(&second, 64 << 20);
    json_print(root, &first);
    must(json_parse(j, buf_span(&first), true, &again, &why) == E_OK);
    json_print(again, &second);
    must(span_is(buf_span(&first), buf_span(&second)));
    buf_free(&first);
    buf_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make((const char *)data, size), where;
    struct json *j = json_new();
    struct json_value root;
    struct arena a;
    const char *why;
    size_t seen = 0;
    arena_init(&a, 16 << 20);
    enum err scanned = json_scan(j, text, false, look, &seen, &why);
    enum err parsed = json_parse(j, text, false, &root, &why);
    if (!parsed) {
        bool object = json_kind(root) == JSON_OBJECT;
        enum err canonical = json_canonical(root, &where);
        /* what the full reader takes, the scan takes too, but for names that stand twice */
        must(object ? scanned == E_OK || (scanned == E_NOT_CANONICAL && canonical == E_NOT_CANONICAL) : scanned == E_BAD_REQUEST);
        must(scanned || seen == json_count(root));
        ask(root, &a);
        there_and_back(j, root);
    }
    struct buf b;
    buf_init(&b, 64 << 20);
    struct json_out o = json_out(&b);
    json_put_string(&o, span_make(text.at ? text.at : "", size));
    must(json_parse(j, buf_span(&b), true, &root, &why) == E_OK);
    buf_free(&b);
    arena_free(&a);
    json_free(j);
    return 0;
}
