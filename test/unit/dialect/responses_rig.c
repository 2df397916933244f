/* SPDX-License-Identifier: Apache-2.0
 * responses_rig.c - see responses_rig.h. */
#include "responses_rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "test/test.h"

enum { RIG_MOST = 64 << 20 };

void responses_rig_open(struct responses_rig *r)
{
    *r = (struct responses_rig){ .json = json_new() };
    arena_init(&r->arena, RIG_MOST);
    arena_init(&r->event, RIG_MOST);
    buf_init(&r->body, RIG_MOST);
    buf_init(&r->out, RIG_MOST);
    CHECK(r->json);
}

void responses_rig_close(struct responses_rig *r)
{
    json_free(r->json);
    arena_free(&r->arena);
    arena_free(&r->event);
    buf_free(&r->body);
    buf_free(&r->out);
}

/* Freshly allocated each time. */
static struct span put_body(struct responses_rig *r, struct span text)
{
    buf_free(&r->body);
    buf_init(&r->body, RIG_MOST);
    buf_put(&r->body, text);
    buf_reserve(&r->body, 1);
    return buf_span(&r->body);
}

/* Calls and answers point into what they were read from. */
static struct span keep_padded(struct responses_rig *r, struct span text)
{
    char *at = arena_take(&r->arena, text.len + BUF_SLACK);
    if (at && text.len)
        memcpy(at, text.at, text.len);
    return span_make(at, at ? text.len : 0);
}

enum err responses_rig_read(struct responses_rig *r, struct span body)
{
    r->why = NULL;
    return responses_read_call(r->json, keep_padded(r, body), &r->arena, &r->call, &r->why);
}

static void put_notes(struct buf *out, const char *title, const struct span *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        buf_put(out, i ? SPAN(", ") : span_of(title));
        buf_put(out, list[i]);
    }
}

struct span responses_rig_write(struct responses_rig *r)
{
    buf_clear(&r->out);
    r->notes = (struct notes){ .arena = &r->arena, .may_drop = r->notes.may_drop, .may_drop_count = r->notes.may_drop_count };
    responses_write_call(&r->call, &r->quirks, &r->notes, &r->arena, &r->out);
    put_notes(&r->out, " unsayable: ", r->notes.unsayable, r->notes.unsayable_count);
    put_notes(&r->out, " dropped: ", r->notes.dropped, r->notes.dropped_count);
    put_notes(&r->out, " adapted: ", r->notes.adapted, r->notes.adapted_count);
    return buf_span(&r->out);
}

struct span responses_rig_again(struct responses_rig *r, const char *body)
{
    enum err e = responses_rig_read(r, span_of(body));
    return e ? span_of(r->why ? r->why : "refused") : responses_rig_write(r);
}

/* --- answers --- */

static void set_reader(struct responses_rig *r)
{
    r->reader = (struct reader){ .json = r->json, .arena = &r->arena, .event = &r->event, .seed = 7 };
}

static void set_writer(struct responses_rig *r)
{
    buf_clear(&r->out);
    r->writer = (struct writer){ .call = r->asked ? &r->call : NULL, .id = SPAN("tg_1"), .created = 1700000000, .out = &r->out, .arena = &r->arena };
}

enum err responses_rig_read_answer(struct responses_rig *r, struct span body)
{
    set_reader(r);
    return responses_read_answer(&r->reader, keep_padded(r, body), &r->answer);
}

struct span responses_rig_write_answer(struct responses_rig *r, const struct answer *answer)
{
    set_writer(r);
    responses_write_answer(&r->writer, answer);
    return buf_span(&r->out);
}

/* --- streams --- */

static void say(void *self, const struct event *e)
{
    struct responses_rig *r = self;
    gather_event(&r->gather, e);
    responses_write_event(&r->writer, e);
    if (e->kind != EVENT_ERROR)
        return;
    r->fault = *e->fault;
    r->fault.message = arena_copy(&r->arena, e->fault->message);
    r->fault.code = arena_copy(&r->arena, e->fault->code);
}

struct span responses_rig_events(struct responses_rig *r, const struct answer *answer)
{
    set_writer(r);
    gather_begin(&r->gather, &r->arena, RIG_MOST / 4);
    answer_emit(answer, say, r);
    gather_end(&r->gather);
    return buf_span(&r->out);
}

void responses_rig_stream(struct responses_rig *r, struct span stream, size_t step)
{
    struct sse sse;
    struct sse_event e;
    sse_init(&sse, RIG_MOST);
    set_reader(r);
    set_writer(r);
    r->reader.sink = say;
    r->reader.self = r;
    gather_begin(&r->gather, &r->arena, RIG_MOST / 4);
    while (stream.len) {
        struct span piece = span_first(stream, step);
        stream = span_from(stream, step);
        while (sse_next(&sse, &piece, &e)) {
            struct arena_mark mark = arena_mark(&r->event);
            if (e.data.at)
                e.data = put_body(r, e.data);
            responses_read_event(&r->reader, &e);
            arena_rewind(&r->event, mark);
        }
    }
    gather_end(&r->gather);
    sse_free(&sse);
}

/* --- files --- */

static struct span path_of(struct responses_rig *r, const char *name)
{
    return arena_print(&r->arena, "test/unit/dialect/golden/openai_responses/%s", name);
}

struct span responses_rig_file(struct responses_rig *r, const char *name)
{
    struct buf all;
    char piece[4096];
    size_t n;
    FILE *f = fopen(path_of(r, name).at, "re");
    buf_init(&all, RIG_MOST);
    while (f && (n = fread(piece, 1, sizeof(piece), f)) > 0)
        buf_put(&all, span_make(piece, n));
    if (f)
        fclose(f);
    else
        test_fail(__FILE__, __LINE__, "no file %s", name);
    struct span kept = keep_padded(r, buf_span(&all));
    buf_free(&all);
    return kept;
}

static void write_file(struct responses_rig *r, const char *name, struct span text)
{
    FILE *f = fopen(path_of(r, name).at, "we");
    CHECK(f && fwrite(text.at, 1, text.len, f) == text.len && fputc('\n', f) == '\n' && fclose(f) == 0);
}

void responses_rig_golden(struct responses_rig *r, const char *name, struct span got)
{
    const char *write = getenv("GOLDEN");
    if (write && strcmp(write, "write") == 0) {
        write_file(r, name, got);
        return;
    }
    struct span want = responses_rig_file(r, name);
    want = span_first(want, want.len ? want.len - 1 : 0); /* the line's end */
    size_t at = 0;
    while (at < want.len && at < got.len && want.at[at] == got.at[at])
        at++;
    if (!span_is(got, want))
        test_fail(__FILE__, __LINE__, "%s differs at %zu: got \"%.*s\", want \"%.*s\"", name, at, SPAN_ARG(span_first(span_from(got, at), 120)),
            SPAN_ARG(span_first(span_from(want, at), 120)));
}
