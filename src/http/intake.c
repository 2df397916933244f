/* SPDX-License-Identifier: Apache-2.0
 * intake.c - see intake.h. */
#include "http/intake.h"

void intake_init(struct intake *i)
{
    buf_init(&i->held, INTAKE_CEILING);
    i->unread = SPAN_NONE;
    i->own = false;
}

void intake_free(struct intake *i)
{
    buf_free(&i->held);
    i->unread = SPAN_NONE;
    i->own = false;
}

void intake_clear(struct intake *i)
{
    i->unread = SPAN_NONE;
    i->own = false;
    if (i->held.room > INTAKE_KEPT) {
        buf_free(&i->held);
        buf_init(&i->held, INTAKE_CEILING);
    }
    buf_clear(&i->held);
}

bool intake_add(struct intake *i, struct span in)
{
    if (i->unread.len == 0) {
        i->unread = in;
        i->own = false;
        return true;
    }
    must(i->own);
    buf_drop(&i->held, (size_t)(i->unread.at - i->held.at));
    buf_put(&i->held, in);
    i->unread = buf_span(&i->held);
    return !i->held.broken;
}

bool intake_keep(struct intake *i)
{
    if (i->unread.len == 0) {
        intake_clear(i);
        return true;
    }
    if (i->own)
        return true;
    buf_clear(&i->held);
    buf_put(&i->held, i->unread);
    i->unread = buf_span(&i->held);
    i->own = true;
    return !i->held.broken;
}
