/* SPDX-License-Identifier: Apache-2.0
 * portkey_test.c - what is read of Portkey's header fields, and what never goes on to a vendor. */
#include "flow/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "test/test.h"

enum { FIELDS = 8 };

struct asked_so {
    struct exchange *x;
    struct http_field fields[FIELDS];
    struct http_head head;
};

static void ask_so(struct asked_so *a, const char *const pairs[][2], size_t count)
{
    *a = (struct asked_so){ .x = calloc(1, sizeof(struct exchange)) };
    arena_init(&a->x->arena, 1 << 20);
    for (size_t i = 0; i < count && i < FIELDS; i++)
        a->fields[i] = (struct http_field){ span_of(pairs[i][0]), span_of(pairs[i][1]) };
    a->head = (struct http_head){ .fields = a->fields, .count = count };
    a->x->asking.head = &a->head;
}

static void forget(struct asked_so *a)
{
    arena_free(&a->x->arena);
    free(a->x);
}

TEST(portkey_reads_what_is_said)
{
    static const char *const said[][2] = { { "x-portkey-trace-id", "t-1" }, { "x-portkey-request-timeout", "250" }, { "x-portkey-forward-headers", "X-Team , authorization,x-b" },
        { "x-portkey-cache-force-refresh", "True" }, { "x-portkey-cache-namespace", "n" }, { "x-portkey-debug", "false" }, { "x-portkey-azure-api-version", "1" },
        { "x-portkey-strict-open-ai-compliance", "true" } };
    struct asked_so a;
    ask_so(&a, said, FIELDS);
    CHECK(portkey_read(a.x));
    const struct portkey *p = &a.x->portkey;
    CHECK(p->spoken && p->refresh && p->unkept);
    CHECK_SPAN(p->trace, SPAN("t-1"));
    CHECK_INT(p->request_ms, 250);
    CHECK_SPAN(p->namespace_, SPAN("n"));
    CHECK_INT(p->forward_count, 2);
    CHECK_SPAN(p->forwards[0], SPAN("x-team"));
    CHECK_SPAN(p->forwards[1], SPAN("x-b"));
    CHECK_SPAN(p->dropped, SPAN("x-portkey-forward-headers: authorization, x-portkey-azure-api-version, x-portkey-strict-open-ai-compliance"));
    forget(&a);
}

TEST(portkey_is_not_spoken_where_no_field_of_it_comes)
{
    static const char *const said[][2] = { { "authorization", "Bearer x" }, { "x-request-timeout", "abc" } };
    struct asked_so a;
    ask_so(&a, said, 2);
    CHECK(portkey_read(a.x));
    CHECK(!a.x->portkey.spoken && !a.x->portkey.dropped.at);
    struct http_field list[PORTKEY_FIELDS];
    CHECK_INT(portkey_fields(a.x, list), 0);
    forget(&a);
}

TEST(portkey_refuses_what_it_cannot_read)
{
    static const struct {
        const char *pair[2];
        const char *why;
    } rows[] = { { { "x-portkey-request-timeout", "soon" }, "found \"soon\"; allowed are 1 to 3600000 milliseconds" },
        { { "x-portkey-request-timeout", "0" }, "allowed are 1 to" }, { { "x-portkey-request-timeout", "3600001" }, "allowed are 1 to" },
        { { "x-portkey-trace-id", "a b" }, "printable" }, { { "x-portkey-default-input-guardrails", "[]" }, "stand in the policy or in a route" } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct asked_so a;
        ask_so(&a, &rows[i].pair, 1);
        CHECK(!portkey_read(a.x));
        CHECK_INT(a.x->fault, E_BAD_REQUEST);
        CHECK(span_find(a.x->why, span_of(rows[i].why)) >= 0);
        forget(&a);
    }
    static const char *const twice[][2] = { { "x-portkey-request-timeout", "5" }, { "x-portkey-request-timeout", "6" } };
    struct asked_so a;
    ask_so(&a, twice, 2);
    CHECK(!portkey_read(a.x));
    CHECK_INT(a.x->fault, E_NOT_CANONICAL);
    forget(&a);
}

TEST(portkey_forwards_nothing_that_says_who_asks_or_how)
{
    static const char *const never[] = { "authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "host", "te", "content-length", "content-type",
        "transfer-encoding", "connection", "x-forwarded-for", "x-http-method-override", "x-original-url", "openai-organization", "openai-project", "x-tollgate-config",
        "x-portkey-api-key", "idempotency-key", "stripe-account", "x-tenant-id", "x-amz-security-token", "proxy-authorization", "" };
    static const char *const may[] = { "x-custom", "x-request-id", "accept-language", "user-agent" };
    for (size_t i = 0; i < sizeof(never) / sizeof(*never); i++)
        if (portkey_may_forward(span_of(never[i])))
            test_fail(__FILE__, __LINE__, "%s may be forwarded", never[i]);
    for (size_t i = 0; i < sizeof(may) / sizeof(*may); i++)
        CHECK(portkey_may_forward(span_of(may[i])));
}

TEST(portkey_says_of_the_cache_what_its_callers_know)
{
    static const char *const words[][2] = { { "hit", "HIT" }, { "miss", "MISS" }, { "semantic_hit", "SEMANTIC HIT" }, { "semantic_miss", "SEMANTIC MISS" },
        { "refresh", "REFRESH" }, { "off", "DISABLED" } };
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        CHECK_SPAN(portkey_cache_word(span_of(words[i][0])), span_of(words[i][1]));
}

TEST(portkey_own_time_goes_before_the_vendors)
{
    struct exchange *x = calloc(1, sizeof(*x));
    struct http_deadlines d = { .connect_ms = 10000, .first_byte_ms = 600000, .idle_ms = 5 };
    portkey_deadlines(x, &d);
    CHECK_INT(d.first_byte_ms, 600000);
    x->portkey.request_ms = 300;
    portkey_deadlines(x, &d);
    CHECK_INT(d.first_byte_ms, 300);
    CHECK_INT(d.connect_ms, 300);
    CHECK_INT(d.idle_ms, 5);
    free(x);
}
