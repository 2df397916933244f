/* SPDX-License-Identifier: Apache-2.0
 * country.h - which country a telephone number reaches. */
#ifndef TG_VENDOR_COUNTRY_H
#define TG_VENDOR_COUNTRY_H

#include "base/span.h"

struct country_prefix {
    const char *digits;  /* "1876" */
    const char *country; /* ISO 3166: "JM"; "": numbers that are nobody's country: premium rate, personal */
};

/* "US" of "+15558675310" or "whatsapp:+15558675310", by the longest prefix. SPAN_NONE: not a number in E.164, or of no
 * country (satellites, premium rate). */
struct span country_of(struct span number);
/* All of them, for tables by country. */
const struct country_prefix *country_prefixes(size_t *count);

#endif
