/* SPDX-License-Identifier: Apache-2.0
 * price_override_test.c - prices as people write them: every form, what it becomes, and that what is shown can be written back. */
#include "base/embed.h"
#include "base/json.h"
#include "base/text.h"
#include "rules/price_row.h"
#include "test/test.h"

#include <stdlib.h>

static enum err override(const char *json, struct price_book **b, struct trouble *t)
{
    struct arena a;
    struct node *n;
    arena_init(&a, 1 << 20);
    *t = (struct trouble){ .set = false };
    enum err e = node_read_json(&a, "test", span_of(json), &n, t);
    CHECK_INT(e, E_OK);
    e = price_book_read(embed_find(SPAN("catalog/models.tsv")), n, b, t);
    arena_free(&a);
    return e;
}

static const char whole[] = "{\"in\":\"1\",\"out\":\"2\",\"tiers\":[{\"above\":1000,\"in\":\"1.5\"}],"
    "\"service_tiers\":{\"flex\":{\"in\":\"0.5\",\"tiers\":[{\"above\":1000,\"in\":\"0.75\"}]}},\"regions\":{\"eu\":{\"in\":\"1.1\"}},"
    "\"windows\":[{\"days\":\"1-5\",\"utc\":[\"00:00-01:00\",\"10:00-24:00\"],\"name\":\"off_peak\",\"in\":\"0.9\"}],"
    "\"past\":[{\"until\":\"2026-01-01\",\"in\":\"3\"}],\"announced\":[{\"from\":\"2027-01-01\",\"in\":\"4\",\"tiers\":[{\"above\":5,\"in\":\"8\"}]}],"
    "\"factors\":{\"fast\":\"2\",\"geo_us\":\"1.1\"},"
    "\"units\":[{\"kind\":\"image_out\",\"usd\":\"0.04\",\"size\":\"1024x1024\",\"quality\":\"hd\"},"
    "{\"kind\":\"web_search\",\"usd\":\"10\",\"per\":1000,\"search\":\"low\"},{\"kind\":\"search\",\"usd\":\"0.005\",\"results\":\"0-25\"}]}";

static nano_usd cost_of(const struct price *p, int64_t in, const char *tier, const char *when)
{
    struct usage u = { .known = true, .vendor_cost = -1, .tier = span_of(tier) };
    nano_usd cost = -1;
    int64_t at = -1;
    u.tokens[METER_IN] = in;
    CHECK(text_time_parse(span_of(when), &at));
    CHECK_INT(price_cost(p, &u, at, &cost), E_OK);
    return cost;
}

TEST(every_form_is_read_and_shown_as_it_was_written)
{
    struct price_book *b = NULL;
    struct trouble t;
    struct buf text;
    buf_init(&text, 1 << 16);
    buf_print(&text, "{\"mine/a/b\":%s}", whole);
    buf_put_byte(&text, '\0');
    CHECK_INT(override(text.at, &b, &t), E_OK);
    const struct price *p = b ? price_find(b, SPAN("mine"), SPAN("a/b")) : NULL;
    CHECK(p && price_is_override(p));
    if (p) {
        CHECK_INT(cost_of(p, 1000, NULL, "2026-06-06T12:00:00Z"), 1000000); /* a Saturday */
        CHECK_INT(cost_of(p, 1001, NULL, "2026-06-06T12:00:00Z"), 1501500);
        CHECK_INT(cost_of(p, 1001, "flex", "2026-06-06T12:00:00Z"), 750750);
        CHECK_INT(cost_of(p, 1000, NULL, "2026-06-05T12:00:00Z"), 900000);
        CHECK_INT(cost_of(p, 1000, NULL, "2025-06-05T12:00:00Z"), 3000000);
        CHECK_INT(cost_of(p, 1000, NULL, "2027-06-05T12:00:00Z"), 8000000);
        buf_clear(&text);
        struct json_out o = json_out(&text);
        price_write_prices(p, &o);
        CHECK_SPAN(buf_span(&text), span_of(whole));
    }
    price_book_free(b);
    buf_free(&text);
}

/* Each row of the book, shown, written back, and shown again. */
TEST(what_is_shown_can_be_written_back)
{
    struct price_book *b = NULL;
    struct trouble t = { .set = false };
    struct price_cursor at = { SPAN_NONE, SPAN_NONE };
    struct arena a;
    struct buf shown, again, line;
    size_t wrong = 0, count = 0;
    arena_init(&a, 1 << 24);
    buf_init(&shown, 1 << 20);
    buf_init(&again, 1 << 20);
    buf_init(&line, 1 << 20);
    CHECK_INT(price_book_read(embed_find(SPAN("catalog/models.tsv")), NULL, &b, &t), E_OK);
    for (const struct price *p; b && (p = price_next(b, SPAN_NONE, &at)) && wrong < 5; count++) {
        struct arena_mark mark = arena_mark(&a);
        struct node *n;
        buf_clear(&shown);
        buf_clear(&again);
        buf_clear(&line);
        struct json_out o = json_out(&shown), back = json_out(&again);
        price_write_prices(p, &o);
        if (shown.len == 2) /* no price */
            continue;
        CHECK_INT(node_read_json(&a, "test", buf_span(&shown), &n, &t), E_OK);
        n->name = arena_print(&a, "%.*s/%.*s", SPAN_ARG(price_provider(p)), SPAN_ARG(price_model(p)));
        struct price *copy = price_override_write(n, p, SPAN_NONE, &line, &t) ? price_row_read(buf_span(&line)) : NULL;
        if (copy)
            price_write_prices(copy, &back);
        if (!copy || !span_is(buf_span(&shown), buf_span(&again))) {
            test_fail(__FILE__, __LINE__, "%.*s: %s %.*s", SPAN_ARG(n->name), t.text, SPAN_ARG(buf_span(&shown)));
            wrong++;
        }
        free(copy);
        arena_rewind(&a, mark);
    }
    CHECK_INT(count, 10000);
    price_book_free(b);
    buf_free(&shown);
    buf_free(&again);
    buf_free(&line);
    arena_free(&a);
}

TEST(facts_and_prices_that_are_not_said_stay_those_of_the_row)
{
    struct price_book *b = NULL;
    struct trouble t;
    CHECK_INT(override("{\"openai/gpt-4o\":{\"context\":1000,\"abilities\":[\"stream\"],\"mode\":\"responses\"}}", &b, &t), E_OK);
    const struct price *p = b ? price_find(b, SPAN("openai"), SPAN("gpt-4o")) : NULL;
    if (p) {
        CHECK_INT(price_context(p), 1000);
        CHECK_SPAN(price_caps(p), SPAN("stream"));
        CHECK_SPAN(price_mode(p), SPAN("responses"));
        CHECK_INT(price_output_max(p), 16384);
        CHECK_INT(cost_of(p, 1000000, NULL, "2026-11-20"), INT64_C(2500000000));
    }
    CHECK(p);
    price_book_free(b);
}

/* The model of the row that settles, when gpt-4o was asked for and this name is answered; "-": none. */
static struct span settles(const struct price_book *b, const char *asked, const char *answered)
{
    const struct price *p = price_answered(b, price_find(b, SPAN("openai"), span_of(asked)), SPAN("openai"), span_of(answered));
    return p ? price_model(p) : SPAN("-");
}

TEST(an_override_of_the_name_asked_for_settles_also_what_answers_with_a_date)
{
    struct price_book *b = NULL;
    struct trouble t;
    CHECK_INT(override("{\"openai/gpt-4o\":{\"in\":\"0.1\"},\"openai/gpt-4o-2024-05-13\":{\"in\":\"7\"},\"openai/gpt-3.5-turbo\":{\"in\":\"0.1\"},"
                       "\"openai/gpt-4-turbo-latest\":{\"in\":\"0.1\"}}", &b, &t), E_OK);
    if (!b)
        return;
    CHECK_SPAN(settles(b, "gpt-4o", "gpt-4o-2024-08-06"), SPAN("gpt-4o"));
    CHECK_SPAN(settles(b, "gpt-4o", "gpt-4o-2024-05-13"), SPAN("gpt-4o-2024-05-13")); /* an override, too */
    CHECK_SPAN(settles(b, "gpt-4o", "gpt-4o-mini"), SPAN("gpt-4o-mini"));
    CHECK_SPAN(settles(b, "gpt-4o", "gpt-4o-mini-2024-07-18"), SPAN("gpt-4o-mini-2024-07-18"));
    CHECK_SPAN(settles(b, "gpt-4o", "gpt-4.1-2025-04-14"), SPAN("gpt-4.1-2025-04-14"));
    CHECK_SPAN(settles(b, "gpt-4o", "gpt-4o"), SPAN("gpt-4o"));
    CHECK_SPAN(settles(b, "gpt-4o", "nobody-knows-it"), SPAN("gpt-4o"));
    CHECK_SPAN(settles(b, "gpt-3.5-turbo", "gpt-3.5-turbo-0125"), SPAN("gpt-3.5-turbo"));
    CHECK_SPAN(settles(b, "gpt-3.5-turbo", "gpt-3.5-turbo-16k"), SPAN("gpt-3.5-turbo-16k"));
    CHECK_SPAN(settles(b, "gpt-4-turbo-latest", "gpt-4-turbo-2024-04-09"), SPAN("gpt-4-turbo-latest"));
    CHECK_SPAN(settles(b, "gpt-4.1", "gpt-4.1-2025-04-14"), SPAN("gpt-4.1-2025-04-14")); /* no override: the row of what answered */
    CHECK_SPAN(settles(b, "gpt-4o-2024-08-06", "gpt-4o-2024-08-06"), SPAN("gpt-4o-2024-08-06")); /* asked for by its own row */
    CHECK_SPAN(settles(b, "nobody-knows-it", "gpt-4.1"), SPAN("gpt-4.1"));
    CHECK_SPAN(settles(b, "nobody-knows-it", "nor-this"), SPAN("-"));
    price_book_free(b);
}

TEST(what_is_wrong_is_named_with_its_place)
{
    static const struct {
        const char *json, *field;
    } wrong[] = {
        { "{\"a/b\":{\"inn\":\"1\"}}", "prices.a/b" },
        { "{\"a/b\":{\"in\":\"1e3\"}}", "prices.a/b.in" },
        { "{\"a/b\":{\"in\":\"1000001\"}}", "prices.a/b.in" },
        { "{\"a/b\":{\"tiers\":{\"above\":1}}}", "prices.a/b.tiers" },
        { "{\"a/b\":{\"tiers\":[{\"in\":\"1\"}]}}", "prices.a/b.tiers[0].above" },
        { "{\"a/b\":{\"tiers\":[{\"above\":1,\"inn\":\"1\"}]}}", "prices.a/b.tiers[0]" },
        { "{\"a/b\":{\"tiers\":[{\"above\":1}]}}", "prices.a/b.tiers[0]" },
        { "{\"a/b\":{\"service_tiers\":{\"x y\":{\"in\":\"1\"}}}}", "prices.a/b.service_tiers.x y" },
        { "{\"a/b\":{\"regions\":{\"eu\":5}}}", "prices.a/b.regions.eu.eu" },
        { "{\"a/b\":{\"past\":[{\"in\":\"1\"}]}}", "prices.a/b.past[0].until" },
        { "{\"a/b\":{\"announced\":[{\"from\":\"soon\",\"in\":\"1\"}]}}", "prices.a/b.announced[0].from" },
        { "{\"a/b\":{\"windows\":[{\"days\":\"1-5\",\"in\":\"1\"}]}}", "prices.a/b.windows[0]" },
        { "{\"a/b\":{\"factors\":{\"fast\":\"1.234\"}}}", "prices.a/b.factors.fast" },
        { "{\"a/b\":{\"units\":[{\"kind\":\"hug\",\"usd\":\"1\"}]}}", "prices.a/b.units[0]" },
        { "{\"a/b\":{\"units\":[{\"kind\":\"page\"}]}}", "prices.a/b.units[0]" },
        { "{\"a/b\":{\"units\":[{\"kind\":\"page\",\"usd\":\"1\",\"per\":0}]}}", "prices.a/b.units[0].per" },
        { "{\"a/b\":{\"units\":[{\"kind\":\"page\",\"usd\":\"1\",\"size\":\"a b\"}]}}", "prices.a/b.units[0].size" },
        { "{\"a/b\":{\"mode\":\"a b\"}}", "prices.a/b.mode" },
        { "{\"a/b\":{\"dim\":-1}}", "prices.a/b.dim" },
        { "{\"a/b\":{\"abilities\":{}}}", "prices.a/b.abilities" },
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct price_book *b = NULL;
        struct trouble t;
        if (override(wrong[i].json, &b, &t) != E_CONFIG || !span_is(span_of(t.field), span_of(wrong[i].field)))
            test_fail(__FILE__, __LINE__, "%s: field \"%s\": %s", wrong[i].json, t.field, t.text);
        price_book_free(b);
    }
}
