/* SPDX-License-Identifier: Apache-2.0
 * embed.h - files that travel inside the binary (see script/embed): "vendors/stripe.yaml", "catalog/models.tsv".
 * Spans live for ever and have BUF_SLACK readable bytes behind them. */
#ifndef TG_BASE_EMBED_H
#define TG_BASE_EMBED_H

#include "base/span.h"

struct span embed_find(struct span name); /* SPAN_NONE: no such file */
/* Walks all files: start with *at == 0; false at the end. */
bool embed_next(size_t *at, struct span *name, struct span *content);

#endif
