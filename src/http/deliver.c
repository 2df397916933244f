/* SPDX-License-Identifier: Apache-2.0
 * deliver.c - see deliver.h. */
#include "http/deliver.h"

#include <stdio.h>

#include "base/digest.h"
#include "base/text.h"

enum { NUMBER_MOST = 64 };

/* "user:password@" before a host would be sent nowhere, or to the wrong place. */
static bool names_user(struct span url)
{
    ptrdiff_t from = span_find(url, SPAN("://"));
    struct span rest = from < 0 ? url : span_from(url, (size_t)from + 3), authority = rest;
    (void)span_cut(&rest, '/', &authority);
    return span_find_byte(authority, '@') >= 0;
}

static enum err judge(enum err e, const struct fetch_answer *answer, char why[256])
{
    /* The status is the answer: a body that is too long or breaks off changes nothing about it. */
    if (answer->status >= 200 && answer->status < 300)
        return E_OK;
    if (answer->status)
        snprintf(why, 256, "it answered %d", answer->status);
    else
        snprintf(why, 256, "%s", e == E_UPSTREAM_UNREACHABLE ? "it could not be reached"
                                 : e == E_UPSTREAM_TIMEOUT   ? "it did not answer in time"
                                 : e == E_UPSTREAM_BROKEN    ? "it broke off the connection"
                                 : e == E_CLIENT_GONE        ? "the gate is ending"
                                 : e == E_BAD_REQUEST        ? "its url cannot be used"
                                                             : "it could not be sent");
    return answer->status ? E_UPSTREAM_BROKEN : e;
}

enum err deliver(struct arena *a, const struct delivery *d, struct fetch_answer *out, char why[256])
{
    struct fetch_limits limits = { .total_ms = d->total_ms, .body_bytes = DELIVER_ANSWER, .cancel = d->cancel, .ca_file = d->ca_file };
    *out = (struct fetch_answer){ .status = 0 };
    if (names_user(d->url)) {
        snprintf(why, 256, "its url names a user; that is not sent");
        return E_BAD_REQUEST;
    }
    return judge(fetch_within(a, d->method, d->url, d->fields, d->count, d->body, &limits, out), out, why);
}

struct span deliver_signature(struct arena *a, struct span secret, int64_t now_ms, struct span body)
{
    struct buf text;
    long long seconds = (long long)(now_ms / 1000);
    buf_init(&text, body.len + NUMBER_MOST + 2 * DIGEST_LEN);
    buf_print(&text, "%lld.", seconds);
    buf_put(&text, body);
    bool broken = text.broken;
    struct digest mac = digest_hmac(secret, buf_span(&text));
    buf_clear(&text);
    buf_put_hex(&text, span_make((const char *)mac.bytes, DIGEST_LEN));
    struct span signature = broken || text.broken ? SPAN_NONE : arena_print(a, "t=%lld,v1=%.*s", seconds, SPAN_ARG(buf_span(&text)));
    buf_free(&text);
    return signature;
}
