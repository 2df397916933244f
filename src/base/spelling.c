/* SPDX-License-Identifier: Apache-2.0
 * spelling.c - see spelling.h. */
#include "base/spelling.h"

#include "base/text.h"

static size_t skip_marks(struct span s, size_t at)
{
    while (at < s.len && (s.at[at] == '_' || s.at[at] == '-'))
        at++;
    return at;
}

bool spelling_is_alike(struct span a, struct span b)
{
    size_t i = skip_marks(a, 0), k = skip_marks(b, 0);
    while (i < a.len && k < b.len) {
        if (text_lower(a.at[i]) != text_lower(b.at[k]))
            return false;
        i = skip_marks(a, i + 1);
        k = skip_marks(b, k + 1);
    }
    return i == a.len && k == b.len;
}
