/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verb.h"
#include "test/test.h"

static const struct verb sample = { .name = "thing",
    .usage = "  tollgate thing [list]\n"
             "  tollgate thing show|rotate-all NAME      beside it\n"
             "  tollgate thing apply NAME FILE [--soft] X\n"
             "  tollgate other NAME\n"
             "prose about tollgate\n"
             "  tollgate thing --flag ID\n"
             "  tollgate thing ID\n" };

static void is_form(size_t n, const char *action, size_t operands, const char *first)
{
    struct usage_words w;
    CHECK(usage_form(&sample, n, &w));
    CHECK(action ? span_is(w.action, span_of(action)) : !w.action.at);
    CHECK_INT(operands, (int)w.operand_count);
    if (first)
        CHECK(span_is(w.operands[0], span_of(first)));
}

TEST(words_forms_of_a_usage)
{
    struct usage_words w;
    is_form(0, "list", 0, NULL);
    is_form(1, "show", 1, "NAME");
    is_form(2, "rotate-all", 1, "NAME");
    is_form(3, "apply", 2, "NAME");
    is_form(4, NULL, 0, NULL);
    is_form(5, NULL, 1, "ID");
    CHECK(!usage_form(&sample, 6, &w));
}

/* Completion and the manual live on these. */
TEST(words_every_verb_keeps_to_the_form)
{
    for (size_t i = 0; i < cli_verb_count; i++) {
        const struct verb *v = cli_verbs[i];
        struct usage_words w;
        CHECK(v->summary && v->summary[0]);
        CHECK(usage_form(v, 0, &w));
        CHECK(cli_verb(span_of(v->name)) == v);
        for (const struct flag *f = v->flags; f && f->name; f++)
            CHECK(f->help && f->help[0] && strlen(f->name) > 1);
    }
}
