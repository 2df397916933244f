/* SPDX-License-Identifier: Apache-2.0
 * upstreams.c - vendors and how to reach them: the manifests in the binary, those of `vendors_dir` and those written into
 * the configuration (the later replaces the earlier of the same name), with what `vendors:` says about each. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/embed.h"
#include "base/log.h"
#include "config/parts.h"

enum { VENDORS_MOST = 4096, MANIFEST_MOST = 4 << 20, BASE_URL_LONGEST = 2000 };

/* A manifest before it is compiled. */
struct source {
    struct span slug;
    const struct node *root;
    const struct node *entry; /* of `vendors:`; NULL: none */
    bool embedded;
};

struct sources {
    struct source *list;
    size_t count;
    struct map by_slug;
};

static enum err add(struct load *l, struct sources *all, const struct node *root, struct span slug, bool embedded)
{
    struct source *there = map_get(&all->by_slug, slug);
    if (!config_name_ok(slug)) {
        trouble_say(l->t, root, "vendor", "a manifest names its vendor; allowed: 1 to 64 characters of A-Z a-z 0-9 _ - .");
        return E_CONFIG;
    }
    if (there && there->embedded && !embedded) {
        if (!l->quiet)
            log_info("config", "%s replaces the built-in manifest of %.*s", root->file, SPAN_ARG(slug));
        *there = (struct source){ .slug = slug, .root = root };
        return E_OK;
    }
    if (there) {
        trouble_say(l->t, root, "vendor", "found \"%.*s\", which %s has as well; allowed: one manifest a vendor", SPAN_ARG(slug), there->root->file);
        return E_CONFIG;
    }
    if (all->count == VENDORS_MOST) {
        trouble_say(l->t, root, "vendors", "allowed: at most %d vendors", VENDORS_MOST);
        return E_CONFIG;
    }
    all->list[all->count] = (struct source){ .slug = slug, .root = root, .embedded = embedded };
    return map_put(&all->by_slug, slug, &all->list[all->count++]) ? E_OK : E_NO_MEMORY;
}

static struct span slug_of(const struct node *root)
{
    const struct node *slug = node_get(root, "vendor");
    return slug && slug->kind == NODE_SCALAR ? slug->text : SPAN_NONE;
}

static enum err add_text(struct load *l, struct sources *all, const char *file, struct span text, bool embedded)
{
    struct node *root;
    enum err e = node_read_yaml(l->a, file, text, &root, l->t);
    return e ? e : add(l, all, root, slug_of(root), embedded);
}

static enum err add_embedded(struct load *l, struct sources *all)
{
    struct span name, text;
    enum err e = E_OK;
    for (size_t at = 0; !e && embed_next(&at, &name, &text);)
        if (span_starts(name, SPAN("vendors/")) && span_ends(name, SPAN(".yaml")))
            e = add_text(l, all, arena_print(l->a, "built-in %.*s", SPAN_ARG(name)).at, text, true);
    return e;
}

static enum err unreadable(struct load *l, const char *file)
{
    struct node at = { .file = file };
    trouble_say(l->t, &at, "", "cannot be read: %s", errno ? strerror(errno) : "larger than 4 MiB, or no file");
    return E_CONFIG;
}

static enum err add_file(struct load *l, struct sources *all, const char *file)
{
    struct buf text;
    ssize_t got = 1;
    errno = 0;
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hang the start */
    if (fd < 0)
        return unreadable(l, file);
    buf_init(&text, MANIFEST_MOST);
    while (got > 0) {
        char *at = buf_reserve(&text, 16384);
        got = at ? read(fd, at, 16384) : -1;
        text.len += got > 0 ? (size_t)got : 0;
    }
    enum err e = got < 0 ? unreadable(l, file) : add_text(l, all, file, buf_span(&text), false);
    close(fd);
    buf_free(&text);
    return e;
}

static int is_manifest(const struct dirent *d) { return d->d_name[0] != '.' && span_ends(span_of(d->d_name), SPAN(".yaml")); }

static enum err add_dir(struct load *l, struct sources *all)
{
    struct dirent **names = NULL;
    struct span dir = SPAN_NONE;
    const struct node *n = node_get(l->tree.root, "vendors_dir");
    enum err e = E_OK;
    if (!node_span(n, "vendors_dir", &dir, l->t))
        return E_CONFIG;
    if (!dir.at)
        return E_OK;
    struct span path = arena_copy(l->a, dir);
    int count = path.at ? scandir(path.at, &names, is_manifest, alphasort) : -1;
    if (count < 0) {
        trouble_say(l->t, n, "vendors_dir", "found \"%.*s\", which cannot be read: %s; allowed: a folder with manifests (*.yaml)", SPAN_ARG(dir), strerror(errno));
        return E_CONFIG;
    }
    for (int i = 0; i < count; i++) {
        struct span file = arena_print(l->a, "%s/%s", path.at, names[i]->d_name);
        if (!e)
            e = file.at ? add_file(l, all, file.at) : E_NO_MEMORY;
        free(names[i]);
    }
    free(names);
    return e;
}

static enum err unknown(struct load *l, const struct sources *all, const struct node *at, struct span slug, const char *path)
{
    struct buf known;
    buf_init(&known, 4096);
    for (size_t i = 0; i < all->count && known.len < 400; i++)
        buf_print(&known, "%s%.*s", i ? ", " : "", SPAN_ARG(all->list[i].slug));
    trouble_say(l->t, at, path, "found \"%.*s\", which has no manifest; allowed: %.*s, or one of your own (vendors_dir, or manifest: here)", SPAN_ARG(slug),
        SPAN_ARG(buf_span(&known)));
    buf_free(&known);
    l->missing = (struct missing){ KIND_VENDOR, slug, arena_print(&l->scratch, "%s", path) };
    return E_CONFIG;
}

/* An entry may bring its manifest along. */
static enum err add_inline(struct load *l, struct sources *all, const struct node *entry, const char *path)
{
    const struct node *manifest = node_get(entry, "manifest");
    struct span slug = manifest ? slug_of(manifest) : SPAN_NONE;
    if (!manifest)
        return E_OK;
    if (slug.at && span_is(slug, entry->name))
        return add(l, all, manifest, slug, false);
    trouble_say(l->t, manifest, path, "found vendor \"%.*s\"; allowed: the entry's name, \"%.*s\"", SPAN_ARG(slug), SPAN_ARG(entry->name));
    return E_CONFIG;
}

static enum err add_entries(struct load *l, struct sources *all)
{
    char path[CONFIG_PATH];
    for (size_t i = 0; i < l->tree.kinds[KIND_VENDOR].count; i++) {
        const struct entry *e = &l->tree.kinds[KIND_VENDOR].list[i];
        const struct node *n = entry_node(&l->tree, KIND_VENDOR, e, l->a, l->t);
        if (!n && l->t->set)
            return E_CONFIG;
        if (!n)
            continue;
        entry_path(KIND_VENDOR, e, path);
        if (!node_only(n, path, kind_fields(KIND_VENDOR), l->t) || add_inline(l, all, n, path) != E_OK)
            return E_CONFIG;
        struct source *source = map_get(&all->by_slug, e->id);
        if (!source)
            return unknown(l, all, n, e->id, path);
        source->entry = n;
    }
    return E_OK;
}

/* ---- one upstream ---- */

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
        trouble_say(l->t, source->root, "operations", "%.*s: found dialect \"%.*s\"; allowed: openai_chat, openai_responses, openai_embeddings, anthropic_messages",
            SPAN_ARG(list[i].name), SPAN_ARG(list[i].dialect));
        return E_CONFIG;
    }
    return E_OK;
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
    const struct node *known = node_get(source->root, "settings");
    size_t count = 0;
    u->settings = node_get(source->entry, "settings");
    if (!u->settings)
        return true;
    const char **names = ARENA_ARRAY(&l->scratch, const char *, (known ? known->count : 0) + 1);
    if (!names)
        return false;
    for (const struct node *n = known ? known->first : NULL; n; n = n->next)
        names[count++] = arena_copy(&l->scratch, n->name).at;
    return node_only(u->settings, path_with(p, ".settings"), names, l->t);
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
                set_listen(l, source->entry, &p, u);
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
    for (size_t i = 0; i < u->origin_count && !l->quiet; i++) {
        const struct http_origin *o = &u->origins[i];
        if (!o->tls && !span_is(o->host, SPAN("localhost")) && !span_is(o->host, SPAN("::1")) && !network_has(&loopback, o->host))
            log_warn("config", "%.*s is reached without TLS at %.*s: its secret can be read on the way", SPAN_ARG(u->vendor.slug), SPAN_ARG(o->authority));
    }
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
    l->s->tls = tls_client_new(ca, why);
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
    struct sources all = { .list = ARENA_ARRAY(&l->scratch, struct source, VENDORS_MOST) };
    enum err e = all.list ? set_trust(l) : E_NO_MEMORY;
    if (!e)
        e = add_embedded(l, &all);
    if (!e)
        e = add_dir(l, &all);
    if (!e)
        e = add_entries(l, &all);
    if (!e)
        e = compile_all(l, &all);
    map_free(&all.by_slug);
    return e;
}
