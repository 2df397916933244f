/* SPDX-License-Identifier: Apache-2.0
 * rig.h - who alerts are told to, in tests: an HTTP server and a mail server on loopback that do as the test says. Each
 * serves one connection at a time on a thread of its own. */
#ifndef TG_TEST_ALERT_RIG_H
#define TG_TEST_ALERT_RIG_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "test/test.h"

enum { RIG_MOST = 64, HOOK_CUT = -1, HOOK_HANG = -2, HOOK_LONG = -3 /* 200, with a megabyte behind it */ };

/* One POST as it came. */
struct hook_call {
    struct buf head, body;
    int64_t at; /* Unix ms */
};

struct hook {
    int listener;
    uint16_t port;
    pthread_t thread;
    atomic_bool stopping;
    const int *answers; /* one a request: a status or HOOK_*; afterwards 200 */
    size_t answer_count;
    const char *location; /* of a 302 */
    struct hook_call calls[RIG_MOST];
    atomic_size_t count;
};

/* port 0: any free one. */
void hook_start(struct hook *h, uint16_t port, const int *answers, size_t answer_count);
void hook_stop(struct hook *h); /* and frees what came */
/* Waits until that many came; false after five seconds. */
bool hook_await(struct hook *h, size_t count);
/* Value of a field, name in lower case; lives as long as the call. */
struct span hook_field(const struct hook_call *c, const char *name);

enum smtp_step { SMTP_FINE, SMTP_GREETING, SMTP_EHLO, SMTP_AUTH, SMTP_MAIL, SMTP_RCPT, SMTP_DATA, SMTP_END, SMTP_HANG, SMTP_QUIT };

struct smtp {
    int listener;
    uint16_t port;
    pthread_t thread;
    atomic_bool stopping;
    enum smtp_step fails; /* this step is answered 554, HANG, QUIT: the end of the mail, or QUIT, is never answered */
    const char *refused;  /* a recipient that is answered 550 */
    struct buf said;      /* every line that the client said, "|" between them, without the mail */
    struct buf mail;      /* the last one, dots as they were sent */
    atomic_size_t mails;
    atomic_bool silent; /* HANG, QUIT: the client waits for an answer now that does not come */
};

void smtp_start(struct smtp *s, enum smtp_step fails, const char *refused);
void smtp_stop(struct smtp *s);  /* said and mail stay until smtp_free */
void smtp_free(struct smtp *s);

bool rig_has(struct span text, const char *part);
void rig_nap(int ms);

#endif
