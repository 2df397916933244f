/* SPDX-License-Identifier: Apache-2.0
 * openai_chat.c - chat completions, as OpenAI and some 180 others speak them.
 *
 * Streams end with `data: [DONE]`. Usage comes in the last chunk, one without choices, and only when asked for with
 * stream_options.include_usage; some vendors put it on every chunk, cumulative: the last one counts. */
#include "dialect/openai_chat_int.h"
#include "dialect/own_tool.h"
#include "dialect/picture.h"
#include "dialect/walk.h"

/* The dearest picture of OpenAI's documents: gpt-4o-mini counts 2833 + 5667 for each of at most 8 tiles. */
enum { PICTURE_TOKENS_MOST = 49152 };

static const struct ask_field fields[] = {
    ASK_FIELD("model", ASK_TEXT, model, " must be a string"),
    ASK_FIELD("stream", ASK_FLAG, stream, " must be true or false"),
    ASK_FIELD("max_completion_tokens", ASK_COUNT, limit, " must be a whole number, written with digits only"),
    ASK_FIELD("max_tokens", ASK_COUNT, old_limit, " must be a whole number, written with digits only"),
    ASK_FIELD("n", ASK_COUNT, choices, " must be a whole number, written with digits only"),
    ASK_FIELD("service_tier", ASK_TEXT, tier, " must be a string"),
    ASK_FIELD("user", ASK_TEXT, user, " must be a string"),
    ASK_FIELD("messages", ASK_RAW, messages, ""),
    ASK_FIELD("tools", ASK_RAW, tools, ""),
    ASK_FIELD("functions", ASK_RAW, functions, ""),
    ASK_FIELD("stream_options", ASK_RAW, stream_options, ""),
    ASK_FIELD("prediction", ASK_RAW, prediction, ""),
    ASK_FIELD("web_search_options", ASK_RAW, search_options, ""),
    ASK_FIELD("models", ASK_RAW, others, ""), /* OpenRouter's, and what LiteLLM calls the same */
    ASK_FIELD("fallbacks", ASK_RAW, others2, ""),
    ASK_FIELD("plugins", ASK_RAW, plugins, ""), /* OpenRouter's: the vendor adds what it finds, and each result costs */
    ASK_FIELD("search_parameters", ASK_RAW, live_search, ""), /* xAI's */
    ASK_FIELD("enable_search", ASK_RAW, web_search, ""), /* Qwen's, and the next */
    ASK_FIELD("enable_code_interpreter", ASK_RAW, code, ""),
    ASK_FIELD("extra_body", ASK_RAW, extra, ""), /* Google's own words in it */
    { .name = { NULL, 0 } },
};

/* --- the request's messages --- */

enum { CONTENT = 1, IMAGE_URL, URL, AUDIO, ID, TYPE, TEXT, INPUT_AUDIO, REFUSAL, CACHE_CONTROL };
static const struct span message_names[] = {
    [CONTENT - 1] = { "content", 7 },
    [IMAGE_URL - 1] = { "image_url", 9 },
    [URL - 1] = { "url", 3 },
    [AUDIO - 1] = { "audio", 5 },
    [ID - 1] = { "id", 2 },
    [TYPE - 1] = { "type", 4 },
    [TEXT - 1] = { "text", 4 },
    [INPUT_AUDIO - 1] = { "input_audio", 11 },
    [REFUSAL - 1] = { "refusal", 7 },
    [CACHE_CONTROL - 1] = { "cache_control", 13 },
    [CACHE_CONTROL] = { NULL, 0 },
};

/* Parts of kinds that are not known here (files, videos, ...) may cost what cannot be seen. */
static bool known_part_member(uint64_t name)
{
    return name == TYPE || name == TEXT || name == IMAGE_URL || name == INPUT_AUDIO || name == REFUSAL || name == CACHE_CONTROL;
}

static void weigh_message(void *self, uint64_t place, bool name, struct span raw)
{
    struct ask *ask = self;
    const uint64_t part = WALK_AT3(WALK_ITEM, CONTENT, WALK_ITEM);
    if (name) {
        if (place >> 8 == part && !known_part_member(place & 0xff))
            ask->input_unbounded = true;
        return;
    }
    bool picture = place == (part << 16 | WALK_AT2(IMAGE_URL, URL)) || place == (part << 8 | IMAGE_URL);
    if (picture && ask_is_inline_picture(raw))
        ask_picture(ask, raw, picture_most_openai(raw, PICTURE_TOKENS_MOST));
    else if (picture || place == WALK_AT3(WALK_ITEM, AUDIO, ID)) /* an address; an earlier answer's sound */
        ask->input_unbounded = true;
}

enum { TOOL_TYPE = 1 };
static const struct span tool_names[] = { { "type", 4 }, { NULL, 0 } };

static void weigh_tool(void *self, uint64_t place, bool name, struct span raw)
{
    if (!name && place == WALK_AT2(WALK_ITEM, TOOL_TYPE))
        own_tool_weigh(self, raw);
}

/* A content cached at Google, which the body only names. */
enum { GOOGLE = 1, CACHED, CACHED_CAMEL };
static const struct span extra_names[] = { { "google", 6 }, { "cached_content", 14 }, { "cachedContent", 13 }, { NULL, 0 } };

static void weigh_extra(void *self, uint64_t place, bool name, struct span raw)
{
    struct ask *ask = self;
    (void)raw;
    if (name && (place == WALK_AT2(GOOGLE, CACHED) || place == WALK_AT2(GOOGLE, CACHED_CAMEL)))
        ask->input_unbounded = true;
}

static enum err read_options(struct json *j, struct span raw, struct ask *out, const char **why)
{
    struct member wanted = { .name = SPAN("include_usage") };
    out->usage_wanted = !out->stream;
    if (!raw.at)
        return E_OK;
    if (!member_find(j, raw, &wanted, 1, NULL) || (wanted.raw.at && wanted.kind != JSON_BOOL && wanted.kind != JSON_NULL)) {
        *why = "stream_options must be an object, and include_usage in it true or false";
        return E_BAD_REQUEST;
    }
    if (wanted.raw.at && span_is(wanted.raw, SPAN("true")))
        out->usage_wanted = true;
    return E_OK;
}

/* Models named so search the web before each answer. */
bool chat_always_searches(struct span model) { return span_find(model, SPAN("-search-")) >= 0; }

/* And these as often as they like. */
static bool searches_at_will(struct span model)
{
    return span_find(model, SPAN("deep-research")) >= 0 || span_ends(model, SPAN(":online"));
}

static bool is_on(struct span flag) { return flag.at && !span_is(flag, SPAN("false")); }

static void weigh_searches(struct json *j, const struct ask_found *found, struct ask *out)
{
    if (found->search_options.at || chat_always_searches(found->model)) {
        out->input_unbounded = true;
        out->fees[FEE_WEB_SEARCH] = out->choices;
    }
    if (searches_at_will(found->model)) {
        own_tool_unlimited(out, FEE_WEB_SEARCH, "model: this one searches as often as it likes; name another");
        out->rounds = ASK_ROUNDS;
    }
    if (ask_lists_some(found->plugins))
        own_tool_unlimited(out, FEE_WEB_SEARCH, "plugins: what they find is charged without a limit; leave them out");
    if (is_on(found->web_search))
        own_tool_unlimited(out, FEE_WEB_SEARCH, "enable_search: the vendor may search any number of times; leave it out");
    if (is_on(found->code))
        own_tool_unlimited(out, FEE_CODE_EXECUTION, "enable_code_interpreter: the vendor may run any amount of code; leave it out");
    own_tool_live_search(j, out, found->live_search);
}

static enum err read_ask(struct json *j, struct span body, struct arena *a, struct ask *out, const char **why)
{
    struct ask_found found;
    enum err e = ask_read_open(j, body, a, fields, &found, why); /* at Azure the model stands in the path */
    if (e)
        return e;
    ask_begin(body, &found, out);
    out->new_limit_name = found.limit >= 0;
    if (found.messages.at)
        walk(found.messages, message_names, weigh_message, out);
    weigh_searches(j, &found, out);
    if (found.tools.at)
        walk_top(found.tools, 2, tool_names, weigh_tool, out); /* schemas are large, and say nothing of it */
    if (found.extra.at)
        walk(found.extra, extra_names, weigh_extra, out);
    return read_options(j, found.stream_options, out, why);
}

/* --- edits --- */

static void edit_options(struct json *j, const struct member *options, struct span body, struct ask_splices *s)
{
    bool empty;
    struct member wanted = { .name = SPAN("include_usage") };
    if (!options->raw.at) {
        ask_insert(s, body, false, "\"stream_options\":{\"include_usage\":true}");
    } else if (options->kind != JSON_OBJECT) {
        ask_replace(s, options->raw, "{\"include_usage\":true}");
    } else if (member_find(j, options->raw, &wanted, 1, &empty)) {
        if (wanted.raw.at)
            ask_replace(s, wanted.raw, "true");
        else
            ask_insert(s, options->raw, empty, "\"include_usage\":true");
    }
}

static bool is_set(const struct member *m) { return m->raw.at && m->kind != JSON_NULL; }

/* Both limits are set if both are there; a limit that is null is not there for the vendor, and is replaced too. */
static void edit_limit(const struct member *limit, const struct member *old_limit, const struct ask_edit *edit, struct span body,
    struct ask_splices *s)
{
    long long most = edit->output_limit;
    bool neither = !is_set(limit) && !is_set(old_limit);
    const struct member *wanted = edit->old_limit_name ? old_limit : limit;
    if (neither && !wanted->raw.at)
        ask_insert(s, body, false, "\"%.*s\":%lld", SPAN_ARG(wanted->name), most);
    else if (neither)
        ask_replace(s, wanted->raw, "%lld", most);
    if (is_set(limit))
        ask_replace(s, limit->raw, "%lld", most);
    if (is_set(old_limit))
        ask_replace(s, old_limit->raw, "%lld", most);
}

/* The member's name in the text, with its quotes: none of the names that are found has a quote in it, escaped or not. */
static struct span name_before(struct span body, struct span raw)
{
    const char *end = raw.at;
    while (end[-1] != '"')
        end--;
    const char *at = end - 2;
    while (*at != '"')
        at--;
    must(at > body.at);
    return span_make(at, (size_t)(end - at));
}

/* With the comma before it, or behind it where it is the first of several. */
static void drop_member(struct span body, struct span raw, struct ask_splices *s)
{
    const char *at = name_before(body, raw).at, *end = raw.at + raw.len, *before = at - 1;
    while (*before != ',' && *before != '{')
        before--;
    if (*before == ',')
        at = before;
    else
        end += span_find_byte(span_from(body, (size_t)(end - body.at)), ',') + 1;
    ask_replace(s, span_make(at, (size_t)(end - at)), "%s", "");
}

/* For a vendor that reads max_tokens alone: what was reserved for stands there, or it would have no limit. */
static void rename_limit(const struct member *limit, const struct member *old_limit, const struct ask_edit *edit, struct span body, struct ask_splices *s)
{
    int64_t most = edit->output_limit, said = -1, old = -1;
    if (!old_limit->raw.at) {
        ask_replace(s, name_before(body, limit->raw), "\"max_tokens\"");
        if (most >= 0)
            ask_replace(s, limit->raw, "%lld", (long long)most);
        return;
    }
    (void)json_raw_integer(limit->raw, &said);
    if (is_set(old_limit))
        (void)json_raw_integer(old_limit->raw, &old);
    ask_replace(s, old_limit->raw, "%lld", (long long)(most >= 0 ? most : said > old ? said : old));
    drop_member(body, limit->raw, s);
}

static void edit_ask(struct json *j, struct span body, const struct ask_edit *edit, struct buf *out)
{
    struct member m[] = { { .name = SPAN("max_completion_tokens") }, { .name = SPAN("max_tokens") },
        { .name = SPAN("stream_options") }, { .name = SPAN("model") } };
    struct ask_splices s = { .body = body };
    bool empty;
    if (!member_find(j, body, m, 4, &empty) || empty) {
        out->broken = true;
        return;
    }
    ask_edit_model(&s, &m[3], edit);
    bool renamed = edit->old_limit_name && is_set(&m[0]);
    if (edit->output_limit >= 0 && !renamed)
        edit_limit(&m[0], &m[1], edit, body, &s);
    if (edit->include_usage)
        edit_options(j, &m[2], body, &s);
    if (renamed) /* last: what is put in at the start of the object stands before what is dropped there */
        rename_limit(&m[0], &m[1], edit, body, &s);
    ask_write(&s, out);
}

/* --- answers --- */

void chat_read_usage(struct json *j, struct span body, struct arena *a, struct usage *u)
{
    struct member m[] = { { .name = SPAN("usage") }, { .name = SPAN("model") }, { .name = SPAN("service_tier") } };
    answer_clear(u);
    if (!member_find(j, body, m, 3, NULL))
        return;
    if (m[0].kind == JSON_OBJECT)
        answer_openai_usage(j, m[0].raw, u);
    u->model = answer_text(m[1].raw, a);
    u->tier = ask_tier(answer_text(m[2].raw, a));
    if (u->known && chat_always_searches(u->model))
        u->fees[FEE_WEB_SEARCH] = 1;
}

/* --- streams --- */

enum { E_CHOICES = 1, E_DELTA, E_CONTENT, E_REASONING_CONTENT, E_REASONING, E_REFUSAL, E_TOOL_CALLS, E_FUNCTION };
static const struct span event_names[] = {
    [E_CHOICES - 1] = { "choices", 7 },
    [E_DELTA - 1] = { "delta", 5 },
    [E_CONTENT - 1] = { "content", 7 },
    [E_REASONING_CONTENT - 1] = { "reasoning_content", 17 },
    [E_REASONING - 1] = { "reasoning", 9 },
    [E_REFUSAL - 1] = { "refusal", 7 },
    [E_TOOL_CALLS - 1] = { "tool_calls", 10 },
    [E_FUNCTION - 1] = { "function", 8 },
    [E_FUNCTION] = { NULL, 0 },
};

/* What one walk over a chunk looks for. */
struct look {
    struct stream_meter *m;
    const char *end; /* of the chunk */
    bool worth;      /* it has a usage that is not null, or an error */
};

static bool null_follows(struct span rest)
{
    rest = span_trim(rest);
    return !rest.len || *rest.at != ':' || span_starts(span_trim(span_from(rest, 1)), SPAN("null"));
}

static void look_closer(struct look *l, struct span raw)
{
    const char *end = raw.at + raw.len;
    if (span_is(raw, SPAN("\"error\"")) || (span_is(raw, SPAN("\"usage\"")) && !null_follows(span_make(end, (size_t)(l->end - end)))))
        l->worth = true;
}

/* Bytes of what the model wrote: text, thoughts, names and arguments of functions. */
static void look_at(void *self, uint64_t place, bool name, struct span raw)
{
    struct look *l = self;
    const uint64_t delta = WALK_AT3(E_CHOICES, WALK_ITEM, E_DELTA);
    const uint64_t function = WALK_AT6(E_CHOICES, WALK_ITEM, E_DELTA, E_TOOL_CALLS, WALK_ITEM, E_FUNCTION);
    uint64_t last = place & 0xff;
    bool text = place >> 8 == delta && last >= E_CONTENT && last <= E_REFUSAL;
    if (!name && raw.len > 2 && (text || place >> 8 == function))
        meter_output(l->m, raw);
    if (raw.len == strlen("\"usage\"") && (raw.at[1] == 'e' || raw.at[1] == 'u'))
        look_closer(l, raw);
}

static bool no_choices(const struct member *choices)
{
    struct span raw = choices->raw;
    return !raw.at || (choices->kind == JSON_ARRAY && span_trim(span_make(raw.at + 1, raw.len - 2)).len == 0);
}

/* Groq has it within a member of its own. */
bool chat_chunk_usage(struct json *j, const struct member *usage, const struct member *groq, struct arena *a, struct usage *u)
{
    struct span raw = usage->kind == JSON_OBJECT ? usage->raw : raw_member(groq->raw, SPAN("usage"), a);
    answer_clear(u);
    char *copy = raw_kind(raw) == JSON_OBJECT ? arena_take(a, raw.len + BUF_SLACK) : NULL; /* an event need not have slack behind it */
    if (copy) {
        memcpy(copy, raw.at, raw.len);
        answer_openai_usage(j, span_make(copy, raw.len), u);
    }
    return u->known;
}

/* What a chunk is read for, beside the meter. */
struct chunk {
    bool usage_wanted;
    bool *hide;
};

static void read_chunk(struct json *j, struct span data, struct arena *a, struct stream_meter *m, void *more)
{
    const struct chunk *chunk = more;
    struct member f[] = { { .name = SPAN("usage") }, { .name = SPAN("model") }, { .name = SPAN("service_tier") },
        { .name = SPAN("choices") }, { .name = SPAN("error") }, { .name = SPAN("x_groq") } };
    struct usage u;
    if (!member_find(j, data, f, 6, NULL))
        return;
    if (f[4].raw.at && f[4].kind != JSON_NULL)
        m->failed = true;
    (void)chat_chunk_usage(j, &f[0], &f[5], a, &u);
    struct span model = answer_text(f[1].raw, a), tier = ask_tier(answer_text(f[2].raw, a));
    if (!u.known)
        u = m->usage;
    if (model.len)
        u.model = model;
    if (tier.len)
        u.tier = tier;
    if (u.known && chat_always_searches(u.model))
        u.fees[FEE_WEB_SEARCH] = 1;
    *chunk->hide = f[0].kind == JSON_OBJECT && !chunk->usage_wanted && !m->failed && no_choices(&f[3]);
    answer_keep(m, &u);
}

static void tap_event(struct json *j, const struct sse_event *event, bool usage_wanted, struct stream_meter *m, bool *hide)
{
    struct chunk chunk = { usage_wanted, hide };
    *hide = false;
    answer_start(m);
    if (!event->data.at)
        return;
    if (span_is(span_trim(event->data), SPAN("[DONE]"))) {
        m->finished = true;
        return;
    }
    struct look look = { m, event->data.at + event->data.len, !m->usage.model.at }; /* the first chunk names the model */
    walk(event->data, event_names, look_at, &look);
    if (look.worth)
        answer_event(j, event->data, m, read_chunk, &chunk);
}

static void write_error_event(struct buf *out, struct span code, struct span message)
{
    buf_put(out, SPAN("data: "));
    answer_write_error(out, code, message);
    buf_put(out, SPAN("\n\n"));
}

static const struct translator translator = {
    .read_call = chat_read_call,
    .write_answer = chat_write_answer,
    .write_event = chat_write_event,
    .write_fault = chat_write_fault,
    .write_call = chat_write_call,
    .read_answer = chat_read_answer,
    .read_event = chat_read_event,
    .read_fault = chat_read_fault,
};

const struct dialect dialect_openai_chat = {
    .name = "openai_chat",
    .translator = &translator,
    .framing = FRAMING_SSE,
    .read_ask = read_ask,
    .edit_ask = edit_ask,
    .read_usage = chat_read_usage,
    .tap_event = tap_event,
    .write_error_event = write_error_event,
};
