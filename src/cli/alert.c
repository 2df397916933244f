/* SPDX-License-Identifier: Apache-2.0
 * alert.c - `tollgate alert`: where alerts go, whether they arrive there, and a test. */
#include "cli/object.h"

static const struct column columns[] = { { "NAME", ALIGN_LEFT, 32 }, { "KIND", ALIGN_LEFT, 0 }, { "TO", ALIGN_LEFT, 60 }, { "EVENTS", ALIGN_LEFT, 60 } };

static void put_row(struct cli *c, struct table *t, struct json_value alert)
{
    static const char *const kinds[] = { "webhook", "slack", "smtp" };
    size_t kind = 0;
    while (kind < 2 && !api_text(c, alert, kinds[kind]).at)
        kind++;
    table_put(t, api_text(c, alert, "name"));
    table_put(t, span_of(kinds[kind]));
    table_put(t, api_text(c, alert, kinds[kind]));
    table_put(t, api_text(c, alert, "events"));
}

static int list(struct cli *c)
{
    return object_list(c, "alerts", columns, sizeof(columns) / sizeof(*columns), put_row, "no alerts: nobody is told (docs/alerts.md)");
}

static int show(struct cli *c) { return object_show(c, "alerts"); }
static int delete(struct cli *c) { return object_delete(c, "alerts"); }
static int apply(struct cli *c) { return object_apply(c, "alerts", "the file holds no alert; allowed: type:, url:, events:, ..."); }
static int change(struct cli *c) { return object_change(c, "alerts"); }

static int test(struct cli *c) { return object_test(c, "alerts"); }

static const struct column delivery_columns[] = { { "AT", ALIGN_LEFT, 0 }, { "ALERT", ALIGN_LEFT, 60 }, { "TEXT", ALIGN_LEFT, 80 }, { "TRIES", ALIGN_RIGHT, 0 },
    { "STATE", ALIGN_LEFT, 0 }, { "NEXT", ALIGN_LEFT, 0 }, { "STILL TO", ALIGN_LEFT, 40 }, { "TROUBLE", ALIGN_LEFT, 60 } };

static void put_delivery(struct cli *c, struct table *t, struct json_value d)
{
    bool done = span_is(api_text(c, d, "done"), SPAN("yes")), trouble = api_text(c, d, "trouble").at != NULL;
    table_put(t, api_time(c, d, "at"));
    table_put(t, api_text(c, d, "name"));
    table_put(t, api_text(c, d, "alert.text"));
    table_put_i64(t, api_number(d, "tries"));
    table_put_tinted(t, !done ? SPAN("waits") : trouble ? SPAN("given up") : SPAN("done"), !done ? TINT_YELLOW : trouble ? TINT_RED : TINT_GREEN);
    table_put(t, api_time(c, d, "next_at"));
    table_put(t, api_text(c, d, "pending"));
    table_put(t, api_text(c, d, "trouble"));
}

static int deliveries(struct cli *c)
{
    return object_list(c, "alerts/deliveries", delivery_columns, sizeof(delivery_columns) / sizeof(*delivery_columns), put_delivery, "nothing was told yet");
}

static int run(struct cli *c)
{
    static const struct object_action actions[] = { { "list", 0, list }, { "show", 1, show }, { "test", 1, test }, { "deliveries", 0, deliveries },
        { "delete", 1, delete }, { "apply", 2, apply }, { "change", 2, change }, { NULL, 0, NULL } };
    return object_run(c, actions);
}

const struct verb verb_alert = {
    .name = "alert",
    .summary = "where alerts go: list, show, test, delete; what was delivered",
    .usage = "  tollgate alert [list]\n"
             "  tollgate alert test NAME     send one now; exit code 0: it was taken\n"
             "  tollgate alert deliveries    what was told, the newest first\n"
             "  tollgate alert show|delete NAME\n"
             "  tollgate alert apply NAME FILE      make it be what the file says, whole\n"
             "  tollgate alert change NAME FILE     only the members that the file (YAML or JSON; \"-\": standard input) has; null takes one away\n",
    .operands = 3,
    .watch = "list show deliveries",
    .run = run,
};
