/* SPDX-License-Identifier: Apache-2.0
 * reply.c - what the caller is told beside the vendor's own words: our fields, and refusals in the vendor's shape. */
#include "flow/guard.h"
#include "flow/speak.h"
#include "flow/steps.h"

#include "base/text.h"

enum { OWN_FIELDS = 24 + PORTKEY_FIELDS };

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

static struct span veiled(struct exchange *x, struct span text)
{
    return x->answering.veil ? veil_text(x->answering.veil, text, &x->arena) : text;
}

/* Of a translated call, of what a Portkey caller asked for, and of a route that came with the call. */
static struct span dropped(struct exchange *x)
{
    const struct route *r = x->routing.route;
    const struct span lists[] = { speak_dropped(x), x->portkey.dropped, r ? r->notes : SPAN_NONE };
    struct span all = SPAN_NONE;
    for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++)
        if (lists[i].len)
            all = all.at ? arena_print(&x->arena, "%.*s, %.*s", SPAN_ARG(all), SPAN_ARG(lists[i])) : lists[i];
    return all;
}

static void add_portkey(struct exchange *x, struct fields *f)
{
    struct http_field list[PORTKEY_FIELDS];
    size_t count = portkey_fields(x, list);
    for (size_t i = 0; i < count; i++)
        add(f, list[i].name, list[i].value);
}

static void add_own(struct exchange *x, struct fields *f)
{
    const struct charging *c = &x->charging;
    struct span model = x->answering.usage.model.at ? x->answering.usage.model : x->facts.model;
    bool over = x->stage == FINISH; /* in finish: the cost is known */
    add(f, SPAN("x-tollgate-call-id"), span_make(x->id_text, CALL_ID_TEXT));
    add(f, SPAN("x-tollgate-vendor"), x->facts.vendor);
    if (text_is_printable(model))
        add(f, SPAN("x-tollgate-model"), veiled(x, model));
    if (x->routing.target)
        add(f, SPAN("x-tollgate-target"), x->routing.target->path);
    add(f, SPAN("x-tollgate-attempts"), x->attempt_count == 1 ? SPAN("1") : arena_print(&x->arena, "%zu", x->attempt_count));
    add(f, SPAN("x-tollgate-cache"), caching_name(x->caching.outcome));
    add(f, SPAN("x-tollgate-cache-score"), alike_score(x));
    add(f, SPAN("x-tollgate-cache-reason"), alike_reason(x));
    if (x->caching.of) {
        add(f, SPAN("age"), arena_print(&x->arena, "%lld", (long long)(x->caching.age_ms / 1000)));
        add(f, SPAN("x-tollgate-cache-saved-usd"), money(x, x->caching.saved));
    }
    add(f, SPAN("x-tollgate-dropped"), dropped(x));
    add(f, SPAN("x-tollgate-adapted"), speak_adapted(x));
    add(f, SPAN("x-tollgate-guardrails"), guard_word(x));
    add_portkey(x, f);
    if (over && c->priced && !c->kept)
        add(f, SPAN("x-tollgate-cost-usd"), money(x, call_cost(x)));
    nano_usd left = over ? c->remaining : left_while_held(x); /* a stream's head goes before its cost is known */
    if (left >= 0)
        add(f, SPAN("x-tollgate-budget-remaining-usd"), money(x, left));
}

/* What stands before this vendor's paths where the caller reached it: "http://127.0.0.1:8080/twilio". Empty: it did not say. */
static struct span address_of_gate(struct exchange *x)
{
    struct span host = http_get(x->asking.head, SPAN("host"));
    if (!host.len)
        return SPAN("");
    return arena_print(&x->arena, "%s://%.*s%.*s", x->snapshot->settings.tls_cert.at ? "https" : "http", SPAN_ARG(host), SPAN_ARG(x->asking.prefix));
}

/* Pages that follow stand in a field of the answer, too. */
static struct span link_back(struct exchange *x)
{
    if (!x->answering.head || x->stage == ADMIT || !vendor_rewrites_links(&x->deciding.upstream->vendor))
        return SPAN_NONE;
    struct span gate = address_of_gate(x);
    return gate.len ? veiled(x, vendor_link_field(&x->deciding.upstream->vendor, x->answering.head, gate, &x->arena)) : SPAN_NONE;
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
    add(&f, SPAN("link"), link_back(x));
    add_own(x, &f);
    if (x->repeating.of)
        add(&f, SPAN("idempotent-replayed"), SPAN("true"));
    if (x->stage == ATTEMPT && x->answering.mode != RELAY_STREAM)
        add(&f, SPAN("trailer"), SPAN("x-tollgate-cost-usd"));
    return f.count;
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

bool tells_of_keys(int status) { return status == 401 || status == 403; }

void hide_secret(const struct exchange *x, struct buf *body)
{
    if (x->answering.veil)
        veil_cover(x->answering.veil, body->at, body->len);
    if (tells_of_keys(x->answering.status))
        blot_masked(body);
}

struct span lead_back(struct exchange *x, struct span body)
{
    if (result_links_expected(x))
        return result_links_write(x, body);
    const struct vendor *v = x->deciding.upstream ? &x->deciding.upstream->vendor : NULL;
    if (!v || !vendor_rewrites_links(v) || span_find(body, SPAN("http")) < 0)
        return body;
    struct span gate = address_of_gate(x);
    if (!gate.len)
        return body;
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

/* Nobody offers the path: it may be one of the gate's own, whose dialect then is the caller's. */
static void take_front(struct exchange *x)
{
    struct speaking *s = &x->speaking;
    s->front = front_match(x->asking.head->method, x->asking.path, &s->model_in_path);
    s->dialect = s->front ? dialect_find(span_of(s->front->dialect)) : NULL;
}

static struct span details_of(struct exchange *x, const struct denial *d)
{
    buf_clear(&x->desk->scratch);
    vendor_deny_details(d, &x->desk->scratch);
    return x->desk->scratch.broken ? SPAN_NONE : arena_copy(&x->arena, buf_span(&x->desk->scratch));
}

/* The status has to be known for the row, which is written before anything is sent. */
void prepare_denial(struct exchange *x)
{
    const struct upstream *shape = shape_of(x);
    struct denial d = {
        .code = x->fault,
        .call_id = span_make(x->id_text, CALL_ID_TEXT),
        .message = x->why.at ? veiled(x, x->why) : err_text(x->fault), /* it may name an object's owner, as the vendor told it */
        .rule = x->rule,
        .as_429 = x->deciding.key ? x->deciding.key->caps_as_429 : x->snapshot->settings.caps_as_429,
    };
    explain_budget(x, &d);
    if (!shape && x->asking.head)
        take_front(x);
    if (!caller_dialect(x) || !speak_denial(x, details_of(x, &d))) {
        buf_clear(&x->answering.body);
        x->answering.status = vendor_deny(shape ? &shape->vendor : NULL, &d, &x->answering.body, &x->answering.type);
    }
    x->answering.status = portkey_status(x, x->answering.status);
    portkey_deny(x, d.message);
    guard_deny(x);
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
