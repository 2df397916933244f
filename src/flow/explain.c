/* SPDX-License-Identifier: Apache-2.0
 * explain.c - see explain.h. The call is an exchange like any other, on a desk without sockets: the pipeline's own steps run, so that no rule
 * stands here a second time, and what they would hold they hold in a ledger of their own, into which the balances they touch were copied.
 *
 * Left out: `identify` (the key is named, not presented), `recall` and `brake` (they count), `consult` (it asks the vendor; what is
 * remembered is used) and `approve` (it opens an approval; the rules are looked at). */
#include "flow/explain.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/text.h"
#include "flow/shadow.h"
#include "flow/side.h"
#include "flow/steps.h"
#include "rules/token.h"

enum { SHOWN_BODY = 64 * 1024, ACCOUNTS_MOST = LEDGER_LINES };

struct explaining {
    struct exchange x;
    struct desk desk;
    struct world world;
    struct key key; /* a copy */
    struct ledger *real, *trial;
    struct ledger_hold copied[ACCOUNTS_MOST]; /* what others hold, held in the trial too */
    size_t copied_count;
    struct object_read wanted[VENDOR_OBJECTS]; /* objects that only the vendor knows */
    size_t unread_count;
    const struct approval_rule *approval; /* that holds the call */
    bool approved;
};

/* ---- a world without sockets ---- */

static int64_t now_ms(void *self) { return (void)self, clock_unix_ms(); }
static int64_t monotonic_ns(void *self) { return (void)self, clock_monotonic_ns(); }
static enum err put_hold(void *self, const struct journal_hold *h) { return (void)self, (void)h, E_OK; }
static enum err put_note(void *self, const struct journal_note *n) { return (void)self, (void)n, E_OK; }
static uint64_t written(void *self) { return (void)self, 0; }

/* ---- whose vendor is it? ---- */

/* "https://api.stripe.com/v1/charges" as a caller of the gate would write it: "/stripe/v1/charges". SPAN_NONE: nobody's. */
static struct span own_target(const struct snapshot *s, struct span url, struct arena *a)
{
    for (size_t i = 0; i < s->upstream_count; i++) {
        const struct vendor *v = &s->upstreams[i].vendor;
        struct buf text;
        buf_init(&text, url.len + 1024);
        vendor_rewrite_links(v, arena_print(a, "/%.*s", SPAN_ARG(v->slug)), url, &text);
        struct span target = text.broken || !span_starts(buf_span(&text), SPAN("/")) ? SPAN_NONE : arena_copy(a, buf_span(&text));
        buf_free(&text);
        if (target.at)
            return target;
    }
    return SPAN_NONE;
}

static bool is_url(struct span target) { return span_starts(target, SPAN("https://")) || span_starts(target, SPAN("http://")); }

/* ---- who? ---- */

/* A key that is bound to addresses is explained as if the call came from one of them. */
static enum next take_key(struct explaining *e, const struct key *key, struct span run)
{
    struct exchange *x = &e->x;
    e->key = *key;
    e->key.network_count = 0;
    x->deciding.key = &e->key;
    x->facts.key_id = key->id;
    x->facts.workspace = key->workspace;
    x->facts.user = key->user;
    x->facts.team = key->team;
    if (run.len && !run_id_ok(run))
        return fail(x, E_BAD_REQUEST, "run: allowed are 1 to 128 characters of A-Z a-z 0-9 _ - : . / @");
    if (run.len && !x->facts.run.at)
        x->facts.run = run;
    if (key->revoked_at)
        return fail(x, E_KEY_REVOKED, "this key was revoked");
    if (key->expires_at && x->times.began_ms >= key->expires_at)
        return fail(x, E_KEY_EXPIRED, "this key has expired");
    return NEXT;
}

/* An explanation is no call: it is not counted among those that a stop refused. */
static enum next uncounted(struct exchange *x, enum next (*step)(struct exchange *))
{
    enum next next = step(x);
    const struct stop *stop = x->fault == E_STOPPED || x->fault == E_KEY_REVOKED ? stop_set_match(x->desk->stops, &x->facts, x->times.began_ms) : NULL;
    if (next == STOP && stop)
        atomic_fetch_sub_explicit(stop->refused, 1, memory_order_relaxed);
    return next;
}

/* ---- what only the vendor knows ---- */

static enum next look_without_reading(struct explaining *e)
{
    struct exchange *x = &e->x;
    struct consulting *c = &x->consulting;
    const struct understood *u = &x->deciding.understood;
    while (u->wanted.name.at && c->count < VENDOR_OBJECTS && e->unread_count < VENDOR_OBJECTS) {
        struct object *o = &c->objects[c->count];
        if (u->wanted.anew || !remembered_object(x->desk->remembered, side_owner(x), &u->wanted, x->times.began_ms, &x->arena, o)) {
            *o = (struct object){ .name = u->wanted.name, .id = u->wanted.id };
            e->wanted[e->unread_count++] = u->wanted;
        }
        c->count++;
        if (engine_looks(x) == STOP)
            return STOP;
    }
    return NEXT;
}

/* ---- approvals ---- */

static bool is_approved(struct explaining *e)
{
    struct exchange *x = &e->x;
    struct approval *list = NULL;
    size_t count = 0;
    name_request(x);
    if (approvals_list(x->desk->approvals, APPROVAL_APPROVED, x->times.began_ms, &x->arena, &list, &count) != E_OK)
        return false;
    for (size_t i = 0; i < count; i++)
        if (memcmp(list[i].asked.bytes, x->repeating.asked.bytes, DIGEST_LEN) == 0)
            return true;
    return false;
}

static enum next look_at_approvals(struct explaining *e)
{
    struct exchange *x = &e->x;
    const struct policy *p = x->deciding.key->policy;
    for (size_t i = 0; i < p->approval_count && !e->approval; i++)
        if (approval_holds(&p->approvals[i], &x->facts, object_seen, x))
            e->approval = &p->approvals[i];
    if (!e->approval || (e->approved = is_approved(e)))
        return NEXT;
    x->rule = e->approval->name;
    return fail(x, E_APPROVAL_REQUIRED, "this call would wait for a person (rule \"%.*s\" of policy %.*s)", SPAN_ARG(e->approval->name), SPAN_ARG(p->name));
}

/* ---- budgets ---- */

/* The account as it stands, into the trial: what is spent, what is in doubt, and what others hold. */
static void copy_account(struct explaining *e, const struct budget_account *account, const struct ledger_balance *now)
{
    struct ledger_want held = { .account = account->name, .slot = account->slot, .limit = INT64_MAX, .amount = now->reserved - now->doubt, .ends_at = account->ends_at };
    struct ledger_refusal why;
    if (ledger_restore(e->trial, account->name, account->slot, now->settled, now->doubt, account->ends_at) != E_OK || held.amount <= 0)
        return;
    if (ledger_reserve(e->trial, &e->copied[e->copied_count], &held, 1, &why) == E_OK)
        e->copied_count++;
}

static void put_account(struct explaining *e, struct json_out *o, const struct budget *b, const struct budget_account *account)
{
    struct exchange *x = &e->x;
    struct ledger_balance now = { .settled = 0 };
    int64_t limit = budget_limit(b, x->times.began_ms), needs = budget_amount(b, &x->facts);
    (void)ledger_balance(e->real, account->name, account->slot, &now);
    int64_t spent = now.settled < 0 ? 0 : now.settled, after = money_add(money_add(spent, now.reserved), needs);
    json_open(o, '{');
    json_pair(o, SPAN("budget"), b->id);
    json_pair(o, SPAN("owner"), b->owner);
    json_pair(o, SPAN("unit"), unit_name(b->unit));
    json_pair(o, SPAN("window"), b->window_text);
    bool money = b->unit == UNIT_USD;
    json_pair_amount_usd(o, SPAN("limit"), money, limit);
    json_pair_amount_usd(o, SPAN("spent"), money, spent);
    json_pair_amount_usd(o, SPAN("reserved"), money, now.reserved);
    json_pair_amount_usd(o, SPAN("needs"), money, needs);
    json_pair_bool(o, SPAN("fits"), needs <= 0 || after <= limit);
    json_pair_bool(o, SPAN("soft"), b->soft);
    json_pair_time(o, SPAN("resets_at"), window_frees(&b->window, now.oldest, account->resets_at));
    json_close(o, '}');
    if (e->copied_count < ACCOUNTS_MOST)
        copy_account(e, account, &now);
}

static void put_budgets(struct explaining *e, struct json_out *o)
{
    struct exchange *x = &e->x;
    struct budget_account accounts[LEDGER_LINES];
    json_name(o, SPAN("budgets"));
    json_open(o, '[');
    for (size_t i = 0; i < x->charging.chosen_count; i++) {
        const struct budget *b = x->charging.chosen[i];
        size_t count = budget_accounts(b, &x->facts, x->times.began_ms, &x->arena, accounts, LEDGER_LINES);
        for (size_t k = 0; k < count && k < LEDGER_LINES; k++)
            put_account(e, o, b, &accounts[k]);
    }
    json_close(o, ']');
}

static void try_budgets(struct explaining *e)
{
    struct exchange *x = &e->x;
    x->desk->ledger = e->trial;
    (void)reserve(x);
    if (x->charging.reserved)
        ledger_release(e->trial, &x->charging.hold);
    for (size_t i = 0; i < e->copied_count; i++)
        ledger_release(e->trial, &e->copied[i]);
    x->desk->ledger = e->real;
}

/* ---- what is told ---- */

static void put_request(struct explaining *e, struct json_out *o)
{
    struct exchange *x = &e->x;
    bool whole = x->deciding.body.len <= SHOWN_BODY;
    json_pair(o, SPAN("key"), x->deciding.key ? x->deciding.key->name : SPAN_NONE);
    json_pair(o, SPAN("run"), x->facts.run);
    json_pair(o, SPAN("method"), x->asking.head->method);
    json_pair(o, SPAN("path"), x->asking.path);
    json_pair(o, SPAN("query"), x->deciding.understood.query.len ? x->deciding.understood.query : x->asking.query);
    json_pair(o, SPAN("body"), whole ? x->deciding.body : SPAN_NONE);
}

static void put_operation(struct explaining *e, struct json_out *o)
{
    struct exchange *x = &e->x;
    const struct operation *op = operation_of(x);
    json_pair(o, SPAN("vendor"), x->facts.vendor);
    json_pair(o, SPAN("operation"), x->facts.operation);
    json_pair(o, SPAN("note"), op ? op->note : SPAN_NONE);
    json_pair_bool(o, SPAN("writes"), x->facts.writes);
    json_pair_bool(o, SPAN("moves_money"), x->facts.moves_money);
    json_pair(o, SPAN("model"), x->facts.model);
    json_pair(o, SPAN("credential"), x->deciding.credential ? x->deciding.credential->name : SPAN_NONE);
}

static void put_named(struct json_out *o, struct span name, struct span value)
{
    json_open(o, '{');
    json_pair(o, SPAN("name"), name);
    json_pair(o, SPAN("value"), value);
    json_close(o, '}');
}

static void put_objects(struct explaining *e, struct json_out *o)
{
    const struct facts *f = &e->x.facts;
    json_name(o, SPAN("scopes"));
    json_open(o, '[');
    for (size_t i = 0; i < f->scope_count; i++)
        put_named(o, f->scopes[i].name, f->scopes[i].value);
    json_close(o, ']');
    json_name(o, SPAN("parameters"));
    json_open(o, '[');
    for (size_t i = 0; i < f->parameter_count; i++)
        put_named(o, f->parameters[i].name, f->parameters[i].value);
    json_close(o, ']');
    json_name(o, SPAN("unread"));
    json_open(o, '[');
    for (size_t i = 0; i < e->unread_count; i++) {
        json_open(o, '{');
        json_pair(o, SPAN("object"), e->wanted[i].name);
        json_pair(o, SPAN("id"), e->wanted[i].id);
        json_pair(o, SPAN("path"), e->wanted[i].path);
        json_close(o, '}');
    }
    json_close(o, ']');
}

/* Of a call that the policy refused, what was understood before. */
static void put_cost(struct explaining *e, struct json_out *o)
{
    const struct facts *f = &e->x.facts;
    const struct understood *u = &e->x.deciding.understood;
    bool known = f->cost_known || u->cost_known;
    const int64_t *worst = f->cost_known ? f->worst : u->worst;
    json_name(o, SPAN("cost"));
    json_open(o, '{');
    json_pair_bool(o, SPAN("known"), known);
    if (known) {
        json_pair_money(o, SPAN("most_usd"), worst[UNIT_USD]);
        json_pair_i64(o, SPAN("messages"), worst[UNIT_MESSAGES]);
        json_pair_i64(o, SPAN("tokens"), f->worst[UNIT_TOKENS]);
    }
    json_close(o, '}');
}

static void put_approval(struct explaining *e, struct json_out *o)
{
    json_name(o, SPAN("approval"));
    if (!e->approval) {
        json_put_null(o);
        return;
    }
    json_open(o, '{');
    json_pair(o, SPAN("rule"), e->approval->name);
    json_pair_bool(o, SPAN("approved"), e->approved);
    json_close(o, '}');
}

/* A refusal for want of what the vendor was not asked for is none yet. */
static bool depends(const struct explaining *e)
{
    enum err f = e->x.fault;
    return e->unread_count && (f == E_SCOPE_DENIED || f == E_PRICE_UNKNOWN || f == E_APPROVAL_REQUIRED);
}

static void put_verdict(struct explaining *e, struct json_out *o)
{
    struct exchange *x = &e->x;
    bool denied = x->fault != E_OK;
    json_pair(o, SPAN("verdict"), !denied ? SPAN("allowed") : depends(e) ? SPAN("depends") : SPAN("denied"));
    if (denied)
        prepare_denial(x);
    json_pair(o, SPAN("code"), denied ? err_code(x->fault) : SPAN_NONE);
    json_name(o, SPAN("status"));
    if (denied)
        json_put_i64(o, x->answering.status);
    else
        json_put_null(o);
    json_pair(o, SPAN("rule"), denied ? x->rule : SPAN_NONE);
    json_pair(o, SPAN("reason"), denied ? x->why : SPAN_NONE);
    json_pair_bool(o, SPAN("dry_run"), x->deciding.key && x->deciding.key->dry_run);
    json_pair_raw(o, SPAN("shadow"), shadow_verdict(x));
}

/* ---- the steps ---- */

/* What stands between `aim` and `price_call` in the pipeline. */
static bool decide_target(struct explaining *e)
{
    struct exchange *x = &e->x;
    return aim(x) == NEXT && direct(x) == NEXT && uncounted(x, allow) == NEXT && read_body(x) == NEXT && speak(x) == NEXT && understand(x) == NEXT &&
           look_without_reading(e) == NEXT && permit(x) == NEXT && qualify(x) == NEXT && uncounted(x, price_call) == NEXT && look_at_approvals(e) == NEXT;
}

/* The first target that can serve the call; of a race, the first to start. */
static bool decide(struct explaining *e, const struct key *key, struct span run)
{
    struct exchange *x = &e->x;
    if (x->fault != E_OK || read_target(x) != NEXT || take_key(e, key, run) != NEXT || match_operation(x) != NEXT || route(x) != NEXT)
        return false;
    x->desk->health = NULL; /* to ask is to take a breaker's probe */
    bool good = decide_target(e);
    while (!good && turn_unfit(x) == AIM)
        good = decide_target(e);
    return good;
}

static void put_planned(const struct planned *p, struct json_out *o)
{
    json_open(o, '{');
    json_pair(o, SPAN("target"), p->target->path);
    json_pair(o, SPAN("name"), p->target->name);
    json_pair(o, SPAN("provider"), p->target->provider);
    json_pair(o, SPAN("model"), p->target->model);
    json_pair_i64(o, SPAN("round"), (int64_t)p->round);
    json_pair_i64(o, SPAN("delay_ms"), p->delay_ms);
    json_pair_bool(o, SPAN("shadow"), p->shadow);
    json_pair(o, SPAN("why"), p->why);
    json_close(o, '}');
}

/* Those of one round run at once, rounds one after the other as the one before fails. */
static void put_route(struct explaining *e, struct json_out *o)
{
    const struct routing *r = &e->x.routing;
    json_name(o, SPAN("route"));
    if (!r->planned) {
        json_put_null(o);
        return;
    }
    json_open(o, '{');
    json_pair(o, SPAN("name"), r->name);
    json_pair(o, SPAN("mode"), r->route->target ? SPAN("single") : route_mode_name(r->route->mode));
    json_name(o, SPAN("plan"));
    json_open(o, '[');
    for (size_t i = 0; i < r->plan.count; i++)
        put_planned(&r->plan.list[i], o);
    json_close(o, ']');
    json_pair(o, SPAN("chosen"), r->target ? r->target->path : SPAN_NONE);
    json_pair(o, SPAN("left_out"), r->plan.skipped);
    json_pair(o, SPAN("skipped"), r->skipped.len ? buf_span(&r->skipped) : SPAN_NONE);
    json_pair(o, SPAN("without_effect"), r->route->notes);
    json_close(o, '}');
}

static void run_steps(struct explaining *e, const struct key *key, struct span run, struct json_out *o)
{
    bool fine = decide(e, key, run);
    json_open(o, '{');
    put_request(e, o);
    put_operation(e, o);
    put_route(e, o);
    put_objects(e, o);
    put_cost(e, o);
    put_budgets(e, o);
    put_approval(e, o);
    if (fine)
        try_budgets(e);
    put_verdict(e, o);
    json_close(o, '}');
}

static void try_snapshot(struct explaining *e, struct snapshot *trial)
{
    snapshot_drop(e->desk.snapshot);
    e->desk.snapshot = snapshot_keep(trial);
}

static bool set_up(struct explaining *e, struct gate *g, struct snapshot *trial)
{
    e->world = (struct world){ .self = e, .now_ms = now_ms, .monotonic_ns = monotonic_ns, .put_hold = put_hold, .put_note = put_note, .written = written };
    gate_lend(g, &e->desk);
    if (trial)
        try_snapshot(e, trial);
    e->desk.world = &e->world;
    e->desk.json = json_new();
    e->real = e->desk.ledger;
    e->trial = ledger_new();
    buf_init(&e->desk.scratch, (size_t)e->desk.snapshot->settings.limits.body_bytes + (1 << 20));
    call_ids_init(&e->desk.ids, 0, 0);
    return e->desk.json && e->trial;
}

static void tear_down(struct explaining *e)
{
    if (e->trial)
        ledger_free(e->trial);
    buf_free(&e->desk.scratch);
    json_free(e->desk.json);
    stop_set_drop(e->desk.stops);
    snapshot_drop(e->desk.snapshot);
    free(e);
}

static void explain_to(struct explaining *e, const struct key *key, const struct explain_request *r, struct json_out *o)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    struct span target = is_url(r->target) ? own_target(e->desk.snapshot, r->target, &a) : r->target;
    struct http_head head = { .method = r->method, .target = target.at ? target : r->target, .minor = 1, .fields = r->fields, .count = r->count, .length = (int64_t)r->body.len };
    exchange_begin(&e->x, &e->desk, NULL, &head, SPAN(""), NULL);
    buf_put(&e->x.asking.body, r->body);
    e->x.asking.body_whole = true;
    if (!target.at)
        (void)fail(&e->x, E_OPERATION_DENIED, "no vendor of this gate has this address");
    run_steps(e, key, r->run, o);
    exchange_free(&e->x);
    arena_free(&a);
}

enum err explain(struct gate *g, const struct explain_request *r, struct json_out *o)
{
    struct explaining *e = calloc(1, sizeof(*e));
    if (!e)
        return E_NO_MEMORY;
    enum err answer = set_up(e, g, r->snapshot) ? E_OK : E_NO_MEMORY;
    const struct key *key = answer ? NULL : snapshot_key_by_id(e->desk.snapshot, r->key);
    if (key)
        explain_to(e, key, r, o);
    else if (!answer)
        answer = E_NOT_FOUND;
    tear_down(e);
    return answer;
}
