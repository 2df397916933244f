/* SPDX-License-Identifier: Apache-2.0
 * chat_stream_test.c - streamed chat completions: OpenAI's own, those of its imitators, and what is written of them. */
#include "chat_rig.h"
#include "test/test.h"

static struct chat_rig r;

#define DATA(json) "data: " json "\n\n"
#define DONE "data: [DONE]\n\n"
#define DELTA(delta) DATA("{\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":" delta ",\"finish_reason\":null}]}")
#define OVER(reason) DATA("{\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" reason "\"}]}")
#define START "start \"c\" \"m\"\n"

static void check_trace(int line, const char *stream, const char *owner, const char *want)
{
    chat_rig_clear(&r);
    chat_rig_stream(&r, span_of(stream), span_of(owner), true);
    if (!span_is(buf_span(&r.trace), span_of(want)))
        test_fail(__FILE__, line, "got\n%.*swant\n%s%s", SPAN_ARG(buf_span(&r.trace)), want, r.reader.broken ? r.reader.broken : "");
}
#define TRACE(stream, want) check_trace(__LINE__, stream, NULL, want)
#define OWNED(stream, want) check_trace(__LINE__, stream, "openai_chat", want)

/* What OpenAI streams comes out byte for byte, once it was understood. */
TEST(golden_streams)
{
    static const char *const names[] = { "stream_text.txt", "stream_tools.txt", "stream_choices.txt" };
    chat_rig_open(&r);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        chat_rig_clear(&r);
        struct span text = chat_rig_golden(&r, names[i]);
        chat_rig_stream(&r, text, SPAN_NONE, true);
        CHECK_SPAN(buf_span(&r.out), text);
        CHECK(r.reader.ended && !r.reader.failed && !r.reader.broken);
    }
    chat_rig_close(&r);
}

TEST(events_of_a_stream)
{
    chat_rig_open(&r);
    chat_rig_stream(&r, chat_rig_golden(&r, "stream_tools.txt"), SPAN_NONE, true);
    CHECK_SPAN(buf_span(&r.trace), SPAN("start \"chatcmpl-123\" \"gpt-5.4-mini\"\npart 0.0 tool_call id \"call_1\" name \"get_weather\"\ndelta 0.0 arguments \"{\\\"ci\"\n"
        "delta 0.0 arguments \"ty\\\":\\\"Paris\\\"}\"\npart_end 0.0\npart 0.1 tool_call id \"call_2\" name \"now\"\ndelta 0.1 arguments \"{}\"\npart_end 0.1\n"
        "choice_end 0 4\nusage 19 10\nend\n"));
    chat_rig_close(&r);
}

/* Usage that nobody asked for is neither shown nor said to be null. */
TEST(usage_only_for_those_who_asked)
{
    chat_rig_open(&r);
    chat_rig_stream(&r, chat_rig_golden(&r, "stream_text.txt"), SPAN_NONE, false);
    CHECK(span_find(buf_span(&r.out), SPAN("usage")) < 0);
    CHECK(span_ends(buf_span(&r.out), SPAN("\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\n" DONE)));
    chat_rig_close(&r);
}

/* Nowhere does a cut stream look like one that ended. */
TEST(cut_at_every_byte)
{
    static const char *const names[] = { "stream_text.txt", "stream_tools.txt", "stream_choices.txt" };
    chat_rig_open(&r);
    for (size_t i = 0; i < 3; i++) {
        struct span whole = chat_rig_golden(&r, names[i]);
        for (size_t len = 0; len + 1 < whole.len; len++) {
            struct arena_mark mark = arena_mark(&r.arena);
            chat_rig_stream(&r, span_first(whole, len), SPAN_NONE, true);
            CHECK(!r.reader.ended && !r.reader.failed && !r.reader.broken);
            CHECK(span_find(buf_span(&r.out), SPAN("[DONE]")) < 0 && span_find(buf_span(&r.trace), SPAN("\nend\n")) < 0);
            arena_rewind(&r.arena, mark);
        }
    }
    chat_rig_close(&r);
}

TEST(streams_of_imitators)
{
    chat_rig_open(&r);
    /* No role; content null; the finish reason with the last of it; usage on each chunk. */
    TRACE(DATA("{\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":null}}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":0}}")
          DATA("{\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"length\"}],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":1}}") DONE,
        START "usage 5 0\npart 0.0 text\ndelta 0.0 text \"a\"\npart_end 0.0\nchoice_end 0 3\nusage 5 1\nend\n");
    /* Azure's first chunk has no choices; Groq's usage stands in x_groq. */
    TRACE(DATA("{\"id\":\"\",\"model\":\"\",\"choices\":[],\"prompt_filter_results\":[]}") DELTA("{\"content\":\"a\"}")
          DATA("{\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"x_groq\":{\"id\":\"r\",\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2,\"total_tokens\":9}}}") DONE,
        START "part 0.0 text\ndelta 0.0 text \"a\"\npart_end 0.0\nchoice_end 0 1\nusage 7 2\nend\n");
    /* Without a finish reason; comments between. */
    TRACE(": OPENROUTER PROCESSING\n\n" DELTA("{\"content\":\"a\"}") DONE, START "part 0.0 text\ndelta 0.0 text \"a\"\npart_end 0.0\nchoice_end 0 1\nend\n");
    /* Content and a reason again behind the end of the choice. */
    TRACE(DELTA("{\"content\":\"a\"}") OVER("stop") DELTA("{\"content\":\"\"}") OVER("length") DONE, START "part 0.0 text\ndelta 0.0 text \"a\"\npart_end 0.0\nchoice_end 0 1\nend\n");
    TRACE(DONE, "start  \nend\n");
    TRACE(DELTA("{\"refusal\":\"no\"}") OVER("stop") DONE, START "part 0.0 refusal\ndelta 0.0 text \"no\"\npart_end 0.0\nchoice_end 0 6\nend\n");
    chat_rig_close(&r);
}

TEST(thoughts_in_streams)
{
    chat_rig_open(&r);
    TRACE(DELTA("{\"reasoning_content\":\"h\",\"content\":null}") DELTA("{\"reasoning_content\":\"m\"}") DELTA("{\"content\":\"a\",\"reasoning_content\":null}") OVER("stop") DONE,
        START "part 0.0 thinking\ndelta 0.0 text \"h\"\ndelta 0.0 text \"m\"\npart_end 0.0\npart 0.1 text\ndelta 0.1 text \"a\"\npart_end 0.1\nchoice_end 0 1\nend\n");
    /* Where nothing is signed, the thought is marked all the same, so that it can go back. */
    OWNED(DELTA("{\"reasoning\":\"h\"}") DELTA("{\"content\":\"a\"}") OVER("stop") DONE,
        START "part 0.0 thinking\ndelta 0.0 text \"h\"\ndelta 0.0 signature \"tg.openai_chat.\"\npart_end 0.0\npart 0.1 text\ndelta 0.1 text \"a\"\npart_end 0.1\nchoice_end 0 1\nend\n");
    /* OpenRouter says it twice, and the signature behind it. */
    OWNED(DELTA("{\"reasoning\":\"h\",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"h\",\"index\":0}]}")
          DELTA("{\"reasoning_details\":[{\"type\":\"reasoning.text\",\"signature\":\"s\",\"index\":0}]}") DELTA("{\"content\":\"a\"}") OVER("stop") DONE,
        START "part 0.0 thinking\ndelta 0.0 text \"h\"\ndelta 0.0 signature \"tg.openai_chat.s\"\npart_end 0.0\npart 0.1 text\ndelta 0.1 text \"a\"\npart_end 0.1\nchoice_end 0 1\nend\n");
    OWNED(DELTA("{\"reasoning_details\":[{\"type\":\"reasoning.encrypted\",\"data\":\"d\"}]}") DELTA("{\"content\":\"a\"}") OVER("stop") DONE,
        START "part 0.0 thinking signature \"tg.openai_chat.d\" redacted\npart_end 0.0\npart 0.1 text\ndelta 0.1 text \"a\"\npart_end 0.1\nchoice_end 0 1\nend\n");
    TRACE(DELTA("{\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":\"t\"}]},{\"type\":\"text\",\"text\":\"a\"}]}") OVER("stop") DONE,
        START "part 0.0 thinking\ndelta 0.0 text \"t\"\npart_end 0.0\npart 0.1 text\ndelta 0.1 text \"a\"\npart_end 0.1\nchoice_end 0 1\nend\n");
    chat_rig_close(&r);
}

/* The signature comes out with the whole thought, in one piece that can be sent back. */
TEST(signatures_are_told_with_their_thought)
{
    chat_rig_open(&r);
    chat_rig_stream(&r, SPAN(DELTA("{\"reasoning\":\"h\\n\"}") DELTA("{\"reasoning\":\"m\",\"reasoning_details\":[{\"type\":\"reasoning.text\",\"signature\":\"s\"}]}") DELTA("{\"content\":\"a\"}") DONE),
        SPAN("gemini"), false);
    CHECK(span_find(buf_span(&r.out), SPAN("\"delta\":{\"reasoning_content\":\"h\\n\"}")) > 0);
    CHECK(span_find(buf_span(&r.out), SPAN("\"delta\":{\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":\"h\\nm\",\"signature\":\"tg.gemini.s\",\"index\":0}]}")) > 0);
    chat_rig_close(&r);
}

#define CALL(index, id, name, arguments) "{\"tool_calls\":[{\"index\":" index ",\"id\":" id ",\"function\":{\"name\":" name ",\"arguments\":" arguments "}}]}"

TEST(tool_calls_of_imitators)
{
    chat_rig_open(&r);
    /* Whole calls, all numbered 0, told apart by their ids; a reason that does not fit. */
    TRACE(DELTA(CALL("0", "\"a\"", "\"f\"", "\"{}\"")) DELTA(CALL("0", "\"b\"", "\"f\"", "\"{\\\"x\\\":1}\"")) OVER("stop") DONE,
        START "part 0.0 tool_call id \"a\" name \"f\"\ndelta 0.0 arguments \"{}\"\npart_end 0.0\npart 0.1 tool_call id \"b\" name \"f\"\ndelta 0.1 arguments \"{\\\"x\\\":1}\"\npart_end 0.1\nchoice_end 0 4\nend\n");
    /* Id and name on each piece, or empty and null on later ones. */
    TRACE(DELTA(CALL("0", "\"a\"", "\"f\"", "\"{\"")) DELTA(CALL("0", "\"a\"", "\"f\"", "\"}\"")) DELTA(CALL("1", "\"b\"", "\"g\"", "\"\"")) DELTA(CALL("1", "\"\"", "null", "\"{}\"")) OVER("tool_calls") DONE,
        START "part 0.0 tool_call id \"a\" name \"f\"\ndelta 0.0 arguments \"{\"\ndelta 0.0 arguments \"}\"\npart_end 0.0\npart 0.1 tool_call id \"b\" name \"g\"\ndelta 0.1 arguments \"{}\"\npart_end 0.1\nchoice_end 0 4\nend\n");
    /* Two in one chunk, without numbers; an object for arguments; text before. */
    TRACE(DELTA("{\"content\":\"a\",\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":{\"x\":1}}},{\"id\":\"b\",\"function\":{\"name\":\"g\"}}]}") OVER("tool_calls") DONE,
        START "part 0.0 text\ndelta 0.0 text \"a\"\npart_end 0.0\npart 0.1 tool_call id \"a\" name \"f\"\ndelta 0.1 arguments \"{\\\"x\\\":1}\"\npart_end 0.1\npart 0.2 tool_call id \"b\" name \"g\"\npart_end 0.2\nchoice_end 0 4\nend\n");
    /* What was said without arguments is called with none. */
    CHECK(span_find(buf_span(&r.out), SPAN("{\"tool_calls\":[{\"index\":1,\"function\":{\"arguments\":\"{}\"}}]}")) > 0);
    /* No id at all; the old way. */
    TRACE(DELTA("{\"function_call\":{\"name\":\"f\",\"arguments\":\"{\"}}") DELTA("{\"function_call\":{\"arguments\":\"}\"}}") OVER("function_call") DONE,
        START "part 0.0 tool_call id \"call_VMnFuqI6k5E4OGAe3xUgHSh7\" name \"f\"\ndelta 0.0 arguments \"{\"\ndelta 0.0 arguments \"}\"\npart_end 0.0\nchoice_end 0 4\nend\n");
    OWNED(DELTA("{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"},\"extra_content\":{\"google\":{\"thought_signature\":\"s\"}}}]}") DONE,
        START "part 0.0 tool_call id \"a\" name \"f\" signature \"tg.openai_chat.s\"\ndelta 0.0 arguments \"{}\"\npart_end 0.0\nchoice_end 0 4\nend\n");
    chat_rig_close(&r);
}

TEST(sounds_pictures_and_sources)
{
    chat_rig_open(&r);
    TRACE(DELTA("{\"audio\":{\"id\":\"au\",\"transcript\":\"hi\"}}") DELTA("{\"audio\":{\"data\":\"UklG\"}}") OVER("stop") DONE,
        START "part 0.0 audio id \"au\"\ndelta 0.0 text \"hi\"\ndelta 0.0 data \"UklG\"\npart_end 0.0\nchoice_end 0 1\nend\n");
    TRACE(DELTA("{\"images\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AA==\"}}]}") OVER("stop") DONE,
        START "part 0.0 image type image/png\ndelta 0.0 data \"AA==\"\npart_end 0.0\nchoice_end 0 1\nend\n");
    CHECK(span_find(buf_span(&r.out), SPAN("{\"images\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AA==\"}}]}")) > 0);
    TRACE(DELTA("{\"content\":\"abc\"}") DELTA("{\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":{\"url\":\"u\",\"title\":\"t\",\"start_index\":1,\"end_index\":2}}]}") OVER("stop") DONE,
        START "part 0.0 text\ndelta 0.0 text \"abc\"\ndelta 0.0 citation \"u\"\npart_end 0.0\nchoice_end 0 1\nend\n");
    CHECK(span_find(buf_span(&r.out), SPAN("{\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":{\"start_index\":1,\"end_index\":2,\"url\":\"u\",\"title\":\"t\"}}]}")) > 0);
    TRACE(DATA("{\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"logprobs\":{\"content\":[{\"token\":\"a\"}],\"refusal\":null}}]}") OVER("stop") DONE,
        START "part 0.0 text\ndelta 0.0 text \"a\"\ndelta 0.0 logprobs [{\"token\":\"a\"}]\npart_end 0.0\nchoice_end 0 1\nend\n");
    CHECK(span_find(buf_span(&r.out), SPAN("\"delta\":{},\"logprobs\":{\"content\":[{\"token\":\"a\"}],\"refusal\":null},\"finish_reason\":null}")) > 0);
    chat_rig_close(&r);
}

TEST(errors_in_mid_stream)
{
    chat_rig_open(&r);
    TRACE(DELTA("{\"content\":\"a\"}") DATA("{\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\",\"code\":503}}") DELTA("{\"content\":\"b\"}") DONE,
        START "part 0.0 text\ndelta 0.0 text \"a\"\nerror 9 503 \"overloaded\"\n");
    CHECK(r.reader.failed && !r.reader.ended);
    CHECK(span_ends(buf_span(&r.out), SPAN("data: {\"error\":{\"message\":\"overloaded\",\"type\":\"server_error\",\"param\":null,\"code\":\"server_error\"}}\n\n")));
    TRACE(DATA("{\"id\":\"c\",\"model\":\"m\",\"error\":{\"code\":502,\"message\":\"gone\"},\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"}]}") DONE, "error 10 502 \"gone\"\n");
    TRACE(DELTA("{\"content\":\"a\"}") OVER("insufficient_system_resource") DONE,
        START "part 0.0 text\ndelta 0.0 text \"a\"\nerror 10 502 \"{\\\"id\\\":\\\"c\\\",\\\"model\\\":\\\"m\\\",\\\"choices\\\":[{\\\"index\\\":0,\\\"delta\\\":{},\\\"finish_reason\\\":\\\"insufficient_system_resource\\\"}]}\"\n");
    TRACE("event: error\n" DATA("{\"message\":\"bad\"}"), "error 10 500 \"bad\"\n");
    chat_rig_close(&r);
}

TEST(what_cannot_be_understood)
{
    static const char *const wrong[] = { DATA("{\"choices\":[") , DATA("[1]"), DATA("hello"), DELTA(CALL("0", "\"a\"", "\"f\"", "\"{}\"")) DELTA("{\"tool_calls\":[{\"index\":1,\"function\":{\"arguments\":\"x\"}}]}") };
    chat_rig_open(&r);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        chat_rig_clear(&r);
        chat_rig_stream(&r, span_of(wrong[i]), SPAN_NONE, true);
        chat_rig_stream(&r, span_of(wrong[i]), SPAN_NONE, true);
        CHECK(r.reader.broken && !r.reader.ended);
    }
    chat_rig_close(&r);
}

/* A whole answer as events is, gathered again, the same answer. */
TEST(streams_gather_to_the_answer)
{
    chat_rig_open(&r);
    chat_rig_stream(&r, chat_rig_golden(&r, "stream_tools.txt"), SPAN_NONE, true);
    r.answer = r.gather.answer;
    struct span got = chat_rig_write_answer(&r);
    CHECK(span_find(got, SPAN("\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"arguments\":\"{\\\"city\\\":\\\"Paris\\\"}\"}},"
        "{\"id\":\"call_2\",\"type\":\"function\",\"function\":{\"name\":\"now\",\"arguments\":\"{}\"}}]")) > 0);
    CHECK(span_find(got, SPAN("\"finish_reason\":\"tool_calls\"")) > 0 && span_find(got, SPAN("\"prompt_tokens\":19,\"completion_tokens\":10")) > 0);
    chat_rig_close(&r);
}
