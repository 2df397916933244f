/* SPDX-License-Identifier: Apache-2.0
 * call_id.h - the id of a call: 63 bits, ordered by time, unique without asking anyone; as text "call_0f3k2m9q4r7tw".
 *
 * 42 bits of Unix ms, 6 of worker, 15 of sequence. A maker never goes back, not even when the clock does. */
#ifndef TG_RULES_CALL_ID_H
#define TG_RULES_CALL_ID_H

#include "base/span.h"

enum { CALL_ID_TEXT = 5 + 13, CALL_ID_WORKERS = 64 };

struct call_ids {
    uint64_t last;
    unsigned worker;
};

void call_ids_init(struct call_ids *ids, unsigned worker, uint64_t above);
uint64_t call_id_next(struct call_ids *ids, int64_t now_ms);
struct span call_id_text(uint64_t id, char out[CALL_ID_TEXT + 1]);
bool call_id_parse(struct span text, uint64_t *out);
/* The smallest id of that moment: for range queries by time. */
uint64_t call_id_floor(int64_t unix_ms);

#endif
