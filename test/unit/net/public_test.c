/* SPDX-License-Identifier: Apache-2.0
 * public_test.c - addresses that a stranger may not have the gate connect to. */
#include "net/public.h"

#include "test/test.h"

static bool is_public(const char *text)
{
    union address at;
    must(resolve_literal(span_of(text), &at));
    return address_is_public(&at);
}

TEST(public_addresses_are_the_internets)
{
    CHECK(is_public("8.8.8.8"));
    CHECK(is_public("172.15.255.255"));
    CHECK(is_public("172.32.0.1"));
    CHECK(is_public("100.63.255.255"));
    CHECK(is_public("192.0.1.1"));
    CHECK(is_public("223.255.255.254"));
    CHECK(is_public("2606:4700::1"));
    CHECK(is_public("::ffff:8.8.8.8"));
    CHECK(is_public("2002:0808:0808::1"));
}

TEST(private_addresses_are_not_public)
{
    static const char *const private[] = { "0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1", "172.31.255.255",
        "192.0.0.8", "192.168.1.1", "198.18.0.1", "198.19.255.255", "203.0.113.7", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "fd12::1",
        "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "2001:db8::1", "2001::1" };
    for (size_t i = 0; i < sizeof(private) / sizeof(private[0]); i++)
        CHECK(!is_public(private[i]));
}
