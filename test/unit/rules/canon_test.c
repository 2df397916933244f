/* SPDX-License-Identifier: Apache-2.0
 * canon_test.c - one spelling or a refusal; the corpus is of requests that real servers were seen to read differently. */
#include "rules/canon.h"
#include "test/test.h"

static struct arena arena;

static void target_is(const char *target, const char *path, const char *query)
{
    struct span p, q;
    const char *why = "";
    arena_init(&arena, 1 << 20);
    enum err e = canon_target(&arena, span_of(target), &p, &q, &why);
    if (e)
        test_fail(__FILE__, __LINE__, "%s: %s", target, why);
    else {
        CHECK_SPAN(p, span_of(path));
        CHECK_SPAN(q, span_of(query));
        CHECK((q.at == NULL) == (query == NULL));
    }
    arena_free(&arena);
}

TEST(targets_come_to_one_form)
{
    target_is("/v1/charges", "/v1/charges", NULL);
    target_is("/v1/p%61youts", "/v1/payouts", NULL);
    target_is("/v1/x%7Ey%2d%5f", "/v1/x~y-_", NULL);
    target_is("///v1/payouts", "/v1/payouts", NULL);
    target_is("//emails", "/emails", NULL);
    target_is("/", "/", NULL);
    target_is("/v1/Account/MA1/Message/", "/v1/Account/MA1/Message/", NULL);
    target_is("/v1/payouts/?a=b", "/v1/payouts/", "a=b");
    target_is("/v2/PhoneNumbers/+15558675310", "/v2/PhoneNumbers/+15558675310", NULL);
    target_is("/v2/PhoneNumbers/%2B15558675310", "/v2/PhoneNumbers/%2B15558675310", NULL);
    target_is("/v1/x%3a%40", "/v1/x%3A%40", NULL);
    target_is("/v1/customers?limit=3&expand[0]=data.sources", "/v1/customers", "limit=3&expand[0]=data.sources");
    target_is("/v1/a?b?c", "/v1/a", "b?c");
    target_is("/v1/a?", "/v1/a", "");
}

TEST(targets_that_servers_read_differently_are_refused)
{
    static const char *const refused[] = { "", "v1", "http://x/v1", "*", "/v1//payouts", "/v1%2Fcharges", "/v1%2fcharges",
        "/v1/charges/../payouts", "/v1/charges/./x", "/v1/charges/%2e%2e/payouts", "/v1/charges/%2E./payouts", "/v1/..",
        "/v1/payouts//", "/v1/payouts;x=1", "/v1%3Bx", "/v1/a\\b", "/v1/a%5Cb", "/v1/a%23", "/v1/a#b", "/v1/a%3Fb", "/v1/%2570",
        "/v1/a%00", "/v1/a%0a", "/v1/a%7f", "/v1/\xc3\xa9", "/v1/%C3%A9", "/v1/a b", "/v1/a%", "/v1/a%4", "/v1/a%zz", "/v1/a{b}",
        "/v1/a?b#c", "/v1/a?b c", "/v1/a?\xc3", "/v1/a?b\x01" };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct span p, q;
        const char *why = NULL;
        arena_init(&arena, 1 << 20);
        if (canon_target(&arena, span_of(refused[i]), &p, &q, &why) != E_NOT_CANONICAL)
            test_fail(__FILE__, __LINE__, "accepted: %s", refused[i]);
        CHECK(why != NULL);
        arena_free(&arena);
    }
}

TEST(a_canonical_target_stays_as_it_is)
{
    static const char *const some[] = { "/v1/p%61y%2B%40", "//a/b~%7e", "/x/+1%3A", "/a/b/" };
    for (size_t i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
        struct span once, twice, q;
        const char *why;
        arena_init(&arena, 1 << 20);
        CHECK_INT(canon_target(&arena, span_of(some[i]), &once, &q, &why), E_OK);
        CHECK_INT(canon_target(&arena, once, &twice, &q, &why), E_OK);
        CHECK_SPAN(twice, once);
        arena_free(&arena);
    }
}

static enum err form_of(const char *text, struct pairs *p)
{
    static const struct span repeat[] = { { "MediaUrl", 8 } };
    const char *why = NULL;
    arena_init(&arena, 1 << 20);
    enum err e = canon_form(&arena, span_of(text), repeat, 1, 64, p, &why);
    CHECK(e == E_OK || why != NULL);
    return e;
}

static void form_is(const char *text, const char *want)
{
    struct pairs p, again;
    struct buf once, twice;
    buf_init(&once, 1 << 16);
    buf_init(&twice, 1 << 16);
    if (form_of(text, &p))
        test_fail(__FILE__, __LINE__, "refused: %s", text);
    canon_form_write(&p, &once);
    CHECK_SPAN(buf_span(&once), span_of(want));
    arena_free(&arena);
    char copy[512];
    snprintf(copy, sizeof(copy), "%.*s", SPAN_ARG(buf_span(&once)));
    CHECK_INT(form_of(copy, &again), E_OK);
    canon_form_write(&again, &twice);
    CHECK_SPAN(buf_span(&twice), buf_span(&once));
    arena_free(&arena);
    buf_free(&once);
    buf_free(&twice);
}

TEST(forms_come_to_one_form)
{
    form_is("", "");
    form_is("a=1&b=2", "a=1&b=2");
    form_is("a=1&&b=2&", "a=1&b=2");
    form_is("a", "a=");
    form_is("am%6Funt=1", "amount=1");
    form_is("a=x+y%20z", "a=x%20y%20z");
    form_is("metadata%5Bk%5D=v", "metadata[k]=v");
    form_is("a[0][b]=1&a[0][c]=2&a[1][b]=3", "a[0][b]=1&a[0][c]=2&a[1][b]=3");
    form_is("expand[]=x&expand[]=y", "expand[]=x&expand[]=y");
    form_is("MediaUrl=a&MediaUrl=b", "MediaUrl=a&MediaUrl=b");
    form_is("a=%C3%A9%2B", "a=%C3%A9%2B");
    form_is("a=b=c", "a=b%3Dc");
    form_is("m[2024]=1&m[x]=2", "m[2024]=1&m[x]=2");
}

TEST(forms_that_servers_read_differently_are_refused)
{
    static const char *const refused[] = { "amount=1&amount=2", "a=1&a[]=2", "a[]=1&a=2", "a=1&a[b]=2", "a[b]=1&a[]=2",
        "a[b]=1&a[b][c]=2", "a[b]=1&a[b]=2", "a[0]=1&a[0]=2", "a=1;b=2", "a=%", "a=%4", "a=%ff", "a=%00", "%00=1", "=1", "a[=1",
        "a]=1", "a[b=1", "a[b]c=1", "a[[b]]=1", "[a]=1", "a[][b]=1", "a[1][2][3][4][5][6][7][8][9]=1", "a=\x01",
        "am%6Funt=1&amount=2", "To=a&To=b", "a=%ed%a0%80",
        "__proto__=1", "__proto__[amount]=1", "a[__proto__]=1", "a[__proto__][]=1", "__proto__[]=1", "a[b][%5F_proto__][c]=1" };
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct pairs p;
        if (form_of(refused[i], &p) != E_NOT_CANONICAL)
            test_fail(__FILE__, __LINE__, "accepted: %s", refused[i]);
        arena_free(&arena);
    }
}

TEST(a_name_that_comes_again_is_seen_behind_any_number_of_others)
{
    for (int names = 1; names < 40; names++) {
        for (int again = 0; again < names; again++) {
            char form[400] = "";
            struct pairs p;
            for (int i = 0; i < names; i++)
                snprintf(form + strlen(form), sizeof(form) - strlen(form), "a%d=&", i);
            CHECK_INT(form_of(form, &p), E_OK);
            CHECK_INT(p.count, names);
            arena_free(&arena);
            snprintf(form + strlen(form), sizeof(form) - strlen(form), again % 2 ? "a%d=" : "a%d[]=", again);
            CHECK_INT(form_of(form, &p), E_NOT_CANONICAL);
            arena_free(&arena);
        }
    }
}

TEST(forms_have_a_limit)
{
    char many[400] = "";
    struct pairs p;
    for (int i = 0; i < 65; i++)
        snprintf(many + strlen(many), sizeof(many) - strlen(many), "%sa%d=", i ? "&" : "", i);
    CHECK_INT(form_of(many, &p), E_NOT_CANONICAL);
    arena_free(&arena);
}

TEST(pairs_are_found_by_name)
{
    struct pairs p;
    CHECK_INT(form_of("a=1&b[c]=2", &p), E_OK);
    CHECK_SPAN(pairs_get(&p, SPAN("a")), SPAN("1"));
    CHECK_SPAN(pairs_get(&p, SPAN("b[c]")), SPAN("2"));
    CHECK(pairs_get(&p, SPAN("c")).at == NULL);
    arena_free(&arena);
}
