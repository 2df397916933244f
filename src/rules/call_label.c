/* SPDX-License-Identifier: Apache-2.0
 * call_label.c - see call_label.h. */
#include "rules/call_label.h"

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

static bool is_part(struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_plain(text.at[i]))
            return false;
    return text.len > 0;
}

bool call_label_fits(struct span text)
{
    struct span rest = text, part;
    int parts = 0;
    if (!text.len || text.len > CALL_LABEL_LONGEST)
        return false;
    while (span_next(&rest, ':', &part))
        if (!is_part(part) || ++parts > CALL_LABEL_PARTS)
            return false;
    return true;
}

static bool is_below(struct span label, struct span own)
{
    return span_starts(label, own) && (label.len == own.len || label.at[own.len] == ':');
}

struct span call_label_join(struct span own, struct span added, struct arena *a)
{
    if (!call_label_fits(added))
        return own;
    if (!own.len || is_below(added, own))
        return added;
    struct span joined = arena_print(a, "%.*s:%.*s", SPAN_ARG(own), SPAN_ARG(added));
    return call_label_fits(joined) ? joined : own;
}
