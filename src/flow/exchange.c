/* SPDX-License-Identifier: Apache-2.0
 * exchange.c - beginning and end of an exchange's life; the steps between are pipeline.c's. */
#include "flow/exchange.h"

/* The caller's connection may go before the call is over, so what it said is copied: one block, then the spans moved. */
static const struct http_head *copy_head(struct arena *a, const struct http_head *from)
{
    struct http_head *head = ARENA_NEW(a, struct http_head);
    struct http_field *fields = ARENA_ARRAY(a, struct http_field, from->count + 1);
    size_t bytes = from->method.len + from->target.len;
    for (size_t i = 0; i < from->count; i++)
        bytes += from->fields[i].name.len + from->fields[i].value.len;
    char *block = arena_take(a, bytes + 1);
    if (!head || !fields || !block)
        return NULL;
    *head = *from;
    head->fields = fields;
#define MOVE(to, span)                                                                                                           \
    do {                                                                                                                         \
        memcpy(block, (span).at ? (span).at : "", (span).len);                                                                   \
        (to) = span_make(block, (span).len);                                                                                     \
        block += (span).len;                                                                                                     \
    } while (0)
    MOVE(head->method, from->method);
    MOVE(head->target, from->target);
    for (size_t i = 0; i < from->count; i++) {
        MOVE(fields[i].name, from->fields[i].name);
        MOVE(fields[i].value, from->fields[i].value);
    }
#undef MOVE
    return head;
}

static void set_out(struct exchange *x, struct desk *desk, bool again)
{
    const struct world *w = desk->world;
    memset(x, 0, sizeof(*x));
    list_init(&x->link);
    list_init(&x->news);
    x->desk = desk;
    x->snapshot = snapshot_keep(desk->snapshot);
    const struct limits *limits = &x->snapshot->settings.limits;
    arena_init(&x->arena, (size_t)limits->call_arena);
    buf_init(&x->asking.body, (size_t)limits->body_bytes);
    buf_init(&x->answering.body, (size_t)limits->answer_bytes);
    x->times.began_ms = w->now_ms(w->self);
    x->times.began_ns = w->monotonic_ns(w->self);
    x->id = call_id_next(&desk->ids, x->times.began_ms);
    call_id_text(x->id, x->id_text);
    x->asking.max_cost = -1;
    x->charging.output_limit = x->charging.remaining = -1;
    x->step = exchange_first_step(again);
}

void exchange_begin(
    struct exchange *x, struct desk *desk, void *caller, const struct http_head *head, struct span peer, const char *tag)
{
    set_out(x, desk, false);
    x->caller = caller;
    x->tag = tag;
    x->asking.head = copy_head(&x->arena, head);
    x->asking.peer = arena_copy(&x->arena, peer);
    x->asking.length = head->chunked ? -1 : head->length < 0 ? 0 : head->length;
    x->asking.has_body = x->asking.length != 0;
    x->asking.body_whole = !x->asking.has_body;
}

void exchange_begin_again(struct exchange *x, struct desk *desk, const struct doubt *d)
{
    set_out(x, desk, true);
    struct doubt *copy = ARENA_NEW(&x->arena, struct doubt);
    struct journal_line *lines = ARENA_ARRAY(&x->arena, struct journal_line, d->count + 1);
    must(copy && lines); /* an arena is never that small */
    *copy = *d;
    copy->row = arena_copy(&x->arena, d->row);
    copy->once = arena_copy(&x->arena, d->once);
    copy->again = arena_copy(&x->arena, d->again);
    for (size_t i = 0; i < d->count; i++) {
        lines[i] = d->lines[i];
        lines[i].account = arena_copy(&x->arena, d->lines[i].account);
    }
    copy->lines = lines;
    x->doubt = copy;
    x->asking.peer = SPAN("");
}

void exchange_free(struct exchange *x)
{
    must(!x->charging.hold.open);
    must(!x->answering.call);
    list_remove(&x->link);
    list_remove(&x->news);
    buf_free(&x->asking.body);
    buf_free(&x->answering.body);
    if (x->answering.events)
        sse_free(&x->answering.sse);
    arena_free(&x->arena);
    snapshot_drop(x->snapshot);
}
