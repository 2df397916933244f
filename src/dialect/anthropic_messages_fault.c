/* SPDX-License-Identifier: Apache-2.0
 * anthropic_messages_fault.c - Anthropic's errors, read and written. Bedrock's and Google's own stand before Claude's: they are read too. */
#include "dialect/anthropic_int.h"
#include "dialect/member.h"

static const struct {
    struct span type;
    enum fault_kind kind;
    int status;
} types[] = {
    { { "invalid_request_error", 21 }, FAULT_REQUEST, 400 },
    { { "authentication_error", 20 }, FAULT_KEY, 401 },
    { { "billing_error", 13 }, FAULT_BALANCE, 402 },
    { { "permission_error", 16 }, FAULT_PERMISSION, 403 },
    { { "not_found_error", 15 }, FAULT_NOT_FOUND, 404 },
    { { "request_too_large", 17 }, FAULT_TOO_LARGE, 413 },
    { { "rate_limit_error", 16 }, FAULT_RATE, 429 },
    { { "api_error", 9 }, FAULT_SERVER, 500 },
    { { "overloaded_error", 16 }, FAULT_OVERLOAD, 529 },
    { { "timeout_error", 13 }, FAULT_SERVER, 504 },
};
enum { TYPES = sizeof(types) / sizeof(*types) };

/* --- reading --- */

void anthropic_fault_of(struct span error, int status, struct arena *a, struct fault *out)
{
    struct span type = raw_member(error, SPAN("type"), a), message = raw_member(error, SPAN("message"), a);
    enum fault_kind kind = status ? fault_of_status(status) : FAULT_SERVER;
    for (size_t i = 0; i < TYPES; i++) {
        if (!raw_is(type, types[i].type))
            continue;
        kind = types[i].kind;
        status = status ? status : types[i].status;
    }
    bool told = raw_kind(message) == JSON_STRING;
    *out = (struct fault){
        .kind = told ? fault_of_words(raw_inside(message), kind) : kind,
        .status = status ? status : 500,
        .message = told ? message : SPAN("\"the vendor answered with an error and said no more\""),
        .code = raw_kind(type) == JSON_STRING ? type : SPAN_NONE,
    };
}

/* Bedrock: {"message": ...} or {"Message": ...}; Google's front: {"error": {"message", "status"}} or a list of one. */
static struct span error_of(struct span body, struct arena *a)
{
    struct span name, first;
    struct raw_iter it = raw_iter(body, a);
    if (raw_kind(body) == JSON_ARRAY)
        return raw_next(&it, &name, &first) && raw_kind(first) == JSON_OBJECT ? error_of(first, a) : SPAN_NONE;
    struct span error = raw_member(body, SPAN("error"), a);
    return raw_kind(error) == JSON_OBJECT ? error : body;
}

static struct span without_blanks(struct span s)
{
    while (s.len && (*s.at == ' ' || (*s.at >= '\t' && *s.at <= '\r')))
        s = span_from(s, 1);
    while (s.len && (s.at[s.len - 1] == ' ' || (s.at[s.len - 1] >= '\t' && s.at[s.len - 1] <= '\r')))
        s.len--;
    return s;
}

void anthropic_read_fault(struct json *j, int status, struct span body, struct arena *a, struct fault *out)
{
    struct json_value root;
    const char *why;
    struct span error = json_parse(j, body, true, &root, &why) ? SPAN_NONE : error_of(without_blanks(body), a);
    anthropic_fault_of(error, status, a, out);
    struct span google = raw_member(error, SPAN("status"), a), amazon = raw_member(error, SPAN("Message"), a);
    if (raw_kind(google) == JSON_STRING && !out->code.at)
        out->code = google;
    if (raw_kind(amazon) == JSON_STRING && raw_kind(raw_member(error, SPAN("message"), a)) != JSON_STRING)
        out->message = amazon;
}

/* --- writing --- */

static size_t type_of(enum fault_kind kind)
{
    for (size_t i = 0; i < TYPES; i++)
        if (types[i].kind == kind)
            return i;
    return 0; /* FAULT_CONTEXT, FAULT_CONTENT */
}

static void put_members(struct json_out *o, const struct fault *fault)
{
    json_pair(o, SPAN("type"), fault->status == 504 ? SPAN("timeout_error") : types[type_of(fault->kind)].type);
    json_pair_raw(o, SPAN("message"), fault->message.at ? fault->message : SPAN("\"\""));
}

void anthropic_put_fault(struct json_out *o, const struct fault *fault)
{
    json_open(o, '{');
    put_members(o, fault);
    json_close(o, '}');
}

/* The vendor's status where it means the same here. */
static int status_of(const struct fault *fault)
{
    bool fits = fault->status >= 400 && fault->status < 600 && fault->kind != FAULT_OVERLOAD && fault_of_status(fault->status) == fault->kind;
    return fits ? fault->status : types[type_of(fault->kind)].status;
}

int anthropic_write_fault(struct buf *out, const struct fault *fault, struct span call_id, struct span details)
{
    struct json_out o = json_out(out);
    json_open(&o, '{');
    json_pair(&o, SPAN("type"), SPAN("error"));
    json_name(&o, SPAN("error"));
    json_open(&o, '{');
    put_members(&o, fault);
    if (details.len) { /* a refusal of the gate's own */
        json_pair_raw(&o, SPAN("code"), fault->code);
        json_pair_raw(&o, SPAN("tollgate"), details);
    }
    json_close(&o, '}');
    if (call_id.len)
        json_pair(&o, SPAN("request_id"), call_id);
    json_close(&o, '}');
    return status_of(fault);
}
