/* SPDX-License-Identifier: Apache-2.0
 * consult.c - the step that reads what the call names only by id: a refund's charge, a confirmation's intent, so that whose money
 * it is and how much is known before it is decided, not found in the log afterwards.
 *
 * What never changes is remembered for a while. A read that fails leaves the object unknown, and what needs it fails closed: a
 * scope that must show is "?", a cost is not known.
 *
 * Next to read: permit in admit.c. */
#include "flow/steps.h"

#include "flow/side.h"

/* The read, as the vendor gets it: with the same credential and the caller's own account fields. */
static bool compose_read(struct exchange *x, const struct object_read *read, struct matched *hit, size_t *origin)
{
    const struct deciding *d = &x->deciding;
    if (!vendor_match(&d->upstream->vendor, SPAN("GET"), read->path, hit))
        return false;
    struct compose c = {
        .vendor = &d->upstream->vendor,
        .matched = hit,
        .head = x->asking.head,
        .path = read->path,
        .query = read->query,
        .secret = &d->credential->secret,
        .token = d->token,
        .settings = d->upstream->settings,
        .now_ms = x->times.began_ms,
    };
    buf_clear(&x->desk->scratch);
    *origin = vendor_compose(&c, &x->arena, &x->desk->scratch);
    x->side.request = arena_copy(&x->arena, buf_span(&x->desk->scratch));
    return x->side.request.at && !x->desk->scratch.broken;
}

/* IO_END: *o holds what there is to know, perhaps that it is not known. */
static enum io read_object(struct exchange *x, struct object *o)
{
    const struct object_read *read = &x->deciding.understood.wanted;
    const struct vendor *v = &x->deciding.upstream->vendor;
    struct matched hit;
    size_t origin = 0;
    *o = (struct object){ .name = read->name, .id = read->id };
    if (!x->side.call && !compose_read(x, read, &hit, &origin))
        return IO_END;
    enum io got = side_run(x, origin);
    if (got == IO_WAIT)
        return IO_WAIT;
    x->consulting.reads++;
    if (got == IO_END && vendor_object(x->desk->json, v, read, x->side.status, buf_span(&x->side.body), &x->arena, o) &&
        o->lasting && read->remember_ms > 0)
        remembered_keep(x->desk->remembered, side_owner(x), o, x->times.began_ms + read->remember_ms);
    side_end(x);
    return IO_END;
}

/* One that was remembered and does not say all that is needed is read anew, in its place. */
static struct object *place_of(struct exchange *x, const struct object_read *read)
{
    struct consulting *c = &x->consulting;
    for (size_t i = 0; read->anew && i < c->count; i++)
        if (span_is(c->objects[i].name, read->name))
            return &c->objects[i];
    return c->count < VENDOR_OBJECTS ? &c->objects[c->count] : NULL;
}

static enum next recall_or_read(struct exchange *x, struct object *o)
{
    const struct object_read *read = &x->deciding.understood.wanted;
    if (!read->anew && !x->side.call &&
        remembered_object(x->desk->remembered, side_owner(x), read, x->times.began_ms, &x->arena, o))
        return NEXT;
    enum next next = get_token(x);
    if (next == NEXT && !x->answering.veil)
        next = lay_veil(x);
    if (next != NEXT)
        return next;
    if (read_object(x, o) == IO_WAIT)
        return WAIT;
    return x->fault == E_OK ? NEXT : STOP;
}

enum next consult(struct exchange *x)
{
    struct understood *u = &x->deciding.understood;
    while (u->wanted.name.at) {
        bool anew = u->wanted.anew;
        struct object *o = place_of(x, &u->wanted);
        if (!o || x->consulting.reads >= 2 * VENDOR_OBJECTS)
            return fail(x, E_SCOPE_DENIED, "this call names more objects than are read for one call (%d)", VENDOR_OBJECTS);
        enum next next = recall_or_read(x, o);
        if (next != NEXT)
            return next;
        x->consulting.count += !anew;
        if (engine_looks(x) == STOP)
            return STOP;
    }
    return NEXT;
}
