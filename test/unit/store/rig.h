/* SPDX-License-Identifier: Apache-2.0
 * rig.h - a store in a directory of its own, and sources that are lists in memory. For the tests of store/ only. */
#ifndef TG_TEST_STORE_RIG_H
#define TG_TEST_STORE_RIG_H

#include <pthread.h>

#include "base/arena.h"
#include "store/store.h"
#include "test/test.h"

enum { RIG_LINES = 4 };
#define RIG_ENDS_AT INT64_C(4102444800000) /* 2100: no sweep takes it */

/* A record and the lines it points to, as the journal would hold them. */
struct rig_record {
    struct store_record record;
    struct store_line lines[RIG_LINES];
};

/* Like a journal: grows at one end, is read from a position, and may forget what was applied. Positions count by ten. */
struct rig_source {
    pthread_mutex_t mutex;
    struct rig_record *records;
    size_t count, room, next;
    uint64_t applied;
    bool deaf;    /* applied() is not heard, as after a crash between commit and applied() */
    bool begun;   /* was read from: no seek any more */
    bool wronged; /* the store broke a rule: a seek before what was applied, or after a read */
    struct store_line scratch[RIG_LINES];
};

struct rig {
    char dir[64];
    struct store *store;
    struct rig_source source[2];
    size_t sources;
    struct arena arena;
};

void rig_init(struct rig *g, size_t sources);
void rig_free(struct rig *g); /* closes the store, removes the directory */
/* Opens and recovers; `start` also starts the thread. */
void rig_open(struct rig *g, bool start);
void rig_recover(struct rig *g, bool start); /* the second half of it */
void rig_close(struct rig *g);
/* As a kill -9 would leave it: the directory as it is now is carried on with by another store; this one goes unheard. */
void rig_crash(struct rig *g);
struct store_reader *rig_reader(struct rig *g);
/* The whole chain is good; how many rows it has. */
int64_t rig_verified(struct rig *g);

/* A plain row: 1 cent, one account "key_a/0", allowed. Change it before it is appended: a row without bytes gets those that
 * say what its columns say. */
struct rig_record rig_row(struct rig *g, uint64_t call);
struct rig_record rig_hold(struct rig *g, uint64_t call, int64_t amount);
/* In doubt with this amount. */
struct rig_record rig_doubt(struct rig *g, uint64_t call, int64_t amount);
struct rig_record rig_settlement(struct rig *g, uint64_t id, uint64_t of, int64_t held, int64_t real, struct span outcome);
struct rig_record rig_change(struct rig *g, uint64_t id);
/* Gives a row its bytes now, to add to them. */
void rig_write(struct rig *g, struct rig_record *r);
void rig_append(struct rig *g, size_t source, struct rig_record r);
/* SQL that makes a file of version 2, 3, or 4, of it. */
extern const char rig_undo_version_3[], rig_undo_version_4[], rig_undo_version_5[];
/* One integer by SQL, on a connection of its own. */
int64_t rig_ask(struct rig *g, const char *sql);
void rig_do(struct rig *g, const char *sql);

#endif
