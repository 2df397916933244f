/* SPDX-License-Identifier: Apache-2.0
 * chat_rig.c - see chat_rig.h. */
#include "chat_rig.h"

#include <stdlib.h>

#include "http/frames.h"
#include "test/test.h"

enum { RIG_MOST = 256 << 20 };

void chat_rig_open(struct chat_rig *r)
{
    *r = (struct chat_rig){ .chat = dialect_find(SPAN("openai_chat"))->translator, .json = json_new() };
    arena_init(&r->arena, RIG_MOST);
    arena_init(&r->event, RIG_MOST);
    buf_init(&r->body, RIG_MOST);
    buf_init(&r->out, RIG_MOST);
    buf_init(&r->trace, RIG_MOST);
    CHECK(r->chat && r->json);
}

void chat_rig_close(struct chat_rig *r)
{
    json_free(r->json);
    arena_free(&r->arena);
    arena_free(&r->event);
    buf_free(&r->body);
    buf_free(&r->out);
    buf_free(&r->trace);
}

void chat_rig_clear(struct chat_rig *r)
{
    arena_free(&r->arena);
    arena_init(&r->arena, RIG_MOST);
    buf_clear(&r->trace);
}

static struct span put_body(struct chat_rig *r, struct span text)
{
    buf_free(&r->body);
    buf_init(&r->body, RIG_MOST);
    buf_put(&r->body, text);
    buf_reserve(&r->body, 1);
    return buf_span(&r->body);
}

enum err chat_rig_read(struct chat_rig *r, struct span body)
{
    r->why = NULL;
    return r->chat->read_call(r->json, put_body(r, body), &r->arena, &r->call, &r->why);
}

struct span chat_rig_write(struct chat_rig *r)
{
    buf_clear(&r->out);
    r->notes = (struct notes){ .arena = &r->arena, .may_drop = r->notes.may_drop, .may_drop_count = r->notes.may_drop_count };
    r->chat->write_call(&r->call, &r->quirks, &r->notes, &r->arena, &r->out);
    CHECK(!r->out.broken);
    return buf_span(&r->out);
}

static void put_notes(struct buf *out, const char *title, const struct span *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_put(out, i ? SPAN(", ") : span_of(title));
        buf_put(out, list[i]);
    }
}

struct span chat_rig_noted(struct chat_rig *r)
{
    chat_rig_write(r);
    put_notes(&r->out, " unsayable: ", r->notes.unsayable, r->notes.unsayable_count);
    put_notes(&r->out, " dropped: ", r->notes.dropped, r->notes.dropped_count);
    put_notes(&r->out, " adapted: ", r->notes.adapted, r->notes.adapted_count);
    return buf_span(&r->out);
}

struct span chat_rig_again(struct chat_rig *r, const char *body)
{
    enum err e = chat_rig_read(r, span_of(body));
    return e ? span_of(r->why ? r->why : "refused") : chat_rig_noted(r);
}

enum err chat_rig_read_answer(struct chat_rig *r, struct span body, struct span owner)
{
    r->reader = (struct reader){ .json = r->json, .arena = &r->arena, .owner = owner, .seed = 7 };
    return r->chat->read_answer(&r->reader, put_body(r, body), &r->answer);
}

struct span chat_rig_write_answer(struct chat_rig *r)
{
    buf_clear(&r->out);
    r->writer = (struct writer){ .out = &r->out, .arena = &r->arena, .id = SPAN("tg_1"), .created = 1800000000 };
    r->chat->write_answer(&r->writer, &r->answer);
    return buf_span(&r->out);
}

/* --- streams --- */

static void trace_part(struct buf *out, const struct part *p)
{
    static const char *const kinds[] = { "text", "image", "audio", "video", "document", "thinking", "tool_call", "tool_result", "refusal", "server_tool" };
    buf_print(out, " %s", kinds[p->kind]);
    if (p->id.at)
        buf_print(out, " id %.*s", SPAN_ARG(p->id));
    if (p->name.at)
        buf_print(out, " name %.*s", SPAN_ARG(p->name));
    if (p->media.type.at)
        buf_print(out, " type %.*s", SPAN_ARG(p->media.type));
    if (p->media.url.at)
        buf_print(out, " url %.*s", SPAN_ARG(p->media.url));
    if (p->signature.at)
        buf_print(out, " signature %.*s", SPAN_ARG(p->signature));
    if (p->redacted)
        buf_print(out, " redacted");
}

static void trace_event(struct buf *out, const struct event *e)
{
    static const char *const kinds[] = { "start", "part", "delta", "part_end", "choice_end", "usage", "end", "error" };
    static const char *const deltas[] = { "text", "arguments", "signature", "citation", "logprobs", "data" };
    bool placed = e->kind >= EVENT_PART && e->kind <= EVENT_PART_END;
    buf_print(out, "%s", kinds[e->kind]);
    if (placed)
        buf_print(out, " %d.%d", (int)e->choice, (int)e->part);
    if (e->kind == EVENT_START)
        buf_print(out, " %.*s %.*s", SPAN_ARG(e->answer->id), SPAN_ARG(e->answer->model));
    if (e->kind == EVENT_PART)
        trace_part(out, e->opens);
    if (e->kind == EVENT_DELTA)
        buf_print(out, " %s %.*s", deltas[e->delta], SPAN_ARG(e->delta == DELTA_CITATION ? e->citation->url : e->text));
    if (e->kind == EVENT_CHOICE_END)
        buf_print(out, " %d %d%.*s", (int)e->choice, (int)e->ending, SPAN_ARG(e->stop));
    if (e->kind == EVENT_USAGE)
        buf_print(out, " %d %d", (int)e->usage->input_total, (int)e->usage->output_total);
    if (e->kind == EVENT_ERROR)
        buf_print(out, " %d %d %.*s", (int)e->fault->kind, e->fault->status, SPAN_ARG(e->fault->message));
    buf_put_byte(out, '\n');
}

static void take(void *self, const struct event *e)
{
    struct chat_rig *r = self;
    trace_event(&r->trace, e);
    gather_event(&r->gather, e);
    r->chat->write_event(&r->writer, e);
}

static void feed(struct chat_rig *r, const struct sse_event *frame)
{
    struct sse_event e = *frame;
    char *exact = frame->data.at ? malloc(frame->data.len ? frame->data.len : 1) : NULL;
    if (exact) {
        memcpy(exact, frame->data.at, frame->data.len);
        e.data = span_make(exact, frame->data.len);
    }
    r->chat->read_event(&r->reader, &e);
    free(exact);
    arena_free(&r->event);
    arena_init(&r->event, RIG_MOST);
}

void chat_rig_stream(struct chat_rig *r, struct span stream, struct span owner, bool usage_wanted)
{
    struct frames f;
    struct sse_event e;
    buf_clear(&r->out);
    buf_clear(&r->trace);
    gather_begin(&r->gather, &r->arena, RIG_MOST / 4);
    r->reader = (struct reader){ .json = r->json, .arena = &r->arena, .event = &r->event, .owner = owner, .seed = 7, .sink = take, .self = r };
    r->writer = (struct writer){ .out = &r->out, .arena = &r->arena, .id = SPAN("tg_1"), .created = 1800000000, .usage_wanted = usage_wanted };
    frames_init(&f, FRAMING_SSE, RIG_MOST);
    while (frames_next(&f, &stream, &e))
        feed(r, &e);
    frames_free(&f);
    gather_end(&r->gather);
}

struct span chat_rig_golden(struct chat_rig *r, const char *name)
{
    char path[300];
    snprintf(path, sizeof(path), "test/unit/dialect/golden/openai_chat/%s", name);
    FILE *f = fopen(path, "rb");
    char *text = arena_take(&r->arena, 1 << 20);
    size_t len = f && text ? fread(text, 1, (1 << 20) - 1, f) : 0;
    if (f)
        fclose(f);
    if (!len)
        test_fail(__FILE__, __LINE__, "cannot read %s", path);
    return span_make(text, len && text[len - 1] == '\n' && !strstr(name, "stream") ? len - 1 : len);
}
