/* SPDX-License-Identifier: Apache-2.0
 * own_tool.c - see own_tool.h. */
#include "dialect/own_tool.h"

#include "base/money.h"

/* Run by the caller. */
static const char *const callers[] = { "\"computer\"", "\"computer_use\"", "\"computer_use_preview\"", "\"computer-preview\"", "\"local_shell\"",
    "\"shell\"", "\"apply_patch\"", "\"namespace\"", NULL };
/* Run by the vendor, and charged by their tokens alone. */
static const char *const uncharged[] = { "\"tool_search\"", "\"mcp\"", NULL };

/* How the types begin (most have versions: web_search_preview, ...), and the pieces they are charged by. Code costs by the session at some
 * vendors and by the run at others. */
static const struct {
    const char *start;
    enum fee fee, other;
} charged[] = {
    { "\"web_search", FEE_WEB_SEARCH, FEE_WEB_SEARCH },
    { "\"x_search", FEE_X_SEARCH, FEE_X_SEARCH },
    { "\"file_search", FEE_FILE_SEARCH, FEE_FILE_SEARCH },
    { "\"collections_search", FEE_FILE_SEARCH, FEE_FILE_SEARCH },
    { "\"attachment_search", FEE_ATTACHMENT_SEARCH, FEE_ATTACHMENT_SEARCH },
    { "\"code_interpreter", FEE_CODE_SESSION, FEE_CODE_EXECUTION },
    { "\"code_execution", FEE_CODE_SESSION, FEE_CODE_EXECUTION },
    { "\"image_generation", FEE_IMAGE_UNIT, FEE_IMAGE_UNIT }, /* another model's pictures, beside the usage */
};

static bool is_one_of(struct span type, const char *const list[])
{
    for (size_t i = 0; list[i]; i++)
        if (span_is(type, span_of(list[i])))
            return true;
    return false;
}

void own_tool_unlimited(struct ask *ask, enum fee fee, const char *why)
{
    ask->fees[fee] = -1;
    ask->input_unbounded = true;
    if (!ask->unlimited || fee == FEE_REQUEST)
        ask->unlimited = why;
}

void own_tool_weigh(struct ask *ask, struct span type)
{
    static const char why[] = "tools: one that the vendor runs may run any number of times; set max_tool_calls (of responses), or leave it out";
    if (span_is(type, SPAN("\"function\"")) || span_is(type, SPAN("\"custom\"")))
        return;
    ask->input_most += ASK_OWN_TOOL_OVERHEAD;
    ask->input_unbounded = true;
    if (is_one_of(type, callers))
        return;
    ask->rounds = ASK_ROUNDS;
    if (is_one_of(type, uncharged))
        return;
    for (size_t i = 0; i < sizeof(charged) / sizeof(*charged); i++) {
        if (!span_starts(type, span_of(charged[i].start)))
            continue;
        own_tool_unlimited(ask, charged[i].fee, why);
        own_tool_unlimited(ask, charged[i].other, why);
        return;
    }
    bool searches = span_find(type, SPAN("search")) >= 0; /* browser_search, openrouter:web_search, ... */
    own_tool_unlimited(ask, searches ? FEE_WEB_SEARCH : FEE_REQUEST, searches ? why : "tools: what one of them costs is not known here; leave it out");
}

void own_tool_live_search(struct json *j, struct ask *ask, struct span parameters)
{
    struct member m[] = { { .name = SPAN("mode") }, { .name = SPAN("max_search_results") } };
    int64_t most;
    if (!parameters.at || (member_find(j, parameters, m, 2, NULL) && span_is(m[0].raw, SPAN("\"off\""))))
        return;
    ask->input_unbounded = true;
    if (m[1].kind == JSON_NUMBER && json_raw_integer(m[1].raw, &most) && most >= 0)
        ask->fees[FEE_SOURCE] = money_mul_div_up(most, ask->choices, 1);
    else
        own_tool_unlimited(ask, FEE_SOURCE, "search_parameters: each source that is read is charged; set max_search_results in it, or the mode \"off\"");
}
