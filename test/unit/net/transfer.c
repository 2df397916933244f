/* SPDX-License-Identifier: Apache-2.0
 * transfer.c - see transfer.h. */
#include "test/unit/net/transfer.h"

enum { PERIOD = 251, CHUNK = 32 * 1024, PAUSE_AFTER = 700 * 1000 };

static char pattern[LOOP_READ_SIZE + PERIOD];

static void sink_wake(struct timer *t)
{
    struct sink *k = CONTAINER_OF(t, struct sink, wake);
    if (k->p->w)
        wire_resume(k->p->w);
}

static void swallow(struct peer *p, struct span in)
{
    struct sink *k = p->extra;
    if (k->patterned && memcmp(in.at, pattern + k->total % PERIOD, in.len) != 0)
        k->wrong++;
    k->total += in.len;
    k->since_pause += in.len;
    if (!k->pausing || k->since_pause < PAUSE_AFTER)
        return;
    k->since_pause = 0;
    wire_pause(p->w);
    timer_set(&p->scene->l, &k->wake, 0);
}

void sink_attach(struct sink *k, struct peer *p, bool patterned)
{
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = (char)(i % PERIOD);
    *k = (struct sink){ .p = p, .patterned = patterned };
    timer_init(&k->wake, sink_wake);
    p->extra = k;
    p->bytes = swallow;
}

struct source {
    size_t sent, size;
    size_t worst; /* most that ever waited */
};

static void pour(struct peer *p)
{
    struct source *from = p->extra;
    while (from->sent < from->size && wire_has_room(p->w)) {
        size_t n = from->size - from->sent < CHUNK ? from->size - from->sent : CHUNK;
        struct span part = span_make(pattern + from->sent % PERIOD, n);
        wire_write(p->w, &part, 1);
        from->sent += n;
        if (wire_queued(p->w) > from->worst)
            from->worst = wire_queued(p->w);
    }
}

void transfer_run(struct peer *a, struct peer *b, size_t size)
{
    struct sink sink;
    struct source source = { .size = size };
    sink_attach(&sink, b, true);
    sink.pausing = true;
    a->extra = &source;
    a->on_drained = pour;
    pour(a);
    SCENE_UNTIL(a->scene, sink.total >= size || b->ended);
    CHECK_INT(sink.total, size);
    CHECK_INT(sink.wrong, 0);
    CHECK(source.worst >= WIRE_LOW); /* else this tested nothing */
    CHECK(source.worst < WIRE_HIGH + 2 * CHUNK);
    timer_clear(&sink.wake);
    b->bytes = NULL;
    a->on_drained = NULL;
}
