/* SPDX-License-Identifier: Apache-2.0
 * websocket.h - one end of a WebSocket (RFC 6455) over bytes that its owner moves: frames to messages and back, by libwslay.
 *
 * Text only, no extensions. Messages that came wait here until they are taken; there are never more of them than one run of bytes holds,
 * and the one that is not whole yet. Pings are answered, and so is a close. */
#ifndef TG_HTTP_WEBSOCKET_H
#define TG_HTTP_WEBSOCKET_H

#include "base/buf.h"

struct websocket;

enum websocket_role { WEBSOCKET_SERVER, WEBSOCKET_CLIENT };
enum { WEBSOCKET_FRAMES = 4096 /* that one message may come in */, WEBSOCKET_REASON = 123 };

/* What is to be sent goes to write() at once. NULL: no memory. */
struct websocket *websocket_new(
    enum websocket_role role, size_t message_most, void (*write)(void *self, struct span bytes), void *self);
void websocket_free(struct websocket *w); /* NULL is fine */

/* A run of bytes from the peer. */
void websocket_take(struct websocket *w, struct span bytes);
/* The next whole message, UTF-8; lives until the next websocket_take or _next. BUF_SLACK bytes behind it are readable. */
bool websocket_next(struct websocket *w, struct span *text);
/* Dropped when this end has closed. */
void websocket_send(struct websocket *w, struct span text);
void websocket_ping(struct websocket *w);
void websocket_close(struct websocket *w, unsigned code, struct span reason);

/* The peer's close: its code (1005: none said); 0: it has not come. */
unsigned websocket_ended(const struct websocket *w);
/* The peer broke the rules, and was told so with this code (1002, 1003, 1007, 1009); 0: it did not. */
unsigned websocket_broken(const struct websocket *w);

#endif
