/* SPDX-License-Identifier: Apache-2.0
 * tally_test.c - what rules count and add up over lists, in JSON and in forms; comparisons; rates for all vendors; scopes that stand
 * several in a value. */
#include "test/unit/vendor/bench.h"

#include <stdio.h>

#define TOP "vendor: own\nbase_url: https://own.example\nkey_in: bearer\nsend: bearer\ncurrencies: { others: 2 }\n"

static struct bench b;

/* One rule over one body, a form where it does not look like JSON: in nano, or -1 for unknown. */
static int64_t reckoned(const char *rule, const char *body)
{
    char yaml[2048];
    snprintf(yaml, sizeof(yaml),
        TOP "body: %s\nsettings: { sms: { default: '0.1', '44': '0.05' }, lists: { 'news@mg.example': 1200, '@lists.example': 50 } }\noperations:\n  a:\n    call: POST /x\n    reserve: { usd: \"%s\" }\n",
        *body == '{' || *body == '[' ? "json" : "form", rule);
    if (bench_read(&b, yaml))
        test_fail(__FILE__, __LINE__, "%s", b.trouble.text);
    CHECK_INT(bench_ask(&b, "POST", "/x", body), E_OK);
    int64_t out = b.understood.cost_known ? b.understood.worst[UNIT_USD] : -1;
    bench_close(&b);
    return out;
}

#define USD(n) ((int64_t)((n)*1000000000.0))

TEST(sums_go_over_items)
{
    static const char rule[] = "sum(body.lines, item.price.amount * first(item.count, 1))", total[] = "sum(body.lines.*.count)";
    CHECK_INT(reckoned(rule, "{\"lines\":[{\"price\":{\"amount\":3},\"count\":2},{\"price\":{\"amount\":\"1.5\"}}]}"), USD(7.5));
    CHECK_INT(reckoned(rule, "lines[0][price][amount]=3&lines[1][price][amount]=1.5&lines[0][count]=2"), USD(7.5));
    CHECK_INT(reckoned(rule, "{\"lines\":[]}"), 0);
    CHECK_INT(reckoned(rule, "{\"a\":1}"), 0);
    CHECK_INT(reckoned(rule, "a=1"), 0);
    CHECK_INT(reckoned(rule, "{\"lines\":[{\"price\":{\"amount\":3}},{\"count\":2}]}"), -1); /* one without a price */
    CHECK_INT(reckoned(rule, "lines[0][price][amount]=3&lines[1][count]=2"), -1);
    CHECK_INT(reckoned(rule, "{\"lines\":{\"price\":{\"amount\":3}}}"), -1); /* no list */
    CHECK_INT(reckoned(rule, "lines[price][amount]=3"), -1);
    CHECK_INT(reckoned(rule, "lines=3"), -1);
    CHECK_INT(reckoned(rule, "{\"lines\":\"3\"}"), -1);
    CHECK_INT(reckoned(rule, "{\"lines\":[7]}"), -1);
    CHECK_INT(reckoned(rule, "{\"lines\":[[{\"price\":{\"amount\":3}}]]}"), -1);
    CHECK_INT(reckoned("sum(body.amounts, item)", "{\"amounts\":[1,2.5]}"), USD(3.5));
    CHECK_INT(reckoned("sum(body.amounts, item)", "amounts[0]=1&amounts[7]=2.5"), USD(3.5));
    CHECK_INT(reckoned("sum(body.amounts, item)", "amounts[]=1"), -1);
    CHECK_INT(reckoned("sum(body, item.n)", "[{\"n\":1},{\"n\":2}]"), USD(3));
    CHECK_INT(reckoned("sum(body.a.*.b, item.n)", "{\"a\":[{\"b\":[{\"n\":1}]},{\"b\":[{\"n\":2},{\"n\":3}]}]}"), USD(6));
    CHECK_INT(reckoned("sum(body.a, sum(item.b, item.n) + item.m)", "{\"a\":[{\"m\":10,\"b\":[{\"n\":1},{\"n\":2}]}]}"), USD(13));
    CHECK_INT(reckoned("sum(body.a, minor_units(item.n, body.currency))", "a[0][n]=100&currency=usd"), USD(1));
    CHECK_INT(reckoned("sum(body.a, sum(item.b, item.n))", "a[0][b][0][n]=1"), -1); /* not in forms */
    CHECK_INT(reckoned(total, "{\"lines\":[{\"count\":2},{\"count\":3}]}"), USD(5));
    CHECK_INT(reckoned(total, "{\"lines\":[{\"count\":2},{\"count\":\"x\"}]}"), -1);
    CHECK_INT(reckoned("item.x", "a=1"), -1);
    CHECK_INT(reckoned("first(item.x, 1)", "a=1"), -1);
}

TEST(no_item_lowers_what_the_others_can_cost)
{
    static const char rule[] = "sum(body.items, major_units(item.amount, 'usd'))";
    CHECK_INT(reckoned(rule, "{\"items\":[{\"amount\":\"1000.00\"},{\"amount\":\"1\"}]}"), USD(1001));
    CHECK_INT(reckoned(rule, "{\"items\":[{\"amount\":\"1000.00\"},{\"amount\":\"-999.00\"}]}"), -1);
    CHECK_INT(reckoned(rule, "{\"items\":[{\"amount\":1000},{\"amount\":-999}]}"), -1);
    CHECK_INT(reckoned("sum(body.items, item.amount)", "items[0][amount]=1000&items[1][amount]=-999"), -1);
    CHECK_INT(reckoned("sum(body.items.*.amount)", "{\"items\":[{\"amount\":1000},{\"amount\":-999}]}"), -1);
    CHECK_INT(reckoned("sum(body.items, item.count * 5)", "{\"items\":[{\"count\":7},{\"count\":-6}]}"), -1);
    CHECK_INT(reckoned("major_units(body.a, 'usd') + 3", "{\"a\":\"-2\"}"), -1);
    CHECK_INT(reckoned("max(0, major_units(body.a, 'usd'))", "{\"a\":\"-2\"}"), -1);
    CHECK_INT(reckoned("minor_units(body.a, 'usd') + 3", "{\"a\":-200}"), -1);
    CHECK_INT(reckoned("minor_units(abs(body.a), 'usd')", "{\"a\":-200}"), USD(2));
    CHECK_INT(reckoned("major_units(abs(body.a), 'usd')", "{\"a\":-2}"), USD(2));
    CHECK_INT(reckoned("when(above(0, body.a), 0, major_units(body.a, 'usd'))", "{\"a\":-2}"), 0);
}

TEST(a_long_list_in_a_form_is_unknown)
{
    char body[12000];
    size_t len = 0;
    for (int i = 0; i < 500; i++)
        len += (size_t)snprintf(body + len, sizeof(body) - len, "%sa[%d][n]=1", i ? "&" : "", i);
    CHECK_INT(reckoned("sum(body.a, item.n)", body), USD(500));
    snprintf(body + len, sizeof(body) - len, "&a[500][n]=1");
    CHECK_INT(reckoned("sum(body.a, item.n)", body), -1);
}

TEST(entries_and_addresses_are_counted)
{
    CHECK_INT(reckoned("items(body.to, ',')", "to=a,b,,c"), USD(4));
    CHECK_INT(reckoned("items(body.to, '<')", "to=1<2"), USD(2));
    CHECK_INT(reckoned("items(body.to, '<<')", "to=1<2"), -1);
    CHECK_INT(reckoned("items(body.to, ',')", "x=1"), 0);
    CHECK_INT(reckoned("mail_list(body.to, body.cc)", "to=a@x.example, B <b@x.example>&cc=c@x.example"), USD(3));
    CHECK_INT(reckoned("mail_list(body.to)", "{\"to\":[\"a@x.example,b@x.example\",\"c@x.example\"]}"), USD(3));
    CHECK_INT(reckoned("mail_list(body.to)", "to=\"Doe, Jane\" <a@x.example>, b@x.example"), USD(2));
    CHECK_INT(reckoned("mail_list(body.to)", "to=\"x@y.example, Jane\" <a@x.example>"), -1); /* one for some, two for others */
    CHECK_INT(reckoned("mail_list(body.to)", "to=a@x.example,"), -1);
    CHECK_INT(reckoned("mail_list(body.to)", "to=Doe, Jane <a@x.example>"), -1);
    CHECK_INT(reckoned("mail_list(body.to)", "to=a@x.example%3B b@x.example"), -1);
    CHECK_INT(reckoned("mail_list(body.to)", "to=\"a@x.example"), -1);
    CHECK_INT(reckoned("mail_list(body.to)", "{\"to\":{\"a\":1}}"), -1);
    CHECK_INT(reckoned("number_count(body.dst, '<')", "dst=15558675310<+442071234567"), USD(2));
    CHECK_INT(reckoned("number_prices(body.dst, setting.sms, '<')", "dst=15558675310<+442071234567"), USD(0.15));
    CHECK_INT(reckoned("number_prices(body.dst, setting.sms)", "{\"dst\":[442071234567,\"15558675310,15558675311\"]}"), USD(0.25));
    CHECK_INT(reckoned("number_prices(body.dst, setting.sms)", "dst=123456"), -1);
    CHECK_INT(reckoned("number_count(body.dst)", "dst=15558675310,"), -1);
    CHECK_INT(reckoned("number_count(body.dst)", "dst=0044207123456"), -1);
}

TEST(addresses_of_lists_count_what_they_reach)
{
    static const char rule[] = "mail_reach(setting.lists, body.own, body.to, body.cc)";
    CHECK_INT(reckoned(rule, "own=mg.example&to=a@x.example, B <b@x.example>&cc=c@x.example"), USD(3));
    CHECK_INT(reckoned(rule, "own=mg.example&to=News <NEWS@mg.example>, a@x.example"), USD(1201)); /* an entry of its own */
    CHECK_INT(reckoned(rule, "own=mg.example&to=any@lists.example&cc=all@Lists.Example"), USD(100)); /* of its domain */
    CHECK_INT(reckoned(rule, "own=mg.example&to=team@MG.example"), -1); /* it may be a list: nobody said how long */
    CHECK_INT(reckoned(rule, "own=other.example&to=team@mg.example"), USD(1));
    CHECK_INT(reckoned(rule, "own=mg.example&to=news+x@mg.example"), -1);
    CHECK_INT(reckoned(rule, "own=mg.example&to=team@mg.example."), -1);
    CHECK_INT(reckoned(rule, "own=mg.example&to=a@x.example,"), -1);
    CHECK_INT(reckoned(rule, "to=a@x.example"), -1); /* whose domain? */
    CHECK_INT(reckoned(rule, "own=mg.example"), 0);
    CHECK_INT(reckoned("mail_reach(body.own, body.own, body.to)", "own=a&to=a@x.example"), -1);
}

TEST(values_are_compared)
{
    CHECK_INT(reckoned("above(body.a, 5)", "a=5.01"), USD(1));
    CHECK_INT(reckoned("above(body.a, 5)", "a=5"), 0);
    CHECK_INT(reckoned("above(body.a, 5)", "a=x"), -1);
    CHECK_INT(reckoned("above(body.a, 5)", "b=1"), -1);
    CHECK_INT(reckoned("equal(body.a, body.b)", "a=x&b=x"), USD(1));
    CHECK_INT(reckoned("equal(body.a, body.b)", "a=1.0&b=1"), USD(1));
    CHECK_INT(reckoned("equal(body.a, body.b)", "a=x&b=y"), 0);
    CHECK_INT(reckoned("equal(body.a, 3)", "a=4"), 0);
    CHECK_INT(reckoned("equal(body.a, 3)", "a=x"), -1);
    CHECK_INT(reckoned("equal(body.a, body.b)", "a=x"), -1);
}

TEST(rates_for_all_vendors_come_last)
{
    struct fx_rate rates[] = { { "chf", USD(1.2) }, { "eur", USD(1.1) } };
    struct fx fx = { .rates = rates, .count = 2, .margin = USD(0.05) };
    CHECK_INT(bench_read(&b, TOP "settings: { fx: { eur: '2' }, fx_margin: 10% }\n"
                                 "operations: { a: { call: POST /a, body: form, reserve: { usd: 'minor_units(body.n, body.c)' } } }\n"), E_OK);
    b.fx = &fx;
    CHECK_INT(bench_ask(&b, "POST", "/a", "n=100&c=eur"), E_OK);
    CHECK_INT(b.understood.worst[UNIT_USD], USD(2.2));
    CHECK_INT(bench_ask(&b, "POST", "/a", "n=100&c=chf"), E_OK);
    CHECK(b.understood.cost_known);
    CHECK_INT(b.understood.worst[UNIT_USD], USD(1.32)); /* the larger margin, as long as nobody chose one */
    bench_settings(&b, "fx_margin: 1%\n");
    CHECK_INT(bench_ask(&b, "POST", "/a", "n=100&c=chf"), E_OK);
    CHECK_INT(b.understood.worst[UNIT_USD], USD(1.212));
    CHECK_INT(bench_ask(&b, "POST", "/a", "n=100&c=gbp"), E_OK);
    CHECK(!b.understood.cost_known);
    b.fx = NULL;
    CHECK_INT(bench_ask(&b, "POST", "/a", "n=100&c=chf"), E_OK);
    CHECK(!b.understood.cost_known);
    bench_close(&b);
}

static const char *seen(const char *name)
{
    static char text[200];
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < b.understood.scope_count; i++)
        if (span_is(b.understood.scopes[i].name, span_of(name)))
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%.*s", len ? " " : "", SPAN_ARG(b.understood.scopes[i].value));
    return text;
}

static void shows(const char *body, const char *name, const char *want)
{
    CHECK_INT(bench_ask(&b, "POST", "/a", body), E_OK);
    if (strcmp(seen(name), want) != 0)
        test_fail(__FILE__, __LINE__, "%s: got \"%s\", want \"%s\"", body, seen(name), want);
}

TEST(scopes_may_stand_several_in_a_value)
{
    CHECK_INT(bench_read(&b, TOP "body: form\nscopes:\n  to: { from: body.to, as: domain, split: ',' }\n  dst: { from: body.dst, split: '<', as: phone }\n"
                                 "  any: { from: body.expand, as: untold }\n  found: { from: body.query, as: 'clause:customer' }\n  must: { from: body.must, must_show: always }\n"
                                 "operations:\n  a: { call: POST /a, unscoped: true, scopes: { own: { from: body.own, must_show: always }, paid: { from: body.paid, must_show: money } } }\n"), E_OK);
    shows("to=a@x.example, \"D, J\" <b@Y.example>", "own.to", "x.example y.example");
    shows("to=a@x.example,", "own.to", "x.example ?");
    shows("to=\"q@z.example, J\" <b@y.example>", "own.to", "?");
    shows("dst=%2B155<%2B166<", "own.dst", "+155 +166 ?");
    shows("expand=customer", "own.any", "?");
    shows("a=1", "own.any", "");
    shows("query=customer:'cus_1'", "own.found", "cus_1");
    shows("query=amount>5", "own.found", "?");
    shows("a=1", "own.must", "");
    shows("a=1", "own.own", "?"); /* the operation's own, though it is unscoped */
    shows("own=7", "own.own", "7");
    shows("a=1", "own.paid", "");
    bench_close(&b);
    CHECK_INT(bench_read(&b, TOP "scopes: { a: { from: body.x, split: ', ' } }\noperations: { a: GET /a }\n"), E_CONFIG);
    CHECK(strstr(b.trouble.text, "scopes.a.split") != NULL);
    bench_close(&b);
}
