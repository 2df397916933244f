/* SPDX-License-Identifier: Apache-2.0
 * job_ask.c - see job_ask.h. */
#include "flow/job_ask.h"

#include "base/raw.h"
#include "base/spelling.h"
#include "rules/parts.h"

enum { DEEP = 4, NAME_MOST = 40, PARTS_MOST = 1000 };

/* "callback_url", "callbackUrl" and "callback-url" are one. */
static bool is_callback(struct span name)
{
    static const char *const names[] = { "callback", "callbackurl", "callbackuri", "callbacks", "webhook", "webhookurl", "webhookuri", "webhooks", "webhookconfig",
        "webhooksecret", "webhookeventsfilter", "notifyurl", "notificationurl", "notificationconfig", "notifyhook", "hookurl", "completionurl", "resulturl", NULL };
    for (size_t i = 0; names[i]; i++)
        if (spelling_is_alike(name, span_of(names[i])))
            return true;
    return false;
}

/* Values that say nothing ask for nothing; a caller's own metadata are not the vendor's to read. */
static struct span find(struct span value, struct arena *a, int depth)
{
    struct raw_iter it = raw_iter(value, a);
    struct span name, item, hit;
    while (raw_next(&it, &name, &item)) {
        enum json_kind kind = raw_kind(item);
        if (name.at && kind != JSON_NULL && is_callback(name))
            return name;
        if (depth == DEEP || span_is(name, SPAN("metadata")) || (kind != JSON_OBJECT && kind != JSON_ARRAY))
            continue;
        hit = find(item, a, depth + 1);
        if (hit.at)
            return hit;
    }
    return SPAN_NONE;
}

static struct span find_in_form(struct exchange *x, struct span type)
{
    struct form form;
    const char *ignored;
    if (parts_read(&x->arena, type, buf_span(&x->asking.body), PARTS_MOST, &form, &ignored) != E_OK)
        return SPAN_NONE; /* the dialect has read it: so it can be */
    for (size_t i = 0; i < form.count; i++)
        if (is_callback(form.list[i].name))
            return form.list[i].name;
    return SPAN_NONE;
}

enum next job_calls_nobody(struct exchange *x)
{
    struct span type = x->asking.head ? http_get(x->asking.head, SPAN("content-type")) : SPAN_NONE, name;
    if (!is_llm(x) || !operation_of(x)->late)
        return NEXT;
    bool form = type.at && http_is_type(type, SPAN("multipart/form-data"));
    name = form ? find_in_form(x, type) : find(buf_span(&x->asking.body), &x->arena, 0);
    if (!name.at)
        return NEXT;
    return fail(x, E_BAD_REQUEST, "%.*s: %.*s calls nobody back when a job is over, and the gate does not do it in its place; leave it out and ask for the job's state",
        SPAN_ARG(span_first(name, NAME_MOST)), SPAN_ARG(x->facts.vendor));
}
