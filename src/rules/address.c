/* SPDX-License-Identifier: Apache-2.0
 * address.c - both families in 128 bits, IPv4 in the place that RFC 4291 gives it. */
#include "rules/address.h"

#include <arpa/inet.h>

enum { TEXT_MOST = 45, MAPPED_BITS = 96 };

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

/* *v4: the text had IPv4's form. */
static bool parse_address(struct span text, uint8_t bits[16], bool *v4)
{
    char copy[TEXT_MOST + 1];
    if (!text.len || text.len > TEXT_MOST || memchr(text.at, 0, text.len))
        return false;
    memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    *v4 = inet_pton(AF_INET, copy, bits + sizeof(mapped)) == 1;
    if (*v4)
        memcpy(bits, mapped, sizeof(mapped));
    return *v4 || inet_pton(AF_INET6, copy, bits) == 1;
}

/* Whether a and b agree in their first `count` bits. */
static bool bits_same(const uint8_t *a, const uint8_t *b, int count)
{
    int whole = count / 8, left = count % 8;
    if (memcmp(a, b, (size_t)whole) != 0)
        return false;
    return left == 0 || ((a[whole] ^ b[whole]) >> (8 - left)) == 0;
}

static bool tail_is_zero(const struct network *n)
{
    for (int i = n->prefix; i < 128; i++)
        if (n->bits[i / 8] & (0x80 >> (i % 8)))
            return false;
    return true;
}

bool network_parse(struct span text, struct network *out)
{
    struct span address = text;
    uint64_t prefix = 0;
    bool v4, has_prefix = span_cut(&text, '/', &address);
    if (!parse_address(address, out->bits, &v4))
        return false;
    out->prefix = 128;
    if (!has_prefix)
        return true;
    if (!span_to_u64(text, &prefix) || text.len > 3 || prefix > (v4 ? 32 : 128))
        return false;
    out->prefix = (int)prefix + (v4 ? MAPPED_BITS : 0);
    return tail_is_zero(out);
}

bool network_has(const struct network *n, struct span address)
{
    uint8_t bits[16];
    bool v4;
    if (!parse_address(address, bits, &v4))
        return false;
    if (n->prefix < MAPPED_BITS && bits_same(bits, mapped, MAPPED_BITS))
        return false; /* a network of IPv6 around the mapped addresses does not speak of IPv4 */
    return bits_same(n->bits, bits, n->prefix);
}

bool network_within(const struct network *in, const struct network *out)
{
    bool v4 = in->prefix >= MAPPED_BITS && bits_same(in->bits, mapped, MAPPED_BITS);
    if (v4 && out->prefix < MAPPED_BITS)
        return false;
    return in->prefix >= out->prefix && bits_same(in->bits, out->bits, out->prefix);
}
