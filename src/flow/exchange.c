/* SPDX-License-Identifier: Apache-2.0
 * exchange.c - beginning and end of an exchange's life; the steps between are pipeline.c's. */
#include "flow/exchange.h"

#include "flow/local.h"
#include "flow/realtime.h"
#include "flow/tracing.h"
#include "flow/trial.h"

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

static void set_out(struct exchange *x, struct desk *desk, enum beginning how)
{
    const struct world *w = desk->world;
    memset(x, 0, offsetof(struct exchange, attempts));
    list_init(&x->link);
    list_init(&x->news);
    x->desk = desk;
    x->snapshot = snapshot_keep(desk->snapshot);
    const struct limits *limits = &x->snapshot->settings.limits;
    arena_init(&x->arena, (size_t)limits->call_arena);
    leg_begin(x);
    x->times.began_ms = w->now_ms(w->self);
    x->times.began_ns = w->monotonic_ns(w->self);
    x->id = call_id_next(&desk->ids, x->times.began_ms);
    call_id_text(x->id, x->id_text);
    x->asking.max_cost = -1;
    x->routing.ended_end = &x->routing.ended;
    x->step = exchange_first_step(how);
}

bool exchange_is_hook(const struct http_head *head, const char *tag) { return !tag && span_starts(head->target, SPAN("/hooks/")); }

void exchange_begin(
    struct exchange *x, struct desk *desk, void *caller, const struct http_head *head, struct span peer, const char *tag)
{
    bool hook = exchange_is_hook(head, tag);
    bool fetch = !hook && result_is_fetch(head), self = !hook && !fetch && self_is_asked(head, tag);
    set_out(x, desk, hook ? BEGIN_HOOK : fetch ? BEGIN_RESULT : self ? BEGIN_SELF : BEGIN_CALL);
    x->fetching.is = fetch;
    x->self = self;
    x->hooking.is = hook;
    x->caller = caller;
    x->tag = tag;
    x->asking.head = copy_head(&x->arena, head);
    x->asking.peer = arena_copy(&x->arena, peer);
    x->asking.length = head->chunked ? -1 : head->length < 0 ? 0 : head->length;
    x->asking.has_body = x->asking.length != 0;
    x->asking.body_whole = !x->asking.has_body;
    tracing_read(x);
}

bool exchange_begin_mirror(struct exchange *mirror, struct exchange *x, size_t planned)
{
    if (planned == FOR_JUDGE)
        return trial_begin_judge(mirror, x);
    const struct buf *said = x->routing.kept_original ? &x->routing.original : &x->asking.body;
    exchange_begin(mirror, x->desk, NULL, x->asking.head, x->asking.peer, x->tag);
    mirror->mirror_of = x->id;
    mirror->mirror = planned;
    mirror->asking.body_whole = true;
    buf_put(&mirror->asking.body, buf_span(said));
    mirror->trial = trial_begin(x, planned);
    return mirror->asking.head && !mirror->asking.body.broken;
}

void exchange_begin_again(struct exchange *x, struct desk *desk, const struct doubt *d)
{
    set_out(x, desk, d->late ? BEGIN_LATE : BEGIN_AGAIN);
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
    must(!x->routing.racer_count);
    leg_free(x);
    list_remove(&x->link);
    list_remove(&x->news);
    buf_free(&x->routing.original);
    buf_free(&x->routing.skipped);
    realtime_free(x);
    trial_free(x->trial);
    capture_free(x);
    arena_free(&x->arena);
    snapshot_drop(x->snapshot);
}
