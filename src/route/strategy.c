/* SPDX-License-Identifier: Apache-2.0
 * strategy.c - reading how a node chooses among its children. */
#include <stdio.h>

#include "route/inside.h"

static const char *const mode_names[] = { "single", "fallback", "loadbalance", "balance", "conditional", "cheapest", "fastest", "race", "canary", "shadow", NULL };
static const enum route_mode modes[] = { ROUTE_SINGLE, ROUTE_FALLBACK, ROUTE_BALANCE, ROUTE_BALANCE, ROUTE_CONDITIONAL, ROUTE_CHEAPEST, ROUTE_FASTEST, ROUTE_RACE,
    ROUTE_CANARY, ROUTE_SHADOW };

struct span route_mode_name(enum route_mode m)
{
    static const char *const names[] = { [ROUTE_SINGLE] = "single", [ROUTE_FALLBACK] = "fallback", [ROUTE_BALANCE] = "balance", [ROUTE_CONDITIONAL] = "conditional",
        [ROUTE_CHEAPEST] = "cheapest", [ROUTE_FASTEST] = "fastest", [ROUTE_RACE] = "race", [ROUTE_CANARY] = "canary", [ROUTE_SHADOW] = "shadow" };
    return span_of(names[m]);
}

bool read_mode(struct reading *r, const struct node *n, struct route *out)
{
    int mode = -1;
    const struct node *said = node_get(n, "mode");
    if (!n)
        return true;
    if (n->kind != NODE_MAP)
        return read_wrong(r, n, ".strategy", "a map such as { mode: fallback }");
    if (!said) {
        trouble_say(r->t, n, read_at(r, ".strategy.mode"), "missing; allowed: single, fallback, loadbalance, balance, conditional, cheapest, fastest, race, canary, shadow");
        return false;
    }
    if (!node_choice(said, read_at(r, ".strategy.mode"), mode_names, &mode, r->t))
        return false;
    out->mode = modes[mode];
    out->failover = out->mode == ROUTE_CHEAPEST || out->mode == ROUTE_FASTEST;
    out->accept = (struct acceptance){ .truncated = true, .schema = true };
    return true;
}

/* A field that another mode alone understands would be ignored: it is refused. */
static bool fits_mode(struct reading *r, const struct node *n, const struct route *out)
{
    enum { ANY = 0xffff };
#define M(mode) (1u << ROUTE_##mode)
    static const struct {
        const char *field;
        unsigned modes;
    } rows[] = {
        { "on_status_codes", M(FALLBACK) },
        { "on_errors", M(FALLBACK) },
        { "conditions", M(CONDITIONAL) },
        { "default", M(CONDITIONAL) },
        { "by", M(BALANCE) },
        { "sticky", M(BALANCE) | M(CANARY) },
        { "failover", M(BALANCE) | M(CHEAPEST) | M(FASTEST) | M(CANARY) },
        { "percent", M(CANARY) },
        { "experiment", M(SHADOW) },
        { "stagger", M(RACE) },
        { "stagger_ms", M(RACE) },
        { "accept", M(RACE) },
        { "cb_config", ANY },
        { "mode", ANY },
    };
#undef M
    static const char *const fields[] = { "mode", "on_status_codes", "on_errors", "conditions", "default", "by", "sticky", "failover", "percent", "stagger", "stagger_ms",
        "accept", "experiment", "cb_config", NULL };
    if (!node_only(n, read_at(r, ""), fields, r->t))
        return false;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct node *said = node_get(n, rows[i].field);
        if (!said || rows[i].modes & (1u << out->mode))
            continue;
        trouble_say(r->t, said, read_at(r, ""), "%s means nothing to mode %.*s", rows[i].field, SPAN_ARG(route_mode_name(out->mode)));
        return false;
    }
    return true;
}

static bool read_errors(struct reading *r, const struct node *n, unsigned *out)
{
    static const char *const names[] = { "context_window", "content_policy", "rate_limit", "outage", "timeout", "auth", NULL };
    int which = 0;
    if (!n)
        return true;
    if (n->kind != NODE_LIST)
        return node_choice(n, read_at(r, ".on_errors"), names, &which, r->t) && (*out = 1u << which);
    for (const struct node *item = n->first; item; item = item->next) {
        if (!node_choice(item, read_at(r, ".on_errors"), names, &which, r->t))
            return false;
        *out |= 1u << which;
    }
    return true;
}

/* What a view can be asked for. */
bool route_field_known(struct span name)
{
    static const char *const whole[] = { "url.pathname", "key.name", "key.id", "key.user", "key.team", "key.workspace", "run", "user", "prompt", "budget.used_percent",
        "time.hour", "time.weekday", "time.iso", NULL };
    static const char *const starts[] = { "metadata.", "params.", "headers.", NULL };
    for (size_t i = 0; whole[i]; i++)
        if (span_is(name, span_of(whole[i])))
            return true;
    for (size_t i = 0; starts[i]; i++)
        if (span_starts(name, span_of(starts[i])) && name.len > strlen(starts[i]))
            return true;
    return false;
}

static bool read_sticky(struct reading *r, const struct node *n, struct route *out)
{
    static const char *const names[] = { "fields", "enabled", "ttl", NULL };
    static const char known[] = "metadata.NAME, params.NAME, headers.NAME, user, prompt, run, key.name, key.user, key.team, key.workspace, url.pathname";
    bool enabled = true;
    if (!n)
        return true;
    const struct node *list = n->kind == NODE_MAP ? node_get(n, "fields") : n;
    if (n->kind == NODE_MAP && (!node_only(n, read_at(r, ".sticky"), names, r->t) || !node_bool(node_get(n, "enabled"), read_at(r, ".sticky.enabled"), &enabled, r->t)))
        return false;
    if (node_get(n, "ttl"))
        read_note(r, "sticky.ttl");
    if (!enabled)
        return true;
    if (!read_list(r, list, ".sticky", known, route_field_known, &out->sticky, &out->sticky_count))
        return false;
    return out->sticky_count || read_wrong(r, list ? list : n, ".sticky", known);
}

static bool names_child(const struct route *r, struct span name)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->children[i].name.at && span_is(r->children[i].name, name))
            return true;
    return false;
}

static bool read_then(struct reading *r, const struct node *n, const char *field, const struct route *out, struct span *then)
{
    if (!node_span(n, read_at(r, field), then, r->t))
        return false;
    return (then->at && names_child(out, *then)) || read_wrong(r, n, field, "the name of one of the targets");
}

static bool read_condition(struct reading *r, const struct node *n, struct route *out)
{
    static const char *const fields[] = { "query", "then", NULL };
    struct span then = SPAN_NONE;
    if (!node_only(n, read_at(r, ""), fields, r->t))
        return false;
    if (!node_get(n, "query") || !node_get(n, "then"))
        return read_wrong(r, n, "", "{ query: { metadata.plan: { $eq: paid } }, then: NAME }");
    return read_then(r, node_get(n, "then"), ".then", out, &then) && query_check(r, node_get(n, "query"));
}

static bool read_conditions(struct reading *r, const struct node *n, struct route *out)
{
    const struct node *list = node_get(n, "conditions"), *otherwise = node_get(n, "default");
    char place[40];
    size_t i = 0;
    if (out->mode != ROUTE_CONDITIONAL)
        return true;
    if (!list || list->kind != NODE_LIST || !list->count || list->count > ROUTE_CONDITIONS_MOST)
        return read_wrong(r, list ? list : n, ".conditions", "1 to 256 of { query: {...}, then: NAME }");
    for (const struct node *item = list->first; item; item = item->next) {
        snprintf(place, sizeof(place), ".conditions[%zu]", i++);
        size_t was = read_into(r, place);
        bool good = read_condition(r, item, out);
        read_back(r, was);
        if (!good)
            return false;
    }
    out->conditions = list;
    return !otherwise || read_then(r, otherwise, ".default", out, &out->otherwise);
}

static bool read_stagger(struct reading *r, const struct node *n, struct route *out)
{
    const struct node *said = node_get(n, "stagger") ? node_get(n, "stagger") : node_get(n, "stagger_ms");
    if (said && said->kind == NODE_SCALAR && span_is(said->text, SPAN("p95"))) {
        out->stagger_ms = -1;
        return true;
    }
    return read_time(r, said, ".stagger", 1, 0, 10 * 60 * 1000, &out->stagger_ms);
}

static bool read_accept(struct reading *r, const struct node *n, struct acceptance *out)
{
    static const char *const fields[] = { "empty", "refused", "truncated", "schema", "guards", NULL };
    if (!n)
        return true;
    const struct node *guards = node_get(n, "guards");
    if (guards && guards->kind != NODE_LIST)
        return read_wrong(r, guards, ".accept.guards", "a list of guardrails");
    out->guards = guards && guards->count ? guards : NULL;
    return node_only(n, read_at(r, ".accept"), fields, r->t) && node_bool(node_get(n, "empty"), read_at(r, ".accept.empty"), &out->empty, r->t) &&
           node_bool(node_get(n, "refused"), read_at(r, ".accept.refused"), &out->refused, r->t) &&
           node_bool(node_get(n, "truncated"), read_at(r, ".accept.truncated"), &out->truncated, r->t) &&
           node_bool(node_get(n, "schema"), read_at(r, ".accept.schema"), &out->schema, r->t);
}

static bool has_race(const struct route *r)
{
    if (r->mode == ROUTE_RACE && r->count)
        return true;
    for (size_t i = 0; i < r->count; i++)
        if (has_race(&r->children[i]))
            return true;
    return false;
}

static bool check_race(struct reading *r, const struct node *n, const struct route *out)
{
    if (out->mode != ROUTE_RACE)
        return true;
    if (out->count < 2 || out->count > ROUTE_RACERS_MOST) {
        trouble_say(r->t, n, read_at(r, ""), "found a race of %zu; allowed: 2 to %d targets", out->count, ROUTE_RACERS_MOST);
        return false;
    }
    for (size_t i = 0; i < out->count; i++)
        if (has_race(&out->children[i])) {
            trouble_say(r->t, n, read_at(r, ""), "found a race inside a race (targets[%zu]); allowed: one race on the way to a target", i);
            return false;
        }
    return true;
}

static bool check_weights(struct reading *r, const struct node *n, const struct route *out)
{
    size_t from = out->mode == ROUTE_CANARY ? 1 : 0;
    if (out->mode != ROUTE_BALANCE && out->mode != ROUTE_CANARY)
        return true;
    for (size_t i = from; i < out->count; i++)
        if (out->children[i].weight_ppm > 0)
            return true;
    trouble_say(r->t, n, read_at(r, ""), "all weights are 0: no call could be answered; allowed: at least one weight above 0");
    return false;
}

static bool read_canary(struct reading *r, const struct node *n, struct route *out)
{
    int64_t percent = 0;
    const struct node *said = node_get(n, "percent");
    if (out->mode != ROUTE_CANARY && out->mode != ROUTE_SHADOW)
        return true;
    if (out->count < 2) {
        trouble_say(r->t, n, read_at(r, ""), "found one target; allowed: the first, and those it is tried against");
        return false;
    }
    if (out->mode == ROUTE_SHADOW)
        return true;
    if (!said)
        return read_wrong(r, n, ".percent", "a whole number from 0 to 100");
    if (!node_i64(said, read_at(r, ".percent"), 0, 100, &percent, r->t))
        return false;
    out->percent = (int)percent;
    return true;
}

static bool check_names(struct reading *r, const struct node *n, const struct route *out)
{
    for (size_t i = 0; i < out->count && out->mode == ROUTE_CONDITIONAL; i++)
        for (size_t k = 0; k < i; k++)
            if (out->children[i].name.at && span_is(out->children[i].name, out->children[k].name)) {
                trouble_say(r->t, n, read_at(r, ""), "two targets are named \"%.*s\"; allowed: a name for each", SPAN_ARG(span_first(out->children[i].name, 60)));
                return false;
            }
    return true;
}

bool read_strategy(struct reading *r, const struct node *n, const struct target *t, struct route *out)
{
    static const char *const kinds[] = { "weight", "busy", "latency", "headroom", NULL };
    int by = BALANCE_WEIGHT;
    if (!n)
        return true;
    size_t was = read_into(r, ".strategy");
    bool good = fits_mode(r, n, out) && read_codes(r, node_get(n, "on_status_codes"), ".on_status_codes", &out->on_status) &&
                read_errors(r, node_get(n, "on_errors"), &out->on_errors) && node_choice(node_get(n, "by"), read_at(r, ".by"), kinds, &by, r->t) &&
                read_sticky(r, node_get(n, "sticky"), out) && node_bool(node_get(n, "failover"), read_at(r, ".failover"), &out->failover, r->t) &&
                check_names(r, n, out) && read_conditions(r, n, out) && read_stagger(r, n, out) && read_accept(r, node_get(n, "accept"), &out->accept) &&
                read_canary(r, n, out) && read_experiment(r, node_get(n, "experiment"), t, out) && check_race(r, n, out) && check_weights(r, n, out);
    out->by = (enum balance_by)by;
    read_back(r, was);
    return good;
}
