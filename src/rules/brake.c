/* SPDX-License-Identifier: Apache-2.0
 * brake.c - reading the rules against loops and runaway speed. */
#include "rules/brake.h"

#include <stdio.h>

#include "base/text.h"
#include "rules/budget.h"

enum { PATH_ROOM = 256, REPEAT_MOST = 10000, ERRORS_MOST = 1000000, SPEED_DIGITS = 2, SPEED_LEAST = 100, SPEED_MOST = 100000 };

#define WITHIN_LEAST INT64_C(1000)
#define WITHIN_MOST (INT64_C(24) * 3600 * 1000)

static const char *const kinds[] = { "repeat", "spend", "errors" };

struct reading {
    struct arena *a;
    const struct node *n;
    const char *path;
    struct brake_rule *rule;
    struct trouble *t;
    char at[PATH_ROOM];
};

struct span brake_action_name(enum brake_action action)
{
    static const struct span names[] = { [BRAKE_DENY] = { "deny", 4 }, [BRAKE_ALERT] = { "alert", 5 }, [BRAKE_STOP] = { "stop", 4 } };
    must(action >= BRAKE_DENY && action <= BRAKE_STOP);
    return names[action];
}

static const struct node *field(struct reading *r, const char *name)
{
    snprintf(r->at, sizeof(r->at), "%.200s%s%s", r->path, *r->path ? "." : "", name);
    return node_get(r->n, name);
}

static bool wrong(struct reading *r, const struct node *at, const char *allowed)
{
    trouble_found(r->t, at, r->at, allowed);
    return false;
}

/* "5x": hundredths of the normal; "10 usd": nano-dollars. */
static bool read_spend(struct reading *r, const struct node *n)
{
    enum unit unit;
    struct span text = SPAN_NONE;
    struct brake_rule *rule = r->rule;
    if (!node_span(n, r->at, &text, r->t))
        return false;
    rule->kind = span_ends(text, SPAN("x")) ? BRAKE_SPEED : BRAKE_SPEND;
    if (rule->kind == BRAKE_SPEED && money_decimal(span_first(text, text.len - 1), SPEED_DIGITS, &rule->most) && rule->most > SPEED_LEAST &&
        rule->most <= SPEED_MOST)
        return true;
    if (rule->kind == BRAKE_SPEND && budget_limit_parse(text, &unit, &rule->most) && unit == UNIT_USD && rule->most > 0)
        return true;
    return wrong(r, n, "an amount such as \"10 usd\", or a multiple of the normal such as 5x (more than 1x, at most 1000x, two decimals)");
}

static bool read_kind(struct reading *r)
{
    size_t given = 0;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        given += node_get(r->n, kinds[i]) != NULL;
    if (given != 1) {
        trouble_say(r->t, r->n, r->path, "found %zu of repeat, spend and errors; allowed: exactly one in each entry", given);
        return false;
    }
    const struct node *n = field(r, "repeat");
    r->rule->kind = BRAKE_REPEAT;
    if (n)
        return node_i64(n, r->at, 1, REPEAT_MOST, &r->rule->most, r->t);
    n = field(r, "errors");
    r->rule->kind = BRAKE_ERRORS;
    if (n)
        return node_i64(n, r->at, 1, ERRORS_MOST, &r->rule->most, r->t);
    n = field(r, "spend");
    return read_spend(r, n);
}

static bool read_within(struct reading *r)
{
    const struct node *n = field(r, "within");
    int64_t ms = 0;
    if (!node_duration(n, r->at, &ms, r->t))
        return false;
    r->rule->within_ms = ms;
    if (n && ms >= WITHIN_LEAST && ms <= WITHIN_MOST)
        return true;
    if (n)
        return wrong(r, n, "a time from 1s to 24h");
    trouble_say(r->t, r->n, r->at, "is required; allowed: a time from 1s to 24h");
    return false;
}

static bool read_least(struct reading *r)
{
    enum unit unit;
    struct span text = SPAN_NONE;
    const struct node *n = field(r, "least");
    if (r->rule->kind == BRAKE_SPEED)
        r->rule->least = NANO_PER_USD;
    if (!n)
        return true;
    if (r->rule->kind != BRAKE_SPEED)
        return wrong(r, n, "beside a multiple such as spend: 5x only");
    if (!node_span(n, r->at, &text, r->t))
        return false;
    return budget_limit_parse(text, &unit, &r->rule->least) && unit == UNIT_USD ? true : wrong(r, n, "an amount such as \"1 usd\"");
}

static bool read_rest(struct reading *r)
{
    static const char *const actions[] = { "deny", "alert", "stop", NULL }, *const pers[] = { "run", "key", NULL };
    int action = BRAKE_DENY, per = 0;
    if (!node_choice(field(r, "action"), r->at, actions, &action, r->t) || !node_choice(field(r, "per"), r->at, pers, &per, r->t))
        return false;
    r->rule->action = (enum brake_action)action;
    r->rule->per_key = per == 1;
    return true;
}

/* "repeat 5 within 60s": as it was written. */
static void put_text(struct reading *r)
{
    const struct node *what = NULL, *within = node_get(r->n, "within");
    const char *kind = "";
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds) && !what; i++) {
        kind = kinds[i];
        what = node_get(r->n, kind);
    }
    must(what && within);
    r->rule->text = arena_print(r->a, "%s %.*s within %.*s", kind, SPAN_ARG(what->text), SPAN_ARG(within->text));
}

static bool read_rule(struct reading *r)
{
    static const char *const fields[] = { "repeat", "spend", "errors", "within", "action", "per", "least", NULL };
    if (r->n->kind != NODE_MAP) {
        trouble_found(r->t, r->n, r->path, "a rule such as { repeat: 5, within: 60s, action: deny }");
        return false;
    }
    if (!node_only(r->n, r->path, fields, r->t) || !read_kind(r) || !read_within(r) || !read_least(r) || !read_rest(r))
        return false;
    put_text(r);
    return true;
}

enum err brakes_read(struct arena *a, const struct node *n, const char *path, struct brake_rule **out, size_t *count, struct trouble *t)
{
    char at[PATH_ROOM];
    *out = NULL;
    *count = 0;
    if (!n)
        return E_OK;
    if (n->kind != NODE_LIST || n->count > BRAKES_MOST) {
        trouble_say(t, n, path, "allowed: a list of at most %d rules such as { repeat: 5, within: 60s, action: deny }", BRAKES_MOST);
        return E_CONFIG;
    }
    struct brake_rule *list = ARENA_ARRAY(a, struct brake_rule, n->count + 1);
    for (const struct node *item = n->first; item && list; item = item->next) {
        snprintf(at, sizeof(at), "%.200s[%zu]", path, *count);
        struct reading r = { .a = a, .n = item, .path = at, .rule = &list[*count], .t = t };
        if (!read_rule(&r))
            return t->set ? E_CONFIG : E_NO_MEMORY;
        (*count)++;
    }
    *out = list;
    return list && !a->broken ? E_OK : E_NO_MEMORY;
}
