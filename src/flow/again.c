/* SPDX-License-Identifier: Apache-2.0
 * again.c - the steps of a second asking: a call in doubt is sent again under its idempotency key, or its vendor is asked what
 * became of it. It has no caller, reserves nothing and writes no row of its own: what it finds settles the first one.
 *
 * It goes through the same attempt as any call; a stop, a revoked key or a policy that changed meanwhile keep it from being
 * sent, since the vendor may never have got the first one. */
#include "flow/steps.h"

#include "flow/kept.h"
#include "rules/row.h"

#define OBJECT_MS (INT64_C(24) * 60 * 60 * 1000)

enum { AGAIN_MOST = 256 * 1024 /* bytes of body: it goes through the journal twice */ };

static bool is_secret_field(struct span name)
{
    static const struct span secret[] = { { "authorization", 13 }, { "x-api-key", 9 }, { "api-key", 7 }, { "x-goog-api-key", 14 },
        { "x-portkey-api-key", 17 }, { "cookie", 6 }, { "proxy-authorization", 19 } };
    for (size_t i = 0; i < sizeof(secret) / sizeof(*secret); i++)
        if (span_is_nocase(name, secret[i]))
            return true;
    return false;
}

static bool put_fields(struct exchange *x, struct kept_request *r)
{
    const struct http_head *h = x->asking.head;
    r->fields = ARENA_ARRAY(&x->arena, struct http_field, h->count + 1);
    for (size_t i = 0; r->fields && i < h->count; i++)
        if (!is_secret_field(h->fields[i].name))
            r->fields[r->count++] = h->fields[i];
    return r->fields != NULL;
}

struct span seal_request(struct exchange *x)
{
    const struct operation *op = operation_of(x);
    const struct understood *u = &x->deciding.understood;
    bool useful = x->facts.writes && !is_llm(x) && (op->look_up || (op->idempotent && x->repeating.upstream_key.at));
    struct kept_request r = {
        .sent_at = x->times.began_ms,
        .key_id = x->facts.key_id,
        .vendor = x->facts.vendor,
        .credential = x->deciding.credential->name,
        .method = x->asking.head->method,
        .path = x->asking.path,
        .query = u->query.at ? u->query : x->asking.query,
        .body = x->deciding.body,
        .upstream_key = x->repeating.upstream_key,
        .asked = x->repeating.applies ? span_make((const char *)x->repeating.asked.bytes, DIGEST_LEN) : SPAN(""),
    };
    if (!useful || x->asking.opaque || r.body.len > AGAIN_MOST || !put_fields(x, &r))
        return SPAN_NONE;
    return kept_seal_request(x->snapshot, x->id, &r, &x->arena);
}

/* What a vendor made for a call that could only be looked up is remembered for a day, so that a look-up does not take it for
 * another's; by this process alone: after a restart an operator had better look. */
static struct span object_name(struct exchange *x)
{
    return arena_print(&x->arena, "object %.*s %.*s", SPAN_ARG(x->facts.vendor), SPAN_ARG(x->answering.settled.object_id));
}

void remember_object(struct exchange *x)
{
    if (x->deciding.upstream && operation_of(x) && operation_of(x)->look_up && x->answering.settled.object_id.len)
        (void)brakes_add(x->desk->brakes, object_name(x), OBJECT_MS, 1, x->times.began_ms);
}

/* ---- revive: the request as it was ---- */

static enum next hopeless(struct exchange *x, const char *why)
{
    x->clearing.never = true;
    return fail(x, E_NOT_FOUND, "%s", why);
}

static const struct credential *credential_named(const struct exchange *x, struct span name)
{
    const struct key *key = x->deciding.key;
    for (size_t i = 0; i < key->credential_count; i++)
        if (span_is(key->credentials[i]->name, name) && !key->credentials[i]->disabled)
            return key->credentials[i];
    return NULL;
}

static void revive_facts(struct exchange *x)
{
    const struct key *key = x->deciding.key;
    x->facts.key_id = key->id;
    x->facts.workspace = key->workspace;
    x->facts.user = key->user;
    x->facts.team = key->team;
    x->facts.run = row_field(x->doubt->row, ROW_RUN).text;
    x->facts.step = row_field(x->doubt->row, ROW_STEP).text;
}

static void revive_name(struct exchange *x, const struct kept_request *r)
{
    struct repeating *p = &x->repeating;
    p->upstream_key = r->upstream_key.len ? r->upstream_key : SPAN_NONE;
    if (x->doubt->once.len != DIGEST_LEN || r->asked.len != DIGEST_LEN)
        return;
    memcpy(p->once.bytes, x->doubt->once.at, DIGEST_LEN);
    memcpy(p->asked.bytes, r->asked.at, DIGEST_LEN);
    p->applies = p->claimed = true;
}

enum next revive(struct exchange *x)
{
    struct kept_request r = { 0 };
    struct http_head *head = ARENA_NEW(&x->arena, struct http_head);
    if (!head || !kept_open_request(x->snapshot, x->doubt->call, x->doubt->again, &x->arena, &r))
        return hopeless(x, "the request that was kept cannot be opened");
    x->deciding.key = snapshot_key_by_id(x->snapshot, r.key_id);
    x->deciding.upstream = snapshot_upstream(x->snapshot, r.vendor);
    if (!x->deciding.key || !x->deciding.upstream)
        return hopeless(x, "its key or its vendor is no longer configured");
    x->deciding.credential = credential_named(x, r.credential);
    if (!x->deciding.credential) /* under another account the vendor would not know it */
        return fail(x, E_OPERATION_DENIED, "its credential is not the key's any more");
    *head = (struct http_head){ .method = r.method, .target = r.path, .fields = r.fields, .count = r.count };
    head->length = (int64_t)r.body.len;
    x->asking.head = head;
    x->asking.path = r.path;
    x->asking.query = r.query;
    buf_put(&x->asking.body, r.body);
    x->asking.body_whole = true;
    x->asking.has_body = r.body.len > 0;
    x->facts.vendor = x->deciding.upstream->vendor.slug;
    x->looking.sent_at = r.sent_at;
    revive_facts(x);
    revive_name(x, &r);
    return NEXT;
}

enum next allow_again(struct exchange *x)
{
    const struct key *key = x->deciding.key;
    struct span why = SPAN_NONE;
    if (stopped_now(x))
        return STOP;
    if (key->revoked_at || (key->expires_at && x->times.began_ms >= key->expires_at))
        return fail(x, E_KEY_REVOKED, "its key is not valid any more");
    enum err e = policy_operation(key->policy, &x->facts, &x->arena, &why);
    return e == E_OK ? NEXT : fail_span(x, e, why);
}

/* Reading what became of it, where the vendor takes no key: another request, with the first one's credential. */
static enum next turn_to_look_up(struct exchange *x)
{
    struct looking *l = &x->looking;
    struct asked asked = asked_of(x);
    if (!vendor_look_up(x->desk->json, &asked, &x->deciding.understood, l->sent_at, &x->arena, &l->what))
        return hopeless(x, "it cannot be looked up");
    if (!vendor_match(&x->deciding.upstream->vendor, SPAN("GET"), l->what.path, &l->matched))
        return hopeless(x, "the look-up is no operation of this vendor");
    l->head = (struct http_head){ .method = SPAN("GET"), .target = l->what.path };
    l->up = true;
    return NEXT;
}

enum next understand_again(struct exchange *x)
{
    const struct operation *op = operation_of(x);
    if (understand(x) == STOP)
        return STOP;
    memcpy(x->facts.worst, x->deciding.understood.worst, sizeof(x->facts.worst));
    x->facts.cost_known = x->deciding.understood.cost_known;
    int64_t age = x->times.began_ms - x->looking.sent_at;
    if (op->idempotent && x->repeating.upstream_key.at && age < x->deciding.upstream->vendor.once_ms) {
        x->answering.doubtful = true;
        return NEXT;
    }
    return op->look_up ? turn_to_look_up(x) : hopeless(x, "it can neither be asked again nor looked up");
}

/* ---- settle_doubt: what it found ---- */

/* One that another call is known to have made: this one's was not found, or is told apart by nobody. */
static bool object_is_taken(struct exchange *x)
{
    return brakes_seen(x->desk->brakes, object_name(x), OBJECT_MS, x->times.began_ms) > 0;
}

static enum outcome by_look_up(struct exchange *x, int64_t real[UNIT_COUNT])
{
    struct answering *a = &x->answering;
    const struct world *w = x->desk->world;
    struct asked asked = asked_of(x);
    if (!a->ended || a->mode != RELAY_HOLD || !a->tapped_whole)
        return OUTCOME_UNKNOWN;
    enum look_up_verdict v = vendor_looked_up(x->desk->json, &asked, &x->deciding.understood, x->looking.sent_at, a->head, buf_span(&a->body), &x->arena, &a->settled);
    if (v == LOOK_UP_ABSENT && w->now_ms(w->self) - x->looking.sent_at >= x->looking.what.patience_ms)
        return OUTCOME_NOT_SPENT;
    if (v != LOOK_UP_HAPPENED || object_is_taken(x))
        return OUTCOME_UNKNOWN;
    memcpy(real, a->settled.known ? a->settled.real : x->facts.worst, UNIT_COUNT * sizeof(*real));
    real[UNIT_REQUESTS] = 1;
    return OUTCOME_SPENT;
}

static enum outcome by_answer(struct exchange *x, int64_t real[UNIT_COUNT])
{
    if (!x->answering.ended || outcome_unknown(x))
        return OUTCOME_UNKNOWN;
    measure(x, real);
    return x->answering.verdict == LOOK_UP_HAPPENED ? OUTCOME_SPENT : OUTCOME_NOT_SPENT;
}

static int64_t *lines_of(struct exchange *x, const int64_t real[UNIT_COUNT])
{
    int64_t *lines = ARENA_ARRAY(&x->arena, int64_t, x->doubt->count + 1);
    for (size_t i = 0; lines && i < x->doubt->count; i++) {
        enum unit unit;
        bool known = budget_account_unit(x->doubt->lines[i].account, &unit);
        lines[i] = known && (x->doubt->lines[i].held || unit != UNIT_USD) ? real[unit] : 0;
    }
    return lines;
}

enum next settle_doubt(struct exchange *x)
{
    struct clearing *c = &x->clearing;
    int64_t real[UNIT_COUNT] = { 0 };
    c->outcome = x->looking.up ? by_look_up(x, real) : by_answer(x, real);
    c->real = lines_of(x, real);
    if (!c->real)
        c->outcome = OUTCOME_UNKNOWN;
    c->cost = real[UNIT_USD];
    c->status = x->looking.up ? 0 : x->answering.status;
    c->actor = SPAN("gate");
    c->reason = x->looking.up ? SPAN("the vendor was asked what became of it") : SPAN("the vendor was asked again under the same idempotency key");
    c->object_id = x->answering.settled.object_id;
    c->request_id = x->answering.request_id;
    x->charging.cost = c->cost;
    x->charging.priced = true;
    x->charging.kept = c->outcome == OUTCOME_UNKNOWN;
    return NEXT;
}
