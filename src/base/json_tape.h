/* SPDX-License-Identifier: Apache-2.0
 * json_tape.h - what the JSON files of this folder share; for nobody else.
 *
 * simdjson works in two stages. The first finds the `marks`: where in the text each bracket, comma, colon and scalar
 * starts (strings count by their opening quote), with UTF-8 and quotes checked. The second builds the tape, documented
 * in its doc/tape.md: cells of a type byte and 56 bits, in the order of the text. json_read.cc runs the stages;
 * json_value.c walks the tape, json_scan.c the marks. */
#ifndef TG_BASE_JSON_TAPE_H
#define TG_BASE_JSON_TAPE_H

#include "base/json.h"

enum { JSON_DEPTH_MOST = 256, JSON_TEXT_MOST = 1 << 30 };

struct json_marks {
    const uint32_t *at;
    size_t count;
};

struct json_tape {
    const uint64_t *cells;
    const char *strings;
    struct json_marks marks;
};

struct json_engine; /* simdjson's two parsers: one for json_parse, one for json_scan */

struct json {
    struct json_engine *engine;
    struct json_tape tape;
    struct span text;
    struct buf parse_copy, scan_copy; /* of texts without slack */
    struct {
        size_t cell, mark;
    } cursor; /* json_offset's last answer: asking in order costs one walk in all */
};

struct json_engine *json_engine_new(void);
void json_engine_free(struct json_engine *e);
/* text has BUF_SLACK bytes behind it. What is handed out lives until the next call of the same function. */
CHECKED enum err json_engine_parse(struct json_engine *e, struct span text, struct json_tape *out, const char **why);
CHECKED enum err json_engine_mark(struct json_engine *e, struct span text, struct json_marks *out, const char **why);

/* text itself, or its copy with slack in `copy`. SPAN_NONE without memory. */
struct span json_padded(struct span text, bool padded, struct buf *copy);
/* Where in the text a value starts. */
size_t json_offset(struct json_value v);
/* A number as it is written. */
struct span json_literal(struct json_value v);
/* The longest JSON number at the start of s; 0 when there is none. */
size_t json_number_len(struct span s);

#endif
