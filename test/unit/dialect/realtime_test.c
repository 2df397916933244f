/* SPDX-License-Identifier: Apache-2.0
 * realtime_test.c - events of realtime sessions: what they ask for, what they tell, what they cost. */
#include "dialect/openai_realtime.h"

#include "test/test.h"

/* What was read last, which spans point into. */
static struct json *reader;
static struct buf read_last;

static void keep(const char *text)
{
    json_free(reader);
    buf_free(&read_last);
    reader = text ? json_new() : NULL;
    buf_init(&read_last, 1 << 20);
    buf_put(&read_last, span_of(text ? text : ""));
    if (!text)
        buf_free(&read_last);
}

static struct realtime_said said(const char *text)
{
    struct realtime_said out;
    const char *why = "";
    keep(text);
    CHECK_INT(realtime_read_said(reader, buf_span(&read_last), &out, &why), E_OK);
    return out;
}

static enum err unread(const char *text)
{
    struct realtime_said out;
    struct buf b;
    const char *why = NULL;
    struct json *j = json_new();
    buf_init(&b, 1 << 20);
    buf_put(&b, span_of(text));
    enum err e = realtime_read_said(j, buf_span(&b), &out, &why);
    CHECK(e == E_OK || why);
    buf_free(&b);
    json_free(j);
    return e;
}

static struct realtime_told told(const char *text)
{
    struct realtime_told out;
    keep(text);
    CHECK(realtime_read_told(reader, buf_span(&read_last), &out));
    return out;
}

TEST(realtime_what_is_asked_for)
{
    CHECK(said("{\"type\":\"response.create\"}").starts);
    CHECK(!said("{\"type\":\"response.cancel\"}").starts);
    CHECK(said("{\"type\":\"response.create\",\"response\":{\"max_output_tokens\":4096}}").limits);
    CHECK(!said("{\"type\":\"response.create\",\"response\":{\"metadata\":{\"max_output_tokens\":1}}}").limits);
    CHECK_SPAN(said("{\"type\":\"response.create\",\"response\":{\"model\":\"other\"}}").model, SPAN("other"));
    struct realtime_said u = said("{\"event_id\":\"e1\",\"type\":\"session.update\",\"session\":{\"audio\":{\"input\":{\"transcription\":{\"model\":\"whisper-1\"}}}}}");
    CHECK(u.updates && !u.starts && !u.speaks);
    CHECK_SPAN(u.id, SPAN("e1"));
    CHECK_SPAN(u.transcriber, SPAN("whisper-1"));
    CHECK_SPAN(said("{\"type\":\"session.update\",\"session\":{\"input_audio_transcription\":{\"model\":\"w\"}}}").transcriber, SPAN("w"));
    CHECK(said("{\"type\":\"session.update\",\"session\":{\"turn_detection\":{\"idle_timeout_ms\":5000}}}").speaks);
    keep(NULL);
}

TEST(realtime_what_it_may_add_to_the_input)
{
    char text[4200];
    memset(text, 'A', sizeof(text));
    memcpy(text, "{\"type\":\"input_audio_buffer.append\",\"audio\":\"", 45);
    memcpy(text + 45 + 4000, "\"}", 3);
    struct realtime_said a = said(text);
    CHECK(a.speaks && !a.unbounded);
    CHECK_INT(a.tokens, 11);
    CHECK_INT(a.sound, 3003);
    const char *words = "{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"message\",\"content\":[{\"type\":\"input_text\",\"text\":\"hi\"}]}}";
    CHECK_INT(said(words).tokens, (long long)strlen(words));
    CHECK(!said(words).unbounded);
    CHECK(said("{\"type\":\"conversation.item.create\",\"item\":{\"content\":[{\"type\":\"\\u0069nput_image\"}]}}").unbounded);
    CHECK(said("{\"type\":\"session.update\",\"session\":{\"prompt\":{\"id\":\"p\"}}}").unbounded);
    CHECK(said("{\"type\":\"session.update\",\"session\":{\"tools\":[{\"type\":\"mcp\"}]}}").unbounded);
    CHECK(said("{\"type\":\"response.create\",\"response\":{\"input\":[{\"type\":\"item_reference\",\"id\":\"i\"}]}}").unbounded);
    keep(NULL);
}

TEST(realtime_what_can_be_read_in_two_ways_is_not_read)
{
    CHECK_INT(unread("{\"type\":\"response.cancel\",\"type\":\"response.create\"}"), E_NOT_CANONICAL);
    CHECK_INT(unread("{\"type\":\"response.create\",\"response\":{\"a\":1,\"a\":2}}"), E_NOT_CANONICAL);
    CHECK_INT(unread("{"), E_BAD_REQUEST);
    CHECK_INT(unread("[]"), E_BAD_REQUEST);
    CHECK_INT(unread("{\"event_id\":\"x\"}"), E_BAD_REQUEST);
    CHECK_INT(unread("{\"type\":\"response.create\"}"), E_OK);
}

TEST(realtime_a_response_and_its_meters)
{
    struct realtime_told t = told("{\"type\":\"response.done\",\"response\":{\"status\":\"completed\",\"usage\":{\"total_tokens\":1300,\"input_tokens\":1000,"
        "\"output_tokens\":300,\"input_token_details\":{\"cached_tokens\":128,\"text_tokens\":400,\"audio_tokens\":500,\"image_tokens\":100,"
        "\"cached_tokens_details\":{\"text_tokens\":64,\"audio_tokens\":60,\"image_tokens\":4}},\"output_token_details\":{\"text_tokens\":50,\"audio_tokens\":250}}}}");
    CHECK(t.news == REALTIME_DONE && t.usage.known && !t.failed);
    CHECK_INT(t.usage.tokens[METER_IN], 336);
    CHECK_INT(t.usage.tokens[METER_CACHE_READ], 64);
    CHECK_INT(t.usage.tokens[METER_AUDIO_IN], 440);
    CHECK_INT(t.usage.tokens[METER_AUDIO_CACHE_READ], 60);
    CHECK_INT(t.usage.tokens[METER_IMAGE_IN], 96);
    CHECK_INT(t.usage.tokens[METER_IMAGE_CACHE_READ], 4);
    CHECK_INT(t.usage.tokens[METER_OUT], 50);
    CHECK_INT(t.usage.tokens[METER_AUDIO_OUT], 250);
    CHECK_INT(t.usage.input_total, 1000);
    CHECK_INT(t.usage.output_total, 300);
    t = told("{\"type\":\"response.done\",\"response\":{\"status\":\"failed\",\"usage\":null}}");
    CHECK(t.failed && !t.usage.known);
    t = told("{\"type\":\"response.done\",\"response\":{\"usage\":{\"input_tokens\":10,\"output_tokens\":2,\"input_token_details\":{\"cached_tokens\":99}}}}");
    CHECK_INT(t.usage.tokens[METER_CACHE_READ], 10); /* never more than there was */
    CHECK_INT(t.usage.tokens[METER_IN], 0);
    CHECK_INT(t.usage.tokens[METER_OUT], 2);
    keep(NULL);
}

TEST(realtime_what_was_heard_is_charged_by_tokens_or_seconds)
{
    struct realtime_told t = told("{\"type\":\"conversation.item.input_audio_transcription.completed\",\"usage\":{\"type\":\"duration\",\"seconds\":2.2}}");
    CHECK(t.news == REALTIME_TRANSCRIBED && t.usage.known);
    CHECK_INT(t.usage.fees[FEE_AUDIO_SECOND], 3);
    t = told("{\"type\":\"conversation.item.input_audio_transcription.completed\",\"usage\":{\"type\":\"tokens\",\"input_tokens\":20,\"output_tokens\":5,"
        "\"input_token_details\":{\"audio_tokens\":18,\"text_tokens\":2}}}");
    CHECK_INT(t.usage.tokens[METER_AUDIO_IN], 18);
    CHECK_INT(t.usage.tokens[METER_IN], 2);
    CHECK_INT(t.usage.tokens[METER_OUT], 5);
    CHECK(!told("{\"type\":\"conversation.item.input_audio_transcription.completed\"}").usage.known);
    keep(NULL);
}

TEST(realtime_what_a_session_is_like_in_both_shapes)
{
    struct realtime_told t = told("{\"type\":\"session.created\",\"session\":{\"audio\":{\"input\":{\"turn_detection\":{\"type\":\"server_vad\"}}},\"max_output_tokens\":\"inf\"}}");
    CHECK(t.news == REALTIME_SESSION && t.listens && t.output_limit == -1);
    t = told("{\"type\":\"session.updated\",\"session\":{\"audio\":{\"input\":{\"turn_detection\":null,\"transcription\":{\"model\":\"w\"}}},\"max_output_tokens\":200}}");
    CHECK(t.news == REALTIME_UPDATED && !t.listens && t.output_limit == 200);
    CHECK(told("{\"type\":\"session.updated\",\"session\":{\"turn_detection\":{\"create_response\":false},\"max_response_output_tokens\":7}}").output_limit == 7);
    CHECK(!told("{\"type\":\"session.updated\",\"session\":{\"turn_detection\":{\"create_response\":false}}}").listens);
    CHECK(told("{\"type\":\"session.updated\",\"session\":{}}").listens); /* not said: it may */
    CHECK(told("{\"type\":\"error\",\"error\":{\"code\":\"conversation_already_has_active_response\"}}").news == REALTIME_BUSY);
    CHECK(told("{\"type\":\"error\",\"error\":{\"code\":\"other\"}}").news == REALTIME_OTHER);
    CHECK(told("{\"type\":\"response.created\"}").news == REALTIME_BEGAN);
    keep(NULL);
}

TEST(realtime_the_gates_own_error)
{
    struct buf b;
    buf_init(&b, 4096);
    realtime_write_error(&b, SPAN("budget_exceeded"), SPAN("no \"more\""), SPAN("e1"));
    CHECK_SPAN(buf_span(&b), SPAN("{\"type\":\"error\",\"event_id\":\"event_tollgate\",\"error\":{\"type\":\"insufficient_quota\",\"code\":\"budget_exceeded\","
        "\"message\":\"no \\\"more\\\"\",\"param\":null,\"event_id\":\"e1\"}}"));
    buf_free(&b);
}
