/* SPDX-License-Identifier: Apache-2.0
 * anthropic_messages_stream.c - neutral events as a stream of Anthropic messages.
 *
 * What the first event should know and nobody knows yet (the input's tokens) is 0 there; message_delta, the last but one, says all. It
 * waits for the end of the stream: it carries both the reason to stop and the usage, which other vendors tell behind it. The SDKs replace
 * a signature by the next one, so its pieces are written as one, at the block's end. */
#include "dialect/anthropic_int.h"

struct growing {
    char *at;
    size_t len, room;
};

struct stream {
    bool open, skip;      /* a block; it cannot be said */
    bool refused;
    enum part_kind kind;
    int64_t index;
    struct growing held; /* without quotes: a signature, a picture's data */
    struct span type;    /* of a picture */
    enum ending ending;
    struct span stop;
};

static struct stream *state_of(struct writer *w)
{
    if (!w->state)
        w->state = ARENA_NEW(w->arena, struct stream);
    return w->state;
}

/* More of a text that is written at once later. */
static void append(struct writer *w, struct growing *t, struct span more)
{
    enum { ROOM_FIRST = 256 };
    if (more.len > t->room - t->len) {
        size_t room = t->room ? t->room : ROOM_FIRST;
        while (room - t->len < more.len)
            room *= 2;
        char *wider = arena_take(w->arena, room);
        if (!wider) {
            w->out->broken = true;
            return;
        }
        if (t->len)
            memcpy(wider, t->at, t->len);
        t->at = wider;
        t->room = room;
    }
    if (more.len)
        memcpy(t->at + t->len, more.at, more.len);
    t->len += more.len;
}

static struct span quoted(struct writer *w, const struct growing *t)
{
    return arena_print(w->arena, "\"%.*s\"", (int)t->len, t->len ? t->at : "");
}

static struct json_out begin(struct writer *w, struct span type)
{
    struct json_out o = json_out(w->out);
    buf_put(w->out, SPAN("event: "));
    buf_put(w->out, type);
    buf_put(w->out, SPAN("\ndata: "));
    json_open(&o, '{');
    json_pair(&o, SPAN("type"), type);
    return o;
}

static void end(struct json_out *o)
{
    json_close(o, '}');
    buf_put(o->buf, SPAN("\n\n"));
}

static void put_start(struct writer *w, const struct event *e)
{
    struct json_out o = begin(w, SPAN("message_start"));
    json_name(&o, SPAN("message"));
    json_open(&o, '{');
    json_pair_raw(&o, SPAN("id"), anthropic_message_id(w, e->answer ? e->answer->id : SPAN_NONE));
    json_pair(&o, SPAN("type"), SPAN("message"));
    json_pair(&o, SPAN("role"), SPAN("assistant"));
    json_pair_raw(&o, SPAN("model"), anthropic_model_of(w, e->answer ? e->answer->model : SPAN_NONE));
    json_pair_raw(&o, SPAN("content"), SPAN("[]"));
    json_pair_raw(&o, SPAN("stop_reason"), SPAN("null"));
    json_pair_raw(&o, SPAN("stop_sequence"), SPAN("null"));
    json_name(&o, SPAN("usage"));
    anthropic_usage_write(&o, &w->usage);
    json_close(&o, '}');
    end(&o);
}

/* --- blocks --- */

static struct json_out begin_block(struct writer *w, const struct stream *s, struct span type)
{
    struct json_out o = begin(w, type);
    json_pair_i64(&o, SPAN("index"), s->index);
    return o;
}

static void put_open(struct writer *w, const struct stream *s, struct span block)
{
    struct json_out o = begin_block(w, s, SPAN("content_block_start"));
    json_pair_raw(&o, SPAN("content_block"), block);
    end(&o);
}

static void put_delta(struct writer *w, const struct stream *s, struct span type, struct span name, struct span raw)
{
    struct json_out o = begin_block(w, s, SPAN("content_block_delta"));
    json_name(&o, SPAN("delta"));
    json_open(&o, '{');
    json_pair(&o, SPAN("type"), type);
    json_pair_raw(&o, name, raw);
    json_close(&o, '}');
    end(&o);
}

static void put_stop(struct writer *w, struct stream *s)
{
    struct json_out o = begin_block(w, s, SPAN("content_block_stop"));
    end(&o);
    s->index++;
}

static void open_use(struct writer *w, struct stream *s, const struct part *p)
{
    if (p->signature.at) {
        put_open(w, s, SPAN("{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}"));
        put_delta(w, s, SPAN("signature_delta"), SPAN("signature"), p->signature);
        put_stop(w, s);
    }
    struct json_out o = begin_block(w, s, SPAN("content_block_start"));
    json_name(&o, SPAN("content_block"));
    json_open(&o, '{');
    json_pair(&o, SPAN("type"), SPAN("tool_use"));
    json_pair_raw(&o, SPAN("id"), p->id.at ? anthropic_tool_id(p->id, w->arena) : made_up_id("toolu_", span_hash(w->id, 0), (uint64_t)s->index, w->arena));
    json_pair_raw(&o, SPAN("name"), p->name.at ? p->name : SPAN("\"\""));
    json_pair_raw(&o, SPAN("input"), SPAN("{}"));
    json_close(&o, '}');
    end(&o);
}

static void open_redacted(struct writer *w, struct stream *s, const struct part *p)
{
    struct json_out o = begin_block(w, s, SPAN("content_block_start"));
    json_name(&o, SPAN("content_block"));
    json_open(&o, '{');
    json_pair(&o, SPAN("type"), SPAN("redacted_thinking"));
    json_pair_raw(&o, SPAN("data"), p->signature);
    json_close(&o, '}');
    end(&o);
}

static void open_thought(struct writer *w, struct stream *s, const struct part *p)
{
    if (p->redacted && p->signature.at) {
        open_redacted(w, s, p);
        return;
    }
    put_open(w, s, SPAN("{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}"));
    append(w, &s->held, raw_inside(p->signature));
}

static void open_part(struct writer *w, struct stream *s, const struct part *p)
{
    s->open = true;
    s->skip = false;
    s->kind = p->kind;
    s->held.len = 0;
    switch (p->kind) {
    case PART_REFUSAL:
        s->refused = true; /* and its words */
        put_open(w, s, SPAN("{\"type\":\"text\",\"text\":\"\"}"));
        return;
    case PART_TEXT:
    case PART_AUDIO: /* its words */
        put_open(w, s, SPAN("{\"type\":\"text\",\"text\":\"\"}"));
        return;
    case PART_THINKING:
        open_thought(w, s, p);
        return;
    case PART_TOOL_CALL:
        open_use(w, s, p);
        return;
    case PART_SERVER_TOOL:
        s->skip = !anthropic_owns_block(p->raw, w->arena);
        if (!s->skip)
            put_open(w, s, p->raw);
        return;
    case PART_IMAGE:
        s->type = arena_copy(w->arena, p->media.type);
        return;
    case PART_VIDEO:
    case PART_DOCUMENT:
    case PART_TOOL_RESULT: /* not in answers */
        s->skip = true;
    }
}

static void put_cited(struct writer *w, const struct stream *s, const struct citation *c)
{
    if (s->kind != PART_TEXT || (!c->url.at && !anthropic_owns_citation(c->raw, w->arena)))
        return;
    struct json_out o = begin_block(w, s, SPAN("content_block_delta"));
    json_name(&o, SPAN("delta"));
    json_open(&o, '{');
    json_pair(&o, SPAN("type"), SPAN("citations_delta"));
    json_name(&o, SPAN("citation"));
    anthropic_put_citation(&o, c, w->arena);
    json_close(&o, '}');
    end(&o);
}

static void put_more(struct writer *w, struct stream *s, const struct event *e)
{
    bool thought = s->kind == PART_THINKING;
    if (!s->open || s->skip)
        return;
    switch (e->delta) {
    case DELTA_TEXT:
        if (s->kind != PART_IMAGE && s->kind != PART_TOOL_CALL)
            put_delta(w, s, thought ? SPAN("thinking_delta") : SPAN("text_delta"), thought ? SPAN("thinking") : SPAN("text"), e->text);
        return;
    case DELTA_ARGUMENTS:
        if (s->kind == PART_TOOL_CALL)
            put_delta(w, s, SPAN("input_json_delta"), SPAN("partial_json"), e->text);
        return;
    case DELTA_SIGNATURE:
        if (thought)
            append(w, &s->held, raw_inside(e->text));
        return;
    case DELTA_CITATION:
        put_cited(w, s, e->citation);
        return;
    case DELTA_DATA:
        if (s->kind == PART_IMAGE)
            append(w, &s->held, raw_inside(e->text));
        return;
    case DELTA_LOGPROBS: /* nobody can ask for them here */
        return;
    }
}

/* Its streams know no pictures: one is a block that is whole at once, of the form that requests have. */
static void put_picture(struct writer *w, struct stream *s)
{
    struct json_out o = begin_block(w, s, SPAN("content_block_start"));
    json_name(&o, SPAN("content_block"));
    json_open(&o, '{');
    json_pair(&o, SPAN("type"), SPAN("image"));
    json_name(&o, SPAN("source"));
    json_open(&o, '{');
    json_pair(&o, SPAN("type"), SPAN("base64"));
    json_pair(&o, SPAN("media_type"), s->type.len ? s->type : SPAN("image/png"));
    json_pair_raw(&o, SPAN("data"), quoted(w, &s->held));
    json_close(&o, '}');
    json_close(&o, '}');
    end(&o);
}

static void close_part(struct writer *w, struct stream *s)
{
    if (!s->open)
        return;
    s->open = false;
    if (s->skip)
        return;
    if (s->kind == PART_IMAGE)
        put_picture(w, s);
    if (s->kind == PART_THINKING && s->held.len)
        put_delta(w, s, SPAN("signature_delta"), SPAN("signature"), quoted(w, &s->held));
    put_stop(w, s);
}

/* --- the end --- */

static void put_end(struct writer *w, struct stream *s)
{
    enum ending ending = s->refused && s->ending == ENDING_TURN ? ENDING_REFUSAL : s->ending;
    close_part(w, s);
    struct json_out o = begin(w, SPAN("message_delta"));
    json_name(&o, SPAN("delta"));
    json_open(&o, '{');
    json_pair(&o, SPAN("stop_reason"), anthropic_stop_reason(ending));
    json_pair_raw(&o, SPAN("stop_sequence"), ending == ENDING_STOP && s->stop.at ? s->stop : SPAN("null"));
    json_close(&o, '}');
    json_name(&o, SPAN("usage"));
    anthropic_usage_write(&o, &w->usage);
    end(&o);
    o = begin(w, SPAN("message_stop"));
    end(&o);
}

static void put_error(struct writer *w, const struct fault *fault)
{
    struct json_out o = begin(w, SPAN("error"));
    json_name(&o, SPAN("error"));
    anthropic_put_fault(&o, fault);
    end(&o);
}

/* The usage outlives its event; nothing of its texts is written but the tier. */
static void keep_usage(struct writer *w, const struct usage *usage)
{
    if (!usage)
        return;
    w->usage = *usage;
    w->usage.tier = arena_copy(w->arena, usage->tier);
}

void anthropic_write_event(struct writer *w, const struct event *e)
{
    struct stream *s = state_of(w);
    if (!s) {
        w->out->broken = true;
        return;
    }
    if (e->choice != 0) /* its answers have one */
        return;
    switch (e->kind) {
    case EVENT_START:
        keep_usage(w, e->usage);
        put_start(w, e);
        return;
    case EVENT_PART:
        close_part(w, s);
        open_part(w, s, e->opens);
        return;
    case EVENT_DELTA:
        put_more(w, s, e);
        return;
    case EVENT_PART_END:
        close_part(w, s);
        return;
    case EVENT_CHOICE_END:
        close_part(w, s);
        s->ending = e->ending;
        s->stop = arena_copy(w->arena, e->stop);
        return;
    case EVENT_USAGE:
        keep_usage(w, e->usage);
        return;
    case EVENT_END:
        put_end(w, s);
        return;
    case EVENT_ERROR:
        put_error(w, e->fault);
        return;
    }
}
