/* SPDX-License-Identifier: Apache-2.0
 * intake.h - bytes that came but were not taken yet; private to http/.
 *
 * During a turn `unread` may stand in the loop's shared read buffer (nothing is copied when all is taken at once); what
 * is left when the turn ends is copied into `held`. The owner pauses its wire at INTAKE_HIGH. */
#ifndef TG_HTTP_INTAKE_H
#define TG_HTTP_INTAKE_H

#include "base/buf.h"

enum {
    INTAKE_HIGH = 64 * 1024,     /* unread: stop reading */
    INTAKE_CEILING = 2048 * 1024, /* not reached: the owner pauses, or refuses a head beyond its bound (1 MiB at most) */
    INTAKE_KEPT = 8 * 1024,      /* memory an empty intake may keep */
};

struct intake {
    struct buf held;
    struct span unread;
    bool own; /* unread stands in held */
};

void intake_init(struct intake *i);
void intake_free(struct intake *i);
/* Everything away; the memory may stay. */
void intake_clear(struct intake *i);
/* Appends what came: it must live until intake_keep. False: no memory. */
CHECKED bool intake_add(struct intake *i, struct span in);
/* The turn ends. False: no memory. */
CHECKED bool intake_keep(struct intake *i);

#endif
