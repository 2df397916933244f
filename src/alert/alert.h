/* SPDX-License-Identifier: Apache-2.0
 * alert.h - carries alerts from the store's outbox to webhooks, Slack and mail, on a thread of its own that may wait.
 *
 * An alert is a JSON object in the outbox (flow/ and admin/ put it there, each name once):
 *   {"event":"threshold","at":"2026-11-21T10:00:00Z","text":"...", "workspace":..., "budget":..., "percent":80, ...}
 * It is tried until every endpoint that wants its kind has taken it: 0, 5, 15 s, 1, 5, 15 min after it was made, then hourly (each gap
 * up to a tenth longer, by dice), for three days; what was taken is remembered, so none gets it twice but for a crash between the
 * answer and the note of it. An endpoint that left the configuration is left out, one that came since gets later ones. Of a kind that
 * is not in enum alert_events it goes to those who want all. A try has 15 seconds; of an answer 16 KiB are read.
 *   webhook  POST of the JSON; x-tollgate-event, x-tollgate-delivery (the outbox id), x-tollgate-signature: t=<unix s>,v1=<hex HMAC-SHA256 of
 *            "<t>.<body>" under the endpoint's secret>. Any 2xx is taken; redirects are not followed
 *   slack    POST {"text": ...}
 *   smtp     by libcurl.so.4, loaded with the first mail; TLS unless the endpoint is plain */
#ifndef TG_ALERT_ALERT_H
#define TG_ALERT_ALERT_H

#include "config/snapshot.h"
#include "store/store.h"

struct alerts;

/* snapshot() gives the one in force with a reference for the caller. NULL: why[]. */
struct alerts *alerts_start(struct store *store, struct snapshot *(*snapshot)(void *self), void *self, char why[256]);
/* Something may be in the outbox. Any thread; cheap. */
void alerts_wake(struct alerts *a);
void alerts_stop(struct alerts *a); /* calls off the try under way: at most about a second. Before the store closes. NULL is fine */

/* One attempt at one endpoint now, for the test button: E_OK, or an error with what happened in why[]. Blocking. */
CHECKED enum err alert_send(const struct alert_endpoint *e, int64_t delivery, struct span body, int64_t now_ms, char why[256]);

struct alert_counts {
    long sent, failed; /* tries since the start, by endpoint */
    long waiting;      /* alerts in the outbox as of the last look, at most a thousand */
};
void alerts_count(const struct alerts *a, struct alert_counts *out);

#endif
