/* SPDX-License-Identifier: Apache-2.0
 * redact_test.c - what must not be kept is found however it is written, and nothing else is touched. */
#include "base/text.h"
#include "guard/redact.h"
#include "test/test.h"

static struct arena memory;
static struct buf out;
static struct redact_found found;

static const struct redactor *rule_of(const char *json, struct trouble *t)
{
    struct node *n = NULL;
    const struct redactor *r = NULL;
    *t = (struct trouble){ 0 };
    if (node_read_json(&memory, "", span_of(json), &n, t) != E_OK || !redactor_read(&memory, n, "redact", &r, t))
        return NULL;
    return r;
}

static struct span redacted(const char *rule, enum redact_form form, bool pieces, const char *text)
{
    static struct trouble t; /* the reason is handed out */
    const char *why;
    arena_free(&memory);
    buf_free(&out);
    arena_init(&memory, 8 << 20);
    buf_init(&out, 1 << 20);
    found = (struct redact_found){ { 0 }, 0 };
    const struct redactor *r = rule_of(rule, &t);
    if (!r)
        return span_of(t.text);
    return redact(r, form, pieces, span_of(text), &memory, &out, &found, &why) ? buf_span(&out) : span_of(why);
}

static void done(void)
{
    arena_free(&memory);
    buf_free(&out);
}

#define ALL "[\"email\",\"card\",\"phone\",\"iban\",\"ssn\"]"

TEST(kinds_are_found_in_words)
{
    static const char *const pairs[][2] = {
        { "write to ann.lee+x@mail.example.com.", "write to [email]." },
        { "a@b and @user and x@y.z stay", "a@b and @user and x@y.z stay" },
        { "pay with 4242 4242 4242 4242, please", "pay with [card], please" },
        { "378282246310005 and 4242424242424241", "[card] and 4242424242424241" },
        { "at 1763796000000 ms, id 12345678901234567890", "at 1763796000000 ms, id 12345678901234567890" },
        { "call +1 (415) 555-0100 or 415-555-0100", "call [phone] or [phone]" },
        { "total 1234567890", "total 1234567890" },
        { "DE89 3704 0044 0532 0130 00 is his", "[iban] is his" },
        { "078-05-1120", "[ssn]" },
        { "key sk-proj-abcdefghijklmnop1234567890 leaked", "key [secret] leaked" },
        { "my sk-learn-estimators-are-long-names stays", "my sk-learn-estimators-are-long-names stays" },
        { "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nrest", "[secret]\nrest" },
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
        CHECK_SPAN(redacted(ALL, REDACT_TEXT, false, pairs[i][0]), span_of(pairs[i][1]));
    done();
}

TEST(only_what_is_asked_for_goes_but_for_secrets)
{
    CHECK_SPAN(redacted("[]", REDACT_TEXT, false, "a@mail.example, AKIAABCDEFGHIJKLMN12"), SPAN("a@mail.example, [secret]"));
    CHECK_SPAN(redacted("[\"/order-\\\\d+/i\"]", REDACT_TEXT, false, "Order-123 of a@mail.example"), SPAN("[redacted] of a@mail.example"));
    CHECK_INT(found.pattern_hits, 1);
    done();
}

TEST(a_rule_can_be_said_again)
{
    struct trouble t;
    arena_init(&memory, 1 << 20);
    const struct redactor *r = rule_of("[\"card\",\"/order-\\\\d+/i\",\"email\",\"/x/\"]", &t), *plain = rule_of("[]", &t);
    static const char *const names[] = { "secret", "email", "card", "/order-\\d+/i", "/x/" };
    CHECK(r && plain);
    for (size_t i = 0; r && i < sizeof(names) / sizeof(*names); i++)
        CHECK_SPAN(redactor_name(r, i), span_of(names[i]));
    CHECK(r && !redactor_name(r, sizeof(names) / sizeof(*names)).at);
    CHECK(plain && redactor_name(plain, 0).at && !redactor_name(plain, 1).at);
    done();
}

TEST(escapes_are_undone_first)
{
    CHECK_SPAN(redacted(ALL, REDACT_JSON, false, "{\"a\":\"hi\\nann\\u0040mail.example\",\"n\":4242424242424242,\"ann@mail.example\":1}"),
        SPAN("{\"a\":\"hi\\n[email]\",\"n\":\"[card]\",\"[email]\":1}"));
    CHECK_SPAN(redacted(ALL, REDACT_FIELDS, false, "To=%2B14155550100&email=ann%40mail.example&x=1+2"), SPAN("To=[phone]&email=[email]&x=1+2"));
    CHECK_INT(found.hits[REDACT_EMAIL], 1);
    done();
}

/* Nothing of it stays, in whichever piece. */
TEST(what_a_stream_says_in_pieces_is_found)
{
    const char *chat = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"write ann@\"}}]}\n\n"
                       "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"another\"}}]}\n\n"
                       "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"mail\"}}]}\n\n"
                       "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\".example now\"}}]}\n\ndata: [DONE]\n\n";
    struct span got = redacted(ALL, REDACT_LINES, true, chat);
    CHECK_SPAN(got, SPAN("data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"write [email]\"}}]}\n\n"
                         "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"another\"}}]}\n\n"
                         "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"}}]}\n\n"
                         "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" now\"}}]}\n\ndata: [DONE]\n\n"));
    CHECK_INT(found.hits[REDACT_EMAIL], 1);
    const char *messages = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"4242 4242\"}}\n\n"
                           "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" 4242 4242\"}}\n\n";
    got = redacted(ALL, REDACT_LINES, true, messages);
    CHECK(span_find(got, SPAN("4242")) < 0);
    CHECK(span_find(got, SPAN("[card]")) > 0);
    done();
}

TEST(untouched_bytes_stay_as_they_were)
{
    const char *body = " { \"a\" : [1, 2.50, true, null, \"x\\u00e9\\/y\"],\n\t\"b\":{\"c\":\"\"} } ";
    CHECK_SPAN(redacted(ALL, REDACT_JSON, false, body), span_of(body));
    CHECK_SPAN(redacted(ALL, REDACT_JSON, false, "{\"a\":\"cut off ann@mail.exam"), SPAN("{\"a\":\"cut off \"[email]\""));
    CHECK_SPAN(redacted(ALL, REDACT_JSON, false, ""), SPAN(""));
    done();
}

/* Without an end there is no opinion, and so nothing to keep. */
TEST(what_cannot_be_searched_is_refused)
{
    CHECK_SPAN(redacted(ALL, REDACT_OPAQUE, false, "x"), SPAN("its kind cannot be searched for what must not be kept"));
    CHECK_SPAN(redacted("[\"/(a|aa)+$/\"]", REDACT_TEXT, false, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac"), SPAN("the pattern takes too long on this text"));
    CHECK_SPAN(redacted("[\"/a/\"]", REDACT_TEXT, false, "\xff\xfe"), SPAN("the text is not UTF-8"));
    CHECK_INT(redact_form(SPAN("image/png")), REDACT_OPAQUE);
    CHECK_INT(redact_form(SPAN("multipart/form-data; boundary=x")), REDACT_OPAQUE);
    CHECK_INT(redact_form(SPAN("")), REDACT_OPAQUE);
    CHECK_INT(redact_form(SPAN("application/json; charset=utf-8")), REDACT_JSON);
    CHECK_INT(redact_form(SPAN("application/vnd.api+json;x=1")), REDACT_JSON);
    done();
}

TEST(rules_that_are_none_are_named)
{
    CHECK(span_find(redacted("[\"email\",\"emial\"]", REDACT_TEXT, false, ""), SPAN("redact[1]: found \"emial\"")) >= 0);
    CHECK(span_find(redacted("[\"/(/\"]", REDACT_TEXT, false, ""), SPAN("redact[0]")) >= 0);
    done();
}
