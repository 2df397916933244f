/* SPDX-License-Identifier: Apache-2.0
 * cache.c - `tollgate cache`: what is in the cache of answers, and what is thrown away. */
#include "cli/object.h"

static const struct column columns[] = { { "WHERE", ALIGN_LEFT, 0 }, { "ANSWERS", ALIGN_RIGHT, 0 }, { "BYTES", ALIGN_RIGHT, 0 }, { "AT MOST", ALIGN_RIGHT, 0 } };

static void put_row(struct table *t, const char *name, int64_t entries, int64_t bytes, int64_t most)
{
    table_row(t);
    table_put(t, span_of(name));
    table_put_i64(t, entries);
    table_put_i64(t, bytes);
    table_put_i64(t, most);
}

static int show(struct cli *c)
{
    struct table t;
    struct json_value root;
    bool printed;
    int code = object_send(c, "GET", "cache", SPAN_NONE, NULL, SPAN_NONE, &root, &printed);
    if (code != EXIT_DONE || printed)
        return code;
    printf("%lld hits, %lld misses, %.*s usd saved since the start\n", (long long)api_number(root, "hits"), (long long)api_number(root, "misses"), SPAN_ARG(api_text(c, root, "saved_usd")));
    table_init(&t, &c->arena, columns, sizeof(columns) / sizeof(*columns), c->colour);
    put_row(&t, "memory", api_number(root, "entries"), api_number(root, "bytes"), api_number(root, "memory_limit"));
    put_row(&t, "disk", api_number(root, "disk_entries"), api_number(root, "disk_bytes"), api_number(root, "disk_limit"));
    return api_show(c, &t, "nothing is kept");
}

static int purge(struct cli *c)
{
    static const char *const names[] = { "workspace", "key", "run", "tag", "model", NULL };
    struct json_value root;
    struct buf body;
    bool printed;
    buf_init(&body, OBJECT_BODY);
    struct json_out o = json_out(&body);
    json_open(&o, '{');
    for (const char *const *n = names; *n; n++)
        if (option_given(c, *n))
            json_pair(&o, span_of(*n), option(c, *n));
    if (option_given(c, "all"))
        json_pair_bool(&o, SPAN("all"), true);
    json_close(&o, '}');
    int code = object_send(c, "POST", "cache", SPAN("purge"), NULL, buf_span(&body), &root, &printed);
    buf_free(&body);
    if (code == EXIT_DONE && !printed)
        printf("%lld answers are gone\n", (long long)api_number(root, "purged"));
    return code;
}

static int run(struct cli *c)
{
    static const struct object_action actions[] = { { "show", 0, show }, { "purge", 0, purge }, { NULL, 0, NULL } };
    return object_run(c, actions);
}

static const struct flag flags[] = {
    { "workspace", "WORKSPACE", "purge: answers of this workspace", false },
    { "key", "KEY", "purge: ... that this key was the first to ask for (id or name)", false },
    { "run", "RUN", "purge: ... that this run was the first to ask for", false },
    { "tag", "NAME=VALUE", "purge: ... of calls with this tag", false },
    { "model", "MODEL", "purge: ... of this model, as it was asked for", false },
    { "all", NULL, "purge: everything", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_cache = {
    .name = "cache",
    .summary = "answers that are given again: how many, and throwing them away",
    .usage = "  tollgate cache [show]\n"
             "  tollgate cache purge --run RUN | --key KEY | --workspace WORKSPACE | --tag NAME=VALUE | --model MODEL | --all\n",
    .flags = flags,
    .operands = 1,
    .watch = "show",
    .run = run,
};
