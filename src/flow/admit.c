/* SPDX-License-Identifier: Apache-2.0
 * admit.c - the steps that decide whether a call may be made: everything before money.
 *
 * Next to read: reserve.c. */
#include "flow/steps.h"

#include <stdatomic.h>

#include "base/text.h"
#include "flow/batch.h"
#include "flow/job_ask.h"
#include "flow/metered.h"
#include "flow/realtime.h"
#include "rules/call_label.h"
#include "rules/row.h"
#include "rules/token.h"

enum { METADATA_MAX = 4096, STEP_MAX = 128 };

/* ---- read_target: which vendor, which run, one canonical path ----
 *
 * Our own prefixes are cut from the bytes that came, before the vendor's path is brought to its canonical form: an SDK whose
 * base URL ends in a slash sends "/resend//emails", and that run of slashes is the beginning of Resend's path. */

/* "/r/<run>/rest" names the run for callers that cannot set a header. */
static enum next cut_run(struct exchange *x, struct span *path)
{
    struct span rest = span_from(*path, 3), run;
    if (!span_starts(*path, SPAN("/r/")))
        return NEXT;
    if (!span_cut(&rest, '/', &run) || !run_id_ok(run))
        return fail(x, E_BAD_REQUEST, "the path begins with /r/ but no run id follows; allowed: /r/<run>/<path>");
    *path = span_make(rest.at - 1, rest.len + 1);
    x->facts.run = run;
    return NEXT;
}

static const struct upstream *upstream_by_host(const struct snapshot *s, struct span host)
{
    struct span label;
    return span_cut(&host, '.', &label) ? snapshot_upstream(s, label) : NULL;
}

static const struct upstream *upstream_by_prefix(const struct snapshot *s, struct span *path)
{
    struct span rest = span_from(*path, 1), slug;
    if (!span_cut(&rest, '/', &slug))
        return NULL;
    const struct upstream *u = snapshot_upstream(s, slug);
    if (u)
        *path = span_make(rest.at - 1, rest.len + 1);
    return u;
}

/* Three of the four ways of finding the vendor; the fourth, by the key, is match_operation's. */
static const struct upstream *find_upstream(const struct exchange *x, struct span *path)
{
    const struct upstream *u;
    if (x->tag && (u = snapshot_upstream(x->snapshot, span_of(x->tag))))
        return u;
    if ((u = upstream_by_host(x->snapshot, http_get(x->asking.head, SPAN("host")))))
        return u;
    return upstream_by_prefix(x->snapshot, path);
}

static enum next read_run_header(struct exchange *x)
{
    struct span run = http_get(x->asking.head, SPAN("x-agent-run-id"));
    if (!run.at)
        return NEXT;
    if (!run_id_ok(run))
        return fail(x, E_BAD_REQUEST, "x-agent-run-id: allowed are 1 to 128 characters of A-Z a-z 0-9 _ - : . / @");
    if (x->facts.run.at && !span_is(run, x->facts.run))
        return fail(x, E_BAD_REQUEST, "the run id in the path and in x-agent-run-id differ");
    x->facts.run = run;
    return NEXT;
}

static enum next read_metadata(struct exchange *x)
{
    struct span text = http_get(x->asking.head, SPAN("x-tollgate-metadata"));
    struct json_value root;
    const char *why = "";
    if (!text.at)
        text = http_get(x->asking.head, SPAN("x-portkey-metadata"));
    if (!text.at)
        return NEXT;
    if (text.len > METADATA_MAX)
        return fail(x, E_TOO_LARGE, "x-tollgate-metadata: at most %d bytes are allowed", METADATA_MAX);
    if (json_parse(x->desk->json, text, false, &root, &why) != E_OK || json_kind(root) != JSON_OBJECT)
        return fail(x, E_BAD_REQUEST, "x-tollgate-metadata: a JSON object is expected (%s)", why);
    buf_clear(&x->desk->scratch);
    json_print(root, &x->desk->scratch);
    x->asking.metadata = arena_copy(&x->arena, buf_span(&x->desk->scratch));
    return NEXT;
}

/* What decides who pays for what must not be said twice: another reader might take the other one. */
static enum next refuse_repeats(struct exchange *x)
{
    static const struct span once[] = { { "authorization", 13 }, { "x-api-key", 9 }, { "api-key", 7 }, { "x-goog-api-key", 14 },
        { "x-portkey-api-key", 17 }, { "x-agent-run-id", 14 }, { "x-agent-step", 12 }, { "idempotency-key", 15 },
        { "content-type", 12 }, { "x-tollgate-max-cost-usd", 23 }, { "x-tollgate-metadata", 19 } };
    for (size_t i = 0; i < sizeof(once) / sizeof(once[0]); i++)
        if (http_count(x->asking.head, once[i]) > 1)
            return fail(x, E_NOT_CANONICAL, "the field %.*s is given more than once", SPAN_ARG(once[i]));
    return NEXT;
}

static enum next read_own_headers(struct exchange *x)
{
    const struct http_head *h = x->asking.head;
    if (refuse_repeats(x) == STOP)
        return STOP;
    struct span max = http_get(h, SPAN("x-tollgate-max-cost-usd"));
    if (max.at && (!money_parse(max, &x->asking.max_cost) || x->asking.max_cost < 0))
        return fail(x, E_BAD_REQUEST, "x-tollgate-max-cost-usd: found \"%.*s\"; a decimal number of dollars is expected",
            SPAN_ARG(span_first(max, 40)));
    x->facts.step = http_get(h, SPAN("x-agent-step"));
    if (x->facts.step.len > STEP_MAX || !text_is_utf8(x->facts.step))
        return fail(x, E_BAD_REQUEST, "x-agent-step: at most %d bytes of UTF-8 are allowed", STEP_MAX);
    x->asking.idempotency = http_get(h, SPAN("idempotency-key")); /* a vendor may have a name of its own for it: match_operation */
    if (read_run_header(x) == STOP || !portkey_read(x))
        return STOP;
    return read_metadata(x);
}

enum next read_target(struct exchange *x)
{
    const char *why = "";
    if (!x->asking.head)
        return fail(x, E_NO_MEMORY, "no memory for this call");
    if (x->desk->draining)
        return fail(x, E_DRAINING, "the gate is shutting down; try again");
    struct span rest = x->asking.path = x->asking.head->target;
    if (cut_run(x, &rest) == STOP)
        return STOP;
    x->deciding.upstream = find_upstream(x, &rest);
    if (x->deciding.upstream)
        x->facts.vendor = x->deciding.upstream->vendor.slug;
    x->asking.prefix = span_first(x->asking.head->target, x->asking.head->target.len - rest.len);
    enum err e = canon_target(&x->arena, rest, &x->asking.path, &x->asking.query, &why);
    if (e != E_OK) {
        x->asking.path = rest;
        return fail(x, e, "the path cannot be taken as it is: %s", why);
    }
    return read_own_headers(x);
}

/* ---- identify: whose key is this? ---- */

static struct span presented_key(struct exchange *x)
{
    struct span token = SPAN_NONE;
    if (x->deciding.upstream)
        token = vendor_presented_key(&x->deciding.upstream->vendor, x->asking.head, x->asking.query, &x->arena);
    return token.at ? token : vendor_any_presented_key(x->asking.head, x->asking.query, &x->arena);
}

/* "<key>.<run>" in place of the key, for SDKs that can set neither header nor path. */
static const struct key *key_with_run(struct exchange *x, struct span token, int64_t *until)
{
    struct span head, run;
    token_split_run(token, &head, &run);
    const struct key *key = run.at && run_id_ok(run) ? snapshot_key(x->snapshot, head, until) : NULL;
    if (!key)
        return NULL;
    if (!x->facts.run.at)
        x->facts.run = run;
    return span_is(run, x->facts.run) ? key : NULL;
}

static enum next unknown_key(struct exchange *x, struct span token)
{
    if (!token.at)
        return fail(
            x, E_KEY_UNKNOWN, "no key was presented; put the gate's key (tg_...) where your SDK puts the vendor's secret");
    if (token_is_ours(token) && !token_checksum_fits(token))
        return fail(x, E_KEY_UNKNOWN, "this key is damaged: its checksum does not fit (was it cut or mistyped?)");
    return fail(x, E_KEY_UNKNOWN, "this key is not known here");
}

/* Where SDKs put the secret into the body, that is read before anyone is known: little of it, then. */
static enum next read_for_key(struct exchange *x)
{
    enum { STRANGER_MOST = 1 << 20 };
    const struct upstream *u = x->deciding.upstream;
    if (!u || !u->vendor.key_in_body || x->asking.body_whole)
        return NEXT;
    if (x->asking.length > STRANGER_MOST)
        return fail(x, E_TOO_LARGE, "a body of more than %d bytes is not read for a key; put the key into a header", STRANGER_MOST);
    return gather_body(x, STRANGER_MOST);
}

static struct span key_in_body(struct exchange *x)
{
    const struct upstream *u = x->deciding.upstream;
    if (!u || !u->vendor.key_in_body)
        return SPAN_NONE;
    return vendor_body_key(x->desk->json, &u->vendor, x->asking.head, buf_span(&x->asking.body), &x->arena);
}

/* Whoever pressed the button sees that what still comes is refused. */
static enum next refuse_revoked(struct exchange *x)
{
    const struct stop *stop = stop_set_match(x->desk->stops, &x->facts, x->times.began_ms);
    if (stop)
        atomic_fetch_add_explicit(stop->refused, 1, memory_order_relaxed);
    return fail(x, E_KEY_REVOKED, "this key was revoked");
}

enum next identify(struct exchange *x)
{
    int64_t until = 0;
    struct span token = presented_key(x);
    if (!token.at) {
        enum next next = read_for_key(x);
        if (next != NEXT)
            return next;
        token = key_in_body(x);
    }
    const struct key *key = token.at ? snapshot_key(x->snapshot, token, &until) : NULL;
    if (!key && token.at)
        key = key_with_run(x, token, &until);
    if (!key)
        return unknown_key(x, token);
    x->deciding.key = key;
    x->facts.key_id = key->id;
    x->facts.workspace = key->workspace;
    x->facts.user = key->user;
    x->facts.team = key->team;
    if (key->revoked_at)
        return refuse_revoked(x);
    if ((key->expires_at && x->times.began_ms >= key->expires_at) || (until && x->times.began_ms >= until))
        return fail(x, E_KEY_EXPIRED, "this key has expired");
    return NEXT;
}

/* ---- match_operation: what does it do? ---- */

/* A bare path is the business of the vendors that the key has credentials for. One match is clear; several LLM vendors
 * speaking one dialect mean the first of the key's credentials; anything else could be read in two ways. */
static enum next match_by_key(struct exchange *x)
{
    const struct key *key = x->deciding.key;
    const struct upstream *found = NULL;
    struct matched hit;
    for (size_t i = 0; i < key->credential_count; i++) {
        const struct upstream *u = key->credentials[i]->upstream;
        if (u == found || !vendor_match(&u->vendor, x->asking.head->method, x->asking.path, &hit))
            continue;
        if (!found) {
            found = u;
            x->deciding.matched = hit;
        } else if (!hit.operation->dialect.at) {
            return fail(x, E_NOT_CANONICAL, "this path belongs to %.*s and to %.*s; put the vendor before it: /%.*s%.*s",
                SPAN_ARG(found->vendor.slug), SPAN_ARG(u->vendor.slug), SPAN_ARG(found->vendor.slug), SPAN_ARG(x->asking.path));
        }
    }
    x->deciding.upstream = found ? found : key->bound;
    if (x->deciding.upstream)
        x->facts.vendor = x->deciding.upstream->vendor.slug;
    return NEXT;
}

/* One path, many operations: the body says which. */
static enum next refine(struct exchange *x)
{
    struct deciding *d = &x->deciding;
    struct span why = SPAN_NONE;
    if (!operation_of(x) || !operation_of(x)->fields)
        return NEXT;
    enum next next = gather_body(x, x->snapshot->settings.limits.body_bytes);
    if (next != NEXT)
        return next;
    enum err e = vendor_refine(x->desk->json, &d->upstream->vendor, buf_span(&x->asking.body), &x->arena, &d->matched, &why);
    return e == E_OK ? NEXT : fail_span(x, e, why);
}

void note_operation(struct exchange *x)
{
    const struct operation *op = operation_of(x);
    x->facts.operation = op->name;
    x->facts.writes = op->writes;
    x->facts.secret = op->secret;
    x->facts.moves_money = op->moves_money;
    x->facts.refund = op->refund;
    x->facts.billed = false;
}

/* A vendor may have a name of its own for the idempotency key. */
static enum next name_once(struct exchange *x)
{
    struct span once = x->deciding.upstream->vendor.once;
    if (!once.at)
        return NEXT;
    if (http_count(x->asking.head, once) > 1)
        return fail(x, E_NOT_CANONICAL, "the field %.*s is given more than once", SPAN_ARG(once));
    if (!x->asking.idempotency.at)
        x->asking.idempotency = http_get(x->asking.head, once);
    return NEXT;
}

/* The gate's own paths for each dialect, where the key has an LLM vendor behind them, and nothing else offers the same path. */
static bool comes_to_front(struct exchange *x)
{
    struct speaking *s = &x->speaking;
    const struct key *key = x->deciding.key;
    const struct upstream *u = x->deciding.upstream;
    bool llm = u && u->llm;
    if (u && !llm)
        return false;
    const struct front *f = front_match(x->asking.head->method, x->asking.path, &s->model_in_path);
    if (!f || (u && operation_of(x)))
        return false;
    for (size_t i = 0; !u && i < key->credential_count; i++) {
        const struct upstream *offers = key->credentials[i]->upstream;
        struct matched hit;
        if (!offers->llm && vendor_match(&offers->vendor, x->asking.head->method, x->asking.path, &hit))
            return false;
        llm = llm || offers->llm;
    }
    s->front = llm ? f : NULL;
    s->dialect = llm ? dialect_find(span_of(f->dialect)) : NULL;
    return llm;
}

enum next match_operation(struct exchange *x)
{
    const struct http_head *h = x->asking.head;
    if (x->deciding.upstream)
        (void)vendor_match(&x->deciding.upstream->vendor, h->method, x->asking.path, &x->deciding.matched);
    if (comes_to_front(x))
        return NEXT;
    if (!x->deciding.upstream) {
        if (match_by_key(x) == STOP)
            return STOP;
    }
    const struct operation *op = operation_of(x);
    if (!x->deciding.upstream)
        return fail(x, E_OPERATION_DENIED,
            "no vendor is named by this path and this key is bound to several; put one before it: /<vendor>%.*s",
            SPAN_ARG(span_first(x->asking.path, 200)));
    if (!op && x->asking.path.len > 1 && span_ends(x->asking.path, SPAN("/")))
        return fail(x, E_NOT_CANONICAL, "the path ends with a slash");
    if (!op)
        return fail(x, E_OPERATION_DENIED,
            "%.*s %.*s is no operation of %.*s that this gate knows; unknown operations are refused", SPAN_ARG(h->method),
            SPAN_ARG(span_first(x->asking.path, 200)), SPAN_ARG(x->facts.vendor));
    enum next next = refine(x);
    if (next != NEXT)
        return next;
    note_operation(x);
    x->deciding.dialect = x->deciding.upstream->dialects[operation_of(x)->index];
    return name_once(x);
}

/* ---- allow: stops, address, policy ---- */

static const char *const stop_words[STOP_KINDS] = { "everything", "this workspace", "this key", "this run", "this vendor", "this link" };

/* Whoever is refused shall know what still passes, and when to come back. */
static enum next fail_stopped(struct exchange *x, const struct stop *stop)
{
    char end[TIME_TEXT];
    struct span until = stop->expires_at ? text_time(stop->expires_at, end) : SPAN_NONE;
    bool bill = stop->writes_only && !x->facts.writes;
    return fail(x, E_STOPPED, "an operator stopped %s%s%s%s%.*s%s%.*s", stop->writes_only ? "writes of " : "", stop_words[stop->kind],
        bill ? ", and what is billed with them, as this read is" : "", until.len ? " until " : "", SPAN_ARG(until), stop->reason.len ? ": " : "", SPAN_ARG(stop->reason));
}

bool stopped_now(struct exchange *x)
{
    const struct stop *stop = stop_set_match(x->desk->stops, &x->facts, x->desk->world->now_ms(x->desk->world->self));
    if (!stop)
        return false;
    atomic_fetch_add_explicit(stop->refused, 1, memory_order_relaxed);
    if (stop->code == E_KEY_REVOKED)
        (void)fail(x, E_KEY_REVOKED, "this key was revoked");
    else
        (void)fail_stopped(x, stop);
    return true;
}

static bool address_allowed(const struct key *key, struct span peer)
{
    for (size_t i = 0; i < key->network_count; i++)
        if (network_has(&key->networks[i], peer))
            return true;
    return key->network_count == 0;
}

/* What the key says of itself, and what the call adds to it. */
static enum next read_tags(struct exchange *x)
{
    const struct key *key = x->deciding.key;
    struct json_value metadata = { 0 };
    const char *why = "";
    x->facts.tags = key->tags;
    x->facts.tag_count = key->tag_count;
    x->asking.label = key->label;
    if (!x->asking.metadata.at)
        return NEXT;
    enum err e = json_parse(x->desk->json, x->asking.metadata, false, &metadata, &why);
    if (e == E_OK)
        e = tags_read(metadata, key->tags, key->tag_count, &x->arena, &x->facts.tags, &x->facts.tag_count, &why);
    if (e != E_OK)
        return fail(x, e, "x-tollgate-metadata: %s", why);
    x->asking.label = call_label_join(key->label, tag_find(x->facts.tags, x->facts.tag_count, SPAN("label")), &x->arena);
    return NEXT;
}

enum next may_come(struct exchange *x)
{
    return stopped_now(x) || read_tags(x) == STOP ? STOP : come_from_there(x);
}

enum next come_from_there(struct exchange *x)
{
    if (address_allowed(x->deciding.key, x->asking.peer))
        return NEXT;
    tell_address(x);
    return fail(x, E_ADDRESS_DENIED, "this key may not be used from %.*s", SPAN_ARG(x->asking.peer));
}

enum next allow(struct exchange *x)
{
    const struct key *key = x->deciding.key;
    struct span why = SPAN_NONE;
    if (may_come(x) == STOP)
        return STOP;
    enum err e = operation_of(x)->grants ? E_OK : policy_operation(key->policy, &x->facts, &x->arena, &why);
    if (e != E_OK)
        return fail_span(x, e, why);
    if (!portkey_host_fits(x))
        return STOP;
    return first_account(x);
}

/* ---- grant: SDKs that fetch a token first get the key that they presented ---- */

enum next grant(struct exchange *x)
{
    struct answering *a = &x->answering;
    if (!operation_of(x)->grants)
        return NEXT;
    a->fields = ARENA_NEW(&x->arena, struct http_field);
    if (!a->fields)
        return fail(x, E_TOO_LARGE, "this call needs more memory than a call may have");
    *a->fields = (struct http_field){ SPAN("content-type"), SPAN("application/json") };
    a->field_count = 1;
    a->status = 200;
    vendor_grant(presented_key(x), &a->body);
    return STOP;
}

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

/* ---- permit: may this key do that with these objects and values? ---- */

enum next permit(struct exchange *x)
{
    const struct policy *p = x->deciding.key->policy;
    struct span why = SPAN_NONE;
    enum err e = E_OK;
    if (x->facts.model.at)
        e = policy_model(p, &x->facts, &x->arena, &why);
    if (e == E_OK && !x->deciding.understood.wanted.name.at) /* else it is not known yet what is touched */
        e = policy_scopes(p, &x->facts, &x->arena, &why);
    if (e == E_OK)
        e = policy_parameters(p, &x->facts, &x->arena, &why);
    return e == E_OK ? NEXT : fail_span(x, e, why);
}

enum next permit_objects(struct exchange *x)
{
    struct span why = SPAN_NONE;
    if (!x->consulting.count)
        return NEXT;
    enum err e = policy_scopes(x->deciding.key->policy, &x->facts, &x->arena, &why);
    return e == E_OK ? NEXT : fail_span(x, e, why);
}
