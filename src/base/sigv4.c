/* SPDX-License-Identifier: Apache-2.0
 * sigv4.c - see sigv4.h: a canonical text of the request, hashed, signed with a key that is good for a day, a region and a service. */
#include "base/sigv4.h"

#include "base/text.h"

enum { REQUEST_MOST = 1 << 20 };

static const char scheme[] = "AWS4-HMAC-SHA256";

/* A request, and what follows from it. */
struct terms {
    const struct sigv4 *request;
    struct span secret, session; /* session SPAN_NONE: keys that last */
    char stamp[TIME_TEXT]; /* "20261121T120000Z" */
};

bool sigv4_word(struct span s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!((s.at[i] >= 'a' && s.at[i] <= 'z') || (s.at[i] >= '0' && s.at[i] <= '9') || s.at[i] == '-'))
            return false;
    return s.len > 0 && s.len <= SIGV4_WORD;
}

static struct span bytes_of(const struct digest *d) { return span_make((const char *)d->bytes, DIGEST_LEN); }

/* Blanks around it and runs of them inside count once. */
static void put_trimmed(struct buf *b, struct span value)
{
    struct span s = span_trim(value);
    for (size_t i = 0; i < s.len; i++) {
        char at = s.at[i] == '\r' || s.at[i] == '\n' || s.at[i] == '\0' ? ' ' : s.at[i];
        if (!(at == ' ' && b->len && b->at[b->len - 1] == ' '))
            buf_put_byte(b, at);
    }
}

static void put_signed_names(struct buf *b, const struct terms *t)
{
    buf_put(b, t->request->type.at ? SPAN("content-type;") : SPAN(""));
    buf_put(b, SPAN("host;x-amz-content-sha256;x-amz-date"));
    buf_put(b, t->session.at ? SPAN(";x-amz-security-token") : SPAN(""));
}

/* The path is escaped once more, since AWS takes the sent one for a text; only S3 takes it as it is. */
static void put_canonical(struct buf *b, const struct terms *t)
{
    buf_put(b, t->request->method);
    buf_put_byte(b, '\n');
    if (span_is(t->request->service, SPAN("s3")))
        buf_put(b, t->request->path);
    else
        buf_put_percent(b, t->request->path, SPAN("/"));
    buf_put_byte(b, '\n');
    buf_put(b, t->request->query);
    if (t->request->type.at) {
        buf_put(b, SPAN("\ncontent-type:"));
        put_trimmed(b, t->request->type);
    }
    buf_put(b, SPAN("\nhost:"));
    put_trimmed(b, t->request->host);
    buf_put(b, SPAN("\nx-amz-content-sha256:"));
    buf_put_hex(b, span_make((const char *)t->request->body.bytes, DIGEST_LEN));
    buf_print(b, "\nx-amz-date:%s\n", t->stamp);
    if (t->session.at) {
        buf_put(b, SPAN("x-amz-security-token:"));
        buf_put(b, t->session);
        buf_put_byte(b, '\n');
    }
    buf_put_byte(b, '\n');
    put_signed_names(b, t);
    buf_put_byte(b, '\n');
    buf_put_hex(b, span_make((const char *)t->request->body.bytes, DIGEST_LEN));
}

static struct digest signing_key(const struct terms *t)
{
    char first[4 + SIGV4_SECRET];
    memcpy(first, "AWS4", 4);
    memcpy(first + 4, t->secret.at, t->secret.len);
    struct digest key = digest_hmac(span_make(first, 4 + t->secret.len), span_make(t->stamp, 8));
    secret_wipe(first, sizeof(first));
    key = digest_hmac(bytes_of(&key), t->request->region);
    key = digest_hmac(bytes_of(&key), t->request->service);
    struct digest last = digest_hmac(bytes_of(&key), SPAN("aws4_request"));
    secret_wipe(&key, sizeof(key));
    return last;
}

static void put_scope(struct buf *b, const struct terms *t)
{
    buf_put(b, span_make(t->stamp, 8));
    buf_print(b, "/%.*s/%.*s/aws4_request", SPAN_ARG(t->request->region), SPAN_ARG(t->request->service));
}

static struct digest signature(const struct terms *t, struct buf *scratch)
{
    buf_clear(scratch);
    put_canonical(scratch, t);
    struct digest request = digest_sha256(buf_span(scratch));
    bool broken = scratch->broken;
    buf_clear(scratch);
    buf_print(scratch, "%s\n%s\n", scheme, t->stamp);
    put_scope(scratch, t);
    buf_put_byte(scratch, '\n');
    buf_put_hex(scratch, bytes_of(&request));
    struct digest key = signing_key(t), out = digest_hmac(bytes_of(&key), buf_span(scratch));
    secret_wipe(&key, sizeof(key));
    scratch->broken = scratch->broken || broken;
    return out;
}

static bool terms_of(const struct sigv4 *s, struct terms *t)
{
    *t = (struct terms){ .request = s, .secret = s->secret };
    (void)text_stamp(s->now_ms, t->stamp);
    struct span rest = s->secret;
    if (span_cut(&rest, ':', &t->secret))
        t->session = rest;
    return s->key_id.len && t->secret.len && t->secret.len <= SIGV4_SECRET && sigv4_word(s->region) && sigv4_word(s->service);
}

void sigv4_sign(struct buf *b, const struct sigv4 *request)
{
    struct terms t;
    struct buf scratch;
    if (!terms_of(request, &t)) {
        b->broken = true;
        return;
    }
    buf_init(&scratch, REQUEST_MOST);
    struct digest d = signature(&t, &scratch);
    buf_print(b, "x-amz-date: %s\r\nx-amz-content-sha256: ", t.stamp);
    buf_put_hex(b, bytes_of(&request->body));
    if (t.session.at) {
        buf_put(b, SPAN("\r\nx-amz-security-token: "));
        buf_put(b, t.session);
    }
    buf_print(b, "\r\nauthorization: %s Credential=", scheme);
    buf_put(b, request->key_id);
    buf_put_byte(b, '/');
    put_scope(b, &t);
    buf_put(b, SPAN(", SignedHeaders="));
    put_signed_names(b, &t);
    buf_put(b, SPAN(", Signature="));
    buf_put_hex(b, bytes_of(&d));
    buf_put(b, SPAN("\r\n"));
    b->broken = b->broken || scratch.broken;
    buf_free(&scratch);
}
