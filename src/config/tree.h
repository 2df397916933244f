/* SPDX-License-Identifier: Apache-2.0
 * tree.h - the configuration as entries, before anything of it is understood: what the file says, and what the API laid
 * over it, by kind and id.
 *
 * A stored object lies over the file's entry of the same id field by field: a field that the API has set is the API's
 * whole, null takes the file's away. `deleted: true` hides the file's entry. Entries are resolved one at a time, so that a
 * million keys never stand in memory as trees. Inside config/ only. */
#ifndef TG_CONFIG_TREE_H
#define TG_CONFIG_TREE_H

#include "base/json.h"
#include "base/map.h"
#include "base/node.h"
#include "config/config.h"

enum kind { KIND_VENDOR, KIND_CREDENTIAL, KIND_POLICY, KIND_WORKSPACE, KIND_BUDGET, KIND_KEY, KIND_ALERT, KIND_EXPORT, KIND_PRICE, KIND_ROUTE, KIND_TOKEN, KIND_SETTING, KIND_INCREASE, KIND_COUNT };

enum { CONFIG_NAME_LONGEST = 64, CONFIG_ID_LONGEST = 1200, CONFIG_PRICE_LONGEST = 320, CONFIG_FILE_MOST = 16 << 20, CONFIG_PATH = 200 };

struct entry {
    struct span id;          /* keys: "key_..."; increases: the budget's id; others: the name */
    const struct node *file; /* the file's entry; NULL: none */
    bool listed;             /* in the file as an item of a list, */
    size_t index;            /* at this place */
    struct span body;        /* the stored object's JSON; SPAN_NONE: none */
};

struct entries {
    struct entry *list;
    size_t count, room;
};

struct tree {
    const char *file_name; /* for messages */
    struct node *root;     /* the file's map, settings of the API laid over it; NULL: not read */
    bool expanded;         /* its ${...} were replaced: messages must be looked through for what they gave */
    struct entries kinds[KIND_COUNT];
    struct digest digest; /* of everything that was read */
    struct arena *arena;
    struct json *json; /* reused for every object */
};

/* `raw` leaves ${...} as they are but in names and tokens: for showing. Everything lives in a, but entries' lists. */
CHECKED enum err tree_read(struct tree *tree, const struct config_input *in, bool raw, struct arena *a, struct trouble *t);
void tree_free(struct tree *tree);
/* Wipes secrets that stand in the tree; call when nothing more is read from it. */
void tree_wipe(struct tree *tree);
/* Takes values that came by ${...} out of a message. */
void tree_redact(const struct tree *tree, struct trouble *t);

/* The merged entry in a, named by its id, unknown fields refused; NULL with t->set: wrong; NULL without: deleted. */
const struct node *entry_node(struct tree *tree, enum kind kind, const struct entry *e, struct arena *a, struct trouble *t);
/* The entry's field path: "keys[0]", "policies.support", "keys[key_1f3c...]". */
const char *entry_path(enum kind kind, const struct entry *e, char out[CONFIG_PATH]);
struct entry *tree_find(const struct tree *tree, enum kind kind, struct span id);
/* The same, and keys by their name as well. */
struct entry *tree_find_named(struct tree *tree, enum kind kind, struct span id);

bool kind_parse(struct span text, enum kind *out);
struct span kind_name(enum kind k);  /* "policy" */
struct span kind_field(enum kind k); /* "policies" */
/* Fields an entry of that kind may have in the file and in requests; NULL-ended. NULL: rules/ says (prices), route/ does (routes). */
const char *const *kind_fields(enum kind k);
/* Top-level fields that the API may set as objects of kind "setting". */
bool setting_known(struct span name);

/* 1..64 of A-Z a-z 0-9 _ - . */
bool config_name_ok(struct span name);
/* The same but for increases: 1 to CONFIG_ID_LONGEST printable characters and blanks; and for prices: "provider/model". */
bool kind_id_ok(enum kind k, struct span id);
/* "key, credential, policy, ...": for messages. */
extern const char config_kinds_allowed[];
/* "key_" and 16 hex digits of the name's hash. */
struct span config_key_id(struct span name, struct arena *a);
/* JSON text as a tree in a; with a reused parser. `file` as in node_read_json. */
CHECKED enum err config_json(struct json *j, struct span text, const char *file, struct arena *a, struct node **out, struct trouble *t);
/* Members of `over` replace those of `base`, null removes. */
struct node *config_overlay(struct arena *a, const struct node *base, const struct node *over);
/* A copy of the map without these members (NULL-ended names). */
struct node *config_without(struct arena *a, const struct node *map, const char *const names[]);

#endif
