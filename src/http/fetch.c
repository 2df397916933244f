/* SPDX-License-Identifier: Apache-2.0
 * fetch.c - one request on a loop of its own, waited for.
 *
 * The same client as the workers', driven by a handful of steps; redirects are not followed. */
#include "http/fetch.h"

#include "base/clock.h"
#include "http/client.h"
#include "http/sse.h"

enum {
    BODY_CEILING = 64 * 1024 * 1024,
    HEAD_CEILING = 1024 * 1024,
    EVENT_CEILING = 16 * 1024 * 1024,
    CONNECT_MS = 10 * 1000,
    ANSWER_MS = 60 * 1000,
    LOOK_MS = 100, /* between two looks at the clock and whether the caller has had enough */
};

struct fetching {
    struct loop loop;
    struct http_origin origin;
    struct span target; /* path and query */
    struct http_call *call;
    struct buf head, body;
    struct span request_body;
    struct arena *arena;
    struct fetch_answer *out; /* NULL: events */
    struct sse sse;
    bool (*got)(void *self, struct span name, struct span data);
    void *got_self;
    bool (*got_run)(void *self, struct span bytes); /* NULL: the body is gathered */
    bool sent, over;
    enum err fault;
    const struct fetch_limits *limits; /* NULL: none of its own */
    int64_t until_ns;
    struct timer look;
};

/* ---- where to ---- */

static bool read_port(struct span text, uint16_t *port)
{
    uint64_t n;
    if (!span_to_u64(text, &n) || n == 0 || n > 65535)
        return false;
    *port = (uint16_t)n;
    return true;
}

/* "host", "host:port", "[::1]:port" */
static bool read_authority(struct span text, struct http_origin *o)
{
    struct span host = text, rest = SPAN("");
    if (span_starts(text, SPAN("["))) {
        rest = span_from(text, 1);
        if (!span_cut(&rest, ']', &host))
            return false;
        if (rest.len > 0 && rest.at[0] != ':')
            return false;
        rest = span_from(rest, 1);
    } else if (span_cut(&text, ':', &host)) {
        rest = text;
    }
    o->host = host;
    return host.len > 0 && (rest.len == 0 || read_port(rest, &o->port));
}

static bool read_url(struct fetching *f, struct span url, bool *secure)
{
    struct http_origin *o = &f->origin;
    struct span http = SPAN("http://"), https = SPAN("https://");
    *secure = span_starts(url, https);
    if (!*secure && !span_starts(url, http))
        return false;
    struct span rest = span_from(url, *secure ? https.len : http.len);
    ptrdiff_t slash = span_find_byte(rest, '/');
    o->authority = slash < 0 ? rest : span_first(rest, (size_t)slash);
    f->target = slash < 0 ? SPAN("/") : span_from(rest, (size_t)slash);
    for (size_t i = 0; i < url.len; i++) {
        if (url.at[i] <= ' ' || url.at[i] > '~')
            return false;
    }
    o->name = o->authority;
    o->port = *secure ? 443 : 80;
    return read_authority(o->authority, o);
}

/* ---- the steps ---- */

static void stop(struct fetching *f, enum err why)
{
    if (f->over)
        return;
    f->over = true;
    f->fault = why;
    loop_stop(&f->loop);
}

static enum err take_head(struct fetching *f, const struct http_head *h)
{
    if (f->out == NULL)
        return h->status == 200 ? E_OK : h->status == 401 ? E_UNAUTHORIZED : E_UPSTREAM_BROKEN;
    f->out->status = h->status;
    f->out->count = h->count;
    f->out->fields = ARENA_ARRAY(f->arena, struct http_field, h->count + 1);
    if (f->out->fields == NULL)
        return E_NO_MEMORY;
    for (size_t i = 0; i < h->count; i++) {
        f->out->fields[i].name = arena_copy(f->arena, h->fields[i].name);
        f->out->fields[i].value = arena_copy(f->arena, h->fields[i].value);
    }
    return f->arena->broken ? E_NO_MEMORY : E_OK;
}

/* False: enough. */
static bool take_run(struct fetching *f, struct span run)
{
    struct sse_event event;
    if (f->got_run && f->out->status == 200) {
        if (!f->got_run(f->got_self, run))
            stop(f, E_CLIENT_GONE);
        return !f->over;
    }
    if (f->out) {
        buf_put(&f->body, run);
        if (f->body.broken)
            stop(f, E_TOO_LARGE);
        return !f->over;
    }
    while (sse_next(&f->sse, &run, &event)) {
        if (event.data.at == NULL || f->got(f->got_self, event.name, event.data))
            continue;
        stop(f, E_OK);
        return false;
    }
    if (f->sse.partial.broken)
        stop(f, E_TOO_LARGE);
    return !f->over;
}

static void take_answer(struct fetching *f)
{
    struct span run = SPAN_NONE;
    enum io io;
    while ((io = http_call_read(f->call, &run)) == IO_BYTES) {
        if (!take_run(f, run))
            return;
    }
    if (io == IO_END)
        stop(f, E_OK);
    else if (io == IO_FAILED)
        stop(f, http_call_fault(f->call));
}

/* Asks again for whatever is awaited; also called once from the start. */
static void go_on(void *self)
{
    struct fetching *f = self;
    const struct http_head *head = NULL;
    if (f->over)
        return;
    if (!f->sent && http_call_ready(f->call) == IO_BYTES) {
        f->sent = true;
        http_call_send(f->call, buf_span(&f->head), f->request_body, false, true);
    }
    enum io io = f->sent ? http_call_head(f->call, &head) : http_call_ready(f->call);
    if (io == IO_FAILED)
        stop(f, http_call_fault(f->call));
    if (io != IO_BYTES)
        return;
    if (f->out == NULL || f->out->status == 0) {
        enum err e = take_head(f, head);
        if (e != E_OK) {
            stop(f, e);
            return;
        }
    }
    take_answer(f);
}

/* ---- around them ---- */

static void look(struct timer *t)
{
    struct fetching *f = CONTAINER_OF(t, struct fetching, look);
    if (f->limits->cancel && atomic_load_explicit(f->limits->cancel, memory_order_relaxed))
        stop(f, E_CLIENT_GONE);
    else if (clock_monotonic_ns() >= f->until_ns)
        stop(f, E_UPSTREAM_TIMEOUT);
    else
        timer_set(&f->loop, t, LOOK_MS);
}

static void compose(struct fetching *f, struct span method, const struct http_field *fields, size_t count)
{
    struct buf *b = &f->head;
    http_put_request(b, method, f->target);
    http_put_field(b, SPAN("host"), f->origin.authority);
    for (size_t i = 0; i < count; i++)
        http_put_field(b, fields[i].name, fields[i].value);
    if (f->request_body.len > 0 || (!span_is(method, SPAN("GET")) && !span_is(method, SPAN("HEAD"))))
        buf_print(b, "content-length: %zu\r\n", f->request_body.len);
    http_put_end(b);
}

static enum err run_call(struct fetching *f, struct http_pool *pool)
{
    /* An event stream may be silent for as long as it likes. */
    struct http_deadlines d = { CONNECT_MS, ANSWER_MS, f->out ? ANSWER_MS : INT32_MAX, ANSWER_MS };
    f->call = http_call_open(pool, &f->origin, &d, go_on, f);
    if (f->call == NULL)
        return E_NO_MEMORY;
    timer_init(&f->look, look);
    if (f->limits)
        look(&f->look);
    go_on(f);
    if (!f->over)
        loop_run(&f->loop);
    timer_clear(&f->look);
    http_call_close(f->call);
    return f->fault;
}

static enum err run_pool(struct fetching *f)
{
    struct http_pool *pool = http_pool_new(&f->loop, &http_pool_limits_default);
    if (pool == NULL)
        return E_NO_MEMORY;
    enum err e = run_call(f, pool);
    http_pool_free(pool);
    return e;
}

static enum err run_loop(struct fetching *f, bool secure)
{
    char why[256];
    struct tls_client *tls = secure ? tls_client_shared(f->limits ? f->limits->ca_file : SPAN_NONE, why) : NULL;
    if (secure && tls == NULL)
        return E_UPSTREAM_UNREACHABLE;
    f->origin.tls = tls;
    enum err e = loop_init(&f->loop);
    if (e == E_OK) {
        e = run_pool(f);
        loop_free(&f->loop);
    }
    if (tls)
        tls_client_free(tls);
    return e;
}

static enum err run(struct fetching *f, struct span method, struct span url, const struct http_field *fields, size_t count)
{
    bool secure;
    if (!read_url(f, url, &secure))
        return E_BAD_REQUEST;
    f->origin.public_only = f->limits && f->limits->public_only;
    buf_init(&f->head, HEAD_CEILING);
    buf_init(&f->body, f->limits ? f->limits->body_bytes : BODY_CEILING);
    sse_init(&f->sse, EVENT_CEILING);
    compose(f, method, fields, count);
    enum err e = f->head.broken ? E_TOO_LARGE : run_loop(f, secure);
    if (e == E_OK && f->out) {
        f->out->body = arena_copy(f->arena, buf_span(&f->body));
        e = f->out->body.at ? E_OK : E_NO_MEMORY;
    }
    sse_free(&f->sse);
    buf_free(&f->body);
    buf_free(&f->head);
    return e;
}

enum err fetch(struct arena *a, struct span method, struct span url, const struct http_field *fields, size_t count,
    struct span body, struct fetch_answer *out)
{
    struct fetching f = { .arena = a, .out = out, .request_body = body };
    *out = (struct fetch_answer){ 0 };
    return run(&f, method, url, fields, count);
}

enum err fetch_within(struct arena *a, struct span method, struct span url, const struct http_field *fields, size_t count,
    struct span body, const struct fetch_limits *limits, struct fetch_answer *out)
{
    struct fetching f = { .arena = a, .out = out, .request_body = body, .limits = limits };
    *out = (struct fetch_answer){ 0 };
    f.until_ns = clock_monotonic_ns() + limits->total_ms * INT64_C(1000000);
    return run(&f, method, url, fields, count);
}

enum err fetch_stream(struct arena *a, struct span url, const struct http_field *fields, size_t count,
    bool (*got)(void *self, struct span bytes), void *self, struct fetch_answer *out)
{
    struct fetching f = { .arena = a, .out = out, .got_run = got, .got_self = self };
    *out = (struct fetch_answer){ 0 };
    return run(&f, SPAN("GET"), url, fields, count);
}

enum err fetch_events(struct arena *a, struct span url, const struct http_field *fields, size_t count,
    bool (*got)(void *self, struct span name, struct span data), void *self)
{
    struct fetching f = { .arena = a, .got = got, .got_self = self };
    return run(&f, SPAN("GET"), url, fields, count);
}
