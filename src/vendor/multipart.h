/* SPDX-License-Identifier: Apache-2.0
 * multipart.h - the fields of a multipart/form-data body (RFC 7578), for rules to look at; for this folder only.
 *
 * What rules/parts.h takes, with names that are plain: no brackets, none that differ in case only. */
#ifndef TG_VENDOR_MULTIPART_H
#define TG_VENDOR_MULTIPART_H

#include "rules/canon.h"
#include "rules/parts.h"

/* Fields in their order; names and values stand in `body`. A file is a pair with an empty value: whoever sends a file where a
 * rule wants an address gives none. `repeat`: names that may be given more than once. E_NOT_CANONICAL or E_TOO_LARGE with a
 * static reason. */
CHECKED enum err multipart_read(struct arena *a, struct span content_type, struct span body, const struct span *repeat,
    size_t repeat_count, size_t most, struct pairs *out, const char **why);

#endif
