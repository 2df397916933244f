/* SPDX-License-Identifier: Apache-2.0
 * lines.c - the lines of a hold or a doubt as bytes: held, ends_at and the account's length as 8 bytes each in this machine's
 * order, then the account. Of a rolling account the length carries SLOTTED, and the slot comes before the account: so a
 * line without one is what it was before there were any. */
#include "store/inside.h"

enum { PLAIN = 24, WITH_SLOT = 32 };
#define SLOTTED (INT64_C(1) << 62)

void lines_put(struct buf *out, const struct store_line *line)
{
    bool slotted = line->slot >= 0;
    const int64_t numbers[] = { line->held, line->ends_at, (int64_t)line->account.len | (slotted ? SLOTTED : 0), line->slot };
    buf_put(out, span_make((const char *)numbers, slotted ? WITH_SLOT : PLAIN));
    buf_put(out, line->account);
}

static bool get(struct span *rest, struct store_line *line)
{
    int64_t numbers[WITH_SLOT / 8] = { 0 };
    if (rest->len < PLAIN)
        return false;
    memcpy(numbers, rest->at, PLAIN);
    bool slotted = numbers[2] & SLOTTED;
    size_t head = slotted ? WITH_SLOT : PLAIN;
    int64_t len = numbers[2] & ~SLOTTED;
    if (rest->len < head || len < 0 || (uint64_t)len > rest->len - head)
        return false;
    memcpy(numbers, rest->at, head);
    *rest = span_from(*rest, head);
    *line = (struct store_line){ .account = span_first(*rest, (size_t)len),
        .slot = slotted ? numbers[3] : -1,
        .held = numbers[0],
        .ends_at = numbers[1],
        .kept = true };
    *rest = span_from(*rest, (size_t)len);
    return true;
}

struct store_line *lines_get(struct arena *a, struct span bytes, size_t *count)
{
    struct store_line *lines = ARENA_ARRAY(a, struct store_line, bytes.len / PLAIN + 1);
    *count = 0;
    while (lines && get(&bytes, &lines[*count]))
        ++*count;
    return lines;
}
