/* SPDX-License-Identifier: Apache-2.0
 * sigv4.h - AWS Signature Version 4 of one request, in header fields. Pure; the time is an argument.
 *
 * Source: AWS, "Create a signed AWS API request". Signed are host, x-amz-content-sha256, x-amz-date and, where they are there, content-type
 * and x-amz-security-token: the request may carry no other field that begins with "x-amz-". */
#ifndef TG_BASE_SIGV4_H
#define TG_BASE_SIGV4_H

#include "base/digest.h"

enum { SIGV4_WORD = 64, SIGV4_SECRET = 4096 };

struct sigv4 {
    struct span key_id;
    struct span secret; /* "SECRET", or "SECRET:SESSION TOKEN" of keys that end: no secret key of AWS has a colon in it */
    struct span region, service;
    struct span method;
    struct span path;  /* as it is sent: escaped, without the query */
    struct span query; /* as it is sent: escaped and sorted, without "?"; "" for none */
    struct span host;
    struct span type;  /* content-type; SPAN_NONE: none is sent */
    struct digest body; /* of its bytes */
    int64_t now_ms;
};

/* a-z 0-9 -, at most SIGV4_WORD of them: what a region or a service is called. */
bool sigv4_word(struct span s);
/* Appends "x-amz-date: ...\r\n" and the others; without what it needs the buf is broken. */
void sigv4_sign(struct buf *out, const struct sigv4 *request);

#endif
