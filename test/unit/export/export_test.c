/* SPDX-License-Identifier: Apache-2.0
 * export_test.c - the parts of an export that need no receiver: pauses, batches, moments, spans, gzip; and its place in the store. */
#include "export/inside.h"

#include <stdlib.h>
#include <zlib.h>

#include "rules/row.h"
#include "test/unit/store/rig.h"

enum { ROWS = 40 };
#define BEGAN INT64_C(1790000000000)

static const struct export_rule lines = { .name = { "lines", 5 }, .kind = EXPORT_WEBHOOK, .format = EXPORT_JSONL, .rows = 15, .batch_rows = 7, .batch_bytes = 1 << 20 };

/* Calls so far apart, each third refused, of two vendors; the `slow`th began 20 places before it ended. */
static void fill_apart(struct rig *g, int64_t apart, int slow)
{
    for (int i = 0; i < ROWS; i++) {
        int64_t at = BEGAN + (i == slow ? i - 20 : i) * apart;
        struct rig_record r = rig_row(g, (uint64_t)(i + 1));
        struct buf row;
        buf_init(&row, 4096);
        struct row_out o = row_out(&row);
        row_number(&o, ROW_ID, i + 1);
        row_number(&o, ROW_AT, at);
        row_text(&o, ROW_WORKSPACE, SPAN("default"));
        row_text(&o, ROW_VENDOR, i % 2 ? SPAN("stripe") : SPAN("openai"));
        row_text(&o, ROW_VERDICT, i % 3 ? SPAN("allowed") : SPAN("denied"));
        r.record.at = at;
        r.record.row = arena_copy(&g->arena, buf_span(&row));
        buf_free(&row);
        rig_append(g, 0, r);
    }
    CHECK_INT(store_barrier(g->store), E_OK);
}

static void fill(struct rig *g) { fill_apart(g, 1000, -1); }

static int64_t read_from(struct store_reader *reader, const struct export_rule *rule, int64_t first, struct batch *b)
{
    rows_init(b, rule);
    b->first = first;
    CHECK_INT(rows_read(b, reader), E_OK);
    return b->rows;
}

TEST(batches_end_at_their_limits_and_go_on_where_they_ended)
{
    struct rig g;
    struct batch b;
    rig_init(&g, 1);
    rig_open(&g, true);
    fill(&g);
    struct store_reader *reader = rig_reader(&g);
    int64_t next = 0, rows = 0;
    for (bool full = true; full; next = b.next, full = b.full) {
        rows += read_from(reader, &lines, next, &b);
        CHECK(b.rows <= 7 && (b.rows == 0 || (b.from == b.first && b.to == b.next - 1)));
        rows_free(&b);
        if (!full)
            break;
    }
    CHECK_INT(rows, ROWS);
    CHECK_INT(next, ROWS);
    struct export_rule narrow = lines;
    struct span vendor = SPAN("str*"), verdict = SPAN("denied");
    narrow.vendors = &vendor;
    narrow.verdicts = &verdict;
    narrow.vendor_count = narrow.verdict_count = 1;
    narrow.batch_rows = 1000;
    CHECK_INT(read_from(reader, &narrow, 0, &b), 7); /* 3, 9, ... 39 */
    CHECK_INT(b.next, ROWS);
    CHECK_INT(b.from, 3);
    rows_free(&b);
    narrow.rows = 1u << STORE_CHANGE;
    CHECK_INT(read_from(reader, &narrow, 0, &b), 0);
    CHECK_INT(b.next, ROWS);
    rows_free(&b);
    struct export_rule small = lines;
    small.batch_bytes = 1;
    CHECK_INT(read_from(reader, &small, 5, &b), 1);
    CHECK_INT(b.next, 6);
    rows_free(&b);
    rows_init(&b, &lines);
    b.until = 3;
    CHECK_INT(rows_read(&b, reader), E_OK);
    CHECK_INT(b.next, 3);
    rows_free(&b);
    store_reader_free(reader);
    rig_free(&g);
}

TEST(a_moment_is_found_in_the_chain)
{
    struct rig g;
    int64_t number;
    rig_init(&g, 1);
    rig_open(&g, true);
    struct store_reader *reader = rig_reader(&g);
    CHECK_INT(export_seek(reader, BEGAN, &number), E_OK);
    CHECK_INT(number, 0);
    fill(&g);
    for (int i = 0; i < ROWS; i++) {
        CHECK_INT(export_seek(reader, BEGAN + i * 1000, &number), E_OK);
        CHECK_INT(number, i);
        CHECK_INT(export_seek(reader, BEGAN + i * 1000 - 999, &number), E_OK);
        CHECK_INT(number, i);
    }
    CHECK_INT(export_seek(reader, 1, &number), E_OK);
    CHECK_INT(number, 0);
    CHECK_INT(export_seek(reader, BEGAN + ROWS * 1000, &number), E_OK);
    CHECK_INT(number, ROWS);
    CHECK_INT(export_tip(reader, &number), E_OK);
    CHECK_INT(number, ROWS);
    store_reader_free(reader);
    rig_free(&g);
}

/* A call may last a day: its row stands among those of calls that began much later. */
TEST(a_moment_is_found_beside_a_call_that_lasted_long)
{
    enum { HOUR_MS = 3600 * 1000 };
    for (int slow = 20; slow < ROWS; slow++) {
        struct rig g;
        int64_t number;
        rig_init(&g, 1);
        rig_open(&g, true);
        fill_apart(&g, HOUR_MS, slow);
        struct store_reader *reader = rig_reader(&g);
        for (int i = 0; i < ROWS; i++) {
            CHECK_INT(export_seek(reader, BEGAN + i * (int64_t)HOUR_MS, &number), E_OK);
            CHECK_INT(number, i == slow ? i + 1 : i);
        }
        store_reader_free(reader);
        rig_free(&g);
    }
}

TEST(a_place_is_moved_from_where_it_is_only)
{
    struct rig g;
    struct store_export at;
    struct arena a;
    arena_init(&a, 1 << 16);
    rig_init(&g, 1);
    rig_open(&g, true);
    struct store_reader *reader = rig_reader(&g);
    struct span name = SPAN("lake");
    CHECK_INT(store_export(reader, name, &a, &at), E_NOT_FOUND);
    CHECK_INT(store_export_begin(g.store, name, 3), E_OK);
    CHECK_INT(store_export_begin(g.store, name, 9), E_OK);
    CHECK_INT(store_export(reader, name, &a, &at), E_OK);
    CHECK(at.position == 3 && at.at == 0 && at.note.len == 0);
    struct store_export to = { 8, 77, SPAN("a note") };
    CHECK_INT(store_export_move(g.store, name, 4, &to), E_CONFLICT);
    CHECK_INT(store_export_move(g.store, name, 3, &to), E_OK);
    CHECK_INT(store_export_rewind(g.store, name, 1, NULL), E_OK);
    CHECK_INT(store_export_move(g.store, name, 8, &to), E_CONFLICT);
    rig_close(&g);
    store_reader_free(reader);
    rig_open(&g, true);
    reader = rig_reader(&g);
    CHECK_INT(store_export(reader, name, &a, &at), E_OK);
    CHECK(at.position == 1 && at.at == 77);
    CHECK_SPAN(at.note, SPAN("rewound"));
    store_reader_free(reader);
    rig_free(&g);
    arena_free(&a);
}

TEST(pauses_grow_to_a_limit_and_heed_the_receiver)
{
    for (int tries = 1; tries < 40; tries++) {
        int64_t most = tries > 9 ? 300000 : 1000 << (tries - 1);
        CHECK_INT(runner_pause(tries, -1, 0), most);
        int64_t least = runner_pause(tries, -1, 1023);
        CHECK(least >= most / 2 && least < most);
    }
    CHECK_INT(runner_pause(1, 0, 7), 1000);
    CHECK_INT(runner_pause(1, 5000, 7), 5000);
    CHECK_INT(runner_pause(9, INT64_C(1) << 50, 7), 3600000);
}

/* One field of a row, as OTLP's JSON has it. */
static bool says(const struct batch *b, const char *part) { return span_find(buf_span(&b->body), span_of(part)) >= 0; }

TEST(spans_of_a_row)
{
    struct batch b;
    struct buf row;
    struct json *j = json_new();
    struct json_value root;
    const char *why;
    struct export_rule rule = { .kind = EXPORT_LANGFUSE, .rows = 3, .batch_rows = 10, .batch_bytes = 1 << 20 };
    buf_init(&row, 4096);
    struct row_out o = row_out(&row);
    row_number(&o, ROW_AT, BEGAN);
    row_text(&o, ROW_RUN, SPAN("r\"1"));
    row_text(&o, ROW_VENDOR, SPAN("bedrock"));
    row_text(&o, ROW_OPERATION, SPAN("bedrock.converse"));
    row_text(&o, ROW_MODEL, SPAN("m-1"));
    row_text(&o, ROW_VERDICT, SPAN("allowed"));
    row_text(&o, ROW_TRACE, SPAN("0af7651916cd43dd8448eb211c80319c"));
    row_text(&o, ROW_PARENT_SPAN, SPAN("b7ad6b7169203331"));
    row_number(&o, ROW_COST, 1);
    row_number(&o, ROW_INPUT_TOKENS, 100);
    row_number(&o, ROW_CACHED_TOKENS, 40);
    row_number(&o, ROW_OUTPUT_TOKENS, 10);
    row_number(&o, ROW_LATENCY_MS, 250);
    for (int i = 0; i < 2; i++) {
        row_open(&o, ROW_ATTEMPT);
        row_text(&o, ROW_ATTEMPT_VENDOR, SPAN("bedrock"));
        row_number(&o, ROW_ATTEMPT_MS, 200);
        row_close(&o);
    }
    struct store_link link = { .id = 5, .number = 4, .kind = STORE_CALL, .row = buf_span(&row) };
    rows_init(&b, &rule);
    spans_open(&b.body);
    CHECK(spans_put(&b.body, &link, &rule, false));
    link.kind = STORE_SETTLEMENT;
    CHECK(spans_put(&b.body, &link, &rule, true));
    link.kind = STORE_CHANGE;
    CHECK(!spans_put(&b.body, &link, &rule, true));
    spans_close(&b.body);
    CHECK_INT(json_parse(j, buf_span(&b.body), false, &root, &why), E_OK);
    CHECK_INT(json_count(json_path(root, SPAN("resourceSpans.0.scopeSpans.0.spans"))), 4);
    CHECK(says(&b, "\"traceId\":\"0af7651916cd43dd8448eb211c80319c\"") && says(&b, "\"parentSpanId\":\"b7ad6b7169203331\""));
    CHECK(says(&b, "\"startTimeUnixNano\":\"1790000000000000000\",\"endTimeUnixNano\":\"1790000000250000000\""));
    CHECK(says(&b, "{\"key\":\"gen_ai.provider.name\",\"value\":{\"stringValue\":\"aws.bedrock\"}}"));
    CHECK(says(&b, "{\"key\":\"gen_ai.usage.input_tokens\",\"value\":{\"intValue\":\"100\"}}"));
    CHECK(says(&b, "{\"key\":\"tollgate.cost_usd\",\"value\":{\"stringValue\":\"0.000000001\"}}"));
    CHECK(says(&b, "{\\\"total\\\":0.000000001}"));
    CHECK(says(&b, "{\\\"input\\\":60,\\\"input_cached_tokens\\\":40,\\\"output\\\":10,\\\"total\\\":110}"));
    /* The second attempt ends with the call, whatever it says. */
    CHECK(says(&b, "\"startTimeUnixNano\":\"1790000000200000000\",\"endTimeUnixNano\":\"1790000000250000000\""));
    rows_free(&b);
    buf_free(&row);
    json_free(j);
}

TEST(gzip_is_read_back)
{
    struct buf in, out;
    char back[4096];
    buf_init(&in, 1 << 20);
    buf_init(&out, 1 << 20);
    for (int i = 0; i < 100; i++)
        buf_print(&in, "line %d\n", i);
    CHECK(gzip_text(buf_span(&in), &out));
    z_stream z = { .next_in = (Bytef *)out.at, .avail_in = (uInt)out.len, .next_out = (Bytef *)back, .avail_out = sizeof(back) };
    must(inflateInit2(&z, 15 + 16) == Z_OK);
    CHECK_INT(inflate(&z, Z_FINISH), Z_STREAM_END);
    CHECK_SPAN(span_make(back, z.total_out), buf_span(&in));
    inflateEnd(&z);
    buf_free(&in);
    buf_free(&out);
}
