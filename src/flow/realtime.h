/* SPDX-License-Identifier: Apache-2.0
 * realtime.h - a realtime session: one call whose answer is a WebSocket (docs/realtime.md).
 *
 * realtime.c is its life from the handshake to the close, realtime_handshake.c what both heads say, realtime_books.c its money: one hold,
 * taken before the vendor is connected and grown before anything passes that can cost more than it covers. */
#ifndef TG_FLOW_REALTIME_H
#define TG_FLOW_REALTIME_H

#include "dialect/openai_realtime.h"
#include "flow/exchange.h"
#include "http/upgrade.h"
#include "http/websocket.h"

enum {
    REALTIME_MESSAGE = 16 << 20,   /* the most of one message */
    REALTIME_A_SECOND = 1000,      /* messages of a caller within one second */
    REALTIME_FIRST_TOKENS = 4096,  /* of input that the vendor adds by itself: its usual instructions */
    REALTIME_STEP_TOKENS = 1024,   /* the bound of the input grows in such steps, so that not every event is one for the ledger */
    REALTIME_RESPONSES = 64,       /* asked for and not over */
};

/* What was used, to be settled at the end; and what may still come. */
struct realtime_books {
    int64_t responses, transcriptions; /* that are over */
    nano_usd usd;                      /* of the responses, by what the vendor told */
    nano_usd heard_usd, heard_most_usd; /* of transcriptions: told, and the most that the sound so far can cost */
    int64_t input, output, heard_tokens, heard_most_tokens;
    struct usage sum;                  /* of the responses */
    bool estimated, unpriced;
    int64_t conversation;              /* tokens that the next response may read at most; -1: as many as the model can */
    int64_t output_limit;              /* of a response; -1: the model's own */
    int64_t under_way, asked;          /* responses: not over; among them asked for and not begun */
    int64_t updates;                   /* that the vendor has not confirmed */
    bool listens, heard;               /* it begins responses by itself; there is something to hear */
    const struct price *transcriber;
    struct span transcriber_name;
};

struct realtime {
    char key[WEBSOCKET_KEY];           /* ours, for the vendor */
    struct websocket *near, *far;      /* the caller's end, the vendor's; NULL before the handshake */
    bool beta;                         /* it speaks the shape of the beta */
    struct realtime_books books;
    struct span waiting;               /* a caller's message that was judged and waits for the disk; SPAN_NONE: none */
    bool closing;                      /* nothing of the caller's passes any more: after the response under way it ends */
    bool left;                         /* the caller closed: the same */
    bool told;                         /* it knows why */
    int64_t second, in_second;         /* messages of the caller */
    int64_t pinged_ns, left_ns;
    unsigned code;                     /* the close code for the caller; 0: none yet */
};

/* Whether this call is (to become) a session. */
bool realtime_is(const struct exchange *x);
/* A session is open: the caller has its 101. */
static inline bool realtime_open(const struct exchange *x) { return x->realtime && x->realtime->near; }

/* realtime_handshake.c */
enum next realtime_understand(struct exchange *x);      /* in understand: the model, the bound of the first response */
void realtime_put_head(struct exchange *x, struct buf *head); /* in compose_head: what a WebSocket adds */
enum next realtime_welcome(struct exchange *x);         /* both heads were good: the caller's 101, two ends */

/* realtime.c */
enum next realtime_refused(struct exchange *x);         /* in judge: the vendor's handshake must be one, or an error */
bool realtime_switched(const struct exchange *x);       /* the vendor said 101 */
enum next realtime_relay(struct exchange *x);           /* in relay */
bool realtime_goes_on(const struct exchange *x);        /* without its caller, until a response under way is over */
void realtime_close(struct exchange *x);                /* in answer: tells the caller why, and closes */
void realtime_leave(struct exchange *x);                /* in close_upstream: tells the vendor that it is over */
void realtime_free(struct exchange *x);

/* realtime_books.c */
enum next realtime_cover(struct exchange *x, bool *fits); /* grows the hold to what may be spent now. STOP: the ledger is broken */
void realtime_measure(struct exchange *x, int64_t real[UNIT_COUNT]); /* in measure_llm */
void realtime_count_said(struct exchange *x, const struct realtime_said *said);
void realtime_count_told(struct exchange *x, const struct realtime_told *told);

#endif
