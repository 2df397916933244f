/* SPDX-License-Identifier: Apache-2.0
 * video_job.c - see video_job.h. Sources: OpenAI's video object and google.longrunning.Operation, as documented in November 2026. */
#include "dialect/video_job.h"

#include "base/raw.h"
#include "dialect/job.h"

enum { MESSAGE_MOST = 2000 };

static const struct span state_words[] = { { "queued", 6 }, { "in_progress", 11 }, { "completed", 9 }, { "failed", 6 }, { "failed", 6 }, { "failed", 6 } };

static bool is_object(struct json *j, struct span body)
{
    struct json_value v;
    const char *why;
    return json_parse(j, body, true, &v, &why) == E_OK && json_kind(v) == JSON_OBJECT;
}

/* "45", 45, 45.7, "45%": a whole number within bounds; nothing that can be read: what the state alone says. */
static int64_t progress_of(struct span raw, enum job_state state)
{
    struct span text = raw_kind(raw) == JSON_STRING ? raw_inside(raw) : raw;
    int64_t n = 0;
    size_t digits = 0;
    if (state == JOB_COMPLETED)
        return 100;
    while (digits < text.len && text.at[digits] >= '0' && text.at[digits] <= '9')
        digits++;
    if (!digits || !span_to_i64(span_first(text, digits), &n))
        return 0;
    return n > 100 ? 100 : n;
}

static void put_error(struct json_out *o, struct span code, struct span message)
{
    json_name(o, SPAN("error"));
    json_open(o, '{');
    json_pair(o, SPAN("code"), code);
    json_pair(o, SPAN("message"), span_first(message, MESSAGE_MOST));
    json_close(o, '}');
}

static struct span text_or(struct span raw, struct span otherwise, struct arena *a)
{
    struct span text = raw_text(raw, a);
    return text.len ? text : otherwise;
}

static void put_state(struct json_out *o, enum job_state state, struct span progress)
{
    json_pair(o, SPAN("status"), state_words[state]);
    json_pair_i64(o, SPAN("progress"), progress_of(progress, state));
}

/* ---- OpenAI's ---- */

static struct span usual_code(enum job_state state)
{
    return state == JOB_CANCELLED ? SPAN("cancelled") : state == JOB_EXPIRED ? SPAN("expired") : SPAN("failed");
}

static struct span usual_message(enum job_state state)
{
    return state == JOB_CANCELLED ? SPAN("the job was cancelled") : state == JOB_EXPIRED ? SPAN("the job ran out of time") : SPAN("the job failed; its vendor does not say why");
}

/* A text, an object, or nothing at all. */
static void put_openai_error(struct json_out *o, enum job_state state, struct span error, struct arena *a)
{
    struct span code = usual_code(state), message = usual_message(state);
    if (state < JOB_FAILED) {
        json_pair_raw(o, SPAN("error"), SPAN_NONE);
        return;
    }
    if (raw_kind(error) == JSON_STRING)
        message = text_or(error, message, a);
    if (raw_kind(error) == JSON_OBJECT) {
        code = text_or(raw_member(error, SPAN("code"), a), code, a);
        message = text_or(raw_member(error, SPAN("message"), a), message, a);
    }
    put_error(o, code, message);
}

bool video_job_write(struct json *j, struct span body, struct arena *a, struct buf *out)
{
    struct span name, value;
    if (!is_object(j, body))
        return false;
    enum job_state state = job_state(text_or(raw_member(body, SPAN("status"), a), SPAN(""), a));
    struct json_out o = json_out(out);
    json_open(&o, '{');
    for (struct raw_iter it = raw_iter(body, a); raw_next(&it, &name, &value);)
        if (!span_is(name, SPAN("status")) && !span_is(name, SPAN("progress")) && !span_is(name, SPAN("error")))
            json_pair_raw(&o, name, value);
    put_state(&o, state, raw_member(body, SPAN("progress"), a));
    put_openai_error(&o, state, raw_member(body, SPAN("error"), a), a);
    json_close(&o, '}');
    return true;
}

/* ---- Google's ---- */

/* google.rpc.Code */
static struct span rpc_code(struct span raw)
{
    static const char *const names[] = { "ok", "cancelled", "unknown", "invalid_argument", "deadline_exceeded", "not_found", "already_exists", "permission_denied",
        "resource_exhausted", "failed_precondition", "aborted", "out_of_range", "unimplemented", "internal", "unavailable", "data_loss", "unauthenticated" };
    int64_t n;
    if (!span_to_i64(raw, &n) || n < 1 || n >= (int64_t)(sizeof(names) / sizeof(*names)))
        return SPAN("failed");
    return span_of(names[n]);
}

static struct span lower(struct span text, struct arena *a)
{
    struct span copy = arena_copy(a, text);
    char *at = copy.at ? arena_take(a, copy.len + 1) : NULL;
    for (size_t i = 0; at && i < copy.len; i++)
        at[i] = copy.at[i] >= 'A' && copy.at[i] <= 'Z' ? (char)(copy.at[i] + 32) : copy.at[i];
    return at ? span_make(at, copy.len) : text;
}

struct operation_read {
    enum job_state state;
    struct span error, samples, reason, progress;
};

static struct span first_item(struct span list, struct arena *a)
{
    struct span name, value;
    struct raw_iter it = raw_iter(list, a);
    return raw_kind(list) == JSON_ARRAY && raw_next(&it, &name, &value) ? value : SPAN_NONE;
}

/* One that is done without a video was refused by the vendor's filters. */
static struct operation_read read_operation(struct span body, struct arena *a)
{
    struct span made = raw_member(raw_member(body, SPAN("response"), a), SPAN("generateVideoResponse"), a);
    struct operation_read r = { .error = raw_member(body, SPAN("error"), a), .samples = raw_member(made, SPAN("generatedSamples"), a),
        .reason = first_item(raw_member(made, SPAN("raiMediaFilteredReasons"), a), a),
        .progress = raw_member(raw_member(body, SPAN("metadata"), a), SPAN("progressPercent"), a) };
    if (!span_is(raw_member(body, SPAN("done"), a), SPAN("true")))
        r.state = JOB_IN_PROGRESS;
    else
        r.state = raw_kind(r.error) != JSON_OBJECT && first_item(r.samples, a).at ? JOB_COMPLETED : JOB_FAILED;
    return r;
}

static void put_operation_error(struct json_out *o, const struct operation_read *r, struct arena *a)
{
    if (r->state != JOB_FAILED)
        json_pair_raw(o, SPAN("error"), SPAN_NONE);
    else if (raw_kind(r->error) == JSON_OBJECT)
        put_error(o, rpc_code(raw_member(r->error, SPAN("code"), a)), text_or(raw_member(r->error, SPAN("message"), a), usual_message(JOB_FAILED), a));
    else
        put_error(o, SPAN("content_filtered"), text_or(r->reason, SPAN("no video was given: the vendor's filters held it back"), a));
}

static void put_results(struct json_out *o, struct span samples, struct arena *a)
{
    struct span name, value;
    json_name(o, SPAN("results"));
    json_open(o, '[');
    for (struct raw_iter it = raw_iter(samples, a); raw_next(&it, &name, &value);) {
        struct span uri = raw_member(raw_member(value, SPAN("video"), a), SPAN("uri"), a);
        if (raw_kind(uri) != JSON_STRING)
            continue;
        json_open(o, '{');
        json_pair_raw(o, SPAN("url"), uri);
        json_close(o, '}');
    }
    json_close(o, ']');
}

/* "models/veo-3.1/operations/abc" */
static struct span model_of(struct span name)
{
    struct span rest = name, models, model;
    bool whole = span_cut(&rest, '/', &models) && span_cut(&rest, '/', &model);
    return whole ? model : SPAN_NONE;
}

static struct span id_of(struct span name, struct arena *a)
{
    char *at = arena_take(a, name.len + 1);
    for (size_t i = 0; at && i < name.len; i++)
        at[i] = name.at[i] == '/' ? ':' : name.at[i];
    return at ? span_make(at, name.len) : SPAN_NONE;
}

bool video_job_of_operation(struct json *j, struct span body, struct span name, int64_t made_at, struct arena *a, struct buf *out)
{
    if (!is_object(j, body))
        return false;
    struct operation_read r = read_operation(body, a);
    struct json_out o = json_out(out);
    json_open(&o, '{');
    json_pair(&o, SPAN("id"), id_of(name, a));
    json_pair(&o, SPAN("object"), SPAN("video"));
    json_pair(&o, SPAN("model"), model_of(name));
    put_state(&o, r.state, r.progress);
    if (made_at)
        json_pair_i64(&o, SPAN("created_at"), made_at / 1000);
    put_operation_error(&o, &r, a);
    if (r.state == JOB_COMPLETED)
        put_results(&o, r.samples, a);
    json_close(&o, '}');
    return true;
}

bool video_job_fault(struct json *j, struct span body, struct arena *a, struct buf *out)
{
    struct span error = is_object(j, body) ? raw_member(body, SPAN("error"), a) : SPAN_NONE;
    struct span state = raw_text(raw_member(error, SPAN("status"), a), a);
    if (!state.len)
        return false;
    struct json_out o = json_out(out);
    json_open(&o, '{');
    json_name(&o, SPAN("error"));
    json_open(&o, '{');
    json_pair(&o, SPAN("message"), text_or(raw_member(error, SPAN("message"), a), SPAN(""), a));
    json_pair(&o, SPAN("type"), SPAN("invalid_request_error"));
    json_pair_raw(&o, SPAN("param"), SPAN_NONE);
    json_pair(&o, SPAN("code"), lower(state, a));
    json_close(&o, '}');
    json_close(&o, '}');
    return true;
}
