/* SPDX-License-Identifier: Apache-2.0
 * policy.c - the questions a call is asked, and the sentences of refusal.
 *
 * A sentence names the rule, what was attempted and what is allowed, in this order, so that an agent's model can correct
 * itself. Reading a policy is policy_read.c. */
#include "rules/policy.h"

enum { SHOWN_LONGEST = 80, SHOWN_MOST = 8, WHY_MOST = 2048 };

/* Text of a stranger, safe in a log line, a header and a JSON body. */
static void put_shown(struct buf *out, struct span text)
{
    struct span shown = span_first(text.at ? text : SPAN(""), SHOWN_LONGEST);
    for (size_t i = 0; i < shown.len; i++) {
        char c = shown.at[i];
        buf_put_byte(out, c >= 0x20 && c <= 0x7e && c != '"' ? c : '?');
    }
    if (shown.len < text.len)
        buf_put(out, SPAN("..."));
}

static void put_list(struct buf *out, const struct span *list, size_t count)
{
    for (size_t i = 0; i < count && i < SHOWN_MOST; i++) {
        buf_put(out, i ? SPAN(", ") : SPAN_NONE);
        put_shown(out, list[i]);
    }
    if (count > SHOWN_MOST)
        buf_print(out, " and %zu more", count - SHOWN_MOST);
    if (!count)
        buf_put(out, SPAN("none"));
}

/* Ends the sentence: moves it into the arena. */
static enum err refuse(enum err e, struct buf *sentence, struct arena *a, struct span *why)
{
    *why = sentence->broken ? SPAN_NONE : arena_copy(a, buf_span(sentence));
    buf_free(sentence);
    return e;
}

static struct buf sentence_new(void)
{
    struct buf b;
    buf_init(&b, WHY_MOST);
    return b;
}

static const struct span *find_like(struct span value, const struct span *patterns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (span_like(value, patterns[i]))
            return &patterns[i];
    return NULL;
}

static bool is_in(struct span value, const struct span *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (span_is(value, list[i]))
            return true;
    return false;
}

/* "stripe" of "stripe.charges.create". */
static struct span vendor_of(struct span name)
{
    struct span vendor;
    return span_cut(&name, '.', &vendor) ? vendor : name;
}

/* A wildcard was not written with secrets in mind. */
static bool allows(const struct policy *p, const struct facts *f)
{
    if (f->operation.len == 0)
        return false;
    return f->secret ? is_in(f->operation, p->allow, p->allow_count) : find_like(f->operation, p->allow, p->allow_count) != NULL;
}

enum err policy_operation(const struct policy *p, const struct facts *f, struct arena *a, struct span *why)
{
    const struct span *denied = find_like(f->operation, p->deny, p->deny_count);
    if (!denied && allows(p, f))
        return E_OK;
    struct buf s = sentence_new();
    buf_put(&s, SPAN("operation "));
    put_shown(&s, f->operation.len ? f->operation : SPAN("(unknown)"));
    if (denied) {
        buf_put(&s, SPAN(" is denied by policy "));
        put_shown(&s, p->name);
        buf_put(&s, SPAN(" (rule: "));
        put_shown(&s, *denied);
        buf_put(&s, SPAN("; allowed: "));
    } else {
        buf_put(&s, f->secret ? SPAN(" gives away or makes a secret, so only its exact name allows it, which is not in policy ")
                              : SPAN(" is not allowed by policy "));
        put_shown(&s, p->name);
        buf_put(&s, SPAN(" (allowed: "));
    }
    put_list(&s, p->allow, p->allow_count);
    if (p->deny_count) {
        buf_put(&s, SPAN("; denied: "));
        put_list(&s, p->deny, p->deny_count);
    }
    buf_put(&s, SPAN(")"));
    return refuse(E_OPERATION_DENIED, &s, a, why);
}

enum err policy_model(const struct policy *p, const struct facts *f, struct arena *a, struct span *why)
{
    if (!p->models_given || !f->model.at || find_like(f->model, p->models, p->model_count))
        return E_OK;
    struct buf s = sentence_new();
    buf_put(&s, SPAN("model \""));
    put_shown(&s, f->model);
    buf_put(&s, SPAN("\" is not allowed by policy "));
    put_shown(&s, p->name);
    buf_put(&s, SPAN(" (allowed: "));
    put_list(&s, p->models, p->model_count);
    buf_put(&s, SPAN(")"));
    return refuse(E_MODEL_DENIED, &s, a, why);
}

static enum err refuse_scope(const struct policy *p, const struct scope_rule *rule, struct span value, struct arena *a, struct span *why)
{
    struct buf s = sentence_new();
    buf_put(&s, SPAN("scope "));
    put_shown(&s, rule->name);
    if (value.at) {
        buf_put(&s, SPAN(": \""));
        put_shown(&s, value);
        buf_put(&s, SPAN("\" is not allowed by policy "));
    } else {
        buf_put(&s, SPAN(": the owner of an object in this call could not be found out, as is required by policy "));
    }
    put_shown(&s, p->name);
    buf_put(&s, SPAN(" (allowed: "));
    put_list(&s, rule->values, rule->count);
    buf_put(&s, SPAN(")"));
    return refuse(E_SCOPE_DENIED, &s, a, why);
}

static bool has_rule(const struct policy *p, struct span scope)
{
    for (size_t r = 0; r < p->scope_count; r++)
        if (span_is(p->scopes[r].name, scope))
            return true;
    return false;
}

/* Objects that are too powerful to pass where nobody thought of them: a text or an address that says whom to call next. */
static enum err refuse_unpinned(const struct policy *p, const struct scope *found, struct arena *a, struct span *why)
{
    struct buf s = sentence_new();
    buf_put(&s, SPAN("scope "));
    put_shown(&s, found->name);
    buf_put(&s, SPAN(": \""));
    put_shown(&s, found->value);
    buf_put(&s, SPAN("\" is allowed only by a rule about this scope, and there is none in policy "));
    put_shown(&s, p->name);
    return refuse(E_SCOPE_DENIED, &s, a, why);
}

enum err policy_scopes(const struct policy *p, const struct facts *f, struct arena *a, struct span *why)
{
    for (size_t r = 0; r < p->scope_count; r++) {
        const struct scope_rule *rule = &p->scopes[r];
        struct span vendor = vendor_of(rule->name);
        for (size_t i = 0; i < f->scope_count; i++) {
            struct span value = f->scopes[i].value;
            if (span_is(f->scopes[i].name, rule->name) && !find_like(value, rule->values, rule->count))
                return refuse_scope(p, rule, value.at ? value : SPAN(""), a, why);
        }
        if (f->scopes_unresolved && (span_is(vendor, f->vendor) || span_is(vendor, vendor_of(f->operation))))
            return refuse_scope(p, rule, SPAN_NONE, a, why);
    }
    for (size_t i = 0; i < f->scope_count; i++)
        if (f->scopes[i].pinned && !has_rule(p, f->scopes[i].name))
            return refuse_unpinned(p, &f->scopes[i], a, why);
    return E_OK;
}

/* What the rule allows, for the end of a sentence. */
static void put_rule(struct buf *s, const struct parameter_rule *rule)
{
    const char *comma = "";
    if (rule->forbidden) {
        buf_put(s, SPAN("must be left out"));
        return;
    }
    if (rule->has_min) {
        buf_print(s, "at least %.*s", SPAN_ARG(rule->min_text));
        comma = ", ";
    }
    if (rule->has_max) {
        buf_print(s, "%sat most %.*s", comma, SPAN_ARG(rule->max_text));
        comma = ", ";
    }
    if (rule->allowed) {
        buf_print(s, "%sone of ", comma);
        put_list(s, rule->allowed, rule->allowed_count);
        comma = ", ";
    }
    if (rule->like.at) {
        buf_print(s, "%slike ", comma);
        put_shown(s, rule->like);
        comma = ", ";
    }
    if (rule->pattern) {
        buf_print(s, "%sby the pattern ", comma);
        put_shown(s, rule->pattern_text);
    } else if (!*comma) {
        buf_put(s, SPAN("any value"));
    }
}

/* The sentence stands in the call's row, and goes wherever rows go. What a model is asked is content and stands in none: of such a call only what
 * can be no content is told. */
static bool is_told(const struct facts *f, const struct parameter *found)
{
    static const struct span settings[] = { { "role", 4 }, { "type", 4 }, { "model", 5 }, { "effort", 6 }, { "reasoning_effort", 16 }, { "service_tier", 12 }, { "tool_choice", 11 } };
    struct span last = found->name, part;
    while (span_cut(&last, '.', &part))
        ;
    for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
        if (span_is(last, settings[i]))
            return true;
    return !f->model.at || found->number || span_is(found->value, SPAN("true")) || span_is(found->value, SPAN("false"));
}

static void put_found(struct buf *s, const struct facts *f, const struct parameter *found)
{
    if (!is_told(f, found)) {
        buf_put(s, SPAN(": found another text"));
        return;
    }
    buf_put(s, SPAN(": found \""));
    put_shown(s, found->value);
    buf_put_byte(s, '"');
}

/* value SPAN_NONE: it was not there. */
static enum err refuse_parameter(const struct policy *p, const struct facts *f, const struct parameter_rule *rule, const struct parameter *found, struct arena *a, struct span *why)
{
    struct buf s = sentence_new();
    buf_put(&s, SPAN("parameter "));
    put_shown(&s, found ? found->name : rule->name);
    buf_put(&s, SPAN(" of "));
    put_shown(&s, f->operation);
    if (found) {
        put_found(&s, f, found);
        buf_put(&s, SPAN("; policy "));
        put_shown(&s, p->name);
        buf_put(&s, SPAN(" allows: "));
    } else {
        buf_put(&s, SPAN(": not given; policy "));
        put_shown(&s, p->name);
        buf_put(&s, SPAN(" requires it: "));
    }
    put_rule(&s, rule);
    return refuse(E_PARAMETER_DENIED, &s, a, why);
}

static bool within_bounds(const struct parameter_rule *rule, struct span value)
{
    int64_t low, high;
    if (!rule->has_max && !rule->has_min)
        return true;
    if (!money_decimal_bounds(value, PARAMETER_DIGITS, &low, &high))
        return false;
    return (!rule->has_max || high <= rule->max) && (!rule->has_min || low >= rule->min);
}

static bool meets(const struct parameter_rule *rule, struct span value, struct arena *a)
{
    if (rule->forbidden || !within_bounds(rule, value))
        return false;
    if (rule->allowed && !is_in(value, rule->allowed, rule->allowed_count))
        return false;
    if (rule->like.at && !span_like(value, rule->like))
        return false;
    return !rule->pattern || pattern_fits(rule->pattern, value, a);
}

static bool is_about(const struct parameter_rule *rule, struct span name)
{
    for (size_t i = 0; i < rule->name_count; i++)
        if (span_like(name, rule->names[i]))
            return true;
    return false;
}

static enum err check_rule(const struct policy *p, const struct facts *f, const struct parameter_rule *rule, struct arena *a, struct span *why)
{
    bool seen = false;
    for (size_t i = 0; i < f->parameter_count; i++) {
        const struct parameter *found = &f->parameters[i];
        if (!is_about(rule, found->name))
            continue;
        seen = true;
        if (!meets(rule, found->value, a))
            return refuse_parameter(p, f, rule, found, a, why);
    }
    if (rule->required && !rule->forbidden && !seen)
        return refuse_parameter(p, f, rule, NULL, a, why);
    return E_OK;
}

enum err policy_parameters(const struct policy *p, const struct facts *f, struct arena *a, struct span *why)
{
    for (size_t i = 0; i < p->parameter_count; i++) {
        const struct parameter_rule *rule = &p->parameters[i];
        enum err e = span_like(f->operation, rule->operation) ? check_rule(p, f, rule, a, why) : E_OK;
        if (e)
            return e;
    }
    return E_OK;
}

bool policy_pins(const struct policy *p, struct span vendor)
{
    for (size_t i = 0; i < p->scope_count; i++)
        if (span_is(vendor_of(p->scopes[i].name), vendor))
            return true;
    for (size_t i = 0; i < p->approval_count; i++)
        if (p->approvals[i].first_seen.at && span_is(vendor_of(p->approvals[i].first_seen), vendor))
            return true;
    return false;
}

bool policy_wants_body(const struct policy *p, struct span operation)
{
    for (size_t i = 0; i < p->scope_count; i++)
        if (span_is(vendor_of(p->scopes[i].name), vendor_of(operation)))
            return true;
    for (size_t i = 0; i < p->parameter_count; i++)
        if (span_like(operation, p->parameters[i].operation))
            return true;
    for (size_t i = 0; i < p->approval_count; i++)
        if (approval_may_hold(&p->approvals[i], operation))
            return true;
    return false;
}
