/* SPDX-License-Identifier: Apache-2.0
 * hooks.c - the life of a vendor's call to us: POST /hooks/<vendor>/<credential>, a dispute, a late refund, a text that was
 * delivered.
 *
 * Only what the vendor signed is taken, each event once. It is noted as a row of its own (kind event) of the call that made what
 * it is about, with that call's run, key, user and label, so that what happens after a run stands in the run's bill, and in the
 * sums in which the call is; a price that may be known now is asked for. It is never a call: it reserves nothing and no cap holds
 * it up, since what it tells of has happened. A callback of which the gate took the agent's place is carried on.
 *
 * The steps stand in pipeline.c; finish.c's record and answer do the rest. */
#include "flow/steps.h"

#include "base/log.h"
#include "base/text.h"
#include "flow/callback.h"
#include "rules/row.h"

enum { HOOK_MOST = 1 << 20 };
#define CARRY_MS (INT64_C(24) * 60 * 60 * 1000)

/* ---- read_hook: whose is it? ---- */

static const struct credential *credential_of(const struct snapshot *s, struct span vendor, struct span name)
{
    for (size_t i = 0; i < s->credential_count; i++) {
        const struct credential *c = &s->credentials[i];
        if (span_is(c->name, name) && span_is(c->upstream->vendor.slug, vendor) && !c->disabled)
            return c;
    }
    return NULL;
}

enum next read_hook(struct exchange *x)
{
    struct hooking *h = &x->hooking;
    struct span rest = x->asking.head->target, vendor, name, query = SPAN_NONE;
    ptrdiff_t mark = span_find_byte(rest, '?');
    if (mark >= 0) {
        query = span_from(rest, (size_t)mark + 1);
        rest = span_first(rest, (size_t)mark);
    }
    x->asking.path = rest;
    x->asking.query = query;
    rest = span_from(rest, sizeof("/hooks/") - 1);
    if (!span_is(x->asking.head->method, SPAN("POST")))
        return fail(x, E_BAD_REQUEST, "vendors call back by POST");
    if (!span_cut(&rest, '/', &vendor))
        return fail(x, E_NOT_FOUND, "a vendor calls /hooks/<vendor>/<credential>");
    name = rest;
    h->credential = credential_of(x->snapshot, vendor, name);
    if (!h->credential || !h->credential->upstream->vendor.hooked)
        return fail(x, E_NOT_FOUND, "no credential of this name and vendor takes calls from its vendor");
    x->facts.vendor = h->credential->upstream->vendor.slug;
    return gather_body(x, HOOK_MOST);
}

/* ---- verify_hook: did the vendor sign it? ---- */

static struct span url_of(struct exchange *x)
{
    const struct settings *s = &x->snapshot->settings;
    if (s->public_url.at)
        return arena_print(&x->arena, "%.*s%.*s", SPAN_ARG(s->public_url), SPAN_ARG(x->asking.head->target));
    return arena_print(&x->arena, "%s://%.*s%.*s", s->tls_cert.at ? "https" : "http",
        SPAN_ARG(http_get(x->asking.head, SPAN("host"))), SPAN_ARG(x->asking.head->target));
}

static struct hook_request request_of(struct exchange *x)
{
    const struct vendor_secret *s = &x->hooking.credential->secret;
    return (struct hook_request){ .head = x->asking.head,
        .body = buf_span(&x->asking.body),
        .url = url_of(x),
        .query = x->asking.query.at ? x->asking.query : SPAN(""),
        .secret = s->hook_secret.at ? s->hook_secret : s->secret,
        .now_ms = x->times.began_ms };
}

enum next verify_hook(struct exchange *x)
{
    struct hooking *h = &x->hooking;
    const struct upstream *u = h->credential->upstream;
    struct hook_request r = request_of(x);
    const char *why = "";
    enum err e = vendor_hook_verify(&u->vendor, &r, &x->arena, &why);
    if (e == E_OK)
        e = vendor_hook_read(x->desk->json, &u->vendor, &r, u->settings, x->snapshot->fx, &x->arena, &h->event, &why);
    if (e != E_OK)
        return fail(x, e, "%.*s: %s", SPAN_ARG(x->facts.vendor), why);
    if (!callback_read(x->snapshot, x->asking.query, &x->arena, &h->call, &h->agents))
        return fail(x, E_BAD_REQUEST, "this address was not made by the gate");
    return NEXT;
}

/* ---- attribute_hook: of which call? ---- */

/* What the vendor tells twice is taken once. */
static struct span event_name(struct exchange *x)
{
    return arena_print(&x->arena, "event %.*s", SPAN_ARG(x->hooking.event.id));
}

static bool told_before(struct exchange *x)
{
    struct made_object found;
    return x->hooking.event.id.len &&
           made_find(x->desk->made, x->facts.vendor, x->hooking.credential->name, event_name(x), NULL, &found);
}

enum next attribute_hook(struct exchange *x)
{
    struct hooking *h = &x->hooking;
    h->again = told_before(x);
    for (size_t i = 0; i < h->event.object_count && !h->known; i++) {
        h->known = made_find(x->desk->made, x->facts.vendor, h->credential->name, h->event.objects[i], &x->arena, &h->of);
        h->own = h->known && i == 0; /* what a call of ours made is counted by that call */
    }
    if (h->known)
        h->call = h->of.call;
    x->facts.workspace = h->of.workspace;
    x->facts.key_id = h->of.key;
    x->facts.user = h->of.user;
    x->asking.label = h->of.label;
    x->facts.run = h->of.run;
    x->facts.step = h->of.step;
    x->facts.operation = h->of.operation;
    return STOP;
}

/* ---- afterwards ---- */

/* SPAN_NONE in run and key: nobody's. */
static void write_event(struct exchange *x, nano_usd cost)
{
    const struct hooking *h = &x->hooking;
    const struct hook_event *e = &h->event;
    struct buf about;
    struct row_out o = row_out(&x->desk->scratch);
    row_number(&o, ROW_ID, (int64_t)x->id);
    row_number(&o, ROW_AT, x->times.began_ms);
    row_text(&o, ROW_KIND, SPAN("event"));
    if (h->call)
        row_number(&o, ROW_OF, (int64_t)h->call);
    row_text(&o, ROW_WORKSPACE, x->facts.workspace);
    row_text(&o, ROW_KEY, x->facts.key_id);
    row_text(&o, ROW_USER, x->facts.user);
    row_text(&o, ROW_RUN, x->facts.run);
    row_text(&o, ROW_STEP, x->facts.step);
    row_text(&o, ROW_VENDOR, x->facts.vendor);
    row_text(&o, ROW_OPERATION, x->facts.operation);
    row_text(&o, ROW_CREDENTIAL, h->credential->name);
    row_text(&o, ROW_LABEL, x->asking.label);
    row_text(&o, ROW_OUTCOME, e->kind);
    row_text(&o, ROW_ACTOR, SPAN("vendor"));
    row_text(&o, ROW_ACTION, span_first(e->type, 100));
    row_text(&o, ROW_OBJECT, span_first(e->id, 200));
    row_text(&o, ROW_VERDICT, SPAN("allowed"));
    row_number(&o, ROW_STATUS, 200);
    row_number(&o, ROW_COST, cost);
    row_number(&o, ROW_SETTLED, true);
    buf_init(&about, 4096);
    struct json_out j = json_out(&about);
    json_open(&j, '{');
    json_pair(&j, SPAN("type"), span_first(e->type, 100));
    json_name(&j, SPAN("objects"));
    json_open(&j, '[');
    for (size_t i = 0; i < e->object_count; i++)
        json_put_string(&j, span_first(e->objects[i], 200));
    json_close(&j, ']');
    if (e->cost_known)
        json_pair_money(&j, SPAN("moved_usd"), e->usd);
    json_pair_bool(&j, SPAN("counted"), cost != 0);
    json_close(&j, '}');
    row_text(&o, ROW_EVENT, buf_span(&about));
    buf_free(&about);
}

static void note_event(struct exchange *x)
{
    const struct hooking *h = &x->hooking;
    const struct world *w = x->desk->world;
    struct made_object by = { .call = x->id, .at = x->times.began_ms };
    if (!made_add(x->desk->made, x->facts.vendor, h->credential->name, event_name(x), &by) && h->event.id.len)
        return; /* the same one is being noted by another worker at this moment */
    nano_usd cost = h->event.cost_known && !h->own ? h->event.usd : 0;
    buf_clear(&x->desk->scratch);
    write_event(x, cost);
    struct journal_row row = { .call = x->id,
        .at = x->times.began_ms,
        .kind = ROW_IS_EVENT,
        .of = h->call,
        .verdict = VERDICT_ALLOWED,
        .status = 200,
        .settled = true,
        .cost = cost,
        .workspace = x->facts.workspace,
        .key = x->facts.key_id,
        .run = x->facts.run,
        .step = x->facts.step,
        .vendor = x->facts.vendor,
        .operation = x->facts.operation,
        .user = x->facts.user,
        .row = buf_span(&x->desk->scratch) };
    if (x->desk->scratch.broken || w->put_row(w->self, &row) != E_OK) { /* the vendor sends it again */
        x->answering.status = 503;
        made_forget(x->desk->made, x->facts.vendor, h->credential->name, event_name(x));
    }
}

/* To where the agent wanted it: through the outbox, which tries again. */
static void carry_on(struct exchange *x)
{
    const struct hooking *h = &x->hooking;
    const struct world *w = x->desk->world;
    struct hook_request r = request_of(x);
    struct http_field fields[2];
    size_t count = vendor_hook_sign(&h->credential->upstream->vendor, h->agents, r.body, r.secret, &x->arena, fields);
    struct digest name = digest_sha256(r.body);
    buf_clear(&x->desk->scratch);
    struct json_out o = json_out(&x->desk->scratch);
    json_open(&o, '{');
    json_pair(&o, SPAN("event"), SPAN("callback"));
    json_pair_time(&o, SPAN("at"), x->times.began_ms);
    json_pair(&o, SPAN("url"), h->agents);
    json_pair(&o, SPAN("content_type"), http_get(x->asking.head, SPAN("content-type")));
    json_name(&o, SPAN("fields"));
    json_open(&o, '{');
    for (size_t i = 0; i < count; i++)
        json_pair(&o, fields[i].name, fields[i].value);
    json_close(&o, '}');
    json_pair(&o, SPAN("body"), r.body);
    json_close(&o, '}');
    struct journal_note note = { .what = NOTE_ALERT,
        .call = x->id,
        .at = x->times.began_ms,
        .until = x->times.began_ms + CARRY_MS,
        .name = arena_print(&x->arena, "callback/%016llx%08llx", (unsigned long long)h->call,
            (unsigned long long)span_hash(span_make((const char *)name.bytes, DIGEST_LEN), 0)),
        .bytes = buf_span(&x->desk->scratch) };
    if (x->desk->scratch.broken || w->put_note(w->self, &note) != E_OK)
        x->answering.status = 503;
}

enum next record_hook(struct exchange *x)
{
    const struct hooking *h = &x->hooking;
    const struct world *w = x->desk->world;
    x->answering.status = 200;
    if (!h->again && h->event.kind.at)
        note_event(x);
    if (h->agents.at)
        carry_on(x);
    for (size_t i = 0; h->event.asks_again && i < h->event.object_count; i++)
        w->nudged(w->self, x->facts.vendor, h->credential->name, h->event.objects[i]);
    return NEXT;
}

void reply_hook(struct exchange *x)
{
    static const struct http_field fields[] = { { { "content-type", 12 }, { "application/json", 16 } } };
    bool taken = x->answering.status == 200;
    x->desk->world->reply(x->caller, x->answering.status, fields, 1,
        taken
            ? SPAN("{\"received\":true}")
            : SPAN("{\"error\":{\"code\":\"ledger_unavailable\",\"message\":\"it could not be written down; send it again\"}}"));
}
