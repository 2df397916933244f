/* SPDX-License-Identifier: Apache-2.0
 * picture.h - how large an inline picture is, and how many tokens that is to whom. Only the few bytes that say the size are decoded. */
#ifndef TG_DIALECT_PICTURE_H
#define TG_DIALECT_PICTURE_H

#include "base/span.h"

struct picture {
    int64_t width, height;
};

/* Of PNG, JPEG, GIF and WebP in base64 (what stands in a JSON string: with an escape in it, it is not read). False: not known. */
bool picture_size(struct span base64, struct picture *out);
/* Of a raw string: a data URL, or bare base64. */
bool picture_size_in(struct span raw, struct picture *out);

/* Estimates by the formulas that the vendors publish. model: plain; detail: "low", "high", ... or SPAN_NONE. */
int64_t picture_openai(struct picture p, struct span model, struct span detail);
int64_t picture_anthropic(struct picture p);
int64_t picture_gemini(struct picture p);

/* Bounds, whatever the model: not above `most`, which stands for a picture whose size cannot be read. raw: as for picture_size_in. */
int64_t picture_most_openai(struct span raw, int64_t most);
int64_t picture_most_anthropic(struct span raw, int64_t most);

#endif
