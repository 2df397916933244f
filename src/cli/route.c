/* SPDX-License-Identifier: Apache-2.0
 * route.c - `tollgate route`: the ways calls go. `set` makes a route be what a file says; a Portkey config file will do. */
#include "cli/object.h"

static const struct column columns[] = { { "NAME", ALIGN_LEFT, 32 }, { "FROM", ALIGN_LEFT, 0 }, { "MODE", ALIGN_LEFT, 0 }, { "TARGETS", ALIGN_LEFT, 60 }, { "MODELS", ALIGN_LEFT, 40 },
    { "WORKSPACES", ALIGN_LEFT, 40 } };

static struct span either(struct cli *c, struct json_value v, const char *one, const char *other)
{
    struct span text = api_text(c, v, one);
    return text.len ? text : api_text(c, v, other);
}

/* "openai/gpt-5, anthropic, fallback(2)" */
static struct span targets_text(struct cli *c, struct json_value route)
{
    struct span all = SPAN_NONE, name;
    struct json_value item, targets = json_member(route, SPAN("targets"));
    if (!json_count(targets))
        return either(c, route, "provider", "model");
    for (struct json_iter it = json_iter(targets); json_next(&it, &name, &item);) {
        size_t below = json_count(json_member(item, SPAN("targets")));
        struct span vendor = either(c, item, "provider", "virtual_key"), model = either(c, item, "model", "override_params.model");
        struct span one = below ? arena_print(&c->arena, "%.*s(%zu)", SPAN_ARG(either(c, item, "strategy.mode", "name")), below)
                                : arena_print(&c->arena, "%.*s%s%.*s", SPAN_ARG(vendor), vendor.len && model.len ? "/" : "", SPAN_ARG(model));
        all = all.at ? arena_print(&c->arena, "%.*s, %.*s", SPAN_ARG(all), SPAN_ARG(one)) : one;
    }
    return all;
}

static void put_row(struct cli *c, struct table *t, struct json_value route)
{
    struct span mode = api_text(c, route, "strategy.mode");
    table_put(t, api_text(c, route, "name"));
    table_put(t, api_text(c, route, "origin"));
    table_put(t, mode.len ? mode : SPAN("single"));
    table_put(t, targets_text(c, route));
    table_put(t, api_text(c, route, "models"));
    table_put(t, api_text(c, route, "workspaces"));
}

static int list(struct cli *c)
{
    return object_list(c, "routes", columns, sizeof(columns) / sizeof(*columns), put_row, "no routes yet: `tollgate route set NAME FILE`");
}

static int show(struct cli *c) { return object_show(c, "routes"); }
static int rm(struct cli *c) { return object_delete(c, "routes"); }
static int change(struct cli *c) { return object_change(c, "routes"); }
static int set(struct cli *c) { return object_apply(c, "routes", "the file holds no route; allowed: strategy:, targets:, provider:, retry:, ..."); }

static int run(struct cli *c)
{
    static const struct object_action actions[] = { { "list", 0, list }, { "show", 1, show }, { "set", 2, set }, { "rm", 1, rm }, { "change", 2, change }, { NULL, 0, NULL } };
    return object_run(c, actions);
}

static const struct flag flags[] = { { NULL, NULL, NULL, false } };

const struct verb verb_route = {
    .name = "route",
    .summary = "the ways calls go: list, show, set from a file, remove",
    .usage = "  tollgate route [list]\n"
             "  tollgate route show|rm NAME\n"
             "  tollgate route change NAME FILE     only the members that the file (YAML or JSON; \"-\": standard input) has; null takes one away\n"
             "  tollgate route set NAME FILE     make it be what the file (YAML or JSON, a Portkey config as well; \"-\": standard input) says\n",
    .flags = flags,
    .operands = 3,
    .watch = "list show",
    .run = run,
};
