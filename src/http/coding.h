/* SPDX-License-Identifier: Apache-2.0
 * coding.h - bodies that come compressed although nobody asked for that: read as they come, so that they can be looked through. */
#ifndef TG_HTTP_CODING_H
#define TG_HTTP_CODING_H

#include "base/buf.h"

struct coding;

/* By the value of content-encoding: gzip, x-gzip or deflate. NULL: another one, or no memory. */
struct coding *coding_new(struct span name);
void coding_free(struct coding *c);

/* Appends what the bytes say. E_UPSTREAM_BROKEN: they are not of that coding; E_TOO_LARGE: out is full. */
CHECKED enum err coding_read(struct coding *c, struct span bytes, struct buf *out);
/* Whether a body may end here: nothing came, or all that was begun. */
bool coding_ended(const struct coding *c);

#endif
