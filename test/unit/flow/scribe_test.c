/* SPDX-License-Identifier: Apache-2.0
 * scribe_test.c - what waits when the gate stops is written, as far as there is time; the rest is counted, and its memory given back. */
#include "flow/scribe.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "guard/redact.h"
#include "test/unit/store/rig.h"

enum { CALLS = 300, BODY = 200 << 10 };

static struct capture_rule rule = { .request = true, .limit = BODY, .retention_ms = INT64_C(1) << 50 };

/* With a body that takes a while to look through and to compress. */
static struct captured *captured(struct scribe *s, struct snapshot *snapshot, uint64_t call)
{
    struct captured *c = calloc(1, sizeof(*c));
    must(c && scribe_charge(s, BODY));
    *c = (struct captured){ .call = call, .at = 1, .snapshot = snapshot, .rule = &rule, .charged = BODY };
    atomic_fetch_add(&snapshot->refs, 1);
    arena_init(&c->arena, 1 << 16);
    buf_init(&c->request, BODY + 1);
    buf_init(&c->response, 1);
    for (uint64_t i = 0; c->request.len + 20 <= BODY; i++)
        buf_put_u64(&c->request, (i + call) * UINT64_C(0x9e3779b97f4a7c15));
    return c;
}

static struct scribe_counts stopped(struct rig *g, int64_t most_ms, size_t calls)
{
    char why[256];
    struct snapshot snapshot = { .refs = 1 };
    struct captured *list[CALLS];
    struct scribe *s = scribe_start(g->store, (int64_t)CALLS * BODY, why);
    struct arena arena;
    struct trouble t = { .set = false };
    arena_init(&arena, 1 << 20);
    must(s && calls <= CALLS && redactor_read(&arena, NULL, "", &rule.redactor, &t));
    for (size_t i = 0; i < calls; i++)
        list[i] = captured(s, &snapshot, i + 1);
    for (size_t i = 0; i < calls; i++)
        CHECK(scribe_take(s, list[i]));
    scribe_stop(s, most_ms);
    struct scribe_counts n = scribe_count(s);
    CHECK_INT(n.kept + n.lost, (int64_t)calls);
    CHECK_INT(n.bytes, 0);
    CHECK_INT(atomic_load(&snapshot.refs), 1);
    CHECK_INT(rig_ask(g, "SELECT count(*) FROM contents"), n.kept);
    scribe_flush(s); /* does not wait for what will never be */
    scribe_free(s);
    arena_free(&arena);
    return n;
}

TEST(a_stop_writes_what_waits)
{
    struct rig g;
    rig_init(&g, 0);
    rig_open(&g, true);
    CHECK_INT(stopped(&g, 60 * 1000, 20).kept, 20);
    rig_free(&g);
}

TEST(a_stop_has_an_end)
{
    struct rig g;
    rig_init(&g, 0);
    rig_open(&g, true);
    CHECK(stopped(&g, 0, CALLS).lost > CALLS / 2);
    rig_free(&g);
}
