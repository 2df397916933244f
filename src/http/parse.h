/* SPDX-License-Identifier: Apache-2.0
 * parse.h - bytes of a head to struct http_head, for both sides; private to http/.
 *
 * Two readings that must agree: parse_scan cuts the head into lines by the letter of RFC 9112 (CRLF only, no folding),
 * then llhttp reads the whole of it. Whatever two parties could read in two ways is refused. */
#ifndef TG_HTTP_PARSE_H
#define TG_HTTP_PARSE_H

#include "http/head.h"

struct parse_limits {
    size_t head_bytes;
    size_t fields;
    size_t target_bytes;
};

/* Why a head is refused; detail is a constant text. */
struct refusal {
    enum err why;
    int status;
    struct span detail;
};

/* How far a head that comes in pieces was looked at. Zero it before the first piece. */
struct head_scan {
    size_t line;  /* where the unfinished line starts */
    size_t seen;  /* no LF before this */
    size_t lines; /* finished ones, the first line included */
};

/* `in` starts with the head's first byte and holds all that came of it. Answers IO_WAIT: go on when there is more;
 * IO_BYTES: the head is the first *len bytes; IO_FAILED: *why. */
enum io parse_scan(struct head_scan *s, struct span in, const struct parse_limits *limits, size_t *len, struct refusal *why);

/* `raw` is a whole head of `lines` lines as parse_scan found it; it is copied into `a`. */
CHECKED bool parse_request(struct arena *a, struct span raw, size_t lines, const struct parse_limits *limits, struct http_head *out, struct refusal *why);
CHECKED bool parse_answer(struct arena *a, struct span raw, size_t lines, struct http_head *out, struct refusal *why);

#endif
