/* SPDX-License-Identifier: Apache-2.0
 * anthropic.h - what the flow needs of Anthropic messages beyond the dialect itself. */
#ifndef TG_DIALECT_ANTHROPIC_H
#define TG_DIALECT_ANTHROPIC_H

#include "dialect/dialect.h"

/* Requests of /v1/messages/count_tokens are messages without max_tokens: read_ask and read_call take them as they are (no output limit
 * then). */

/* A body as Anthropic takes it, as Vertex and Bedrock take it: `version` ("vertex-2023-10-16") stands in it, the model and `stream` do
 * not (they stand in the path), nothing else of it changes. For callers who speak Anthropic themselves: their words need no translation.
 * out->broken: it is no object. */
void anthropic_body_elsewhere(struct json *j, struct span body, struct span version, struct buf *out);

#endif
