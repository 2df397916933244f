/* SPDX-License-Identifier: Apache-2.0
 * tracing.c - see tracing.h. Baggage is never passed on: it is the caller's talk with its own services. */
#include "flow/tracing.h"

/* Fields of one name, as one list. */
static struct span joined(struct exchange *x, const struct http_head *h, struct span name)
{
    size_t count = http_count(h, name);
    struct span all = http_get(h, name);
    for (size_t i = 1; i < count && all.at; i++)
        all = arena_print(&x->arena, "%.*s,%.*s", SPAN_ARG(all), SPAN_ARG(http_nth(h, name, i)));
    return all;
}

void tracing_read(struct exchange *x)
{
    const struct http_head *h = x->asking.head;
    struct span parent = h ? http_get(h, SPAN("traceparent")) : SPAN_NONE;
    if (!parent.at || http_count(h, SPAN("traceparent")) != 1 || !trace_read(span_trim(parent), &x->trace))
        return;
    struct span state = joined(x, h, SPAN("tracestate"));
    x->trace.state = state.at && trace_state_fits(state) ? state : SPAN_NONE;
}

/* A connection is open when what was composed before was written over meanwhile. */
static unsigned attempt_number(const struct exchange *x) { return (unsigned)(x->answering.call ? x->attempt : x->attempt_count) + 1; }

static bool is_ours(struct span name) { return span_is(name, SPAN("traceparent")) || span_is(name, SPAN("tracestate")); }

void tracing_add_fields(struct exchange *x, struct http_field **list, size_t *count)
{
    enum trace_passing passing = x->deciding.upstream->trace;
    char span[TRACE_SPAN], text[TRACE_PARENT];
    size_t n = 0;
    if (!x->trace.there || passing == TRACE_NONE || x->looking.up)
        return;
    struct http_field *more = ARENA_ARRAY(&x->arena, struct http_field, *count + 2);
    if (!more)
        return;
    for (size_t i = 0; i < *count; i++)
        if (!is_ours((*list)[i].name))
            more[n++] = (*list)[i];
    trace_span_id(x->id, attempt_number(x), span);
    more[n++] = (struct http_field){ SPAN("traceparent"), arena_copy(&x->arena, trace_write(&x->trace, span, text)) };
    if (x->trace.state.at && passing == TRACE_FULL)
        more[n++] = (struct http_field){ SPAN("tracestate"), x->trace.state };
    *list = more;
    *count = n;
}
