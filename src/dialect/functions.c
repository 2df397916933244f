/* SPDX-License-Identifier: Apache-2.0
 * functions.c - see functions.h. Ids are strangers' texts: hashed with this process's key. */
#include "dialect/functions.h"

#include "base/map.h"

static size_t slot_of(const struct functions *f, struct span id)
{
    size_t at = map_hash(id) & (f->room - 1);
    while (f->calls[at] && !span_is(f->calls[at]->id, id))
        at = (at + 1) & (f->room - 1);
    return at;
}

static size_t count_calls(const struct call *c)
{
    size_t n = 0;
    for (const struct turn *t = c->turns; t; t = t->next)
        for (const struct part *p = t->parts; p; p = p->next)
            n += p->kind == PART_TOOL_CALL && p->id.at;
    return n;
}

void functions_index(struct functions *f, const struct call *c, struct arena *a)
{
    size_t calls = count_calls(c), room = 4;
    *f = (struct functions){ NULL, 0 };
    while (room < 2 * calls)
        room *= 2;
    f->calls = calls ? ARENA_ARRAY(a, const struct part *, room) : NULL;
    if (!f->calls)
        return;
    f->room = room;
    for (const struct turn *t = c->turns; t; t = t->next)
        for (const struct part *p = t->parts; p; p = p->next)
            if (p->kind == PART_TOOL_CALL && p->id.at)
                f->calls[slot_of(f, p->id)] = p;
}

struct span functions_find(const struct functions *f, struct span id)
{
    const struct part *call = f->room && id.at ? f->calls[slot_of(f, id)] : NULL;
    return call ? call->name : SPAN_NONE;
}
