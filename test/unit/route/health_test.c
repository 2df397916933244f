/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/buf.h"
#include "route/health.h"
#include "route/route.h"
#include "test/test.h"

enum { SECOND = 1000 };

#define usual breaker_usual

/* What was told, in order: "open ", "half_open ", ... */
struct told {
    char turns[256];
    size_t len;
    char why[200], target[200];
    int refused;
};

static void turned(void *self, struct span target, enum breaker now, struct span why)
{
    struct told *t = self;
    t->len += (size_t)snprintf(t->turns + t->len, sizeof(t->turns) - t->len, "%.*s ", SPAN_ARG(breaker_name(now)));
    snprintf(t->why, sizeof(t->why), "%.*s", SPAN_ARG(why));
    snprintf(t->target, sizeof(t->target), "%.*s", SPAN_ARG(target));
}

static void refused(void *self, struct span vendor, struct span credential, int status)
{
    (void)vendor;
    (void)credential;
    ((struct told *)self)->refused += status == 401;
}

struct ways {
    struct told told;
    struct health *h;
    struct health_target *t;
    int64_t now, until;
};

static void rig_up(struct ways *r)
{
    *r = (struct ways){ .now = INT64_C(1790000000000) };
    r->h = health_new(&(struct health_hooks){ &r->told, turned, refused });
    r->t = health_find(r->h, SPAN("openai"), SPAN("main"), SPAN("gpt-4o"), SPAN("eu"));
}

static void rig_down(struct ways *r) { health_free(r->h); }

static void one(struct ways *r, const struct breaker_rule *rule, bool bad)
{
    health_begin(r->t);
    health_end(r->t, rule, false, true, bad, bad ? 503 : 200, 1000, r->now);
}

static void several(struct ways *r, const struct breaker_rule *rule, bool bad, int times)
{
    for (int i = 0; i < times; i++)
        one(r, rule, bad);
}

static enum breaker asked(struct ways *r) { return health_ask(r->t, &usual, r->now, &r->until); }

/* ---- finding ---- */

TEST(the_same_target_is_found_again_and_no_other)
{
    struct ways r;
    rig_up(&r);
    CHECK(health_find(r.h, SPAN("openai"), SPAN("main"), SPAN("gpt-4o"), SPAN("eu")) == r.t);
    CHECK(health_find(r.h, SPAN("openai"), SPAN("main"), SPAN("gpt-4o"), SPAN_NONE) != r.t);
    CHECK(health_find(r.h, SPAN("openai"), SPAN("main"), SPAN("gpt-4"), SPAN("oeu")) != r.t);
    CHECK(health_find(r.h, SPAN("openai"), SPAN("spare"), SPAN("gpt-4o"), SPAN("eu")) != r.t);
    CHECK(health_find(r.h, SPAN("openai"), SPAN_NONE, SPAN_NONE, SPAN_NONE) == health_find(r.h, SPAN("openai"), SPAN(""), SPAN(""), SPAN("")));
    rig_down(&r);
}

TEST(the_table_is_bounded_and_what_finds_no_room_has_no_breaker)
{
    struct ways r;
    char name[32];
    rig_up(&r);
    for (int i = 1; i < HEALTH_TARGETS_MOST; i++) {
        snprintf(name, sizeof(name), "model-%d", i);
        (void)health_find(r.h, SPAN("openai"), SPAN("main"), span_of(name), SPAN_NONE);
    }
    struct health_target *last = health_find(r.h, SPAN("openai"), SPAN("main"), span_of(name), SPAN_NONE);
    struct health_target *more = health_find(r.h, SPAN("x"), SPAN("y"), SPAN("z"), SPAN_NONE);
    CHECK(more != last && more == health_find(r.h, SPAN("a"), SPAN("b"), SPAN("c"), SPAN_NONE));
    CHECK(health_find(r.h, SPAN("openai"), SPAN("main"), SPAN("gpt-4o"), SPAN("eu")) == r.t);
    r.t = more;
    several(&r, &usual, true, 100);
    CHECK_INT(asked(&r), BREAKER_CLOSED);
    CHECK_SPAN(span_of(r.told.turns), SPAN(""));
    rig_down(&r);
}

TEST(a_name_too_long_or_with_a_nul_is_no_target_of_its_own)
{
    struct ways r;
    char lengthy[2000];
    memset(lengthy, 'm', sizeof(lengthy));
    rig_up(&r);
    struct health_target *t = health_find(r.h, SPAN("openai"), SPAN("main"), span_make(lengthy, sizeof(lengthy)), SPAN_NONE);
    CHECK(t == health_find(r.h, SPAN("openai"), span_make("a\0b", 3), SPAN("m"), SPAN_NONE));
    CHECK(t != r.t);
    rig_down(&r);
}

/* ---- opening ---- */

TEST(failures_in_a_row_open_and_a_success_between_does_not)
{
    struct ways r;
    rig_up(&r);
    several(&r, &usual, true, 4);
    one(&r, &usual, false);
    several(&r, &usual, true, 4);
    CHECK_INT(asked(&r), BREAKER_CLOSED);
    one(&r, &usual, true);
    CHECK_INT(asked(&r), BREAKER_OPEN);
    CHECK_INT(r.until, r.now + 30 * SECOND);
    CHECK_SPAN(span_of(r.told.why), SPAN("5 failures in a row, the last: status 503"));
    CHECK_SPAN(span_of(r.told.target), SPAN("openai/main/gpt-4o@eu"));
    CHECK_SPAN(span_of(r.told.turns), SPAN("open "));
    rig_down(&r);
}

TEST(what_says_nothing_of_the_target_is_not_counted)
{
    struct ways r;
    rig_up(&r);
    for (int i = 0; i < 20; i++) {
        health_begin(r.t);
        health_end(r.t, &usual, false, false, true, 0, -1, r.now);
    }
    CHECK_INT(asked(&r), BREAKER_CLOSED);
    CHECK_INT(health_in_flight(r.t), 0);
    CHECK_INT(health_latency_us(r.t), -1);
    rig_down(&r);
}

TEST(the_rate_opens_only_with_enough_calls_within_the_window)
{
    const struct breaker_rule rate = { .rate_percent = 50, .least = 20, .window_ms = 60 * SECOND, .cooldown_ms = 30 * SECOND };
    struct ways r;
    rig_up(&r);
    for (int i = 0; i < 9; i++) { /* half of 18 */
        one(&r, &rate, false);
        one(&r, &rate, true);
    }
    one(&r, &rate, false);
    CHECK_INT(health_look(r.t, &rate, r.now, &r.until), BREAKER_CLOSED);
    one(&r, &rate, true); /* 10 of 20 */
    CHECK_INT(health_look(r.t, &rate, r.now, &r.until), BREAKER_OPEN);
    CHECK_SPAN(span_of(r.told.why), SPAN("10 of 20 calls failed within 60 s, the last: status 503"));
    rig_down(&r);
}

TEST(what_left_the_window_does_not_count)
{
    const struct breaker_rule rate = { .rate_percent = 50, .least = 20, .window_ms = 60 * SECOND, .cooldown_ms = 30 * SECOND };
    struct ways r;
    rig_up(&r);
    several(&r, &rate, true, 19);
    r.now += 60 * SECOND;
    one(&r, &rate, true); /* the 20th, but alone */
    CHECK_INT(health_look(r.t, &rate, r.now, &r.until), BREAKER_CLOSED);
    several(&r, &rate, true, 19);
    CHECK_INT(health_look(r.t, &rate, r.now, &r.until), BREAKER_OPEN);
    rig_down(&r);
}

TEST(a_window_of_minutes_slides_too)
{
    const struct breaker_rule rate = { .rate_percent = 50, .least = 20, .window_ms = 5 * 60 * SECOND, .cooldown_ms = 30 * SECOND };
    struct ways r;
    rig_up(&r);
    several(&r, &rate, true, 10);
    r.now += 4 * 60 * SECOND;
    several(&r, &rate, true, 10);
    CHECK_INT(health_look(r.t, &rate, r.now, &r.until), BREAKER_OPEN);
    rig_down(&r);
    rig_up(&r);
    several(&r, &rate, true, 10);
    r.now += 5 * 60 * SECOND;
    several(&r, &rate, true, 10);
    CHECK_INT(health_look(r.t, &rate, r.now, &r.until), BREAKER_CLOSED);
    rig_down(&r);
}

TEST(a_rule_of_zeros_knows_no_breaker)
{
    const struct breaker_rule none = { 0 };
    struct ways r;
    rig_up(&r);
    several(&r, &none, true, 100);
    CHECK_INT(asked(&r), BREAKER_CLOSED);
    one(&r, &usual, true);
    CHECK_INT(asked(&r), BREAKER_OPEN);
    CHECK_INT(health_ask(r.t, &none, r.now, &r.until), BREAKER_CLOSED);
    rig_down(&r);
}

TEST(which_statuses_count)
{
    const struct breaker_rule own = { .failures = 1, .on = { true, { 418, 503 }, 2 } };
    CHECK(breaker_counts(&usual, 0) && breaker_counts(&usual, 429) && breaker_counts(&usual, 500) && breaker_counts(&usual, 529));
    CHECK(!breaker_counts(&usual, 200) && !breaker_counts(&usual, 400) && !breaker_counts(&usual, 401) && !breaker_counts(&usual, 408));
    CHECK(breaker_counts(&own, 0) && breaker_counts(&own, 418) && breaker_counts(&own, 503));
    CHECK(!breaker_counts(&own, 429) && !breaker_counts(&own, 500));
}

/* ---- the cool-down and after it ---- */

static void open_it(struct ways *r)
{
    rig_up(r);
    several(r, &usual, true, 5);
}

TEST(after_the_cool_down_one_call_is_let_through_and_its_success_closes)
{
    struct ways r;
    open_it(&r);
    r.now += 30 * SECOND - 1;
    CHECK_INT(asked(&r), BREAKER_OPEN);
    r.now++;
    CHECK_INT(health_look(r.t, &usual, r.now, &r.until), BREAKER_HALF_OPEN);
    CHECK_INT(asked(&r), BREAKER_HALF_OPEN);
    CHECK_INT(asked(&r), BREAKER_OPEN); /* the probe is under way */
    CHECK_INT(health_look(r.t, &usual, r.now, &r.until), BREAKER_OPEN);
    health_begin(r.t);
    health_end(r.t, &usual, true, true, false, 200, 1000, r.now);
    CHECK_INT(asked(&r), BREAKER_CLOSED);
    several(&r, &usual, true, 4); /* what was before is forgotten */
    CHECK_INT(asked(&r), BREAKER_CLOSED);
    CHECK_SPAN(span_of(r.told.turns), SPAN("open half_open closed "));
    rig_down(&r);
}

TEST(a_probe_that_fails_opens_for_another_cool_down)
{
    struct ways r;
    open_it(&r);
    r.now += 30 * SECOND;
    CHECK_INT(asked(&r), BREAKER_HALF_OPEN);
    health_begin(r.t);
    health_end(r.t, &usual, true, true, true, 0, -1, r.now);
    CHECK_INT(asked(&r), BREAKER_OPEN);
    CHECK_INT(r.until, r.now + 30 * SECOND);
    CHECK_SPAN(span_of(r.told.why), SPAN("the call that was let through failed, too: no answer"));
    CHECK_SPAN(span_of(r.told.turns), SPAN("open half_open open "));
    rig_down(&r);
}

TEST(the_end_of_an_older_call_decides_nothing)
{
    struct ways r;
    open_it(&r);
    one(&r, &usual, false);
    CHECK_INT(asked(&r), BREAKER_OPEN);
    r.now += 30 * SECOND;
    CHECK_INT(asked(&r), BREAKER_HALF_OPEN);
    one(&r, &usual, false);
    one(&r, &usual, true);
    CHECK_INT(asked(&r), BREAKER_OPEN);
    CHECK_SPAN(span_of(r.told.turns), SPAN("open half_open "));
    rig_down(&r);
}

TEST(a_call_that_nobody_held_back_decides_after_the_cool_down)
{
    struct ways r;
    open_it(&r);
    r.now += 30 * SECOND - 1;
    one(&r, &usual, false);
    CHECK_INT(asked(&r), BREAKER_OPEN);
    r.now++;
    one(&r, &usual, true);
    CHECK_INT(asked(&r), BREAKER_OPEN);
    CHECK_INT(r.until, r.now + 30 * SECOND);
    CHECK_SPAN(span_of(r.told.why), SPAN("a call after the cool-down failed, too: status 503"));
    r.now += 30 * SECOND;
    one(&r, &usual, false);
    CHECK_INT(asked(&r), BREAKER_CLOSED);
    CHECK_SPAN(span_of(r.told.why), SPAN("a call went well after the cool-down"));
    rig_down(&r);
}

TEST(a_probe_that_never_ends_is_given_up)
{
    struct ways r;
    open_it(&r);
    r.now += 30 * SECOND;
    CHECK_INT(asked(&r), BREAKER_HALF_OPEN);
    r.now += 30 * SECOND - 1;
    CHECK_INT(asked(&r), BREAKER_OPEN);
    CHECK_INT(r.until, r.now + 1);
    r.now++;
    CHECK_INT(asked(&r), BREAKER_HALF_OPEN);
    CHECK_INT(asked(&r), BREAKER_OPEN);
    rig_down(&r);
}

TEST(a_probe_whose_caller_left_makes_room_for_the_next_one)
{
    struct ways r;
    open_it(&r);
    r.now += 30 * SECOND;
    CHECK_INT(asked(&r), BREAKER_HALF_OPEN);
    health_begin(r.t);
    health_end(r.t, &usual, true, false, false, 0, -1, r.now);
    CHECK_INT(asked(&r), BREAKER_HALF_OPEN);
    CHECK_INT(asked(&r), BREAKER_OPEN);
    rig_down(&r);
}

TEST(a_clock_that_steps_back_makes_nobody_wait_longer)
{
    struct ways r;
    open_it(&r);
    r.now -= 3600 * SECOND;
    CHECK_INT(asked(&r), BREAKER_OPEN);
    CHECK_INT(r.until, r.now + 30 * SECOND);
    r.now += 30 * SECOND;
    CHECK_INT(asked(&r), BREAKER_HALF_OPEN);
    r.now -= 3600 * SECOND;
    CHECK_INT(asked(&r), BREAKER_OPEN);
    r.now += 30 * SECOND;
    CHECK_INT(asked(&r), BREAKER_HALF_OPEN);
    rig_down(&r);
}

/* ---- by hand and by probe ---- */

TEST(an_operator_closes_what_is_meant_and_nothing_else)
{
    struct ways r;
    open_it(&r);
    struct health_target *first = r.t;
    r.t = health_find(r.h, SPAN("openai"), SPAN("main"), SPAN("gpt-4o-mini"), SPAN_NONE);
    several(&r, &usual, true, 5);
    CHECK(!health_reset(r.h, SPAN("anthropic"), SPAN_NONE, SPAN_NONE, r.now));
    CHECK(!health_reset(r.h, SPAN("openai"), SPAN("spare"), SPAN_NONE, r.now));
    CHECK(health_reset(r.h, SPAN("openai"), SPAN("main"), SPAN("gpt-4o"), r.now));
    CHECK_INT(health_look(first, &usual, r.now, &r.until), BREAKER_CLOSED);
    CHECK_INT(health_look(r.t, &usual, r.now, &r.until), BREAKER_OPEN);
    CHECK(health_reset(r.h, SPAN("openai"), SPAN_NONE, SPAN_NONE, r.now));
    CHECK_INT(health_look(r.t, &usual, r.now, &r.until), BREAKER_CLOSED);
    rig_down(&r);
}

TEST(an_active_probe_opens_and_closes_all_of_its_credential)
{
    struct ways r;
    rig_up(&r);
    struct health_target *spare = health_find(r.h, SPAN("openai"), SPAN("spare"), SPAN("gpt-4o"), SPAN_NONE);
    health_probed(r.h, SPAN("openai"), SPAN("main"), false, SPAN("the probe found no answer"), 90 * SECOND, r.now);
    health_probed(r.h, SPAN("openai"), SPAN("main"), false, SPAN("the probe found no answer"), 90 * SECOND, r.now + SECOND);
    CHECK_INT(asked(&r), BREAKER_OPEN);
    CHECK_INT(r.until, r.now + 90 * SECOND); /* further than a cool-down from now is never waited for */
    CHECK_INT(health_look(spare, &usual, r.now, &r.until), BREAKER_CLOSED);
    CHECK_SPAN(span_of(r.told.turns), SPAN("open ")); /* told once */
    health_refuse_credential(r.h, SPAN("openai"), SPAN("main"), 7, 401, r.now);
    health_probed(r.h, SPAN("openai"), SPAN("main"), true, SPAN("the probe was answered"), 90 * SECOND, r.now + 2 * SECOND);
    CHECK_INT(asked(&r), BREAKER_CLOSED);
    CHECK(!health_credential_refused(r.h, SPAN("openai"), SPAN("main"), 7));
    rig_down(&r);
}

/* ---- credentials ---- */

TEST(a_refused_credential_stays_so_until_its_secret_changes)
{
    struct ways r;
    rig_up(&r);
    CHECK(!health_credential_refused(r.h, SPAN("openai"), SPAN("main"), 1));
    health_refuse_credential(r.h, SPAN("openai"), SPAN("main"), 1, 401, r.now);
    health_refuse_credential(r.h, SPAN("openai"), SPAN("main"), 1, 401, r.now + SECOND);
    CHECK_INT(r.told.refused, 1);
    CHECK(health_credential_refused(r.h, SPAN("openai"), SPAN("main"), 1));
    CHECK(!health_credential_refused(r.h, SPAN("openai"), SPAN("spare"), 1));
    CHECK(!health_credential_refused(r.h, SPAN("stripe"), SPAN("main"), 1));
    CHECK(!health_credential_refused(r.h, SPAN("openai"), SPAN("main"), 2));
    CHECK(!health_credential_refused(r.h, SPAN("openai"), SPAN("main"), 1)); /* it was changed: another chance */
    rig_down(&r);
}

TEST(an_operator_forgives_a_credential_but_not_by_a_model)
{
    struct ways r;
    rig_up(&r);
    health_refuse_credential(r.h, SPAN("openai"), SPAN("main"), 1, 401, r.now);
    CHECK(health_reset(r.h, SPAN("openai"), SPAN("main"), SPAN("gpt-4o"), r.now));
    CHECK(health_credential_refused(r.h, SPAN("openai"), SPAN("main"), 1));
    CHECK(health_reset(r.h, SPAN("openai"), SPAN("main"), SPAN_NONE, r.now));
    CHECK(!health_credential_refused(r.h, SPAN("openai"), SPAN("main"), 1));
    rig_down(&r);
}

TEST(refused_credentials_are_bounded_and_the_oldest_goes)
{
    struct ways r;
    char name[32];
    rig_up(&r);
    for (int i = 0; i < 1100; i++) {
        snprintf(name, sizeof(name), "c%d", i);
        health_refuse_credential(r.h, SPAN("openai"), span_of(name), 1, 401, r.now);
    }
    CHECK(health_credential_refused(r.h, SPAN("openai"), SPAN("c1099"), 1));
    CHECK(health_credential_refused(r.h, SPAN("openai"), SPAN("c76"), 1));
    CHECK(!health_credential_refused(r.h, SPAN("openai"), SPAN("c75"), 1));
    rig_down(&r);
}

/* ---- how fast ---- */

TEST(p95_is_within_a_sixteenth_of_the_true_one)
{
    static const int64_t scales[] = { 3, 40, 1000, 70 * 1000, 5 * 1000 * 1000 };
    for (size_t s = 0; s < sizeof(scales) / sizeof(*scales); s++) {
        struct ways r;
        rig_up(&r);
        for (int i = 0; i < 200; i++) { /* 1..200 times the scale, in a shuffled order */
            health_begin(r.t);
            health_end(r.t, &usual, false, true, false, 200, (i * 77 % 200 + 1) * scales[s], r.now);
            CHECK(i >= 18 || health_p95_us(r.t) == -1);
        }
        int64_t want = 190 * scales[s], got = health_p95_us(r.t);
        CHECK(llabs(got - want) * 16 <= want);
        rig_down(&r);
    }
}

TEST(p95_is_of_the_last_calls_only)
{
    struct ways r;
    rig_up(&r);
    for (int i = 0; i < 1000; i++)
        health_end(r.t, &usual, false, true, false, 200, 9000 * 1000, r.now);
    for (int i = 0; i < 256; i++)
        health_end(r.t, &usual, false, true, false, 200, 1000, r.now);
    CHECK(llabs(health_p95_us(r.t) - 1000) <= 1000 / 16);
    rig_down(&r);
}

TEST(the_average_follows_time_not_the_number_of_calls)
{
    struct ways r;
    rig_up(&r);
    several(&r, &usual, false, 10);
    CHECK_INT(health_latency_us(r.t), 1000);
    r.now += 10 * SECOND;
    health_end(r.t, &usual, false, true, false, 200, 3000, r.now);
    CHECK_INT(health_latency_us(r.t), 2000); /* half is new after ten seconds */
    r.now -= 1000 * SECOND;                   /* a clock that steps back does no harm */
    health_end(r.t, &usual, false, true, false, 200, 2000, r.now);
    CHECK_INT(health_latency_us(r.t), 2000);
    health_end(r.t, &usual, false, true, true, 503, 1, r.now); /* a quick failure is not fast */
    CHECK_INT(health_latency_us(r.t), 2000);
    rig_down(&r);
}

TEST(headroom_is_known_for_a_minute)
{
    struct ways r;
    rig_up(&r);
    CHECK_INT(health_headroom_ppm(r.t, r.now), -1);
    health_headroom(r.t, 25, 100, r.now);
    CHECK_INT(health_headroom_ppm(r.t, r.now), 250000);
    health_headroom(r.t, -1, -1, r.now);
    health_headroom(r.t, 5, 0, r.now);
    CHECK_INT(health_headroom_ppm(r.t, r.now + 60 * SECOND), 250000);
    CHECK_INT(health_headroom_ppm(r.t, r.now + 60 * SECOND + 1), -1);
    health_headroom(r.t, INT64_MAX, 100, r.now);
    CHECK_INT(health_headroom_ppm(r.t, r.now), 1000000);
    rig_down(&r);
}

/* ---- showing ---- */

TEST(what_is_shown)
{
    struct ways r;
    struct buf b;
    open_it(&r);
    health_begin(r.t);
    health_headroom(r.t, 1, 2, r.now);
    health_refuse_credential(r.h, SPAN("stripe"), SPAN("live"), 1, 401, r.now);
    buf_init(&b, 1 << 16);
    health_write(r.h, SPAN_NONE, r.now, &b);
    CHECK_SPAN(buf_span(&b),
        SPAN("{\"targets\":[{\"vendor\":\"openai\",\"credential\":\"main\",\"model\":\"gpt-4o\",\"region\":\"eu\",\"breaker\":\"open\",\"why\":\"5 failures in a row, the last: status 503\","
             "\"since\":\"2026-09-21T14:13:20.000Z\",\"until\":\"2026-09-21T14:13:50.000Z\",\"calls\":5,\"failures\":5,\"calls_1m\":5,\"failures_1m\":5,\"failures_in_a_row\":5,"
             "\"in_flight\":1,\"first_byte_us\":null,\"first_byte_p95_us\":null,\"headroom_ppm\":500000}],"
             "\"refused\":[{\"vendor\":\"stripe\",\"credential\":\"live\",\"status\":401,\"since\":\"2026-09-21T14:13:20.000Z\"}]}"));
    buf_clear(&b);
    health_write(r.h, SPAN("anthropic"), r.now, &b);
    CHECK_SPAN(buf_span(&b), SPAN("{\"targets\":[],\"refused\":[]}"));
    buf_free(&b);
    rig_down(&r);
}
