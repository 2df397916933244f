/* SPDX-License-Identifier: Apache-2.0
 * subject.h - a request while it is being understood; shared by understand.c and touched.c, for this folder only. */
#ifndef TG_VENDOR_SUBJECT_H
#define TG_VENDOR_SUBJECT_H

#include "vendor/manifest.h"

struct understanding {
    const struct asked *asked;
    const struct manifest *manifest;
    const struct operation *operation;
    const struct rules *rules;
    struct arena *arena;
    struct understood *out;
    struct span *why;
    size_t parameters_most, scopes_most;
    struct subject subject;
};

/* touched.c: fills out->parameters, out->scopes and out->customer. */
enum err parameters_note(struct understanding *u);
enum err scopes_note(struct understanding *u);

#endif
