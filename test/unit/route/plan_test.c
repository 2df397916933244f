/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "test/unit/route/rig.h"

#define PLAN(want)                                                                                                \
    do {                                                                                                          \
        const char *got_ = rig_plan(&g, 7);                                                                       \
        if (strcmp(got_, want) != 0)                                                                              \
            test_fail(__FILE__, __LINE__, "got \"%s\", want \"%s\"", got_, want);                                 \
    } while (0)

#define WELL { .usable = true, .qualifies = true, .price = -1, .latency_us = -1, .p95_us = -1, .headroom_ppm = -1 }
#define ABC "{\"provider\":\"a\",\"name\":\"a\"},{\"provider\":\"b\",\"name\":\"b\"},{\"provider\":\"c\",\"name\":\"c\"}"

TEST(a_leaf_is_a_plan)
{
    struct rig g;
    route_rig_init(&g);
    if (rig_read(&g, "{\"provider\":\"a\"}"))
        PLAN("a");
    if (rig_read(&g, "{\"retry\":{\"attempts\":3}}"))
        PLAN("");
    CHECK_INT(g.plan.count, 1);
    CHECK_SPAN(g.plan.list[0].target->path, SPAN("config"));
    route_rig_free(&g);
}

TEST(fallback_is_in_order)
{
    struct rig g;
    route_rig_init(&g);
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"fallback\"},\"targets\":[" ABC "]}"))
        PLAN("a|b|c");
    CHECK_SPAN(g.plan.list[1].target->path, SPAN("config.targets[1]"));
    CHECK_SPAN(g.plan.list[1].why, SPAN("fallback"));
    route_rig_free(&g);
}

TEST(what_cannot_serve_is_skipped_with_its_reason)
{
    static const struct stand stands[] = { { "a", { .qualifies = true, .why = { "no credential", 13 } } }, { "b", { .usable = true, .why = { "no tools", 8 } } }, { NULL, WELL } };
    struct rig g;
    route_rig_init(&g);
    g.stands = stands;
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"fallback\"},\"targets\":[" ABC "]}"))
        PLAN("c");
    CHECK_SPAN(g.plan.skipped, SPAN("config.targets[0]: no credential; config.targets[1]: no tools"));
    if (rig_read(&g, "{\"provider\":\"b\"}"))
        PLAN("!403 config: no tools");
    route_rig_free(&g);
}

TEST(an_open_breaker_is_passed_over_unless_nothing_else_is_left)
{
    static const struct stand stands[] = { { "a", { .usable = true, .qualifies = true, .open = true } }, { NULL, WELL } };
    struct rig g;
    route_rig_init(&g);
    g.stands = stands;
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"fallback\"},\"targets\":[" ABC "]}"))
        PLAN("b|c");
    if (rig_read(&g, "{\"provider\":\"a\"}"))
        PLAN("a");
    route_rig_free(&g);
}

TEST(a_race_runs_at_once_and_what_its_members_would_do_next_comes_after)
{
    struct rig g;
    route_rig_init(&g);
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"race\",\"stagger\":200},\"targets\":[{\"strategy\":{\"mode\":\"fallback\"},\"targets\":[{\"provider\":\"a\"},{\"provider\":\"b\"}]},"
                     "{\"provider\":\"c\"},{\"strategy\":{\"mode\":\"fallback\"},\"targets\":[{\"provider\":\"d\"},{\"provider\":\"e\"}]}]}"))
        PLAN("a c d|b|e");
    CHECK_INT(g.plan.list[0].delay_ms, 0);
    CHECK_INT(g.plan.list[1].delay_ms, 200);
    CHECK_INT(g.plan.list[2].delay_ms, 400);
    CHECK_INT(g.plan.list[3].delay_ms, 0);
    CHECK(g.plan.list[4].accept == &g.route->accept);
    CHECK(g.route->accept.schema && g.route->accept.truncated && !g.route->accept.empty);
    route_rig_free(&g);
}

TEST(a_shadow_is_asked_with_the_first)
{
    struct rig g;
    route_rig_init(&g);
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"shadow\"},\"targets\":[{\"strategy\":{\"mode\":\"fallback\"},\"targets\":[{\"provider\":\"a\"},{\"provider\":\"b\"}]},{\"provider\":\"c\"}]}"))
        PLAN("a (c)|b");
    route_rig_free(&g);
}
