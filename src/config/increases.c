/* SPDX-License-Identifier: Apache-2.0
 * increases.c - limits raised for a while by the API: each an object of its own, whose id is the budget's full id. One whose
 * budget is gone is left alone: it may come back, and nothing is more than its limit meanwhile. */
#include <stdio.h>

#include "base/log.h"
#include "config/parts.h"

enum { ID_SHOWN = 120 };

enum err increases_load(struct load *l)
{
    const struct entries *es = &l->tree.kinds[KIND_INCREASE];
    for (size_t i = 0; i < es->count; i++) {
        struct increase *one = ARENA_NEW(&l->scratch, struct increase);
        const struct node *n = entry_node(&l->tree, KIND_INCREASE, &es->list[i], &l->scratch, l->t);
        if (!n && l->t->set)
            return E_CONFIG;
        if (!n)
            continue;
        if (!one)
            return E_NO_MEMORY;
        *one = (struct increase){ .node = n, .id = es->list[i].id };
        if (!map_put(&l->increases, one->id, one))
            return E_NO_MEMORY;
    }
    return load_memory(l);
}

enum err increase_apply(struct load *l, struct budget *b)
{
    char path[CONFIG_PATH];
    struct increase *one = l->tree.kinds[KIND_INCREASE].count ? map_get(&l->increases, b->id) : NULL;
    if (!one)
        return E_OK;
    one->used = true;
    snprintf(path, sizeof(path), "increases[%.*s]", SPAN_ARG(span_first(one->id, ID_SHOWN)));
    return increase_read(one->node, path, b->unit, &b->increase, &b->increase_until, l->t);
}

enum err increases_check(struct load *l)
{
    const struct entries *es = &l->tree.kinds[KIND_INCREASE];
    for (size_t i = 0; i < es->count && !l->quiet; i++) {
        const struct increase *one = map_get(&l->increases, es->list[i].id);
        if (one && !one->used)
            log_warn("config", "the increase of %.*s is ignored: there is no such budget", SPAN_ARG(span_first(one->id, ID_SHOWN)));
    }
    return E_OK;
}
