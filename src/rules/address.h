/* SPDX-License-Identifier: Apache-2.0
 * address.h - lists of addresses and networks: "203.0.113.7", "10.0.0.0/8", "2001:db8::/32". */
#ifndef TG_RULES_ADDRESS_H
#define TG_RULES_ADDRESS_H

#include "base/span.h"

struct network {
    uint8_t bits[16]; /* IPv4 as ::ffff:a.b.c.d */
    int prefix;       /* 0..128 */
};

bool network_parse(struct span text, struct network *out);
/* False when `address` is no address. */
bool network_has(const struct network *n, struct span address);

#endif
