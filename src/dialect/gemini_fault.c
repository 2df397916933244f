/* SPDX-License-Identifier: Apache-2.0
 * gemini_fault.c - Google's errors (google.rpc.Status as JSON), read and written. See gemini.h. */
#include "dialect/gemini.h"

static const struct {
    struct span status;
    enum fault_kind kind;
} statuses[] = {
    { { "INVALID_ARGUMENT", 16 }, FAULT_REQUEST },
    { { "FAILED_PRECONDITION", 19 }, FAULT_REQUEST },
    { { "OUT_OF_RANGE", 12 }, FAULT_REQUEST },
    { { "UNAUTHENTICATED", 15 }, FAULT_KEY },
    { { "PERMISSION_DENIED", 17 }, FAULT_PERMISSION },
    { { "NOT_FOUND", 9 }, FAULT_NOT_FOUND },
    { { "RESOURCE_EXHAUSTED", 18 }, FAULT_RATE },
    { { "UNAVAILABLE", 11 }, FAULT_OVERLOAD },
    { { "DEADLINE_EXCEEDED", 17 }, FAULT_SERVER },
    { { "INTERNAL", 8 }, FAULT_SERVER },
    { { "UNKNOWN", 7 }, FAULT_SERVER },
};

/* --- read --- */

/* details[].reason, of an ErrorInfo. */
static struct span reason_of(struct span details, struct arena *a)
{
    struct gemini_list list = gemini_list(details, a);
    for (struct span item; gemini_next(&list, &item);) {
        struct span reason = raw_member(item, SPAN("reason"), a);
        if (raw_kind(reason) == JSON_STRING)
            return reason;
    }
    return SPAN_NONE;
}

static enum fault_kind kind_of(int status, struct span word, struct span reason, struct span message)
{
    enum fault_kind kind = fault_of_status(status);
    for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++)
        if (raw_is(word, statuses[i].status))
            kind = statuses[i].kind;
    if (raw_is(reason, SPAN("API_KEY_INVALID")) || span_find(message, SPAN("API key not valid")) >= 0)
        return FAULT_KEY;
    if (raw_is(reason, SPAN("BILLING_DISABLED")) || span_find(message, SPAN("prepayment credits are depleted")) >= 0)
        return FAULT_BALANCE;
    /* The words of OpenAI's empty account are Google's for any quota, that of a minute too. */
    enum fault_kind said = fault_of_words(message, kind);
    return said == FAULT_BALANCE && kind == FAULT_RATE ? FAULT_RATE : said;
}

/* Where the stream is an array, the error is one, too. */
static struct span error_of(struct json *j, struct span body, struct arena *a)
{
    struct json_value root;
    const char *why;
    struct span trimmed = gemini_trim(body), first;
    if (json_parse(j, body, false, &root, &why))
        return SPAN_NONE;
    struct gemini_list list = gemini_list(trimmed, a);
    return gemini_next(&list, &first) ? gemini_member(first, SPAN("error"), a) : SPAN_NONE;
}

void gemini_read_fault(struct json *j, int status, struct span body, struct arena *a, struct fault *out)
{
    struct span error = error_of(j, body, a), message = raw_member(error, SPAN("message"), a), word = raw_member(error, SPAN("status"), a);
    struct span reason = reason_of(raw_member(error, SPAN("details"), a), a);
    if (raw_kind(error) == JSON_STRING)
        message = error;
    *out = (struct fault){ .status = status };
    out->message = raw_kind(message) == JSON_STRING ? arena_copy(a, message) : raw_quote(span_first(body, 1024), a);
    out->code = raw_kind(word) == JSON_STRING ? arena_copy(a, word) : SPAN_NONE;
    out->kind = kind_of(status, word, reason, raw_text(out->message, a));
}

/* --- written --- */

static struct span status_word(enum fault_kind kind)
{
    switch (kind) {
    case FAULT_KEY:
        return SPAN("UNAUTHENTICATED");
    case FAULT_PERMISSION:
        return SPAN("PERMISSION_DENIED");
    case FAULT_NOT_FOUND:
        return SPAN("NOT_FOUND");
    case FAULT_BALANCE:
    case FAULT_RATE:
        return SPAN("RESOURCE_EXHAUSTED");
    case FAULT_OVERLOAD:
        return SPAN("UNAVAILABLE");
    case FAULT_SERVER:
        return SPAN("INTERNAL");
    case FAULT_REQUEST:
    case FAULT_TOO_LARGE:
    case FAULT_CONTEXT:
    case FAULT_CONTENT:
        break;
    }
    return SPAN("INVALID_ARGUMENT");
}

static int status_of(const struct fault *fault)
{
    return fault->kind == FAULT_OVERLOAD || fault->status < 400 || fault->status > 599 ? fault_status(fault->kind) : fault->status;
}

/* ErrorInfo with the word of whoever refused; RequestInfo with the call's id. */
static void put_details(struct json_out *o, const struct fault *fault, struct span call_id, struct span details)
{
    json_name(o, SPAN("details"));
    json_open(o, '[');
    if (fault->code.at) {
        json_open(o, '{');
        json_pair(o, SPAN("@type"), SPAN("type.googleapis.com/google.rpc.ErrorInfo"));
        json_pair_raw(o, SPAN("reason"), fault->code);
        json_pair(o, SPAN("domain"), SPAN("tollgate"));
        json_close(o, '}');
    }
    if (call_id.at) {
        json_open(o, '{');
        json_pair(o, SPAN("@type"), SPAN("type.googleapis.com/google.rpc.RequestInfo"));
        json_pair(o, SPAN("requestId"), call_id);
        json_close(o, '}');
    }
    json_close(o, ']');
    if (details.at)
        json_pair_raw(o, SPAN("tollgate"), details);
}

void gemini_put_error(struct json_out *o, const struct fault *fault, struct span call_id, struct span details)
{
    json_open(o, '{');
    json_pair_i64(o, SPAN("code"), status_of(fault));
    json_pair_raw(o, SPAN("message"), fault->message.at ? fault->message : SPAN("\"\""));
    json_pair(o, SPAN("status"), status_word(fault->kind));
    if (fault->code.at || call_id.at || details.at)
        put_details(o, fault, call_id, details);
    json_close(o, '}');
}

int gemini_write_fault(struct buf *out, const struct fault *fault, struct span call_id, struct span details)
{
    struct json_out o = json_out(out);
    json_open(&o, '{');
    json_name(&o, SPAN("error"));
    gemini_put_error(&o, fault, call_id, details);
    json_close(&o, '}');
    return status_of(fault);
}
