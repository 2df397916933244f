/* SPDX-License-Identifier: Apache-2.0
 * pieces_rig.c - see pieces_rig.h. */
#include "pieces_rig.h"

#include <stdlib.h>

enum { FORM_MOST = 64 << 20 };
static const int64_t at_ms = INT64_C(1790000000000); /* September 2026 */

static const struct price *price_of(struct price_book *book, const char *model)
{
    return price_find(book, SPAN("openai"), span_of(model));
}

static struct price_book *open_book(void)
{
    struct price_book *book = NULL;
    struct trouble t;
    CHECK_INT(price_book_read(embed_find(SPAN("catalog/models.tsv")), NULL, &book, &t), E_OK);
    return book;
}

enum err pieces_rig_form(struct rig *r, struct span body)
{
    buf_free(&r->body);
    buf_init(&r->body, FORM_MOST);
    buf_put(&r->body, body);
    r->why = NULL;
    enum err e = r->dialect->read_form(SPAN(FORM_TYPE), buf_span(&r->body), &r->arena, &r->ask, &r->why);
    CHECK((e == E_OK) == (r->why == NULL));
    return e;
}

enum err pieces_rig_upload(struct rig *r, struct span head, size_t bytes, const char *more)
{
    struct buf b;
    buf_init(&b, FORM_MOST);
    buf_put(&b, SPAN("--b1\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n"));
    buf_put(&b, head);
    for (size_t i = head.len; i < bytes; i++)
        buf_put_byte(&b, 'x');
    buf_put(&b, SPAN("\r\n"));
    buf_put(&b, span_of(more));
    buf_put(&b, SPAN(FORM_END));
    enum err e = pieces_rig_form(r, buf_span(&b));
    buf_free(&b);
    return e;
}

void pieces_rig_measure(struct rig *r, const char *model, const char *body, int64_t bytes)
{
    static struct buf answer;
    struct price_book *book = open_book();
    const struct price *p = price_of(book, model);
    struct told t = { .ask = &r->ask, .body = SPAN_NONE, .bytes = bytes };
    CHECK(p);
    buf_free(&answer); /* what the usage points to lives until the next one */
    buf_init(&answer, FORM_MOST);
    if (body) {
        buf_put(&answer, span_of(body));
        buf_reserve(&answer, 1);
        t.body = buf_span(&answer);
        t.bytes = (int64_t)answer.len;
    }
    for (int fee = 0; p && fee < FEE_COUNT; fee++)
        t.charged[fee] = price_charges(p, (enum fee)fee);
    for (int m = 0; p && m < METER_COUNT; m++)
        t.by_tokens = t.by_tokens || price_rates(p, (enum meter)m);
    if (r->dialect->measure)
        r->dialect->measure(r->json, &t, &r->arena, &r->usage);
    else
        r->dialect->read_usage(r->json, t.body, &r->arena, &r->usage);
    price_book_free(book);
}

nano_usd pieces_rig_cost(struct rig *r, const char *model)
{
    struct price_book *book = open_book();
    nano_usd cost = -1;
    if (price_cost(price_of(book, model), &r->usage, at_ms, &cost) != E_OK)
        cost = -1;
    price_book_free(book);
    return cost;
}
