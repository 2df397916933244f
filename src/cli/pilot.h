/* SPDX-License-Identifier: Apache-2.0
 * pilot.h - what the files of `tollgate pilot` share: the trials of a vendor, what came of them, the note. Private to cli/. */
#ifndef TG_CLI_PILOT_H
#define TG_CLI_PILOT_H

#include "base/money.h"
#include "cli/object.h"
#include "http/fetch.h"

enum { PILOT_CHECKS = 48, PILOT_CALLS = 24 };

enum pilot_step { STEP_FREEZE = 1, STEP_MAP, STEP_TRANSPORT, STEP_CAPABILITY, STEP_FINANCE, STEP_BACK, STEP_DECISION };
enum pilot_outcome { PILOT_PASSED, PILOT_FAILED, PILOT_SKIPPED };

struct pilot_check {
    enum pilot_step step;
    enum pilot_outcome outcome;
    struct span what, found;
};

/* One request and what its answer must show. */
struct trial {
    enum pilot_step step;
    const char *what;
    const char *method, *path; /* {account} and {model} are filled in */
    const char *body;          /* {model}, {long}; NULL: none */
    int status;                /* of the answer; 400: any of 400 to 499 */
    const char *shows[4];      /* members of a JSON answer, or, where `stream`, texts in it */
    bool stream, writes, twice; /* writes: only with --writes; twice: with one idempotency key; the second must give the first one's id */
};

struct pilot_vendor {
    const char *vendor, *model; /* model: what is tried unless --model says another; NULL: it has none */
    const char *base;           /* what an SDK is given after the gate's address: "/openai/v1" */
    const char *direct;         /* what it had before: "https://api.openai.com/v1" */
    const char *variable;       /* "OPENAI_API_KEY" */
    const struct trial *trials; /* ended by one without a method */
    struct { const char *language, *before, *after; } diffs[3]; /* {base}: the new base URL */
};

/* pilot_vendors.c */
const struct pilot_vendor *pilot_vendor(struct span name);
struct span pilot_vendor_names(struct arena *a);

struct pilot {
    struct cli *c;
    const struct pilot_vendor *v;
    struct span gate, credential, account, model, key, key_name, policy, run, before_url;
    struct span secret; /* of the direct route, to compare with it; SPAN_NONE: it is not asked */
    struct pilot_check checks[PILOT_CHECKS];
    size_t check_count;
    struct span calls[PILOT_CALLS];
    size_t call_count;
    nano_usd cost;
    struct span snapshot; /* of prices */
};

void pilot_note(struct pilot *p, enum pilot_step step, enum pilot_outcome outcome, const char *what, const char *format, ...) PRINTF_LIKE(5, 6);
bool pilot_go(const struct pilot *p);

/* pilot_try.c: one request. */
void pilot_try(struct pilot *p, const struct trial *t);
/* "{base}/x" with what stands for names in braces. */
struct span pilot_fill(struct pilot *p, const char *text);
/* Asks through the gate with the pilot's key. False: it could not be reached. */
bool pilot_ask(struct pilot *p, const char *method, struct span path, struct span body, struct span once, struct fetch_answer *out);
/* A field of the answer's head; SPAN_NONE: it has none of that name. */
struct span pilot_field(const struct fetch_answer *answer, struct span name);
/* The authorization that a secret of this vendor, or a key in its place, goes in. */
struct span pilot_authorization(struct pilot *p, struct span secret);
/* What the answer should show and does not; NULL: all is there. */
const char *pilot_missing(struct pilot *p, const struct trial *t, const struct fetch_answer *answer, struct json_value *root);

/* pilot_direct.c: the route that is to be left. pilot_read_secret: an enum exit_code; pilot_compare does nothing without that secret. */
struct pilot_answer {
    int status;
    int64_t ms;
    const char *missing;
};
int pilot_read_secret(struct pilot *p);
void pilot_compare(struct pilot *p, const struct trial *t, struct span path, struct span body, const struct pilot_answer *through);
/* pilot_note.c: the decision as Markdown, with the diff there and the diff back. */
void pilot_write(struct pilot *p, struct buf *out);

#endif
