/* SPDX-License-Identifier: Apache-2.0
 * observe.h - what the gate has seen of its calls, in numbers: how many, how they ended, how long they took, what they cost.
 *
 * An observer belongs to one worker and is written by that worker alone: without locks, and without memory that it does not have from its
 * beginning. Any thread reads all of them and adds them up (observe_read). Names are common to all, and keep their place. What is read may be a call behind, and a call's numbers may
 * be read half; none is ever lost, and no counter ever falls while the process lives, whatever configuration comes and goes.
 *
 * Series are bounded: OBSERVE_SERIES of vendor, operation and model, and so on; all beyond are "other". No run, no user, and keys only
 * where they are asked for. Money and proof are the ledger's and the store's: nothing is decided by what stands here. */
#ifndef TG_OBSERVE_OBSERVE_H
#define TG_OBSERVE_OBSERVE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/money.h"
#include "observe/histogram.h"

enum {
    OBSERVE_SERIES = 512,      /* vendor, operation, model */
    OBSERVE_VENDORS = 128,     /* attempts */
    OBSERVE_KEYS = 256,        /* where they are wanted */
    OBSERVE_WORKSPACES = 64,   /* of the last minutes' calls */
    OBSERVE_SECONDS = 512,     /* kept of each workspace */
    OBSERVE_CACHE_WORDS = 16,  /* ways in which the cache may answer, or not */
    OBSERVE_STATUS_CLASSES = 6 /* 1xx to 5xx; 0: no answer */
};

enum sight_verdict { SIGHT_ALLOWED, SIGHT_DENIED, SIGHT_ERROR, SIGHT_IN_DOUBT }; /* of a row: enum verdict of ledger/journal.h */
enum sight_tokens { SIGHT_INPUT, SIGHT_OUTPUT, SIGHT_CACHED, SIGHT_REASONING, SIGHT_TOKENS };

/* A call that is over. Times are -1 where there was none. */
struct sight {
    int64_t second; /* Unix time at which it ended */
    struct span workspace, vendor, operation;
    struct span model; /* one that is known; else SPAN("") */
    struct span key;   /* SPAN_NONE: keys are not counted apart */
    enum sight_verdict verdict;
    enum err denied; /* E_OK: nothing went wrong */
    bool failed;     /* no answer, a broken one, or the vendor's own trouble (429, 5xx) */
    bool forwarded, generated; /* sent to a vendor; by a model */
    nano_usd cost;
    int64_t tokens[SIGHT_TOKENS];
    int64_t duration_us, gate_us, first_byte_us, gap_us; /* first_byte, gap: of streams; the longest wait between two pieces */
    struct span cache; /* "hit", "miss", ...: few, constant words; SPAN_NONE: the cache was not asked */
};

struct observer;
struct observers;
struct observers *observers_new(unsigned count); /* NULL: no memory */
void observers_free(struct observers *all);
struct observer *observers_at(struct observers *all, unsigned index);

/* On the worker. */
void observe_call(struct observer *o, const struct sight *s);
/* One try upstream. status 0: there was no answer. */
void observe_attempt(struct observer *o, struct span vendor, int status, int64_t us);
/* What is under way, anew each second: a clear, then each call. */
void observe_open_clear(struct observer *o);
void observe_open(struct observer *o, struct span workspace, nano_usd held);
void observe_open_done(struct observer *o);

/* ---- reading; any thread ---- */

struct observed_series {
    struct span vendor, operation, model;
    bool generated;
    uint64_t calls, allowed, in_doubt, failed, forwarded;
    uint64_t denied[ERR_COUNT], errors[ERR_COUNT]; /* by their code */
    nano_usd cost;
    uint64_t tokens[SIGHT_TOKENS];
    struct histogram_sum duration, gate, first_byte, gap, input, output;
};
struct observed_vendor {
    struct span vendor;
    uint64_t attempts[OBSERVE_STATUS_CLASSES];
    struct histogram_sum duration;
};
struct observed_key {
    struct span key;
    uint64_t calls, denied, failed;
    nano_usd cost;
    uint64_t tokens[SIGHT_TOKENS];
};
struct observed_cache {
    struct span word;
    uint64_t calls;
};
struct observed {
    struct observed_series *series; /* the first of each is "other" */
    struct observed_vendor *vendors;
    struct observed_key *keys;
    struct observed_cache *caches;
    size_t series_count, vendor_count, key_count, cache_count;
};
/* Sums over all of them, in a. Spans live as long as the observers. E_NO_MEMORY. */
CHECKED enum err observe_read(const struct observers *all, struct arena *a, struct observed *out);

/* The same, coarser: one sum for each vendor and operation, or for each vendor and model (of models only), in a; their order is that of
 * `from`, and does not change while the process lives. The part that is left out is SPAN(""). E_NO_MEMORY. */
enum observed_by { BY_OPERATION, BY_MODEL };
CHECKED enum err observe_group(const struct observed *from, enum observed_by by, struct arena *a, struct observed_series **out, size_t *count);

/* What ended in one second; and what was under way, and held for it, at the last look. */
struct observed_second {
    uint64_t calls, denied, failed;
    nano_usd cost;
};
struct observed_open {
    int64_t calls;
    nano_usd held;
};
/* [from, from + count), each of them set; count up to OBSERVE_SECONDS - 2. workspace SPAN_NONE: all. */
void observe_seconds(const struct observers *all, struct span workspace, int64_t from, size_t seconds, struct observed_second *out);
struct observed_open observe_open_now(const struct observers *all, struct span workspace);

#endif
