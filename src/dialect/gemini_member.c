/* SPDX-License-Identifier: Apache-2.0
 * gemini_member.c - members of Google's objects, in either spelling; lists; what a model's name says. See gemini.h. */
#include "base/spelling.h"
#include "dialect/gemini.h"

static char lower(char c) { return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c); }

bool gemini_named(struct span said, struct span camel)
{
    size_t at = 0;
    if (span_is(said, camel))
        return true;
    for (size_t i = 0; i < camel.len; i++) {
        bool upper = camel.at[i] != lower(camel.at[i]);
        if (upper && (at >= said.len || said.at[at++] != '_'))
            return false;
        if (at >= said.len || said.at[at++] != lower(camel.at[i]))
            return false;
    }
    return at == said.len;
}

static ptrdiff_t find(const struct span *names, struct span said)
{
    for (ptrdiff_t i = 0; names[i].at; i++)
        if (gemini_named(said, names[i]))
            return i;
    return -1;
}

static void clear(const struct span *names, struct span *values)
{
    for (size_t i = 0; names[i].at; i++)
        values[i] = SPAN_NONE;
}

bool gemini_pick(struct span object, const struct span *names, struct span *values, struct arena *a, gemini_unknown *unknown, void *self)
{
    struct raw_iter it = raw_iter(object, a);
    struct span name, value;
    clear(names, values);
    while (it.object && raw_next(&it, &name, &value)) {
        ptrdiff_t i = find(names, name);
        if (i < 0 && unknown)
            unknown(self, name, value);
        if (i < 0 || raw_kind(value) == JSON_NULL)
            continue;
        if (values[i].at)
            return false;
        values[i] = value;
    }
    return true;
}

struct picker {
    const struct span *names;
    struct span *values;
    gemini_unknown *unknown;
    void *self;
    enum err error;
    const char *why;
};

static bool refuse(struct picker *p, const char *why)
{
    p->error = E_NOT_CANONICAL;
    p->why = why;
    return false;
}

static bool visit(void *self, struct span name, enum json_kind kind, struct span raw)
{
    struct picker *p = self;
    ptrdiff_t i = find(p->names, name);
    if (i < 0) {
        for (size_t k = 0; p->names[k].at; k++)
            if (spelling_is_alike(name, p->names[k]))
                return refuse(p, "a member's name differs from a known one by upper and lower case or underscores only");
        if (p->unknown)
            p->unknown(p->self, name, raw);
        return true;
    }
    if (kind == JSON_NULL)
        return true;
    if (p->values[i].at)
        return refuse(p, "a member is there twice, in two spellings of its name");
    p->values[i] = raw;
    return true;
}

enum err gemini_pick_body(struct json *j, struct span body, const struct span *names, struct span *values, struct arena *a,
    gemini_unknown *unknown, void *self, const char **why)
{
    struct picker p = { names, values, unknown, self, E_OK, NULL };
    (void)a;
    clear(names, values);
    enum err e = json_scan(j, body, true, visit, &p, why);
    if (e == E_OK && p.error)
        *why = p.why;
    return e ? e : p.error;
}

struct span gemini_trim(struct span body)
{
    while (body.len && strchr(" \t\r\n", *body.at) && *body.at)
        body = span_from(body, 1);
    while (body.len && strchr(" \t\r\n", body.at[body.len - 1]) && body.at[body.len - 1])
        body.len--;
    return body;
}

struct span gemini_member(struct span object, struct span camel, struct arena *a)
{
    struct raw_iter it = raw_iter(object, a);
    struct span name, value, found = SPAN_NONE;
    while (it.object && raw_next(&it, &name, &value))
        if (gemini_named(name, camel) && raw_kind(value) != JSON_NULL)
            found = value;
    return found;
}

struct gemini_list gemini_list(struct span value, struct arena *a)
{
    if (raw_kind(value) == JSON_ARRAY)
        return (struct gemini_list){ .it = raw_iter(value, a) };
    return (struct gemini_list){ .only = raw_kind(value) == JSON_NULL ? SPAN_NONE : value };
}

bool gemini_next(struct gemini_list *l, struct span *item)
{
    struct span name;
    if (l->it.at)
        return raw_next(&l->it, &name, item);
    *item = l->only;
    l->only = SPAN_NONE;
    return item->at != NULL;
}

int gemini_generation(struct span model)
{
    ptrdiff_t at = span_find(model, SPAN("gemini-"));
    struct span rest = at < 0 ? SPAN_NONE : span_from(model, (size_t)at + 7);
    int n = 0;
    for (; rest.len && *rest.at >= '0' && *rest.at <= '9' && n < 1000; rest = span_from(rest, 1))
        n = n * 10 + (*rest.at - '0');
    return n;
}
