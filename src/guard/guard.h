/* SPDX-License-Identifier: Apache-2.0
 * guard.h - opinions about text: local, deterministic checks of what goes to a model and of what comes back. Portkey's forms.
 *
 * A list of guards is read once (routes, an inline header), is immutable and shared by all threads. An id that is not known, a parameter
 * that is misspelt, a check that would need another server: refused when it is read. A check that cannot come to an opinion (a pattern
 * that takes too long, JSON that is too deep) says false. What is looked at, and where we differ: docs/guardrails.md. */
#ifndef TG_GUARD_GUARD_H
#define TG_GUARD_GUARD_H

#include "base/json.h"
#include "base/node.h"

enum {
    GUARDS_MOST = 16,   /* of one list */
    GUARD_CHECKS_MOST = 64, /* of one list */
    GUARD_PIECES_MOST = 10000,
    GUARD_TEXT_MOST = 8 << 20 /* of one text; a longer one is not looked at, and so fails */
};

struct guard_set;

/* path: for messages ("config.input_guardrails"). E_CONFIG with *t; E_NO_MEMORY. An empty or absent list: a set of no guards. */
CHECKED enum err guard_read(struct arena *a, const struct node *list, const char *path, struct guard_set **out, struct trouble *t);
size_t guard_count(const struct guard_set *s);
bool guard_may_deny(const struct guard_set *s);
bool guard_may_rewrite(const struct guard_set *s);

/* One text. prose: what people and models say; else what is carried along (a tool's arguments, a file's name), at which only checks that
 * forbid look. Texts of one turn belong together; the newest turn is the highest one. */
struct guard_piece {
    struct span raw;  /* where it stands in the body, in its quotes; SPAN_NONE: it cannot be rewritten */
    struct span text; /* plain */
    int turn;         /* -1: none (a system prompt, a tool's description) */
    bool prose;
    bool fixed;       /* a name: cannot be rewritten */
};

struct guard_text {
    bool answer; /* of the vendor's: every choice is a turn */
    const struct guard_piece *pieces;
    size_t count;
    struct span model;        /* as the call names it; SPAN_NONE: it names none */
    struct span request_type; /* "chatComplete" */
    struct span metadata;     /* JSON object; SPAN_NONE: none */
    struct json *json;        /* used meanwhile */
};

struct guard_opinion {
    struct span check; /* "default.contains" */
    bool verdict, transformed;
    struct span explanation; /* for people; names no text that was looked at */
    struct span error;       /* SPAN_NONE: it came to an opinion */
    int64_t us;
};

struct guard_hook_result {
    struct span id, type; /* "guardrail", "mutator" */
    bool verdict, transformed, deny, async;
    struct guard_opinion *list;
    size_t count;
    int64_t us;
};

struct guard_result {
    bool verdict;  /* all guards are content, but for async ones */
    bool denied;   /* one that denies is not */
    bool rewritten;
    struct guard_hook_result *list;
    size_t count;
    struct span *texts; /* rewritten, one for each piece; SPAN_NONE: as it was */
    struct span why;    /* for people: which guard and check said no first */
    int64_t at_ms;
};

/* False: no memory, which must count as a refusal. Everything in a. */
bool guard_run(const struct guard_set *s, const struct guard_text *text, struct arena *a, struct guard_result *out);
/* One list of Portkey's hook_results: [{"verdict":...,"id":...,"checks":[...]}]. NULL: []. */
void guard_write_results(const struct guard_result *r, struct buf *out);
/* The whole object: {"before_request_hooks":[...],"after_request_hooks":[...]}. */
void guard_write_hooks(const struct guard_result *before, const struct guard_result *after, struct buf *out);

/* ---- the texts of a body (texts.c) ---- */

/* Of a JSON request or answer in any of the dialects: whatever strings stand where a model reads or speaks. E_BAD_REQUEST: no JSON object;
 * E_TOO_LARGE: too many texts. */
CHECKED enum err guard_texts(struct json *j, struct span body, bool answer, struct arena *a, struct guard_text *out);
/* The body with what guard_run rewrote in its place; false: out broke. */
bool guard_splice(struct span body, const struct guard_text *text, const struct guard_result *r, struct buf *out);

#endif
