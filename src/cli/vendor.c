/* SPDX-License-Identifier: Apache-2.0
 * vendor.c - `tollgate vendor`: the upstream services the gate knows, and the operations that policies name. */
#include "base/embed.h"
#include "cli/object.h"
#include "vendor/vendor.h"

static const struct column columns[] = { { "VENDOR", ALIGN_LEFT, 40 }, { "FROM", ALIGN_LEFT, 0 }, { "BASE URL", ALIGN_LEFT, 80 }, { "LISTEN", ALIGN_LEFT, 0 } };

static void put_row(struct cli *c, struct table *t, struct json_value vendor)
{
    table_put(t, api_text(c, vendor, "name"));
    table_put(t, api_text(c, vendor, "origin"));
    table_put(t, api_text(c, vendor, "base_url"));
    table_put(t, api_text(c, vendor, "listen"));
}

static int list(struct cli *c) { return object_list(c, "vendors", columns, sizeof(columns) / sizeof(*columns), put_row, "no vendors"); }
static int show(struct cli *c) { return object_show(c, "vendors"); }

/* ---- operations ---- */

static const struct column operation_columns[] = { { "OPERATION", ALIGN_LEFT, 0 }, { "CALL", ALIGN_LEFT, 72 }, { "DOES", ALIGN_LEFT, 0 }, { "NOTE", ALIGN_LEFT, 80 } };

/* The text of a manifest: a file's, or the one in this binary. */
static struct span manifest_text(struct cli *c, struct span name)
{
    if (span_ends(name, SPAN(".yaml")) || span_ends(name, SPAN(".yml")))
        return object_read(c, name);
    struct span text = embed_find(arena_print(&c->arena, "vendors/%.*s.yaml", SPAN_ARG(name)));
    if (!text.at)
        fprintf(stderr, "tollgate vendor: no manifest of \"%.*s\" is built in; give the file of yours (NAME.yaml)\n", SPAN_ARG(name));
    return text;
}

static struct span does(const struct operation *o)
{
    if (o->secret)
        return SPAN("gives a secret");
    if (o->moves_money || o->dialect.at)
        return SPAN("costs money");
    return o->writes ? SPAN("writes") : SPAN("reads");
}

static void put_json_operations(const struct operation *list, size_t count)
{
    struct buf out;
    buf_init(&out, 16 << 20);
    struct json_out o = json_out(&out);
    json_open(&o, '[');
    for (size_t i = 0; i < count; i++) {
        json_open(&o, '{');
        json_pair(&o, SPAN("name"), list[i].name);
        json_pair(&o, SPAN("method"), list[i].method);
        json_pair(&o, SPAN("path"), list[i].path);
        json_pair_bool(&o, SPAN("writes"), list[i].writes);
        json_pair_bool(&o, SPAN("moves_money"), list[i].moves_money || list[i].dialect.at);
        json_pair_bool(&o, SPAN("secret"), list[i].secret);
        json_pair(&o, SPAN("note"), list[i].note);
        json_close(&o, '}');
    }
    json_close(&o, ']');
    printf("%.*s\n", SPAN_ARG(buf_span(&out)));
    buf_free(&out);
}

/* Read here and not asked from the gate: it is a property of the manifest, and of use before a gate runs. */
static int operations(struct cli *c)
{
    struct trouble t = { .set = false };
    struct span name = arena_copy(&c->arena, c->operands[1]), text = manifest_text(c, name);
    struct node *root;
    struct vendor v;
    struct table table;
    size_t count;
    if (!text.at)
        return EXIT_REFUSED;
    enum err e = node_read_yaml(&c->arena, name.at, text, &root, &t);
    if (!e)
        e = vendor_read(&c->arena, root, SPAN_NONE, &v, &t);
    if (e) {
        fprintf(stderr, "tollgate vendor: %s\n", t.text);
        return EXIT_CONFIG;
    }
    const struct operation *list_of = vendor_operations(&v, &count);
    if (c->json) {
        put_json_operations(list_of, count);
        return EXIT_DONE;
    }
    table_init(&table, &c->arena, operation_columns, sizeof(operation_columns) / sizeof(*operation_columns), c->colour);
    for (size_t i = 0; i < count; i++) {
        table_row(&table);
        table_put(&table, list_of[i].name);
        table_put(&table, arena_print(&c->arena, "%.*s %.*s", SPAN_ARG(list_of[i].method), SPAN_ARG(list_of[i].path)));
        table_put(&table, does(&list_of[i]));
        table_put(&table, list_of[i].note);
    }
    return api_show(c, &table, "no operations");
}

static int run(struct cli *c)
{
    static const struct object_action actions[] = { { "list", 0, list }, { "show", 1, show }, { "operations", 1, operations }, { NULL, 0, NULL } };
    return object_run(c, actions);
}

const struct verb verb_vendor = {
    .name = "vendor",
    .summary = "upstream services, and the operations that policies name",
    .usage = "  tollgate vendor [list]\n"
             "  tollgate vendor show NAME\n"
             "  tollgate vendor operations NAME      of a built-in vendor; or of a manifest of yours: NAME.yaml\n",
    .operands = 2,
    .run = run,
};
