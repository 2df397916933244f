/* SPDX-License-Identifier: Apache-2.0
 * openai_videos.c - videos: a job that is asked for now and done, or failed, minutes later.
 *
 * Charged by the second of the size asked for. What is reserved at first is the price; the job's own state, read later (the
 * manifest's `late`), says whether it is due: a job that did not complete costs nothing. */
#include "base/money.h"
#include "dialect/dialects.h"
#include "dialect/job.h"
#include "dialect/pieces.h"

enum { SECONDS_USUAL = 4, SECONDS_MOST = 3600 };

static const struct ask_field fields[] = {
    ASK_FIELD("model", ASK_TEXT, model, " must be a string"),
    ASK_FIELD("size", ASK_TEXT, size, " must be a string"),
    ASK_FIELD("seconds", ASK_RAW, seconds, ""),
    ASK_FIELD("n", ASK_COUNT, choices, " must be a whole number, written with digits only"),
    ASK_FIELD("user", ASK_TEXT, user, " must be a string"),
    { .name = { NULL, 0 } },
};

/* A whole number, in quotes or not. */
static bool read_seconds(struct span raw, int64_t *out)
{
    bool quoted = raw.len > 1 && raw.at[0] == '"';
    struct span text = quoted ? span_make(raw.at + 1, raw.len - 2) : raw;
    *out = SECONDS_USUAL;
    return !raw.at || (span_to_i64(text, out) && *out > 0 && *out <= SECONDS_MOST);
}

static enum err bound(struct ask_found *found, struct ask *out, const char **why)
{
    int64_t seconds;
    if (!read_seconds(found->seconds, &seconds)) {
        *why = "seconds must be a whole number, at most 3600";
        return E_BAD_REQUEST;
    }
    if (!found->model.len)
        found->model = SPAN("sora-2");
    pieces_begin(found, 0, out);
    out->input_most = 0;
    out->size = found->size.len ? found->size : SPAN("720x1280");
    out->fees[FEE_VIDEO_SECOND] = money_mul_div_up(seconds, out->choices, 1);
    out->exact = true;
    return E_OK;
}

static enum err read_ask(struct json *j, struct span body, struct arena *a, struct ask *out, const char **why)
{
    struct ask_found found;
    enum err e = ask_read_open(j, body, a, fields, &found, why);
    return e ? e : bound(&found, out, why);
}

static enum err read_form(struct span content_type, struct span body, struct arena *a, struct ask *out, const char **why)
{
    struct ask_found found;
    struct form form;
    enum err e = ask_read_form(content_type, body, a, fields, &found, &form, why);
    return e ? e : bound(&found, out, why);
}

/* Of the job, when it is over. */
static void read_usage(struct json *j, struct span body, struct arena *a, struct usage *u)
{
    struct member m[] = { { .name = SPAN("status") }, { .name = SPAN("seconds") }, { .name = SPAN("size") }, { .name = SPAN("model") } };
    int64_t seconds;
    answer_clear(u);
    if (!member_find(j, body, m, 4, NULL))
        return;
    enum job_state state = job_state(answer_text(m[0].raw, a));
    if (state < JOB_COMPLETED || !read_seconds(m[1].raw, &seconds))
        return;
    u->known = true;
    u->size = answer_text(m[2].raw, a);
    u->model = answer_text(m[3].raw, a);
    u->fees[FEE_VIDEO_SECOND] = state == JOB_COMPLETED && m[1].raw.at ? seconds : 0;
    if (state == JOB_COMPLETED && !m[1].raw.at) /* it does not say how much it is: what was reserved is due */
        u->known = false;
}

const struct dialect dialect_openai_videos = {
    .name = "openai_videos",
    .read_ask = read_ask,
    .read_form = read_form,
    .edit_ask = pieces_edit_ask,
    .edit_form = ask_edit_form,
    .read_usage = read_usage,
    .write_error_event = pieces_write_error_event,
};
