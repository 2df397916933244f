/* SPDX-License-Identifier: Apache-2.0
 * manifest_file.h - a manifest as the vendor verbs get it: a file of the operator's, or a built-in one by its name; compiled. */
#ifndef TG_CLI_MANIFEST_FILE_H
#define TG_CLI_MANIFEST_FILE_H

#include "cli/verb.h"
#include "vendor/vendor.h"

struct manifest_file {
    struct span name; /* as given */
    struct node *root;
    struct vendor vendor;
};

/* Everything in the arena. EXIT_DONE; else the reason is on standard error. (vendor.c) */
int manifest_open(struct cli *c, struct span name, struct manifest_file *out);

int vendor_check(struct cli *c); /* vendor_check.c */
int vendor_draft(struct cli *c); /* vendor_draft.c */

#endif
