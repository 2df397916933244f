/* SPDX-License-Identifier: Apache-2.0
 * call_id.c - see call_id.h. The text is base 32 without letters that look like digits. */
#include "rules/call_id.h"

#include "base/must.h"

enum { WORKER_BITS = 6, SEQUENCE_BITS = 15, LOW_BITS = WORKER_BITS + SEQUENCE_BITS };

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

uint64_t call_id_floor(int64_t unix_ms)
{
    return unix_ms <= 0 ? 0 : ((uint64_t)unix_ms & ((UINT64_C(1) << 42) - 1)) << LOW_BITS;
}

void call_ids_init(struct call_ids *ids, unsigned worker, uint64_t above)
{
    must(worker < CALL_ID_WORKERS);
    *ids = (struct call_ids){ .last = above, .worker = worker };
}

/* The sequence counts up from zero within a millisecond; when time stands still or goes back, it simply goes on from
 * the last id, borrowing from the next millisecond when it overflows. */
uint64_t call_id_next(struct call_ids *ids, int64_t now_ms)
{
    uint64_t fresh = call_id_floor(now_ms) | (uint64_t)ids->worker << SEQUENCE_BITS;
    if (fresh <= ids->last) {
        uint64_t low = (ids->last & ((UINT64_C(1) << SEQUENCE_BITS) - 1)) + 1;
        uint64_t moment = ids->last >> LOW_BITS;
        if (low >> SEQUENCE_BITS) {
            low = 0;
            moment++;
        }
        fresh = moment << LOW_BITS | (uint64_t)ids->worker << SEQUENCE_BITS | low;
        if (fresh <= ids->last)
            fresh = (moment + 1) << LOW_BITS | (uint64_t)ids->worker << SEQUENCE_BITS;
    }
    ids->last = fresh;
    return fresh;
}

struct span call_id_text(uint64_t id, char out[CALL_ID_TEXT + 1])
{
    memcpy(out, "call_", 5);
    for (int at = CALL_ID_TEXT - 1; at >= 5; at--) {
        out[at] = alphabet[id & 31];
        id >>= 5;
    }
    out[CALL_ID_TEXT] = '\0';
    return span_make(out, CALL_ID_TEXT);
}

bool call_id_parse(struct span text, uint64_t *out)
{
    uint64_t id = 0;
    if (text.len != CALL_ID_TEXT || !span_starts(text, SPAN("call_")))
        return false;
    for (size_t at = 5; at < CALL_ID_TEXT; at++) {
        const char *hit = memchr(alphabet, text.at[at], 32);
        if (!hit)
            return false;
        id = id << 5 | (uint64_t)(hit - alphabet);
    }
    *out = id;
    return true;
}
