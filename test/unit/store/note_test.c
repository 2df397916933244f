/* SPDX-License-Identifier: Apache-2.0
 * note_test.c - answers kept for repeats, and the outbox: one of a name, durable, forgotten when they have run out. */
#include "test/unit/store/rig.h"

#include "store/inside.h"

#define NOON INT64_C(1800000000000)

static struct rig_record answer(uint64_t call, struct span once, int64_t at, int64_t until, struct span bytes)
{
    return (struct rig_record){
        .record = { .what = STORE_ANSWER, .call = call, .at = at, .until = until, .once = once, .bytes = bytes }
    };
}

static struct rig_record alert(struct span name, int64_t at, int64_t until)
{
    return (struct rig_record){ .record = { .what = STORE_ALERT, .at = at, .until = until, .once = name, .bytes = SPAN("{\"a\":1}") } };
}

static struct store_answer find(struct rig *g, struct span once, int64_t now, enum err want)
{
    struct store_answer a;
    struct store_reader *r = rig_reader(g);
    CHECK_INT(store_answer(r, once, now, &g->arena, &a), want);
    store_reader_free(r);
    return a;
}

TEST(the_first_answer_is_kept)
{
    struct rig g;
    rig_init(&g, 1);
    rig_append(&g, 0, answer(7, SPAN("once \0 1"), 1000, 2000, SPAN("first \0 bytes")));
    rig_append(&g, 0, answer(8, SPAN("once \0 1"), 1001, 3000, SPAN("second")));
    rig_append(&g, 0, answer(9, SPAN("once \0 2"), 1001, 3000, SPAN("other")));
    rig_open(&g, false);
    struct store_answer a = find(&g, SPAN("once \0 1"), 1500, E_OK);
    CHECK(!a.in_doubt && a.call == 7 && a.at == 1000 && a.until == 2000);
    CHECK_SPAN(a.bytes, SPAN("first \0 bytes"));
    CHECK_SPAN(find(&g, SPAN("once \0 2"), 1500, E_OK).bytes, SPAN("other"));
    (void)find(&g, SPAN("once \0 1"), 2000, E_NOT_FOUND);
    (void)find(&g, SPAN("once"), 1500, E_NOT_FOUND);
    rig_append(&g, 0, answer(10, SPAN("once \0 1"), 2000, 4000, SPAN("of a new time")));
    rig_close(&g);
    rig_open(&g, false);
    CHECK_SPAN(find(&g, SPAN("once \0 1"), 2500, E_OK).bytes, SPAN("of a new time"));
    rig_free(&g);
}

TEST(a_key_in_doubt_is_said_to_be)
{
    struct rig g;
    rig_init(&g, 1);
    struct rig_record r = rig_doubt(&g, 5, 20);
    r.record.once = SPAN("once");
    rig_append(&g, 0, r);
    rig_open(&g, true);
    CHECK_INT(store_barrier(g.store), E_OK);
    struct store_answer a = find(&g, SPAN("once"), NOON, E_OK);
    CHECK(a.in_doubt && a.call == 5 && !a.bytes.at);
    rig_append(&g, 0, answer(5, SPAN("once"), 1000, NOON + 1, SPAN("found out")));
    rig_append(&g, 0, rig_settlement(&g, 9, 5, 20, 7, SPAN("settled")));
    CHECK_INT(store_barrier(g.store), E_OK);
    a = find(&g, SPAN("once"), NOON, E_OK);
    CHECK(!a.in_doubt);
    CHECK_SPAN(a.bytes, SPAN("found out"));
    (void)find(&g, SPAN("once"), NOON + 1, E_NOT_FOUND);
    rig_free(&g);
}

TEST(pitfall_76_a_call_whose_answer_found_no_room_does_not_go_again)
{
    struct rig g;
    rig_init(&g, 1);
    struct rig_record r = rig_row(&g, 5);
    r.record.once = SPAN("once");
    rig_append(&g, 0, r);
    rig_open(&g, false);
    struct store_answer a = find(&g, SPAN("once"), r.record.at + 1, E_OK);
    CHECK(!a.in_doubt && a.call == 5);
    CHECK_INT(a.bytes.len, DIGEST_LEN); /* and no answer behind it */
    rig_append(&g, 0, answer(6, SPAN("once"), r.record.at + 2, INT64_MAX, SPAN("of another call")));
    rig_close(&g);
    rig_open(&g, false);
    CHECK_INT(find(&g, SPAN("once"), r.record.at + 3, E_OK).call, 5);
    rig_free(&g);
}

struct alerts {
    size_t count;
    int64_t ids[8];
    int tries;
    bool done;
    char name[32], body[32], pending[32], trouble[32];
};

static void keep(char out[32], struct span s) { snprintf(out, 32, "%.*s", (int)s.len, s.at ? s.at : ""); }

static void see(void *self, const struct store_alert *a)
{
    struct alerts *s = self;
    if (s->count < 8)
        s->ids[s->count] = a->id;
    s->count++;
    s->tries = a->tries;
    s->done = a->done;
    keep(s->name, a->name);
    keep(s->body, a->body);
    keep(s->pending, a->pending);
    keep(s->trouble, a->trouble);
}

static struct alerts alerts(struct rig *g, int64_t now, int limit)
{
    struct alerts s = { 0 };
    struct store_reader *r = rig_reader(g);
    CHECK_INT(store_alerts(r, now, limit, see, &s), E_OK);
    store_reader_free(r);
    return s;
}

TEST(outbox_gives_what_is_due)
{
    struct rig g;
    rig_init(&g, 1);
    rig_append(&g, 0, alert(SPAN("threshold/80/a"), 1000, NOON));
    rig_append(&g, 0, alert(SPAN("threshold/80/a"), 1001, NOON)); /* told already */
    rig_append(&g, 0, alert(SPAN("threshold/50/a"), 900, NOON));
    rig_open(&g, true);
    CHECK_INT(store_barrier(g.store), E_OK);
    CHECK_INT(store_alert_put(g.store, SPAN("threshold/80/a"), SPAN("{}"), 2000, NOON), E_CONFLICT);
    CHECK_INT(store_alert_put(g.store, SPAN("test"), SPAN("{}"), 2000, NOON), E_OK);
    CHECK_INT(alerts(&g, 899, 10).count, 0);
    struct alerts s = alerts(&g, 1500, 10);
    CHECK_INT(s.count, 2); /* the oldest first */
    CHECK(strcmp(s.name, "threshold/80/a") == 0 && strcmp(s.body, "{\"a\":1}") == 0 && s.tries == 0 && !s.pending[0]);
    int64_t first = s.ids[0], second = s.ids[1];
    CHECK_INT(alerts(&g, 5000, 1).ids[0], first);
    CHECK_INT(store_alert_tried(g.store, first, false, 3000, SPAN("ops,finance"), SPAN("503")), E_OK);
    CHECK_INT(alerts(&g, 1500, 10).count, 1);
    CHECK_INT(store_alert_tried(g.store, second, true, 0, SPAN_NONE, SPAN_NONE), E_OK);
    CHECK_INT(store_alert_tried(g.store, 999, true, 0, SPAN_NONE, SPAN_NONE), E_NOT_FOUND);
    rig_close(&g);
    rig_open(&g, true);
    s = alerts(&g, 3000, 10);
    CHECK_INT(s.count, 2);
    s = alerts(&g, 3000, 1);
    CHECK(s.ids[0] == first && s.tries == 1 && strcmp(s.pending, "ops,finance") == 0 && strcmp(s.trouble, "503") == 0);
    s = alerts(&g, 0, 10); /* all, newest first */
    CHECK_INT(s.count, 3);
    CHECK(s.ids[1] == first && strcmp(s.name, "threshold/80/a") == 0);
    rig_free(&g);
}

/* A name is used again when its time is over. */
TEST(outbox_name_comes_again_after_its_time)
{
    struct rig g;
    rig_init(&g, 0);
    rig_open(&g, false);
    CHECK_INT(store_alert_put(g.store, SPAN("n"), SPAN("{}"), 1000, 2000), E_OK);
    CHECK_INT(store_alert_tried(g.store, 1, true, 0, SPAN_NONE, SPAN("gone")), E_OK);
    CHECK_INT(store_alert_put(g.store, SPAN("n"), SPAN("{}"), 1999, 3000), E_CONFLICT);
    CHECK_INT(store_alert_put(g.store, SPAN("n"), SPAN("{\"b\":2}"), 2000, 3000), E_OK);
    struct alerts s = alerts(&g, 2000, 10);
    CHECK(s.count == 1 && s.tries == 0 && strcmp(s.body, "{\"b\":2}") == 0 && !s.trouble[0]);
    rig_free(&g);
}

static void sweep(struct rig *g, int64_t now)
{
    for (int step = 0; step < 5; step++)
        sweep_step(g->store, now, 0);
}

TEST(what_has_run_out_is_swept_and_a_doubt_never_is)
{
    struct rig g;
    const int64_t hour = INT64_C(3600000), day = 24 * hour;
    rig_init(&g, 1);
    for (uint64_t i = 1; i <= 2500; i++) {
        char name[16];
        snprintf(name, sizeof(name), "%d", (int)i);
        struct span once = arena_copy(&g.arena, span_of(name));
        rig_append(&g, 0, answer(i, once, 1, i % 2 ? NOON - 1 : NOON, SPAN("bytes")));
        rig_append(&g, 0, alert(once, 1, i % 5 ? NOON - 1 : NOON));
    }
    struct rig_record old = rig_doubt(&g, 5, 20);
    old.record.once = SPAN("in doubt");
    old.record.count = 4;
    old.lines[0].ends_at = NOON - 100 * day;
    old.lines[1] = (struct store_line){ .account = SPAN("r"), .slot = 1, .real = 4, .ends_at = NOON - 3 * hour };
    old.lines[2] = (struct store_line){ .account = SPAN("r"), .slot = 2, .real = 4, .ends_at = NOON - hour };
    old.lines[3] = (struct store_line){ .account = SPAN("r"), .slot = 0, .real = 4, .held = 1, .kept = true, .ends_at = NOON - 9 * hour };
    rig_append(&g, 0, old);
    rig_open(&g, false);
    sweep_step(g.store, NOON, 0);
    CHECK_INT(g.store->sweep.at, SWEEP_STEP_MS); /* a step is never long */
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM answers"), 1500);
    sweep(&g, NOON);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM answers"), 1250);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM outbox"), 500);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM doubts"), 1);
    CHECK_INT(rig_ask(&g, "SELECT doubt FROM accounts WHERE account = 'key_a/0'"), 20);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM accounts WHERE account = 'r' AND slot IN (0, 2)"), 2);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM accounts WHERE account = 'r'"), 2); /* of slots that left their window soon */
    CHECK(find(&g, SPAN("in doubt"), NOON, E_OK).in_doubt);
    rig_append(&g, 0, rig_settlement(&g, 9, 5, 20, 7, SPAN("settled")));
    bool more;
    CHECK_INT(batch_run(g.store, 0, &more), E_OK);
    rig_do(&g, "UPDATE accounts SET ends_at = 1 WHERE account = 'key_a/0'");
    g.store->sweep.accounts_done = false;
    sweep(&g, NOON);
    CHECK_INT(rig_ask(&g, "SELECT count(*) FROM accounts WHERE account = 'key_a/0'"), 0);
    rig_free(&g);
}
