/* SPDX-License-Identifier: Apache-2.0
 * veils.c - see veils.h. */
#include "flow/veils.h"

#include <stdlib.h>

void veils_free(struct veils *vs)
{
    for (size_t i = 0; i < vs->count; i++)
        veil_drop(vs->list[i]);
    free(vs->list);
    *vs = (struct veils){ 0 };
}

static bool is_for(const struct veils *vs, const struct snapshot *s)
{
    return vs->of == s && vs->version == s->version;
}

static bool begin(struct veils *vs, const struct snapshot *s)
{
    veils_free(vs);
    vs->list = calloc(s->credential_count + 1, sizeof(struct veil *));
    if (!vs->list)
        return false;
    vs->of = s;
    vs->version = s->version;
    vs->count = s->credential_count;
    return true;
}

struct veil *veils_get(struct veils *vs, const struct snapshot *s, const struct credential *c, struct span token)
{
    size_t i = (size_t)(c - s->credentials);
    if (token.at || i >= s->credential_count)
        return veil_new(&c->secret, token);
    if (!is_for(vs, s) && !begin(vs, s))
        return NULL;
    if (!vs->list[i])
        vs->list[i] = veil_new(&c->secret, SPAN_NONE);
    return vs->list[i] ? veil_keep(vs->list[i]) : NULL;
}
