/* SPDX-License-Identifier: Apache-2.0
 * parts.h - the parts of a multipart/form-data body (RFC 7578): fields and files, in their order.
 *
 * Not a reader of MIME: the one form that HTTP libraries write is taken, and what servers read differently (a preamble, nested
 * parts, encodings, escapes in names) is refused, so that the bytes can go on as they came. */
#ifndef TG_RULES_PARTS_H
#define TG_RULES_PARTS_H

#include "base/arena.h"
#include "base/err.h"

enum {
    PARTS_BOUNDARY = 70, /* characters, RFC 2046 */
    PARTS_HEAD = 2048,   /* bytes of one part's header fields */
    PARTS_NAME = 256,    /* bytes of a field's name */
    PARTS_VALUE = 1 << 20, /* bytes of a field's value; files have no limit of their own */
};

struct form_part {
    struct span name;
    struct span type;  /* its content type; SPAN_NONE: unsaid */
    struct span file;  /* the file's name, perhaps empty; SPAN_NONE: it is a field */
    struct span value; /* a field's text is UTF-8 without NUL */
};
struct form {
    struct form_part *list;
    size_t count;
};

/* Everything stands in `body`. At most `most` parts. E_NOT_CANONICAL or E_TOO_LARGE with a static reason. */
CHECKED enum err parts_read(
    struct arena *a, struct span content_type, struct span body, size_t most, struct form *out, const char **why);

#endif
