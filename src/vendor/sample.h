/* SPDX-License-Identifier: Apache-2.0
 * sample.h - a made-up request for an operation, and its made-up answer: what the manifest's rules look at is there, with values
 * such as they would have. For checking manifests (lint.h); no call ever sees one. */
#ifndef TG_VENDOR_SAMPLE_H
#define TG_VENDOR_SAMPLE_H

#include "vendor/vendor.h"

enum { SAMPLE_FIELDS = 16 };

struct sample {
    struct span method, path, query, body;   /* query without '?' */
    struct http_field fields[SAMPLE_FIELDS]; /* content-type among them */
    size_t count;
    struct span answer; /* JSON */
};

#define SAMPLE_ACCOUNT SPAN("acct_1")

/* False: there is none (its body is not read, or its name stands in the body of another). Everything in a. */
bool sample_make(const struct vendor *v, const struct operation *op, struct arena *a, struct sample *out);
/* The template's path with these values: "id_1", or `value` for the capture at `index`. */
struct span sample_path(const struct vendor *v, const struct operation *op, size_t index, struct span value, struct arena *a);
/* The object that a rule wants, as if the vendor had given it. */
bool sample_object(const struct vendor *v, const struct object_read *read, struct arena *a, struct object *out);

#endif
