/* SPDX-License-Identifier: Apache-2.0
 * openai_responses_answer_test.c - answers of /v1/responses, whole and streamed: read, written, and both from random ones. */
#include "responses_rig.h"
#include "test/test.h"

static struct responses_rig r;

static void restart(void)
{
    arena_free(&r.arena);
    arena_init(&r.arena, 64 << 20);
}

static void check_order(int line, struct span stream)
{
    struct arena a;
    arena_init(&a, 64 << 20);
    const char *wrong = responses_order(r.json, stream, &a);
    if (wrong)
        test_fail(__FILE__, line, "%s in %.*s", wrong, SPAN_ARG(span_first(stream, 20000)));
    arena_free(&a);
}

/* --- whole answers --- */

TEST(an_answer_is_said_again)
{
    responses_rig_open(&r);
    CHECK_INT(responses_rig_read_answer(&r, responses_rig_file(&r, "answer_parts.json")), E_OK);
    const struct answer *a = &r.answer;
    CHECK(a->created == 1763900001 && a->choices->ending == ENDING_LENGTH && a->usage.known && a->usage.tokens[METER_REASON] == 5);
    const struct part *p = a->choices->parts;
    CHECK(p->kind == PART_THINKING);
    CHECK_SPAN(p->text, SPAN("\"thinking\""));
    CHECK_SPAN(p->signature, SPAN("\"gAAAAC\""));
    CHECK(p->next->kind == PART_TEXT && p->next->next->kind == PART_REFUSAL); /* a thought that tells nothing is none */
    CHECK_SPAN(part_first(p, PART_TOOL_CALL)->arguments, SPAN("{}"));
    responses_rig_golden(&r, "answer_parts.out", responses_rig_write_answer(&r, a));
    responses_rig_close(&r);
}

TEST(an_answer_tells_what_was_asked)
{
    responses_rig_open(&r);
    CHECK_INT(responses_rig_read(&r, responses_rig_file(&r, "call_full.json")), E_OK);
    r.asked = true;
    CHECK_INT(responses_rig_read_answer(&r, responses_rig_file(&r, "answer_parts.json")), E_OK);
    responses_rig_golden(&r, "answer_asked.out", responses_rig_write_answer(&r, &r.answer));
    responses_rig_close(&r);
}

TEST(signatures_are_marked_with_their_owner)
{
    responses_rig_open(&r);
    struct span body = SPAN("{\"output\":[{\"type\":\"reasoning\",\"summary\":[],\"encrypted_content\":\"e\"}]}");
    struct buf padded;
    buf_init(&padded, 1 << 20);
    buf_put(&padded, body);
    r.reader = (struct reader){ .json = r.json, .arena = &r.arena, .event = &r.event, .owner = RESPONSES_NAME };
    CHECK_INT(responses_read_answer(&r.reader, buf_span(&padded), &r.answer), E_OK);
    CHECK_SPAN(r.answer.choices->parts->signature, SPAN("\"tg.openai_responses.e\""));
    CHECK(r.answer.choices->parts->redacted && !r.answer.usage.known);
    buf_free(&padded);
    responses_rig_close(&r);
}

TEST(what_is_no_answer)
{
    static const char *const bodies[] = { "", "[]", "{}", "{\"output\":null}", "{\"object\":\"response\",\"output\":[],\"status\":\"failed\",\"error\":{\"code\":\"server_error\"}}",
        "{\"error\":{\"message\":\"m\"},\"output\":[]}", "{\"output\":[{\"type\":\"function_call\",\"arguments\":\"{}\"}]}", "<html>" };
    responses_rig_open(&r);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++)
        CHECK_INT(responses_rig_read_answer(&r, span_of(bodies[i])), E_UPSTREAM_BROKEN);
    responses_rig_close(&r);
}

TEST(endings)
{
    static const struct {
        const char *body;
        enum ending ending;
    } cases[] = {
        { "{\"status\":\"completed\",\"output\":[]}", ENDING_TURN },
        { "{\"output\":[{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"n\",\"arguments\":\"{}\"}]}", ENDING_TOOLS },
        { "{\"output\":[{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"n\",\"arguments\":\"{\"}]}", ENDING_MALFORMED },
        { "{\"output\":[{\"type\":\"message\",\"content\":[{\"type\":\"refusal\",\"refusal\":\"no\"}]}]}", ENDING_REFUSAL },
        { "{\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":\"content_filter\"},\"output\":[]}", ENDING_FILTER },
        { "{\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":\"max_output_tokens\"},\"output\":[]}", ENDING_LENGTH },
    };
    responses_rig_open(&r);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        CHECK_INT(responses_rig_read_answer(&r, span_of(cases[i].body)), E_OK);
        CHECK_INT(r.answer.choices->ending, cases[i].ending);
    }
    responses_rig_close(&r);
}

/* --- streams --- */

TEST(a_refusal_without_words_is_no_answer)
{
    struct part refusal = { .kind = PART_REFUSAL };
    struct choice choice = { .ending = ENDING_REFUSAL };
    struct answer answer = { .choices = &choice };
    CHECK_SPAN(responses_status(&answer), SPAN("incomplete"));
    choice.parts = &refusal;
    CHECK_SPAN(responses_status(&answer), SPAN("completed"));
}

TEST(a_stream_is_understood)
{
    responses_rig_open(&r);
    struct span stream = responses_rig_file(&r, "stream_tools.sse");
    responses_rig_stream(&r, stream, stream.len);
    CHECK(r.reader.ended && !r.reader.failed && !r.reader.broken && r.gather.ended);
    const struct answer *a = &r.gather.answer;
    CHECK(a->choices->ending == ENDING_TOOLS && a->usage.known && a->usage.input_total == 100 && a->created == 1763900000);
    CHECK(a->usage.tokens[METER_CACHE_READ] == 40 && a->usage.tokens[METER_CACHE_WRITE] == 10 && a->usage.tokens[METER_REASON] == 30 && a->usage.tokens[METER_OUT] == 40);
    CHECK(a->usage.fees[FEE_WEB_SEARCH] == 0); /* the vendor's own output at the end counts, and that is empty here */
    CHECK_SPAN(a->tier, SPAN("flex"));
    const struct part *p = a->choices->parts;
    CHECK_SPAN(p->text, SPAN("\"**Plan**\\n\\nDo \\\"it\\\".\""));
    CHECK_SPAN(p->signature, SPAN("\"gAAAAB\""));
    CHECK_SPAN(p->next->text, SPAN("\"Hello w\\u00f6rld \\ud83d\\ude00\""));
    CHECK(p->next->citations && p->next->citations->to == 5 && p->next->logprobs.len > 10);
    p = p->next->next;
    CHECK(p->kind == PART_SERVER_TOOL && p->next->kind == PART_TOOL_CALL);
    CHECK_SPAN(p->next->arguments, SPAN("{\"at\":\"a\\nb\"}"));
    CHECK_SPAN(p->next->next->arguments, SPAN("{\"input\":\"line \\\"1\\\"\\nline 2\"}"));
    CHECK(!p->next->next->next);
    responses_rig_golden(&r, "stream_tools.out.sse", buf_span(&r.out));
    check_order(__LINE__, buf_span(&r.out));
    responses_rig_close(&r);
}

TEST(a_custom_tool_is_told_as_one)
{
    responses_rig_open(&r);
    CHECK_INT(responses_rig_read(&r, responses_rig_file(&r, "call_full.json")), E_OK);
    r.asked = true;
    struct span stream = responses_rig_file(&r, "stream_tools.sse");
    responses_rig_stream(&r, stream, stream.len);
    check_order(__LINE__, buf_span(&r.out));
    CHECK(span_find(buf_span(&r.out), SPAN("\"type\":\"response.custom_tool_call_input.done\"")) > 0);
    CHECK(span_find(buf_span(&r.out), SPAN("\"input\":\"line \\\"1\\\"\\nline 2\"")) > 0);
    responses_rig_golden(&r, "stream_asked.out.sse", buf_span(&r.out));
    responses_rig_close(&r);
}

/* However it is cut, the same comes of it; and one that is cut off anywhere is not taken for whole. */
TEST(a_stream_in_pieces)
{
    responses_rig_open(&r);
    struct span stream = responses_rig_file(&r, "stream_tools.sse"), copy;
    struct buf kept, want;
    buf_init(&kept, 1 << 20);
    buf_init(&want, 1 << 20);
    buf_put(&kept, stream);
    copy = buf_span(&kept);
    responses_rig_stream(&r, copy, copy.len);
    buf_put(&want, buf_span(&r.out));
    for (size_t step = 1; step < 60; step += 7) {
        restart();
        responses_rig_stream(&r, copy, step);
        CHECK_SPAN(buf_span(&r.out), buf_span(&want));
    }
    size_t end = copy.len;
    while (copy.at[end - 1] == '\n')
        end--;
    for (size_t len = 0; len <= end; len++) {
        restart();
        responses_rig_stream(&r, span_first(copy, len), 4096);
        CHECK(!r.reader.ended && !r.gather.ended && !r.reader.broken);
        CHECK(r.out.len <= want.len && memcmp(r.out.at ? r.out.at : "", want.at, r.out.len) == 0);
    }
    buf_free(&kept);
    buf_free(&want);
    responses_rig_close(&r);
}

static const char *stream_of(const char *events)
{
    restart();
    struct buf text;
    struct span rest = span_of(events), line;
    buf_init(&text, 1 << 20);
    while (span_next(&rest, '\n', &line)) {
        buf_put(&text, SPAN("data: "));
        buf_put(&text, line);
        buf_put(&text, SPAN("\n\n"));
    }
    responses_rig_stream(&r, buf_span(&text), text.len);
    buf_free(&text);
    return r.reader.broken;
}

TEST(streams_that_leave_things_out)
{
    responses_rig_open(&r);
    /* no pieces, no announcements: all stands in what is told whole */
    CHECK(!stream_of("{\"type\":\"response.output_item.done\",\"item\":{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"a\"},{\"type\":\"output_text\",\"text\":\"b\"}]}}\n"
                     "{\"type\":\"response.output_item.done\",\"item\":{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"n\",\"arguments\":\"{\\\"x\\\":1}\"}}\n"
                     "{\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"status\":\"completed\"}}"));
    const struct part *p = r.gather.answer.choices->parts;
    CHECK_SPAN(p->text, SPAN("\"a\""));
    CHECK_SPAN(p->next->text, SPAN("\"b\""));
    CHECK_SPAN(p->next->next->arguments, SPAN("{\"x\":1}"));
    CHECK(r.reader.ended && r.gather.answer.choices->ending == ENDING_TOOLS && !r.gather.answer.usage.known);
    check_order(__LINE__, buf_span(&r.out));
    /* nothing but the end */
    CHECK(!stream_of("{\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"output\":[{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"all\"}]}]}}"));
    CHECK_SPAN(r.gather.answer.choices->parts->text, SPAN("\"all\""));
    check_order(__LINE__, buf_span(&r.out));
    /* pieces without announcement, the whole text behind them; and thoughts told in full */
    CHECK(!stream_of("{\"type\":\"response.created\",\"response\":{\"id\":\"r\"}}\n{\"type\":\"response.reasoning_text.delta\",\"delta\":\"t\"}\n"
                     "{\"type\":\"response.reasoning_summary_text.delta\",\"summary_index\":0,\"delta\":\"not again\"}\n"
                     "{\"type\":\"response.output_text.delta\",\"delta\":\"x\"}\n{\"type\":\"response.output_text.done\",\"text\":\"x\"}\n"
                     "{\"type\":\"response.new_thing\",\"delta\":\"?\"}\n"
                     "{\"type\":\"response.output_item.done\",\"item\":{\"type\":\"message\",\"content\":[{\"type\":\"output_text\",\"text\":\"x\"}]}}\n"
                     "{\"type\":\"response.incomplete\",\"response\":{\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":\"max_output_tokens\"},"
                     "\"usage\":{\"input_tokens\":1,\"output_tokens\":2}}}"));
    p = r.gather.answer.choices->parts;
    CHECK_SPAN(p->text, SPAN("\"t\""));
    CHECK_SPAN(p->next->text, SPAN("\"x\""));
    CHECK(!p->next->next && r.gather.answer.choices->ending == ENDING_LENGTH && r.gather.answer.usage.output_total == 2);
    check_order(__LINE__, buf_span(&r.out));
    CHECK(span_find(buf_span(&r.out), SPAN("event: response.incomplete\n")) > 0);
    responses_rig_close(&r);
}

TEST(streams_that_fail)
{
    responses_rig_open(&r);
    CHECK(!stream_of("{\"type\":\"response.created\",\"response\":{\"id\":\"r\"}}\n{\"type\":\"response.output_text.delta\",\"delta\":\"x\"}\n"
                     "{\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":{\"code\":\"rate_limit_exceeded\",\"message\":\"slow down\"},"
                     "\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n{\"type\":\"response.completed\",\"response\":{}}"));
    CHECK(r.reader.failed && !r.reader.ended && r.gather.failed && r.fault.kind == FAULT_RATE && r.fault.status == 429 && r.gather.answer.usage.input_total == 3);
    CHECK_SPAN(r.fault.message, SPAN("\"slow down\""));
    check_order(__LINE__, buf_span(&r.out));
    CHECK(!stream_of("{\"type\":\"error\",\"code\":null,\"message\":\"Your input exceeds the context window of this model\",\"param\":\"input\"}"));
    CHECK(r.fault.kind == FAULT_CONTEXT || r.fault.kind == FAULT_SERVER);
    check_order(__LINE__, buf_span(&r.out));
    CHECK(!stream_of("{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"code\":\"context_length_exceeded\",\"message\":\"too long\"}}"));
    CHECK(r.fault.kind == FAULT_CONTEXT);
    CHECK(stream_of("{\"type\":\"response.function_call_arguments.delta\",\"delta\":\"{}\"}") != NULL);
    CHECK(stream_of("{\"type\":\"response.output_item.added\",\"item\":{\"type\":\"function_call\"}}") != NULL);
    CHECK(stream_of("nonsense") != NULL);
    responses_rig_close(&r);
}

/* --- random answers --- */

static uint64_t seed;

static uint64_t dice(uint64_t sides)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (seed >> 33) % sides;
}

static struct span some_text(void)
{
    static const char *const texts[] = { "\"\"", "\"a\"", "\"two words\"", "\"\\\"quoted\\\" \\\\ \\n\"", "\"\\ud83d\\ude00\"", "\"\xc3\xa9\"", "\"data: x\\n\\n\"" };
    return span_of(texts[dice(7)]);
}

static void random_part(struct choice *c, size_t i)
{
    static const enum part_kind kinds[] = { PART_TEXT, PART_TEXT, PART_THINKING, PART_TOOL_CALL, PART_REFUSAL, PART_SERVER_TOOL };
    struct part *p = part_add(&c->parts, kinds[dice(6)], &r.arena);
    p->text = p->kind == PART_TOOL_CALL || p->kind == PART_SERVER_TOOL ? SPAN_NONE : some_text();
    if (p->kind == PART_THINKING) {
        p->text = dice(2) ? SPAN("\"hm\"") : some_text();
        p->signature = dice(2) ? SPAN("\"sig\"") : SPAN_NONE;
        if (p->text.len == 2)
            p->signature = SPAN("\"hidden\"");
        p->redacted = p->text.len == 2;
    }
    if (p->kind == PART_TEXT && dice(3) == 0) {
        p->citations = ARENA_NEW(&r.arena, struct citation);
        *p->citations = (struct citation){ .url = SPAN("\"https://u\""), .title = SPAN("\"t\""), .from = 1, .to = 2 };
    }
    if (p->kind == PART_TEXT && p->text.len > 2 && dice(3) == 0)
        p->logprobs = SPAN("[{\"token\":\"a\",\"logprob\":-1}]");
    if (p->kind == PART_SERVER_TOOL)
        p->raw = arena_print(&r.arena, "{\"type\":\"web_search_call\",\"id\":\"ws_%zu\",\"status\":\"completed\"}", i);
    if (p->kind != PART_TOOL_CALL)
        return;
    static const char *const arguments[] = { "{}", "{\"a\":1}", "{\"a\":\"x\\\"y\\u00e9\"}", "{ \"b\" : [1, 2] }" };
    p->id = made_up_id("call_", seed, i, &r.arena);
    p->name = SPAN("\"f\"");
    p->arguments = span_of(arguments[dice(4)]);
    p->signature = dice(3) == 0 ? SPAN("\"tg.gemini.s\"") : SPAN_NONE;
}

static void random_answer(struct answer *a)
{
    static const enum ending endings[] = { ENDING_TURN, ENDING_LENGTH, ENDING_FILTER, ENDING_TOOLS };
    answer_begin(a);
    a->model = SPAN("\"m\"");
    a->created = 1763900000;
    a->usage.known = dice(2);
    a->usage.input_total = a->usage.tokens[METER_IN] = (int64_t)dice(1000);
    a->usage.output_total = a->usage.tokens[METER_OUT] = (int64_t)dice(1000);
    struct choice *c = answer_choice(a, 0, &r.arena);
    c->ending = endings[dice(4)];
    for (size_t i = 0, n = dice(6); i < n; i++)
        random_part(c, i);
}

/* The whole response is the same, whether it is told at once, or at the end of a stream, or read and told again. */
TEST(any_answer_is_the_same_in_every_way)
{
    responses_rig_open(&r);
    for (uint64_t round = 0; round < 2000; round++) {
        seed = round;
        restart();
        struct answer a;
        random_answer(&a);
        struct span whole = arena_copy(&r.arena, responses_rig_write_answer(&r, &a));
        struct span stream = arena_copy(&r.arena, responses_rig_events(&r, &a));
        check_order(__LINE__, stream);
        CHECK(span_find(stream, whole) > 0);
        CHECK_INT(responses_rig_read_answer(&r, whole), E_OK);
        struct span again = arena_copy(&r.arena, responses_rig_write_answer(&r, &r.answer));
        CHECK_SPAN(again, whole);
        responses_rig_stream(&r, stream, 4096);
        CHECK(r.reader.ended && !r.reader.broken);
        CHECK_SPAN(arena_copy(&r.arena, responses_rig_write_answer(&r, &r.gather.answer)), whole);
    }
    responses_rig_close(&r);
}

/* --- broken ones --- */

static bool every(void *self, struct span name, enum json_kind kind, struct span raw)
{
    (void)self, (void)name, (void)kind, (void)raw;
    return true;
}

static void damage(struct buf *text)
{
    static const char bytes[] = "{}[]\",:\\0atn ";
    for (uint64_t i = 0, n = 1 + dice(3); i < n; i++)
        text->at[dice(text->len)] = bytes[dice(sizeof(bytes) - 1)];
}

/* Whatever comes, what is said of it is JSON, and nothing is read that is not there (ASan looks on). */
TEST(damaged_texts_do_no_harm)
{
    responses_rig_open(&r);
    struct buf text, files[3];
    static const char *const names[] = { "call_full.json", "answer_parts.json", "stream_tools.sse" };
    buf_init(&text, 1 << 20);
    for (size_t i = 0; i < 3; i++) {
        buf_init(&files[i], 1 << 20);
        buf_put(&files[i], responses_rig_file(&r, names[i]));
    }
    size_t taken = 0;
    for (uint64_t round = 0; round < 3000; round++) {
        const char *why;
        seed = round;
        restart();
        buf_clear(&text);
        buf_put(&text, buf_span(&files[round % 3]));
        damage(&text);
        struct span said = SPAN("{}");
        r.quirks = (struct quirks){ 0 };
        if (round % 3 == 0 && responses_rig_read(&r, buf_span(&text)) == E_OK) {
            buf_clear(&r.out);
            r.notes = (struct notes){ .arena = &r.arena };
            responses_write_call(&r.call, NULL, &r.notes, &r.arena, &r.out);
            said = buf_span(&r.out);
        } else if (round % 3 == 1 && responses_rig_read_answer(&r, buf_span(&text)) == E_OK) {
            said = responses_rig_write_answer(&r, &r.answer);
        } else if (round % 3 == 2) {
            responses_rig_stream(&r, buf_span(&text), 4096);
            CHECK(!(r.reader.ended && r.reader.failed));
        }
        taken += said.len > 2;
        CHECK_INT(json_scan(r.json, said, false, every, NULL, &why), E_OK);
    }
    CHECK(taken > 200); /* many are still well-formed */
    for (size_t i = 0; i < 3; i++)
        buf_free(&files[i]);
    buf_free(&text);
    responses_rig_close(&r);
}

/* --- errors --- */

TEST(faults_are_read)
{
    static const struct {
        int status;
        const char *body;
        enum fault_kind kind;
        const char *message, *code;
    } cases[] = {
        { 400, "{\"error\":{\"message\":\"bad\",\"type\":\"invalid_request_error\",\"param\":\"input\",\"code\":null}}", FAULT_REQUEST, "\"bad\"", "\"invalid_request_error\"" },
        { 400, "{\"error\":{\"message\":\"long\",\"type\":\"invalid_request_error\",\"code\":\"context_length_exceeded\"}}", FAULT_CONTEXT, "\"long\"", "\"context_length_exceeded\"" },
        { 401, "{\"error\":{\"message\":\"key\",\"code\":\"invalid_api_key\"}}", FAULT_KEY, "\"key\"", "\"invalid_api_key\"" },
        { 429, "{\"error\":{\"message\":\"q\",\"type\":\"insufficient_quota\",\"code\":\"insufficient_quota\"}}", FAULT_BALANCE, "\"q\"", "\"insufficient_quota\"" },
        { 429, "{\"error\":{\"message\":\"r\",\"code\":\"rate_limit_exceeded\"}}", FAULT_RATE, "\"r\"", "\"rate_limit_exceeded\"" },
        { 404, "{\"error\":{\"message\":\"m\",\"code\":\"model_not_found\"}}", FAULT_NOT_FOUND, "\"m\"", "\"model_not_found\"" },
        { 503, "{\"message\":\"later\"}", FAULT_OVERLOAD, "\"later\"", NULL },
        { 500, "{\"error\":\"boom\"}", FAULT_SERVER, "\"boom\"", NULL },
        { 200, "{\"status\":\"failed\",\"error\":{\"code\":\"server_error\",\"message\":\"oh\"}}", FAULT_SERVER, "\"oh\"", "\"server_error\"" },
        { 502, "<html><body>Bad gateway</body></html>", FAULT_SERVER, "\"the vendor answered with an error that says nothing\"", NULL },
        { 502, "upstream \"gone\"", FAULT_SERVER, "\"upstream \\\"gone\\\"\"", NULL },
        { 418, "", FAULT_REQUEST, "\"the vendor answered with an error that says nothing\"", NULL },
    };
    responses_rig_open(&r);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct buf body;
        struct fault f;
        buf_init(&body, 1 << 16);
        buf_put(&body, span_of(cases[i].body));
        buf_reserve(&body, 1);
        responses_read_fault(r.json, cases[i].status, buf_span(&body), &r.arena, &f);
        CHECK_INT(f.kind, cases[i].kind);
        CHECK_SPAN(f.message, span_of(cases[i].message));
        CHECK(cases[i].code ? span_is(f.code, span_of(cases[i].code)) : !f.code.at);
        CHECK(f.status >= 400);
        buf_free(&body);
    }
    responses_rig_close(&r);
}

TEST(faults_are_written)
{
    struct buf out;
    buf_init(&out, 1 << 16);
    struct fault f = { .kind = FAULT_OVERLOAD, .status = 529, .message = SPAN("\"Overloaded\"") };
    CHECK_INT(responses_write_fault(&out, &f, SPAN("01k"), SPAN("{\"rule\":\"x\"}")), 503);
    CHECK_SPAN(buf_span(&out), SPAN("{\"error\":{\"message\":\"Overloaded\",\"type\":\"service_unavailable_error\",\"param\":null,\"code\":\"server_is_overloaded\","
        "\"tollgate\":{\"rule\":\"x\"}},\"request_id\":\"01k\"}"));
    buf_clear(&out);
    f = (struct fault){ .kind = FAULT_CONTEXT, .status = 400, .message = SPAN("\"m\""), .code = SPAN("\"c\""), .param = SPAN("\"p\"") };
    CHECK_INT(responses_write_fault(&out, &f, SPAN_NONE, SPAN_NONE), 400);
    CHECK_SPAN(buf_span(&out), SPAN("{\"error\":{\"message\":\"m\",\"type\":\"invalid_request_error\",\"param\":\"p\",\"code\":\"c\"}}"));
    buf_free(&out);
}
