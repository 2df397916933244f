/* SPDX-License-Identifier: Apache-2.0
 * pieces.c - see pieces.h. */
#include "dialect/pieces.h"

#include "base/money.h"

void pieces_begin(const struct ask_found *found, int64_t input_most, struct ask *out)
{
    ask_begin(SPAN(""), found, out);
    out->pieces = true;
    out->input_most = money_add(input_most, ASK_OVERHEAD);
    out->output_limit = 0;
    out->output_extra = 0;
}

struct span pieces_size(const struct ask_found *found, struct arena *a)
{
    if (found->size.len)
        return found->size;
    if (found->width <= 0 || found->height <= 0)
        return SPAN_NONE;
    return arena_print(a, "%lldx%lld", (long long)found->width, (long long)found->height);
}

int64_t pieces_characters(struct span text)
{
    int64_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.at[i] & 0xc0) != 0x80;
    return count;
}

int64_t pieces_seconds(struct span raw)
{
    int64_t nano;
    if (!raw.at || !member_nano(raw, &nano))
        return -1;
    return nano / NANO_PER_USD + (nano % NANO_PER_USD > 0);
}

void pieces_add(struct usage *sum, const struct usage *u)
{
    sum->known = sum->known || u->known;
    for (int m = 0; m < METER_COUNT; m++)
        sum->tokens[m] = money_add(sum->tokens[m], u->tokens[m]);
    for (int fee = 0; fee < FEE_COUNT; fee++)
        sum->fees[fee] = money_add(sum->fees[fee], u->fees[fee]);
    sum->input_total = money_add(sum->input_total, u->input_total);
    sum->output_total = money_add(sum->output_total, u->output_total);
    sum->size = u->size;
    sum->quality = u->quality;
    sum->raw = u->raw;
}

void pieces_read_last(struct json *j, struct span data, struct arena *a, struct stream_meter *m, struct span last_type,
    void (*read)(struct json *j, struct span usage, struct usage *u))
{
    struct member f[] = { { .name = SPAN("type") }, { .name = SPAN("usage") }, { .name = SPAN("error") } };
    struct usage u;
    if (!member_find(j, data, f, 3, NULL))
        return;
    struct span type = answer_text(f[0].raw, a);
    if (span_is(type, SPAN("error")) || f[2].kind == JSON_OBJECT)
        m->failed = true;
    if (!span_is(type, last_type))
        return;
    answer_clear(&u);
    if (f[1].kind == JSON_OBJECT)
        read(j, f[1].raw, &u);
    answer_keep(m, &u);
    m->finished = true;
}

void pieces_tap_event(struct json *j, const struct sse_event *event, struct stream_meter *m, bool *hide, struct span mention, answer_read *read)
{
    *hide = false;
    answer_start(m);
    if (!event->data.at)
        return;
    if (span_is(span_trim(event->data), SPAN("[DONE]")))
        m->finished = true;
    else if (answer_mentions(event->data, mention) || answer_mentions(event->data, SPAN("\"error\"")))
        answer_event(j, event->data, m, read, NULL);
}

void pieces_write_error_event(struct buf *out, struct span code, struct span message)
{
    buf_put(out, SPAN("data: "));
    answer_write_error(out, code, message);
    buf_put(out, SPAN("\n\n"));
}

void pieces_edit_ask(struct json *j, struct span body, const struct ask_edit *edit, struct buf *out)
{
    ask_edit_limit(j, body, SPAN_NONE, edit, out);
}
