/* SPDX-License-Identifier: Apache-2.0
 * direct.c - the step that finds the vendor of a model, for callers that name a model and no vendor.
 *
 * Said by the caller, in this order: x-portkey-provider ("@groq", "groq"); the model's beginning ("@groq/llama-3.3-70b", and
 * "groq/llama-3.3-70b" where the key has a credential for groq). Else the first of the key's credentials whose vendor has that model in
 * the price book; else the first whose vendor speaks the caller's dialect; else the first LLM vendor at all. A name never leads to a host
 * that no credential is bound to.
 *
 * Next to read: speak.c. */
#include "flow/steps.h"

#include "base/text.h"
#include "flow/job_read.h"
#include "flow/local.h"
#include "flow/metered.h"
#include "flow/state.h"

/* ---- which vendor ---- */

/* One of the key's credentials serves this vendor. */
static const struct upstream *held_by_key(const struct exchange *x, struct span name)
{
    const struct upstream *u = snapshot_provider(x->snapshot, name);
    return u && u->llm && key_credential(x->deciding.key, u) ? u : NULL;
}

static struct span without_at(struct span name)
{
    return span_starts(name, SPAN("@")) ? span_from(name, 1) : name;
}

static enum next no_such_vendor(struct exchange *x, struct span name)
{
    return fail(x, E_OPERATION_DENIED, "key %.*s has no credential for an LLM vendor \"%.*s\"", SPAN_ARG(x->deciding.key->name),
        SPAN_ARG(span_first(name, 64)));
}

/* x-portkey-virtual-key: a credential, and so its vendor. */
static enum next by_virtual_key(struct exchange *x)
{
    const struct credential *c = portkey_credential(x);
    if (!x->portkey.credential.len)
        return NEXT;
    if (!c || !c->upstream->llm)
        return fail(x, E_OPERATION_DENIED, "x-portkey-virtual-key: key %.*s has no credential \"%.*s\" of an LLM vendor", SPAN_ARG(x->deciding.key->name),
            SPAN_ARG(span_first(x->portkey.credential, 64)));
    x->deciding.upstream = c->upstream;
    return NEXT;
}

static enum next by_header(struct exchange *x)
{
    struct span name = http_get(x->asking.head, SPAN("x-portkey-provider"));
    if (!name.len)
        return by_virtual_key(x);
    if (http_count(x->asking.head, SPAN("x-portkey-provider")) > 1)
        return fail(x, E_NOT_CANONICAL, "the field x-portkey-provider is given more than once");
    x->deciding.upstream = held_by_key(x, without_at(name));
    return x->deciding.upstream ? NEXT : no_such_vendor(x, name);
}

static const struct credential *key_credential_named(const struct key *key, struct span name)
{
    for (size_t i = 0; name.at && i < key->credential_count; i++)
        if (span_is(key->credentials[i]->name, name))
            return key->credentials[i];
    return NULL;
}

/* What came as `api_key` may be some vendor's secret: then nothing was said. */
struct span credential_asked(const struct exchange *x, const struct target *t)
{
    if (!t || !t->credential.at || (t->credential_maybe && !key_credential_named(x->deciding.key, t->credential)))
        return SPAN_NONE;
    return t->credential;
}

/* A route's target says it: by credential, or by vendor. */
static const struct upstream *of_target(const struct exchange *x, const struct target *t)
{
    struct span name = credential_asked(x, t);
    const struct credential *c = key_credential_named(x->deciding.key, name);
    if (c)
        return c->upstream->llm && (!t->provider.at || held_by_key(x, without_at(t->provider)) == c->upstream) ? c->upstream : NULL;
    return !name.at && t->provider.at ? held_by_key(x, without_at(t->provider)) : NULL;
}

static enum next by_target(struct exchange *x)
{
    const struct target *t = x->routing.target;
    struct span name = credential_asked(x, t);
    if (!t || (!t->provider.at && !name.at))
        return NEXT;
    x->deciding.upstream = of_target(x, t);
    return x->deciding.upstream ? NEXT : no_such_vendor(x, name.at ? name : t->provider);
}

/* "@groq/llama" must be a vendor's; "meta-llama/llama" may be all one name. */
static enum next by_prefix(struct exchange *x, struct span *model)
{
    struct span rest = *model, slug;
    bool certain = span_starts(*model, SPAN("@"));
    if (!span_cut(&rest, '/', &slug) || !rest.len)
        return certain ? fail(x, E_BAD_REQUEST, "model: \"@vendor/model\" is expected behind an @") : NEXT;
    const struct upstream *u = held_by_key(x, without_at(slug));
    if (!u && certain && !x->deciding.upstream)
        return no_such_vendor(x, slug);
    if (!u || (x->deciding.upstream && x->deciding.upstream != u))
        return NEXT;
    x->deciding.upstream = u;
    *model = rest;
    return NEXT;
}

static bool speaks(const struct upstream *u, struct span dialect)
{
    size_t count;
    const struct operation *ops = vendor_operations(&u->vendor, &count);
    for (size_t i = 0; i < count; i++)
        if (span_is(ops[i].dialect, dialect))
            return true;
    return false;
}

/* Vendors of the key that can serve this at all: any LLM for a call, those with the same operation for the rest. */
static bool can_serve(const struct exchange *x, const struct upstream *u, struct span model)
{
    const struct front *f = x->speaking.front;
    if (!u->llm)
        return false;
    return f->kind == FRONT_PAID ? speaks(u, span_of(f->dialect)) : upstream_lane(u, x->speaking.dialect, x->deciding.ask.stream, model) != NULL;
}

static const struct upstream *by_model(const struct exchange *x, struct span model)
{
    const struct key *key = x->deciding.key;
    const struct upstream *same = NULL, *any = NULL;
    for (size_t i = 0; i < key->credential_count; i++) {
        const struct upstream *u = key->credentials[i]->upstream;
        if (key->credentials[i]->disabled || !can_serve(x, u, model))
            continue;
        if (price_find(x->snapshot->prices, u->vendor.provider, upstream_price_model(u, model)))
            return u;
        if (!same && speaks(u, span_of(x->speaking.front->dialect)))
            same = u;
        if (!any)
            any = u;
    }
    return same ? same : any;
}

static enum next find_vendor(struct exchange *x, struct span *model)
{
    if (!x->deciding.upstream && by_target(x) == STOP)
        return STOP;
    if (!x->deciding.upstream && by_header(x) == STOP)
        return STOP;
    if (by_prefix(x, model) == STOP)
        return STOP;
    if (!x->deciding.upstream)
        x->deciding.upstream = by_model(x, *model);
    if (!x->deciding.upstream)
        return fail(x, E_OPERATION_DENIED, "key %.*s has no credential for a vendor that offers this", SPAN_ARG(x->deciding.key->name));
    x->facts.vendor = x->deciding.upstream->vendor.slug;
    return NEXT;
}

/* What find_vendor would find for a target that is only thought of; NULL: none. */
const struct upstream *direct_look(const struct exchange *x, const struct target *t, struct span *model)
{
    struct span rest = *model, slug;
    const struct upstream *u = of_target(x, t), *named;
    if (!u && (t->provider.at || credential_asked(x, t).at))
        return NULL;
    if (span_cut(&rest, '/', &slug) && rest.len && (named = held_by_key(x, without_at(slug))) && (!u || u == named)) {
        *model = rest;
        return named;
    }
    if (!u && http_get(x->asking.head, SPAN("x-portkey-provider")).len)
        u = held_by_key(x, without_at(http_get(x->asking.head, SPAN("x-portkey-provider"))));
    return u || !x->speaking.front ? u : by_model(x, *model);
}

/* ---- which of its operations ---- */

/* The price book's name of a family is not one of a dialect. */
static struct span dialect_of_model(const struct exchange *x, const struct upstream *u, struct span model)
{
    const struct price *p = price_find(x->snapshot->prices, u->vendor.provider, upstream_price_model(u, model));
    struct span family = p ? price_dialect(p) : SPAN_NONE;
    if (p && span_is(price_mode(p), SPAN("responses")))
        return SPAN("openai_responses");
    if (span_is(family, SPAN("anthropic")))
        return SPAN("anthropic_messages");
    if (span_is(family, SPAN("openai")))
        return SPAN("openai_chat");
    return family;
}

/* What the model alone understands comes first, then the caller's own dialect, then one that says the same in other frames, then what
 * the manifest names first. */
static const struct lane *choose_lane(const struct exchange *x, struct span model, bool stream)
{
    const struct upstream *u = x->deciding.upstream;
    const struct dialect *own = dialect_find(dialect_of_model(x, u, model)), *said = x->speaking.dialect;
    const struct lane *l = own ? upstream_lane(u, own, stream, model) : NULL;
    if (l && l->dialect == own)
        return l;
    l = upstream_lane(u, said, stream, model);
    if (l && l->dialect == said)
        return l;
    for (size_t i = 0; i < u->lane_count; i++) {
        const struct dialect *d = u->lanes[i].dialect;
        const struct lane *kin = d->kin && span_is(span_of(d->kin), span_of(said->name)) ? upstream_lane(u, d, stream, model) : NULL;
        if (kin && kin->dialect == d)
            return kin;
    }
    return l;
}

/* The path is matched as if the caller had come to it: so it has its captures, and can be no other operation's. */
static enum next take_operation(struct exchange *x, const struct operation *op)
{
    struct matched hit;
    if (!vendor_match(&x->deciding.upstream->vendor, op->method, x->speaking.path, &hit) || hit.operation != op)
        return fail(x, E_BAD_REQUEST, "model: \"%.*s\" cannot stand in a path of %.*s", SPAN_ARG(span_first(x->facts.model, 100)), SPAN_ARG(x->facts.vendor));
    x->deciding.matched = hit;
    note_operation(x);
    return NEXT;
}

/* Mistral speaks OpenAI's dialect with other names and shapes: what OpenAI's own SDKs say is written anew for it. */
static bool has_own_words(const struct upstream *u) { return u->quirks.mistral_words; }

static enum next take_lane(struct exchange *x, struct span model)
{
    struct speaking *s = &x->speaking;
    const struct lane *l = choose_lane(x, model, x->deciding.ask.stream);
    if (!l)
        return fail(x, E_OPERATION_DENIED, "%.*s offers no %s for model %.*s that this gate can use", SPAN_ARG(x->facts.vendor),
            x->deciding.ask.stream ? "stream" : "whole answer", SPAN_ARG(span_first(model, 100)));
    s->path = lane_target(x->deciding.upstream, l, model, &x->arena, &s->query);
    if (!s->path.at)
        return fail(x, E_BAD_REQUEST, "model: \"%.*s\" cannot stand in a path of %.*s", SPAN_ARG(span_first(model, 100)), SPAN_ARG(x->facts.vendor));
    s->heard = s->dialect == l->dialect && !has_own_words(x->deciding.upstream) ? NULL : l->dialect;
    return take_operation(x, l->operation);
}

/* "/v1/images/edits" and "/images/edits" end alike. */
static struct span last_step(struct span path)
{
    size_t at = path.len;
    while (at > 0 && path.at[at - 1] != '/')
        at--;
    return span_from(path, at);
}

static const struct operation *paid_operation(const struct exchange *x)
{
    size_t count;
    const struct operation *ops = vendor_operations(&x->deciding.upstream->vendor, &count);
    for (size_t i = 0; i < count; i++)
        if (span_is(ops[i].dialect, span_of(x->speaking.front->dialect)) && span_is(last_step(ops[i].path), last_step(x->asking.path)))
            return &ops[i];
    return NULL;
}

/* The operation of the same dialect, at the vendor's own path for it. */
static enum next take_paid(struct exchange *x)
{
    struct speaking *s = &x->speaking;
    struct lane there = { .operation = paid_operation(x), .dialect = s->dialect };
    s->path = there.operation ? lane_target(x->deciding.upstream, &there, x->facts.model, &x->arena, &s->query) : SPAN_NONE;
    if (!s->path.at)
        return fail(x, E_OPERATION_DENIED, "%.*s offers nothing at %.*s for this model", SPAN_ARG(x->facts.vendor), SPAN_ARG(span_first(x->asking.path, 200)));
    return take_operation(x, there.operation);
}

/* ---- the step ---- */

/* Where the path says what the body does in other dialects. */
static void read_path(struct exchange *x)
{
    struct ask *ask = &x->deciding.ask;
    struct span in_path = x->speaking.model_in_path;
    if (in_path.at) {
        ask->model = text_percent_decode(in_path, false, &x->arena);
        ask->stream = x->speaking.front->streams;
    }
}

static enum next read_front(struct exchange *x)
{
    const char *why = "";
    struct speaking *s = &x->speaking;
    x->deciding.dialect = s->dialect;
    enum err e = metered_read_ask(x, &why);
    if (e != E_OK)
        return fail(x, e, "the body cannot be read: %s", why);
    read_path(x);
    if (!x->deciding.ask.model.len)
        return fail(x, E_BAD_REQUEST, "model: missing; the name of a model is expected");
    return NEXT;
}

enum next direct(struct exchange *x)
{
    struct speaking *s = &x->speaking;
    if (!s->front)
        return NEXT;
    if (s->front->kind == FRONT_MODELS || s->front->kind == FRONT_MODEL)
        return list_models(x);
    if (s->front->kind == FRONT_JOB)
        return job_direct(x);
    if (s->front->kind == FRONT_STATE)
        return state_answer(x);
    enum next next = gather_body(x, x->snapshot->settings.limits.body_bytes);
    if (next != NEXT)
        return next;
    if (read_front(x) == STOP)
        return STOP;
    const struct target *target = x->routing.target;
    struct span model = target && target->model.at ? target->model : x->deciding.ask.model;
    s->array = wants_array(x);
    s->model_said = x->deciding.ask.model = arena_copy(&x->arena, x->deciding.ask.model); /* the body may be written anew */
    if (find_vendor(x, &model) == STOP)
        return STOP;
    s->model = span_is(model, x->deciding.ask.model) ? SPAN_NONE : arena_copy(&x->arena, model);
    x->facts.model = s->model.at ? s->model : x->deciding.ask.model;
    if (s->front->kind == FRONT_COUNT)
        return count_tokens(x);
    return s->front->kind == FRONT_PAID ? take_paid(x) : take_lane(x, x->facts.model);
}
