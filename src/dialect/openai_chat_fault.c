/* SPDX-License-Identifier: Apache-2.0
 * openai_chat_fault.c - errors: {"error": {"message", "type", "param", "code"}}, and what imitators make of it: the error as a text, as
 * a number and a text (OpenRouter), in a list (Google), a bare message or detail, a page of a proxy. */
#include "dialect/openai_chat_int.h"
#include "dialect/serial.h"

#include "base/text.h"

enum { MESSAGE_MOST = 2000 };

struct said {
    struct span message, type, code, param; /* raw */
};

static void read_error(struct span error, struct arena *a, struct said *out)
{
    if (raw_kind(error) == JSON_STRING) {
        out->message = error;
        return;
    }
    out->message = raw_member(error, SPAN("message"), a);
    out->type = raw_member(error, SPAN("type"), a);
    out->code = raw_member(error, SPAN("code"), a);
    out->param = raw_member(error, SPAN("param"), a);
    if (!out->type.at)
        out->type = raw_member(error, SPAN("status"), a); /* Google's */
}

/* A page, or nothing: its beginning, if that is text. */
static struct span bare_message(struct span body, struct arena *a)
{
    struct span text = span_first(span_trim(body), MESSAGE_MOST);
    while (text.len && !text_is_utf8(text) && text.len + 4 > MESSAGE_MOST) /* not in the middle of a character */
        text.len--;
    return raw_quote(text.len ? text : SPAN("the vendor gave no reason"), a);
}

static void read_said(struct json *j, struct span body, struct arena *a, struct said *out)
{
    const char *why;
    struct span none, object = body;
    struct json_value root;
    if (!serial_object(j, &object)) {
        struct raw_iter it = raw_iter(object, a); /* serial_object took the blanks off */
        if (raw_kind(object) != JSON_ARRAY || json_parse(j, object, false, &root, &why) || !raw_next(&it, &none, &object))
            return;
    }
    struct span error = raw_member(object, SPAN("error"), a);
    read_error(raw_kind(error) == JSON_OBJECT || raw_kind(error) == JSON_STRING ? error : object, a, out);
    if (raw_kind(out->message) != JSON_STRING)
        out->message = raw_member(object, SPAN("detail"), a);
}

static bool says(struct span raw, const char *word) { return raw_is(raw, span_of(word)); }

static enum fault_kind kind_of(const struct said *s, int status)
{
    static const struct {
        const char *word;
        enum fault_kind kind;
    } known[] = { { "context_length_exceeded", FAULT_CONTEXT }, { "string_above_max_length", FAULT_CONTEXT },
        { "content_policy_violation", FAULT_CONTENT }, { "content_filter", FAULT_CONTENT }, { "insufficient_quota", FAULT_BALANCE },
        { "billing_hard_limit_reached", FAULT_BALANCE }, { "invalid_api_key", FAULT_KEY }, { "authentication_error", FAULT_KEY },
        { "permission_error", FAULT_PERMISSION }, { "model_not_found", FAULT_NOT_FOUND }, { "not_found_error", FAULT_NOT_FOUND },
        { "rate_limit_exceeded", FAULT_RATE }, { "rate_limit_error", FAULT_RATE }, { "overloaded_error", FAULT_OVERLOAD },
        { "invalid_request_error", FAULT_REQUEST } };
    enum fault_kind kind = fault_of_status(status);
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (says(s->code, known[i].word) || says(s->type, known[i].word)) {
            /* A bare "invalid_request_error" is said of keys and models, too: the status knows better. */
            bool vague = known[i].kind == FAULT_REQUEST && status >= 400 && status < 500;
            kind = vague ? kind : known[i].kind;
            break;
        }
    return fault_of_words(s->message, kind);
}

void chat_read_fault(struct json *j, int status, struct span body, struct arena *a, struct fault *out)
{
    struct said s = { .message = SPAN_NONE };
    int64_t number;
    read_said(j, body, a, &s);
    /* In a stream the status was 200 long ago: some tell the one it would have been. */
    if (status == 500 && json_raw_integer(s.code, &number) && number >= 400 && number <= 599)
        status = (int)number;
    *out = (struct fault){ .kind = kind_of(&s, status), .status = status };
    out->message = raw_kind(s.message) == JSON_STRING && s.message.len > 2 ? s.message : bare_message(body, a);
    out->code = raw_kind(s.code) == JSON_STRING ? s.code : raw_kind(s.type) == JSON_STRING ? s.type : SPAN_NONE;
    out->param = raw_kind(s.param) == JSON_STRING ? s.param : SPAN_NONE;
}

/* OpenAI's own words for what happened; where a vendor's code says it better, that one stays. */
static struct span type_of(enum fault_kind kind, struct span *code)
{
    switch (kind) {
    case FAULT_KEY:
        *code = SPAN("\"invalid_api_key\"");
        return SPAN("authentication_error");
    case FAULT_PERMISSION:
        return SPAN("permission_error");
    case FAULT_BALANCE:
        *code = SPAN("\"insufficient_quota\"");
        return SPAN("insufficient_quota");
    case FAULT_NOT_FOUND:
        *code = SPAN("\"not_found\"");
        break;
    case FAULT_CONTEXT:
        *code = SPAN("\"context_length_exceeded\"");
        break;
    case FAULT_CONTENT:
        *code = SPAN("\"content_filter\"");
        break;
    case FAULT_RATE:
        *code = SPAN("\"rate_limit_exceeded\"");
        return SPAN("rate_limit_error");
    case FAULT_OVERLOAD:
        *code = SPAN("\"overloaded\"");
        return SPAN("server_error");
    case FAULT_SERVER:
        return SPAN("server_error");
    case FAULT_REQUEST:
    case FAULT_TOO_LARGE:
        break;
    }
    return SPAN("invalid_request_error");
}

int chat_write_fault(struct buf *out, const struct fault *fault, struct span call_id, struct span details)
{
    struct json_out o = json_out(out);
    struct span usual = SPAN_NONE, type = type_of(fault->kind, &usual);
    bool fixed = fault->kind == FAULT_CONTEXT; /* SDKs look for this word */
    json_open(&o, '{');
    json_name(&o, SPAN("error"));
    json_open(&o, '{');
    json_pair_raw(&o, SPAN("message"), fault->message.at ? fault->message : SPAN("\"\""));
    json_pair(&o, SPAN("type"), type);
    json_pair_raw(&o, SPAN("param"), fault->param);
    json_pair_raw(&o, SPAN("code"), fixed || !fault->code.at ? usual : fault->code);
    if (details.at)
        json_pair_raw(&o, SPAN("tollgate"), details);
    json_close(&o, '}');
    if (call_id.at)
        json_pair(&o, SPAN("request_id"), call_id);
    json_close(&o, '}');
    return fault->status >= 400 && fault_of_status(fault->status) == fault->kind ? fault->status : fault_status(fault->kind);
}
