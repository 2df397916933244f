/* SPDX-License-Identifier: Apache-2.0
 * access.h - who visits the admin plane, what they may, and how often they may try. Not for other folders.
 *
 *   a request → its token or its session → its role → its workspace → the handler
 *
 * All of it is asked in one place (access_admit), before the handler and before the body. Everything here is the admin thread's. */
#ifndef TG_ADMIN_ACCESS_H
#define TG_ADMIN_ACCESS_H

#include "config/snapshot.h"

struct admin;
struct visit;
struct access;

enum {
    SESSIONS = 256,      /* of browsers, at a time; the one idle longest gives way */
    SESSIONS_A_TOKEN = 32, /* ... of one token; its own idlest gives way */
    LOGIN_CODES = 16,    /* one-time codes that wait to be used; the oldest gives way */
    CODES_A_TOKEN = 4,   /* ... of one token; its own oldest gives way */
    STRANGERS = 1024,    /* addresses whose failures are counted; the one heard of longest ago gives way */
    FAILURES = 20,       /* wrong tokens and codes an address may send at once */
    FAILURES_A_MINUTE = 10 /* and as many again after that */
};

struct actor {
    struct span name;      /* who stands in the audit log */
    enum admin_role role;
    struct span workspace; /* confined to it; SPAN_NONE: to none */
    bool content;          /* may read what was captured of calls, whatever its role */
    struct digest hash;    /* of the token: what sessions and use are kept by */
    uint64_t session;      /* its number; 0: came with the token itself */
};

/* NULL: no memory. */
struct access *access_new(void);
void access_free(struct access *a);

/* Whoever may not go on has been replied to. */
bool access_admit(struct visit *v);
/* Whether the actor of this visit may see what belongs to that workspace. */
bool access_sees(const struct actor *actor, struct span workspace);
/* Whether the actor may read what was captured of calls: owners, and tokens that say so. */
bool access_reads_content(const struct actor *actor);
/* Whether the actor still may come, with the role and the workspace it came with: streams ask now and then, visits when their body is whole. */
bool access_holds(struct admin *a, const struct actor *actor, int64_t now);
/* When that token was last used, in this process; 0: not yet. */
int64_t access_used(struct admin *a, const struct digest *token);

/* ---- limits.c ---- */

/* So many a minute, and as many at once as burst says. */
struct bucket {
    int64_t at, spent; /* spent: thousandths */
};
/* False: none is left for *wait_ms. */
bool bucket_take(struct bucket *b, int64_t per_minute, int64_t burst, int64_t now, int64_t *wait_ms);
bool bucket_has(const struct bucket *b, int64_t per_minute, int64_t burst, int64_t now, int64_t *wait_ms);

struct stranger {
    char address[48]; /* of IPv6 the network of 64 bits */
    struct bucket failures;
};
struct strangers {
    struct stranger list[STRANGERS];
    size_t count;
};
/* False: this address failed too often; ask again in *wait_ms. */
bool strangers_may_try(const struct strangers *s, struct span address, int64_t now, int64_t *wait_ms);
/* It failed. True: that was the last for now. */
bool strangers_failed(struct strangers *s, struct span address, int64_t now);

/* ---- session.c ---- */

struct sessions;
struct sessions *sessions_new(void);
void sessions_free(struct sessions *s);
/* Sessions of the process before, as far as they and their tokens still live, and from now on they are kept. key: 32 bytes, stays the caller's. */
void sessions_open(struct sessions *s, struct span dir, const uint8_t key[32], const struct snapshot *now_in_force);
/* Ends those whose tokens are not in the configuration any more: they do not come back with the token. */
void sessions_prune(struct sessions *s, const struct snapshot *now_in_force);
/* The number of the session of this request's cookie, which it keeps alive, and the hash of its token; 0: none, or over. */
uint64_t sessions_find(struct sessions *s, struct span cookie, int64_t now, struct digest *token);
/* Replies if the request may not have come from our own page. csrf: its header is needed, too. */
bool session_own_page(struct visit *v, bool csrf);
/* Sets v->actor from a token, or its hash; false: nobody's. */
bool access_take_token(struct visit *v, struct span token);
bool access_take_hash(struct visit *v, const struct digest *hash);
bool session_lives(const struct sessions *s, uint64_t number, const struct digest *token, int64_t now);
/* Prints the link of a first login, for the holder of this token. */
void session_greet(struct admin *a, const struct digest *token);
struct sessions *access_sessions(struct access *a);
/* A wrong token or code: logged, counted, told as an alert when the address is shut out. False: too many came from there, replied with 429.
 * A right one that nobody guesses is let in all the same: whoever sends wrong ones must not shut out those behind the same address. */
bool access_failed(struct visit *v, const char *what);
/* False: this actor's token asks too often; replied with 429. */
bool access_not_too_often(struct visit *v);
void reply_wait(struct visit *v, int64_t wait_ms, const char *detail);

/* ---- session_file.c: sessions outlive the process ---- */

struct session {
    uint64_t number; /* 0: free */
    struct digest cookie, token;
    int64_t began_at, used_at;
};
/* DATA/sessions, sealed under the master key: hashes of cookies and of their tokens, and times. Neither lets anybody in. */
struct session_file {
    char path[512];     /* "": they are not kept */
    const uint8_t *key; /* 32 bytes */
};
/* Durable when it returns. False: it could not be written, and it was logged; then there is none. */
bool session_file_write(const struct session_file *f, const struct session *list, size_t count);
/* How many were there; 0 as well when there is no such file, or none that can be believed. list has SESSIONS places. */
size_t session_file_read(const struct session_file *f, struct session *list);

/* ---- confine.c: tokens that are confined to a workspace ---- */

/* Whether this handler keeps a confined visitor inside the workspace; all others refuse one. */
bool confine_knows(const struct visit *v);
/* Whether the object (as the API shows it) belongs to the visitor's workspace; true for visitors who are not confined. */
bool confine_owns(const struct visit *v, struct span kind, struct span id, struct span json);
/* The body of a change: what it leaves out of the workspace is put in, what it names outside is refused. SPAN_NONE: replied. */
struct span confine_body(struct visit *v, struct span kind, struct span body, bool creates);
bool confine_key(struct visit *v, struct span id_or_name);
/* Whether a key of the workspace that is in force names this policy, shadow, route or credential. */
bool confine_key_has(const struct visit *v, const struct snapshot *s, const char *field, struct span name);
/* What a change makes of this key, as `after` has it: E_ROLE_DENIED and *t when a confined visitor would give it more than a key of the workspace has, or
 * loosen what binds it. */
CHECKED enum err confine_key_change(struct visit *v, struct span id, const struct snapshot *after, struct trouble *t);
/* Whether this kind may be written by a confined visitor at all. */
bool confine_writes(struct span kind);

#endif
