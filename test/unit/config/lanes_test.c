/* SPDX-License-Identifier: Apache-2.0
 * lanes_test.c - vendors of language models as a configuration names them: lanes, targets, quirks, servers of one's own; and names of
 * models that would like to be something else. */
#include "test/unit/config/conf.h"

static struct conf r;

static void opens(const char *vendors, const char *credentials)
{
    static char text[8192];
    snprintf(text, sizeof(text), "%scredentials:\n%s", vendors, credentials);
    conf_open(&r, text);
}

/* As conf_open, but it must not load. The first vendors are conf_vendors'. */
static bool refused(const char *vendors, const char *credentials, const char *said)
{
    static char text[4096];
    snprintf(text, sizeof(text), "%scredentials:\n%s", vendors, credentials);
    conf_open(&r, "");
    enum err e = conf_load(&r, text);
    bool fits = e == E_CONFIG && conf_has(span_of(r.trouble.text), said);
    if (!fits)
        test_fail(__FILE__, __LINE__, "%s: %s", said, r.trouble.text);
    if (e)
        r.snapshot = NULL;
    conf_close(&r);
    return fits;
}

static const struct lane *lane(const struct upstream *u, const char *dialect, bool stream, const char *model)
{
    return upstream_lane(u, dialect ? dialect_find(span_of(dialect)) : NULL, stream, span_of(model));
}

static const struct upstream *named(const char *name) { return snapshot_provider(r.snapshot, span_of(name)); }

/* A lane of its own making, whatever is translated by now. */
static struct lane lane_of(const struct upstream *u, const char *operation)
{
    size_t count;
    const struct operation *list = vendor_operations(&u->vendor, &count);
    for (size_t i = 0; i < count; i++)
        if (span_is(list[i].name, span_of(operation)))
            return (struct lane){ &list[i], NULL, LANE_BOTH };
    test_fail(__FILE__, __LINE__, "no operation %s", operation);
    must(count == 0);
    return (struct lane){ NULL, NULL, LANE_BOTH };
}

static struct span target(const struct upstream *u, const char *operation, const char *model, struct span *query)
{
    struct lane l = lane_of(u, operation);
    return lane_target(u, &l, span_of(model), &r.arena, query);
}

/* ---- lanes ---- */

TEST(a_vendor_with_one_path_has_one_lane_and_one_with_two_has_two)
{
    opens("  bedrock: { settings: { region: eu-west-1 } }\n", "  g: { vendor: google, secret: k }\n  q: { vendor: groq, secret: k }\n  b: { vendor: bedrock, key_id: i, secret: k }\n");
    const struct upstream *gemini = named("gemini"), *groq = named("groq"), *bedrock = named("aws");
    CHECK(gemini && groq && bedrock && gemini->llm && groq->llm && bedrock->llm && !named("acme")->llm);
    const struct lane *whole = lane(gemini, "gemini", false, "gemini-2.5-flash"), *stream = lane(gemini, "gemini", true, "gemini-2.5-flash");
    CHECK(whole && whole->use == LANE_WHOLE && span_is(whole->operation->name, SPAN("gemini.generateContent")));
    CHECK(stream && stream->use == LANE_STREAM && span_is(stream->operation->name, SPAN("gemini.streamGenerateContent")));
    /* Google's own OpenAI paths are for those who name them. */
    CHECK(lane(gemini, "openai_chat", false, "gemini-2.5-flash") == whole);
    const struct lane *chat = lane(groq, "openai_chat", true, "llama");
    CHECK(chat && chat->use == LANE_BOTH && chat == lane(groq, "openai_chat", false, "llama") && chat == lane(groq, "anthropic_messages", true, "llama"));
    CHECK(lane(groq, "openai_responses", false, "llama") == chat); /* not offered there */
    CHECK(span_is(lane(bedrock, NULL, false, "m")->operation->name, SPAN("bedrock.Converse")));
    CHECK(span_is(lane(bedrock, NULL, true, "m")->operation->name, SPAN("bedrock.ConverseStream")));
    conf_close(&r);
}

TEST(vertex_has_a_lane_for_each_maker)
{
    opens("  vertex: { auth: bearer, settings: { project: p-1, location: us-east5 } }\n", "  v: { vendor: vertex_ai, secret: ya29.x }\n");
    const struct upstream *u = named("vertex");
    struct span query;
    CHECK(!u->vendor.brokered && !u->vendor.key_file);
    CHECK_SPAN(u->origins[0].host, SPAN("us-east5-aiplatform.googleapis.com"));
    CHECK(span_is(lane(u, "openai_chat", false, "gemini-2.5-pro")->operation->name, SPAN("vertex.generateContent")));
    CHECK(span_is(lane(u, "openai_chat", true, "claude-sonnet-4-5@20250929")->operation->name, SPAN("vertex.streamRawPredict")));
    CHECK(span_is(lane(u, "gemini", true, "meta/llama-3.3-70b-instruct-maas")->operation->name, SPAN("vertex.openai.chat.completions")));
    CHECK(!lane(u, "openai_chat", false, "unheard-of"));
    CHECK_SPAN(lane_target(u, lane(u, NULL, true, "gemini-2.5-pro"), SPAN("gemini-2.5-pro"), &r.arena, &query),
        SPAN("/v1/projects/p-1/locations/us-east5/publishers/google/models/gemini-2.5-pro:streamGenerateContent"));
    CHECK_SPAN(query, SPAN("alt=sse"));
    CHECK_SPAN(lane_target(u, lane(u, NULL, false, "claude-x@1"), SPAN("claude-x@1"), &r.arena, &query),
        SPAN("/v1/projects/p-1/locations/us-east5/publishers/anthropic/models/claude-x%401:rawPredict"));
    CHECK(!query.at);
    CHECK_SPAN(target(u, "vertex.openai.chat.completions", "meta/llama", &query), SPAN("/v1/projects/p-1/locations/us-east5/endpoints/openapi/chat/completions"));
    CHECK_SPAN(u->quirks.version, SPAN("vertex-2023-10-16"));
    conf_close(&r);
}

TEST(azure_s_deployments_stand_in_paths_and_are_priced_by_their_models)
{
    opens("  azure: { settings: { resource: my-res }, models: { prod-chat: gpt-4o } }\n", "  a: { vendor: azure-openai, secret: k }\n");
    const struct upstream *u = named("azure");
    struct span query;
    CHECK_SPAN(u->origins[0].host, SPAN("my-res.openai.azure.com"));
    CHECK_SPAN(target(u, "azure.chat.completions", "prod-chat", &query), SPAN("/deployments/prod-chat/chat/completions"));
    CHECK_SPAN(query, SPAN("api-version=2024-10-21"));
    CHECK_SPAN(target(u, "azure.v1.responses", "prod-chat", &query), SPAN("/v1/responses"));
    CHECK_SPAN(upstream_price_model(u, SPAN("prod-chat")), SPAN("gpt-4o"));
    CHECK_SPAN(upstream_price_model(u, SPAN("other")), SPAN("other"));
    CHECK_INT(u->quirks.limit, LIMIT_MAX_COMPLETION_TOKENS);
    conf_close(&r);
}

/* ---- names of models ---- */

TEST(a_model_s_name_is_one_step_of_a_path_and_nothing_else)
{
    static const char *const bad[] = { "", ".", "..", "../x", "x/../y", "a/b", "x?y", "x#y", "x%2fy", "x\\y", "x y", "x\ny", "x\r\nhost: evil", "x;y", "x\"y", "x{y}", "a..b", "\x7f", "é",
        "https://evil.example/m", "//evil.example", "/etc", "models/../x", "models/a/b" };
    struct span query;
    opens("  azure: { settings: { resource: res } }\n  bedrock: { settings: { region: eu-west-1 } }\n",
        "  g: { vendor: gemini, secret: k }\n  a: { vendor: azure, secret: k }\n  b: { vendor: bedrock, key_id: i, secret: k }\n");
    const struct upstream *gemini = named("gemini"), *azure = named("azure"), *bedrock = named("bedrock");
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        CHECK(!target(gemini, "gemini.generateContent", bad[i], &query).at && !query.at);
        CHECK(!target(azure, "azure.chat.completions", bad[i], &query).at);
        CHECK(!target(bedrock, "bedrock.Converse", bad[i], &query).at);
    }
    char longest[600];
    memset(longest, 'a', sizeof(longest));
    longest[513] = '\0';
    CHECK(!target(gemini, "gemini.generateContent", longest, &query).at);
    /* What looks like the end of another call stays part of the name. */
    CHECK_SPAN(target(gemini, "gemini.generateContent", "x:countTokens", &query), SPAN("/v1beta/models/x%3AcountTokens:generateContent"));
    CHECK_SPAN(target(gemini, "gemini.generateContent", "a@evil.example:80", &query), SPAN("/v1beta/models/a%40evil.example%3A80:generateContent"));
    CHECK_SPAN(target(gemini, "gemini.streamGenerateContent", "models/gemini-2.5-flash", &query), SPAN("/v1beta/models/gemini-2.5-flash:streamGenerateContent"));
    CHECK_SPAN(target(bedrock, "bedrock.ConverseStream", "anthropic.claude-v2:1", &query), SPAN("/model/anthropic.claude-v2%3A1/converse-stream"));
    CHECK_SPAN(target(bedrock, "bedrock.Converse", "arn:aws:bedrock:eu-west-1:1:inference-profile/eu.x-v1:0", &query),
        SPAN("/model/arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Ainference-profile%2Feu.x-v1%3A0/converse"));
    CHECK(!target(bedrock, "bedrock.Converse", "arn:x/../y", &query).at);
    conf_close(&r);
}

/* A name that is a step of its own in the table would be another operation. */
TEST(a_model_named_like_an_operation_is_refused)
{
    struct span query;
    opens("  vertex: { auth: bearer, settings: { project: p } }\n", "  v: { vendor: vertex, secret: k }\n");
    CHECK(!target(named("vertex"), "vertex.rawPredict", "count-tokens", &query).at);
    CHECK(target(named("vertex"), "vertex.rawPredict", "claude-x", &query).at != NULL);
    conf_close(&r);
}

TEST(a_target_waits_for_its_settings)
{
    struct span query;
    opens("  predibase: { settings: { tenant: t1 } }\n  ragflow: {}\n", "  p: { vendor: predibase, secret: k }\n  r: { vendor: ragflow, secret: k }\n");
    CHECK_SPAN(target(named("predibase"), "predibase.chat.completions", "llama", &query), SPAN("/t1/deployments/v2/llms/llama/v1/chat/completions"));
    CHECK(!target(named("ragflow"), "ragflow.chat.completions", "m", &query).at);
    conf_close(&r);
    opens("  ragflow: { settings: { chat: c7 } }\n", "  r: { vendor: ragflow, secret: k }\n");
    CHECK_SPAN(target(named("ragflow"), "ragflow.chat.completions", "m", &query), SPAN("/v1/chats_openai/c7/chat/completions"));
    conf_close(&r);
}

/* The address is the manifest's or the entry's: what a caller says of hosts does not even go on. */
TEST(a_caller_does_not_choose_the_host)
{
    static struct http_field fields[] = { { { "host", 4 }, { "evil.example", 12 } }, { { "x-portkey-custom-host", 21 }, { "https://evil.example/v1", 23 } },
        { { "x-forwarded-host", 16 }, { "evil.example", 12 } }, { { "x-goog-user-project", 19 }, { "evil-project", 12 } }, { { "authorization", 13 }, { "Bearer tg_agent", 15 } } };
    static const char *const vendors[] = { "groq", "gemini", "azure", "cohere", "claude-proxy" };
    static const char *const paths[] = { "/v1/chat/completions", "/v1beta/models/m:generateContent", "/v1/chat/completions", "/v2/chat", "/v1/messages" };
    static const char *const hosts[] = { "api.groq.com", "generativelanguage.googleapis.com", "res.openai.azure.com", "api.cohere.com", "p.example" };
    opens("  azure: { settings: { resource: res } }\n  claude-proxy: { dialect: anthropic, base_url: https://p.example/v1 }\n",
        "  a: { vendor: groq, secret: k }\n  b: { vendor: gemini, secret: k }\n  c: { vendor: azure, secret: k }\n  d: { vendor: cohere, secret: k }\n  e: { vendor: claude-proxy, secret: k }\n");
    for (size_t i = 0; i < sizeof(vendors) / sizeof(*vendors); i++) {
        const struct upstream *u = named(vendors[i]);
        struct http_head head = { .fields = fields, .count = sizeof(fields) / sizeof(*fields), .length = -1 };
        struct vendor_secret secret = { .secret = SPAN("k-123") };
        struct matched m;
        struct buf out;
        char line[128];
        CHECK(vendor_match(&u->vendor, SPAN("POST"), span_of(paths[i]), &m));
        struct compose c = { .vendor = &u->vendor, .matched = &m, .head = &head, .path = span_of(paths[i]), .query = SPAN(""), .secret = &secret };
        buf_init(&out, 1 << 14);
        vendor_compose(&c, &r.arena, &out);
        snprintf(line, sizeof(line), "\r\nhost: %s\r\n", hosts[i]);
        if (out.broken || conf_has(buf_span(&out), "evil") || conf_has(buf_span(&out), "tg_agent") || !conf_has(buf_span(&out), line))
            test_fail(__FILE__, __LINE__, "%s: %.*s", vendors[i], SPAN_ARG(buf_span(&out)));
        CHECK_SPAN(u->origins[0].host, span_of(hosts[i]));
        buf_free(&out);
    }
    conf_close(&r);
}

/* ---- what an entry says ---- */

TEST(a_credential_is_enough)
{
    opens("", "  g: { vendor: groq, secret: gsk_1 }\n");
    const struct upstream *u = named("groq");
    CHECK_SPAN(u->origins[0].host, SPAN("api.groq.com"));
    CHECK_SPAN(u->vendor.provider, SPAN("groq"));
    CHECK_INT(u->quirks.limit, LIMIT_MAX_COMPLETION_TOKENS);
    CHECK_INT(u->quirks.stream_usage, USAGE_ALWAYS);
    CHECK_INT(u->quirks.unsupported_count, 4);
    CHECK_SPAN(u->quirks.unsupported[3], SPAN("messages[].name"));
    CHECK(!u->drop_param_count && !u->model_count && u->when_gone == GONE_ABORT);
    CHECK_INT(u->drain_ms, 30000);
    CHECK(!named("together"));
    conf_close(&r);
}

TEST(an_entry_may_say_it_otherwise)
{
    opens("  mistral: { drop_params: [user, logit_bias], on_client_gone: drain, drain: 5s, quirks: { stream_usage: none, unsupported: [n] }, models: { a: b } }\n"
          "  groq: { drop_params: \"*\", auth: header:X-Other }\n",
        "  m: { vendor: mistral, secret: k }\n  g: { vendor: groq, secret: k }\n");
    const struct upstream *u = named("mistral-ai");
    CHECK_INT(u->drop_param_count, 2);
    CHECK_SPAN(u->drop_params[1], SPAN("logit_bias"));
    CHECK(u->when_gone == GONE_DRAIN && u->drain_ms == 5000 && u->quirks.random_seed && u->quirks.mistral_words && u->quirks.no_stream_options);
    CHECK_INT(u->quirks.stream_usage, USAGE_NEVER);
    CHECK_INT(u->quirks.unsupported_count, 1);
    CHECK_SPAN(named("groq")->drop_params[0], SPAN("*"));
    conf_close(&r);
}

/* ---- servers of one's own ---- */

static bool sends(const struct upstream *u, const char *target_text, const char *line, const char *key)
{
    struct matched m;
    struct span path, query;
    const char *why;
    struct http_head head = { .length = -1 };
    struct vendor_secret secret = { .secret = SPAN("k-123") };
    struct buf out;
    if (canon_target(&r.arena, span_of(target_text), &path, &query, &why) != E_OK || !vendor_match(&u->vendor, SPAN("POST"), path, &m))
        return false;
    struct compose c = { .vendor = &u->vendor, .matched = &m, .head = &head, .path = path, .query = query, .secret = &secret };
    buf_init(&out, 1 << 14);
    vendor_compose(&c, &r.arena, &out);
    bool fits = conf_has(buf_span(&out), line) && (*key ? conf_has(buf_span(&out), key) : !conf_has(buf_span(&out), "k-123"));
    if (!fits)
        printf("  want %s %s, got %.*s\n", line, key, SPAN_ARG(buf_span(&out)));
    buf_free(&out);
    return fits;
}

TEST(a_server_of_one_s_own_is_an_address_and_a_dialect)
{
    opens("  my-vllm: { dialect: openai, base_url: http://10.0.0.5:8000/v1, auth: none }\n  vllm: { dialect: openai, base_url: http://10.0.0.6/base }\n"
          "  claude-proxy: { dialect: anthropic, base_url: https://p.example/v1 }\n  my-gem: { dialect: gemini, base_url: https://g.example }\n"
          "  short: { dialect: openai, base_url: \"http://v1\" }\n  box: { dialect: ollama, base_url: http://10.0.0.7:11434, auth: bearer }\n",
        "  a: { vendor: my-vllm }\n  b: { vendor: vllm, secret: k-123 }\n  c: { vendor: claude-proxy, secret: k-123 }\n  d: { vendor: my-gem, secret: k-123 }\n  e: { vendor: box, secret: k-123 }\n  f: { vendor: short, secret: k-123 }\n");
    CHECK(sends(named("short"), "/v1/chat/completions", "POST /chat/completions HTTP/1.1\r\nhost: v1\r\n", "authorization: Bearer k-123"));
    CHECK(named("my-vllm")->vendor.keyless && !r.snapshot->credentials[0].secret.secret.at);
    CHECK(sends(named("my-vllm"), "/v1/chat/completions", "POST /v1/chat/completions HTTP/1.1\r\nhost: 10.0.0.5:8000\r\n", ""));
    CHECK(sends(named("my-vllm"), "/chat/completions", "POST /v1/chat/completions HTTP/1.1\r\n", ""));
    CHECK(sends(named("vllm"), "/v1/chat/completions", "POST /base/chat/completions HTTP/1.1\r\nhost: 10.0.0.6\r\n", "authorization: Bearer k-123"));
    CHECK(sends(named("claude-proxy"), "/v1/messages", "POST /v1/messages HTTP/1.1\r\nhost: p.example\r\n", "x-api-key: k-123"));
    CHECK(sends(named("my-gem"), "/v1beta/models/m:generateContent", "POST /v1beta/models/m:generateContent HTTP/1.1\r\nhost: g.example\r\n", "x-goog-api-key: k-123"));
    CHECK(sends(named("box"), "/api/chat", "POST /api/chat HTTP/1.1\r\nhost: 10.0.0.7:11434\r\n", "authorization: Bearer k-123"));
    CHECK_SPAN(lane_of(named("my-gem"), "my-gem.generateContent").operation->dialect, SPAN("gemini"));
    CHECK_SPAN(named("my-vllm")->vendor.provider, SPAN("my-vllm"));
    conf_close(&r);
}

TEST(a_known_provider_at_an_address_of_one_s_own)
{
    opens("  groq: { base_url: \"http://127.0.0.1:9/openai/v1\" }\n  deepseek: { base_url: \"http://127.0.0.1:9\" }\n  bedrock: { base_url: \"http://127.0.0.1:9\", settings: { region: eu-west-1 } }\n",
        "  g: { vendor: groq, secret: k-123 }\n  d: { vendor: deepseek, secret: k-123 }\n  b: { vendor: bedrock, key_id: i, secret: k-123 }\n");
    CHECK(sends(named("groq"), "/openai/v1/chat/completions", "POST /openai/v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:9\r\n", "k-123"));
    CHECK(sends(named("deepseek"), "/v1/chat/completions", "POST /chat/completions HTTP/1.1\r\n", "k-123"));
    CHECK_INT(named("bedrock")->origin_count, 1);
    conf_close(&r);
}

TEST(mistakes_of_vendors_are_named)
{
    refused("  bedrock: {}\n", "  b: { vendor: bedrock, key_id: i, secret: k }\n", "vendors.bedrock.settings.region: is required by bedrock; allowed: a region, us-east-1");
    refused("", "  b: { vendor: databricks, secret: k }\n", "vendors.databricks.settings.host: is required");
    refused("  azure: { settings: { resource: \"evil.example/\" } }\n", "  a: { vendor: azure, secret: k }\n", "vendors.azure.settings.resource");
    refused("  azure: { settings: { resource: r, region: x } }\n", "  a: { vendor: azure, secret: k }\n", "vendors.azure.settings");
    refused("  mine: { dialect: openai }\n", "  a: { vendor: mine, secret: k }\n", "vendors.mine.base_url: is required beside dialect");
    refused("  mine: { dialect: grpc, base_url: http://x }\n", "  a: { vendor: mine, secret: k }\n", "openai, anthropic, gemini, ollama");
    refused("  mine: { dialect: openai, base_url: http://x/v1 }\n", "  a: { vendor: mine }\n", "credentials.a.secret: is required");
    refused("  mine: { dialect: openai, base_url: http://x/v1, auth: magic }\n", "  a: { vendor: mine, secret: k }\n", "none, bearer, basic, header:NAME, scheme:NAME, query:NAME");
    refused("  google: {}\n", "  a: { vendor: gemini, secret: k }\n", "another name of gemini; allowed: gemini");
    refused("", "  a: { vendor: unheard-of, secret: k }\n", "docs/providers.md");
    refused("  groq: { quirks: { max_token: 1 } }\n", "  a: { vendor: groq, secret: k }\n", "vendors.groq.quirks");
    refused("  groq: { on_client_gone: wait }\n", "  a: { vendor: groq, secret: k }\n", "abort, drain");
    refused("  groq: { drain: 2h }\n", "  a: { vendor: groq, secret: k }\n", "a time from 10ms to 1h");
    refused("  groq: { models: [a] }\n", "  a: { vendor: groq, secret: k }\n", "vendors.groq.models");
    refused("  vertex: { settings: { project: p } }\n", "  a: { vendor: vertex, secret: sk-secret-9 }\n", "key file of a service account");
}

/* A policy may speak of a vendor that nobody can call yet. */
TEST(a_policy_alone_wants_no_settings)
{
    conf_open(&r, "policies:\n  p: { allow: [\"azure.*\", \"groq.chat.completions\"] }\n");
    CHECK(named("azure") && named("groq") && !named("together"));
    conf_close(&r);
}
