/* SPDX-License-Identifier: Apache-2.0
 * anthropic_messages_events.c - a stream of Anthropic messages, read.
 *
 * Blocks come one behind the other and say where they end. What a tool that Anthropic runs is given comes in pieces; it is told as one part
 * when it is whole, as no other dialect could say the pieces. */
#include "dialect/anthropic_int.h"
#include "dialect/member.h"

enum { INPUT_MOST = 16 << 20, INPUT_FIRST = 256 };

struct stream {
    bool started, open, chosen; /* message_start, a block, CHOICE_END */
    enum part_kind kind;
    int64_t part;
    struct span own; /* of a server tool's use: its block so far */
    char *input;     /* ... and the JSON of its input, in the call's arena */
    size_t input_len, input_room;
    struct usage usage;
    struct answer head;
};

static struct stream *state_of(struct reader *r)
{
    struct stream *s = r->state;
    if (s)
        return s;
    s = ARENA_NEW(r->arena, struct stream);
    if (!s) {
        r->broken = "out of memory";
        return NULL;
    }
    s->usage.vendor_cost = -1;
    answer_begin(&s->head);
    return r->state = s;
}

static struct arena *scratch(const struct reader *r) { return r->event ? r->event : r->arena; }

static struct span member(const struct reader *r, struct span object, struct span name) { return raw_member(object, name, scratch(r)); }

static struct span string_or_none(struct span raw) { return raw_kind(raw) == JSON_STRING ? raw : SPAN_NONE; }

static void emit_usage(struct reader *r, struct stream *s, struct span usage)
{
    if (raw_kind(usage) != JSON_OBJECT)
        return;
    struct buf merged;
    buf_init(&merged, 1 << 16);
    anthropic_usage_merge(r->json, usage, r->arena, &s->usage);
    s->usage.raw = arena_copy(r->arena, s->usage.raw.at ? anthropic_usage_overlay(r->json, s->usage.raw, usage, &merged) : usage);
    buf_free(&merged);
    if (s->started && s->usage.known)
        reader_emit(r, &(struct event){ .kind = EVENT_USAGE, .usage = &s->usage });
}

static void read_start(struct reader *r, struct stream *s, struct span message)
{
    if (s->started)
        return;
    s->head.id = arena_copy(r->arena, string_or_none(member(r, message, SPAN("id"))));
    s->head.model = arena_copy(r->arena, string_or_none(member(r, message, SPAN("model"))));
    emit_usage(r, s, member(r, message, SPAN("usage")));
    s->head.tier = s->usage.tier;
    s->started = true;
    reader_emit(r, &(struct event){ .kind = EVENT_START, .answer = &s->head, .usage = s->usage.known ? &s->usage : NULL });
}

/* --- blocks --- */

static void emit_delta(struct reader *r, struct stream *s, enum delta_kind kind, struct span text)
{
    if (raw_inside(text).len)
        reader_emit(r, &(struct event){ .kind = EVENT_DELTA, .part = s->part, .part_kind = s->kind, .delta = kind, .text = text });
}

static void emit_citation(struct reader *r, struct stream *s, struct span raw)
{
    const struct citation *c = anthropic_read_citation(raw, scratch(r));
    if (c)
        reader_emit(r, &(struct event){ .kind = EVENT_DELTA, .part = s->part, .part_kind = s->kind, .delta = DELTA_CITATION, .citation = c });
}

static void emit_open(struct reader *r, struct stream *s, const struct part *p)
{
    s->kind = p->kind;
    reader_emit(r, &(struct event){ .kind = EVENT_PART, .part = s->part, .opens = p, .part_kind = p->kind });
}

static void emit_whole(struct reader *r, struct stream *s, struct span raw)
{
    struct part p = { .kind = PART_SERVER_TOOL, .name = member(r, raw, SPAN("type")), .raw = raw };
    struct span id = member(r, raw, SPAN("id"));
    p.id = string_or_none(id.at ? id : member(r, raw, SPAN("tool_use_id")));
    emit_open(r, s, &p);
}

/* The pieces of a tool's input; SPAN_NONE: there are none, or they are no whole object (cut off at the output limit). */
static struct span whole_input(struct reader *r, const struct stream *s)
{
    struct json_value root;
    const char *why;
    struct span text = span_make(s->input, s->input_len);
    return text.len && !json_parse(r->json, text, false, &root, &why) && json_kind(root) == JSON_OBJECT ? text : SPAN_NONE;
}

/* They take the place of the empty one that the block began with. */
static void emit_own(struct reader *r, struct stream *s)
{
    struct buf text;
    struct span name, value, input = whole_input(r, s);
    buf_init(&text, s->own.len * 6 + s->input_len + 64);
    struct json_out o = json_out(&text);
    json_open(&o, '{');
    for (struct raw_iter it = raw_iter(s->own, scratch(r)); raw_next(&it, &name, &value);) {
        json_name(&o, name);
        json_put_raw(&o, span_is(name, SPAN("input")) && input.at ? input : value);
    }
    json_close(&o, '}');
    if (!text.broken)
        emit_whole(r, s, buf_span(&text));
    else
        r->broken = "the input of a tool that the vendor runs is too long";
    buf_free(&text);
}

static void end_block(struct reader *r, struct stream *s)
{
    if (!s->open)
        return;
    if (s->own.at)
        emit_own(r, s);
    reader_emit(r, &(struct event){ .kind = EVENT_PART_END, .part = s->part, .part_kind = s->kind });
    s->own = SPAN_NONE;
    s->input_len = 0;
    s->open = false;
    s->part++;
}

/* Anthropic's blocks begin empty; what imitators put into them at once is told as the first piece. */
static void open_use(struct reader *r, struct stream *s, struct span block)
{
    struct part p = { .kind = PART_TOOL_CALL, .id = string_or_none(member(r, block, SPAN("id"))), .name = string_or_none(member(r, block, SPAN("name"))) };
    struct span input = member(r, block, SPAN("input")), name, value;
    struct raw_iter it = raw_iter(input, scratch(r));
    emit_open(r, s, &p);
    if (it.object && raw_next(&it, &name, &value))
        emit_delta(r, s, DELTA_ARGUMENTS, raw_quote(input, scratch(r)));
}

static void open_text(struct reader *r, struct stream *s, struct span block)
{
    struct part p = { .kind = PART_TEXT };
    struct raw_iter it = raw_iter(member(r, block, SPAN("citations")), scratch(r));
    struct span name, citation;
    emit_open(r, s, &p);
    emit_delta(r, s, DELTA_TEXT, member(r, block, SPAN("text")));
    while (!it.object && raw_next(&it, &name, &citation))
        emit_citation(r, s, citation);
}

static void open_thought(struct reader *r, struct stream *s, struct span block, bool redacted)
{
    struct span signature = string_or_none(member(r, block, redacted ? SPAN("data") : SPAN("signature")));
    struct part p = { .kind = PART_THINKING, .redacted = redacted };
    if (redacted && signature.at)
        p.signature = reader_signature(r, signature);
    emit_open(r, s, &p);
    if (redacted)
        return;
    emit_delta(r, s, DELTA_TEXT, member(r, block, SPAN("thinking")));
    if (raw_inside(signature).len)
        emit_delta(r, s, DELTA_SIGNATURE, reader_signature(r, signature));
}

static void open_block(struct reader *r, struct stream *s, struct span block)
{
    struct span type = member(r, block, SPAN("type"));
    if (raw_kind(block) != JSON_OBJECT || s->chosen) {
        r->broken = s->chosen ? "a content block behind the end" : "a content block that is none";
        return;
    }
    end_block(r, s);
    s->open = true;
    s->kind = PART_SERVER_TOOL;
    if (raw_is(type, SPAN("text")))
        open_text(r, s, block);
    else if (raw_is(type, SPAN("thinking")) || raw_is(type, SPAN("redacted_thinking")))
        open_thought(r, s, block, raw_is(type, SPAN("redacted_thinking")));
    else if (raw_is(type, SPAN("tool_use")))
        open_use(r, s, block);
    else
        s->own = arena_copy(r->arena, block);
}

/* Without its escapes: it is JSON itself. */
static void keep_input(struct reader *r, struct stream *s, struct span piece)
{
    struct span text = raw_text(piece, scratch(r));
    if (!text.len)
        return;
    if (text.len > s->input_room - s->input_len) {
        size_t room = s->input_room ? s->input_room : INPUT_FIRST;
        while (room - s->input_len < text.len && room <= INPUT_MOST)
            room *= 2;
        char *wider = room <= INPUT_MOST ? arena_take(r->arena, room) : NULL;
        if (!wider) {
            r->broken = "the input of a tool that the vendor runs is too long";
            return;
        }
        if (s->input_len)
            memcpy(wider, s->input, s->input_len);
        s->input = wider;
        s->input_room = room;
    }
    memcpy(s->input + s->input_len, text.at, text.len);
    s->input_len += text.len;
}

/* A piece of a kind that the open block is made of; kinds that are not known fit, and say nothing. */
static bool fits(const struct stream *s, struct span type)
{
    if (raw_is(type, SPAN("text_delta")) || raw_is(type, SPAN("citations_delta")))
        return s->kind == PART_TEXT;
    if (raw_is(type, SPAN("input_json_delta")))
        return s->kind == PART_TOOL_CALL;
    return s->kind == PART_THINKING || !(raw_is(type, SPAN("thinking_delta")) || raw_is(type, SPAN("signature_delta")));
}

static void read_delta(struct reader *r, struct stream *s, struct span delta)
{
    struct span type = member(r, delta, SPAN("type")), json = member(r, delta, SPAN("partial_json"));
    if (!s->open || (!s->own.at && !fits(s, type)))
        r->broken = s->open ? "a piece of another kind of content block" : "a piece of no content block";
    else if (s->own.at)
        keep_input(r, s, json);
    else if (raw_is(type, SPAN("text_delta")))
        emit_delta(r, s, DELTA_TEXT, member(r, delta, SPAN("text")));
    else if (raw_is(type, SPAN("input_json_delta")))
        emit_delta(r, s, DELTA_ARGUMENTS, json);
    else if (raw_is(type, SPAN("thinking_delta")))
        emit_delta(r, s, DELTA_TEXT, member(r, delta, SPAN("thinking")));
    else if (raw_is(type, SPAN("signature_delta")))
        emit_delta(r, s, DELTA_SIGNATURE, reader_signature(r, member(r, delta, SPAN("signature"))));
    else if (raw_is(type, SPAN("citations_delta")))
        emit_citation(r, s, member(r, delta, SPAN("citation")));
}

/* --- the end --- */

static void read_last(struct reader *r, struct stream *s, struct span delta, struct span usage)
{
    enum ending ending = anthropic_ending(member(r, delta, SPAN("stop_reason")));
    struct span stop = string_or_none(member(r, delta, SPAN("stop_sequence")));
    end_block(r, s);
    if (ending != ENDING_NONE && !s->chosen) {
        s->chosen = true;
        reader_emit(r, &(struct event){ .kind = EVENT_CHOICE_END, .ending = ending, .stop = stop });
    }
    emit_usage(r, s, usage);
}

static void read_metrics(struct reader *r, struct stream *s, struct span metrics)
{
    if (!s->usage.input_total && anthropic_metrics_read(metrics, scratch(r), &s->usage))
        reader_emit(r, &(struct event){ .kind = EVENT_USAGE, .usage = &s->usage });
}

static void read_stop(struct reader *r, struct stream *s, struct span metrics)
{
    end_block(r, s);
    read_metrics(r, s, metrics);
    if (!s->chosen)
        reader_emit(r, &(struct event){ .kind = EVENT_CHOICE_END, .ending = ENDING_TURN });
    s->chosen = true;
    reader_emit(r, &(struct event){ .kind = EVENT_END, .answer = &s->head });
}

static void read_error(struct reader *r, struct span error)
{
    struct fault fault;
    anthropic_fault_of(error, 0, scratch(r), &fault);
    reader_emit(r, &(struct event){ .kind = EVENT_ERROR, .fault = &fault });
}

enum { TYPE, MESSAGE, BLOCK, DELTA, USAGE, ERROR, METRICS, MEMBERS };

static void read_frame(struct reader *r, struct stream *s, const struct member *m)
{
    struct span type = m[TYPE].raw;
    if (raw_is(type, SPAN("message_start")))
        read_start(r, s, m[MESSAGE].raw);
    else if (raw_is(type, SPAN("error")))
        read_error(r, m[ERROR].raw);
    else if (!s->started && !raw_is(type, SPAN("ping")))
        r->broken = "the stream did not begin with message_start";
    else if (raw_is(type, SPAN("content_block_start")))
        open_block(r, s, m[BLOCK].raw);
    else if (raw_is(type, SPAN("content_block_delta")))
        read_delta(r, s, m[DELTA].raw);
    else if (raw_is(type, SPAN("content_block_stop")))
        end_block(r, s);
    else if (raw_is(type, SPAN("message_delta")))
        read_last(r, s, m[DELTA].raw, m[USAGE].raw);
    else if (raw_is(type, SPAN("message_stop")))
        read_stop(r, s, m[METRICS].raw);
}

void anthropic_read_event(struct reader *r, const struct sse_event *frame)
{
    struct member m[MEMBERS] = { [TYPE] = { .name = SPAN("type") }, [MESSAGE] = { .name = SPAN("message") }, [BLOCK] = { .name = SPAN("content_block") },
        [DELTA] = { .name = SPAN("delta") }, [USAGE] = { .name = SPAN("usage") }, [ERROR] = { .name = SPAN("error") },
        [METRICS] = { .name = SPAN("amazon-bedrock-invocationMetrics") } };
    struct stream *s = state_of(r);
    if (!s || r->ended || r->failed || r->broken || !frame->data.at)
        return;
    if (member_find(r->json, frame->data, m, MEMBERS, NULL))
        read_frame(r, s, m);
    else
        r->broken = "an event that is no JSON object";
}
