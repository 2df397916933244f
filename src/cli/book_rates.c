/* SPDX-License-Identifier: Apache-2.0
 * book_rates.c - `tollgate prices list|set|delete|snapshots`: the rates a running gate reckons with, and setting one of them. */
#include "base/node.h"
#include "base/text.h"
#include "cli/book.h"
#include "cli/object.h"

static const struct column columns[] = { { "MODEL", ALIGN_LEFT, 56 }, { "MODE", ALIGN_LEFT, 0 }, { "IN USD/M", ALIGN_POINT, 0 }, { "OUT USD/M", ALIGN_POINT, 0 },
    { "CACHED USD/M", ALIGN_POINT, 0 }, { "CONTEXT", ALIGN_RIGHT, 0 }, { "FROM", ALIGN_LEFT, 0 } };

int book_list(struct cli *c)
{
    static const char *const names[] = { "provider", "model", "limit", "cursor", NULL };
    struct api_path path;
    struct json_value root, row;
    struct table t;
    struct span name;
    bool printed;
    api_path(&path, "prices");
    api_path_options(&path, c, names);
    int code = api_call(c, "GET", &path, SPAN_NONE, &root, &printed);
    if (code != EXIT_DONE || printed)
        return code;
    table_init(&t, &c->arena, columns, sizeof(columns) / sizeof(*columns), c->colour);
    for (struct json_iter it = json_iter(json_member(root, SPAN("data"))); json_next(&it, &name, &row);) {
        table_row(&t);
        table_put(&t, api_text(c, row, "id"));
        table_put(&t, api_text(c, row, "mode"));
        table_put(&t, api_text(c, row, "price.in"));
        table_put(&t, api_text(c, row, "price.out"));
        table_put(&t, api_text(c, row, "price.cache_read"));
        table_put(&t, api_text(c, row, "context"));
        table_put(&t, api_text(c, row, "origin"));
    }
    api_show(c, &t, "no such models");
    printf("snapshot %.*s\n", SPAN_ARG(api_text(c, root, "snapshot")));
    struct span next = api_text(c, root, "next_cursor");
    if (next.at)
        printf("there are more: --cursor %.*s\n", SPAN_ARG(next));
    return EXIT_DONE;
}

/* "openai/gpt-5.4" as it stands in the path: a model's name may have slashes. */
static int send(struct cli *c, const char *method, struct span body, struct json_value *root, bool *printed)
{
    struct api_path path;
    struct span rest = c->operands[1], provider;
    if (!span_cut(&rest, '/', &provider) || !provider.len || !rest.len)
        return usage_error(c, "found \"%.*s\"; allowed: PROVIDER/MODEL, such as openai/gpt-5.4", SPAN_ARG(c->operands[1]));
    api_path(&path, "prices");
    api_path_id(&path, provider);
    buf_put_byte(&path.text, '/');
    buf_put_percent(&path.text, rest, SPAN("/"));
    return api_call(c, method, &path, body, root, printed);
}

int book_set(struct cli *c)
{
    struct trouble t = { .set = false };
    struct node *price = NULL;
    struct json_value root;
    struct buf body;
    bool printed = false;
    struct span text = object_read(c, c->operands[2]), name = arena_copy(&c->arena, c->operands[2]);
    if (!text.at)
        return EXIT_CONFIG;
    if (node_read_yaml(&c->arena, name.at, text, &price, &t) != E_OK || !price || price->kind != NODE_MAP) {
        fprintf(stderr, "tollgate prices: %s\n", t.set ? t.text : "the file holds no price; allowed: in:, out:, ... in USD for a million tokens");
        return EXIT_CONFIG;
    }
    buf_init(&body, OBJECT_BODY);
    node_write_json(price, &body);
    int code = send(c, "PUT", buf_span(&body), &root, &printed);
    buf_free(&body);
    if (code == EXIT_DONE && !printed)
        printf("%.*s costs what the file says from now on\n", SPAN_ARG(c->operands[1]));
    return code;
}

int book_delete(struct cli *c)
{
    struct json_value root;
    bool printed = false;
    int code = send(c, "DELETE", SPAN_NONE, &root, &printed);
    if (code == EXIT_DONE && !printed)
        printf("%.*s costs what the book says again\n", SPAN_ARG(c->operands[1]));
    return code;
}

static const struct column snapshot_columns[] = { { "SNAPSHOT", ALIGN_LEFT, 0 }, { "SINCE", ALIGN_LEFT, 0 }, { "IN FORCE", ALIGN_LEFT, 0 }, { "MODELS", ALIGN_RIGHT, 0 },
    { "SET OTHERWISE", ALIGN_RIGHT, 0 } };

static void put_snapshot(struct cli *c, struct table *t, struct json_value snapshot)
{
    table_put(t, api_text(c, snapshot, "id"));
    table_put(t, api_time(c, snapshot, "since"));
    table_put(t, api_text(c, snapshot, "in_force"));
    table_put(t, api_text(c, snapshot, "rows"));
    table_put(t, api_text(c, snapshot, "overrides"));
}

int book_snapshots(struct cli *c)
{
    return object_list(c, "prices/snapshots", snapshot_columns, sizeof(snapshot_columns) / sizeof(*snapshot_columns), put_snapshot, "no prices");
}
