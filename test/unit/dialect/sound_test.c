/* SPDX-License-Identifier: Apache-2.0
 * sound_test.c - speech and transcriptions: characters, seconds and tokens of sound. */
#include "pieces_rig.h"

static struct rig r;

/* 16000 bytes a second: 8 kHz, 16 bits, one channel */
#define WAV_HEAD_8K "RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00" "data\x00\x00\x00\x00"
/* the same, claiming a thousand times the rate */
#define WAV_HEAD_LIE "RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x00\x24\xf4\x00\x02\x00\x10\x00" "data\x00\x00\x00\x00"

TEST(speech_is_bounded_by_its_text)
{
    dialect_rig_open(&r, "openai_speech");
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"tts-1\",\"input\":\"Gr\\u00fc\xc3\x9f \\ud83d\\ude00\",\"voice\":\"alloy\"}"), E_OK);
    CHECK_INT(r.ask.fees[FEE_CHARACTER], 6);
    CHECK_INT(r.ask.fees[FEE_SPOKEN_SECOND], 16);
    CHECK(!r.ask.stream && !r.ask.tier.at);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"gpt-4o-mini-tts\",\"input\":\"abcd\",\"voice\":\"alloy\",\"speed\":0.25,\"stream_format\":\"sse\"}"), E_OK);
    CHECK_INT(r.ask.fees[FEE_SPOKEN_SECOND], 56);
    CHECK(r.ask.stream);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"tts-1\",\"voice\":\"alloy\"}"), E_BAD_REQUEST);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"tts-1\",\"input\":\"x\",\"speed\":0}"), E_BAD_REQUEST);
    CHECK_INT(dialect_rig_ask(&r, "{\"input\":\"x\"}"), E_OK); /* it may stand in the path */
    CHECK(!r.ask.model.len);
    CHECK(r.dialect->passes(SPAN("audio/mpeg")) && r.dialect->passes(SPAN("application/octet-stream")));
    CHECK(!r.dialect->passes(SPAN("application/json")) && !r.dialect->passes(SPAN_NONE));
    dialect_rig_close(&r);
}

TEST(pitfall_30_speech_that_tells_nothing_costs_its_characters_or_its_seconds)
{
    dialect_rig_open(&r, "openai_speech");
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"tts-1\",\"input\":\"Hello there.\",\"voice\":\"alloy\"}"), E_OK);
    pieces_rig_measure(&r, "tts-1", NULL, 12345);
    CHECK(r.usage.known && !r.usage.estimated);
    CHECK_INT(pieces_rig_cost(&r, "tts-1"), 12 * 15000);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"gpt-4o-mini-tts\",\"input\":\"Hello there.\",\"voice\":\"alloy\",\"response_format\":\"pcm\"}"), E_OK);
    pieces_rig_measure(&r, "gpt-4o-mini-tts", NULL, 48000 * 3 + 1);
    CHECK(r.usage.known && r.usage.estimated);
    CHECK_INT(r.usage.fees[FEE_SPOKEN_SECOND], 4);
    CHECK_INT(pieces_rig_cost(&r, "gpt-4o-mini-tts"), 4 * 250000);
    pieces_rig_measure(&r, "gpt-4o-mini-tts", NULL, 48000 * 1000);
    CHECK_INT(r.usage.fees[FEE_SPOKEN_SECOND], r.ask.fees[FEE_SPOKEN_SECOND]);
    dialect_rig_close(&r);
}

TEST(pitfall_42_tokens_of_sound_have_the_price_of_sound)
{
    dialect_rig_open(&r, "openai_speech");
    dialect_rig_stream(&r, SPAN("data: {\"type\":\"speech.audio.delta\",\"audio\":\"AAAA\"}\n\n"
        "data: {\"type\":\"speech.audio.done\",\"usage\":{\"input_tokens\":14,\"output_tokens\":101,\"total_tokens\":115}}\n\n"), true);
    CHECK(r.meter.finished && r.meter.usage.known);
    CHECK_INT(r.meter.usage.tokens[METER_AUDIO_OUT], 101);
    r.usage = r.meter.usage;
    CHECK_INT(pieces_rig_cost(&r, "gpt-4o-mini-tts"), 14 * 600 + 101 * 12000);
    dialect_rig_close(&r);
    dialect_rig_open(&r, "openai_transcriptions");
    CHECK_INT(pieces_rig_upload(&r, SPAN("ID3"), 1000, FORM_FIELD("model", "gpt-4o-transcribe")), E_OK);
    pieces_rig_measure(&r, "gpt-4o-transcribe", "{\"text\":\"hi\",\"usage\":{\"type\":\"tokens\",\"input_tokens\":57,\"input_token_details\":{\"text_tokens\":10,\"audio_tokens\":47},"
        "\"output_tokens\":5,\"total_tokens\":62}}", 0);
    CHECK_INT(r.usage.tokens[METER_AUDIO_IN], 47);
    CHECK_INT(r.usage.tokens[METER_IN], 10);
    CHECK_INT(pieces_rig_cost(&r, "gpt-4o-transcribe"), 47 * 6000 + 10 * 2500 + 5 * 10000);
    dialect_rig_close(&r);
}

TEST(pitfall_43_cached_sound_is_cached_and_sound)
{
    dialect_rig_open(&r, "openai_transcriptions");
    CHECK_INT(pieces_rig_upload(&r, SPAN("ID3"), 1000, FORM_FIELD("model", "gpt-4o-transcribe")), E_OK);
    pieces_rig_measure(&r, "gpt-4o-transcribe", "{\"text\":\"hi\",\"usage\":{\"input_tokens\":120,\"input_token_details\":{\"text_tokens\":20,\"audio_tokens\":100,"
        "\"cached_tokens\":90,\"cached_tokens_details\":{\"text_tokens\":10,\"audio_tokens\":80}},\"output_tokens\":5,\"total_tokens\":125}}", 0);
    CHECK_INT(r.usage.tokens[METER_AUDIO_CACHE_READ], 80);
    CHECK_INT(r.usage.tokens[METER_CACHE_READ], 10);
    CHECK_INT(r.usage.tokens[METER_AUDIO_IN], 20);
    CHECK_INT(r.usage.tokens[METER_IN], 10);
    dialect_rig_close(&r);
}

TEST(a_sound_file_is_bounded_by_its_bytes_and_format)
{
    dialect_rig_open(&r, "openai_transcriptions");
    CHECK_INT(pieces_rig_upload(&r, SPAN("ID3"), 100000, FORM_FIELD("model", "whisper-1")), E_OK);
    CHECK_INT(r.ask.fees[FEE_AUDIO_SECOND], 100);
    CHECK(!r.ask.exact);
    CHECK_INT(pieces_rig_upload(&r, SPAN("OggS"), 7501, FORM_FIELD("model", "whisper-1")), E_OK);
    CHECK_INT(r.ask.fees[FEE_AUDIO_SECOND], 11);
    CHECK_INT(pieces_rig_upload(&r, SPAN("\0\0\0\x18" "ftypM4A "), 7500, FORM_FIELD("model", "whisper-1")), E_OK);
    CHECK_INT(r.ask.fees[FEE_AUDIO_SECOND], 10);
    CHECK_INT(pieces_rig_upload(&r, SPAN("fLaC"), 7500, FORM_FIELD("model", "whisper-1")), E_OK);
    CHECK_INT(r.ask.fees[FEE_AUDIO_SECOND], 30);
    CHECK_INT(pieces_rig_upload(&r, SPAN("what?"), 7500, FORM_FIELD("model", "whisper-1")), E_OK);
    CHECK_INT(r.ask.fees[FEE_AUDIO_SECOND], 30);
    CHECK_INT(pieces_rig_upload(&r, SPAN(WAV_HEAD_8K), 160000, FORM_FIELD("model", "whisper-1")), E_OK);
    CHECK_INT(r.ask.fees[FEE_AUDIO_SECOND], 10);
    CHECK(r.ask.exact);
    CHECK_INT(pieces_rig_upload(&r, SPAN(WAV_HEAD_LIE), 160000, FORM_FIELD("model", "whisper-1")), E_OK);
    CHECK_INT(r.ask.fees[FEE_AUDIO_SECOND], 160);
    CHECK_INT(pieces_rig_upload(&r, SPAN("RIFF\0\0\0\0WAVEfmt "), 40, FORM_FIELD("model", "whisper-1")), E_OK);
    CHECK(!r.ask.exact);
    CHECK_INT(pieces_rig_upload(&r, SPAN("RIFF\0\0\0\0WAVEjunk\xff\xff\xff\xff"), 40, FORM_FIELD("model", "whisper-1")), E_OK);
    CHECK(!r.ask.exact);
    CHECK_INT(pieces_rig_upload(&r, SPAN("ID3"), 10, ""), E_OK);
    CHECK(!r.ask.model.len);
    CHECK_INT(dialect_rig_ask(&r, "{\"model\":\"whisper-large-v3\",\"url\":\"https://x/a.mp3\"}"), E_OK);
    CHECK(r.ask.input_unbounded && r.ask.fees[FEE_AUDIO_SECOND] == -1);
    dialect_rig_close(&r);
}

static int64_t heard(const char *format, const char *body)
{
    char more[200];
    snprintf(more, sizeof(more), FORM_FIELD("model", "whisper-1") FORM_FIELD("response_format", "%s"), format);
    CHECK_INT(pieces_rig_upload(&r, SPAN("ID3"), 1000000, more), E_OK);
    pieces_rig_measure(&r, "whisper-1", body, 0);
    return r.usage.known ? r.usage.fees[FEE_AUDIO_SECOND] : -1;
}

TEST(transcriptions_tell_their_seconds_in_each_format_or_not_at_all)
{
    dialect_rig_open(&r, "openai_transcriptions");
    CHECK_INT(heard("json", "{\"text\":\"hi\",\"usage\":{\"type\":\"duration\",\"seconds\":9}}"), 9);
    CHECK(!r.usage.estimated);
    CHECK_INT(pieces_rig_cost(&r, "whisper-1"), 900000);
    CHECK_INT(heard("verbose_json", "{\"task\":\"transcribe\",\"duration\":8.470000267028809,\"text\":\"hi\",\"segments\":[]}"), 9);
    CHECK(!r.usage.estimated);
    CHECK_INT(heard("srt", "1\n00:00:00,000 --> 00:00:04,000\nHi --> there\n\n2\n00:01:00,000 --> 00:01:07,440\nBye\n"), 68);
    CHECK(r.usage.estimated);
    CHECK_INT(heard("vtt", "WEBVTT\n\n00:00.000 --> 00:07.000\nHi\n\n"), 8);
    CHECK_INT(heard("srt", "nothing was said"), -1);
    CHECK_INT(heard("text", "at 00:00:01,000 --> 00:00:02,000 he said"), -1);
    CHECK_INT(heard("json", "{\"text\":\"hi\"}"), -1);
    CHECK_INT(pieces_rig_upload(&r, SPAN(WAV_HEAD_8K), 160000, FORM_FIELD("model", "whisper-1") FORM_FIELD("response_format", "text")), E_OK);
    pieces_rig_measure(&r, "whisper-1", "hi", 0);
    CHECK(r.usage.known && r.usage.estimated);
    CHECK_INT(r.usage.fees[FEE_AUDIO_SECOND], 10);
    dialect_rig_stream(&r, SPAN("data: {\"type\":\"transcript.text.delta\",\"delta\":\"hi\"}\n\n"
        "data: {\"type\":\"transcript.text.done\",\"text\":\"hi\",\"usage\":{\"type\":\"tokens\",\"input_tokens\":14,\"input_token_details\":{\"audio_tokens\":14},"
        "\"output_tokens\":45,\"total_tokens\":59}}\n\n"), true);
    CHECK(r.meter.finished);
    CHECK_INT(r.meter.usage.tokens[METER_AUDIO_IN], 14);
    CHECK_INT(r.meter.usage.tokens[METER_OUT], 45);
    dialect_rig_close(&r);
}
