/* SPDX-License-Identifier: Apache-2.0
 * approval.c - see approval.h. Reading is strict, and what is not known is held: a rule that cannot see is not passed by. */
#include "rules/approval.h"

#include <stdio.h>

#include "rules/budget.h"

enum { PATH_ROOM = 256, NAME_LONGEST = 64 };

#define WAIT_LEAST (INT64_C(60) * 1000)
#define WAIT_MOST (INT64_C(7) * 24 * 3600 * 1000)
#define WAIT_USUAL (INT64_C(3600) * 1000)

struct reading {
    struct arena *a;
    const struct node *n;
    const char *path;
    struct approval_rule *rule;
    struct trouble *t;
    char at[PATH_ROOM];
};

static const struct node *field(struct reading *r, const char *name)
{
    snprintf(r->at, sizeof(r->at), "%.200s.%s", r->path, name);
    return node_get(r->n, name);
}

static bool wrong(struct reading *r, const struct node *at, const char *allowed)
{
    trouble_found(r->t, at, r->at, allowed);
    return false;
}

static bool read_name(struct reading *r, size_t index)
{
    static const char allowed[] = "a name of at most 64 characters";
    const struct node *n = field(r, "name");
    if (!node_span(n, r->at, &r->rule->name, r->t))
        return false;
    if (!n)
        r->rule->name = arena_print(r->a, "approvals[%zu]", index);
    return !n || (r->rule->name.len && r->rule->name.len <= NAME_LONGEST) ? true : wrong(r, n, allowed);
}

static bool read_operations(struct reading *r)
{
    const struct node *n = field(r, "operations");
    if (!node_spans(r->a, n, r->at, &r->rule->operations, &r->rule->operation_count, r->t))
        return false;
    for (size_t i = 0; i < r->rule->operation_count; i++)
        if (!r->rule->operations[i].len)
            return wrong(r, n, "patterns such as stripe.payouts.create or \"stripe.*\"");
    return !n || r->rule->operation_count ? true : wrong(r, n, "patterns such as \"stripe.*\"; left out: all operations that move money");
}

static bool read_above(struct reading *r)
{
    struct span text = SPAN_NONE;
    const struct node *n = field(r, "above");
    if (!node_span(n, r->at, &text, r->t))
        return false;
    r->rule->has_above = n != NULL;
    if (!n)
        return true;
    if (!budget_limit_parse(text, &r->rule->above_unit, &r->rule->above) || r->rule->above < 0 ||
        (r->rule->above_unit != UNIT_USD && r->rule->above_unit != UNIT_MESSAGES))
        return wrong(r, n, "an amount such as 200 usd or 50 messages");
    return true;
}

static bool read_first_seen(struct reading *r)
{
    const struct node *n = field(r, "first_seen");
    if (!node_span(n, r->at, &r->rule->first_seen, r->t))
        return false;
    ptrdiff_t dot = n ? span_find_byte(r->rule->first_seen, '.') : 1;
    return dot > 0 ? true : wrong(r, n, "a scope as vendor.object, such as stripe.customer");
}

static bool read_time(struct reading *r, const char *name, int64_t *out)
{
    const struct node *n = field(r, name);
    *out = WAIT_USUAL;
    if (!node_duration(n, r->at, out, r->t))
        return false;
    return *out >= WAIT_LEAST && *out <= WAIT_MOST ? true : wrong(r, n, "a time from 1m to 7d");
}

static bool read_rule(struct reading *r, size_t index)
{
    static const char *const fields[] = { "name", "operations", "above", "first_seen", "wait", "use_within", NULL };
    if (r->n->kind != NODE_MAP) {
        trouble_found(r->t, r->n, r->path, "a rule such as { operations: [stripe.charges.create], above: 200 usd }");
        return false;
    }
    return node_only(r->n, r->path, fields, r->t) && read_name(r, index) && read_operations(r) && read_above(r) && read_first_seen(r) &&
           read_time(r, "wait", &r->rule->wait_ms) && read_time(r, "use_within", &r->rule->use_ms);
}

/* Two rules of one name could not be told apart in a row or an alert. */
static bool is_new(struct reading *r, const struct approval_rule *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (span_is(list[i].name, r->rule->name))
            return wrong(r, field(r, "name"), "a name that no other rule of this policy has");
    return true;
}

enum err approvals_read(struct arena *a, const struct node *n, const char *path, struct approval_rule **out, size_t *count, struct trouble *t)
{
    char at[PATH_ROOM];
    *out = NULL;
    *count = 0;
    if (!n)
        return E_OK;
    if (n->kind != NODE_LIST || n->count > APPROVAL_RULES) {
        trouble_say(t, n, path, "allowed: a list of at most %d rules such as { operations: [stripe.charges.create], above: 200 usd }", APPROVAL_RULES);
        return E_CONFIG;
    }
    struct approval_rule *list = ARENA_ARRAY(a, struct approval_rule, n->count + 1);
    for (const struct node *item = n->first; item && list; item = item->next) {
        snprintf(at, sizeof(at), "%.200s[%zu]", path, *count);
        struct reading r = { .a = a, .n = item, .path = at, .rule = &list[*count], .t = t };
        if (!read_rule(&r, *count) || !is_new(&r, list, *count))
            return t->set ? E_CONFIG : E_NO_MEMORY;
        (*count)++;
    }
    *out = list;
    return list && !a->broken ? E_OK : E_NO_MEMORY;
}

/* ---- asking ---- */

static bool is_named(const struct approval_rule *r, const struct facts *f)
{
    for (size_t i = 0; i < r->operation_count; i++)
        if (span_like(f->operation, r->operations[i]))
            return true;
    return r->operation_count == 0 && f->moves_money;
}

static bool is_above(const struct approval_rule *r, const struct facts *f)
{
    return !r->has_above || !f->cost_known || f->worst[r->above_unit] > r->above;
}

/* The scope's vendor is the call's, by the name it was configured under or by its manifest's. */
static bool is_of(struct span scope, const struct facts *f)
{
    struct span vendor, manifest = SPAN_NONE, operation = f->operation;
    (void)span_cut(&operation, '.', &manifest);
    return span_cut(&scope, '.', &vendor) && (span_is(vendor, f->vendor) || span_is(vendor, manifest));
}

static bool touches_new(const struct approval_rule *r, const struct facts *f, approval_seen *seen, void *self)
{
    if (f->scopes_unresolved && is_of(r->first_seen, f))
        return true;
    for (size_t i = 0; i < f->scope_count; i++) {
        struct span value = f->scopes[i].value;
        if (span_is(f->scopes[i].name, r->first_seen) && (span_is(value, FACTS_UNTOLD) || !seen(self, r, value)))
            return true;
    }
    return false;
}

bool approval_is_about(const struct approval_rule *r, const struct facts *f)
{
    return is_named(r, f) && is_above(r, f);
}

bool approval_holds(const struct approval_rule *r, const struct facts *f, approval_seen *seen, void *self)
{
    return approval_is_about(r, f) && (!r->first_seen.at || touches_new(r, f, seen, self));
}

bool approval_may_hold(const struct approval_rule *r, struct span operation)
{
    for (size_t i = 0; i < r->operation_count; i++)
        if (span_like(operation, r->operations[i]))
            return true;
    return r->operation_count == 0;
}
