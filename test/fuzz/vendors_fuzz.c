/* SPDX-License-Identifier: Apache-2.0
 * vendors_fuzz.c - any bytes as an answer, a stream and an error of a dialect that only vendors speak. The first byte picks the dialect.
 *
 * Events keep their order, whatever comes: one start, one part open at a time, one end, nothing behind it. A request that is taken is taken
 * again after an edit, with the limit that was set. */
#include "base/must.h"
#include "dialect/dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 1 << 24 };

struct watch {
    int64_t parts;
    bool started, open, choice_over, over;
};

static void check_json(struct span raw)
{
    must(!raw.at || raw_kind(raw) == JSON_STRING || raw_kind(raw) == JSON_ARRAY);
}

static void watch_event(void *self, const struct event *e)
{
    struct watch *w = self;
    must(!w->over);
    must(e->kind == EVENT_START || w->started || e->kind == EVENT_ERROR);
    switch (e->kind) {
    case EVENT_START:
        must(!w->started);
        w->started = true;
        break;
    case EVENT_PART:
        must(!w->open && !w->choice_over && e->part == w->parts++ && e->opens);
        w->open = true;
        break;
    case EVENT_DELTA:
        must(w->open && e->part == w->parts - 1);
        check_json(e->text);
        break;
    case EVENT_PART_END:
        must(w->open && e->part == w->parts - 1);
        w->open = false;
        break;
    case EVENT_CHOICE_END:
        must(!w->open && !w->choice_over);
        w->choice_over = true;
        break;
    case EVENT_USAGE:
        for (int i = 0; i < METER_COUNT; i++)
            must(e->usage->known && e->usage->tokens[i] >= 0);
        break;
    case EVENT_END:
        must(w->choice_over);
        w->over = true;
        break;
    case EVENT_ERROR:
        must(e->fault && e->fault->message.at && e->fault->status >= 400);
        w->over = true;
        break;
    }
}

/* A copy of its own, with slack: so that ASan sees a look beyond. */
static struct span copied(struct buf *b, struct span s)
{
    buf_free(b);
    buf_init(b, MOST);
    buf_put(b, s);
    buf_reserve(b, 1);
    return buf_span(b);
}

static void play_frame(const struct dialect *d, struct reader *r, struct stream_meter *m, struct sse_event e)
{
    struct buf data;
    bool hide;
    buf_init(&data, MOST);
    if (e.data.at)
        e.data = copied(&data, e.data);
    if (!r->broken)
        d->translator->read_event(r, &e);
    if (e.data.at)
        d->tap_event(r->json, &e, false, m, &hide);
    buf_free(&data);
    arena_free(r->event);
    arena_init(r->event, MOST);
}

/* Lines; of Amazon's frames each is a name, a blank and the payload. */
static void play_stream(const struct dialect *d, struct json *j, struct span in, struct arena *a)
{
    struct arena event;
    struct watch w = { 0 };
    struct stream_meter m = { 0 };
    struct span line, name;
    arena_init(&event, MOST);
    struct reader r = { .json = j, .arena = a, .event = &event, .owner = span_of(d->name), .sink = watch_event, .self = &w };
    while (span_next(&in, '\n', &line)) {
        name = SPAN_NONE;
        if (d->framing == FRAMING_AWS && !span_cut(&line, ' ', &name))
            continue;
        play_frame(d, &r, &m, (struct sse_event){ .name = name, .data = line });
    }
    for (int i = 0; i < METER_COUNT; i++)
        must(m.usage.tokens[i] >= 0);
    arena_free(&event);
}

static void play_answer(const struct dialect *d, struct json *j, struct span body, struct arena *a)
{
    struct answer answer;
    struct watch w = { 0 };
    struct fault f;
    struct ask ask;
    const char *why;
    struct reader r = { .json = j, .arena = a, .owner = span_of(d->name) };
    if (d->translator->read_answer(&r, body, &answer) == E_OK)
        answer_emit(&answer, watch_event, &w);
    d->translator->read_fault(j, 400, body, a, &f);
    must(f.message.at);
    if (d->read_ask(j, body, a, &ask, &why) != E_OK)
        return;
    struct ask_edit edit = { .output_limit = 77 };
    struct buf out;
    buf_init(&out, MOST);
    d->edit_ask(j, body, &edit, &out);
    must(!out.broken);
    struct buf again;
    buf_init(&again, MOST);
    must(d->read_ask(j, copied(&again, buf_span(&out)), a, &ask, &why) == E_OK && ask.output_limit == 77);
    buf_free(&again);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "bedrock_converse", "cohere", "ollama" };
    static struct json *j;
    struct arena a;
    struct buf body;
    if (size == 0)
        return 0;
    if (!j)
        j = json_new();
    const struct dialect *d = dialect_find(span_of(names[data[0] % 3]));
    struct span in = span_make((const char *)data + 1, size - 1);
    arena_init(&a, MOST);
    buf_init(&body, MOST);
    play_answer(d, j, copied(&body, in), &a);
    play_stream(d, j, buf_span(&body), &a);
    buf_free(&body);
    arena_free(&a);
    return 0;
}
