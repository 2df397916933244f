/* SPDX-License-Identifier: Apache-2.0
 * openai_speech.c - text to speech: charged by the character, by the second, or by tokens.
 *
 * The answer is sound, passed on as it comes; only a stream of events says what it cost. Characters are known from the request;
 * seconds are bounded by the text, and afterwards by the bytes that came. */
#include "base/money.h"
#include "dialect/dialects.h"
#include "dialect/pieces.h"

enum {
    SECONDS_BESIDE = 10, /* pauses around a text */
    TOKENS_OF_SECOND = 25,
};

static const struct ask_field fields[] = {
    ASK_FIELD("model", ASK_TEXT, model, " must be a string"),
    ASK_FIELD("input", ASK_TEXT, input, " must be a string"),
    ASK_FIELD("instructions", ASK_RAW, prompt, ""),
    ASK_FIELD("speed", ASK_RAW, speed_factor, ""),
    ASK_FIELD("response_format", ASK_TEXT, format, " must be a string"),
    ASK_FIELD("stream_format", ASK_TEXT, tier, " must be a string"),
    ASK_FIELD("user", ASK_TEXT, user, " must be a string"),
    { .name = { NULL, 0 } },
};

/* A second for each character at the usual speed: no text is spoken slower (long numbers come near it). */
static bool spoken_most(const struct ask_found *found, int64_t characters, int64_t *out)
{
    int64_t speed = NANO_PER_USD;
    if (found->speed_factor.at && (!member_nano(found->speed_factor, &speed) || speed <= 0))
        return false;
    *out = money_mul_div_up(money_add(characters, SECONDS_BESIDE), NANO_PER_USD, speed);
    return true;
}

static enum err read_ask(struct json *j, struct span body, struct arena *a, struct ask *out, const char **why)
{
    struct ask_found found;
    int64_t seconds;
    enum err e = ask_read_open(j, body, a, fields, &found, why);
    if (e)
        return e;
    int64_t characters = pieces_characters(found.input);
    if (!found.input.at || !spoken_most(&found, characters, &seconds)) {
        *why = found.input.at ? "speed must be a number above 0" : "input is missing";
        return E_BAD_REQUEST;
    }
    bool events = span_is(found.tier, SPAN("sse"));
    found.tier = SPAN_NONE;
    pieces_begin(&found, (int64_t)(found.input.len + found.prompt.len), out);
    out->stream = events;
    out->format = found.format;
    out->output_limit = money_mul_div_up(seconds, TOKENS_OF_SECOND, 1);
    out->fees[FEE_CHARACTER] = characters;
    out->fees[FEE_SPOKEN_SECOND] = seconds;
    return E_OK;
}

/* Tokens of an answer are sound. */
static void read_tokens(struct json *j, struct span usage, struct usage *u)
{
    answer_openai_usage(j, usage, u);
    u->tokens[METER_AUDIO_OUT] = money_add(u->tokens[METER_AUDIO_OUT], u->tokens[METER_OUT]);
    u->tokens[METER_OUT] = 0;
}

static void read_usage(struct json *j, struct span body, struct arena *a, struct usage *u)
{
    struct member m[] = { { .name = SPAN("usage") } };
    (void)a;
    answer_clear(u);
    if (member_find(j, body, m, 1, NULL) && m[0].kind == JSON_OBJECT)
        read_tokens(j, m[0].raw, u);
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static void measure(struct json *j, const struct told *t, struct arena *a, struct usage *u)
{
    answer_clear(u);
    if (t->body.at)
        read_usage(j, t->body, a, u);
    if (u->known || t->charged[FEE_CHARACTER]) {
        u->known = true;
        u->fees[FEE_CHARACTER] = t->ask->fees[FEE_CHARACTER];
        return;
    }
    if (!t->charged[FEE_SPOKEN_SECOND])
        return;
    u->known = u->estimated = true;
    u->fees[FEE_SPOKEN_SECOND] = least(sound_seconds_of(t->bytes, t->ask->format), t->ask->fees[FEE_SPOKEN_SECOND]);
}

static bool passes(struct span type)
{
    return span_is_nocase(span_first(type, 6), SPAN("audio/")) || span_is_nocase(span_first(type, 24), SPAN("application/octet-stream"));
}

static void read_event(struct json *j, struct span data, struct arena *a, struct stream_meter *m, void *more)
{
    (void)more;
    pieces_read_last(j, data, a, m, SPAN("speech.audio.done"), read_tokens);
}

static void tap_event(struct json *j, const struct sse_event *event, bool usage_wanted, struct stream_meter *m, bool *hide)
{
    (void)usage_wanted;
    *hide = false;
    answer_start(m);
    if (event->data.at && (answer_mentions(event->data, SPAN("\"speech.audio.done\"")) || answer_mentions(event->data, SPAN("\"error\""))))
        answer_event(j, event->data, m, read_event, NULL);
}

const struct dialect dialect_openai_speech = {
    .name = "openai_speech",
    .read_ask = read_ask,
    .edit_ask = pieces_edit_ask,
    .read_usage = read_usage,
    .measure = measure,
    .passes = passes,
    .tap_event = tap_event,
    .write_error_event = pieces_write_error_event,
};
