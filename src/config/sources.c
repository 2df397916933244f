/* SPDX-License-Identifier: Apache-2.0
 * sources.c - which manifests a configuration uses: those in the binary, those of `vendors_dir` and those written into the
 * configuration (the later replaces the earlier of the same name), and those made of a row of the catalogue of providers.
 *
 * Of those in the binary only the ones that something in the configuration names (a credential, a policy, an entry of `vendors:`) are
 * read: all of them would cost every gate memory and every change time. */
#include "config/sources.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/embed.h"
#include "base/log.h"
#include "config/providers.h"

enum { VENDORS_MOST = 4096, MANIFEST_MOST = 4 << 20 };

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
        *there = (struct source){ .slug = slug, .root = root, .used = true, .wanted = true };
        return E_OK;
    }
    if (there) {
        trouble_say(l->t, root, "vendor", "found \"%.*s\", which %s has as well; allowed: one manifest a vendor", SPAN_ARG(slug), there->root ? there->root->file : "the binary");
        return E_CONFIG;
    }
    if (all->count == VENDORS_MOST) {
        trouble_say(l->t, root, "vendors", "allowed: at most %d vendors", VENDORS_MOST);
        return E_CONFIG;
    }
    all->list[all->count] = (struct source){ .slug = slug, .root = root, .embedded = embedded, .used = !embedded, .wanted = !embedded };
    return map_put(&all->by_slug, slug, &all->list[all->count++]) ? E_OK : E_NO_MEMORY;
}

static struct span slug_of(const struct node *root)
{
    const struct node *slug = node_get(root, "vendor");
    return slug && slug->kind == NODE_SCALAR ? slug->text : SPAN_NONE;
}

static enum err add_text(struct load *l, struct sources *all, const char *file, struct span text)
{
    struct node *root;
    enum err e = node_read_yaml(l->a, file, text, &root, l->t);
    return e ? e : add(l, all, root, slug_of(root), false);
}

/* "vendors/stripe.yaml" is stripe. */
static bool embedded_slug(struct span name, struct span *slug)
{
    struct span rest = name;
    if (!span_starts(name, SPAN("vendors/")) || !span_ends(name, SPAN(".yaml")))
        return false;
    rest = span_from(rest, sizeof("vendors/") - 1);
    *slug = span_first(rest, rest.len - (sizeof(".yaml") - 1));
    return true;
}

void vendors_known(const struct load *l, struct buf *out)
{
    struct span name, text, slug;
    for (size_t i = 0; i < l->s->upstream_count; i++)
        buf_print(out, "%s%.*s", out->len ? ", " : "", SPAN_ARG(l->s->upstreams[i].vendor.slug));
    for (size_t at = 0; embed_next(&at, &name, &text);)
        if (embedded_slug(name, &slug) && !snapshot_upstream(l->s, slug))
            buf_print(out, "%s%.*s", out->len ? ", " : "", SPAN_ARG(slug));
    buf_print(out, ", or another of docs/providers.md");
}

static enum err add_embedded(struct load *l, struct sources *all)
{
    struct span name, text, slug;
    enum err e = E_OK;
    for (size_t at = 0; !e && embed_next(&at, &name, &text);) {
        if (!embedded_slug(name, &slug))
            continue;
        e = add(l, all, NULL, slug, true);
        if (!e)
            all->list[all->count - 1].text = text;
    }
    return e;
}

/* ---- which of those in the binary are used ---- */

/* By slug, or as the catalogue calls it otherwise; a provider of the catalogue is added with the first that names it. *out is NULL if
 * there is none. */
static enum err find(struct load *l, struct sources *all, struct span name, struct source **out)
{
    struct provider p;
    *out = map_get(&all->by_slug, name);
    if (*out || !provider_find(name, &p))
        return E_OK;
    *out = map_get(&all->by_slug, p.slug);
    if (*out)
        return E_OK;
    enum err e = add(l, all, NULL, p.slug, true);
    *out = e ? NULL : map_get(&all->by_slug, p.slug);
    return e;
}

/* Policies call a vendor by its slug alone. */
static enum err use(struct load *l, struct sources *all, struct span slug)
{
    struct source *s = map_get(&all->by_slug, slug);
    enum err e = E_OK;
    if (!s && provider_is(slug))
        e = find(l, all, slug, &s);
    if (s)
        s->used = true;
    return e;
}

static enum err want(struct load *l, struct sources *all, struct span name)
{
    struct source *s;
    enum err e = find(l, all, name, &s);
    if (s)
        s->used = s->wanted = true;
    return e;
}

/* The beginning of every name with a dot in it, at any depth: "stripe.charges.create", { stripe.customer: [...] }. */
static enum err use_names(struct load *l, struct sources *all, const struct node *n)
{
    enum err e = E_OK;
    for (const struct node *at = n && n->kind != NODE_SCALAR ? n->first : NULL; at && !e; at = at->next) {
        struct span rest = at->name, vendor;
        if (rest.at && span_cut(&rest, '.', &vendor))
            e = use(l, all, vendor);
        rest = at->kind == NODE_SCALAR ? at->text : SPAN_NONE;
        if (!e && rest.at && span_cut(&rest, '.', &vendor))
            e = use(l, all, vendor);
        if (!e)
            e = use_names(l, all, at);
    }
    return e;
}

/* Those that a route's targets name: "openai", "@openai". */
static enum err use_providers(struct load *l, struct sources *all, const struct node *n)
{
    enum err e = E_OK;
    for (const struct node *at = n && n->kind != NODE_SCALAR ? n->first : NULL; at && !e; at = at->next) {
        struct source *s = NULL;
        if (at->kind == NODE_SCALAR && span_is(at->name, SPAN("provider")))
            e = find(l, all, span_from(at->text, span_starts(at->text, SPAN("@"))), &s);
        if (s)
            s->used = true;
        if (!e)
            e = use_providers(l, all, at);
    }
    return e;
}

static enum err use_named(struct load *l, struct sources *all)
{
    static const enum kind kinds[] = { KIND_CREDENTIAL, KIND_POLICY, KIND_ROUTE };
    for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++) {
        for (size_t i = 0; i < l->tree.kinds[kinds[k]].count; i++) {
            struct arena_mark mark = arena_mark(&l->scratch);
            const struct node *n = entry_node(&l->tree, kinds[k], &l->tree.kinds[kinds[k]].list[i], &l->scratch, l->t);
            if (!n && l->t->set)
                return E_CONFIG;
            const struct node *vendor = node_get(n, "vendor");
            enum err e = E_OK;
            if (kinds[k] == KIND_POLICY)
                e = use_names(l, all, n);
            else if (kinds[k] == KIND_ROUTE)
                e = use_providers(l, all, n);
            else if (vendor && vendor->kind == NODE_SCALAR)
                e = want(l, all, vendor->text);
            arena_rewind(&l->scratch, mark);
            if (e)
                return e;
        }
    }
    return E_OK;
}

static const struct node *read_embedded(struct load *l, const struct source *s)
{
    struct provider p;
    struct node *root = NULL;
    if (!s->text.at)
        return provider_find(s->slug, &p) ? family_manifest(l, &p) : NULL;
    struct span file = arena_print(l->a, "built-in vendors/%.*s.yaml", SPAN_ARG(s->slug));
    return file.at && node_read_yaml(l->a, file.at, s->text, &root, l->t) == E_OK ? root : NULL;
}

/* What the entry says of its key and its address. One that only a policy names may lack a setting: nobody can call it. */
static enum err dress_manifest(struct load *l, const struct source *s, const struct node **root)
{
    struct trouble unheard = { .set = false };
    const struct node *base = node_get(s->entry, "base_url"), *with_key = family_auth(l, *root, s->entry);
    if (!with_key)
        return E_CONFIG;
    *root = vendor_fill(l->a, with_key, s->entry, base != NULL, s->slug, s->wanted ? l->t : &unheard);
    if (!*root && !s->wanted)
        *root = vendor_fill_guess(l->a, with_key, l->t);
    return *root ? E_OK : E_CONFIG;
}

/* Reads those, and leaves the others out; in their order. */
static enum err keep_used(struct load *l, struct sources *all)
{
    size_t kept = 0;
    enum err e = use_named(l, all);
    for (size_t i = 0; i < all->count && !e; i++) {
        struct source s = all->list[i];
        if (!s.used)
            continue;
        if (!s.root)
            s.root = read_embedded(l, &s);
        e = !s.root ? E_CONFIG : dress_manifest(l, &s, &s.root);
        if (!e)
            all->list[kept++] = s;
    }
    all->count = kept;
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
    enum err e = got < 0 ? unreadable(l, file) : add_text(l, all, file, buf_span(&text));
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
    trouble_say(l->t, at, path, "found \"%.*s\", which has no manifest; allowed: %.*s, another of docs/providers.md, or one of your own (dialect: and base_url: here, manifest: here, or vendors_dir)", SPAN_ARG(slug),
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

/* An entry with a dialect and an address is a vendor of the operator's own, whatever else has that name in the binary. */
static enum err add_own(struct load *l, struct sources *all, const struct node *entry)
{
    if (!node_get(entry, "dialect") || node_get(entry, "manifest"))
        return E_OK;
    const struct node *root = family_own(l, entry);
    return root ? add(l, all, root, entry->name, false) : E_CONFIG;
}

static enum err other_name(struct load *l, const struct node *at, struct span name, struct span slug, const char *path)
{
    trouble_say(l->t, at, path, "found \"%.*s\", another name of %.*s; allowed: %.*s", SPAN_ARG(name), SPAN_ARG(slug), SPAN_ARG(slug));
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
        if (!node_only(n, path, kind_fields(KIND_VENDOR), l->t) || add_inline(l, all, n, path) != E_OK || add_own(l, all, n) != E_OK)
            return E_CONFIG;
        struct source *source;
        enum err found = find(l, all, e->id, &source);
        if (found)
            return found;
        if (!source)
            return unknown(l, all, n, e->id, path);
        if (!span_is(source->slug, e->id))
            return other_name(l, n, e->id, source->slug, path);
        source->entry = n;
        source->used = source->wanted = true;
    }
    return E_OK;
}

enum err sources_read(struct load *l, struct sources *all)
{
    *all = (struct sources){ .list = ARENA_ARRAY(&l->scratch, struct source, VENDORS_MOST) };
    enum err e = all->list ? add_embedded(l, all) : E_NO_MEMORY;
    if (!e)
        e = add_dir(l, all);
    if (!e)
        e = add_entries(l, all);
    return e ? e : keep_used(l, all);
}

void sources_free(struct sources *all) { map_free(&all->by_slug); }
