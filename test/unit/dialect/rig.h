/* SPDX-License-Identifier: Apache-2.0
 * rig.h - what the dialect tests share: bodies with slack behind them, one ask or usage at a time, whole streams. */
#ifndef TG_TEST_DIALECT_RIG_H
#define TG_TEST_DIALECT_RIG_H

#include "dialect/dialect.h"

struct rig {
    const struct dialect *dialect;
    struct json *json;
    struct arena arena;
    struct buf body; /* with slack, freshly allocated each time, so that ASan sees a look beyond */
    struct ask ask;
    struct usage usage;
    struct stream_meter meter;
    struct buf shown; /* of a stream: events not hidden */
    const char *why;
};

void dialect_rig_open(struct rig *r, const char *dialect);
void dialect_rig_close(struct rig *r);
enum err dialect_rig_ask(struct rig *r, const char *body);
enum err dialect_rig_ask_span(struct rig *r, struct span body);
void dialect_rig_usage(struct rig *r, const char *body);
/* Feeds a whole event stream into a fresh meter. */
void dialect_rig_stream(struct rig *r, struct span stream, bool usage_wanted);
/* Meters in a form to compare: "in=1 out=2". */
struct span dialect_rig_meters(const struct usage *u, char *room, size_t size);

#endif
