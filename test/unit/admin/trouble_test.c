/* SPDX-License-Identifier: Apache-2.0
 * trouble_test.c - the admin plane on a bad day: a disk that takes nothing, a stop that cannot be read, a reader of events
 * that does not read, a configuration that does not load. */
#include <arpa/inet.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "test/unit/admin/scene.h"

static void pause_ms(int ms) { nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL); }

/* No file may grow: what SQLite sees is a full disk. */
static void fill_disk(bool full, struct rlimit *before)
{
    struct rlimit none;
    if (full) {
        signal(SIGXFSZ, SIG_IGN);
        must(getrlimit(RLIMIT_FSIZE, before) == 0);
        none = *before;
        none.rlim_cur = 1;
        must(setrlimit(RLIMIT_FSIZE, &none) == 0);
    } else {
        must(setrlimit(RLIMIT_FSIZE, before) == 0);
    }
}

TEST(a_full_disk_does_not_hinder_a_stop)
{
    struct scene s;
    struct rlimit before;
    scene_open(&s);
    struct span token = scene_key(&s, "agent");
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/stop", "{\"run\":\"run_z\"}"), 200);
    fill_disk(true, &before);
    int stopped = scene_ask(&s, "POST", "/api/v1/stop", "{\"run\":\"run_a\"}");
    struct span durable = scene_text(&s, "durable");
    int revoked = scene_ask(&s, "POST", "/api/v1/keys/filed/revoke", NULL);
    struct span warning = scene_text(&s, "warning"), kept = scene_text(&s, "durable");
    int created = scene_ask(&s, "POST", "/api/v1/policies", "{\"name\":\"p\",\"allow\":[\"acme.*\"]}");
    int resumed = scene_ask(&s, "POST", "/api/v1/resume", "{\"run\":\"run_z\"}");
    fill_disk(false, &before);
    CHECK_INT(stopped, 200);
    CHECK_SPAN(durable, SPAN("false"));
    CHECK_INT(revoked, 200);
    CHECK_SPAN(kept, SPAN("false"));
    CHECK(warning.len > 0);
    CHECK_INT(created, 500);
    CHECK_INT(resumed, 500);
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", "run_z"), 403);
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", "run_a"), 403);
    CHECK_INT(scene_call(&s, SPAN("a_literal_token_of_the_file"), "GET", "/acme/v1/things", NULL), 401);
    CHECK_INT(scene_ask(&s, "GET", "/api/v1/policies/p", NULL), 404);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/resume", "{\"run\":\"run_a\"}"), 200);
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", "run_a"), 200);
    scene_close(&s);
}

TEST(an_unreadable_stop_stops_everything_until_it_is_lifted)
{
    struct scene s;
    scene_open(&s);
    struct span token = scene_key(&s, "agent");
    CHECK(store_object_put(books_store(s.books), SPAN("stop"), SPAN("run:run_a"), SPAN("{\"kind\":\"rnu\"}"), -1, 1, NULL) == E_OK);
    scene_restart(&s);
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", "run_b"), 403);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/stop", "{\"run\":\"run_c\"}"), 200); /* carried over through other changes */
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", "run_b"), 403);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/resume", "{\"all\":true}"), 200);
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", "run_b"), 200);
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", "run_c"), 403);
    scene_restart(&s);
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", "run_b"), 200);
    scene_close(&s);
}

static int dial(const struct listen_address *at, struct span text)
{
    const struct sockaddr_in *in = (const void *)&at->addr;
    struct sockaddr_in to = *in;
    int small = 4096, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)) == 0);
    must(connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0);
    must(write(fd, text.at, text.len) == (ssize_t)text.len);
    return fd;
}

static bool streams_are(struct scene *s, const char *line, int tries)
{
    for (int i = 0; i < tries; i++) {
        scene_ask(s, "GET", "/metrics", NULL);
        if (scene_says(s, line))
            return true;
        pause_ms(10);
    }
    return false;
}

/* Calls whose rows are long. */
static void call_at_length(struct scene *s, struct span token, int count)
{
    struct fetch_answer answer;
    char metadata[4000] = "{\"note\":\"";
    size_t len = strlen(metadata);
    memset(metadata + len, 'x', sizeof(metadata) - len - 2);
    memcpy(metadata + sizeof(metadata) - 2, "\"}", 2);
    struct http_field fields[] = { { SPAN("authorization"), arena_print(&s->arena, "Bearer %.*s", SPAN_ARG(token)) },
        { SPAN("x-tollgate-metadata"), span_make(metadata, sizeof(metadata)) } };
    struct span url = arena_print(&s->arena, "http://%.*s/acme/v1/things", SPAN_ARG(gate_address(s->gate)));
    for (int i = 0; i < count; i++)
        CHECK(fetch(&s->arena, SPAN("GET"), url, fields, 2, SPAN_NONE, &answer) == E_OK && answer.status == 200);
}

TEST(a_reader_that_does_not_read_is_dropped)
{
    struct scene s;
    struct listen_address at;
    scene_open(&s);
    struct span token = scene_key(&s, "agent");
    CHECK(listen_parse(admin_address(s.admin), &at));
    int fd = dial(&at, SPAN("GET /api/v1/events HTTP/1.1\r\nhost: x\r\nauthorization: Bearer tga_for_tests_0123456789\r\n\r\n"));
    CHECK(streams_are(&s, "tollgate_event_streams 1\n", 300));
    for (int i = 0; i < 3000 && !streams_are(&s, "tollgate_event_streams 0\n", 1); i += 100)
        call_at_length(&s, token, 100);
    CHECK(streams_are(&s, "tollgate_event_streams 0\n", 1));
    close(fd);
    scene_close(&s);
}

TEST(a_configuration_that_does_not_load_changes_nothing)
{
    struct scene s;
    scene_open(&s);
    struct span token = scene_key(&s, "agent");
    CHECK(store_object_put(books_store(s.books), SPAN("key"), SPAN("key_0000000000000001"), SPAN("{\"name\":\"x\",\"policy\":\"none\"}"), -1, 1, NULL) == E_OK);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/reload", NULL), 422);
    CHECK_SPAN(scene_text(&s, "code"), SPAN("config_invalid"));
    CHECK(scene_text(&s, "field").len > 0 && scene_says(&s, "none"));
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", NULL), 200);
    CHECK_INT(scene_ask(&s, "POST", "/api/v1/keys/agent/revoke", NULL), 200); /* a stop needs no configuration that loads */
    CHECK_SPAN(scene_text(&s, "durable"), SPAN("true"));
    CHECK(scene_text(&s, "warning").len > 0);
    CHECK_INT(scene_call(&s, token, "GET", "/acme/v1/things", NULL), 401);
    scene_close(&s);
}
