/* SPDX-License-Identifier: Apache-2.0 */
#include "bill/match.h"

#include "test/test.h"

struct scene {
    struct arena arena;
    struct json *json;
    struct invoice invoice;
    struct trouble trouble;
    struct match match;
};

static void open_scene(struct scene *s)
{
    *s = (struct scene){ .json = json_new() };
    arena_init(&s->arena, 64 << 20);
}

static void close_scene(struct scene *s)
{
    json_free(s->json);
    arena_free(&s->arena);
}

static enum err read_text(struct scene *s, enum invoice_vendor v, const char *text)
{
    s->trouble.set = false;
    return invoice_read(s->json, &s->arena, v, span_of(text), &s->invoice, &s->trouble);
}

static int64_t amount(const char *text)
{
    int64_t n = -777;
    return invoice_amount(span_of(text), &n) ? n : -777;
}

TEST(amounts_are_exact_and_rounded_once)
{
    CHECK_INT(amount("0.06"), 60000000);
    CHECK_INT(amount("-12"), INT64_C(-12000000000));
    CHECK_INT(amount("0.003835980000000000000000000000"), 3835980);
    CHECK_INT(amount("0.0000000005"), 1);
    CHECK_INT(amount("0.00000000049"), 0);
    CHECK_INT(amount("1.5e-05"), 15000);
    CHECK_INT(amount("15E-12"), 0);
    CHECK_INT(amount("155e-11"), 2);
    CHECK_INT(amount("12345e-2"), INT64_C(123450000000));
    CHECK_INT(amount("9223372036.854775807"), INT64_MAX);
    static const char *const wrong[] = { "", "-", ".", "1,000", "0x1", "1e99", "1e", "9223372036.854775808", "NaN", "1.2.3" };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        CHECK_INT(amount(wrong[i]), -777);
}

TEST(one_name_for_one_model)
{
    struct scene s;
    open_scene(&s);
    static const char *const same[][2] = { { "gpt-4o-mini-2024-07-18", "gpt-4o-mini" }, { "Claude Haiku 4.5", "claude-haiku-4-5" }, { "claude-haiku-4-5-20251001", "claude-haiku-4-5" },
        { "gpt-4.1", "gpt-4-1" }, { "o3", "o3" }, { "gpt-4-0613", "gpt-4-0613" } };
    for (size_t i = 0; i < sizeof(same) / sizeof(*same); i++)
        CHECK_SPAN(invoice_model(&s.arena, span_of(same[i][0])), span_of(same[i][1]));
    close_scene(&s);
}

TEST(openai_costs_of_both_forms)
{
    struct scene s;
    open_scene(&s);
    CHECK_INT(read_text(&s, INVOICE_OPENAI,
                  "start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item,project_id\n"
                  "1780272000,1780358400,2026-06-01T00:00:00+00:00,2026-06-02T00:00:00+00:00,,,,\n"
                  "1780358400,1780444800,x,y,0.0315,usd,\"gpt-4o-mini-2024-07-18, input\",p\n"),
        E_OK);
    CHECK_INT(s.invoice.count, 1);
    CHECK_INT(s.invoice.lines[0].amount, 31500000);
    CHECK_SPAN(s.invoice.lines[0].name, SPAN("gpt-4o-mini"));
    CHECK_INT(s.invoice.to - s.invoice.from, 86400000);
    CHECK_INT(read_text(&s, INVOICE_OPENAI,
                  "{\"object\":\"page\",\"data\":[{\"object\":\"bucket\",\"start_time\":1780272000,\"results\":[{\"object\":\"organization.costs.result\","
                  "\"amount\":{\"value\":0.06,\"currency\":\"usd\"},\"line_item\":null}]}],\"has_more\":false}"),
        E_OK);
    CHECK_INT(s.invoice.lines[0].amount, 60000000);
    CHECK(!s.invoice.lines[0].name.at);
    CHECK_INT(s.invoice.unit, INVOICE_USD);
    close_scene(&s);
}

TEST(anthropic_costs_are_cents_in_json_and_dollars_in_csv)
{
    struct scene s;
    open_scene(&s);
    CHECK_INT(read_text(&s, INVOICE_ANTHROPIC,
                  "{\"data\":[{\"starting_at\":\"2026-06-01T00:00:00Z\",\"results\":[{\"currency\":\"USD\",\"amount\":\"123.45\",\"model\":\"claude-haiku-4-5-20251001\"}]}]}"),
        E_OK);
    CHECK_INT(s.invoice.lines[0].amount, 1234500000);
    CHECK_INT(read_text(&s, INVOICE_ANTHROPIC,
                  "usage_date_utc,model,workspace,token_type,cost_usd,cost_type\n2026-06-01,Claude Haiku 4.5,Default,output,1.2345,token\n"),
        E_OK);
    CHECK_INT(s.invoice.lines[0].amount, 1234500000);
    CHECK_SPAN(s.invoice.lines[0].name, SPAN("claude-haiku-4-5"));
    CHECK_INT(read_text(&s, INVOICE_ANTHROPIC,
                  "usage_date_utc,model_version,usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,usage_input_tokens_cache_read,usage_output_tokens\n"
                  "2026-06-01,claude-haiku-4-5-20251001,10,20,30,40\n"),
        E_OK);
    CHECK_INT(s.invoice.unit, INVOICE_TOKENS);
    CHECK_INT(s.invoice.lines[0].amount, 100);
    close_scene(&s);
}

TEST(twilio_usage_counts_nothing_twice)
{
    struct scene s;
    open_scene(&s);
#define RECORD(category, price) "{\"category\":\"" category "\",\"price\":\"" price "\",\"price_unit\":\"usd\",\"start_date\":\"2026-06-01\",\"end_date\":\"2026-06-01\"}"
    CHECK_INT(read_text(&s, INVOICE_TWILIO,
                  "{\"usage_records\":[" RECORD("sms", "5") "," RECORD("sms-outbound", "3") "," RECORD("sms-inbound", "2") "," RECORD("sms-outbound-longcode", "3") "," RECORD("phonenumbers", "1") "]}"),
        E_OK);
    CHECK_INT(s.invoice.count, 3);
    CHECK_INT(s.invoice.lines[0].amount, INT64_C(3000000000));
    CHECK(!s.invoice.lines[0].apart && s.invoice.lines[1].apart && s.invoice.lines[2].apart);
    CHECK_SPAN(s.invoice.lines[0].name, SPAN("twilio.messages.create"));
    CHECK(span_find(span_of(s.invoice.compared), SPAN("came in")) < 0);
    CHECK_INT(read_text(&s, INVOICE_TWILIO, "Category,Price,StartDate,EndDate\ncalls,5,2026-06-01,2026-06-01\nsms,2,2026-06-01,2026-06-01\nsms-inbound,2,2026-06-01,2026-06-01\n"), E_OK);
    CHECK_INT(s.invoice.count, 2);
    CHECK_SPAN(s.invoice.lines[0].name, SPAN("twilio.calls.create"));
    CHECK(!s.invoice.lines[0].apart && s.invoice.lines[1].apart);
    CHECK(span_find(span_of(s.invoice.compared), SPAN("came in")) > 0);
    close_scene(&s);
}

TEST(twilio_logs_have_lines_that_were_never_sent)
{
    struct scene s;
    open_scene(&s);
    CHECK_INT(read_text(&s, INVOICE_TWILIO,
                  "Sid,SentDate,DateCreated,Price,PriceUnit,Direction\n"
                  "SM1,2026-06-01T10:00:00Z,2026-06-01T09:00:00Z,-0.0079,USD,outbound-api\n"
                  "SM2,,2026-06-01T09:00:00Z,-0.0010,USD,outbound-api\n"
                  "SM3,,,,,outbound-api\n"
                  "SM4,,2026-06-02T09:00:00Z,,,outbound-api\n"
                  "SM5,\"Mon, 01 Jun 2026 09:12:00 +0200\",,-0.0079,USD,outbound-api\n"
                  "SM6,1 Jun 2026 09:12:00 GMT,,-0.0079,USD,outbound-api\n"),
        E_OK);
    CHECK_INT(s.invoice.count, 4);
    CHECK_INT(s.invoice.lines[0].at, INT64_C(1780308000000));
    CHECK_INT(s.invoice.lines[1].at, INT64_C(1780304400000));
    CHECK_SPAN(s.invoice.lines[1].ids[0], SPAN("SM2"));
    CHECK_INT(s.invoice.lines[2].at, INT64_C(1780297920000));
    CHECK_INT(s.invoice.lines[3].at, INT64_C(1780305120000));
    static const char *const wrong[] = { "Mon, 01 Jux 2026 09:12:00 +0000", "Mon, 32 Jun 2026 09:12:00 +0000", "01 anF 2026 09:12:00 +0000", "01 Jun 2026 09:12:00", "01 Jun 2026 09:12:00 EST", "" };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        CHECK_INT(read_text(&s, INVOICE_TWILIO, arena_print(&s.arena, "Sid,SentDate,Price\nSM1,\"%s\",1\n", wrong[i]).at), E_CONFIG);
    close_scene(&s);
}

TEST(what_cannot_be_read_says_where)
{
    static const struct { enum invoice_vendor vendor; const char *text, *field, *part; } wrong[] = {
        { INVOICE_STRIPE, "a,b\n1,2\n", "invoice", "balance_transaction_id" },
        { INVOICE_STRIPE, "", "invoice", "empty" },
        { INVOICE_STRIPE, "id,Type,Source,Amount,Fee,Currency,Created (UTC)\n", "invoice", "no lines" },
        { INVOICE_STRIPE, "id,Type,Source,Amount,Fee,Currency,Created (UTC)\ntxn_1,charge,ch_1,10.00,0.59,eur,2026-06-01 10:00\n", "line 2, Currency", "eur" },
        { INVOICE_STRIPE, "id,Type,Source,Amount,Fee,Currency,Created (UTC)\ntxn_1,charge,ch_1,ten,0.59,usd,2026-06-01 10:00\n", "line 2, Amount", "ten" },
        { INVOICE_STRIPE, "id,Type,Source,Amount,Fee,Currency,Created (UTC)\ntxn_1,charge,ch_1,10,0.59,usd,June\n", "line 2, Created", "June" },
        { INVOICE_OPENAI, "{\"data\":[],\"has_more\":true}", "has_more", "pages" },
        { INVOICE_OPENAI, "{\"data\":", "invoice", "JSON" },
        { INVOICE_TWILIO, "Sid,SentDate,Price,PriceUnit\nSM1,\"2026-06-01,1,usd\n", "invoice", "quoted cell" },
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct scene s;
        open_scene(&s);
        CHECK_INT(read_text(&s, wrong[i].vendor, wrong[i].text), E_CONFIG);
        CHECK(s.trouble.set);
        CHECK(span_starts(span_of(s.trouble.field), span_of(wrong[i].field)));
        if (span_find(span_of(s.trouble.text), span_of(wrong[i].part)) < 0)
            test_fail(__FILE__, __LINE__, "%zu: %s", i, s.trouble.text);
        close_scene(&s);
    }
}

/* ---- matching ---- */

static const char stripe_text[] =
    "balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,source_id,charge_id,payment_intent_id\n"
    "txn_1,2026-06-01 10:00:00,usd,10.00,0.59,9.41,charge,ch_1,ch_1,pi_1\n"
    "txn_2,2026-06-01 11:00:00,usd,20.00,0.88,19.12,charge,ch_2,ch_2,\n"
    "txn_3,2026-06-01 12:00:00,usd,-4.00,0.00,-4.00,refund,re_3,ch_2,\n"
    "txn_4,2026-06-01 13:00:00,usd,7.00,0.50,6.50,charge,ch_4,ch_4,\n"
    "txn_5,2026-06-02 00:00:00,usd,-30.00,0.00,-30.00,payout,po_1,,\n";

#define USD INT64_C(1000000000)

TEST(every_line_and_row_is_in_one_pair)
{
    struct scene s;
    open_scene(&s);
    CHECK_INT(read_text(&s, INVOICE_STRIPE, stripe_text), E_OK);
    const struct match_entry rows[] = {
        { .call = 1, .id = SPAN("pi_1"), .amount = 10 * USD, .rows = 1 },
        { .call = 2, .id = SPAN("ch_2"), .amount = 25 * USD, .rows = 1 },
        { .call = 3, .of = 2, .amount = -3 * USD, .rows = 1 }, /* its settlement: 22 in all, 20 on the invoice */
        { .call = 4, .id = SPAN("re_3"), .amount = 4 * USD, .rows = 1 },
        { .call = 5, .id = SPAN("ch_9"), .amount = 1 * USD, .rows = 1 },
        { .call = 6, .id = SPAN("ch_8"), .amount = 1 * USD, .rows = 1, .spare = true },
        { .call = 7, .amount = 2 * USD, .rows = 1 }, /* no id was told */
    };
    struct match_ask ask = { .invoice = &s.invoice, .entries = rows, .count = sizeof(rows) / sizeof(*rows) };
    CHECK(match_run(&s.arena, &ask, &s.match));
    const struct match *m = &s.match;
    CHECK_INT(m->by_state[MATCH_SAME].pairs, 2);
    CHECK_INT(m->by_state[MATCH_DIFFERS].pairs, 1);
    CHECK_INT(m->by_state[MATCH_DIFFERS].ledger, 22 * USD);
    CHECK_INT(m->by_state[MATCH_INVOICE_ONLY].invoice, 7 * USD);
    CHECK_INT(m->by_state[MATCH_LEDGER_ONLY].ledger, 3 * USD);
    CHECK_INT(m->all.invoice, 41 * USD);
    CHECK_INT(m->all.ledger, 10 * USD + 22 * USD + 4 * USD + 3 * USD);
    CHECK_INT(m->apart, 30 * USD);
    CHECK_INT(m->fee, INT64_C(1970000000));
    CHECK(!m->clean);
    close_scene(&s);
}

/* Of the day before: its settlement does not draw it in, whichever side of midnight that is. Of a call in doubt only settlements count. */
TEST(a_calls_own_time_decides_where_it_belongs)
{
    struct scene s;
    open_scene(&s);
    CHECK_INT(read_text(&s, INVOICE_STRIPE, "id,Type,Source,Amount,Fee,Currency,Created (UTC)\ntxn_1,charge,ch_3,5,0,usd,2026-06-01 10:00\n"), E_OK);
    const struct match_entry rows[] = {
        { .call = 1, .id = SPAN("ch_1"), .amount = 10 * USD, .rows = 1, .spare = true },
        { .call = 2, .id = SPAN("ch_2"), .amount = 20 * USD, .rows = 1 },
        { .call = 4, .of = 1, .id = SPAN("ch_1"), .amount = USD, .rows = 1 },
        { .call = 5, .of = 2, .id = SPAN("ch_2"), .amount = -USD, .rows = 1, .spare = true },
        { .call = 6, .of = 3, .id = SPAN("ch_3"), .amount = 4 * USD, .rows = 1 },
        { .call = 7, .of = 3, .amount = USD, .rows = 1 },
    };
    struct match_ask ask = { .invoice = &s.invoice, .entries = rows, .count = sizeof(rows) / sizeof(*rows) };
    CHECK(match_run(&s.arena, &ask, &s.match));
    CHECK_INT(s.match.by_state[MATCH_LEDGER_ONLY].pairs, 1);
    CHECK_INT(s.match.by_state[MATCH_LEDGER_ONLY].ledger, 19 * USD);
    CHECK_INT(s.match.by_state[MATCH_SAME].ledger, 5 * USD);
    CHECK_INT(s.match.all.rows, 4);
    close_scene(&s);
}

TEST(what_takes_a_charge_back_is_subtracted)
{
    struct scene s;
    open_scene(&s);
    CHECK_INT(read_text(&s, INVOICE_STRIPE,
                  "balance_transaction_id,created_utc,currency,gross,fee,net,reporting_category,source_id,charge_id,payment_intent_id\n"
                  "txn_1,2026-06-01 10:00:00,usd,10.00,0,0,charge,ch_1,ch_1,pi_1\n"
                  "txn_2,2026-06-01 10:00:00,usd,-4.00,0,0,partial_capture_reversal,re_9,ch_1,pi_1\n"
                  "txn_4,2026-06-01 10:00:00,usd,3.00,0,0,refund_failure,re_1,ch_1,pi_1\n"
                  "txn_3,2026-06-01 10:00:00,usd,-3.00,0,0,refund,re_1,ch_1,pi_1\n"
                  "txn_5,2026-06-01 10:00:00,usd,-6.00,15.00,0,dispute,dp_1,ch_1,pi_1\n"
                  "txn_6,2026-06-01 10:00:00,usd,6.00,0,0,dispute_reversal,dp_1,ch_1,pi_1\n"
                  "txn_7,2026-06-01 10:00:00,usd,-2.00,0,0,dispute,ch_1,ch_1,pi_1\n"
                  "txn_8,2026-06-01 10:00:00,usd,-1.00,0,0,other_adjustment,ch_1,ch_1,pi_1\n"),
        E_OK);
    const struct match_entry rows[] = {
        { .call = 1, .id = SPAN("pi_1"), .amount = 6 * USD, .rows = 1 },
        { .call = 2, .of = 1, .amount = 17 * USD, .rows = 1, .apart = true },
        { .call = 3, .id = SPAN("dp_1"), .rows = 1, .spare = true },
    };
    struct match_ask ask = { .invoice = &s.invoice, .entries = rows, .count = sizeof(rows) / sizeof(*rows) };
    CHECK(match_run(&s.arena, &ask, &s.match));
    CHECK_INT(s.match.first->invoice, 6 * USD);
    CHECK_INT(s.match.by_state[MATCH_SAME].ledger, 6 * USD);
    CHECK_INT(s.match.by_state[MATCH_DIFFERS].pairs, 0);
    CHECK_INT(s.match.all.invoice, 6 * USD);
    CHECK_INT(s.match.apart, 3 * USD);
    CHECK_INT(s.match.apart_lines, 4);
    CHECK_INT(s.match.ledger_apart, 17 * USD);
    CHECK_INT(s.match.ledger_apart_rows, 1);
    CHECK(s.match.clean);

    CHECK_INT(read_text(&s, INVOICE_STRIPE,
                  "{\"data\":[{\"type\":\"charge\",\"created\":1780308000,\"amount\":1000,\"fee\":0,\"currency\":\"usd\",\"source\":\"ch_1\"},"
                  "{\"type\":\"adjustment\",\"reporting_category\":\"dispute\",\"created\":1780308000,\"amount\":-1000,\"fee\":1500,\"currency\":\"usd\",\"source\":\"du_1\"},"
                  "{\"type\":\"refund\",\"reporting_category\":\"partial_capture_reversal\",\"created\":1780308000,\"amount\":-400,\"fee\":0,\"currency\":\"usd\",\"source\":\"ch_1\"}]}"),
        E_OK);
    CHECK_INT(s.invoice.lines[0].amount, 10 * USD);
    CHECK(s.invoice.lines[1].apart && !s.invoice.lines[1].ids[0].len);
    CHECK_INT(s.invoice.lines[1].amount, 10 * USD);
    CHECK_INT(s.invoice.lines[2].amount, -4 * USD);
    CHECK_SPAN(s.invoice.lines[2].ids[0], SPAN("ch_1"));
    close_scene(&s);
}

TEST(an_expanded_source_names_its_intent)
{
    struct scene s;
    open_scene(&s);
#define TRANSACTION "{\"type\":\"charge\",\"created\":1780308000,\"amount\":1000,\"fee\":0,\"currency\":\"usd\",\"source\":"
    CHECK_INT(read_text(&s, INVOICE_STRIPE,
                  "{\"data\":[" TRANSACTION "{\"id\":\"ch_1\",\"payment_intent\":\"pi_1\"}}," TRANSACTION "{\"id\":\"ch_2\",\"payment_intent\":{\"id\":\"pi_2\"}}}," TRANSACTION
                  "{\"id\":\"ch_3\",\"payment_intent\":null}}," TRANSACTION "\"ch_4\"}]}"),
        E_OK);
    static const char *const ids[] = { "pi_1", "pi_2", "ch_3", "ch_4" };
    struct match_entry rows[4];
    for (size_t i = 0; i < 4; i++)
        rows[i] = (struct match_entry){ .call = i + 1, .id = span_of(ids[i]), .amount = 10 * USD, .rows = 1 };
    struct match_ask ask = { .invoice = &s.invoice, .entries = rows, .count = 4 };
    CHECK(match_run(&s.arena, &ask, &s.match));
    CHECK_INT(s.match.by_state[MATCH_SAME].pairs, 4);
    CHECK_INT(read_text(&s, INVOICE_STRIPE, "id,Type,Source,Amount,Fee,Currency,Created (UTC)\ntxn_1,charge,ch_3,5,0,usd,2026-06-01 10:00\n"), E_OK);
    CHECK(span_find(span_of(s.invoice.compared), SPAN("itemized")) > 0);
    close_scene(&s);
}

TEST(tolerances)
{
    const struct invoice usd = { .unit = INVOICE_USD, .by = INVOICE_BY_MODEL }, objects = { .unit = INVOICE_USD, .by = INVOICE_BY_ID }, tokens = { .unit = INVOICE_TOKENS, .by = INVOICE_BY_MODEL };
    int64_t amount_, parts;
    CHECK(match_tolerance(SPAN("0.01"), &usd, &amount_, &parts));
    CHECK_INT(amount_, 10000000);
    CHECK(match_tolerance(SPAN("2 usd"), &usd, &amount_, &parts));
    CHECK_INT(amount_, 2 * USD);
    CHECK(match_tolerance(SPAN("0.5%"), &usd, &amount_, &parts));
    CHECK_INT(parts, 5000);
    CHECK(!match_tolerance(SPAN("-1"), &usd, &amount_, &parts));
    CHECK(!match_tolerance(SPAN("101%"), &usd, &amount_, &parts));
    CHECK(!match_tolerance(SPAN("much"), &usd, &amount_, &parts));
    CHECK(match_tolerance(SPAN_NONE, &usd, &amount_, &parts));
    CHECK_INT(amount_, 10000000);
    CHECK(match_tolerance(SPAN_NONE, &objects, &amount_, &parts));
    CHECK_INT(amount_, 0);
    CHECK(match_tolerance(SPAN_NONE, &tokens, &amount_, &parts));
    CHECK_INT(amount_, 0);
    CHECK(match_tolerance(SPAN("12"), &tokens, &amount_, &parts));
    CHECK_INT(amount_, 12);
    CHECK(match_tolerance(SPAN("0.5%"), &tokens, &amount_, &parts));
    CHECK_INT(parts, 5000);
    CHECK(!match_tolerance(SPAN("0.01"), &tokens, &amount_, &parts));
    CHECK(!match_tolerance(SPAN("2 usd"), &tokens, &amount_, &parts));

    struct scene s;
    open_scene(&s);
    CHECK_INT(read_text(&s, INVOICE_OPENAI, "start_time,amount_value,line_item\n2026-06-01,1.00,gpt-4o\n"), E_OK);
    const struct match_entry row = { .name = SPAN("gpt-4o-2024-08-06"), .at = INT64_C(1780272000000) + 5000, .amount = USD - USD / 100, .rows = 3 };
    struct match_ask ask = { .invoice = &s.invoice, .entries = &row, .count = 1 };
    CHECK(match_run(&s.arena, &ask, &s.match) && !s.match.clean);
    CHECK_SPAN(s.match.first->key, SPAN("2026-06-01 gpt-4o"));
    ask.parts = 10000;
    CHECK(match_run(&s.arena, &ask, &s.match) && s.match.clean);
    close_scene(&s);
}
