/* SPDX-License-Identifier: Apache-2.0
 * openai_responses_item.c - reads items: of a call's input and of an answer's output, which are the same things. */
#include "dialect/openai_responses_int.h"
#include "dialect/signature.h"

struct span responses_said(struct span object, struct span name, struct arena *a)
{
    struct span v = raw_member(object, name, a);
    return raw_kind(v) == JSON_NULL ? SPAN_NONE : v;
}

/* --- kinds --- */

static bool is_one_of(struct span raw, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (raw_is(raw, span_of(list[i])))
            return true;
    return false;
}

/* What the caller's side says of tools that are neither functions nor custom. */
static bool is_callers(struct span type)
{
    static const char *const list[] = { "computer_call_output", "local_shell_call_output", "shell_call_output", "apply_patch_call_output",
        "mcp_approval_response", "tool_search_output", "program_output", "additional_tools", "compaction_trigger" };
    return is_one_of(type, list, sizeof(list) / sizeof(*list));
}

enum item_kind responses_item_kind(struct span item, struct arena *a)
{
    if (raw_kind(item) != JSON_OBJECT)
        return ITEM_BROKEN;
    struct span type = responses_said(item, SPAN("type"), a);
    if (!type.at)
        return responses_said(item, SPAN("role"), a).at ? ITEM_MESSAGE : ITEM_REFERENCE;
    if (raw_kind(type) != JSON_STRING)
        return ITEM_BROKEN;
    static const struct {
        const char *type;
        enum item_kind kind;
    } kinds[] = { { "message", ITEM_MESSAGE }, { "reasoning", ITEM_REASONING }, { "function_call", ITEM_CALL },
        { "custom_tool_call", ITEM_CUSTOM_CALL }, { "function_call_output", ITEM_RESULT }, { "custom_tool_call_output", ITEM_RESULT },
        { "item_reference", ITEM_REFERENCE } };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (raw_is(type, span_of(kinds[i].type)))
            return kinds[i].kind;
    return is_callers(type) ? ITEM_USER_OTHER : ITEM_ASSISTANT_OTHER;
}

/* --- members --- */

static void refuse(struct item_reading *r, const char *why)
{
    if (!r->why)
        r->why = why;
}

/* The rest of an object: what is neither known nor of no meaning elsewhere (status, id and the like come with every item that an
 * answer's output is sent back with). */
static void tell_unknown(struct item_reading *r, struct span object, struct item_place place, const char *const *known, size_t count)
{
    static const char *const idle[] = { "type", "id", "status", "phase", "created_by", "caller", "annotations", "logprobs", "role" };
    struct raw_iter it = raw_iter(object, r->arena);
    struct span name, value;
    while (r->unknown && raw_next(&it, &name, &value)) {
        bool seen = raw_kind(value) == JSON_NULL;
        for (size_t i = 0; !seen && i < sizeof(idle) / sizeof(*idle); i++)
            seen = span_is(name, span_of(idle[i]));
        for (size_t i = 0; !seen && i < count; i++)
            seen = span_is(name, span_of(known[i]));
        place.name = name;
        if (!seen)
            r->unknown(r->self, &place, value);
    }
}
static const struct item_place in_item;
#define TELL_UNKNOWN(r, object, place, known) tell_unknown((r), (object), (place), (known), sizeof(known) / sizeof(*(known)))

static struct span text_member(struct item_reading *r, struct span object, struct span name, const char *why)
{
    struct span v = responses_said(object, name, r->arena);
    if (raw_kind(v) == JSON_STRING)
        return v;
    refuse(r, why);
    return SPAN("\"\"");
}

/* --- content --- */

bool responses_read_citation(struct span annotation, struct arena *a, struct citation *out)
{
    if (raw_kind(annotation) != JSON_OBJECT)
        return false;
    *out = (struct citation){ .from = -1, .to = -1, .raw = annotation };
    out->url = responses_said(annotation, SPAN("url"), a);
    out->title = responses_said(annotation, SPAN("title"), a);
    if (!out->title.at)
        out->title = responses_said(annotation, SPAN("filename"), a);
    if (!json_raw_integer(responses_said(annotation, SPAN("start_index"), a), &out->from))
        out->from = -1;
    if (!json_raw_integer(responses_said(annotation, SPAN("end_index"), a), &out->to))
        out->to = -1;
    return true;
}

static void read_output_text(struct item_reading *r, struct span content, struct part *p)
{
    struct raw_iter it = raw_iter(responses_said(content, SPAN("annotations"), r->arena), r->arena);
    struct citation **end = &p->citations;
    struct span name, value, logprobs = responses_said(content, SPAN("logprobs"), r->arena);
    while (raw_next(&it, &name, &value)) {
        struct citation *c = ARENA_NEW(r->arena, struct citation);
        if (!c || !responses_read_citation(value, r->arena, c))
            continue;
        *end = c;
        end = &c->next;
    }
    if (raw_kind(logprobs) == JSON_ARRAY && logprobs.len > 2)
        p->logprobs = logprobs;
}

static struct span plain_member(struct item_reading *r, struct span object, struct span name)
{
    return raw_text(responses_said(object, name, r->arena), r->arena);
}

static void read_image(struct item_reading *r, struct span content, struct part *p)
{
    struct span url = responses_said(content, SPAN("image_url"), r->arena);
    p->media.file_id = responses_said(content, SPAN("file_id"), r->arena);
    p->media.detail = plain_member(r, content, SPAN("detail"));
    if (url.at && !media_data_url(url, &p->media))
        p->media.url = url;
    if (!url.at && !p->media.file_id.at)
        refuse(r, "input_image needs image_url or file_id");
    if (url.at && raw_kind(url) != JSON_STRING)
        refuse(r, "image_url must be a string");
}

static void read_file(struct item_reading *r, struct span content, struct part *p)
{
    struct span data = responses_said(content, SPAN("file_data"), r->arena);
    p->media.file_id = responses_said(content, SPAN("file_id"), r->arena);
    p->media.url = responses_said(content, SPAN("file_url"), r->arena);
    p->media.name = responses_said(content, SPAN("filename"), r->arena);
    p->media.detail = plain_member(r, content, SPAN("detail"));
    if (data.at && !media_data_url(data, &p->media)) {
        p->media.data = raw_inside(data);
        p->media.type = SPAN("application/pdf");
    }
    if (!p->media.data.at && !p->media.url.at && !p->media.file_id.at)
        refuse(r, "input_file needs file_data, file_url or file_id");
}

static void read_audio(struct item_reading *r, struct span content, struct part *p)
{
    struct span audio = responses_said(content, SPAN("input_audio"), r->arena);
    struct span format = plain_member(r, audio, SPAN("format"));
    p->media.data = raw_inside(responses_said(audio, SPAN("data"), r->arena));
    if (!p->media.data.at)
        refuse(r, "input_audio needs data and format");
    p->media.type = span_is(format, SPAN("mp3")) ? SPAN("audio/mpeg") : arena_print(r->arena, "audio/%.*s", SPAN_ARG(format.at ? format : SPAN("wav")));
}

static void read_content(struct item_reading *r, struct span content, struct item_place place, struct part **parts, struct span item)
{
    static const char *const text_names[] = { "text", "prompt_cache_breakpoint" }, *const refusal_names[] = { "refusal" },
                      *const image_names[] = { "image_url", "file_id", "detail", "prompt_cache_breakpoint" },
                      *const audio_names[] = { "input_audio" },
                      *const file_names[] = { "file_data", "file_id", "file_url", "filename", "detail", "prompt_cache_breakpoint" };
    struct span type = responses_said(content, SPAN("type"), r->arena);
    struct part *p = NULL;
    if (raw_is(type, SPAN("input_text")) || raw_is(type, SPAN("output_text")) || raw_is(type, SPAN("text"))) {
        if (!(p = part_add(parts, PART_TEXT, r->arena)))
            return;
        p->text = text_member(r, content, SPAN("text"), "text of a content part must be a string");
        read_output_text(r, content, p);
        TELL_UNKNOWN(r, content, place, text_names);
    } else if (raw_is(type, SPAN("refusal"))) {
        if (!(p = part_add(parts, PART_REFUSAL, r->arena)))
            return;
        p->text = text_member(r, content, SPAN("refusal"), "refusal must be a string");
        TELL_UNKNOWN(r, content, place, refusal_names);
    } else if (raw_is(type, SPAN("input_image"))) {
        if (!(p = part_add(parts, PART_IMAGE, r->arena)))
            return;
        read_image(r, content, p);
        TELL_UNKNOWN(r, content, place, image_names);
    } else if (raw_is(type, SPAN("input_file"))) {
        if (!(p = part_add(parts, PART_DOCUMENT, r->arena)))
            return;
        read_file(r, content, p);
        TELL_UNKNOWN(r, content, place, file_names);
    } else if (raw_is(type, SPAN("input_audio"))) {
        if (!(p = part_add(parts, PART_AUDIO, r->arena)))
            return;
        read_audio(r, content, p);
        TELL_UNKNOWN(r, content, place, audio_names);
    } else {
        if (raw_kind(content) != JSON_OBJECT || raw_kind(type) != JSON_STRING)
            refuse(r, "content must be a string or a list of parts, each with a type");
        else if (r->unknown)
            r->unknown(r->self, &place, content);
        return;
    }
    p->item = item;
    if (responses_said(content, SPAN("prompt_cache_breakpoint"), r->arena).at)
        p->cache = SPAN("{\"type\":\"ephemeral\"}");
}

/* A string, or a list of parts. */
static void read_contents(struct item_reading *r, struct span content, const char *name, struct part **parts, struct span item)
{
    struct raw_iter it = raw_iter(content, r->arena);
    struct span unused, value;
    enum json_kind kind = raw_kind(content);
    if (kind == JSON_STRING) {
        struct part *p = part_add(parts, PART_TEXT, r->arena);
        if (p) {
            p->text = content;
            p->item = item;
        }
        return;
    }
    if (kind != JSON_ARRAY && kind != JSON_NONE)
        refuse(r, "content must be a string or a list of parts, each with a type");
    for (size_t i = 0; kind == JSON_ARRAY && raw_next(&it, &unused, &value); i++)
        read_content(r, value, (struct item_place){ .list = name, .index = i }, parts, item);
}

/* --- items --- */

static struct span joined(struct span list, struct arena *a)
{
    struct raw_iter it = raw_iter(list, a);
    struct span name, value, text = SPAN_NONE;
    struct buf all;
    size_t pieces = 0;
    buf_init(&all, 64 << 20);
    buf_put_byte(&all, '"');
    while (raw_next(&it, &name, &value)) {
        struct span piece = responses_said(value, SPAN("text"), a);
        if (raw_kind(piece) != JSON_STRING)
            continue;
        if (pieces++)
            buf_put(&all, SPAN("\\n\\n"));
        buf_put(&all, raw_inside(piece));
        text = piece;
    }
    buf_put_byte(&all, '"');
    if (pieces > 1)
        text = all.broken ? SPAN_NONE : arena_copy(a, buf_span(&all));
    buf_free(&all);
    return text;
}

struct span responses_reasoning_text(struct span item, struct arena *a)
{
    struct span text = joined(responses_said(item, SPAN("summary"), a), a);
    if (!text.at)
        text = joined(responses_said(item, SPAN("content"), a), a);
    return text.at ? text : SPAN("\"\"");
}

/* A signature without a mark is this dialect's own. Gemini signs its tool calls, not a thought: such a one belongs to what follows. */
static void read_reasoning(struct item_reading *r, struct span item, struct part **parts)
{
    static const char *const names[] = { "summary", "content", "encrypted_content" };
    struct span text = responses_reasoning_text(item, r->arena), signature = responses_said(item, SPAN("encrypted_content"), r->arena);
    bool empty = text.len == 2;
    TELL_UNKNOWN(r, item, in_item, names);
    if (raw_kind(signature) != JSON_STRING)
        signature = SPAN_NONE;
    if (r->input && empty && signature_for(signature, SPAN("gemini"), SPAN_NONE, r->arena).at) {
        r->signature = signature;
        return;
    }
    if (empty && !signature.at)
        return;
    struct part *p = part_add(parts, PART_THINKING, r->arena);
    if (!p)
        return;
    p->text = text;
    p->item = responses_said(item, SPAN("id"), r->arena);
    p->redacted = empty;
    p->signature = signature;
    if (r->input && signature.at && !span_starts(signature, SPAN("\"tg.")))
        p->signature = signature_mark(signature, RESPONSES_NAME, r->arena);
}

struct span responses_custom_arguments(struct span raw, struct arena *a)
{
    return arena_print(a, "{\"input\":%.*s}", SPAN_ARG(raw));
}

static void read_call_item(struct item_reading *r, struct span item, bool custom, struct part **parts)
{
    static const char *const names[] = { "call_id", "name", "arguments", "input" };
    struct part *p = part_add(parts, PART_TOOL_CALL, r->arena);
    if (!p)
        return;
    p->id = text_member(r, item, SPAN("call_id"), "call_id of a function call must be a string");
    p->name = text_member(r, item, SPAN("name"), "name of a function call must be a string");
    p->item = responses_said(item, SPAN("id"), r->arena);
    TELL_UNKNOWN(r, item, in_item, names);
    if (custom) {
        p->arguments = responses_custom_arguments(text_member(r, item, SPAN("input"), "input of a custom tool call must be a string"), r->arena);
        return;
    }
    struct span arguments = text_member(r, item, SPAN("arguments"), "arguments of a function call must be a string");
    p->arguments = arguments_from_string(r->json, arguments, r->arena);
    if (p->arguments.at)
        return;
    p->arguments = SPAN("{}");
    r->malformed = true;
    if (r->input)
        refuse(r, "arguments of a function call must be an object in a string");
}

static void read_result(struct item_reading *r, struct span item, struct part **parts)
{
    static const char *const names[] = { "call_id", "output" };
    struct part *p = part_add(parts, PART_TOOL_RESULT, r->arena);
    if (!p)
        return;
    p->id = text_member(r, item, SPAN("call_id"), "call_id of a function call's output must be a string");
    p->item = responses_said(item, SPAN("id"), r->arena);
    read_contents(r, responses_said(item, SPAN("output"), r->arena), "output", &p->content, SPAN_NONE);
    TELL_UNKNOWN(r, item, in_item, names);
}

static void read_other(struct item_reading *r, struct span item, struct part **parts)
{
    struct part *p = part_add(parts, PART_SERVER_TOOL, r->arena);
    if (!p)
        return;
    p->name = responses_said(item, SPAN("type"), r->arena);
    p->id = p->item = responses_said(item, SPAN("id"), r->arena);
    p->raw = item;
}


void responses_read_item(struct item_reading *r, struct span item, enum item_kind kind, struct part **parts)
{
    static const char *const message_names[] = { "content", "role" };
    struct part *before = *parts ? (*parts)->last : NULL;
    struct span signature = r->signature;
    r->signature = SPAN_NONE;
    switch (kind) {
    case ITEM_MESSAGE:
        read_contents(r, responses_said(item, SPAN("content"), r->arena), "content", parts, responses_said(item, SPAN("id"), r->arena));
        TELL_UNKNOWN(r, item, in_item, message_names);
        break;
    case ITEM_REASONING:
        read_reasoning(r, item, parts);
        break;
    case ITEM_CALL:
    case ITEM_CUSTOM_CALL:
        read_call_item(r, item, kind == ITEM_CUSTOM_CALL, parts);
        break;
    case ITEM_RESULT:
        read_result(r, item, parts);
        break;
    case ITEM_ASSISTANT_OTHER:
    case ITEM_USER_OTHER:
        read_other(r, item, parts);
        break;
    case ITEM_REFERENCE:
    case ITEM_BROKEN:
        refuse(r, "each item of input must be an object with a type or a role");
        break;
    }
    struct part *first = before ? before->next : *parts;
    if (signature.at && first && (first->kind == PART_TOOL_CALL || first->kind == PART_TEXT))
        first->signature = signature;
}
