/* SPDX-License-Identifier: Apache-2.0
 * json_find.h - the JSON in a text: the whole of it, what stands in its fenced blocks, objects and lists between other words; nested
 * brackets and brackets inside of strings are understood. */
#ifndef TG_GUARD_JSON_FIND_H
#define TG_GUARD_JSON_FIND_H

#include "base/json.h"
#include "guard/effort.h"

enum { JSON_FOUND_MOST = 64 };

/* True: go on. The value lives until the next one. */
typedef bool json_found(void *self, struct json_value v);
/* False: not looked through to its end (too much effort, or too many). *count: how many were found. */
bool json_find(struct json *j, struct span text, struct effort *e, json_found *found, void *self, size_t *count);

#endif
