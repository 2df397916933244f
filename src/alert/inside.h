/* SPDX-License-Identifier: Apache-2.0
 * inside.h - what the files of alert/ share. Not for other folders.
 *
 *   courier.c   the thread: what is due, to whom, when again
 *   send.c      one attempt at one endpoint: webhook and Slack
 *   callback.c  a vendor's callback, carried on
 *   letter.c    an alert as a mail's text; pure
 *   mail.c      SMTP, by libcurl, which is loaded with the first mail */
#ifndef TG_ALERT_INSIDE_H
#define TG_ALERT_INSIDE_H

#include <stdatomic.h>

#include "alert/alert.h"
#include "base/json.h"

enum {
    ALERT_BYTES = 64 * 1024,  /* the most an alert may have */
    ANSWER_BYTES = 16 * 1024, /* of an endpoint's answer are read */
    SEND_MS = 15 * 1000,      /* for all of an attempt */
};

/* What an attempt is made from. */
struct alert {
    int64_t delivery;
    struct span body;    /* JSON */
    struct span event;   /* "threshold" */
    struct span text;    /* the sentence */
    struct json_value root;
    int64_t now;
    const atomic_bool *cancel; /* NULL: never */
};

/* Reads what stands in the body; j's until its next text. E_BAD_REQUEST, E_TOO_LARGE: it can never be sent. */
CHECKED enum err alert_read(struct json *j, struct span body, struct alert *out);
/* alert_send, with an alert that was read. */
CHECKED enum err alert_try(const struct alert_endpoint *e, const struct alert *a, char why[256]);

/* The whole mail, head and body, lines ended by CR LF. Nothing that stands in the alert can add a line to the head. */
void letter_write(struct buf *out, const struct alert_endpoint *e, const struct alert *a);
/* The address in "Name <a@b>" or "a@b"; SPAN_NONE: there is none, or one with a character that has no business there. */
struct span letter_address(struct span s);

/* A callback (event "callback": url, content_type, fields, body) to where the agent wanted it; see callback.c. */
CHECKED enum err callback_try(const struct alert *a, bool private_too, char why[256]);

CHECKED enum err mail_send(const struct alert_endpoint *e, const struct alert *a, char why[256]);

/* When an alert that was made at `at` and tried `tries` times before is tried again after a try at `now` that failed; 0: no more.
 * dice: any number. */
int64_t alert_again(int64_t at, int tries, int64_t now, int64_t second_ms, unsigned dice);

/* alerts_start with a second of the schedule lasting that long: 1000, but in tests. */
struct alerts *alerts_start_at(struct store *store, struct snapshot *(*snapshot)(void *self), void *self, int64_t second_ms, char why[256]);

#endif
