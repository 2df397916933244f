/* SPDX-License-Identifier: Apache-2.0
 * bedrock_converse_answer.c - Converse's answers, whole and streamed, and its errors.
 *
 * Text in a stream begins with its first delta; only tool calls and pictures are announced. The stream's end is its metadata event, which
 * follows messageStop and has the usage. */
#include "dialect/bedrock_converse_int.h"

static struct span at(struct span object, const char *name, struct arena *a) { return raw_member(object, span_of(name), a); }

static enum ending ending_of(struct span raw)
{
    static const struct {
        struct span reason;
        enum ending ending;
    } reasons[] = { { { "end_turn", 8 }, ENDING_TURN }, { { "tool_use", 8 }, ENDING_TOOLS }, { { "max_tokens", 10 }, ENDING_LENGTH },
        { { "stop_sequence", 13 }, ENDING_STOP }, { { "guardrail_intervened", 20 }, ENDING_FILTER },
        { { "content_filtered", 16 }, ENDING_FILTER }, { { "malformed_model_output", 22 }, ENDING_MALFORMED },
        { { "malformed_tool_use", 18 }, ENDING_MALFORMED }, { { "model_context_window_exceeded", 29 }, ENDING_CONTEXT },
        { { "refusal", 7 }, ENDING_REFUSAL }, { { "pause_turn", 10 }, ENDING_PAUSE } };
    for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
        if (raw_is(raw, reasons[i].reason))
            return reasons[i].ending;
    return ENDING_TURN;
}

/* Which of the stops it was, where it was asked for. */
static struct span stop_of(struct span object, struct arena *a)
{
    struct span stop = at(at(object, "additionalModelResponseFields", a), "stop_sequence", a);
    return raw_kind(stop) == JSON_STRING ? stop : SPAN_NONE;
}

static struct span image_type(struct span format)
{
    if (raw_is(format, SPAN("jpeg")))
        return SPAN("image/jpeg");
    if (raw_is(format, SPAN("gif")))
        return SPAN("image/gif");
    return raw_is(format, SPAN("webp")) ? SPAN("image/webp") : SPAN("image/png");
}

static struct span text_or_none(struct span raw) { return raw_kind(raw) == JSON_STRING ? raw : SPAN_NONE; }

static struct citation *read_citation(struct span raw, struct arena *a)
{
    struct citation *c = raw_kind(raw) == JSON_OBJECT ? ARENA_NEW(a, struct citation) : NULL;
    if (!c)
        return NULL;
    struct raw_iter it = raw_iter(at(raw, "sourceContent", a), a);
    struct span none, first, source = text_or_none(at(raw, "source", a));
    c->url = text_or_none(at(at(at(raw, "location", a), "web", a), "url", a));
    c->url = c->url.at ? c->url : source;
    c->title = text_or_none(at(raw, "title", a));
    c->quote = raw_next(&it, &none, &first) ? text_or_none(at(first, "text", a)) : SPAN_NONE;
    c->from = c->to = -1;
    c->raw = raw;
    return c;
}

/* ---- whole answers ---- */

static void read_thought(struct reader *r, struct span block, struct part **parts)
{
    struct arena *a = r->arena;
    struct part *p = part_add(parts, PART_THINKING, a);
    struct span text = at(block, "reasoningText", a), redacted = text_or_none(at(block, "redactedContent", a));
    struct span signature = redacted.at ? redacted : text_or_none(at(text, "signature", a));
    if (!p)
        return;
    p->redacted = redacted.at != NULL;
    p->text = text_or_none(at(text, "text", a));
    p->text = p->text.at || p->redacted ? p->text : SPAN("\"\"");
    p->signature = signature.at ? reader_signature(r, signature) : SPAN_NONE;
}

/* A block without a neutral meaning: one that the vendor's own tools made. */
static void read_other(struct span name, struct span block, struct part **parts, struct arena *a)
{
    struct part *p = part_add(parts, PART_SERVER_TOOL, a);
    if (!p)
        return;
    p->name = raw_quote(name, a);
    p->id = text_or_none(at(at(block, "toolUse", a), "toolUseId", a));
    p->raw = block;
}

static void read_tool_use(struct span block, struct span use, struct part **parts, struct arena *a)
{
    if (raw_kind(at(use, "type", a)) == JSON_STRING) {
        read_other(SPAN("server_tool_use"), block, parts, a);
        return;
    }
    struct part *p = part_add(parts, PART_TOOL_CALL, a);
    if (!p)
        return;
    p->id = text_or_none(at(use, "toolUseId", a));
    p->name = text_or_none(at(use, "name", a));
    p->arguments = at(use, "input", a);
    if (raw_kind(p->arguments) != JSON_OBJECT)
        p->arguments = SPAN("{}");
}

static void read_cited(struct span block, struct part **parts, struct arena *a)
{
    struct span none, one;
    struct part *first = NULL;
    for (struct raw_iter it = raw_iter(at(block, "content", a), a); raw_next(&it, &none, &one);) {
        struct part *p = part_add(parts, PART_TEXT, a);
        if (!p)
            return;
        p->text = text_or_none(at(one, "text", a));
        p->text = p->text.at ? p->text : SPAN("\"\"");
        first = first ? first : p;
    }
    struct citation **end = first ? &first->citations : NULL;
    for (struct raw_iter it = raw_iter(at(block, "citations", a), a); end && raw_next(&it, &none, &one);) {
        *end = read_citation(one, a);
        end = *end ? &(*end)->next : end;
    }
}

static void read_image(struct span image, struct part **parts, struct arena *a)
{
    struct part *p = part_add(parts, PART_IMAGE, a);
    if (!p)
        return;
    p->media.type = image_type(at(image, "format", a));
    p->media.data = raw_inside(at(at(image, "source", a), "bytes", a));
    p->media.url = text_or_none(at(at(at(image, "source", a), "s3Location", a), "uri", a));
}

static bool is_object(struct span raw) { return raw_kind(raw) == JSON_OBJECT; }

static void read_block(struct reader *r, struct span block, struct part **parts)
{
    struct arena *a = r->arena;
    struct raw_iter it = raw_iter(block, a);
    struct span text = at(block, "text", a), use = at(block, "toolUse", a), thought = at(block, "reasoningContent", a);
    struct span cited = at(block, "citationsContent", a), image = at(block, "image", a), name, value;
    if (raw_kind(text) == JSON_STRING) {
        struct part *p = part_add(parts, PART_TEXT, a);
        if (p)
            p->text = text;
    } else if (is_object(use)) {
        read_tool_use(block, use, parts, a);
    } else if (is_object(thought)) {
        read_thought(r, thought, parts);
    } else if (is_object(cited)) {
        read_cited(cited, parts, a);
    } else if (is_object(image)) {
        read_image(image, parts, a);
    } else if (raw_next(&it, &name, &value)) {
        read_other(name, block, parts, a);
    }
}

enum err bedrock_converse_read_answer(struct reader *r, struct span body, struct answer *out)
{
    struct arena *a = r->arena;
    struct span none, block;
    answer_begin(out);
    if (!serial_object(r->json, &body))
        return E_UPSTREAM_BROKEN;
    bedrock_converse_usage(body, a, &out->usage);
    out->tier = out->usage.tier;
    struct span message = at(at(body, "output", a), "message", a);
    struct choice *choice = raw_kind(message) == JSON_OBJECT ? answer_choice(out, 0, a) : NULL;
    if (!choice)
        return a->broken ? E_NO_MEMORY : E_UPSTREAM_BROKEN;
    for (struct raw_iter it = raw_iter(at(message, "content", a), a); raw_next(&it, &none, &block);)
        read_block(r, block, &choice->parts);
    choice->ending = ending_of(at(body, "stopReason", a));
    choice->stop = stop_of(body, a);
    return a->broken ? E_NO_MEMORY : E_OK;
}

/* ---- streams ---- */

static void read_start(struct reader *r, struct serial *s, struct span data)
{
    struct span start = at(data, "start", r->event), use = at(start, "toolUse", r->event), image = at(start, "image", r->event);
    int64_t key = count_or_0(data, SPAN("contentBlockIndex"), r->event);
    struct part p = { 0 };
    if (raw_kind(use) == JSON_OBJECT && raw_kind(at(use, "type", r->event)) != JSON_STRING) {
        p = (struct part){ .kind = PART_TOOL_CALL, .id = text_or_none(at(use, "toolUseId", r->event)), .name = text_or_none(at(use, "name", r->event)) };
    } else if (raw_kind(image) == JSON_OBJECT) {
        p = (struct part){ .kind = PART_IMAGE, .media = { .type = image_type(at(image, "format", r->event)) } };
    } else if (raw_kind(start) == JSON_OBJECT && start.len > 2) {
        p = (struct part){ .kind = PART_SERVER_TOOL, .name = SPAN("\"server_tool\""), .raw = start };
    } else {
        return;
    }
    serial_open(r, s, key, &p);
}

/* Opens a part of this kind unless it is open. */
static void want(struct reader *r, struct serial *s, int64_t key, enum part_kind kind)
{
    if (!serial_at(s, key, kind))
        serial_open(r, s, key, &(struct part){ .kind = kind });
}

static void read_thought_delta(struct reader *r, struct serial *s, int64_t key, struct span delta)
{
    struct span redacted = text_or_none(at(delta, "redactedContent", r->event));
    if (redacted.at) {
        struct part p = { .kind = PART_THINKING, .redacted = true, .signature = reader_signature(r, redacted) };
        serial_open(r, s, key, &p);
        return;
    }
    want(r, s, key, PART_THINKING);
    serial_delta(r, s, DELTA_TEXT, at(delta, "text", r->event));
    serial_sign(r, s, at(delta, "signature", r->event));
}

static void read_delta(struct reader *r, struct serial *s, struct span data)
{
    struct arena *a = r->event;
    struct span delta = at(data, "delta", a), text = at(delta, "text", a), use = at(delta, "toolUse", a), image = at(delta, "image", a);
    struct span thought = at(delta, "reasoningContent", a), citation = at(delta, "citation", a);
    int64_t key = count_or_0(data, SPAN("contentBlockIndex"), a);
    if (raw_kind(text) == JSON_STRING) {
        want(r, s, key, PART_TEXT);
        serial_delta(r, s, DELTA_TEXT, text);
    } else if (is_object(use) && serial_at(s, key, PART_TOOL_CALL)) {
        serial_delta(r, s, DELTA_ARGUMENTS, at(use, "input", a));
    } else if (is_object(thought)) {
        read_thought_delta(r, s, key, thought);
    } else if (is_object(citation)) {
        want(r, s, key, PART_TEXT);
        serial_cite(r, s, read_citation(citation, a));
    } else if (is_object(image) && serial_at(s, key, PART_IMAGE)) {
        serial_delta(r, s, DELTA_DATA, at(at(image, "source", a), "bytes", a));
    }
}

static void read_metadata(struct reader *r, struct serial *s, struct span data)
{
    struct usage u;
    struct answer more;
    bedrock_converse_usage(data, r->event, &u);
    serial_start(r, s, NULL);
    serial_usage(r, &u);
    answer_begin(&more);
    more.tier = u.tier;
    if (s->over) /* without messageStop it was cut off */
        reader_emit(r, &(struct event){ .kind = EVENT_END, .answer = &more });
}

static void read_exception(struct reader *r, struct span name, struct span data)
{
    struct fault f;
    bedrock_fault_of(name, 0, data, r->event, &f);
    serial_fail(r, &f);
}

void bedrock_converse_read_event(struct reader *r, const struct sse_event *frame)
{
    struct serial *s = serial_of(r);
    struct span data = frame->data, name = frame->name;
    if (!s || !serial_frame(r, &data))
        return;
    if (span_is(name, SPAN("messageStart")))
        serial_start(r, s, NULL);
    else if (span_is(name, SPAN("contentBlockStart")))
        read_start(r, s, data);
    else if (span_is(name, SPAN("contentBlockDelta")))
        read_delta(r, s, data);
    else if (span_is(name, SPAN("contentBlockStop")))
        serial_close(r, s);
    else if (span_is(name, SPAN("messageStop")))
        serial_end(r, s, ending_of(at(data, "stopReason", r->event)), stop_of(data, r->event));
    else if (span_is(name, SPAN("metadata")))
        read_metadata(r, s, data);
    else if (bedrock_is_exception(name))
        read_exception(r, name, data);
}
