/* SPDX-License-Identifier: Apache-2.0
 * translate_fuzz.c - any bytes as a call, an answer, a stream and an error of one dialect, said again in another. The first byte picks what
 * it is, the second and the third the dialects.
 *
 * What is written of what was read must be JSON, however strange it was. (Whether a call may be sent at all is for the notes to say.) What
 * may be sent is read again: each tool result still belongs to the same call, and nobody's words are lost. Events keep their order, those
 * that are read as those that are written; a stream that was cut anywhere never ends. */
#include <stdlib.h>

#include "base/must.h"
#include "dialect/dialect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 1 << 24, CHOICES = 16 };

/* What a stream said so far. */
struct watch {
    struct {
        int64_t parts;
        bool open, over;
    } choices[CHOICES];
    bool started, over, ended;
    struct gather gather;
};

struct game {
    struct json *json;
    struct arena arena, event;
    struct buf body, out;
    const struct dialect *from, *to;
    struct writer writer;
    struct watch watch, again;
    bool writes;
};

static bool ignore(void *self, struct span name, enum json_kind kind, struct span raw)
{
    (void)self, (void)name, (void)kind, (void)raw;
    return true;
}

static bool is_json(struct game *g, struct span text)
{
    const char *why;
    return json_scan(g->json, text, false, ignore, NULL, &why) == E_OK;
}

static bool is_spent(const struct game *g) { return g->out.broken || g->arena.broken || g->event.broken; }

/* ---- calls ---- */

/* Texts of a role, without blanks and breaks: writers put them between what they join. */
static void put_texts(const struct call *c, bool assistant, bool system, struct buf *out)
{
    for (const struct turn *t = c->turns; t; t = t->next) {
        bool is_system = t->role == ROLE_SYSTEM || t->role == ROLE_DEVELOPER;
        if (is_system != system || (!system && (t->role == ROLE_ASSISTANT) != assistant))
            continue;
        for (const struct part *p = t->parts; p; p = p->next) {
            struct span text = p->kind == PART_TEXT ? raw_inside(p->text) : SPAN_NONE;
            for (size_t i = 0; i < text.len; i++) {
                bool escape = text.at[i] == '\\' && i + 1 < text.len, blank = escape ? memchr("nrtf", text.at[i + 1], 4) != NULL : text.at[i] == ' ';
                if (!blank)
                    buf_put(out, span_make(text.at + i, escape ? 2 : 1));
                i += escape;
            }
        }
    }
}

static size_t call_number(const struct call *c, struct span id)
{
    size_t n = 0;
    for (const struct turn *t = c->turns; t; t = t->next)
        for (const struct part *p = t->parts; p; p = p->next)
            if (p->kind == PART_TOOL_CALL && ++n && span_is(p->id, id))
                return n;
    return 0;
}

/* Of each result, the number of its call. */
static void put_matches(const struct call *c, struct buf *out)
{
    for (const struct turn *t = c->turns; t; t = t->next)
        for (const struct part *p = t->parts; p; p = p->next)
            if (p->kind == PART_TOOL_RESULT)
                buf_print(out, "%zu ", call_number(c, p->id));
}

/* Only what has words and calls alone: pictures, documents and others' thoughts are told in many ways. */
static bool is_plain(const struct call *c)
{
    for (const struct turn *t = c->turns; t; t = t->next)
        for (const struct part *p = t->parts; p; p = p->next)
            if ((p->kind != PART_TEXT && p->kind != PART_TOOL_CALL && p->kind != PART_TOOL_RESULT) || p->signature.at)
                return false;
    return true;
}

/* Results that follow their calls at once, each call once: what agents send. Other orders are put right by some. */
static bool is_orderly(const struct call *c)
{
    for (const struct turn *t = c->turns; t; t = t->next)
        for (const struct part *p = t->parts; p; p = p->next) {
            if ((p->kind == PART_TOOL_CALL && t->role != ROLE_ASSISTANT) || (p->kind == PART_TOOL_RESULT && t->role != ROLE_USER))
                return false;
            for (const struct part *q = p->next; q && p->kind == PART_TOOL_CALL; q = q->next)
                if (q->kind == PART_TOOL_CALL && span_is(p->id, q->id))
                    return false;
        }
    return true;
}

static void compare(const struct call *c, const struct call *again)
{
    struct buf a, b;
    buf_init(&a, MOST);
    buf_init(&b, MOST);
    for (int i = 0; i < 3; i++) {
        put_texts(c, i == 1, i == 2, &a);
        put_texts(again, i == 1, i == 2, &b);
        buf_put(&a, SPAN("|"));
        buf_put(&b, SPAN("|"));
    }
    if (is_orderly(c)) {
        put_matches(c, &a);
        put_matches(again, &b);
    }
    must(span_is(buf_span(&a), buf_span(&b)));
    buf_free(&a);
    buf_free(&b);
}

static void play_call(struct game *g)
{
    struct call c, again;
    struct quirks q = { .version = g->body.len % 3 ? SPAN_NONE : SPAN("vertex-2023-10-16") };
    struct notes n = { .arena = &g->arena };
    const char *why;
    if (!g->from->translator->read_call || g->from->translator->read_call(g->json, buf_span(&g->body), &g->arena, &c, &why) != E_OK)
        return;
    c.model = SPAN("claude-sonnet-4-6");
    g->to->translator->write_call(&c, &q, &n, &g->arena, &g->out);
    if (is_spent(g))
        return;
    must(is_json(g, buf_span(&g->out)));
    if (n.unsayable_count || !g->to->translator->read_call || !is_plain(&c) || !c.turns)
        return;
    buf_reserve(&g->out, BUF_SLACK);
    enum err e = g->to->translator->read_call(g->json, buf_span(&g->out), &g->arena, &again, &why);
    if (g->arena.broken)
        return;
    must(e == E_OK);
    compare(&c, &again);
}

/* ---- answers ---- */

static void play_answer(struct game *g)
{
    struct reader r = { .json = g->json, .arena = &g->arena, .owner = SPAN("fuzz") };
    struct answer answer;
    if (g->from->translator->read_answer(&r, buf_span(&g->body), &answer) != E_OK || !g->to->translator->write_answer)
        return;
    g->to->translator->write_answer(&g->writer, &answer);
    must(is_spent(g) || is_json(g, buf_span(&g->out)));
}

/* ---- streams ---- */

/* Words are of what has words, arguments of calls. */
static bool fits(const struct event *e)
{
    switch (e->delta) {
    case DELTA_TEXT:
        return e->part_kind == PART_TEXT || e->part_kind == PART_THINKING || e->part_kind == PART_REFUSAL || e->part_kind == PART_AUDIO;
    case DELTA_ARGUMENTS:
        return e->part_kind == PART_TOOL_CALL;
    default:
        return true;
    }
}

static void watch_part(struct watch *w, const struct event *e)
{
    must(e->choice >= 0 && w->started && (e->kind != EVENT_DELTA || fits(e)));
    if (e->choice >= CHOICES)
        return;
    int64_t *parts = &w->choices[e->choice].parts;
    bool *open = &w->choices[e->choice].open;
    must(!w->choices[e->choice].over);
    must(*open == (e->kind == EVENT_DELTA || e->kind == EVENT_PART_END));
    must(e->part == (e->kind == EVENT_PART ? *parts : *parts - 1));
    *parts += e->kind == EVENT_PART;
    *open = e->kind != EVENT_PART_END && e->kind != EVENT_CHOICE_END;
}

static void watch_event(struct watch *w, const struct event *e)
{
    must(!w->over);
    switch (e->kind) {
    case EVENT_START:
        must(!w->started);
        w->started = true;
        break;
    case EVENT_PART:
    case EVENT_DELTA:
    case EVENT_PART_END:
        must(e->kind != EVENT_PART || e->opens);
        watch_part(w, e);
        break;
    case EVENT_CHOICE_END:
        if (e->choice < CHOICES) {
            must(!w->choices[e->choice].open && !w->choices[e->choice].over);
            w->choices[e->choice].over = true;
        }
        break;
    case EVENT_USAGE:
        must(e->usage && e->usage->known);
        break;
    case EVENT_END:
        w->over = w->ended = true;
        break;
    case EVENT_ERROR:
        must(e->fault && e->fault->message.at);
        w->over = true;
        break;
    }
}

static void take_event(void *self, const struct event *e)
{
    struct game *g = self;
    watch_event(&g->watch, e);
    gather_event(&g->watch.gather, e);
    if (g->writes && g->to->translator->write_event)
        g->to->translator->write_event(&g->writer, e);
}

static void take_again(void *self, const struct event *e)
{
    struct game *g = self;
    watch_event(&g->again, e);
    gather_event(&g->again.gather, e);
}

/* Reads a stream; gives how much of it was read when it ended. */
static size_t read_stream(struct game *g, const struct dialect *d, struct span in, event_sink *sink, struct reader *r)
{
    struct frames f;
    struct sse_event frame;
    size_t len = in.len;
    *r = (struct reader){ .json = g->json, .arena = &g->arena, .event = &g->event, .owner = SPAN("fuzz"), .sink = sink, .self = g };
    frames_init(&f, d->framing, MOST);
    while (!r->broken && !r->ended && !r->failed && frames_next(&f, &in, &frame)) {
        struct buf data;
        buf_init(&data, MOST);
        buf_put(&data, frame.data);
        frame.data = frame.data.at ? buf_span(&data) : SPAN_NONE;
        d->translator->read_event(r, &frame);
        buf_free(&data);
        arena_free(&g->event);
        arena_init(&g->event, MOST);
    }
    frames_free(&f);
    return len - in.len;
}

static void read_end(const struct dialect *d, struct reader *r)
{
    if (d->translator->read_end && !r->broken && !r->ended && !r->failed)
        d->translator->read_end(r);
}

/* What is written line by line is JSON, but for [DONE]. */
static void check_lines(struct game *g)
{
    struct span rest = buf_span(&g->out), line;
    while (!is_spent(g) && span_cut(&rest, '\n', &line))
        if (span_starts(line, SPAN("data: {")))
            must(is_json(g, span_from(line, 6)));
}

static void put_said(struct watch *w, struct buf *out)
{
    gather_end(&w->gather);
    for (const struct choice *c = w->gather.answer.choices; c; c = c->next)
        for (const struct part *p = c->parts; p; p = p->next)
            if (c->index == 0 && p->kind == PART_TEXT)
                buf_put(out, raw_inside(p->text));
}

/* The caller's own reader finds the same words, in order, and the end where there was one. */
static void check_written(struct game *g)
{
    struct reader r;
    struct buf said, heard;
    if (!g->to->translator->write_event || is_spent(g) || !g->watch.started)
        return;
    read_stream(g, g->to, buf_span(&g->out), take_again, &r);
    must(!r.broken || is_spent(g));
    if (g->watch.ended)
        read_end(g->to, &r);
    if (is_spent(g))
        return;
    bool ends = g->watch.ended && g->watch.choices[0].over; /* imitators of OpenAI end without a reason: Gemini has no words for that */
    must(ends ? r.ended : !r.ended || g->watch.ended);
    if (!ends)
        return;
    buf_init(&said, MOST);
    buf_init(&heard, MOST);
    put_said(&g->watch, &said);
    put_said(&g->again, &heard);
    must(is_spent(g) || span_is(buf_span(&said), buf_span(&heard)));
    buf_free(&said);
    buf_free(&heard);
}

/* Cut off anywhere before the end, it does not end. */
static void check_cut(struct game *g, size_t end)
{
    struct reader r;
    struct span body = buf_span(&g->body);
    if (!g->watch.ended || end < 2)
        return;
    size_t cut = span_hash(body, 1) % (end - 1);
    g->watch = (struct watch){ 0 };
    gather_begin(&g->watch.gather, &g->arena, MOST);
    g->writes = false;
    read_stream(g, g->from, span_first(body, cut), take_event, &r);
    must(!r.ended);
}

static void play_stream(struct game *g)
{
    struct reader r;
    gather_begin(&g->watch.gather, &g->arena, MOST);
    gather_begin(&g->again.gather, &g->arena, MOST);
    g->writes = true;
    size_t end = read_stream(g, g->from, buf_span(&g->body), take_event, &r);
    bool by_itself = r.ended;
    read_end(g->from, &r);
    check_lines(g);
    check_written(g);
    if (by_itself)
        check_cut(g, end);
}

/* ---- errors ---- */

static void play_fault(struct game *g)
{
    struct fault f;
    g->from->translator->read_fault(g->json, 400, buf_span(&g->body), &g->arena, &f);
    must(f.message.len >= 2);
    if (!g->to->translator->write_fault)
        return;
    int status = g->to->translator->write_fault(&g->out, &f, SPAN("01k"), SPAN("{}"));
    must(status >= 400 && status < 600);
    must(g->out.broken || is_json(g, buf_span(&g->out)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = { "openai_chat", "openai_responses", "anthropic_messages", "gemini", "bedrock_converse", "bedrock_invoke", "cohere", "ollama" };
    enum { NAMES = sizeof(names) / sizeof(*names) };
    static void (*const games[])(struct game *) = { play_call, play_answer, play_stream, play_fault };
    static struct json *json;
    struct call asked;
    if (size < 3)
        return 0;
    json = json ? json : json_new();
    struct game g = { .json = json, .from = dialect_find(span_of(names[data[1] % NAMES])), .to = dialect_find(span_of(names[data[2] % NAMES])) };
    if (!g.from->translator || !g.to->translator)
        return 0;
    call_begin(&asked);
    asked.model = SPAN("m");
    arena_init(&g.arena, MOST);
    arena_init(&g.event, MOST);
    buf_init(&g.body, MOST);
    buf_init(&g.out, MOST);
    buf_put(&g.body, span_make((const char *)data + 3, size - 3));
    buf_reserve(&g.body, 1);
    g.writer = (struct writer){ .call = &asked, .usage_wanted = true, .id = SPAN("tg_1"), .created = 1, .out = &g.out, .arena = &g.arena };
    games[data[0] % 4](&g);
    buf_free(&g.body);
    buf_free(&g.out);
    arena_free(&g.event);
    arena_free(&g.arena);
    return 0;
}
