/* SPDX-License-Identifier: Apache-2.0
 * openai_responses_fault.c - errors: {"error":{"message","type","param","code"}}, of the whole answer; the same members in an event of a
 * stream, and {"code","message"} in a response that failed. */
#include "dialect/member.h"
#include "dialect/openai_responses_int.h"

/* The vendor's words for a kind, as `code` and as `type`. */
static const struct {
    enum fault_kind kind;
    struct span code, type;
} words[] = {
    { FAULT_REQUEST, { "invalid_request", 15 }, { "invalid_request_error", 21 } },
    { FAULT_KEY, { "invalid_api_key", 15 }, { "authentication_error", 20 } },
    { FAULT_PERMISSION, { "permission_denied", 17 }, { "permission_error", 16 } },
    { FAULT_BALANCE, { "insufficient_quota", 18 }, { "insufficient_quota", 18 } },
    { FAULT_NOT_FOUND, { "model_not_found", 15 }, { "not_found_error", 15 } },
    { FAULT_TOO_LARGE, { "request_too_large", 17 }, { "invalid_request_error", 21 } },
    { FAULT_CONTEXT, { "context_length_exceeded", 23 }, { "invalid_request_error", 21 } },
    { FAULT_CONTENT, { "content_policy_violation", 24 }, { "invalid_request_error", 21 } },
    { FAULT_RATE, { "rate_limit_exceeded", 19 }, { "rate_limit_error", 16 } },
    { FAULT_OVERLOAD, { "server_is_overloaded", 20 }, { "service_unavailable_error", 25 } },
    { FAULT_SERVER, { "server_error", 12 }, { "server_error", 12 } },
};
enum { WORDS = sizeof(words) / sizeof(*words) };

static size_t row_of(enum fault_kind kind)
{
    for (size_t i = 0; i < WORDS; i++)
        if (words[i].kind == kind)
            return i;
    return WORDS - 1;
}

/* --- reading --- */

/* A stream has no status: the code says it. */
static enum fault_kind kind_of_code(struct span code, enum fault_kind otherwise)
{
    for (size_t i = 0; i < WORDS; i++)
        if (raw_is(code, words[i].code) || raw_is(code, words[i].type))
            return words[i].kind;
    if (raw_is(code, SPAN("invalid_prompt")) || raw_is(code, SPAN("cyber_policy")) || raw_is(code, SPAN("bio_policy")))
        return FAULT_CONTENT;
    return otherwise;
}

static struct span string_of(struct span object, struct span name, struct arena *a)
{
    struct span v = responses_said(object, name, a);
    return raw_kind(v) == JSON_STRING ? v : SPAN_NONE;
}

struct fault responses_fault_of(struct span error, int status, struct arena *a)
{
    struct fault f = { .kind = status ? fault_of_status(status) : FAULT_SERVER, .status = status };
    f.message = string_of(error, SPAN("message"), a);
    f.code = string_of(error, SPAN("code"), a);
    f.param = string_of(error, SPAN("param"), a);
    if (!f.code.at)
        f.code = string_of(error, SPAN("type"), a);
    if (raw_is(f.code, SPAN("error"))) /* an event's type */
        f.code = SPAN_NONE;
    enum fault_kind said = kind_of_code(f.code, f.kind);
    bool rough = !status || f.kind == FAULT_REQUEST || (f.kind == FAULT_RATE && said == FAULT_BALANCE);
    if (rough)
        f.kind = said;
    f.kind = fault_of_words(raw_inside(f.message), f.kind);
    if (f.code.at && f.kind == FAULT_REQUEST)
        f.kind = fault_of_words(raw_inside(f.code), f.kind);
    if (!f.status)
        f.status = fault_status(f.kind);
    return f;
}

/* What is no JSON is told as it is, its beginning. */
static void read_words(int status, struct span body, struct arena *a, struct fault *out)
{
    enum { WORDS_MOST = 512 };
    struct span text = span_first(body, WORDS_MOST);
    bool shown = text.len && *text.at != '<'; /* a page for people says nothing here */
    struct span message = raw_quote(shown ? text : SPAN("the vendor answered with an error that says nothing"), a);
    *out = (struct fault){ .kind = fault_of_words(text, fault_of_status(status)), .status = status, .message = message };
}

void responses_read_fault(struct json *j, int status, struct span body, struct arena *a, struct fault *out)
{
    struct member m[] = { { .name = SPAN("error") }, { .name = SPAN("message") } };
    if (!member_find(j, body, m, 2, NULL)) {
        read_words(status, body, a, out);
        return;
    }
    bool nested = m[0].kind == JSON_OBJECT;
    int said = status >= 400 ? status : 0; /* a response that failed comes with 200 */
    *out = responses_fault_of(nested ? m[0].raw : body, said, a);
    if (!out->message.at && m[0].kind == JSON_STRING)
        out->message = m[0].raw;
    if (!out->message.at)
        read_words(out->status, body, a, out);
}

/* --- writing --- */

struct span responses_fault_code(const struct fault *fault, struct arena *a)
{
    return fault->code.at ? fault->code : raw_quote(words[row_of(fault->kind)].code, a);
}

int responses_write_fault(struct buf *out, const struct fault *fault, struct span call_id, struct span details)
{
    struct json_out o = json_out(out);
    const size_t row = row_of(fault->kind);
    json_open(&o, '{');
    json_name(&o, SPAN("error"));
    json_open(&o, '{');
    json_pair_raw(&o, SPAN("message"), fault->message.at ? fault->message : SPAN("\"\""));
    json_pair(&o, SPAN("type"), words[row].type);
    json_pair_raw(&o, SPAN("param"), fault->param);
    json_name(&o, SPAN("code"));
    if (fault->code.at)
        json_put_raw(&o, fault->code);
    else
        json_put_string(&o, words[row].code);
    if (details.at)
        json_pair_raw(&o, SPAN("tollgate"), details);
    json_close(&o, '}');
    if (call_id.at)
        json_pair(&o, SPAN("request_id"), call_id);
    json_close(&o, '}');
    return fault->status >= 400 && fault->status != 529 ? fault->status : fault_status(fault->kind);
}
