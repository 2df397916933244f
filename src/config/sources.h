/* SPDX-License-Identifier: Apache-2.0
 * sources.h - the manifests that a configuration names, before they are compiled; between sources.c and upstreams.c. */
#ifndef TG_CONFIG_SOURCES_H
#define TG_CONFIG_SOURCES_H

#include "config/parts.h"

/* A manifest before it is compiled. */
struct source {
    struct span slug;
    const struct node *root;  /* NULL: one in the binary that was not read */
    const struct node *entry; /* of `vendors:`; NULL: none */
    struct span text;         /* of one in the binary; SPAN_NONE: it is made of the catalogue's row */
    bool embedded, used;
    bool wanted; /* by a credential or an entry: a setting that it lacks is a mistake then */
};

struct sources {
    struct source *list;
    size_t count;
    struct map by_slug;
};

/* Those that are used, in the order of the binary, the folder, the file; each with its root read and filled in. E_CONFIG with *t. */
CHECKED enum err sources_read(struct load *l, struct sources *all);
void sources_free(struct sources *all);

#endif
