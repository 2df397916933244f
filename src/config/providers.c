/* SPDX-License-Identifier: Apache-2.0
 * providers.c - reading the catalogue of providers. It is small and read only for names that the configuration has: no index. */
#include "config/providers.h"

#include "base/embed.h"

bool provider_lists(struct span list, struct span word)
{
    struct span rest = list.len ? list : SPAN_NONE, one;
    while (rest.at && span_next(&rest, ' ', &one))
        if (span_is(one, word))
            return true;
    return false;
}

static void read_row(struct span line, struct provider *out)
{
    struct span *const fields[] = { &out->slug, &out->title, &out->aliases, &out->base_url, &out->dialect, &out->auth, &out->limit,
        &out->stream_usage, &out->stream_options, &out->unsupported, &out->flags, &out->paths, &out->headers, &out->environment, &out->docs };
    struct span rest = line;
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
        if (!span_next(&rest, '\t', fields[i]))
            *fields[i] = SPAN("");
}

bool provider_next(size_t *at, struct provider *out)
{
    struct span rest = span_from(embed_find(SPAN("catalog/providers.tsv")), *at), line;
    if (*at == 0 && !span_cut(&rest, '\n', &line)) /* its head */
        return false;
    if (!span_cut(&rest, '\n', &line))
        return false;
    read_row(line, out);
    *at = (size_t)(rest.at - embed_find(SPAN("catalog/providers.tsv")).at);
    return true;
}

bool provider_find(struct span name, struct provider *out)
{
    for (size_t at = 0; name.len && provider_next(&at, out);)
        if (span_is(out->slug, name) || provider_lists(out->aliases, name))
            return true;
    return false;
}

bool provider_is(struct span slug)
{
    char row[64];
    if (slug.len + 2 > sizeof(row) || !slug.len)
        return false;
    row[0] = '\n';
    memcpy(row + 1, slug.at, slug.len);
    row[slug.len + 1] = '\t';
    return span_find(embed_find(SPAN("catalog/providers.tsv")), span_make(row, slug.len + 2)) >= 0;
}

struct span provider_path(const struct provider *p, struct span kind)
{
    struct span rest = p->paths.len ? p->paths : SPAN_NONE, one, name;
    while (rest.at && span_next(&rest, ' ', &one))
        if (span_cut(&one, '=', &name) && span_is(name, kind))
            return one;
    return SPAN_NONE;
}
