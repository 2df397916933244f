/* SPDX-License-Identifier: Apache-2.0
 * import_portkey.h - what the files that read Portkey's exports share. */
#ifndef TG_CLI_IMPORT_PORTKEY_H
#define TG_CLI_IMPORT_PORTKEY_H

#include "cli/import.h"

struct saved {
    struct span id, path, name; /* "pc-prod-1a2b" */
    const struct node *config;
    struct saved *next;
};

struct row {
    struct span path;
    const struct node *n;
    struct row *next;
};

struct portkey {
    struct import *im;
    struct saved *configs, **configs_end;
    struct row *slugs, **slugs_end; /* virtual keys, providers */
    struct row *keys, **keys_end;   /* API keys */
    struct map vendor_by_slug;      /* span of the vendor of a virtual key that is a credential here */
    struct span path, name;         /* of the config that is being read */
};

/* Their name in snake_case. */
struct span portkey_snake(struct import *im, struct span name);
const struct node *portkey_member(struct import *im, const struct node *map, const char *name);
/* The vendor of a virtual key; a credential is made if --vendor says whose it is. NULL: not known. */
const struct span *portkey_slug(struct portkey *p, struct span slug);
/* import_portkey_config.c: a config as a route; NULL: there is nothing left of it. */
struct node *portkey_route(struct portkey *p, const struct node *config, struct span path);
/* import_portkey_keys.c */
void portkey_slugs(struct portkey *p);
void portkey_keys(struct portkey *p);

#endif
