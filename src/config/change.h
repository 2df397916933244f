/* SPDX-License-Identifier: Apache-2.0
 * change.h - a change to one object on its way from the request to what is stored; what the files of it share, and for those only.
 *
 *   change.c         what is there, what was asked for, the object that follows, and whether the whole still loads
 *   change_token.c   tokens of keys and of the admin API: made, told once, kept as hashes; rotation
 *   change_seal.c    secrets of credentials, alerts and exports: sealed, and bound to where they go
 *
 * Everything is in the change's arena; what is wrong with it is said in its trouble. */
#ifndef TG_CONFIG_CHANGE_H
#define TG_CONFIG_CHANGE_H

#include "config/edit.h"
#include "config/parts.h"

struct change {
    const struct config_input *in;
    const struct config_change *asked;
    struct arena *a;
    struct config_changed *out;
    struct trouble *t;
    enum kind kind;
    struct tree tree;
    struct entry *entry;       /* what is there; NULL: nothing */
    const struct node *file;   /* the file's part of it; NULL: none */
    const struct node *now;    /* file and API merged; NULL: nothing, or deleted */
    struct node *body;         /* the request's; NULL: delete */
    struct node *stored;       /* what will be stored; NULL: nothing */
    struct span id;
};

/* ---- change.c ---- */

/* Reads what is there; scratch is opened here and goes with change_finish, which gives e back. */
CHECKED enum err change_begin(struct change *c, struct arena *scratch);
enum err change_finish(struct change *c, enum err e, struct arena *scratch);
/* Says what is wrong with a field of the request; gives e back. */
enum err change_say(struct change *c, enum err e, const char *field, const char *text);
/* Finds what has this id, or name: entry, id, file and now. now is NULL where there is nothing. */
CHECKED enum err change_look_up(struct change *c, struct span id);
enum err change_not_found(struct change *c);
/* A copy of the stored part, free to be edited; an empty map where there is none. */
struct node *change_stored(struct change *c);
/* Loads the whole next configuration, with c->stored in its place, and gives it out. */
CHECKED enum err change_try(struct change *c);
/* A map's member of that name, a null too; NULL: none. */
const struct node *change_member(const struct node *map, struct span name);
struct span change_text(const struct node *map, const char *name); /* SPAN_NONE: no text */

/* ---- change_token.c: a new key's token, or a new admin token: given or made, told once, stored as a hash ---- */
CHECKED enum err change_first_token(struct change *c);

/* ---- change_seal.c: what the request says of secrets, sealed into c->stored. next: the object as it will be ---- */
CHECKED enum err change_seal(struct change *c, const struct node *next);

#endif
