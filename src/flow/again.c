/* SPDX-License-Identifier: Apache-2.0
 * again.c - the steps of a second asking: a call in doubt is sent again under its idempotency key, or its vendor is asked what
 * became of it. It has no caller, reserves nothing and writes no row of its own: what it finds settles the first one.
 *
 * It goes through the same attempt as any call; a stop, a revoked key or a policy that changed meanwhile keep it from being
 * sent, since the vendor may never have got the first one. */
#include "flow/steps.h"

#include "flow/kept.h"
#include "flow/metered.h"
#include "rules/row.h"

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
    bool asked_again = !is_llm(x) && (op->look_up || (op->idempotent && x->repeating.upstream_key.at));
    bool useful = x->facts.writes && (x->charging.late || asked_again);
    struct kept_request r = {
        .sent_at = x->times.began_ms,
        .object = x->answering.settled.object_id,
        .key_id = x->facts.key_id,
        .vendor = x->facts.vendor,
        .credential = x->deciding.credential->name,
        .method = x->asking.head->method,
        .path = x->speaking.path.at ? x->speaking.path : x->asking.path,
        .query = u->query.at ? u->query : x->asking.query,
        .body = is_llm(x) ? SPAN("") : x->deciding.body, /* a job is asked for by its id alone */
        .upstream_key = x->repeating.upstream_key,
        .asked = x->repeating.applies ? span_make((const char *)x->repeating.asked.bytes, DIGEST_LEN) : SPAN(""),
    };
    if (!useful || x->asking.opaque || r.body.len > AGAIN_MOST || !put_fields(x, &r))
        return SPAN_NONE;
    return kept_seal_request(x->snapshot, x->id, &r, &x->arena);
}

/* Whose it is, and how much is counted for it: so that no look-up takes it for another's, a confirmation is not counted beside its
 * intent, and a webhook finds its run. */
void remember_object(struct exchange *x, uint64_t call, nano_usd counted)
{
    const struct understood *u = &x->deciding.understood;
    struct span made = x->answering.settled.object_id, belongs = u->counted_id.len ? u->counted_id : made;
    const struct facts *f = &x->facts;
    struct made_object by = { .call = call, .at = x->times.began_ms, .counted = counted, .workspace = f->workspace, .key = f->key_id,
        .user = f->user, .label = x->asking.label, .run = f->run, .step = f->step, .operation = f->operation };
    if (!f->writes || !x->deciding.credential)
        return;
    made_add(x->desk->made, f->vendor, x->deciding.credential->name, belongs, &by);
    by.counted = 0;
    if (made.len && !span_is(made, belongs))
        made_add(x->desk->made, f->vendor, x->deciding.credential->name, made, &by);
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
    x->facts.user = row_field(x->doubt->row, ROW_USER).text; /* the call's own: the key may have another by now */
    x->asking.label = row_field(x->doubt->row, ROW_LABEL).text;
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
    x->looking.object = x->doubt->late ? x->doubt->object : r.object;
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

/* With the fields that say for which account the call was, and in which version its answer is. */
static void look_as_the_call_did(struct exchange *x)
{
    struct looking *l = &x->looking;
    l->head = (struct http_head){ .method = SPAN("GET"), .target = l->what.path, .fields = x->asking.head->fields, .count = x->asking.head->count };
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
    look_as_the_call_did(x);
    l->up = true;
    return NEXT;
}

/* What it was taken to cost at most stands in its row; the objects it named may have changed since. */
static void revive_worst(struct exchange *x)
{
    struct understood *u = &x->deciding.understood;
    struct row_value reserved = row_field(x->doubt->row, ROW_RESERVED);
    if (reserved.there && (!u->cost_known || u->worst[UNIT_USD] < reserved.number)) {
        u->worst[UNIT_USD] = reserved.number;
        u->cost_known = true;
    }
    memcpy(x->facts.worst, u->worst, sizeof(x->facts.worst));
    x->facts.cost_known = u->cost_known;
}

enum next ask_again(struct exchange *x)
{
    const struct operation *op = operation_of(x);
    revive_worst(x);
    int64_t age = x->times.began_ms - x->looking.sent_at;
    if (op->idempotent && x->repeating.upstream_key.at && age < x->deciding.upstream->vendor.once_ms) {
        x->answering.doubtful = true;
        return NEXT;
    }
    return op->look_up ? turn_to_look_up(x) : hopeless(x, "it can neither be asked again nor looked up");
}

/* ---- ask_late: what did it really cost? ---- */

enum next ask_late(struct exchange *x)
{
    struct looking *l = &x->looking;
    struct asked asked = asked_of(x);
    revive_worst(x);
    if (!vendor_late(&asked, &x->deciding.understood, l->object, &x->arena, &l->when))
        return hopeless(x, "its price cannot be asked for (has the manifest changed?)");
    x->clearing.late = &l->when;
    l->what = (struct look_up){ .path = l->when.path, .query = l->when.query };
    if (!vendor_match(&x->deciding.upstream->vendor, SPAN("GET"), l->what.path, &l->matched))
        return hopeless(x, "where its price stands is no operation of this vendor");
    look_as_the_call_did(x);
    l->up = l->late = true;
    return NEXT;
}

/* ---- settle_doubt: what it found ---- */

/* One that another call is known to have made: this one's was not found, or is told apart by nobody. */
static bool object_is_taken(struct exchange *x)
{
    struct made_object found;
    return made_find(x->desk->made, x->facts.vendor, x->deciding.credential->name, x->answering.settled.object_id, NULL, &found) && found.call != x->doubt->call;
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

/* The price, or that there is none: an object that is gone costs what it was taken for. */
static enum outcome by_late(struct exchange *x, int64_t real[UNIT_COUNT])
{
    struct answering *a = &x->answering;
    struct asked asked = asked_of(x);
    if (!a->ended || a->mode != RELAY_HOLD || !a->tapped_whole)
        return OUTCOME_UNKNOWN;
    if (vendor_late_answer(x->desk->json, &asked, &x->deciding.understood, a->head, buf_span(&a->body), &x->arena, &a->settled) != LOOK_UP_HAPPENED || !a->settled.known)
        return OUTCOME_UNKNOWN;
    memcpy(real, a->settled.real, UNIT_COUNT * sizeof(*real));
    real[UNIT_REQUESTS] = 1;
    if (is_llm(x) && !a->settled.told[UNIT_USD] && !metered_measure_late(x, real))
        return OUTCOME_UNKNOWN;
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
        const struct journal_line *line = &x->doubt->lines[i];
        bool known = budget_account_unit(line->account, &unit);
        if (x->doubt->late) /* what was not told stays as it was counted; where refunds count down, they still do */
            lines[i] = known && x->answering.settled.told[unit] ? (line->real < 0 ? -real[unit] : real[unit]) : line->real;
        else
            lines[i] = known && (line->held || unit != UNIT_USD) ? real[unit] : 0;
    }
    return lines;
}

static struct span late_reason(struct exchange *x)
{
    struct span why = is_llm(x) && x->answering.tapped_whole ? metered_reason(x) : SPAN_NONE;
    return why.len ? why : SPAN("the vendor told what it cost");
}

enum next settle_doubt(struct exchange *x)
{
    struct clearing *c = &x->clearing;
    int64_t real[UNIT_COUNT] = { 0 };
    c->outcome = x->looking.late ? by_late(x, real) : x->looking.up ? by_look_up(x, real) : by_answer(x, real);
    c->real = lines_of(x, real);
    if (!c->real)
        c->outcome = OUTCOME_UNKNOWN;
    c->cost = real[UNIT_USD];
    c->status = x->looking.up ? 0 : x->answering.status;
    c->actor = SPAN("gate");
    c->reason = x->looking.late ? late_reason(x) : x->looking.up ? SPAN("the vendor was asked what became of it") : SPAN("the vendor was asked again under the same idempotency key");
    c->object_id = x->answering.settled.object_id;
    c->request_id = x->answering.request_id;
    x->charging.cost = c->cost;
    x->charging.priced = true;
    x->charging.kept = c->outcome == OUTCOME_UNKNOWN;
    if (c->outcome != OUTCOME_SPENT || x->looking.late)
        return NEXT;
    remember_object(x, x->doubt->call, c->cost);
    c->first_ms = x->answering.settled.pending && x->facts.cost_known ? first_asking(x) : 0;
    c->pending = c->first_ms > 0;
    return NEXT;
}
