/* SPDX-License-Identifier: Apache-2.0
 * address_test.c - who is inside a network and who is not, with the spellings that other readers take and this one does not. */
#include "rules/address.h"

#include "test/test.h"

static bool has(const char *network, const char *address)
{
    struct network n;
    if (!network_parse(span_of(network), &n)) {
        test_fail(__FILE__, __LINE__, "not parsed: %s", network);
        return false;
    }
    return network_has(&n, span_of(address));
}

TEST(ipv4)
{
    CHECK(has("203.0.113.7", "203.0.113.7"));
    CHECK(!has("203.0.113.7", "203.0.113.8"));
    CHECK(has("10.0.0.0/8", "10.255.255.255"));
    CHECK(!has("10.0.0.0/8", "11.0.0.0"));
    CHECK(has("192.168.4.0/22", "192.168.7.255"));
    CHECK(!has("192.168.4.0/22", "192.168.8.0"));
    CHECK(has("0.0.0.0/0", "8.8.8.8"));
    CHECK(!has("0.0.0.0/0", "2001:db8::1"));
    CHECK(has("10.0.0.0/8", "::ffff:10.1.2.3"));
    CHECK(has("::ffff:10.0.0.0/104", "10.1.2.3"));
}

TEST(ipv6)
{
    CHECK(has("2001:db8::/32", "2001:db8:1::1"));
    CHECK(has("2001:DB8::/32", "2001:0db8:0:0::1"));
    CHECK(!has("2001:db8::/32", "2001:db9::1"));
    CHECK(has("2001:db8::1", "2001:db8::1"));
    CHECK(has("::/0", "2001:db8::1"));
    CHECK(!has("::/0", "10.0.0.1"));
    CHECK(!has("::/64", "10.0.0.1"));
    CHECK(has("2001:db8:8000::/33", "2001:db8:8000::"));
    CHECK(!has("2001:db8:8000::/33", "2001:db8:7fff::"));
}

static bool within(const char *in, const char *out)
{
    struct network a, b;
    CHECK(network_parse(span_of(in), &a) && network_parse(span_of(out), &b));
    return network_within(&a, &b);
}

TEST(one_network_within_another)
{
    CHECK(within("10.0.0.0/8", "10.0.0.0/8"));
    CHECK(within("10.1.2.3", "10.0.0.0/8"));
    CHECK(!within("10.0.0.0/7", "10.0.0.0/8"));
    CHECK(!within("11.0.0.0/8", "10.0.0.0/8"));
    CHECK(within("10.0.0.0/8", "0.0.0.0/0"));
    CHECK(!within("10.0.0.0/8", "::/0"));
    CHECK(within("2001:db8:1::/48", "2001:db8::/32"));
    CHECK(!within("::/0", "2001:db8::/32"));
    CHECK(!within("::/0", "0.0.0.0/0"));
}

TEST(what_is_no_network)
{
    static const char *const bad[] = { "", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0/8", "10.1.2.3/8", "10.0.0.0/+8", "10.0.0.0/8/8", "010.0.0.0/8",
        "::/129", "::1/64", "fe80::1%eth0", "localhost", "10.0.0.0/0008", " 10.0.0.1", "1.2.3.4.5", "2001:db8::/-1",
        "1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111:2222" };
    struct network n;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (network_parse(span_of(bad[i]), &n))
            test_fail(__FILE__, __LINE__, "parsed: %s", bad[i]);
    CHECK(!network_parse(span_make("10.0.0.1\0x", 10), &n));
    CHECK(!has("0.0.0.0/0", "unix"));
    CHECK(!has("::/0", ""));
}
