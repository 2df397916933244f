/* SPDX-License-Identifier: Apache-2.0
 * file.h - reading and writing to the end, which read and write alone leave to the caller. All of it blocks. */
#ifndef TG_BASE_FILE_H
#define TG_BASE_FILE_H

#include "base/buf.h"

/* What is left of it, behind what stands in out. False: out is broken (past its ceiling, or no memory), else errno says why. */
CHECKED bool file_read(int fd, struct buf *out);
/* All of it. False: errno says why; some of it may be written. */
CHECKED bool file_write(int fd, struct span bytes);
/* A new, renamed or deleted name lasts only once its folder is on the disk, too. False: errno says why. */
CHECKED bool file_sync_dir(const char *dir);

#endif
