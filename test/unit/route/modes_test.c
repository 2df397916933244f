/* SPDX-License-Identifier: Apache-2.0
 * modes_test.c - whom each mode chooses: shares over many draws, and what stays where it is. */
#include <string.h>

#include "test/unit/route/rig.h"

enum { DRAWS = 20000 };

#define OK .usable = true, .qualifies = true
#define UNKNOWN .price = -1, .latency_us = -1, .p95_us = -1, .headroom_ppm = -1
#define NAMED(p, weight) "{\"provider\":\"" p "\",\"name\":\"" p "\",\"weight\":" weight "}"

static void plan_is(struct rig *g, int line, const char *want)
{
    const char *got = rig_plan(g, 11);
    if (strcmp(got, want) != 0)
        test_fail(__FILE__, line, "got \"%s\", want \"%s\"", got, want);
}
#define PLAN(want) plan_is(&g, __LINE__, want)

/* How often each of a..d came first, in thousandths. */
static void shares(struct rig *g, int out[4])
{
    int hits[4] = { 0 };
    for (uint64_t dice = 1; dice <= DRAWS; dice++) {
        struct arena_mark mark = arena_mark(&g->a);
        const char *line = rig_plan(g, dice);
        if (line[0] >= 'a' && line[0] <= 'd')
            hits[line[0] - 'a']++;
        arena_rewind(&g->a, mark);
    }
    for (int i = 0; i < 4; i++)
        out[i] = hits[i] * 1000 / DRAWS;
}

static void near(int line, int got, int want)
{
    if (got < want - 15 || got > want + 15)
        test_fail(__FILE__, line, "got %d, want about %d of 1000", got, want);
}
#define NEAR(got, want) near(__LINE__, got, want)

TEST(weights_are_shares)
{
    struct rig g;
    int s[4];
    route_rig_init(&g);
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"loadbalance\"},\"targets\":[" NAMED("a", "0.7") "," NAMED("b", "0.2") "," NAMED("c", "0.1") "," NAMED("d", "0") "]}")) {
        shares(&g, s);
        NEAR(s[0], 700);
        NEAR(s[1], 200);
        NEAR(s[2], 100);
        CHECK_INT(s[3], 0);
        CHECK_INT(g.plan.count, 1);
    }
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"loadbalance\"},\"targets\":[{\"provider\":\"a\"},{\"provider\":\"b\"}]}")) {
        shares(&g, s);
        NEAR(s[0], 500);
    }
    route_rig_free(&g);
}

TEST(the_same_dice_draw_the_same)
{
    struct rig g;
    route_rig_init(&g);
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"balance\",\"failover\":true},\"targets\":[" NAMED("a", "1") "," NAMED("b", "1") "," NAMED("c", "1") "]}"))
        for (uint64_t dice = 0; dice < 50; dice++) {
            const char *first = rig_plan(&g, dice);
            CHECK_INT(strlen(first), 5);
            CHECK(strcmp(first, rig_plan(&g, dice)) == 0);
        }
    route_rig_free(&g);
}

TEST(who_cannot_be_asked_gives_its_share_to_the_others)
{
    static const struct stand stands[] = { { "a", { OK, .open = true, UNKNOWN } }, { "b", { .qualifies = true, UNKNOWN } }, { NULL, { UNKNOWN } } };
    struct rig g;
    int s[4];
    route_rig_init(&g);
    g.stands = stands;
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"loadbalance\"},\"targets\":[" NAMED("a", "5") "," NAMED("b", "5") "," NAMED("c", "3") "," NAMED("d", "1") "]}")) {
        shares(&g, s);
        CHECK_INT(s[0] + s[1], 0);
        NEAR(s[2], 750);
    }
    route_rig_free(&g);
}

TEST(by_load_latency_and_headroom)
{
    static const struct stand stands[] = { { "a", { OK, .in_flight = 4, .latency_us = 900000, .headroom_ppm = 100000 } }, { "b", { OK, .in_flight = 3, .latency_us = 100000, .headroom_ppm = 900000 } },
        { "c", { OK, .in_flight = 9, .latency_us = 500000, .headroom_ppm = 0 } }, { NULL, { UNKNOWN } } };
    struct rig g;
    int s[4];
    route_rig_init(&g);
    g.stands = stands;
#define BY(by) "{\"strategy\":{\"mode\":\"balance\",\"by\":\"" by "\",\"failover\":true},\"targets\":[" NAMED("a", "1") "," NAMED("b", "1") "," NAMED("c", "3") "]}"
    if (rig_read(&g, BY("busy")))
        PLAN("b|c|a"); /* 3, 9/3, 4: equal ones as drawn */
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"balance\",\"by\":\"busy\"},\"targets\":[" NAMED("a", "1") "," NAMED("c", "1") "]}"))
        PLAN("a");
    if (rig_read(&g, BY("headroom"))) {
        shares(&g, s);
        NEAR(s[0], 100 * 1000 / 1003);
        NEAR(s[1], 900 * 1000 / 1003);
    }
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"balance\",\"by\":\"latency\"},\"targets\":[" NAMED("a", "1") "," NAMED("b", "1") "," NAMED("c", "1") "]}")) {
        shares(&g, s);
        NEAR(s[1], 667); /* two of three by lot: the fastest wins whenever it is drawn, the second when it is not */
        NEAR(s[0], 333); /* 900 ms x 5 under way is better than 500 ms x 10 */
        CHECK_INT(s[2], 0);
    }
    route_rig_free(&g);
}

TEST(what_was_never_asked_is_tried)
{
    static const struct stand stands[] = { { "a", { OK, .latency_us = 10 } }, { NULL, { UNKNOWN } } };
    struct rig g;
    route_rig_init(&g);
    g.stands = stands;
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"balance\",\"by\":\"latency\"},\"targets\":[" NAMED("a", "1") "," NAMED("b", "1") "]}"))
        PLAN("b");
    route_rig_free(&g);
}

/* ---- sticky ---- */

#define STICKY(list) "{\"strategy\":{\"mode\":\"loadbalance\",\"sticky\":[\"metadata.user\"]},\"targets\":[" list "]}"

static char first_for(struct rig *g, int user, uint64_t dice)
{
    char value[32];
    snprintf(value, sizeof(value), "\"u%d\"", user);
    const char *fields[] = { "metadata.user", value, NULL };
    g->fields = fields;
    char first = rig_plan(g, dice)[0];
    g->fields = NULL;
    return first;
}

TEST(an_asker_stays_when_another_target_goes)
{
    enum { USERS = 3000 };
    static char before[USERS];
    struct rig g;
    int shares_of[4] = { 0 }, moved = 0, kept = 0;
    route_rig_init(&g);
    arena_free(&g.a);
    arena_init(&g.a, (size_t)256 << 20);
    if (rig_read(&g, STICKY("{\"provider\":\"a\",\"weight\":2},{\"provider\":\"b\"},{\"provider\":\"c\"}")))
        for (int u = 0; u < USERS; u++) {
            before[u] = first_for(&g, u, (uint64_t)u);
            CHECK(before[u] == first_for(&g, u, 77));
            shares_of[before[u] - 'a']++;
        }
    NEAR(shares_of[0] * 1000 / USERS, 500);
    if (rig_read(&g, STICKY("{\"provider\":\"b\"},{\"provider\":\"c\"}")))
        for (int u = 0; u < USERS; u++) {
            char now = first_for(&g, u, 1);
            moved += before[u] != 'a' && now != before[u];
            kept += before[u] == 'a' && now == 'b';
        }
    CHECK_INT(moved, 0);
    NEAR(kept * 1000 / shares_of[0], 500);
    route_rig_free(&g);
}

TEST(without_its_field_nobody_sticks)
{
    struct rig g;
    int s[4];
    route_rig_init(&g);
    if (rig_read(&g, STICKY("{\"provider\":\"a\"},{\"provider\":\"b\"}"))) {
        shares(&g, s);
        NEAR(s[0], 500);
    }
    route_rig_free(&g);
}

TEST(an_open_breaker_moves_only_its_own)
{
    static const struct stand stands[] = { { "b", { OK, .open = true, UNKNOWN } }, { NULL, { UNKNOWN } } };
    struct rig g;
    route_rig_init(&g);
    if (rig_read(&g, STICKY("{\"provider\":\"a\"},{\"provider\":\"b\"},{\"provider\":\"c\"}")))
        for (int u = 0; u < 300; u++) {
            g.stands = NULL;
            char before = first_for(&g, u, 1);
            g.stands = stands;
            char after = first_for(&g, u, 1);
            CHECK(before == 'b' ? after != 'b' : after == before);
        }
    route_rig_free(&g);
}

/* ---- the others ---- */

TEST(cheapest_and_fastest_of_those_that_qualify)
{
    static const struct stand stands[] = { { "a", { OK, .price = 900, .latency_us = 100000, .p95_us = -1 } }, { "b", { OK, .price = 100, .latency_us = 300000 } },
        { "c", { .usable = true, .price = 1, .latency_us = 1, .why = { "no tools", 8 } } }, { "d", { OK, UNKNOWN } }, { NULL, { UNKNOWN } } };
    struct rig g;
    route_rig_init(&g);
    g.stands = stands;
#define FOUR "\"targets\":[{\"provider\":\"d\"},{\"provider\":\"a\"},{\"provider\":\"b\"},{\"provider\":\"c\"}]}"
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"cheapest\"}," FOUR))
        PLAN("b|a|d");
    CHECK_SPAN(g.plan.list[0].why, SPAN("cheapest: 0.0000001 usd"));
    CHECK_SPAN(g.plan.skipped, SPAN("config.targets[3]: no tools"));
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"fastest\"}," FOUR))
        PLAN("a|b|d");
    CHECK_SPAN(g.plan.list[0].why, SPAN("fastest: 100 ms"));
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"fastest\",\"failover\":false}," FOUR))
        PLAN("a");
    route_rig_free(&g);
}

TEST(conditions_choose)
{
    static const char *const paid[] = { "metadata.plan", "\"paid\"", NULL }, *const free_[] = { "metadata.plan", "\"free\"", NULL };
    struct rig g;
    route_rig_init(&g);
#define COND(rest) "{\"strategy\":{\"mode\":\"conditional\",\"conditions\":[{\"query\":{\"metadata.plan\":\"gold\"},\"then\":\"c\"},{\"query\":{\"metadata.plan\":{\"$eq\":\"paid\"}},\"then\":\"a\"}]" rest "}," \
    "\"targets\":[" NAMED("a", "1") "," NAMED("b", "1") "," NAMED("c", "1") "]}"
    if (rig_read(&g, COND(",\"default\":\"b\""))) {
        g.fields = paid;
        PLAN("a");
        CHECK_SPAN(g.plan.list[0].why, SPAN("conditions[1]"));
        g.fields = free_;
        PLAN("b");
        CHECK_SPAN(g.plan.list[0].why, SPAN("default"));
    }
    if (rig_read(&g, COND("")))
        PLAN("!400 config: no condition holds and there is no default");
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"fallback\"},\"targets\":[" COND("") ",{\"provider\":\"d\"}]}"))
        PLAN("d");
    route_rig_free(&g);
}

TEST(a_race_is_staggered_by_what_was_seen)
{
    static const struct stand stands[] = { { "a", { OK, .p95_us = 812345 } }, { NULL, { UNKNOWN } } };
    struct rig g;
    route_rig_init(&g);
    g.stands = stands;
#define RACE(stagger) "{\"strategy\":{\"mode\":\"race\"" stagger "},\"targets\":[{\"provider\":\"a\"},{\"provider\":\"b\"},{\"provider\":\"c\"}]}"
    if (rig_read(&g, RACE("")))
        PLAN("a b c");
    CHECK_INT(g.plan.list[2].delay_ms, 0);
    if (rig_read(&g, RACE(",\"stagger\":\"p95\"")))
        PLAN("a b c");
    CHECK_INT(g.plan.list[1].delay_ms, 813);
    CHECK_INT(g.plan.list[2].delay_ms, 1626);
    g.stands = NULL;
    PLAN("a b c");
    CHECK_INT(g.plan.list[1].delay_ms, 1000);
    route_rig_free(&g);
}

TEST(a_canary_gets_its_percent)
{
    struct rig g;
    int s[4], canaries = 0;
    route_rig_init(&g);
#define CANARY(rest) "{\"strategy\":{\"mode\":\"canary\",\"percent\":10" rest "},\"targets\":[{\"provider\":\"a\"},{\"provider\":\"b\",\"weight\":3},{\"provider\":\"c\"}]}"
    if (rig_read(&g, CANARY(""))) {
        shares(&g, s);
        NEAR(s[0], 900);
        NEAR(s[1], 75);
        NEAR(s[2], 25);
        CHECK_INT(g.plan.count, 1);
    }
    if (rig_read(&g, CANARY(",\"failover\":true")))
        for (uint64_t dice = 0; dice < 40; dice++) {
            const char *line = rig_plan(&g, dice);
            CHECK(strcmp(line, "a") == 0 || strcmp(line, "b|a") == 0 || strcmp(line, "c|a") == 0);
        }
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"canary\",\"percent\":10,\"sticky\":[\"metadata.user\"]},\"targets\":[{\"provider\":\"a\"},{\"provider\":\"b\"}]}"))
        for (int u = 0; u < 2000; u++) {
            char first = first_for(&g, u, 5);
            CHECK(first == first_for(&g, u, 6));
            canaries += first == 'b';
        }
    NEAR(canaries / 2, 100);
    route_rig_free(&g);
}

TEST(a_canary_that_cannot_be_asked_is_left_out)
{
    static const struct stand no_canary[] = { { "b", { .qualifies = true, UNKNOWN } }, { NULL, { UNKNOWN } } }, no_first[] = { { "a", { .qualifies = true, UNKNOWN } }, { NULL, { UNKNOWN } } };
    struct rig g;
    int s[4];
    route_rig_init(&g);
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"canary\",\"percent\":50},\"targets\":[{\"provider\":\"a\"},{\"provider\":\"b\"}]}")) {
        g.stands = no_canary;
        shares(&g, s);
        CHECK_INT(s[0], 1000);
        g.stands = no_first;
        shares(&g, s);
        CHECK_INT(s[1], 1000);
    }
    route_rig_free(&g);
}

TEST(trees_of_all_modes)
{
    static const char *const paid[] = { "metadata.plan", "\"paid\"", NULL };
    static const struct stand stands[] = { { "s", { .qualifies = true, UNKNOWN } }, { NULL, { UNKNOWN } } };
    struct rig g;
    route_rig_init(&g);
    g.fields = paid;
    g.stands = stands;
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"conditional\",\"conditions\":[{\"query\":{\"metadata.plan\":\"paid\"},\"then\":\"x\"}]},\"targets\":[{\"name\":\"x\",\"strategy\":{\"mode\":\"fallback\"},"
                     "\"targets\":[{\"strategy\":{\"mode\":\"shadow\"},\"targets\":[{\"strategy\":{\"mode\":\"race\"},\"targets\":[{\"provider\":\"a\"},{\"provider\":\"b\"}]},{\"provider\":\"z\"},{\"provider\":\"s\"}]},"
                     "{\"strategy\":{\"mode\":\"loadbalance\"},\"targets\":[{\"provider\":\"c\"},{\"provider\":\"s\"}]},{\"provider\":\"d\"}]}]}")) {
        PLAN("a b (z)|c|d");
        CHECK_SPAN(g.plan.list[3].target->path, SPAN("config.targets[0].targets[1].targets[0]"));
        CHECK_SPAN(g.plan.list[0].why, SPAN("conditions[0]; race"));
        CHECK(g.plan.list[0].accept && !g.plan.list[2].accept && !g.plan.list[3].accept);
    }
    route_rig_free(&g);
}

/* ---- what follows ---- */

static size_t after(struct rig *g, size_t i, int status, unsigned failures)
{
    struct attempt_end o = { .status = status, .failures = failures };
    return plan_after(&g->plan, i, &o);
}

TEST(the_nearest_common_node_decides)
{
    struct attempt_end good = { .status = 200, .accepted = true }, unfit = { .status = 400, .unfit = true };
    struct rig g;
    route_rig_init(&g);
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"fallback\"},\"targets\":[{\"strategy\":{\"mode\":\"fallback\",\"on_status_codes\":[429,500]},\"targets\":[{\"provider\":\"a\"},{\"provider\":\"b\"}]},{\"provider\":\"c\"}]}")) {
        PLAN("a|b|c");
        CHECK_INT(after(&g, 0, 429, 0), 1);
        CHECK_INT(after(&g, 0, 400, 0), 2); /* the inner one does not take it, the outer one does */
        CHECK_INT(after(&g, 1, 429, 0), 2);
        CHECK_INT(after(&g, 2, 500, 0), 3);
        CHECK_INT(after(&g, 0, 0, FAILURE_OUTAGE), 1);   /* no answer: as 500, 502 or 503 */
        CHECK_INT(after(&g, 0, 0, FAILURE_TIMEOUT), 2);  /* as 408 or 504, which are not listed */
        CHECK_INT(plan_after(&g.plan, 0, &good), 3);
        CHECK_INT(plan_after(&g.plan, 0, &unfit), 1);
    }
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"fallback\",\"on_status_codes\":[429]},\"targets\":[{\"strategy\":{\"mode\":\"fallback\"},\"targets\":[{\"provider\":\"a\"},{\"provider\":\"b\"}]},{\"provider\":\"c\"}]}")) {
        PLAN("a|b|c");
        CHECK_INT(after(&g, 0, 400, 0), 1);
        CHECK_INT(after(&g, 1, 400, 0), 3);
        CHECK_INT(after(&g, 1, 429, 0), 2);
    }
    route_rig_free(&g);
}

TEST(classes_of_failure_lead_on)
{
    struct rig g;
    route_rig_init(&g);
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"fallback\",\"on_errors\":[\"context_window\"]},\"targets\":[{\"provider\":\"a\"},{\"provider\":\"b\"}]}")) {
        PLAN("a|b");
        CHECK_INT(after(&g, 0, 400, FAILURE_CONTEXT_WINDOW), 1);
        CHECK_INT(after(&g, 0, 400, 0), 2);
        CHECK_INT(after(&g, 0, 500, FAILURE_OUTAGE), 2);
    }
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"fallback\",\"on_errors\":[\"context_window\"],\"on_status_codes\":[500]},\"targets\":[{\"provider\":\"a\"},{\"provider\":\"b\"}]}")) {
        PLAN("a|b");
        CHECK_INT(after(&g, 0, 400, FAILURE_CONTEXT_WINDOW), 1);
        CHECK_INT(after(&g, 0, 500, 0), 1);
        CHECK_INT(after(&g, 0, 400, 0), 2);
    }
    route_rig_free(&g);
}

TEST(after_a_race_its_members_go_on)
{
    struct attempt_end empty = { .status = 200 };
    struct rig g;
    route_rig_init(&g);
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"race\"},\"targets\":[{\"strategy\":{\"mode\":\"fallback\",\"on_status_codes\":[429]},\"targets\":[{\"provider\":\"a\"},{\"provider\":\"b\"}]},"
                     "{\"strategy\":{\"mode\":\"fallback\"},\"targets\":[{\"provider\":\"c\"},{\"provider\":\"d\"}]}]}")) {
        PLAN("a c|b|d");
        CHECK_INT(after(&g, 0, 429, 0), 2);
        CHECK_INT(after(&g, 0, 400, 0), 3);
        CHECK_INT(after(&g, 2, 400, 0), 3);
        CHECK_INT(after(&g, 3, 400, 0), 4);
        CHECK_INT(plan_after(&g.plan, 0, &empty), 3); /* not acceptable, but 200 is not 429 */
    }
    route_rig_free(&g);
}

TEST(shadows_lead_nowhere)
{
    struct rig g;
    route_rig_init(&g);
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"fallback\"},\"targets\":[{\"strategy\":{\"mode\":\"shadow\"},\"targets\":[{\"provider\":\"a\"},{\"provider\":\"z\"}]},{\"provider\":\"b\"}]}")) {
        PLAN("a (z)|b");
        CHECK_INT(after(&g, 0, 500, 0), 2);
    }
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"shadow\"},\"targets\":[{\"provider\":\"a\"},{\"provider\":\"z\"}]}")) {
        PLAN("a (z)");
        CHECK_INT(after(&g, 0, 500, 0), 2);
    }
    route_rig_free(&g);
}
