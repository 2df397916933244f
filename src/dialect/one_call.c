/* SPDX-License-Identifier: Apache-2.0
 * one_call.c - see one_call.h. */
#include "dialect/one_call.h"

void one_call_event(void *one_call, const struct event *e)
{
    struct one_call *o = one_call;
    struct event kept = *e;
    bool of_part = e->kind == EVENT_PART || e->kind == EVENT_DELTA || e->kind == EVENT_PART_END;
    if (!of_part || e->choice < 0 || e->choice >= ONE_CALL_CHOICES) {
        o->sink(o->self, e);
        return;
    }
    bool *called = &o->choices[e->choice].called, *dropping = &o->choices[e->choice].dropping;
    if (e->kind == EVENT_PART) {
        bool calls = e->part_kind == PART_TOOL_CALL || (e->opens && e->opens->kind == PART_TOOL_CALL);
        *dropping = calls && *called;
        *called = *called || calls;
        o->choices[e->choice].dropped += *dropping;
    }
    kept.part -= o->choices[e->choice].dropped;
    if (!*dropping)
        o->sink(o->self, &kept);
    if (e->kind == EVENT_PART_END)
        *dropping = false;
}

void one_call_answer(struct answer *answer)
{
    for (struct choice *c = answer->choices; c; c = c->next) {
        bool called = false;
        struct part *before = NULL;
        for (struct part *p = c->parts; p; p = p->next) {
            if (p->kind == PART_TOOL_CALL && called) {
                before->next = p->next;
                continue;
            }
            called = called || p->kind == PART_TOOL_CALL;
            before = p;
        }
        if (c->parts)
            c->parts->last = before;
    }
}
