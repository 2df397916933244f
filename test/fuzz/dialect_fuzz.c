/* SPDX-License-Identifier: Apache-2.0
 * dialect_fuzz.c - any bytes as a request, an answer and an event of each dialect. The first byte picks the dialect.
 *
 * A request that is taken must have a bound above zero, and must be taken again after an edit, with the model and (but for embeddings, which
 * have none) the limit that was set. */
#include <stdlib.h>

#include "base/must.h"
#include "dialect/dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void play_edit(const struct dialect *d, struct json *j, struct span body, struct arena *a)
{
    struct ask_edit edit = { .model = SPAN("another/model"), .output_limit = 77, .include_usage = true, .old_limit_name = body.len % 2 == 0 };
    struct buf out;
    struct ask again;
    const char *why;
    buf_init(&out, 1 << 24);
    d->edit_ask(j, body, &edit, &out);
    must(!out.broken);
    must(d->read_ask(j, buf_span(&out), a, &again, &why) == E_OK);
    must(span_is(again.model, SPAN("another/model")));
    must(again.output_limit == (d->translator ? 77 : 0));
    buf_free(&out);
}

static void play_event(const struct dialect *d, struct json *j, struct span data)
{
    struct stream_meter m = { 0 };
    struct sse_event e = { .raw = data, .name = SPAN_NONE };
    bool hide;
    while (span_next(&data, '\n', &e.data))
        d->tap_event(j, &e, false, &m, &hide);
    for (int i = 0; i < METER_COUNT; i++)
        must(m.usage.tokens[i] >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "openai_chat", "openai_responses", "openai_embeddings", "anthropic_messages" };
    static struct json *j;
    struct arena a;
    struct buf body;
    struct ask ask;
    struct usage u;
    const char *why;
    if (size == 0)
        return 0;
    if (!j)
        j = json_new();
    const struct dialect *d = dialect_find(span_of(names[data[0] % 4]));
    arena_init(&a, 1 << 24);
    buf_init(&body, 1 << 24);
    buf_put(&body, span_make((const char *)data + 1, size - 1));
    if (d->read_ask(j, buf_span(&body), &a, &ask, &why) == E_OK) {
        must(ask.input_most > 0 && ask.choices >= 1 && ask.output_limit >= -1);
        if (d->edit_ask && ask.model.at) /* where the path names it, the body need not: then there is nothing to rename */
            play_edit(d, j, buf_span(&body), &a);
    }
    d->read_usage(j, buf_span(&body), &a, &u);
    for (int i = 0; i < METER_COUNT; i++)
        must(u.tokens[i] >= 0);
    if (d->tap_event)
        play_event(d, j, buf_span(&body));
    buf_free(&body);
    arena_free(&a);
    return 0;
}
