/* SPDX-License-Identifier: Apache-2.0
 * anthropic_stream_test.c - streams of Anthropic messages, read to neutral events and written from them. */
#include "anthropic_rig.h"
#include "dialect/anthropic_int.h"
#include "test/test.h"

static struct anthropic_rig r;

#define START "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"m\",\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\n"
#define OPEN_TEXT "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
#define HI "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n"
#define STOP "data: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
#define LAST "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":7}}\n\n"
#define END "data: {\"type\":\"message_stop\"}\n\n"

static void check_log(int line, const char *stream, const char *want)
{
    anthropic_rig_begin(&r, SPAN_NONE);
    anthropic_rig_stream(&r, span_of(stream));
    if (!span_is(buf_span(&r.log), span_of(want)))
        test_fail(__FILE__, line, "got\n%.*swant\n%s(broken: %s)", SPAN_ARG(buf_span(&r.log)), want, r.reader.broken ? r.reader.broken : "no");
}
#define LOG(stream, want) check_log(__LINE__, stream, want)

TEST(a_stream_as_events)
{
    anthropic_rig_open(&r, "anthropic_messages");
    LOG(START OPEN_TEXT HI STOP LAST END, "start\npart 0 kind 0\ndelta 0 text \"Hi\"\npart_end\nchoice_end 1\nusage in 9 out 7\nend\n");
    CHECK(r.reader.ended && !r.reader.failed && !r.reader.broken);
    CHECK_SPAN(r.gather.answer.usage.raw, SPAN("{\"input_tokens\":9,\"output_tokens\":7}"));
    anthropic_rig_close(&r);
}

TEST(a_golden_stream_is_told_again_and_gathered)
{
    anthropic_rig_open(&r, "anthropic_messages");
    anthropic_rig_begin(&r, SPAN_NONE);
    anthropic_rig_stream(&r, anthropic_rig_golden(&r, "stream_tools.sse"));
    CHECK(r.reader.ended && !r.reader.broken);
    struct span want = anthropic_rig_golden(&r, "stream_tools.again.sse"), got = buf_span(&r.out);
    CHECK_SPAN(span_first(got, got.len - 1), want); /* the golden text ends with one line's end less */
    buf_clear(&r.log);
    r.writer = (struct writer){ .out = &r.log, .arena = &r.arena, .id = SPAN("tg_1") };
    r.translator->write_answer(&r.writer, &r.gather.answer);
    CHECK_SPAN(buf_span(&r.log), anthropic_rig_golden(&r, "stream_tools.answer.json"));
    anthropic_rig_close(&r);
}

/* Told again, a stream means the same: what was written reads as what was read. */
TEST(what_was_written_reads_as_what_was_read)
{
    struct buf first, again;
    anthropic_rig_open(&r, "anthropic_messages");
    anthropic_rig_begin(&r, SPAN_NONE);
    anthropic_rig_stream(&r, anthropic_rig_golden(&r, "stream_tools.sse"));
    buf_init(&first, 1 << 20);
    buf_init(&again, 1 << 20);
    buf_put(&first, buf_span(&r.out));
    anthropic_rig_begin(&r, SPAN_NONE);
    anthropic_rig_stream(&r, buf_span(&first));
    buf_put(&again, buf_span(&r.out));
    CHECK_SPAN(buf_span(&again), buf_span(&first));
    buf_free(&first);
    buf_free(&again);
    anthropic_rig_close(&r);
}

/* Pitfalls, row 32: a stream's input is told at its start, its output at its end; both count, and neither twice. */
TEST(pitfall_32_start_and_delta_are_merged)
{
    anthropic_rig_open(&r, "anthropic_messages");
    LOG(START LAST END, "start\nchoice_end 1\nusage in 9 out 7\nend\n");
    LOG("data: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":9,\"cache_read_input_tokens\":100,\"cache_creation_input_tokens\":50,\"output_tokens\":50}}}\n\n"
        "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"max_tokens\"},\"usage\":{\"input_tokens\":9,\"cache_read_input_tokens\":100,\"output_tokens\":90,"
        "\"output_tokens_details\":{\"thinking_tokens\":80}}}\n\n" END, "start\nchoice_end 3\nusage in 159 out 90\nend\n");
    CHECK_INT(r.gather.answer.usage.tokens[METER_REASON], 80);
    CHECK_INT(r.gather.answer.usage.tokens[METER_OUT], 10);
    anthropic_rig_close(&r);
}

/* Pitfalls, row 24: a caller who leaves early costs what was told so far, not a placeholder. */
TEST(pitfall_24_usage_is_known_from_the_first_event)
{
    anthropic_rig_open(&r, "anthropic_messages");
    LOG(START OPEN_TEXT HI, "start\npart 0 kind 0\ndelta 0 text \"Hi\"\n");
    CHECK(r.gather.answer.usage.known && r.gather.answer.usage.input_total == 9 && r.gather.answer.usage.output_total == 1);
    CHECK(!r.reader.ended);
    CHECK(span_find(buf_span(&r.out), SPAN("\"input_tokens\":9,")) > 0);
    anthropic_rig_close(&r);
}

TEST(streams_that_break)
{
    anthropic_rig_open(&r, "anthropic_messages");
    LOG(OPEN_TEXT, "");
    CHECK(r.reader.broken);
    LOG(START HI, "start\n");
    CHECK(r.reader.broken);
    LOG(START "data: {\"type\":\n\n", "start\n");
    CHECK(r.reader.broken);
    LOG(START "data: []\n\n" END, "start\n");
    CHECK(r.reader.broken);
    LOG(START "data: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n" END, "start\nerror kind 9 status 529 \"Overloaded\"\n");
    CHECK(r.reader.failed && !r.reader.ended);
    CHECK(span_ends(buf_span(&r.out), SPAN("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n")));
    anthropic_rig_close(&r);
}

/* Cut anywhere, a stream is read as far as it goes, and has not ended. */
TEST(a_stream_cut_at_every_byte)
{
    anthropic_rig_open(&r, "anthropic_messages");
    struct buf whole;
    buf_init(&whole, 1 << 20);
    buf_put(&whole, anthropic_rig_golden(&r, "stream_tools.sse"));
    size_t last = buf_span(&whole).len - 2;
    for (size_t n = 0; n < last; n++) {
        anthropic_rig_begin(&r, SPAN("anthropic_messages"));
        anthropic_rig_stream(&r, span_first(buf_span(&whole), n));
        CHECK(!r.reader.ended && !r.reader.failed && !r.reader.broken);
    }
    buf_free(&whole);
    anthropic_rig_close(&r);
}

/* The frame itself cut: it is no JSON, or less of it. */
TEST(a_frame_cut_at_every_byte)
{
    struct span frame = SPAN("{\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_01\",\"name\":\"f\",\"input\":{\"a\":1}}}");
    anthropic_rig_open(&r, "anthropic_messages");
    for (size_t n = 0; n < frame.len; n++) {
        anthropic_rig_begin(&r, SPAN_NONE);
        anthropic_rig_stream(&r, SPAN(START));
        anthropic_rig_frame(&r, SPAN_NONE, span_first(frame, n));
        CHECK(r.reader.broken);
    }
    anthropic_rig_close(&r);
}

/* Imitators open a block before they close the last one, put things into it at once, and forget to say why they stop. */
TEST(streams_of_imitators)
{
    anthropic_rig_open(&r, "anthropic_messages");
    LOG(START "data: {\"type\":\"content_block_start\",\"content_block\":{\"type\":\"text\",\"text\":\"A\"}}\n\n"
        "data: {\"type\":\"content_block_start\",\"content_block\":{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{\"a\":1}}}\n\n"
        "data: {\"type\":\"content_block_start\",\"content_block\":{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"S\"}}\n\n" END,
        "start\npart 0 kind 0\ndelta 0 text \"A\"\npart_end\npart 1 kind 6\ndelta 1 arguments \"{\\\"a\\\":1}\"\npart_end\npart 2 kind 5\ndelta 2 text \"hm\"\n"
        "delta 2 signature \"S\"\npart_end\nchoice_end 1\nend\n");
    LOG(START START END, "start\nchoice_end 1\nend\n");
    anthropic_rig_close(&r);
}

TEST(signatures_are_marked_where_another_dialect_is_spoken)
{
    anthropic_rig_open(&r, "anthropic_messages");
    anthropic_rig_begin(&r, SPAN("anthropic_messages"));
    anthropic_rig_stream(&r, SPAN(START "data: {\"type\":\"content_block_start\",\"content_block\":{\"type\":\"redacted_thinking\",\"data\":\"D\"}}\n\n" STOP
        "data: {\"type\":\"content_block_start\",\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}}\n\n"
        "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"signature_delta\",\"signature\":\"S\"}}\n\n" STOP LAST END));
    CHECK_SPAN(r.gather.answer.choices->parts->signature, SPAN("\"tg.anthropic_messages.D\""));
    CHECK_SPAN(r.gather.answer.choices->parts->next->signature, SPAN("\"tg.anthropic_messages.S\""));
    anthropic_rig_close(&r);
}

/* --- written for other vendors --- */

static void emit(struct event e) { r.translator->write_event(&r.writer, &e); }

TEST(a_stream_of_another_vendor)
{
    struct call call = { .model = SPAN("gemini-3") };
    struct usage usage = { .known = true, .tokens = { [METER_IN] = 4, [METER_OUT] = 2 } };
    struct part text = { .kind = PART_TEXT }, thought = { .kind = PART_THINKING };
    struct part use = { .kind = PART_TOOL_CALL, .id = SPAN("\"call_1\""), .name = SPAN("\"f\""), .signature = SPAN("\"tg.gemini.G\"") };
    struct part other = { .kind = PART_SERVER_TOOL, .raw = SPAN("{\"type\":\"web_search_call\"}"), .name = SPAN("\"web_search_call\"") };
    anthropic_rig_open(&r, "anthropic_messages");
    r.writer = (struct writer){ .call = &call, .out = &r.out, .arena = &r.arena, .id = SPAN("tg_1") };
    emit((struct event){ .kind = EVENT_START });
    emit((struct event){ .kind = EVENT_PART, .opens = &thought });
    emit((struct event){ .kind = EVENT_DELTA, .delta = DELTA_TEXT, .text = SPAN("\"hm\"") });
    emit((struct event){ .kind = EVENT_DELTA, .delta = DELTA_SIGNATURE, .text = SPAN("\"S1\"") });
    emit((struct event){ .kind = EVENT_DELTA, .delta = DELTA_SIGNATURE, .text = SPAN("\"S2\"") });
    emit((struct event){ .kind = EVENT_PART_END });
    emit((struct event){ .kind = EVENT_PART, .opens = &other });
    emit((struct event){ .kind = EVENT_PART_END });
    emit((struct event){ .kind = EVENT_PART, .opens = &text, .choice = 1 });
    emit((struct event){ .kind = EVENT_PART, .opens = &use });
    emit((struct event){ .kind = EVENT_DELTA, .delta = DELTA_ARGUMENTS, .text = SPAN("\"{}\"") });
    emit((struct event){ .kind = EVENT_PART_END });
    emit((struct event){ .kind = EVENT_CHOICE_END, .ending = ENDING_TOOLS });
    emit((struct event){ .kind = EVENT_USAGE, .usage = &usage });
    emit((struct event){ .kind = EVENT_END });
#define BLOCK(event, index, more) "event: " event "\ndata: {\"type\":\"" event "\",\"index\":" index more "}\n\n"
#define USAGE_(in, out) "\"usage\":{\"input_tokens\":" in ",\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"cache_creation\":{\"ephemeral_5m_input_tokens\":0," \
    "\"ephemeral_1h_input_tokens\":0},\"output_tokens\":" out ",\"service_tier\":\"standard\"}"
    CHECK_SPAN(buf_span(&r.out), SPAN("event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_tg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"gemini-3\","
        "\"content\":[],\"stop_reason\":null,\"stop_sequence\":null," USAGE_("0", "0") "}}\n\n"
        BLOCK("content_block_start", "0", ",\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}")
        BLOCK("content_block_delta", "0", ",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}")
        BLOCK("content_block_delta", "0", ",\"delta\":{\"type\":\"signature_delta\",\"signature\":\"S1S2\"}") BLOCK("content_block_stop", "0", "")
        BLOCK("content_block_start", "1", ",\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}")
        BLOCK("content_block_delta", "1", ",\"delta\":{\"type\":\"signature_delta\",\"signature\":\"tg.gemini.G\"}") BLOCK("content_block_stop", "1", "")
        BLOCK("content_block_start", "2", ",\"content_block\":{\"type\":\"tool_use\",\"id\":\"call_1\",\"name\":\"f\",\"input\":{}}")
        BLOCK("content_block_delta", "2", ",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}") BLOCK("content_block_stop", "2", "")
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\",\"stop_sequence\":null}," USAGE_("4", "2") "}\n\n"
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
    anthropic_rig_close(&r);
}

TEST(refusals_and_pictures_in_a_stream)
{
    struct part refusal = { .kind = PART_REFUSAL }, picture = { .kind = PART_IMAGE, .media = { .type = SPAN("image/png") } };
    anthropic_rig_open(&r, "anthropic_messages");
    r.writer = (struct writer){ .out = &r.out, .arena = &r.arena, .id = SPAN("tg_1") };
    emit((struct event){ .kind = EVENT_PART, .opens = &picture });
    emit((struct event){ .kind = EVENT_DELTA, .delta = DELTA_DATA, .text = SPAN("\"AA\"") });
    emit((struct event){ .kind = EVENT_DELTA, .delta = DELTA_DATA, .text = SPAN("\"BB\"") });
    emit((struct event){ .kind = EVENT_PART_END });
    CHECK_SPAN(buf_span(&r.out), SPAN(BLOCK("content_block_start", "0", ",\"content_block\":{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"AABB\"}}")
        BLOCK("content_block_stop", "0", "")));
    emit((struct event){ .kind = EVENT_PART, .opens = &refusal });
    emit((struct event){ .kind = EVENT_DELTA, .delta = DELTA_TEXT, .text = SPAN("\"No\"") });
    emit((struct event){ .kind = EVENT_CHOICE_END, .ending = ENDING_TURN });
    emit((struct event){ .kind = EVENT_END });
    CHECK(span_find(buf_span(&r.out), SPAN("{\"type\":\"text_delta\",\"text\":\"No\"}")) > 0);
    CHECK(span_find(buf_span(&r.out), SPAN("{\"stop_reason\":\"refusal\"")) > 0);
    anthropic_rig_close(&r);
}

/* --- what strangers send --- */

/* Golden texts with bytes of them changed, left out and doubled: what is read of them is written as JSON again. */
static void mutate(struct buf *b, struct span golden, unsigned *seed)
{
    static const char bytes[] = "\"{}[]:,\\n0tu5e- \x80";
    buf_clear(b);
    buf_put(b, golden);
    for (unsigned n = 1 + anthropic_rig_chance(seed, 4); n > 0; n--) {
        unsigned at = anthropic_rig_chance(seed, (unsigned)b->len), what = anthropic_rig_chance(seed, 3);
        if (what == 0)
            b->at[at] = bytes[anthropic_rig_chance(seed, sizeof(bytes) - 1)];
        else if (what == 1)
            memmove(b->at + at, b->at + at + 1, --b->len - at);
        else
            buf_put(b, span_from(golden, golden.len - anthropic_rig_chance(seed, (unsigned)golden.len)));
    }
}

static bool ignore(void *self, struct span name, enum json_kind kind, struct span raw)
{
    (void)self, (void)name, (void)kind, (void)raw;
    return true;
}

static void check_json(struct span text)
{
    const char *why = NULL;
    if (json_scan(r.json, text, false, ignore, NULL, &why))
        test_fail(__FILE__, __LINE__, "%s: %.*s", why ? why : "no JSON", SPAN_ARG(text));
}

static void check_events(struct span stream)
{
    struct span line;
    while (span_cut(&stream, '\n', &line))
        if (span_starts(line, SPAN("data: ")))
            check_json(span_from(line, 6));
}

static void read_anything(const char *name, unsigned *seed)
{
    struct buf b, golden;
    buf_init(&b, 1 << 20);
    buf_init(&golden, 1 << 20);
    buf_put(&golden, anthropic_rig_golden(&r, name));
    for (int i = 0; i < 1500; i++) {
        mutate(&b, buf_span(&golden), seed);
        anthropic_rig_begin(&r, SPAN("anthropic_messages"));
        if (span_ends(span_of(name), SPAN(".sse"))) {
            anthropic_rig_stream(&r, buf_span(&b));
            check_events(buf_span(&r.out));
        } else if (anthropic_rig_read(&r, buf_span(&b)) == E_OK) {
            check_json(anthropic_rig_write(&r));
        }
        CHECK(!r.out.broken);
    }
    buf_free(&b);
    buf_free(&golden);
}

TEST(texts_of_strangers)
{
    static const char *const names[] = { "call_everything.json", "call_tools.json", "call_media.json", "call_server_tools.json", "stream_tools.sse" };
    unsigned seed = 5;
    anthropic_rig_open(&r, "anthropic_messages");
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        read_anything(names[i], &seed);
    anthropic_rig_close(&r);
}

/* With less memory than it takes, a call is refused for that and nothing else, and a stream is not understood. */
TEST(memory_that_ends)
{
    struct buf call, stream;
    anthropic_rig_open(&r, "anthropic_messages");
    buf_init(&call, 1 << 20);
    buf_init(&stream, 1 << 20);
    buf_put(&call, anthropic_rig_golden(&r, "call_everything.json"));
    buf_put(&stream, anthropic_rig_golden(&r, "stream_tools.sse"));
    for (size_t most = 0; most < 40000; most += most < 2000 ? 16 : 400) {
        anthropic_rig_clear(&r);
        r.arena.ceiling = most;
        enum err e = anthropic_rig_read(&r, buf_span(&call));
        CHECK_INT(e, r.arena.broken ? E_NO_MEMORY : E_OK);
        anthropic_rig_write(&r);
        anthropic_rig_begin(&r, SPAN("anthropic_messages"));
        r.arena.ceiling = most;
        anthropic_rig_stream(&r, buf_span(&stream));
    }
    CHECK(r.reader.ended && !r.arena.broken);
    buf_free(&call);
    buf_free(&stream);
    anthropic_rig_close(&r);
}
