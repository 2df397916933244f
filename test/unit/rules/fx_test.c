/* SPDX-License-Identifier: Apache-2.0
 * fx_test.c - rates by hand and from the European Central Bank's files; and every way in which such a file is none. */
#include "rules/fx.h"

#include "base/money.h"
#include "test/test.h"

#define HEAD                                                                                                                                \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<gesmes:Envelope xmlns:gesmes=\"http://www.gesmes.org/xml/2002-08-01\" "                    \
    "xmlns=\"http://www.ecb.int/vocabulary/2002-08-01/eurofxref\">\n\t<gesmes:subject>Reference rates</gesmes:subject>\n"                  \
    "\t<gesmes:Sender>\n\t\t<gesmes:name>European Central Bank</gesmes:name>\n\t</gesmes:Sender>\n\t<Cube>\n"
#define FOOT "\t</Cube>\n</gesmes:Envelope>"
#define DAY "\t\t<Cube time='2026-11-20'>\n\t\t\t<Cube currency='USD' rate='1.25'/>\n\t\t\t<Cube currency='JPY' rate='160.00'/>\n\t\t\t<Cube currency='GBP' rate=\"0.8\" />\n\t\t</Cube>\n"
#define OLD "\t\t<Cube time='2026-11-19'>\n\t\t\t<Cube currency='USD' rate='9'/>\n\t\t\t<Cube currency='SEK' rate='3'/>\n\t\t</Cube>\n"

static int64_t rate(const struct fx *fx, const char *code)
{
    int64_t usd = -1;
    return fx_rate(fx, code, &usd) ? usd : -1;
}

static bool ecb(const char *text, struct arena *a, struct fx *fx, char why[200]) { return fx_read_ecb(span_of(text), a, fx, why); }

TEST(dollars_for_one_unit_come_from_units_for_one_euro)
{
    static const char *const files[] = { HEAD DAY FOOT, HEAD DAY OLD FOOT "\n", HEAD OLD DAY FOOT, "\xef\xbb\xbf" HEAD "<!-- <Cube currency='XXX'> -->" DAY FOOT,
        "Date, USD, JPY, GBP, \n20 November 2026, 1.25, 160.00, 0.8, \n", "Date,USD,JPY,GBP,CYP,\n2026-11-20,1.25,160.00,0.8,N/A,\n2026-11-19,9,9,9,9,\n" };
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        struct arena a;
        struct fx fx;
        char why[200];
        arena_init(&a, 1 << 20);
        if (!ecb(files[i], &a, &fx, why))
            test_fail(__FILE__, __LINE__, "file %zu: %s", i, why);
        CHECK_INT(fx.count, 3);
        CHECK_SPAN(fx.date, SPAN("2026-11-20"));
        CHECK_INT(rate(&fx, "eur"), 1250000000);
        CHECK_INT(rate(&fx, "jpy"), 7812500);
        CHECK_INT(rate(&fx, "gbp"), 1562500000);
        CHECK_INT(rate(&fx, "usd"), NANO_PER_USD);
        CHECK_INT(rate(&fx, "sek"), -1);
        CHECK_INT(rate(&fx, "cyp"), -1);
        arena_free(&a);
    }
    CHECK_INT(rate(NULL, "usd"), NANO_PER_USD);
    CHECK_INT(rate(NULL, "eur"), -1);
}

TEST(a_file_that_is_not_whole_is_none)
{
    static const char *const files[] = { "", "hello", "<html>", HEAD DAY, HEAD DAY "\t</Cube>\n</gesmes:Envelo", HEAD DAY FOOT "<Cube/>", HEAD FOOT, HEAD OLD "</Cube>" FOOT,
        HEAD "<Cube time='2026-11-20'><Cube currency='USD' rate='1.25'/><Cube currency='JPY' rate='abc'/></Cube>" FOOT,
        HEAD "<Cube time='2026-11-20'><Cube currency='USD' rate='1.25'/><Cube currency='JPY'/></Cube>" FOOT,
        HEAD "<Cube time='2026-11-20'><Cube currency='USD' rate='1.25'/><Cube currency='USD' rate='1.26'/></Cube>" FOOT,
        HEAD "<Cube time='2026-11-20'><Cube currency='USD' rate='1.25'/><Cube currency='EUR' rate='1'/></Cube>" FOOT,
        HEAD "<Cube time='2026-11-20'><Cube currency='USD' rate='0'/></Cube>" FOOT, HEAD "<Cube time='2026-11-20'><Cube currency='USD' rate='-1'/></Cube>" FOOT,
        HEAD "<Cube time='2026-11-20'><Cube currency='JPY' rate='160'/></Cube>" FOOT, HEAD "<Cube time='yesterday'><Cube currency='USD' rate='1'/></Cube>" FOOT,
        HEAD "<Cube time='2026-11-20'><Cube currency='USD' rate='1&#46;25'/></Cube>" FOOT, HEAD "<Cube time='2026-11-20'><Cube currency=USD rate='1'/></Cube>" FOOT,
        "<!DOCTYPE x [<!ENTITY a 'b'>]>" HEAD DAY FOOT, HEAD "<!-- " DAY FOOT, HEAD "<Cube time='2026-11-20'><Cube currency='usd' rate='1'/></Cube>" FOOT,
        "Date, USD, JPY\n20 November 2026, 1.25\n", "Date, USD\n20 November 2026, 1.25, 7\n", "Date, USD\n31 Brumaire 2026, 1.25\n", "Date, USD\n", "USD, 1.25\n",
        "Date, USD, JPY\n20 November 2026, 1.25, many\n" };
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        struct arena a;
        struct fx fx;
        char why[200] = "";
        arena_init(&a, 1 << 20);
        if (ecb(files[i], &a, &fx, why))
            test_fail(__FILE__, __LINE__, "file %zu was taken: %s", i, files[i]);
        CHECK(why[0] != '\0');
        arena_free(&a);
    }
}

/* Cut anywhere, a file is none, and never read past its end (ASan sees that). */
TEST(a_file_cut_anywhere_is_none)
{
    struct span whole = SPAN(HEAD DAY OLD FOOT);
    for (size_t n = 0; n < whole.len; n++) {
        struct arena a;
        struct fx fx;
        char why[200];
        arena_init(&a, 1 << 20);
        struct span cut = arena_copy(&a, span_first(whole, n));
        CHECK(!fx_read_ecb(cut, &a, &fx, why));
        arena_free(&a);
    }
}

static enum err read(const char *yaml, const char *file, struct arena *a, struct fx *fx, struct trouble *t)
{
    struct node *root;
    *t = (struct trouble){ .set = false };
    enum err e = node_read_yaml(a, "test.yaml", span_of(yaml), &root, t);
    return e ? e : fx_read(a, root, span_of(file), fx, t);
}

TEST(rates_by_hand_go_before_the_files)
{
    struct arena a;
    struct fx fx;
    struct trouble t;
    arena_init(&a, 1 << 20);
    CHECK_INT(read("{ file: f, rates: { jpy: \"0.0066\", sek: 0.1 }, margin: 2.5% }", HEAD DAY FOOT, &a, &fx, &t), E_OK);
    CHECK_INT(rate(&fx, "jpy"), 6600000);
    CHECK_INT(rate(&fx, "sek"), 100000000);
    CHECK_INT(rate(&fx, "eur"), 1250000000);
    CHECK_INT(fx.margin, 25000000);
    CHECK_SPAN(fx.date, SPAN("2026-11-20"));
    CHECK_INT(read("{ rates: { eur: \"1.08\" }, date: 2026-01-02 }", NULL, &a, &fx, &t), E_OK);
    CHECK_INT(fx.margin, 0);
    CHECK_SPAN(fx.date, SPAN("2026-01-02"));
    arena_free(&a);
}

TEST(mistakes_name_their_field)
{
    static const struct { const char *yaml, *file, *field; } cases[] = {
        { "[eur]", NULL, "fx" }, { "{ rate: { eur: 1 } }", NULL, "fx.rate" }, { "{ rates: [eur] }", NULL, "fx.rates" }, { "{ rates: { EUR: 1 } }", NULL, "fx.rates" },
        { "{ rates: { usd: 1 } }", NULL, "fx.rates" }, { "{ rates: { euro: 1 } }", NULL, "fx.rates" }, { "{ rates: { eur: 0 } }", NULL, "fx.rates.eur" },
        { "{ rates: { eur: -1 } }", NULL, "fx.rates.eur" }, { "{ rates: { eur: lots } }", NULL, "fx.rates.eur" }, { "{ rates: { eur: [1] } }", NULL, "fx.rates.eur" },
        { "{ rates: { eur: 1.0000000001 } }", NULL, "fx.rates.eur" }, { "{ margin: 2 }", NULL, "fx.margin" }, { "{ margin: 101% }", NULL, "fx.margin" },
        { "{ margin: -1% }", NULL, "fx.margin" }, { "{ date: today }", NULL, "fx.date" }, { "{ file: f, date: 2026-11-20 }", HEAD DAY FOOT, "fx.date" },
        { "{ file: f }", "nothing", "fx.file" } };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct arena a;
        struct fx fx;
        struct trouble t;
        arena_init(&a, 1 << 20);
        CHECK_INT(read(cases[i].yaml, cases[i].file, &a, &fx, &t), E_CONFIG);
        CHECK_SPAN(span_of(t.field), span_of(cases[i].field));
        arena_free(&a);
    }
}
