/* SPDX-License-Identifier: Apache-2.0
 * bound.c - see bound.h. */
#include "dialect/bound.h"

#include "base/arena.h"
#include "base/raw.h"

struct saving {
    enum vocabulary vocabulary;
    struct arena memory;
    int64_t saved;
};

static void save_text(struct saving *s, struct span raw)
{
    struct arena_mark mark = arena_mark(&s->memory);
    struct span plain = raw_text(raw, &s->memory);
    int64_t gain = (int64_t)raw.len - BOUND_BESIDE;
    if (plain.at && gain > 0)
        gain -= tokens_count_to(s->vocabulary, plain, gain);
    if (plain.at && gain > 0)
        s->saved += gain;
    arena_rewind(&s->memory, mark);
}

/* A text, or a list of texts and of objects that have one. */
static void save_content(struct saving *s, struct span content)
{
    struct span name, part;
    save_text(s, content);
    if (raw_kind(content) != JSON_ARRAY)
        return;
    for (struct raw_iter it = raw_iter(content, &s->memory); raw_next(&it, &name, &part);)
        save_text(s, raw_kind(part) == JSON_OBJECT ? raw_member(part, SPAN("text"), &s->memory) : part);
}

/* Messages of chat, items of responses, inputs of embeddings. */
static void save_items(struct saving *s, struct span list)
{
    struct span name, item, member;
    for (struct raw_iter it = raw_iter(list, &s->memory); raw_next(&it, &name, &item);) {
        save_text(s, item);
        if (raw_kind(item) != JSON_OBJECT)
            continue;
        for (struct raw_iter of = raw_iter(item, &s->memory); raw_next(&of, &name, &member);)
            if (span_is(name, SPAN("content")) || span_is(name, SPAN("output")))
                save_content(s, member);
    }
}

int64_t bound_saved(struct span body, enum vocabulary v)
{
    struct saving s = { .vocabulary = v };
    struct span name, member;
    if (v == VOCABULARY_NONE || body.len > BOUND_BODY_MOST)
        return 0;
    arena_init(&s.memory, 2 * body.len + BOUND_BODY_MOST);
    for (struct raw_iter it = raw_iter(body, &s.memory); raw_next(&it, &name, &member);) {
        bool items = span_is(name, SPAN("messages")) || span_is(name, SPAN("input"));
        if (raw_kind(member) == JSON_ARRAY && items)
            save_items(&s, member);
        else if (items || span_is(name, SPAN("instructions")) || span_is(name, SPAN("prompt")))
            save_content(&s, member);
    }
    int64_t saved = s.memory.broken ? 0 : s.saved;
    arena_free(&s.memory);
    return saved;
}
