/* SPDX-License-Identifier: Apache-2.0
 * family.h - what the files that make manifests of the catalogue's rows share (family.c tells how they work together); for those only. */
#ifndef TG_CONFIG_FAMILY_H
#define TG_CONFIG_FAMILY_H

#include "config/edit.h"
#include "config/providers.h"

struct family {
    struct arena *a;
    const struct provider *p;
    struct node *operations, *origins;
    const struct node *known; /* operations of the family's manifest */
    bool v1;                  /* its address ends in /v1, which callers may leave out */
    struct span query;        /* of its paths: "api-version={version}" */
    char origin[16];
};

enum speech { SPEAKS_OPENAI, SPEAKS_ANTHROPIC, SPEAKS_OTHER };

void family_set_text(struct family *f, struct node *map, const char *name, struct span text); /* nothing if it is empty */
/* family_key.c: `send` and `key_in` of a manifest, for a way of the catalogue's. False: there is no such way. */
bool family_set_auth(struct arena *a, struct node *root, struct span auth);
/* family_paths.c. "https://host/a/b" is "https://host" and "/a/b"; false: it is no address. */
bool family_split(struct span text, struct span *host, struct span *path);
/* A path as callers write it: below /v1 where the address ends in that, else without (it is taken off). */
struct span family_called(struct family *f, struct span path);
/* One operation. own: the provider's path or address, without query; SPAN_NONE: it is `path`. */
void family_operation(struct family *f, const char *name, const struct node *like, struct span method, struct span path, struct span own);
/* By the provider's own path alone; and by the family's as well, if that is another. */
void family_own_path(struct family *f, const char *name, const struct node *like, struct span method, struct span own);
void family_offer(struct family *f, const char *name, struct span kind, struct span usual, const struct node *like);
/* The query that stands behind a path is said with every call, unless a place in it is the caller's: the path without it. */
struct span family_without_query(struct family *f, struct span own);
/* family_offers.c: all that it offers. */
void family_offers(struct family *f, enum speech speech);

#endif
