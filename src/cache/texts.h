/* SPDX-License-Identifier: Apache-2.0
 * texts.h - the vectors of texts that were asked about lately, so that the same text is not embedded twice.
 *
 * In memory only, bounded in bytes, the least recently used leave. A text is named by a digest of it with the workspace and the model
 * (flow/alike.c makes it). Shared by all workers; one lock. */
#ifndef TG_CACHE_TEXTS_H
#define TG_CACHE_TEXTS_H

#include "base/digest.h"
#include "cache/unit.h"

struct texts;

struct texts *texts_new(int64_t bytes); /* NULL: no memory */
void texts_free(struct texts *t);
/* How many components; 0: not known. out has room for UNIT_MOST. */
size_t texts_get(struct texts *t, const struct digest *text, int16_t *out);
void texts_put(struct texts *t, const struct digest *text, const int16_t *v, size_t n);

#endif
