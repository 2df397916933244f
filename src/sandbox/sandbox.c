/* SPDX-License-Identifier: Apache-2.0
 * sandbox.c - the sandbox's thread: one loop, one loopback listener. Reads requests whole, lets the vendor's file write the
 * answer (play.h), sends it; event streams one event at a time, as a model would. */
#include "sandbox/sandbox.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/thread.h"
#include "http/server.h"
#include "sandbox/play.h"

enum { VISIT_BODY = 8 << 20, VISIT_ARENA = 64 << 20, EVENT_GAP_MS = 20 };

struct sandbox {
    struct loop loop;
    struct http_server *server;
    struct listen_address address;
    struct shelf *shelf;
    struct json *reader;
    pthread_t thread;
};

struct visit {
    struct sandbox *sandbox;
    struct http_request *request;
    struct arena arena;
    struct buf body;
    struct play play;
    struct timer next_event;
    struct span rest; /* of the events */
    bool answered, blocked; /* blocked: the reader must take more first */
};

static void visit_free(struct visit *v)
{
    timer_clear(&v->next_event);
    play_free(&v->play);
    buf_free(&v->body);
    arena_free(&v->arena);
    free(v);
}

static void send_event(struct visit *v)
{
    v->blocked = !http_reply_room(v->request);
    if (v->blocked)
        return;
    ptrdiff_t end = span_find(v->rest, SPAN("\n\n"));
    struct span event = end < 0 ? v->rest : span_first(v->rest, (size_t)end + 2);
    v->rest = span_from(v->rest, event.len);
    http_reply_write(v->request, event);
    if (v->rest.len) {
        timer_set(&v->sandbox->loop, &v->next_event, EVENT_GAP_MS);
        return;
    }
    http_reply_end(v->request, NULL, 0);
    visit_free(v);
}

static void event_due(struct timer *t) { send_event(CONTAINER_OF(t, struct visit, next_event)); }

static void send_answer(struct visit *v)
{
    struct play *p = &v->play;
    struct span body;
    v->answered = true;
    if (buf_done(&p->out, &body) != E_OK)
        p->status = 500;
    play_field(p, SPAN("content-type"), p->events ? SPAN("text/event-stream") : SPAN("application/json"));
    if (p->events && p->status == 200) {
        http_reply_head(v->request, p->status, p->fields, p->field_count, -1);
        v->rest = body;
        send_event(v);
        return;
    }
    http_reply(v->request, p->status, p->fields, p->field_count, body);
    visit_free(v);
}

static void read_body(struct visit *v)
{
    struct span run;
    enum io io;
    while ((io = http_request_read(v->request, &run)) == IO_BYTES)
        buf_put(&v->body, run);
    if (io == IO_WAIT)
        return;
    if (io == IO_FAILED || v->body.broken) {
        http_reply(v->request, 413, NULL, 0, SPAN(""));
        visit_free(v);
        return;
    }
    play_run(&v->play, http_request_head(v->request), buf_span(&v->body));
    send_answer(v);
}

static void wake(void *mine)
{
    struct visit *v = mine;
    if (!v->answered)
        read_body(v);
    else if (v->blocked)
        send_event(v);
}

static void gone(void *mine) { visit_free(mine); }

static void begin(void *self, struct http_request *r)
{
    static const struct http_request_user user = { wake, gone };
    struct sandbox *s = self;
    struct visit *v = calloc(1, sizeof(*v));
    if (!v) {
        http_reply(r, 503, NULL, 0, SPAN(""));
        return;
    }
    v->sandbox = s;
    v->request = r;
    arena_init(&v->arena, VISIT_ARENA);
    buf_init(&v->body, VISIT_BODY);
    timer_init(&v->next_event, event_due);
    play_init(&v->play, &v->arena, s->reader, s->shelf, clock_unix_ms());
    http_request_user(r, &user, v);
    read_body(v);
}

static void *run(void *self)
{
    loop_run(&((struct sandbox *)self)->loop);
    return NULL;
}

static void take_apart(struct sandbox *s)
{
    if (s->server)
        http_server_free(s->server);
    loop_free(&s->loop);
    json_free(s->reader);
    shelf_free(s->shelf);
    free(s);
}

static bool open_server(struct sandbox *s, char why[256])
{
    const struct http_service service = { .self = s, .begin = begin };
    s->shelf = shelf_new();
    s->reader = json_new();
    s->server = s->shelf && s->reader ? http_server_new(&s->loop, &http_limits_default, &service) : NULL;
    if (!s->server) {
        snprintf(why, 256, "no memory");
        return false;
    }
    stripe_furnish(s->shelf, clock_unix_ms());
    must(listen_parse(SPAN("127.0.0.1:0"), &s->address));
    return http_server_listen(s->server, &s->address, NULL, NULL, why);
}

struct sandbox *sandbox_start(char why[256])
{
    struct sandbox *s = calloc(1, sizeof(*s));
    if (!s || loop_init(&s->loop) != E_OK) {
        snprintf(why, 256, "no memory");
        free(s);
        return NULL;
    }
    if (!open_server(s, why)) {
        take_apart(s);
        return NULL;
    }
    if (thread_start(&s->thread, run, s, "sandbox"))
        return s;
    snprintf(why, 256, "its thread cannot be started");
    take_apart(s);
    return NULL;
}

struct span sandbox_address(const struct sandbox *s) { return span_of(s->address.text); }

void sandbox_stop(struct sandbox *s)
{
    loop_stop(&s->loop);
    pthread_join(s->thread, NULL);
    take_apart(s);
}
