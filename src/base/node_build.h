/* SPDX-License-Identifier: Apache-2.0
 * node_build.h - what the two readers of trees (YAML, JSON) share; for nobody else. It keeps the limits of node.h. */
#ifndef TG_BASE_NODE_BUILD_H
#define TG_BASE_NODE_BUILD_H

#include "base/node.h"

enum { NODE_DEPTH_MOST = 32, NODE_COUNT_MOST = 200000, NODE_TEXT_MOST = 16 << 20 };

struct node_build {
    struct arena *arena;
    const char *file;
    struct trouble *trouble;
    size_t count;
};

/* Each of these fills trouble and answers NULL or false when it cannot. */
bool node_build_start(struct node_build *b, struct span text);
struct node *node_build_new(struct node_build *b, enum node_kind kind, int line, int depth);
struct node *node_build_scalar(struct node_build *b, struct span text, bool quoted, int line, int depth);
/* Names of a finished map must differ. */
bool node_build_check_names(struct node_build *b, const struct node *map);
void node_build_fail(struct node_build *b, int line, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
