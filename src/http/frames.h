/* SPDX-License-Identifier: Apache-2.0
 * frames.h - pieces of a streamed answer, cut out of runs of bytes, whatever cuts them: event streams (sse.h), lines of JSON (Ollama),
 * Amazon's binary event stream (application/vnd.amazon.eventstream, checked by its CRCs; Bedrock).
 *
 * Sources: WHATWG HTML 9.2; AWS "Event stream encoding". */
#ifndef TG_HTTP_FRAMES_H
#define TG_HTTP_FRAMES_H

#include "http/sse.h"

enum framing { FRAMING_SSE, FRAMING_LINES, FRAMING_AWS };

struct frames {
    enum framing framing;
    struct sse sse;
    struct buf partial; /* LINES, AWS: the beginning of a piece, then the piece that was handed out */
    struct buf piece;   /* AWS: the data of an error message, which is made here */
    bool handed_out;    /* what stands in partial may go */
    const char *broken; /* why it cannot be cut any more (static); NULL: it can */
};

void frames_init(struct frames *f, enum framing framing, size_t ceiling); /* of one piece */
void frames_free(struct frames *f);
/* Takes bytes from *in (which shrinks) until one piece is complete. False: *in is used up, or f->broken. The piece lives until the next
 * call; behind its data stand BUF_SLACK readable bytes, but for SSE. LINES: data is the line, blank ones are skipped. AWS: name is the
 * :event-type, or the :exception-type of an exception, data is the payload; a message of the type "error", which has headers only, is
 * named "error" and has the data {"code":...,"message":...}. */
bool frames_next(struct frames *f, struct span *in, struct sse_event *out);
/* Does something incomplete remain? */
bool frames_rest(const struct frames *f);
/* Writes a message of Amazon's event stream with a JSON payload: kind "event" or "exception", of this name. */
void frames_put_aws(struct buf *out, struct span kind, struct span name, struct span payload);
/* The media type that a stream of this framing is announced with. */
struct span frames_type(enum framing framing);

#endif
