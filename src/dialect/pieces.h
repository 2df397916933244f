/* SPDX-License-Identifier: Apache-2.0
 * pieces.h - what the dialects of pictures, sound and ranking share. Private to dialect/.
 *
 * What they cost is told in tokens, in pieces (pictures, seconds, characters, searches), or not at all; the price book knows by what
 * a model is charged. So an ask bounds all of it, and a usage says all that is known. */
#ifndef TG_DIALECT_PIECES_H
#define TG_DIALECT_PIECES_H

#include "dialect/answer.h"
#include "dialect/ask.h"

/* ask_begin for such an ask; input_most is that of the texts alone. */
void pieces_begin(const struct ask_found *found, int64_t input_most, struct ask *out);
/* The size as it is said, or made of width and height ("1024x768"); SPAN_NONE: neither. */
struct span pieces_size(const struct ask_found *found, struct arena *a);
/* Characters of a text in UTF-8. */
int64_t pieces_characters(struct span text);
/* A JSON number of seconds, rounded up; -1: it is none. */
int64_t pieces_seconds(struct span raw);
/* Adds what another part of the same answer used. */
void pieces_add(struct usage *sum, const struct usage *u);
/* An event of a sound's stream: the one of that type is the last, and has the usage, which `read` reads. */
void pieces_read_last(struct json *j, struct span data, struct arena *a, struct stream_meter *m, struct span last_type,
    void (*read)(struct json *j, struct span usage, struct usage *u));
/* tap_event of an answer in SSE: only events that mention this are read, and those that mention an error. */
void pieces_tap_event(struct json *j, const struct sse_event *event, struct stream_meter *m, bool *hide, struct span mention, answer_read *read);
void pieces_write_error_event(struct buf *out, struct span code, struct span message);
/* edit_ask of those whose model alone is ever edited. */
void pieces_edit_ask(struct json *j, struct span body, const struct ask_edit *edit, struct buf *out);

/* sound.c: the longest that a sound file can last, by its size and format: a bound that no file in use passes. *exact: its own head
 * tells (uncompressed WAV). */
int64_t sound_seconds_most(struct span file, bool *exact);
/* The most that so many bytes of an answer in this format ("mp3") last. */
int64_t sound_seconds_of(int64_t bytes, struct span format);

#endif
