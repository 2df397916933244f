/* SPDX-License-Identifier: Apache-2.0
 * pieces_rig.h - forms, answers that are no JSON, and what they come to. */
#ifndef TG_TEST_DIALECT_PIECES_RIG_H
#define TG_TEST_DIALECT_PIECES_RIG_H

#include "base/embed.h"
#include "rig.h"
#include "rules/price.h"
#include "test/test.h"

#define FORM_TYPE "multipart/form-data; boundary=b1"
#define FORM_FIELD(name, value) "--b1\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define FORM_FILE(name, bytes) \
    "--b1\r\nContent-Disposition: form-data; name=\"" name "\"; filename=\"a.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n" bytes "\r\n"
#define FORM_END "--b1--\r\n"

enum err pieces_rig_form(struct rig *r, struct span body);
/* The same with a file of this many bytes behind the head, under the name "file", and what else the form has. */
enum err pieces_rig_upload(struct rig *r, struct span head, size_t bytes, const char *more);
/* What the answer to the last ask tells; provider/model: whose price it is. body NULL: it was passed on unread. */
void pieces_rig_measure(struct rig *r, const char *model, const char *body, int64_t bytes);
/* Nano-dollars of the last usage at the book's price; -1: it cannot be priced. */
nano_usd pieces_rig_cost(struct rig *r, const char *model);

#endif
