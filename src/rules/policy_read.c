/* SPDX-License-Identifier: Apache-2.0
 * policy_read.c - a policy from its configuration. Strict: a rule that is not understood is an error, never ignored. */
#include "rules/policy.h"

#include <stdio.h>

#include "base/digest.h"
#include "base/text.h"

enum { PATH_ROOM = 256, TEXT_MOST = 1 << 20, VERSION_BYTES = 4 };

static const char *sub_path(char room[PATH_ROOM], const char *path, struct span field)
{
    if (snprintf(room, PATH_ROOM, "%s%s%.*s", path, *path ? "." : "", SPAN_ARG(field)) >= PATH_ROOM)
        memcpy(room + PATH_ROOM - 4, "...", 4);
    return room;
}

static bool read_list(struct arena *a, const struct node *n, const char *path, const char *field, struct span **out, size_t *count, struct trouble *t)
{
    char at[PATH_ROOM];
    const struct node *list = node_get(n, field);
    sub_path(at, path, span_of(field));
    if (!node_spans(a, list, at, out, count, t))
        return false;
    for (size_t i = 0; i < *count; i++) {
        if ((*out)[i].len)
            continue;
        trouble_say(t, list, at, "found an empty text; allowed: names and patterns such as \"stripe.customers.*\"");
        return false;
    }
    return true;
}

static bool is_map(const struct node *n, const char *path, const char *example, struct trouble *t)
{
    if (n->kind == NODE_MAP)
        return true;
    trouble_say(t, n, path, "allowed: a map such as %s", example);
    return false;
}

static bool read_scopes(struct arena *a, const struct node *scopes, const char *path, struct policy *p, struct trouble *t)
{
    char at[PATH_ROOM];
    if (!scopes)
        return true;
    if (!is_map(scopes, path, "{ stripe.customer: [cus_A, cus_B] }", t))
        return false;
    p->scopes = ARENA_ARRAY(a, struct scope_rule, scopes->count + 1);
    if (!p->scopes)
        return true; /* the arena stays broken; policy_read looks */
    for (const struct node *scope = scopes->first; scope; scope = scope->next) {
        struct scope_rule *rule = &p->scopes[p->scope_count++];
        sub_path(at, path, scope->name);
        rule->name = scope->name;
        if (span_find_byte(scope->name, '.') <= 0) {
            trouble_say(t, scope, at, "found scope \"%.*s\"; allowed: vendor.object, such as stripe.customer", SPAN_ARG(scope->name));
            return false;
        }
        if (!node_spans(a, scope, at, &rule->values, &rule->count, t))
            return false;
    }
    return true;
}

static bool read_bound(const struct node *n, const char *path, const char *field, bool *has, struct span *text, int64_t *value, struct trouble *t)
{
    char at[PATH_ROOM];
    const struct node *bound = node_get(n, field);
    sub_path(at, path, span_of(field));
    if (!node_span(bound, at, text, t))
        return false;
    *has = text->at != NULL;
    if (!*has || money_decimal(*text, PARAMETER_DIGITS, value))
        return true;
    trouble_say(t, bound, at, "found \"%.*s\"; allowed: a decimal number such as 5000 or 12.50, with at most %d decimals", SPAN_ARG(*text), PARAMETER_DIGITS);
    return false;
}

static bool read_allowed(struct arena *a, const struct node *list, const char *path, struct parameter_rule *rule, struct trouble *t)
{
    if (!node_spans(a, list, path, &rule->allowed, &rule->allowed_count, t))
        return false;
    if (!list || rule->allowed_count)
        return true;
    trouble_say(t, list, path, "found an empty list; allowed: the values, or { forbidden: true }");
    return false;
}

static bool read_pattern(struct arena *a, const struct node *n, const char *path, struct parameter_rule *rule, struct trouble *t)
{
    char why[200];
    if (!node_span(n, path, &rule->pattern_text, t))
        return false;
    if (!n || pattern_read(a, rule->pattern_text, &rule->pattern, why))
        return true;
    trouble_found(t, n, path, why);
    return false;
}

static bool read_rule_map(struct arena *a, const struct node *n, const char *path, struct parameter_rule *rule, struct trouble *t)
{
    static const char *const fields[] = { "max", "min", "in", "like", "pattern", "required", "forbidden", NULL };
    char at[PATH_ROOM];
    bool ok = node_only(n, path, fields, t) && read_bound(n, path, "max", &rule->has_max, &rule->max_text, &rule->max, t) &&
              read_bound(n, path, "min", &rule->has_min, &rule->min_text, &rule->min, t);
    rule->required = rule->has_max;
    ok = ok && read_allowed(a, node_get(n, "in"), sub_path(at, path, SPAN("in")), rule, t) &&
         node_span(node_get(n, "like"), sub_path(at, path, SPAN("like")), &rule->like, t) &&
         read_pattern(a, node_get(n, "pattern"), sub_path(at, path, SPAN("pattern")), rule, t) &&
         node_bool(node_get(n, "required"), sub_path(at, path, SPAN("required")), &rule->required, t) &&
         node_bool(node_get(n, "forbidden"), sub_path(at, path, SPAN("forbidden")), &rule->forbidden, t);
    if (!ok)
        return false;
    if (rule->has_max || rule->has_min || rule->allowed || rule->like.at || rule->pattern || rule->required || rule->forbidden)
        return true;
    trouble_say(t, n, path, "found a rule that says nothing; allowed: max, min, in, like, pattern, required: true, forbidden: true");
    return false;
}

static bool read_rule(struct arena *a, const struct node *n, const char *path, struct parameter_rule *rule, struct trouble *t)
{
    return n->kind == NODE_MAP ? read_rule_map(a, n, path, rule, t) : read_allowed(a, n, path, rule, t);
}

/* ---- names of parameters ---- */

enum { STARS_MOST = 4 };

/* A dot behind a backslash is part of a step. */
static bool next_step(struct span *rest, struct span *step)
{
    size_t at = 0;
    if (!rest->at)
        return false;
    while (at < rest->len && rest->at[at] != '.')
        at += rest->at[at] == '\\' && at + 1 < rest->len ? 2 : 1;
    *step = span_first(*rest, at);
    *rest = at < rest->len ? span_from(*rest, at + 1) : SPAN_NONE;
    return true;
}

/* The name without those of its '*' steps whose bits are set. */
static struct span without_steps(struct arena *a, struct span name, unsigned dropped)
{
    struct span step, out = SPAN_NONE;
    unsigned star = 1;
    for (bool first = true; next_step(&name, &step); first = false) {
        bool is_star = !first && span_is(step, SPAN("*"));
        if (!is_star || !(dropped & star))
            out = out.at ? arena_print(a, "%.*s.%.*s", SPAN_ARG(out), SPAN_ARG(step)) : step;
        star <<= is_star;
    }
    return out;
}

/* A '*' at the end does not stand for nothing where something must be there: "metadata" itself is no member of it. */
static bool read_names(struct arena *a, const struct node *n, const char *path, struct parameter_rule *rule, struct trouble *t)
{
    struct span rest = n->name, step;
    uint64_t number;
    size_t stars = 0;
    for (bool first = true; next_step(&rest, &step); first = false) {
        stars += !first && span_is(step, SPAN("*")) && (rest.at || !rule->required);
        if (span_find_byte(step, '[') < 0 && span_find_byte(step, ']') < 0 && (first || !span_to_u64(step, &number)))
            continue;
        trouble_say(t, n, path, "found the step \"%.*s\", which no parameter has; allowed: names joined by dots; items of lists carry the list's own name (messages.content)", SPAN_ARG(span_first(step, 64)));
        return false;
    }
    if (stars > STARS_MOST) {
        trouble_say(t, n, path, "allowed: at most %d steps that are a '*'", STARS_MOST);
        return false;
    }
    rule->names = ARENA_ARRAY(a, struct span, (size_t)1 << stars);
    for (; rule->names && rule->name_count < (size_t)1 << stars; rule->name_count++)
        rule->names[rule->name_count] = without_steps(a, n->name, (unsigned)rule->name_count);
    return true;
}

static bool read_operation(struct arena *a, const struct node *operation, const char *path, struct policy *p, struct trouble *t)
{
    char at[PATH_ROOM];
    for (const struct node *n = operation->first; n; n = n->next) {
        struct parameter_rule *rule = &p->parameters[p->parameter_count++];
        rule->operation = operation->name;
        rule->name = n->name;
        if (!read_rule(a, n, sub_path(at, path, n->name), rule, t) || !read_names(a, n, at, rule, t))
            return false;
    }
    return true;
}

static bool read_parameters(struct arena *a, const struct node *operations, const char *path, struct policy *p, struct trouble *t)
{
    static const char example[] = "{ stripe.refunds.create: { amount: { max: 5000 }, currency: [usd] } }";
    char at[PATH_ROOM];
    size_t count = 0;
    if (!operations)
        return true;
    if (!is_map(operations, path, example, t))
        return false;
    for (const struct node *n = operations->first; n; n = n->next) {
        if (!is_map(n, sub_path(at, path, n->name), "{ amount: { max: 5000 }, currency: [usd] }", t))
            return false;
        count += n->count;
    }
    p->parameters = ARENA_ARRAY(a, struct parameter_rule, count + 1);
    if (!p->parameters)
        return true; /* as in read_scopes */
    for (const struct node *n = operations->first; n; n = n->next)
        if (!read_operation(a, n, sub_path(at, path, n->name), p, t))
            return false;
    return true;
}

static bool read_max_call(const struct node *n, const char *path, struct policy *p, struct trouble *t)
{
    char at[PATH_ROOM];
    struct span text = SPAN_NONE;
    const struct node *most = node_get(n, "max_call_usd");
    p->max_call_usd = -1;
    if (!node_span(most, sub_path(at, path, SPAN("max_call_usd")), &text, t))
        return false;
    if (!text.at || (money_parse(text, &p->max_call_usd) && p->max_call_usd >= 0))
        return true;
    trouble_say(t, most, at, "found \"%.*s\"; allowed: US dollars as a decimal number, such as 2.50", SPAN_ARG(text));
    return false;
}

/* "support@1f3c9a42": the same text gives the same version on every node. */
static enum err put_version(struct arena *a, const struct node *n, struct policy *p)
{
    struct buf text;
    buf_init(&text, TEXT_MOST);
    node_write_json(n, &text);
    struct digest digest = digest_sha256(buf_span(&text));
    bool broken = text.broken;
    buf_clear(&text);
    buf_put(&text, p->name);
    buf_put_byte(&text, '@');
    buf_put_hex(&text, span_make((const char *)digest.bytes, VERSION_BYTES));
    p->version = arena_copy(a, buf_span(&text));
    broken = broken || text.broken;
    buf_free(&text);
    return broken || a->broken ? E_NO_MEMORY : E_OK;
}

enum err policy_read(struct arena *a, const struct node *n, const char *path, struct policy *out, struct trouble *t)
{
    static const char *const fields[] = { "name", "allow", "deny", "models", "scopes", "parameters", "max_call_usd", "approvals", "brakes", NULL };
    char at[PATH_ROOM];
    *out = (struct policy){ .max_call_usd = -1 };
    if (!n || n->kind != NODE_MAP) {
        trouble_say(t, n, path, "allowed: a policy such as { allow: [\"stripe.customers.*\"] }");
        return E_CONFIG;
    }
    out->name = n->name;
    out->models_given = node_get(n, "models") != NULL;
    bool ok = node_only(n, path, fields, t) && node_span(node_get(n, "name"), sub_path(at, path, SPAN("name")), &out->name, t) &&
              read_list(a, n, path, "allow", &out->allow, &out->allow_count, t) &&
              read_list(a, n, path, "deny", &out->deny, &out->deny_count, t) &&
              read_list(a, n, path, "models", &out->models, &out->model_count, t) &&
              read_scopes(a, node_get(n, "scopes"), sub_path(at, path, SPAN("scopes")), out, t) &&
              read_parameters(a, node_get(n, "parameters"), sub_path(at, path, SPAN("parameters")), out, t) &&
              read_max_call(n, path, out, t);
    enum err e = ok ? brakes_read(a, node_get(n, "brakes"), sub_path(at, path, SPAN("brakes")), &out->brakes, &out->brake_count, t) : E_CONFIG;
    if (!e)
        e = approvals_read(a, node_get(n, "approvals"), sub_path(at, path, SPAN("approvals")), &out->approvals, &out->approval_count, t);
    return e ? e : put_version(a, n, out);
}
