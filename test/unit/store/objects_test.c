/* SPDX-License-Identifier: Apache-2.0
 * objects_test.c - versions, conflicts, and who sees what when. */
#include "test/unit/store/rig.h"

static struct store_object find(struct rig *g, struct span kind, struct span id)
{
    struct store_object *list, none = { 0 };
    size_t count;
    struct store_reader *r = rig_reader(g);
    CHECK_INT(store_objects(r, &g->arena, &list, &count), E_OK);
    store_reader_free(r);
    for (size_t i = 0; i < count; i++)
        if (span_is(list[i].kind, kind) && span_is(list[i].id, id))
            return list[i];
    return none;
}

static void play(struct rig *g)
{
    struct store *s = g->store;
    const struct span key = SPAN("key"), id = SPAN("key_1"), body = SPAN("{\"a\":1}"), other = SPAN("{\"a\":2}");
    CHECK_INT(store_object_put(s, key, id, body, 5, 1000, NULL), E_CONFLICT);
    CHECK_INT(store_object_put(s, key, id, SPAN_NONE, -1, 1000, NULL), E_NOT_FOUND);
    CHECK_INT(store_object_put(s, key, id, body, 0, 1000, NULL), E_OK);
    CHECK_INT(store_object_put(s, key, id, body, 0, 1001, NULL), E_CONFLICT);
    struct store_object o = find(g, key, id);
    CHECK_INT(o.version, 1);
    CHECK_SPAN(o.body, body);
    CHECK_INT(store_object_put(s, key, id, other, 1, 2000, NULL), E_OK);
    CHECK_INT(store_object_put(s, key, id, body, 1, 3000, NULL), E_CONFLICT);
    o = find(g, key, id);
    CHECK_INT(o.version, 2);
    CHECK_INT(o.created_at, 1000);
    CHECK_INT(o.updated_at, 2000);
    CHECK_SPAN(o.body, other);
    CHECK_INT(store_object_put(s, SPAN("policy"), id, body, -1, 2500, NULL), E_OK); /* another kind, another object */
    CHECK_INT(store_object_put(s, key, id, SPAN_NONE, 1, 4000, NULL), E_CONFLICT);
    CHECK_INT(store_object_put(s, key, id, SPAN_NONE, 2, 4000, NULL), E_OK);
    CHECK(!find(g, key, id).body.at);
    CHECK(find(g, SPAN("policy"), id).body.at);
    CHECK_INT(store_object_put(s, key, id, body, 2, 5000, NULL), E_CONFLICT);
    CHECK_INT(store_object_put(s, key, id, body, 0, 5000, NULL), E_OK);
    o = find(g, key, id);
    CHECK_INT(o.version, 4); /* never one that was seen before */
    CHECK_INT(o.created_at, 5000);
}

TEST(object_versions)
{
    struct rig g;
    rig_init(&g, 0);
    rig_open(&g, true);
    play(&g);
    rig_close(&g);
    rig_open(&g, false);
    CHECK_INT(find(&g, SPAN("key"), SPAN("key_1")).version, 4);
    rig_free(&g);
}

TEST(objects_before_the_thread_runs)
{
    struct rig g;
    rig_init(&g, 0);
    rig_open(&g, false);
    play(&g);
    rig_free(&g);
}

struct racer {
    struct rig *rig;
    int won, lost;
};

static void *race(void *self)
{
    struct racer *r = self;
    for (int64_t version = 0; version < 20; version++) {
        enum err e = store_object_put(r->rig->store, SPAN("key"), SPAN("x"), SPAN("{}"), version, 1, NULL);
        r->won += e == E_OK;
        r->lost += e == E_CONFLICT;
    }
    return NULL;
}

/* Two writers at once, each version won by exactly one of them at most. */
TEST(objects_from_two_threads)
{
    struct rig g;
    pthread_t thread;
    rig_init(&g, 0);
    rig_open(&g, true);
    struct racer a = { .rig = &g }, b = { .rig = &g };
    must(pthread_create(&thread, NULL, race, &a) == 0);
    race(&b);
    pthread_join(thread, NULL);
    CHECK_INT(a.won + a.lost, 20);
    CHECK_INT(b.won + b.lost, 20);
    CHECK_INT(find(&g, SPAN("key"), SPAN("x")).version, a.won + b.won);
    rig_free(&g);
}
