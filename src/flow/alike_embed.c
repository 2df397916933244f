/* SPDX-License-Identifier: Apache-2.0
 * alike_embed.c - a text's vector, asked of a vendor with the caller's own means: one of the key's credentials, within its policy and
 * budgets. A slow or broken vendor costs the call ALIKE_PATIENCE_MS at most.
 *
 * Next to read: bills in legs.c. */
#include "flow/alike.h"

#include "base/text.h"
#include "dialect/embedding.h"
#include "flow/legs.h"
#include "flow/metered.h"
#include "flow/side.h"
#include "flow/steps.h"

#define USUAL_MODEL SPAN("text-embedding-3-small")
#define EMBEDDINGS SPAN("openai_embeddings")

/* ---- who ---- */

static const struct operation *embeds(const struct upstream *u, struct span model)
{
    size_t count;
    const struct operation *ops = vendor_operations(&u->vendor, &count);
    for (size_t i = 0; i < count; i++)
        if (span_is(ops[i].dialect, EMBEDDINGS) && operation_serves(&ops[i], model))
            return &ops[i];
    return NULL;
}

static const struct price *price_at(const struct exchange *x, const struct upstream *u, struct span model)
{
    return price_find(x->snapshot->prices, u->vendor.provider, upstream_price_model(u, model));
}

/* The first of the key's credentials whose vendor has that model in the price book, else the first whose vendor embeds at all. */
static const struct upstream *by_model(const struct exchange *x, struct span model)
{
    const struct key *key = x->deciding.key;
    const struct upstream *any = NULL;
    for (size_t i = 0; i < key->credential_count; i++) {
        const struct upstream *u = key->credentials[i]->upstream;
        if (key->credentials[i]->disabled || !embeds(u, model))
            continue;
        if (price_at(x, u, model))
            return u;
        any = any ? any : u;
    }
    return any;
}

static bool nobody(struct exchange *x, struct span why)
{
    x->alike.why = why;
    return false;
}

static bool choose(struct exchange *x)
{
    struct alike *k = &x->alike;
    struct span said = x->caching.in_force.embedding_model, rest = said, slug;
    k->model = said.len ? said : USUAL_MODEL;
    if (span_starts(k->model, SPAN("@"))) {
        rest = span_from(k->model, 1);
        if (!span_cut(&rest, '/', &slug) || !rest.len)
            return nobody(x, arena_print(&x->arena, "embedding_model: found \"%.*s\"; \"@vendor/model\" is expected behind an @", SPAN_ARG(span_first(said, 100))));
        k->upstream = snapshot_provider(x->snapshot, slug);
        k->model = rest;
    } else {
        k->upstream = by_model(x, k->model);
    }
    k->credential = k->upstream ? key_credential(x->deciding.key, k->upstream) : NULL;
    k->operation = k->credential ? embeds(k->upstream, k->model) : NULL;
    if (!k->operation)
        return nobody(x, arena_print(&x->arena, "none of the key's credentials is for a vendor that embeds with %.*s", SPAN_ARG(span_first(k->model, 100))));
    k->price = price_at(x, k->upstream, k->model);
    return true;
}

static bool permitted(struct exchange *x)
{
    struct alike *k = &x->alike;
    struct facts f = x->facts;
    struct span why = SPAN_NONE;
    f.vendor = k->upstream->vendor.slug;
    f.operation = k->operation->name;
    f.model = k->model;
    f.writes = k->operation->writes;
    f.secret = f.moves_money = f.refund = false;
    if (policy_operation(x->deciding.key->policy, &f, &x->arena, &why) == E_OK && policy_model(x->deciding.key->policy, &f, &x->arena, &why) == E_OK)
        return true;
    return nobody(x, arena_print(&x->arena, "the embedding is not allowed: %.*s", SPAN_ARG(span_first(why, 300))));
}

bool find_embedder(struct exchange *x) { return choose(x) && permitted(x); }

/* ---- the request ---- */

/* What side requests look at is the embedder's while it runs. */
struct aside {
    struct deciding deciding;
    struct span vendor;
};

static struct aside step_aside(struct exchange *x)
{
    struct alike *k = &x->alike;
    struct aside a = { x->deciding, x->facts.vendor };
    x->deciding.upstream = k->upstream;
    x->deciding.credential = k->credential;
    x->deciding.token = k->token;
    x->facts.vendor = k->upstream->vendor.slug;
    return a;
}

static void step_back(struct exchange *x, const struct aside *a)
{
    x->alike.token = x->deciding.token;
    x->deciding = a->deciding;
    x->facts.vendor = a->vendor;
}

/* A head of the gate's own: nothing that the caller sent goes to another vendor. */
static const struct http_head *own_head(struct exchange *x)
{
    static const struct http_field type = { { "content-type", 12 }, { "application/json", 16 } };
    struct http_head *h = ARENA_NEW(&x->arena, struct http_head);
    struct http_field *f = ARENA_NEW(&x->arena, struct http_field);
    if (!h || !f)
        return NULL;
    *f = type;
    *h = (struct http_head){ .method = SPAN("POST"), .minor = 1, .fields = f, .count = 1, .length = -1 };
    return h;
}

static struct span body_of(struct exchange *x)
{
    struct alike *k = &x->alike;
    buf_clear(&x->desk->scratch);
    embedding_write(k->model, k->text, &x->desk->scratch);
    return x->desk->scratch.broken ? SPAN_NONE : arena_copy(&x->arena, buf_span(&x->desk->scratch));
}

static bool compose(struct exchange *x, size_t *origin)
{
    struct alike *k = &x->alike;
    struct lane there = { .operation = k->operation };
    struct matched hit;
    struct span query, path = lane_target(k->upstream, &there, k->model, &x->arena, &query), body = body_of(x);
    const struct http_head *head = own_head(x);
    if (!path.at || !body.at || !head || !vendor_match(&k->upstream->vendor, k->operation->method, path, &hit))
        return false;
    struct compose c = { .vendor = &k->upstream->vendor, .matched = &hit, .head = head, .path = path, .query = query, .content_type = SPAN("application/json"),
        .length = (int64_t)body.len, .secret = &k->credential->secret, .token = k->token, .body = body, .settings = k->upstream->settings, .now_ms = x->times.began_ms };
    buf_clear(&x->desk->scratch);
    *origin = vendor_compose(&c, &x->arena, &x->desk->scratch);
    buf_put(&x->desk->scratch, body);
    x->side.request = arena_copy(&x->arena, buf_span(&x->desk->scratch));
    return x->side.request.at && !x->desk->scratch.broken;
}

/* ---- its cost ---- */

/* It is no call of the caller's: what is limited in calls and requests does not count it. */
static bool weigh_it(struct exchange *x, struct facts *f)
{
    struct alike *k = &x->alike;
    const struct ask ask = { .choices = 1, .input_most = (int64_t)k->text.len + 128 };
    struct metered_most most = metered_most(k->price, &ask, x->times.began_ms);
    memset(f->worst, 0, sizeof(f->worst));
    f->cost_known = most.usd >= 0;
    f->worst[UNIT_USD] = most.usd < 0 ? 0 : most.usd;
    f->worst[UNIT_TOKENS_IN] = f->worst[UNIT_TOKENS] = most.input;
    if (money_matters(x) && most.usd < 0)
        return nobody(x, arena_print(&x->arena, "no price is known for model %.*s of %.*s, and a money budget applies", SPAN_ARG(span_first(k->model, 100)), SPAN_ARG(k->upstream->vendor.slug)));
    nano_usd ceiling = call_ceiling(x);
    if (ceiling >= 0 && money_add(x->facts.worst[UNIT_USD], f->worst[UNIT_USD]) > ceiling)
        return nobody(x, SPAN("with its embedding the call could cost more than one call may"));
    return true;
}

/* What it may cost is held beside the call's own hold, before it is sent. */
static bool hold(struct exchange *x)
{
    struct alike *k = &x->alike;
    struct bill *b = x->attempt_count < ATTEMPTS_MAX / 2 ? ARENA_NEW(&x->arena, struct bill) : NULL;
    if (!b)
        return nobody(x, SPAN("no room for the embedding"));
    b->facts = x->facts;
    b->facts.vendor = k->upstream->vendor.slug;
    b->facts.operation = k->operation->name;
    b->facts.model = k->model;
    if (!weigh_it(x, &b->facts))
        return false;
    if (!bill_open(x, b) && x->routing.bill != b)
        return nobody(x, SPAN("the embedding does not fit the budget beside the call"));
    k->bill = b;
    return x->fault == E_OK;
}

static void settle_for(struct exchange *x, const int64_t real[UNIT_COUNT], bool estimated)
{
    const struct alike *k = &x->alike;
    struct span why = k->why.at ? arena_print(&x->arena, "embedding: %.*s", SPAN_ARG(k->why)) : SPAN("embedding");
    if (k->bill && x->routing.bill == k->bill)
        bill_close(x, k->bill, x->side.status, real, estimated && k->bill->facts.cost_known, why);
}

/* By what the vendor says it used; all that was held, where it says nothing. */
static void settle_usage(struct exchange *x)
{
    struct alike *k = &x->alike;
    struct usage u;
    int64_t real[UNIT_COUNT] = { 0 };
    dialect_find(EMBEDDINGS)->read_usage(x->desk->json, buf_span(&x->side.body), &x->arena, &u);
    const struct upstream *at = k->upstream;
    const struct price *p = u.model.at ? price_answered(x->snapshot->prices, k->price, at->vendor.provider, upstream_price_model(at, u.model)) : k->price;
    bool told = u.known && (!k->price || price_cost(p, &u, x->times.began_ms, &real[UNIT_USD]) == E_OK);
    real[UNIT_TOKENS_IN] = real[UNIT_TOKENS] = u.input_total;
    settle_for(x, told ? real : k->bill->facts.worst, !told);
}

/* ---- the answer ---- */

static void read_vector(struct exchange *x)
{
    struct alike *k = &x->alike;
    const char *why = "";
    float *v = ARENA_ARRAY(&x->arena, float, UNIT_MOST);
    k->vector = ARENA_ARRAY(&x->arena, int16_t, UNIT_MOST);
    size_t n = v && k->vector ? embedding_read(x->desk->json, buf_span(&x->side.body), v, UNIT_MOST, &why) : 0;
    if (n >= UNIT_LEAST && unit_of(v, n, k->vector)) {
        k->count = n;
        texts_put(x->desk->texts, &k->text_name, k->vector, n);
        return;
    }
    k->why = arena_print(&x->arena, "%.*s gave no vector: %s", SPAN_ARG(k->upstream->vendor.slug), n ? "it has no direction" : why);
}

static enum next answer_came(struct exchange *x)
{
    struct alike *k = &x->alike;
    const int64_t nothing[UNIT_COUNT] = { 0 };
    if (x->side.status == 200) {
        read_vector(x);
        settle_usage(x);
        return NEXT;
    }
    k->why = arena_print(&x->arena, "%.*s answered %d to the embedding", SPAN_ARG(k->upstream->vendor.slug), x->side.status);
    settle_for(x, nothing, false);
    return NEXT;
}

static bool is_late(const struct exchange *x)
{
    const struct world *w = x->desk->world;
    return w->monotonic_ns(w->self) - x->alike.since_ns >= (int64_t)ALIKE_PATIENCE_MS * 1000000;
}

/* It was sent and nothing is known of it: it counts as all that was held. */
static enum next broke_off(struct exchange *x, const char *how)
{
    const int64_t nothing[UNIT_COUNT] = { 0 };
    x->alike.why = arena_print(&x->arena, "%.*s %s", SPAN_ARG(x->alike.upstream->vendor.slug), how);
    if (x->alike.bill)
        settle_for(x, x->side.sent ? x->alike.bill->facts.worst : nothing, x->side.sent);
    return NEXT;
}

/* What failed here is not the call's failure, unless it was the caller's or an operator's doing (then it is cut). */
static void forgive(struct exchange *x, enum err before)
{
    if (x->cut || before != E_OK || x->fault == E_OK)
        return;
    if (!x->alike.why.at)
        x->alike.why = x->why;
    x->fault = E_OK;
    x->why = SPAN_NONE;
}

static enum next wait_a_little(struct exchange *x)
{
    const struct world *w = x->desk->world;
    int64_t left = ALIKE_PATIENCE_MS - (w->monotonic_ns(w->self) - x->alike.since_ns) / 1000000;
    w->await_news(w->self, x, left > 0 ? left : 1);
    return WAIT;
}

static enum next ask_now(struct exchange *x)
{
    size_t origin = 0;
    if (!x->side.call) {
        if (!hold(x))
            return NEXT;
        if (!compose(x, &origin))
            return broke_off(x, "cannot be asked for this embedding");
    }
    switch (side_run(x, origin)) {
    case IO_WAIT:
        return is_late(x) ? broke_off(x, "did not answer the embedding in time") : WAIT;
    case IO_END:
        return answer_came(x);
    default:
        return broke_off(x, "cannot be reached for the embedding");
    }
}

/* A token first, where the vendor wants one; then the embedding. Both within one patience. */
static enum next ask(struct exchange *x)
{
    enum next got = x->alike.bill ? NEXT : get_token(x);
    if (got == WAIT)
        return is_late(x) ? broke_off(x, "gave no token in time") : WAIT;
    if (got == STOP)
        return broke_off(x, "gives no token now");
    x->alike.token = x->deciding.token;
    return ask_now(x);
}

enum next embed_text(struct exchange *x)
{
    enum err before = x->fault;
    struct aside a = step_aside(x);
    enum next next = ask(x);
    step_back(x, &a);
    if (next == WAIT)
        return wait_a_little(x);
    side_end(x);
    forgive(x, before);
    return NEXT;
}
