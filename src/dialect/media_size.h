/* SPDX-License-Identifier: Apache-2.0
 * media_size.h - how long an inline sound is and how many pages an inline document has: estimates, from base64. Private to dialect/. */
#ifndef TG_DIALECT_MEDIA_SIZE_H
#define TG_DIALECT_MEDIA_SIZE_H

#include "base/span.h"

/* Seconds of WAV and MP3 by what their headers say of the rate; of others as if they were MP3 of 128 kbit. At least one. */
int64_t media_seconds(struct span base64);
/* Pages of a PDF: those that can be seen in it, else one for each 50 kB. At least one. */
int64_t media_pages(struct span base64);

#endif
