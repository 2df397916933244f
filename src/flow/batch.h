/* SPDX-License-Identifier: Apache-2.0
 * batch.h - what the calls in an uploaded file can cost, for the batch that is made of it later.
 *
 * Seen when the file goes up (the manifest's `batch_input`), if it is no larger than bodies that are read; remembered in memory for
 * the vendor's file id. What was not seen is not known: under a money budget such a batch is refused. */
#ifndef TG_FLOW_BATCH_H
#define TG_FLOW_BATCH_H

#include "flow/metered.h"

/* This upload is read, although nothing rules on its body. */
bool batch_wants_body(const struct exchange *x);
/* The upload's body where lines of it limit themselves by a name that the vendor does not read (max_completion_tokens): those say max_tokens.
 * False: it goes as it is, whatever out has. */
bool batch_reword(struct exchange *x, struct buf *out);
/* After an upload that succeeded. */
void batch_note(struct exchange *x);
/* The model of a file's calls, in the arena; SPAN_NONE: not seen. */
struct span batch_model(struct exchange *x, struct span file);
/* May the key make these calls (the manifest's `batch_of`)? Each line was judged when the file went up, by the policy of who did that;
 * what stands in the body is judged now, and what nobody reads is refused where the policy has rules on it. */
enum next batch_permit(struct exchange *x);
struct metered_most batch_most(struct exchange *x, struct span file);

#endif
