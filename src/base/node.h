/* SPDX-License-Identifier: Apache-2.0
 * node.h - a configuration tree, read from YAML (libyaml) or JSON, that remembers where each value stood.
 *
 * Every reader of configuration (config/, vendor/) works on nodes, so the file, the admin API and stored objects share
 * one set of readers. Trees live in an arena. Aliases, anchors, tags and merge keys are refused: a configuration says
 * what it means. Limits: depth 32, 200,000 nodes, 16 MiB. */
#ifndef TG_BASE_NODE_H
#define TG_BASE_NODE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum node_kind { NODE_NULL, NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
    enum node_kind kind;
    bool quoted;        /* a scalar in quotes: "123" is text, 123 is a number */
    bool expanded;      /* some of it came by ${...}: it may be a secret, and no message shows it */
    struct span text;   /* scalar */
    struct span name;   /* this node's name in its map */
    struct node *first; /* list items or map values */
    struct node *next;
    size_t count;
    const char *file; /* where it stood; "" for the API */
    int line;         /* from 1; 0 unknown */
};

/* What was wrong, for people: file, line, field path, what was found, what is allowed. Only the first is kept. */
struct trouble {
    bool set;
    char text[600];  /* "tollgate.yaml:12: keys[0].budgets[1].limit: found "5 usdd"; allowed: a number and a unit (usd, requests, tokens)" */
    char field[200]; /* "keys[0].budgets[1].limit" */
};
void trouble_say(struct trouble *t, const struct node *at, const char *field, const char *format, ...) PRINTF_LIKE(4, 5);
/* The usual sentence: found "5 usdd"; allowed: a number and a unit. Shows no expanded value. */
void trouble_found(struct trouble *t, const struct node *at, const char *field, const char *allowed);

/* E_CONFIG with *t filled. `file` must outlive the tree. */
CHECKED enum err node_read_yaml(struct arena *a, const char *file, struct span text, struct node **root, struct trouble *t);
CHECKED enum err node_read_json(struct arena *a, const char *file, struct span text, struct node **root, struct trouble *t);
void node_write_json(const struct node *n, struct buf *out);
/* Replaces ${NAME} and ${file:PATH} in all scalars, by environment and file content (one trailing newline cut).
 * "$${" stands for a literal "${". E_CONFIG when one is not set or cannot be read: names the reference, never the value. */
CHECKED enum err node_expand(struct arena *a, struct node *root, struct trouble *t);
/* JSON merge patch (RFC 7386): a new tree; shares nodes with both. */
struct node *node_merge(struct arena *a, const struct node *base, const struct node *patch);

/* Map member, or NULL (also when n is NULL or no map; a null member counts as absent). */
const struct node *node_get(const struct node *n, const char *name);

/* Typed reads. Absent: *out untouched and true. Present but wrong: trouble with `path` and what is allowed; false.
 * `path` is the field path for messages ("keys[0].name"). */
bool node_span(const struct node *n, const char *path, struct span *out, struct trouble *t);
bool node_i64(const struct node *n, const char *path, int64_t min, int64_t max, int64_t *out, struct trouble *t);
bool node_bool(const struct node *n, const char *path, bool *out, struct trouble *t);
bool node_time(const struct node *n, const char *path, int64_t *unix_ms, struct trouble *t);
bool node_duration(const struct node *n, const char *path, int64_t *ms, struct trouble *t);
bool node_size(const struct node *n, const char *path, int64_t *bytes, struct trouble *t);
/* One of the NULL-ended names; *out gets its index. */
bool node_choice(const struct node *n, const char *path, const char *const names[], int *out, struct trouble *t);
/* A list of scalars, or one scalar standing for a list of one. Array in a. */
bool node_spans(struct arena *a, const struct node *n, const char *path, struct span **out, size_t *count, struct trouble *t);
/* Refuses members that are not in the NULL-ended list, naming the nearest allowed one: a mistyped safety field must not
 * be ignored. */
bool node_only(const struct node *n, const char *path, const char *const allowed[], struct trouble *t);

#endif
