/* SPDX-License-Identifier: Apache-2.0
 * cached.h - answers given again to whoever asks the same: which calls take part, under which name, and how an answer is kept and replayed.
 *
 * What counts as the same is said in flow/cached_name.c; cache/cache.h keeps it. An answer is kept as one whole body in the caller's own
 * dialect, however it came, and is told as a stream where the next asker wants one (docs/cache.md). */
#ifndef TG_FLOW_CACHED_H
#define TG_FLOW_CACHED_H

#include "cache/cache.h"
#include "http/sse.h"
#include "rules/facts.h"
#include "route/route.h"

struct exchange;

/* What is said of it in x-tollgate-cache of the answer, and in the row. */
enum caching_outcome { CACHING_OFF, CACHING_MISS, CACHING_HIT, CACHING_SEMANTIC_HIT, CACHING_SEMANTIC_MISS, CACHING_REFRESH };

struct cached_tap; /* a streamed answer, gathered to a whole one */

struct caching {
    struct cache_rule in_force;    /* CACHE_OFF: this call neither asks nor keeps */
    enum caching_outcome outcome;
    bool decided;                  /* look_up has read what is in force */
    bool refresh;                  /* what is kept is not looked at */
    bool takes_part;               /* its answer may be kept */
    bool claimed;                  /* others wait for its end */
    bool stored;                   /* a response whose id can be gone on with: only this very question is answered with it */
    bool looked;                   /* the entry was asked for before: what comes now was waited for */
    struct digest name;
    int64_t max_age_ms;            /* as the caller says, or the rule */
    uint64_t era;                  /* of the cache, when it was asked */
    int64_t until_ms;
    struct span packed;            /* what cached_keep kept, in the call's arena: for the index of those alike; SPAN_NONE: nothing */
    uint64_t of;                   /* the call whose answer it is; 0: its own */
    int64_t age_ms;
    nano_usd saved;
};

/* Makes what was kept (packed in a->body) the answer of this call, as a stream where it asked for one. False: it cannot be read or told;
 * nothing has changed. The call ends then as if its step had said STOP. */
bool cached_replay(struct exchange *x, const struct cached_answer *a, enum caching_outcome outcome);
/* "off", "miss", "hit", "semantic_hit", "semantic_miss", "refresh" */
struct span caching_name(enum caching_outcome outcome);

/* From finish's `keep`: keeps the answer, if it may be. What wrote makes the reads of its account old before its caller hears of it. */
void cached_keep(struct exchange *x);
/* From finish's `tell`: whoever waits for this call goes on, however it ended. */
void cached_leave(struct exchange *x);
/* attempt.c: the answer must be held to be kept. */
bool cached_holds(const struct exchange *x);
/* An event of a stream whose bytes pass through (relay.c). */
void cached_frame(struct exchange *x, const struct sse_event *frame);
/* An event of a stream that is translated (speak.c). */
struct event;
void cached_event(struct exchange *x, const struct event *e);
/* What the first choice of the answer says, tool calls as JSON, in the words that its caller reads; false: it cannot be read. */
bool cached_answer_text(struct exchange *x, struct buf *out);
/* What was gathered of this answer. */
void cached_free(struct exchange *x);

/* cached_name.c */
/* Whether the call is of a kind that is kept, as it was asked. */
bool cached_can_be(struct exchange *x);
/* Its name; false: it has none (the body cannot be read). */
bool cached_name(struct exchange *x, struct digest *out);
/* The name that it would have with this body (JSON whose grammar was checked). */
bool cached_name_of(struct exchange *x, struct span said, struct digest *out);
/* The account of an API that is no model's: what is written there makes what was read of it old. */
struct span cached_account(struct exchange *x);
/* The dialect in which the caller speaks and is answered; NULL: no model's. */
const struct dialect *cached_dialect(const struct exchange *x);
/* The body as the caller said it, with slack behind it. */
struct span cached_said(const struct exchange *x);

/* cached_rule.c: reads what the caller, the route and the key say into caching.in_force and its neighbours. False: the caller said something
 * that cannot be, and the call has failed. */
bool cached_decide(struct exchange *x);

#endif
