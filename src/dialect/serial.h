/* SPDX-License-Identifier: Apache-2.0
 * serial.h - what the readers of vendors' answers share: one choice whose parts come one after the other, and counts as vendors write
 * them. Private to dialect/. */
#ifndef TG_DIALECT_SERIAL_H
#define TG_DIALECT_SERIAL_H

#include "dialect/translate.h"

/* How far a stream of one choice is; at most one part is open. */
struct serial {
    bool started, open, over; /* over: CHOICE_END was emitted */
    bool marked;              /* the open part has the beginning of a signature */
    enum part_kind kind;      /* of the open part */
    int64_t key;              /* the vendor's own number of it */
    int64_t count;            /* parts begun */
    int64_t made_up;          /* ids that the vendor did not give */
};
/* r->state, made at the first call. NULL: no memory, r->broken is set. */
struct serial *serial_of(struct reader *r);
/* START, unless it was emitted. head NULL: nothing is known. Opening a part and ending the choice do it by themselves. */
void serial_start(struct reader *r, struct serial *s, const struct answer *head);
/* Ends the part that is open, and begins this one. */
void serial_open(struct reader *r, struct serial *s, int64_t key, const struct part *opens);
/* Is a part of this key and kind open? */
bool serial_at(const struct serial *s, int64_t key, enum part_kind kind);
/* text: raw; nothing is emitted for an empty string, or where none is open. */
void serial_delta(struct reader *r, struct serial *s, enum delta_kind kind, struct span text);
void serial_cite(struct reader *r, struct serial *s, const struct citation *citation);
/* More of a signature; the first piece is marked with its owner. */
void serial_sign(struct reader *r, struct serial *s, struct span raw);
void serial_close(struct reader *r, struct serial *s);
void serial_end(struct reader *r, struct serial *s, enum ending ending, struct span stop);
void serial_usage(struct reader *r, const struct usage *u);
void serial_fail(struct reader *r, const struct fault *fault);
/* Is it a whole JSON object, so that raw.h can read it? *text: without blanks around it. Needs no slack. */
bool serial_object(struct json *j, struct span *text);
/* The same for an event; sets r->broken. */
bool serial_frame(struct reader *r, struct span *data);

/* A count of tokens, rounded up where a vendor writes it with a point (5.0). -1: there is none. */
int64_t count_in(struct span object, struct span name, struct arena *a);
/* 0 instead of -1. */
int64_t count_or_0(struct span object, struct span name, struct arena *a);
/* A number as written: is it above (below) this? */
bool number_above(struct span raw, double limit);
bool number_below(struct span raw, double limit);

#endif
