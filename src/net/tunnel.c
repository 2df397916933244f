/* SPDX-License-Identifier: Apache-2.0
 * tunnel.c - what is said to an HTTP proxy to get a tunnel (CONNECT), and what its reply means. Pure: connect.c does the
 * talking. This is no HTTP parser: of the reply only the status matters. */
#include "net/wire_int.h"

enum { REPLY_MAX = 8 * 1024 };

void tunnel_ask(struct buf *out, struct span host, uint16_t port, struct span auth)
{
    bool six = span_find_byte(host, ':') >= 0;
    for (int twice = 0; twice < 2; twice++) {
        buf_put(out, twice ? SPAN("Host: ") : SPAN("CONNECT "));
        buf_put(out, six ? SPAN("[") : SPAN(""));
        buf_put(out, host);
        buf_put(out, six ? SPAN("]:") : SPAN(":"));
        buf_put_u64(out, port);
        buf_put(out, twice ? SPAN("\r\n") : SPAN(" HTTP/1.1\r\n"));
    }
    if (auth.at) {
        buf_put(out, SPAN("Proxy-Authorization: "));
        buf_put(out, auth);
        buf_put(out, SPAN("\r\n"));
    }
    buf_put(out, SPAN("\r\n"));
}

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.x 2dd", then a blank or the line's end. */
static bool status_opens(struct span reply)
{
    if (!span_starts(reply, SPAN("HTTP/1.")) || reply.len < 14)
        return false;
    const char *at = reply.at + 7;
    return digit(at[0]) && at[1] == ' ' && at[2] == '2' && digit(at[3]) && digit(at[4]) && (at[5] == ' ' || at[5] == '\r');
}

enum tunnel_verdict tunnel_judge(struct span reply)
{
    ptrdiff_t end = span_find(reply, SPAN("\r\n\r\n"));
    if (end < 0)
        return reply.len < REPLY_MAX ? TUNNEL_MORE : TUNNEL_REFUSED;
    size_t head = (size_t)end + 4;
    /* Nothing we speak lets the server begin: bytes behind the head are not the target's, and nobody's we trust. */
    if (head > REPLY_MAX || head != reply.len)
        return TUNNEL_REFUSED;
    return status_opens(reply) ? TUNNEL_OPEN : TUNNEL_REFUSED;
}
