/* SPDX-License-Identifier: Apache-2.0
 * vendor_rig.h - what the tests of dialects that only vendors speak share: calls of other dialects said in theirs, their answers and
 * streams as a list of neutral events, one a line. Every text is read from memory of its own, so that ASan sees a look beyond. */
#ifndef TG_TEST_VENDOR_RIG_H
#define TG_TEST_VENDOR_RIG_H

#include "dialect/dialect.h"

struct vendor_rig {
    const struct dialect *dialect;
    struct json *json;
    struct arena arena, event;
    struct buf body, out, log;
    struct call call;
    struct quirks quirks;
    struct notes notes;
    struct reader reader;
    const char *why;
    int starts, ends, errors; /* of a stream */
};

void vendor_rig_open(struct vendor_rig *r, const char *dialect);
void vendor_rig_close(struct vendor_rig *r);
/* Text with slack behind it, in memory of its own. */
struct span vendor_rig_body(struct vendor_rig *r, struct span text);
/* A caller's call of this dialect into r->call, for this model. */
void vendor_rig_read(struct vendor_rig *r, const char *dialect, struct span body, const char *model);
/* r->call in the vendor's words: the body alone, and with what was noted behind it. */
struct span vendor_rig_write(struct vendor_rig *r);
struct span vendor_rig_noted(struct vendor_rig *r);
/* Both at once, of a call in OpenAI's words. */
struct span vendor_rig_say(struct vendor_rig *r, const char *model, const char *body);
/* A whole answer as events; "broken" where it is none. */
struct span vendor_rig_answer(struct vendor_rig *r, struct span body);
/* A stream's bytes, so many at a time, as events; "cut" behind them where it has no end. */
struct span vendor_rig_stream(struct vendor_rig *r, struct span bytes, size_t step);
/* "kind 7 status 500 code "x" message "y"". */
struct span vendor_rig_fault(struct vendor_rig *r, int status, const char *body);
/* golden/DIALECT/NAME without the line's end that it ends with; lives as long as the rig. */
struct span vendor_rig_golden(struct vendor_rig *r, const char *name);

#endif
