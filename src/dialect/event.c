/* SPDX-License-Identifier: Apache-2.0
 * event.c - see event.h. What is gathered grows by doubling, so that a stream of many small pieces costs no more than its bytes. */
#include "dialect/event.h"

/* ---- a whole answer as events ---- */

struct emitting {
    event_sink *sink;
    void *self;
    struct event e; /* choice, part and kind of part are set */
};

static void emit(const struct emitting *m, struct event e)
{
    e.choice = m->e.choice;
    e.part = m->e.part;
    e.part_kind = m->e.part_kind;
    m->sink(m->self, &e);
}

static void emit_delta(const struct emitting *m, enum delta_kind kind, struct span text)
{
    if (text.len && !span_is(text, SPAN("\"\"")))
        emit(m, (struct event){ .kind = EVENT_DELTA, .delta = kind, .text = text });
}

/* A plain text as a delta: JSON in a string, or base64 in quotes. */
static void emit_quoted(const struct emitting *m, enum delta_kind kind, struct span plain)
{
    struct buf text;
    if (!plain.len)
        return;
    buf_init(&text, 6 * plain.len + 16);
    put_as_string(&text, plain);
    if (!text.broken)
        emit_delta(m, kind, buf_span(&text));
    buf_free(&text);
}

/* Of a thought that may be seen, the signature comes behind it; else with the part. */
static bool signs_behind(const struct part *p) { return p->kind == PART_THINKING && !p->redacted; }

static struct part opening(const struct part *p)
{
    struct part open = *p;
    if (p->kind == PART_SERVER_TOOL)
        return open;
    open.text = open.arguments = open.logprobs = open.media.data = SPAN_NONE;
    open.citations = NULL;
    if (signs_behind(p))
        open.signature = SPAN_NONE;
    return open;
}

static void emit_part(const struct emitting *m, const struct part *p)
{
    struct part open = opening(p);
    emit(m, (struct event){ .kind = EVENT_PART, .opens = &open });
    if (p->kind != PART_SERVER_TOOL) {
        emit_delta(m, DELTA_TEXT, p->text);
        emit_delta(m, DELTA_LOGPROBS, p->logprobs);
        for (const struct citation *c = p->citations; c; c = c->next)
            emit(m, (struct event){ .kind = EVENT_DELTA, .delta = DELTA_CITATION, .citation = c });
        if (p->kind == PART_TOOL_CALL)
            emit_quoted(m, DELTA_ARGUMENTS, p->arguments.len ? p->arguments : SPAN("{}"));
        emit_quoted(m, DELTA_DATA, p->media.data);
        if (signs_behind(p))
            emit_delta(m, DELTA_SIGNATURE, p->signature);
    }
    emit(m, (struct event){ .kind = EVENT_PART_END });
}

void answer_emit(const struct answer *answer, event_sink *sink, void *self)
{
    struct emitting m = { .sink = sink, .self = self };
    const struct usage *usage = answer->usage.known ? &answer->usage : NULL;
    sink(self, &(struct event){ .kind = EVENT_START, .answer = answer, .usage = usage });
    for (const struct choice *c = answer->choices; c; c = c->next) {
        m.e = (struct event){ .choice = c->index };
        for (const struct part *p = c->parts; p; p = p->next) {
            m.e.part_kind = p->kind;
            emit_part(&m, p);
            m.e.part++;
        }
        sink(self, &(struct event){ .kind = EVENT_CHOICE_END, .choice = c->index, .ending = c->ending, .stop = c->stop });
    }
    if (usage)
        sink(self, &(struct event){ .kind = EVENT_USAGE, .usage = usage });
    sink(self, &(struct event){ .kind = EVENT_END, .answer = answer });
}

/* ---- events as a whole answer ---- */

/* A text that grows; without its quotes or brackets. */
struct growing {
    char *at;
    size_t len, room;
};

struct gather_part {
    int64_t choice, number;
    struct part *part;
    struct growing text, arguments, signature, logprobs, data;
    struct citation **citations; /* where the next one goes */
    struct gather_part *next;
};

void gather_begin(struct gather *g, struct arena *a, size_t most)
{
    *g = (struct gather){ .arena = a, .most = most };
    answer_begin(&g->answer);
}

/* Room for n more bytes within what may be kept. */
static bool allow(struct gather *g, size_t n)
{
    if (!g->full && n <= g->most - g->bytes) {
        g->bytes += n;
        return true;
    }
    g->full = true;
    return false;
}

/* With two bytes to spare: the quotes. */
static void append(struct gather *g, struct growing *t, struct span more)
{
    enum { ROOM_FIRST = 64, QUOTES = 2 };
    if (!more.len || !allow(g, more.len))
        return;
    if (more.len > t->room - t->len) {
        size_t room = t->room ? t->room * 2 : ROOM_FIRST;
        while (room - t->len < more.len)
            room *= 2;
        char *wider = arena_take(g->arena, room + QUOTES);
        if (!wider)
            return;
        if (t->len)
            memcpy(wider + 1, t->at + 1, t->len);
        t->at = wider;
        t->room = room;
    }
    memcpy(t->at + 1 + t->len, more.at, more.len);
    t->len += more.len;
}

static struct span closed(struct growing *t, char open, char close)
{
    if (!t->at)
        return SPAN_NONE;
    t->at[0] = open;
    t->at[t->len + 1] = close;
    return span_make(t->at, t->len + 2);
}

static struct span keep(struct gather *g, struct span s) { return s.at && allow(g, s.len) ? arena_copy(g->arena, s) : SPAN_NONE; }

static void keep_part(struct gather *g, struct part *to, const struct part *p)
{
    to->failed = p->failed;
    to->redacted = p->redacted;
    to->id = keep(g, p->id);
    to->name = keep(g, p->name);
    to->item = keep(g, p->item);
    to->raw = keep(g, p->raw);
    to->cache = keep(g, p->cache);
    to->media.type = keep(g, p->media.type);
    to->media.url = keep(g, p->media.url);
    to->media.file_id = keep(g, p->media.file_id);
    to->media.name = keep(g, p->media.name);
}


static void open_part(struct gather *g, const struct event *e)
{
    struct choice *c = allow(g, sizeof(struct part)) ? answer_choice(&g->answer, e->choice, g->arena) : NULL;
    struct part *p = c ? part_add(&c->parts, e->opens->kind, g->arena) : NULL;
    struct gather_part *new = p ? ARENA_NEW(g->arena, struct gather_part) : NULL;
    if (!new)
        return;
    keep_part(g, p, e->opens);
    *new = (struct gather_part){ e->choice, e->part, p, .next = g->parts };
    new->citations = &p->citations;
    append(g, &new->signature, raw_inside(e->opens->signature));
    append(g, &new->text, raw_inside(e->opens->text));
    g->parts = new;
}

static void keep_citation(struct gather *g, struct gather_part *p, const struct citation *c)
{
    struct citation *new = allow(g, sizeof(*c)) ? ARENA_NEW(g->arena, struct citation) : NULL;
    if (!new)
        return;
    *new = (struct citation){ keep(g, c->url), keep(g, c->title), keep(g, c->quote), c->from, c->to, keep(g, c->raw), NULL };
    *p->citations = new;
    p->citations = &new->next;
}

static void join_logprobs(struct gather *g, struct growing *t, struct span array)
{
    struct span inside = raw_kind(array) == JSON_ARRAY && array.len > 2 ? span_make(array.at + 1, array.len - 2) : SPAN_NONE;
    if (inside.len && t->len)
        append(g, t, SPAN(","));
    append(g, t, inside);
}

static void add_delta(struct gather *g, const struct event *e)
{
    struct gather_part *p = g->parts; /* the newest first: as good as always it is that one */
    while (p && (p->choice != e->choice || p->number != e->part))
        p = p->next;
    if (!p)
        return;
    struct span inside = raw_inside(e->text);
    switch (e->delta) {
    case DELTA_TEXT:
        append(g, &p->text, inside);
        return;
    case DELTA_ARGUMENTS:
        append(g, &p->arguments, inside);
        return;
    case DELTA_SIGNATURE:
        append(g, &p->signature, inside);
        return;
    case DELTA_DATA:
        append(g, &p->data, inside);
        return;
    case DELTA_LOGPROBS:
        join_logprobs(g, &p->logprobs, e->text);
        return;
    case DELTA_CITATION:
        keep_citation(g, p, e->citation);
        return;
    }
}

static void keep_said(struct gather *g, struct span *slot, struct span s)
{
    if (s.at && !span_is(*slot, s))
        *slot = keep(g, s);
}

static void keep_head(struct gather *g, const struct answer *a)
{
    if (!a)
        return;
    keep_said(g, &g->answer.id, a->id);
    keep_said(g, &g->answer.model, a->model);
    keep_said(g, &g->answer.tier, a->tier);
    keep_said(g, &g->answer.fingerprint, a->fingerprint);
    keep_said(g, &g->answer.safety, a->safety);
    if (a->created)
        g->answer.created = a->created;
}

static void keep_usage(struct gather *g, const struct usage *u)
{
    struct usage old = g->answer.usage;
    if (!u)
        return;
    g->answer.usage = *u;
    g->answer.usage.model = span_is(old.model, u->model) ? old.model : keep(g, u->model);
    g->answer.usage.tier = span_is(old.tier, u->tier) ? old.tier : keep(g, u->tier);
    g->answer.usage.geo = span_is(old.geo, u->geo) ? old.geo : keep(g, u->geo);
    g->answer.usage.search = span_is(old.search, u->search) ? old.search : keep(g, u->search);
    g->answer.usage.raw = keep(g, u->raw);
}

void gather_event(void *gather, const struct event *e)
{
    struct gather *g = gather;
    struct choice *c;
    switch (e->kind) {
    case EVENT_PART:
        open_part(g, e);
        return;
    case EVENT_DELTA:
        add_delta(g, e);
        return;
    case EVENT_CHOICE_END:
        c = answer_choice(&g->answer, e->choice, g->arena);
        if (c) {
            c->ending = e->ending;
            c->stop = keep(g, e->stop);
        }
        return;
    case EVENT_START:
    case EVENT_USAGE:
    case EVENT_END:
        keep_head(g, e->answer);
        keep_usage(g, e->usage);
        g->ended = g->ended || e->kind == EVENT_END;
        return;
    case EVENT_ERROR:
        g->failed = true;
        return;
    case EVENT_PART_END:
        return;
    }
}

/* Arguments that are no object were cut off, or never were JSON: nobody may be called with them. */
static void close_arguments(struct gather *g, struct gather_part *p)
{
    struct json *j = p->arguments.at ? json_new() : NULL;
    p->part->raw = closed(&p->arguments, '"', '"');
    struct span object = j ? arguments_from_string(j, p->part->raw, g->arena) : SPAN_NONE;
    json_free(j);
    p->part->arguments = object.at ? object : SPAN("{}");
    struct choice *c = p->arguments.at && !object.at ? answer_choice(&g->answer, p->choice, g->arena) : NULL;
    if (c && c->ending != ENDING_LENGTH)
        c->ending = ENDING_MALFORMED;
}

static bool has_text(enum part_kind kind) { return kind == PART_TEXT || kind == PART_REFUSAL || kind == PART_THINKING; }

void gather_end(struct gather *g)
{
    for (struct gather_part *p = g->parts; p; p = p->next) {
        struct part *part = p->part;
        part->text = closed(&p->text, '"', '"');
        if (!part->text.at && has_text(part->kind))
            part->text = SPAN("\"\"");
        part->signature = closed(&p->signature, '"', '"');
        part->logprobs = closed(&p->logprobs, '[', ']');
        part->media.data = raw_inside(closed(&p->data, '"', '"'));
        if (part->kind == PART_TOOL_CALL)
            close_arguments(g, p);
    }
    g->parts = NULL;
}
