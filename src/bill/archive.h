/* SPDX-License-Identifier: Apache-2.0
 * archive.h - a .tar.gz written file by file, with the SHA-256 of each in a list that `sha256sum -c` reads. */
#ifndef TG_BILL_ARCHIVE_H
#define TG_BILL_ARCHIVE_H

#include "base/buf.h"

enum { ARCHIVE_NAME = 100 /* bytes of a name, its folder included */ };

struct archive;

/* Everything is below folder. out: the caller's, as is its ceiling; failure sticks to it. NULL: no memory. */
struct archive *archive_new(struct buf *out, const char *folder, int64_t at_ms);
/* name: shorter than ARCHIVE_NAME together with the folder. */
void archive_file(struct archive *a, const char *name, struct span content);
/* Adds MANIFEST.sha256, ends and frees. False: it did not fit (out is broken). */
bool archive_end(struct archive *a);

#endif
