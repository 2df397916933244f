/* SPDX-License-Identifier: Apache-2.0
 * courier_test.c - the thread with a real store: each endpoint once, retries, restarts, what is given up. A second of the
 * schedule lasts 20 ms here, unless a test says otherwise. */
#include "alert/inside.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/digest.h"
#include "test/unit/alert/rig.h"

enum { ENDPOINTS = 4, SECOND = 20 };
#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

struct scene {
    char dir[64];
    struct store *store;
    struct alerts *alerts;
    struct snapshot *snapshot;
    struct alert_endpoint endpoints[ENDPOINTS];
    char urls[ENDPOINTS][64], names[ENDPOINTS][8];
};

static struct snapshot *in_force(void *self)
{
    const struct scene *s = self;
    return snapshot_keep(s->snapshot);
}

static void open_store(struct scene *s)
{
    char why[256] = "";
    s->store = store_open(span_of(s->dir), why);
    must(s->store);
    CHECK_INT(store_recover(s->store, NULL, NULL), E_OK);
    CHECK_INT(store_start(s->store), E_OK);
}

static void scene_open(struct scene *s)
{
    memset(s, 0, sizeof(*s));
    strcpy(s->dir, "/tmp/tollgate-alert-XXXXXX");
    must(mkdtemp(s->dir));
    s->snapshot = calloc(1, sizeof(*s->snapshot));
    must(s->snapshot);
    arena_init(&s->snapshot->arena, 1 << 20);
    atomic_store(&s->snapshot->refs, 1);
    s->snapshot->settings.alerts = s->endpoints;
    open_store(s);
}

static void start(struct scene *s, int64_t second_ms)
{
    char why[256] = "";
    s->alerts = alerts_start_at(s->store, in_force, s, second_ms, why);
    if (!s->alerts)
        test_fail(__FILE__, __LINE__, "%s", why);
    must(s->alerts);
}

static void stop(struct scene *s)
{
    alerts_stop(s->alerts);
    s->alerts = NULL;
}

static void scene_close(struct scene *s)
{
    char command[128];
    stop(s);
    store_close(s->store);
    snapshot_drop(s->snapshot);
    snprintf(command, sizeof(command), "rm -rf %s", s->dir);
    must(system(command) == 0);
}

/* Endpoints are named "e0", "e1", ... Only while the courier does not run. */
static void add_endpoint(struct scene *s, uint16_t port, unsigned events)
{
    size_t n = s->snapshot->settings.alert_count++;
    must(n < ENDPOINTS);
    snprintf(s->urls[n], sizeof(s->urls[n]), "http://127.0.0.1:%u/", port);
    snprintf(s->names[n], sizeof(s->names[n]), "e%zu", n);
    s->endpoints[n] = (struct alert_endpoint){ .name = span_of(s->names[n]), .kind = ALERT_WEBHOOK, .events = events,
        .url = span_of(s->urls[n]), .secret = SPAN("whsec_test") };
}

static void put_at(struct scene *s, const char *name, const char *event, int64_t at)
{
    char body[256];
    snprintf(body, sizeof(body), "{\"event\":\"%s\",\"text\":\"%s happened\",\"n\":\"%s\"}", event, name, name);
    CHECK_INT(store_alert_put(s->store, span_of(name), span_of(body), at, at + 10 * DAY_MS), E_OK);
    if (s->alerts)
        alerts_wake(s->alerts);
}

static void put(struct scene *s, const char *name, const char *event) { put_at(s, name, event, clock_unix_ms()); }

/* What the outbox says of one alert. */
struct state {
    struct span name;
    bool found, done;
    int tries;
    int64_t id, next_at;
    char pending[128], trouble[512];
};

static void see(void *self, const struct store_alert *a)
{
    struct state *t = self;
    if (!span_is(a->name, t->name))
        return;
    t->found = true;
    t->done = a->done;
    t->tries = a->tries;
    t->id = a->id;
    t->next_at = a->next_at;
    snprintf(t->pending, sizeof(t->pending), "%.*s", (int)a->pending.len, a->pending.at ? a->pending.at : "");
    snprintf(t->trouble, sizeof(t->trouble), "%.*s", (int)a->trouble.len, a->trouble.at ? a->trouble.at : "");
}

static struct state state_of(struct scene *s, const char *name)
{
    char why[256];
    struct state t = { .name = span_of(name) };
    struct store_reader *r = store_reader_new(s->store, why);
    must(r);
    CHECK_INT(store_alerts(r, 0, 1000, see, &t), E_OK);
    store_reader_free(r);
    return t;
}

static bool await_done(struct scene *s, const char *name)
{
    for (int i = 0; i < 500; i++) {
        if (state_of(s, name).done)
            return true;
        rig_nap(10);
    }
    return false;
}

static struct alert_counts counts(struct scene *s)
{
    struct alert_counts c;
    alerts_count(s->alerts, &c);
    return c;
}

TEST(the_schedule)
{
    static const int64_t want[] = { 5, 15, 60, 300, 900, 3600, 7200, 10800 };
    int64_t at = INT64_C(1790000000000), now = at, most = at;
    int tries = 0;
    for (; tries < 8; tries++) {
        now = alert_again(at, tries, now, 1000, 0);
        CHECK_INT((now - at) / 1000, want[tries]);
    }
    for (int64_t next; (next = alert_again(at, tries, now, 1000, 0)) != 0; tries++)
        now = next;
    CHECK_INT(now - at, 3 * DAY_MS);
    CHECK_INT(tries, 5 + 72);
    /* With the worst dice: a tenth later each, never nearer than two seconds, and it ends all the same. */
    for (tries = 0, now = at; (most = alert_again(at, tries, now, 1000, 1023)) != 0; tries++, now = most)
        CHECK(most >= now + 2000 && most <= now + 1100 * 3600);
    CHECK(now <= at + 3 * DAY_MS + 3600 * 1000 / 10);
    /* A clock that stands before the alert was made. */
    CHECK_INT(alert_again(at, 0, at - DAY_MS, 1000, 0), at - DAY_MS + 5000);
    CHECK_INT(alert_again(at, 1000, at - DAY_MS, 1000, 0), at - DAY_MS + 2002 * 1000);
}

TEST(each_endpoint_once_by_kind)
{
    struct scene s;
    struct hook all, brakes, budgets;
    scene_open(&s);
    hook_start(&all, 0, NULL, 0);
    hook_start(&brakes, 0, NULL, 0);
    hook_start(&budgets, 0, NULL, 0);
    add_endpoint(&s, all.port, ALERT_ALL);
    add_endpoint(&s, brakes.port, ALERT_BRAKE);
    add_endpoint(&s, budgets.port, ALERT_THRESHOLD | ALERT_FORECAST);
    start(&s, SECOND);
    put(&s, "a", "threshold");
    put(&s, "b", "brake");
    put(&s, "c", "doubt");
    put(&s, "d", "unheard-of");
    CHECK(await_done(&s, "a") && await_done(&s, "b") && await_done(&s, "c") && await_done(&s, "d"));
    rig_nap(300);
    CHECK_INT(atomic_load(&all.count), 4);
    CHECK_INT(atomic_load(&brakes.count), 1);
    CHECK_INT(atomic_load(&budgets.count), 1);
    CHECK_SPAN(buf_span(&brakes.calls[0].body), SPAN("{\"event\":\"brake\",\"text\":\"b happened\",\"n\":\"b\"}"));
    CHECK_INT(counts(&s).sent, 6);
    CHECK_INT(counts(&s).failed, 0);
    CHECK_INT(counts(&s).waiting, 0);
    hook_stop(&all);
    hook_stop(&brakes);
    hook_stop(&budgets);
    scene_close(&s);
}

TEST(what_lay_there_is_sent_at_the_start)
{
    struct scene s;
    struct hook h;
    scene_open(&s);
    hook_start(&h, 0, NULL, 0);
    add_endpoint(&s, h.port, ALERT_ALL);
    for (int i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%d", i);
        put_at(&s, name, "threshold", clock_unix_ms() - 100 + i);
    }
    start(&s, SECOND);
    CHECK(hook_await(&h, 40));
    for (int i = 0; i < 40; i++) {
        char part[32];
        snprintf(part, sizeof(part), "\"n\":\"n%d\"", i);
        CHECK(rig_has(buf_span(&h.calls[i].body), part)); /* oldest first */
    }
    CHECK(await_done(&s, "n39"));
    hook_stop(&h);
    scene_close(&s);
}

TEST(retries_after_errors)
{
    enum { SLOWLY = 80 };
    static const int answers[] = { 500, HOOK_CUT, 204 };
    struct scene s;
    struct hook h;
    scene_open(&s);
    hook_start(&h, 0, answers, 3);
    add_endpoint(&s, h.port, ALERT_ALL);
    start(&s, SLOWLY);
    int64_t began = clock_unix_ms();
    put_at(&s, "a", "threshold", began);
    CHECK(hook_await(&h, 3));
    CHECK(await_done(&s, "a"));
    rig_nap(200);
    CHECK_INT(atomic_load(&h.count), 3);
    /* 5 and 15 of its seconds after it was made; a look may be late by its own gap. */
    static const int64_t due[] = { 0, 5, 15 };
    for (size_t i = 0; i < 3; i++) {
        int64_t after = h.calls[i].at - began;
        if (after < due[i] * SLOWLY || after > due[i] * SLOWLY * 12 / 10 + 400)
            test_fail(__FILE__, __LINE__, "try %zu came after %lld ms", i, (long long)after);
    }
    CHECK_INT(counts(&s).sent, 1);
    CHECK_INT(counts(&s).failed, 2);
    CHECK(state_of(&s, "a").trouble[0] == '\0');
    hook_stop(&h);
    scene_close(&s);
}

TEST(only_who_did_not_take_it_gets_it_again)
{
    static const int answers[] = { 503, 503 };
    struct scene s;
    struct hook good, bad;
    scene_open(&s);
    hook_start(&good, 0, NULL, 0);
    hook_start(&bad, 0, answers, 2);
    add_endpoint(&s, bad.port, ALERT_ALL);
    add_endpoint(&s, good.port, ALERT_ALL);
    start(&s, SECOND);
    put(&s, "a", "threshold");
    CHECK(hook_await(&bad, 1) && hook_await(&good, 1));
    rig_nap(50);
    CHECK_SPAN(span_of(state_of(&s, "a").pending), SPAN("e0"));
    CHECK_SPAN(span_of(state_of(&s, "a").trouble), SPAN("e0: it answered 503"));
    CHECK(await_done(&s, "a"));
    CHECK_INT(atomic_load(&bad.count), 3);
    CHECK_INT(atomic_load(&good.count), 1);
    hook_stop(&good);
    hook_stop(&bad);
    scene_close(&s);
}

TEST(an_endpoint_that_comes_back)
{
    struct scene s;
    struct hook h;
    scene_open(&s);
    hook_start(&h, 0, NULL, 0);
    uint16_t port = h.port;
    hook_stop(&h);
    add_endpoint(&s, port, ALERT_ALL);
    for (int i = 0; i < 5; i++) {
        char name[16];
        snprintf(name, sizeof(name), "n%d", i);
        put(&s, name, "threshold");
    }
    start(&s, 200);
    rig_nap(400);
    /* One try told enough: the others did not wait for it as well. */
    CHECK_INT(counts(&s).failed, 1);
    CHECK_INT(counts(&s).waiting, 5);
    CHECK_SPAN(span_of(state_of(&s, "n0").trouble), SPAN("e0: it could not be reached"));
    CHECK_SPAN(span_of(state_of(&s, "n4").trouble), SPAN("e0: not tried, it did not answer a moment ago"));
    hook_start(&h, port, NULL, 0);
    CHECK(hook_await(&h, 5));
    CHECK(await_done(&s, "n0") && await_done(&s, "n4"));
    CHECK_INT(atomic_load(&h.count), 5);
    hook_stop(&h);
    scene_close(&s);
}

TEST(durable_over_a_restart)
{
    static const int answers[] = { 500 };
    struct scene s;
    struct hook good, bad;
    scene_open(&s);
    hook_start(&good, 0, NULL, 0);
    hook_start(&bad, 0, answers, 1);
    add_endpoint(&s, good.port, ALERT_ALL);
    add_endpoint(&s, bad.port, ALERT_ALL);
    start(&s, 100);
    put(&s, "a", "threshold");
    CHECK(hook_await(&good, 1) && hook_await(&bad, 1));
    for (int i = 0; i < 100 && state_of(&s, "a").trouble[0] == '\0'; i++)
        rig_nap(10);
    stop(&s);
    store_close(s.store);
    open_store(&s);
    CHECK_SPAN(span_of(state_of(&s, "a").pending), SPAN("e1"));
    start(&s, 100);
    CHECK(hook_await(&bad, 2));
    CHECK(await_done(&s, "a"));
    CHECK_INT(atomic_load(&good.count), 1);
    CHECK_INT(atomic_load(&bad.count), 2);
    hook_stop(&good);
    hook_stop(&bad);
    scene_close(&s);
}

TEST(an_endpoint_that_vanished)
{
    static const int answers[] = { 500, 500, 500 };
    struct scene s;
    struct hook h;
    scene_open(&s);
    hook_start(&h, 0, answers, 3);
    add_endpoint(&s, h.port, ALERT_ALL);
    start(&s, SECOND);
    put(&s, "a", "threshold");
    CHECK(hook_await(&h, 1));
    stop(&s);
    size_t tried = atomic_load(&h.count);
    snprintf(s.names[0], sizeof(s.names[0]), "new"); /* renamed: it gets later alerts only */
    s.endpoints[0].name = span_of(s.names[0]);
    start(&s, SECOND);
    CHECK(await_done(&s, "a"));
    CHECK_INT(atomic_load(&h.count), tried);
    hook_stop(&h);
    scene_close(&s);
}

TEST(nobody_wants_it)
{
    struct scene s;
    scene_open(&s);
    start(&s, SECOND);
    put(&s, "a", "threshold");
    CHECK(await_done(&s, "a"));
    scene_close(&s);
}

TEST(given_up_after_three_days)
{
    static const int answers[] = { 500, 500, 500, 500 };
    struct scene s;
    struct hook h;
    scene_open(&s);
    hook_start(&h, 0, answers, 4);
    add_endpoint(&s, h.port, ALERT_ALL);
    put_at(&s, "a", "threshold", clock_unix_ms() - 3 * DAY_MS - 1000);
    put_at(&s, "b", "threshold", clock_unix_ms() - 3 * DAY_MS + 90 * 60 * 1000);
    start(&s, 1000);
    CHECK(hook_await(&h, 2));
    CHECK(await_done(&s, "a"));
    rig_nap(100);
    struct state a = state_of(&s, "a"), b = state_of(&s, "b");
    CHECK_SPAN(span_of(a.pending), SPAN("e0"));
    CHECK_SPAN(span_of(a.trouble), SPAN("e0: it answered 500"));
    /* The last try but one: within the hour, a tenth more at most. */
    CHECK(!b.done && b.next_at > clock_unix_ms() + 25 * 60 * 1000 && b.next_at < clock_unix_ms() + 35 * 60 * 1000);
    hook_stop(&h);
    scene_close(&s);
}

TEST(alerts_that_can_never_be_sent)
{
    struct scene s;
    struct hook h;
    static char large[2 * ALERT_BYTES];
    scene_open(&s);
    hook_start(&h, 0, NULL, 0);
    add_endpoint(&s, h.port, ALERT_ALL);
    int64_t now = clock_unix_ms();
    memset(large, ' ', sizeof(large));
    CHECK_INT(store_alert_put(s.store, SPAN("large"), span_make(large, sizeof(large)), now, now + DAY_MS), E_OK);
    CHECK_INT(store_alert_put(s.store, SPAN("broken"), SPAN("{"), now, now + DAY_MS), E_OK);
    put(&s, "fine", "threshold");
    start(&s, SECOND);
    CHECK(await_done(&s, "large") && await_done(&s, "broken") && await_done(&s, "fine"));
    CHECK(rig_has(span_of(state_of(&s, "large").trouble), "too large"));
    CHECK_INT(atomic_load(&h.count), 1);
    hook_stop(&h);
    scene_close(&s);
}

TEST(a_clock_that_was_set_back)
{
    struct scene s;
    struct hook h;
    scene_open(&s);
    hook_start(&h, 0, NULL, 0);
    add_endpoint(&s, h.port, ALERT_ALL);
    put_at(&s, "a", "threshold", clock_unix_ms() + 365 * DAY_MS);
    start(&s, SECOND);
    CHECK(hook_await(&h, 1));
    CHECK(await_done(&s, "a"));
    hook_stop(&h);
    scene_close(&s);
}

TEST(stops_at_once)
{
    static const int hang[] = { HOOK_HANG };
    struct scene s;
    struct hook h;
    scene_open(&s);
    hook_start(&h, 0, hang, 1);
    add_endpoint(&s, h.port, ALERT_ALL);
    start(&s, SECOND);
    rig_nap(50);
    int64_t began = clock_monotonic_ns();
    stop(&s); /* idle */
    CHECK(clock_monotonic_ns() - began < INT64_C(500000000));
    start(&s, SECOND);
    put(&s, "a", "threshold");
    CHECK(hook_await(&h, 1));
    began = clock_monotonic_ns();
    stop(&s); /* while an endpoint does not answer */
    CHECK(clock_monotonic_ns() - began < INT64_C(2000000000));
    CHECK(!state_of(&s, "a").done);
    CHECK_INT(state_of(&s, "a").tries, 0);
    start(&s, SECOND);
    CHECK(await_done(&s, "a"));
    hook_stop(&h);
    scene_close(&s);
}

static void *wake_often(void *alerts)
{
    for (int i = 0; i < 20000; i++)
        alerts_wake(alerts);
    return NULL;
}

TEST(wakes_are_cheap_and_from_any_thread)
{
    struct scene s;
    struct hook h;
    pthread_t threads[3];
    scene_open(&s);
    hook_start(&h, 0, NULL, 0);
    add_endpoint(&s, h.port, ALERT_ALL);
    start(&s, SECOND);
    for (int i = 0; i < 3; i++)
        must(pthread_create(&threads[i], NULL, wake_often, s.alerts) == 0);
    put(&s, "a", "threshold");
    CHECK(await_done(&s, "a"));
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    CHECK_INT(atomic_load(&h.count), 1);
    hook_stop(&h);
    scene_close(&s);
}
