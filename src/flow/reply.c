/* SPDX-License-Identifier: Apache-2.0
 * reply.c - what the caller is told beside the vendor's own words: our fields, and refusals in the vendor's shape. */
#include "flow/steps.h"

#include "base/text.h"

enum { OWN_FIELDS = 16 };

struct fields {
    struct http_field *list;
    size_t count, room;
};

static void add(struct fields *f, struct span name, struct span value)
{
    if (value.at && f->count < f->room)
        f->list[f->count++] = (struct http_field){ name, value };
}

static struct span money(struct exchange *x, nano_usd amount)
{
    char text[MONEY_TEXT];
    return arena_copy(&x->arena, money_text(amount, text));
}

static void add_own(struct exchange *x, struct fields *f)
{
    const struct charging *c = &x->charging;
    struct span model = x->answering.usage.model.at ? x->answering.usage.model : x->facts.model;
    bool over = x->stage == FINISH; /* in finish: the cost is known */
    add(f, SPAN("x-tollgate-call-id"), span_make(x->id_text, CALL_ID_TEXT));
    add(f, SPAN("x-tollgate-vendor"), x->facts.vendor);
    if (text_is_printable(model))
        add(f, SPAN("x-tollgate-model"), model);
    add(f, SPAN("x-tollgate-attempts"), arena_print(&x->arena, "%zu", x->attempt_count));
    add(f, SPAN("x-tollgate-cache"), SPAN("off"));
    if (over && c->priced && !c->kept)
        add(f, SPAN("x-tollgate-cost-usd"), money(x, c->cost));
    if (over && c->remaining >= 0)
        add(f, SPAN("x-tollgate-budget-remaining-usd"), money(x, c->remaining));
}

size_t reply_fields(struct exchange *x, struct http_field **out)
{
    struct fields f = { .room = x->answering.field_count + OWN_FIELDS };
    f.list = ARENA_ARRAY(&x->arena, struct http_field, f.room);
    *out = f.list;
    if (!f.list)
        return 0;
    for (size_t i = 0; i < x->answering.field_count; i++)
        add(&f, x->answering.fields[i].name, x->answering.fields[i].value);
    add_own(x, &f);
    if (x->repeating.of)
        add(&f, SPAN("idempotent-replayed"), SPAN("true"));
    if (x->stage == ATTEMPT && x->answering.mode != RELAY_STREAM)
        add(&f, SPAN("trailer"), SPAN("x-tollgate-cost-usd"));
    return f.count;
}

/* Overwrites in place, so lengths and JSON stay as they are. */
static void blot(struct buf *body, struct span word)
{
    for (size_t from = 0; word.len && from + word.len <= body->len;) {
        ptrdiff_t hit = span_find(span_from(buf_span(body), from), word);
        if (hit < 0)
            return;
        memset(body->at + from + (size_t)hit, '*', word.len);
        from += (size_t)hit + word.len;
    }
}

static bool ends_word(char c)
{
    return c == ' ' || c == '"' || c == '\'' || c == '\\' || c == ',' || c == '\n';
}

/* "sk_live_****abcd": a complaint about a key shows its beginning and end beside the asterisks. */
static void blot_masked(struct buf *body)
{
    for (size_t at = 0; at < body->len;) {
        size_t end = at;
        while (end < body->len && !ends_word(body->at[end]))
            end++;
        if (span_find(span_make(body->at + at, end - at), SPAN("**")) >= 0)
            memset(body->at + at, '*', end - at);
        at = end + 1;
    }
}

enum { SECRET_SHORTEST = 6 }; /* below it a secret is no secret, and a word of the answer */

void hide_secret(const struct exchange *x, struct buf *body)
{
    struct span secret = x->deciding.credential->secret.secret;
    if (secret.len >= SECRET_SHORTEST)
        blot(body, secret);
    if (x->answering.status == 401 || x->answering.status == 403)
        blot_masked(body);
}

struct span lead_back(struct exchange *x, struct span body)
{
    const struct vendor *v = &x->deciding.upstream->vendor;
    struct span host = http_get(x->asking.head, SPAN("host"));
    if (!vendor_rewrites_links(v) || !host.len || span_find(body, SPAN("https://")) < 0)
        return body;
    const char *scheme = x->snapshot->settings.tls_cert.at ? "https" : "http";
    struct span gate = arena_print(&x->arena, "%s://%.*s%.*s", scheme, SPAN_ARG(host), SPAN_ARG(x->asking.prefix));
    buf_clear(&x->desk->scratch);
    vendor_rewrite_links(v, gate, body, &x->desk->scratch);
    return x->desk->scratch.broken ? body : buf_span(&x->desk->scratch);
}

/* A vendor's SDK must see its own kind of error even when the key, and so the vendor, is not known: then whoever offers
 * this path lends its shape. */
static const struct upstream *shape_of(const struct exchange *x)
{
    struct matched hit;
    if (x->deciding.upstream || !x->asking.head)
        return x->deciding.upstream;
    for (size_t i = 0; i < x->snapshot->upstream_count; i++)
        if (vendor_match(&x->snapshot->upstreams[i].vendor, x->asking.head->method, x->asking.path, &hit))
            return &x->snapshot->upstreams[i];
    return NULL;
}

static struct span amount(struct exchange *x, const struct budget *b, int64_t value)
{
    return b->unit == UNIT_USD ? money(x, value) : arena_print(&x->arena, "%lld", (long long)value);
}

static void explain_budget(struct exchange *x, struct denial *d)
{
    const struct charging *c = &x->charging;
    const struct ledger_refusal *r = &c->refusal;
    if ((x->fault != E_BUDGET_EXCEEDED && x->fault != E_RATE_LIMITED) || r->line >= c->count || r->attempted == 0)
        return;
    const struct budget *b = c->budgets[r->line];
    d->unit = unit_name(b->unit);
    d->limit = amount(x, b, r->limit);
    d->spent = amount(x, b, r->settled);
    d->reserved = amount(x, b, r->reserved);
    d->attempted = amount(x, b, r->attempted);
    d->resets_at = c->resets_at[r->line];
}

/* The status has to be known for the row, which is written before anything is sent. */
void prepare_denial(struct exchange *x)
{
    const struct upstream *shape = shape_of(x);
    struct denial d = {
        .code = x->fault,
        .call_id = span_make(x->id_text, CALL_ID_TEXT),
        .message = x->why.at ? x->why : err_text(x->fault),
        .rule = x->rule,
        .as_429 = x->deciding.key ? x->deciding.key->caps_as_429 : x->snapshot->settings.caps_as_429,
    };
    explain_budget(x, &d);
    buf_clear(&x->answering.body);
    x->answering.status =
        vendor_deny(shape ? &shape->vendor : NULL, operation_of(x), &d, &x->arena, &x->answering.body, &x->answering.type);
}

static bool worth_retrying(const struct exchange *x)
{
    switch (x->fault) {
    case E_RATE_LIMITED:
    case E_DUPLICATE_IN_FLIGHT:
    case E_UPSTREAM_UNREACHABLE:
    case E_LEDGER_UNAVAILABLE:
    case E_OVERLOADED:
    case E_DRAINING:
    case E_NO_MEMORY:
        return true;
    default:
        return false;
    }
}

static struct span retry_after(struct exchange *x)
{
    const struct charging *c = &x->charging;
    int64_t wait_ms = 1000;
    if (x->fault == E_RATE_LIMITED && c->refusal.line < c->count && c->resets_at[c->refusal.line])
        wait_ms = c->resets_at[c->refusal.line] - x->times.began_ms;
    return arena_print(&x->arena, "%lld", (long long)(wait_ms < 1000 ? 1 : (wait_ms + 999) / 1000));
}

void reply_denial(struct exchange *x)
{
    struct fields f = { .room = OWN_FIELDS };
    f.list = ARENA_ARRAY(&x->arena, struct http_field, f.room);
    if (f.list) {
        add(&f, SPAN("content-type"), x->answering.type);
        add_own(x, &f);
        add(&f, SPAN("x-tollgate-denied"), err_code(x->fault));
        if (worth_retrying(x)) {
            add(&f, SPAN("retry-after"), retry_after(x));
        } else {
            add(&f, SPAN("x-should-retry"), SPAN("false"));
            add(&f, SPAN("stripe-should-retry"), SPAN("false"));
        }
    }
    x->desk->world->reply(x->caller, x->answering.status, f.list, f.count, buf_span(&x->answering.body));
}
