/* SPDX-License-Identifier: Apache-2.0
 * front.h - the paths at which callers of each dialect find the gate itself, whatever vendor serves the model.
 *
 * "/v1/chat/completions" is OpenAI's path, and what an SDK asks when its base URL is the gate's: the model then says which vendor is meant
 * (flow/direct.c). A path with a vendor before it ("/groq/v1/chat/completions") is that vendor's; where it is none of its own
 * ("/anthropic/v1/chat/completions") it is such a front too, with the vendor chosen. */
#ifndef TG_FLOW_FRONT_H
#define TG_FLOW_FRONT_H

#include "base/span.h"

enum front_kind {
    FRONT_CALL,   /* a model answers; any vendor */
    FRONT_COUNT,  /* how many tokens a call has */
    FRONT_PAID,   /* another paid thing of a model (embeddings, pictures, ...): any vendor that offers the same */
    FRONT_MODELS, /* what may be called */
    FRONT_MODEL,  /* one of those */
    FRONT_JOB,    /* how a video is doing (flow/job_read.c) */
    FRONT_STATE,  /* an answer that the gate keeps (flow/state.c) */
};

struct front {
    enum front_kind kind;
    const char *method;
    const char *path;    /* the beginning, where `end` is set: between them stands the model */
    const char *end;     /* FRONT_MODEL, FRONT_JOB, FRONT_STATE: between them stands a name */
    const char *dialect; /* the caller's */
    bool streams;        /* the path says that the answer is to be streamed */
};

/* The paths of the table, one after the other; SPAN_NONE: no more. */
struct span front_path(size_t i);
/* NULL: none. *model: what the path says of it, percent-encoded as it came; SPAN_NONE: the body does. */
const struct front *front_match(struct span method, struct span path, struct span *model);

#endif
