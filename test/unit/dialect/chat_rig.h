/* SPDX-License-Identifier: Apache-2.0
 * chat_rig.h - what the tests of the chat completions' translator share. Bodies have their slack behind them and no more; frames, which
 * need none, are of exactly their size: so ASan sees a look beyond. */
#ifndef TG_TEST_CHAT_RIG_H
#define TG_TEST_CHAT_RIG_H

#include "dialect/dialect.h"

struct chat_rig {
    const struct translator *chat;
    struct json *json;
    struct arena arena, event;
    struct buf body, out, trace;
    struct call call;
    struct quirks quirks;
    struct notes notes;
    struct reader reader;
    struct writer writer;
    struct answer answer;
    struct gather gather;
    const char *why;
};

void chat_rig_open(struct chat_rig *r);
void chat_rig_close(struct chat_rig *r);
/* Forgets everything that was read; quirks and what may be dropped stay. */
void chat_rig_clear(struct chat_rig *r);
enum err chat_rig_read(struct chat_rig *r, struct span body);
/* r->call as a request; notes of it are in r->notes. */
struct span chat_rig_write(struct chat_rig *r);
/* The same, and what was noted: " unsayable: a, b adapted: c". */
struct span chat_rig_noted(struct chat_rig *r);
/* Reads and writes it. */
struct span chat_rig_again(struct chat_rig *r, const char *body);
enum err chat_rig_read_answer(struct chat_rig *r, struct span body, struct span owner);
struct span chat_rig_write_answer(struct chat_rig *r);
/* A whole stream: its events go to the trace (one line each), to the gather, and written again to r->out. */
void chat_rig_stream(struct chat_rig *r, struct span stream, struct span owner, bool usage_wanted);
/* A file of golden/openai_chat, without a line's end at its end; it lives in the arena. */
struct span chat_rig_golden(struct chat_rig *r, const char *name);

#endif
