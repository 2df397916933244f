/* SPDX-License-Identifier: Apache-2.0
 * own_tool.h - tools that a request names by a type: whose they are, and what the vendor may charge for them apart. Private to dialect/. */
#ifndef TG_DIALECT_OWN_TOOL_H
#define TG_DIALECT_OWN_TOOL_H

#include "dialect/ask.h"

/* type: raw, in its quotes. A function of the caller's changes nothing. All others have prompts of their own and may bring input that is
 * not in the body; those that a vendor runs are charged as often as it likes (-1 in fees), and of a type that is not known here nobody
 * knows what it is charged: fees[FEE_REQUEST] is -1 then, which no number of calls bounds. What the vendor runs bills the input again:
 * rounds is ASK_ROUNDS then. */
void own_tool_weigh(struct ask *ask, struct span type);

/* A fee that nothing in the request bounds, and what the refusal says of it; the first reason stays, but that of FEE_REQUEST, which nothing bounds later. */
void own_tool_unlimited(struct ask *ask, enum fee fee, const char *why);
/* xAI's `search_parameters` (raw): each source that it reads is charged, max_search_results of them at most. */
void own_tool_live_search(struct json *j, struct ask *ask, struct span parameters);

#endif
