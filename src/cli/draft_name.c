/* SPDX-License-Identifier: Apache-2.0
 * draft_name.c - names of operations from methods and paths: what stands in the path is the resource, the method the verb.
 *
 *   GET /v1/charges               charges.list        POST /v1/charges               charges.create
 *   GET /v1/charges/{id}          charges.get         POST /v1/charges/{id}/capture  charges.capture
 *   DELETE /customers/{c}/cards/{id}                  customers.cards.delete */
#include "base/map.h"
#include "cli/draft.h"

enum { STEPS = 24, NAME_LONGEST = 120 };

struct steps {
    struct span words[STEPS]; /* SPAN_NONE: a captured value */
    size_t count;
};

struct span draft_word(struct arena *a, struct span text)
{
    char *out = arena_take(a, 2 * text.len + 1);
    size_t n = 0;
    for (size_t i = 0; out && i < text.len; i++) {
        char c = text.at[i];
        bool big = c >= 'A' && c <= 'Z', after_small = i > 0 && text.at[i - 1] >= 'a' && text.at[i - 1] <= 'z';
        bool small = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (n && out[n - 1] != '_' && ((big && after_small) || (!big && !small)))
            out[n++] = '_';
        if (big || small)
            out[n++] = big ? (char)(c - 'A' + 'a') : c;
    }
    while (n && out[n - 1] == '_')
        n--;
    return out ? span_make(out, n) : SPAN("");
}

/* "v1", "v2.1", "2010-04-01", "api", "rest": say nothing of the resource. */
static bool is_noise(struct span s)
{
    bool digits = s.len > 0;
    size_t from = s.len > 1 && (s.at[0] == 'v' || s.at[0] == 'V') ? 1 : 0;
    for (size_t i = from; i < s.len; i++)
        digits = digits && ((s.at[i] >= '0' && s.at[i] <= '9') || s.at[i] == '.' || s.at[i] == '-');
    return digits || span_is(s, SPAN("api")) || span_is(s, SPAN("rest"));
}

static struct steps steps_of(struct arena *a, struct span path)
{
    struct steps s = { .count = 0 };
    struct span rest = span_from(path, 1), step;
    while (span_next(&rest, '/', &step) && s.count < STEPS) {
        bool captured = span_find_byte(step, '{') >= 0;
        if (captured ? s.count == 0 : is_noise(step) || !step.len)
            continue;
        s.words[s.count++] = captured ? SPAN_NONE : draft_word(a, step);
    }
    return s;
}

static struct span below_of(struct arena *a, const struct draft_call *c)
{
    return arena_print(a, "%.*s/{", SPAN_ARG(c->path));
}

/* Whether some path goes on behind this one with a value: then it is a collection. */
static bool is_collection(const struct draft *d, const struct map *shapes, const struct draft_call *c)
{
    return map_get(shapes, below_of(d->arena, c)) != NULL;
}

static bool ends_plural(struct span word) { return span_ends(word, SPAN("s")) && !span_ends(word, SPAN("ss")) && !span_ends(word, SPAN("status")); }

static const char *verb_of(const struct draft_call *c, bool on_item, bool collection, bool plural)
{
    struct span m = c->method;
    if (span_is(m, SPAN("GET")))
        return !on_item && (collection || plural) ? "list" : "get";
    if (span_is(m, SPAN("HEAD")))
        return "head";
    if (span_is(m, SPAN("POST")))
        return on_item ? "update" : "create";
    return span_is(m, SPAN("DELETE")) ? "delete" : span_is(m, SPAN("PATCH")) ? "update" : on_item ? "replace" : "set";
}

/* A POST to a word behind a value, which is no collection: the word is what is done. */
static bool is_action(const struct draft_call *c, const struct steps *s, bool collection, bool plural)
{
    bool behind = s->count > 1 && !s->words[s->count - 2].at;
    bool writes = span_is(c->method, SPAN("POST")) || span_is(c->method, SPAN("PUT"));
    return writes && s->count > 1 && s->words[s->count - 1].at && !collection && !plural && (behind || span_is(c->method, SPAN("POST")));
}

static struct span join(struct arena *a, const struct steps *s, size_t count)
{
    struct span out = SPAN("");
    for (size_t i = 0; i < count; i++)
        if (s->words[i].at && s->words[i].len)
            out = arena_print(a, "%.*s%s%.*s", SPAN_ARG(out), out.len ? "." : "", SPAN_ARG(s->words[i]));
    return out;
}

static struct span name_of(const struct draft *d, const struct map *shapes, const struct draft_call *c)
{
    struct arena *a = d->arena;
    struct steps s = steps_of(a, c->path);
    bool on_item = s.count > 0 && !s.words[s.count - 1].at;
    bool collection = !on_item && is_collection(d, shapes, c), plural = !on_item && s.count > 0 && ends_plural(s.words[s.count - 1]);
    if (is_action(c, &s, collection, plural))
        return join(a, &s, s.count);
    struct span resource = join(a, &s, s.count);
    return arena_print(a, "%.*s.%s", SPAN_ARG(resource.len ? resource : SPAN("root")), verb_of(c, on_item, collection, plural));
}

static bool take(struct map *names, struct draft_call *c, struct span name)
{
    if (map_get(names, name))
        return false;
    c->name = name;
    return map_put(names, name, c);
}

/* Two of one name: the values in the path tell them apart, else a number does. */
static void name_call(struct draft *d, struct map *names, const struct map *shapes, struct draft_call *c)
{
    struct span name = span_first(name_of(d, shapes, c), NAME_LONGEST), rest = c->path, before, value, last = SPAN("");
    if (take(names, c, name))
        return;
    while (span_cut(&rest, '{', &before) && span_cut(&rest, '}', &value))
        last = value;
    if (last.len && take(names, c, arena_print(d->arena, "%.*s_by_%.*s", SPAN_ARG(name), SPAN_ARG(draft_word(d->arena, last)))))
        return;
    for (int n = 2; n < DRAFT_CALLS + 2; n++)
        if (take(names, c, arena_print(d->arena, "%.*s_%d", SPAN_ARG(name), n)) || d->arena->broken)
            return;
}

/* All beginnings of paths that end where a value begins. */
static void note_shapes(struct draft *d, struct map *shapes)
{
    for (size_t i = 0; i < d->count; i++) {
        struct span path = d->calls[i].path;
        for (size_t at = 0; at < path.len; at++)
            if (path.at[at] == '{' && !map_put(shapes, span_first(path, at + 1), &d->calls[i]))
                d->arena->broken = true;
    }
}

void draft_names(struct draft *d)
{
    struct map names = { NULL, 0, 0 }, shapes = { NULL, 0, 0 };
    note_shapes(d, &shapes);
    for (size_t i = 0; i < d->count; i++)
        if (!d->calls[i].trouble.at)
            name_call(d, &names, &shapes, &d->calls[i]);
    map_free(&names);
    map_free(&shapes);
}
