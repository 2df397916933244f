/* SPDX-License-Identifier: Apache-2.0
 * gemini_events.c - streamGenerateContent, read. See gemini.h.
 *
 * Chunks are whole answers with the next piece of each candidate. A part goes on as long as pieces of its kind follow; functions are
 * called whole. What was cited comes with the last chunk. Nothing says that the stream is over: it is when its body ended and each
 * candidate had told why it finished. */
#include "dialect/gemini.h"

enum { CANDIDATES_MOST = 128 };

struct candidate {
    int64_t index;
    int64_t parts; /* begun */
    bool open, ended, calls;
    bool ascii;     /* all text so far */
    int64_t texts;  /* parts of text begun */
    enum part_kind kind; /* of the open one */
    struct span sources; /* raw: what was cited, kept for the end */
    struct candidate *next;
};

struct stream {
    bool started;
    uint64_t calls;
    struct usage usage;
    struct candidate *list;
    size_t count;
};

static struct arena *arena_of(const struct reader *r) { return r->event ? r->event : r->arena; }

static struct stream *stream_of(struct reader *r)
{
    struct stream *s = r->state;
    if (!s && (s = r->state = ARENA_NEW(r->arena, struct stream)) != NULL)
        s->usage.vendor_cost = -1;
    if (!s)
        r->broken = "out of memory";
    return s;
}

static struct candidate *candidate_of(struct reader *r, int64_t index)
{
    struct stream *s = r->state;
    for (struct candidate *c = s->list; c; c = c->next)
        if (c->index == index)
            return c;
    struct candidate *c = s->count < CANDIDATES_MOST ? ARENA_NEW(r->arena, struct candidate) : NULL;
    if (!c) {
        r->broken = "too many candidates";
        return NULL;
    }
    *c = (struct candidate){ .index = index, .ascii = true, .next = s->list };
    s->list = c;
    s->count++;
    return c;
}

/* --- parts --- */

static void emit(struct reader *r, const struct candidate *c, struct event e)
{
    e.choice = c->index;
    e.part = c->parts - 1;
    e.part_kind = c->kind;
    reader_emit(r, &e);
}

static void end_part(struct reader *r, struct candidate *c)
{
    if (c->open)
        emit(r, c, (struct event){ .kind = EVENT_PART_END });
    c->open = false;
}

static void begin_part(struct reader *r, struct candidate *c, const struct part *p)
{
    end_part(r, c);
    c->open = true;
    c->kind = p->kind;
    c->parts++;
    c->texts += p->kind == PART_TEXT;
    emit(r, c, (struct event){ .kind = EVENT_PART, .opens = p });
}

static void delta(struct reader *r, const struct candidate *c, enum delta_kind kind, struct span text)
{
    if (text.len)
        emit(r, c, (struct event){ .kind = EVENT_DELTA, .delta = kind, .text = text });
}

static void text_piece(struct reader *r, struct candidate *c, const struct part *p)
{
    if (!c->open || c->kind != p->kind)
        begin_part(r, c, &(struct part){ .kind = p->kind });
    if (p->text.len > 2)
        delta(r, c, DELTA_TEXT, p->text);
    if (p->kind == PART_TEXT)
        c->ascii = c->ascii && gemini_is_ascii(p->text);
    delta(r, c, DELTA_SIGNATURE, p->signature);
}

static void whole_call(struct reader *r, struct candidate *c, const struct part *p)
{
    struct part opens = *p;
    opens.arguments = SPAN_NONE;
    begin_part(r, c, &opens);
    delta(r, c, DELTA_ARGUMENTS, raw_quote(p->arguments, arena_of(r)));
    end_part(r, c);
    c->calls = true;
}

static void whole_medium(struct reader *r, struct candidate *c, const struct part *p)
{
    struct part opens = *p;
    opens.media.data = SPAN_NONE;
    begin_part(r, c, &opens);
    if (p->media.data.at)
        delta(r, c, DELTA_DATA, raw_quote(p->media.data, arena_of(r)));
    end_part(r, c);
}

static void read_part(struct reader *r, struct candidate *c, struct span raw, uint64_t *calls)
{
    struct part p;
    if (!gemini_answer_part(r, raw, &p, calls))
        return;
    switch (p.kind) {
    case PART_TEXT:
    case PART_THINKING:
        text_piece(r, c, &p);
        return;
    case PART_TOOL_CALL:
        whole_call(r, c, &p);
        return;
    case PART_SERVER_TOOL:
        begin_part(r, c, &p);
        end_part(r, c);
        return;
    case PART_IMAGE:
    case PART_AUDIO:
    case PART_VIDEO:
    case PART_DOCUMENT:
    case PART_TOOL_RESULT:
    case PART_REFUSAL:
        whole_medium(r, c, &p);
        return;
    }
}

/* --- candidates --- */

struct citing {
    struct reader *reader;
    struct candidate *candidate;
};

static void need_text(struct reader *r, struct candidate *c)
{
    if (!c->open || c->kind != PART_TEXT)
        begin_part(r, c, &(struct part){ .kind = PART_TEXT });
}

static void cite(void *self, int64_t part, const struct citation *said)
{
    const struct citing *to = self;
    struct citation here = *said;
    (void)part;
    need_text(to->reader, to->candidate);
    if (to->candidate->texts != 1) /* Google counts by the whole answer: the places are of another part */
        here.from = here.to = -1;
    emit(to->reader, to->candidate, (struct event){ .kind = EVENT_DELTA, .delta = DELTA_CITATION, .citation = &here });
}

static void finish(struct reader *r, struct candidate *c, struct span reason)
{
    struct citing to = { r, c };
    if (c->sources.at)
        gemini_read_citations(c->sources, NULL, c->ascii, cite, &to, arena_of(r));
    end_part(r, c);
    c->ended = true;
    emit(r, c, (struct event){ .kind = EVENT_CHOICE_END, .ending = gemini_ending(reason, c->calls) });
}

static void read_candidate(struct reader *r, struct span said)
{
    struct stream *s = r->state;
    struct arena *a = arena_of(r);
    int64_t index = 0;
    json_raw_integer(raw_member(said, SPAN("index"), a), &index);
    struct candidate *c = candidate_of(r, index);
    if (!c || c->ended)
        return;
    struct gemini_list parts = gemini_list(raw_member(raw_member(said, SPAN("content"), a), SPAN("parts"), a), a);
    for (struct span item; gemini_next(&parts, &item) && !r->broken;)
        read_part(r, c, item, &s->calls);
    struct span logprobs = raw_member(said, SPAN("logprobsResult"), a), reason = raw_member(said, SPAN("finishReason"), a);
    if (logprobs.at && (logprobs = gemini_logprobs(logprobs, a)).at) {
        need_text(r, c);
        delta(r, c, DELTA_LOGPROBS, logprobs);
    }
    if (raw_member(said, SPAN("groundingMetadata"), a).at || raw_member(said, SPAN("citationMetadata"), a).at)
        c->sources = arena_copy(r->arena, said);
    if (raw_kind(reason) == JSON_STRING)
        finish(r, c, reason);
}

/* --- chunks --- */

enum { CANDIDATES, FEEDBACK, USAGE, MODEL, ID, CREATED, ERROR, TOP_NAMES };
static const struct span top_names[] = { [CANDIDATES] = { "candidates", 10 }, [FEEDBACK] = { "promptFeedback", 14 },
    [USAGE] = { "usageMetadata", 13 }, [MODEL] = { "modelVersion", 12 }, [ID] = { "responseId", 10 }, [CREATED] = { "createTime", 10 },
    [ERROR] = { "error", 5 }, [TOP_NAMES] = { NULL, 0 } };

static struct span kept_string(struct reader *r, struct span raw)
{
    return raw_kind(raw) == JSON_STRING && raw.len > 2 ? arena_copy(r->arena, raw) : SPAN_NONE;
}

static void start(struct reader *r, struct stream *s, const struct span *v)
{
    struct answer head;
    if (s->started)
        return;
    s->started = true;
    answer_begin(&head);
    head.id = kept_string(r, v[ID]);
    head.model = kept_string(r, v[MODEL]);
    head.created = gemini_seconds(v[CREATED]);
    s->usage.model = raw_text(head.model, r->arena);
    gemini_read_usage(v[USAGE], arena_of(r), &s->usage);
    head.tier = s->usage.tier;
    reader_emit(r, &(struct event){ .kind = EVENT_START, .answer = &head, .usage = s->usage.known ? &s->usage : NULL });
}

static void tell_usage(struct reader *r, struct stream *s, const struct span *v)
{
    gemini_read_usage(v[USAGE], arena_of(r), &s->usage);
    gemini_read_fees(v[CANDIDATES], arena_of(r), &s->usage);
    if (s->usage.known && v[USAGE].at)
        reader_emit(r, &(struct event){ .kind = EVENT_USAGE, .usage = &s->usage });
    s->usage.raw = SPAN_NONE; /* it lived in this chunk */
}

static void read_block(struct reader *r, struct span feedback)
{
    struct span why = raw_member(feedback, SPAN("blockReasonMessage"), arena_of(r));
    struct candidate *c = raw_member(feedback, SPAN("blockReason"), arena_of(r)).at ? candidate_of(r, 0) : NULL;
    if (!c || c->ended)
        return;
    if (raw_kind(why) == JSON_STRING) {
        begin_part(r, c, &(struct part){ .kind = PART_REFUSAL });
        delta(r, c, DELTA_TEXT, why);
    }
    finish(r, c, SPAN("\"SAFETY\""));
}

static void read_error(struct reader *r, struct span data)
{
    struct fault fault;
    int64_t code = 500;
    json_raw_integer(raw_member(raw_member(gemini_trim(data), SPAN("error"), arena_of(r)), SPAN("code"), arena_of(r)), &code);
    gemini_read_fault(r->json, code >= 400 && code < 600 ? (int)code : 500, data, arena_of(r), &fault);
    reader_emit(r, &(struct event){ .kind = EVENT_ERROR, .fault = &fault });
}

void gemini_read_event(struct reader *r, const struct sse_event *frame)
{
    struct stream *s = stream_of(r);
    struct span v[TOP_NAMES], candidate;
    const char *why;
    if (!s || r->broken || !gemini_trim(frame->data).len)
        return;
    if (gemini_pick_body(r->json, frame->data, top_names, v, arena_of(r), NULL, NULL, &why)) {
        r->broken = "a chunk of the stream is not JSON";
        return;
    }
    if (v[ERROR].at) {
        read_error(r, frame->data);
        return;
    }
    start(r, s, v);
    struct gemini_list list = gemini_list(v[CANDIDATES], arena_of(r));
    while (gemini_next(&list, &candidate) && !r->broken)
        read_candidate(r, candidate);
    if (v[FEEDBACK].at)
        read_block(r, v[FEEDBACK]);
    tell_usage(r, s, v);
}

void gemini_read_end(struct reader *r)
{
    const struct stream *s = r->state;
    bool whole = s && s->list && !r->broken;
    for (const struct candidate *c = s ? s->list : NULL; c; c = c->next)
        whole = whole && c->ended;
    if (whole)
        reader_emit(r, &(struct event){ .kind = EVENT_END });
}
