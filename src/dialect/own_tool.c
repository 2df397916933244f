/* SPDX-License-Identifier: Apache-2.0
 * own_tool.c - see own_tool.h. */
#include "dialect/own_tool.h"

/* Run by the caller, or charged by their tokens alone. */
static const char *const uncharged[] = { "\"computer\"", "\"computer_use\"", "\"computer_use_preview\"", "\"computer-preview\"", "\"local_shell\"",
    "\"shell\"", "\"apply_patch\"", "\"namespace\"", "\"tool_search\"", "\"mcp\"" };

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

static bool is_uncharged(struct span type)
{
    for (size_t i = 0; i < sizeof(uncharged) / sizeof(*uncharged); i++)
        if (span_is(type, span_of(uncharged[i])))
            return true;
    return false;
}

void own_tool_weigh(struct ask *ask, struct span type)
{
    if (span_is(type, SPAN("\"function\"")) || span_is(type, SPAN("\"custom\"")))
        return;
    ask->input_most += ASK_OWN_TOOL_OVERHEAD;
    ask->input_unbounded = true;
    if (is_uncharged(type))
        return;
    for (size_t i = 0; i < sizeof(charged) / sizeof(*charged); i++) {
        if (!span_starts(type, span_of(charged[i].start)))
            continue;
        ask->fees[charged[i].fee] = ask->fees[charged[i].other] = -1;
        return;
    }
    bool searches = span_find(type, SPAN("search")) >= 0; /* browser_search, openrouter:web_search, ... */
    ask->fees[searches ? FEE_WEB_SEARCH : FEE_REQUEST] = -1;
}
