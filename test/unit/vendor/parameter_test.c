/* SPDX-License-Identifier: Apache-2.0
 * parameter_test.c - a manifest's rules about single parameters: bounds, patterns, and defaults that become part of the request. */
#include "test/unit/vendor/bench.h"

#include <stdio.h>

#define TOP "vendor: own\nbase_url: https://own.example\nkey_in: bearer\nsend: bearer\nsettings: { seconds: 600, word: low, most: '2.5' }\n"

static struct bench b;

/* One operation of each kind of body, with these parameters. */
static void begin(const char *parameters)
{
    char yaml[2048];
    snprintf(yaml, sizeof(yaml),
        TOP "operations:\n  form: { call: POST /form, body: form, parameters: %s }\n  json: { call: POST /json, body: json, parameters: %s }\n", parameters, parameters);
    if (bench_read(&b, yaml))
        test_fail(__FILE__, __LINE__, "%s", b.trouble.text);
}

static void ask(const char *target, const char *body, enum err want, const char *says, int line)
{
    bench_fresh(&b);
    enum err e = bench_ask(&b, "POST", target, body);
    if (e != want || (e && !span_is(b.why, span_of(says))))
        test_fail(__FILE__, line, "%s %s: got %d (%.*s)", target, body, (int)e, SPAN_ARG(b.why));
}
#define TAKES(target, body) ask(target, body, E_OK, "", __LINE__)
#define DENIES(target, body, says) ask(target, body, E_PARAMETER_DENIED, says, __LINE__)

TEST(bounds_are_exact)
{
    begin("{ n: { max: 10, min: '0.5', note: 'ask finance' } }");
    TAKES("/form", "n=10");
    TAKES("/form", "n=0.5");
    TAKES("/form", "x=1");
    TAKES("/json", "{\"n\":10.000000}");
    TAKES("/json", "{\"n\":\"3\"}");
    DENIES("/form", "n=10.000001", "parameter n: found \"10.000001\"; allowed: at least 0.5, at most 10 (ask finance)");
    DENIES("/form", "n=0.4", "parameter n: found \"0.4\"; allowed: at least 0.5, at most 10 (ask finance)");
    DENIES("/form", "n=", "parameter n: found \"\"; allowed: at least 0.5, at most 10 (ask finance)");
    TAKES("/form", "n=1.0000001");
    TAKES("/json", "{\"n\":9.30000000000000004}");
    DENIES("/form", "n=10.0000001", "parameter n: found \"10.0000001\"; allowed: at least 0.5, at most 10 (ask finance)");
    DENIES("/form", "n=0.4999999", "parameter n: found \"0.4999999\"; allowed: at least 0.5, at most 10 (ask finance)");
    DENIES("/json", "{\"n\":1e0}", "parameter n: found \"?\"; allowed: at least 0.5, at most 10 (ask finance)");
    DENIES("/json", "{\"n\":{\"a\":1}}", "parameter n: found \"?\"; allowed: at least 0.5, at most 10 (ask finance)");
    DENIES("/json", "{\"n\":[1,11]}", "parameter n: found \"11\"; allowed: at least 0.5, at most 10 (ask finance)");
    DENIES("/form", "n=a%0A%22b", "parameter n: found \"a??b\"; allowed: at least 0.5, at most 10 (ask finance)");
    bench_close(&b);
}

TEST(a_setting_may_be_the_bound)
{
    begin("{ n: { kind: integer, max: setting.seconds } }");
    TAKES("/form", "n=600");
    DENIES("/form", "n=601", "parameter n: found \"601\"; allowed: a whole number of at most 12 digits, once, at most 600");
    bench_settings(&b, "seconds: 60\n");
    DENIES("/json", "{\"n\":61}", "parameter n: found \"61\"; allowed: a whole number of at most 12 digits, once, at most 60");
    bench_settings(&b, "seconds: many\n");
    DENIES("/form", "n=1", "parameter n: found \"1\"; allowed: a whole number of at most 12 digits, once, at most a setting that is no number");
    bench_close(&b);
}

TEST(kinds_likes_and_patterns)
{
    begin("{ d: decimal, p: { pattern: '[A-Z]{2}-\\d+' }, l: { like: 'ord_*' }, a: { allowed: [usd, eur] }, f: { forbidden: true }, r: { required: true, kind: one } }");
    TAKES("/form", "r=1&d=-1.25&p=AB-12&l=ord_1&a=eur");
    ask("/form", "r=1&d=1.", E_NOT_CANONICAL, "parameter d: found \"1.\"; allowed: a decimal number, once", __LINE__);
    ask("/form", "r=1&d=sk_live", E_NOT_CANONICAL, "parameter d: found something else; allowed: a decimal number, once", __LINE__);
    ask("/json", "{\"r\":1,\"d\":[1]}", E_NOT_CANONICAL, "parameter d: found several values; allowed: a decimal number, once", __LINE__);
    DENIES("/form", "r=1&p=AB-12x", "parameter p: found \"AB-12x\"; allowed: by the pattern [A-Z]{2}-\\d+");
    DENIES("/form", "r=1&l=xord_1", "parameter l: found \"xord_1\"; allowed: like ord_*");
    DENIES("/form", "r=1&a=chf", "parameter a: found \"chf\"; allowed: usd or eur");
    DENIES("/form", "r=1&f=2", "parameter f: found \"2\"; allowed: must be left out");
    ask("/form", "a=usd", E_BAD_REQUEST, "parameter r: not given, and it is required; allowed: one value", __LINE__);
    bench_close(&b);
}

static void becomes(const char *target, const char *body, const char *want)
{
    TAKES(target, body);
    CHECK_SPAN(b.understood.body, span_of(want));
}

TEST(defaults_become_part_of_the_request)
{
    begin("{ n: { default: setting.seconds, max: setting.seconds }, w: { default: setting.word }, q: { default: '7' } }");
    becomes("/form", "a=1", "a=1&n=600&w=low&q=7");
    becomes("/form", "n=5&w=x&q=", "n=5&w=x&q=");
    becomes("/form", "", "n=600&w=low&q=7");
    CHECK_SPAN(b.understood.content_type, SPAN("application/x-www-form-urlencoded"));
    becomes("/json", "{\"a\": {\"n\":1}}", "{\"q\":\"7\",\"w\":\"low\",\"n\":600,\"a\": {\"n\":1}}");
    CHECK(!b.understood.content_type.at);
    CHECK_INT(b.understood.parameter_count, 4);
    becomes("/json", "{ }", "{\"q\":\"7\",\"w\":\"low\",\"n\":600 }");
    becomes("/json", "", "{\"q\":\"7\",\"w\":\"low\",\"n\":600}");
    CHECK_SPAN(b.understood.content_type, SPAN("application/json"));
    becomes("/json", "{\"n\":1,\"w\":{},\"q\":false,\"z\":\"\\u00e4\"}", "{\"n\":1,\"w\":{},\"q\":false,\"z\":\"\\u00e4\"}");
    bench_close(&b);
}

TEST(a_default_has_no_place_in_null_or_lists)
{
    begin("{ n: { default: 5 } }");
    ask("/json", "{\"n\":null}", E_BAD_REQUEST, "parameter n: found null, an empty list, or a body that is no object: its default has no place there; allowed: any value", __LINE__);
    ask("/json", "{\"n\":[]}", E_BAD_REQUEST, "parameter n: found null, an empty list, or a body that is no object: its default has no place there; allowed: any value", __LINE__);
    ask("/json", "[{\"n\":1}]", E_BAD_REQUEST, "parameter n: found null, an empty list, or a body that is no object: its default has no place there; allowed: any value", __LINE__);
    bench_settings(&b, "x: 1\n");
    becomes("/json", "{\"n\":6}", "{\"n\":6}");
    bench_close(&b);
}

TEST(a_default_is_checked_and_counted)
{
    CHECK_INT(bench_read(&b, TOP "parameters: { query.limit: { default: 10 } }\noperations:\n"
                                 "  call: { call: POST /calls, body: json, reserve: { usd: 'body.seconds * 0.01' }, parameters: { seconds: { default: setting.seconds, max: 300 } } }\n"
                                 "  list: GET /calls\n"), E_OK);
    ask("/calls", "{}", E_PARAMETER_DENIED, "parameter seconds: found \"600\"; allowed: at most 300", __LINE__);
    bench_settings(&b, "seconds: 120\n");
    becomes("/calls", "{}", "{\"seconds\":120}");
    CHECK_INT(b.understood.worst[UNIT_USD], NANO_PER_USD * 12 / 10);
    CHECK_INT(bench_ask(&b, "GET", "/calls?a=1", ""), E_OK);
    CHECK_SPAN(b.understood.query, SPAN("a=1&limit=10"));
    bench_close(&b);
}

TEST(one_value_is_no_object)
{
    begin("{ c: one }");
    TAKES("/form", "c=cus_1");
    TAKES("/json", "{\"c\":\"cus_1\"}");
    ask("/form", "c[x]=cus_1", E_NOT_CANONICAL, "parameter c: found an object or a number in another form; allowed: one value", __LINE__);
    ask("/form", "c[]=cus_1", E_NOT_CANONICAL, "parameter c: found several values; allowed: one value", __LINE__);
    ask("/json", "{\"c\":{\"id\":\"cus_1\"}}", E_NOT_CANONICAL, "parameter c: found an object or a number in another form; allowed: one value", __LINE__);
    bench_close(&b);
}

/* Readers of forms take True for true; what goes on, and what rules and policies see, is one word. */
TEST(booleans_are_one_word)
{
    begin("{ t: boolean, o.t: boolean, query.q: boolean }");
    becomes("/form", "t=True&a=True", "t=true&a=True");
    becomes("/form", "t=FALSE&o[t]=tRUE&o[u]=True", "t=false&o[t]=true&o[u]=True");
    becomes("/form", "t=true", "t=true");
    becomes("/json", "{\"t\":true,\"o\":{\"t\":false}}", "{\"t\":true,\"o\":{\"t\":false}}");
    becomes("/json", "{\"t\":null}", "{\"t\":null}");
    becomes("/json?q=TRUE", "{}", "{}");
    CHECK_SPAN(b.understood.query, SPAN("q=true"));
    ask("/form", "t=1", E_NOT_CANONICAL, "parameter t: found \"1\"; allowed: true or false, once", __LINE__);
    ask("/form", "t=yes", E_NOT_CANONICAL, "parameter t: found something else; allowed: true or false, once", __LINE__);
    ask("/form", "t=", E_NOT_CANONICAL, "parameter t: found \"\"; allowed: true or false, once", __LINE__);
    ask("/form", "t=true%20", E_NOT_CANONICAL, "parameter t: found something else; allowed: true or false, once", __LINE__);
    ask("/form", "t[]=true", E_NOT_CANONICAL, "parameter t: found several values; allowed: true or false, once", __LINE__);
    ask("/form", "o[t][x]=true", E_NOT_CANONICAL, "parameter o.t: found something else; allowed: true or false, once", __LINE__);
    ask("/json", "{\"t\":\"true\"}", E_NOT_CANONICAL, "parameter t: found something else; allowed: true or false, once", __LINE__);
    ask("/json", "{\"t\":1}", E_NOT_CANONICAL, "parameter t: found \"1\"; allowed: true or false, once", __LINE__);
    ask("/json?q=1", "{}", E_NOT_CANONICAL, "parameter query.q: found \"1\"; allowed: true or false, once", __LINE__);
    bench_close(&b);
}

/* Where no parameter says that it is one: what may be a yes is never counted as a no. */
TEST(what_is_compared_with_true_is_a_boolean_or_unknown)
{
    CHECK_INT(bench_read(&b, TOP "operations:\n"
                                 "  form: { call: POST /form, body: form, reserve: { usd: \"when(is(body.t, 'true'), 7, 0)\" } }\n"
                                 "  not: { call: POST /not, body: form, reserve: { usd: \"when(is(body.t, 'false'), 0, 7)\" } }\n"
                                 "  json: { call: POST /json, body: json, reserve: { usd: \"when(is(first(body.t, body.u), 'true'), 7, 0)\" } }\n"), E_OK);
    static const struct {
        const char *target, *body;
        int usd; /* -1: unknown */
    } rows[] = { { "/form", "t=true", 7 }, { "/form", "t=True", 7 }, { "/form", "t=TRUE", 7 }, { "/form", "t=False", 0 }, { "/form", "", 0 },
        { "/form", "t=1", -1 }, { "/form", "t=yes", -1 }, { "/form", "t=", -1 }, { "/form", "t[]=true", -1 }, { "/not", "t=False", 0 },
        { "/not", "t=True", 7 }, { "/not", "", 7 }, { "/not", "t=0", -1 }, { "/json", "{\"t\":true}", 7 }, { "/json", "{\"t\":false}", 0 },
        { "/json", "{\"t\":null}", 0 }, { "/json", "{}", 0 }, { "/json", "{\"t\":1}", -1 }, { "/json", "{\"t\":\"true\"}", -1 },
        { "/json", "{\"t\":\"false\"}", -1 }, { "/json", "{\"u\":\"True\"}", -1 }, { "/json", "{\"t\":{}}", -1 } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        TAKES(rows[i].target, rows[i].body);
        int usd = b.understood.cost_known ? (int)(b.understood.worst[UNIT_USD] / NANO_PER_USD) : -1;
        if (usd != rows[i].usd)
            test_fail(__FILE__, __LINE__, "%s %s: %d, want %d", rows[i].target, rows[i].body, usd, rows[i].usd);
    }
    bench_close(&b);
}

static void wrong(const char *parameter, const char *place, const char *part)
{
    char yaml[1024];
    snprintf(yaml, sizeof(yaml), TOP "parameters: { %s }\noperations: { a: GET /a }\n", parameter);
    CHECK_INT(bench_read(&b, yaml), E_CONFIG);
    if (!strstr(b.trouble.text, place) || !strstr(b.trouble.text, part))
        test_fail(__FILE__, __LINE__, "got \"%s\"; want \"%s\" and \"%s\"", b.trouble.text, place, part);
    bench_close(&b);
}

TEST(wrong_rules_are_explained)
{
    wrong("a: { max: lots }", "parameters.a.max", "decimal");
    wrong("a: { max: [1] }", "parameters.a.max", "decimal");
    wrong("a: { min: setting.none }", "parameters.a.min", "settings");
    wrong("a: { min: setting.word }", "parameters.a.min", "decimal");
    wrong("a: { pattern: '(' }", "parameters.a.pattern", "character 1");
    wrong("a: { default: [1] }", "parameters.a.default", "single");
    wrong("a: { default: setting.none }", "parameters.a.default", "settings");
    wrong("a.b: { default: 1 }", "parameters.a.b.default", "at the top");
    wrong("header.a: { default: 1 }", "parameters.header.a.default", "at the top");
    wrong("a: { kind: float }", "parameters.a.kind", "float");
    wrong("a: float", "parameters.a", "float");
    wrong("a: [1]", "parameters.a", "");
}
