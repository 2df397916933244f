/* SPDX-License-Identifier: Apache-2.0
 * embed.c - looks names up in the table that script/embed made. A few hundred files at most: a walk is enough. */
#include "base/embed.h"

struct embedded {
    const char *name; /* NULL closes the table */
    const char *start, *end;
};

extern const struct embedded embed_table[];

struct span embed_find(struct span name)
{
    struct span here, content;
    for (size_t at = 0; embed_next(&at, &here, &content);)
        if (span_is(here, name))
            return content;
    return SPAN_NONE;
}

bool embed_next(size_t *at, struct span *name, struct span *content)
{
    const struct embedded *file = &embed_table[*at];
    if (!file->name)
        return false;
    *name = span_of(file->name);
    *content = span_make(file->start, (size_t)(file->end - file->start));
    ++*at;
    return true;
}
