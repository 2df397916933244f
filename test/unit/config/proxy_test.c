/* SPDX-License-Identifier: Apache-2.0
 * proxy_test.c - which origins go through a proxy, by the environment; and base URLs taken apart. */
#include "test/unit/config/conf.h"

#include <stdlib.h>

#include "config/parts.h"

static void set(const char *https, const char *http, const char *no)
{
    static const char *const names[] = { "https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY" };
    for (size_t i = 0; i < 6; i++)
        unsetenv(names[i]);
    if (https)
        setenv("HTTPS_PROXY", https, 1);
    if (http)
        setenv("http_proxy", http, 1);
    if (no)
        setenv("NO_PROXY", no, 1);
}

TEST(origins_carry_the_proxy_and_its_password)
{
    struct conf r;
    set("http://user:p%40ss@proxy.example:3128", NULL, "texter.example");
    conf_open(&r, "");
    const struct http_origin *o = snapshot_upstream(r.snapshot, SPAN("acme"))->origins;
    CHECK_SPAN(o->proxy_host, SPAN("proxy.example"));
    CHECK_INT(o->proxy_port, 3128);
    CHECK_SPAN(o->proxy_auth, SPAN("Basic dXNlcjpwQHNz"));
    CHECK(conf_has(o->name, "by proxy.example") && !conf_has(o->name, "ss"));
    const char *secrets = r.snapshot->secrets.at;
    CHECK(o->proxy_auth.at >= secrets && o->proxy_auth.at < secrets + r.snapshot->secrets.size);
    o = snapshot_upstream(r.snapshot, SPAN("texter"))->origins;
    CHECK(!o->proxy_host.at);
    conf_close(&r);
    set(NULL, NULL, NULL);
}

TEST(a_proxy_that_cannot_be_used_is_told_without_its_value)
{
    static const char *const wrong[] = { "socks5://p.example:1", "https://p.example:1", "http://u:hidden@", "http://p.example:99999", "http://p.example/path", "http://a b" };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        static const uint8_t master[32] = { 1 };
        struct config_input in = { .master_key = master };
        struct trouble t = { .set = false };
        struct snapshot *s = NULL;
        set(wrong[i], NULL, NULL);
        CHECK_INT(config_load(&in, &s, &t), E_CONFIG);
        CHECK_SPAN(span_of(t.field), SPAN("HTTPS_PROXY"));
        CHECK(!conf_has(span_of(t.text), "hidden"));
    }
    set(NULL, NULL, NULL);
}

TEST(exemptions_by_name_network_and_port)
{
    static const struct {
        const char *no, *host;
        uint16_t port;
        bool https, direct;
    } list[] = {
        { NULL, "api.example", 443, true, false },
        { NULL, "api.example", 80, false, true }, /* no proxy for http */
        { "", "api.example", 443, true, false },
        { "*", "api.example", 443, true, true },
        { "example", "api.example", 443, true, true },
        { ".example", "api.example", 443, true, true },
        { "example", "api.notexample", 443, true, false },
        { "api.EXAMPLE", "api.example", 443, true, true },
        { "a.test, api.example ,b.test", "api.example", 443, true, true },
        { "api.example:8443", "api.example", 443, true, false },
        { "api.example:443", "api.example", 443, true, true },
        { "10.0.0.0/8", "10.1.2.3", 443, true, true },
        { "10.0.0.0/8", "11.1.2.3", 443, true, false },
        { "10.1.2.3", "10.1.2.3", 443, true, true },
        { "x", "localhost", 443, true, true },
        { "x", "127.8.8.8", 443, true, true },
    };
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++) {
        struct proxies p = { .https = { .host = SPAN("proxy"), .port = 1 }, .no_proxy = span_of(list[i].no) };
        bool direct = proxy_for(&p, list[i].https, span_of(list[i].host), list[i].port) == NULL;
        if (direct != list[i].direct)
            test_fail(__FILE__, __LINE__, "NO_PROXY=%s for %s:%d", list[i].no ? list[i].no : "(none)", list[i].host, list[i].port);
    }
}

TEST(base_urls)
{
    static const struct {
        const char *text;
        bool good, https;
        const char *host, *path;
        uint16_t port;
    } list[] = {
        { "https://api.stripe.com", true, true, "api.stripe.com", "", 443 },
        { "https://API.Stripe.com/", true, true, "api.stripe.com", "", 443 },
        { "http://127.0.0.1:4000/v1", true, false, "127.0.0.1", "/v1", 4000 },
        { "http://h/v1/", true, false, "h", "/v1", 80 },
        { "http://[::1]:4000", true, false, "::1", "", 4000 },
        { "http://[::1]", true, false, "::1", "", 80 },
        { "http://under_score:1/a/b-c", true, false, "under_score", "/a/b-c", 1 },
        { "ftp://x", false, 0, 0, 0, 0 },
        { "https://", false, 0, 0, 0, 0 },
        { "https:///x", false, 0, 0, 0, 0 },
        { "https://a:b@c", false, 0, 0, 0, 0 },
        { "https://a?b", false, 0, 0, 0, 0 },
        { "https://a#b", false, 0, 0, 0, 0 },
        { "https://a:0", false, 0, 0, 0, 0 },
        { "https://a:70000", false, 0, 0, 0, 0 },
        { "https://a:", false, 0, 0, 0, 0 },
        { "https://a/../b", false, 0, 0, 0, 0 },
        { "https://a/b//", false, 0, 0, 0, 0 },
        { "https://a//b", false, 0, 0, 0, 0 },
        { "https://a/%2e", false, 0, 0, 0, 0 },
        { "https://a b", false, 0, 0, 0, 0 },
        { "https://a\\b", false, 0, 0, 0, 0 },
        { "https://[::1", false, 0, 0, 0, 0 },
        { "https://[::1]x", false, 0, 0, 0, 0 },
        { "https://[10.0.0.0/8]", false, 0, 0, 0, 0 },
        { "https://a..b", false, 0, 0, 0, 0 },
        { "", false, 0, 0, 0, 0 },
    };
    struct arena a;
    arena_init(&a, 1 << 16);
    for (size_t i = 0; i < sizeof(list) / sizeof(*list); i++) {
        struct base_url url;
        bool good = base_url_parse(span_of(list[i].text), &a, &url);
        if (good != list[i].good)
            test_fail(__FILE__, __LINE__, "%s", list[i].text);
        if (!good || !list[i].good)
            continue;
        CHECK_SPAN(url.host, span_of(list[i].host));
        CHECK_SPAN(url.path, span_of(list[i].path));
        CHECK_INT(url.port, list[i].port);
        CHECK(url.https == list[i].https);
    }
    arena_free(&a);
}
