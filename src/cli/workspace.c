/* SPDX-License-Identifier: Apache-2.0
 * workspace.c - `tollgate workspace` and `tollgate setting`: tenants, and what the gate as a whole is set to through the admin API. */
#include "cli/object.h"

/* ---- workspaces ---- */

static const struct column columns[] = { { "WORKSPACE", ALIGN_LEFT, 40 }, { "BUDGETS", ALIGN_RIGHT, 0 }, { "AT THE CAP", ALIGN_LEFT, 0 }, { "FROM", ALIGN_LEFT, 0 } };

static void put_workspace(struct cli *c, struct table *t, struct json_value workspace)
{
    struct span as_429 = api_text(c, workspace, "caps_as_429");
    table_put(t, api_text(c, workspace, "name"));
    table_put_i64(t, (int64_t)json_count(json_member(workspace, SPAN("budgets"))));
    table_put(t, !as_429.at ? SPAN_NONE : span_is(as_429, SPAN("yes")) ? SPAN("429") : SPAN("as the vendor says it"));
    table_put(t, api_text(c, workspace, "origin"));
}

static int workspace_list(struct cli *c)
{
    return object_list(c, "workspaces", columns, sizeof(columns) / sizeof(*columns), put_workspace, "no workspaces: all keys are in one (docs/keys.md)");
}
static int workspace_show(struct cli *c) { return object_show(c, "workspaces"); }
static int workspace_delete(struct cli *c) { return object_delete(c, "workspaces"); }
static int workspace_change(struct cli *c) { return object_change(c, "workspaces"); }
static int workspace_apply(struct cli *c) { return object_apply(c, "workspaces", "the file holds no workspace; allowed: budgets:, caps_as_429:, ..."); }

static int workspace(struct cli *c)
{
    static const struct object_action actions[] = { { "list", 0, workspace_list }, { "show", 1, workspace_show }, { "apply", 2, workspace_apply },
        { "change", 2, workspace_change }, { "delete", 1, workspace_delete }, { NULL, 0, NULL } };
    return object_run(c, actions);
}

const struct verb verb_workspace = {
    .name = "workspace",
    .summary = "tenants: list, show, apply, change, delete",
    .usage = "  tollgate workspace [list]\n"
             "  tollgate workspace show|delete NAME\n"
             "  tollgate workspace apply NAME FILE      make it be what the file (YAML or JSON; \"-\": standard input) says, whole\n"
             "  tollgate workspace change NAME FILE     only what the file says; null takes away\n",
    .operands = 3,
    .watch = "list show",
    .run = workspace,
};

/* ---- settings ---- */

static const struct column setting_columns[] = { { "SETTING", ALIGN_LEFT, 40 }, { "FROM", ALIGN_LEFT, 0 } };

static void put_setting(struct cli *c, struct table *t, struct json_value setting)
{
    table_put(t, api_text(c, setting, "name"));
    table_put(t, api_text(c, setting, "origin"));
}

static int setting_list(struct cli *c)
{
    return object_list(c, "settings", setting_columns, sizeof(setting_columns) / sizeof(*setting_columns), put_setting,
        "nothing is set through the admin API: all stands in the configuration");
}
static int setting_show(struct cli *c) { return object_show(c, "settings"); }
static int setting_delete(struct cli *c) { return object_delete(c, "settings"); }
static int setting_change(struct cli *c) { return object_change(c, "settings"); }
static int setting_apply(struct cli *c) { return object_apply(c, "settings", "the file holds no setting; allowed: what stands under its name in the configuration"); }

static int setting(struct cli *c)
{
    static const struct object_action actions[] = { { "list", 0, setting_list }, { "show", 1, setting_show }, { "apply", 2, setting_apply },
        { "change", 2, setting_change }, { "delete", 1, setting_delete }, { NULL, 0, NULL } };
    return object_run(c, actions);
}

const struct verb verb_setting = {
    .name = "setting",
    .summary = "what the gate as a whole is set to: list, show, apply, change, delete",
    .usage = "  tollgate setting [list]\n"
             "  tollgate setting show|delete NAME\n"
             "  tollgate setting apply NAME FILE      make it be what the file (YAML or JSON; \"-\": standard input) says, whole\n"
             "  tollgate setting change NAME FILE     only what the file says; null takes away\n",
    .operands = 3,
    .watch = "list show",
    .run = setting,
};
