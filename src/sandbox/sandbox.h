/* SPDX-License-Identifier: Apache-2.0
 * sandbox.h - an upstream that answers as Stripe, Twilio, Resend, OpenAI and Anthropic do, built in, so that a newcomer
 * sees the gate work two minutes after cloning, with no account anywhere. It is for people and docs, not for tests.
 *
 * One thread, one loopback listener; the vendor is the first path segment. Nothing it does leaves this machine. */
#ifndef TG_SANDBOX_SANDBOX_H
#define TG_SANDBOX_SANDBOX_H

#include "base/arena.h"
#include "base/err.h"

struct sandbox;

/* The demo key. Of the sandbox only, documented, no secret. */
#define SANDBOX_KEY "tg_demo_0000000000000000000000"

struct sandbox *sandbox_start(char why[256]);
struct span sandbox_address(const struct sandbox *s); /* "127.0.0.1:43121" */
void sandbox_stop(struct sandbox *s);

/* The configuration that `serve --sandbox` runs with: five vendors pointed at the sandbox, demo keys, a policy, budgets. */
struct span sandbox_configuration(struct arena *a, struct span sandbox_address, struct span listen, struct span admin_listen);
/* The walk-through on standard output: makes real calls through the gate at `data` and explains what happened: an allowed
 * charge, a refused payout, a cap, a stop, a run's bill. Blocking. False: something did not go as promised. */
bool sandbox_walk(struct span data, struct span admin, struct span admin_token);

#endif
