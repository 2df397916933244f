/* SPDX-License-Identifier: Apache-2.0
 * route_fuzz.c - routes by strangers, as they come in a header: refused with a reason, or planned whatever the state of their targets, in
 * rounds that follow one another, and left in the end whatever becomes of the attempts. What is laid over a body is JSON again.
 *
 * Input: JSON; the length of it is the seed of everything else. */
#include "base/json.h"
#include "base/map.h"
#include "route/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SEEDS = 4 };

static uint64_t next(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *seed >> 33;
}

static struct span field(void *self, struct span name, struct arena *a)
{
    static const char *const values[] = { "\"paid\"", "12", "true", "null", "\"a\\u00e9\\n\"", "[1]", "{}", "-1.5e3", "\"12px\"" };
    uint64_t roll = span_hash(name, *(uint64_t *)self) % 11;
    (void)a;
    return roll < 9 ? span_of(values[roll]) : SPAN_NONE;
}

static void standing(void *self, const struct target *t, struct standing *out)
{
    uint64_t seed = span_hash(t->path, *(uint64_t *)self);
    *out = (struct standing){ .usable = next(&seed) % 8 != 0 };
    out->open = next(&seed) % 4 == 0;
    out->qualifies = next(&seed) % 8 != 0;
    out->unproven = next(&seed) % 8 == 0;
    out->price = (int64_t)(next(&seed) % 5) - 1;
    out->latency_us = (int64_t)(next(&seed) % 5) - 1;
    out->p95_us = (int64_t)(next(&seed) % 100000) - 1;
    out->in_flight = (int64_t)(next(&seed) % 5);
    out->headroom_ppm = (int64_t)(next(&seed) % 1000001) - 1;
}

static bool is_below(const struct route *leaf, const struct route *root)
{
    while (leaf->parent)
        leaf = leaf->parent;
    return leaf == root;
}

static void walk(const struct plan *p, uint64_t seed)
{
    size_t at = 0, steps = 0;
    while (at < p->count && steps++ <= p->count) {
        struct attempt_end o = { (int)(next(&seed) % 600), (unsigned)(next(&seed) % 64), next(&seed) % 8 == 0, next(&seed) % 16 == 0 };
        size_t then = plan_after(p, at, &o);
        must(then > at && then <= p->count);
        must(then == p->count || p->list[then].round > p->list[at].round);
        must(!o.accepted || then == p->count);
        int64_t wait = retry_wait_ms(&p->list[at].target->retry, 1 + (int)(next(&seed) % 6), (int64_t)(next(&seed) % 100000) - 1, seed);
        must(wait >= -1 && wait <= ROUTE_WAIT_MOST_MS * 5);
        at = then;
    }
    must(at == p->count);
}

static void check(const struct route *r, const struct plan *p, uint64_t seed)
{
    must(p->count && p->count <= r->leaf_count && p->count <= ROUTE_TARGETS_MOST);
    must(p->list[0].round == 0 && !p->list[0].shadow);
    for (size_t i = 0; i < p->count; i++) {
        const struct planned *one = &p->list[i];
        must(one->target && one->leaf->target == one->target && is_below(one->leaf, r) && one->delay_ms >= 0);
        must(!i || one->round == p->list[i - 1].round || (one->round == p->list[i - 1].round + 1 && !one->shadow));
        for (size_t k = 0; k < i; k++)
            must(p->list[k].target != one->target);
    }
    walk(p, seed);
}

static void apply(const struct target *t, struct arena *a)
{
    static const char body[] = "{\"model\":\"m\",\"a\":{\"b\":[1,{\"c\":2}]},\"messages\":[{\"role\":\"user\",\"name\":\"x\",\"content\":\"hi\"}],\"seed\":1.0}";
    struct json *j = json_new();
    struct json_value v;
    struct buf out;
    const char *why;
    buf_init(&out, 8u << 20);
    must(j);
    if (target_apply(t, j, span_of(body), a, &out))
        must(json_parse(j, buf_span(&out), false, &v, &why) == E_OK && json_kind(v) == JSON_OBJECT);
    buf_free(&out);
    json_free(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct node *n = NULL;
    struct route *r = NULL;
    struct trouble t = { .set = false };
    struct span text = span_make((const char *)data, size), why;
    if (size > ROUTE_TEXT_MOST)
        return 0;
    arena_init(&a, 256u << 20);
    failure_of(400, text);
    bool good = node_read_json(&a, "", text, &n, &t) == E_OK && route_read(&a, n, "x", size % 2, &r, &t) == E_OK;
    must(good || t.set);
    for (uint64_t i = 0; good && i < SEEDS; i++) {
        uint64_t self = size * SEEDS + i;
        struct route_view v = { &self, field, standing, self };
        struct plan p, again;
        enum err e = route_plan(r, &v, &a, &p, &why);
        must(e == E_OK || ((e == E_OPERATION_DENIED || e == E_BAD_REQUEST) && why.len));
        if (e)
            continue;
        check(r, &p, self);
        must(route_plan(r, &v, &a, &again, &why) == E_OK && again.count == p.count);
        for (size_t k = 0; k < p.count; k++)
            must(p.list[k].target == again.list[k].target);
        apply(p.list[0].target, &a);
    }
    arena_free(&a);
    return 0;
}
