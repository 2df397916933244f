/* SPDX-License-Identifier: Apache-2.0
 * failure.c - what kind of failure an answer is: by its status, and by what vendors write into their errors' fields. Only those fields
 * are looked at: a message that repeats the caller's text elsewhere says nothing. */
#include "base/json.h"
#include "base/text.h"
#include "route/route.h"

enum { BODY_MOST = 64 << 10, TEXT_MOST = 4096 };

static const struct {
    struct span mark; /* lower case */
    enum failure is;
} marks[] = {
#define MARK(text, failure) { { text, sizeof(text) - 1 }, FAILURE_##failure }
    MARK("context_length_exceeded", CONTEXT_WINDOW),
    MARK("context window", CONTEXT_WINDOW),
    MARK("context length", CONTEXT_WINDOW),
    MARK("prompt is too long", CONTEXT_WINDOW),
    MARK("input is too long", CONTEXT_WINDOW),
    MARK("input length and", CONTEXT_WINDOW),
    MARK("string_above_max_length", CONTEXT_WINDOW),
    MARK("exceeds the maximum number of tokens", CONTEXT_WINDOW),
    MARK("too many input tokens", CONTEXT_WINDOW),
    MARK("content_filter", CONTENT_POLICY),
    MARK("content filter", CONTENT_POLICY),
    MARK("content_policy", CONTENT_POLICY),
    MARK("content policy", CONTENT_POLICY),
    MARK("responsibleaipolicyviolation", CONTENT_POLICY),
    MARK("content management policy", CONTENT_POLICY),
    MARK("usage policy", CONTENT_POLICY),
    MARK("safety system", CONTENT_POLICY),
    MARK("moderation_blocked", CONTENT_POLICY),
    MARK("prohibited_content", CONTENT_POLICY),
    MARK("guardrail_intervened", CONTENT_POLICY),
    MARK("rate_limit", RATE_LIMIT),
    MARK("resource_exhausted", RATE_LIMIT),
    MARK("throttlingexception", RATE_LIMIT),
    MARK("insufficient_quota", RATE_LIMIT),
    MARK("credit balance is too low", RATE_LIMIT),
    MARK("overloaded", OUTAGE),
    MARK("serviceunavailableexception", OUTAGE),
    MARK("modelnotreadyexception", OUTAGE),
    MARK("deadline_exceeded", TIMEOUT),
    MARK("modeltimeoutexception", TIMEOUT),
    MARK("invalid_api_key", AUTH),
    MARK("authentication_error", AUTH),
    MARK("permission_error", AUTH),
    MARK("api_key_invalid", AUTH),
    MARK("api key not valid", AUTH),
    MARK("accessdeniedexception", AUTH),
    MARK("unrecognizedclientexception", AUTH),
#undef MARK
};

static unsigned of_text(struct span text)
{
    char low[TEXT_MOST];
    unsigned found = 0;
    struct span s = span_first(text, TEXT_MOST);
    for (size_t i = 0; i < s.len; i++)
        low[i] = text_lower(s.at[i]);
    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks) && s.len; i++)
        if (span_find(span_make(low, s.len), marks[i].mark) >= 0)
            found |= marks[i].is;
    return found;
}

static unsigned of_status(int status)
{
    switch (status) {
    case 401:
    case 403:
        return FAILURE_AUTH;
    case 402:
    case 429:
        return FAILURE_RATE_LIMIT;
    case 408:
        return FAILURE_TIMEOUT;
    case 504:
        return FAILURE_TIMEOUT | FAILURE_OUTAGE;
    default:
        return status == 0 || status >= 500 ? FAILURE_OUTAGE : 0;
    }
}

static unsigned of_fields(struct json_value root)
{
    static const char *const paths[] = { "error.code", "error.type", "error.status", "error.message", "error.innererror.code", "error.inner_error.code", "error.details.0.reason",
        "error", "code", "type", "__type", "message", "Message", "detail" };
    unsigned found = 0;
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
        found |= of_text(json_string(json_path(root, span_of(paths[i]))));
    return found;
}

/* Gemini answers 200 to a prompt that it blocks. */
static unsigned of_success(struct json_value root)
{
    return json_string(json_path(root, SPAN("promptFeedback.blockReason"))).len ? FAILURE_CONTENT_POLICY : 0;
}

/* Where a gateway sends a list of one. */
static struct json_value unwrapped(struct json_value root)
{
    return json_kind(root) == JSON_ARRAY && json_count(root) == 1 ? json_path(root, SPAN("0")) : root;
}

unsigned failure_of(int status, struct span body)
{
    unsigned found = of_status(status);
    struct json_value root;
    const char *why;
    bool success = status >= 200 && status < 300;
    struct json *j = body.len && body.len <= BODY_MOST ? json_new() : NULL;
    if (j && json_parse(j, body, false, &root, &why) == E_OK)
        found |= success ? of_success(unwrapped(root)) : of_fields(unwrapped(root));
    if (j)
        json_free(j);
    /* 429 about tokens is about tokens a minute; a refusal by content is none of a key. */
    if (found & FAILURE_RATE_LIMIT)
        found &= ~(unsigned)FAILURE_CONTEXT_WINDOW;
    if (found & FAILURE_CONTENT_POLICY)
        found &= ~(unsigned)FAILURE_AUTH;
    return found;
}
