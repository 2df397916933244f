/* SPDX-License-Identifier: Apache-2.0
 * anthropic_messages.c - Anthropic's messages.
 *
 * Its counts are disjoint as they come: input_tokens is fresh input only. A stream's usage comes in message_start and,
 * cumulative, in message_delta: the larger of both counts, never the sum. It ends with message_stop. */
#include "dialect/answer.h"
#include "dialect/ask.h"
#include "dialect/dialects.h"
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
    { .name = { NULL, 0 } },
};

enum { TYPE = 1, CONTENT, SOURCE, DATA };
static const struct span names[] = {
    [TYPE - 1] = { "type", 4 },
    [CONTENT - 1] = { "content", 7 },
    [SOURCE - 1] = { "source", 6 },
    [DATA - 1] = { "data", 4 },
    [DATA] = { NULL, 0 },
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
static const char *const own_tools[] = { "\"bash_", "\"text_editor_", "\"computer_", "\"memory_", NULL };

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
        ask_picture(ask, raw, PICTURE_TOKENS_MOST);
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

/* Tools of the caller's own run at the caller's; those Anthropic defines have prompts of their own; those it runs bring
 * input that is not in the body. */
static void weigh_tool(void *self, uint64_t place, bool name, struct span raw)
{
    struct ask *ask = self;
    if (name || place != WALK_AT2(WALK_ITEM, TYPE) || span_is(raw, SPAN("\"custom\"")))
        return;
    ask->input_most += ASK_OWN_TOOL_OVERHEAD;
    if (!starts_with_one_of(raw, own_tools))
        ask->input_unbounded = true;
    if (span_starts(raw, SPAN("\"web_search")))
        ask->fees[FEE_WEB_SEARCH] = -1;
}

/* The sum of max_uses over all search tools; -1 if one has none. */
static int64_t searches_most(struct json *j, struct span tools)
{
    struct json_value v, tool;
    struct span name;
    const char *why;
    int64_t sum = 0;
    if (json_parse(j, tools, true, &v, &why))
        return -1;
    for (struct json_iter it = json_iter(v); json_next(&it, &name, &tool);) {
        if (!span_starts(json_string(json_member(tool, SPAN("type"))), SPAN("web_search")))
            continue;
        int64_t uses = member_count_or_none(tool, SPAN("max_uses"));
        if (uses < 0)
            return -1;
        sum += uses;
    }
    return sum;
}

static struct span user_of(struct json *j, struct span metadata, struct arena *a)
{
    struct member user = { .name = SPAN("user_id") };
    return metadata.at && member_find(j, metadata, &user, 1, NULL) ? answer_text(user.raw, a) : SPAN_NONE;
}

/* Its service tiers cost the same (a committed capacity is paid elsewhere); its fast mode does not. */
static enum err read_ask(struct json *j, struct span body, struct arena *a, struct ask *out, const char **why)
{
    struct ask_found found;
    enum err e = ask_read(j, body, a, fields, &found, why);
    if (e)
        return e;
    ask_begin(body, &found, out);
    out->tier = ask_tier(found.speed);
    out->user = user_of(j, found.metadata, a);
    walk(found.messages, names, weigh_block, out);
    walk(found.tools, names, weigh_tool, out);
    if (out->fees[FEE_WEB_SEARCH] < 0)
        out->fees[FEE_WEB_SEARCH] = searches_most(j, found.tools);
    return E_OK;
}

static void edit_ask(struct json *j, struct span body, const struct ask_edit *edit, struct buf *out)
{
    ask_edit_limit(j, body, SPAN("max_tokens"), edit, out);
}

/* --- usage --- */

static void raise(int64_t *count, int64_t n)
{
    if (n > *count)
        *count = n;
}

/* One object with counts: the usage, or one of its iterations (compaction is not part of the top counts). */
static void add_counts(struct json_value v, struct usage *u)
{
    int64_t written = member_count(v, SPAN("cache_creation_input_tokens"));
    int64_t hour = member_count(v, SPAN("cache_creation.ephemeral_1h_input_tokens"));
    int64_t minutes = member_count(v, SPAN("cache_creation.ephemeral_5m_input_tokens"));
    raise(&minutes, written - hour);
    u->tokens[METER_IN] += member_count(v, SPAN("input_tokens"));
    u->tokens[METER_OUT] += member_count(v, SPAN("output_tokens"));
    u->tokens[METER_CACHE_READ] += member_count(v, SPAN("cache_read_input_tokens"));
    u->tokens[METER_CACHE_WRITE_1H] += hour;
    u->tokens[METER_CACHE_WRITE] += minutes;
}

static struct usage read_counts(struct json_value v)
{
    struct usage top = { .vendor_cost = -1 }, sum = { .vendor_cost = -1 };
    struct json_value one;
    struct span name;
    add_counts(v, &top);
    for (struct json_iter it = json_iter(json_member(v, SPAN("iterations"))); json_next(&it, &name, &one);)
        add_counts(one, &sum);
    for (int m = 0; m < METER_COUNT; m++)
        raise(&top.tokens[m], sum.tokens[m]);
    top.fees[FEE_WEB_SEARCH] = member_count(v, SPAN("server_tool_use.web_search_requests"));
    top.known = member_count_or_none(v, SPAN("input_tokens")) >= 0 || member_count_or_none(v, SPAN("output_tokens")) >= 0;
    return top;
}

static void add_totals(struct usage *u)
{
    const int64_t *n = u->tokens;
    u->input_total = n[METER_IN] + n[METER_CACHE_READ] + n[METER_CACHE_WRITE] + n[METER_CACHE_WRITE_1H];
    u->output_total = u->tokens[METER_OUT];
}

/* Takes a usage object into u: counts only rise. A written total without its split keeps the hour's part as it was. */
static void merge_usage(struct json *j, struct span raw, struct arena *a, struct usage *u)
{
    struct json_value v;
    const char *why;
    if (json_parse(j, raw, true, &v, &why))
        return;
    struct usage said = read_counts(v);
    if (!said.known)
        return;
    if (json_kind(json_member(v, SPAN("cache_creation"))) != JSON_OBJECT && said.tokens[METER_CACHE_WRITE] > 0)
        said.tokens[METER_CACHE_WRITE] -= u->tokens[METER_CACHE_WRITE_1H];
    for (int m = 0; m < METER_COUNT; m++)
        raise(&u->tokens[m], said.tokens[m]);
    raise(&u->fees[FEE_WEB_SEARCH], said.fees[FEE_WEB_SEARCH]);
    u->known = true;
    struct span speed = json_string(json_member(v, SPAN("speed"))), geo = json_string(json_member(v, SPAN("inference_geo")));
    struct span tier = json_string(json_member(v, SPAN("service_tier")));
    if (span_is(speed, SPAN("fast")))
        u->tier = SPAN("fast");
    else if (ask_tier(tier).at && !u->tier.at)
        u->tier = arena_copy(a, tier);
    if (geo.len && !span_is(geo, SPAN("global")) && !span_is(geo, SPAN("not_available")))
        u->geo = arena_copy(a, geo);
    add_totals(u);
}

static void read_usage(struct json *j, struct span body, struct arena *a, struct usage *u)
{
    struct member m[] = { { .name = SPAN("usage") }, { .name = SPAN("model") } };
    answer_clear(u);
    if (!member_find(j, body, m, 2, NULL))
        return;
    u->model = answer_text(m[1].raw, a);
    if (m[0].kind != JSON_OBJECT)
        return;
    merge_usage(j, m[0].raw, a, u);
    if (u->known)
        u->raw = m[0].raw;
}

/* --- streams --- */

/* Writes the members of `raw` that `over` does not have. */
struct overlay {
    struct json_out out;
    struct json_value over;
};

static bool put_member(void *self, struct span name, enum json_kind kind, struct span raw)
{
    struct overlay *o = self;
    (void)kind;
    if (o->over.doc && json_kind(json_member(o->over, name)) > JSON_NULL)
        return true;
    json_name(&o->out, name);
    json_put_raw(&o->out, raw);
    return true;
}

/* The stream's usage is that of message_start, overlaid with what message_delta says, as the SDKs accumulate it. */
static struct span overlay_raw(struct json *j, struct span start, struct span delta, struct buf *out)
{
    struct overlay o = { .out = json_out(out) };
    const char *why;
    json_open(&o.out, '{');
    if (json_parse(j, delta, true, &o.over, &why) || json_scan(j, start, false, put_member, &o, &why))
        return delta;
    o.over = (struct json_value){ 0 };
    if (json_scan(j, delta, true, put_member, &o, &why))
        return delta;
    json_close(&o.out, '}');
    return out->broken ? delta : buf_span(out);
}

static void take_usage(struct json *j, struct span raw, struct arena *a, struct stream_meter *m)
{
    struct usage u = m->usage;
    struct buf merged;
    buf_init(&merged, sizeof(m->raw));
    merge_usage(j, raw, a, &u);
    u.raw = m->usage.raw.at ? overlay_raw(j, m->usage.raw, raw, &merged) : raw;
    if (u.known)
        answer_keep(m, &u);
    buf_free(&merged);
}

static void read_start(struct json *j, struct span message, struct arena *a, struct stream_meter *m)
{
    struct member f[] = { { .name = SPAN("usage") }, { .name = SPAN("model") } };
    if (!member_find(j, message, f, 2, NULL))
        return;
    struct usage u = m->usage;
    u.model = answer_text(f[1].raw, a);
    answer_keep(m, &u);
    if (f[0].kind == JSON_OBJECT)
        take_usage(j, f[0].raw, a, m);
}

static void read_notice(struct json *j, struct span data, struct arena *a, struct stream_meter *m, void *more)
{
    struct member f[] = { { .name = SPAN("type") }, { .name = SPAN("message") }, { .name = SPAN("usage") } };
    (void)more;
    if (!member_find(j, data, f, 3, NULL))
        return;
    struct span type = answer_text(f[0].raw, a);
    if (span_is(type, SPAN("message_start")) && f[1].kind == JSON_OBJECT)
        read_start(j, f[1].raw, a, m);
    else if (span_is(type, SPAN("message_delta")) && f[2].kind == JSON_OBJECT)
        take_usage(j, f[2].raw, a, m);
    else if (span_is(type, SPAN("message_stop")))
        m->finished = true;
    else if (span_is(type, SPAN("error")))
        m->failed = true;
}

enum { E_DELTA = 1, E_TEXT, E_THINKING, E_PARTIAL_JSON };
static const struct span event_names[] = {
    [E_DELTA - 1] = { "delta", 5 },
    [E_TEXT - 1] = { "text", 4 },
    [E_THINKING - 1] = { "thinking", 8 },
    [E_PARTIAL_JSON - 1] = { "partial_json", 12 },
    [E_PARTIAL_JSON] = { NULL, 0 },
};

static void count_delta(void *self, uint64_t place, bool name, struct span raw)
{
    struct stream_meter *m = self;
    if (!name && place >> 8 == E_DELTA && (place & 0xff) <= E_PARTIAL_JSON && raw.len > 2)
        m->output_bytes += (int64_t)raw.len - 2;
}

static void read_event(struct json *j, const struct sse_event *event, bool usage_wanted, struct stream_meter *m, bool *hide)
{
    struct span d = event->data;
    (void)usage_wanted; /* always there */
    *hide = false;
    answer_start(m);
    if (!d.at)
        return;
    if (answer_mentions(d, SPAN("\"content_block_delta\"")))
        walk(d, event_names, count_delta, m);
    else if (answer_mentions(d, SPAN("\"message_")) || answer_mentions(d, SPAN("\"error\"")))
        answer_event(j, d, m, read_notice, NULL);
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

const struct dialect dialect_anthropic_messages = {
    .name = "anthropic_messages",
    .read_ask = read_ask,
    .edit_ask = edit_ask,
    .read_usage = read_usage,
    .read_event = read_event,
    .write_error_event = write_error_event,
};
