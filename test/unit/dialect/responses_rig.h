/* SPDX-License-Identifier: Apache-2.0
 * responses_rig.h - what the tests of the translator of OpenAI's responses share. Every text is read from memory of its own, with slack
 * behind it, so that ASan sees a look beyond. */
#ifndef TG_TEST_RESPONSES_RIG_H
#define TG_TEST_RESPONSES_RIG_H

#include "dialect/openai_responses_int.h"

struct responses_rig {
    struct json *json;
    struct arena arena, event;
    struct buf body, out;
    struct call call;
    struct quirks quirks;
    struct notes notes;
    struct answer answer;
    struct reader reader;
    struct writer writer; /* says what a stream says, as a stream, into out */
    struct gather gather;
    struct fault fault; /* of an ERROR */
    const char *why;
    bool asked; /* writers know the call that was read */
};

void responses_rig_open(struct responses_rig *r);
void responses_rig_close(struct responses_rig *r);
enum err responses_rig_read(struct responses_rig *r, struct span body);
/* The call as it is written, and " unsayable: a, b dropped: c adapted: d" behind it. */
struct span responses_rig_write(struct responses_rig *r);
/* Reads it and writes it. */
struct span responses_rig_again(struct responses_rig *r, const char *body);
enum err responses_rig_read_answer(struct responses_rig *r, struct span body);
struct span responses_rig_write_answer(struct responses_rig *r, const struct answer *answer);
struct span responses_rig_events(struct responses_rig *r, const struct answer *answer); /* the same as a stream */
/* Reads a stream; in pieces of `step` bytes. Says again what it hears, and gathers it. */
void responses_rig_stream(struct responses_rig *r, struct span stream, size_t step);
/* A file of golden/openai_responses, with slack. It lives as long as the rig. */
struct span responses_rig_file(struct responses_rig *r, const char *name);
/* Is `got` what stands in the file? GOLDEN=write writes it. */
void responses_rig_golden(struct responses_rig *r, const char *name, struct span got);
/* Are these the events of a response, in the order that is documented? NULL: they are; else what is wrong. */
const char *responses_order(struct json *j, struct span stream, struct arena *a);

#endif
