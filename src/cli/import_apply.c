/* SPDX-License-Identifier: Apache-2.0
 * import_apply.c - `--apply`: the objects of the configuration, one by one, to a running gate by its admin API. Secrets go in the bodies of
 * credentials, which the gate seals; references are resolved here, since the API takes none. */
#include <stdlib.h>

#include "base/digest.h"
#include "cli/import.h"
#include "cli/object.h"

static const struct {
    const char *section, *kind; /* in this order: each refers to earlier ones only */
} sections[] = { { "vendors", "vendors" }, { "credentials", "credentials" }, { "prices", NULL }, { "policies", "policies" }, { "routes", "routes" },
    { "workspaces", "workspaces" }, { "budgets", "budgets" }, { "keys", "keys" } };

/* What of the file is no object of the API. */
static void tell_rest(const struct import *im)
{
    for (const struct node *n = im->root->first; n; n = n->next) {
        bool known = false;
        for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++)
            known = known || span_is(n->name, span_of(sections[i].section));
        if (!known)
            fprintf(stderr, "tollgate import: %.*s is not set by the API: put it into the gate's file\n", SPAN_ARG(n->name));
    }
}

/* False: one has no value; nothing was sent. */
static bool variables_set(const struct import *im)
{
    bool all = true;
    for (const struct variable *v = im->variables; v; v = v->next) {
        struct span name = arena_copy(im->a, v->name), value = arena_copy(im->a, v->value);
        if (value.at && !getenv(name.at))
            setenv(name.at, value.at, 0);
        if (getenv(name.at))
            continue;
        fprintf(stderr, "tollgate import: %.*s is not set (%.*s)\n", SPAN_ARG(v->name), SPAN_ARG(v->path));
        all = false;
    }
    return all;
}

struct sending {
    struct import *im;
    struct map present; /* names of the kind that the gate has */
    size_t made, changed;
};

static int look_up(struct sending *s, const char *kind)
{
    struct cli *c = s->im->cli;
    struct json_value root, item;
    struct span name, cursor = SPAN_NONE;
    static char yes;
    bool printed;
    do {
        struct api_path path;
        api_path(&path, kind);
        api_path_query(&path, "cursor", cursor);
        int code = api_call(c, "GET", &path, SPAN_NONE, &root, &printed);
        if (code != EXIT_DONE)
            return code;
        for (struct json_iter it = json_iter(json_member(root, SPAN("data"))); json_next(&it, &name, &item);) {
            struct span there = arena_copy(s->im->a, json_string(json_member(item, SPAN("name"))));
            must(!there.at || map_put(&s->present, there, &yes));
        }
        cursor = arena_copy(s->im->a, api_text(c, root, "next_cursor"));
    } while (cursor.at);
    return EXIT_DONE;
}

/* What the API changes by other means than an object's fields. */
static bool left_out(struct span field, bool present)
{
    return present && (span_is(field, SPAN("token")) || span_is(field, SPAN("token_sha256")) || span_is(field, SPAN("name")));
}

static int send_one(struct sending *s, const char *kind, struct span name, const struct node *n)
{
    struct json_value root;
    struct buf body;
    bool printed, present = map_get(&s->present, name) != NULL;
    buf_init(&body, OBJECT_BODY);
    struct json_out o = json_out(&body);
    json_open(&o, '{');
    if (!present)
        json_pair(&o, SPAN("name"), name);
    for (const struct node *member = n->first; member; member = member->next) {
        if (left_out(member->name, present) || span_is(member->name, SPAN("name")))
            continue;
        json_name(&o, member->name);
        node_write_json(member, &body);
        o.comma = true;
    }
    json_close(&o, '}');
    int code = object_send(s->im->cli, present ? "PATCH" : "POST", kind, present ? name : SPAN_NONE, NULL, buf_span(&body), &root, &printed);
    if (body.at)
        secret_wipe(body.at, body.room);
    buf_free(&body);
    if (code != EXIT_DONE)
        fprintf(stderr, "tollgate import: %s %.*s was not taken; what was sent before it is in force\n", kind, SPAN_ARG(name));
    *(present ? &s->changed : &s->made) += code == EXIT_DONE;
    return code;
}

static int send_price(struct sending *s, const struct node *n)
{
    struct json_value root;
    struct buf body;
    struct api_path path;
    struct span rest = n->name, provider;
    bool printed;
    if (!span_cut(&rest, '/', &provider))
        return EXIT_CONFIG;
    api_path(&path, "prices");
    api_path_id(&path, provider);
    buf_put_byte(&path.text, '/');
    buf_put(&path.text, rest);
    buf_init(&body, OBJECT_BODY);
    node_write_json(n, &body);
    int code = api_call(s->im->cli, "PUT", &path, buf_span(&body), &root, &printed);
    buf_free(&body);
    s->made += code == EXIT_DONE;
    return code;
}

static int send_section(struct import *im, const struct node *section, const char *kind)
{
    struct sending s = { .im = im };
    int code = kind ? look_up(&s, kind) : EXIT_DONE;
    for (const struct node *n = section->first; n && code == EXIT_DONE; n = n->next)
        code = kind ? send_one(&s, kind, section->kind == NODE_LIST ? import_scalar(n, "name") : n->name, n) : send_price(&s, n);
    fprintf(stderr, "%.*s: %zu made, %zu changed\n", SPAN_ARG(section->name), s.made, s.changed);
    map_free(&s.present);
    return code;
}

int import_apply(struct import *im, struct span yaml)
{
    struct trouble t = { .set = false };
    struct node *root = NULL;
    struct cli *c = im->cli;
    bool json = c->json;
    int code = EXIT_DONE;
    if (!variables_set(im))
        return usage_error(c, "set what is named above, then --apply again; nothing was sent");
    if (node_read_yaml(im->a, "imported.yaml", yaml, &root, &t) != E_OK || node_expand(im->a, root, &t) != E_OK) {
        fprintf(stderr, "tollgate import: %s\n", t.text);
        return EXIT_CONFIG;
    }
    tell_rest(im);
    c->json = false; /* the API's answers are not this verb's */
    for (size_t i = 0; i < sizeof(sections) / sizeof(*sections) && code == EXIT_DONE; i++) {
        const struct node *section = node_get(root, sections[i].section);
        if (section && section->first)
            code = send_section(im, section, sections[i].kind);
    }
    c->json = json;
    return code;
}
