/* SPDX-License-Identifier: Apache-2.0
 * wire_tcp.c - a wire's socket: reads into the loop's shared buffer, writes at the end of the turn, queues what does not
 * fit.
 *
 * Small runs wait in `fresh` until the loop has handled all that was ready (loop_flush, at the latest before it sleeps):
 * what several calls say in one turn leaves together, so a peer is woken once and not, at the price of an interrupt,
 * again and again. It delays nothing: a turn with one event ends with it. Measured: 4 to 7 us of system time a call.
 *
 * Bytes are copied only when the socket does not take them. One libuv request is in flight at most; what comes meanwhile
 * gathers in `pending` and goes with the next one. */
#include <sys/socket.h>
#include <unistd.h>

#include "net/wire_int.h"

enum { IOV_GROUP = 32, FRESH_MOST = 16 * 1024 /* larger runs are not worth a copy */ };

enum err wire_tcp_open(struct wire *w, int fd)
{
    if (uv_tcp_open(&w->tcp, fd) != 0) {
        close(fd);
        return E_UPSTREAM_UNREACHABLE;
    }
    uv_tcp_nodelay(&w->tcp, 1);
    return E_OK;
}

/* --- reading --- */

static void give_buffer(uv_handle_t *handle, size_t hint, uv_buf_t *out)
{
    struct wire *w = handle->data;
    (void)hint;
    loop_refresh(w->loop);
    /* An empty buffer makes libuv call back with UV_ENOBUFS: this is where a pause takes effect. A wire that is paused and
     * resumed before anything came costs no system call. */
    if (w->paused)
        *out = uv_buf_init(NULL, 0);
    else
        *out = uv_buf_init(w->loop->read_buffer, LOOP_READ_SIZE);
}

static void got(uv_stream_t *stream, ssize_t n, const uv_buf_t *in)
{
    struct wire *w = stream->data;
    struct loop *l = w->loop;
    if (n == UV_ENOBUFS) {
        wire_tcp_read_stop(w);
        if (w->mute)
            wire_tell_broken(w);
        return;
    }
    if (n == 0)
        return;
    if (n < 0) {
        wire_input_over(w, n == UV_EOF && !w->mute ? E_OK : E_UPSTREAM_BROKEN);
        return;
    }
    must(!l->read_busy);
    l->read_busy = true;
    wire_input(w, span_make(in->base, (size_t)n));
    l->read_busy = false;
}

void wire_tcp_read(struct wire *w)
{
    if (w->reading || w->over)
        return;
    if (uv_read_start((uv_stream_t *)&w->tcp, give_buffer, got) == 0)
        w->reading = true;
    else
        wire_tell_broken(w);
}

void wire_tcp_read_stop(struct wire *w)
{
    if (!w->reading)
        return;
    w->reading = false;
    uv_read_stop((uv_stream_t *)&w->tcp);
}

/* --- writing --- */

size_t wire_tcp_queued(const struct wire *w)
{
    return w->fresh.len + w->pending.len + uv_stream_get_write_queue_size((const uv_stream_t *)&w->tcp);
}

void wire_tcp_mute(struct wire *w)
{
    if (w->mute)
        return;
    w->mute = true;
    buf_free(&w->fresh);
    list_remove(&w->outgoing);
    buf_free(&w->pending);
    /* A read in progress delivers what the peer said before it went, then its end; else nobody would ever tell. */
    if (!w->reading || w->paused)
        wire_tell_broken(w);
}

static void written(uv_write_t *request, int status);

static void launch(struct wire *w)
{
    if (w->pending.broken) { /* past the ceiling, or no memory: no read will ever tell */
        wire_tcp_mute(w);
        wire_tell_broken(w);
        return;
    }
    if (w->flight.len || w->pending.len == 0)
        return;
    w->flight = w->pending;
    buf_init(&w->pending, WIRE_CEILING);
    uv_buf_t out = uv_buf_init(w->flight.at, (unsigned)w->flight.len);
    if (uv_write(&w->write, (uv_stream_t *)&w->tcp, &out, 1, written) == 0)
        return;
    buf_free(&w->flight);
    wire_tcp_mute(w);
}

static void written(uv_write_t *request, int status)
{
    struct wire *w = request->handle->data;
    buf_free(&w->flight);
    if (w->state == WIRE_CLOSED)
        return;
    loop_refresh(w->loop);
    if (status < 0)
        wire_tcp_mute(w);
    launch(w);
    wire_sent(w);
}

/* How much of the group the socket took; 0 too when it failed, which mutes the wire. */
static size_t try_group(struct wire *w, const uv_buf_t *group, unsigned n)
{
    int took = uv_try_write((uv_stream_t *)&w->tcp, group, n);
    if (took >= 0)
        return (size_t)took;
    if (took != UV_EAGAIN)
        wire_tcp_mute(w);
    return 0;
}

static size_t try_now(struct wire *w, const struct span *parts, size_t n)
{
    uv_buf_t group[IOV_GROUP];
    size_t done = 0;
    for (size_t i = 0; i < n && !w->mute;) {
        unsigned count = 0;
        size_t sum = 0;
        for (; i < n && count < IOV_GROUP; i++) {
            if (parts[i].len == 0)
                continue;
            group[count++] = (uv_buf_t){ .base = (char *)parts[i].at, .len = parts[i].len };
            sum += parts[i].len;
        }
        size_t took = count ? try_group(w, group, count) : 0;
        done += took;
        if (took < sum)
            break;
    }
    return done;
}

/* Tries the socket, unless something waits for it already, and queues what it does not take. */
static void write_now(struct wire *w, const struct span *parts, size_t n)
{
    size_t skip = wire_tcp_queued(w) == 0 ? try_now(w, parts, n) : 0;
    if (w->mute)
        return;
    for (size_t i = 0; i < n; i++) {
        struct span rest = span_from(parts[i], skip);
        skip -= parts[i].len - rest.len;
        if (rest.len)
            buf_put(&w->pending, rest);
    }
    launch(w);
}

void wire_tcp_send_fresh(struct wire *w)
{
    struct buf fresh = w->fresh;
    list_remove(&w->outgoing);
    if (fresh.len == 0)
        return;
    buf_init(&w->fresh, WIRE_CEILING);
    struct span all = buf_span(&fresh);
    write_now(w, &all, 1);
    buf_free(&fresh);
}

static bool is_small(const struct wire *w, const struct span *parts, size_t n)
{
    size_t sum = w->fresh.len;
    for (size_t i = 0; i < n && sum <= FRESH_MOST; i++)
        sum += parts[i].len;
    return sum <= FRESH_MOST;
}

void wire_tcp_write(struct wire *w, const struct span *parts, size_t n)
{
    if (w->mute)
        return;
    if (wire_queued(w) == 0 && is_small(w, parts, n)) {
        for (size_t i = 0; i < n; i++)
            buf_put(&w->fresh, parts[i]);
        loop_outgoing(w->loop, &w->outgoing);
        return;
    }
    wire_tcp_send_fresh(w);
    if (!w->mute)
        write_now(w, parts, n);
}

/* loop_flush calls it, with the wire taken off the list. */
void wire_tcp_turn_over(struct list *outgoing)
{
    struct wire *w = CONTAINER_OF(outgoing, struct wire, outgoing);
    wire_tcp_send_fresh(w);
    if (wire_queued(w) >= WIRE_LOW)
        w->high = true;
    if (w->shut || w->state == WIRE_LINGERING)
        wire_sent(w);
}

void wire_tcp_flush(struct wire *w)
{
    if (w->mute) {
        buf_clear(&w->pending);
        return;
    }
    if (w->flight.len == 0 && w->pending.len && !w->pending.broken) {
        uv_buf_t all = uv_buf_init(w->pending.at, (unsigned)w->pending.len);
        buf_drop(&w->pending, try_group(w, &all, 1));
        if (w->pending.len == 0)
            buf_free(&w->pending);
    }
    launch(w);
}

/* --- our end --- */

static void fin_done(uv_shutdown_t *request, int status)
{
    struct wire *w = request->handle->data;
    (void)status;
    if (w->state == WIRE_CLOSED)
        return;
    w->fin_sent = true;
    wire_sent(w);
}

void wire_tcp_fin(struct wire *w)
{
    if (w->fin_asked || (!w->mute && wire_tcp_queued(w) != 0))
        return;
    w->fin_asked = true;
    if (uv_shutdown(&w->fin, (uv_stream_t *)&w->tcp, fin_done) != 0)
        w->fin_sent = true;
}
