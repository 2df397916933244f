/* SPDX-License-Identifier: Apache-2.0
 * key_file.h - a service account's key file (JSON) and the assertion that is made with it (RFC 7523); for this folder only. */
#ifndef TG_VENDOR_KEY_FILE_H
#define TG_VENDOR_KEY_FILE_H

#include "vendor/vendor.h"

/* A signed token: who asks, for what, where, for an hour from now on. In `out`, of which the caller wipes what it no longer needs. False:
 * the file cannot be used. The addresses in the file are not looked at. */
bool key_file_assert(struct span file, struct span scope, struct span audience, int64_t now_ms, struct buf *out);

#endif
