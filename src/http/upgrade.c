/* SPDX-License-Identifier: Apache-2.0
 * upgrade.c - see upgrade.h; and the two functions that turn a request or a call into a bare connection. */
#include "http/upgrade.h"

#include <openssl/evp.h>

#include "base/digest.h"
#include "base/text.h"
#include "http/conn.h"
#include "http/line.h"

/* "Connection: keep-alive, Upgrade": over all fields of that name. */
static bool says(const struct http_head *h, struct span name, struct span token)
{
    size_t count = http_count(h, name);
    for (size_t i = 0; i < count; i++) {
        struct span rest = http_nth(h, name, i), piece;
        while (span_next(&rest, ',', &piece))
            if (span_is_nocase(span_trim(piece), token))
                return true;
    }
    return false;
}

bool websocket_asked(const struct http_head *request)
{
    return says(request, SPAN("upgrade"), SPAN("websocket"));
}

static bool is_key(struct span key)
{
    struct span letters = span_first(key, WEBSOCKET_KEY - 2);
    for (size_t i = 0; i < letters.len; i++) {
        unsigned char c = (unsigned char)letters.at[i], low = c | 0x20;
        if (!(low >= 'a' && low <= 'z') && !(c >= '0' && c <= '9') && c != '+' && c != '/')
            return false;
    }
    return key.len == WEBSOCKET_KEY && span_ends(key, SPAN("=="));
}

const char *websocket_unfit(const struct http_head *request)
{
    if (!websocket_asked(request) || !says(request, SPAN("connection"), SPAN("upgrade")))
        return "a WebSocket is expected here (Connection: Upgrade, Upgrade: websocket)";
    if (!span_is(request->method, SPAN("GET")) || request->minor != 1 || request->chunked || request->length > 0)
        return "a WebSocket begins with a GET of HTTP/1.1 without a body";
    if (!span_is(http_get(request, SPAN("sec-websocket-version")), SPAN("13")))
        return "sec-websocket-version: 13 is expected";
    if (http_count(request, SPAN("sec-websocket-key")) != 1 || !is_key(http_get(request, SPAN("sec-websocket-key"))))
        return "sec-websocket-key: 16 bytes as base64 are expected, once";
    return NULL;
}

struct span websocket_protocol(const struct http_head *request, size_t n)
{
    size_t count = http_count(request, SPAN("sec-websocket-protocol"));
    for (size_t i = 0; i < count; i++) {
        struct span rest = http_nth(request, SPAN("sec-websocket-protocol"), i), piece;
        while (span_next(&rest, ',', &piece)) {
            piece = span_trim(piece);
            if (piece.len && n-- == 0)
                return piece;
        }
    }
    return SPAN_NONE;
}

static void put_base64(char *out, size_t room, const void *bytes, size_t n)
{
    struct buf b;
    buf_init(&b, 64);
    buf_put_base64(&b, span_make(bytes, n));
    must(!b.broken && b.len == room);
    memcpy(out, b.at, room);
    buf_free(&b);
}

void websocket_make_key(char key[WEBSOCKET_KEY])
{
    char bytes[16];
    random_fill(bytes, sizeof(bytes));
    put_base64(key, WEBSOCKET_KEY, bytes, sizeof(bytes));
}

struct span websocket_accept(struct span key, char out[WEBSOCKET_ACCEPT])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[WEBSOCKET_KEY + sizeof(guid)];
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    must(key.len == WEBSOCKET_KEY);
    memcpy(text, key.at, key.len);
    memcpy(text + key.len, guid, sizeof(guid) - 1);
    must(EVP_Digest(text, key.len + sizeof(guid) - 1, sum, &len, EVP_sha1(), NULL) == 1 && len == 20);
    put_base64(out, WEBSOCKET_ACCEPT, sum, len);
    return span_make(out, WEBSOCKET_ACCEPT);
}

bool websocket_answered(const struct http_head *answer, struct span key)
{
    char expected[WEBSOCKET_ACCEPT];
    return answer->status == 101 && says(answer, SPAN("upgrade"), SPAN("websocket")) && says(answer, SPAN("connection"), SPAN("upgrade")) &&
           span_is(http_get(answer, SPAN("sec-websocket-accept")), websocket_accept(key, expected)) &&
           http_count(answer, SPAN("sec-websocket-extensions")) == 0;
}

/* ---- handing connections over ---- */

void http_reply_upgrade(struct http_request *r, const struct http_field *fields, size_t count)
{
    struct buf head;
    must(r->state == CONN_BUSY && !r->replied);
    reply_flush(r->server);
    buf_init(&head, 64 * 1024);
    http_put_status(&head, 101);
    http_put_field(&head, SPAN("connection"), SPAN("Upgrade"));
    http_put_field(&head, SPAN("upgrade"), SPAN("websocket"));
    for (size_t i = 0; i < count; i++)
        http_put_field(&head, fields[i].name, fields[i].value);
    http_put_end(&head);
    r->replied = r->close = r->continued = true;
    r->empty = r->chunked = false;
    r->owed = -1;
    r->lost = r->lost || head.broken;
    body_init(&r->body, BODY_CLOSE, 0);
    if (!r->lost)
        http_reply_write(r, buf_span(&head));
    buf_free(&head);
}

void http_call_upgrade(struct http_call *c)
{
    c->upgrades = true;
}
