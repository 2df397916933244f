/* SPDX-License-Identifier: Apache-2.0
 * vendor.c - `tollgate vendor`: the upstream services the gate knows, and the operations that policies name. */
#include "base/embed.h"
#include "cli/manifest_file.h"
#include "cli/object.h"
#include "cli/prices.h"

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
static int delete(struct cli *c) { return object_delete(c, "vendors"); }
static int change(struct cli *c) { return object_change(c, "vendors"); }
static int apply(struct cli *c) { return object_apply(c, "vendors", "the file holds no vendor; allowed: base_url:, settings:, probe:, ..."); }

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

int manifest_open(struct cli *c, struct span name, struct manifest_file *out)
{
    struct trouble t = { .set = false };
    out->name = arena_copy(&c->arena, name);
    struct span text = out->name.at ? manifest_text(c, out->name) : SPAN_NONE;
    if (!text.at)
        return EXIT_REFUSED;
    enum err e = node_read_yaml(&c->arena, out->name.at, text, &out->root, &t);
    if (!e)
        e = vendor_read(&c->arena, out->root, SPAN_NONE, &out->vendor, &t);
    if (e)
        fprintf(stderr, "tollgate vendor: %s\n", t.text);
    return e ? EXIT_CONFIG : EXIT_DONE;
}

/* Read here and not asked from the gate: it is a property of the manifest, and of use before a gate runs. */
static int operations(struct cli *c)
{
    struct manifest_file m;
    struct table table;
    size_t count;
    int code = manifest_open(c, c->operands[1], &m);
    if (code != EXIT_DONE)
        return code;
    const struct operation *list_of = vendor_operations(&m.vendor, &count);
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
    static const struct object_action actions[] = { { "list", 0, list }, { "show", 1, show }, { "operations", 1, operations }, { "check", 1, vendor_check },
        { "draft", 1, vendor_draft }, { "apply", 2, apply }, { "change", 2, change }, { "delete", 1, delete }, { NULL, 0, NULL } };
    if (c->operand_count && span_is(c->operands[0], SPAN("prices")))
        return vendor_prices(c);
    return object_run(c, actions);
}

static const struct flag flags[] = {
    { "call", "CALL", "check: what the gate would make of \"POST /path?query BODY\" (body: text or @FILE)", false },
    { "header", "NAME:VALUE", "check: a header field of that call; may be given more than once", true },
    { "all", NULL, "check: show every finding, not only the first of each kind", false },
    { "strict", NULL, "check: exit with 1 if there is anything to look at", false },
    { "name", "NAME", "draft: the vendor's name; else made from the document's title", false },
    { "base-url", "URL", "draft: where the API is; else what the document says", false },
    { "out", "FILE", "draft: write there, never over a file that is there; else to standard output", false },
    { "table", "TABLE", "prices: what a CSV is about: sms (unless said) or voice", false },
    { "number-type", "TYPE", "prices: only from numbers of this type, such as local; else the dearest", false },
    { "print", NULL, "prices: only print them as they would stand in the configuration", false },
    { NULL, NULL, NULL, false },
};

const struct verb verb_vendor = {
    .name = "vendor",
    .summary = "upstream services: operations that policies name; check and draft manifests",
    .usage = "  tollgate vendor [list]\n"
             "  tollgate vendor show|delete NAME\n"
             "  tollgate vendor apply NAME FILE      make its entry be what the file (YAML or JSON; \"-\": standard input) says, whole\n"
             "  tollgate vendor change NAME FILE     only the members that the file has; null takes one away\n"
             "  tollgate vendor operations NAME      of a built-in vendor; or of a manifest of yours: NAME.yaml\n"
             "  tollgate vendor prices twilio FILE... [--print]   price documents of Twilio's Pricing API, folders of them, or CSV\n"
             "  tollgate vendor check NAME           what a manifest may have forgotten; --call: what it makes of a call\n"
             "  tollgate vendor draft FILE           a manifest from an OpenAPI document (2.0, 3.x; JSON or YAML), to be completed\n",
    .flags = flags,
    .operands = OPERANDS_MOST,
    .watch = "list show",
    .run = run,
};
