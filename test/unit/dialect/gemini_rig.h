/* SPDX-License-Identifier: Apache-2.0
 * gemini_rig.h - what the tests of Gemini's translator share. Every text is read from memory of its own, with slack behind it. */
#ifndef TG_TEST_GEMINI_RIG_H
#define TG_TEST_GEMINI_RIG_H

#include "dialect/gemini.h"

struct gemini_rig {
    const struct translator *translator;
    struct json *json;
    struct arena arena, event;
    struct buf body, out, log;
    struct call call;
    struct notes notes;
    struct reader reader;
    struct writer writer;
    struct answer answer;
    const char *why;
    const char *model; /* of calls that are written */
};

void gemini_rig_open(struct gemini_rig *r);
void gemini_rig_close(struct gemini_rig *r);
/* Forgets what was read and written before. */
void gemini_rig_clear(struct gemini_rig *r);
enum err gemini_rig_read(struct gemini_rig *r, struct span body);
/* r->call as a request, and what the notes say of it behind: " unsayable: ...; adapted: ...". */
struct span gemini_rig_write(struct gemini_rig *r);
struct span gemini_rig_again(struct gemini_rig *r, const char *body);
/* An answer read and written again. */
enum err gemini_rig_answer(struct gemini_rig *r, struct span body, struct span owner);
struct span gemini_rig_answer_again(struct gemini_rig *r);
/* A stream: each event is logged, and written again into r->out. */
void gemini_rig_begin(struct gemini_rig *r, struct span owner);
void gemini_rig_frame(struct gemini_rig *r, struct span data);
void gemini_rig_stream(struct gemini_rig *r, struct span stream); /* all of it, and its end */
void gemini_rig_sink(void *rig, const struct event *e);
/* A file of golden/gemini, without the line's end that it ends with. It lives as long as the rig's arena. */
struct span gemini_rig_golden(struct gemini_rig *r, const char *name);

#endif
