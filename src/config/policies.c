/* SPDX-License-Identifier: Apache-2.0
 * policies.c - what keys may do, by name. What a policy says is rules/policy.h's to read; here its patterns are held
 * against the vendors there are, since a pattern that can never match is a mistake. */
#include <stdio.h>

#include "base/log.h"
#include "config/parts.h"

/* "stripe.charges.create" and "stripe.*" begin with a vendor; "*.models" may be anyone's. */
static struct span vendor_of(struct span pattern)
{
    struct span vendor = pattern, rest = pattern;
    return span_cut(&rest, '.', &vendor) && span_find_byte(vendor, '*') < 0 ? vendor : SPAN_NONE;
}

static bool matches_any(const struct load *l, struct span pattern)
{
    for (size_t i = 0; i < l->s->upstream_count; i++) {
        size_t count;
        const struct operation *list = vendor_operations(&l->s->upstreams[i].vendor, &count);
        for (size_t k = 0; k < count; k++)
            if (span_like(list[k].name, pattern))
                return true;
    }
    return false;
}

/* A pattern of a vendor that is not there is refused: a mistyped deny would protect nothing. One that matches none of the
 * vendor's operations is only told, since what is no operation is denied anyway. */
static bool check_patterns(struct load *l, const struct node *n, const char *path, const char *field, const struct span *list, size_t count)
{
    char at[CONFIG_PATH];
    for (size_t i = 0; i < count; i++) {
        struct span vendor = vendor_of(list[i]);
        snprintf(at, sizeof(at), "%.150s.%s[%zu]", path, field, i);
        if (vendor.at && !snapshot_upstream(l->s, vendor)) {
            load_missing(l, KIND_VENDOR, vendor, node_get(n, field), at);
            return false;
        }
        if (!l->quiet && !matches_any(l, list[i]))
            log_warn("config", "%s: \"%.*s\" matches no operation of any vendor", at, SPAN_ARG(list[i]));
    }
    return true;
}

/* A rule about parameters of what is no operation would leave the one that was meant without bounds. */
static bool check_bounds(struct load *l, const struct node *n, const char *path, const struct policy *p)
{
    char at[CONFIG_PATH];
    const struct node *field = node_get(n, "parameters");
    for (size_t i = 0; i < p->parameter_count; i++) {
        struct span operation = p->parameters[i].operation, vendor = vendor_of(operation);
        snprintf(at, sizeof(at), "%.150s.parameters.%.*s", path, SPAN_ARG(span_first(operation, 64)));
        if (vendor.at && !snapshot_upstream(l->s, vendor)) {
            load_missing(l, KIND_VENDOR, vendor, field, at);
            return false;
        }
        if (!matches_any(l, operation)) {
            trouble_say(l->t, field, at, "found \"%.*s\", which matches no operation of any vendor", SPAN_ARG(span_first(operation, 64)));
            return false;
        }
    }
    return true;
}

static enum err read_one(struct load *l, const struct entry *entry, const struct node *n, struct policy *out)
{
    char path[CONFIG_PATH];
    entry_path(KIND_POLICY, entry, path);
    if (!node_only(n, path, kind_fields(KIND_POLICY), l->t))
        return E_CONFIG;
    enum err e = policy_read(l->a, n, path, out, l->t);
    if (e)
        return e;
    bool good = check_patterns(l, n, path, "allow", out->allow, out->allow_count) && check_patterns(l, n, path, "deny", out->deny, out->deny_count) &&
                check_bounds(l, n, path, out);
    return good ? load_memory(l) : E_CONFIG;
}

enum err policies_load(struct load *l)
{
    const struct entries *es = &l->tree.kinds[KIND_POLICY];
    struct snapshot *s = l->s;
    s->policies = ARENA_ARRAY(l->a, struct policy, es->count + 1);
    if (!s->policies)
        return E_NO_MEMORY;
    for (size_t i = 0; i < es->count; i++) {
        struct policy *p = &s->policies[s->policy_count];
        const struct node *n = entry_node(&l->tree, KIND_POLICY, &es->list[i], l->a, l->t);
        if (!n && l->t->set)
            return E_CONFIG;
        if (!n)
            continue;
        enum err e = read_one(l, &es->list[i], n, p);
        if (e)
            return e;
        p->name = arena_copy(l->a, es->list[i].id);
        if (!p->name.at || !map_put(&l->policy_by_name, p->name, p))
            return E_NO_MEMORY;
        s->policy_count++;
    }
    return E_OK;
}
