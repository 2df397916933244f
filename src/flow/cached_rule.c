/* SPDX-License-Identifier: Apache-2.0
 * cached_rule.c - whether and how long answers are kept for this call: as its caller says, else its route, else its key. Off unless one of
 * them says otherwise.
 *
 * Portkey's callers say it in their own fields; cache-control only ever takes away (no-store, no-cache, a shorter max-age). */
#include "flow/cached.h"

#include "flow/exchange.h"

static bool bad(struct exchange *x, const char *name, struct span found, const char *allowed)
{
    (void)fail(x, E_BAD_REQUEST, "%s: found \"%.*s\"; allowed: %s", name, SPAN_ARG(span_first(found, 60)), allowed);
    return false;
}

/* The one value of a field; said twice it cannot be told which counts. */
static bool one(struct exchange *x, const char *name, struct span *out)
{
    *out = span_trim(http_get(x->asking.head, span_of(name)));
    if (http_count(x->asking.head, span_of(name)) <= 1)
        return true;
    (void)fail(x, E_NOT_CANONICAL, "the field %s is given more than once", name);
    return false;
}

/* What is in force without a word of the caller's. */
static struct cache_rule rule_of(const struct exchange *x)
{
    const struct cache_rule *route = x->routing.target ? &x->routing.target->cache : NULL, *key = x->deciding.key->cache;
    if (route && route->said)
        return *route;
    return key ? *key : route_cache_default;
}

static void switch_on(struct cache_rule *rule)
{
    if (rule->mode == CACHE_OFF)
        rule->mode = CACHE_EXACT;
}

static bool read_ours(struct exchange *x, struct cache_rule *rule)
{
    struct span text;
    if (!one(x, "x-tollgate-cache", &text))
        return false;
    if (!text.len)
        return true;
    if (span_is(text, SPAN("off"))) {
        rule->mode = CACHE_OFF;
        return true;
    }
    x->caching.refresh = span_is(text, SPAN("refresh"));
    if (!x->caching.refresh && !span_is(text, SPAN("on")))
        return bad(x, "x-tollgate-cache", text, "on, off, refresh");
    switch_on(rule);
    return true;
}

/* The rest of Portkey's fields was read with the head (flow/portkey.c). What must not be tracked is not kept either. */
static bool read_portkeys(struct exchange *x, struct cache_rule *rule)
{
    struct span mode;
    bool ours = http_get(x->asking.head, SPAN("x-tollgate-cache")).len > 0;
    if (!one(x, "x-portkey-cache", &mode))
        return false;
    if (mode.len && !span_is(mode, SPAN("simple")) && !span_is(mode, SPAN("semantic")))
        return bad(x, "x-portkey-cache", mode, "simple, semantic");
    if (mode.len && !ours)
        rule->mode = span_is(mode, SPAN("semantic")) ? CACHE_SEMANTIC : CACHE_EXACT;
    if (x->portkey.namespace_.at)
        rule->namespace_ = x->portkey.namespace_;
    x->caching.refresh = x->caching.refresh || x->portkey.refresh;
    if (do_not_track(x))
        rule->mode = CACHE_OFF;
    return true;
}

static void read_directive(struct exchange *x, struct cache_rule *rule, struct span word)
{
    struct span value = word, name = word;
    uint64_t seconds = 0;
    if (!span_cut(&value, '=', &name))
        value = SPAN_NONE;
    if (span_is_nocase(name, SPAN("no-store")))
        rule->mode = CACHE_OFF;
    else if (span_is_nocase(name, SPAN("no-cache")))
        x->caching.refresh = true;
    else if (span_is_nocase(name, SPAN("max-age")) && span_to_u64(value, &seconds) && seconds == 0)
        rule->mode = CACHE_OFF;
    else if (span_is_nocase(name, SPAN("max-age")) && seconds > 0 && seconds <= (uint64_t)(rule->max_age_ms / 1000))
        rule->max_age_ms = (int64_t)seconds * 1000;
}

static void read_cache_control(struct exchange *x, struct cache_rule *rule)
{
    for (size_t n = 0; n < http_count(x->asking.head, SPAN("cache-control")); n++) {
        struct span rest = http_nth(x->asking.head, SPAN("cache-control"), n), word;
        while (rest.at && span_next(&rest, ',', &word))
            read_directive(x, rule, span_trim(word));
    }
}

bool cached_decide(struct exchange *x)
{
    struct caching *c = &x->caching;
    if (c->decided)
        return true;
    struct cache_rule rule = rule_of(x);
    if (!read_ours(x, &rule) || !read_portkeys(x, &rule))
        return false;
    read_cache_control(x, &rule);
    if (!is_llm(x) && operation_of(x)->cache_ms < rule.max_age_ms)
        rule.max_age_ms = operation_of(x)->cache_ms;
    c->max_age_ms = rule.max_age_ms;
    c->in_force = rule;
    c->decided = true;
    return true;
}
