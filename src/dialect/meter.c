/* SPDX-License-Identifier: Apache-2.0
 * meter.c - what the neutral events of a stream say of usage, kept beyond the event. */
#include "dialect/answer.h"

#include "base/raw.h"

/* A token of a vocabulary nobody published is hardly less than three bytes. */
enum { BYTES_A_TOKEN = 3, DELTA_MEMORY = 1 << 20 };

void meter_start(struct stream_meter *m) { answer_start(m); }

void meter_model(struct stream_meter *m, struct span model)
{
    struct usage u = m->usage;
    if (model.len)
        u.model = model;
    answer_keep(m, &u);
}

/* A usage that does not name its model is of the one that was named before. */
void meter_usage(struct stream_meter *m, const struct usage *usage)
{
    struct usage u = *usage;
    if (!u.model.len)
        u.model = m->usage.model;
    answer_keep(m, &u);
}

static int64_t count_delta(enum vocabulary v, struct span raw)
{
    struct arena memory;
    struct span inside = raw_inside(raw), plain = inside.at ? inside : raw;
    if (!inside.at || span_find_byte(inside, '\\') < 0)
        return tokens_count(v, plain);
    arena_init(&memory, DELTA_MEMORY);
    plain = raw_text(raw, &memory);
    int64_t count = tokens_count(v, plain.at ? plain : inside);
    arena_free(&memory);
    return count;
}

void meter_output(struct stream_meter *m, struct span raw)
{
    size_t bytes = raw.len && raw.at[0] == '"' ? raw.len - 2 : raw.len;
    if (!bytes)
        return;
    m->output_bytes += (int64_t)bytes;
    m->output_tokens += m->vocabulary != VOCABULARY_NONE ? count_delta(m->vocabulary, raw) : ((int64_t)bytes + BYTES_A_TOKEN - 1) / BYTES_A_TOKEN;
}
