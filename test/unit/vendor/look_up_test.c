/* SPDX-License-Identifier: Apache-2.0
 * look_up_test.c - calls whose answer was lost, looked up: what is asked, and what the answers prove. */
#include <stdio.h>

#include "test/unit/vendor/bench.h"

#define ACCOUNT "AC0123456789abcdef0123456789abcdef"
#define PATH "/2010-04-01/Accounts/" ACCOUNT
#define BODY "To=%2B15558675310&From=%2B15550001111&Body=hello%20there"
/* Sat, 21 Nov 2026 12:00:00 UTC */
#define SENT INT64_C(1795262400000)

static struct bench b;
static struct look_up ask;
static struct settled found;
static size_t taken; /* memory of the call that the last answer cost */

static bool asks(int64_t sent_ms)
{
    return vendor_look_up(b.json, &b.asked, &b.understood, sent_ms, &b.call, &ask);
}

static enum look_up_verdict says(int status, const char *body)
{
    struct http_head answer = { .status = status, .fields = b.fields, .count = 0, .length = -1 };
    size_t before = b.call.taken;
    enum look_up_verdict v =
        vendor_looked_up(b.json, &b.asked, &b.understood, SENT, &answer, span_of(body), &b.call, &found);
    taken = b.call.taken - before;
    return v;
}

static void open_twilio(void)
{
    bench_open(&b, "twilio", SPAN_NONE);
    b.account = SPAN(ACCOUNT);
    CHECK_INT(bench_ask(&b, "POST", PATH "/Messages.json", BODY), E_OK);
    CHECK(b.matched.operation->look_up && !b.matched.operation->idempotent);
}

/* A message of Twilio's. time: "12:00:00" of that day. */
static struct span message(const char *sid, const char *to, const char *text, const char *time, const char *price)
{
    return arena_print(&b.call,
        "{\"sid\":\"%s\",\"to\":\"%s\",\"from\":\"+15550001111\",\"body\":\"%s\",\"messaging_service_sid\":null,\"status\":\"queued\","
        "\"price\":%s,\"price_unit\":\"USD\",\"num_segments\":\"1\",\"date_created\":\"Sat, 21 Nov 2026 %s +0000\"}",
        sid, to, text, price, time);
}

static enum look_up_verdict lists(const struct span *items, size_t count, const char *next)
{
    struct span list = SPAN("");
    for (size_t i = 0; i < count; i++)
        list = arena_print(&b.call, "%.*s%s%.*s", SPAN_ARG(list), i ? "," : "", SPAN_ARG(items[i]));
    struct span body = arena_print(&b.call, "{\"messages\":[%.*s],\"next_page_uri\":%s}", SPAN_ARG(list), next);
    must(body.at);
    return says(200, body.at);
}

#define OURS(time) message("SM1", "+15558675310", "hello there", time, "null")
#define OTHER_TEXT(time) message("SM2", "+15558675310", "hello", time, "null")
#define OTHER_NUMBER(time) message("SM3", "+15558675311", "hello there", time, "null")

static enum look_up_verdict one(struct span a) { return lists(&a, 1, "null"); }

static enum look_up_verdict two(struct span a, struct span c)
{
    struct span both[] = { a, c };
    return lists(both, 2, "null");
}

TEST(a_message_is_asked_for_by_its_number)
{
    struct matched m;
    open_twilio();
    CHECK(asks(SENT));
    CHECK_SPAN(ask.path, SPAN(PATH "/Messages.json"));
    CHECK_SPAN(ask.query, SPAN("To=%2B15558675310&PageSize=200"));
    CHECK_INT(ask.patience_ms, 600000);
    CHECK(vendor_match(&b.vendor, SPAN("GET"), ask.path, &m));
    CHECK_SPAN(m.operation->name, SPAN("twilio.messages.list"));
    CHECK(!asks(0));
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", PATH "/Messages.json", "To=whatsapp%3A%2B4420123456&Body=x"), E_OK);
    CHECK(asks(SENT));
    CHECK_SPAN(ask.query, SPAN("To=whatsapp%3A%2B4420123456&PageSize=200"));
    bench_close(&b);
}

TEST(numbers_that_twilio_may_write_differently_are_not_looked_up)
{
    static const char *const numbers[] = { "5558675310", "%2B1%20555%208675310", "%2B015558675310", "%2B1555", "messenger%3A%2B15558675310",
        "client%3Aalice", "%2B15558675310x", "rcs%3A%2B15558675310" };
    open_twilio();
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        char body[200];
        snprintf(body, sizeof(body), "To=%s&Body=x", numbers[i]);
        bench_fresh(&b);
        CHECK_INT(bench_ask(&b, "POST", PATH "/Messages.json", body), E_OK);
        CHECK(!asks(SENT));
    }
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "GET", PATH "/Messages.json", ""), E_OK);
    CHECK(!asks(SENT));
    CHECK_INT(says(200, "{\"messages\":[],\"next_page_uri\":null}"), LOOK_UP_UNCLEAR);
    bench_close(&b);
}

TEST(one_message_that_fits_happened)
{
    open_twilio();
    CHECK_INT(one(OURS("12:00:00")), LOOK_UP_HAPPENED);
    CHECK(found.known && found.estimate);
    CHECK_INT(found.real[UNIT_USD], 14000000);
    CHECK_INT(found.real[UNIT_MESSAGES], 1);
    CHECK_SPAN(found.object_id, SPAN("SM1"));
    CHECK_INT(one(message("SM1", "+15558675310", "hello there", "12:00:01", "\"-0.00750\"")), LOOK_UP_HAPPENED);
    CHECK(found.known && !found.estimate);
    CHECK_INT(found.real[UNIT_USD], 7500000);
    CHECK_INT(one(OURS("11:59:55")), LOOK_UP_HAPPENED); /* clocks differ by five seconds at most */
    CHECK_INT(one(OURS("12:05:00")), LOOK_UP_HAPPENED);
    CHECK_INT(two(OTHER_TEXT("12:00:02"), OURS("12:00:00")), LOOK_UP_HAPPENED);
    CHECK_INT(two(OURS("12:00:00"), OTHER_NUMBER("12:00:00")), LOOK_UP_HAPPENED);
    CHECK_INT(two(OURS("12:00:00"), OURS("10:00:00")), LOOK_UP_HAPPENED); /* the same text two hours before */
    CHECK_SPAN(found.object_id, SPAN("SM1"));
    bench_close(&b);
}

TEST(no_message_that_could_be_it_is_an_absence)
{
    open_twilio();
    CHECK_INT(lists(NULL, 0, "null"), LOOK_UP_ABSENT);
    CHECK_INT(one(OTHER_NUMBER("12:00:00")), LOOK_UP_ABSENT);
    CHECK_INT(one(OURS("11:00:00")), LOOK_UP_ABSENT);
    CHECK_INT(one(OTHER_TEXT("11:59:54")), LOOK_UP_ABSENT);
    CHECK_INT(one(OURS("12:30:00")), LOOK_UP_ABSENT);
    CHECK(!found.known);
    bench_close(&b);
}

TEST(what_is_not_plain_is_unclear)
{
    open_twilio();
    CHECK_INT(two(OURS("12:00:01"), OURS("12:00:00")), LOOK_UP_UNCLEAR); /* two of them: which one? */
    CHECK_INT(one(OTHER_TEXT("12:00:00")), LOOK_UP_UNCLEAR);             /* the text may have been changed */
    CHECK_INT(one(OURS("11:59:54")), LOOK_UP_UNCLEAR);                   /* ours, but for a clock */
    CHECK_INT(one(OURS("12:14:00")), LOOK_UP_UNCLEAR);
    struct span full[] = { OURS("12:00:00"), OTHER_NUMBER("11:59:00") };
    CHECK_INT(lists(full, 2, "\"/next\""), LOOK_UP_UNCLEAR); /* others may stand on the next page */
    full[0] = OTHER_NUMBER("12:00:00");
    CHECK_INT(lists(full, 2, "\"/next\""), LOOK_UP_UNCLEAR);
    struct span deep[] = { OURS("12:00:00"), OTHER_NUMBER("11:00:00") };
    CHECK_INT(lists(deep, 2, "\"/next\""), LOOK_UP_HAPPENED); /* the next page is older than the call */
    struct span mixed[] = { OTHER_NUMBER("11:00:00"), OURS("12:00:00"), OTHER_NUMBER("10:00:00") };
    CHECK_INT(lists(mixed, 3, "\"/next\""), LOOK_UP_UNCLEAR); /* not in order: the next page may hold anything */
    bench_close(&b);
}

TEST(answers_that_are_no_list_are_unclear)
{
    static const char *const bodies[] = { "", "{", "[]", "{}", "{\"messages\":null}", "{\"messages\":{}}", "{\"messages\":[1]}",
        "{\"messages\":[{}]}", "{\"messages\":[{\"to\":\"+15558675311\",\"date_created\":\"yesterday\"}]}",
        "{\"messages\":[{\"to\":\"+15558675310\",\"body\":\"hello there\",\"date_created\":null}]}", "null" };
    open_twilio();
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
        if (says(200, bodies[i]) != LOOK_UP_UNCLEAR)
            test_fail(__FILE__, __LINE__, "%s is not unclear", bodies[i]);
    static const int statuses[] = { 0, 201, 204, 206, 301, 401, 403, 404, 429, 500, 503 };
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        CHECK_INT(says(statuses[i], "{\"messages\":[],\"next_page_uri\":null}"), LOOK_UP_UNCLEAR);
    bench_close(&b);
}

TEST(a_call_is_looked_up_too)
{
    open_twilio();
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", PATH "/Calls.json",
                  "To=%2B15558675310&From=%2B15550001111&Url=https%3A%2F%2Fx.example&TimeLimit=60"),
        E_OK);
    CHECK(asks(SENT));
    CHECK_SPAN(ask.path, SPAN(PATH "/Calls.json"));
    CHECK_SPAN(ask.query, SPAN("To=%2B15558675310&PageSize=200"));
    CHECK_INT(says(200, "{\"calls\":[{\"sid\":\"CA1\",\"to\":\"+15558675310\",\"from\":\"+15550001111\",\"price\":null,"
                        "\"price_unit\":\"USD\",\"date_created\":\"Sat, 21 Nov 2026 12:00:03 +0000\"}],\"next_page_uri\":null}"),
        LOOK_UP_HAPPENED);
    CHECK(found.estimate);
    CHECK_INT(found.real[UNIT_USD], 22000000);
    CHECK_SPAN(found.object_id, SPAN("CA1"));
    bench_close(&b);
}

TEST(a_full_page_needs_little_memory)
{
    open_twilio();
    struct span items[200];
    for (size_t i = 0; i < 200; i++)
        items[i] = i == 100 ? OURS("12:00:00") : OTHER_NUMBER("12:00:00");
    CHECK_INT(lists(items, 200, "null"), LOOK_UP_HAPPENED);
    CHECK(taken < 4096);
    bench_close(&b);
}

#define MAIL(to, subject, time) \
    "{\"id\":\"4ef9\",\"to\":[\"" to "\"],\"from\":\"Acme <a@b.example>\",\"subject\":\"" subject "\",\"created_at\":\"2026-11-21 " time "\"}"
#define MAILS(items, more) "{\"object\":\"list\",\"has_more\":" more ",\"data\":[" items "]}"

TEST(a_mail_is_known_again_or_left_to_a_person)
{
    bench_open(&b, "resend", SPAN_NONE);
    CHECK_INT(bench_ask(&b, "POST", "/emails",
                  "{\"from\":\"Acme <a@b.example>\",\"to\":\"c@d.example\",\"subject\":\"Hi\",\"text\":\"x\"}"),
        E_OK);
    CHECK(b.matched.operation->look_up && b.matched.operation->idempotent);
    CHECK(asks(SENT));
    CHECK_SPAN(ask.path, SPAN("/emails"));
    CHECK_SPAN(ask.query, SPAN("limit=100"));
    CHECK_INT(says(200, MAILS(MAIL("c@d.example", "Hi", "12:00:00.674981+00"), "false")), LOOK_UP_HAPPENED);
    CHECK(found.known && !found.estimate);
    CHECK_INT(found.real[UNIT_USD], 900000);
    CHECK_INT(found.real[UNIT_MESSAGES], 1);
    CHECK_SPAN(found.object_id, SPAN("4ef9"));
    CHECK_INT(says(200, MAILS(MAIL("c@d.example", "Ho", "12:00:00.674981+00"), "false")), LOOK_UP_UNCLEAR);
    CHECK_INT(says(200, MAILS(MAIL("c@d.example", "Hi", "12:00:00+00") "," MAIL("c@d.example", "Hi", "11:59:59+00"), "false")),
        LOOK_UP_UNCLEAR);
    CHECK_INT(says(200, MAILS(MAIL("c@d.example", "Hi", "09:00:00+00"), "false")), LOOK_UP_ABSENT);
    CHECK_INT(says(200, MAILS("", "false")), LOOK_UP_ABSENT);
    CHECK_INT(says(200, MAILS("", "true")), LOOK_UP_UNCLEAR);
    bench_close(&b);
}

/* ---- the language ---- */

#define TOP                                                                                                                      \
    "vendor: own\nbase_url: https://own.example\nkey_in: bearer\nsend: bearer\nneeds_account: true\noperations:\n"                    \
    "  list: GET /a/{account}/orders\n  one: GET /orders/{id}.json\n  paid: { call: GET /paid, moves_money: true }\n"              \
    "  make:\n    call: POST /orders/{id}.json\n    settle: { usd: answer.usd }\n    reserve: { usd: 1 }\n    object_id: answer.id\n"   \
    "    doubt:\n"

static void language(const char *doubt)
{
    char yaml[1500];
    snprintf(yaml, sizeof(yaml), TOP "%s", doubt);
    if (bench_read(&b, yaml) != E_OK)
        test_fail(__FILE__, __LINE__, "%s", b.trouble.text);
    b.account = SPAN("acct 1");
}

TEST(blanks_are_filled_in_and_left_out)
{
    language("      ask: GET /a/{account}/orders?ref=r-{body.ref}.x&state=open&tag={query.tag}&n={body.n}\n"
             "      list: answer\n      more: answer.none\n      same: { answer.ref: body.ref }\n      created: answer.at\n      clock: unix\n");
    CHECK_INT(bench_ask(&b, "POST", "/orders/7%205.json?tag=a%26b", "{\"ref\":\"\xc3\xa9 1\"}"), E_OK);
    CHECK(asks(SENT));
    CHECK_SPAN(ask.path, SPAN("/a/acct%201/orders"));
    CHECK_SPAN(ask.query, SPAN("ref=r-%C3%A9%201.x&state=open&tag=a%26b"));
    CHECK_INT(says(200, "[{\"id\":\"o1\",\"ref\":\"\xc3\xa9 1\",\"usd\":\"2.5\",\"at\":1795262401}]"), LOOK_UP_HAPPENED);
    CHECK_INT(found.real[UNIT_USD], INT64_C(2500000000));
    CHECK_SPAN(found.object_id, SPAN("o1"));
    b.account = SPAN_NONE;
    b.asked.account = SPAN_NONE;
    CHECK(!asks(SENT));
    bench_fresh(&b);
    b.account = SPAN("a/../b");
    CHECK_INT(bench_ask(&b, "POST", "/orders/7.json", "{\"ref\":\"1\"}"), E_OK);
    CHECK(!asks(SENT)); /* no step of a path */
    b.account = SPAN("acct");
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/orders/7.json", "{\"ref\":[\"1\",\"2\"]}"), E_OK);
    CHECK(!asks(SENT)); /* which of the two? */
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/orders/7.json", "{\"ref\":1}"), E_OK);
    CHECK(asks(SENT));
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/orders/7.json", "{}"), E_OK);
    CHECK(asks(SENT));
    CHECK_SPAN(ask.query, SPAN("state=open"));
    CHECK_INT(says(200, "[]"), LOOK_UP_UNCLEAR); /* nothing by which it could be known */
    bench_close(&b);
}

TEST(lists_are_compared_to_their_end)
{
    language("      ask: GET /orders/{path.id}.json\n      list: answer.data\n      more: answer.none\n"
             "      same: { answer.to: body.to }\n      created: answer.at\n      clock: unix_ms\n");
    CHECK_INT(bench_ask(&b, "POST", "/orders/7.json", "{\"to\":[\"a\",\"b\"]}"), E_OK);
    CHECK(asks(SENT));
    CHECK_INT(says(200, "{\"data\":[{\"to\":[\"a\",\"b\"],\"at\":1795262400123}]}"), LOOK_UP_HAPPENED);
    CHECK_INT(says(200, "{\"data\":[{\"to\":[\"a\"],\"at\":1795262400123}]}"), LOOK_UP_ABSENT);
    CHECK_INT(says(200, "{\"data\":[{\"to\":[\"a\",\"b\",\"c\"],\"at\":1795262400123}]}"), LOOK_UP_ABSENT);
    CHECK_INT(says(200, "{\"data\":[{\"to\":[\"b\",\"a\"],\"at\":1795262400123}]}"), LOOK_UP_ABSENT);
    CHECK_INT(says(200, "{\"data\":[{\"at\":1795262400123}]}"), LOOK_UP_ABSENT);
    CHECK_INT(says(200, "{\"data\":[{\"to\":{\"x\":1},\"at\":1795262400123}]}"), LOOK_UP_UNCLEAR);
    bench_close(&b);
}

TEST(a_value_cannot_lead_to_another_operation)
{
    CHECK_INT(bench_read(&b, "vendor: own\nbase_url: https://own.example\nkey_in: bearer\nsend: bearer\noperations:\n"
                             "  one: GET /orders/{id}\n  secrets: { call: GET /orders/secrets, secret: true }\n  make:\n"
                             "    call: POST /orders\n    doubt:\n      ask: GET /orders/{body.id}\n      list: answer.data\n"
                             "      more: answer.more\n      same: { answer.id: body.id }\n      created: answer.at\n"),
        E_OK);
    static const char *const never[] = { "{\"id\":\"secrets\"}", "{\"id\":\"..\"}", "{\"id\":\".\"}", "{\"id\":\"\"}",
        "{\"id\":\"a/b\"}", "{\"id\":\"a%2fb\"}", "{\"id\":\"a\\u0000\"}", "{\"id\":null}", "{}" };
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
        bench_fresh(&b);
        CHECK_INT(bench_ask(&b, "POST", "/orders", never[i]), E_OK);
        if (asks(SENT))
            test_fail(__FILE__, __LINE__, "%s asks for %.*s", never[i], SPAN_ARG(ask.path));
    }
    bench_fresh(&b);
    CHECK_INT(bench_ask(&b, "POST", "/orders", "{\"id\":\"a b\"}"), E_OK);
    CHECK(asks(SENT));
    CHECK_SPAN(ask.path, SPAN("/orders/a%20b"));
    bench_close(&b);
}

static void wrong(const char *doubt, const char *place, const char *part)
{
    char yaml[1500];
    snprintf(yaml, sizeof(yaml), TOP "%s", doubt);
    CHECK_INT(bench_read(&b, yaml), E_CONFIG);
    if (!strstr(b.trouble.text, place) || !strstr(b.trouble.text, part))
        test_fail(__FILE__, __LINE__, "got \"%s\"; want \"%s\" and \"%s\"", b.trouble.text, place, part);
    bench_close(&b);
}

#define ASK "      ask: GET /orders/{path.id}.json\n"
#define LIST "      list: answer.data\n      more: answer.more\n      created: answer.at\n"
#define SAME "      same: { answer.ref: body.ref }\n"

TEST(a_wrong_doubt_is_explained)
{
    wrong("      - x\n", "operations.make.doubt", "a map: ask");
    wrong("      asks: GET /x\n", "operations.make.doubt", "ask");
    wrong(LIST SAME, "operations.make.doubt.ask", "GET, a path");
    wrong("      ask: POST /orders/{path.id}.json\n" LIST SAME, "own.yaml:16: operations.make.doubt.ask", "POST /orders");
    wrong("      ask: GET /orders/{id}.json\n" LIST SAME, "doubt.ask", "{path.NAME}");
    wrong("      ask: GET /orders/{path.id}{account}\n" LIST SAME, "doubt.ask", "at most one");
    wrong("      ask: GET /orders/{answer.id}.json\n" LIST SAME, "doubt.ask", "{answer.id}");
    wrong("      ask: GET /orders/{path.id}.json?ref\n" LIST SAME, "doubt.ask", "ref");
    wrong("      ask: GET /other\n" LIST SAME, "doubt.ask", "of this manifest's operations");
    wrong("      ask: GET /paid\n" LIST SAME, "doubt.ask", "costs nothing");
    wrong(ASK SAME, "doubt.list", "a field of the answer");
    wrong(ASK "      list: answer.*.x\n" SAME, "doubt.list", "without *");
    wrong(ASK "      list: body.data\n" SAME, "doubt.list", "body.data");
    wrong(ASK "      list: answer.data\n" SAME, "doubt.more", "a field of the answer");
    wrong(ASK "      list: answer.data\n      more: answer.more\n" SAME, "doubt.created", "a field of the answer");
    wrong(ASK LIST, "doubt.same", "by which an object is known");
    wrong(ASK LIST "      same: { ref: body.ref }\n", "doubt.same.ref", "answer.to: body.To");
    wrong(ASK LIST "      like: { answer.ref: answer.ref }\n", "doubt.like.answer.ref", "answer.to: body.To");
    wrong(ASK LIST SAME "      clock: iso\n", "doubt.clock", "rfc2822");
    wrong(ASK LIST SAME "      early: 0s\n", "doubt.early", "1s to 1h");
    wrong(ASK LIST SAME "      late: 2d\n", "doubt.late", "1s to 24h");
    wrong(ASK LIST SAME "      late: 30m\n", "doubt.patience", "not less than late");
    wrong(ASK LIST SAME "      when: answer.x\n", "doubt.when", "about the request");
    wrong(ASK LIST SAME "      when: fone(body.to)\n", "doubt.when", "no such function");
}
