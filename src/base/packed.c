/* SPDX-License-Identifier: Apache-2.0
 * packed.c - see packed.h. */
#include "base/packed.h"

void packed_put(struct buf *b, struct span s)
{
    uint32_t len = (uint32_t)s.len;
    must(s.len <= UINT32_MAX);
    buf_put(b, span_make((const char *)&len, sizeof(len)));
    buf_put(b, s);
}

bool packed_take(struct span *rest, struct span *out)
{
    uint32_t len;
    if (rest->len < sizeof(len))
        return false;
    memcpy(&len, rest->at, sizeof(len));
    *rest = span_from(*rest, sizeof(len));
    if (len > rest->len)
        return false;
    *out = span_first(*rest, len);
    *rest = span_from(*rest, len);
    return true;
}
