/* SPDX-License-Identifier: Apache-2.0
 * request.c - what a service asks about a request, and how it pulls the body. */
#include "http/conn.h"

const struct http_head *http_request_head(const struct http_request *r)
{
    return &r->head;
}

struct span http_request_peer(const struct http_request *r)
{
    return wire_peer(r->wire);
}

const void *http_request_tag(const struct http_request *r)
{
    return r->tag;
}

void *http_request_memo(struct http_request *r)
{
    return r->memo;
}

enum err http_request_fault(const struct http_request *r)
{
    return r->fault;
}

void http_request_user(struct http_request *r, const struct http_request_user *user, void *mine)
{
    must(r->state == CONN_BUSY);
    r->user = user;
    r->mine = mine;
}

/* The peer waits for leave to send its body. */
static void send_continue(struct http_request *r)
{
    struct span text = SPAN("HTTP/1.1 100 Continue\r\n\r\n");
    r->continued = true;
    if (r->replied)
        return;
    wire_write(r->wire, &text, 1);
    r->written += text.len;
}

static enum io fail(struct http_request *r, enum err why)
{
    r->fault = why;
    return IO_FAILED;
}

enum io http_request_read(struct http_request *r, struct span *bytes)
{
    must(r->state == CONN_BUSY);
    *bytes = SPAN_NONE;
    if (r->fault != E_OK)
        return IO_FAILED;
    enum io io = body_next(&r->body, &r->in.unread, bytes);
    if (io == IO_BYTES)
        r->continued = true;
    if (io == IO_FAILED)
        return fail(r, E_BAD_REQUEST);
    if (io != IO_WAIT)
        return io;
    if (r->half)
        return fail(r, E_CLIENT_GONE);
    if (!r->continued)
        send_continue(r);
    r->wants = true;
    conn_resume(r);
    conn_watch(r);
    return IO_WAIT;
}
