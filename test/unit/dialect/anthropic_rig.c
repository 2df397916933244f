/* SPDX-License-Identifier: Apache-2.0
 * anthropic_rig.c - see anthropic_rig.h. */
#include "anthropic_rig.h"

#include <stdio.h>

#include "test/test.h"

enum { RIG_MOST = 64 << 20 };

void anthropic_rig_open(struct anthropic_rig *r, const char *dialect)
{
    const struct dialect *d = dialect_find(span_of(dialect));
    *r = (struct anthropic_rig){ .translator = d->translator, .json = json_new() };
    arena_init(&r->arena, RIG_MOST);
    arena_init(&r->event, RIG_MOST);
    buf_init(&r->body, RIG_MOST);
    buf_init(&r->out, RIG_MOST);
    buf_init(&r->log, RIG_MOST);
    CHECK(r->json && r->translator);
}

void anthropic_rig_close(struct anthropic_rig *r)
{
    json_free(r->json);
    arena_free(&r->arena);
    arena_free(&r->event);
    buf_free(&r->body);
    buf_free(&r->out);
    buf_free(&r->log);
}

void anthropic_rig_clear(struct anthropic_rig *r)
{
    arena_free(&r->arena);
    arena_init(&r->arena, RIG_MOST);
    buf_clear(&r->out);
    buf_clear(&r->log);
}

/* Freshly allocated each time. */
static struct span put_body(struct anthropic_rig *r, struct span text)
{
    buf_free(&r->body);
    buf_init(&r->body, RIG_MOST);
    buf_put(&r->body, text);
    buf_reserve(&r->body, 1);
    return buf_span(&r->body);
}

enum err anthropic_rig_read(struct anthropic_rig *r, struct span body)
{
    r->why = NULL;
    const struct translator *t = dialect_find(SPAN("anthropic_messages"))->translator; /* Bedrock reads none */
    return t->read_call(r->json, put_body(r, body), &r->arena, &r->call, &r->why);
}

struct span anthropic_rig_write(struct anthropic_rig *r)
{
    buf_clear(&r->out);
    r->notes = (struct notes){ .arena = &r->arena, .may_drop = r->notes.may_drop, .may_drop_count = r->notes.may_drop_count };
    r->translator->write_call(&r->call, &r->quirks, &r->notes, &r->arena, &r->out);
    return buf_span(&r->out);
}

static void put_notes(struct buf *out, const char *title, const struct span *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_put(out, i ? SPAN(", ") : span_of(title));
        buf_put(out, list[i]);
    }
}

struct span anthropic_rig_noted(struct anthropic_rig *r)
{
    anthropic_rig_write(r);
    put_notes(&r->out, " unsayable: ", r->notes.unsayable, r->notes.unsayable_count);
    put_notes(&r->out, " dropped: ", r->notes.dropped, r->notes.dropped_count);
    put_notes(&r->out, " adapted: ", r->notes.adapted, r->notes.adapted_count);
    return buf_span(&r->out);
}

struct span anthropic_rig_again(struct anthropic_rig *r, const char *body)
{
    enum err e = anthropic_rig_read(r, span_of(body));
    return e ? span_of(r->why ? r->why : "refused") : anthropic_rig_noted(r);
}

/* --- streams --- */

static void log_event(struct anthropic_rig *r, const struct event *e)
{
    static const char *const kinds[] = { "start", "part", "delta", "part_end", "choice_end", "usage", "end", "error" };
    static const char *const deltas[] = { "text", "arguments", "signature", "citation", "logprobs", "data" };
    buf_print(&r->log, "%s", kinds[e->kind]);
    if (e->kind == EVENT_PART)
        buf_print(&r->log, " %d kind %d%s", (int)e->part, (int)e->opens->kind, e->opens->redacted ? " redacted" : "");
    if (e->kind == EVENT_DELTA)
        buf_print(&r->log, " %d %s %.*s", (int)e->part, deltas[e->delta], SPAN_ARG(e->text));
    if (e->kind == EVENT_CHOICE_END)
        buf_print(&r->log, " %d", (int)e->ending);
    if (e->kind == EVENT_USAGE)
        buf_print(&r->log, " in %lld out %lld", (long long)e->usage->input_total, (long long)e->usage->output_total);
    if (e->kind == EVENT_ERROR)
        buf_print(&r->log, " kind %d status %d %.*s", (int)e->fault->kind, e->fault->status, SPAN_ARG(e->fault->message));
    buf_put_byte(&r->log, '\n');
}

static void take_event(void *self, const struct event *e)
{
    struct anthropic_rig *r = self;
    log_event(r, e);
    gather_event(&r->gather, e);
    dialect_find(SPAN("anthropic_messages"))->translator->write_event(&r->writer, e);
}

void anthropic_rig_begin(struct anthropic_rig *r, struct span owner)
{
    anthropic_rig_clear(r);
    gather_begin(&r->gather, &r->arena, RIG_MOST / 4);
    r->reader = (struct reader){ .json = r->json, .arena = &r->arena, .event = &r->event, .owner = owner, .sink = take_event, .self = r };
    r->writer = (struct writer){ .out = &r->out, .arena = &r->arena, .id = SPAN("tg_1"), .usage_wanted = true };
}

void anthropic_rig_frame(struct anthropic_rig *r, struct span name, struct span data)
{
    struct sse_event e = { .name = name, .data = put_body(r, data) };
    r->translator->read_event(&r->reader, &e);
    arena_free(&r->event);
    arena_init(&r->event, RIG_MOST);
}

void anthropic_rig_stream(struct anthropic_rig *r, struct span stream)
{
    struct span line, name = SPAN_NONE;
    while (span_cut(&stream, '\n', &line)) {
        if (span_starts(line, SPAN("event: ")))
            name = span_from(line, 7);
        if (span_starts(line, SPAN("data: ")))
            anthropic_rig_frame(r, name, span_from(line, 6));
    }
    gather_end(&r->gather);
}

struct span anthropic_rig_golden(struct anthropic_rig *r, const char *name)
{
    char path[300];
    snprintf(path, sizeof(path), "test/unit/dialect/golden/anthropic_messages/%s", name);
    FILE *f = fopen(path, "rb");
    char *text = arena_take(&r->arena, 1 << 20);
    size_t len = f && text ? fread(text, 1, (1 << 20) - 1, f) : 0;
    if (f)
        fclose(f);
    if (!len)
        test_fail(__FILE__, __LINE__, "cannot read %s", path);
    return span_make(text, len && text[len - 1] == '\n' ? len - 1 : len);
}

unsigned anthropic_rig_chance(unsigned *seed, unsigned of)
{
    *seed = *seed * 1103515245u + 12345u;
    return (*seed >> 16 & 0x7fff) % of;
}
