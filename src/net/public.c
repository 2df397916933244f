/* SPDX-License-Identifier: Apache-2.0
 * public.c - see public.h. */
#include "net/public.h"

#include <string.h>

struct block {
    uint32_t net;
    int bits;
};

/* IPv4 blocks that no host of the internet has. */
static const struct block special[] = {
    { 0x00000000, 8 },  /* this network */
    { 0x0a000000, 8 },  /* private */
    { 0x64400000, 10 }, /* shared by carriers */
    { 0x7f000000, 8 },  /* this machine */
    { 0xa9fe0000, 16 }, /* link-local: metadata of clouds */
    { 0xac100000, 12 }, /* private */
    { 0xc0000000, 24 }, /* protocol assignments */
    { 0xc0000200, 24 }, /* documentation */
    { 0xc0586300, 24 }, /* 6to4 relays */
    { 0xc0a80000, 16 }, /* private */
    { 0xc6120000, 15 }, /* benchmarks */
    { 0xc6336400, 24 }, /* documentation */
    { 0xcb007100, 24 }, /* documentation */
    { 0xe0000000, 3 },  /* multicast, reserved, broadcast */
};

static bool four_is_public(uint32_t a)
{
    for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
        if ((a ^ special[i].net) >> (32 - special[i].bits) == 0)
            return false;
    return true;
}

static uint32_t four_at(const uint8_t *p) { return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]; }

/* Only 2000::/3 is the internet's; within it documentation, and what carries an IPv4 address is as public as that one. */
static bool six_is_public(const uint8_t b[16])
{
    static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff }, translated[12] = { 0x00, 0x64, 0xff, 0x9b };
    if (memcmp(b, mapped, 12) == 0 || memcmp(b, translated, 12) == 0)
        return four_is_public(four_at(b + 12));
    if (b[0] == 0x20 && b[1] == 0x02) /* 6to4 */
        return four_is_public(four_at(b + 2));
    if (b[0] == 0x20 && b[1] == 0x01 && (b[2] < 0x02 || (b[2] == 0x0d && b[3] == 0xb8))) /* Teredo and others, documentation */
        return false;
    return (b[0] & 0xe0) == 0x20;
}

bool address_is_public(const union address *at)
{
    if (at->any.sa_family == AF_INET)
        return four_is_public(ntohl(at->four.sin_addr.s_addr));
    return at->any.sa_family == AF_INET6 && six_is_public(at->six.sin6_addr.s6_addr);
}
