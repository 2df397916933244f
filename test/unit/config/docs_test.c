/* SPDX-License-Identifier: Apache-2.0
 * docs_test.c - docs cannot lie: every example in docs/configuration.md, docs/budgets.md, docs/keys.md, docs/providers.md and docs/routing.md is a configuration that loads.
 * Examples are yaml blocks that begin with "# example: NAME"; their ${VARIABLES} are set to something. Run from the top. */
#include "test/unit/config/conf.h"

#include <stdlib.h>

static void set_variables(struct span yaml)
{
    char name[64], value[96];
    struct span rest = yaml, inside;
    for (;;) {
        ptrdiff_t at = span_find(rest, SPAN("${"));
        if (at < 0)
            return;
        rest = span_from(rest, (size_t)at + 2);
        if (!span_cut(&rest, '}', &inside))
            return;
        snprintf(name, sizeof(name), "%.*s", SPAN_ARG(inside));
        snprintf(value, sizeof(value), "value-of-%s", name);
        setenv(name, value, 1);
    }
}

static void load(const char *file, struct span yaml)
{
    static const uint8_t master[32] = { 5 };
    struct config_input in = { .file = span_of(file), .text = yaml, .master_key = master };
    struct trouble t = { .set = false };
    struct snapshot *s = NULL;
    set_variables(yaml);
    if (config_load(&in, &s, &t) != E_OK)
        test_fail(__FILE__, __LINE__, "an example does not load: %s\n%.*s", t.text, SPAN_ARG(yaml));
    snapshot_drop(s);
}

static size_t load_examples(const char *file)
{
    struct buf text;
    size_t count = 0, got;
    FILE *f = fopen(file, "r");
    buf_init(&text, 1 << 20);
    while (f) {
        char *at = buf_reserve(&text, 4096);
        if (!at || (got = fread(at, 1, 4096, f)) == 0)
            break;
        text.len += got;
    }
    if (f)
        fclose(f);
    struct span rest = buf_span(&text);
    for (ptrdiff_t at; (at = span_find(rest, SPAN("```yaml\n# example: "))) >= 0; count++) {
        rest = span_from(rest, (size_t)at + 8);
        ptrdiff_t end = span_find(rest, SPAN("```"));
        must(end >= 0);
        load(file, span_first(rest, (size_t)end));
        rest = span_from(rest, (size_t)end);
    }
    buf_free(&text);
    return count;
}

TEST(examples_of_the_documentation_load)
{
    CHECK(load_examples("docs/configuration.md") >= 9);
    CHECK(load_examples("docs/budgets.md") >= 7);
    CHECK(load_examples("docs/keys.md") >= 1);
    CHECK(load_examples("docs/providers.md") >= 5);
    CHECK(load_examples("docs/routing.md") >= 2);
}
