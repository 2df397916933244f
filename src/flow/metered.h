/* SPDX-License-Identifier: Apache-2.0
 * metered.h - calls that are charged by tokens or by the piece, as the price book has it: pictures, sound, ranking, videos.
 *
 * Their dialects bound both (struct ask: pieces) and say both of what came; nothing of them is translated. */
#ifndef TG_FLOW_METERED_H
#define TG_FLOW_METERED_H

#include "flow/exchange.h"

/* The request by its dialect, be it JSON or a form. */
CHECKED enum err metered_read_ask(struct exchange *x, const char **why);
/* Our edits to it; out->broken: it cannot be edited. */
void metered_edit(struct exchange *x, const struct ask_edit *edit, struct buf *out);
/* The most that an ask can cost and count; usd -1: that is not known. */
struct metered_most {
    int64_t input, output; /* tokens; -1: without bound */
    nano_usd usd;
    nano_usd tools; /* of usd: what the vendor's own tools can cost by the piece */
};
/* Its input tokens: of tools that the vendor runs, round after round; -1: without bound. */
int64_t metered_input_most(const struct price *p, const struct ask *ask);
struct metered_most metered_most(const struct price *p, const struct ask *ask, int64_t at_ms);
/* What it can cost at most, for a call with ask.pieces. */
enum next metered_price(struct exchange *x);
/* Its answer is passed on as it comes: sound. */
bool metered_passes(const struct exchange *x);
/* What the answer said of its model and its usage outlives the body, which is rewritten. A model that nobody may ask for is left out: it goes to
 * rows, sums and headers, and a vendor may have written anything. */
void metered_own_words(struct exchange *x);
/* What was really spent, by the answer. */
void metered_measure(struct exchange *x, int64_t real[UNIT_COUNT]);
/* The same of a job's state, which was read later: false: it is not over, or does not say. */
bool metered_measure_late(struct exchange *x, int64_t real[UNIT_COUNT]);
/* Why a job that was read later cost what it did, for its row; SPAN_NONE: it does not say. */
struct span metered_reason(struct exchange *x);
/* Of a call whose price is asked for later: its model; its body is not needed again. */
enum next metered_revive(struct exchange *x);

#endif
