/* SPDX-License-Identifier: Apache-2.0
 * proxy.c - HTTPS_PROXY, HTTP_PROXY and NO_PROXY, in either case of letters, the lower one first as curl does.
 *
 * A proxy's address may carry a password: messages name the variable, never its value. */
#include <stdlib.h>

#include "base/text.h"
#include "config/parts.h"

static struct span from_env(const char *lower, const char *upper)
{
    const char *value = getenv(lower);
    if (!value)
        value = getenv(upper);
    return value && *value ? span_of(value) : SPAN_NONE;
}

size_t proxies_secret_room(void)
{
    size_t len = from_env("https_proxy", "HTTPS_PROXY").len + from_env("http_proxy", "HTTP_PROXY").len;
    return 2 * (len * 2 + 64);
}

/* "user:pa%40ss" as a Basic value in secret memory. */
static bool read_auth(struct load *l, struct span userinfo, struct proxy *out)
{
    struct buf value;
    struct span user = userinfo, password = SPAN(""), rest = userinfo;
    if (span_cut(&rest, ':', &user))
        password = rest;
    user = text_percent_decode(user, false, &l->scratch);
    password = text_percent_decode(password, false, &l->scratch);
    struct span pair = user.at && password.at ? arena_print(&l->scratch, "%.*s:%.*s", SPAN_ARG(user), SPAN_ARG(password)) : SPAN_NONE;
    if (!pair.at)
        return false;
    buf_init(&value, pair.len * 2 + 64);
    buf_put(&value, SPAN("Basic "));
    buf_put_base64(&value, pair);
    char *at = value.broken ? NULL : load_secret(l, value.len);
    if (at) {
        memcpy(at, value.at, value.len);
        out->auth = span_make(at, value.len);
    }
    if (value.at)
        secret_wipe(value.at, value.room);
    buf_free(&value);
    return at != NULL;
}

static enum err wrong(struct load *l, const char *variable)
{
    struct node at = { .file = "environment" };
    trouble_say(l->t, &at, variable, "cannot be used (its value is not shown); allowed: http://[user:password@]host:port");
    return E_CONFIG;
}

static enum err read_proxy(struct load *l, struct span text, const char *variable, struct proxy *out)
{
    struct base_url url;
    struct span rest = text, userinfo = SPAN_NONE;
    if (!text.at)
        return E_OK;
    if (span_starts(rest, SPAN("http://")))
        rest = span_from(rest, 7);
    else if (span_find(rest, SPAN("://")) >= 0)
        return wrong(l, variable);
    ptrdiff_t at = -1;
    for (size_t i = 0; i < rest.len; i++)
        if (rest.at[i] == '@')
            at = (ptrdiff_t)i;
    if (at >= 0) {
        userinfo = span_first(rest, (size_t)at);
        rest = span_from(rest, (size_t)at + 1);
    }
    struct span plain = arena_print(&l->scratch, "http://%.*s", SPAN_ARG(rest));
    if (!plain.at || !base_url_parse(plain, l->a, &url) || url.path.len || (userinfo.at && !read_auth(l, userinfo, out)))
        return wrong(l, variable);
    out->host = url.host;
    out->port = url.port;
    return E_OK;
}

enum err proxies_read(struct load *l, struct proxies *out)
{
    *out = (struct proxies){ .no_proxy = SPAN_NONE };
    out->no_proxy = arena_copy(&l->scratch, from_env("no_proxy", "NO_PROXY"));
    enum err e = read_proxy(l, from_env("https_proxy", "HTTPS_PROXY"), "HTTPS_PROXY", &out->https);
    return e ? e : read_proxy(l, from_env("http_proxy", "HTTP_PROXY"), "HTTP_PROXY", &out->http);
}

/* "*", "10.0.0.0/8", "example.com" and ".example.com" (with all below), each with ":port" or without. */
static bool exempt(struct span entry, struct span host, uint16_t port)
{
    struct network net;
    uint64_t number;
    struct span name = entry, rest = entry;
    if (network_parse(entry, &net))
        return network_has(&net, host);
    if (span_cut(&rest, ':', &name) && (!span_to_u64(rest, &number) || number != port))
        return false;
    if (span_is(name, SPAN("*")))
        return true;
    if (network_parse(name, &net))
        return network_has(&net, host);
    if (span_starts(name, SPAN(".")))
        name = span_from(name, 1);
    if (!name.len || name.len > host.len || !span_is_nocase(span_from(host, host.len - name.len), name))
        return false;
    return name.len == host.len || host.at[host.len - name.len - 1] == '.';
}

const struct proxy *proxy_for(const struct proxies *p, bool https, struct span host, uint16_t port)
{
    const struct proxy *proxy = https ? &p->https : &p->http;
    struct span rest = p->no_proxy, entry;
    struct network loopback;
    must(network_parse(SPAN("127.0.0.0/8"), &loopback));
    if (!proxy->host.at || span_is(host, SPAN("localhost")) || span_is(host, SPAN("::1")) || network_has(&loopback, host))
        return NULL;
    while (span_next(&rest, ',', &entry))
        if (exempt(span_trim(entry), host, port))
            return NULL;
    return proxy;
}
