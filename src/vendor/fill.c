/* SPDX-License-Identifier: Apache-2.0
 * fill.c - manifests with places that the operator fills in: "https://bedrock-runtime.{region}.amazonaws.com". `fill` names the
 * settings; each {name} in an address or a path becomes that setting's value, before anything is compiled.
 *
 * What is filled in becomes part of addresses that secrets are sent to: it is one label, one step, and never more. */
#include "vendor/vendor.h"

enum { VALUE_LONGEST = 200, FILLED_MOST = 8192 };

struct fill {
    struct arena *arena;
    const struct node *names; /* the manifest's `fill` */
    const struct node *settings, *defaults;
    bool guess; /* nobody configured it: the name stands for the value */
    bool addressed; /* the operator gave the address */
};

static struct span scalar(const struct node *map, struct span name)
{
    for (const struct node *n = map && map->kind == NODE_MAP ? map->first : NULL; n; n = n->next)
        if (span_is(n->name, name) && n->kind == NODE_SCALAR && n->text.len)
            return n->text;
    return SPAN_NONE;
}

static struct span value_of_name(const struct fill *f, struct span name)
{
    struct span own = scalar(f->settings, name);
    return own.at ? own : scalar(f->defaults, name);
}

/* A label of a host, several with dots between them, or a step of a path. */
static bool is_plain(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
            return false;
    }
    return s.len && s.len <= VALUE_LONGEST && s.at[0] != '.' && s.at[0] != '-' && span_find(s, SPAN("..")) < 0;
}

static bool is_address(struct span s)
{
    return s.len <= VALUE_LONGEST && (span_starts(s, SPAN("https://")) || span_starts(s, SPAN("http://")));
}

/* "{location-}" is the value and the dash behind it; for "global" it is nothing (Google's hosts). */
static bool put_value(const struct fill *f, struct span name, bool url, struct buf *b)
{
    bool dashed = span_ends(name, SPAN("-"));
    struct span bare = dashed ? span_first(name, name.len - 1) : name;
    bool known = false;
    for (const struct node *n = f->names->first; n; n = n->next)
        known = known || span_is(n->name, bare);
    struct span value = known ? value_of_name(f, bare) : SPAN_NONE;
    if (known && !value.at && url && (f->guess || f->addressed))
        value = b->len ? bare : SPAN("https://example.invalid");
    if (!value.at)
        return false;
    if (dashed && span_is(value, SPAN("global")))
        return true;
    buf_put(b, value);
    buf_put(b, dashed ? SPAN("-") : SPAN(""));
    return true;
}

static struct span filled(const struct fill *f, struct span text)
{
    struct span rest = text, before, name;
    struct buf b;
    bool url = span_find(text, SPAN("://")) >= 0 || span_starts(text, SPAN("{"));
    buf_init(&b, FILLED_MOST);
    while (span_cut(&rest, '{', &before)) {
        buf_put(&b, before);
        struct span place = rest;
        if (span_cut(&rest, '}', &name) && put_value(f, name, url, &b))
            continue;
        buf_put_byte(&b, '{');
        rest = place;
    }
    buf_put(&b, rest);
    struct span out = b.broken ? SPAN_NONE : arena_copy(f->arena, buf_span(&b));
    buf_free(&b);
    return out;
}

static struct node *filled_node(const struct fill *f, const struct node *n)
{
    struct node *copy = ARENA_NEW(f->arena, struct node);
    struct node **end;
    if (!copy)
        return NULL;
    *copy = *n;
    copy->next = NULL;
    if (n->kind == NODE_SCALAR && span_find_byte(n->text, '{') >= 0)
        copy->text = filled(f, n->text);
    copy->first = NULL;
    end = &copy->first;
    for (const struct node *at = n->first; at; at = at->next) {
        /* What callers are told has brackets of its own. */
        bool other = span_is(at->name, SPAN("deny")) || span_is(at->name, SPAN("fill"));
        struct node *child = other ? ARENA_NEW(f->arena, struct node) : filled_node(f, at);
        if (!child)
            return NULL;
        if (other) {
            *child = *at;
            child->next = NULL;
        }
        *end = child;
        end = &child->next;
    }
    return copy;
}

/* Whether it stands for an address with its scheme: "{token_url}/x". */
static bool is_whole_address(const struct node *root, struct span name, struct arena *a)
{
    struct span place = arena_print(a, "{%.*s}", SPAN_ARG(name));
    const struct node *base = node_get(root, "base_url"), *origins = node_get(root, "origins");
    bool address = base && base->kind == NODE_SCALAR && span_starts(base->text, place);
    for (const struct node *n = origins ? origins->first : NULL; n; n = n->next)
        address = address || (n->kind == NODE_SCALAR && span_starts(n->text, place));
    return address;
}

static bool in_paths(const struct node *n, struct span name, struct arena *a)
{
    struct span place = arena_print(a, "{%.*s}", SPAN_ARG(name));
    const struct node *operations = node_get(n, "operations");
    for (const struct node *op = operations ? operations->first : NULL; op; op = op->next) {
        const struct node *call = op->kind == NODE_MAP ? node_get(op, "call") : op;
        if (call && call->kind == NODE_SCALAR && span_find(call->text, place) >= 0)
            return true;
    }
    return false;
}

static bool check(const struct fill *f, const struct node *root, const struct node *at, struct span slug, struct trouble *t)
{
    for (const struct node *n = f->names->first; n; n = n->next) {
        struct span value = value_of_name(f, n->name);
        struct span path = arena_print(f->arena, "vendors.%.*s.settings.%.*s", SPAN_ARG(slug), SPAN_ARG(n->name));
        struct span what = n->kind == NODE_SCALAR ? n->text : SPAN("a name");
        if (!path.at)
            return false;
        if (!value.at && f->addressed && !in_paths(root, n->name, f->arena))
            continue;
        if (!value.at) {
            trouble_say(t, at, path.at, "is required by %.*s; allowed: %.*s", SPAN_ARG(slug), SPAN_ARG(what));
            return false;
        }
        bool address = is_whole_address(root, n->name, f->arena);
        if (address ? is_address(value) : is_plain(value))
            continue;
        trouble_say(t, at, path.at, "found \"%.*s\"; allowed: %.*s, %s", SPAN_ARG(span_first(value, 100)), SPAN_ARG(what),
            address ? "https:// and a host" : "in letters, digits, -, _ and dots");
        return false;
    }
    return true;
}

static const struct node *run(struct fill *f, const struct node *root, struct trouble *t)
{
    const struct node *out = filled_node(f, root);
    if (!out || f->arena->broken) {
        trouble_say(t, root, "fill", "the manifest needs more memory than allowed");
        return NULL;
    }
    return out;
}

const struct node *vendor_fill(
    struct arena *a, const struct node *root, const struct node *entry, bool addressed, struct span slug, struct trouble *t)
{
    struct fill f = { .arena = a, .names = node_get(root, "fill"), .settings = node_get(entry, "settings"),
        .defaults = node_get(root, "settings"), .addressed = addressed };
    if (!f.names || f.names->kind != NODE_MAP)
        return root;
    return check(&f, root, entry ? entry : root, slug, t) ? run(&f, root, t) : NULL;
}

const struct node *vendor_fill_guess(struct arena *a, const struct node *root, struct trouble *t)
{
    struct fill f = { .arena = a, .names = node_get(root, "fill"), .defaults = node_get(root, "settings"), .guess = true };
    return f.names && f.names->kind == NODE_MAP ? run(&f, root, t) : root;
}
