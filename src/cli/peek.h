/* SPDX-License-Identifier: Apache-2.0
 * peek.h - what a data directory holds of the configuration, read while a gate may be using it: nothing is locked, nothing made. For one
 * thread. Private to cli/. */
#ifndef TG_CLI_PEEK_H
#define TG_CLI_PEEK_H

#include "config/config.h"

/* The directory has a file of that name. */
bool peek_file(struct span data_dir, const char *name, struct arena *a);
/* The master key, where there is one; else `key` stays as it is, and the answer is E_OK. Errors: those of config_master_key. */
CHECKED enum err peek_master_key(struct span data_dir, uint8_t key[32], struct trouble *t);
/* Objects that the admin API made, into *in; none where there is no database. Everything lives in a. False: they cannot be read, why[] says
 * more; *older says whether that is because an older gate made the tables, and this one was never started on them. */
bool peek_objects(struct span data_dir, struct arena *a, struct config_input *in, bool *older, char why[256]);

#endif
