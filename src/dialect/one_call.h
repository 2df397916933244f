/* SPDX-License-Identifier: Apache-2.0
 * one_call.h - "one tool call at a time", kept for callers of vendors that cannot be told so: what a model calls beyond the first is left
 * out, and it asks again when it has seen the result. */
#ifndef TG_DIALECT_ONE_CALL_H
#define TG_DIALECT_ONE_CALL_H

#include "dialect/event.h"

enum { ONE_CALL_CHOICES = 128 };

struct one_call {
    event_sink *sink;
    void *self;
    struct {
        bool called, dropping;
        int64_t dropped;
    } choices[ONE_CALL_CHOICES];
};
void one_call_event(void *one_call, const struct event *e); /* an event_sink: what is left goes to `sink` */
void one_call_answer(struct answer *answer);

#endif
