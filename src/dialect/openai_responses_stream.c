/* SPDX-License-Identifier: Apache-2.0
 * openai_responses_stream.c - writes the events of a streamed response.
 *
 * Each item of the output is announced, told piece by piece, and told whole at its end; the last event holds the whole response. The
 * pieces of the open part are gathered for that. A message stays open until something else begins, since a second text of it may
 * follow; its parts are told whole at once. */
#include "dialect/openai_responses_int.h"

enum { PART_MOST = 32 << 20 };

struct streaming {
    int64_t sequence, output, content, annotations; /* the next numbers */
    bool started, finished;
    bool in_part;         /* a part is open */
    bool in_message;      /* a message item is */
    bool custom;          /* the open call is one of a custom tool */
    bool summary;         /* the open thought has begun its summary */
    bool signed_before;   /* the signature of the open part was told before it */
    bool skipped;         /* the open part cannot be said */
    int64_t index;        /* output index of the open item */
    struct span item;     /* its id */
    const struct part *first; /* of the open message, among the parts that are done */
    struct gather part;
    struct answer whole;
    struct choice *choice;
};

static struct streaming *state_of(struct writer *w)
{
    struct streaming *s = w->state;
    if (s)
        return s;
    w->state = s = ARENA_NEW(w->arena, struct streaming);
    if (!s) {
        w->out->broken = true;
        return NULL;
    }
    answer_begin(&s->whole);
    s->choice = answer_choice(&s->whole, 0, w->arena);
    return s;
}

/* --- events --- */

static struct json_out event_begin(struct writer *w, struct streaming *s, const char *type)
{
    buf_print(w->out, "event: %s\ndata: ", type);
    struct json_out o = json_out(w->out);
    json_open(&o, '{');
    json_pair(&o, SPAN("type"), span_of(type));
    json_pair_i64(&o, SPAN("sequence_number"), s->sequence++);
    return o;
}

static void event_end(struct json_out *o)
{
    json_close(o, '}');
    buf_put(o->buf, SPAN("\n\n"));
}

static void response_event(struct writer *w, struct streaming *s, const char *type, struct span status, const struct fault *fault)
{
    struct json_out o = event_begin(w, s, type);
    json_name(&o, SPAN("response"));
    responses_put_response(w, &o, &s->whole, status, fault);
    event_end(&o);
}

/* An event about the open item. */
static struct json_out item_event(struct writer *w, struct streaming *s, const char *type)
{
    struct json_out o = event_begin(w, s, type);
    json_pair_raw(&o, SPAN("item_id"), s->item);
    json_pair_i64(&o, SPAN("output_index"), s->index);
    return o;
}

static struct json_out content_event(struct writer *w, struct streaming *s, const char *type)
{
    struct json_out o = item_event(w, s, type);
    json_pair_i64(&o, SPAN("content_index"), s->content);
    return o;
}

static struct json_out summary_event(struct writer *w, struct streaming *s, const char *type)
{
    struct json_out o = item_event(w, s, type);
    json_pair_i64(&o, SPAN("summary_index"), 0);
    return o;
}

static void whole_item(struct writer *w, struct streaming *s, const char *type, const struct part *first, const struct part *end, struct span status)
{
    struct json_out o = event_begin(w, s, type);
    json_pair_i64(&o, SPAN("output_index"), s->index);
    json_name(&o, SPAN("item"));
    responses_put_item(w, &o, first, end, s->index, status);
    event_end(&o);
}

/* --- head --- */

static struct span kept(struct writer *w, struct span s) { return s.at ? arena_copy(w->arena, s) : s; }

static void keep_said(struct writer *w, struct span *slot, struct span s)
{
    if (s.at && !span_is(*slot, s))
        *slot = kept(w, s);
}

static void keep_head(struct writer *w, struct streaming *s, const struct event *e)
{
    const struct answer *a = e->answer;
    if (a) {
        keep_said(w, &s->whole.model, a->model);
        keep_said(w, &s->whole.tier, a->tier);
        if (a->created && !s->started)
            s->whole.created = a->created;
    }
    if (e->usage) {
        w->usage = *e->usage; /* its texts do not live as long */
        w->usage.model = w->usage.tier = w->usage.geo = w->usage.search = w->usage.raw = SPAN_NONE;
        s->whole.usage = w->usage;
    }
}

static void start(struct writer *w, struct streaming *s)
{
    if (s->started)
        return;
    s->started = true;
    response_event(w, s, "response.created", SPAN("in_progress"), NULL);
    response_event(w, s, "response.in_progress", SPAN("in_progress"), NULL);
}

/* --- items --- */

static void close_message(struct writer *w, struct streaming *s, struct span status)
{
    if (!s->in_message)
        return;
    s->in_message = false;
    if (s->first)
        whole_item(w, s, "response.output_item.done", s->first, NULL, status);
}

/* The item as it is before anything of it was said. */
static void open_item(struct writer *w, struct streaming *s, const struct part *opens)
{
    struct part empty = { .kind = opens->kind, .id = opens->id, .name = opens->name, .item = opens->item, .text = SPAN("\"\""), .raw = SPAN("\"\"") };
    s->index = s->output++;
    s->item = kept(w, responses_item_id(w, opens, s->index));
    empty.item = s->item;
    s->in_message = opens->kind == PART_TEXT || opens->kind == PART_REFUSAL || opens->kind == PART_AUDIO;
    s->content = -1;
    s->first = NULL;
    if (s->custom)
        empty.arguments = SPAN("{\"input\":\"\"}");
    whole_item(w, s, "response.output_item.added", &empty, s->in_message ? &empty : NULL, SPAN("in_progress"));
}

static void put_before(struct writer *w, struct streaming *s, const struct part *opens)
{
    static const char *const types[] = { "response.output_item.added", "response.output_item.done" };
    for (size_t i = 0; i < 2; i++) {
        struct json_out o = event_begin(w, s, types[i]);
        json_pair_i64(&o, SPAN("output_index"), s->output);
        json_name(&o, SPAN("item"));
        responses_put_signature(w, &o, opens, s->output);
        event_end(&o);
    }
    s->output++;
}

static void open_content(struct writer *w, struct streaming *s, enum part_kind kind)
{
    struct part empty = { .kind = kind, .text = SPAN("\"\"") };
    s->content++;
    s->annotations = 0;
    struct json_out o = content_event(w, s, "response.content_part.added");
    json_name(&o, SPAN("part"));
    responses_put_content(w, &o, &empty);
    event_end(&o);
}

static bool is_message(enum part_kind kind) { return kind == PART_TEXT || kind == PART_REFUSAL || kind == PART_AUDIO; }

static bool can_say(struct writer *w, const struct part *p)
{
    if (p->kind == PART_SERVER_TOOL)
        return responses_knows_item(p->raw, w->arena);
    return p->kind != PART_VIDEO && p->kind != PART_DOCUMENT && p->kind != PART_TOOL_RESULT;
}

/* What would be one item in the response at the end (responses_item_end) is one here. */
static bool joins_message(const struct streaming *s, const struct part *opens)
{
    return s->in_message && is_message(opens->kind) && !responses_signs_before(opens) && s->first && span_is(s->first->item, opens->item);
}

static void open_part(struct writer *w, struct streaming *s, const struct event *e)
{
    const struct part *p = e->opens;
    s->skipped = !can_say(w, p);
    if (s->skipped)
        return;
    if (!joins_message(s, p)) {
        close_message(w, s, SPAN("completed"));
        s->custom = p->kind == PART_TOOL_CALL && responses_custom_tool(w->call, p->name);
        if (responses_signs_before(p))
            put_before(w, s, p);
        if (p->kind == PART_SERVER_TOOL)
            s->index = s->output++;
        else
            open_item(w, s, p);
    }
    if (p->kind == PART_SERVER_TOOL)
        whole_item(w, s, "response.output_item.added", p, NULL, SPAN_NONE);
    if (is_message(p->kind))
        open_content(w, s, p->kind);
    s->in_part = true;
    s->signed_before = responses_signs_before(p);
    s->summary = false;
    gather_begin(&s->part, w->arena, PART_MOST);
    gather_event(&s->part, e);
}

/* --- deltas --- */

static void text_delta(struct writer *w, struct streaming *s, struct span text, struct span logprobs)
{
    struct json_out o = content_event(w, s, "response.output_text.delta");
    json_pair_raw(&o, SPAN("delta"), text);
    json_pair_raw(&o, SPAN("logprobs"), logprobs);
    event_end(&o);
}

static void thought_delta(struct writer *w, struct streaming *s, struct span text)
{
    if (!s->summary) {
        s->summary = true;
        struct json_out o = summary_event(w, s, "response.reasoning_summary_part.added");
        json_pair_raw(&o, SPAN("part"), SPAN("{\"type\":\"summary_text\",\"text\":\"\"}"));
        event_end(&o);
    }
    struct json_out o = summary_event(w, s, "response.reasoning_summary_text.delta");
    json_pair_raw(&o, SPAN("delta"), text);
    event_end(&o);
}

static void put_text(struct writer *w, struct streaming *s, const struct event *e)
{
    if (e->part_kind == PART_THINKING) {
        thought_delta(w, s, e->text);
    } else if (e->part_kind == PART_REFUSAL) {
        struct json_out o = content_event(w, s, "response.refusal.delta");
        json_pair_raw(&o, SPAN("delta"), e->text);
        event_end(&o);
    } else if (is_message(e->part_kind)) {
        text_delta(w, s, e->text, SPAN("[]"));
    }
}

static void put_citation(struct writer *w, struct streaming *s, const struct citation *c)
{
    struct buf text; /* only to see whether it can be said */
    buf_init(&text, 1 << 20);
    struct json_out shown = json_out(&text);
    if (responses_put_annotation(&shown, c, w->arena) && !text.broken) {
        struct json_out o = content_event(w, s, "response.output_text.annotation.added");
        json_pair_i64(&o, SPAN("annotation_index"), s->annotations++);
        json_pair_raw(&o, SPAN("annotation"), buf_span(&text));
        event_end(&o);
    }
    buf_free(&text);
}

static void put_delta(struct writer *w, struct streaming *s, const struct event *e)
{
    gather_event(&s->part, e);
    switch (e->delta) {
    case DELTA_TEXT:
        put_text(w, s, e);
        return;
    case DELTA_LOGPROBS:
        if (is_message(e->part_kind))
            text_delta(w, s, SPAN("\"\""), e->text);
        return;
    case DELTA_CITATION:
        if (is_message(e->part_kind))
            put_citation(w, s, e->citation);
        return;
    case DELTA_ARGUMENTS:
        if (!s->custom) { /* a custom tool's text stands inside an object: it is told at the end */
            struct json_out o = item_event(w, s, "response.function_call_arguments.delta");
            json_pair_raw(&o, SPAN("delta"), e->text);
            event_end(&o);
        }
        return;
    case DELTA_SIGNATURE:
    case DELTA_DATA:
        return;
    }
}

/* --- ends --- */

static void content_done(struct writer *w, struct streaming *s, const struct part *p)
{
    bool refusal = p->kind == PART_REFUSAL;
    struct json_out o = content_event(w, s, refusal ? "response.refusal.done" : "response.output_text.done");
    json_pair_raw(&o, refusal ? SPAN("refusal") : SPAN("text"), p->text.at ? p->text : SPAN("\"\""));
    if (!refusal)
        json_pair_raw(&o, SPAN("logprobs"), p->logprobs.at ? p->logprobs : SPAN("[]"));
    event_end(&o);
    o = content_event(w, s, "response.content_part.done");
    json_name(&o, SPAN("part"));
    responses_put_content(w, &o, p);
    event_end(&o);
}

static void thought_done(struct writer *w, struct streaming *s, const struct part *p)
{
    if (!s->summary)
        return;
    struct json_out o = summary_event(w, s, "response.reasoning_summary_text.done");
    json_pair_raw(&o, SPAN("text"), p->text);
    event_end(&o);
    o = summary_event(w, s, "response.reasoning_summary_part.done");
    json_name(&o, SPAN("part"));
    json_open(&o, '{');
    json_pair(&o, SPAN("type"), SPAN("summary_text"));
    json_pair_raw(&o, SPAN("text"), p->text);
    json_close(&o, '}');
    event_end(&o);
}

static void call_done(struct writer *w, struct streaming *s, const struct part *p)
{
    if (s->custom) {
        struct span input = responses_custom_input(p->arguments, w->arena);
        struct json_out delta = item_event(w, s, "response.custom_tool_call_input.delta");
        json_pair_raw(&delta, SPAN("delta"), input);
        event_end(&delta);
        struct json_out done = item_event(w, s, "response.custom_tool_call_input.done");
        json_pair_raw(&done, SPAN("input"), input);
        event_end(&done);
        return;
    }
    struct json_out o = item_event(w, s, "response.function_call_arguments.done");
    json_pair_raw(&o, SPAN("name"), p->name);
    json_name(&o, SPAN("arguments"));
    if (p->raw.at) {
        json_put_raw(&o, p->raw);
    } else {
        put_as_string(o.buf, p->arguments);
        o.comma = true;
    }
    event_end(&o);
}

/* Moves the gathered part to those that are done. */
static const struct part *keep_part(struct writer *w, struct streaming *s)
{
    gather_end(&s->part);
    const struct part *from = s->part.answer.choices ? s->part.answer.choices->parts : NULL;
    struct part *to = from && s->choice ? part_add(&s->choice->parts, from->kind, w->arena) : NULL;
    if (!to) {
        w->out->broken = true;
        return NULL;
    }
    struct part *last = to->last;
    *to = *from;
    to->last = last;
    to->next = NULL;
    if (!s->signed_before && to->kind != PART_THINKING) /* it came too late to stand before */
        to->signature = SPAN_NONE;
    return to;
}

static void end_part(struct writer *w, struct streaming *s)
{
    if (!s->in_part)
        return;
    s->in_part = false;
    const struct part *p = keep_part(w, s);
    if (!p)
        return;
    if (is_message(p->kind)) {
        content_done(w, s, p);
        s->first = s->first ? s->first : p;
        return;
    }
    if (p->kind == PART_THINKING)
        thought_done(w, s, p);
    else if (p->kind == PART_TOOL_CALL)
        call_done(w, s, p);
    whole_item(w, s, "response.output_item.done", p, p->next, SPAN("completed"));
}

static void finish(struct writer *w, struct streaming *s)
{
    struct span status = responses_status(&s->whole);
    bool cut = span_is(status, SPAN("incomplete"));
    end_part(w, s);
    close_message(w, s, status);
    response_event(w, s, cut ? "response.incomplete" : "response.completed", status, NULL);
    s->finished = true;
}

/* The event that readers of the stream throw for, then the response as it ended. */
static void fail(struct writer *w, struct streaming *s, const struct fault *f)
{
    struct json_out o = event_begin(w, s, "error");
    struct span code = responses_fault_code(f, w->arena), message = f->message.at ? f->message : SPAN("\"\"");
    json_pair_raw(&o, SPAN("code"), code);
    json_pair_raw(&o, SPAN("message"), message);
    json_pair_raw(&o, SPAN("param"), f->param);
    json_name(&o, SPAN("error"));
    json_open(&o, '{');
    json_pair_raw(&o, SPAN("code"), code);
    json_pair_raw(&o, SPAN("message"), message);
    json_pair_raw(&o, SPAN("param"), f->param);
    json_close(&o, '}');
    event_end(&o);
    response_event(w, s, "response.failed", SPAN("failed"), f);
    s->finished = true;
}

/* There is one choice only. */
void responses_write_event(struct writer *w, const struct event *e)
{
    struct streaming *s = state_of(w);
    if (!s || s->finished || e->choice != 0)
        return;
    keep_head(w, s, e);
    if (e->kind != EVENT_ERROR || s->started)
        start(w, s);
    switch (e->kind) {
    case EVENT_START:
    case EVENT_USAGE:
        break;
    case EVENT_PART:
        end_part(w, s);
        open_part(w, s, e);
        break;
    case EVENT_DELTA:
        if (s->in_part && !s->skipped)
            put_delta(w, s, e);
        break;
    case EVENT_PART_END:
        end_part(w, s);
        break;
    case EVENT_CHOICE_END:
        if (s->choice)
            s->choice->ending = e->ending;
        break;
    case EVENT_END:
        finish(w, s);
        break;
    case EVENT_ERROR:
        fail(w, s, e->fault);
        break;
    }
    if (w->arena->broken)
        w->out->broken = true;
}
