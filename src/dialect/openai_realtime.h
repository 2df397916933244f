/* SPDX-License-Identifier: Apache-2.0
 * openai_realtime.h - events of OpenAI's realtime sessions, as far as money and policy must know them. Both shapes: that of the beta
 * ("session.turn_detection") and that of version v1 ("session.audio.input.turn_detection").
 *
 * Nothing here waits or keeps anything: flow/realtime.c has the session. */
#ifndef TG_DIALECT_OPENAI_REALTIME_H
#define TG_DIALECT_OPENAI_REALTIME_H

#include "dialect/dialect.h"

/* What a caller's event asks for. Spans live until the parser's next text. */
struct realtime_said {
    struct span type, id;    /* id: the caller's own event_id; SPAN_NONE: none */
    bool starts;             /* response.create: a response */
    bool speaks;             /* sound comes, or a timer runs: the vendor may begin responses by itself */
    bool limits;             /* ... with an output limit of its own: the session's bounds it no more */
    bool updates;            /* session.update: what it changes is not known before the vendor confirms it */
    struct span model;       /* it names a model; SPAN_NONE: it does not */
    struct span transcriber; /* a model that shall write down what is heard; SPAN_NONE: none */
    int64_t tokens;          /* the most that it adds to the conversation */
    bool unbounded;          /* ... or nobody knows: pictures, stored prompts, tools that the vendor runs */
    int64_t sound;           /* bytes of it */
};

enum realtime_news {
    REALTIME_OTHER,
    REALTIME_SESSION,     /* created: what it is like */
    REALTIME_UPDATED,     /* the same, after an update */
    REALTIME_BEGAN,       /* a response */
    REALTIME_DONE,        /* one is over */
    REALTIME_TRANSCRIBED, /* what was heard is written down */
    REALTIME_BUSY,        /* a response.create was refused: one is under way */
};

/* What the vendor's event says. */
struct realtime_told {
    enum realtime_news news;
    struct usage usage;      /* DONE, TRANSCRIBED */
    bool failed;             /* DONE: the response came to nothing; without usage it cost nothing */
    bool listens;            /* SESSION, UPDATED: the vendor begins responses by itself when it hears the end of a speech */
    int64_t output_limit;    /* the same: of a response; -1: the model's own */
    struct span transcriber; /* the same; SPAN_NONE: none */
};

/* E_BAD_REQUEST, E_NOT_CANONICAL: *why, static. text has BUF_SLACK readable bytes behind it. */
CHECKED enum err realtime_read_said(struct json *j, struct span text, struct realtime_said *out, const char **why);
/* False: it is no event. */
bool realtime_read_told(struct json *j, struct span text, struct realtime_told *out);
/* The event that tells a caller what the gate refuses. id: of the event that it is about, or SPAN_NONE. */
void realtime_write_error(struct buf *out, struct span code, struct span message, struct span id);
/* Tells the vendor not to begin a response by itself any more. beta: in the shape of the beta. */
struct span realtime_be_quiet(bool beta);

/* Seconds that so many bytes of sound last at most, in the format of the fewest bytes that is taken (8 kHz, one byte each). */
int64_t realtime_seconds(int64_t bytes);

#endif
