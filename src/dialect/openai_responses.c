/* SPDX-License-Identifier: Apache-2.0
 * openai_responses.c - OpenAI's responses, plain and streamed.
 *
 * A request may point at stored things (an earlier response, a conversation, files, a prompt) and at tools that the
 * vendor runs; both bring input that is not in the body. A stream ends with response.completed, .incomplete or .failed,
 * which carries the whole response: the usage is in response.usage, never at the top. */
#include "dialect/answer.h"
#include "dialect/ask.h"
#include "dialect/dialects.h"
#include "dialect/openai_responses_int.h"
#include "dialect/own_tool.h"
#include "dialect/picture.h"
#include "dialect/walk.h"

/* "original" detail counts 32 x 32 patches, at most 10,000 of them, by a factor of at most 2.46. */
enum { PICTURE_TOKENS_MOST = 49152 };

static const struct ask_field fields[] = {
    ASK_FIELD("model", ASK_TEXT, model, " must be a string"),
    ASK_FIELD("stream", ASK_FLAG, stream, " must be true or false"),
    ASK_FIELD("max_output_tokens", ASK_COUNT, limit, " must be a whole number, written with digits only"),
    ASK_FIELD("max_tool_calls", ASK_COUNT, tool_calls, " must be a whole number, written with digits only"),
    ASK_FIELD("service_tier", ASK_TEXT, tier, " must be a string"),
    ASK_FIELD("user", ASK_TEXT, user, " must be a string"),
    ASK_FIELD("input", ASK_RAW, input, ""),
    ASK_FIELD("tools", ASK_RAW, tools, ""),
    ASK_FIELD("previous_response_id", ASK_RAW, reference, ""),
    ASK_FIELD("conversation", ASK_RAW, reference2, ""),
    ASK_FIELD("models", ASK_RAW, others, ""),
    ASK_FIELD("prompt", ASK_RAW, prompt, ""),
    ASK_FIELD("tool_choice", ASK_RAW, choice, ""),
    ASK_FIELD("search_parameters", ASK_RAW, live_search, ""), /* xAI's */
    { .name = { NULL, 0 } },
};

enum { TYPE = 1, CONTENT, OUTPUT, IMAGE_URL, FILE_ID, FILE_URL, FILE_DATA, ACTION, SEARCH_SIZE, ID, ENVIRONMENT, CONTAINER_ID };
static const struct span names[] = {
    [TYPE - 1] = { "type", 4 },
    [CONTENT - 1] = { "content", 7 },
    [OUTPUT - 1] = { "output", 6 },
    [IMAGE_URL - 1] = { "image_url", 9 },
    [FILE_ID - 1] = { "file_id", 7 },
    [FILE_URL - 1] = { "file_url", 8 },
    [FILE_DATA - 1] = { "file_data", 9 },
    [ACTION - 1] = { "action", 6 },
    [SEARCH_SIZE - 1] = { "search_context_size", 19 },
    [ID - 1] = { "id", 2 },
    [ENVIRONMENT - 1] = { "environment", 11 },
    [CONTAINER_ID - 1] = { "container_id", 12 },
    [CONTAINER_ID] = { NULL, 0 },
};

/* --- the request --- */

/* Parts that are text all through, or pictures; whatever else there will be may cost what cannot be seen. */
static bool known_part(struct span type)
{
    static const char *const known[] = { "\"input_text\"", "\"output_text\"", "\"text\"", "\"refusal\"", "\"input_image\"",
        "\"summary_text\"", "\"reasoning_text\"", "\"computer_screenshot\"" };
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (span_is(type, span_of(known[i])))
            return true;
    return false;
}

static bool known_item(struct span type)
{
    static const char *const known[] = { "\"message\"", "\"function_call\"", "\"function_call_output\"", "\"reasoning\"",
        "\"custom_tool_call\"", "\"custom_tool_call_output\"", "\"computer_call\"", "\"computer_call_output\"",
        "\"local_shell_call\"", "\"local_shell_call_output\"", "\"shell_call\"", "\"shell_call_output\"", "\"apply_patch_call\"",
        "\"apply_patch_call_output\"" };
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (span_is(type, span_of(known[i])))
            return true;
    return false;
}

struct weighing {
    struct ask *ask;
    bool ids; /* some item has one */
};

static void weigh_item(void *self, uint64_t place, bool name, struct span raw)
{
    struct weighing *w = self;
    struct ask *ask = w->ask;
    const uint64_t content = WALK_AT3(WALK_ITEM, CONTENT, WALK_ITEM), output = WALK_AT3(WALK_ITEM, OUTPUT, WALK_ITEM),
                   screen = WALK_AT2(WALK_ITEM, OUTPUT);
    bool part = place >> 8 == content || place >> 8 == output || place >> 8 == screen;
    uint64_t last = place & 0xff;
    if (name) {
        w->ids = w->ids || place == WALK_AT2(WALK_ITEM, ID);
        if (part && (last == FILE_ID || last == FILE_URL || last == FILE_DATA))
            ask->input_unbounded = true;
        return;
    }
    if (place == WALK_AT2(WALK_ITEM, TYPE) && !known_item(raw))
        ask->input_unbounded = true;
    if (!part)
        return;
    if (last == TYPE && !known_part(raw))
        ask->input_unbounded = true;
    if (last == IMAGE_URL && ask_is_inline_picture(raw))
        ask_picture(ask, raw, picture_most_openai(raw, PICTURE_TOKENS_MOST));
    else if (last == IMAGE_URL)
        ask->input_unbounded = true;
}

/* An item with neither a type nor a role is a reference to a stored one. */
static bool has_references(struct json *j, struct span input)
{
    struct json_value v, item;
    struct span name;
    const char *why;
    if (json_parse(j, input, true, &v, &why))
        return true;
    for (struct json_iter it = json_iter(v); json_next(&it, &name, &item);)
        if (json_kind(item) == JSON_OBJECT && json_kind(json_member(item, SPAN("type"))) != JSON_STRING &&
            json_kind(json_member(item, SPAN("role"))) != JSON_STRING)
            return true;
    return false;
}

static void weigh_container(struct ask *ask)
{
    static const char why[] = "tools: a shell in a container of the vendor's may need any number of them; set max_tool_calls";
    own_tool_unlimited(ask, FEE_CODE_SESSION, why);
    own_tool_unlimited(ask, FEE_CODE_EXECUTION, why);
    ask->rounds = ASK_ROUNDS;
}

/* A shell is the caller's own but where it is given a container of the vendor's. */
static void weigh_tool(void *self, uint64_t place, bool name, struct span raw)
{
    struct ask *ask = self;
    if (!name && place == WALK_AT2(WALK_ITEM, TYPE))
        own_tool_weigh(ask, raw);
    else if (!name && place == WALK_AT3(WALK_ITEM, ENVIRONMENT, TYPE) && !span_is(raw, SPAN("\"local\"")))
        weigh_container(ask);
}

/* max_tool_calls bounds what is charged by the call; of tools that are not known nothing is known. */
static void bound_calls(struct ask *ask, int64_t calls)
{
    for (int fee = 0; fee < FEE_COUNT; fee++)
        if (ask->fees[fee] < 0 && fee != FEE_REQUEST)
            ask->fees[fee] = calls;
    if (calls >= 0 && ask->fees[FEE_REQUEST] >= 0)
        ask->unlimited = NULL;
}

/* Each call of a tool is a round, whose input is billed. Deep research makes dozens where it may. */
static void bound_rounds(struct ask *ask, int64_t calls)
{
    bool deep = span_find(ask->model, SPAN("deep-research")) >= 0;
    if (!ask->rounds && !deep)
        return;
    ask->input_unbounded = true;
    if (calls >= 0)
        ask->rounds = calls;
    else if (deep)
        ask->rounds = -1;
    if (calls < 0 && deep)
        ask->unlimited = "max_tool_calls: deep research runs its tools, and reads all anew, as often as it likes; set it";
}

/* One that is kept at the vendor may bring tools of any kind. */
static void weigh_prompt(const struct ask_found *found, struct ask *ask)
{
    if (!found->prompt.at)
        return;
    ask->input_unbounded = true;
    if (span_is(found->choice, SPAN("\"none\"")))
        return;
    ask->rounds = ASK_ROUNDS;
    own_tool_unlimited(ask, FEE_REQUEST, "prompt: one that is kept at the vendor may bring tools that it runs; say its text in the request, or tool_choice \"none\"");
}

static enum err read_ask(struct json *j, struct span body, struct arena *a, struct ask *out, const char **why)
{
    struct ask_found found;
    struct weighing w = { out, false };
    enum err e = ask_read(j, body, a, fields, &found, why);
    if (e)
        return e;
    ask_begin(body, &found, out);
    weigh_prompt(&found, out);
    walk(found.input, names, weigh_item, &w);
    if (w.ids && !out->input_unbounded && has_references(j, found.input))
        out->input_unbounded = true;
    walk_top(found.tools, 3, names, weigh_tool, out);
    bound_calls(out, found.tool_calls);
    bound_rounds(out, found.tool_calls);
    own_tool_live_search(j, out, found.live_search);
    return E_OK;
}

static void edit_ask(struct json *j, struct span body, const struct ask_edit *edit, struct buf *out)
{
    ask_edit_limit(j, body, SPAN("max_output_tokens"), edit, out);
}

/* --- answers --- */

/* Calls of tools that cost by the piece, as the items show them. */
struct calls {
    int64_t fees[FEE_COUNT];
    struct span container; /* the one seen last */
};

static void count_type(struct calls *c, struct span type)
{
    static const struct {
        struct span name;
        enum fee fee;
    } known[] = { { { "\"web_search_call\"", 17 }, FEE_WEB_SEARCH }, { { "\"file_search_call\"", 18 }, FEE_FILE_SEARCH }, { { "\"x_search_call\"", 15 }, FEE_X_SEARCH },
        { { "\"attachment_search_call\"", 24 }, FEE_ATTACHMENT_SEARCH }, { { "\"code_interpreter_call\"", 23 }, FEE_CODE_EXECUTION },
        { { "\"image_generation_call\"", 23 }, FEE_IMAGE_UNIT } };
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        c->fees[known[i].fee] += span_is(type, known[i].name);
}

/* Of web searches only the searching is charged, not opening or leafing; of code the container that it runs in, however often it does. */
static void count_call(void *self, uint64_t place, bool name, struct span raw)
{
    struct calls *c = self;
    if (name)
        return;
    if (place == WALK_AT2(WALK_ITEM, TYPE)) {
        count_type(c, raw);
    } else if (place == WALK_AT2(WALK_ITEM, CONTAINER_ID) || place == WALK_AT3(WALK_ITEM, ENVIRONMENT, CONTAINER_ID)) {
        c->fees[FEE_CODE_SESSION] += !span_is(raw, c->container);
        c->container = raw;
    } else if (place == WALK_AT3(WALK_ITEM, ACTION, TYPE)) {
        bool free = span_is(raw, SPAN("\"open_page\"")) || span_is(raw, SPAN("\"find_in_page\""));
        c->fees[FEE_WEB_SEARCH] -= free && c->fees[FEE_WEB_SEARCH] > 0;
    }
}

static void count_calls(struct span output, struct usage *u)
{
    struct calls c = { .container = SPAN_NONE };
    walk(output, names, count_call, &c);
    if (!c.fees[FEE_CODE_SESSION]) /* nothing is said of containers */
        c.fees[FEE_CODE_SESSION] = c.fees[FEE_CODE_EXECUTION];
    for (int fee = 0; fee < FEE_COUNT; fee++)
        if (c.fees[fee] > u->fees[fee])
            u->fees[fee] = c.fees[fee];
}

static void note_search_size(void *self, uint64_t place, bool name, struct span raw)
{
    struct usage *u = self;
    if (!name && place == WALK_AT2(WALK_ITEM, SEARCH_SIZE) && raw.len > 2)
        u->search = span_make(raw.at + 1, raw.len - 2);
}

void responses_usage(struct json *j, struct span response, struct arena *a, struct usage *u)
{
    struct member m[] = { { .name = SPAN("usage") }, { .name = SPAN("model") }, { .name = SPAN("service_tier") },
        { .name = SPAN("output") }, { .name = SPAN("tools") } };
    answer_clear(u);
    if (!member_find(j, response, m, 5, NULL))
        return;
    if (m[0].kind == JSON_OBJECT)
        answer_openai_usage(j, m[0].raw, u);
    u->model = answer_text(m[1].raw, a);
    u->tier = ask_tier(answer_text(m[2].raw, a));
    if (!u->known)
        return;
    count_calls(m[3].raw, u);
    walk(m[4].raw, names, note_search_size, u);
}

/* --- streams --- */

enum { E_DELTA = 1 };
static const struct span event_names[] = { [E_DELTA - 1] = { "delta", 5 }, [E_DELTA] = { NULL, 0 } };

static void count_delta(void *self, uint64_t place, bool name, struct span raw)
{
    struct stream_meter *m = self;
    if (!name && place == WALK_AT1(E_DELTA) && raw.len > 2)
        meter_output(m, raw);
}

static void read_last(struct json *j, struct span data, struct arena *a, struct stream_meter *m, void *more)
{
    struct member f[] = { { .name = SPAN("type") }, { .name = SPAN("response") } };
    struct usage u;
    (void)more;
    if (!member_find(j, data, f, 2, NULL))
        return;
    struct span type = answer_text(f[0].raw, a);
    bool failed = span_is(type, SPAN("response.failed"));
    if (span_is(type, SPAN("error")))
        m->failed = true;
    if (!failed && !span_is(type, SPAN("response.completed")) && !span_is(type, SPAN("response.incomplete")))
        return;
    if (f[1].kind != JSON_OBJECT)
        return;
    m->finished = true;
    m->failed = m->failed || failed;
    responses_usage(j, f[1].raw, a, &u);
    answer_keep(m, &u);
}

/* The name line may be missing (some proxies drop it); the type in the data never is. */
static bool worth_reading(const struct sse_event *event)
{
    struct span d = event->data;
    return answer_mentions(d, SPAN("\"response.completed\"")) || answer_mentions(d, SPAN("\"response.incomplete\"")) ||
           answer_mentions(d, SPAN("\"response.failed\"")) || answer_mentions(d, SPAN("\"error\""));
}

static void tap_event(struct json *j, const struct sse_event *event, bool usage_wanted, struct stream_meter *m, bool *hide)
{
    (void)usage_wanted; /* always part of the last event */
    *hide = false;
    answer_start(m);
    if (!event->data.at)
        return;
    if (worth_reading(event))
        answer_event(j, event->data, m, read_last, NULL);
    else
        walk(event->data, event_names, count_delta, m);
}

static void write_error_event(struct buf *out, struct span code, struct span message)
{
    struct json_out o = json_out(out);
    buf_put(out, SPAN("event: error\ndata: "));
    json_open(&o, '{');
    json_pair(&o, SPAN("type"), SPAN("error"));
    json_pair(&o, SPAN("code"), code);
    json_pair(&o, SPAN("message"), message);
    json_pair(&o, SPAN("param"), SPAN_NONE);
    json_close(&o, '}');
    buf_put(out, SPAN("\n\n"));
}

static const struct translator translator = {
    .read_call = responses_read_call,
    .write_answer = responses_write_answer,
    .write_event = responses_write_event,
    .write_fault = responses_write_fault,
    .write_call = responses_write_call,
    .read_answer = responses_read_answer,
    .read_event = responses_read_event,
    .read_fault = responses_read_fault,
};

const struct dialect dialect_openai_responses = {
    .name = "openai_responses",
    .translator = &translator,
    .read_ask = read_ask,
    .edit_ask = edit_ask,
    .read_usage = responses_usage,
    .tap_event = tap_event,
    .write_error_event = write_error_event,
};
