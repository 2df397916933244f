/* SPDX-License-Identifier: Apache-2.0
 * object_change.c - changes some members of an object and leaves the others: the file, YAML or JSON, is a merge patch (RFC 7386), in which
 * null takes a member away. */
#include "base/node.h"
#include "cli/object.h"

int object_change(struct cli *c, const char *kind)
{
    struct trouble t = { .set = false };
    struct node *patch = NULL;
    struct json_value root;
    struct buf body;
    bool printed;
    struct span text = object_read(c, c->operands[2]), name = arena_copy(&c->arena, c->operands[2]);
    if (!text.at)
        return EXIT_CONFIG;
    if (node_read_yaml(&c->arena, name.at, text, &patch, &t) != E_OK || !patch || patch->kind != NODE_MAP) {
        fprintf(stderr, "tollgate %s: %s\n", c->verb->name, t.set ? t.text : "the file holds no members; allowed: \"name: value\" a line, in YAML or JSON");
        return EXIT_CONFIG;
    }
    buf_init(&body, OBJECT_BODY);
    node_write_json(patch, &body);
    int code = object_send(c, "PATCH", kind, c->operands[1], NULL, buf_span(&body), &root, &printed);
    buf_free(&body);
    if (code == EXIT_DONE && !printed)
        printf("%s %.*s is changed\n", c->verb->name, SPAN_ARG(c->operands[1]));
    return code;
}
