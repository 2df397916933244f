/* SPDX-License-Identifier: Apache-2.0 */
#include "flow/credential.h"
#include "test/test.h"

enum { MOST = 4 };

struct rig {
    struct upstream model_vendor, other;
    struct credential credentials[MOST];
    const struct credential *list[MOST];
    struct key key;
    struct health *h;
    struct span refused;
};

static void rig_up(struct rig *r, size_t count)
{
    static const char *const names[] = { "a", "b", "c", "d" };
    *r = (struct rig){ .model_vendor = { .llm = true }, .key = { .rotate = true, .credential_count = count } };
    r->model_vendor.vendor.slug = SPAN("openai");
    r->other.vendor.slug = SPAN("stripe");
    for (size_t i = 0; i < count; i++) {
        r->credentials[i] = (struct credential){ .name = span_of(names[i]), .upstream = &r->model_vendor, .mark = 7 };
        r->list[i] = &r->credentials[i];
    }
    r->key.credentials = r->list;
    r->h = health_new(NULL);
}

static void rig_down(struct rig *r) { health_free(r->h); }

/* Its letter; '-': none. */
static char turn(struct rig *r, const struct credential_wish *w)
{
    const struct credential *c = key_credential_turn(&r->key, &r->model_vendor, r->h, w, &r->refused);
    return c ? c->name.at[0] : '-';
}

static uint64_t dice(uint64_t n) { return (n + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ n << 13; }

static void count_turns(struct rig *r, struct credential_wish w, int counts[MOST], int times)
{
    memset(counts, 0, MOST * sizeof(*counts));
    for (int i = 0; i < times; i++) {
        w.dice = dice((uint64_t)i);
        char which = turn(r, &w);
        CHECK(which >= 'a' && which < 'a' + MOST);
        counts[which - 'a']++;
    }
}

TEST(all_credentials_of_a_model_vendor_take_turns)
{
    struct rig r;
    int counts[MOST];
    rig_up(&r, 4);
    count_turns(&r, (struct credential_wish){ .turns = true }, counts, 4000);
    for (int i = 0; i < MOST; i++)
        CHECK(counts[i] > 800 && counts[i] < 1200);
    rig_down(&r);
}

TEST(where_turns_would_change_the_world_the_first_goes)
{
    struct rig r;
    int counts[MOST];
    static const char *const bodies[] = { "{\"previous_response_id\":\"resp_1\"}", "{\"content\":[{\"file\":{\"file_id\":\"file-1\"}}]}",
        "{\"cachedContent\":\"cachedContents/1\"}", "{\"container\":{\"id\":\"c\"}}" };
    rig_up(&r, 3);
    count_turns(&r, (struct credential_wish){ .turns = false }, counts, 100);
    CHECK_INT(counts[0], 100);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
        count_turns(&r, (struct credential_wish){ .turns = true, .body = span_of(bodies[i]) }, counts, 100);
        CHECK_INT(counts[0], 100);
    }
    count_turns(&r, (struct credential_wish){ .turns = true, .body = SPAN("{\"content\":\"what is \\\"file_id\\\"?\"}") }, counts, 100);
    CHECK(counts[0] < 100); /* a caller's text */
    r.key.rotate = false;
    count_turns(&r, (struct credential_wish){ .turns = true }, counts, 100);
    CHECK_INT(counts[0], 100);
    r.key.rotate = true;
    r.model_vendor.llm = false;
    count_turns(&r, (struct credential_wish){ .turns = true }, counts, 100);
    CHECK_INT(counts[0], 100);
    rig_down(&r);
}

TEST(refused_and_disabled_ones_and_those_of_others_are_left_out)
{
    struct rig r;
    int counts[MOST];
    rig_up(&r, 4);
    r.credentials[0].upstream = &r.other;
    r.credentials[1].disabled = true;
    health_refuse_credential(r.h, SPAN("openai"), SPAN("c"), 7, 401, 1);
    count_turns(&r, (struct credential_wish){ .turns = true }, counts, 100);
    CHECK_INT(counts[3], 100);
    r.credentials[2].mark = 8; /* another secret: another chance */
    count_turns(&r, (struct credential_wish){ .turns = true }, counts, 100);
    CHECK(counts[2] > 0 && counts[3] > 0);
    rig_down(&r);
}

TEST(what_is_refused_is_told_and_not_used)
{
    struct rig r;
    rig_up(&r, 1);
    health_refuse_credential(r.h, SPAN("openai"), SPAN("a"), 7, 401, 1);
    CHECK_INT(turn(&r, &(struct credential_wish){ .turns = true }), '-');
    CHECK_SPAN(r.refused, SPAN("a"));
    CHECK_INT(turn(&r, &(struct credential_wish){ .name = SPAN("b") }), '-');
    CHECK(!r.refused.at);
    rig_down(&r);
}

TEST(a_wanted_name_is_that_one_or_none)
{
    struct rig r;
    int counts[MOST];
    rig_up(&r, 3);
    count_turns(&r, (struct credential_wish){ .turns = true, .name = SPAN("b") }, counts, 100);
    CHECK_INT(counts[1], 100);
    CHECK_INT(turn(&r, &(struct credential_wish){ .name = SPAN("x") }), '-');
    rig_down(&r);
}

TEST(the_busier_of_two_is_spared)
{
    struct rig r;
    int counts[MOST];
    const struct credential_wish w = { .turns = true, .model = SPAN("gpt-4o") };
    rig_up(&r, 3);
    for (int i = 0; i < 5; i++)
        health_begin(health_find(r.h, SPAN("openai"), SPAN("b"), SPAN("gpt-4o"), SPAN_NONE));
    count_turns(&r, w, counts, 300);
    CHECK_INT(counts[1], 0); /* two different ones are compared, so the busiest never wins */
    CHECK(counts[0] > 100 && counts[2] > 100);
    rig_down(&r);
}

TEST(one_that_is_left_alone_goes_only_when_there_is_no_other)
{
    struct rig r;
    int counts[MOST];
    const struct credential_wish w = { .turns = true, .model = SPAN("gpt-4o"), .rule = &breaker_usual, .now_ms = 1000 };
    rig_up(&r, 2);
    for (int i = 0; i < 5; i++)
        health_end(health_find(r.h, SPAN("openai"), SPAN("a"), SPAN("gpt-4o"), SPAN_NONE), &breaker_usual, false, true, true, 500, -1, 1000);
    count_turns(&r, w, counts, 100);
    CHECK_INT(counts[1], 100);
    r.credentials[1].disabled = true;
    CHECK_INT(turn(&r, &w), 'a');
    rig_down(&r);
}

TEST(who_sticks_moves_only_when_its_own_goes)
{
    struct rig r;
    char before[200];
    int seen[MOST] = { 0 }, moved = 0;
    struct credential_wish w = { .turns = true, .sticky = true };
    rig_up(&r, 4);
    for (size_t i = 0; i < sizeof(before); i++) {
        w.dice = dice(i);
        before[i] = turn(&r, &w);
        CHECK_INT(turn(&r, &w), before[i]);
        seen[before[i] - 'a']++;
    }
    r.credentials[2].disabled = true;
    for (size_t i = 0; i < sizeof(before); i++) {
        w.dice = dice(i);
        char now = turn(&r, &w);
        CHECK(now != 'c');
        CHECK(before[i] == 'c' || now == before[i]);
        moved += now != before[i];
    }
    CHECK_INT(moved, seen[2]);
    for (int i = 0; i < MOST; i++)
        CHECK(seen[i] > 20);
    rig_down(&r);
}
