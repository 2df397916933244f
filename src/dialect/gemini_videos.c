/* SPDX-License-Identifier: Apache-2.0
 * gemini_videos.c - videos of Google's Veo: a long-running operation, charged by the second of each video that it gives.
 *
 * The operation says how many videos there are, not how long they are: what was reserved is due or not (the manifest's `late`). */
#include "base/money.h"
#include "base/raw.h"
#include "dialect/dialects.h"
#include "dialect/pieces.h"

enum { SECONDS_USUAL = 8, SECONDS_MOST = 3600, VIDEOS_MOST = 1024 };

static const struct ask_field fields[] = {
    ASK_FIELD("parameters", ASK_RAW, reference, ""),
    { .name = { NULL, 0 } },
};

/* A whole number up to `most`; `usual` where it is left out. False: something else. */
static bool number(struct span parameters, struct span name, int64_t usual, int64_t most, struct arena *a, int64_t *out)
{
    struct span raw = raw_member(parameters, name, a);
    *out = usual;
    if (!raw.at || raw_kind(raw) == JSON_NULL)
        return true;
    return span_to_i64(raw_kind(raw) == JSON_STRING ? raw_inside(raw) : raw, out) && *out > 0 && *out <= most;
}

/* As the price book names it: a video that stands costs what one that lies does. */
static struct span size_of(struct span resolution)
{
    if (span_is(resolution, SPAN("1080p")))
        return SPAN("1920x1080");
    if (span_is_nocase(resolution, SPAN("4k")))
        return SPAN("3840x2160");
    return !resolution.len || span_is(resolution, SPAN("720p")) ? SPAN("1280x720") : resolution;
}

static enum err read_ask(struct json *j, struct span body, struct arena *a, struct ask *out, const char **why)
{
    struct ask_found found;
    int64_t seconds, videos;
    enum err e = ask_read_open(j, body, a, fields, &found, why);
    if (e)
        return e;
    struct span parameters = found.reference;
    if (!number(parameters, SPAN("durationSeconds"), SECONDS_USUAL, SECONDS_MOST, a, &seconds) ||
        !number(parameters, SPAN("sampleCount"), 1, VIDEOS_MOST, a, &videos)) {
        *why = "parameters: durationSeconds and sampleCount must be whole numbers above 0";
        return E_BAD_REQUEST;
    }
    found.reference = SPAN_NONE;
    pieces_begin(&found, 0, out);
    out->input_most = 0;
    out->choices = videos;
    out->size = size_of(raw_text(raw_member(parameters, SPAN("resolution"), a), a));
    out->fees[FEE_VIDEO_SECOND] = money_mul_div_up(seconds, videos, 1);
    out->exact = true;
    return E_OK;
}

/* Only the rule of the manifest can tell. */
static void read_usage(struct json *j, struct span body, struct arena *a, struct usage *u)
{
    (void)j, (void)body, (void)a;
    answer_clear(u);
}

const struct dialect dialect_gemini_videos = {
    .name = "gemini_videos",
    .read_ask = read_ask,
    .edit_ask = pieces_edit_ask,
    .read_usage = read_usage,
    .write_error_event = pieces_write_error_event,
};
