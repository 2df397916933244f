/* SPDX-License-Identifier: Apache-2.0
 * gemini_chunks.c - a streamed answer, written as streamGenerateContent does with alt=sse. See gemini.h.
 *
 * Text is sent on as it comes. Functions are called whole, so their arguments are gathered until the part ends; pictures too. Why a
 * candidate finished stands in its last chunk beside the usage, as at Google, so it waits for the end: no content waits with it. Each
 * chunk has a part, be it an empty text: the SDK's chats forget an answer in which one has none. */
#include "dialect/gemini.h"

/* Pieces of a raw string, one behind the other. */
struct pieces {
    char *at; /* NULL: none yet */
    size_t len, room;
};

struct candidate {
    int64_t index;
    bool ended, malformed, ascii;
    int64_t written, begun; /* characters of text so far, and where the open part began */
    enum ending ending;
    struct part part; /* the open one; its texts in the call's arena */
    struct pieces gathered, signature;
    struct gemini_cited *cited, **cited_end;
    struct candidate *next;
};

struct chunks {
    struct candidate *list;
};

static void add_piece(struct pieces *p, struct span raw, struct arena *a)
{
    struct span inside = raw_inside(raw);
    if (p->len + inside.len + 2 > p->room) {
        size_t room = 2 * (p->len + inside.len) + 64;
        char *at = arena_take(a, room);
        if (!at)
            return;
        if (p->len)
            memcpy(at, p->at, p->len);
        else
            at[0] = '"';
        p->at = at;
        p->room = room;
    }
    if (!p->len)
        p->len = 1;
    if (inside.len)
        memcpy(p->at + p->len, inside.at, inside.len);
    p->len += inside.len;
}

/* The whole as a raw string; SPAN_NONE: there was none. */
static struct span joined(struct pieces *p)
{
    if (!p->len)
        return SPAN_NONE;
    p->at[p->len] = '"';
    return span_make(p->at, p->len + 1);
}

static struct candidate *candidate_of(struct writer *w, int64_t index)
{
    struct chunks *s = w->state;
    if (!s && !(s = w->state = ARENA_NEW(w->arena, struct chunks)))
        return NULL;
    struct candidate **end = &s->list;
    for (; *end; end = &(*end)->next)
        if ((*end)->index == index)
            return *end;
    struct candidate *c = *end = ARENA_NEW(w->arena, struct candidate);
    if (!c)
        return NULL;
    c->index = index;
    c->ascii = true;
    c->cited_end = &c->cited;
    return c;
}

/* --- chunks --- */

/* Up to where the parts stand. */
static struct json_out begin_chunk(struct writer *w)
{
    struct json_out o = json_out(w->out);
    buf_put(w->out, SPAN("data: "));
    json_open(&o, '{');
    json_name(&o, SPAN("candidates"));
    json_open(&o, '[');
    json_open(&o, '{');
    json_name(&o, SPAN("content"));
    json_open(&o, '{');
    json_name(&o, SPAN("parts"));
    json_open(&o, '[');
    return o;
}

static void end_parts(struct json_out *o)
{
    json_close(o, ']');
    json_pair(o, SPAN("role"), SPAN("model"));
    json_close(o, '}');
}

static void end_chunk(struct writer *w, struct json_out *o, int64_t index, bool usage)
{
    json_pair_i64(o, SPAN("index"), index);
    json_close(o, '}');
    json_close(o, ']');
    if (usage && w->usage.known) {
        json_name(o, SPAN("usageMetadata"));
        gemini_write_usage(&w->usage, w->out);
        o->comma = true;
    }
    gemini_put_head(o, w, &w->head);
    json_close(o, '}');
    buf_put(w->out, SPAN("\n\n"));
}

static void put_chunk(struct writer *w, const struct candidate *c, const struct part *p)
{
    size_t before = w->out->len;
    struct json_out o = begin_chunk(w);
    if (!gemini_put_part(&o, p, w->arena)) {
        w->out->len = before;
        return;
    }
    end_parts(&o);
    end_chunk(w, &o, c->index, false);
}

/* --- events --- */

static void start(struct writer *w, const struct event *e)
{
    answer_begin(&w->head);
    if (e->answer) {
        w->head.id = arena_copy(w->arena, e->answer->id);
        w->head.model = arena_copy(w->arena, e->answer->model);
    }
    if (e->usage)
        w->usage = *e->usage;
    struct json_out o = begin_chunk(w);
    json_put_raw(&o, SPAN("{\"text\":\"\"}"));
    end_parts(&o);
    end_chunk(w, &o, 0, true);
}

static void begin_part(struct writer *w, struct candidate *c, const struct event *e)
{
    const struct part *p = e->opens;
    c->part = (struct part){ .kind = p->kind, .redacted = p->redacted };
    c->begun = c->written;
    c->gathered = c->signature = (struct pieces){ 0 };
    c->part.id = arena_copy(w->arena, p->id);
    c->part.name = arena_copy(w->arena, p->name);
    c->part.signature = arena_copy(w->arena, p->signature);
    c->part.media.type = arena_copy(w->arena, p->media.type);
    c->part.media.url = arena_copy(w->arena, p->media.url);
    if (p->kind == PART_SERVER_TOOL)
        put_chunk(w, c, p);
}

/* An escape is one character, where all is ASCII. */
static int64_t characters(struct span raw)
{
    struct span inside = raw_inside(raw);
    int64_t n = 0;
    for (size_t i = 0; i < inside.len; i++, n++)
        if (inside.at[i] == '\\')
            i += i + 1 < inside.len && inside.at[i + 1] == 'u' ? 5 : 1;
    return n;
}

/* Places count in the part here, at Google in the whole text. */
static void cite(struct writer *w, struct candidate *c, const struct citation *said)
{
    struct gemini_cited *g = ARENA_NEW(w->arena, struct gemini_cited);
    struct citation *copy = ARENA_NEW(w->arena, struct citation);
    if (!g || !copy)
        return;
    *copy = (struct citation){ .url = arena_copy(w->arena, said->url), .title = arena_copy(w->arena, said->title),
        .quote = arena_copy(w->arena, said->quote), .from = -1, .to = -1 };
    if (said->from >= 0 && said->to >= said->from) {
        copy->from = said->from + c->begun;
        copy->to = said->to + c->begun;
    }
    g->citation = copy;
    *c->cited_end = g;
    c->cited_end = &g->next;
}

static void put_logprobs(struct writer *w, const struct candidate *c, struct span logprobs)
{
    struct json_out o = begin_chunk(w);
    json_put_raw(&o, SPAN("{\"text\":\"\"}"));
    end_parts(&o);
    gemini_write_logprobs(&o, logprobs, w->arena);
    end_chunk(w, &o, c->index, false);
}

/* A sound can be sent on piece by piece, each of them whole base64. */
static void put_data(struct writer *w, struct candidate *c, struct span raw)
{
    if (c->part.kind == PART_AUDIO) {
        struct part piece = { .kind = PART_AUDIO, .media = { .data = raw_inside(raw), .type = c->part.media.type } };
        put_chunk(w, c, &piece);
        return;
    }
    add_piece(&c->gathered, raw, w->arena);
}

static void put_delta(struct writer *w, struct candidate *c, const struct event *e)
{
    enum part_kind kind = c->part.kind == PART_THINKING ? PART_THINKING : PART_TEXT;
    switch (e->delta) {
    case DELTA_TEXT:
        if (kind == PART_TEXT) {
            c->ascii = c->ascii && gemini_is_ascii(e->text);
            c->written += characters(e->text);
        }
        put_chunk(w, c, &(struct part){ .kind = kind, .text = e->text });
        return;
    case DELTA_ARGUMENTS:
        add_piece(&c->gathered, e->text, w->arena);
        return;
    case DELTA_SIGNATURE:
        add_piece(&c->signature, e->text, w->arena);
        return;
    case DELTA_CITATION:
        cite(w, c, e->citation);
        return;
    case DELTA_LOGPROBS:
        put_logprobs(w, c, e->text);
        return;
    case DELTA_DATA:
        put_data(w, c, e->text);
        return;
    }
}

/* Arguments that are no object were cut off: to call the function without them would be worse than not to call it. */
static void put_call(struct writer *w, struct candidate *c)
{
    struct json *j = json_new();
    struct span raw = joined(&c->gathered);
    c->part.arguments = !raw.at ? SPAN("{}") : j ? arguments_from_string(j, raw, w->arena) : SPAN_NONE;
    if (c->part.arguments.at)
        put_chunk(w, c, &c->part);
    else
        c->malformed = true;
    json_free(j);
}

static void end_part(struct writer *w, struct candidate *c)
{
    struct span signature = joined(&c->signature), data = raw_inside(joined(&c->gathered));
    if (signature.at)
        c->part.signature = signature;
    switch (c->part.kind) {
    case PART_TOOL_CALL:
        put_call(w, c);
        return;
    case PART_TEXT:
    case PART_THINKING:
        if (c->part.signature.at)
            put_chunk(w, c, &c->part);
        return;
    case PART_IMAGE:
    case PART_VIDEO:
    case PART_DOCUMENT:
        c->part.media.data = data;
        put_chunk(w, c, &c->part);
        return;
    case PART_AUDIO:
    case PART_REFUSAL:
    case PART_SERVER_TOOL:
    case PART_TOOL_RESULT:
        return;
    }
}

/* --- ends --- */

static void put_finish(struct writer *w, const struct candidate *c, bool last)
{
    enum ending ending = c->malformed && c->ending != ENDING_LENGTH ? ENDING_MALFORMED : c->ending;
    struct json_out o = begin_chunk(w);
    json_put_raw(&o, SPAN("{\"text\":\"\"}"));
    end_parts(&o);
    json_pair(&o, SPAN("finishReason"), gemini_reason(ending));
    gemini_write_grounding(&o, c->cited, w->arena);
    end_chunk(w, &o, c->index, last);
}

/* What was cited by characters is counted in bytes here: known where they are the same. */
static void settle_places(struct candidate *c)
{
    for (struct gemini_cited *g = c->cited; g; g = g->next)
        g->ascii = c->ascii;
}

static void finish(struct writer *w)
{
    struct chunks *s = w->state;
    for (struct candidate *c = s ? s->list : NULL; c; c = c->next) {
        settle_places(c);
        if (c->ended)
            put_finish(w, c, !c->next);
    }
}

static void put_error(struct writer *w, const struct fault *fault)
{
    struct json_out o = json_out(w->out);
    buf_put(w->out, SPAN("data: "));
    json_open(&o, '{');
    json_name(&o, SPAN("error"));
    gemini_put_error(&o, fault, SPAN_NONE, SPAN_NONE);
    json_close(&o, '}');
    buf_put(w->out, SPAN("\n\n"));
}

void gemini_write_event(struct writer *w, const struct event *e)
{
    bool of_choice = e->kind == EVENT_PART || e->kind == EVENT_DELTA || e->kind == EVENT_PART_END || e->kind == EVENT_CHOICE_END;
    struct candidate *c = of_choice ? candidate_of(w, e->choice) : NULL;
    if (of_choice && !c) {
        w->out->broken = true;
        return;
    }
    switch (e->kind) {
    case EVENT_START:
        start(w, e);
        break;
    case EVENT_PART:
        begin_part(w, c, e);
        break;
    case EVENT_DELTA:
        put_delta(w, c, e);
        break;
    case EVENT_PART_END:
        end_part(w, c);
        break;
    case EVENT_CHOICE_END:
        c->ended = true;
        c->ending = e->ending;
        break;
    case EVENT_USAGE:
        w->usage = *e->usage;
        break;
    case EVENT_END:
        finish(w);
        break;
    case EVENT_ERROR:
        put_error(w, e->fault);
        break;
    }
    if (w->arena->broken)
        w->out->broken = true;
}
