/* SPDX-License-Identifier: Apache-2.0
 * family.c - manifests for providers that have none of their own: what vendors/openai.yaml or vendors/anthropic.yaml say, with another
 * address, another key and only the operations that are offered; for an API of another kind a table of its paths, whose prices nobody
 * knows. Made when a configuration names the provider.
 *
 * Callers use the family's own paths ("/v1/chat/completions") whatever the provider's are; where those differ they work as well. */
#include "config/family.h"

#include "base/embed.h"

void family_set_text(struct family *f, struct node *map, const char *name, struct span text)
{
    if (text.len)
        edit_set(f->a, map, name, edit_text(f->a, text));
}

static struct node *list_of(struct arena *a, struct span words)
{
    struct node *list = edit_list(a);
    struct span rest = words.len ? words : SPAN_NONE, one;
    while (rest.at && span_next(&rest, ' ', &one))
        if (one.len)
            edit_add(a, list, edit_text(a, one));
    return list;
}

static struct node *manifest_of(struct load *l, const char *name)
{
    struct node *root = NULL;
    struct span file = arena_print(l->a, "built-in vendors/%s.yaml", name), text = embed_find(arena_print(&l->scratch, "vendors/%s.yaml", name));
    must(text.at); /* travels in the binary */
    return file.at && node_read_yaml(l->a, file.at, text, &root, l->t) == E_OK ? root : NULL;
}

static void add_fill(struct family *f, struct node *fill, struct span text)
{
    struct span rest = text, before, name;
    while (span_cut(&rest, '{', &before) && span_cut(&rest, '}', &name)) {
        struct span copy = arena_copy(f->a, name);
        if (!copy.at)
            return;
        const char *what = span_is(name, SPAN("region")) ? "a region, us-east-1" : span_is(name, SPAN("version")) ? "a version of its API, 2024-10-21" :
                                                                                                          "your part of its address";
        edit_set(f->a, fill, copy.at, edit_text(f->a, span_of(what)));
    }
}

static void set_settings(struct family *f, struct node *root)
{
    struct node *fill = edit_map(f->a), *settings = edit_map(f->a);
    add_fill(f, fill, f->p->base_url);
    add_fill(f, fill, f->query);
    if (span_find(f->p->paths, SPAN("{tenant}")) >= 0)
        add_fill(f, fill, SPAN("{tenant}"));
    if (span_find(f->p->paths, SPAN("{chat}")) >= 0)
        edit_set(f->a, settings, "chat", edit_text(f->a, SPAN("")));
    if (span_is(f->p->auth, SPAN("client"))) {
        add_fill(f, fill, SPAN("{token_url}"));
        edit_set(f->a, f->origins, "token", edit_text(f->a, SPAN("{token_url}")));
    }
    if (span_is(f->p->auth, SPAN("ibm")))
        edit_set(f->a, f->origins, "token", edit_text(f->a, SPAN("https://iam.cloud.ibm.com")));
    if (span_starts(f->p->auth, SPAN("sigv4:")))
        add_fill(f, fill, SPAN("{region}"));
    if (fill && fill->count)
        edit_set(f->a, root, "fill", fill);
    if (settings && settings->count)
        edit_set(f->a, root, "settings", settings);
    family_set_text(f, root, "default_query", f->query);
    if (f->origins->count)
        edit_set(f->a, root, "origins", f->origins);
}

static void set_quirks(struct family *f, struct node *root)
{
    const struct provider *p = f->p;
    struct node *quirks = edit_map(f->a);
    family_set_text(f, quirks, "max_tokens_field", p->limit);
    family_set_text(f, quirks, "stream_usage", p->stream_usage);
    if (!span_is(p->stream_options, SPAN("1")) && !span_is(p->stream_usage, SPAN("on_request"))) {
        struct node *no = edit_true(f->a);
        if (no)
            no->text = SPAN("false");
        edit_set(f->a, quirks, "stream_options", no);
    }
    if (p->unsupported.len)
        edit_set(f->a, quirks, "unsupported", list_of(f->a, p->unsupported));
    edit_set(f->a, root, "quirks", quirks);
}

/* /v1 at the end of the address is put back where callers leave it out, or taken off where the address has none; the rest of the
 * address's path may be said as well, as the provider's own SDK does ("/openai/v1/chat/completions" at Groq). */
static void set_prefixes(struct family *f, struct node *root)
{
    struct span host, path = SPAN("");
    struct node *ignored = edit_list(f->a);
    /* One that begins with a place has no path that is known. */
    if (family_split(f->p->base_url, &host, &path) && f->v1)
        path.len -= 3;
    edit_drop(root, "optional_prefix");
    if (f->v1)
        family_set_text(f, root, "optional_prefix", SPAN("/v1"));
    else
        edit_add(f->a, ignored, edit_text(f->a, SPAN("/v1")));
    if (path.len > 1 && span_find_byte(path, '{') < 0 && !span_is(path, SPAN("/v1")))
        edit_add(f->a, ignored, edit_text(f->a, path));
    if (ignored && ignored->count)
        edit_set(f->a, root, "ignored_prefix", ignored);
}

static void set_headers(struct family *f, struct node *root, bool speaks_messages)
{
    const struct node *before = node_get(root, "request_headers");
    struct node *list = edit_copy(f->a, before);
    struct span rest = f->p->headers.len ? f->p->headers : SPAN_NONE, one;
    if (!list)
        return;
    list->kind = NODE_LIST;
    while (rest.at && span_next(&rest, ' ', &one))
        edit_add(f->a, list, edit_text(f->a, one));
    if (speaks_messages && !node_get(root, "default_headers")) {
        struct node *version = edit_map(f->a);
        edit_add(f->a, list, edit_text(f->a, SPAN("anthropic-version")));
        edit_add(f->a, list, edit_text(f->a, SPAN("anthropic-beta")));
        edit_set(f->a, version, "anthropic-version", edit_text(f->a, SPAN("2023-06-01")));
        edit_set(f->a, root, "default_headers", version);
    }
    edit_set(f->a, root, "request_headers", list);
}

/* Some whose API is of another kind have OpenAI's path for chats as well. */
static enum speech speech_of(const struct provider *p)
{
    struct span chat = provider_path(p, SPAN("chat"));
    if (span_is(p->dialect, SPAN("anthropic")))
        return SPEAKS_ANTHROPIC;
    return span_is(p->dialect, SPAN("openai")) || span_ends(chat, SPAN("/chat/completions")) ? SPEAKS_OPENAI : SPEAKS_OTHER;
}

/* Its path does: "http://v1" is a host. */
static bool ends_in_v1(struct span base_url)
{
    struct span host, path = base_url;
    family_split(base_url, &host, &path);
    return span_ends(path, SPAN("/v1"));
}

/* What `tollgate doctor` asks: the list of models, where the provider has one. */
static void set_check(struct family *f, struct node *root)
{
    edit_drop(root, "check");
    for (const struct node *n = f->operations->first; n; n = n->next) {
        const struct node *call = n->kind == NODE_MAP ? node_get(n, "call") : n;
        if (call && span_starts(call->text, SPAN("GET /")) && span_ends(call->text, SPAN("/models"))) {
            family_set_text(f, root, "check", call->text);
            return;
        }
    }
}

const struct node *family_manifest(struct load *l, const struct provider *p)
{
    enum speech speech = speech_of(p);
    struct node *like = manifest_of(l, speech == SPEAKS_ANTHROPIC ? "anthropic" : "openai");
    if (!like)
        return NULL;
    struct node *root = edit_copy(l->a, like);
    struct family f = { .a = l->a, .p = p, .known = node_get(like, "operations"), .operations = edit_map(l->a), .origins = edit_map(l->a),
        .v1 = ends_in_v1(p->base_url) };
    if (!root || !f.operations || !f.origins)
        return NULL;
    root->file = "catalog/providers.tsv";
    family_set_text(&f, root, "vendor", p->slug);
    family_set_text(&f, root, "title", p->title);
    family_set_text(&f, root, "provider", p->slug);
    family_set_text(&f, root, "base_url", p->base_url);
    edit_drop(root, "answer_headers_dropped");
    edit_drop(root, "lates");
    set_prefixes(&f, root);
    family_offers(&f, speech);
    set_check(&f, root);
    set_settings(&f, root);
    set_headers(&f, root, speech == SPEAKS_OPENAI && provider_path(p, SPAN("messages")).at);
    set_quirks(&f, root);
    edit_set(l->a, root, "operations", f.operations);
    if (family_set_auth(l->a, root, p->auth) && !l->a->broken)
        return root;
    trouble_say(l->t, root, "vendor", "%.*s: no such way of the key", SPAN_ARG(p->slug));
    return NULL;
}

/* ---- a vendor of the operator's own ---- */

static const struct node *renamed(struct load *l, const char *name, struct span slug)
{
    struct node *like = manifest_of(l, name), *root = edit_copy(l->a, like);
    if (!like || !root)
        return NULL;
    edit_set(l->a, root, "vendor", edit_text(l->a, slug));
    edit_set(l->a, root, "title", edit_text(l->a, slug));
    edit_set(l->a, root, "provider", edit_text(l->a, slug));
    return root;
}

const struct node *family_own(struct load *l, const struct node *entry)
{
    static const char *const dialects[] = { "openai", "anthropic", "gemini", "ollama", NULL };
    struct span base = SPAN_NONE, path = arena_print(&l->scratch, "vendors.%.*s.dialect", SPAN_ARG(entry->name)),
                base_path = arena_print(&l->scratch, "vendors.%.*s.base_url", SPAN_ARG(entry->name));
    int dialect = 0;
    if (!path.at || !base_path.at || !node_choice(node_get(entry, "dialect"), path.at, dialects, &dialect, l->t) ||
        !node_span(node_get(entry, "base_url"), base_path.at, &base, l->t))
        return NULL;
    if (!base.len) {
        trouble_say(l->t, entry, base_path.at, "is required beside dialect; allowed: where the server is, http://10.0.0.5:8000/v1");
        return NULL;
    }
    if (dialect > 1)
        return renamed(l, dialects[dialect], entry->name);
    while (span_ends(base, SPAN("/")))
        base.len--;
    struct provider p = { .slug = entry->name, .title = entry->name, .base_url = base, .dialect = span_of(dialects[dialect]),
        .auth = dialect ? SPAN("header:x-api-key") : SPAN("bearer"), .limit = SPAN("either"), .stream_usage = SPAN("on_request"),
        .stream_options = SPAN("1"), .flags = SPAN("local"), .paths = SPAN("rerank=/rerank count_tokens=/messages/count_tokens") };
    return family_manifest(l, &p);
}
