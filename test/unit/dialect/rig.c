/* SPDX-License-Identifier: Apache-2.0
 * rig.c - see rig.h. Streams are cut at blank lines here, so that these tests need no other part. */
#include "rig.h"

#include "test/test.h"

enum { RIG_MOST = 64 << 20 };

void dialect_rig_open(struct rig *r, const char *dialect)
{
    *r = (struct rig){ .dialect = dialect_find(span_of(dialect)), .json = json_new() };
    arena_init(&r->arena, RIG_MOST);
    buf_init(&r->body, RIG_MOST);
    buf_init(&r->shown, RIG_MOST);
    CHECK(r->dialect && r->json);
}

void dialect_rig_close(struct rig *r)
{
    json_free(r->json);
    arena_free(&r->arena);
    buf_free(&r->body);
    buf_free(&r->shown);
}

static struct span put_body(struct rig *r, struct span body)
{
    buf_free(&r->body);
    buf_init(&r->body, RIG_MOST);
    buf_put(&r->body, body);
    buf_reserve(&r->body, 1);
    return buf_span(&r->body);
}

enum err dialect_rig_ask_span(struct rig *r, struct span body)
{
    r->why = NULL;
    return r->dialect->read_ask(r->json, put_body(r, body), &r->arena, &r->ask, &r->why);
}

enum err dialect_rig_ask(struct rig *r, const char *body) { return dialect_rig_ask_span(r, span_of(body)); }

void dialect_rig_usage(struct rig *r, const char *body) { r->dialect->read_usage(r->json, put_body(r, span_of(body)), &r->arena, &r->usage); }

static void feed(struct rig *r, struct span raw, bool usage_wanted)
{
    struct sse_event e = { .raw = raw, .name = SPAN_NONE, .data = SPAN_NONE };
    struct span rest = raw, line;
    bool hide = true;
    while (span_cut(&rest, '\n', &line)) {
        if (span_starts(line, SPAN("data: ")))
            e.data = span_from(line, 6);
        else if (span_starts(line, SPAN("event: ")))
            e.name = span_from(line, 7);
    }
    struct buf data; /* of exactly its size: an event has no slack */
    buf_init(&data, RIG_MOST);
    buf_put(&data, e.data);
    if (e.data.at)
        e.data = buf_span(&data);
    r->dialect->tap_event(r->json, &e, usage_wanted, &r->meter, &hide);
    if (!hide)
        buf_put(&r->shown, raw);
    buf_free(&data);
}

void dialect_rig_stream(struct rig *r, struct span stream, bool usage_wanted)
{
    ptrdiff_t end;
    r->meter = (struct stream_meter){ 0 };
    buf_clear(&r->shown);
    while ((end = span_find(stream, SPAN("\n\n"))) >= 0) {
        feed(r, span_first(stream, (size_t)end + 2), usage_wanted);
        stream = span_from(stream, (size_t)end + 2);
    }
}

struct span dialect_rig_meters(const struct usage *u, char *room, size_t size)
{
    static const char *const names[] = {
#define NAME(id, text) text,
        METER_ROWS(NAME)
#undef NAME
    };
    size_t at = 0;
    for (int m = 0; m < METER_COUNT && at < size; m++)
        if (u->tokens[m])
            at += (size_t)snprintf(room + at, size - at, "%s%s=%lld", at ? " " : "", names[m], (long long)u->tokens[m]);
    return span_make(room, at < size ? at : size);
}
