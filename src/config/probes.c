/* SPDX-License-Identifier: Apache-2.0
 * probes.c - `probe:` of a vendor: only what its manifest knows as a read that costs nothing may be asked without anyone having asked. */
#include "config/parts.h"
#include "rules/canon.h"

enum { INTERVAL_MS = 30 * 1000, TIMEOUT_MS = 5 * 1000, INTERVAL_LEAST_MS = 1000, DAY_MS = 24 * 60 * 60 * 1000, TIMEOUT_LEAST_MS = 10, TIMEOUT_MOST_MS = 60 * 1000 };

static bool costs_nothing(const struct operation *op)
{
    return !op->dialect.at && !op->writes && !op->moves_money && !op->late && !op->secret && !op->grants && !op->fields;
}

static bool read_path(struct load *l, const struct node *n, struct path *p, struct upstream *u, struct probe_rule *out)
{
    struct span text = SPAN_NONE;
    struct matched m;
    const char *why = "";
    const char *path = path_with(p, ".probe.path");
    if (!node_span(n, path, &text, l->t))
        return false;
    if (!text.at)
        trouble_say(l->t, n, path, "is required; allowed: a path of the vendor's that is read with GET, such as /v1/models");
    else if (canon_target(l->a, text, &out->path, &out->query, &why) != E_OK)
        trouble_say(l->t, n, path, "found \"%.*s\", which is no canonical path: %s", SPAN_ARG(span_first(text, 100)), why);
    else if (!vendor_match(&u->vendor, SPAN("GET"), out->path, &m))
        trouble_say(l->t, n, path, "found \"%.*s\"; allowed: what is a GET of an operation in the manifest of %.*s", SPAN_ARG(span_first(text, 100)), SPAN_ARG(u->vendor.slug));
    else if (!costs_nothing(m.operation))
        trouble_say(l->t, n, path, "found \"%.*s\" (%.*s); allowed: a read that costs nothing and gives no secret away", SPAN_ARG(span_first(text, 100)), SPAN_ARG(m.operation->name));
    return !l->t->set;
}

static bool read_time(struct load *l, const struct node *n, struct path *p, const char *field, int64_t least, int64_t most, const char *allowed, int64_t *out)
{
    const char *path = path_with(p, field);
    if (!node_duration(n, path, out, l->t))
        return false;
    if (*out < least || *out > most)
        trouble_found(l->t, n, path, allowed);
    return !l->t->set;
}

bool probe_read(struct load *l, const struct node *entry, struct path *p, struct upstream *u)
{
    static const char *const fields[] = { "path", "interval", "timeout", NULL };
    const struct node *n = node_get(entry, "probe");
    if (!n)
        return true;
    struct probe_rule *out = ARENA_NEW(l->a, struct probe_rule);
    if (!out)
        return false;
    *out = (struct probe_rule){ .interval_ms = INTERVAL_MS, .timeout_ms = TIMEOUT_MS };
    if (!node_only(n, path_with(p, ".probe"), fields, l->t) || !read_path(l, node_get(n, "path"), p, u, out) ||
        !read_time(l, node_get(n, "interval"), p, ".probe.interval", INTERVAL_LEAST_MS, DAY_MS, "a time from 1s to 24h", &out->interval_ms) ||
        !read_time(l, node_get(n, "timeout"), p, ".probe.timeout", TIMEOUT_LEAST_MS, TIMEOUT_MOST_MS, "a time from 10ms to 60s", &out->timeout_ms))
        return false;
    if (u->vendor.brokered)
        trouble_say(l->t, n, path_with(p, ".probe"), "cannot be: %.*s wants a token fetched first; allowed: leave it out, live calls tell how it is", SPAN_ARG(u->vendor.slug));
    u->probe = out;
    return !l->t->set;
}
