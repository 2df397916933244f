/* SPDX-License-Identifier: Apache-2.0
 * openai_batches.c - many calls in a file, done within a day at half the price.
 *
 * What they can cost stands in the file, which is seen when it is uploaded (flow/batch.c); what they did cost in the batch itself,
 * when it is over: also in one that was cancelled or ran out of time, for what was done until then. */
#include "dialect/dialects.h"
#include "dialect/job.h"
#include "dialect/pieces.h"

static const struct ask_field fields[] = {
    ASK_FIELD("input_file_id", ASK_TEXT, input, " must be a string"),
    { .name = { NULL, 0 } },
};

static enum err read_ask(struct json *j, struct span body, struct arena *a, struct ask *out, const char **why)
{
    struct ask_found found;
    enum err e = ask_read_open(j, body, a, fields, &found, why);
    if (e)
        return e;
    if (!found.input.len) {
        *why = "input_file_id is missing";
        return E_BAD_REQUEST;
    }
    found.model = SPAN("batch"); /* until the file says which */
    pieces_begin(&found, 0, out);
    out->job_input = found.input;
    return E_OK;
}

/* Of the batch, when it is over; none of its calls were made: it cost nothing. */
static void read_usage(struct json *j, struct span body, struct arena *a, struct usage *u)
{
    struct member m[] = { { .name = SPAN("status") }, { .name = SPAN("usage") }, { .name = SPAN("model") }, { .name = SPAN("request_counts") } };
    struct member done = { .name = SPAN("completed") };
    answer_clear(u);
    if (!member_find(j, body, m, 4, NULL) || !job_is_over(job_state(answer_text(m[0].raw, a))))
        return;
    if (m[1].kind == JSON_OBJECT)
        answer_openai_usage(j, m[1].raw, u);
    bool nothing = m[3].kind == JSON_OBJECT && member_find(j, m[3].raw, &done, 1, NULL) && span_is(done.raw, SPAN("0"));
    u->known = u->known || nothing || job_state(answer_text(m[0].raw, a)) == JOB_FAILED;
    u->model = answer_text(m[2].raw, a);
    u->tier = SPAN("batch");
}

const struct dialect dialect_openai_batches = {
    .name = "openai_batches",
    .read_ask = read_ask,
    .read_usage = read_usage,
    .write_error_event = pieces_write_error_event,
};
