/* SPDX-License-Identifier: Apache-2.0
 * sse.h - frames of an event stream (text/event-stream), cut out of runs of bytes. Source: WHATWG HTML, 9.2.
 *
 * CR, LF and CRLF end lines; a BOM at the start is skipped. Only an unfinished event is copied. */
#ifndef TG_HTTP_SSE_H
#define TG_HTTP_SSE_H

#include "base/buf.h"

struct sse {
    struct buf partial; /* the beginning of an event that is not complete */
    struct buf data;    /* joined data lines, when there are several */
    size_t scanned;     /* of partial: no event end before this */
    bool started;
};

struct sse_event {
    struct span raw;  /* the bytes as they came, blank line included */
    struct span name; /* event:, SPAN_NONE if absent */
    struct span data; /* data: lines joined by LF; SPAN_NONE if there was none (a comment, say) */
};

void sse_init(struct sse *s, size_t ceiling); /* of one event */
void sse_free(struct sse *s);
/* Takes bytes from *in (which shrinks) until one event is complete. False: *in is used up (or the ceiling was passed:
 * s->partial.broken). The event lives until the next call. */
bool sse_next(struct sse *s, struct span *in, struct sse_event *out);
/* What is left when the stream ended in the middle of an event. */
struct span sse_rest(const struct sse *s);

#endif
