/* SPDX-License-Identifier: Apache-2.0
 * gemini_rig.c - see gemini_rig.h. */
#include "gemini_rig.h"

#include <stdio.h>

#include "test/test.h"

enum { RIG_MOST = 64 << 20 };

void gemini_rig_open(struct gemini_rig *r)
{
    *r = (struct gemini_rig){ .translator = dialect_find(SPAN("gemini"))->translator, .json = json_new(), .model = "gemini-2.5-flash" };
    arena_init(&r->arena, RIG_MOST);
    arena_init(&r->event, RIG_MOST);
    buf_init(&r->body, RIG_MOST);
    buf_init(&r->out, RIG_MOST);
    buf_init(&r->log, RIG_MOST);
    CHECK(r->json && r->translator);
}

void gemini_rig_close(struct gemini_rig *r)
{
    json_free(r->json);
    arena_free(&r->arena);
    arena_free(&r->event);
    buf_free(&r->body);
    buf_free(&r->out);
    buf_free(&r->log);
}

void gemini_rig_clear(struct gemini_rig *r)
{
    arena_free(&r->arena);
    arena_init(&r->arena, RIG_MOST);
    buf_clear(&r->out);
    buf_clear(&r->log);
}

static struct span put_body(struct gemini_rig *r, struct span text)
{
    buf_free(&r->body);
    buf_init(&r->body, RIG_MOST);
    buf_put(&r->body, text);
    buf_reserve(&r->body, 1);
    return buf_span(&r->body);
}

enum err gemini_rig_read(struct gemini_rig *r, struct span body)
{
    r->why = NULL;
    return r->translator->read_call(r->json, put_body(r, body), &r->arena, &r->call, &r->why);
}

static void put_notes(struct buf *out, const char *what, const struct span *list, size_t count)
{
    if (count)
        buf_print(out, " %s:", what);
    for (size_t i = 0; i < count; i++)
        buf_print(out, "%s %.*s", i ? "," : "", SPAN_ARG(list[i]));
}

struct span gemini_rig_write(struct gemini_rig *r)
{
    buf_clear(&r->out);
    r->notes = (struct notes){ .arena = &r->arena };
    r->call.model = span_of(r->model);
    r->translator->write_call(&r->call, NULL, &r->notes, &r->arena, &r->out);
    put_notes(&r->out, "unsayable", r->notes.unsayable, r->notes.unsayable_count);
    put_notes(&r->out, "adapted", r->notes.adapted, r->notes.adapted_count);
    return buf_span(&r->out);
}

struct span gemini_rig_again(struct gemini_rig *r, const char *body)
{
    enum err e = gemini_rig_read(r, span_of(body));
    return e ? span_of(r->why ? r->why : "?") : gemini_rig_write(r);
}

static void begin(struct gemini_rig *r, struct span owner)
{
    r->reader = (struct reader){ .json = r->json, .arena = &r->arena, .event = &r->event, .owner = owner, .seed = 7, .sink = gemini_rig_sink, .self = r };
    r->writer = (struct writer){ .usage_wanted = true, .id = SPAN("tg_1"), .out = &r->out, .arena = &r->arena };
    buf_clear(&r->out);
    buf_clear(&r->log);
}

enum err gemini_rig_answer(struct gemini_rig *r, struct span body, struct span owner)
{
    begin(r, owner);
    return r->translator->read_answer(&r->reader, put_body(r, body), &r->answer);
}

struct span gemini_rig_answer_again(struct gemini_rig *r)
{
    r->translator->write_answer(&r->writer, &r->answer);
    return buf_span(&r->out);
}

static const char *const kinds[] = { "text", "image", "audio", "video", "document", "thinking", "call", "result", "refusal", "server" };
static const char *const deltas[] = { "text", "arguments", "signature", "citation", "logprobs", "data" };

void gemini_rig_sink(void *rig, const struct event *e)
{
    struct gemini_rig *r = rig;
    struct buf *log = &r->log;
    switch (e->kind) {
    case EVENT_START:
        buf_print(log, "start %.*s %.*s\n", SPAN_ARG(e->answer->id), SPAN_ARG(e->answer->model));
        break;
    case EVENT_PART:
        buf_print(log, "%lld.%lld %s %.*s %.*s %.*s\n", (long long)e->choice, (long long)e->part, kinds[e->opens->kind], SPAN_ARG(e->opens->id),
            SPAN_ARG(e->opens->name), SPAN_ARG(e->opens->signature));
        break;
    case EVENT_DELTA:
        buf_print(log, "%lld.%lld + %s %.*s", (long long)e->choice, (long long)e->part, deltas[e->delta], SPAN_ARG(e->text));
        if (e->citation)
            buf_print(log, "%.*s %lld-%lld", SPAN_ARG(e->citation->url), (long long)e->citation->from, (long long)e->citation->to);
        buf_put_byte(log, '\n');
        break;
    case EVENT_PART_END:
        buf_print(log, "%lld.%lld .\n", (long long)e->choice, (long long)e->part);
        break;
    case EVENT_CHOICE_END:
        buf_print(log, "%lld ends %d\n", (long long)e->choice, e->ending);
        break;
    case EVENT_USAGE:
        buf_print(log, "usage %lld %lld\n", (long long)e->usage->input_total, (long long)e->usage->output_total);
        break;
    case EVENT_END:
        buf_print(log, "end\n");
        break;
    case EVENT_ERROR:
        buf_print(log, "error %d %.*s\n", e->fault->kind, SPAN_ARG(e->fault->message));
        break;
    }
    r->translator->write_event(&r->writer, e);
}

void gemini_rig_begin(struct gemini_rig *r, struct span owner) { begin(r, owner); }

void gemini_rig_frame(struct gemini_rig *r, struct span data)
{
    struct sse_event frame = { .data = put_body(r, data) };
    r->translator->read_event(&r->reader, &frame);
    arena_free(&r->event);
    arena_init(&r->event, RIG_MOST);
}

void gemini_rig_stream(struct gemini_rig *r, struct span stream)
{
    struct span line;
    while (span_next(&stream, '\n', &line))
        if (span_starts(line, SPAN("data: ")))
            gemini_rig_frame(r, span_from(line, 6));
    r->translator->read_end(&r->reader);
}

struct span gemini_rig_golden(struct gemini_rig *r, const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "test/unit/dialect/golden/gemini/%s", name);
    FILE *f = fopen(path, "rb");
    char *text = arena_take(&r->arena, 1 << 20);
    size_t len = f && text ? fread(text, 1, (1 << 20) - 1, f) : 0;
    if (f)
        fclose(f);
    if (!len)
        test_fail(__FILE__, __LINE__, "%s cannot be read", path);
    while (len && text[len - 1] == '\n')
        len--;
    return span_make(text, len);
}
