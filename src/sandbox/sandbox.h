/* SPDX-License-Identifier: Apache-2.0
 * sandbox.h - an upstream that answers as Stripe, Twilio, Resend, OpenAI, Anthropic and Gemini do, built in, so that a newcomer
 * sees the gate work two minutes after cloning, with no account anywhere. It is for people and docs, not for tests.
 *
 * One thread, one loopback listener; the vendor is the first path segment. Nothing it does leaves this machine. */
#ifndef TG_SANDBOX_SANDBOX_H
#define TG_SANDBOX_SANDBOX_H

#include "base/arena.h"
#include "base/err.h"

struct sandbox;

/* Two keys, and what texts are sent with. Of the sandbox only, documented, no secrets. */
#define SANDBOX_KEY "tg_demo_0000000000000000000000"
#define SANDBOX_SUPPORT_KEY "tg_support_0000000000000000000"
#define SANDBOX_ACCOUNT "AC00000000000000000000000000000000"
#define SANDBOX_TWILIO "sk_sandbox_twilio"

struct sandbox *sandbox_start(char why[256]);
struct span sandbox_address(const struct sandbox *s); /* "127.0.0.1:43121" */
void sandbox_stop(struct sandbox *s);

/* The configuration that `serve --sandbox` runs with: six vendors pointed at the sandbox, two keys, their policies and budgets. */
struct span sandbox_configuration(struct arena *a, struct span sandbox_address, struct span listen, struct span admin_listen);
/* The walk-through on standard output: makes real calls through the gate at `data` and explains what happened: what is
 * allowed, refused, held for a person, priced later, translated, capped, stopped, and a run's bill. Blocking. False: something did not go as promised. */
bool sandbox_walk(struct span data, struct span admin, struct span admin_token);

#endif
