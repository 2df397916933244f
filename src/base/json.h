/* SPDX-License-Identifier: Apache-2.0
 * json.h - reading JSON (simdjson behind a C face) and writing it.
 *
 * Two ways to read. json_parse validates the whole text and gives values that can be walked and asked by path: for
 * SaaS bodies, answers, admin requests. json_scan visits only the top object's members, in order, without building
 * anything: for large LLM bodies on the hot path; nested values come as raw text, to be scanned or parsed in turn.
 *
 * A `struct json` is a reusable parser; it belongs to one thread. Texts need BUF_SLACK readable bytes behind them when
 * `padded` is said; otherwise they are copied. Values and spans live until the parser's next json_parse; a padded text must
 * stay where and as it is as long, since numbers are read from it. json_scan disturbs no values. */
#ifndef TG_BASE_JSON_H
#define TG_BASE_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

struct json; /* opaque */

enum json_kind { JSON_NONE, JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_value {
    const void *doc;
    size_t index; /* with doc == NULL: absent (JSON_NONE) */
};

struct json *json_new(void);
void json_free(struct json *j);

/* E_BAD_REQUEST: not JSON (trailing data, bad UTF-8 and depth over 256 included). *why: a short English reason,
 * static. */
CHECKED enum err json_parse(struct json *j, struct span text, bool padded, struct json_value *root, const char **why);
/* E_NOT_CANONICAL when any object has two members of one name, or an integer lies beyond +-2^53 (vendors read JSON
 * numbers as doubles). *where gets the member's name (SPAN_NONE: a number outside any object). Linear in the text.
 * E_NO_MEMORY: not checked, so not canonical either. */
CHECKED enum err json_canonical(struct json_value root, struct span *where);

enum json_kind json_kind(struct json_value v);
/* Member by name; absent when v is no object or has none. */
struct json_value json_member(struct json_value v, struct span name);
/* "usage.prompt_tokens_details.cached_tokens", "data.0.id": names and array indexes between dots. */
struct json_value json_path(struct json_value v, struct span path);
/* Elements of an array or members of an object, in order; *name is set for members. False at the end.
 *   for (struct json_iter it = json_iter(v); json_next(&it, &name, &item);) */
struct json_iter {
    struct json_value at;
    size_t end;
    bool object;
};
struct json_iter json_iter(struct json_value v);
bool json_next(struct json_iter *it, struct span *name, struct json_value *item);
size_t json_count(struct json_value v); /* elements or members; 0 for others */

/* Unescaped text of a string (SPAN_NONE for others). */
struct span json_string(struct json_value v);
/* Integers only (1e3 and 1.0 are not). */
bool json_integer(struct json_value v, int64_t *out);
bool json_bool(struct json_value v, bool *out);
/* A number's or string's decimal text, exactly as written where possible; for money_decimal. Only an exponent
 * is written out ("1.5e-05" is "0.000015"; past +-400: SPAN_NONE). SPAN_NONE for others. Taken from arena a. */
struct span json_decimal(struct json_value v, struct arena *a);
/* Writes v as compact JSON. */
void json_print(struct json_value v, struct buf *out);

/* The top-level scan. visit() gets each member's unescaped name, kind and raw text (a string's raw text has its quotes);
 * returning false stops the scan early with E_OK. The whole text is checked before the first visit, but for escapes in
 * strings and names below the top; visit() may use the same parser. Duplicate top-level names: E_NOT_CANONICAL; not an
 * object, not JSON, deeper than 256: E_BAD_REQUEST; over 10,000 members: E_TOO_LARGE. Raw text lives in `text` when it is
 * padded, else until the end of json_scan; names with escapes always until then. */
typedef bool json_visit(void *self, struct span name, enum json_kind kind, struct span raw);
CHECKED enum err json_scan(struct json *j, struct span text, bool padded, json_visit *visit, void *self, const char **why);
/* Helpers for raw values from a scan. json_raw_string unescapes (arena used only when there are escapes). */
struct span json_raw_string(struct span raw, struct arena *a);
bool json_raw_integer(struct span raw, int64_t *out);

/* Writing: an append-only writer; commas are put by themselves.
 *   struct json_out o = json_out(&buf);
 *   json_open(&o, '{'); json_name(&o, SPAN("id")); json_put_string(&o, id); json_close(&o, '}'); */
struct json_out {
    struct buf *buf;
    bool comma; /* the next item needs one before it */
};
struct json_out json_out(struct buf *b);
void json_open(struct json_out *o, char bracket);
void json_close(struct json_out *o, char bracket);
void json_name(struct json_out *o, struct span name);
void json_put_string(struct json_out *o, struct span s); /* SPAN_NONE is null; bad UTF-8 becomes U+FFFD */
void json_put_i64(struct json_out *o, int64_t n);
void json_put_bool(struct json_out *o, bool b);
void json_put_null(struct json_out *o);
void json_put_money(struct json_out *o, int64_t nano); /* decimal text in quotes */
void json_put_time(struct json_out *o, int64_t ms);    /* RFC 3339 UTC in quotes; null when ms <= 0 */
void json_put_raw(struct json_out *o, struct span json); /* already JSON; SPAN_NONE is null */
/* name and value in one call */
void json_pair(struct json_out *o, struct span name, struct span string);
void json_pair_i64(struct json_out *o, struct span name, int64_t n);
void json_pair_bool(struct json_out *o, struct span name, bool b);
void json_pair_money(struct json_out *o, struct span name, int64_t nano);
/* An amount of which the caller knows what it is: dollars as decimal text, anything else as a number. */
void json_pair_amount(struct json_out *o, struct span name, bool money, int64_t amount);
/* The same, and the name says so: "limit_usd" of money, "limit" of anything else. The name is short (under 60 bytes). */
void json_pair_amount_usd(struct json_out *o, struct span name, bool money, int64_t amount);
void json_pair_time(struct json_out *o, struct span name, int64_t ms);
void json_pair_raw(struct json_out *o, struct span name, struct span json);

#ifdef __cplusplus
}
#endif

#endif
