/* SPDX-License-Identifier: Apache-2.0
 * providers.h - the catalogue of providers (catalog/providers.tsv), and the manifest of one that has none of its own. Inside config/;
 * provider_find also for importers of other gateways' files. The table: script/providers; what it means: docs/providers.md. */
#ifndef TG_CONFIG_PROVIDERS_H
#define TG_CONFIG_PROVIDERS_H

#include "config/parts.h"

/* A row, as it stands in the binary. */
struct provider {
    struct span slug, title, aliases; /* aliases: blanks between them */
    struct span base_url;             /* perhaps with "{region}" in it */
    struct span dialect;              /* "openai", "anthropic", or a word for what only it speaks */
    struct span auth;                 /* "bearer", "header:x-key", "none", ... */
    struct span limit, stream_usage, stream_options, unsupported;
    struct span flags;
    struct span paths; /* "chat=/chat rerank=/v2/rerank responses=-" */
    struct span headers, environment, docs;
};

/* By slug or another name. */
bool provider_find(struct span name, struct provider *out);
/* Quick: whether this is the slug of one. */
bool provider_is(struct span slug);
/* All of them: *at is 0 at first. */
bool provider_next(size_t *at, struct provider *out);
/* Whether a blank-separated list has this word. */
bool provider_lists(struct span list, struct span word);
/* Its own path of that kind, "-" if it is not offered; SPAN_NONE: as usual. */
struct span provider_path(const struct provider *p, struct span kind);

/* family.c: a manifest for it, made of vendors/openai.yaml or vendors/anthropic.yaml where it speaks their dialect. NULL: *t says. */
const struct node *family_manifest(struct load *l, const struct provider *p);
/* The same for a vendor that only the configuration knows: { dialect: openai, base_url: ..., auth: none }. */
const struct node *family_own(struct load *l, const struct node *entry);
/* A manifest whose key goes another way (`auth:` of the entry). */
const struct node *family_auth(struct load *l, const struct node *root, const struct node *entry);

#endif
