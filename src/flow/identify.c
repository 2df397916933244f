/* SPDX-License-Identifier: Apache-2.0
 * identify.c - whose key is this? It stands where an SDK puts the vendor's secret: in a field, in the query, in the body, or with a run's
 * name behind it.
 *
 * Next to read: match.c. */
#include "flow/steps.h"

#include <stdatomic.h>

#include "rules/token.h"

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
    x->facts.metadata = key->metadata;
    if (key->revoked_at)
        return refuse_revoked(x);
    if ((key->expires_at && x->times.began_ms >= key->expires_at) || (until && x->times.began_ms >= until))
        return fail(x, E_KEY_EXPIRED, "this key has expired");
    return NEXT;
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
