/* SPDX-License-Identifier: Apache-2.0
 * query.c - query parameters. One that is unknown is refused with the names that are known: a mistyped filter must not
 * quietly answer for everything. */
#include "admin/inside.h"
#include "base/text.h"

static struct span allowed_names(struct visit *v)
{
    struct span names = SPAN_NONE;
    for (size_t i = 0; v->route->query && v->route->query[i]; i++)
        names = names.at ? arena_print(&v->arena, "%.*s, %s", SPAN_ARG(names), v->route->query[i]) : span_of(v->route->query[i]);
    return names.at ? names : SPAN("none");
}

static bool allowed(const struct visit *v, struct span name)
{
    for (size_t i = 0; v->route->query && v->route->query[i]; i++)
        if (span_is(name, span_of(v->route->query[i])))
            return true;
    return false;
}

static bool add(struct visit *v, struct span name, struct span value)
{
    struct span shown = span_first(name, 60);
    if (!allowed(v, name)) {
        reply_problem(v, E_BAD_REQUEST, NULL, "unknown query parameter \"%.*s\"; allowed: %.*s", SPAN_ARG(shown), SPAN_ARG(allowed_names(v)));
        return false;
    }
    for (size_t i = 0; i < v->query_count; i++) {
        if (!span_is(v->query[i].name, name))
            continue;
        reply_problem(v, E_BAD_REQUEST, NULL, "query parameter \"%.*s\" stands twice; allowed: once", SPAN_ARG(shown));
        return false;
    }
    must(v->query_count < VISIT_QUERY);
    v->query[v->query_count++] = (struct parameter_pair){ name, value };
    return true;
}

bool query_read(struct visit *v, struct span text)
{
    struct span piece;
    while (span_next(&text, '&', &piece)) {
        struct span name = piece, value = piece;
        if (!piece.len)
            continue;
        if (!span_cut(&value, '=', &name))
            value = SPAN("");
        name = text_percent_decode(name, true, &v->arena);
        value = text_percent_decode(value, true, &v->arena);
        if (!name.at || !value.at || !text_is_utf8(name) || !text_is_utf8(value)) {
            reply_problem(v, E_BAD_REQUEST, NULL, "the query cannot be read; allowed: name=value pairs, percent-encoded UTF-8");
            return false;
        }
        if (!add(v, name, value))
            return false;
    }
    return true;
}

struct span query_get(const struct visit *v, const char *name)
{
    for (size_t i = 0; i < v->query_count; i++)
        if (span_is(v->query[i].name, span_of(name)))
            return v->query[i].value.len ? v->query[i].value : SPAN_NONE;
    return SPAN_NONE;
}

bool query_limit(struct visit *v, int otherwise, int most, int *out)
{
    uint64_t n = (uint64_t)otherwise;
    struct span text = query_get(v, "limit");
    if (text.at && (!span_to_u64(text, &n) || n < 1 || n > (uint64_t)most)) {
        reply_problem(v, E_BAD_REQUEST, "limit", "found \"%.*s\"; allowed: 1 to %d", SPAN_ARG(span_first(text, 60)), most);
        return false;
    }
    *out = (int)n;
    return true;
}

bool query_time(struct visit *v, const char *name, int64_t *out)
{
    struct span text = query_get(v, name);
    if (!text.at || text_time_parse(text, out))
        return true;
    reply_problem(v, E_BAD_REQUEST, name, "found \"%.*s\"; allowed: an RFC 3339 time such as 2026-11-21T12:00:00Z, or a date (a + in it is written %%2B)",
        SPAN_ARG(span_first(text, 60)));
    return false;
}
