/* SPDX-License-Identifier: Apache-2.0
 * objects_test.c - versions, conflicts, and who sees what when. */
#include "test/unit/store/rig.h"

#include "store/inside.h"

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

/* Both or neither: a change that cannot be written down is not made, and one that is refused leaves no row. */
TEST(a_change_and_its_row_are_one)
{
    for (int threaded = 0; threaded < 2; threaded++) {
        struct rig g;
        rig_init(&g, 1);
        rig_append(&g, 0, rig_row(&g, 1));
        rig_open(&g, threaded);
        struct rig_record first = rig_change(&g, 100), second = rig_change(&g, 101);
        CHECK_INT(store_object_put(g.store, SPAN("key"), SPAN("a"), SPAN("{}"), 0, 1, &first.record), E_OK);
        CHECK_INT(store_object_put(g.store, SPAN("key"), SPAN("a"), SPAN("{}"), 0, 1, &second.record), E_CONFLICT);
        CHECK_INT(rig_ask(&g, "SELECT count(*) FROM calls WHERE kind = 2"), 1);
        CHECK_INT(store_object_put(g.store, SPAN("key"), SPAN("b"), SPAN("{}"), 0, 1, &first.record), E_CONFLICT);
        CHECK(!find(&g, SPAN("key"), SPAN("b")).body.at);
        CHECK_INT(store_event(g.store, &second.record), E_OK);
        CHECK_INT(store_event(g.store, &second.record), E_CONFLICT);
        CHECK_INT(store_object_put(g.store, SPAN("key"), SPAN("a"), SPAN_NONE, -1, 1, NULL), E_OK);
        CHECK_INT(rig_ask(&g, "SELECT count(*) FROM calls WHERE kind = 2"), 2);
        rig_append(&g, 0, rig_row(&g, 2));
        rig_crash(&g); /* durable when it returned */
        rig_open(&g, false);
        CHECK_INT(rig_verified(&g), 4);
        rig_free(&g);
    }
}

struct changer {
    struct rig *rig;
    uint64_t from;
    bool rows;
};

static void *change_on(void *self)
{
    struct changer *c = self;
    for (uint64_t i = 0; i < 100; i++) {
        struct rig_record change = { .record = { .what = STORE_ROW, .kind = STORE_CHANGE, .call = c->from + i, .at = 1, .row = SPAN("{}") } };
        if (c->rows) {
            struct rig_record row = { .record = { .what = STORE_ROW, .call = c->from + i, .at = 1, .row = SPAN("{}"), .cost = 1 } };
            rig_append(c->rig, 0, row);
        } else if (i % 2) {
            CHECK_INT(store_event(c->rig->store, &change.record), E_OK);
        } else {
            CHECK_INT(store_object_put(c->rig->store, SPAN("key"), SPAN("x"), SPAN("{}"), -1, 1, &change.record), E_OK);
        }
    }
    return NULL;
}

/* Pitfall 71, writers that lock each other out: there is one writer, all others wait in its line, and the chain has one order. */
TEST(pitfall_71_one_ordered_writer)
{
    struct rig g;
    pthread_t threads[4];
    struct changer changers[4];
    rig_init(&g, 1);
    rig_open(&g, true);
    for (int i = 0; i < 4; i++) {
        changers[i] = (struct changer){ &g, 1000 + 1000 * (uint64_t)i, i == 3 };
        must(pthread_create(&threads[i], NULL, change_on, &changers[i]) == 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(store_barrier(g.store), E_OK);
    CHECK_INT(rig_verified(&g), 400);
    CHECK_INT(rig_ask(&g, "SELECT sum(cost) FROM calls"), 100);
    CHECK_INT(find(&g, SPAN("key"), SPAN("x")).version, 150);
    rig_free(&g);
}

static enum err refuse_writes(struct store *s, void *self) { return sql_run(s->db, self); }

/* A database that cannot be written: every change is refused, none is half made, and it heals by itself. */
TEST(changes_on_a_failing_disk)
{
    static char on[] = "PRAGMA query_only = ON", off[] = "PRAGMA query_only = OFF";
    struct rig g;
    rig_init(&g, 1);
    rig_open(&g, true);
    struct rig_record change = rig_change(&g, 100);
    CHECK_INT(jobs_do(g.store, refuse_writes, on), E_OK);
    CHECK_INT(store_event(g.store, &change.record), E_IO);
    CHECK_INT(store_object_put(g.store, SPAN("key"), SPAN("a"), SPAN("{}"), 0, 1, &change.record), E_IO);
    CHECK_INT(store_alert_put(g.store, SPAN("n"), SPAN("{}"), 1, 2), E_IO);
    rig_append(&g, 0, rig_doubt(&g, 1, 20));
    rig_append(&g, 0, rig_settlement(&g, 2, 1, 20, 7, SPAN("settled")));
    CHECK_INT(store_barrier(g.store), E_IO);
    CHECK(!store_healthy(g.store));
    CHECK_INT(store_event(g.store, &change.record), E_IO);
    CHECK_INT(jobs_do(g.store, refuse_writes, off), E_OK);
    CHECK_INT(store_object_put(g.store, SPAN("key"), SPAN("a"), SPAN("{}"), 0, 1, &change.record), E_OK);
    while (!store_healthy(g.store)) /* it tries every half second */
        CHECK(store_barrier(g.store) == E_OK || !store_healthy(g.store));
    CHECK_INT(store_barrier(g.store), E_OK);
    CHECK_INT(rig_verified(&g), 3);
    CHECK_INT(rig_ask(&g, "SELECT settled FROM accounts"), 7);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM outbox"), 0);
    rig_free(&g);
}
