/* SPDX-License-Identifier: Apache-2.0
 * models.c - GET /v1/models: what this key may call, in the shape that the caller's SDK reads, with prices and abilities.
 *
 * A list of our own, not a vendor's: the models that the price book has for the vendors of the key's credentials, those that the
 * configuration names, and of them those that the policy allows. Where the key has several LLM vendors each name says its vendor
 * ("groq/llama-3.3-70b-versatile"), as the name is then taken back (direct.c). */
#include "flow/steps.h"

#include "base/text.h"
#include "flow/local.h"

enum { MILLION = 1000000, MODELS_MOST = 20000 };

enum shape { SHAPE_OPENAI, SHAPE_ANTHROPIC, SHAPE_GEMINI };

struct listing {
    struct exchange *x;
    enum shape shape;
    struct json_out out;
    struct span wanted; /* the one model that is asked for; SPAN_NONE: all */
    size_t count;
    bool prefixed;
};

/* ---- one model ---- */

/* Of a million units at the plain rate; SPAN_NONE where there is none. */
static void put_rate(struct listing *l, const struct price *p, const char *name, enum meter meter)
{
    struct usage u = { .known = true, .vendor_cost = -1 };
    nano_usd cost;
    if (!price_rates(p, meter))
        return;
    u.tokens[meter] = MILLION;
    if (price_cost(p, &u, l->x->times.began_ms, &cost) == E_OK)
        json_pair_money(&l->out, span_of(name), cost);
}

static void put_details(struct listing *l, const struct upstream *u, const struct price *p)
{
    struct json_out *o = &l->out;
    json_name(o, SPAN("tollgate"));
    json_open(o, '{');
    json_pair(o, SPAN("vendor"), u->vendor.slug);
    if (p) {
        json_pair(o, SPAN("mode"), price_mode(p));
        json_pair(o, SPAN("abilities"), price_caps(p));
        if (price_context(p) > 0)
            json_pair_i64(o, SPAN("context_window"), price_context(p));
        if (price_output_max(p) > 0)
            json_pair_i64(o, SPAN("max_output_tokens"), price_output_max(p));
        json_name(o, SPAN("usd_per_million"));
        json_open(o, '{');
        put_rate(l, p, "input_usd", METER_IN);
        put_rate(l, p, "output_usd", METER_OUT);
        put_rate(l, p, "cache_read_usd", METER_CACHE_READ);
        put_rate(l, p, "cache_write_usd", METER_CACHE_WRITE);
        json_close(o, '}');
    }
    json_close(o, '}');
}

static void put_openai(struct listing *l, const struct upstream *u, struct span name)
{
    json_pair(&l->out, SPAN("id"), name);
    json_pair(&l->out, SPAN("object"), SPAN("model"));
    json_pair_i64(&l->out, SPAN("created"), 0);
    json_pair(&l->out, SPAN("owned_by"), u->vendor.slug);
}

static void put_anthropic(struct listing *l, struct span name)
{
    json_pair(&l->out, SPAN("type"), SPAN("model"));
    json_pair(&l->out, SPAN("id"), name);
    json_pair(&l->out, SPAN("display_name"), name);
    json_pair(&l->out, SPAN("created_at"), SPAN("1970-01-01T00:00:00Z")); /* the book does not say; the SDK wants a time */
}

static void put_gemini(struct listing *l, struct span name, const struct price *p)
{
    struct json_out *o = &l->out;
    json_pair(o, SPAN("name"), arena_print(&l->x->arena, "models/%.*s", SPAN_ARG(name)));
    json_pair(o, SPAN("displayName"), name);
    if (p && price_context(p) > 0)
        json_pair_i64(o, SPAN("inputTokenLimit"), price_context(p));
    if (p && price_output_max(p) > 0)
        json_pair_i64(o, SPAN("outputTokenLimit"), price_output_max(p));
    json_pair_raw(o, SPAN("supportedGenerationMethods"), SPAN("[\"generateContent\",\"countTokens\"]"));
}

static void put_model(struct listing *l, const struct upstream *u, struct span model, const struct price *p)
{
    struct arena_mark mark = arena_mark(&l->x->arena);
    struct span name = l->prefixed ? arena_print(&l->x->arena, "%.*s/%.*s", SPAN_ARG(u->vendor.slug), SPAN_ARG(model)) : model;
    bool wanted = !l->wanted.at || span_is(l->wanted, name) || span_is(l->wanted, model);
    if (wanted && l->count < MODELS_MOST && !(l->wanted.at && l->count)) {
        json_open(&l->out, '{');
        if (l->shape == SHAPE_OPENAI)
            put_openai(l, u, name);
        else if (l->shape == SHAPE_ANTHROPIC)
            put_anthropic(l, name);
        else
            put_gemini(l, name, p);
        put_details(l, u, p);
        json_close(&l->out, '}');
        l->count++;
    }
    arena_rewind(&l->x->arena, mark);
}

/* ---- which ---- */

static bool allowed(struct listing *l, const struct upstream *u, struct span model)
{
    struct facts f = l->x->facts;
    struct span why = SPAN_NONE;
    struct arena_mark mark = arena_mark(&l->x->arena);
    f.vendor = u->vendor.slug;
    f.model = model;
    bool fine = policy_model(l->x->deciding.key->policy, &f, &l->x->arena, &why) == E_OK;
    arena_rewind(&l->x->arena, mark);
    return fine;
}

/* Some lists name models of other makers under a vendor that does not serve them. */
static bool in_service(const struct upstream *u, const struct price *p)
{
    bool talks = span_is(price_mode(p), SPAN("chat")) || span_is(price_mode(p), SPAN("responses"));
    return !span_is(price_state(p), SPAN("retired")) && (!talks || upstream_lane(u, NULL, false, price_model(p)));
}

static void list_vendor(struct listing *l, const struct upstream *u)
{
    const struct price_book *book = l->x->snapshot->prices;
    struct price_cursor at = { SPAN_NONE, SPAN_NONE };
    for (size_t i = 0; i < u->model_count; i++)
        if (allowed(l, u, u->models[i].called))
            put_model(l, u, u->models[i].called, price_find(book, u->vendor.provider, u->models[i].priced));
    for (const struct price *p; u->vendor.provider.len && (p = price_next(book, u->vendor.provider, &at)) != NULL;)
        if (in_service(u, p) && allowed(l, u, price_model(p)))
            put_model(l, u, price_model(p), p);
}

static bool listed_before(const struct key *key, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (key->credentials[i]->upstream == key->credentials[index]->upstream)
            return true;
    return false;
}

static const struct upstream *llm_of(const struct exchange *x, size_t index)
{
    const struct key *key = x->deciding.key;
    const struct upstream *u = key->credentials[index]->upstream;
    bool meant = !x->deciding.upstream || x->deciding.upstream == u;
    return u->llm && meant && !key->credentials[index]->disabled && !listed_before(key, index) ? u : NULL;
}

static size_t vendors_of(const struct exchange *x)
{
    size_t count = 0;
    for (size_t i = 0; i < x->deciding.key->credential_count; i++)
        count += llm_of(x, i) != NULL;
    return count;
}

static void list_all(struct listing *l)
{
    for (size_t i = 0; i < l->x->deciding.key->credential_count; i++) {
        const struct upstream *u = llm_of(l->x, i);
        if (u)
            list_vendor(l, u);
    }
}

/* ---- the answer ---- */

static enum shape shape_of(const struct exchange *x)
{
    if (span_is(span_of(x->speaking.front->dialect), SPAN("gemini")))
        return SHAPE_GEMINI;
    return http_get(x->asking.head, SPAN("anthropic-version")).at ? SHAPE_ANTHROPIC : SHAPE_OPENAI;
}

static void write_list(struct listing *l)
{
    json_open(&l->out, '{');
    if (l->shape == SHAPE_OPENAI)
        json_pair(&l->out, SPAN("object"), SPAN("list"));
    json_name(&l->out, l->shape == SHAPE_GEMINI ? SPAN("models") : SPAN("data"));
    json_open(&l->out, '[');
    list_all(l);
    json_close(&l->out, ']');
    if (l->shape == SHAPE_ANTHROPIC) {
        json_pair_bool(&l->out, SPAN("has_more"), false);
        json_pair(&l->out, SPAN("first_id"), SPAN_NONE);
        json_pair(&l->out, SPAN("last_id"), SPAN_NONE);
    }
    json_close(&l->out, '}');
}

enum next answer_local(struct exchange *x)
{
    struct answering *a = &x->answering;
    a->fields = ARENA_NEW(&x->arena, struct http_field);
    if (!a->fields || a->body.broken)
        return fail(x, E_TOO_LARGE, "this answer needs more memory than a call may have");
    *a->fields = (struct http_field){ SPAN("content-type"), SPAN("application/json") };
    a->field_count = 1;
    a->status = 200;
    return STOP;
}

enum next list_models(struct exchange *x)
{
    bool one = x->speaking.front->kind == FRONT_MODEL;
    struct listing l = { .x = x, .shape = shape_of(x), .out = json_out(&x->answering.body), .prefixed = vendors_of(x) > 1 };
    x->facts.operation = SPAN("models");
    if (may_come(x) == STOP)
        return STOP;
    if (!one) {
        write_list(&l);
        return answer_local(x);
    }
    l.wanted = text_percent_decode(x->speaking.model_in_path, false, &x->arena);
    list_all(&l);
    if (!l.count)
        return fail(x, E_NOT_FOUND, "this key may call no model \"%.*s\"", SPAN_ARG(span_first(l.wanted, 100)));
    return answer_local(x);
}
