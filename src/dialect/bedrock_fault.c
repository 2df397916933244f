/* SPDX-License-Identifier: Apache-2.0
 * bedrock_fault.c - Bedrock's exceptions, as error bodies and inside of streams, by their meaning. */
#include "dialect/bedrock_converse_int.h"

static const struct {
    struct span name; /* without "Exception", as the names of events are written */
    enum fault_kind kind;
    int status;
} exceptions[] = {
    { { "throttling", 10 }, FAULT_RATE, 429 },
    { { "serviceQuotaExceeded", 20 }, FAULT_RATE, 429 },
    { { "modelNotReady", 13 }, FAULT_OVERLOAD, 503 },
    { { "serviceUnavailable", 18 }, FAULT_OVERLOAD, 503 },
    { { "internalServer", 14 }, FAULT_SERVER, 500 },
    { { "modelError", 10 }, FAULT_SERVER, 424 },
    { { "modelStreamError", 16 }, FAULT_SERVER, 424 },
    { { "modelTimeout", 12 }, FAULT_SERVER, 408 },
    { { "validation", 10 }, FAULT_REQUEST, 400 },
    { { "conflict", 8 }, FAULT_REQUEST, 400 },
    { { "resourceNotFound", 16 }, FAULT_NOT_FOUND, 404 },
    { { "accessDenied", 12 }, FAULT_PERMISSION, 403 },
    { { "unrecognizedClient", 18 }, FAULT_KEY, 403 },
    { { "invalidSignature", 16 }, FAULT_KEY, 403 },
    { { "incompleteSignature", 19 }, FAULT_KEY, 403 },
    { { "missingAuthenticationToken", 26 }, FAULT_KEY, 403 },
    { { "expiredToken", 12 }, FAULT_KEY, 403 },
};

bool bedrock_is_exception(struct span name) { return span_ends(name, SPAN("Exception")) || span_is(name, SPAN("error")); }

/* "ThrottlingException" of "com.amazonaws#ThrottlingException:http://...". */
static struct span bare_type(struct span type)
{
    struct span head = type, rest = type;
    if (span_cut(&rest, '#', &head))
        type = rest;
    rest = type;
    return span_cut(&rest, ':', &head) ? head : type;
}

static bool classify(struct span type, struct fault *out)
{
    if (span_ends(type, SPAN("Exception")))
        type.len -= sizeof("Exception") - 1;
    for (size_t i = 0; i < sizeof(exceptions) / sizeof(*exceptions); i++) {
        if (!span_is_nocase(exceptions[i].name, type))
            continue;
        out->kind = exceptions[i].kind;
        if (!out->status)
            out->status = exceptions[i].status;
        return true;
    }
    return false;
}

static struct span string_of(struct span object, const char *name, struct arena *a)
{
    struct span raw = raw_member(object, span_of(name), a);
    return raw_kind(raw) == JSON_STRING ? raw : SPAN_NONE;
}

static struct span first_of(struct span a, struct span b) { return a.at ? a : b; }

void bedrock_fault_of(struct span type, int status, struct span body, struct arena *a, struct fault *out)
{
    bool model_failed = status == 0 || status == 424; /* 424: of the model, not of the request */
    *out = (struct fault){ .kind = model_failed ? FAULT_SERVER : fault_of_status(status), .status = status };
    struct span said = first_of(string_of(body, "__type", a), string_of(body, "code", a));
    struct span name = type.at && !span_is(type, SPAN("error")) ? type : bare_type(raw_text(said, a));
    struct span message = first_of(first_of(string_of(body, "message", a), string_of(body, "Message", a)), string_of(body, "originalMessage", a));
    if (!classify(name, out) && !status)
        out->status = 500;
    if (name.len)
        out->code = raw_quote(name, a);
    out->message = message.at ? message : raw_quote(name.len ? name : SPAN("Bedrock answered with an error"), a);
    struct span text = raw_text(out->message, a);
    if (out->kind == FAULT_PERMISSION && (span_find(text, SPAN("security token")) >= 0 || span_find(text, SPAN("signature")) >= 0))
        out->kind = FAULT_KEY;
    out->kind = fault_of_words(text, out->kind);
}

/* Its type stands in a header (x-amzn-ErrorType) and seldom in the body: the status says nearly the same. */
void bedrock_converse_read_fault(struct json *j, int status, struct span body, struct arena *a, struct fault *out)
{
    bedrock_fault_of(SPAN_NONE, status, serial_object(j, &body) ? body : SPAN_NONE, a, out);
}
