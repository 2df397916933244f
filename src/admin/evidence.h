/* SPDX-License-Identifier: Apache-2.0
 * evidence.h - what the files of the evidence archive share. Private to admin/.
 *
 * evidence.c asks, gathers and answers; evidence_files.c writes the files, each from the store and the snapshot; evidence_config.c those
 * that say what the configuration in force comes to. */
#ifndef TG_ADMIN_EVIDENCE_H
#define TG_ADMIN_EVIDENCE_H

#include "admin/report.h"
#include "bill/archive.h"

enum {
    EVIDENCE_FILE = 64 << 20, /* bytes of one file before it is packed */
    EVIDENCE_FOLDER = 48,
    EVIDENCE_LISTED = 5,
    EVIDENCE_TOKENS = 4 /* which of those they are */
};

/* Objects that stand there as the API shows them. */
struct evidence_list {
    struct span kind;
    const char *file, *what;
};
extern const struct evidence_list evidence_lists[EVIDENCE_LISTED];

struct evidence {
    struct report_ask ask; /* first */
    struct archive *archive;
    struct buf file, scratch;
    struct span objects[EVIDENCE_LISTED]; /* JSON, from the admin thread; SPAN_NONE: not for who asks */
    struct store_verdict verdict;
    enum err result;
    char folder[EVIDENCE_FOLDER];
    int64_t kept, passed; /* checkpoints: how many there are before those that are shown */
};

/* ---- evidence_files.c ---- */

/* All files. What is too large is said in k->result. */
CHECKED enum err evidence_write(struct evidence *k, struct store_reader *r, const struct snapshot *s, struct arena *a);
/* What was written to k->file so far becomes a file. */
void evidence_end_file(struct evidence *k, const char *name);

/* ---- evidence_config.c ---- */

/* What is kept, and for how long. */
void evidence_retention(struct evidence *k, const struct snapshot *s);
/* Where calls come in, and where anything goes. */
void evidence_data_path(struct evidence *k, const struct snapshot *s);

#endif
