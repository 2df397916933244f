/* SPDX-License-Identifier: Apache-2.0
 * normal.c - a route's names as one vocabulary: Portkey's wire names in snake_case or camelCase, and what only their service can use taken
 * out. Secrets end here: a gate holds them itself, and no copy of one goes further. */
#include <stdio.h>

#include "route/inside.h"

/* What stands in these is the caller's, word by word. */
static const char *const verbatim[] = { "override_params", "default_params", "query", "input_guardrails", "output_guardrails", "guards", NULL };
/* Of no effect here. */
static const char *const noted[] = { "strict_open_ai_compliance", "fetch_integrated_models", "id", "version", "version_id", "config_version", "slug", NULL };
static const char *const secrets[] = { "api_key", "aws_access_key_id", "aws_secret_access_key", "aws_session_token", "azure_ad_token", "azure_entra_client_secret",
    "vertex_service_account_json", "oracle_private_key", NULL };

static const struct {
    const char *name, *why;
} refused[] = {
    { "custom_host", "hosts belong to vendors; allowed: a vendor's entry with its base_url, and provider: its name" },
    { "prompt_id", "stored prompts are not kept here; allowed: a model and the call's own messages" },
    { "input_mutators", "allowed: input_guardrails with a check that rewrites, or override_params, default_params, drop_params" },
    { "output_mutators", "allowed: output_guardrails with a check that rewrites" },
    { "deployment_id", "a vendor's entry says how it is reached; allowed: the deployment as model" },
    { "resource_name", "a vendor's entry says how it is reached; allowed: provider: the name of that entry" },
    { "api_version", "a vendor's entry says how it is reached; allowed: provider: the name of that entry" },
    { "openai_organization", "the account belongs to the credential; allowed: credential: its name" },
    { "openai_project", "the account belongs to the credential; allowed: credential: its name" },
    { "huggingface_base_url", "hosts belong to vendors; allowed: a vendor's entry with its base_url, and provider: its name" },
    { "options", "allowed: strategy and targets" },
};

static const char *const families[] = { "aws_", "azure_", "vertex_", "oracle_", "amzn_", "snowflake_", "workers_ai_", "fireworks_", "stability_", NULL };

static bool one_of(struct span name, const char *const list[])
{
    for (size_t i = 0; list[i]; i++)
        if (span_is(name, span_of(list[i])))
            return true;
    return false;
}

static bool has_capital(struct span name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] >= 'A' && name.at[i] <= 'Z')
            return true;
    return false;
}

/* "useRetryAfterHeader" is "use_retry_after_header". */
static struct span snake(struct reading *r, struct span name)
{
    if (!has_capital(name))
        return name;
    char *to = arena_take(r->a, 2 * name.len + 1);
    size_t len = 0;
    for (size_t i = 0; to && i < name.len; i++) {
        char c = name.at[i];
        bool capital = c >= 'A' && c <= 'Z';
        if (capital && i)
            to[len++] = '_';
        to[len++] = capital ? (char)(c - 'A' + 'a') : c;
    }
    return to ? span_make(to, len) : SPAN_NONE;
}

/* One meaning, one name. */
static struct span one_name(struct span name)
{
    static const char *const others[][2] = { { "use_retry_after_headers", "use_retry_after_header" }, { "aws_region", "region" }, { "vertex_region", "region" },
        { "hash_fields", "fields" }, { "before_request_hooks", "input_guardrails" }, { "after_request_hooks", "output_guardrails" },
        { "default_input_guardrails", "input_guardrails" }, { "default_output_guardrails", "output_guardrails" } };
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (span_is(name, span_of(others[i][0])))
            return span_of(others[i][1]);
    return name;
}

/* Whether it can be the name of a credential of the gate, and looks like nobody's secret. */
static bool names_credential(const struct node *n)
{
    static const char *const starts[] = { "sk-", "sk_", "pk-", "pk_", "rk_", "gsk_", "AIza", "AKIA", "xai-", "hf_", "ghp_", "nvapi-", "r8_", "pplx-", "tg_", "tg-",
        "key-", "Bearer", NULL };
    if (n->kind != NODE_SCALAR || n->expanded || !n->text.len || n->text.len > 40)
        return false;
    for (size_t i = 0; starts[i]; i++)
        if (span_starts(n->text, span_of(starts[i])))
            return false;
    for (size_t i = 0; i < n->text.len; i++) {
        char c = n->text.at[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
            return false;
    }
    return true;
}

enum fate { KEEP, FORGET, BAD };

static enum fate secret(struct reading *r, const struct node *n, const char *name)
{
    bool api_key = strcmp(name, "api_key") == 0;
    if (api_key && names_credential(n))
        return KEEP;
    if (!r->inline_) {
        trouble_say(r->t, n, read_at(r, ""), "%s: not shown here, but secrets belong to credentials; allowed: credential: the name of one", name);
        return BAD;
    }
    read_note(r, name);
    return FORGET;
}

static enum fate fate_of(struct reading *r, const struct node *n, struct span name)
{
    for (size_t i = 0; secrets[i]; i++)
        if (span_is(name, span_of(secrets[i])))
            return secret(r, n, secrets[i]);
    for (size_t i = 0; noted[i]; i++)
        if (span_is(name, span_of(noted[i]))) {
            read_note(r, noted[i]);
            return FORGET;
        }
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
        if (span_is(name, span_of(refused[i].name))) {
            trouble_say(r->t, n, read_at(r, ""), "%s: %s", refused[i].name, refused[i].why);
            return BAD;
        }
    for (size_t i = 0; families[i]; i++)
        if (span_starts(name, span_of(families[i]))) {
            trouble_say(r->t, n, read_at(r, ""), "%.*s: a vendor's entry and its credential say how it is reached; allowed: provider and credential, by their names",
                SPAN_ARG(span_first(name, 60)));
            return BAD;
        }
    return KEEP;
}

static bool said_twice(struct reading *r, const struct node *map, const struct node *n)
{
    for (const struct node *other = map->first; other && other != n; other = other->next)
        if (span_is(other->name, n->name)) {
            trouble_say(r->t, n, read_at(r, ""), "%.*s is said twice, under two names; allowed: one", SPAN_ARG(span_first(n->name, 60)));
            return true;
        }
    return false;
}

static struct node *copy(struct reading *r, const struct node *n, struct span name)
{
    struct node *out = ARENA_NEW(r->a, struct node), **end;
    if (!out)
        return NULL;
    *out = *n;
    out->next = NULL;
    out->name = name;
    if (n->kind == NODE_SCALAR)
        out->text = n->text.at ? arena_copy(r->a, n->text) : n->text;
    if ((n->kind != NODE_LIST && n->kind != NODE_MAP))
        return out;
    bool as_is = one_of(name, verbatim);
    out->first = NULL;
    out->count = 0;
    end = &out->first;
    for (const struct node *child = n->first; child; child = child->next) {
        struct span its = n->kind == NODE_LIST ? child->name : as_is ? arena_copy(r->a, child->name) : one_name(snake(r, child->name));
        struct span held = n->kind == NODE_MAP && !as_is ? its : name; /* verbatim goes down, through lists as well */
        enum fate fate = n->kind == NODE_MAP && !as_is ? fate_of(r, child, its) : KEEP;
        if (fate == BAD || (n->kind == NODE_MAP && !its.at))
            return NULL;
        if (fate == FORGET)
            continue;
        *end = copy(r, child, as_is ? name : held);
        if (!*end)
            return NULL;
        (*end)->name = n->kind == NODE_LIST ? SPAN_NONE : its.at == child->name.at ? arena_copy(r->a, its) : its;
        if (n->kind == NODE_MAP && !as_is && said_twice(r, out, *end))
            return NULL;
        end = &(*end)->next;
        out->count++;
    }
    return out;
}

struct node *normal_copy(struct reading *r, const struct node *n) { return copy(r, n, SPAN_NONE); }
