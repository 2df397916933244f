/* SPDX-License-Identifier: Apache-2.0
 * openai_responses_events.c - reads the events of a streamed response.
 *
 * The events that tell a thing whole at its end are only looked at for what was not told in pieces: some vendors leave the pieces out,
 * and some the announcements. */
#include "dialect/member.h"
#include "dialect/openai_responses_int.h"

struct listening {
    bool started;
    int64_t part;          /* the next part's number */
    bool open, told;       /* a part is open; pieces of it came */
    enum part_kind kind;   /* of the open part */
    bool custom;           /* it is a call of a custom tool */
    int64_t summary;       /* of a thought: the summary's part that came last */
    bool contents;         /* of a thought: it is told in full, not in summary */
    bool seen;             /* a part of the message that is open was told */
    bool tools, refused;
};

/* What events have on top; the rest of it is not needed. */
enum { M_TYPE, M_DELTA, M_ITEM, M_PART, M_RESPONSE, M_ANNOTATION, M_LOGPROBS, M_SUMMARY_INDEX, M_TEXT, M_ARGUMENTS, M_REFUSAL, M_INPUT, M_ERROR, M_COUNT };
struct frame {
    struct member m[M_COUNT];
    struct reader *r;
    struct listening *l;
};

static struct span said(const struct frame *f, int which) { return f->m[which].kind == JSON_NULL ? SPAN_NONE : f->m[which].raw; }

static bool is_type(const struct frame *f, const char *type) { return raw_is(f->m[M_TYPE].raw, span_of(type)); }

/* --- parts --- */

static void emit(struct reader *r, struct listening *l, struct event e)
{
    e.part = l->part - 1;
    e.part_kind = l->kind;
    reader_emit(r, &e);
}

static void end_part(struct reader *r, struct listening *l)
{
    if (!l->open)
        return;
    if (l->custom)
        emit(r, l, (struct event){ .kind = EVENT_DELTA, .delta = DELTA_ARGUMENTS, .text = l->told ? SPAN("\"\\\"}\"") : SPAN("\"{\\\"input\\\":\\\"\\\"}\"") });
    emit(r, l, (struct event){ .kind = EVENT_PART_END });
    l->open = l->custom = false;
}

static void open_part(struct reader *r, struct listening *l, const struct part *opens)
{
    end_part(r, l);
    l->part++;
    l->open = true;
    l->told = l->contents = false;
    l->summary = 0;
    l->kind = opens->kind;
    l->tools = l->tools || opens->kind == PART_TOOL_CALL;
    l->refused = l->refused || opens->kind == PART_REFUSAL;
    emit(r, l, (struct event){ .kind = EVENT_PART, .opens = opens });
}

static void open_kind(const struct frame *f, enum part_kind kind)
{
    struct part opens = { .kind = kind };
    if (!f->l->open || f->l->kind != kind)
        open_part(f->r, f->l, &opens);
}

static void delta(const struct frame *f, enum delta_kind kind, struct span text)
{
    if (raw_kind(text) != JSON_STRING || text.len == 2)
        return;
    f->l->told = true;
    emit(f->r, f->l, (struct event){ .kind = EVENT_DELTA, .delta = kind, .text = text });
}

/* A piece of a custom tool's text as a piece of the object that holds it. */
static void custom_delta(const struct frame *f, struct span text)
{
    struct buf piece;
    if (raw_kind(text) != JSON_STRING || text.len == 2)
        return;
    if (!f->l->told)
        delta(f, DELTA_ARGUMENTS, SPAN("\"{\\\"input\\\":\\\"\""));
    buf_init(&piece, 2 * text.len + 16);
    put_as_string(&piece, raw_inside(text));
    if (!piece.broken)
        delta(f, DELTA_ARGUMENTS, buf_span(&piece));
    buf_free(&piece);
}

/* --- items --- */

static void add_call(const struct frame *f, struct span item, bool custom)
{
    struct part opens = { .kind = PART_TOOL_CALL };
    opens.id = responses_said(item, SPAN("call_id"), f->r->event);
    opens.name = responses_said(item, SPAN("name"), f->r->event);
    opens.item = responses_said(item, SPAN("id"), f->r->event);
    if (raw_kind(opens.id) != JSON_STRING || raw_kind(opens.name) != JSON_STRING) {
        f->r->broken = "a function call without call_id or name";
        return;
    }
    open_part(f->r, f->l, &opens);
    f->l->custom = custom;
}

static void item_added(const struct frame *f)
{
    struct span item = said(f, M_ITEM);
    enum item_kind kind = responses_item_kind(item, f->r->event);
    f->l->seen = false;
    if (kind == ITEM_CALL || kind == ITEM_CUSTOM_CALL)
        add_call(f, item, kind == ITEM_CUSTOM_CALL);
    else /* many thoughts are told nothing of: their part begins with the first word of them */
        end_part(f->r, f->l);
}

static void reasoning_done(const struct frame *f, struct span item)
{
    struct span text = responses_reasoning_text(item, f->r->event), signature = responses_said(item, SPAN("encrypted_content"), f->r->event);
    bool is_signed = raw_kind(signature) == JSON_STRING && signature.len > 2;
    if (text.len > 2 || is_signed)
        open_kind(f, PART_THINKING);
    if (f->l->open && !f->l->told)
        delta(f, DELTA_TEXT, text);
    if (is_signed)
        delta(f, DELTA_SIGNATURE, reader_signature(f->r, signature));
    end_part(f->r, f->l);
}

static void call_done(const struct frame *f, struct span item, bool custom)
{
    if (!f->l->open || f->l->kind != PART_TOOL_CALL)
        add_call(f, item, custom);
    if (f->l->open && !f->l->told && custom)
        custom_delta(f, responses_said(item, SPAN("input"), f->r->event));
    else if (f->l->open && !f->l->told)
        delta(f, DELTA_ARGUMENTS, responses_said(item, SPAN("arguments"), f->r->event));
    end_part(f->r, f->l);
}

/* A whole part, read by the same code that reads whole answers. */
static void emit_whole(const struct frame *f, const struct part *p)
{
    struct part opens = { .kind = p->kind, .id = p->id, .name = p->name, .item = p->item, .raw = p->raw };
    open_part(f->r, f->l, &opens);
    delta(f, DELTA_TEXT, p->text);
    if (p->logprobs.at)
        emit(f->r, f->l, (struct event){ .kind = EVENT_DELTA, .delta = DELTA_LOGPROBS, .text = p->logprobs });
    for (const struct citation *c = p->citations; c; c = c->next)
        emit(f->r, f->l, (struct event){ .kind = EVENT_DELTA, .delta = DELTA_CITATION, .citation = c });
    end_part(f->r, f->l);
}

static void item_whole(const struct frame *f, struct span item, enum item_kind kind)
{
    struct item_reading items = { .json = f->r->json, .arena = f->r->event };
    struct part *parts = NULL;
    end_part(f->r, f->l);
    responses_read_item(&items, item, kind, &parts);
    for (const struct part *p = parts; p; p = p->next)
        emit_whole(f, p);
}

static void item_done(const struct frame *f)
{
    struct span item = said(f, M_ITEM);
    enum item_kind kind = responses_item_kind(item, f->r->event);
    if (kind == ITEM_REASONING)
        reasoning_done(f, item);
    else if (kind == ITEM_CALL || kind == ITEM_CUSTOM_CALL)
        call_done(f, item, kind == ITEM_CUSTOM_CALL);
    else if (kind == ITEM_MESSAGE && f->l->seen)
        end_part(f->r, f->l);
    else if (kind != ITEM_BROKEN && kind != ITEM_REFERENCE)
        item_whole(f, item, kind);
    f->l->seen = false;
}

/* --- content --- */

static void content_added(const struct frame *f)
{
    struct span type = responses_said(said(f, M_PART), SPAN("type"), f->r->event);
    struct part opens = { .kind = raw_is(type, SPAN("refusal")) ? PART_REFUSAL : PART_TEXT };
    if (!raw_is(type, SPAN("output_text")) && !raw_is(type, SPAN("refusal")))
        return; /* a thought's: it is open */
    f->l->seen = true;
    open_part(f->r, f->l, &opens);
}

static void text_delta(const struct frame *f)
{
    struct span logprobs = said(f, M_LOGPROBS);
    f->l->seen = true;
    open_kind(f, PART_TEXT);
    delta(f, DELTA_TEXT, said(f, M_DELTA));
    if (raw_kind(logprobs) == JSON_ARRAY && logprobs.len > 2)
        emit(f->r, f->l, (struct event){ .kind = EVENT_DELTA, .delta = DELTA_LOGPROBS, .text = logprobs });
}

static void refusal_delta(const struct frame *f)
{
    f->l->seen = true;
    open_kind(f, PART_REFUSAL);
    delta(f, DELTA_TEXT, said(f, M_DELTA));
}

static void annotation(const struct frame *f)
{
    struct citation c;
    f->l->seen = true;
    open_kind(f, PART_TEXT);
    if (responses_read_citation(said(f, M_ANNOTATION), f->r->event, &c))
        emit(f->r, f->l, (struct event){ .kind = EVENT_DELTA, .delta = DELTA_CITATION, .citation = &c });
}

/* Of a thought its summary is told, or it itself: whichever comes first. */
static void thought_delta(const struct frame *f, bool contents)
{
    int64_t summary = 0;
    open_kind(f, PART_THINKING);
    if (f->l->told && f->l->contents != contents)
        return;
    f->l->contents = contents;
    if (!contents && f->m[M_SUMMARY_INDEX].kind == JSON_NUMBER && json_raw_integer(f->m[M_SUMMARY_INDEX].raw, &summary) && summary != f->l->summary) {
        f->l->summary = summary;
        if (f->l->told)
            delta(f, DELTA_TEXT, SPAN("\"\\n\\n\""));
    }
    delta(f, DELTA_TEXT, said(f, M_DELTA));
}

static void text_done(const struct frame *f, enum part_kind kind, int which)
{
    f->l->seen = true;
    open_kind(f, kind);
    if (!f->l->told)
        delta(f, DELTA_TEXT, said(f, which));
}

static void arguments(const struct frame *f, bool custom, struct span text, bool whole)
{
    if (!f->l->open || f->l->kind != PART_TOOL_CALL) {
        f->r->broken = "arguments of a function call that was not announced";
        return;
    }
    if (whole && f->l->told)
        return;
    if (custom)
        custom_delta(f, text);
    else
        delta(f, DELTA_ARGUMENTS, text);
}

/* --- the response --- */

static void start(const struct frame *f, struct answer *head)
{
    responses_read_head(said(f, M_RESPONSE), f->r->event, head);
    if (f->l->started)
        return;
    f->l->started = true;
    reader_emit(f->r, &(struct event){ .kind = EVENT_START, .answer = head });
}

static enum ending ending_of(const struct frame *f)
{
    enum ending e = responses_ending(said(f, M_RESPONSE), NULL, false, f->r->event);
    if (e != ENDING_TURN)
        return e;
    return f->l->tools ? ENDING_TOOLS : f->l->refused ? ENDING_REFUSAL : ENDING_TURN;
}

/* A vendor that told nothing in pieces has it all here. */
static void tell_output(const struct frame *f)
{
    struct raw_iter it = raw_iter(responses_said(said(f, M_RESPONSE), SPAN("output"), f->r->event), f->r->event);
    struct frame one = *f;
    struct span name;
    if (f->l->part)
        return;
    while (raw_next(&it, &name, &one.m[M_ITEM].raw)) {
        one.m[M_ITEM].kind = raw_kind(one.m[M_ITEM].raw);
        item_done(&one);
    }
}

static void finished(const struct frame *f)
{
    struct answer head;
    answer_begin(&head);
    start(f, &head);
    tell_output(f);
    end_part(f->r, f->l);
    responses_usage(f->r->json, said(f, M_RESPONSE), f->r->event, &head.usage);
    reader_emit(f->r, &(struct event){ .kind = EVENT_CHOICE_END, .ending = ending_of(f) });
    if (head.usage.known)
        reader_emit(f->r, &(struct event){ .kind = EVENT_USAGE, .usage = &head.usage });
    reader_emit(f->r, &(struct event){ .kind = EVENT_END, .answer = &head });
}

/* The event's own members, or those of `error` in it, or of the response's. */
static void failed(const struct frame *f, struct span frame)
{
    struct span error = said(f, M_ERROR), response = said(f, M_RESPONSE);
    struct usage u;
    if (raw_kind(error) != JSON_OBJECT)
        error = response.at ? responses_said(response, SPAN("error"), f->r->event) : frame;
    if (response.at && raw_kind(response) == JSON_OBJECT) {
        responses_usage(f->r->json, response, f->r->event, &u);
        if (u.known)
            reader_emit(f->r, &(struct event){ .kind = EVENT_USAGE, .usage = &u });
    }
    struct fault fault = responses_fault_of(error, 0, f->r->event);
    if (!fault.message.at)
        fault.message = SPAN("\"the vendor's response failed\"");
    reader_emit(f->r, &(struct event){ .kind = EVENT_ERROR, .fault = &fault });
}

/* --- one event --- */

static void read_begin(const struct frame *f)
{
    struct answer head;
    answer_begin(&head);
    start(f, &head);
}

/* True: it was one of these. */
static bool read_response(const struct frame *f, struct span frame)
{
    if (is_type(f, "response.created") || is_type(f, "response.in_progress") || is_type(f, "response.queued"))
        read_begin(f);
    else if (is_type(f, "response.completed") || is_type(f, "response.incomplete"))
        finished(f);
    else if (is_type(f, "response.failed") || is_type(f, "error"))
        failed(f, frame);
    else if (is_type(f, "response.output_item.added"))
        item_added(f);
    else if (is_type(f, "response.output_item.done"))
        item_done(f);
    else
        return false;
    return true;
}

static void read_piece(const struct frame *f)
{
    if (is_type(f, "response.content_part.added"))
        content_added(f);
    else if (is_type(f, "response.output_text.delta"))
        text_delta(f);
    else if (is_type(f, "response.output_text.done"))
        text_done(f, PART_TEXT, M_TEXT);
    else if (is_type(f, "response.output_text.annotation.added"))
        annotation(f);
    else if (is_type(f, "response.refusal.delta"))
        refusal_delta(f);
    else if (is_type(f, "response.refusal.done"))
        text_done(f, PART_REFUSAL, M_REFUSAL);
    else if (is_type(f, "response.reasoning_summary_text.delta"))
        thought_delta(f, false);
    else if (is_type(f, "response.reasoning_text.delta"))
        thought_delta(f, true);
    else if (is_type(f, "response.function_call_arguments.delta"))
        arguments(f, false, said(f, M_DELTA), false);
    else if (is_type(f, "response.function_call_arguments.done"))
        arguments(f, false, said(f, M_ARGUMENTS), true);
    else if (is_type(f, "response.custom_tool_call_input.delta"))
        arguments(f, true, said(f, M_DELTA), false);
    else if (is_type(f, "response.custom_tool_call_input.done"))
        arguments(f, true, said(f, M_INPUT), true);
}

void responses_read_event(struct reader *r, const struct sse_event *event)
{
    static const char *const names[M_COUNT] = { "type", "delta", "item", "part", "response", "annotation", "logprobs", "summary_index", "text",
        "arguments", "refusal", "input", "error" };
    struct frame f = { .r = r, .l = r->state };
    if (!event->data.at || r->ended || r->failed || span_is(event->data, SPAN("[DONE]")))
        return;
    if (!f.l)
        r->state = f.l = ARENA_NEW(r->arena, struct listening);
    for (int i = 0; i < M_COUNT; i++)
        f.m[i].name = span_of(names[i]);
    if (!f.l || !member_find(r->json, event->data, f.m, M_COUNT, NULL)) {
        r->broken = f.l ? "an event that is no JSON object" : "out of memory";
        return;
    }
    if (raw_kind(f.m[M_TYPE].raw) != JSON_STRING && event->name.at) /* one that has its type on the line before only */
        f.m[M_TYPE].raw = raw_quote(event->name, r->event);
    if (!f.l->started && raw_is(f.m[M_TYPE].raw, SPAN("response.output_item.added")))
        read_begin(&f);
    if (!read_response(&f, event->data))
        read_piece(&f);
}
