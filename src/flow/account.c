/* SPDX-License-Identifier: Apache-2.0
 * account.c - with which of the key's credentials a call goes, and what its answer tells of that: a vendor that refuses it, how much of the
 * rate limit is left.
 *
 * `allow` takes the first that will do, since nothing of the call is known yet; the step `take_account` has a model's call take turns, when
 * its body is. docs/keys.md, docs/health.md. */
#include "flow/credential.h"
#include "flow/steps.h"

/* By a route's target, or by the caller; SPAN_NONE: any. */
static struct span wanted(const struct exchange *x)
{
    struct span name = credential_asked(x, x->routing.target);
    return name.at || !x->portkey.credential.len ? name : x->portkey.credential;
}

static enum next none(struct exchange *x, struct span name, struct span refused)
{
    struct span key = x->deciding.key->name, vendor = x->facts.vendor;
    if (refused.at)
        return fail(x, E_OPERATION_DENIED, "%.*s refuses the credential %.*s: it is not used again until its secret is changed, or it is reset (tollgate health)",
            SPAN_ARG(vendor), SPAN_ARG(refused));
    if (name.at)
        return fail(x, E_OPERATION_DENIED, "key %.*s has no credential %.*s for %.*s", SPAN_ARG(key), SPAN_ARG(span_first(name, 100)), SPAN_ARG(vendor));
    return fail(x, E_OPERATION_DENIED, "key %.*s has no credential for %.*s", SPAN_ARG(key), SPAN_ARG(vendor));
}

static enum next choose(struct exchange *x, const struct credential_wish *wish)
{
    struct span refused;
    const struct credential *c = key_credential_turn(x->deciding.key, x->deciding.upstream, x->desk->health, wish, &refused);
    if (!c)
        return none(x, wish->name, refused);
    x->deciding.credential = c;
    return NEXT;
}

enum next first_account(struct exchange *x)
{
    const struct credential_wish wish = { .name = wanted(x) };
    return choose(x, &wish);
}

/* Each leg of a call draws anew. */
static uint64_t dice(const struct exchange *x)
{
    uint64_t d = (call_dice(x) + x->routing.at + 1) * UINT64_C(0x9e3779b97f4a7c15);
    return d ^ d >> 29;
}

enum next take_account(struct exchange *x)
{
    if (!is_llm(x))
        return NEXT;
    const struct credential_wish wish = { .name = wanted(x),
        .model = x->facts.model,
        .region = x->routing.target ? x->routing.target->region : SPAN_NONE,
        .body = x->deciding.body,
        .turns = true,
        .rule = x->routing.target ? &x->routing.target->breaker : &breaker_usual,
        .now_ms = x->desk->world->now_ms(x->desk->world->self),
        .dice = dice(x) };
    return choose(x, &wish);
}

/* ---- what the answer tells ---- */

/* A caller that names an organisation or a project is told 401 for that, and an account whose key may not do everything, for some of it:
 * that must not take the credential from everybody. */
static bool is_of_the_call(const struct exchange *x)
{
    static const char *const fields[] = { "openai-organization", "openai-project" };
    struct span body = buf_span(&x->answering.body);
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++)
        if (http_get(x->asking.head, span_of(fields[i])).at)
            return true;
    return span_find(body, SPAN("insufficient permissions")) >= 0 || span_find(body, SPAN("issing scopes")) >= 0;
}

/* 402, OpenAI's insufficient_quota, Anthropic's "credit balance is too low", ...: in the words of the vendor's dialect. */
static bool says_no_money(struct exchange *x, int status)
{
    const struct answering *a = &x->answering;
    const struct dialect *d = x->deciding.dialect;
    struct fault fault = { .kind = fault_of_status(status) };
    if (a->spoiled)
        return a->spoiled->kind == FAULT_BALANCE;
    if (a->mode == RELAY_HOLD && a->body.len && d && d->translator && d->translator->read_fault)
        d->translator->read_fault(x->desk->json, status, buf_span(&a->body), &x->arena, &fault);
    return fault.kind == FAULT_BALANCE;
}

void heed_refusal(struct exchange *x, int status)
{
    const struct credential *c = x->deciding.credential;
    if (status >= 400 && status < 500 && is_llm(x) && x->answering.head && c && says_no_money(x, status))
        tell_credit(x, status);
    if (status != 401 || !x->desk->health || !is_llm(x) || !x->answering.head || !c || x->deciding.upstream->vendor.brokered || is_of_the_call(x))
        return;
    health_refuse_credential(x->desk->health, x->facts.vendor, c->name, c->mark, status, x->desk->world->now_ms(x->desk->world->self));
}

static bool number(const struct http_head *h, const char *name, int64_t *out)
{
    struct span text = http_get(h, span_of(name));
    return text.at && span_to_i64(text, out) && *out >= 0;
}

/* Of several limits the one that is nearest. */
void heed_headroom(struct exchange *x)
{
    static const struct {
        const char *left, *limit;
    } fields[] = { { "x-ratelimit-remaining-requests", "x-ratelimit-limit-requests" }, { "x-ratelimit-remaining-tokens", "x-ratelimit-limit-tokens" },
        { "anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-limit" }, { "anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-limit" } };
    const struct http_head *h = x->answering.head;
    int64_t left, limit, least_left = -1, least_limit = 1;
    if (!x->routing.health)
        return;
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
        if (!number(h, fields[i].left, &left) || !number(h, fields[i].limit, &limit) || !limit)
            continue;
        if (least_left >= 0 && (double)left / (double)limit >= (double)least_left / (double)least_limit)
            continue;
        least_left = left;
        least_limit = limit;
    }
    if (least_left >= 0)
        health_headroom(x->routing.health, least_left, least_limit, x->desk->world->now_ms(x->desk->world->self));
}
