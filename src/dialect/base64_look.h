/* SPDX-License-Identifier: Apache-2.0
 * base64_look.h - single bytes of what a base64 text stands for, decoding nothing else. Private to dialect/. */
#ifndef TG_DIALECT_BASE64_LOOK_H
#define TG_DIALECT_BASE64_LOOK_H

#include "base/span.h"

/* The byte at this place; -1: there is none, or the text is no base64 there. */
int base64_byte(struct span text, size_t place);
/* Some bytes as a number; -1: they are not all there. */
int64_t base64_number(struct span text, size_t place, int bytes, bool big);
/* Does it have this word there? */
bool base64_says(struct span text, size_t place, const char *word);

#endif
