/* SPDX-License-Identifier: Apache-2.0
 * object_apply.c - makes an object be what a file says, whole: what the file leaves out goes away, in one change. The file is YAML or
 * JSON and holds what would stand under the object's name in the configuration. */
#include "base/node.h"
#include "cli/object.h"

static const struct node *member(const struct node *map, struct span name)
{
    for (const struct node *n = map && map->kind == NODE_MAP ? map->first : NULL; n; n = n->next)
        if (span_is(n->name, name))
            return n;
    return NULL;
}

/* Members that the API adds when it shows an object. */
static bool is_shown_only(struct span name) { return span_is(name, SPAN("id")) || span_is(name, SPAN("name")) || span_is(name, SPAN("origin")); }

/* The merge patch (RFC 7386) that turns `old` into `wanted`, both maps. */
static void put_patch(struct json_out *o, const struct node *old, const struct node *wanted, bool top)
{
    json_open(o, '{');
    for (const struct node *n = wanted->first; n; n = n->next) {
        const struct node *there = member(old, n->name);
        if (top && is_shown_only(n->name))
            continue;
        json_name(o, n->name);
        if (there && there->kind == NODE_MAP && n->kind == NODE_MAP) {
            put_patch(o, there, n, false);
        } else {
            node_write_json(n, o->buf);
            o->comma = true;
        }
    }
    for (const struct node *n = old ? old->first : NULL; n; n = n->next)
        if (!member(wanted, n->name) && !(top && is_shown_only(n->name)))
            json_pair_raw(o, n->name, SPAN_NONE);
    json_close(o, '}');
}

static const struct node *read_file(struct cli *c, struct span file, const char *none)
{
    struct trouble t = { .set = false };
    struct node *root = NULL;
    struct span text = object_read(c, file), name = arena_copy(&c->arena, file);
    if (!text.at)
        return NULL;
    enum err e = node_read_yaml(&c->arena, name.at, text, &root, &t); /* JSON is YAML */
    if (!e && root && root->kind == NODE_MAP)
        return root;
    fprintf(stderr, "tollgate %s: %s\n", c->verb->name, t.set ? t.text : none);
    return NULL;
}

/* The object as it is; NULL with *code EXIT_DONE: there is none of that name. */
static const struct node *read_present(struct cli *c, const char *kind, struct span name, int *code)
{
    struct json_value root, item;
    struct span member_name;
    struct node *node = NULL;
    struct trouble t = { .set = false };
    struct buf text;
    bool printed, json = c->json;
    c->json = false;
    *code = object_send(c, "GET", kind, SPAN_NONE, NULL, SPAN_NONE, &root, &printed);
    c->json = json;
    buf_init(&text, OBJECT_BODY);
    for (struct json_iter it = json_iter(json_member(root, SPAN("data"))); *code == EXIT_DONE && json_next(&it, &member_name, &item);)
        if (span_is(json_string(json_member(item, SPAN("name"))), name))
            json_print(item, &text);
    if (text.len && node_read_json(&c->arena, "", arena_copy(&c->arena, buf_span(&text)), &node, &t) != E_OK)
        *code = EXIT_REFUSED;
    buf_free(&text);
    return node;
}

int object_apply(struct cli *c, const char *kind, const char *none)
{
    struct span name = c->operands[1];
    const struct node *wanted = read_file(c, c->operands[2], none);
    struct json_value root;
    struct buf body;
    bool printed;
    int code = EXIT_REFUSED;
    const struct node *present = wanted ? read_present(c, kind, name, &code) : NULL;
    if (!wanted || code != EXIT_DONE)
        return wanted ? code : EXIT_CONFIG;
    buf_init(&body, OBJECT_BODY);
    struct json_out o = json_out(&body);
    if (present) {
        put_patch(&o, present, wanted, true);
        code = object_send(c, "PATCH", kind, name, NULL, buf_span(&body), &root, &printed);
    } else {
        json_open(&o, '{');
        json_pair(&o, SPAN("name"), name);
        for (const struct node *n = wanted->first; n; n = n->next) {
            if (is_shown_only(n->name))
                continue;
            json_name(&o, n->name);
            node_write_json(n, &body);
            o.comma = true;
        }
        json_close(&o, '}');
        code = object_send(c, "POST", kind, SPAN_NONE, NULL, buf_span(&body), &root, &printed);
    }
    buf_free(&body);
    if (code == EXIT_DONE && !printed)
        printf("%s %.*s is in force as the file says\n", c->verb->name, SPAN_ARG(name));
    return code;
}
