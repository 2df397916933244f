/* SPDX-License-Identifier: Apache-2.0
 * apply.c - a target's parameters over a call's body: what is absent by default, what is set in any case, then what is dropped. Members
 * that nothing is said about are passed on byte by byte. */
#include "base/json.h"
#include "route/route.h"

enum { DROPS_MOST = 64 };

/* What is left of the paths to drop, below the value at hand: "", ".b", "[0].b", "[*].b". "": the value itself. */
struct drops {
    struct span rest[DROPS_MOST];
    size_t count;
    bool whole;
};

struct laying {
    const struct target *t;
    struct json *json;
    struct arena *a;
    struct json_out out;
    const struct node **seen; /* defaults and overrides that the body has */
    size_t seen_count;
    bool good;
};

static const struct node *member(const struct node *map, struct span name)
{
    for (const struct node *n = map ? map->first : NULL; n; n = n->next)
        if (span_is(n->name, name))
            return n;
    return NULL;
}

/* Of a path whose next step is this one: what follows. */
static bool steps(struct span path, struct span step, struct span *rest)
{
    if (!span_starts(path, step))
        return false;
    *rest = span_from(path, step.len);
    return !rest->len || rest->at[0] == '.' || rest->at[0] == '[';
}

static void add(struct drops *d, struct span rest)
{
    d->whole = d->whole || !rest.len;
    if (d->count < DROPS_MOST)
        d->rest[d->count++] = rest;
}

static void at_top(const struct target *t, struct span name, struct drops *out)
{
    struct span rest;
    *out = (struct drops){ .count = 0 };
    for (size_t i = 0; i < t->drop_count; i++)
        if (steps(t->drop_params[i], name, &rest))
            add(out, rest);
}

static void in_member(const struct drops *d, struct span name, struct drops *out)
{
    struct span rest;
    out->count = 0;
    out->whole = false;
    for (size_t i = 0; i < d->count; i++)
        if (d->rest[i].len && d->rest[i].at[0] == '.' && steps(span_from(d->rest[i], 1), name, &rest))
            add(out, rest);
}

static void in_item(const struct drops *d, size_t index, struct drops *out)
{
    out->count = 0;
    out->whole = false;
    for (size_t i = 0; i < d->count; i++) {
        struct span path = d->rest[i];
        ptrdiff_t end = span_find_byte(path, ']');
        uint64_t wanted;
        if (!path.len || path.at[0] != '[' || end < 2)
            continue;
        struct span inner = span_make(path.at + 1, (size_t)end - 1);
        if (span_is(inner, SPAN("*")) || (span_to_u64(inner, &wanted) && wanted == index))
            add(out, span_from(path, (size_t)end + 1));
    }
}

static void put_value(struct json_out *o, struct json_value v)
{
    json_put_raw(o, SPAN("")); /* the comma */
    json_print(v, o->buf);
}

static void prune(struct json_out *o, struct json_value v, const struct drops *d)
{
    enum json_kind kind = json_kind(v);
    struct drops below;
    struct span name;
    struct json_value item;
    size_t index = 0;
    if (!d->count || (kind != JSON_OBJECT && kind != JSON_ARRAY)) {
        put_value(o, v);
        return;
    }
    json_open(o, kind == JSON_OBJECT ? '{' : '[');
    for (struct json_iter it = json_iter(v); json_next(&it, &name, &item); index++) {
        if (kind == JSON_OBJECT)
            in_member(d, name, &below);
        else
            in_item(d, index, &below);
        if (below.whole)
            continue;
        if (kind == JSON_OBJECT)
            json_name(o, name);
        prune(o, item, &below);
    }
    json_close(o, kind == JSON_OBJECT ? '}' : ']');
}

static void put_member(struct laying *l, struct span name, struct span raw)
{
    struct drops d;
    struct json_value v;
    const char *why;
    at_top(l->t, name, &d);
    if (d.whole)
        return;
    json_name(&l->out, name);
    if (!d.count) {
        json_put_raw(&l->out, raw);
        return;
    }
    if (json_parse(l->json, raw, false, &v, &why) != E_OK) {
        l->good = false;
        return;
    }
    prune(&l->out, v, &d);
}

static void put_node(struct laying *l, const struct node *n)
{
    struct buf text;
    buf_init(&text, (size_t)1 << 20);
    node_write_json(n, &text);
    l->good = l->good && !text.broken;
    if (l->good)
        put_member(l, n->name, buf_span(&text));
    buf_free(&text);
}

static bool visit(void *self, struct span name, enum json_kind kind, struct span raw)
{
    struct laying *l = self;
    const struct node *over = member(l->t->override_params, name), *fill = member(l->t->default_params, name);
    (void)kind;
    if (over)
        l->seen[l->seen_count++] = over;
    if (fill)
        l->seen[l->seen_count++] = fill;
    if (over)
        put_node(l, over);
    else
        put_member(l, name, raw);
    return l->good;
}

static bool was_seen(const struct laying *l, const struct node *n)
{
    for (size_t i = 0; i < l->seen_count; i++)
        if (l->seen[i] == n)
            return true;
    return false;
}

static void put_rest(struct laying *l)
{
    const struct target *t = l->t;
    for (const struct node *n = t->override_params ? t->override_params->first : NULL; n; n = n->next)
        if (!was_seen(l, n))
            put_node(l, n);
    for (const struct node *n = t->default_params ? t->default_params->first : NULL; n; n = n->next)
        if (!was_seen(l, n) && !member(t->override_params, n->name))
            put_node(l, n);
}

bool target_apply(const struct target *t, struct json *j, struct span body, struct arena *a, struct buf *out)
{
    size_t most = (t->override_params ? t->override_params->count : 0) + (t->default_params ? t->default_params->count : 0);
    struct laying l = { .t = t, .json = j, .a = a, .out = json_out(out), .seen = ARENA_ARRAY(a, const struct node *, most + 1), .good = true };
    const char *why;
    if (!l.seen)
        return false;
    json_open(&l.out, '{');
    if (json_scan(j, body, false, visit, &l, &why) != E_OK || !l.good)
        return false;
    put_rest(&l);
    json_close(&l.out, '}');
    return l.good && !out->broken;
}

bool target_changes(const struct target *t) { return t->override_params || t->default_params || t->drop_count; }
