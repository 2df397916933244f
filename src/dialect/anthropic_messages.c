/* SPDX-License-Identifier: Apache-2.0
 * anthropic_messages.c - Anthropic's messages: what a request asks for, edits of it, and the dialect's row. Its usage, its errors and its
 * translation are in the files beside this one (anthropic_int.h). */
#include "base/money.h"
#include "dialect/answer.h"
#include "dialect/anthropic.h"
#include "dialect/anthropic_int.h"
#include "dialect/ask.h"
#include "dialect/dialects.h"
#include "dialect/own_tool.h"
#include "dialect/picture.h"
#include "dialect/walk.h"

/* The largest picture counts some 4,800 tokens on the models with high resolution, 1,600 on others. */
enum { PICTURE_TOKENS_MOST = 8192 };

static const struct ask_field fields[] = {
    ASK_FIELD("model", ASK_TEXT, model, " must be a string"),
    ASK_FIELD("stream", ASK_FLAG, stream, " must be true or false"),
    ASK_FIELD("max_tokens", ASK_COUNT, limit, " must be a whole number, written with digits only"),
    ASK_FIELD("speed", ASK_TEXT, speed, " must be a string"),
    ASK_FIELD("metadata", ASK_RAW, metadata, ""),
    ASK_FIELD("messages", ASK_RAW, messages, ""),
    ASK_FIELD("tools", ASK_RAW, tools, ""),
    ASK_FIELD("mcp_servers", ASK_RAW, reference, ""),
    ASK_FIELD("container", ASK_RAW, reference2, ""),
    ASK_FIELD("models", ASK_RAW, others, ""),
    ASK_FIELD("fallbacks", ASK_RAW, others2, ""), /* a beta: other models where this one refuses */
    { .name = { NULL, 0 } },
};

enum { TYPE = 1, CONTENT, SOURCE, DATA, MODEL };
static const struct span names[] = {
    [TYPE - 1] = { "type", 4 },
    [CONTENT - 1] = { "content", 7 },
    [SOURCE - 1] = { "source", 6 },
    [DATA - 1] = { "data", 4 },
    [MODEL - 1] = { "model", 5 },
    [MODEL] = { NULL, 0 },
};

/* --- the request --- */

static bool one_of(struct span raw, const char *const list[])
{
    for (size_t i = 0; list[i]; i++)
        if (span_is(raw, span_of(list[i])))
            return true;
    return false;
}

/* Blocks that are text all through, or pictures. Documents are not: a PDF holds more text than bytes. */
static const char *const known_blocks[] = { "\"text\"", "\"image\"", "\"tool_use\"", "\"tool_result\"", "\"thinking\"",
    "\"redacted_thinking\"", "\"search_result\"", NULL };
/* Run by the caller, defined by Anthropic. */
static const char *const own_tools[] = { "\"bash_", "\"text_editor_", "\"computer_", "\"memory_", "\"browser_", NULL };
/* Run by Anthropic, and charged by their tokens alone. */
static const char *const free_tools[] = { "\"web_fetch", "\"tool_search", "\"mcp_toolset\"", NULL };

/* A block stands in a message or in a tool's result in a message. */
static void weigh_block(void *self, uint64_t place, bool name, struct span raw)
{
    struct ask *ask = self;
    const uint64_t block = WALK_AT3(WALK_ITEM, CONTENT, WALK_ITEM), inner = block << 16 | WALK_AT2(CONTENT, WALK_ITEM);
    if (name)
        return;
    uint64_t holder = place >> 8;
    if ((holder == block || holder == inner) && (place & 0xff) == TYPE && !one_of(raw, known_blocks))
        ask->input_unbounded = true;
    if (holder != (block << 8 | SOURCE) && holder != (inner << 8 | SOURCE))
        return;
    if ((place & 0xff) == DATA)
        ask_picture(ask, raw, picture_most_anthropic(raw, PICTURE_TOKENS_MOST));
    else if ((place & 0xff) == TYPE && !span_is(raw, SPAN("\"base64\"")))
        ask->input_unbounded = true;
}

static bool starts_with_one_of(struct span raw, const char *const list[])
{
    for (size_t i = 0; list[i]; i++)
        if (span_starts(raw, span_of(list[i])))
            return true;
    return false;
}

struct weighing {
    struct ask *ask;
    bool other_model; /* a tool names one: an advisor */
    bool run_here;    /* Anthropic runs one */
};

/* Tools of the caller's own run at the caller's; those Anthropic defines have prompts of their own; those it runs bring
 * input that is not in the body. */
static void weigh_tool(void *self, uint64_t place, bool name, struct span raw)
{
    struct weighing *w = self;
    struct ask *ask = w->ask;
    w->other_model = w->other_model || place == WALK_AT2(WALK_ITEM, MODEL);
    if (name || place != WALK_AT2(WALK_ITEM, TYPE) || span_is(raw, SPAN("\"custom\"")))
        return;
    ask->input_most += ASK_OWN_TOOL_OVERHEAD;
    if (starts_with_one_of(raw, own_tools))
        return;
    ask->input_unbounded = w->run_here = true;
    if (span_starts(raw, SPAN("\"web_search"))) {
        own_tool_unlimited(ask, FEE_WEB_SEARCH, "tools: web_search may search any number of times; set max_uses in it");
    } else if (span_starts(raw, SPAN("\"code_execution"))) { /* in one container */
        ask->fees[FEE_CODE_SESSION] = 1;
        ask->session_untold = true;
    } else if (!starts_with_one_of(raw, free_tools)) {
        own_tool_unlimited(ask, FEE_REQUEST, "tools: what one of them costs is not known here (advisor asks another model, say); leave it out");
    }
}

static bool is_run_here(struct span type)
{
    bool own = span_is(type, SPAN("custom"));
    for (size_t i = 0; own_tools[i]; i++)
        own = own || span_starts(type, span_from(span_of(own_tools[i]), 1)); /* behind the quote */
    return type.len && !own;
}

/* max_uses bounds the searches that a tool makes, and how often it runs; each run is a round, whose input is billed. */
static void bound_uses(struct json *j, struct span tools, struct ask *ask)
{
    struct json_value v, tool;
    struct span name;
    const char *why;
    int64_t searches = 0, rounds = 0, further = ask->rounds;
    if (json_parse(j, tools, true, &v, &why))
        return;
    for (struct json_iter it = json_iter(v); json_next(&it, &name, &tool);) {
        struct span type = json_string(json_member(tool, SPAN("type")));
        bool searching = span_starts(type, SPAN("web_search"));
        int64_t uses = member_count_or_none(tool, SPAN("max_uses"));
        if (!is_run_here(type))
            continue;
        if (uses < 0)
            further = ASK_ROUNDS;
        else
            rounds = money_add(rounds, uses);
        if (searching)
            searches = uses < 0 || searches < 0 ? -1 : money_add(searches, uses);
    }
    if (ask->fees[FEE_WEB_SEARCH] < 0)
        ask->fees[FEE_WEB_SEARCH] = searches;
    ask->rounds = money_add(rounds, further);
}

static struct span user_of(struct json *j, struct span metadata, struct arena *a)
{
    struct member user = { .name = SPAN("user_id") };
    return metadata.at && member_find(j, metadata, &user, 1, NULL) ? answer_text(user.raw, a) : SPAN_NONE;
}

/* Its service tiers cost the same (a committed capacity is paid elsewhere); its fast mode does not. */
enum err anthropic_read_ask(struct json *j, struct span body, struct arena *a, struct ask *out, const char **why)
{
    struct ask_found found;
    struct weighing w = { .ask = out };
    enum err e = ask_read_open(j, body, a, fields, &found, why); /* at Vertex and on Bedrock the model stands in the path */
    if (e)
        return e;
    ask_begin(body, &found, out);
    out->zero_stays = out->zero_limit; /* refused there */
    out->tier = ask_tier(found.speed);
    out->user = user_of(j, found.metadata, a);
    walk(found.messages, names, weigh_block, out);
    walk(found.tools, names, weigh_tool, &w);
    *why = "tools: one of them names another model (an advisor): the gate judges and prices one, which model names";
    if (w.other_model)
        return E_BAD_REQUEST;
    out->rounds = found.reference.at ? ASK_ROUNDS : 0; /* servers of tools */
    if (w.run_here)
        bound_uses(j, found.tools, out);
    return E_OK;
}

enum { BUDGET_LEAST = 1024 };

/* A limit that the gate sets must be above what thinking may take: of a limit that leaves no room for it there is none. */
static void fit_thinking(struct json *j, struct ask_splices *s, struct span thinking, int64_t limit)
{
    struct member budget = { .name = SPAN("budget_tokens") };
    int64_t said, fitting = limit / 100 * 80;
    if (!thinking.at || !member_find(j, thinking, &budget, 1, NULL) || !json_raw_integer(budget.raw, &said) || said < limit)
        return;
    if (limit <= BUDGET_LEAST)
        ask_replace(s, thinking, "{\"type\":\"disabled\"}");
    else
        ask_replace(s, budget.raw, "%lld", (long long)(fitting < BUDGET_LEAST ? BUDGET_LEAST : fitting));
}

void anthropic_edit_ask(struct json *j, struct span body, const struct ask_edit *edit, struct buf *out)
{
    struct member m[] = { { .name = SPAN("model") }, { .name = SPAN("max_tokens") }, { .name = SPAN("thinking") } };
    struct ask_splices s = { .body = body };
    bool empty;
    if (!member_find(j, body, m, 3, &empty) || empty) {
        out->broken = true;
        return;
    }
    ask_edit_model(&s, &m[0], edit);
    if (edit->output_limit >= 0 && m[1].raw.at)
        ask_replace(&s, m[1].raw, "%lld", (long long)edit->output_limit);
    else if (edit->output_limit >= 0)
        ask_insert(&s, body, false, "\"max_tokens\":%lld", (long long)edit->output_limit);
    if (edit->output_limit >= 0)
        fit_thinking(j, &s, m[2].kind == JSON_OBJECT ? m[2].raw : SPAN_NONE, edit->output_limit);
    ask_write(&s, out);
}

static void write_error_event(struct buf *out, struct span code, struct span message)
{
    struct json_out o = json_out(out);
    buf_put(out, SPAN("event: error\ndata: "));
    json_open(&o, '{');
    json_pair(&o, SPAN("type"), SPAN("error"));
    json_name(&o, SPAN("error"));
    json_open(&o, '{');
    json_pair(&o, SPAN("type"), code);
    json_pair(&o, SPAN("message"), message);
    json_close(&o, '}');
    json_close(&o, '}');
    buf_put(out, SPAN("\n\n"));
}

/* --- beyond the dialect --- */

static bool put_member(void *self, struct span name, enum json_kind kind, struct span raw)
{
    struct json_out *o = self;
    (void)kind;
    if (!span_is(name, SPAN("model")) && !span_is(name, SPAN("stream")) && !span_is(name, SPAN("anthropic_version")))
        json_pair_raw(o, name, raw);
    return true;
}

void anthropic_body_elsewhere(struct json *j, struct span body, struct span version, struct buf *out)
{
    struct json_out o = json_out(out);
    const char *why;
    json_open(&o, '{');
    json_pair(&o, SPAN("anthropic_version"), version);
    if (json_scan(j, body, true, put_member, &o, &why))
        out->broken = true;
    json_close(&o, '}');
}

static const struct translator translator = {
    .needs_limit = true,
    .read_call = anthropic_read_call,
    .write_answer = anthropic_write_answer,
    .write_event = anthropic_write_event,
    .write_fault = anthropic_write_fault,
    .write_call = anthropic_write_call,
    .read_answer = anthropic_read_answer,
    .read_event = anthropic_read_event,
    .read_fault = anthropic_read_fault,
};

const struct dialect dialect_anthropic_messages = {
    .name = "anthropic_messages",
    .translator = &translator,
    .read_ask = anthropic_read_ask,
    .edit_ask = anthropic_edit_ask,
    .read_usage = anthropic_read_usage,
    .tap_event = anthropic_tap_event,
    .write_error_event = write_error_event,
};
