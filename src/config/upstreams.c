/* SPDX-License-Identifier: Apache-2.0
 * upstreams.c - vendors and how to reach them: the manifests that the configuration uses (sources.c) compiled, with what `vendors:` says
 * about each. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/log.h"
#include "config/providers.h"
#include "config/sources.h"

enum { BASE_URL_LONGEST = 2000 };

static enum err set_origin(struct load *l, const struct proxies *proxies, const struct node *at, const char *path, struct span text, struct http_origin *out)
{
    struct base_url url;
    if (text.len > BASE_URL_LONGEST || !base_url_parse(text, l->a, &url)) {
        trouble_say(l->t, at, path, "found \"%.*s\"; allowed: http://host[:port][/path] or https://..., without user and query",
            SPAN_ARG(span_first(text, 100)));
        return E_CONFIG;
    }
    const struct proxy *proxy = proxy_for(proxies, url.https, url.host, url.port);
    bool six = span_find_byte(url.host, ':') >= 0, usual = url.port == (url.https ? 443 : 80);
    struct span host = six ? arena_print(l->a, "[%.*s]", SPAN_ARG(url.host)) : url.host;
    *out = (struct http_origin){ .host = url.host, .port = url.port, .tls = url.https ? l->s->tls : NULL };
    out->authority = usual ? host : arena_print(l->a, "%.*s:%u", SPAN_ARG(host), (unsigned)url.port);
    if (proxy) {
        out->proxy_host = proxy->host;
        out->proxy_port = proxy->port;
        out->proxy_auth = proxy->auth;
    }
    out->name = arena_print(l->a, "%s://%.*s:%u%s%.*s%s%.*s", url.https ? "https" : "http", SPAN_ARG(host), (unsigned)url.port, proxy ? " by " : "",
        SPAN_ARG(out->proxy_host), url.https && l->trust.at ? " trusting " : "", SPAN_ARG(url.https ? l->trust : SPAN_NONE));
    return load_memory(l);
}

static enum err set_origins(struct load *l, const struct proxies *proxies, const struct source *source, struct upstream *u)
{
    char path[CONFIG_PATH];
    const struct node *base = node_get(source->entry, "base_url");
    const struct vendor_origin *list = vendor_origins(&u->vendor, &u->origin_count);
    u->origins = ARENA_ARRAY(l->a, struct http_origin, u->origin_count + 1);
    if (!u->origins)
        return E_NO_MEMORY;
    snprintf(path, sizeof(path), "vendors.%.*s.base_url", SPAN_ARG(source->slug));
    for (size_t i = 0; i < u->origin_count; i++) {
        enum err e = set_origin(l, proxies, base ? base : source->root, base ? path : "base_url", list[i].base_url, &u->origins[i]);
        if (e)
            return e;
    }
    return E_OK;
}

static enum err set_dialects(struct load *l, const struct source *source, struct upstream *u)
{
    size_t count;
    const struct operation *list = vendor_operations(&u->vendor, &count);
    u->dialects = ARENA_ARRAY(l->a, const struct dialect *, count + 1);
    if (!u->dialects)
        return E_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        must(list[i].index < count);
        if (!list[i].dialect.at)
            continue;
        u->dialects[list[i].index] = dialect_find(list[i].dialect);
        if (u->dialects[list[i].index])
            continue;
        trouble_say(l->t, source->root, "operations", "%.*s: found dialect \"%.*s\"; allowed: openai_chat, openai_responses, openai_embeddings, anthropic_messages, ...",
            SPAN_ARG(list[i].name), SPAN_ARG(list[i].dialect));
        return E_CONFIG;
    }
    return lanes_set(l, u);
}

static bool set_deadlines(struct load *l, const struct node *entry, struct path *p, struct http_deadlines *out)
{
    static const char *const fields[] = { "connect", "first_byte", "idle", "send", NULL };
    const struct node *n = node_get(entry, "deadlines");
    int64_t *const values[] = { &out->connect_ms, &out->first_byte_ms, &out->idle_ms, &out->send_ms };
    char at[40];
    if (!node_only(n, path_with(p, ".deadlines"), fields, l->t))
        return false;
    for (size_t i = 0; fields[i]; i++) {
        const struct node *field = node_get(n, fields[i]);
        snprintf(at, sizeof(at), ".deadlines.%s", fields[i]);
        if (!node_duration(field, path_with(p, at), values[i], l->t))
            return false;
        if (*values[i] >= 10 && *values[i] <= INT64_C(86400000))
            continue;
        trouble_found(l->t, field, path_with(p, at), "a time from 10ms to 24h");
        return false;
    }
    return true;
}

/* Only settings that the manifest has: a mistyped price must not be ignored. */
static bool set_settings(struct load *l, const struct source *source, struct path *p, struct upstream *u)
{
    const struct node *known[] = { node_get(source->root, "settings"), node_get(source->root, "fill") };
    size_t count = 0, room = 1;
    u->settings = node_get(source->entry, "settings");
    if (!u->settings)
        return true;
    for (size_t i = 0; i < 2; i++)
        room += known[i] ? known[i]->count : 0;
    const char **names = ARENA_ARRAY(&l->scratch, const char *, room);
    if (!names)
        return false;
    for (size_t i = 0; i < 2; i++)
        for (const struct node *n = known[i] ? known[i]->first : NULL; n; n = n->next)
            names[count++] = arena_copy(&l->scratch, n->name).at;
    return node_only(u->settings, path_with(p, ".settings"), names, l->t);
}

/* read_objects: needed (unless said), always. */
static bool set_reading(struct load *l, const struct node *entry, struct path *p, struct upstream *u)
{
    static const char *const words[] = { "needed", "always", NULL };
    int word = 0;
    bool good = node_choice(node_get(entry, "read_objects"), path_with(p, ".read_objects"), words, &word, l->t);
    u->always_reads = word == 1;
    return good;
}

static bool set_listen(struct load *l, const struct node *entry, struct path *p, struct upstream *u)
{
    const struct node *n = node_get(entry, "listen");
    struct span text = SPAN_NONE;
    if (!node_span(n, path_with(p, ".listen"), &text, l->t))
        return false;
    if (!text.at)
        return true;
    u->listen = ARENA_NEW(l->a, struct listen_address);
    if (u->listen && listen_parse(text, u->listen))
        return true;
    trouble_found(l->t, n, path_with(p, ".listen"), "an address and a port, such as 127.0.0.1:9001");
    return false;
}

static enum err compile(struct load *l, const struct proxies *proxies, const struct source *source, struct upstream *u)
{
    struct span base_url = SPAN_NONE;
    struct base_url url;
    const struct node *n = node_get(source->entry, "base_url");
    struct path p;
    p.len = (size_t)snprintf(p.text, sizeof(p.text), "vendors.%.*s", SPAN_ARG(source->slug)); /* a name: at most 64 */
    if (!node_span(n, path_with(&p, ".base_url"), &base_url, l->t))
        return E_CONFIG;
    if (base_url.at && (base_url.len > BASE_URL_LONGEST || !base_url_parse(base_url, l->a, &url))) {
        trouble_found(l->t, n, path_with(&p, ".base_url"), "http://host[:port][/path] or https://..., without user and query");
        return E_CONFIG;
    }
    u->deadlines = l->s->settings.limits.deadlines;
    enum err e = vendor_read(l->a, source->root, base_url, &u->vendor, l->t);
    if (!e)
        e = set_origins(l, proxies, source, u);
    if (!e)
        e = set_dialects(l, source, u);
    bool good = !e && set_deadlines(l, source->entry, &p, &u->deadlines) && set_settings(l, source, &p, u) &&
                set_listen(l, source->entry, &p, u) && set_reading(l, source->entry, &p, u) &&
                llm_settings_read(l, source->root, source->entry, &p, u) && probe_read(l, source->entry, &p, u);
    return e ? e : good ? load_memory(l) : E_CONFIG;
}

static enum err listen_clash(struct load *l, struct span address, const struct node *at, struct map *taken, struct span by)
{
    char path[CONFIG_PATH];
    const struct span *other = span_ends(address, SPAN(":0")) ? NULL : map_get(taken, address);
    if (!other) {
        struct span *name = ARENA_NEW(&l->scratch, struct span);
        if (!name)
            return E_NO_MEMORY;
        *name = by;
        return map_put(taken, address, name) ? E_OK : E_NO_MEMORY;
    }
    snprintf(path, sizeof(path), "%.*s", SPAN_ARG(by));
    trouble_say(l->t, at, path, "found \"%.*s\", which is %.*s as well; allowed: an address and port of its own", SPAN_ARG(address), SPAN_ARG(*other));
    return E_CONFIG;
}

static enum err check_listens(struct load *l, const struct sources *all)
{
    struct map taken = { NULL, 0, 0 };
    struct settings *s = &l->s->settings;
    enum err e = listen_clash(l, span_of(s->listen.text), NULL, &taken, SPAN("listen"));
    if (!e)
        e = listen_clash(l, span_of(s->admin_listen.text), node_get(l->tree.root, "admin"), &taken, SPAN("admin.listen"));
    for (size_t i = 0; i < l->s->upstream_count && !e; i++) {
        struct upstream *u = &l->s->upstreams[i];
        if (u->listen)
            e = listen_clash(l, span_of(u->listen->text), node_get(all->list[i].entry, "listen"), &taken,
                arena_print(&l->scratch, "vendors.%.*s.listen", SPAN_ARG(u->vendor.slug)));
    }
    map_free(&taken);
    return e;
}

static void warn_plain(struct load *l, const struct upstream *u)
{
    struct network loopback;
    must(network_parse(SPAN("127.0.0.0/8"), &loopback));
    for (size_t i = 0; i < u->origin_count && !l->quiet && !u->vendor.keyless; i++) {
        const struct http_origin *o = &u->origins[i];
        if (!o->tls && !span_is(o->host, SPAN("localhost")) && !span_is(o->host, SPAN("::1")) && !network_has(&loopback, o->host))
            log_warn("config", "%.*s is reached without TLS at %.*s: its secret can be read on the way", SPAN_ARG(u->vendor.slug), SPAN_ARG(o->authority));
    }
}

/* As other gateways' clients call it. */
static enum err set_aliases(struct load *l, struct upstream *u)
{
    struct provider p;
    struct span rest, one;
    if (!provider_find(u->vendor.slug, &p) || !span_is(p.slug, u->vendor.slug))
        return E_OK;
    rest = p.aliases.len ? p.aliases : SPAN_NONE;
    while (rest.at && span_next(&rest, ' ', &one))
        if (!map_put(&l->s->upstream_by_alias, one, u))
            return E_NO_MEMORY;
    return E_OK;
}

static enum err compile_all(struct load *l, const struct sources *all)
{
    struct proxies proxies;
    enum err e = proxies_read(l, &proxies);
    l->s->upstreams = ARENA_ARRAY(l->a, struct upstream, all->count + 1);
    if (!l->s->upstreams)
        return E_NO_MEMORY;
    for (size_t i = 0; i < all->count && !e; i++) {
        struct upstream *u = &l->s->upstreams[i];
        e = compile(l, &proxies, &all->list[i], u);
        if (!e && !map_put(&l->s->upstream_by_slug, u->vendor.slug, u))
            e = E_NO_MEMORY;
        if (!e)
            e = set_aliases(l, u);
        if (!e)
            warn_plain(l, u);
        l->s->upstream_count += !e;
    }
    return e ? e : check_listens(l, all);
}

/* The trust store, and a word for it that changes with it: connections made under another one are not reused. */
static enum err set_trust(struct load *l)
{
    char why[256] = "";
    struct stat st;
    struct span ca = l->s->settings.ca_file;
    l->s->tls = tls_client_shared(ca, why);
    if (!l->s->tls) {
        trouble_say(l->t, node_get(l->tree.root, "ca_file"), "ca_file", "cannot be used: %s; allowed: a PEM file of certificates", why);
        return E_CONFIG;
    }
    if (ca.at && stat(ca.at, &st) == 0)
        l->trust = arena_print(l->a, "%.*s %lld.%lld", SPAN_ARG(ca), (long long)st.st_mtim.tv_sec, (long long)st.st_size);
    return load_memory(l);
}

enum err upstreams_load(struct load *l)
{
    struct sources all;
    enum err e = set_trust(l);
    if (e)
        return e;
    e = sources_read(l, &all);
    if (!e)
        e = compile_all(l, &all);
    sources_free(&all);
    return e;
}
