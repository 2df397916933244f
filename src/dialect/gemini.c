/* SPDX-License-Identifier: Apache-2.0
 * gemini.c - Gemini's generateContent and streamGenerateContent, at the Gemini API and at Vertex AI.
 *
 * The model, and whether it streams, stand in the path. Thoughts count as output, within maxOutputTokens. A stream's chunks are whole
 * answers with cumulative usage; it has no end of its own: it is whole when each candidate told why it finished, or the prompt was
 * blocked. */
#include "dialect/gemini.h"

#include "base/money.h"
#include "dialect/answer.h"
#include "dialect/ask.h"
#include "dialect/dialects.h"
#include "dialect/own_tool.h"

enum {
    /* A picture is scaled into 3072 x 3072 and cut into tiles of 256 to 768 pixels, at most 12 x 2, of 258 tokens each (Gemini 2), or
     * counts 2240 at the highest resolution (Gemini 3). */
    PICTURE_TOKENS_MOST = 8192,
    AUDIO_TOKENS_PER_SECOND = 32,
};

enum { CONTENTS, SYSTEM, TOOLS, GENERATION, CACHED, TIER, CONTINUATION, MODEL, TOP_NAMES };
static const struct span top_names[] = { [CONTENTS] = { "contents", 8 }, [SYSTEM] = { "systemInstruction", 17 }, [TOOLS] = { "tools", 5 },
    [GENERATION] = { "generationConfig", 16 }, [CACHED] = { "cachedContent", 13 }, [TIER] = { "serviceTier", 11 },
    [CONTINUATION] = { "continuationToken", 17 }, [MODEL] = { "model", 5 }, [TOP_NAMES] = { NULL, 0 } };

/* --- the request --- */

/* Sound by its size: the fewest bytes that a second of it takes. Of other kinds a second may take next to none. */
static const struct {
    struct span type;
    int64_t bytes_per_second;
} sounds[] = { { { "audio/wav", 9 }, 1000 }, { { "audio/x-wav", 11 }, 1000 }, { { "audio/mp3", 9 }, 1000 }, { { "audio/mpeg", 10 }, 1000 },
    { { "audio/aiff", 10 }, 1000 }, { { "audio/x-aiff", 12 }, 1000 }, { { "audio/aac", 9 }, 48 }, { { "audio/L16", 9 }, 8000 },
    { { "audio/pcm", 9 }, 8000 } };

static bool weigh_sound(struct ask *ask, struct span type, struct span data)
{
    for (size_t i = 0; i < sizeof(sounds) / sizeof(*sounds); i++) {
        if (!span_is_nocase(span_first(type, sounds[i].type.len), sounds[i].type))
            continue;
        int64_t seconds = (int64_t)data.len / sounds[i].bytes_per_second + 1; /* of base64: a third more than there are */
        ask_picture(ask, data, seconds * AUDIO_TOKENS_PER_SECOND);
        return true;
    }
    return false;
}

static bool weigh_inline(struct ask *ask, struct span blob, struct arena *a)
{
    static const struct span names[] = { { "mimeType", 8 }, { "data", 4 }, { NULL, 0 } };
    struct span v[2];
    if (!gemini_pick(blob, names, v, a, NULL, NULL))
        return false;
    struct span type = raw_text(v[0], a);
    if (!v[1].at || span_is_nocase(span_first(type, 5), SPAN("text/")))
        return true; /* no more tokens than bytes */
    if (span_is_nocase(span_first(type, 6), SPAN("image/"))) {
        ask_picture(ask, v[1], PICTURE_TOKENS_MOST);
        return true;
    }
    return weigh_sound(ask, type, v[1]);
}

static void out_of_sight(void *self, struct span name, struct span value)
{
    struct ask *ask = self;
    (void)name;
    if (raw_kind(value) != JSON_NULL)
        ask->input_unbounded = true;
}

/* mediaResolution.numTokens says itself how many tokens a medium shall be. */
static bool weigh_part(struct ask *ask, struct span part, struct arena *a)
{
    enum { INLINE, RESPONSE, RESOLUTION, SEEN };
    static const struct span names[] = { { "inlineData", 10 }, { "functionResponse", 16 }, { "mediaResolution", 15 }, { "text", 4 },
        { "thought", 7 }, { "thoughtSignature", 16 }, { "functionCall", 12 }, { "executableCode", 14 }, { "codeExecutionResult", 19 },
        { "toolCall", 8 }, { "toolResponse", 12 }, { "partMetadata", 12 }, { "speechMetadata", 14 }, { NULL, 0 } };
    struct span v[sizeof(names) / sizeof(*names)];
    bool seen = gemini_pick(part, names, v, a, out_of_sight, ask);
    if (v[INLINE].at)
        seen = weigh_inline(ask, v[INLINE], a) && seen;
    if (v[RESOLUTION].at && gemini_member(v[RESOLUTION], SPAN("numTokens"), a).at)
        seen = false;
    struct gemini_list more = gemini_list(gemini_member(v[RESPONSE], SPAN("parts"), a), a);
    for (struct span item; gemini_next(&more, &item);)
        seen = weigh_part(ask, item, a) && seen;
    return seen;
}

void gemini_weigh_contents(struct ask *ask, struct span contents, struct arena *a)
{
    struct gemini_list list = gemini_list(contents, a);
    for (struct span content, part; gemini_next(&list, &content);) {
        struct gemini_list parts = gemini_list(gemini_member(content, SPAN("parts"), a), a);
        while (gemini_next(&parts, &part))
            if (!weigh_part(ask, part, a))
                ask->input_unbounded = true;
    }
}

/* Tools that Google runs bring input that is not in the body, and are charged by the search. */
static void weigh_own_tool(void *self, struct span name, struct span value)
{
    struct ask *ask = self;
    if (raw_kind(value) == JSON_NULL || gemini_named(name, SPAN("functionDeclarations")))
        return;
    ask->input_most += ASK_OWN_TOOL_OVERHEAD;
    ask->input_unbounded = true;
    if (!gemini_named(name, SPAN("computerUse"))) /* the caller's */
        ask->rounds = 1; /* what it reads is billed beside the prompt */
    if (gemini_named(name, SPAN("googleSearch")) || gemini_named(name, SPAN("googleSearchRetrieval")))
        own_tool_unlimited(ask, FEE_WEB_SEARCH, "tools: googleSearch may search any number of times; leave it out");
    else if (gemini_named(name, SPAN("enterpriseWebSearch")))
        own_tool_unlimited(ask, FEE_ENTERPRISE_WEB_SEARCH, "tools: enterpriseWebSearch may search any number of times; leave it out");
    else if (gemini_named(name, SPAN("googleMaps")))
        ask->fees[FEE_MAPS] = ask->choices;
}

static void weigh_tools(struct ask *ask, struct span tools, struct arena *a)
{
    static const struct span none[] = { { NULL, 0 } };
    struct gemini_list list = gemini_list(tools, a);
    for (struct span tool; gemini_next(&list, &tool);)
        (void)gemini_pick(tool, none, NULL, a, weigh_own_tool, ask);
}

static bool read_count(struct span raw, int64_t *out)
{
    static const int64_t most = INT64_C(1) << 40;
    return !raw.at || (raw_kind(raw) == JSON_NUMBER && json_raw_integer(raw, out) && *out >= 0 && *out <= most);
}

static enum err read_generation(struct span config, struct arena *a, struct ask *out, const char **why)
{
    static const struct span names[] = { { "maxOutputTokens", 15 }, { "candidateCount", 14 }, { NULL, 0 } };
    struct span v[2];
    *why = "generationConfig must be an object";
    if (config.at && raw_kind(config) != JSON_OBJECT)
        return E_BAD_REQUEST;
    *why = "a member of generationConfig is there twice";
    if (!gemini_pick(config, names, v, a, NULL, NULL))
        return E_NOT_CANONICAL;
    *why = "maxOutputTokens and candidateCount must be whole numbers, written with digits only";
    if (!read_count(v[0], &out->output_limit) || !read_count(v[1], &out->choices))
        return E_BAD_REQUEST;
    out->zero_limit = out->output_limit == 0;
    if (out->zero_limit)
        out->output_limit = -1;
    if (out->choices < 1)
        out->choices = 1;
    return E_OK;
}

static enum err fill_ask(const struct span *v, struct span body, struct arena *a, struct ask *out, const char **why)
{
    *out = (struct ask){ .usage_wanted = true, .output_limit = -1, .choices = 1 };
    enum err e = read_generation(v[GENERATION], a, out, why);
    if (e)
        return e;
    out->input_most = (int64_t)body.len + ASK_OVERHEAD + (v[TOOLS].at ? ASK_TOOLS_OVERHEAD : 0);
    out->input_unbounded = v[CACHED].at || v[CONTINUATION].at;
    struct span tier = raw_text(v[TIER], a);
    out->tier = span_is(tier, SPAN("unspecified")) ? SPAN_NONE : ask_tier(tier);
    gemini_weigh_contents(out, v[CONTENTS], a);
    gemini_weigh_contents(out, v[SYSTEM], a);
    weigh_tools(out, v[TOOLS], a);
    return E_OK;
}

static enum err read_ask(struct json *j, struct span body, struct arena *a, struct ask *out, const char **why)
{
    struct span v[TOP_NAMES];
    enum err e = gemini_pick_body(j, body, top_names, v, a, NULL, NULL, why);
    if (e)
        return e;
    if (v[MODEL].at) { /* which of the two Google would take is not said */
        *why = "the model stands in the path, not in the body";
        return E_BAD_REQUEST;
    }
    return fill_ask(v, body, a, out, why);
}

/* The member in either spelling, null included. */
static struct span member_as_it_is(struct span object, struct span camel, struct arena *a)
{
    struct raw_iter it = raw_iter(object, a);
    struct span name, value;
    while (it.object && raw_next(&it, &name, &value))
        if (gemini_named(name, camel))
            return value;
    return SPAN_NONE;
}

static bool is_empty(struct span object)
{
    struct raw_iter it = raw_iter(object, NULL);
    return gemini_trim(span_make(it.at, (size_t)(it.end - it.at))).len == 0;
}

static void edit_limit(struct ask_splices *s, struct span body, long long most, struct arena *a)
{
    struct span config = member_as_it_is(body, SPAN("generationConfig"), a), limit = SPAN_NONE;
    if (raw_kind(config) == JSON_OBJECT)
        limit = member_as_it_is(config, SPAN("maxOutputTokens"), a);
    if (limit.at)
        ask_replace(s, limit, "%lld", most);
    else if (raw_kind(config) == JSON_OBJECT)
        ask_insert(s, config, is_empty(config), "\"maxOutputTokens\":%lld", most);
    else if (config.at)
        ask_replace(s, config, "{\"maxOutputTokens\":%lld}", most);
    else
        ask_insert(s, body, is_empty(body), "\"generationConfig\":{\"maxOutputTokens\":%lld}", most);
}

static void edit_ask(struct json *j, struct span body, const struct ask_edit *edit, struct buf *out)
{
    struct ask_splices s = { .body = body };
    struct arena a;
    (void)j;
    arena_init(&a, 1 << 20); /* for names with escapes */
    if (edit->output_limit >= 0)
        edit_limit(&s, gemini_trim(body), (long long)edit->output_limit, &a);
    if (a.broken)
        out->broken = true;
    ask_write(&s, out);
    arena_free(&a);
}

/* --- answers --- */

static void read_usage(struct json *j, struct span body, struct arena *a, struct usage *u)
{
    struct member m[] = { { .name = SPAN("usageMetadata") }, { .name = SPAN("modelVersion") }, { .name = SPAN("candidates") } };
    answer_clear(u);
    if (!member_find(j, body, m, 3, NULL))
        return;
    u->model = answer_text(m[1].raw, a);
    gemini_read_usage(m[0].raw, a, u);
    if (u->known)
        gemini_read_fees(m[2].raw, a, u);
}

/* --- streams --- */

static void count_output(struct span candidate, struct arena *a, struct stream_meter *m)
{
    struct gemini_list parts = gemini_list(raw_member(raw_member(candidate, SPAN("content"), a), SPAN("parts"), a), a);
    for (struct span part; gemini_next(&parts, &part);) {
        meter_output(m, raw_member(part, SPAN("text"), a));
        meter_output(m, raw_member(part, SPAN("functionCall"), a));
    }
}

static void read_candidates(struct span candidates, struct arena *a, struct stream_meter *m)
{
    struct gemini_list list = gemini_list(candidates, a);
    for (struct span candidate; gemini_next(&list, &candidate);) {
        int64_t index = 0;
        json_raw_integer(raw_member(candidate, SPAN("index"), a), &index);
        uint64_t bit = UINT64_C(1) << (index & 63);
        m->choices_seen |= bit;
        if (raw_kind(raw_member(candidate, SPAN("finishReason"), a)) == JSON_STRING)
            m->choices_ended |= bit;
        count_output(candidate, a, m);
    }
}

static void read_chunk(struct json *j, struct span data, struct arena *a, struct stream_meter *m, void *more)
{
    struct member f[] = { { .name = SPAN("usageMetadata") }, { .name = SPAN("modelVersion") }, { .name = SPAN("candidates") },
        { .name = SPAN("promptFeedback") }, { .name = SPAN("error") } };
    struct usage u = m->usage;
    (void)more;
    if (!member_find(j, data, f, 5, NULL))
        return;
    if (f[4].raw.at && f[4].kind != JSON_NULL)
        m->failed = true;
    struct span model = answer_text(f[1].raw, a);
    if (model.len)
        u.model = model;
    gemini_read_usage(f[0].raw, a, &u);
    gemini_read_fees(f[2].raw, a, &u);
    answer_keep(m, &u);
    read_candidates(f[2].raw, a, m);
    if (raw_kind(raw_member(f[3].raw, SPAN("blockReason"), a)) == JSON_STRING)
        m->finished = true;
    if (m->choices_seen && m->choices_seen == m->choices_ended)
        m->finished = true;
    else if (m->choices_seen)
        m->finished = false;
}

static void tap_event(struct json *j, const struct sse_event *event, bool usage_wanted, struct stream_meter *m, bool *hide)
{
    (void)usage_wanted; /* always there */
    *hide = false;
    answer_start(m);
    if (event->data.at)
        answer_event(j, event->data, m, read_chunk, NULL);
}

static void write_error_event(struct buf *out, struct span code, struct span message)
{
    struct json_out o = json_out(out);
    struct arena a;
    arena_init(&a, 1 << 20);
    struct fault fault = { .kind = FAULT_OVERLOAD, .message = raw_quote(message, &a), .code = raw_quote(code, &a) };
    buf_put(out, SPAN("data: "));
    json_open(&o, '{');
    json_name(&o, SPAN("error"));
    gemini_put_error(&o, &fault, SPAN_NONE, SPAN_NONE);
    json_close(&o, '}');
    buf_put(out, SPAN("\n\n"));
    arena_free(&a);
}

static void put_chunk(struct gemini_array *s, struct span data, struct buf *out)
{
    buf_put(out, s->begun ? SPAN(",\r\n") : SPAN("["));
    s->begun = true;
    buf_put(out, data);
}

void gemini_array_put(struct gemini_array *s, struct span events, bool end, struct buf *out)
{
    struct span line;
    while (span_cut(&events, '\n', &line)) {
        if (line.len && line.at[line.len - 1] == '\r')
            line.len--;
        if (span_starts(line, SPAN("data:")))
            put_chunk(s, span_trim(span_from(line, 5)), out);
    }
    if (!end || s->ended)
        return;
    s->ended = true;
    buf_put(out, s->begun ? SPAN("]") : SPAN("[]"));
}

static const struct translator translator = {
    .read_call = gemini_read_call,
    .write_answer = gemini_write_answer,
    .write_event = gemini_write_event,
    .write_fault = gemini_write_fault,
    .write_call = gemini_write_call,
    .read_answer = gemini_read_answer,
    .read_event = gemini_read_event,
    .read_end = gemini_read_end,
    .read_fault = gemini_read_fault,
};

const struct dialect dialect_gemini = {
    .name = "gemini",
    .translator = &translator,
    .framing = FRAMING_SSE,
    .read_ask = read_ask,
    .edit_ask = edit_ask,
    .read_usage = read_usage,
    .tap_event = tap_event,
    .write_error_event = write_error_event,
};
