/* SPDX-License-Identifier: Apache-2.0
 * world.h - all that a call may ask of the outside: time, the caller's connection, the vendor's connection, the books.
 *
 * In the product these are sockets (flow/sockets.c); in the simulation a seeded fake that fails, stalls and hangs up by
 * dice. The functions keep the contracts of http/server.h, http/client.h and ledger/journal.h, name for name. */
#ifndef TG_FLOW_WORLD_H
#define TG_FLOW_WORLD_H

#include "http/client.h"
#include "flow/doubt.h"
#include "flow/stops.h"
#include "http/server.h"
#include "ledger/journal.h"

struct exchange;

struct world {
    void *self;
    int64_t (*now_ms)(void *self); /* wall clock */
    int64_t (*monotonic_ns)(void *self);

    /* the caller (http/server.h) */
    enum io (*read)(void *caller, struct span *bytes);
    enum err (*read_fault)(void *caller);
    void (*reply)(void *caller, int status, const struct http_field *fields, size_t count, struct span body);
    void (*reply_head)(void *caller, int status, const struct http_field *fields, size_t count, int64_t length);
    void (*reply_write)(void *caller, struct span bytes);
    bool (*reply_room)(void *caller);
    void (*reply_end)(void *caller, const struct http_field *trailers, size_t count);
    void (*reply_cut)(void *caller);
    void (*reply_upgrade)(void *caller, const struct http_field *fields, size_t count);

    /* the vendor (http/client.h) */
    void *(*open)(void *self, struct exchange *x, const struct http_origin *o, const struct http_deadlines *d);
    enum io (*ready)(void *call);
    void (*upgrade)(void *call);
    void (*send)(void *call, struct span head, struct span body, bool chunked, bool last);
    void (*write)(void *call, struct span body, bool last);
    bool (*room)(void *call);
    enum io (*head)(void *call, const struct http_head **head);
    enum io (*answer)(void *call, struct span *bytes);
    enum err (*fault)(void *call);
    bool (*sent)(void *call);
    bool (*reused)(void *call);
    void (*close)(void *call);

    /* the books (ledger/journal.h) */
    enum err (*put_hold)(void *self, const struct journal_hold *h);
    enum err (*put_row)(void *self, const struct journal_row *r);
    enum err (*put_note)(void *self, const struct journal_note *n);
    /* Where the journal ends now; and whether it is on the platter up to there: END, FAILED, or WAIT: it was asked for, there
     * will be news. *asked is the asker's, zero at first. */
    uint64_t (*written)(void *self);
    uint64_t (*applied)(void *self, unsigned worker); /* up to where the store has that worker's journal, for good */
    enum io (*synced)(void *self, uint64_t position, unsigned long *asked);
    /* x returns WAIT: it is run again when something from another thread may concern it (a sync, an answer to a duplicate),
     * after most_ms at the latest. */
    void (*await_news)(void *self, struct exchange *x, int64_t most_ms);
    /* A call of this worker ended in doubt; d is copied. */
    void (*doubted)(void *self, const struct doubt *d);
    /* What became of x->doubt. again: it is still not known. */
    void (*cleared)(void *self, struct exchange *x, const struct clearing *c);
    /* The price of what made this object may be known now. */
    void (*nudged)(void *self, struct span vendor, struct span credential, struct span object);
    /* A brake stops a run or a key. */
    void (*stop)(void *self, enum stop_kind kind, struct span value, struct span reason);

    /* A shadow of x's route is asked the same, or a judge about both, by a call of its own (exchange_begin_mirror). May be NULL: nobody
     * mirrors here. */
    void (*mirror)(void *self, struct exchange *x, size_t planned);

    /* the call is over: its owner may free it, later */
    void (*over)(void *self, struct exchange *x);
};

#endif
