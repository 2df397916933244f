/* SPDX-License-Identifier: Apache-2.0
 * audit_file.h - checks an exported audit chain (lines of JSON, export/form.h) by itself: no gate, no database. */
#ifndef TG_CLI_AUDIT_FILE_H
#define TG_CLI_AUDIT_FILE_H

#include "base/digest.h"
#include "cli/verb.h"

struct audit_verdict {
    int64_t rows, checkpoints;
    int64_t signed_rows; /* tied to a good signature by an unbroken piece of the chain */
    int64_t gaps;        /* places where the export left rows out */
    int64_t line;        /* of the trouble; 0: none */
    struct span bad;     /* id of the row it is about */
    const char *trouble; /* NULL: all is well */
    struct span key;     /* hex, of the last checkpoint */
};

/* key: 32 bytes that must have signed, or NULL. False: the file cannot be read; the reason is on standard error. */
bool audit_file(struct cli *c, struct span path, const uint8_t *key, void (*progress)(void *self, int64_t done, int64_t of), void *self, struct audit_verdict *out);

#endif
