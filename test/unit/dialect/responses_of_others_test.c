/* SPDX-License-Identifier: Apache-2.0
 * responses_of_others_test.c - streams of every vendor, told to a caller who speaks OpenAI's responses. */
#include "dialect/dialect.h"
#include "responses_rig.h"
#include "test/test.h"

static struct responses_rig r;
static const struct dialect *dialect;

static void say(void *self, const struct event *e)
{
    gather_event(&((struct responses_rig *)self)->gather, e);
    responses_write_event(&r.writer, e);
}

static void read_frame(struct sse_event *e)
{
    struct arena_mark mark = arena_mark(&r.event);
    buf_clear(&r.body);
    buf_put(&r.body, e->data);
    buf_reserve(&r.body, 1);
    if (e->data.at)
        e->data = buf_span(&r.body);
    dialect->translator->read_event(&r.reader, e);
    arena_rewind(&r.event, mark);
}

static void hear(struct span stream)
{
    struct frames frames;
    struct sse_event e;
    frames_init(&frames, dialect->framing, 1 << 20);
    r.reader = (struct reader){ .json = r.json, .arena = &r.arena, .event = &r.event, .sink = say, .self = &r, .seed = 3, .owner = span_of(dialect->name) };
    r.writer = (struct writer){ .id = SPAN("tg_1"), .created = 1700000000, .out = &r.out, .arena = &r.arena };
    gather_begin(&r.gather, &r.arena, 1 << 20);
    while (frames_next(&frames, &stream, &e))
        read_frame(&e);
    if (dialect->translator->read_end)
        dialect->translator->read_end(&r.reader);
    gather_end(&r.gather);
    frames_free(&frames);
}

static size_t count_kind(const struct answer *a, enum part_kind kind)
{
    size_t n = 0;
    for (const struct part *p = a->choices ? a->choices->parts : NULL; p; p = p->next)
        n += p->kind == kind;
    return n;
}

TEST(streams_of_all_vendors_are_told_in_order)
{
    static const struct {
        const char *dialect, *file;
    } streams[] = { { "anthropic_messages", "../anthropic_messages/stream_tools.sse" }, { "openai_chat", "../openai_chat/stream_text.txt" },
        { "openai_chat", "../openai_chat/stream_tools.txt" }, { "gemini", "../gemini/stream.sse" }, { "cohere", "../cohere/stream_text.sse" },
        { "cohere", "../cohere/stream_tools.sse" }, { "ollama", "../ollama/stream_all.ndjson" } };
    for (size_t i = 0; i < sizeof(streams) / sizeof(*streams); i++) {
        responses_rig_open(&r);
        dialect = dialect_find(span_of(streams[i].dialect));
        CHECK(dialect && dialect->translator);
        hear(responses_rig_file(&r, streams[i].file));
        struct span told = arena_copy(&r.arena, buf_span(&r.out));
        const char *wrong = responses_order(r.json, told, &r.arena);
        if (wrong || !r.reader.ended || r.reader.broken)
            test_fail(__FILE__, __LINE__, "%s: %s", streams[i].file, wrong ? wrong : "it was not understood");
        /* heard again, it is the same answer */
        struct answer said = r.gather.answer;
        responses_rig_stream(&r, told, 100);
        CHECK(r.reader.ended && count_kind(&said, PART_TOOL_CALL) == count_kind(&r.gather.answer, PART_TOOL_CALL));
        CHECK(count_kind(&said, PART_TEXT) == count_kind(&r.gather.answer, PART_TEXT));
        CHECK_INT(r.gather.answer.usage.output_total, said.usage.output_total);
        responses_rig_close(&r);
    }
}
