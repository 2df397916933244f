/* SPDX-License-Identifier: Apache-2.0
 * import_vendor.c - other gateways' providers as vendors of ours: of the catalogue, or of their own by an address. */
#include "cli/import.h"
#include "config/providers.h"

static struct span first_word(struct span list)
{
    struct span word = list;
    return span_next(&list, ' ', &word) ? word : SPAN_NONE;
}

struct span import_provider(struct import *im, struct span theirs, struct span *environment, bool *open)
{
    struct provider p;
    *environment = SPAN_NONE;
    *open = false;
    if (!provider_find(theirs, &p))
        return SPAN_NONE;
    struct span variable = first_word(p.environment);
    *environment = variable.len ? variable : arena_print(im->a, "%.*s_API_KEY", SPAN_ARG(import_variable_name(im, p.slug)));
    *open = span_find_byte(p.base_url, '{') >= 0;
    return arena_copy(im->a, p.slug);
}

/* "10-0-0-5-8000" of "http://10.0.0.5:8000/v1" */
static struct span host_of(struct import *im, struct span url)
{
    ptrdiff_t scheme = span_find(url, SPAN("://"));
    struct span rest = scheme > 0 ? span_from(url, (size_t)scheme + 3) : SPAN_NONE, host = rest;
    bool known = span_starts(url, SPAN("http://")) || span_starts(url, SPAN("https://"));
    if (!known || !rest.len)
        return SPAN_NONE;
    span_cut(&rest, '/', &host);
    return host.len && span_find_byte(host, '@') < 0 && span_find_byte(url, '?') < 0 ? import_slug(im, host, false) : SPAN_NONE;
}

/* In place: what a vendor's name may hold. */
static struct span lower(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char *c = (char *)(uintptr_t)text.at + i;
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c == '.' ? '-' : *c;
    }
    return text;
}

static const struct node *find_vendor(struct import *im, struct span base_url, const char *dialect)
{
    const struct node *all = node_get(im->root, "vendors");
    for (const struct node *n = all ? all->first : NULL; n; n = n->next)
        if (span_is(import_scalar(n, "base_url"), base_url) && span_is(import_scalar(n, "dialect"), span_of(dialect)))
            return n;
    return NULL;
}

struct span import_own_vendor(struct import *im, struct span provider, struct span base_url, const char *dialect, const char *auth, struct span path)
{
    struct span marked = SPAN("os.environ/"), host, slug;
    struct node *made = import_map(im), *url;
    while (span_ends(base_url, SPAN("/")))
        base_url.len--;
    if (span_starts(base_url, marked)) {
        struct span name = import_variable_name(im, span_from(base_url, marked.len));
        url = import_reference(im, name, path, SPAN("https://stand-in.example/v1"));
        host = import_slug(im, name, false);
    } else {
        url = import_text(im, base_url);
        host = host_of(im, base_url);
    }
    if (!host.at)
        return SPAN_NONE;
    const struct node *there = find_vendor(im, url->text, dialect);
    if (there)
        return there->name;
    slug = import_name(im, "vendors", lower(arena_print(im->a, "%.*s-%.*s", SPAN_ARG(provider), SPAN_ARG(host))));
    import_put(im, made, "dialect", import_text(im, span_of(dialect)));
    import_put(im, made, "base_url", url);
    if (auth)
        import_put(im, made, "auth", import_text(im, span_of(auth)));
    import_put(im, import_section(im, "vendors"), slug.at, made);
    return slug;
}

/* What routes ask of a model: what it can do, and how much it takes. */
static void put_facts(struct import *im, struct node *entry, const struct price *p)
{
    if (price_caps(p).len)
        import_put(im, entry, "abilities", import_text(im, price_caps(p)));
    if (price_context(p) > 0)
        import_put(im, entry, "context", import_number(im, price_context(p)));
    if (price_output_max(p) > 0)
        import_put(im, entry, "output_max", import_number(im, price_output_max(p)));
    if (!span_is(price_mode(p), SPAN("chat")))
        import_put(im, entry, "mode", import_text(im, price_mode(p)));
}

bool import_price_copy(struct import *im, struct span provider, struct span model, struct span vendor)
{
    const struct price *p = price_find(im->book, provider, model);
    struct span name = arena_print(im->a, "%.*s/%.*s", SPAN_ARG(vendor), SPAN_ARG(model));
    struct trouble t = { .set = false };
    struct node *prices = NULL;
    struct buf text;
    if (!p || !name.at)
        return false;
    if (node_get(node_get(im->root, "prices"), name.at))
        return true;
    buf_init(&text, 1 << 20);
    struct json_out o = json_out(&text);
    price_write_prices(p, &o);
    bool good = !text.broken && node_read_json(im->a, "", arena_copy(im->a, buf_span(&text)), &prices, &t) == E_OK;
    buf_free(&text);
    if (good)
        import_put(im, import_section(im, "prices"), name.at, prices);
    if (good)
        put_facts(im, prices, p);
    return good;
}

void import_abilities(struct import *im, struct span vendor, struct span model, struct span words)
{
    struct span name = arena_print(im->a, "%.*s/%.*s", SPAN_ARG(vendor), SPAN_ARG(model));
    struct node *entry = import_member(im, import_section(im, "prices"), name.at);
    if (!node_get(entry, "abilities"))
        import_put(im, entry, "abilities", import_text(im, words));
}
