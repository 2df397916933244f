/* SPDX-License-Identifier: Apache-2.0
 * fetch_test.c - the blocking client against the rig's server. */
#include "http/fetch.h"

#include "test/test.h"
#include "test/unit/http/rig.h"

static struct span url(struct arena *a, struct rig *r, const char *path)
{
    return arena_print(a, "http://127.0.0.1:%u%s", rig_port(&r->address), path);
}

TEST(fetch_small_answers)
{
    struct rig rig;
    struct arena a;
    struct fetch_answer out;
    struct http_field field = { SPAN("x-a"), SPAN("b") };
    rig_start(&rig, NULL);
    arena_init(&a, 256 << 20);
    CHECK_INT(fetch(&a, SPAN("POST"), url(&a, &rig, "/echo"), &field, 1, SPAN("hello"), &out), E_OK);
    CHECK_INT(out.status, 200);
    CHECK_SPAN(out.body, SPAN("hello"));
    CHECK(out.count >= 3);
    CHECK_INT(fetch(&a, SPAN("GET"), url(&a, &rig, "/big"), NULL, 0, SPAN_NONE, &out), E_OK);
    CHECK_INT(out.body.len, 32 << 20);
    CHECK_INT(fetch(&a, SPAN("GET"), url(&a, &rig, ""), NULL, 0, SPAN_NONE, &out), E_OK);
    CHECK_INT(out.status, 404);
    CHECK_INT(fetch(&a, SPAN("GET"), url(&a, &rig, "/cut"), NULL, 0, SPAN_NONE, &out), E_UPSTREAM_BROKEN);
    arena_free(&a);
    rig_stop(&rig);
}

TEST(fetch_bad_urls)
{
    static const char *const bad[] = { "", "ftp://a/", "http://", "http://a:0/", "http://a:x/", "http://a:65536/", "http://[::1/",
        "http://[::1]x/", "http:///x", "http://a/b c", "http://a/\r\nx: y" };
    struct arena a;
    struct fetch_answer out;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK_INT(fetch(&a, SPAN("GET"), span_of(bad[i]), NULL, 0, SPAN_NONE, &out), E_BAD_REQUEST);
    arena_free(&a);
}

static void *cancel_soon(void *flag)
{
    rig_sleep(200);
    atomic_store((atomic_bool *)flag, true);
    return NULL;
}

TEST(fetch_within_limits)
{
    struct rig rig;
    struct arena a;
    struct fetch_answer out;
    atomic_bool cancel = false;
    struct fetch_limits limits = { .total_ms = 300, .body_bytes = 1000, .cancel = &cancel };
    pthread_t canceller;
    rig_start(&rig, NULL);
    arena_init(&a, 1 << 20);
    CHECK_INT(fetch_within(&a, SPAN("POST"), url(&a, &rig, "/echo"), NULL, 0, SPAN("hello"), &limits, &out), E_OK);
    CHECK_SPAN(out.body, SPAN("hello"));
    CHECK_INT(fetch_within(&a, SPAN("POST"), url(&a, &rig, "/hold"), NULL, 0, SPAN("x"), &limits, &out), E_UPSTREAM_TIMEOUT);
    CHECK_INT(out.status, 0);
    CHECK_INT(fetch_within(&a, SPAN("GET"), url(&a, &rig, "/big"), NULL, 0, SPAN_NONE, &limits, &out), E_TOO_LARGE);
    CHECK_INT(out.status, 200);
    limits.total_ms = 20000;
    CHECK_INT(pthread_create(&canceller, NULL, cancel_soon, &cancel), 0);
    CHECK_INT(fetch_within(&a, SPAN("POST"), url(&a, &rig, "/hold"), NULL, 0, SPAN("x"), &limits, &out), E_CLIENT_GONE);
    pthread_join(canceller, NULL);
    CHECK_INT(fetch_within(&a, SPAN("GET"), url(&a, &rig, "/echo"), NULL, 0, SPAN_NONE, &limits, &out), E_CLIENT_GONE);
    arena_free(&a);
    rig_stop(&rig);
}

struct seen {
    int n, enough;
    struct buf all;
};

static bool got(void *self, struct span name, struct span data)
{
    struct seen *s = self;
    buf_put(&s->all, name.at ? name : SPAN("-"));
    buf_put(&s->all, data);
    return ++s->n < s->enough;
}

TEST(fetch_an_event_stream)
{
    struct rig rig;
    struct arena a;
    struct seen s = { .enough = 2 };
    rig_start(&rig, NULL);
    arena_init(&a, 1 << 20);
    buf_init(&s.all, 1000);
    CHECK_INT(fetch_events(&a, url(&a, &rig, "/events"), NULL, 0, got, &s), E_OK);
    CHECK_SPAN(buf_span(&s.all), SPAN("-oneetwo"));
    buf_clear(&s.all);
    s.n = 0;
    s.enough = 10;
    CHECK_INT(fetch_events(&a, url(&a, &rig, "/events"), NULL, 0, got, &s), E_OK);
    CHECK_SPAN(buf_span(&s.all), SPAN("-oneetwo-three"));
    CHECK_INT(fetch_events(&a, url(&a, &rig, "/nowhere"), NULL, 0, got, &s), E_UPSTREAM_BROKEN);
    buf_free(&s.all);
    arena_free(&a);
    rig_stop(&rig);
}
