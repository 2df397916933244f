/* SPDX-License-Identifier: Apache-2.0
 * family_key.c - how a key goes out, by the catalogue's words for it: `send` and `key_in` of a manifest. */
#include "config/family.h"

#include "base/text.h"

static struct node *one_map(struct arena *a, const char *name, const struct node *value)
{
    struct node *map = edit_map(a);
    edit_set(a, map, name, value);
    return map;
}

static struct node *signature_node(struct arena *a, struct span service)
{
    struct node *map = edit_map(a);
    edit_set(a, map, "service", edit_text(a, service));
    edit_set(a, map, "region", edit_text(a, SPAN("setting.region")));
    return one_map(a, "sigv4", map);
}

static struct node *token_node(struct arena *a, const char *call, bool api_key)
{
    struct node *map = edit_map(a);
    edit_set(a, map, "token", edit_text(a, span_of(call)));
    edit_set(a, map, "origin", edit_text(a, SPAN("token")));
    if (api_key)
        edit_set(a, map, "grant", edit_text(a, SPAN("api_key")));
    return one_map(a, "oauth2", map);
}

/* `send` for a way of the catalogue's; *in is the word for key_in that callers of this vendor may use, too. */
static struct node *send_node(struct arena *a, struct span auth, struct span *in)
{
    *in = SPAN_NONE;
    if (span_is(auth, SPAN("bearer")) || span_is(auth, SPAN("token")))
        return edit_text(a, SPAN("bearer"));
    if (span_is(auth, SPAN("none")))
        return edit_text(a, auth);
    if (span_is(auth, SPAN("basic"))) {
        *in = SPAN("basic_password");
        return edit_text(a, *in);
    }
    if (span_is(auth, SPAN("scheme:"))) {
        *in = SPAN("header:authorization");
        return edit_text(a, *in);
    }
    if (span_starts(auth, SPAN("sigv4:"))) {
        *in = SPAN("sigv4");
        return signature_node(a, span_from(auth, 6));
    }
    if (span_is(auth, SPAN("client")))
        return token_node(a, "POST /oauth/token", false);
    if (span_is(auth, SPAN("ibm")))
        return token_node(a, "POST /identity/token", true);
    bool known = span_starts(auth, SPAN("header:")) || span_starts(auth, SPAN("scheme:")) || span_starts(auth, SPAN("query:"));
    *in = span_starts(auth, SPAN("header:")) ? text_lower_copy(auth, a) : auth;
    return known ? edit_text(a, *in) : NULL;
}

static void add_key_word(struct arena *a, struct node *list, struct span word)
{
    for (const struct node *n = list->first; n; n = n->next)
        if (span_is(n->text, word))
            return;
    edit_add(a, list, edit_text(a, word));
}

bool family_set_auth(struct arena *a, struct node *root, struct span auth)
{
    struct span own;
    struct node *send = send_node(a, auth, &own), *in = edit_list(a);
    const struct node *before = node_get(root, "key_in");
    if (!send || !in)
        return false;
    for (const struct node *n = before && before->kind == NODE_LIST ? before->first : NULL; n; n = n->next)
        add_key_word(a, in, n->text);
    if (before && before->kind == NODE_SCALAR)
        add_key_word(a, in, before->text);
    add_key_word(a, in, SPAN("bearer"));
    add_key_word(a, in, SPAN("header:x-api-key"));
    if (own.at)
        add_key_word(a, in, own);
    edit_set(a, root, "key_in", in);
    edit_set(a, root, "send", send);
    return true;
}

const struct node *family_auth(struct load *l, const struct node *root, const struct node *entry)
{
    const struct node *n = node_get(entry, "auth");
    struct span auth = SPAN_NONE, path = n ? arena_print(&l->scratch, "vendors.%.*s.auth", SPAN_ARG(entry->name)) : SPAN_NONE;
    if (!n)
        return root;
    if (!path.at || !node_span(n, path.at, &auth, l->t))
        return NULL;
    struct node *copy = edit_copy(l->a, root);
    struct span name = auth, word;
    bool named = span_cut(&name, ':', &word) && name.len && !span_is(word, SPAN("sigv4"));
    bool plain = span_is(auth, SPAN("none")) || span_is(auth, SPAN("bearer")) || span_is(auth, SPAN("basic"));
    if ((named || plain) && family_set_auth(l->a, copy, auth))
        return copy;
    trouble_found(l->t, n, path.at, "none, bearer, basic, header:NAME, scheme:NAME, query:NAME");
    return NULL;
}
