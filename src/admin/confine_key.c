/* SPDX-License-Identifier: Apache-2.0
 * confine_key.c - what a visitor who is confined to a workspace may make of its keys: more of what one of them is already, and never more
 * than the gate's operators gave.
 *
 * A body is looked at before it is applied, by each name alone, so that no message tells of what is elsewhere (names); then the key that
 * would come of it, as a whole (change). */
#include "admin/inside.h"
#include "base/clock.h"

static bool is_live(const struct key *k, int64_t now) { return !k->revoked_at && (!k->expires_at || now < k->expires_at); }

static bool has_credential(const struct key *k, struct span name)
{
    for (size_t i = 0; i < k->credential_count; i++)
        if (span_is(k->credentials[i]->name, name))
            return true;
    return false;
}

/* ---- names ---- */

static bool has_name(const struct key *k, const char *field, struct span name)
{
    if (strcmp(field, "policy") == 0)
        return span_is(k->policy->name, name);
    if (strcmp(field, "shadow") == 0)
        return k->shadow && span_is(k->shadow->name, name);
    if (strcmp(field, "route") == 0)
        return k->route && span_is(k->route->name, name);
    return has_credential(k, name);
}

bool confine_key_has(const struct visit *v, const struct snapshot *s, const char *field, struct span name)
{
    int64_t now = clock_unix_ms();
    for (size_t i = 0; i < s->key_count; i++)
        if (span_is(s->keys[i].workspace, v->actor.workspace) && is_live(&s->keys[i], now) && has_name(&s->keys[i], field, name))
            return true;
    return false;
}

/* ---- how far it reaches ---- */

/* Whether `whole` reaches everything that `part` does. What is not named (a route, a shadow) reaches nothing. The two may be of two snapshots. */
static bool reaches(const struct key *whole, const struct key *part)
{
    bool fine = span_is(whole->policy->name, part->policy->name) && (!part->shadow || has_name(whole, "shadow", part->shadow->name)) &&
                (!part->route || has_name(whole, "route", part->route->name));
    for (size_t i = 0; fine && i < part->credential_count; i++)
        fine = has_credential(whole, part->credentials[i]->name);
    return fine;
}

/* One live key has all of it: the policy that was meant for one credential does not come to another. */
static bool is_vouched(const struct visit *v, const struct snapshot *s, const struct key *fresh)
{
    int64_t now = clock_unix_ms();
    for (size_t i = 0; i < s->key_count; i++)
        if (span_is(s->keys[i].workspace, v->actor.workspace) && is_live(&s->keys[i], now) && reaches(&s->keys[i], fresh))
            return true;
    return false;
}

/* ---- what was set on it ---- */

/* A moment that ends the key: later, or never, is more. */
static bool is_later(int64_t before, int64_t after) { return before && (!after || after > before); }

static bool is_wider(const struct key *before, const struct key *after)
{
    bool wider = before->network_count && !after->network_count;
    for (size_t i = 0; before->network_count && i < after->network_count && !wider; i++) {
        wider = true;
        for (size_t j = 0; j < before->network_count && wider; j++)
            wider = !network_within(&after->networks[i], &before->networks[j]);
    }
    return wider;
}

/* What a budget counts is in its id. */
static bool binds_as_much(const struct budget *b, const struct budget *after)
{
    return span_is(after->id, b->id) && after->limit <= b->limit && (b->soft || !after->soft) && (b->net || !after->net) && (!b->deny_when_tight || after->deny_when_tight) &&
           span_is(after->zone_name, b->zone_name) && (!after->increase || (after->increase <= b->increase && after->increase_until <= b->increase_until));
}

static bool is_own_budget(const struct key *k, const struct budget *b) { return span_starts(b->id, k->id); }

static bool spends_more(const struct key *before, const struct key *after)
{
    for (size_t i = 0; i < before->budget_count; i++) {
        bool bound = !is_own_budget(before, before->budgets[i]);
        for (size_t j = 0; j < after->budget_count && !bound; j++)
            bound = binds_as_much(before->budgets[i], after->budgets[j]);
        if (!bound)
            return true;
    }
    return false;
}

/* The first of what binds the key that the change would loosen; NULL: nothing. A key that is revoked may be revoked again. */
static const char *loosened(const struct key *before, const struct key *after)
{
    if (before->revoked_at && !after->revoked_at)
        return "revoked_at";
    if (is_later(before->expires_at, after->expires_at))
        return "expires_at";
    if (is_wider(before, after))
        return "addresses";
    return spends_more(before, after) ? "budgets" : NULL;
}

/* ---- a change ---- */

static enum err refuse(const struct visit *v, const char *field, const char *allowed, struct trouble *t)
{
    trouble_say(t, NULL, field, "allowed to a token of the workspace \"%.*s\": %s", SPAN_ARG(v->actor.workspace), allowed);
    return E_ROLE_DENIED;
}

enum err confine_key_change(struct visit *v, struct span id, const struct snapshot *after, struct trouble *t)
{
    enum err e = E_OK;
    const struct key *fresh = map_get(&after->key_by_id, id);
    if (!v->actor.workspace.at || !fresh)
        return E_OK;
    struct snapshot *s = gate_snapshot(v->admin->parts.gate);
    const struct key *before = map_get(&s->key_by_id, id);
    const char *field = before ? loosened(before, fresh) : NULL;
    if (field)
        e = refuse(v, field, "to make it narrower than it is; a token without a workspace may loosen it", t);
    else if (!(before && reaches(before, fresh)) && !is_vouched(v, s, fresh))
        e = refuse(v, "credentials", "a policy with credentials, a route and a shadow that one key of that workspace has together, and is in force", t);
    snapshot_drop(s);
    return e;
}
