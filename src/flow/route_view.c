/* SPDX-License-Identifier: Apache-2.0
 * route_view.c - see route_view.h. */
#include "flow/route_view.h"

#include "base/text.h"
#include "flow/credential.h"
#include "flow/needs.h"
#include "flow/steps.h"

enum { PROMPT_PREFIX = 1024, OUTPUT_GUESSED = 1024 };

uint64_t call_dice(const struct exchange *x)
{
    uint64_t z = (x->mirror_of ? x->mirror_of : x->id) + (x->attempt_count + 1) * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* ---- fields ---- */

static struct span body_of(const struct exchange *x)
{
    return buf_span(x->routing.kept_original ? &x->routing.original : &x->asking.body);
}

/* "messages.0.role" of a JSON text that was checked. */
static struct span member_at(struct span json, struct span path, struct arena *a)
{
    struct span name;
    while (json.at && path.len && span_next(&path, '.', &name))
        json = raw_member(json, name, a);
    return json;
}

static struct span body_member(struct exchange *x, struct span path, struct arena *a)
{
    struct json_value root;
    const char *why = "";
    if (json_parse(x->desk->json, body_of(x), false, &root, &why) != E_OK)
        return SPAN_NONE;
    return member_at(body_of(x), path, a);
}

static struct span number(struct arena *a, int64_t n) { return arena_print(a, "%lld", (long long)n); }
static struct span quoted(struct arena *a, struct span text) { return text.at ? raw_quote(text, a) : SPAN_NONE; }

static struct span params_member(struct exchange *x, struct span name, struct arena *a)
{
    struct span in_path = x->speaking.model_in_path;
    if (span_is(name, SPAN("model")) && in_path.at)
        return quoted(a, text_percent_decode(in_path, false, a));
    return body_member(x, name, a);
}

/* The fullest of the budgets in dollars that count for this key, in per cent. */
static struct span budget_used(struct exchange *x, struct arena *a)
{
    int64_t fullest = 0;
    choose_budgets(x);
    for (size_t i = 0; i < x->charging.chosen_count; i++) {
        const struct budget *b = x->charging.chosen[i];
        struct budget_account accounts[LEDGER_LINES];
        int64_t limit = budget_limit(b, x->times.began_ms);
        size_t count = b->unit == UNIT_USD && limit > 0 ? budget_accounts(b, &x->facts, x->times.began_ms, a, accounts, LEDGER_LINES) : 0;
        for (size_t k = 0; k < count && k < LEDGER_LINES; k++) {
            struct ledger_balance now;
            if (!ledger_balance(x->desk->ledger, accounts[k].name, accounts[k].slot, &now))
                continue;
            int64_t used = money_mul_div_up(money_add(now.settled < 0 ? 0 : now.settled, now.reserved), 100, limit);
            fullest = used > fullest ? used : fullest;
        }
    }
    return number(a, fullest);
}

static struct span time_part(const struct exchange *x, struct span name, struct arena *a)
{
    char at[TIME_TEXT];
    int64_t days = x->times.began_ms / 86400000;
    if (span_is(name, SPAN("hour")))
        return number(a, x->times.began_ms / 3600000 % 24);
    if (span_is(name, SPAN("weekday"))) /* Monday: 1 */
        return number(a, (days + 3) % 7 + 1);
    return span_is(name, SPAN("iso")) ? quoted(a, text_time(x->times.began_ms, at)) : SPAN_NONE;
}

static struct span key_part(const struct exchange *x, struct span name, struct arena *a)
{
    const struct key *k = x->deciding.key;
    if (span_is(name, SPAN("name")))
        return quoted(a, k->name);
    if (span_is(name, SPAN("id")))
        return quoted(a, k->id);
    if (span_is(name, SPAN("user")))
        return quoted(a, k->user);
    if (span_is(name, SPAN("team")))
        return quoted(a, k->team);
    return span_is(name, SPAN("workspace")) ? quoted(a, k->workspace) : SPAN_NONE;
}

/* What the operator wrote on the key, else the call's own: a route is chosen before they are joined. */
static struct span metadata_member(const struct exchange *x, struct span name, struct arena *a)
{
    struct span on_key = x->deciding.key->metadata, value = on_key.at ? member_at(on_key, name, a) : SPAN_NONE;
    return value.at || !x->asking.metadata.at ? value : member_at(x->asking.metadata, name, a);
}

/* Secrets stand in some fields: no condition reads those. */
static struct span header(const struct exchange *x, struct span name, struct arena *a)
{
    static const char *const secret[] = { "authorization", "x-api-key", "api-key", "x-goog-api-key", "x-portkey-api-key", "cookie", "proxy-authorization" };
    for (size_t i = 0; i < sizeof(secret) / sizeof(*secret); i++)
        if (span_is_nocase(name, span_of(secret[i])))
            return SPAN_NONE;
    return quoted(a, http_get(x->asking.head, name));
}

static struct span end_user(struct exchange *x, struct arena *a)
{
    struct span user = body_member(x, SPAN("user"), a);
    return user.at ? user : quoted(a, x->facts.user.len ? x->facts.user : x->deciding.key->user);
}

/* Up to the end of the first turn that is a user's: what comes behind it grows with the conversation. */
static struct span first_turns(struct span list, struct arena *a)
{
    struct raw_iter it = raw_iter(list, a);
    struct span name, item, last = SPAN_NONE;
    while (raw_kind(list) == JSON_ARRAY && raw_next(&it, &name, &item)) {
        last = item;
        if (raw_is(raw_member(item, SPAN("role"), a), SPAN("user")))
            break;
    }
    return last.at ? span_make(list.at, (size_t)(last.at + last.len - list.at)) : list;
}

/* What a conversation has in all its calls: its beginning. */
static struct span prompt(struct exchange *x, struct arena *a)
{
    static const char *const names[] = { "messages", "input", "contents", "prompt" };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct span said = body_member(x, span_of(names[i]), a);
        if (said.at)
            return quoted(a, span_first(first_turns(said, a), PROMPT_PREFIX));
    }
    return SPAN_NONE;
}

static struct span field(void *self, struct span name, struct arena *a)
{
    struct exchange *x = self;
    struct span rest = name, family;
    if (span_is(name, SPAN("run")))
        return quoted(a, x->facts.run);
    if (span_is(name, SPAN("user")))
        return end_user(x, a);
    if (span_is(name, SPAN("prompt")))
        return prompt(x, a);
    if (span_is(name, SPAN("url.pathname")))
        return quoted(a, x->asking.path);
    if (span_is(name, SPAN("budget.used_percent")))
        return budget_used(x, a);
    if (!span_cut(&rest, '.', &family))
        return SPAN_NONE;
    if (span_is(family, SPAN("metadata")))
        return metadata_member(x, rest, a);
    if (span_is(family, SPAN("params")))
        return params_member(x, rest, a);
    if (span_is(family, SPAN("headers")))
        return header(x, rest, a);
    if (span_is(family, SPAN("key")))
        return key_part(x, rest, a);
    return span_is(family, SPAN("time")) ? time_part(x, rest, a) : SPAN_NONE;
}

/* ---- targets ---- */

static struct span model_for(struct exchange *x, const struct target *t)
{
    if (t->model.at)
        return t->model;
    return raw_text(params_member(x, SPAN("model"), &x->arena), &x->arena);
}

static const struct needs *needs(struct exchange *x)
{
    struct routing *r = &x->routing;
    struct needs *n = r->needs ? NULL : ARENA_NEW(&x->arena, struct needs);
    static const struct needs none = { .output = -1 };
    if (n) {
        *n = needs_of(x, body_of(x));
        r->needs = n;
    }
    return r->needs ? r->needs : &none;
}

static int64_t price_for(struct exchange *x, const struct price *p, const struct needs *n)
{
    nano_usd usd = 0;
    const struct price_most most = { .input = n->input > 0 ? n->input : (int64_t)body_of(x).len / 4 + 1, .output = n->output >= 0 ? n->output : OUTPUT_GUESSED, .at_ms = x->times.began_ms };
    return p && price_call_ceiling(p, &most, &usd) == E_OK ? usd : -1;
}

static bool in_region(const struct target *t, const struct upstream *u)
{
    return !t->region.at || span_is(u->region, t->region);
}

static struct health_target *health_of(const struct exchange *x, const struct target *t, const struct upstream *u, struct span model)
{
    struct span refused;
    const struct credential_wish wish = { .name = credential_asked(x, t), .model = model, .region = t->region, .rule = &t->breaker,
        .now_ms = x->desk->world->now_ms(x->desk->world->self), .turns = true, .sticky = true, .dice = x->id };
    const struct credential *c = key_credential_turn(x->deciding.key, u, x->desk->health, &wish, &refused);
    return c && x->desk->health ? health_find(x->desk->health, u->vendor.slug, c->name, model, t->region) : NULL;
}

static void look_at_health(struct exchange *x, const struct target *t, struct health_target *h, struct standing *out)
{
    int64_t until = 0, now = x->desk->world->now_ms(x->desk->world->self);
    if (!h)
        return;
    out->open = health_look(h, &t->breaker, now, &until) == BREAKER_OPEN;
    out->latency_us = health_latency_us(h);
    out->p95_us = health_p95_us(h);
    out->in_flight = health_in_flight(h);
    out->headroom_ppm = health_headroom_ppm(h, now);
    if (out->open)
        out->why = arena_print(&x->arena, "its breaker is open for another %lld ms", (long long)(until - now));
}

/* Why it cannot serve the call; nothing: it can. */
static struct span shortcoming(struct exchange *x, const struct target *t, const struct upstream *u, struct span missed)
{
    if (missed.at)
        return arena_print(&x->arena, "it lacks %.*s", SPAN_ARG(missed));
    return in_region(t, u) ? SPAN_NONE : arena_print(&x->arena, "it is not in region %.*s", SPAN_ARG(t->region));
}

/* Whether the target serves this call is decided when it is aimed at, by the same steps as for any call; here it is only looked at. */
static void standing(void *self, const struct target *t, struct standing *out)
{
    struct exchange *x = self;
    struct span model = model_for(x, t);
    *out = (struct standing){ .price = -1, .latency_us = -1, .p95_us = -1, .headroom_ppm = -1 };
    const struct upstream *u = x->speaking.front ? direct_look(x, t, &model) : x->deciding.upstream;
    if (!u) {
        out->why = SPAN("the key has no credential for it");
        return;
    }
    struct facts facts = x->facts;
    struct span why = SPAN_NONE;
    facts.vendor = u->vendor.slug;
    facts.model = model;
    out->usable = !model.at || policy_model(x->deciding.key->policy, &facts, &x->arena, &why) == E_OK;
    const struct price *p = model.at ? price_find(x->snapshot->prices, u->vendor.provider, upstream_price_model(u, model)) : NULL;
    const struct needs *n = needs(x);
    bool told;
    struct span missed = needs_missed(n, p, &x->arena, &told);
    if (out->usable)
        why = shortcoming(x, t, u, missed);
    out->qualifies = out->usable && !why.at;
    out->unproven = !told && !needs_plain(n);
    out->why = why;
    out->price = price_for(x, p, n);
    look_at_health(x, t, health_of(x, t, u, model), out);
}

struct route_view route_view_of(struct exchange *x)
{
    return (struct route_view){ .self = x, .field = field, .standing = standing, .dice = call_dice(x) };
}

/* ---- qualify: the step ---- */

static enum next is_well(struct exchange *x, struct health_target *h)
{
    const struct target *t = x->routing.target;
    const struct world *w = x->desk->world;
    int64_t until = 0, now = w->now_ms(w->self);
    x->deciding.probes = false;
    switch (health_ask(h, &t->breaker, now, &until)) {
    case BREAKER_OPEN:
        return fail(x, E_UPSTREAM_UNREACHABLE, "%.*s failed too often of late: it is left alone for another %lld ms", SPAN_ARG(t->path), (long long)(until - now));
    case BREAKER_HALF_OPEN:
        x->deciding.probes = true;
        return NEXT;
    default:
        return NEXT;
    }
}

enum next qualify(struct exchange *x)
{
    const struct routing *r = &x->routing;
    if (!r->target || !is_llm(x))
        return NEXT;
    bool told;
    struct span missed = r->plan.count > 1 ? needs_missed(needs(x), price_of(x, x->facts.model), &x->arena, &told) : SPAN_NONE;
    if (missed.at)
        return fail(x, E_BAD_REQUEST, "%.*s lacks %.*s", SPAN_ARG(x->facts.model), SPAN_ARG(missed));
    if (!in_region(r->target, x->deciding.upstream))
        return fail(x, E_OPERATION_DENIED, "%.*s is not in region %.*s", SPAN_ARG(x->facts.vendor), SPAN_ARG(r->target->region));
    if (r->target->zero_retention && !x->deciding.upstream->zero_retention)
        return fail(x, E_OPERATION_DENIED, "%.*s is not said to keep nothing (vendors.%.*s.zero_retention)", SPAN_ARG(x->facts.vendor), SPAN_ARG(x->facts.vendor));
    if (!x->desk->health)
        return NEXT;
    return is_well(x, health_find(x->desk->health, x->facts.vendor, x->deciding.credential->name, x->facts.model, r->target->region));
}
