/* SPDX-License-Identifier: Apache-2.0
 * peek.c - see peek.h. */
#include "cli/peek.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/admin.h"

bool peek_file(struct span dir, const char *name, struct arena *a)
{
    struct span file = arena_print(a, "%.*s/%s", SPAN_ARG(dir), name);
    return file.at && access(file.at, F_OK) == 0;
}

enum err peek_master_key(struct span data_dir, uint8_t key[32], struct trouble *t)
{
    const char *said = getenv("TOLLGATE_MASTER_KEY");
    struct arena a;
    arena_init(&a, 1 << 16);
    bool found = (said && *said) || peek_file(data_dir, "master.key", &a); /* config_master_key would make one */
    arena_free(&a);
    return found ? config_master_key(data_dir, key, t) : E_OK;
}

bool peek_objects(struct span data_dir, struct arena *a, struct config_input *in, bool *older, char why[256])
{
    struct config_object *objects;
    size_t count = 0;
    why[0] = '\0';
    *older = false;
    if (!peek_file(data_dir, "tollgate.db", a))
        return true;
    struct store_reader *r = store_reader_open(data_dir, older, why);
    if (!r)
        return false;
    enum err e = admin_objects(r, a, &objects, &count);
    if (e == E_OK) {
        in->objects = objects;
        in->object_count = count;
    } else {
        struct span what = e == E_IO ? SPAN("the table is damaged or missing") : err_text(e);
        snprintf(why, 256, "its stored objects: %.*s", SPAN_ARG(what));
    }
    store_reader_free(r);
    return e == E_OK;
}
