/* SPDX-License-Identifier: Apache-2.0
 * dress.c - the step that makes a checked request one that the vendor takes: a token fetched with the secret, the secret put into
 * the body, the gate's own address where the vendor shall call back.
 *
 * What is checked, noted and asked again is the body before that; what is signed and sent is the one after.
 *
 * Next to read: attempt.c. */
#include "flow/steps.h"

#include "flow/callback.h"
#include "flow/side.h"

enum { TOKEN_EARLY_MS = 30 * 1000 /* a token is not used in its last half minute */, TOKEN_LEAST_MS = 1000 };

/* ---- a token instead of the secret (OAuth2 client credentials) ---- */

static enum next token_came(struct exchange *x)
{
    struct span token, why = SPAN_NONE;
    int64_t lasts = 0;
    if (!vendor_token_answer(x->desk->json, x->side.status, buf_span(&x->side.body), &x->arena, &token, &lasts, &why))
        return fail(x, E_UPSTREAM_BROKEN, "%.*s gave no token for credential %.*s: %.*s", SPAN_ARG(x->facts.vendor),
            SPAN_ARG(x->deciding.credential->name), SPAN_ARG(why));
    x->deciding.token = token;
    if (lasts - TOKEN_EARLY_MS >= TOKEN_LEAST_MS)
        remembered_keep_token(x->desk->remembered, side_owner(x), token, x->times.began_ms + lasts - TOKEN_EARLY_MS);
    return NEXT;
}

static enum next fetch_token(struct exchange *x)
{
    const struct deciding *d = &x->deciding;
    struct side *s = &x->side;
    size_t origin = 0;
    if (!s->call) {
        buf_clear(&x->desk->scratch);
        origin = vendor_token_request(&d->upstream->vendor, &d->credential->secret, x->times.began_ms, &x->desk->scratch);
        s->request = arena_copy(&x->arena, buf_span(&x->desk->scratch));
    }
    enum io got = side_run(x, origin);
    if (got == IO_WAIT)
        return WAIT;
    enum next next =
        got == IO_END ? token_came(x) : fail(x, E_UPSTREAM_UNREACHABLE, "%.*s gives no tokens now", SPAN_ARG(x->facts.vendor));
    side_end(x);
    return next;
}

enum next get_token(struct exchange *x)
{
    struct deciding *d = &x->deciding;
    if (!d->upstream->vendor.brokered || d->token.at)
        return NEXT;
    if (!x->side.call)
        d->token = remembered_token(x->desk->remembered, side_owner(x), x->times.began_ms, &x->arena);
    return d->token.at ? NEXT : fetch_token(x);
}

/* ---- the veil: what must not come back ---- */

enum next lay_veil(struct exchange *x)
{
    veil_drop(x->answering.veil);
    x->answering.veil = veils_get(&x->desk->veils, x->snapshot, x->deciding.credential, x->deciding.token);
    return x->answering.veil ? NEXT : fail(x, E_TOO_LARGE, "this call needs more memory than a call may have");
}

/* ---- the body ---- */

enum next dress(struct exchange *x)
{
    struct deciding *d = &x->deciding;
    const struct vendor *v = &d->upstream->vendor;
    enum next next = get_token(x);
    if (next != NEXT)
        return next;
    if (lay_veil(x) == STOP)
        return STOP;
    if (x->asking.opaque || x->looking.up || d->dressed.at)
        return NEXT;
    struct span body = x->doubt ? d->body : callback_dress(x);
    if ((v->key_in_body || v->secret_in_body) && operation_of(x)->body != BODY_NONE)
        body = vendor_dress_body(x->desk->json, v, operation_of(x), body, &d->credential->secret, &x->arena);
    if (!body.at && d->body.at)
        return fail(x, E_TOO_LARGE, "this call needs more memory than a call may have");
    if (body.at != d->body.at)
        d->dressed = body;
    return NEXT;
}
