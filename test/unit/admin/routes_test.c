/* SPDX-License-Identifier: Apache-2.0
 * routes_test.c - which request reaches which handler; what is not a route says what is. */
#include "admin/inside.h"
#include "test/test.h"

static const struct admin_route *find(struct arena *a, const char *method, const char *path, struct span *id, struct span *allow)
{
    return route_find(span_of(method), span_of(path), id, a, allow);
}

TEST(a_path_and_a_method_find_their_handler)
{
    struct arena a;
    struct span id = SPAN_NONE, allow;
    arena_init(&a, 1 << 16);
    const struct admin_route *r = find(&a, "GET", "/api/v1/keys", &id, &allow);
    CHECK(r && r->run == objects_list && !id.at);
    r = find(&a, "POST", "/api/v1/keys/key_1/revoke", &id, &allow);
    CHECK(r && r->run == keys_revoke);
    CHECK_SPAN(id, SPAN("key_1"));
    r = find(&a, "GET", "/api/v1/runs/a%2Fb", &id, &allow);
    CHECK(r && r->run == runs_get);
    CHECK_SPAN(id, SPAN("a%2Fb"));
    r = find(&a, "HEAD", "/healthz", &id, &allow);
    CHECK(r && r->run == health_alive && (r->area == AREA_OPEN));
    r = find(&a, "GET", "/", &id, &allow);
    CHECK(r && r->run == page_get);
    arena_free(&a);
}

TEST(other_methods_are_told_the_ones_that_there_are)
{
    struct arena a;
    struct span id, allow;
    arena_init(&a, 1 << 16);
    CHECK(!find(&a, "PUT", "/api/v1/keys", &id, &allow));
    CHECK_SPAN(allow, SPAN("GET, POST"));
    CHECK(!find(&a, "POST", "/api/v1/policies/p", &id, &allow));
    CHECK_SPAN(allow, SPAN("DELETE, GET, PATCH"));
    arena_free(&a);
}

TEST(near_misses_are_no_route)
{
    struct arena a;
    struct span id, allow;
    static const char *const paths[] = { "/api/v1/keys/", "/api/v1/keys/a/b", "/api/v1", "//", "", "/api/v1/key", "/API/v1/keys", "/api/v1/keys//revoke" };
    arena_init(&a, 1 << 16);
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
        CHECK(!find(&a, "GET", paths[i], &id, &allow) && !allow.at);
    arena_free(&a);
}

/* The contract of the product's names. */
TEST(every_promised_path_is_there)
{
    struct arena a;
    struct span id, allow;
    static const char *const kinds[] = { "keys", "credentials", "policies", "budgets", "vendors", "workspaces" };
    static const char *const gets[] = { "/api/v1/calls", "/api/v1/calls/c", "/api/v1/runs", "/api/v1/runs/r", "/api/v1/usage", "/api/v1/events",
        "/api/v1/stops", "/api/v1/openapi.json", "/metrics", "/healthz", "/readyz", "/" };
    static const char *const posts[] = { "/api/v1/stop", "/api/v1/resume", "/api/v1/keys/k/revoke", "/api/v1/keys/k/rotate", "/api/v1/reload" };
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        const char *all = arena_print(&a, "/api/v1/%s", kinds[i]).at, *one = arena_print(&a, "/api/v1/%s/x", kinds[i]).at;
        CHECK(find(&a, "GET", all, &id, &allow) && find(&a, "POST", all, &id, &allow));
        CHECK(find(&a, "GET", one, &id, &allow) && find(&a, "PATCH", one, &id, &allow) && find(&a, "DELETE", one, &id, &allow));
    }
    for (size_t i = 0; i < sizeof(gets) / sizeof(*gets); i++)
        CHECK(find(&a, "GET", gets[i], &id, &allow));
    for (size_t i = 0; i < sizeof(posts) / sizeof(*posts); i++)
        CHECK(find(&a, "POST", posts[i], &id, &allow));
    arena_free(&a);
}
