/* SPDX-License-Identifier: Apache-2.0
 * object.h - what the verbs for keys, credentials, policies, budgets and vendors share: "VERB ACTION [ID]". */
#ifndef TG_CLI_OBJECT_H
#define TG_CLI_OBJECT_H

#include "cli/api.h"

enum { OBJECT_BODY = 1 << 20, OBJECT_MORE = 16 /* added to .operands: one more may follow */ };

struct object_action {
    const char *name;
    size_t operands; /* needed after its name */
    int (*run)(struct cli *c);
};

/* Runs the action the first operand names; without one, the first action. */
int object_run(struct cli *c, const struct object_action *actions);
/* GET all of a kind (page after page) as a table. */
int object_list(struct cli *c, const char *kind, const struct column *columns, size_t width,
    void (*put_row)(struct cli *c, struct table *t, struct json_value object), const char *when_empty);
/* One object, as indented JSON. */
int object_show(struct cli *c, const char *kind);
int object_delete(struct cli *c, const char *kind);
/* The second operand is made to be what the third one, a file, says: see object_apply.c. none: what to say of a file that is no map. */
int object_apply(struct cli *c, const char *kind, const char *none);
/* The members that the file, the third operand, has are changed on the second one; null takes one away: see object_change.c. */
int object_change(struct cli *c, const char *kind);
/* /api/v1/KIND[/ID[/WHAT]]; id SPAN_NONE: none. Keys may be named by their name. */
int object_send(struct cli *c, const char *method, const char *kind, struct span id, const char *what, struct span body, struct json_value *root, bool *printed);
/* POST KIND/ID/test, and whether what was sent there was taken. */
int object_test(struct cli *c, const char *kind);
bool object_duration(struct span text, int64_t *ms);
/* A whole file, or standard input for "-", into out, up to its ceiling in MiB. False: the reason is on standard error. */
CHECKED bool object_file(struct cli *c, struct span name, struct buf *out);
/* The same, in the arena; at most OBJECT_BODY bytes. SPAN_NONE: the reason is on standard error. */
struct span object_read(struct cli *c, struct span file);
/* Writes v with line ends and indents. */
void object_print(struct json_value v, struct buf *out);

#endif
