/* SPDX-License-Identifier: Apache-2.0
 * translate.c - what translators share: faults by status and by words, quirks, and emitting. */
#include "dialect/translate.h"

#include "dialect/signature.h"

/* --- faults --- */

enum fault_kind fault_of_status(int status)
{
    switch (status) {
    case 401:
        return FAULT_KEY;
    case 402:
        return FAULT_BALANCE;
    case 403:
        return FAULT_PERMISSION;
    case 404:
    case 405:
    case 410:
        return FAULT_NOT_FOUND;
    case 413:
        return FAULT_TOO_LARGE;
    case 429:
        return FAULT_RATE;
    case 503:
    case 529:
        return FAULT_OVERLOAD;
    case 408: /* the vendor gave up, not the caller */
        return FAULT_SERVER;
    default:
        return status >= 400 && status < 500 ? FAULT_REQUEST : FAULT_SERVER;
    }
}

int fault_status(enum fault_kind kind)
{
    switch (kind) {
    case FAULT_KEY:
        return 401;
    case FAULT_BALANCE:
        return 402;
    case FAULT_PERMISSION:
        return 403;
    case FAULT_NOT_FOUND:
        return 404;
    case FAULT_TOO_LARGE:
        return 413;
    case FAULT_RATE:
        return 429;
    case FAULT_OVERLOAD:
        return 503;
    case FAULT_SERVER:
        return 500;
    case FAULT_REQUEST:
    case FAULT_CONTEXT:
    case FAULT_CONTENT:
        break;
    }
    return 400;
}

struct fault fault_of(enum err e, struct span message, struct arena *a)
{
    int status = err_status(e);
    return (struct fault){
        .kind = fault_of_status(status),
        .status = status,
        .message = raw_quote(message.at ? message : err_text(e), a),
        .code = raw_quote(err_code(e), a),
    };
}

/* What vendors say, in lower case, and of which kinds it can then be: a rate limit may speak of tokens, too. */
static const struct {
    struct span words;
    enum fault_kind kind;
} sayings[] = {
    { { "context_length", 14 }, FAULT_CONTEXT },
    { { "context length", 14 }, FAULT_CONTEXT },
    { { "context window", 14 }, FAULT_CONTEXT },
    { { "prompt is too long", 18 }, FAULT_CONTEXT },
    { { "prompt too long", 15 }, FAULT_CONTEXT },
    { { "input is too long", 17 }, FAULT_CONTEXT },
    { { "input token count", 17 }, FAULT_CONTEXT },
    { { "input length and `max_tokens` exceed", 36 }, FAULT_CONTEXT },
    { { "maximum number of input tokens", 30 }, FAULT_CONTEXT },
    { { "maximum allowed input length", 28 }, FAULT_CONTEXT },
    { { "reduce the length of", 20 }, FAULT_CONTEXT },
    { { "too large for model", 19 }, FAULT_CONTEXT },
    { { "content_filter", 14 }, FAULT_CONTENT },
    { { "content filter", 14 }, FAULT_CONTENT },
    { { "content_policy", 14 }, FAULT_CONTENT },
    { { "content policy", 14 }, FAULT_CONTENT },
    { { "content management policy", 25 }, FAULT_CONTENT },
    { { "safety system", 13 }, FAULT_CONTENT },
    { { "usage policies", 14 }, FAULT_CONTENT },
    { { "usage policy", 12 }, FAULT_CONTENT },
    { { "insufficient_quota", 18 }, FAULT_BALANCE },
    { { "insufficient balance", 20 }, FAULT_BALANCE },
    { { "insufficient credits", 20 }, FAULT_BALANCE },
    { { "credit balance is too low", 25 }, FAULT_BALANCE },
    { { "exceeded your current quota, please check your plan and billing", 63 }, FAULT_BALANCE },
    { { "overloaded", 10 }, FAULT_OVERLOAD },
};

static bool fits(enum fault_kind said, enum fault_kind status)
{
    if (said == FAULT_OVERLOAD)
        return status == FAULT_SERVER || status == FAULT_RATE;
    if (said == FAULT_BALANCE)
        return status == FAULT_REQUEST || status == FAULT_RATE || status == FAULT_PERMISSION;
    return status == FAULT_REQUEST || status == FAULT_TOO_LARGE || (said == FAULT_CONTENT && status == FAULT_PERMISSION);
}

enum fault_kind fault_of_words(struct span message, enum fault_kind otherwise)
{
    char lower[1024];
    size_t len = message.len < sizeof(lower) ? message.len : sizeof(lower);
    for (size_t i = 0; i < len; i++)
        lower[i] = (char)(message.at[i] >= 'A' && message.at[i] <= 'Z' ? message.at[i] + ('a' - 'A') : message.at[i]);
    for (size_t i = 0; i < sizeof(sayings) / sizeof(*sayings); i++)
        if (fits(sayings[i].kind, otherwise) && span_find(span_make(lower, len), sayings[i].words) >= 0)
            return sayings[i].kind;
    return otherwise;
}

/* --- quirks --- */

bool quirk_forbids(const struct quirks *q, struct span name, struct notes *n)
{
    for (size_t i = 0; q && i < q->unsupported_count; i++) {
        if (!call_path_is(name, q->unsupported[i]))
            continue;
        call_unsayable(n, name);
        return true;
    }
    return false;
}

/* --- emitting --- */

void reader_emit(struct reader *r, const struct event *e)
{
    if (r->ended || r->failed || r->broken) /* nothing follows an end, or what cannot be understood */
        return;
    bool calls = e->kind == EVENT_PART && e->opens && e->opens->kind == PART_TOOL_CALL;
    if (calls && e->opens->name.len <= 2) { /* nobody could say which tool is meant */
        r->broken = "a call of a tool without its name";
        return;
    }
    r->ended = e->kind == EVENT_END;
    r->failed = e->kind == EVENT_ERROR;
    r->sink(r->self, e);
}

struct span reader_signature(struct reader *r, struct span raw)
{
    return r->owner.at ? signature_mark(raw, r->owner, r->event ? r->event : r->arena) : raw;
}
