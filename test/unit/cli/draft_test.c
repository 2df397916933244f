/* SPDX-License-Identifier: Apache-2.0
 * draft_test.c - names of operations from paths, and documents that would lead a reader astray. */
#include "cli/draft.h"

#include "test/test.h"

static struct draft read(struct arena *a, struct json *j, const char *document, enum err wanted)
{
    struct draft d = { .arena = a };
    struct json_value root;
    const char *reason = "";
    char why[200] = "";
    if (json_parse(j, span_of(document), false, &root, &reason) != E_OK)
        test_fail(__FILE__, __LINE__, "%s: %s", document, reason);
    enum err e = draft_read(&d, root, why);
    if (e != wanted)
        test_fail(__FILE__, __LINE__, "%d: %s", (int)e, why);
    return d;
}

TEST(words_are_small_and_apart)
{
    static const char *const cases[][2] = { { "createdAt", "created_at" }, { "API-Keys", "api_keys" }, { "SMSMessages", "smsmessages" }, { "a  b--c", "a_b_c" }, { "--", "" }, { "x1Y2", "x1_y2" },
        { "\xc3\xa9t\xc3\xa9", "t" } };
    struct arena a;
    arena_init(&a, 1 << 16);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct span got = draft_word(&a, span_of(cases[i][0]));
        if (i == 5)
            CHECK(span_is(got, SPAN("x1_y2")) || span_is(got, SPAN("x1y2")));
        else
            CHECK_SPAN(got, span_of(cases[i][1]));
    }
    arena_free(&a);
}

TEST(calls_are_named_by_resource_and_verb)
{
    static const char document[] =
        "{\"openapi\":\"3.0.0\",\"info\":{\"title\":\"T\"},\"paths\":{"
        "\"/v1/charges\":{\"get\":{},\"post\":{}},\"/v1/charges/{id}\":{\"get\":{},\"post\":{},\"patch\":{},\"put\":{},\"delete\":{}},\"/v1/charges/{id}/capture\":{\"post\":{}},"
        "\"/v1/customers/{c}/cards\":{\"get\":{},\"post\":{}},\"/v1/customers/{c}/cards/{id}\":{\"delete\":{}},\"/v1/balance\":{\"get\":{}},\"/v1/search/all\":{\"post\":{}},"
        "\"/api/2010-04-01/Accounts/{Sid}/SMSMessages.json\":{\"post\":{}},\"/things/{a}\":{\"get\":{}},\"/things/{a}/{b}\":{\"get\":{}},\"/{root}\":{\"get\":{}}}}";
    static const char *const names[] = { "charges.list", "charges.create", "charges.get", "charges.update", "charges.update_by_id", "charges.replace", "charges.delete", "charges.capture",
        "customers.cards.list", "customers.cards.create", "customers.cards.delete", "balance.get", "search.all", "accounts.smsmessages_json", "things.get", "things.get_by_b", "root.get" };
    struct arena a;
    struct json *j = json_new();
    arena_init(&a, 8 << 20);
    struct draft d = read(&a, j, document, E_OK);
    CHECK_INT(d.count, sizeof(names) / sizeof(*names));
    for (size_t i = 0; i < d.count && i < sizeof(names) / sizeof(*names); i++)
        CHECK_SPAN(d.calls[i].name, span_of(names[i]));
    json_free(j);
    arena_free(&a);
}

TEST(references_in_circles_and_to_nowhere_end)
{
    static const char *const documents[] = {
        "{\"openapi\":\"3.0.0\",\"paths\":{\"/a\":{\"post\":{\"requestBody\":{\"$ref\":\"#/components/requestBodies/A\"}}}},\"components\":{\"requestBodies\":{\"A\":{\"$ref\":\"#/components/requestBodies/A\"}}}}",
        ("{\"openapi\":\"3.0.0\",\"paths\":{\"/a\":{\"post\":{\"requestBody\":{\"content\":{\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/A\"}}}}}}},"
        "\"components\":{\"schemas\":{\"A\":{\"allOf\":[{\"$ref\":\"#/components/schemas/A\"},{\"$ref\":\"#/components/schemas/B\"}]},\"B\":{\"properties\":{\"a\":{\"$ref\":\"#/components/schemas/A\"},\"b\":{\"$ref\":\"#/components/schemas/B\"}}}}}}"),
        "{\"openapi\":\"3.0.0\",\"paths\":{\"/a\":{\"get\":{\"parameters\":[{\"$ref\":\"#/nowhere/at/all\"},{\"$ref\":\"other.yaml#/x\"},{\"$ref\":\"#/paths/~1a/get/parameters/0\"},{\"$ref\":\"#/%zz\"}]}}}}",
        "{\"openapi\":\"3.0.0\",\"paths\":{\"/a\":{\"get\":[],\"post\":7,\"put\":null,\"parameters\":\"x\"}},\"servers\":\"x\",\"security\":{},\"info\":[]}",
    };
    for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++) {
        struct arena a;
        struct json *j = json_new();
        arena_init(&a, 64 << 20);
        struct draft d = read(&a, j, documents[i], E_OK);
        CHECK(d.count >= 1);
        struct buf out;
        buf_init(&out, 1 << 20);
        draft_write(&d, &out);
        CHECK(span_find(buf_span(&out), SPAN("operations:")) > 0);
        buf_free(&out);
        json_free(j);
        arena_free(&a);
    }
}

TEST(a_write_names_what_stands_in_its_query)
{
    static const char document[] =
        "{\"openapi\":\"3.0.0\",\"paths\":{\"/notes\":{\"parameters\":[{\"in\":\"query\",\"name\":\"dry_run\"}],\"get\":{},\"post\":{\"parameters\":[{\"in\":\"query\",\"name\":\"filter[id]\"},"
        "{\"in\":\"query\",\"name\":\"filter[at]\"},{\"in\":\"query\",\"name\":\"a\\\"b\"},{\"in\":\"query\"}],\"requestBody\":{\"content\":{\"application/json\":{\"schema\":{}}}}}}}}";
    struct arena a;
    struct json *j = json_new();
    struct buf out;
    arena_init(&a, 8 << 20);
    buf_init(&out, 1 << 20);
    struct draft d = read(&a, j, document, E_OK);
    draft_write(&d, &out);
    ptrdiff_t at = span_find(buf_span(&out), SPAN("in_query: [\"dry_run\", \"filter\"] #"));
    CHECK(at > 0 && span_find(span_from(buf_span(&out), (size_t)at + 1), SPAN("in_query:")) < 0);
    buf_free(&out);
    json_free(j);
    arena_free(&a);
}

TEST(amounts_and_recipients_are_found_by_their_words)
{
    static const char document[] =
        "{\"swagger\":\"2.0\",\"paths\":{"
        "\"/pay\":{\"post\":{\"parameters\":[{\"in\":\"body\",\"name\":\"b\",\"schema\":{\"properties\":{\"note\":{\"type\":\"string\"},\"amount\":{\"type\":\"integer\"},\"currency\":{\"type\":\"string\"},\"price\":{\"type\":\"number\"}}}}]}},"
        "\"/products\":{\"post\":{\"parameters\":[{\"in\":\"body\",\"name\":\"b\",\"schema\":{\"properties\":{\"price\":{\"type\":\"number\"}}}}]}},"
        "\"/orders\":{\"post\":{}},\"/mail/send\":{\"post\":{\"parameters\":[{\"in\":\"formData\",\"name\":\"to\",\"type\":\"string\"},{\"in\":\"formData\",\"name\":\"cc\",\"type\":\"string\"}]}},"
        "\"/payload\":{\"post\":{}},\"/secrets\":{\"get\":{}}}}";
    struct arena a;
    struct json *j = json_new();
    arena_init(&a, 8 << 20);
    struct draft d = read(&a, j, document, E_OK);
    CHECK_SPAN(d.calls[0].amount->path, SPAN("amount"));
    CHECK_SPAN(d.calls[0].currency->path, SPAN("currency"));
    CHECK(!d.calls[1].amount && !d.calls[1].money); /* a price in a catalogue */
    CHECK(d.calls[2].money && !d.calls[2].amount);
    CHECK_INT(d.calls[3].to_count, 2);
    CHECK(d.calls[3].mails && d.calls[3].body == DRAFT_FORM);
    CHECK(!d.calls[4].money);
    CHECK(d.calls[5].secret);
    json_free(j);
    arena_free(&a);
}
