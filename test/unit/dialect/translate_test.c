/* SPDX-License-Identifier: Apache-2.0
 * translate_test.c - what translators share: faults by status and words, quirks, and that nothing follows an end. */
#include "dialect/translate.h"
#include "test/test.h"

TEST(kinds_of_statuses)
{
    static const struct {
        int status;
        enum fault_kind kind;
    } rows[] = { { 400, FAULT_REQUEST }, { 401, FAULT_KEY }, { 402, FAULT_BALANCE }, { 403, FAULT_PERMISSION }, { 404, FAULT_NOT_FOUND },
        { 413, FAULT_TOO_LARGE }, { 422, FAULT_REQUEST }, { 429, FAULT_RATE }, { 408, FAULT_SERVER }, { 500, FAULT_SERVER },
        { 502, FAULT_SERVER }, { 503, FAULT_OVERLOAD }, { 529, FAULT_OVERLOAD }, { 302, FAULT_SERVER } };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        CHECK_INT(fault_of_status(rows[i].status), rows[i].kind);
    for (int kind = FAULT_REQUEST; kind <= FAULT_SERVER; kind++)
        if (kind != FAULT_CONTEXT && kind != FAULT_CONTENT)
            CHECK_INT(fault_of_status(fault_status(kind)), kind);
    CHECK_INT(fault_status(FAULT_CONTEXT), 400);
}

TEST(words_of_vendors)
{
    static const struct {
        const char *text;
        enum fault_kind status, kind;
    } rows[] = {
        { "This model's maximum context length is 8192 tokens.", FAULT_REQUEST, FAULT_CONTEXT },
        { "prompt is too long: 210000 tokens > 200000 maximum", FAULT_REQUEST, FAULT_CONTEXT },
        { "The input token count (1200000) exceeds the maximum", FAULT_REQUEST, FAULT_CONTEXT },
        { "Input is too long for requested model.", FAULT_REQUEST, FAULT_CONTEXT },
        { "The response was filtered due to the content management policy", FAULT_REQUEST, FAULT_CONTENT },
        { "Your request was rejected by our safety system", FAULT_REQUEST, FAULT_CONTENT },
        { "Your credit balance is too low to access the API", FAULT_REQUEST, FAULT_BALANCE },
        { "You exceeded your current quota, please check your plan and billing details.", FAULT_RATE, FAULT_BALANCE },
        { "Too many tokens, please wait before trying again. context window", FAULT_RATE, FAULT_RATE },
        { "Overloaded", FAULT_SERVER, FAULT_OVERLOAD },
        { "the context length header is missing", FAULT_KEY, FAULT_KEY },
        { "temperature must be below 2", FAULT_REQUEST, FAULT_REQUEST },
        { "", FAULT_SERVER, FAULT_SERVER },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        CHECK_INT(fault_of_words(span_of(rows[i].text), rows[i].status), rows[i].kind);
    CHECK_INT(fault_of_words(SPAN_NONE, FAULT_REQUEST), FAULT_REQUEST);
}

TEST(refusals_of_ours)
{
    struct arena a;
    arena_init(&a, 1 << 16);
    struct fault f = fault_of(E_BUDGET_EXCEEDED, SPAN("the \"day\" is over"), &a);
    CHECK_INT(f.kind, FAULT_BALANCE);
    CHECK_INT(f.status, 402);
    CHECK_SPAN(f.message, SPAN("\"the \\\"day\\\" is over\""));
    CHECK_SPAN(f.code, SPAN("\"budget_exceeded\""));
    f = fault_of(E_RATE_LIMITED, SPAN_NONE, &a);
    CHECK_INT(f.kind, FAULT_RATE);
    CHECK(f.message.len > 2);
    arena_free(&a);
}

TEST(quirks_forbid_by_path)
{
    const struct span list[] = { SPAN("logit_bias"), SPAN("messages[].name"), SPAN("response_format.json_schema") };
    const struct quirks q = { .unsupported = list, .unsupported_count = 3 };
    struct arena a;
    arena_init(&a, 1 << 16);
    struct notes n = { .arena = &a };
    CHECK(quirk_forbids(&q, SPAN("messages[12].name"), &n));
    CHECK(quirk_forbids(&q, SPAN("response_format.json_schema"), &n));
    CHECK(!quirk_forbids(&q, SPAN("response_format"), &n) && !quirk_forbids(&q, SPAN("logit"), &n) && !quirk_forbids(NULL, SPAN("logit_bias"), &n));
    CHECK_INT(n.unsayable_count, 2);
    CHECK_SPAN(n.unsayable[0], SPAN("messages[12].name"));
    arena_free(&a);
}

static void count(void *self, const struct event *e)
{
    (void)e;
    ++*(int *)self;
}

TEST(nothing_follows_an_end)
{
    for (int kind = EVENT_END; kind <= EVENT_ERROR; kind++) {
        int seen = 0;
        struct reader r = { .sink = count, .self = &seen };
        reader_emit(&r, &(struct event){ .kind = EVENT_START });
        CHECK(!r.ended && !r.failed);
        reader_emit(&r, &(struct event){ .kind = (enum event_kind)kind });
        reader_emit(&r, &(struct event){ .kind = EVENT_DELTA });
        reader_emit(&r, &(struct event){ .kind = EVENT_END });
        CHECK_INT(seen, 2);
        CHECK(r.ended == (kind == EVENT_END) && r.failed == (kind == EVENT_ERROR));
    }
}

TEST(signatures_are_marked_where_there_is_an_owner)
{
    struct arena a;
    arena_init(&a, 1 << 16);
    struct reader r = { .arena = &a };
    CHECK_SPAN(reader_signature(&r, SPAN("\"s\"")), SPAN("\"s\""));
    r.owner = SPAN("gemini");
    CHECK_SPAN(reader_signature(&r, SPAN("\"s\"")), SPAN("\"tg.gemini.s\""));
    arena_free(&a);
}
