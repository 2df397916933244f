/* SPDX-License-Identifier: Apache-2.0
 * row_test.c - every field goes through, the contract is always whole, and no damage breaks the JSON. */
#include "rules/row.h"

#include "base/clock.h"
#include "base/json.h"
#include "test/test.h"

enum { ROW_MOST = 1 << 20, FIELDS = 47 /* of the contract, in every row */ };

/* Every field, in the order of the contract: its text is its name, its number its tag. */
static void write_all(struct row_out *o)
{
    enum { CALL, TIME, NUMBER, MONEY, YES, AMOUNT, TEXT, JSON, OBJECT, SCOPES, ATTEMPTS, BUDGETS, LINES };
#define WRITE(tag, name, text, kind)                                     \
    if (kind < TEXT)                                                     \
        row_number(o, ROW_##name, kind == YES ? 1 : tag);                \
    else if (kind == TEXT)                                               \
        row_text(o, ROW_##name, SPAN(text));                             \
    else if (kind < SCOPES)                                              \
        row_text(o, ROW_##name, SPAN("{\"" text "\":[" #tag "]}"));
    ROW_FIELDS(WRITE)
    for (int i = 0; i < 2; i++) {
        row_open(o, ROW_SCOPE);
        ROW_SCOPE_FIELDS(WRITE)
        row_close(o);
        row_open(o, ROW_ATTEMPT);
        ROW_ATTEMPT_FIELDS(WRITE)
        row_close(o);
        row_open(o, ROW_BUDGET);
        ROW_BUDGET_FIELDS(WRITE)
        row_text(o, ROW_BUDGET_UNIT, i ? SPAN("tokens") : SPAN("usd")); /* the last one counts */
        row_close(o);
    }
#undef WRITE
}

static struct span as_json(struct span row, struct buf *out)
{
    buf_clear(out);
    row_json(row, out);
    return buf_span(out);
}

static const char all_fields[] =
    "{\"id\":\"call_0000000000001\",\"at\":\"1970-01-01T00:00:00.002Z\",\"workspace\":\"workspace\",\"key\":\"key\",\"key_name\":\"key_name\","
    "\"user\":\"user\",\"run\":\"run\",\"step\":\"step\",\"vendor\":\"vendor\",\"operation\":\"operation\",\"method\":\"method\",\"path\":\"path\","
    "\"model_requested\":\"model_requested\",\"caller_address\":\"caller_address\",\"policy_version\":\"policy_version\",\"route\":\"route\","
    "\"credential\":\"credential\",\"idempotency\":\"idempotency\",\"metadata\":{\"metadata\":[19]},\"price_snapshot\":\"price_snapshot\","
    "\"reserved_usd\":\"0.000000021\",\"scopes\":{\"name\":[\"value\",\"value\"]},\"model\":\"model\",\"status\":24,\"verdict\":\"verdict\","
    "\"denied\":\"denied\",\"reason\":\"reason\",\"rule\":\"rule\",\"attempts\":["
    "{\"vendor\":\"vendor\",\"model\":\"model\",\"status\":3,\"ms\":4,\"cost_usd\":\"0.000000005\",\"credential\":\"credential\",\"target\":\"target\",\"reason\":\"reason\"},"
    "{\"vendor\":\"vendor\",\"model\":\"model\",\"status\":3,\"ms\":4,\"cost_usd\":\"0.000000005\",\"credential\":\"credential\",\"target\":\"target\",\"reason\":\"reason\"}],"
    "\"cost_usd\":\"0.00000003\",\"settled\":true,\"estimated\":true,\"replayed\":true,\"usage\":{\"usage\":[34]},\"input_tokens\":35,"
    "\"output_tokens\":36,\"cached_tokens\":37,\"reasoning_tokens\":38,\"output_limit_set\":39,\"upstream_request_id\":\"upstream_request_id\","
    "\"upstream_object_id\":\"upstream_object_id\",\"cache\":\"cache\",\"latency_ms\":43,\"upstream_ms\":44,\"first_byte_ms\":45,\"gate_us\":46,"
    "\"budgets\":["
    "{\"budget\":\"budget\",\"unit\":\"usd\",\"limit\":\"0.000000003\",\"spent\":\"0.000000004\",\"reserved\":\"0.000000005\",\"resets_at\":\"1970-01-01T00:00:00.006Z\"},"
    "{\"budget\":\"budget\",\"unit\":\"tokens\",\"limit\":3,\"spent\":4,\"reserved\":5,\"resets_at\":\"1970-01-01T00:00:00.006Z\"}]}";

static const char no_fields[] =
    "{\"id\":null,\"at\":null,\"workspace\":null,\"key\":null,\"key_name\":null,\"user\":null,\"run\":null,\"step\":null,\"vendor\":null,"
    "\"operation\":null,\"method\":null,\"path\":null,\"model_requested\":null,\"caller_address\":null,\"policy_version\":null,\"route\":null,"
    "\"credential\":null,\"idempotency\":null,\"metadata\":{},\"price_snapshot\":null,\"reserved_usd\":null,\"scopes\":{},\"model\":null,"
    "\"status\":null,\"verdict\":null,\"denied\":null,\"reason\":null,\"rule\":null,\"attempts\":[],\"cost_usd\":null,\"settled\":null,"
    "\"estimated\":null,\"replayed\":null,\"usage\":null,\"input_tokens\":null,\"output_tokens\":null,\"cached_tokens\":null,"
    "\"reasoning_tokens\":null,\"output_limit_set\":null,\"upstream_request_id\":null,\"upstream_object_id\":null,\"cache\":null,"
    "\"latency_ms\":null,\"upstream_ms\":null,\"first_byte_ms\":null,\"gate_us\":null,\"budgets\":[]}";

struct rig {
    struct buf row, text;
    struct json *parser;
    struct json_value root;
};

static void rig_init(struct rig *g)
{
    buf_init(&g->row, ROW_MOST);
    buf_init(&g->text, ROW_MOST);
    g->parser = json_new();
    must(g->parser);
}

static void rig_free(struct rig *g)
{
    buf_free(&g->row);
    buf_free(&g->text);
    json_free(g->parser);
}

/* Expands and parses it; false: that is no JSON, or not all members are there. */
static bool whole(struct rig *g, struct span row)
{
    const char *why;
    return json_parse(g->parser, as_json(row, &g->text), false, &g->root, &why) == E_OK && json_count(g->root) >= FIELDS;
}

TEST(every_field_goes_through)
{
    struct rig g;
    rig_init(&g);
    struct row_out o = row_out(&g.row);
    write_all(&o);
    CHECK(!g.row.broken);
    CHECK_SPAN(as_json(buf_span(&g.row), &g.text), span_of(all_fields));
    CHECK(whole(&g, buf_span(&g.row)));
    CHECK_INT(row_field(buf_span(&g.row), ROW_ID).number, 1);
    CHECK_SPAN(row_field(buf_span(&g.row), ROW_OPERATION).text, SPAN("operation"));
    CHECK(row_field(buf_span(&g.row), ROW_OPERATION).bytes && !row_field(buf_span(&g.row), ROW_STATUS).bytes);
    rig_free(&g);
}

TEST(nothing_is_null_everywhere)
{
    struct rig g;
    rig_init(&g);
    (void)row_out(&g.row);
    CHECK_INT(g.row.len, 1);
    CHECK_SPAN(as_json(buf_span(&g.row), &g.text), span_of(no_fields));
    CHECK_SPAN(as_json(SPAN_NONE, &g.text), span_of(no_fields));
    CHECK_SPAN(as_json(SPAN("\x02\x02\x02"), &g.text), span_of(no_fields)); /* of another version */
    CHECK(!row_field(SPAN_NONE, ROW_ID).there && !row_field(SPAN("{\"id\":1}"), ROW_ID).there);
    CHECK_SPAN(as_json(SPAN("{\"id\":\"x\"}"), &g.text), SPAN("{\"id\":\"x\"}"));
    rig_free(&g);
}

TEST(numbers_of_any_size)
{
    static const int64_t numbers[] = { 0, 1, -1, 63, 64, -64, -65, 8191, 8192, INT64_C(1) << 53, INT64_MAX, INT64_MIN };
    struct rig g;
    int64_t got;
    rig_init(&g);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        buf_clear(&g.row);
        struct row_out o = row_out(&g.row);
        row_number(&o, ROW_STATUS, numbers[i]);
        row_number(&o, ROW_AT, numbers[i]);
        row_number(&o, ROW_ID, numbers[i]);
        row_number(&o, ROW_COST, numbers[i]);
        CHECK(row_field(buf_span(&g.row), ROW_STATUS).number == numbers[i]);
        CHECK(whole(&g, buf_span(&g.row)));
        CHECK(json_integer(json_member(g.root, SPAN("status")), &got) && got == numbers[i]);
    }
    rig_free(&g);
}

/* Lengths around those of a longer varint, in a text and in a sub-record, whose length is written last. */
TEST(texts_of_any_length)
{
    static char text[70000];
    static const size_t lengths[] = { 0, 1, 120, 121, 122, 123, 124, 125, 126, 127, 128, 129, 16379, 16383, 16384, 70000 };
    struct rig g;
    rig_init(&g);
    memset(text, 'x', sizeof(text));
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct span want = span_make(text, lengths[i]);
        buf_free(&g.row);
        struct row_out o = row_out(&g.row);
        row_text(&o, ROW_PATH, want);
        row_open(&o, ROW_SCOPE);
        row_text(&o, ROW_SCOPE_NAME, SPAN("n"));
        row_text(&o, ROW_SCOPE_VALUE, want);
        row_close(&o);
        row_text(&o, ROW_CACHE, SPAN("off"));
        CHECK(whole(&g, buf_span(&g.row)));
        CHECK_SPAN(json_string(json_member(g.root, SPAN("path"))), want);
        CHECK_SPAN(json_string(json_path(g.root, SPAN("scopes.n.0"))), want);
        CHECK_SPAN(json_string(json_member(g.root, SPAN("cache"))), SPAN("off"));
    }
    rig_free(&g);
}

TEST(scopes_stand_by_name)
{
    static const struct span pairs[][2] = { { { "a", 1 }, { "1", 1 } }, { { "b", 1 }, { "2", 1 } }, { { "a", 1 }, { "3\"", 2 } }, { { "", 0 }, { "\xff", 1 } } };
    struct rig g;
    rig_init(&g);
    struct row_out o = row_out(&g.row);
    for (size_t i = 0; i < 4; i++) {
        row_open(&o, ROW_SCOPE);
        row_text(&o, ROW_SCOPE_NAME, pairs[i][0]);
        row_text(&o, ROW_SCOPE_VALUE, pairs[i][1]);
        row_close(&o);
    }
    CHECK(span_find(as_json(buf_span(&g.row), &g.text), SPAN("\"scopes\":{\"a\":[\"1\",\"3\\\"\"],\"b\":[\"2\"],\"\":[\"\xef\xbf\xbd\"]},")) > 0);
    for (int i = 0; i < 1000; i++) { /* no call has so many; a damaged row may */
        row_open(&o, ROW_SCOPE);
        row_close(&o);
    }
    CHECK(whole(&g, buf_span(&g.row)));
    CHECK_INT(json_count(json_path(g.root, SPAN("scopes"))), 3);
    rig_free(&g);
}

/* Of a settlement or a change: there if they were written, and else not. */
TEST(extra_fields_follow_the_contract)
{
    struct rig g;
    rig_init(&g);
    struct row_out o = row_out(&g.row);
    row_text(&o, ROW_KIND, SPAN("settlement"));
    row_number(&o, ROW_OF, 1);
    row_text(&o, ROW_OUTCOME, SPAN("released"));
    row_number(&o, ROW_HELD, 0);
    row_text(&o, ROW_BEFORE, SPAN("")); /* no JSON */
    row_number(&o, ROW_ACTOR, 7);       /* no text */
    CHECK(whole(&g, buf_span(&g.row)));
    CHECK_INT(json_count(g.root), FIELDS + 4);
    CHECK(span_ends(buf_span(&g.text),
        SPAN(",\"budgets\":[],\"kind\":\"settlement\",\"of\":\"call_0000000000001\",\"outcome\":\"released\",\"held\":false}")));
    row_text(&o, ROW_ACTOR, SPAN("admin"));
    row_text(&o, ROW_ACTION, SPAN("key.update"));
    row_text(&o, ROW_OBJECT, SPAN("key_1"));
    row_text(&o, ROW_BEFORE, SPAN("{\"a\":1}"));
    row_text(&o, ROW_AFTER, SPAN("null"));
    row_number(&o, ROW_REPEAT_OF, 2);
    row_text(&o, ROW_REPEAT_KEY, SPAN("k"));
    CHECK(whole(&g, buf_span(&g.row)));
    CHECK_INT(json_count(g.root), FIELDS + 11);
    CHECK(span_ends(buf_span(&g.text),
        SPAN(",\"actor\":\"admin\",\"action\":\"key.update\",\"object\":\"key_1\",\"before\":{\"a\":1},\"after\":null,"
             "\"repeat_of\":\"call_0000000000002\",\"repeat_key\":\"k\",\"held\":false}")));
    rig_free(&g);
}

/* All fields at once are those one by one. */
TEST(read_at_once)
{
    struct rig g;
    struct row_value values[ROW_TAGS];
    rig_init(&g);
    struct row_out o = row_out(&g.row);
    write_all(&o);
    row_read(buf_span(&g.row), values);
    for (int tag = 0; tag < ROW_TAGS; tag++) {
        struct row_value one = row_field(buf_span(&g.row), (enum row_tag)tag);
        CHECK(one.there == values[tag].there && one.number == values[tag].number && span_is(one.text, values[tag].text));
    }
    row_read(SPAN("{\"id\":1}"), values);
    CHECK(!values[ROW_ID].there);
    rig_free(&g);
}

/* A few at once are those of all at once, whatever the bytes are: twice a tag, none of it, cut off, and damaged anywhere. */
TEST(read_a_few)
{
    static const enum row_tag tags[] = { ROW_LABEL, ROW_ID, ROW_ATTEMPT, ROW_STATUS, ROW_OPERATION, ROW_TAGS - 1, ROW_STATUS };
    enum { COUNT = sizeof(tags) / sizeof(tags[0]), ROUNDS = 20000 };
    struct rig g;
    struct row_value all[ROW_TAGS], few[COUNT];
    uint64_t seed = 1;
    rig_init(&g);
    struct row_out o = row_out(&g.row);
    write_all(&o);
    row_number(&o, ROW_TAGS - 1, INT64_MIN);
    row_text(&o, ROW_OPERATION, SPAN("the one that counts"));
    for (int round = 0; round < ROUNDS; round++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        size_t at = (size_t)(seed >> 33) % (g.row.len - 1) + 1;
        char before = g.row.at[at];
        struct span row = span_first(buf_span(&g.row), round % 4 ? g.row.len : at);
        if (round)
            g.row.at[at] = (char)(seed >> 24);
        row_read(row, all);
        row_pick(row, tags, COUNT, few);
        for (int i = 0; i < COUNT; i++) {
            const struct row_value *want = &all[tags[i]];
            CHECK(few[i].there == want->there && few[i].bytes == want->bytes && few[i].number == want->number);
            CHECK(few[i].text.at == want->text.at && few[i].text.len == want->text.len);
        }
        g.row.at[at] = before;
    }
    CHECK_SPAN(row_field(buf_span(&g.row), ROW_OPERATION).text, SPAN("the one that counts"));
    CHECK_INT(row_field(buf_span(&g.row), ROW_TAGS - 1).number, INT64_MIN);
    rig_free(&g);
}

/* A later gate's row: what is not known is passed over, in the row and in its parts. */
TEST(unknown_tags_are_skipped)
{
    struct rig g;
    rig_init(&g);
    struct row_out o = row_out(&g.row);
    for (int tag = ROW_HELD + 1; tag < 3000; tag += 13) {
        row_number(&o, (enum row_tag)tag, INT64_MIN);
        row_text(&o, (enum row_tag)tag, SPAN("what is to come"));
    }
    row_open(&o, ROW_BUDGET);
    row_text(&o, (enum row_tag)60, SPAN("x"));
    row_text(&o, ROW_BUDGET_ID, SPAN("b"));
    row_number(&o, (enum row_tag)61, 1);
    row_close(&o);
    row_number(&o, (enum row_tag)100000, 7);
    row_number(&o, ROW_STATUS, 200);
    CHECK(whole(&g, buf_span(&g.row)));
    CHECK_SPAN(json_string(json_path(g.root, SPAN("budgets.0.budget"))), SPAN("b"));
    CHECK_INT(row_field(buf_span(&g.row), ROW_STATUS).number, 200);
    rig_free(&g);
}

/* A known tag with the other sort of value is as good as none. */
TEST(values_of_the_wrong_sort_are_none)
{
    struct rig g;
    rig_init(&g);
    struct row_out o = row_out(&g.row);
    for (int tag = 1; tag <= FIELDS; tag++) {
        row_number(&o, (enum row_tag)tag, 5);
        row_text(&o, (enum row_tag)tag, SPAN(""));
    }
    CHECK(whole(&g, buf_span(&g.row)));
    CHECK(json_kind(json_member(g.root, SPAN("status"))) == JSON_NULL && json_kind(json_member(g.root, SPAN("usage"))) == JSON_NULL);
    CHECK(json_kind(json_member(g.root, SPAN("metadata"))) == JSON_OBJECT && json_kind(json_member(g.root, SPAN("user"))) == JSON_STRING);
    CHECK_INT(json_count(json_member(g.root, SPAN("budgets"))), 1);
    rig_free(&g);
}

TEST(cut_anywhere_it_stays_json)
{
    struct rig g;
    struct buf part;
    rig_init(&g);
    buf_init(&part, ROW_MOST);
    struct row_out o = row_out(&g.row);
    write_all(&o);
    for (size_t n = 0; n <= g.row.len; n++) {
        buf_free(&part); /* so that a look past the end is one past the memory */
        buf_put(&part, span_first(buf_span(&g.row), n));
        CHECK(whole(&g, buf_span(&part)));
    }
    buf_free(&part);
    rig_free(&g);
}

/* Any byte changed to any other: only JSON passed through as it was written may lose its form. */
TEST(any_byte_changed_it_stays_json)
{
    struct rig g;
    rig_init(&g);
    struct row_out o = row_out(&g.row);
    write_all(&o);
    for (size_t at = 1; at < g.row.len; at++) {
        char was = g.row.at[at];
        for (int to = 0; to < 256; to += 5) {
            g.row.at[at] = (char)to;
            struct row_value v[ROW_TAGS];
            row_read(buf_span(&g.row), v);
            bool raw = v[ROW_METADATA].text.len + v[ROW_USAGE].text.len + v[ROW_BEFORE].text.len + v[ROW_AFTER].text.len + v[ROW_SHADOW].text.len + v[ROW_EVENT].text.len > 0;
            CHECK(whole(&g, buf_span(&g.row)) || raw);
        }
        g.row.at[at] = was;
    }
    rig_free(&g);
}

TEST(a_full_buffer_breaks_and_does_no_harm)
{
    struct rig g;
    rig_init(&g);
    struct row_out o = row_out(&g.row);
    write_all(&o);
    for (size_t most = 0; most < g.row.len; most++) {
        struct buf small;
        buf_init(&small, most);
        o = row_out(&small);
        write_all(&o);
        CHECK(small.broken && small.len <= most);
        buf_free(&small);
    }
    rig_free(&g);
}

TEST(cost_of_writing_a_row)
{
    enum { TIMES = 200000 };
    struct rig g;
    rig_init(&g);
    int64_t begun = clock_monotonic_ns();
    for (int i = 0; i < TIMES; i++) {
        buf_clear(&g.row);
        struct row_out o = row_out(&g.row);
        write_all(&o);
    }
    int64_t write_ns = (clock_monotonic_ns() - begun) / TIMES;
    begun = clock_monotonic_ns();
    for (int i = 0; i < TIMES / 20; i++)
        (void)as_json(buf_span(&g.row), &g.text);
    printf("  row: %lld ns to write every field (%zu bytes), %lld ns to make %zu bytes of JSON of it\n", (long long)write_ns, g.row.len,
        (long long)((clock_monotonic_ns() - begun) * 20 / TIMES), g.text.len);
    CHECK(write_ns < 100000);
    rig_free(&g);
}
