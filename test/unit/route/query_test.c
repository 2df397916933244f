/* SPDX-License-Identifier: Apache-2.0 */
#include "test/unit/route/rig.h"

static const char *const fields[] = { "metadata.plan", "\"paid\"", "metadata.n", "\"12\"", "params.temperature", "0.5", "params.stream", "true", "params.nothing", "null",
    "params.list", "[1,2]", "headers.x", "\"a\\\"b\\nc\"", "url.pathname", "\"/v1/chat/completions\"", "time.hour", "13", "user", "\"0x1f\"", NULL };

static void judge(int line, const char *query, bool want)
{
    struct rig g;
    struct node *n = NULL;
    const char *why;
    bool holds = !want;
    route_rig_init(&g);
    g.fields = fields;
    struct route_view v = rig_view(&g, 1);
    bool good = node_read_json(&g.a, "", span_of(query), &n, &g.t) == E_OK && route_query_holds(n, &v, &g.a, &holds, &why);
    if (!good || holds != want)
        test_fail(__FILE__, line, "%s: %s, %s", query, good ? "a query" : "no query", holds ? "holds" : "does not hold");
    route_rig_free(&g);
}
#define HOLDS(query) judge(__LINE__, query, true)
#define FAILS(query) judge(__LINE__, query, false)

TEST(operators_of_queries)
{
    HOLDS("{\"metadata.plan\":\"paid\"}");
    FAILS("{\"metadata.plan\":\"free\"}");
    HOLDS("{\"metadata.plan\":{\"$eq\":\"paid\"}}");
    FAILS("{\"metadata.none\":{\"$eq\":\"paid\"}}");
    HOLDS("{\"metadata.none\":{\"$ne\":\"paid\"}}");
    FAILS("{\"metadata.plan\":{\"$ne\":\"paid\"}}");
    HOLDS("{\"params.temperature\":0.5}");
    HOLDS("{\"params.temperature\":0.50}");
    FAILS("{\"params.temperature\":\"0.5\"}");
    FAILS("{\"metadata.n\":12}");
    HOLDS("{\"params.stream\":true}");
    FAILS("{\"params.stream\":\"true\"}");
    HOLDS("{\"params.nothing\":{\"$eq\":null}}");
    HOLDS("{\"metadata.n\":{\"$gt\":11}}");
    HOLDS("{\"metadata.n\":{\"$gt\":\"11\"}}");
    FAILS("{\"metadata.n\":{\"$gt\":12}}");
    HOLDS("{\"metadata.n\":{\"$gte\":12,\"$lte\":12}}");
    FAILS("{\"metadata.n\":{\"$gte\":12,\"$lt\":12}}");
    HOLDS("{\"params.temperature\":{\"$lt\":1}}");
    FAILS("{\"metadata.plan\":{\"$lt\":1}}");
    FAILS("{\"metadata.none\":{\"$lt\":1}}");
    FAILS("{\"params.list\":{\"$lt\":9}}");
    HOLDS("{\"user\":{\"$lt\":1}}"); /* 0, then an x: as parseFloat reads it */
    HOLDS("{\"metadata.plan\":{\"$in\":[\"free\",\"paid\"]}}");
    FAILS("{\"metadata.plan\":{\"$in\":[]}}");
    HOLDS("{\"metadata.plan\":{\"$nin\":[\"free\"]}}");
    HOLDS("{\"metadata.none\":{\"$nin\":[\"free\"]}}");
    HOLDS("{\"metadata.none\":{\"$exists\":false}}");
    HOLDS("{\"params.nothing\":{\"$exists\":true}}");
    FAILS("{\"metadata.plan\":{\"$exists\":false}}");
    HOLDS("{\"headers.x\":\"a\\\"b\\nc\"}");
    HOLDS("{\"time.hour\":{\"$gte\":9,\"$lt\":18}}");
}

TEST(patterns_of_queries)
{
    HOLDS("{\"metadata.plan\":{\"$regex\":\"ai\"}}");
    HOLDS("{\"metadata.plan\":{\"$regex\":\"^pa|^x\"}}");
    HOLDS("{\"metadata.plan\":{\"$regex\":\"x|id$\"}}");
    FAILS("{\"metadata.plan\":{\"$regex\":\"^ai\"}}");
    FAILS("{\"metadata.plan\":{\"$regex\":\"PAID\"}}");
    HOLDS("{\"metadata.plan\":{\"$regex\":\"(?i)PAID\"}}");
    HOLDS("{\"headers.x\":{\"$regex\":\"c$\"}}");
    HOLDS("{\"url.pathname\":{\"$regex\":\"chat/completions$\"}}");
    FAILS("{\"metadata.none\":{\"$regex\":\".*\"}}");
}

TEST(a_pattern_that_never_ends_does_not_hold)
{
    struct rig g;
    char value[4100];
    struct node *n = NULL;
    const char *why;
    bool holds = true;
    memset(value, 'a', sizeof(value));
    value[0] = value[4097] = '"';
    value[4096] = '!';
    value[4098] = '\0';
    const char *own[] = { "user", value, NULL };
    route_rig_init(&g);
    g.fields = own;
    struct route_view v = rig_view(&g, 1);
    CHECK_INT(node_read_json(&g.a, "", SPAN("{\"user\":{\"$regex\":\"^(a+)+$\"}}"), &n, &g.t), E_OK);
    CHECK(route_query_holds(n, &v, &g.a, &holds, &why) && !holds);
    route_rig_free(&g);
}

TEST(what_stands_beside_counts)
{
    HOLDS("{\"$and\":[{\"metadata.plan\":\"paid\"},{\"params.stream\":true}]}");
    FAILS("{\"$and\":[{\"metadata.plan\":\"paid\"}],\"params.stream\":false}");
    FAILS("{\"$or\":[{\"metadata.plan\":\"paid\"}],\"metadata.plan\":\"free\"}");
    FAILS("{\"metadata.plan\":{\"$regex\":\"paid\",\"$ne\":\"paid\"}}");
    FAILS("{\"metadata.plan\":{\"$ne\":\"paid\",\"$regex\":\"paid\"}}");
    HOLDS("{\"$or\":[{\"metadata.plan\":\"free\"},{\"$and\":[{\"metadata.n\":{\"$gt\":1}},{\"$or\":[{\"user\":\"z\"},{\"time.hour\":13}]}]}]}");
    FAILS("{\"$or\":[{\"metadata.plan\":\"free\"},{\"metadata.plan\":\"x\"}]}");
}

TEST(what_is_no_query_is_told)
{
    struct rig g;
    struct node *n = NULL;
    const char *why;
    bool holds;
    route_rig_init(&g);
    g.fields = fields;
    struct route_view v = rig_view(&g, 1);
    CHECK_INT(node_read_json(&g.a, "", SPAN("{\"metadata.plan\":{\"$like\":1}}"), &n, &g.t), E_OK);
    CHECK(!route_query_holds(n, &v, &g.a, &holds, &why) && why);
    route_rig_free(&g);
}
