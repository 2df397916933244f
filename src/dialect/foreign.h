/* SPDX-License-Identifier: Apache-2.0
 * foreign.h - a conversation that began with another vendor, on its way to one that speaks the caller's own dialect: nobody reads it anew
 * then, but the thoughts that the other vendor signed (signature.h) must not go along. */
#ifndef TG_DIALECT_FOREIGN_H
#define TG_DIALECT_FOREIGN_H

#include "base/arena.h"
#include "base/buf.h"

/* Does the body hold such signatures? (It may say so for a text that looks like one.) */
bool foreign_is_in(struct span body);
/* The body (valid JSON) without them: blocks and items that are signed are left out, of calls only the signature. */
void foreign_strip(struct span body, struct arena *a, struct buf *out);

#endif
