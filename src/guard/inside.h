/* SPDX-License-Identifier: Apache-2.0
 * inside.h - what the files of guard/ share. A check is one function that reads its parameters and one that has an opinion; its row is in
 * list.h. */
#ifndef TG_GUARD_INSIDE_H
#define TG_GUARD_INSIDE_H

#include "guard/effort.h"
#include "guard/guard.h"

struct check;

/* While a set runs. */
struct look {
    const struct guard_text *text;
    struct arena *arena;
    struct effort effort;
    bool newest;          /* the text judged is of the newest turn, or an answer's */
    struct span saying;   /* for people; the last one counts */
    const char *error;    /* why no opinion was possible */
};

enum scope { SCOPE_USUAL, SCOPE_EVERY, SCOPE_ANY, SCOPE_LAST };

struct check_kind {
    const char *id;
    bool request;  /* looks at the request as a whole, not at texts */
    bool bounded;  /* has an upper bound that holds for every text, and a lower one for the newest */
    bool rewrites;
    const char *const *parameters; /* NULL-ended, beside those that all have */
    bool (*read)(struct check *c, const struct node *n, const char *path, struct arena *a, struct trouble *t);
    bool (*judge)(struct look *l, const struct check *c, struct span text);
};

struct check {
    const struct check_kind *kind;
    struct span id; /* "default.contains" */
    void *rule;     /* of its kind */
    bool not_, forbids;
    enum scope scope;
};

struct guard {
    struct span id, type;
    bool deny, async, sequential;
    struct check *checks;
    size_t count;
    size_t named; /* those that are switched off, too */
};

struct guard_set {
    struct guard *list;
    size_t count;
};

/* replace.c: *out is the text with all that was found replaced; `found` says whether anything was. False: no opinion (look's error). */
bool check_rewrite(struct look *l, const struct check *c, struct span text, bool *found, struct span *out);
bool check_fails_on_detection(const struct check *c);

enum operator { OPERATOR_ANY, OPERATOR_ALL, OPERATOR_NONE };
extern const char *const operator_names[];
/* read.c: for parameters; a required one that is absent is trouble. */
bool need(const struct node *n, const struct node *at, const char *path, const char *name, const char *allowed, struct trouble *t);
bool read_words(struct arena *a, const struct node *n, const char *path, const char *name, struct span **out, size_t *count, struct trouble *t);
bool read_operator(const struct node *n, const char *path, enum operator usual, enum operator *out, struct trouble *t);

#endif
