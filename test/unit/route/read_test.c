/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "test/unit/route/rig.h"

#define LEAVES "[{\"provider\":\"a\",\"name\":\"a\"},{\"provider\":\"b\",\"name\":\"b\"}]"

static const struct target *leaf(const struct route *r, size_t i) { return r->children[i].target; }

TEST(every_field_of_a_leaf)
{
    struct rig g;
    route_rig_init(&g);
    if (rig_read(&g, "{\"provider\":\"@openai\",\"credential\":\"main\",\"model\":\"gpt-5\",\"region\":\"eu\",\"name\":\"one\",\"weight\":0.25,"
                     "\"retry\":{\"attempts\":3,\"on_status_codes\":[429,503],\"use_retry_after_headers\":false,\"base\":\"100ms\",\"most\":2000},"
                     "\"cache\":{\"mode\":\"semantic\",\"max_age\":3600,\"threshold\":0.9,\"model\":\"@openai/e3\",\"namespace\":\"n\"},"
                     "\"request_timeout\":1500,\"event_timeout\":\"10s\",\"zero_retention\":true,"
                     "\"default_params\":{\"seed\":1},\"override_params\":{\"temperature\":0},\"drop_params\":[\"user\",\"messages[*].name\"],\"lose_params\":[\"seed\"],"
                     "\"forward_headers\":[\"x-team\"],\"breaker\":{\"failures\":3,\"rate_percent\":10,\"least\":7,\"window\":\"30s\",\"cooldown\":\"5s\",\"on_status_codes\":[500]},"
                     "\"input_guardrails\":[{\"a\":1}],\"output_guardrails\":[\"g\"],\"deadline\":\"20s\",\"tries\":4,\"strict_open_ai_compliance\":false}")) {
        const struct target *t = g.route->target;
        CHECK_SPAN(t->provider, SPAN("openai"));
        CHECK_SPAN(t->credential, SPAN("main"));
        CHECK(!t->credential_maybe);
        CHECK_SPAN(t->model, SPAN("gpt-5"));
        CHECK_SPAN(t->region, SPAN("eu"));
        CHECK_SPAN(t->name, SPAN("one"));
        CHECK_INT(t->weight_ppm, 250000);
        CHECK_INT(t->retry.attempts, 3);
        CHECK_INT(t->retry.on.count, 2);
        CHECK(!t->retry.use_retry_after);
        CHECK_INT(t->retry.base_ms, 100);
        CHECK_INT(t->retry.most_ms, 2000);
        CHECK_INT(t->cache.mode, CACHE_SEMANTIC);
        CHECK_INT(t->cache.max_age_ms, 3600000);
        CHECK_INT(t->cache.threshold_ppm, 900000);
        CHECK_SPAN(t->cache.embedding_model, SPAN("@openai/e3"));
        CHECK_SPAN(t->cache.namespace_, SPAN("n"));
        CHECK_INT(t->request_ms, 1500);
        CHECK_INT(t->event_ms, 10000);
        CHECK(t->zero_retention);
        CHECK_INT(t->drop_count, 2);
        CHECK_INT(t->lose_count, 1);
        CHECK_SPAN(t->forward_headers[0], SPAN("x-team"));
        CHECK_INT(t->breaker.failures, 3);
        CHECK_INT(t->breaker.rate_percent, 10);
        CHECK_INT(t->breaker.least, 7);
        CHECK_INT(t->breaker.window_ms, 30000);
        CHECK_INT(t->breaker.cooldown_ms, 5000);
        CHECK_INT(t->breaker.on.list[0], 500);
        CHECK(t->input_guardrails && t->output_guardrails);
        CHECK_INT(g.route->deadline_ms, 20000);
        CHECK_INT(g.route->tries, 4);
        CHECK_SPAN(g.route->notes, SPAN("strict_open_ai_compliance"));
        CHECK_INT(g.route->digest.len, 16);
    }
    route_rig_free(&g);
}

TEST(what_is_not_said_has_its_default)
{
    struct rig g;
    route_rig_init(&g);
    if (rig_read(&g, "{}")) {
        const struct target *t = g.route->target;
        CHECK_INT(t->retry.attempts, 0);
        CHECK(t->retry.use_retry_after && !t->retry.on.given && t->retry.on.count == 6);
        CHECK_INT(t->cache.mode, CACHE_OFF);
        CHECK_INT(t->cache.max_age_ms, INT64_C(604800000));
        CHECK_INT(t->cache.threshold_ppm, 950000);
        CHECK_INT(t->breaker.failures, 5);
        CHECK_INT(t->weight_ppm, 1000000);
        CHECK_INT(g.route->tries, ROUTE_TRIES_MOST);
        CHECK(!g.route->deadline_ms && !t->request_ms && !t->provider.at && !g.route->notes.at);
    }
    route_rig_free(&g);
}

TEST(both_spellings_are_one_vocabulary)
{
    struct rig g, h;
    route_rig_init(&g);
    route_rig_init(&h);
    if (rig_read(&g, "{\"retry\":{\"attempts\":1,\"onStatusCodes\":[500],\"useRetryAfterHeader\":false},\"cache\":{\"mode\":\"simple\",\"maxAge\":60},\"requestTimeout\":5,"
                     "\"virtualKey\":\"v\",\"overrideParams\":{\"topP\":1,\"max_tokens\":2},\"awsRegion\":\"eu-1\"}") &&
        rig_read(&h, "{\"retry\":{\"attempts\":1,\"on_status_codes\":[500],\"use_retry_after_header\":false},\"cache\":{\"mode\":\"simple\",\"max_age\":60},\"request_timeout\":5,"
                     "\"virtual_key\":\"v\",\"override_params\":{\"topP\":1,\"max_tokens\":2},\"aws_region\":\"eu-1\"}")) {
        CHECK_SPAN(g.route->digest, h.route->digest);
        CHECK_SPAN(g.route->target->credential, SPAN("v"));
        CHECK_SPAN(g.route->target->region, SPAN("eu-1"));
        CHECK_SPAN(g.route->target->override_params->first->name, SPAN("topP"));
        CHECK_INT(g.route->target->cache.mode, CACHE_EXACT);
    }
    REFUSED("{\"requestTimeout\":5,\"request_timeout\":6}", "said twice");
    route_rig_free(&g);
    route_rig_free(&h);
}

TEST(hooks_are_guardrails)
{
    struct rig g;
    route_rig_init(&g);
    if (rig_read(&g, "{\"beforeRequestHooks\":[{\"type\":\"guardrail\",\"checks\":[{\"id\":\"default.wordCount\",\"parameters\":{\"maxWords\":5}}]}],\"after_request_hooks\":[]}")) {
        const struct node *checks = node_get(g.route->target->input_guardrails ? g.route->target->input_guardrails->first : NULL, "checks");
        CHECK(checks && node_get(node_get(checks->first, "parameters"), "maxWords"));
        CHECK(!g.route->target->output_guardrails);
    }
    route_rig_free(&g);
}

TEST(short_forms)
{
    struct rig g;
    route_rig_init(&g);
    if (rig_read(&g, "{\"cache\":\"semantic\",\"retry\":2,\"breaker\":\"off\",\"model\":\"@azure/gpt-5\"}")) {
        CHECK_INT(g.route->target->cache.mode, CACHE_SEMANTIC);
        CHECK_INT(g.route->target->retry.attempts, 2);
        CHECK_INT(g.route->target->breaker.failures + g.route->target->breaker.rate_percent, 0);
        CHECK_SPAN(g.route->target->provider, SPAN("azure"));
        CHECK_SPAN(g.route->target->model, SPAN("gpt-5"));
    }
    if (rig_read(&g, "{\"cache\":false,\"override_params\":{\"model\":\"m\",\"seed\":1}}")) {
        CHECK_INT(g.route->target->cache.mode, CACHE_OFF);
        CHECK_SPAN(g.route->target->model, SPAN("m"));
        CHECK_INT(g.route->target->override_params->count, 1);
    }
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"single\"},\"provider\":\"a\"}"))
        CHECK(g.route->target != NULL);
    if (rig_read(&g, "{\"targets\":[{\"provider\":\"a\"}]}"))
        CHECK_SPAN(leaf(g.route, 0)->path, SPAN("config.targets[0]"));
    CHECK(rig_read_as(&g, "strategy: { mode: fallback, on_errors: rate_limit }\ntargets:\n  - provider: openai\n    retry: { attempts: 1 }\n  - { provider: anthropic, model: c }\n", true, false));
    CHECK_INT(g.route->on_errors, FAILURE_RATE_LIMIT);
    route_rig_free(&g);
}

TEST(a_region_said_without_a_provider_is_for_all)
{
    struct rig g;
    route_rig_init(&g);
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"fallback\"},\"region\":\"eu\","
                     "\"targets\":[{\"provider\":\"a\"},{\"model\":\"@b/m\"},{\"provider\":\"a\",\"region\":\"us\"},"
                     "{\"provider\":\"a\",\"strategy\":{\"mode\":\"single\"},\"targets\":[{\"provider\":\"b\"}]},{\"passthrough\":true}]}")) {
        CHECK_SPAN(leaf(g.route, 0)->region, SPAN("eu"));
        CHECK_SPAN(leaf(g.route, 1)->region, SPAN("eu"));
        CHECK_SPAN(leaf(g.route, 2)->region, SPAN("us"));
        CHECK_SPAN(leaf(&g.route->children[3], 0)->region, SPAN("eu"));
        CHECK_SPAN(leaf(g.route, 4)->region, SPAN("eu"));
    }
    route_rig_free(&g);
}

TEST(children_inherit)
{
    struct rig g;
    route_rig_init(&g);
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"fallback\"},\"provider\":\"a\",\"credential\":\"ca\",\"model\":\"m\",\"region\":\"eu\",\"retry\":{\"attempts\":2,\"on_status_codes\":[500]},"
                     "\"cache\":{\"mode\":\"simple\",\"max_age\":60},\"request_timeout\":100,\"override_params\":{\"t\":1,\"u\":1},\"default_params\":{\"d\":1},\"drop_params\":[\"x\"],"
                     "\"zero_retention\":true,\"breaker\":{\"failures\":9},\"weight\":7,\"name\":\"root\","
                     "\"targets\":[{},{\"provider\":\"b\",\"retry\":{\"attempts\":1},\"cache\":\"off\",\"request_timeout\":200,\"override_params\":{\"u\":2},\"default_params\":{\"e\":1},"
                     "\"drop_params\":[\"y\"],\"zero_retention\":false,\"breaker\":\"off\"},{\"model\":\"@c/n\"},{\"override_params\":{\"model\":\"k\"}},{\"passthrough\":true}]}")) {
        const struct target *t = leaf(g.route, 0), *own = leaf(g.route, 1);
        CHECK_SPAN(t->provider, SPAN("a"));
        CHECK_SPAN(t->credential, SPAN("ca"));
        CHECK_SPAN(t->model, SPAN("m"));
        CHECK_SPAN(t->region, SPAN("eu"));
        CHECK_INT(t->retry.attempts, 2);
        CHECK_INT(t->cache.mode, CACHE_EXACT);
        CHECK_INT(t->request_ms, 100);
        CHECK_INT(t->override_params->count, 2);
        CHECK_INT(t->breaker.failures, 9);
        CHECK(t->zero_retention && !t->name.at);
        CHECK_INT(t->weight_ppm, 1000000);
        CHECK_SPAN(own->provider, SPAN("b"));
        CHECK(!own->credential.at && !own->region.at);
        CHECK_SPAN(own->model, SPAN("m"));
        CHECK_INT(own->retry.attempts, 1);
        CHECK_INT(own->retry.on.count, 6); /* the whole object is the child's */
        CHECK_INT(own->cache.mode, CACHE_OFF);
        CHECK_INT(own->override_params->count, 2);
        CHECK_SPAN(node_get(own->override_params, "u")->text, SPAN("2"));
        CHECK_INT(own->default_params->count, 2);
        CHECK_SPAN(own->drop_params[0], SPAN("y"));
        CHECK(!own->zero_retention && !own->breaker.failures);
        CHECK_SPAN(leaf(g.route, 2)->provider, SPAN("c"));
        CHECK_SPAN(leaf(g.route, 2)->model, SPAN("n"));
        CHECK(!leaf(g.route, 2)->credential.at);
        CHECK_SPAN(leaf(g.route, 3)->model, SPAN("k"));
        CHECK_SPAN(leaf(g.route, 3)->credential, SPAN("ca"));
        CHECK(!leaf(g.route, 4)->provider.at && !leaf(g.route, 4)->model.at);
        CHECK_INT(g.route->leaf_count, 5);
    }
    route_rig_free(&g);
}

TEST(every_field_of_a_strategy)
{
    struct rig g;
    route_rig_init(&g);
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"fallback\",\"on_status_codes\":[429],\"on_errors\":[\"context_window\",\"content_policy\",\"rate_limit\",\"outage\",\"timeout\",\"auth\"],"
                     "\"cb_config\":{\"failure_threshold\":3,\"minimum_requests\":6,\"failure_threshold_percentage\":20,\"cooldown_interval\":40000,\"failure_status_codes\":[500]}},\"targets\":" LEAVES "}")) {
        CHECK_INT(g.route->on_errors, 63);
        CHECK_INT(g.route->on_status.list[0], 429);
        CHECK_INT(leaf(g.route, 1)->breaker.failures, 3);
        CHECK_INT(leaf(g.route, 1)->breaker.least, 6);
        CHECK_INT(leaf(g.route, 1)->breaker.rate_percent, 20);
        CHECK_INT(leaf(g.route, 1)->breaker.cooldown_ms, 40000);
    }
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"balance\",\"by\":\"latency\",\"failover\":true,\"sticky\":{\"enabled\":true,\"hash_fields\":[\"metadata.u\",\"headers.x\"],\"ttl\":300}},\"targets\":" LEAVES "}")) {
        CHECK_INT(g.route->by, BALANCE_LATENCY);
        CHECK(g.route->failover);
        CHECK_INT(g.route->sticky_count, 2);
        CHECK_SPAN(g.route->notes, SPAN("sticky.ttl"));
    }
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"loadbalance\",\"sticky\":{\"enabled\":false,\"hash_fields\":[\"metadata.u\"]}},\"targets\":" LEAVES "}"))
        CHECK(!g.route->sticky_count && !g.route->failover);
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"race\",\"stagger\":\"p95\",\"accept\":{\"empty\":true,\"refused\":true,\"truncated\":false,\"schema\":false,\"guards\":[1]}},\"targets\":" LEAVES "}")) {
        CHECK_INT(g.route->stagger_ms, -1);
        CHECK(g.route->accept.empty && g.route->accept.refused && !g.route->accept.truncated && !g.route->accept.schema && g.route->accept.guards);
    }
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"race\",\"stagger_ms\":150},\"targets\":" LEAVES "}"))
        CHECK_INT(g.route->stagger_ms, 150);
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"canary\",\"percent\":5,\"sticky\":[\"user\"]},\"targets\":" LEAVES "}"))
        CHECK_INT(g.route->percent, 5);
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"cheapest\"},\"targets\":" LEAVES "}"))
        CHECK(g.route->failover);
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"fastest\",\"failover\":false},\"targets\":" LEAVES "}"))
        CHECK(!g.route->failover);
    route_rig_free(&g);
}

TEST(secrets_of_a_header_are_forgotten)
{
    struct rig g;
    route_rig_init(&g);
    if (rig_read(&g, "{\"strategy\":{\"mode\":\"fallback\"},\"targets\":[{\"provider\":\"a\",\"api_key\":\"sk-proj-abcdef\"},{\"provider\":\"b\",\"api_key\":\"prod-openai\"},"
                     "{\"provider\":\"c\",\"aws_secret_access_key\":\"zzz\",\"vertex_service_account_json\":{\"private_key\":\"p\"}}]}")) {
        CHECK(!leaf(g.route, 0)->credential.at);
        CHECK_SPAN(leaf(g.route, 1)->credential, SPAN("prod-openai"));
        CHECK(leaf(g.route, 1)->credential_maybe);
        CHECK_SPAN(g.route->notes, SPAN("api_key, aws_secret_access_key, vertex_service_account_json"));
    }
    CHECK(!rig_read_as(&g, "{\"api_key\":\"sk-proj-abcdef\"}", false, false));
    CHECK(strstr(g.t.text, "api_key") && strstr(g.t.text, "credential") && !strstr(g.t.text, "abcdef"));
    CHECK(!rig_read_as(&g, "{\"api_key\":\"sk-proj-abcdef\",\"nonsense\":1}", false, true));
    CHECK(strstr(g.t.text, "nonsense") && !strstr(g.t.text, "abcdef"));
    CHECK(!rig_read_as(&g, "{\"credential\":\"two words\"}", false, true));
    CHECK(!strstr(g.t.text, "words"));
    route_rig_free(&g);
}

TEST(what_cannot_be_meant_is_refused)
{
    REFUSED("[]", "allowed: a route");
    REFUSED("{\"retri\":{}}", "did you mean \"retry\"");
    REFUSED("{\"retry\":{\"attempt\":1}}", "did you mean \"attempts\"");
    REFUSED("{\"retry\":{\"attempts\":6}}", "from 0 to 5");
    REFUSED("{\"retry\":{\"attempts\":\"2\"}}", "without quotes");
    REFUSED("{\"retry\":{\"on_status_codes\":[42]}}", "from 100 to 599");
    REFUSED("{\"retry\":{\"on_status_codes\":{}}}", "a list of status codes");
    REFUSED("{\"retry\":{\"base\":0}}", "route.retry.base");
    REFUSED("{\"cache\":\"redis\"}", "off, simple, exact, semantic");
    REFUSED("{\"cache\":{\"max_age\":10}}", "from 60 to 7776000 s");
    REFUSED("{\"cache\":{\"threshold\":0.2}}", "from 0.5 to 1");
    REFUSED("{\"request_timeout\":0}", "milliseconds");
    REFUSED("{\"request_timeout\":\"soon\"}", "route.request_timeout");
    REFUSED("{\"custom_host\":\"http://x\"}", "hosts belong to vendors");
    REFUSED("{\"customHost\":\"http://x\"}", "hosts belong to vendors");
    REFUSED("{\"resource_name\":\"r\"}", "a vendor's entry");
    REFUSED("{\"azure_foundry_url\":\"r\"}", "a vendor's entry");
    REFUSED("{\"before_request_hooks\":[],\"input_guardrails\":[]}", "input_guardrails is said twice");
    REFUSED("{\"output_mutators\":[]}", "output_guardrails with a check");
    REFUSED("{\"prompt_id\":\"p\"}", "stored prompts");
    REFUSED("{\"options\":[]}", "strategy and targets");
    REFUSED("{\"input_guardrails\":{}}", "a list of guardrails");
    REFUSED("{\"provider\":\"a/b\"}", "a vendor's name");
    REFUSED("{\"provider\":\"a\",\"model\":\"@b/m\"}", "the provider that is named beside it");
    REFUSED("{\"provider\":\"ab\",\"model\":\"@a/m\"}", "the provider that is named beside it");
    REFUSED("{\"provider\":\"a\",\"model\":\"@ab/m\"}", "the provider that is named beside it");
    REFUSED("{\"model\":\"@b\"}", "@openai/gpt-5");
    REFUSED("{\"model\":\"a\",\"override_params\":{\"model\":\"b\"}}", "only one of the two");
    REFUSED("{\"credential\":\"a\",\"virtual_key\":\"b\"}", "not both");
    REFUSED("{\"override_params\":[]}", "a map");
    REFUSED("{\"drop_params\":[\"a..b\"]}", "a path such as");
    REFUSED("{\"drop_params\":[\"a[x]\"]}", "a path such as");
    REFUSED("{\"drop_params\":[\"a[0]b\"]}", "a path such as");
    REFUSED("{\"forward_headers\":[\"Authorization\"]}", "names of headers");
    REFUSED("{\"forward_headers\":[\"x-portkey-forward-headers\"]}", "names of headers");
    REFUSED("{\"forward_headers\":[\"x-tollgate-config\"]}", "names of headers");
    REFUSED("{\"forward_headers\":[\"x y\"]}", "names of headers");
    REFUSED("{\"weight\":-1}", "a decimal number");
    REFUSED("{\"weight\":\"1\"}", "without quotes");
    REFUSED("{\"breaker\":\"on\"}", "off");
    REFUSED("{\"tries\":17}", "from 1 to 16");
    REFUSED("{\"zero_retention\":1}", "true, false");
}

TEST(strategies_that_cannot_be_meant_are_refused)
{
#define MODE(text) "{\"strategy\":{" text "},\"targets\":" LEAVES "}"
    REFUSED("{\"strategy\":\"fallback\",\"targets\":" LEAVES "}", "{ mode: fallback }");
    REFUSED(MODE(""), "missing; allowed: single, fallback");
    REFUSED(MODE("\"mode\":\"roundrobin\""), "found \"roundrobin\"");
    REFUSED(MODE("\"mode\":\"single\""), "asks the first alone");
    REFUSED("{\"targets\":" LEAVES "}", "missing, with 2 targets");
    REFUSED("{\"strategy\":{\"mode\":\"fallback\"}}", "needs targets");
    REFUSED("{\"strategy\":{\"mode\":\"fallback\"},\"targets\":[]}", "1 to 64 targets");
    REFUSED(MODE("\"mode\":\"fallback\",\"percent\":5"), "percent means nothing to mode fallback");
    REFUSED(MODE("\"mode\":\"loadbalance\",\"on_status_codes\":[500]"), "on_status_codes means nothing to mode balance");
    REFUSED(MODE("\"mode\":\"fallback\",\"on_status_code\":[500]"), "did you mean \"on_status_codes\"");
    REFUSED(MODE("\"mode\":\"fallback\",\"on_errors\":[\"bad\"]"), "context_window, content_policy");
    REFUSED(MODE("\"mode\":\"balance\",\"by\":\"luck\""), "weight, busy, latency, headroom");
    REFUSED(MODE("\"mode\":\"balance\",\"sticky\":[\"colour\"]"), "metadata.NAME");
    REFUSED(MODE("\"mode\":\"balance\",\"sticky\":{}"), "metadata.NAME");
    REFUSED(MODE("\"mode\":\"canary\""), "from 0 to 100");
    REFUSED(MODE("\"mode\":\"canary\",\"percent\":101"), "from 0 to 100");
    REFUSED("{\"strategy\":{\"mode\":\"canary\",\"percent\":1},\"targets\":[{}]}", "found one target");
    REFUSED("{\"strategy\":{\"mode\":\"race\"},\"targets\":[{}]}", "2 to 6 targets");
    REFUSED("{\"strategy\":{\"mode\":\"race\"},\"targets\":[{},{},{},{},{},{},{}]}", "2 to 6 targets");
    REFUSED("{\"strategy\":{\"mode\":\"race\"},\"targets\":[{},{\"strategy\":{\"mode\":\"race\"},\"targets\":[{},{}]}]}", "a race inside a race");
    REFUSED("{\"strategy\":{\"mode\":\"race\"},\"targets\":[{},{\"targets\":[{\"strategy\":{\"mode\":\"race\"},\"targets\":[{},{}]}]}]}", "a race inside a race");
    REFUSED(MODE("\"mode\":\"race\",\"stagger\":\"p50\""), "route.strategy.stagger");
    REFUSED("{\"strategy\":{\"mode\":\"loadbalance\"},\"targets\":[{\"weight\":0},{\"weight\":0.0}]}", "all weights are 0");
    REFUSED(MODE("\"mode\":\"fallback\",\"cb_config\":{\"minimum_requests\":5}"), "failure_threshold or");
    REFUSED(MODE("\"mode\":\"fallback\",\"cb_config\":{\"failure_threshold\":5,\"cooldown_interval\":100}"), "from 30000");
    REFUSED(MODE("\"mode\":\"conditional\""), "route.strategy.conditions");
    REFUSED(MODE("\"mode\":\"conditional\",\"conditions\":[{\"query\":{\"metadata.a\":\"b\"},\"then\":\"z\"}]"), "the name of one of the targets");
    REFUSED(MODE("\"mode\":\"conditional\",\"conditions\":[{\"query\":{\"metadata.a\":\"b\"},\"then\":\"a\"}],\"default\":\"z\""), "the name of one of the targets");
    REFUSED(MODE("\"mode\":\"conditional\",\"conditions\":[{\"query\":{\"metadata.a\":{\"$like\":\"b\"}},\"then\":\"a\"}]"), "Unsupported operator used in the query router: $like");
    REFUSED(MODE("\"mode\":\"conditional\",\"conditions\":[{\"query\":{\"metadata.a\":{\"$regex\":\"(\"}},\"then\":\"a\"}]"), "a pattern that cannot be used");
    REFUSED(MODE("\"mode\":\"conditional\",\"conditions\":[{\"query\":{\"colour\":\"b\"},\"then\":\"a\"}]"), "found \"colour\"");
    REFUSED(MODE("\"mode\":\"conditional\",\"conditions\":[{\"query\":{\"$and\":{}},\"then\":\"a\"}]"), "a list of queries");
    REFUSED(MODE("\"mode\":\"conditional\",\"conditions\":[{\"query\":{\"metadata.a\":{\"$in\":\"x\"}},\"then\":\"a\"}]"), "a list of at most 1000");
    REFUSED(MODE("\"mode\":\"conditional\",\"conditions\":[{\"query\":{},\"then\":\"a\"}]"), "a query such as");
    REFUSED("{\"strategy\":{\"mode\":\"conditional\",\"conditions\":[{\"query\":{\"metadata.a\":1},\"then\":\"a\"}]},\"targets\":[{\"name\":\"a\"},{\"name\":\"a\"}]}", "two targets are named");
    REFUSED("{\"targets\":[{\"deadline\":5}]}", "at the root");
    REFUSED("{\"targets\":[{\"tries\":5}]}", "at the root");
    REFUSED("{\"targets\":[{\"targets\":[{\"targets\":[{\"targets\":[{\"targets\":[{\"targets\":[{\"targets\":[{\"targets\":[{}]}]}]}]}]}]}]}]}", "nested too deep");
}

TEST(a_route_has_at_most_64_targets)
{
    struct buf text;
    buf_init(&text, 1 << 16);
    buf_put(&text, SPAN("{\"strategy\":{\"mode\":\"fallback\"},\"targets\":["));
    for (int i = 0; i < 13; i++)
        buf_print(&text, "%s{\"strategy\":{\"mode\":\"fallback\"},\"targets\":[{},{},{},{},{}]}", i ? "," : "");
    buf_put(&text, SPAN("]}"));
    buf_put_byte(&text, '\0');
    REFUSED(text.at, "at most 64 in one route");
    buf_free(&text);
}
