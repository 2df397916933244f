/* SPDX-License-Identifier: Apache-2.0
 * event_test.c - answers as events and back: nothing is lost, pieces are joined as they were cut, and what is kept has a ceiling. */
#include "dialect/event.h"

#include <time.h>

#include "test/test.h"

enum { ARENA_MOST = 256 << 20 };

static struct arena arena;
static struct gather g;

static void begin(size_t most)
{
    arena_init(&arena, ARENA_MOST);
    gather_begin(&g, &arena, most);
}

static void open_part(int64_t choice, int64_t number, const struct part *opens)
{
    gather_event(&g, &(struct event){ .kind = EVENT_PART, .choice = choice, .part = number, .opens = opens, .part_kind = opens->kind });
}

static void delta(int64_t choice, int64_t number, enum delta_kind kind, struct span text)
{
    gather_event(&g, &(struct event){ .kind = EVENT_DELTA, .choice = choice, .part = number, .delta = kind, .text = text });
}

static void end_choice(int64_t choice, enum ending ending)
{
    gather_event(&g, &(struct event){ .kind = EVENT_CHOICE_END, .choice = choice, .ending = ending, .stop = SPAN("\"END\"") });
}

TEST(pieces_are_joined_without_their_quotes)
{
    struct part text = { .kind = PART_TEXT }, call = { .kind = PART_TOOL_CALL, .id = SPAN("\"call_1\""), .name = SPAN("\"look\"") };
    begin(1 << 20);
    open_part(0, 0, &text);
    delta(0, 0, DELTA_TEXT, SPAN("\"a \\\"quoted\\\" \""));
    delta(0, 0, DELTA_TEXT, SPAN("\"\""));
    delta(0, 0, DELTA_TEXT, SPAN("\"word \\ud83d\"")); /* a character may be cut in two */
    delta(0, 0, DELTA_TEXT, SPAN("\"\\ude00\""));
    delta(0, 0, DELTA_LOGPROBS, SPAN("[{\"token\":\"a\"}]"));
    delta(0, 0, DELTA_LOGPROBS, SPAN("[]"));
    delta(0, 0, DELTA_LOGPROBS, SPAN("[{\"token\":\"b\"},{\"token\":\"c\"}]"));
    open_part(0, 1, &call);
    delta(0, 1, DELTA_ARGUMENTS, SPAN("\"{\\\"city\\\":\\\"S\""));
    delta(0, 1, DELTA_ARGUMENTS, SPAN("\"\\u00e3o\\\\n\\\"}\""));
    end_choice(0, ENDING_TOOLS);
    gather_event(&g, &(struct event){ .kind = EVENT_END });
    gather_end(&g);
    struct part *p = g.answer.choices->parts;
    CHECK_SPAN(p->text, SPAN("\"a \\\"quoted\\\" word \\ud83d\\ude00\""));
    CHECK_SPAN(p->logprobs, SPAN("[{\"token\":\"a\"},{\"token\":\"b\"},{\"token\":\"c\"}]"));
    CHECK_SPAN(p->next->arguments, SPAN("{\"city\":\"S\xc3\xa3o\\n\"}"));
    CHECK_SPAN(p->next->raw, SPAN("\"{\\\"city\\\":\\\"S\\u00e3o\\\\n\\\"}\""));
    CHECK_SPAN(p->next->id, SPAN("\"call_1\""));
    CHECK(!p->next->next && !g.full && g.ended && !g.failed && g.answer.choices->ending == ENDING_TOOLS);
    CHECK_SPAN(g.answer.choices->stop, SPAN("\"END\""));
    arena_free(&arena);
}

TEST(parts_of_choices_may_alternate)
{
    struct part text = { .kind = PART_TEXT };
    begin(1 << 20);
    open_part(0, 0, &text);
    open_part(1, 0, &text);
    delta(0, 0, DELTA_TEXT, SPAN("\"one\""));
    delta(1, 0, DELTA_TEXT, SPAN("\"two\""));
    delta(0, 0, DELTA_TEXT, SPAN("\" more\""));
    delta(1, 7, DELTA_TEXT, SPAN("\"of a part that is not there\""));
    gather_end(&g);
    CHECK_SPAN(g.answer.choices->parts->text, SPAN("\"one more\""));
    CHECK_SPAN(g.answer.choices->next->parts->text, SPAN("\"two\""));
    CHECK(!g.ended);
    arena_free(&arena);
}

static enum ending ending_of_arguments(struct span piece, enum ending said)
{
    struct part call = { .kind = PART_TOOL_CALL };
    begin(1 << 20);
    open_part(0, 0, &call);
    delta(0, 0, DELTA_ARGUMENTS, piece);
    end_choice(0, said);
    gather_end(&g);
    enum ending e = g.answer.choices->ending;
    CHECK_SPAN(g.answer.choices->parts->arguments, SPAN("{}"));
    arena_free(&arena);
    return e;
}

TEST(arguments_that_are_no_object)
{
    CHECK(ending_of_arguments(SPAN("\"{\\\"a\\\":\""), ENDING_TOOLS) == ENDING_MALFORMED);
    CHECK(ending_of_arguments(SPAN("\"{\\\"a\\\":\""), ENDING_LENGTH) == ENDING_LENGTH);
    CHECK(ending_of_arguments(SPAN("\"[1]\""), ENDING_TOOLS) == ENDING_MALFORMED);
    CHECK(ending_of_arguments(SPAN("\"\""), ENDING_TOOLS) == ENDING_TOOLS);
    CHECK(ending_of_arguments(SPAN("\" {} \""), ENDING_TOOLS) == ENDING_TOOLS);
}

TEST(what_is_gathered_has_a_ceiling)
{
    struct part text = { .kind = PART_TEXT };
    begin(4096);
    open_part(0, 0, &text);
    for (int i = 0; i < 10000; i++)
        delta(0, 0, DELTA_TEXT, SPAN("\"0123456789\""));
    end_choice(0, ENDING_TURN);
    gather_end(&g);
    CHECK(g.full && g.bytes <= 4096 && g.answer.choices->parts->text.len <= 4096 && arena.taken < 65536);
    CHECK(g.answer.choices->ending == ENDING_TURN);
    arena_free(&arena);
}

TEST(many_small_pieces_cost_no_more_than_their_bytes)
{
    enum { PIECES = 2000000 };
    struct part text = { .kind = PART_TEXT };
    struct timespec from, to;
    begin(64 << 20);
    open_part(0, 0, &text);
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int i = 0; i < PIECES; i++)
        delta(0, 0, DELTA_TEXT, SPAN("\"abcd\""));
    gather_end(&g);
    clock_gettime(CLOCK_MONOTONIC, &to);
    CHECK_INT(g.answer.choices->parts->text.len, 4 * PIECES + 2);
    CHECK(arena.taken < 6 * 4 * (size_t)PIECES);
    CHECK(to.tv_sec - from.tv_sec < 5); /* copied anew with each piece, it would be hours */
    arena_free(&arena);
}

/* ---- there and back ---- */

static struct part *add(struct choice *c, enum part_kind kind) { return part_add(&c->parts, kind, &arena); }

static void fill_first(struct choice *c)
{
    static struct citation second = { .url = { "\"https://b\"", 11 }, .from = -1, .to = -1 };
    static struct citation first = { .url = { "\"https://a\"", 11 }, .title = { "\"A\"", 3 }, .from = 2, .to = 9, .next = &second };
    struct part *p = add(c, PART_THINKING);
    p->text = SPAN("\"hm\\n\"");
    p->signature = SPAN("\"c2ln\"");
    p = add(c, PART_THINKING);
    p->redacted = true;
    p->text = SPAN("\"\"");
    p->signature = SPAN("\"aGlkZGVu\"");
    p = add(c, PART_TEXT);
    p->text = SPAN("\"see \\\"A\\\"\"");
    p->logprobs = SPAN("[{\"token\":\"see\"}]");
    p->citations = &first;
    p = add(c, PART_TOOL_CALL);
    p->id = SPAN("\"call_1\"");
    p->name = SPAN("\"look\"");
    p->arguments = SPAN("{\"at\":\"x\\\"y\"}");
    p->signature = SPAN("\"tg.gemini.abc\"");
    c->ending = ENDING_TOOLS;
}

static void fill_second(struct choice *c)
{
    struct part *p = add(c, PART_REFUSAL);
    p->text = SPAN("\"no\"");
    p = add(c, PART_AUDIO);
    p->text = SPAN("\"spoken\"");
    p->id = SPAN("\"audio_1\"");
    p->media.type = SPAN("audio/wav");
    p->media.data = SPAN("UklGRg==");
    p = add(c, PART_SERVER_TOOL);
    p->name = SPAN("\"web_search_call\"");
    p->raw = SPAN("{\"type\":\"web_search_call\"}");
    c->ending = ENDING_STOP;
    c->stop = SPAN("\"###\"");
}

static void check_part(const struct part *a, const struct part *b)
{
    CHECK(a->kind == b->kind && a->redacted == b->redacted);
    const struct span from[] = { a->text, a->signature, a->id, a->name, a->arguments, a->logprobs, a->media.type, a->media.data };
    const struct span to[] = { b->text, b->signature, b->id, b->name, b->arguments, b->logprobs, b->media.type, b->media.data };
    for (size_t i = 0; i < sizeof(from) / sizeof(*from); i++)
        CHECK_SPAN(to[i], from[i]);
    const struct citation *d = b->citations;
    for (const struct citation *c = a->citations; c; c = c->next, d = d ? d->next : NULL) {
        CHECK(d && d->from == c->from && d->to == c->to);
        CHECK(d && span_is(d->url, c->url) && span_is(d->title, c->title));
    }
    CHECK(!d);
}

TEST(an_answer_as_events_is_the_same_answer)
{
    struct answer a;
    begin(1 << 20);
    answer_begin(&a);
    a.id = SPAN("\"id_1\"");
    a.model = SPAN("\"m\"");
    a.created = 1234;
    a.tier = SPAN("flex");
    a.usage.known = true;
    a.usage.tokens[METER_OUT] = 7;
    fill_first(answer_choice(&a, 0, &arena));
    fill_second(answer_choice(&a, 1, &arena));
    answer_emit(&a, gather_event, &g);
    gather_end(&g);
    CHECK(g.ended && !g.full && g.answer.created == 1234 && g.answer.usage.known && g.answer.usage.tokens[METER_OUT] == 7);
    CHECK_SPAN(g.answer.id, a.id);
    CHECK_SPAN(g.answer.model, a.model);
    CHECK_SPAN(g.answer.tier, a.tier);
    const struct choice *d = g.answer.choices;
    for (const struct choice *c = a.choices; c && d; c = c->next, d = d->next) {
        const struct part *q = d->parts;
        for (const struct part *p = c->parts; p && q; p = p->next, q = q->next) {
            check_part(p, q);
            CHECK(!p->next == !q->next);
        }
        CHECK(c->index == d->index && c->ending == d->ending && !c->next == !d->next);
        CHECK_SPAN(d->stop, c->stop);
    }
    arena_free(&arena);
}

struct order {
    int step;
    int64_t part;
    bool wrong;
};

static void see(void *self, const struct event *e)
{
    struct order *o = self;
    static const enum event_kind want[] = { EVENT_START, EVENT_PART, EVENT_DELTA, EVENT_PART_END, EVENT_PART, EVENT_PART_END, EVENT_CHOICE_END, EVENT_END };
    if (o->step >= 8 || e->kind != want[o->step] || (o->step < 6 && e->part != (o->step > 3)))
        o->wrong = true;
    if (e->kind == EVENT_PART && (e->opens->text.at || e->part_kind != PART_TEXT))
        o->wrong = true;
    o->step++;
}

TEST(events_come_in_order)
{
    struct answer a;
    struct order o = { 0 };
    begin(1 << 20);
    answer_begin(&a);
    struct choice *c = answer_choice(&a, 0, &arena);
    add(c, PART_TEXT)->text = SPAN("\"some\"");
    add(c, PART_TEXT)->text = SPAN("\"\""); /* nothing to tell of it */
    answer_emit(&a, see, &o);
    CHECK(!o.wrong && o.step == 8);
    arena_free(&arena);
}
