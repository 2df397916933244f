/* SPDX-License-Identifier: Apache-2.0
 * objects_test.c - what calls name only by id: which object is to be read first, what rules then see of it, and that all that is
 * not known fails closed. */
#include "test/unit/vendor/bench.h"

#include <stdio.h>

#define TOP "vendor: own\nbase_url: https://own.example\nkey_in: bearer\nsend: bearer\nbody: form\ncurrencies: { others: 2 }\n"
#define READS                                                                                                              \
    "  charges.get: GET /charges/{id}\n  refunds.get: GET /refunds/{id}\n  charges.search: GET /charges/search\n"

static const char shop[] = TOP
    "scopes: { customer: { from: [body.customer, object.charge.customer], must_show: money, who: true } }\n"
    "objects:\n"
    "  charge: { id: [body.charge, body.source, object.refund.charge], like: [ch_*, py_*], read: 'GET /charges/{id}', lasting: [customer, currency], remember: 5m }\n"
    "  refund: { id: body.refund, read: 'GET /refunds/{id}' }\n"
    "operations:\n"
    "  refunds.create:\n    call: POST /refunds\n"
    "    reserve: { usd: 'minor_units(first(body.amount, object.charge.amount), object.charge.currency)' }\n"
    "    settle: { usd: 'minor_units(answer.amount, object.charge.currency)' }\n    refund: true\n"
    "  refunds.cancel: { call: POST /refunds/cancel, reserve: { usd: '1' } }\n"
    "  notes.create: POST /notes\n"
    "  charges.note: { call: 'POST /charges/{charge}/note', objects: { charge: path.charge } }\n"
    "  charges.plain: { call: 'POST /charges/{charge}/plain', objects: {}, reserve: { usd: '1' } }\n"
    "  pings.create: { call: POST /pings, unscoped: true, reserve: { usd: '1' } }\n"
    READS;

static struct bench b;
static struct object held[VENDOR_OBJECTS];
static size_t count;

static enum err ask(const char *method, const char *target, const char *body)
{
    b.reads = true;
    b.objects = held;
    b.object_count = count;
    return bench_ask(&b, method, target, body);
}

static void begin(const char *yaml)
{
    if (bench_read(&b, yaml))
        test_fail(__FILE__, __LINE__, "%s", b.trouble.text);
    count = 0;
}

/* The vendor's answer to the read that was wanted, as a flow would take it. */
static bool tell(int status, const char *answer)
{
    struct object_read read = b.understood.wanted;
    size_t at = 0;
    while (at < count && !span_is(held[at].name, read.name))
        at++;
    must(read.name.at && at < VENDOR_OBJECTS);
    bool known = vendor_object(b.json, &b.vendor, &read, status, span_of(answer), &b.call, &held[at]);
    count += at == count;
    return known;
}

static void wants(const char *name, const char *id, const char *path)
{
    CHECK_SPAN(b.understood.wanted.name, span_of(name));
    CHECK_SPAN(b.understood.wanted.id, span_of(id));
    CHECK_SPAN(b.understood.wanted.path, span_of(path));
}

static void wants_none(void) { CHECK(!b.understood.wanted.name.at); }

static const char charge[] = "{\"id\":\"ch_1\",\"customer\":\"cus_A\",\"amount\":5000,\"currency\":\"usd\",\"other\":{\"x\":[1]}}";

TEST(an_object_is_read_before_the_call_is_decided)
{
    begin(shop);
    CHECK_INT(ask("POST", "/refunds", "charge=ch_1"), E_OK);
    wants("charge", "ch_1", "/charges/ch_1");
    CHECK_INT(b.understood.wanted.remember_ms, 300000);
    CHECK(!b.understood.wanted.anew);
    CHECK_SPAN(bench_scope(&b, "own.customer"), SPAN("?"));
    CHECK(!b.understood.cost_known);
    CHECK(tell(200, charge));
    CHECK(held[0].lasting);
    CHECK_INT(held[0].count, 3); /* what no rule looks at is not noted */
    CHECK_INT(ask("POST", "/refunds", "charge=ch_1"), E_OK);
    wants_none();
    CHECK_SPAN(bench_scope(&b, "own.customer"), SPAN("cus_A"));
    CHECK_SPAN(b.understood.customer, SPAN("cus_A"));
    CHECK_INT(b.understood.worst[UNIT_USD], 50 * NANO_PER_USD);
    struct settled s = bench_settle(&b, 200, "{\"amount\":1200}");
    CHECK(s.known && !s.estimate);
    CHECK_INT(s.real[UNIT_USD], 12 * NANO_PER_USD);
    bench_close(&b);
}

TEST(an_object_that_cannot_be_had_is_unknown)
{
    static const struct {
        int status;
        const char *answer;
    } answers[] = { { 404, "{\"error\":\"no\"}" }, { 200, "[]" }, { 200, "not json" }, { 200, "{\"id\":\"ch_2\",\"customer\":\"cus_A\"}" },
        { 200, "{\"id\":7,\"customer\":\"cus_A\"}" }, { 200, "{\"id\":{},\"customer\":\"cus_A\"}" }, { 302, "{}" } };
    begin(shop);
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        count = 0;
        CHECK_INT(ask("POST", "/refunds", "charge=ch_1"), E_OK);
        CHECK(!tell(answers[i].status, answers[i].answer));
        CHECK(!held[0].known && !held[0].lasting);
        CHECK_INT(ask("POST", "/refunds", "charge=ch_1&amount=5"), E_OK);
        wants_none();
        CHECK_SPAN(bench_scope(&b, "own.customer"), SPAN("?"));
        CHECK(!b.understood.cost_known);
    }
    bench_close(&b);
}

TEST(a_member_that_is_missing_or_no_value_fails_closed)
{
    begin(shop);
    CHECK_INT(ask("POST", "/refunds", "charge=ch_1"), E_OK);
    CHECK(tell(200, "{\"id\":\"ch_1\",\"customer\":{\"id\":\"cus_A\"},\"amount\":5000,\"currency\":null}"));
    CHECK(!held[0].lasting);
    CHECK_INT(ask("POST", "/refunds", "charge=ch_1"), E_OK);
    wants_none();
    CHECK_SPAN(bench_scope(&b, "own.customer"), SPAN("?"));
    CHECK(!b.understood.cost_known);
    bench_close(&b);
}

TEST(ids_come_from_other_objects)
{
    begin(shop);
    CHECK_INT(ask("POST", "/refunds/cancel", "refund=re_1"), E_OK);
    wants("refund", "re_1", "/refunds/re_1");
    CHECK(tell(200, "{\"id\":\"re_1\",\"charge\":\"py_9\"}"));
    CHECK(!held[0].lasting);
    CHECK_INT(ask("POST", "/refunds/cancel", "refund=re_1"), E_OK);
    wants("charge", "py_9", "/charges/py_9");
    CHECK(tell(200, "{\"customer\":\"cus_B\"}"));
    CHECK_INT(ask("POST", "/refunds/cancel", "refund=re_1"), E_OK);
    wants_none();
    CHECK_SPAN(bench_scope(&b, "own.customer"), SPAN("cus_B"));
    bench_close(&b);
}

TEST(one_name_stands_for_one_object)
{
    begin(shop);
    CHECK_INT(ask("POST", "/refunds", "charge=ch_1&source=ch_2"), E_OK);
    wants_none();
    CHECK_SPAN(bench_scope(&b, "own.customer"), SPAN("?"));
    CHECK_INT(ask("POST", "/refunds", "charge=ch_1&source=ch_1"), E_OK);
    wants("charge", "ch_1", "/charges/ch_1");
    CHECK_INT(ask("POST", "/refunds", "charge=ch_1&source=card_7"), E_OK); /* no charge */
    wants("charge", "ch_1", "/charges/ch_1");
    CHECK_INT(ask("POST", "/refunds", "source=card_7&customer=cus_C"), E_OK);
    wants_none();
    CHECK_SPAN(bench_scope(&b, "own.customer"), SPAN("cus_C"));
    CHECK_INT(ask("POST", "/refunds", "charge=ch_1&customer=cus_C"), E_OK); /* named by the caller, read all the same */
    wants("charge", "ch_1", "/charges/ch_1");
    CHECK(tell(200, charge));
    CHECK_INT(ask("POST", "/refunds", "charge=ch_1&customer=cus_C"), E_OK);
    CHECK_SPAN(bench_scope(&b, "own.customer"), SPAN("several"));
    bench_close(&b);
}

TEST(an_id_leads_nowhere_else)
{
    static const char *const ids[] = { "..", "a%2F..%2Fx", "ch_%2Fy", "search", "a%5Cb", "a%0Ab", "a%00", "%25", "a%3Fb", "a%23", "%C3%A4" };
    char body[64];
    begin(TOP "scopes: { customer: { from: object.charge.customer, must_show: money } }\n"
              "objects: { charge: { id: body.charge, read: 'GET /charges/{id}' } }\n"
              "operations:\n  a: { call: POST /a, reserve: { usd: '1' } }\n" READS);
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        snprintf(body, sizeof(body), "charge=%s", ids[i]);
        bench_fresh(&b);
        enum err e = ask("POST", "/a", body);
        if (e == E_OK && b.understood.wanted.name.at)
            test_fail(__FILE__, __LINE__, "%s is read", ids[i]);
        if (e == E_OK)
            CHECK_SPAN(bench_scope(&b, "own.customer"), SPAN("?"));
    }
    CHECK_INT(ask("POST", "/a", "charge=a+b"), E_OK);
    wants("charge", "a b", "/charges/a%20b");
    CHECK_INT(ask("POST", "/a", "charge="), E_OK); /* it names one, and cannot be read */
    wants_none();
    CHECK_SPAN(bench_scope(&b, "own.customer"), SPAN("?"));
    CHECK_INT(ask("POST", "/a", "x=1"), E_OK);
    wants_none();
    CHECK_SPAN(bench_scope(&b, "own.customer"), SPAN("?"));
    bench_close(&b);
}

TEST(operations_say_better_where_an_object_is_named)
{
    begin(shop);
    CHECK_INT(ask("POST", "/charges/ch_7/note", "charge=ch_8"), E_OK);
    wants("charge", "ch_7", "/charges/ch_7");
    CHECK_INT(ask("POST", "/charges/ch_7/plain", "charge=ch_8"), E_OK);
    wants_none();
    CHECK_SPAN(bench_scope(&b, "own.customer"), SPAN("?"));
    CHECK_INT(ask("POST", "/pings", "charge=ch_8"), E_OK);
    wants_none();
    CHECK_SPAN(bench_scope(&b, "own.customer"), SPAN(""));
    bench_close(&b);
}

TEST(without_reading_all_is_as_before)
{
    begin(shop);
    b.reads = false;
    CHECK_INT(bench_ask(&b, "POST", "/notes", "charge=ch_1&customer=cus_A"), E_OK);
    wants_none();
    CHECK_SPAN(bench_scope(&b, "own.customer"), SPAN("cus_A"));
    CHECK_INT(bench_ask(&b, "POST", "/refunds", "charge=ch_1"), E_OK);
    wants_none();
    CHECK_SPAN(bench_scope(&b, "own.customer"), SPAN("?"));
    CHECK(!b.understood.cost_known);
    bench_close(&b);
}

TEST(what_is_remembered_serves_only_what_never_changes)
{
    begin(shop);
    CHECK_INT(ask("POST", "/refunds", "charge=ch_1&amount=100"), E_OK);
    CHECK(tell(200, charge));
    held[0].remembered = true;
    CHECK_INT(ask("POST", "/refunds", "charge=ch_1&amount=100"), E_OK); /* customer and currency */
    wants_none();
    CHECK_INT(b.understood.worst[UNIT_USD], NANO_PER_USD);
    CHECK_INT(ask("POST", "/refunds", "charge=ch_1"), E_OK); /* the amount changes with each refund */
    wants("charge", "ch_1", "/charges/ch_1");
    CHECK(b.understood.wanted.anew);
    CHECK(!b.understood.cost_known);
    CHECK(tell(200, charge));
    CHECK_INT(count, 1);
    CHECK_INT(ask("POST", "/refunds", "charge=ch_1"), E_OK);
    wants_none();
    CHECK_INT(b.understood.worst[UNIT_USD], 50 * NANO_PER_USD);
    bench_close(&b);
}

TEST(what_was_not_there_yet_is_not_remembered)
{
    begin(shop);
    CHECK_INT(ask("POST", "/refunds", "charge=ch_1&amount=100"), E_OK);
    CHECK(tell(200, "{\"id\":\"ch_1\",\"customer\":null,\"currency\":\"usd\"}"));
    CHECK(held[0].lasting);
    CHECK_INT(ask("POST", "/refunds", "charge=ch_1&amount=100"), E_OK);
    wants_none();
    held[0].remembered = true;
    CHECK_INT(ask("POST", "/refunds", "charge=ch_1&amount=100"), E_OK);
    wants("charge", "ch_1", "/charges/ch_1");
    CHECK(b.understood.wanted.anew);
    bench_close(&b);
}

TEST(circles_and_long_chains_end)
{
    begin(TOP "scopes: { customer: { from: object.a.x, must_show: money } }\n"
              "objects:\n  a: { id: object.b.x, read: 'GET /a/{id}' }\n  b: { id: [object.a.x, object.b.x], read: 'GET /b/{id}' }\n"
              "operations:\n  p: { call: POST /p, reserve: { usd: '1' } }\n  ga: 'GET /a/{id}'\n  gb: 'GET /b/{id}'\n");
    CHECK_INT(ask("POST", "/p", "z=1"), E_OK);
    wants_none();
    CHECK_SPAN(bench_scope(&b, "own.customer"), SPAN("?"));
    bench_close(&b);
    begin(TOP "scopes: { customer: { from: object.e.x, must_show: money } }\n"
              "objects:\n  a: { id: body.a, read: 'GET /a/{id}' }\n  b: { id: object.a.x, read: 'GET /a/{id}' }\n"
              "  c: { id: object.b.x, read: 'GET /a/{id}' }\n  d: { id: object.c.x, read: 'GET /a/{id}' }\n"
              "  e: { id: object.d.x, read: 'GET /a/{id}' }\n"
              "operations:\n  p: { call: POST /p, reserve: { usd: '1' } }\n  ga: 'GET /a/{id}'\n");
    for (size_t reads = 0; reads < VENDOR_OBJECTS; reads++) {
        CHECK_INT(ask("POST", "/p", "a=1"), E_OK);
        CHECK(b.understood.wanted.name.at != NULL);
        CHECK(tell(200, "{\"x\":\"1\"}"));
    }
    CHECK_INT(ask("POST", "/p", "a=1"), E_OK); /* a fifth is not read */
    wants_none();
    CHECK_SPAN(bench_scope(&b, "own.customer"), SPAN("?"));
    bench_close(&b);
}

static int64_t tally(void *self, struct span id) { return span_is(id, SPAN("pi_1")) ? *(int64_t *)self : 0; }

TEST(what_was_counted_already_is_not_counted_twice)
{
    int64_t before = 30 * NANO_PER_USD;
    begin(TOP "objects: { intent: { read: 'GET /intents/{id}' } }\n"
              "operations:\n  confirm:\n    call: POST /intents/{intent}/confirm\n    objects: { intent: path.intent }\n"
              "    reserve: { usd: \"max(0, minor_units(object.intent.amount, object.intent.currency) - counted(path.intent))\" }\n"
              "  both: { call: POST /both, reserve: { usd: counted(body.a) + counted(body.b) } }\n"
              "  part: { call: POST /part, reserve: { usd: \"max(0, body.n - counted(body.a, 'apart'))\" } }\n"
              "  odd: { call: POST /odd, reserve: { usd: \"counted(body.a, 'beside')\" } }\n"
              "  get: 'GET /intents/{id}'\n");
    b.counted = tally;
    b.counter = &before;
    CHECK_INT(ask("POST", "/intents/pi_1/confirm", ""), E_OK);
    CHECK(tell(200, "{\"id\":\"pi_1\",\"amount\":5000,\"currency\":\"usd\"}"));
    CHECK_INT(ask("POST", "/intents/pi_1/confirm", ""), E_OK);
    CHECK_INT(b.understood.worst[UNIT_USD], 20 * NANO_PER_USD);
    CHECK_SPAN(b.understood.counted_id, SPAN("pi_1"));
    CHECK_INT(ask("POST", "/part", "a=pi_1&n=50"), E_OK);
    CHECK_INT(b.understood.worst[UNIT_USD], 20 * NANO_PER_USD);
    CHECK(!b.understood.counted_id.at); /* it adds nothing to what is counted there */
    CHECK_INT(ask("POST", "/part", "a=pi_2&n=50"), E_OK);
    CHECK_INT(b.understood.worst[UNIT_USD], 50 * NANO_PER_USD);
    CHECK_INT(ask("POST", "/odd", "a=pi_1"), E_OK);
    CHECK(!b.understood.cost_known);
    before = 70 * NANO_PER_USD;
    CHECK_INT(ask("POST", "/intents/pi_1/confirm", ""), E_OK);
    CHECK_INT(b.understood.worst[UNIT_USD], 0);
    b.counted = NULL;
    CHECK_INT(ask("POST", "/intents/pi_1/confirm", ""), E_OK);
    CHECK_INT(b.understood.worst[UNIT_USD], 50 * NANO_PER_USD);
    CHECK_SPAN(b.understood.counted_id, SPAN("pi_1"));
    count = 0;
    CHECK_INT(ask("POST", "/both", "a=pi_1&b=pi_2"), E_OK); /* two objects: what is added belongs to neither */
    CHECK(!b.understood.cost_known);
    CHECK_INT(ask("POST", "/both", "c=1"), E_OK);
    CHECK(b.understood.cost_known && !b.understood.counted_id.at);
    bench_close(&b);
}

static void wrong(const char *rest, const char *place, const char *part)
{
    char yaml[2048];
    snprintf(yaml, sizeof(yaml), TOP "%s", rest);
    CHECK_INT(bench_read(&b, yaml), E_CONFIG);
    if (!strstr(b.trouble.text, place) || !strstr(b.trouble.text, part))
        test_fail(__FILE__, __LINE__, "got \"%s\"; want \"%s\" and \"%s\"", b.trouble.text, place, part);
    bench_close(&b);
}

TEST(wrong_objects_are_explained)
{
#define OPS "operations:\n  g: 'GET /c/{id}'\n  p: { call: POST /c, reserve: { usd: '1' } }\n  s: { call: GET /s, secret: true }\n"
    wrong("objects: [a]\n" OPS, "own.yaml:7: objects", "map");
    wrong("objects: { c: x }\n" OPS, "objects.c", "a map");
    wrong("objects: { c: { id: body.c } }\n" OPS, "objects.c", "read");
    wrong("objects: { c: { id: body.c, read: POST /c } }\n" OPS, "objects.c.read", "{id}");
    wrong("objects: { c: { id: body.c, read: 'GET /d/{id}' } }\n" OPS, "objects.c.read", "operations");
    wrong("objects: { c: { id: body.c, read: 'GET /s' } }\n" OPS, "objects.c.read", "secret");
    wrong("objects: { c: { id: cookie.c, read: 'GET /c/{id}' } }\n" OPS, "objects.c.id", "starts with");
    wrong("objects: { c: { id: object.d.c, read: 'GET /c/{id}' } }\n" OPS, "objects.c.id", "object.d.c");
    wrong("objects: { c: { remember: 5m, read: 'GET /c/{id}' } }\n" OPS, "objects.c.remember", "lasting");
    wrong("objects: { c: { remember: 25h, lasting: x, read: 'GET /c/{id}' } }\n" OPS, "objects.c.remember", "24h");
    wrong("objects: { a.b: { read: 'GET /c/{id}' } }\n" OPS, "objects", "without a dot");
    wrong("scopes: { x: object.d.x }\n" OPS, "own.yaml:7: scopes.x", "object.d.x");
    wrong("scopes: { x: object.d }\n" OPS, "own.yaml:7: scopes.x", "object's name");
    wrong(OPS "  q: { call: POST /q, reserve: { usd: object.d.x } }\n", "operations.q.reserve.usd", "object.d.x");
    wrong(OPS "  q: { call: POST /q, objects: { d: path.x } }\n", "operations.q.objects", "names from");
    wrong(OPS "  q: { call: POST /q, objects: [d] }\n", "operations.q.objects", "map");
#undef OPS
}

TEST(of_alternatives_one_is_there_for_good)
{
    begin(TOP "scopes: { customer: { from: [object.charge.customer, object.charge.account], must_show: money } }\n"
              "objects: { charge: { id: body.charge, read: 'GET /charges/{id}', lasting: [customer|account] } }\n"
              "operations:\n  a: { call: POST /a, reserve: { usd: '1' } }\n" READS);
    CHECK_INT(ask("POST", "/a", "charge=ch_1"), E_OK);
    CHECK_INT(b.understood.wanted.remember_ms, 600000);
    CHECK(tell(200, "{\"customer\":null,\"account\":\"acct_1\"}"));
    CHECK(held[0].lasting);
    held[0].remembered = true;
    CHECK_INT(ask("POST", "/a", "charge=ch_1"), E_OK);
    wants_none();
    CHECK_SPAN(bench_scope(&b, "own.customer"), SPAN("acct_1"));
    held[0].remembered = false;
    CHECK(!vendor_object(b.json, &b.vendor, &(struct object_read){ .name = SPAN("x") }, 200, SPAN("{}"), &b.call, &held[0]));
    bench_close(&b);
}

TEST(a_settlement_sees_what_was_read)
{
    begin(TOP "objects: { order: { id: body.order.id, read: 'GET /orders/{id}' } }\n"
              "operations:\n  a: { call: POST /a, body: json, reserve: { usd: '9' }, settle: { usd: 'first(object.order.price, 1)' } }\n"
              "  get: 'GET /orders/{id}'\n");
    CHECK_INT(ask("POST", "/a", "{\"order\":{\"id\":12}}"), E_OK);
    wants("order", "12", "/orders/12");
    CHECK(tell(200, "{\"id\":12,\"price\":\"2.5\"}"));
    CHECK_INT(ask("POST", "/a", "{\"order\":{\"id\":12}}"), E_OK);
    wants_none();
    struct settled s = bench_settle(&b, 200, "{}");
    CHECK(s.known && !s.estimate);
    CHECK_INT(s.real[UNIT_USD], NANO_PER_USD * 5 / 2);
    b.asked.object_count = 0; /* after a restart, say: nobody can tell what the body named */
    s = bench_settle(&b, 200, "{}");
    CHECK(s.estimate);
    CHECK_INT(s.real[UNIT_USD], 9 * NANO_PER_USD);
    held[0].known = false;
    b.asked.object_count = 1;
    s = bench_settle(&b, 200, "{}");
    CHECK(s.estimate);
    CHECK_INT(ask("POST", "/a", "{}"), E_OK);
    wants_none();
    bench_close(&b);
}

TEST(multipart_fields_name_objects_too)
{
    static const char body[] = "--x\r\ncontent-disposition: form-data; name=\"charge\"\r\n\r\nch_1\r\n--x--\r\n";
    begin(TOP "scopes: { customer: { from: object.charge.customer, must_show: always } }\n"
              "objects: { charge: { id: body.charge, read: 'GET /charges/{id}' } }\n"
              "operations:\n  a: { call: POST /a, body: multipart, objects: { charge: body.charge } }\n"
              "  streamed: { call: POST /b, body: multipart }\n" READS);
    bench_field(&b, "content-type", "multipart/form-data; boundary=x");
    CHECK_INT(ask("POST", "/a", body), E_OK);
    wants("charge", "ch_1", "/charges/ch_1");
    CHECK_SPAN(b.understood.body, span_of(body));
    CHECK(b.matched.operation->reads_body);
    CHECK_INT(ask("POST", "/b", ""), E_OK);
    CHECK(!b.matched.operation->reads_body);
    CHECK_SPAN(bench_scope(&b, "own.customer"), SPAN("?"));
    bench_close(&b);
}

TEST(a_bound_will_do_where_an_object_is_not_read)
{
    begin(TOP "settings: { currency: usd }\nobjects: { charge: { id: body.charge, read: 'GET /charges/{id}' } }\n"
              "operations:\n  a: { call: POST /a, reserve: { usd: 'minor_units(body.amount, known(object.charge.currency, setting.currency))' } }\n" READS);
    CHECK_INT(ask("POST", "/a", "charge=ch_1&amount=500"), E_OK);
    wants("charge", "ch_1", "/charges/ch_1");
    CHECK_INT(b.understood.worst[UNIT_USD], 5 * NANO_PER_USD);
    b.reads = false;
    CHECK_INT(bench_ask(&b, "POST", "/a", "charge=ch_1&amount=500"), E_OK);
    wants_none();
    CHECK(b.understood.cost_known);
    CHECK_INT(ask("POST", "/a", "charge=ch_1&amount=x"), E_OK);
    CHECK(!b.understood.cost_known);
    bench_close(&b);
}
