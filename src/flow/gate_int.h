/* SPDX-License-Identifier: Apache-2.0
 * gate_int.h - what the files of the gate share; for those only.
 *
 *   gate.c         listeners, start and end, what others may look at
 *   gate_shop.c    what the workers share: made before them, freed after them
 *   gate_orders.c  what all workers are told or asked: configuration, stops, holds, draining
 *   gate_first.c   what the first worker is asked: it alone has the doubts, and decides approvals
 *
 * Orders reach the workers as errands: posted to each loop, waited for by the one who sent them. */
#ifndef TG_FLOW_GATE_INT_H
#define TG_FLOW_GATE_INT_H

#include <pthread.h>

#include "flow/gate.h"
#include "flow/worker.h"

struct listening; /* gate.c */

struct gate {
    struct worker *workers;
    pthread_t *threads;
    unsigned count, running;
    struct listening *listening;
    size_t listening_count;
    pthread_mutex_t orders; /* one change or question at a time; taken before the next */
    pthread_mutex_t lock;   /* guards what follows */
    pthread_cond_t done;
    unsigned waiting; /* workers an errand has not reached yet */
    unsigned busy;    /* workers that have not drained */
    struct snapshot *snapshot;
    struct stop_set *stops;
    struct stop_effect effect;
    struct tls_server *tls;
    struct workshop shop;
    struct recollect *recollect;
    struct gate_hooks hooks;
};

struct errand {
    struct gate *gate;
    struct worker *worker;
    struct snapshot *snapshot;
    struct stop_set *stops;
    struct tls_server *tls;
    struct asking_worker *ask; /* what the first worker is asked, with room for its answer */
    struct deciding_person *person;
    struct holds_round *round;
};

/* ---- gate.c ---- */

struct tls_server *gate_certificate(const struct snapshot *s, char why[256]); /* NULL: there is none, or why[] */

/* ---- gate_shop.c ---- */

CHECKED bool gate_open_shop(struct gate *g, struct books *books, char why[256]); /* false: what is there is for gate_close_shop */
/* Threads that tell workers something end before the workers' loops are freed. */
void gate_stop_helpers(struct gate *g);
void gate_close_shop(struct gate *g);

/* ---- gate_orders.c ---- */

/* A change or a question to workers, begun and ended. */
void gate_begin_order(struct gate *g);
void gate_end_order(struct gate *g);
/* Within an order: fn with a copy of the errand, which it ends with gate_errand_done, on the first `count` workers' loops. Returns when all
 * have done it. */
void gate_send(struct gate *g, void (*fn)(void *self), const struct errand *what, unsigned count);
void gate_errand_done(struct errand *e);

#endif
