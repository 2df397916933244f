/* SPDX-License-Identifier: Apache-2.0
 * node.c - asking a tree for typed values, with troubles that tell a person what to write instead; and merging. */
#include "base/node.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

enum { SHOW_MOST = 60, NAME_MOST = 64, NEAR = 2 };

void trouble_say(struct trouble *t, const struct node *at, const char *field, const char *format, ...)
{
    struct buf text;
    char what[sizeof(t->text)];
    va_list args;
    if (t->set)
        return;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    buf_init(&text, 2 * sizeof(t->text));
    if (at && at->file && *at->file) {
        buf_put(&text, span_of(at->file));
        if (at->line)
            buf_print(&text, ":%d", at->line);
        buf_put(&text, SPAN(": "));
    }
    if (*field)
        buf_print(&text, "%s: ", field);
    buf_put(&text, span_of(what));
    t->set = true;
    snprintf(t->text, sizeof(t->text), "%.*s", SPAN_ARG(buf_span(&text)));
    snprintf(t->field, sizeof(t->field), "%s", field);
    buf_free(&text);
}

/* The text for people: short, on one line. */
static void show(const struct node *n, char out[SHOW_MOST + 8])
{
    struct span s = span_first(n->text, SHOW_MOST);
    size_t len = 0;
    out[len++] = '"';
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        out[len++] = c < 0x20 || c == 0x7f ? '?' : s.at[i];
    }
    snprintf(out + len, SHOW_MOST + 8 - len, "%s\"", n->text.len > SHOW_MOST ? "..." : "");
}

void trouble_found(struct trouble *t, const struct node *at, const char *field, const char *allowed)
{
    static const char *const kinds[] = { [NODE_NULL] = "nothing", [NODE_LIST] = "a list", [NODE_MAP] = "a map" };
    char shown[SHOW_MOST + 8];
    const char *found = shown;
    if (at->kind != NODE_SCALAR)
        found = kinds[at->kind];
    else if (at->expanded)
        found = "a value given by ${...}";
    else
        show(at, shown);
    trouble_say(t, at, field, "found %s; allowed: %s", found, allowed);
}

static bool absent(const struct node *n) { return !n || n->kind == NODE_NULL; }

const struct node *node_get(const struct node *n, const char *name)
{
    struct span wanted = span_of(name);
    if (!n || n->kind != NODE_MAP)
        return NULL;
    for (const struct node *child = n->first; child; child = child->next)
        if (span_is(child->name, wanted))
            return absent(child) ? NULL : child;
    return NULL;
}

static bool wrong(struct trouble *t, const struct node *n, const char *path, const char *allowed)
{
    trouble_found(t, n, path, allowed);
    return false;
}

bool node_span(const struct node *n, const char *path, struct span *out, struct trouble *t)
{
    if (absent(n))
        return true;
    if (n->kind != NODE_SCALAR)
        return wrong(t, n, path, "text");
    *out = n->text;
    return true;
}

bool node_i64(const struct node *n, const char *path, int64_t min, int64_t max, int64_t *out, struct trouble *t)
{
    int64_t value;
    char allowed[100];
    if (absent(n))
        return true;
    if (n->kind == NODE_SCALAR && !n->quoted && span_to_i64(n->text, &value) && value >= min && value <= max) {
        *out = value;
        return true;
    }
    const char *quotes = n->kind == NODE_SCALAR && n->quoted ? " without quotes" : "";
    int len = snprintf(allowed, sizeof(allowed), "a whole number%s", quotes);
    if (min != INT64_MIN && max != INT64_MAX)
        snprintf(allowed + len, sizeof(allowed) - (size_t)len, " from %lld to %lld", (long long)min, (long long)max);
    else if (min != INT64_MIN)
        snprintf(allowed + len, sizeof(allowed) - (size_t)len, ", %lld or more", (long long)min);
    else if (max != INT64_MAX)
        snprintf(allowed + len, sizeof(allowed) - (size_t)len, ", %lld or less", (long long)max);
    return wrong(t, n, path, allowed);
}

bool node_bool(const struct node *n, const char *path, bool *out, struct trouble *t)
{
    if (absent(n))
        return true;
    bool plain = n->kind == NODE_SCALAR && !n->quoted;
    if (!plain || (!span_is(n->text, SPAN("true")) && !span_is(n->text, SPAN("false"))))
        return wrong(t, n, path, "true, false (without quotes)");
    *out = n->text.len == 4;
    return true;
}

/* The readers of one text to one number differ only in the reader and in what they say. */
static bool by(bool (*parse)(struct span, int64_t *), const char *allowed, const struct node *n, const char *path, int64_t *out,
    struct trouble *t)
{
    int64_t value;
    if (absent(n))
        return true;
    if (n->kind != NODE_SCALAR || !parse(n->text, &value))
        return wrong(t, n, path, allowed);
    *out = value;
    return true;
}

bool node_time(const struct node *n, const char *path, int64_t *unix_ms, struct trouble *t)
{
    return by(text_time_parse, "a date or a time with its zone, such as 2026-12-31 or 2026-12-31T18:00:00Z", n, path, unix_ms, t);
}

bool node_duration(const struct node *n, const char *path, int64_t *ms, struct trouble *t)
{
    return by(text_duration_parse, "a whole number and a unit (ms, s, m, h, d), such as 30s", n, path, ms, t);
}

bool node_size(const struct node *n, const char *path, int64_t *bytes, struct trouble *t)
{
    return by(text_size_parse, "a number of bytes, or of KiB, MiB or GiB, such as 10MiB", n, path, bytes, t);
}

/* "a, b, c" */
static void put_names(struct buf *b, const char *const names[])
{
    for (size_t i = 0; names[i]; i++)
        buf_print(b, "%s%s", i ? ", " : "", names[i]);
}

static struct span names_text(struct buf *b, const char *const names[])
{
    struct span all;
    buf_init(b, 4096);
    put_names(b, names);
    buf_put_byte(b, '\0');
    return buf_done(b, &all) == E_OK ? all : SPAN("see the documentation");
}

bool node_choice(const struct node *n, const char *path, const char *const names[], int *out, struct trouble *t)
{
    struct buf b;
    if (absent(n))
        return true;
    for (int i = 0; n->kind == NODE_SCALAR && names[i]; i++)
        if (span_is(n->text, span_of(names[i]))) {
            *out = i;
            return true;
        }
    wrong(t, n, path, names_text(&b, names).at);
    buf_free(&b);
    return false;
}

bool node_spans(struct arena *a, const struct node *n, const char *path, struct span **out, size_t *count, struct trouble *t)
{
    if (absent(n))
        return true;
    size_t wanted = n->kind == NODE_LIST ? n->count : 1, at = 0;
    struct span *all = ARENA_ARRAY(a, struct span, wanted + 1);
    if (!all) {
        trouble_say(t, n, path, "does not fit into the memory set aside for it");
        return false;
    }
    if (n->kind == NODE_SCALAR)
        all[at++] = n->text;
    else if (n->kind != NODE_LIST)
        return wrong(t, n, path, "text, or a list of texts");
    for (const struct node *item = n->kind == NODE_LIST ? n->first : NULL; item; item = item->next) {
        if (item->kind != NODE_SCALAR) {
            char where[200];
            snprintf(where, sizeof(where), "%s[%zu]", path, at);
            return wrong(t, item, where, "text");
        }
        all[at++] = item->text;
    }
    *out = all;
    *count = at;
    return true;
}

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* Insertions, deletions, changes and swaps of neighbours; only whether it is at most NEAR matters to the caller. */
static size_t distance(struct span a, struct span b)
{
    size_t rows[3][NAME_MOST + 1];
    if (a.len > NAME_MOST || b.len > NAME_MOST)
        return SIZE_MAX;
    for (size_t k = 0; k <= b.len; k++)
        rows[0][k] = k;
    for (size_t i = 1; i <= a.len; i++) {
        size_t *here = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];
        here[0] = i;
        for (size_t k = 1; k <= b.len; k++) {
            bool same = a.at[i - 1] == b.at[k - 1];
            here[k] = least(least(above[k] + 1, here[k - 1] + 1), above[k - 1] + !same);
            if (i > 1 && k > 1 && a.at[i - 1] == b.at[k - 2] && a.at[i - 2] == b.at[k - 1])
                here[k] = least(here[k], two_above[k - 2] + 1);
        }
    }
    return rows[a.len % 3][b.len];
}

static const char *nearest(struct span name, const char *const allowed[])
{
    const char *found = NULL;
    size_t shortest = NEAR + 1;
    for (size_t i = 0; allowed[i]; i++) {
        size_t d = distance(name, span_of(allowed[i]));
        /* "tz" is not near "id": at least half of the name must stand. */
        if (d < shortest && d * 2 <= name.len) {
            found = allowed[i];
            shortest = d;
        }
    }
    return found;
}

static bool unknown(const struct node *child, const char *path, const char *const allowed[], struct trouble *t)
{
    struct buf b;
    char field[200];
    struct span name = span_first(child->name, NAME_MOST);
    const char *near = nearest(child->name, allowed);
    snprintf(field, sizeof(field), "%s%s%.*s", path, *path ? "." : "", SPAN_ARG(name));
    trouble_say(t, child, field, "unknown field \"%.*s\";%s%s%s allowed: %s", SPAN_ARG(name), near ? " did you mean \"" : "",
        near ? near : "", near ? "\"?" : "", names_text(&b, allowed).at);
    buf_free(&b);
    return false;
}

bool node_only(const struct node *n, const char *path, const char *const allowed[], struct trouble *t)
{
    if (absent(n))
        return true;
    if (n->kind != NODE_MAP)
        return wrong(t, n, path, "a map");
    for (const struct node *child = n->first; child; child = child->next) {
        size_t i = 0;
        while (allowed[i] && !span_is(child->name, span_of(allowed[i])))
            i++;
        if (!allowed[i])
            return unknown(child, path, allowed, t);
    }
    return true;
}

static const struct node *member(const struct node *map, struct span name)
{
    for (const struct node *n = map ? map->first : NULL; n; n = n->next)
        if (span_is(n->name, name))
            return n;
    return NULL;
}

/* A node of its own, since `next` differs, with the same content. */
static struct node *twin(struct arena *a, const struct node *n)
{
    struct node *copy = ARENA_NEW(a, struct node);
    if (copy) {
        *copy = *n;
        copy->next = NULL;
    }
    return copy;
}

static bool append(struct node *map, struct node ***end, struct node *n)
{
    if (!n)
        return false;
    **end = n;
    *end = &n->next;
    map->count++;
    return true;
}

static struct node *merge_maps(struct arena *a, const struct node *base, const struct node *patch)
{
    struct node *out = twin(a, patch), **end;
    if (!out)
        return NULL;
    out->first = NULL;
    out->count = 0;
    end = &out->first;
    for (const struct node *n = base ? base->first : NULL; n; n = n->next) {
        const struct node *change = member(patch, n->name);
        if (change && change->kind == NODE_NULL)
            continue;
        if (!append(out, &end, change ? node_merge(a, n, change) : twin(a, n)))
            return NULL;
    }
    for (const struct node *n = patch->first; n; n = n->next) {
        if (n->kind == NODE_NULL || member(base, n->name))
            continue;
        if (!append(out, &end, node_merge(a, NULL, n)))
            return NULL;
    }
    return out;
}

struct node *node_merge(struct arena *a, const struct node *base, const struct node *patch)
{
    if (patch->kind != NODE_MAP)
        return twin(a, patch);
    return merge_maps(a, base && base->kind == NODE_MAP ? base : NULL, patch);
}
