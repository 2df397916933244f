/* SPDX-License-Identifier: Apache-2.0
 * download.h - an answer of any length written as it comes, to standard output or to the file of --out. */
#ifndef TG_CLI_DOWNLOAD_H
#define TG_CLI_DOWNLOAD_H

#include "cli/api.h"

/* GET; the path is freed. An exit code; the reason stands on standard error. */
int download(struct cli *c, struct api_path *path);
/* --from and --to into the path: a moment ago (24h), a date or a time. */
int download_range(struct cli *c, struct api_path *path);

#endif
