/* SPDX-License-Identifier: Apache-2.0
 * edit.h - writing small trees: the objects that are stored. Inside config/ only. Everything is in the arena that is
 * given; without memory it is broken and the caller sees it when the tree is written. */
#ifndef TG_CONFIG_EDIT_H
#define TG_CONFIG_EDIT_H

#include "base/node.h"

struct node *edit_map(struct arena *a);
struct node *edit_list(struct arena *a);
struct node *edit_text(struct arena *a, struct span text);
struct node *edit_null(struct arena *a);
struct node *edit_true(struct arena *a);
/* Sets a member to a copy of the node (its children are shared). */
void edit_set(struct arena *a, struct node *map, const char *name, const struct node *value);
void edit_drop(struct node *map, const char *name);
void edit_add(struct arena *a, struct node *list, const struct node *item);
/* A copy of the map's own level, free to be edited; an empty map for NULL. */
struct node *edit_copy(struct arena *a, const struct node *map);
/* SPAN_NONE: too large or out of memory. */
struct span edit_json(struct arena *a, const struct node *n);

#endif
