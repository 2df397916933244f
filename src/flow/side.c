/* SPDX-License-Identifier: Apache-2.0
 * side.c - see side.h. */
#include "flow/side.h"

#include "flow/steps.h"

struct span side_owner(struct exchange *x)
{
    return arena_print(&x->arena, "%.*s/%.*s", SPAN_ARG(x->facts.vendor), SPAN_ARG(x->deciding.credential->name));
}

void side_end(struct exchange *x)
{
    struct side *s = &x->side;
    if (s->call)
        x->desk->world->close(s->call);
    buf_free(&s->body);
    *s = (struct side){ 0 };
}

static enum io open_side(struct exchange *x, size_t origin)
{
    const struct upstream *u = x->deciding.upstream;
    const struct world *w = x->desk->world;
    must(origin < u->origin_count);
    buf_init(&x->side.body, SIDE_MOST);
    x->side.call = w->open(w->self, x, &u->origins[origin], &u->deadlines);
    return x->side.call ? IO_END : IO_FAILED;
}

static enum io read_answer(struct exchange *x)
{
    const struct world *w = x->desk->world;
    const struct http_head *head;
    struct span bytes;
    enum io got = w->head(x->side.call, &head);
    if (got == IO_WAIT || got == IO_FAILED)
        return got;
    x->side.status = head->status;
    while ((got = w->answer(x->side.call, &bytes)) == IO_BYTES)
        buf_put(&x->side.body, bytes);
    return got == IO_END && x->side.body.broken ? IO_FAILED : got;
}

enum io side_run(struct exchange *x, size_t origin)
{
    struct side *s = &x->side;
    const struct world *w = x->desk->world;
    if (!s->call && open_side(x, origin) == IO_FAILED)
        return IO_FAILED;
    enum io ready = w->ready(s->call);
    if (ready == IO_WAIT || ready == IO_FAILED)
        return ready;
    if (!s->sent) {
        if (!x->looking.late && stopped_now(x))
            return IO_FAILED;
        s->sent = true;
        w->send(s->call, s->request, SPAN(""), false, true);
    }
    return read_answer(x);
}
