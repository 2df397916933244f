/* SPDX-License-Identifier: Apache-2.0
 * websocket.c - see websocket.h. */
#include "http/websocket.h"

#include <stdlib.h>
#include <wslay/wslay.h>

#include "base/digest.h"

enum { KEPT = 256 << 10 /* memory that one large message may leave behind */ };
enum { PROTOCOL_ERROR = 1002, TEXT_ONLY = 1003, TOO_MUCH = 1009, NO_MEMORY_LEFT = 1011 };

struct websocket {
    wslay_event_context_ptr frames;
    struct span in;  /* not read yet */
    struct buf inbox; /* messages, each behind its length */
    size_t read;      /* of the inbox */
    struct buf message; /* the one that was taken */
    void (*write)(void *self, struct span bytes);
    void *self;
    unsigned parts;  /* frames of the message that is coming */
    unsigned broken; /* the close code */
};

static ssize_t give(wslay_event_context_ptr c, uint8_t *to, size_t room, int flags, void *self)
{
    struct websocket *w = self;
    size_t n = w->in.len < room ? w->in.len : room;
    (void)flags;
    if (n == 0) {
        wslay_event_set_error(c, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    memcpy(to, w->in.at, n);
    w->in = span_from(w->in, n);
    return (ssize_t)n;
}

static ssize_t put(wslay_event_context_ptr c, const uint8_t *bytes, size_t n, int flags, void *self)
{
    struct websocket *w = self;
    (void)c;
    (void)flags;
    w->write(w->self, span_make((const char *)bytes, n));
    return (ssize_t)n;
}

static int mask(wslay_event_context_ptr c, uint8_t *to, size_t n, void *self)
{
    (void)c;
    (void)self;
    random_fill(to, n);
    return 0;
}

static void flush(struct websocket *w)
{
    while (wslay_event_want_write(w->frames))
        if (wslay_event_send(w->frames) != 0)
            return;
}

static void complain(struct websocket *w, unsigned code)
{
    if (w->broken)
        return;
    w->broken = code;
    (void)wslay_event_queue_close(w->frames, (uint16_t)code, NULL, 0);
    (void)wslay_event_shutdown_read(w->frames);
}

static void frame_begins(wslay_event_context_ptr c, const struct wslay_event_on_frame_recv_start_arg *frame, void *self)
{
    struct websocket *w = self;
    (void)c;
    if (wslay_is_ctrl_frame(frame->opcode))
        return;
    if (frame->opcode == WSLAY_BINARY_FRAME)
        complain(w, TEXT_ONLY);
    else if (++w->parts > WEBSOCKET_FRAMES)
        complain(w, TOO_MUCH);
}

static void message_came(wslay_event_context_ptr c, const struct wslay_event_on_msg_recv_arg *m, void *self)
{
    struct websocket *w = self;
    const size_t len = m->msg_length;
    (void)c;
    if (m->opcode != WSLAY_TEXT_FRAME || w->broken)
        return;
    w->parts = 0;
    buf_put(&w->inbox, span_make((const char *)&len, sizeof(len)));
    buf_put(&w->inbox, span_make((const char *)m->msg, len));
}

struct websocket *websocket_new(
    enum websocket_role role, size_t message_most, void (*write)(void *self, struct span bytes), void *self)
{
    enum { RUN_MOST = 4 << 20 };
    static const struct wslay_event_callbacks callbacks = { .recv_callback = give, .send_callback = put, .genmask_callback = mask,
        .on_frame_recv_start_callback = frame_begins, .on_msg_recv_callback = message_came };
    struct websocket *w = calloc(1, sizeof(*w));
    int failed = !w ? -1 : role == WEBSOCKET_SERVER ? wslay_event_context_server_init(&w->frames, &callbacks, w) :
                                                      wslay_event_context_client_init(&w->frames, &callbacks, w);
    if (failed) {
        free(w);
        return NULL;
    }
    wslay_event_config_set_max_recv_msg_length(w->frames, message_most);
    buf_init(&w->inbox, message_most + RUN_MOST);
    buf_init(&w->message, message_most);
    w->write = write;
    w->self = self;
    return w;
}

void websocket_free(struct websocket *w)
{
    if (!w)
        return;
    wslay_event_context_free(w->frames);
    buf_free(&w->inbox);
    buf_free(&w->message);
    free(w);
}

void websocket_take(struct websocket *w, struct span bytes)
{
    w->in = bytes;
    if (wslay_event_recv(w->frames) != 0)
        complain(w, NO_MEMORY_LEFT);
    w->in = SPAN("");
    if (w->inbox.broken)
        complain(w, TOO_MUCH);
    flush(w);
    if (!w->broken && !wslay_event_get_read_enabled(w->frames) && !wslay_event_get_close_received(w->frames)) {
        unsigned said = wslay_event_get_status_code_sent(w->frames);
        w->broken = said == WSLAY_CODE_ABNORMAL_CLOSURE ? PROTOCOL_ERROR : said;
    }
}

static void empty(struct buf *b)
{
    size_t ceiling = b->ceiling;
    buf_clear(b);
    if (b->room <= KEPT)
        return;
    buf_free(b);
    buf_init(b, ceiling);
}

bool websocket_next(struct websocket *w, struct span *text)
{
    size_t len;
    if (w->inbox.broken || w->read + sizeof(len) > w->inbox.len)
        return false;
    memcpy(&len, w->inbox.at + w->read, sizeof(len));
    empty(&w->message);
    buf_put(&w->message, span_make(w->inbox.at + w->read + sizeof(len), len));
    w->read += sizeof(len) + len;
    if (w->read == w->inbox.len) {
        empty(&w->inbox);
        w->read = 0;
    }
    *text = buf_span(&w->message);
    return !w->message.broken;
}

static void queue(struct websocket *w, uint8_t opcode, struct span bytes)
{
    const struct wslay_event_msg m = { .opcode = opcode, .msg = (const uint8_t *)bytes.at, .msg_length = bytes.len };
    (void)wslay_event_queue_msg(w->frames, &m);
    flush(w);
}

void websocket_send(struct websocket *w, struct span text) { queue(w, WSLAY_TEXT_FRAME, text); }
void websocket_ping(struct websocket *w) { queue(w, WSLAY_PING, SPAN("")); }

void websocket_close(struct websocket *w, unsigned code, struct span reason)
{
    size_t most = reason.len < WEBSOCKET_REASON ? reason.len : WEBSOCKET_REASON;
    while (most && most < reason.len && ((unsigned char)reason.at[most] & 0xc0) == 0x80) /* not inside a character */
        most--;
    (void)wslay_event_queue_close(w->frames, (uint16_t)code, (const uint8_t *)reason.at, most);
    flush(w);
}

unsigned websocket_ended(const struct websocket *w)
{
    return wslay_event_get_close_received(w->frames) ? wslay_event_get_status_code_received(w->frames) : 0;
}

unsigned websocket_broken(const struct websocket *w) { return w->broken; }
