/* SPDX-License-Identifier: Apache-2.0
 * multipart_fuzz.c - forms by strangers: the first line is the content type, the rest the body. What is taken has one reading:
 * written plainly and taken again it is the same. */
#include "vendor/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FIELDS = 64 };
static const struct span repeat[] = { { "to", 2 }, { "attachment", 10 } };

/* A boundary that no value of this form holds. */
static struct span boundary_for(struct span body, struct arena *a)
{
    for (int n = 0;; n++) {
        struct span mark = arena_print(a, "again%d", n);
        if (!mark.at || span_find(body, mark) < 0)
            return mark;
    }
}

static void again(struct arena *a, struct span body, const struct pairs *first)
{
    struct span mark = boundary_for(body, a), type;
    struct pairs second;
    struct buf out;
    const char *why = NULL;
    buf_init(&out, 4u << 20);
    for (size_t i = 0; i < first->count; i++) {
        struct span head = arena_print(a, "--%.*s\r\nContent-Disposition: form-data; name=\"%.*s\"\r\n\r\n", SPAN_ARG(mark), SPAN_ARG(first->list[i].name));
        buf_put(&out, head);
        buf_put(&out, first->list[i].value);
        buf_put(&out, SPAN("\r\n"));
    }
    buf_put(&out, SPAN("--"));
    buf_put(&out, mark);
    buf_put(&out, SPAN("--\r\n"));
    type = arena_print(a, "multipart/form-data; boundary=%.*s", SPAN_ARG(mark));
    if (mark.at && type.at && !out.broken && !a->broken) {
        must(multipart_read(a, type, buf_span(&out), repeat, 2, FIELDS, &second, &why) == E_OK);
        must(second.count == first->count);
        for (size_t i = 0; i < first->count; i++)
            must(span_is(first->list[i].name, second.list[i].name) && span_is(first->list[i].value, second.list[i].value));
    }
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span body = span_make((const char *)data, size), type = SPAN("multipart/form-data; boundary=b1");
    struct pairs p;
    struct arena a;
    const char *why = NULL;
    arena_init(&a, 16u << 20);
    if (size && data[0] == 'm')
        (void)span_cut(&body, '\n', &type);
    if (multipart_read(&a, type, body, repeat, 2, FIELDS, &p, &why) != E_OK)
        must(why != NULL);
    else
        again(&a, body, &p);
    arena_free(&a);
    return 0;
}
