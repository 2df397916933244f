/* SPDX-License-Identifier: Apache-2.0
 * price_file_test.c - price documents: what they become, and what is said about wrong ones. */
#include "cli/price_file.h"
#include "test/test.h"

static struct arena arena;
static struct json *reader;
static struct prices prices;
static char why[PRICE_WHY];

static void fresh(void)
{
    arena_init(&arena, 64 << 20);
    reader = json_new();
    prices = (struct prices){ .arena = &arena };
    why[0] = '\0';
}

static void done(void)
{
    json_free(reader);
    arena_free(&arena);
}

static bool json(const char *text, const char *type)
{
    return price_file_json(reader, span_of(text), type ? span_of(type) : SPAN_NONE, &prices, why);
}

static bool csv(const char *text) { return price_file_csv(span_of(text), PRICE_SMS, &prices, why); }

/* In nano-dollars; -1: there is none. */
static nano_usd price_of(enum price_kind kind, const char *digits)
{
    for (size_t i = 0; i < prices.tables[kind].count; i++)
        if (span_is(prices.tables[kind].rows[i].digits, span_of(digits)))
            return prices.tables[kind].rows[i].price;
    return -1;
}

#define SMS(iso, unit, list) "{\"iso_country\":\"" iso "\",\"price_unit\":\"" unit "\",\"outbound_sms_prices\":[" list "]}"
#define CARRIER(type, price) "{\"carrier\":\"c\",\"prices\":[{\"number_type\":\"" type "\",\"base_price\":\"9\",\"current_price\":" price "}]}"

TEST(the_dearest_carrier_counts_for_all_prefixes_of_a_country)
{
    fresh();
    CHECK(json("[" SMS("JM", "USD", CARRIER("local", "\"0.2\"") "," CARRIER("mobile", "0.25")) "," SMS("DE", "usd", CARRIER("local", "\"0.1120\"")) "]", NULL));
    price_file_settle(&prices);
    CHECK_INT(prices.documents, 2);
    CHECK_INT(price_of(PRICE_SMS, "1876"), 250000000);
    CHECK_INT(price_of(PRICE_SMS, "1658"), 250000000);
    CHECK_INT(price_of(PRICE_SMS, "49"), 112000000);
    CHECK_INT(price_of(PRICE_SMS, "1"), -1);
    done();
    fresh();
    CHECK(json(SMS("JM", "USD", CARRIER("local", "\"0.2\"") "," CARRIER("mobile", "0.25")), "local"));
    price_file_settle(&prices);
    CHECK_INT(price_of(PRICE_SMS, "1876"), 200000000);
    CHECK(json(SMS("FR", "USD", ""), NULL)); /* not served: nothing to say */
    done();
}

TEST(calls_have_prices_by_prefix_and_the_rest_of_the_country_the_highest)
{
    fresh();
    CHECK(json("{\"iso_country\":\"DE\",\"price_unit\":\"USD\",\"outbound_prefix_prices\":[{\"prefixes\":[\"4915\",\"4916\"],\"current_price\":\"0.05\"},"
               "{\"prefixes\":[\"4915\"],\"current_price\":\"0.07\"},{\"destination_prefixes\":[\"4930\"],\"base_price\":\"0.02\"}]}", NULL));
    price_file_settle(&prices);
    CHECK_INT(price_of(PRICE_VOICE, "4915"), 70000000);
    CHECK_INT(price_of(PRICE_VOICE, "4916"), 50000000);
    CHECK_INT(price_of(PRICE_VOICE, "4930"), 20000000);
    CHECK_INT(price_of(PRICE_VOICE, "49"), 70000000);
    done();
}

TEST(a_wrong_document_is_told_by_its_member)
{
    static const struct {
        const char *text, *says;
    } rows[] = { { "", "not JSON" }, { "[]", "at least one country" }, { "{}", "outbound_sms_prices: found" }, { "[1]", "[0].outbound_sms_prices" },
        { SMS("Germany", "USD", ""), "iso_country: found \"Germany\"" }, { SMS("ZZ", "USD", CARRIER("local", "1")), "iso_country: found \"ZZ\"" },
        { SMS("DE", "EUR", ""), "price_unit: found \"EUR\"" }, { SMS("DE", "USD", "{}"), "outbound_sms_prices[0].prices" },
        { SMS("DE", "USD", CARRIER("local", "\"0,05\"")), "outbound_sms_prices[0].prices[0].current_price: found \"0,05\"" },
        { SMS("DE", "USD", CARRIER("local", "\"-1\"")), "current_price: found \"-1\"" }, { SMS("DE", "USD", CARRIER("local", "true")), "current_price" },
        { "{\"iso_country\":\"DE\",\"price_unit\":\"USD\",\"outbound_prefix_prices\":[{\"prefixes\":[\"49x\"],\"current_price\":\"1\"}]}", "found \"49x\"" },
        { "{\"iso_country\":\"DE\",\"price_unit\":\"USD\",\"outbound_prefix_prices\":[{\"current_price\":\"1\"}]}", "destination_prefixes" } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fresh();
        if (json(rows[i].text, NULL) || span_find(span_of(why), span_of(rows[i].says)) < 0)
            test_fail(__FILE__, __LINE__, "%s: %s", rows[i].text, why);
        done();
    }
}

TEST(lines_have_a_country_or_prefix_and_a_price)
{
    fresh();
    CHECK(csv("\xef\xbb\xbf" "ISO,Country,Description,\"Price / msg\"\r\nGB,United Kingdom,\"O2, all\",$0.04\r\nGB,United Kingdom,EE,0.0463\r\n\r\n"));
    CHECK(csv("# ours\n+1876, 0.3\n49,0.1"));
    price_file_settle(&prices);
    CHECK_INT(price_of(PRICE_SMS, "44"), 46300000);
    CHECK_INT(price_of(PRICE_SMS, "1876"), 300000000);
    CHECK_INT(price_of(PRICE_SMS, "49"), 100000000);
    done();
}

TEST(a_wrong_line_is_told_by_its_number)
{
    static const char *const rows[][2] = { { "", "line 1" }, { "\n\n", "line 1" }, { "DE", "line 1" }, { "DE,x", "line 1" }, { "DE,1\nFR,", "line 2" },
        { "DE,1\nGermany,1", "line 2: found \"Germany\"" }, { "49,1\n\"4,1", "line 2" }, { "DE,1e3", "line 1" }, { "1234567890123456,1", "line 1" },
        { "prefix,price\n49,1\n50", "line 3" }, { "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r", "line 1" } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        fresh();
        if (csv(rows[i][0]) || span_find(span_of(why), span_of(rows[i][1])) < 0)
            test_fail(__FILE__, __LINE__, "%s: %s", rows[i][0], why);
        done();
    }
}
