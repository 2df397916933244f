/* SPDX-License-Identifier: Apache-2.0
 * signature.c - see signature.h. */
#include "dialect/signature.h"

#include "base/raw.h"

static const struct span mark = { "tg.", 3 };

struct span signature_mark(struct span raw, struct span owner, struct arena *a)
{
    struct span inside = raw_inside(raw);
    if (!inside.at)
        return SPAN_NONE;
    size_t len = inside.len + owner.len + mark.len + 3;
    char *text = arena_take(a, len), *at = text;
    if (!text)
        return SPAN_NONE;
    const struct span pieces[] = { { "\"", 1 }, mark, owner, { ".", 1 }, inside, { "\"", 1 } };
    for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); at += pieces[i++].len)
        memcpy(at, pieces[i].at, pieces[i].len);
    return span_make(text, len);
}

struct span signature_for(struct span raw, struct span owner, struct span unmarked_owner, struct arena *a)
{
    struct span inside = raw_inside(raw), said = unmarked_owner, rest;
    if (!inside.at)
        return SPAN_NONE;
    bool marked = span_starts(inside, mark) && (rest = span_from(inside, mark.len), span_cut(&rest, '.', &said));
    if (!span_is(said, owner))
        return SPAN_NONE;
    if (!marked)
        return raw;
    /* Its quotes were lost with the mark. */
    char *text = arena_take(a, rest.len + 2);
    if (!text)
        return SPAN_NONE;
    text[0] = text[rest.len + 1] = '"';
    memcpy(text + 1, rest.at, rest.len);
    return span_make(text, rest.len + 2);
}
