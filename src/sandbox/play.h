/* SPDX-License-Identifier: Apache-2.0
 * play.h - one request to the sandbox and the answer a vendor's file writes for it. Private to sandbox/.
 *
 * A vendor is one function: it looks at the request, writes JSON (or events) to p->out and sets the status. It does no I/O;
 * sandbox.c reads requests and sends answers. */
#ifndef TG_SANDBOX_PLAY_H
#define TG_SANDBOX_PLAY_H

#include "base/json.h"
#include "http/head.h"
#include "sandbox/shelf.h"

enum { PLAY_FIELDS = 8, PLAY_SEGMENTS = 8, PLAY_ANSWER = 4 << 20 };

struct play {
    /* the request */
    struct arena *arena;
    struct json *reader;
    struct shelf *shelf;
    const struct http_head *head;
    struct span method, query, body;
    struct span path[PLAY_SEGMENTS]; /* without the vendor's name: "v1", "charges" */
    size_t path_count;
    int64_t now_ms;
    bool secret_fits; /* it came with the sandbox's secret, not with the agent's key */
    /* the answer */
    int status;
    struct http_field fields[PLAY_FIELDS];
    size_t field_count;
    bool events; /* p->out is an event stream, to be sent event by event */
    struct buf out;
    struct json_out json; /* writes to out */
};

#define PLAY_SECRET "sk_sandbox"

void play_init(struct play *p, struct arena *a, struct json *reader, struct shelf *shelf, int64_t now_ms);
void play_free(struct play *p);
/* Hands the request to the vendor that its path begins with. */
void play_run(struct play *p, const struct http_head *head, struct span body);

/* "chatcmpl-" and 24 random letters, in the arena. */
struct span play_id(struct play *p, const char *prefix);
void play_field(struct play *p, struct span name, struct span value);
/* Whether the path has these segments after an optional "v1"; "*" is any one, which comes back in *id. */
bool play_is(const struct play *p, const char *method, const char *path, struct span *id);
/* A value of the form in the body, or of the query; SPAN_NONE: absent. */
struct span play_form(struct play *p, const char *name);
struct span play_query(struct play *p, const char *name);
bool play_form_i64(struct play *p, const char *name, int64_t *out);
/* Of method, target and body: what a vendor compares before it replays an answer. */
struct digest play_fingerprint(struct play *p);
/* The body as JSON; absent when it is none. */
struct json_value play_json(struct play *p);

void stripe_answer(struct play *p);
/* What is there from the start: cus_ada and cus_bob, with a charge each (ch_of_ada, ch_of_bob). */
void stripe_furnish(struct shelf *s, int64_t now_ms);
void twilio_answer(struct play *p);
void resend_answer(struct play *p);
void openai_answer(struct play *p);
void anthropic_answer(struct play *p);
void gemini_answer(struct play *p);

#endif
