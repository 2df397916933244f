/* SPDX-License-Identifier: Apache-2.0
 * event.h - the neutral event: a streamed answer, piece by piece.
 *
 * Order, for every reader: START once; then for each part PART, any number of DELTAs, PART_END; at most one part of a choice is open at
 * a time (readers of dialects that do not say when a part ends, end it when the next begins); CHOICE_END once for each choice; USAGE
 * whenever it is known better (cumulative, the last one counts); END once, when the dialect's own end was seen: a stream that ends
 * without END or ERROR was cut off. Parts are numbered from 0 in each choice, in order of PART. */
#ifndef TG_DIALECT_EVENT_H
#define TG_DIALECT_EVENT_H

#include "dialect/call.h"

enum event_kind { EVENT_START, EVENT_PART, EVENT_DELTA, EVENT_PART_END, EVENT_CHOICE_END, EVENT_USAGE, EVENT_END, EVENT_ERROR };
enum delta_kind {
    DELTA_TEXT,      /* raw string: more of the text, the thought, the refusal; of AUDIO: of its transcript */
    DELTA_ARGUMENTS, /* raw string that holds a piece of JSON text */
    DELTA_SIGNATURE, /* raw string: the whole or more of it */
    DELTA_CITATION,  /* citation */
    DELTA_LOGPROBS,  /* text: raw array, OpenAI's shape */
    DELTA_DATA,      /* raw string: base64, more of an AUDIO or IMAGE */
};

struct event {
    enum event_kind kind;
    int64_t choice;
    int64_t part;
    const struct part *opens; /* PART: kind, and what is known at once: id, name, media.type, redacted, signature; SERVER_TOOL whole */
    enum part_kind part_kind; /* DELTA, PART_END: of that part */
    enum delta_kind delta;
    struct span text;
    const struct citation *citation;
    enum ending ending;           /* CHOICE_END */
    struct span stop;             /* CHOICE_END: raw */
    const struct answer *answer;  /* START, and END if more is known: id, model, created, tier, fingerprint */
    const struct usage *usage;    /* USAGE; also START if it is known so early */
    const struct fault *fault;    /* ERROR */
};

typedef void event_sink(void *self, const struct event *e);

/* A whole answer as events, for callers that stream from vendors that do not. */
void answer_emit(const struct answer *answer, event_sink *sink, void *self);

/* Events gathered into an answer: what a stream said altogether. Texts are copied to the arena, pieces joined at the end. */
struct gather {
    struct arena *arena;
    struct answer answer;
    bool ended, failed;
    struct gather_part *parts; /* private */
    size_t bytes, most;        /* past `most` nothing more is kept, and `full` is set */
    bool full;
};
void gather_begin(struct gather *g, struct arena *a, size_t most);
void gather_event(void *gather, const struct event *e); /* an event_sink */
/* Joins what was gathered; g->answer is whole then. `raw` of a tool call: its arguments as they came, a raw string; arguments that are no
 * object become {}, and the choice ends ENDING_MALFORMED unless it ended at its limit. */
void gather_end(struct gather *g);

#endif
