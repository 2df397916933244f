/* SPDX-License-Identifier: Apache-2.0
 * inside.h - what the files of export/ share. Not for other folders.
 *
 *   exports.c   who runs; how far behind each is, and who is told
 *   runner.c    one export's thread: read, hand over, move, or try again
 *   batch.c     rows of the chain that an export wants, in its form; seek.c: where in the chain a moment is
 *   form.c      a row as a line of JSON or CSV;  span.c: as spans of OTLP
 *   file.c      files: written, rotated (rotate.c), thrown away
 *   remote.c    receivers: webhook, S3, OTLP
 *
 * Beside them, and no export, since nothing of it needs to be kept: telemetry.c pushes metrics (otlp_metrics.c). */
#ifndef TG_EXPORT_INSIDE_H
#define TG_EXPORT_INSIDE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/json.h"
#include "base/list.h"
#include "export/export.h"
#include "http/head.h"

enum {
    BODY_MOST = 96 << 20,    /* of a batch: its limit, and a row more */
    ROUND_MEMORY = 4 << 20,  /* a round's own small things */
    SEND_MS = 60 * 1000,     /* for all of an attempt */
    NOTE_MOST = 128,
};

/* ---- batch.c ---- */

/* Rows that were looked at, [first, next) of the chain, and what came of them. */
struct batch {
    const struct export_rule *rule;
    int64_t first, next;
    int64_t from, to;  /* the first and the last number that was taken; -1: none */
    int64_t rows;      /* taken */
    int64_t most_rows; /* and no more: the rule's limit, or less */
    int64_t until;     /* numbers below it; INT64_MAX: all there are */
    int64_t made_at;   /* Unix ms: in names */
    int64_t stub;      /* number of a row that is too large for the receiver: a stub goes in its place, of spans nothing; -1: none */
    bool stubbed;      /* that one was among them */
    bool full;         /* a limit ended it: there may be more behind it */
    struct buf body, scratch;
};
/* The rows from b->first on. */
CHECKED enum err rows_read(struct batch *b, struct store_reader *r);
/* Nothing but what stands around rows: for a test. */
void rows_empty(struct batch *b);
void rows_init(struct batch *b, const struct export_rule *rule);
void rows_free(struct batch *b);

/* ---- span.c ---- */

void spans_open(struct buf *out);
/* A row's spans; `more`: others stand before it. False: it is none that has any. */
bool spans_put(struct buf *out, const struct store_link *link, const struct export_rule *rule, bool more);
void spans_close(struct buf *out);

/* ---- one round ---- */

/* What a destination has to do with, and what it leaves. */
struct round {
    const struct export_rule *rule;
    const struct settings *settings;
    struct store *store;
    struct batch *batch;
    struct store_export *place; /* as it stands in the store; its note is the destination's own */
    struct arena *arena;
    struct json *json;
    const atomic_bool *cancel;
    int64_t now;
    /* out */
    char note[NOTE_MOST];  /* to be stored with the next place */
    int64_t retry_ms;      /* what the receiver asked for; -1: nothing */
    bool too_large;        /* fewer rows may pass */
    int64_t rejected, dropped_files, dropped_bytes;
    char why[256];
};

/* remote.c. What stands in the note before it is sent: which rows, and when it was made, so that a crash sends the same again. */
CHECKED enum err remote_deliver(struct round *r);
/* file.c */
CHECKED enum err file_deliver(struct round *r);
CHECKED enum err file_test(const struct export_rule *rule, char why[256]);
/* "a rename failed: No space left on device", into why. */
enum err file_trouble(char why[256], const char *what, int code);

/* rotate.c: the files beside the one that is written. */
struct shelf {
    int dir; /* descriptor */
    const struct export_rule *rule;
    struct span name; /* "audit.jsonl": the one that is written */
};
/* The one that is written becomes one of the others: rows [from, to]. E_IO: *why. */
CHECKED enum err shelf_put(const struct shelf *s, int64_t now, int64_t from, int64_t to, char why[256]);
/* Compresses what still has to be, throws away what is too much; `open_bytes` of the one that is written count, too. */
void shelf_tidy(const struct shelf *s, int64_t open_bytes, int64_t *dropped_files, int64_t *dropped_bytes);

/* gzip.c */
bool gzip_text(struct span in, struct buf *out);
CHECKED enum err gzip_file(int from, int to);

/* ---- runner.c ---- */

struct runner {
    struct list link; /* exports.c's */
    const struct exports_needs *needs;
    char name[65];
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed; /* on the monotonic clock */
    bool woken;             /* under the mutex, with the next */
    char trouble[256];
    atomic_bool stopping, over; /* over: its thread has nothing more to do */
    _Atomic enum export_kind kind;
    atomic_bool paused;
    _Atomic int64_t position, last_sent_at;
    _Atomic int64_t rows, bytes, batches, failures, dropped_files, dropped_bytes, rejected, too_large;
    _Atomic int64_t newest, oldest_at; /* exports.c's: as of its last look; oldest_at 0: nothing waits */
    bool alarmed;                      /* exports.c's */
    /* the thread's own */
    struct store_reader *reader;
    struct json *json;
    int tries;         /* in a row that failed */
    int64_t most_rows; /* in a batch, since a larger one was too large; 0: no such limit */
    int64_t stub;      /* number of a row that was too large alone; -1: none */
};
/* NULL: why[]. */
struct runner *runner_start(const struct exports_needs *needs, struct span name, char why[256]);
void runner_wake(struct runner *r);
void runner_hurry(struct runner *r); /* it is to end */
void runner_end(struct runner *r);   /* waits for that, and frees it */
/* How long after a failure that is the n-th in a row (from 1). */
int64_t runner_pause(int tries, int64_t asked_ms, unsigned dice);

/* exports.c: a row was too large for the receiver. Told at once, but once an hour for each export. */
void exports_tell_too_large(const struct exports_needs *needs, const char *name, int64_t number);

const struct export_rule *rule_find(const struct snapshot *s, struct span name);

#endif
