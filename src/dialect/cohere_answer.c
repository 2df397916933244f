/* SPDX-License-Identifier: Apache-2.0
 * cohere_answer.c - Cohere's v2 chat answers, whole and streamed, and its errors.
 *
 * Citations of a text may come behind its content-end: so a text stays open until something else begins. A tool_plan is what the model
 * says before its tool calls: text. */
#include "dialect/cohere_int.h"

static struct span at(struct span object, const char *name, struct arena *a) { return raw_member(object, span_of(name), a); }
static struct span text_or_none(struct span raw) { return raw_kind(raw) == JSON_STRING ? raw : SPAN_NONE; }

/* ERROR and TIMEOUT are no endings: ENDING_NONE. */
static enum ending ending_of(struct span raw)
{
    static const struct {
        struct span reason;
        enum ending ending;
    } reasons[] = { { { "COMPLETE", 8 }, ENDING_TURN }, { { "STOP_SEQUENCE", 13 }, ENDING_STOP }, { { "MAX_TOKENS", 10 }, ENDING_LENGTH },
        { { "TOOL_CALL", 9 }, ENDING_TOOLS }, { { "ERROR_TOXIC", 11 }, ENDING_FILTER }, { { "ERROR_LIMIT", 11 }, ENDING_CONTEXT },
        { { "ERROR", 5 }, ENDING_NONE }, { { "TIMEOUT", 7 }, ENDING_NONE } };
    for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
        if (raw_is(raw, reasons[i].reason))
            return reasons[i].ending;
    return ENDING_TURN;
}

/* ---- citations, log probabilities ---- */

static struct citation *read_citation(struct span raw, struct arena *a)
{
    struct citation *c = raw_kind(raw) == JSON_OBJECT ? ARENA_NEW(a, struct citation) : NULL;
    struct span none, source = SPAN_NONE;
    if (!c)
        return NULL;
    struct raw_iter sources = raw_iter(at(raw, "sources", a), a);
    if (!raw_next(&sources, &none, &source))
        source = SPAN_NONE;
    struct span document = at(source, "document", a);
    if (raw_kind(document) != JSON_OBJECT)
        document = at(source, "tool_output", a);
    c->url = text_or_none(at(document, "url", a));
    c->title = text_or_none(at(document, "title", a));
    c->quote = text_or_none(at(raw, "text", a));
    c->from = count_in(raw, SPAN("start"), a);
    c->to = count_in(raw, SPAN("end"), a);
    c->raw = raw;
    return c;
}

/* One item is a piece of text of one or more tokens, whose probabilities cannot be told apart when there are more. False: then. */
static bool put_logprob(struct json_out *o, struct span item, struct arena *a)
{
    struct raw_iter it = raw_iter(at(item, "logprobs", a), a);
    struct span none, first, second;
    if (!raw_next(&it, &none, &first) || raw_next(&it, &none, &second) || raw_kind(first) != JSON_NUMBER)
        return false;
    struct span text = text_or_none(at(item, "text", a));
    json_open(o, '{');
    json_pair_raw(o, SPAN("token"), text.at ? text : SPAN("\"\""));
    json_pair_raw(o, SPAN("logprob"), first);
    json_pair_raw(o, SPAN("bytes"), SPAN_NONE);
    json_pair_raw(o, SPAN("top_logprobs"), SPAN("[]"));
    json_close(o, '}');
    return true;
}

/* Items, an array or a single one, in OpenAI's shape; SPAN_NONE: they cannot be said so. */
static struct span read_logprobs(struct span items, struct arena *a)
{
    struct buf text;
    struct span none, one, shaped;
    bool whole = raw_kind(items) == JSON_ARRAY || raw_kind(items) == JSON_OBJECT;
    if (!whole)
        return SPAN_NONE;
    buf_init(&text, 64 << 20);
    struct json_out o = json_out(&text);
    json_open(&o, '[');
    if (raw_kind(items) == JSON_OBJECT)
        whole = put_logprob(&o, items, a);
    for (struct raw_iter it = raw_iter(raw_kind(items) == JSON_ARRAY ? items : SPAN_NONE, a); whole && raw_next(&it, &none, &one);)
        whole = put_logprob(&o, one, a);
    json_close(&o, ']');
    shaped = whole && !text.broken ? arena_copy(a, buf_span(&text)) : SPAN_NONE;
    buf_free(&text);
    return shaped;
}

/* ---- whole answers ---- */

static void read_block(struct span block, struct part **parts, struct arena *a)
{
    struct span type = at(block, "type", a), text = text_or_none(at(block, "text", a)), thought = text_or_none(at(block, "thinking", a));
    bool thinks = raw_is(type, SPAN("thinking"));
    if (!(thinks ? thought : text).at)
        return;
    struct part *p = part_add(parts, thinks ? PART_THINKING : PART_TEXT, a);
    if (p)
        p->text = thinks ? thought : text;
}

static void read_tool_call(struct reader *r, struct span call, struct part **parts, uint64_t nth)
{
    struct arena *a = r->arena;
    struct span function = at(call, "function", a);
    struct part *p = part_add(parts, PART_TOOL_CALL, a);
    if (!p)
        return;
    p->id = text_or_none(at(call, "id", a));
    p->id = p->id.at ? p->id : made_up_id("call_", r->seed, nth, a);
    p->name = text_or_none(at(function, "name", a));
    p->name = p->name.at ? p->name : SPAN("\"\"");
    p->arguments = arguments_from_string(r->json, text_or_none(at(function, "arguments", a)), a);
    p->arguments = p->arguments.at ? p->arguments : SPAN("{}");
}

enum { INDEX_MOST = 256 };

static struct part *cited_part(struct part *parts, int64_t index)
{
    struct part *p = parts;
    for (int64_t i = 0; p && i < index && i < INDEX_MOST; i++)
        p = p->next;
    return p && p->kind == PART_TEXT ? p : (struct part *)part_first(parts, PART_TEXT);
}

static void reverse(struct citation **list)
{
    struct citation *turned = NULL;
    for (struct citation *c = *list, *next; c; c = next) {
        next = c->next;
        c->next = turned;
        turned = c;
    }
    *list = turned;
}

/* A citation names the block it is about; those of thoughts and plans are about no text of the answer. */
static void read_citations(struct span message, struct part *parts, struct arena *a)
{
    struct span none, one;
    for (struct raw_iter it = raw_iter(at(message, "citations", a), a); raw_next(&it, &none, &one);) {
        struct span type = at(one, "type", a);
        struct part *p = cited_part(parts, count_or_0(one, SPAN("content_index"), a));
        struct citation *c = p && (!type.at || raw_is(type, SPAN("TEXT_CONTENT"))) ? read_citation(one, a) : NULL;
        if (!c)
            continue;
        c->next = p->citations;
        p->citations = c;
    }
    for (struct part *p = parts; p; p = p->next)
        reverse(&p->citations);
}

static void read_message(struct reader *r, struct span message, struct part **parts)
{
    struct arena *a = r->arena;
    struct span content = at(message, "content", a), plan = text_or_none(at(message, "tool_plan", a)), none, one;
    uint64_t nth = 0;
    for (struct raw_iter it = raw_iter(content, a); raw_next(&it, &none, &one);)
        read_block(one, parts, a);
    read_citations(message, *parts, a);
    if (plan.len > 2) {
        struct part *p = part_add(parts, PART_TEXT, a);
        if (p)
            p->text = plan;
    }
    for (struct raw_iter it = raw_iter(at(message, "tool_calls", a), a); raw_next(&it, &none, &one);)
        read_tool_call(r, one, parts, nth++);
}

enum err cohere_read_answer(struct reader *r, struct span body, struct answer *out)
{
    struct arena *a = r->arena;
    answer_begin(out);
    if (!serial_object(r->json, &body))
        return E_UPSTREAM_BROKEN;
    cohere_usage(at(body, "usage", a), a, &out->usage);
    struct span message = at(body, "message", a);
    struct choice *choice = raw_kind(message) == JSON_OBJECT ? answer_choice(out, 0, a) : NULL;
    if (!choice)
        return a->broken ? E_NO_MEMORY : E_UPSTREAM_BROKEN;
    out->id = text_or_none(at(body, "id", a));
    read_message(r, message, &choice->parts);
    struct part *text = (struct part *)part_first(choice->parts, PART_TEXT);
    if (text)
        text->logprobs = read_logprobs(at(body, "logprobs", a), a);
    choice->ending = ending_of(at(body, "finish_reason", a));
    if (choice->ending == ENDING_NONE)
        return E_UPSTREAM_BROKEN;
    return a->broken ? E_NO_MEMORY : E_OK;
}

/* ---- streams ---- */

/* The keys of parts that have no index of their own among the contents. */
enum { KEY_PLAN = -1, KEY_TOOLS = 1 << 20 };

static struct span content_of(struct span data, struct arena *a) { return at(at(at(data, "delta", a), "message", a), "content", a); }

static void want(struct reader *r, struct serial *s, int64_t key, enum part_kind kind)
{
    if (!serial_at(s, key, kind))
        serial_open(r, s, key, &(struct part){ .kind = kind });
}

static void read_content(struct reader *r, struct serial *s, struct span data, bool start)
{
    struct arena *a = r->event;
    struct span content = content_of(data, a), text = at(content, "text", a), thought = at(content, "thinking", a);
    int64_t key = count_or_0(data, SPAN("index"), a);
    bool thinks = raw_is(at(content, "type", a), SPAN("thinking")) || (raw_kind(thought) == JSON_STRING && raw_kind(text) != JSON_STRING);
    if (!start && raw_kind(text) != JSON_STRING && raw_kind(thought) != JSON_STRING)
        return;
    want(r, s, key, thinks ? PART_THINKING : PART_TEXT);
    serial_delta(r, s, DELTA_TEXT, thinks ? thought : text);
    serial_delta(r, s, DELTA_LOGPROBS, read_logprobs(at(data, "logprobs", a), a));
}

static void read_plan(struct reader *r, struct serial *s, struct span data)
{
    struct arena *a = r->event;
    want(r, s, KEY_PLAN, PART_TEXT);
    serial_delta(r, s, DELTA_TEXT, at(at(at(data, "delta", a), "message", a), "tool_plan", a));
}

static void read_call(struct reader *r, struct serial *s, struct span data, bool start)
{
    struct arena *a = r->event;
    struct span call = at(at(at(data, "delta", a), "message", a), "tool_calls", a), function = at(call, "function", a);
    int64_t key = KEY_TOOLS + count_or_0(data, SPAN("index"), a);
    if (start) {
        struct part p = { .kind = PART_TOOL_CALL, .id = text_or_none(at(call, "id", a)), .name = text_or_none(at(function, "name", a)) };
        p.id = p.id.at ? p.id : made_up_id("call_", r->seed, (uint64_t)s->made_up++, a);
        p.name = p.name.at ? p.name : SPAN("\"\"");
        serial_open(r, s, key, &p);
    }
    if (serial_at(s, key, PART_TOOL_CALL))
        serial_delta(r, s, DELTA_ARGUMENTS, at(function, "arguments", a));
}

static void read_cited(struct reader *r, struct serial *s, struct span data)
{
    struct arena *a = r->event;
    struct span citation = at(at(at(data, "delta", a), "message", a), "citations", a), type = at(citation, "type", a);
    if (s->open && s->kind == PART_TEXT && s->key != KEY_PLAN && (!type.at || raw_is(type, SPAN("TEXT_CONTENT"))))
        serial_cite(r, s, read_citation(citation, a));
}

static void read_message_end(struct reader *r, struct serial *s, struct span data)
{
    struct arena *a = r->event;
    struct span delta = at(data, "delta", a), error = text_or_none(at(delta, "error", a));
    enum ending ending = ending_of(at(delta, "finish_reason", a));
    struct usage u;
    cohere_usage(at(delta, "usage", a), a, &u);
    if (ending == ENDING_NONE || error.at) {
        serial_start(r, s, NULL);
        serial_usage(r, &u);
        struct fault f = { .kind = FAULT_SERVER, .status = 500, .message = error.at ? error : SPAN("\"Cohere ended the answer with an error\"") };
        serial_fail(r, &f);
        return;
    }
    serial_end(r, s, ending, SPAN_NONE);
    serial_usage(r, &u);
    reader_emit(r, &(struct event){ .kind = EVENT_END });
}

static void read_start(struct reader *r, struct serial *s, struct span data)
{
    struct answer head;
    answer_begin(&head);
    head.id = text_or_none(at(data, "id", r->event));
    serial_start(r, s, &head);
}

void cohere_read_event(struct reader *r, const struct sse_event *frame)
{
    struct serial *s = serial_of(r);
    struct span data = frame->data;
    if (!s || !data.at || span_is(data, SPAN("[DONE]")) || !serial_frame(r, &data))
        return;
    struct span type = at(data, "type", r->event);
    if (raw_is(type, SPAN("message-start")))
        read_start(r, s, data);
    else if (raw_is(type, SPAN("content-start")) || raw_is(type, SPAN("content-delta")))
        read_content(r, s, data, raw_is(type, SPAN("content-start")));
    else if (raw_is(type, SPAN("tool-plan-delta")))
        read_plan(r, s, data);
    else if (raw_is(type, SPAN("tool-call-start")) || raw_is(type, SPAN("tool-call-delta")))
        read_call(r, s, data, raw_is(type, SPAN("tool-call-start")));
    else if (raw_is(type, SPAN("tool-call-end")))
        serial_close(r, s);
    else if (raw_is(type, SPAN("citation-start")))
        read_cited(r, s, data);
    else if (raw_is(type, SPAN("message-end")))
        read_message_end(r, s, data);
}

/* ---- errors ---- */

void cohere_read_fault(struct json *j, int status, struct span body, struct arena *a, struct fault *out)
{
    struct span message = serial_object(j, &body) ? text_or_none(at(body, "message", a)) : SPAN_NONE;
    *out = (struct fault){ .kind = fault_of_status(status), .status = status };
    out->message = message.at ? message : raw_quote(SPAN("Cohere answered with an error"), a);
    if (status == 498) /* a token it does not know */
        out->kind = FAULT_KEY;
    out->kind = fault_of_words(raw_text(out->message, a), out->kind);
}
