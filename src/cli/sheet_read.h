/* SPDX-License-Identifier: Apache-2.0
 * sheet_read.h - other people's lists of prices, into a sheet. */
#ifndef TG_CLI_SHEET_READ_H
#define TG_CLI_SHEET_READ_H

#include "cli/sheet.h"

/* The text is JSON whose grammar was checked. False: it is no such list; *why. */
typedef bool sheet_reader(struct sheet *s, struct span text, const char **why);
sheet_reader sheet_read_litellm, sheet_read_models_dev, sheet_read_genai;

/* The provider's name here for one of theirs ("vertex_ai-anthropic_models" is vertex); theirs where none is known. */
struct span sheet_provider(struct sheet *s, struct span theirs);
/* A JSON number (or a number in a string), times 10^shift, at most `digits` decimals; what is rounded or is no number is listed under
 * `field`. SPAN_NONE: null, zero is a value. */
struct span sheet_number(struct sheet *s, struct span raw, int shift, int digits, struct span field, struct span model);
/* A JSON integer that is not negative; 0: none. */
int64_t sheet_count(struct span raw, struct arena *a);

#endif
