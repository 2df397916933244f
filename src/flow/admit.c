/* SPDX-License-Identifier: Apache-2.0
 * admit.c - may this call be made? Stops, address and policy before it is read; models, objects and values after. Everything before money.
 *
 * Next to read: reserve.c. */
#include "flow/batch.h"
#include "flow/steps.h"

#include <stdatomic.h>

#include "base/raw.h"
#include "base/text.h"
#include "rules/call_label.h"

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

/* The key's members, then those of the call's that the key does not set. SPAN_NONE: no memory. */
static struct span join_metadata(struct exchange *x, const struct key *key, struct json_value call)
{
    struct buf *b = &x->desk->scratch;
    struct span name;
    struct json_value item;
    buf_clear(b);
    buf_put(b, span_first(key->metadata, key->metadata.len - 1)); /* up to its brace */
    for (struct json_iter it = json_iter(call); json_next(&it, &name, &item);) {
        if (tag_find(key->tags, key->tag_count, name).at)
            continue;
        buf_print(b, ",%.*s:", SPAN_ARG(raw_quote(name, &x->arena)));
        json_print(item, b);
    }
    buf_put(b, SPAN("}"));
    return b->broken ? SPAN_NONE : arena_copy(&x->arena, buf_span(b));
}

/* What the key says of itself, and what the call adds to it. */
static enum err read_tags(struct exchange *x, const char **why)
{
    const struct key *key = x->deciding.key;
    struct json_value metadata = { 0 };
    x->facts.tags = key->tags;
    x->facts.tag_count = key->tag_count;
    x->facts.metadata = key->metadata;
    x->asking.label = key->label;
    if (!x->asking.metadata.at)
        return E_OK;
    enum err e = json_parse(x->desk->json, x->asking.metadata, false, &metadata, why);
    if (e == E_OK)
        e = tags_read(metadata, key->tags, key->tag_count, &x->arena, &x->facts.tags, &x->facts.tag_count, why);
    if (e != E_OK)
        return e;
    x->facts.metadata = key->tag_count ? join_metadata(x, key, metadata) : x->asking.metadata;
    *why = "this call needs more memory than a call may have";
    if (!x->facts.metadata.at)
        return E_TOO_LARGE;
    x->asking.label = call_label_join(key->label, tag_find(x->facts.tags, x->facts.tag_count, SPAN("label")), &x->arena);
    return E_OK;
}

/* Tags first: the row of a call that was stopped has them, and a stop refuses it whatever they are. */
enum next may_come(struct exchange *x)
{
    const char *why = "";
    enum err e = read_tags(x, &why);
    if (stopped_now(x))
        return STOP;
    return e ? fail(x, e, "x-tollgate-metadata: %s", why) : come_from_there(x);
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
    return e == E_OK ? batch_permit(x) : fail_span(x, e, why);
}

enum next permit_objects(struct exchange *x)
{
    struct span why = SPAN_NONE;
    if (!x->consulting.count)
        return NEXT;
    enum err e = policy_scopes(x->deciding.key->policy, &x->facts, &x->arena, &why);
    return e == E_OK ? NEXT : fail_span(x, e, why);
}
