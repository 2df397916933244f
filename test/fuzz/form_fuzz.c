/* SPDX-License-Identifier: Apache-2.0
 * form_fuzz.c - targets, forms and queries by strangers: what is taken must stay the same when it is taken again. */
#include "rules/canon.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(struct arena *a, const struct pairs *first, struct buf *once, struct buf *twice)
{
    static const struct span repeat[] = { { "r", 1 } };
    struct pairs p;
    const char *why;
    canon_form_write(first, once);
    must(canon_form(a, buf_span(once), repeat, 1, SIZE_MAX, &p, &why) == E_OK);
    must(p.count == first->count);
    canon_form_write(&p, twice);
    must(span_is(buf_span(once), buf_span(twice)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct span repeat[] = { { "r", 1 } };
    struct span text = span_make((const char *)data, size), path, query, path2, query2;
    struct pairs p;
    struct arena a;
    struct buf once, twice;
    const char *why = NULL;
    arena_init(&a, 16u << 20);
    buf_init(&once, 1u << 20);
    buf_init(&twice, 1u << 20);
    if (canon_target(&a, text, &path, &query, &why) == E_OK) {
        must(canon_target(&a, path, &path2, &query2, &why) == E_OK);
        must(span_is(path, path2) && !query2.at);
    }
    if (canon_form(&a, text, repeat, 1, 256, &p, &why) == E_OK)
        again(&a, &p, &once, &twice);
    else
        must(why != NULL);
    buf_free(&once);
    buf_free(&twice);
    arena_free(&a);
    return 0;
}
