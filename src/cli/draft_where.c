/* SPDX-License-Identifier: Apache-2.0
 * draft_where.c - where the API of an OpenAPI document is, and how its callers say who they are. */
#include "cli/draft.h"

/* ---- where it is ---- */

static bool is_absolute(struct span url) { return span_starts(url, SPAN("https://")) || span_starts(url, SPAN("http://")); }

/* "{region}" in a server's address is its default. */
static struct span fill_in(struct draft *d, struct span url, struct json_value variables)
{
    struct span rest = url, before, name, out = SPAN("");
    while (span_cut(&rest, '{', &before) && span_cut(&rest, '}', &name))
        out = arena_print(d->arena, "%.*s%.*s%.*s", SPAN_ARG(out), SPAN_ARG(before), SPAN_ARG(json_string(json_member(json_member(variables, name), SPAN("default")))));
    return arena_print(d->arena, "%.*s%.*s", SPAN_ARG(out), SPAN_ARG(rest));
}

static struct span address_of(struct draft *d)
{
    struct json_value server = draft_element(json_member(d->document, SPAN("servers")), 0);
    struct span host = json_string(json_member(d->document, SPAN("host"))), base = json_string(json_member(d->document, SPAN("basePath")));
    if (d->version == 3)
        return fill_in(d, json_string(json_member(server, SPAN("url"))), json_member(server, SPAN("variables")));
    struct json_value scheme = draft_element(json_member(d->document, SPAN("schemes")), 0);
    bool plain = span_is(json_string(scheme), SPAN("http")) && json_count(json_member(d->document, SPAN("schemes"))) == 1;
    return host.len ? arena_print(d->arena, "http%s://%.*s%.*s", plain ? "" : "s", SPAN_ARG(host), SPAN_ARG(base)) : SPAN("");
}

static void read_address(struct draft *d)
{
    if (d->base_url.at)
        return;
    struct span url = address_of(d);
    while (span_ends(url, SPAN("/")))
        url.len--;
    d->guessed_url = !is_absolute(url);
    d->base_url = !d->guessed_url ? url : arena_print(d->arena, "https://api.example.com%.*s", SPAN_ARG(span_starts(url, SPAN("/")) ? url : SPAN("")));
}

/* Where the only path is "/", the address' last step is the path: a call must have one. */
static void move_last_step(struct draft *d)
{
    enum { SCHEME = 8 /* "https://" */ };
    struct span paths = SPAN_NONE, url = d->base_url, ignored;
    struct json_value item;
    size_t last = 0;
    for (struct json_iter it = json_iter(json_member(d->document, SPAN("paths"))); json_next(&it, &ignored, &item);)
        paths = paths.at ? SPAN("several") : ignored;
    for (size_t i = SCHEME; i < url.len; i++)
        last = url.at[i] == '/' ? i : last;
    if (!span_is(paths, SPAN("/")) || !last || last + 1 == url.len)
        return;
    d->only_path = span_from(url, last);
    d->base_url = span_first(url, last);
}

/* ---- who calls ---- */

static void say_security(struct draft *d, const char *key_in, const char *send, struct span what)
{
    d->key_in = span_of(key_in);
    d->send = span_of(send);
    d->security = what;
}

static bool read_api_key(struct draft *d, struct json_value scheme, struct span what)
{
    struct span in = json_string(json_member(scheme, SPAN("in"))), name = json_string(json_member(scheme, SPAN("name")));
    struct span small = draft_lower(d->arena, name);
    if (span_is(in, SPAN("header")) && span_is(small, SPAN("authorization"))) {
        say_security(d, "bearer", "bearer", what);
        return true;
    }
    bool header = span_is(in, SPAN("header")) && draft_field_name(small), query = span_is(in, SPAN("query")) && draft_sayable(name);
    if (!header && !query)
        return false;
    struct span word = header ? arena_print(d->arena, "header:%.*s", SPAN_ARG(small)) : arena_print(d->arena, "query:%.*s", SPAN_ARG(name));
    say_security(d, word.at, word.at, what);
    return true;
}

static bool read_scheme(struct draft *d, struct span name, struct json_value scheme)
{
    struct span type = json_string(json_member(scheme, SPAN("type"))), kind = draft_lower(d->arena, json_string(json_member(scheme, SPAN("scheme"))));
    struct span what = arena_print(d->arena, "%.*s (%.*s%s%.*s)", SPAN_ARG(name), SPAN_ARG(type), kind.len ? " " : "", SPAN_ARG(kind));
    if (span_is(type, SPAN("basic")) || (span_is(type, SPAN("http")) && span_is(kind, SPAN("basic")))) {
        say_security(d, "basic_password, basic_user", "basic_user", what);
        return true;
    }
    if (span_is(type, SPAN("apiKey")))
        return read_api_key(d, scheme, what);
    bool bearer = span_is(type, SPAN("http")) || span_is(type, SPAN("oauth2")) || span_is(type, SPAN("openIdConnect"));
    if (bearer)
        say_security(d, "bearer", "bearer", what);
    return bearer;
}

/* The first that a manifest can say; those that the document asks for everywhere go first. */
static void read_security(struct draft *d)
{
    struct json_value schemes = d->version == 2 ? json_member(d->document, SPAN("securityDefinitions")) : json_path(d->document, SPAN("components.securitySchemes"));
    struct json_value item, wanted;
    struct span ignored, name;
    for (struct json_iter it = json_iter(json_member(d->document, SPAN("security"))); json_next(&it, &ignored, &item);)
        for (struct json_iter names = json_iter(item); json_next(&names, &name, &wanted);)
            if (read_scheme(d, name, draft_resolve(d, json_member(schemes, name))))
                return;
    for (struct json_iter it = json_iter(schemes); json_next(&it, &name, &item);)
        if (read_scheme(d, name, draft_resolve(d, item)))
            return;
    say_security(d, "bearer", "bearer", SPAN("the document does not say"));
}

void draft_where(struct draft *d)
{
    read_address(d);
    move_last_step(d);
    read_security(d);
}
