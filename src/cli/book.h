/* SPDX-License-Identifier: Apache-2.0
 * book.h - what the files of `tollgate prices` share. */
#ifndef TG_CLI_BOOK_H
#define TG_CLI_BOOK_H

#include "cli/object.h"
#include "rules/price.h"

enum { BOOK_MOST = 128 << 20 };

/* The text of a price book from a file, checked; SPAN_NONE as the name: the one in the binary. False: the reason is on standard error. */
bool book_text(struct cli *c, struct span name, struct buf *room, struct span *text);

int book_show(struct cli *c);
int book_import(struct cli *c);
int book_diff(struct cli *c);
int book_list(struct cli *c);
int book_set(struct cli *c);
int book_delete(struct cli *c);
int book_snapshots(struct cli *c);

#endif
