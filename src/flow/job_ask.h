/* SPDX-License-Identifier: Apache-2.0
 * job_ask.h - what a request for a job may not ask for. Inside flow/ only. */
#ifndef TG_FLOW_JOB_ASK_H
#define TG_FLOW_JOB_ASK_H

#include "flow/exchange.h"

/* A job of a model that shall call somebody back when it is over: no vendor here does, and most would leave it out in silence. Refused by
 * the member's name. NEXT for every other call. */
enum next job_calls_nobody(struct exchange *x);

#endif
