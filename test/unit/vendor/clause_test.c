/* SPDX-License-Identifier: Apache-2.0
 * clause_test.c - the one customer that a search is about. */
#include "test/test.h"
#include "vendor/clause.h"

TEST(a_search_that_only_narrows_is_about_one)
{
    static const char *const texts[] = { "customer:'cus_1'", "customer:\"cus_1\"", "customer:cus_1", " customer:'cus_1' ",
        "customer:'cus_1' AND amount>500", "status:'succeeded' and customer:'cus_1' AND metadata['customer']:'cus_2'",
        "metadata[\"a b\"]:'x OR y' AND customer:'cus_1' AND created>=1700000000" };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        CHECK_SPAN(clause_value(span_of(texts[i]), SPAN("customer")), SPAN("cus_1"));
}

TEST(any_other_search_may_show_everybody)
{
    static const char *const texts[] = { "", "amount>500", "customer~'cus_1'", "-customer:'cus_1'",
        "customer:'cus_1' OR amount>5", "customer:'cus_1' OR customer:'cus_2'", "customer:'cus_1' AND customer:'cus_2'",
        "customer:'cus_1' AND -amount>5", "customer:'cus_1' amount>5", "customer:'cus_1'AND amount>5", "customer:'cus_1' AND",
        "customer:null", "customer:''", "customer:'cus_1", "customer:'cus\\'_1'", "metadata['customer']:'cus_1'",
        "xcustomer:'cus_1'", "customer:>'cus_1'", "(customer:'cus_1')", "customer:'cus_1')", "customer:'cus_1'\tOR amount>5",
        "customer: 'cus_1'", "Customer:'cus_1'", "metadata['a\\'] :x AND customer:'cus_2' AND metadata['b']:'cus_1'" };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (clause_value(span_of(texts[i]), SPAN("customer")).at)
            test_fail(__FILE__, __LINE__, "is about one: %s", texts[i]);
}
