/* SPDX-License-Identifier: Apache-2.0
 * report.h - what Twilio sends when a text was delivered, for the walk-through. Private to sandbox/. */
#ifndef TG_SANDBOX_REPORT_H
#define TG_SANDBOX_REPORT_H

#include "base/arena.h"

struct report {
    struct span form, signature;
};

/* url: where it is sent, which is signed with it. */
struct report report_delivered(struct arena *a, struct span url, struct span message);

#endif
