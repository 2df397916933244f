/* SPDX-License-Identifier: Apache-2.0
 * address.h - lists of addresses and networks: "203.0.113.7", "10.0.0.0/8", "2001:db8::/32".
 *
 * Pure; who asked for what is policy's and config's. */
#ifndef TG_RULES_ADDRESS_H
#define TG_RULES_ADDRESS_H

#include "base/span.h"

struct network {
    uint8_t bits[16]; /* IPv4 as ::ffff:a.b.c.d */
    int prefix;       /* 0..128 */
};

/* False for what is no address or network, and when bits behind the prefix are set: whoever writes 10.1.2.3/8 meant
 * something narrower. */
bool network_parse(struct span text, struct network *out);
/* False when `address` is no address. An IPv4 address written as IPv6 (::ffff:10.0.0.1) counts as IPv4; "::/0" is all of
 * IPv6 and nothing of IPv4. */
bool network_has(const struct network *n, struct span address);
/* Whether every address of `in` is one of `out`, as network_has sees it. */
bool network_within(const struct network *in, const struct network *out);

#endif
