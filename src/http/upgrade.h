/* SPDX-License-Identifier: Apache-2.0
 * upgrade.h - the handshake of a WebSocket (RFC 6455, 4): what a request and an answer must say. Extensions are not spoken: none is
 * asked for, none is accepted. http_reply_upgrade (server.h) and http_call_upgrade (client.h) hand the connections over. */
#ifndef TG_HTTP_UPGRADE_H
#define TG_HTTP_UPGRADE_H

#include "http/head.h"

enum { WEBSOCKET_KEY = 24, WEBSOCKET_ACCEPT = 28 }; /* characters */

/* Whether this request wants to become a WebSocket at all. */
bool websocket_asked(const struct http_head *request);
/* Why it cannot; NULL: it can. Static. */
const char *websocket_unfit(const struct http_head *request);
/* The n-th (from 0) of the protocols that it offers, over all its fields; SPAN_NONE: there are fewer. */
struct span websocket_protocol(const struct http_head *request, size_t n);

void websocket_make_key(char key[WEBSOCKET_KEY]);
/* What the other side answers to a key. */
struct span websocket_accept(struct span key, char out[WEBSOCKET_ACCEPT]);
/* Whether a 101 is one to this key, without an extension. */
bool websocket_answered(const struct http_head *answer, struct span key);

#endif
