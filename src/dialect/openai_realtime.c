/* SPDX-License-Identifier: Apache-2.0
 * openai_realtime.c - see openai_realtime.h.
 *
 * A bound of the input: a token for each byte of an event, and for sound one for so many bytes as the densest format has in 37 ms; the
 * vendor counts one for 100 ms of what it hears, and one for 50 ms of what it says. */
#include "dialect/openai_realtime.h"

#include "base/money.h"
#include "dialect/dialects.h"
#include "dialect/member.h"

enum { SOUND_OF_TOKEN = 400 /* characters of base64 */, BYTES_OF_SECOND = 8000, DEPTH_MOST = 256 };

static bool is(struct span a, const char *b) { return span_is(a, span_of(b)); }

static struct span string_at(struct json_value v, const char *path) { return json_string(json_path(v, span_of(path))); }

/* ---- what the caller says ---- */

/* Words behind which content may stand that no length bounds. */
static bool is_unbounded(struct span name, struct json_value v)
{
    struct span text = json_string(v);
    if (is(name, "prompt"))
        return json_kind(v) == JSON_OBJECT;
    return is(name, "type") && (is(text, "input_image") || is(text, "item_reference") || span_starts(text, SPAN("mcp")) || is(text, "image"));
}

static bool has_unbounded(struct json_value v, int depth)
{
    struct span name = SPAN_NONE;
    struct json_value item;
    if (depth > DEPTH_MOST)
        return true;
    for (struct json_iter it = json_iter(v); json_next(&it, &name, &item);) {
        if (name.at && is_unbounded(name, item))
            return true;
        if ((json_kind(item) == JSON_OBJECT || json_kind(item) == JSON_ARRAY) && has_unbounded(item, depth + 1))
            return true;
    }
    return false;
}

static void read_sound(struct json_value event, struct realtime_said *out)
{
    int64_t length = (int64_t)string_at(event, "audio").len;
    out->speaks = true;
    out->tokens = length / SOUND_OF_TOKEN + 1;
    out->sound = length / 4 * 3 + 3;
}

static void read_create(struct json_value response, struct realtime_said *out)
{
    out->model = json_string(json_member(response, SPAN("model")));
    out->limits = json_kind(json_member(response, SPAN("max_output_tokens"))) != JSON_NONE ||
                  json_kind(json_member(response, SPAN("max_response_output_tokens"))) != JSON_NONE;
}

static void read_update(struct json_value event, struct realtime_said *out)
{
    struct json_value session = json_member(event, SPAN("session"));
    struct json_value idle = json_path(session, SPAN("audio.input.turn_detection.idle_timeout_ms"));
    out->updates = true;
    out->model = string_at(session, "model");
    out->transcriber = string_at(session, "audio.input.transcription.model");
    if (!out->transcriber.at)
        out->transcriber = string_at(session, "input_audio_transcription.model");
    if (json_kind(idle) == JSON_NONE)
        idle = json_path(session, SPAN("turn_detection.idle_timeout_ms"));
    out->speaks = json_kind(idle) == JSON_NUMBER;
}

enum err realtime_read_said(struct json *j, struct span text, struct realtime_said *out, const char **why)
{
    struct json_value event;
    struct span where;
    *out = (struct realtime_said){ .tokens = (int64_t)text.len };
    enum err e = json_parse(j, text, true, &event, why);
    if (e != E_OK)
        return e;
    out->type = string_at(event, "type");
    out->id = string_at(event, "event_id");
    *why = "an event must be an object with a type";
    if (!out->type.len)
        return E_BAD_REQUEST;
    *why = "an event has two members of one name, or an integer beyond 2^53";
    if (json_canonical(event, &where) != E_OK)
        return E_NOT_CANONICAL;
    if (is(out->type, "input_audio_buffer.append")) {
        read_sound(event, out);
        return E_OK;
    }
    out->unbounded = has_unbounded(event, 0);
    out->starts = is(out->type, "response.create");
    if (out->starts)
        read_create(json_member(event, SPAN("response")), out);
    if (is(out->type, "input_audio_buffer.commit"))
        out->speaks = true;
    if (is(out->type, "session.update") || is(out->type, "transcription_session.update"))
        read_update(event, out);
    return E_OK;
}

/* ---- what the vendor tells ---- */

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

/* Both kinds of counts are parts of the whole: what is cached is taken out of what was heard and read. */
static void read_input(struct json_value usage, struct usage *u)
{
    struct json_value in = json_member(usage, SPAN("input_token_details")), cached = json_member(in, SPAN("cached_tokens_details"));
    int64_t total = u->input_total, sound = least(member_count(in, SPAN("audio_tokens")), total);
    int64_t seen = least(member_count(in, SPAN("image_tokens")), total - sound), text = total - sound - seen;
    int64_t cached_sound = least(member_count(cached, SPAN("audio_tokens")), sound), cached_seen = least(member_count(cached, SPAN("image_tokens")), seen);
    int64_t all_cached = member_count(in, SPAN("cached_tokens"));
    int64_t cached_text = least(all_cached > cached_sound + cached_seen ? all_cached - cached_sound - cached_seen : 0, text);
    u->tokens[METER_IN] = text - cached_text;
    u->tokens[METER_CACHE_READ] = cached_text;
    u->tokens[METER_AUDIO_IN] = sound - cached_sound;
    u->tokens[METER_AUDIO_CACHE_READ] = cached_sound;
    u->tokens[METER_IMAGE_IN] = seen - cached_seen;
    u->tokens[METER_IMAGE_CACHE_READ] = cached_seen;
}

static void read_usage_of(struct json_value usage, struct usage *u)
{
    struct json_value out = json_member(usage, SPAN("output_token_details"));
    *u = (struct usage){ .vendor_cost = -1 };
    if (json_kind(usage) != JSON_OBJECT)
        return;
    u->known = true;
    if (span_is(json_string(json_member(usage, SPAN("type"))), SPAN("duration"))) {
        struct json_value seconds = json_member(usage, SPAN("seconds"));
        struct buf text;
        int64_t nano = 0;
        buf_init(&text, 64);
        json_print(seconds, &text);
        u->known = member_nano(buf_span(&text), &nano);
        u->fees[FEE_AUDIO_SECOND] = money_mul_div_up(nano, 1, NANO_PER_USD);
        buf_free(&text);
        return;
    }
    u->input_total = member_count(usage, SPAN("input_tokens"));
    u->output_total = member_count(usage, SPAN("output_tokens"));
    read_input(usage, u);
    u->tokens[METER_AUDIO_OUT] = least(member_count(out, SPAN("audio_tokens")), u->output_total);
    u->tokens[METER_OUT] = u->output_total - u->tokens[METER_AUDIO_OUT];
}

static struct json_value either(struct json_value session, const char *now, const char *beta)
{
    struct json_value v = json_path(session, span_of(now));
    return json_kind(v) == JSON_NONE ? json_path(session, span_of(beta)) : v;
}

static void read_session(struct json_value session, struct realtime_told *out)
{
    struct json_value turns = either(session, "audio.input.turn_detection", "turn_detection");
    struct json_value limit = either(session, "max_output_tokens", "max_response_output_tokens");
    bool creates = true;
    (void)json_bool(json_member(turns, SPAN("create_response")), &creates);
    out->listens = json_kind(turns) != JSON_NULL && creates;
    if (!json_integer(limit, &out->output_limit) || out->output_limit <= 0) /* 0 is no limit */
        out->output_limit = -1;
    out->transcriber = json_string(either(session, "audio.input.transcription.model", "input_audio_transcription.model"));
}

static void read_done(struct json_value response, struct realtime_told *out)
{
    read_usage_of(json_member(response, SPAN("usage")), &out->usage);
    out->failed = span_is(json_string(json_member(response, SPAN("status"))), SPAN("failed"));
}

bool realtime_read_told(struct json *j, struct span text, struct realtime_told *out)
{
    struct json_value event;
    const char *why;
    *out = (struct realtime_told){ .output_limit = -1 };
    if (json_parse(j, text, true, &event, &why) != E_OK)
        return false;
    struct span type = json_string(json_member(event, SPAN("type")));
    if (is(type, "session.created") || is(type, "session.updated")) {
        out->news = is(type, "session.created") ? REALTIME_SESSION : REALTIME_UPDATED;
        read_session(json_member(event, SPAN("session")), out);
    } else if (is(type, "response.created")) {
        out->news = REALTIME_BEGAN;
    } else if (is(type, "response.done")) {
        out->news = REALTIME_DONE;
        read_done(json_member(event, SPAN("response")), out);
    } else if (is(type, "conversation.item.input_audio_transcription.completed")) {
        out->news = REALTIME_TRANSCRIBED;
        read_usage_of(json_member(event, SPAN("usage")), &out->usage);
    } else if (is(type, "error") && is(string_at(event, "error.code"), "conversation_already_has_active_response")) {
        out->news = REALTIME_BUSY;
    }
    return type.len > 0;
}

/* ---- what the gate says ---- */

void realtime_write_error(struct buf *out, struct span code, struct span message, struct span id)
{
    struct json_out o = json_out(out);
    json_open(&o, '{');
    json_pair(&o, SPAN("type"), SPAN("error"));
    json_pair(&o, SPAN("event_id"), SPAN("event_tollgate"));
    json_name(&o, SPAN("error"));
    json_open(&o, '{');
    json_pair(&o, SPAN("type"), is(code, "budget_exceeded") ? SPAN("insufficient_quota") : SPAN("invalid_request_error"));
    json_pair(&o, SPAN("code"), code);
    json_pair(&o, SPAN("message"), message);
    json_pair(&o, SPAN("param"), SPAN_NONE);
    json_pair(&o, SPAN("event_id"), id);
    json_close(&o, '}');
    json_close(&o, '}');
}

struct span realtime_be_quiet(bool beta)
{
    return beta ? SPAN("{\"type\":\"session.update\",\"session\":{\"turn_detection\":null}}") :
                  SPAN("{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"audio\":{\"input\":{\"turn_detection\":null}}}}");
}

int64_t realtime_seconds(int64_t bytes) { return bytes / BYTES_OF_SECOND + 1; }

const struct dialect dialect_openai_realtime = {
    .name = "openai_realtime",
};
