/* SPDX-License-Identifier: Apache-2.0
 * approvals.h - calls that wait for a person, from the first refusal to the one call that a yes lets through.
 *
 * An approval is for one request of one key: the same operation, path, query and body (flow/repeats.h: `asked`), in the same run. The
 * agent is refused with approval_required and its id, and asks again the same way. Pending until a person decides, once, or `wait` is over (silence
 * is refusal); approved it lets one call through, within `use_within`; a call that was not sent gives it back. A refusal, by a person or by
 * silence, stands for a day; one that was used, or approved and not used in time, makes way for a new one when the request comes again. What
 * became of it is remembered a day. Shared by all workers and the admin thread, one lock: it is no hot path, only calls that a rule
 * holds come here. Every change is a journal note (NOTE_APPROVAL) of the worker that made it, or the store's through the first worker; so all
 * survive. Such a note's `at` is the approval's changed_at, which grows with each change whatever the clock does: notes of two workers may
 * reach the store in another order. Its `until` is the approval's `until`. */
#ifndef TG_FLOW_APPROVALS_H
#define TG_FLOW_APPROVALS_H

#include "base/arena.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/json.h"
#include "base/money.h"

enum {
    APPROVALS_MOST = 10000,     /* pending, or approved and not used, at a time in all; one more call is refused as overloaded */
    APPROVALS_OF_KEY = 1000,    /* of one key */
    APPROVALS_OVER = 50000,     /* remembered that are over: of more the oldest are forgotten early */
    APPROVAL_TEXT = 1000,       /* bytes of a reason or a note; what is longer is cut */
    APPROVAL_NAME = 256,        /* of any other text */
    APPROVAL_REQUEST = 4096,    /* of `request`; a longer one is left out */
    APPROVAL_ID = 20            /* "apr_" and 16 hex digits */
};

enum approval_state { APPROVAL_PENDING, APPROVAL_APPROVED, APPROVAL_REFUSED, APPROVAL_EXPIRED /* nobody decided, or it was not used */, APPROVAL_USED };

/* What a person sees. Spans: the table's own, until it changes; copied by approvals_find and _list. */
struct approval {
    char id[APPROVAL_ID + 1];
    enum approval_state state;
    struct digest asked;
    int64_t at, until;  /* Unix ms: asked; end of waiting, or of use once approved */
    int64_t changed_at; /* when it became what it is, later than anything before */
    int64_t use_ms;     /* how long a yes holds */
    uint64_t call;      /* that asked first */
    uint64_t used_by;   /* 0: none yet */
    nano_usd most;      /* what it can cost at most; -1: not known */
    int64_t messages;
    struct span workspace, key, key_name, run, step, vendor, operation, rule, customer;
    struct span request; /* method, path and parameters as JSON, secrets out, at most 4 KiB */
    struct span reason;  /* why it waits */
    struct span actor, note; /* who decided, and what was said */
    int64_t decided_at; /* 0: nobody did */
};

struct approvals;
struct approvals *approvals_new(void);
void approvals_free(struct approvals *t);

/* Looks for, or opens, the approval of a request: *out is a copy in a. opened: it is new, and is to be noted and told. Ones whose time is over
 * change their state here. E_OVERLOADED: too many are pending. */
CHECKED enum err approvals_ask(struct approvals *t, const struct approval *wanted, int64_t now_ms, struct arena *a, struct approval *out, bool *opened);
/* An approved one is taken by this call: false: it is not approved (any more). And given back by a call that was not sent. */
bool approvals_take(struct approvals *t, struct span id, uint64_t call, int64_t now_ms);
void approvals_give_back(struct approvals *t, struct span id, uint64_t call);
/* Once: E_CONFLICT when it is decided or over, with *out as it stands; E_NOT_FOUND. */
CHECKED enum err approvals_decide(struct approvals *t, struct span id, bool approve, struct span actor, struct span note, int64_t now_ms, struct arena *a, struct approval *out);
bool approvals_find(struct approvals *t, struct span id, int64_t now_ms, struct arena *a, struct approval *out);
/* Those of the last day, newest first; state -1: any. */
CHECKED enum err approvals_list(struct approvals *t, int state, int64_t now_ms, struct arena *a, struct approval **list, size_t *count);
/* Those over for a day leave memory. */
void approvals_tidy(struct approvals *t, int64_t now_ms);

/* What a person need not see to decide, and nobody should keep: "[hidden]" for a card's number (by its digits) and for what is named as a secret
 * ("card.cvc", "password"); else the value. */
struct span approval_hide(struct span name, struct span value);

struct span approval_state_name(enum approval_state state); /* "pending" */
bool approval_state_parse(struct span text, enum approval_state *out);
/* As a note's bytes and as the API's JSON, which is the same; and back, as it stands at now_ms, copied into a; E_BAD_REQUEST: it is none. */
void approval_write(const struct approval *ap, struct json_out *o);
CHECKED enum err approval_read(struct json *j, struct span bytes, int64_t now_ms, struct arena *a, struct approval *out);
/* When the gate starts. One that is over for a day is not taken; a newer state of the same one stays. */
CHECKED enum err approvals_restore(struct approvals *t, struct json *j, struct span bytes, int64_t now_ms);

#endif
