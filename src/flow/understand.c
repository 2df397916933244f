/* SPDX-License-Identifier: Apache-2.0
 * understand.c - the body, where someone must read it, and what it means: model, scopes, parameters, and one canonical body, which is what
 * is judged and what is forwarded.
 *
 * Next to read: permit in admit.c. */
#include "flow/steps.h"

#include "flow/batch.h"
#include "flow/job_ask.h"
#include "flow/metered.h"
#include "flow/realtime.h"

/* ---- read_body: only if someone must read it ---- */

enum next gather_body(struct exchange *x, int64_t most)
{
    const struct world *w = x->desk->world;
    struct asking *q = &x->asking;
    struct span bytes;
    if (q->body_whole)
        return NEXT;
    if (q->length > most)
        return fail(x, E_TOO_LARGE, "the body has %lld bytes; at most %lld are read", (long long)q->length, (long long)most);
    if (q->length > 0 && q->body.len == 0)
        (void)buf_reserve(&q->body, (size_t)q->length);
    for (;;) {
        switch (w->read(x->caller, &bytes)) {
        case IO_BYTES:
            buf_put(&q->body, bytes);
            if (q->body.broken || (int64_t)q->body.len > most)
                return fail(x, E_TOO_LARGE, "the body is larger than the %lld bytes that are read", (long long)most);
            break;
        case IO_END:
            q->body_whole = true;
            return NEXT;
        case IO_WAIT:
            return WAIT;
        case IO_FAILED:
            return fail(x, w->read_fault(x->caller), "the body did not arrive whole");
        }
    }
}

/* A shadow policy looks at what the one in force looks at, and more. */
static bool policies_want_body(const struct exchange *x)
{
    const struct key *key = x->deciding.key;
    return policy_wants_body(key->policy, x->facts.operation) || (key->shadow && policy_wants_body(key->shadow, x->facts.operation));
}

enum next read_body(struct exchange *x)
{
    const struct operation *op = operation_of(x);
    const struct vendor *v = &x->deciding.upstream->vendor;
    struct asking *q = &x->asking;
    if (q->body_whole)
        return NEXT;
    q->opaque = !op->reads_body && !x->deciding.dialect && !vendor_signs(v) && !v->secret_in_body && !v->key_in_body && !policies_want_body(x) && !batch_wants_body(x);
    return q->opaque ? NEXT : gather_body(x, x->snapshot->settings.limits.body_bytes);
}

/* ---- understand: model, scopes, parameters, one canonical body ---- */

/* What is counted for an object is looked for among what this credential's calls made. */
static int64_t counted(void *self, struct span object_id)
{
    const struct exchange *x = self;
    struct made_object found;
    if (!made_find(x->desk->made, x->facts.vendor, x->deciding.credential->name, object_id, NULL, &found))
        return 0;
    bool own = x->doubt && x->doubt->late && span_is(x->doubt->object, object_id);
    return own ? found.counted - x->doubt->counted : found.counted; /* by others: its own is what is asked for */
}

/* Whoever pins objects, holds calls for them or has rates of exchange needs to know what is behind an id. For the rest the request's own word
 * is enough where it bounds the cost: each read is a question to the vendor, which has limits of its own. */
static bool objects_are_needed(const struct exchange *x)
{
    const struct key *key = x->deciding.key;
    const struct upstream *u = x->deciding.upstream;
    if (x->doubt && x->doubt->late)
        return false;
    if (key->policy->approval_count || policy_pins(key->policy, x->facts.vendor) || (key->shadow && policy_pins(key->shadow, x->facts.vendor)))
        return true;
    return x->facts.moves_money && (u->always_reads || x->snapshot->fx || node_get(u->settings, "fx"));
}

static bool objects_are_missed(struct exchange *x)
{
    bool late = x->doubt && x->doubt->late;
    return operation_of(x)->objects && x->facts.moves_money && !late && (!x->deciding.understood.cost_known || budgets_depend_on_objects(x));
}

struct asked asked_of(struct exchange *x)
{
    return (struct asked){
        .vendor = &x->deciding.upstream->vendor,
        .matched = &x->deciding.matched,
        .head = x->asking.head,
        .query = x->asking.query,
        .body = buf_span(&x->asking.body),
        .account = x->deciding.credential->secret.account,
        .settings = x->deciding.upstream->settings,
        .fx = x->snapshot->fx,
        .read_objects = x->consulting.needed,
        .objects = x->consulting.objects,
        .object_count = x->consulting.count,
        .counted = counted,
        .counter = x,
        .leave_body = is_llm(x) && !policies_want_body(x),
    };
}

/* What the vendor's own path says of a call: the model, and whether it streams. */
static void read_path_of_ask(struct exchange *x)
{
    struct span model = vendor_path_model(&x->deciding.matched, &x->arena);
    if (!model.at)
        return;
    x->deciding.ask.model = model;
    x->deciding.ask.stream = x->deciding.ask.stream || operation_of(x)->streams; /* Azure's path does not say it, its body does */
}

static enum next understand_llm(struct exchange *x)
{
    const char *why = "";
    if (x->doubt && x->doubt->late)
        return metered_revive(x);
    if (realtime_is(x))
        return realtime_understand(x);
    if (x->speaking.front && !x->speaking.heard) { /* it was read to find the vendor */
        x->facts.model = x->speaking.model.at ? x->speaking.model : x->deciding.ask.model;
        return job_calls_nobody(x);
    }
    enum err e = metered_read_ask(x, &why);
    if (e != E_OK)
        return fail(x, e, "the body cannot be read: %s", why);
    read_path_of_ask(x);
    speak_ask(x);
    if (!x->deciding.ask.model.at || x->deciding.ask.model.len == 0)
        return fail(x, E_BAD_REQUEST, "model: missing; the name of a model is expected");
    x->facts.model = x->deciding.ask.model;
    return job_calls_nobody(x);
}

/* A dialect has already read an LLM body; the manifest's engine is only asked when a rule or a query needs it. */
static bool engine_must_look(const struct exchange *x)
{
    return !is_llm(x) || x->asking.query.len > 0 || policies_want_body(x);
}

/* What a read costs may depend on what it asks for; where that cannot be told it is taken to cost something. */
static bool is_billed(const struct exchange *x)
{
    const struct understood *u = &x->deciding.understood;
    return !x->facts.writes && x->facts.moves_money && (!u->cost_known || u->worst[UNIT_USD] > 0 || u->worst[UNIT_MESSAGES] > 0);
}

enum next engine_looks(struct exchange *x)
{
    struct understood *u = &x->deciding.understood;
    struct span why = SPAN_NONE;
    struct asked asked = asked_of(x);
    enum err e = vendor_understand(x->desk->json, &asked, &x->arena, u, &why);
    if (e != E_OK)
        return fail_span(x, e, why);
    x->facts.scopes = u->scopes;
    x->facts.scope_count = u->scope_count;
    x->facts.scopes_unresolved = u->scopes_unresolved;
    x->facts.parameters = u->parameters;
    x->facts.parameter_count = u->parameter_count;
    x->deciding.body = u->body;
    x->facts.moves_money = vendor_moves_money(operation_of(x), u);
    x->facts.billed = is_billed(x);
    return x->arena.broken ? fail(x, E_TOO_LARGE, "this call needs more memory than a call may have") : NEXT;
}

enum next understand(struct exchange *x)
{
    if (is_llm(x) && understand_llm(x) == STOP)
        return STOP;
    x->consulting.needed = objects_are_needed(x);
    if (engine_must_look(x) && engine_looks(x) == STOP)
        return STOP;
    if (!x->consulting.needed && objects_are_missed(x)) {
        x->consulting.needed = true;
        if (engine_looks(x) == STOP)
            return STOP;
    }
    if (is_llm(x))
        x->deciding.body = buf_span(&x->asking.body);
    return x->arena.broken ? fail(x, E_TOO_LARGE, "this call needs more memory than a call may have") : NEXT;
}
