/* SPDX-License-Identifier: Apache-2.0
 * veil.h - what a credential is made of, blotted out of what its vendor answers.
 *
 * Servers repeat what they were sent: in complaints, traces, echoes, links. So the secret, the one for webhooks, the key id and a token are looked
 * for as they are and as JSON, URLs and base64 (at any offset: Basic) write them, and with any of their characters escaped. Asterisks take their
 * place, so lengths stay.
 *
 * Not for what only a manifest knows to be secret: that is vendor_guard. */
#ifndef TG_FLOW_VEIL_H
#define TG_FLOW_VEIL_H

#include "base/arena.h"
#include "base/buf.h"
#include "vendor/vendor.h"

struct veil;
enum { VEIL_HELD = 64 << 10 /* the longest word, and so the longest end that waits */ };

/* One reference for the caller. NULL: no memory. token: SPAN_NONE, or what was fetched with the secret. References are counted without a lock: a
 * veil stays with its worker. */
struct veil *veil_new(const struct vendor_secret *s, struct span token);
struct veil *veil_keep(struct veil *v);
void veil_drop(struct veil *v); /* wipes it with the last one; NULL is fine */

/* In place. */
void veil_cover(const struct veil *v, char *at, size_t len);
/* The same text where nothing is to be hidden in it; SPAN_NONE: no memory. */
struct span veil_text(const struct veil *v, struct span text, struct arena *a);

/* A body run by run, appended to out: an end that may begin a word waits in `held` (at first an empty buf, the caller's to free) for the next
 * run. `last`: none follows. out breaks when there is no memory. */
void veil_pass(const struct veil *v, struct span bytes, bool last, struct buf *held, struct buf *out);

#endif
