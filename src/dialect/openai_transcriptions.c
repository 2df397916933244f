/* SPDX-License-Identifier: Apache-2.0
 * openai_transcriptions.c - speech to text, transcribed or translated: a form with a file.
 *
 * Answers say tokens, or seconds, or neither: then a WAV file's own head tells its length, verbose JSON the duration, subtitles when
 * the last one ends. What says nothing (plain text) leaves the reservation standing, which the file's size bounds. */
#include "base/money.h"
#include "dialect/dialects.h"
#include "dialect/pieces.h"

enum {
    TOKENS_HEARD = 25, /* of a second of sound */
    TOKENS_SAID = 10,  /* text of a second: nobody speaks faster */
    TOKENS_BESIDE = 256,
};

static const struct ask_field fields[] = {
    ASK_FIELD("model", ASK_TEXT, model, " must be a string"),
    ASK_FIELD("stream", ASK_FLAG, stream, " must be true or false"),
    ASK_FIELD("response_format", ASK_TEXT, format, " must be a string"),
    { .name = { NULL, 0 } },
};

static void bound(const struct ask_found *found, int64_t text, int64_t seconds, struct ask *out)
{
    pieces_begin(found, money_add(text, seconds * TOKENS_HEARD), out);
    out->output_limit = seconds * TOKENS_SAID + TOKENS_BESIDE;
    out->fees[FEE_AUDIO_SECOND] = seconds;
    out->format = found->format;
}

/* A file at an address (some vendors take one) may be of any length. */
static enum err read_ask(struct json *j, struct span body, struct arena *a, struct ask *out, const char **why)
{
    struct ask_found found;
    enum err e = ask_read_open(j, body, a, fields, &found, why);
    if (e)
        return e;
    bound(&found, (int64_t)body.len, 0, out);
    out->input_unbounded = true;
    out->fees[FEE_AUDIO_SECOND] = -1;
    return E_OK;
}

static enum err read_form(struct span content_type, struct span body, struct arena *a, struct ask *out, const char **why)
{
    struct ask_found found;
    struct form form;
    int64_t text = 0, seconds = 0;
    bool exact = false, all = true, address = false;
    enum err e = ask_read_form(content_type, body, a, fields, &found, &form, why);
    for (size_t i = 0; !e && i < form.count; i++) {
        const struct form_part *p = &form.list[i];
        text += p->file.at ? 0 : (int64_t)p->value.len;
        seconds = p->file.at ? money_add(seconds, sound_seconds_most(p->value, &exact)) : seconds;
        all = all && (!p->file.at || exact);
        address = address || span_is(p->name, SPAN("url"));
    }
    if (e)
        return e;
    bound(&found, text, seconds, out);
    out->exact = all && seconds > 0;
    out->input_unbounded = address;
    if (address)
        out->fees[FEE_AUDIO_SECOND] = -1;
    return E_OK;
}

/* ---- what came ---- */

/* {"type":"duration","seconds":9} or tokens, with those of sound apart. */
static void read_told(struct json *j, struct span usage, struct usage *u)
{
    struct member m[] = { { .name = SPAN("seconds") } };
    answer_openai_usage(j, usage, u);
    if (u->known || !member_find(j, usage, m, 1, NULL))
        return;
    int64_t seconds = pieces_seconds(m[0].raw);
    u->known = seconds >= 0;
    u->fees[FEE_AUDIO_SECOND] = seconds < 0 ? 0 : seconds;
    u->raw = usage;
}

static void read_usage(struct json *j, struct span body, struct arena *a, struct usage *u)
{
    struct member m[] = { { .name = SPAN("usage") }, { .name = SPAN("duration") }, { .name = SPAN("model") } };
    answer_clear(u);
    if (!member_find(j, body, m, 3, NULL))
        return;
    if (m[0].kind == JSON_OBJECT)
        read_told(j, m[0].raw, u);
    int64_t seconds = m[1].kind == JSON_NUMBER ? pieces_seconds(m[1].raw) : -1;
    if (!u->known && seconds >= 0) {
        u->known = true;
        u->fees[FEE_AUDIO_SECOND] = seconds;
    }
    u->model = answer_text(m[2].raw, a);
}

/* "00:01:02,345" or "01:02.345" in seconds, rounded up; -1: no such time. */
static int64_t read_time(struct span text)
{
    int64_t seconds = 0, part = 0;
    bool more = false, digits = false;
    for (size_t i = 0; i < text.len && i < 16; i++) {
        char c = text.at[i];
        if (c >= '0' && c <= '9') {
            part = part * 10 + (c - '0');
            digits = true;
        } else if (c == ':') {
            seconds = (seconds + part) * 60;
            part = 0;
        } else {
            more = c == ',' || c == '.';
            break;
        }
    }
    return digits ? seconds + part + more : -1;
}

/* When the last subtitle ends. */
static int64_t subtitles_end(struct span text)
{
    struct span arrow = SPAN(" --> "), rest = text;
    int64_t seconds = -1;
    for (ptrdiff_t at; (at = span_find(rest, arrow)) >= 0;) {
        rest = span_from(rest, (size_t)at + arrow.len);
        int64_t end = read_time(rest);
        seconds = end > seconds ? end : seconds;
    }
    return seconds;
}

static bool is_subtitles(struct span format) { return span_is(format, SPAN("srt")) || span_is(format, SPAN("vtt")); }

static void measure(struct json *j, const struct told *t, struct arena *a, struct usage *u)
{
    const struct ask *ask = t->ask;
    int64_t heard = ask->fees[FEE_AUDIO_SECOND], end;
    answer_clear(u);
    if (t->body.len && *span_trim(t->body).at == '{')
        read_usage(j, t->body, a, u);
    if (u->known || !t->charged[FEE_AUDIO_SECOND])
        return;
    if (ask->exact) {
        u->known = u->estimated = true;
        u->fees[FEE_AUDIO_SECOND] = heard;
    } else if (is_subtitles(ask->format) && (end = subtitles_end(t->body)) >= 0) {
        u->known = u->estimated = true;
        u->fees[FEE_AUDIO_SECOND] = heard >= 0 && heard < end ? heard : end;
    }
}

static void read_event(struct json *j, struct span data, struct arena *a, struct stream_meter *m, void *more)
{
    (void)more;
    pieces_read_last(j, data, a, m, SPAN("transcript.text.done"), read_told);
}

static void tap_event(struct json *j, const struct sse_event *event, bool usage_wanted, struct stream_meter *m, bool *hide)
{
    (void)usage_wanted;
    pieces_tap_event(j, event, m, hide, SPAN("\"transcript.text.done\""), read_event);
}

const struct dialect dialect_openai_transcriptions = {
    .name = "openai_transcriptions",
    .read_ask = read_ask,
    .read_form = read_form,
    .edit_ask = pieces_edit_ask,
    .edit_form = ask_edit_form,
    .read_usage = read_usage,
    .measure = measure,
    .tap_event = tap_event,
    .write_error_event = pieces_write_error_event,
};
