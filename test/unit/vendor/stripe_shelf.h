/* SPDX-License-Identifier: Apache-2.0
 * stripe_shelf.h - what the Stripe tests share: objects that can be read, and calls understood as the gate does it, with every object
 * that is wanted read in between. */
#ifndef TG_TEST_VENDOR_STRIPE_SHELF_H
#define TG_TEST_VENDOR_STRIPE_SHELF_H

#include "test/unit/vendor/bench.h"

/* Opens the built-in manifest; objects are read from the shelf. */
void shelf_open(struct bench *b);
/* Understands a call with all the objects it needs; what is not on the shelf is asked for and not to be had. */
enum err shelf_ask(struct bench *b, const char *method, const char *target, const char *body);
/* How many reads the last call took. */
size_t shelf_reads(void);
/* What counted(...) gives for every object from now on, in cents. */
void shelf_counted(int64_t cents);
/* The object whose count the last call asked for or adds to is b->understood.counted_id. */

#endif
