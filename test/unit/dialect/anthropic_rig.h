/* SPDX-License-Identifier: Apache-2.0
 * anthropic_rig.h - what the tests of Anthropic's translators share. One call at a time; every text is read from memory of its own, with
 * slack behind it, so that ASan sees a look beyond. */
#ifndef TG_TEST_ANTHROPIC_RIG_H
#define TG_TEST_ANTHROPIC_RIG_H

#include "dialect/dialect.h"

struct anthropic_rig {
    const struct translator *translator;
    struct json *json;
    struct arena arena, event;
    struct buf body, out;
    struct call call;
    struct quirks quirks;
    struct notes notes;
    struct reader reader;
    struct writer writer;
    struct gather gather;
    struct answer answer;
    struct buf log; /* what a stream said, one event a line */
    const char *why;
};

void anthropic_rig_open(struct anthropic_rig *r, const char *dialect);
void anthropic_rig_close(struct anthropic_rig *r);
/* Forgets what was read and written before. */
void anthropic_rig_clear(struct anthropic_rig *r);
enum err anthropic_rig_read(struct anthropic_rig *r, struct span body);
/* r->call as the dialect says it, without and with what the notes say behind it: " unsayable: ...; adapted: ...". */
struct span anthropic_rig_write(struct anthropic_rig *r);
struct span anthropic_rig_noted(struct anthropic_rig *r);
/* Reads a call and says it again. */
struct span anthropic_rig_again(struct anthropic_rig *r, const char *body);
/* Feeds frames; writes them again into r->out as this dialect's own stream, gathers them and logs them. */
void anthropic_rig_begin(struct anthropic_rig *r, struct span owner);
void anthropic_rig_frame(struct anthropic_rig *r, struct span name, struct span data);
void anthropic_rig_stream(struct anthropic_rig *r, struct span stream);
/* A file of golden/anthropic_messages, without the line's end that it ends with. It lives as long as the rig's arena. */
struct span anthropic_rig_golden(struct anthropic_rig *r, const char *name);
/* A number below `of`, always the same ones for the same seed. */
unsigned anthropic_rig_chance(unsigned *seed, unsigned of);

#endif
